"""The flag `behaviour_sequence`: the order of posts, reposts and replies has a long stretch in common with others."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from floodmark.accounts.sequences import OTHERS, own_null
from floodmark.accounts.timelines import columns, judgements, timelines
from floodmark.registry import Flag, Judgements
from floodmark.view import CaseView

#: With fewer accounts there is no crowd to compare with.
MIN_ACCOUNTS: Final = 30
#: The latest posts of an account that count; the published sets have up to 3,200.
LATEST: Final = 3_250


class Kinds(NamedTuple):
    """The accounts with enough posts, which of them can be judged, and the kinds of their latest posts in order."""

    accounts: tuple[str, ...]
    judged: NDArray[np.bool_]
    letters: NDArray[np.uint8]
    starts: NDArray[np.int64]


def kinds(view: CaseView) -> Kinds:
    """Return the kinds (0 a post of its own, 1 a repost, 2 a reply) of each account's latest LATEST posts.

    Nobody is judged with fewer than MIN_ACCOUNTS accounts, or where no post says what kind it is.
    """
    own = timelines(view, view.config.parameters.automation_min_posts)
    (typed,) = view.db.one("SELECT count(is_repost) + count(replied_post_id) + count(replied_account_id) FROM posts")
    count = len(own.accounts)
    judged = np.full(count, count >= MIN_ACCOUNTS and typed > 0)
    ends = np.repeat(own.starts[1:], np.diff(own.starts))
    kept = np.arange(len(own.letter)) >= ends - LATEST
    starts = np.concatenate([[0], np.cumsum(np.minimum(np.diff(own.starts), LATEST))]).astype(np.int64)
    return Kinds(own.accounts, judged, own.letter[kept], starts)


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


def _example() -> tuple[dict[str, object], ...]:
    rng = np.random.default_rng(6)
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
    example_posts=_example(),
    example_flags={**{f"x:{number}": number < 15 for number in range(40)}, "x:99": None},
)
