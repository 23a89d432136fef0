"""The flag `behaviour_sequence`: the order of posts, reposts and replies has a long stretch in common with others."""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.accounts.sequences import chance_length, shared_by_few
from floodmark.accounts.timelines import columns, timelines
from floodmark.registry import Flag, Judgements
from floodmark.view import CaseView

#: With fewer accounts the curve has no shape to cut.
MIN_ACCOUNTS: Final = 30
#: The latest posts of an account that count; the published sets have up to 3,200.
LATEST: Final = 3_250


def _judge(view: CaseView) -> Judgements:
    own = timelines(view, view.config.parameters.automation_min_posts)
    (typed,) = view.db.one("SELECT count(is_repost) + count(replied_post_id) + count(replied_account_id) FROM posts")
    count = len(own.accounts)
    judged = np.full(count, count >= MIN_ACCOUNTS and typed > 0)
    if not judged.any():
        return columns(own.accounts, judged, judged, str)
    ends = np.repeat(own.starts[1:], np.diff(own.starts))
    kept = np.arange(len(own.letter)) >= ends - LATEST
    starts = np.concatenate([[0], np.cumsum(np.minimum(np.diff(own.starts), LATEST))]).astype(np.int64)
    letters = own.letter[kept]
    length, cut, at_cut = shared_by_few(letters, starts)
    flagged = length > 0
    if flagged.any() and at_cut <= chance_length(letters, starts, cut):
        flagged[:] = False

    def why(place: int) -> str:
        return (
            f"{length[place]} posts in a row of the same kinds (post, repost, reply) as in other accounts, fewer than"
            f" {cut} of {count} in all; at {cut} accounts the longest shared stretch is {at_cut}"
        )

    return columns(own.accounts, judged, flagged, why)


def _example() -> tuple[dict[str, object], ...]:
    rng = np.random.default_rng(5)
    shared = rng.integers(0, 2, 60)
    rows: list[dict[str, object]] = []
    for number in range(40):
        kinds = shared if number < 15 else rng.integers(0, 2, 60)
        for place, kind in enumerate(kinds):
            rows.append(
                {
                    "post_id": f"x:{number}p{place}",
                    "account_id": f"x:{number}",
                    "at_ms": 1_594_944_000_000 + 977_000 * place,
                    "is_repost": bool(kind),
                }
            )
    return (*rows, {"post_id": "x:99p", "account_id": "x:99", "at_ms": 0, "is_repost": True})


FLAG: Final = Flag(
    name="behaviour_sequence",
    title="Shared behaviour sequence",
    meaning=(
        "The order in which it posts, reposts and replies holds one of the longest stretches that accounts have in"
        " common, up to the cut of the published method (no threshold is learned from labels), and stretches are longer"
        " than in random orders of the same posts. Judged from 30 accounts with parameters.automation_min_posts posts"
        " (20 by default) on. On its authors' labelled set 85 of 366 people are flagged too: it is a description, weak"
        " on its own."
    ),
    needs=("posts.is_repost", "posts.replied_post_id", "posts.replied_account_id"),
    parameters=("automation_min_posts",),
    benign=(
        "People who only repost, or only reply, share long stretches with everybody who does the same.",
        "Fans and activists repost many posts in a row in one sitting.",
        "Newsrooms and feeds only post.",
    ),
    source="Cresci et al. 2018, doi 10.1109/TDSC.2017.2681672 (Digital DNA), with the cut of the authors' toolbox",
    judge=_judge,
    measure="M9",
    example_posts=_example(),
    example_flags={**{f"x:{number}": number < 15 for number in range(40)}, "x:99": None},
)
