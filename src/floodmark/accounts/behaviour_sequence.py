"""The flag `behaviour_sequence`: the order of posts, reposts and replies has a long stretch in common with others."""

from __future__ import annotations

from typing import Final

from floodmark.accounts.sequences import EXAMPLE_FLAGS, EXAMPLE_POSTS, OTHERS, kinds, own_null
from floodmark.accounts.timelines import columns, judgements
from floodmark.registry import Flag, Judgements
from floodmark.view import CaseView


def _judge(view: CaseView) -> Judgements:
    accounts, judged, letters, starts = kinds(view)
    if not judged.any():
        return columns(accounts, judged, judged, str)
    p_values, length, usual = own_null(letters, starts)

    def why(place: int) -> str:
        return (
            f"{length[place]} posts in a row of the same kinds (post, repost, reply) as at least {OTHERS} other"
            f" accounts; with the order of every account's runs drawn anew about {usual[place]:.0f};"
            f" p {p_values[place]:.1e}"
        )

    return judgements(accounts, p_values, length > usual, why)


FLAG: Final = Flag(
    name="behaviour_sequence",
    title="Shared behaviour sequence",
    meaning=(
        "The order in which it posts, reposts and replies has a longer stretch in common with at least 2 other accounts"
        " than the crowd's own habits give: each account's runs and mix stay, and only the order of its stretches"
        " within 20 neighbours is drawn anew (false-discovery rate 1 % over the accounts). Judged from 30 accounts with"
        " parameters.automation_min_posts posts (20 by default) on. Accounts that do nearly the same thing all the time"
        " share long stretches by habit and are not flagged for them. It is not the published rule of Digital DNA,"
        " which flags 85 of 366 people on its authors' labelled set."
    ),
    needs=("posts.is_repost", "posts.replied_post_id", "posts.replied_account_id"),
    parameters=("automation_min_posts",),
    benign=(
        "People who only repost, or only reply, share long stretches with everybody who does the same.",
        "Fans and activists repost many posts in a row in one sitting.",
        "Newsrooms and feeds only post.",
    ),
    source="Cresci et al. 2018, doi 10.1109/TDSC.2017.2681672 (Digital DNA) for the sequences; the null is Floodmark's",
    judge=_judge,
    measure="M9",
    example_posts=EXAMPLE_POSTS,
    example_flags=EXAMPLE_FLAGS,
)
