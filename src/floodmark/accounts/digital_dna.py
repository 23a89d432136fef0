"""The flag `digital_dna`: the published rule of Digital DNA, shown beside the others and counted nowhere."""

from __future__ import annotations

from typing import Final

from floodmark.accounts.sequences import EXAMPLE_FLAGS, EXAMPLE_POSTS, kinds, shared_by_few
from floodmark.accounts.timelines import columns
from floodmark.registry import Flag, Judgements
from floodmark.view import CaseView


def _judge(view: CaseView) -> Judgements:
    accounts, judged, letters, starts = kinds(view)
    if not judged.any():
        return columns(accounts, judged, judged, str)
    found = shared_by_few(letters, starts)

    def why(place: int) -> str:
        return (
            f"holds a stretch of {found.length[place]} posts in a row of the same kinds (post, repost, reply);"
            f" {found.holders[place]} accounts at most hold one so long; the curve of all {len(accounts)} accounts is"
            f" cut at {found.cut} accounts, where the longest common stretch is {found.length_at_cut} posts"
        )

    return columns(accounts, judged, found.length > 0, why)


FLAG: Final = Flag(
    name="digital_dna",
    title="Shared sequence, published rule",
    meaning=(
        "The published rule of Digital DNA, with its authors' own cut: the account holds one of the long stretches of"
        " posts, reposts and replies that fewer accounts share than the cut says. The rule has no control of false"
        " alarms. On the 738 labelled accounts of its authors it flags 199 of 372 bots and 85 of 366 people (precision"
        " 0.70, recall 0.53). It is shown beside the other flags for comparison only and is not counted in any"
        " combination, union or prevalence. Judged from 30 accounts with parameters.automation_min_posts posts (20 by"
        " default) on."
    ),
    needs=("posts.is_repost", "posts.replied_post_id", "posts.replied_account_id"),
    parameters=("automation_min_posts",),
    benign=(
        "Of 366 people on the authors' labelled set the rule flags 85: nearly one in four.",
        "People who do one thing most of the time, such as reposting, share long stretches by habit.",
        "Some account always holds the longest common stretch, so the rule flags accounts in ordinary crowds too: 6 %"
        " of made organic accounts without copies,"
        " and from 10 posts on 4 of 61 in the debate of 2015 and 9 of 36 in PHEME.",
    ),
    source="Cresci et al. 2018, doi 10.1109/TDSC.2017.2681672, with the cut of the authors' toolbox (ddna-toolbox)",
    judge=_judge,
    measure="M9",
    counted=False,
    example_posts=EXAMPLE_POSTS,
    example_flags=EXAMPLE_FLAGS,
)
