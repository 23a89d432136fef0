"""The posts of each participant in order of time, as arrays; what the flags of automation work on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from floodmark.engine.duckdb import Database
from floodmark.registry import Judgements
from floodmark.stats import Floats, bh
from floodmark.view import CaseView

Int64s = NDArray[np.int64]

#: Expected share of accounts flagged by chance among all that a flag of automation flags.
FALSE_DISCOVERIES: Final = 0.01

#: Rows of posts, those that came in several streams more than once, so some have fewer than $minimum posts after all.
_ACTIVE: Final = """
CREATE OR REPLACE TEMP TABLE _active AS
SELECT account_id, max(at_resolution_ms) AS resolution_ms,
       CAST(row_number() OVER (ORDER BY account_id) - 1 AS INTEGER) AS number
FROM posts WHERE account_id IN (SELECT account_id FROM participants)
GROUP BY account_id HAVING count(*) >= $minimum
"""
_POSTS: Final = """
SELECT number, min(at_ms) AS at_ms,
       CAST(CASE WHEN bool_or(is_repost) THEN 1
                 WHEN bool_or(replied_post_id IS NOT NULL OR replied_account_id IS NOT NULL) THEN 2
                 ELSE 0 END AS UTINYINT) AS letter
FROM posts JOIN _active USING (account_id) GROUP BY number, post_id ORDER BY number, at_ms, post_id
"""
_THREADS: Final = 2


@dataclass(frozen=True)
class Timelines:
    """Account i has the posts `starts[i]:starts[i + 1]` of `at_ms`, in order of time; clock ticks are `resolution_ms`.

    `letter` is 0 for a post of its own, 1 a repost, 2 a reply; where the format does not say, a post counts as its own.
    """

    accounts: tuple[str, ...]
    resolution_ms: Int64s
    starts: Int64s
    at_ms: Int64s
    letter: NDArray[np.uint8]

    def keeping(self, coarsest_ms: int) -> Timelines:
        """Return the accounts whose clock ticks at least as often as every `coarsest_ms`."""
        return self._only(self.resolution_ms <= coarsest_ms)

    def _only(self, wanted: NDArray[np.bool_]) -> Timelines:
        if wanted.all():
            return self
        sizes = np.diff(self.starts)
        posts = np.repeat(wanted, sizes)
        return Timelines(
            tuple(account for account, kept in zip(self.accounts, wanted, strict=True) if kept),
            self.resolution_ms[wanted],
            np.concatenate([[0], np.cumsum(sizes[wanted])]).astype(np.int64),
            self.at_ms[posts],
            self.letter[posts],
        )

    def active(self, minimum: int) -> Timelines:
        """Return the accounts with at least `minimum` posts."""
        return self._only(np.diff(self.starts) >= minimum)

    def judged_by(self, test: Callable[[slice], tuple[NDArray[Any], ...]]) -> tuple[NDArray[Any], ...]:
        """Return what `test` gives of all accounts, worked on in two parts at once; it must judge each by itself."""
        count = len(self.accounts)
        half = int(np.searchsorted(self.starts, self.starts[-1] / 2)) if count > 1 else count
        parts = [slice(0, half), slice(half, count)]
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(test, [part for part in parts if part.stop > part.start] or parts[:1]))
        return tuple(np.concatenate(column) for column in zip(*found, strict=True))

    def starts_of(self, part: slice) -> Int64s:
        """Return `starts` of a stretch of accounts, with the end of the last."""
        return self.starts[part.start : part.stop + 1]


#: What the flags of one case share: sorting millions of posts once is enough.
_LAST: WeakKeyDictionary[Database, tuple[tuple[object, ...], Timelines]] = WeakKeyDictionary()


def timelines(view: CaseView, minimum: int) -> Timelines:
    """Return the timelines of the participants with at least `minimum` posts in the collection.

    A post that came in several streams counts once. Accounts are in bytewise order, posts at one instant in the order
    of their ids. The last answer for a database is kept, until its posts, participants or `minimum` are others.
    """
    state = (
        minimum,
        *view.db.one("SELECT count(*), bit_xor(hash(post_id, account_id, at_ms)) FROM posts"),
        *view.db.one("SELECT count(*), bit_xor(hash(account_id)) FROM (SELECT DISTINCT account_id FROM participants)"),
    )
    known = _LAST.get(view.db)
    if known is None or known[0] != state:
        known = _LAST[view.db] = (state, _sorted(view, minimum))
    return known[1]


def _sorted(view: CaseView, minimum: int) -> Timelines:
    view.db.execute(_ACTIVE, {"minimum": minimum})
    named = view.db.rows("SELECT account_id, resolution_ms FROM _active ORDER BY number")
    found = view.db.arrays(_POSTS)
    view.db.execute("DROP TABLE _active")
    counts = np.bincount(found["number"].astype(np.int64), minlength=len(named))
    return Timelines(
        tuple(account for account, _ in named),
        np.array([resolution for _, resolution in named], dtype=np.int64),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        found["at_ms"].astype(np.int64),
        found["letter"].astype(np.uint8),
    ).active(minimum)


def judgements(
    accounts: tuple[str, ...], p_values: Floats, large: NDArray[np.bool_], evidence: Callable[[int], str]
) -> Judgements:
    """Flag the accounts whose p-value passes Benjamini & Hochberg's rule and whose effect is `large`.

    NaN is an account that cannot be judged; it takes no part in the rule. `evidence` says why, by place.
    """
    judged = ~np.isnan(p_values)
    flagged = np.zeros(len(accounts), dtype=bool)
    flagged[judged] = bh(p_values[judged], FALSE_DISCOVERIES)
    flagged &= large
    return columns(accounts, judged, flagged, evidence)


def columns(
    accounts: tuple[str, ...], judged: NDArray[np.bool_], flagged: NDArray[np.bool_], evidence: Callable[[int], str]
) -> Judgements:
    """Return what a flag's `judge` returns; reasons are written for the flagged only."""
    return {
        "account_id": list(accounts),
        "flagged": [bool(flag) if known else None for flag, known in zip(flagged, judged, strict=True)],
        "evidence": [evidence(place) if flag else None for place, flag in enumerate(flagged)],
    }


def in_words(ms: int) -> str:
    """Return a length of time in the largest unit that fits.

    >>> in_words(2_400_000), in_words(45_000), in_words(10_800_000)
    ('40 min', '45 s', '3 h')
    """
    for unit, size in (("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if ms >= size:
            return f"{ms / size:.3g} {unit}"
    return f"{ms} ms"


def planted(times: Mapping[str, Iterable[int]], resolution_ms: int = 1000) -> tuple[dict[str, object], ...]:
    """Return rows of `posts` for a flag's example: these accounts at these times (ms)."""
    return tuple(
        {"post_id": f"{account}p{n}", "account_id": account, "at_ms": at, "at_resolution_ms": resolution_ms}
        for account, moments in times.items()
        for n, at in enumerate(moments)
    )
