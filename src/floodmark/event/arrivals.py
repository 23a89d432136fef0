"""Arrivals: the moments at which participants of a roster begin to post, from `participants`, `side_posts`, `accounts`.

A sitting is a run of one account's posts with gaps of at most half an hour; an arrival is its first post. Posts of one
sitting are one decision to take part, so the tests of "seemed random" count arrivals, never posts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from floodmark.event.strata import strata_of
from floodmark.stats import Counts
from floodmark.view import CaseView

SITTING_GAP_MS: Final = 30 * 60_000
#: What an unknown class is called.
UNKNOWN: Final = -1
AGE_DAYS: Final = (30, 365, 3 * 365, 6 * 365)
FOLLOWERS: Final = (20, 100, 500, 2_000)
_LANGUAGES: Final = 6
#: How platforms write that they do not know the language of a post.
_NO_LANGUAGE: Final = frozenset({"", "und", "zxx", "qme", "qst", "qht", "qam", "qct", "art"})
_DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Arrivals:
    """Arrivals in the window, ascending: when (UTC ms), whose (0, 1, ...), whether it is that account's first post.

    First means the first in the collection for that roster. `resolution_ms` is the coarsest clock among the posts,
    `zone_shift_ms` the event's local offset. `attributes` holds a class per arrival and column, UNKNOWN where not
    known; `names` says what the classes of a column are called.
    """

    at_ms: Counts
    account: Counts
    is_new: NDArray[np.bool_]
    resolution_ms: int = 1
    zone_shift_ms: int = 0
    attributes: dict[str, Counts] | None = None
    names: dict[str, tuple[str, ...]] | None = None

    def once_per_stratum(self) -> Arrivals:
        """Return only the first arrival of each account in each half hour."""
        stratum = strata_of(self.at_ms, self.zone_shift_ms)
        order = np.lexsort((stratum, self.account))
        account, stratum = self.account[order], stratum[order]
        again = (account[1:] == account[:-1]) & (stratum[1:] == stratum[:-1])
        # The sort is stable, so the first of equals is the earliest.
        return self._kept(np.sort(order[np.concatenate([np.ones(min(1, order.size), dtype=bool), ~again])]))

    def once(self) -> Arrivals:
        """Return only the first arrival of each account in the window."""
        return self._kept(np.sort(np.unique(self.account, return_index=True)[1]))

    def _kept(self, rows: Counts) -> Arrivals:
        attributes = {name: values[rows] for name, values in (self.attributes or {}).items()}
        return replace(
            self, at_ms=self.at_ms[rows], account=self.account[rows], is_new=self.is_new[rows], attributes=attributes
        )


def arrivals_of(view: CaseView, subject: str) -> Arrivals:
    """Return the arrivals of one roster in the event window.

    `both` are accounts that posted for several sides, with their posts for any. A post in several streams counts once.
    """
    event = view.config.event
    side = "s.side <> 'control'" if subject == "both" else "s.side = p.roster"
    found = view.db.arrays(
        f"""
        WITH mine AS (
            SELECT s.account_id, s.post_id, min(s.at_ms) AS at_ms, min(s.stream) AS stream
            FROM side_posts s JOIN participants p ON p.account_id = s.account_id AND p.roster = $subject
            WHERE {side} AND s.at_ms < $end_ms
            GROUP BY s.account_id, s.post_id
        ), paced AS (
            SELECT *, lag(at_ms) OVER (PARTITION BY account_id ORDER BY at_ms, post_id) AS before_ms FROM mine
        )
        SELECT dense_rank() OVER (ORDER BY m.account_id) - 1 AS account, m.at_ms,
               m.before_ms IS NULL AS is_new, coalesce(o.at_resolution_ms, 1) AS resolution_ms,
               a.created_at_ms, coalesce(a.created_resolution_ms, 1) AS created_resolution_ms, a.followers,
               lower(split_part(replace(coalesce(o.language, a.language), '_', '-'), '-', 1)) AS language
        FROM paced m
        LEFT JOIN posts o ON o.stream = m.stream AND o.post_id = m.post_id
        LEFT JOIN accounts a ON a.account_id = m.account_id
        WHERE m.at_ms >= $start_ms AND (m.before_ms IS NULL OR m.at_ms - m.before_ms > {SITTING_GAP_MS})
        ORDER BY m.at_ms, m.before_ms IS NULL, a.created_at_ms, a.followers, language, m.account_id
        """,
        {"subject": subject, "start_ms": event.start_ms, "end_ms": event.end_ms},
    )
    at_ms = np.asarray(found["at_ms"], dtype=np.int64)
    age, age_names = _age(found, event.start_ms)
    followers, follower_names = _followers(found)
    language, language_names = _languages(found["language"])
    return Arrivals(
        at_ms,
        np.asarray(found["account"], dtype=np.int64),
        np.asarray(found["is_new"], dtype=np.bool_),
        int(np.max(np.asarray(found["resolution_ms"], dtype=np.int64), initial=1)),
        _shift(event.start_ms, event.zone),
        {"age": age, "followers": followers, "language": language},
        {"age": age_names, "followers": follower_names, "language": language_names},
    )


def _shift(at_ms: int, zone: str) -> int:
    offset = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    return round(offset.total_seconds() * 1000)


def _known(column: Any) -> tuple[Counts, NDArray[np.bool_]]:
    values = np.ma.asarray(column)
    missing = np.ma.getmaskarray(values)
    if values.dtype.kind == "f":
        missing = missing | np.isnan(np.ma.getdata(values))
    return np.where(missing, 0, np.ma.getdata(values)).astype(np.int64), ~missing


def _age(found: dict[str, Any], start_ms: int) -> tuple[Counts, tuple[str, ...]]:
    """Class ages at the start of the event; a date whose error crosses a border is unknown."""
    created, known = _known(found["created_at_ms"])
    width, _ = _known(found["created_resolution_ms"])
    edges = np.array(AGE_DAYS, dtype=np.int64) * _DAY_MS
    age = start_ms - created
    oldest = np.searchsorted(edges, age, side="right")
    youngest = np.searchsorted(edges, age - np.maximum(width, 1) + 1, side="right")
    names = ("under 30 days", "30 days to 1 year", "1 to 3 years", "3 to 6 years", "6 years or more")
    return np.where(known & (oldest == youngest), oldest, UNKNOWN).astype(np.int64), names


def _followers(found: dict[str, Any]) -> tuple[Counts, tuple[str, ...]]:
    followers, known = _known(found["followers"])
    known &= followers >= 0
    classes = np.searchsorted(np.array(FOLLOWERS), followers, side="right")
    names = (*(f"under {count}" for count in FOLLOWERS), f"{FOLLOWERS[-1]} or more")
    return np.where(known, classes, UNKNOWN).astype(np.int64), names


def _languages(column: Any) -> tuple[Counts, tuple[str, ...]]:
    """Class languages: the six most frequent (ties by name) and the others together; `und` and empty are unknown."""
    # Counted as words: sorting an array of long texts takes ten times as long.
    words = np.ma.filled(np.ma.asarray(column), "").tolist()
    counts = Counter(words)
    ranked = sorted((kind for kind in counts if kind not in _NO_LANGUAGE), key=lambda kind: (-counts[kind], kind))
    code = {kind: min(number, _LANGUAGES) for number, kind in enumerate(ranked)}
    names = (*ranked[:_LANGUAGES], *(("others",) if len(ranked) > _LANGUAGES else ()))
    return np.array([code.get(word, UNKNOWN) for word in words], dtype=np.int64), names
