"""The chronological page: which posts a reader of a hashtag sees, at every quarter of an hour of the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from floodmark.event import speech
from floodmark.event.shares import Ratio, difference, ratio
from floodmark.event.voice import Sway, sway
from floodmark.stats import Counts, Floats
from floodmark.view import CaseView

_MINUTE_MS = 60_000


@dataclass(frozen=True)
class Hold:
    """Who holds the pages of a subject's hashtags: places on all pages of the window, filled by a post each.

    `held` is the share of places with posts for this subject and no other side, with and without the named accounts;
    `roster` the share of places that named accounts fill (None where the test did not run). `series` has one row per
    look: (when, places, places held, places without the named, of these held). `ties` counts posts that share their
    moment with another of the page, so that the clock does not say which is newer.
    """

    held: Sway
    roster: Ratio | None
    tags: int
    looks: int
    accounts: int
    series: tuple[tuple[int, int, int, int, int], ...]
    ties: int
    resolution_ms: int


@dataclass(frozen=True)
class Page:
    """Posts with the hashtags looked at, by tag, then time, then id; tags and accounts are numbers.

    `own` says whether a post is for the subject and no other side, `named` whether its author is named.
    """

    tag: Counts
    at_ms: Counts
    account: Counts
    own: NDArray[np.bool_]
    named: NDArray[np.bool_]
    resolution_ms: int = 1


def visible(times_ms: Counts, looks_ms: Counts, places: int) -> tuple[Counts, Counts]:
    """Return at how many looks each post is visible, and how many posts are older than each look.

    `times_ms` ascend, and of equal times the later in the array is the newer; the page at a look is the `places` newest
    posts made strictly before it.

    >>> visible(np.array([1, 2, 3]), np.array([2, 4, 9]), 2)[0].tolist()
    [1, 2, 2]
    """
    older = np.searchsorted(times_ms, looks_ms, side="left").astype(np.int64)
    number = np.arange(times_ms.size)
    first = np.searchsorted(older, number, side="right")
    return (np.searchsorted(older, number + places, side="right") - first).astype(np.int64), older


def looks(start_ms: int, end_ms: int, minutes: int) -> Counts:
    """Return the looks of a window: after each step, and at its end.

    >>> looks(0, 150_000, 1).tolist()
    [60000, 120000, 150000]
    """
    steps = np.arange(start_ms + minutes * _MINUTE_MS, end_ms, minutes * _MINUTE_MS, dtype=np.int64)
    return np.append(steps, end_ms)


def hold(view: CaseView, subject: str) -> Hold | None:
    """Return who holds the pages of a subject's hashtags, from `m12_pages`; None where no page holds a post.

    A page can hold posts from before the window. Posts of accounts named by the coordination test are left out for the
    second share, and older posts move up in their place.
    """
    parameters, event = view.config.parameters, view.config.event
    found = view.db.arrays(
        """
        SELECT t.number AS tag, p.at_ms, p.resolution_ms, p.named,
               CASE WHEN $both THEN p.several ELSE coalesce(p.only_side = $subject, FALSE) END AS own,
               p.account
        FROM m12_pages p
        JOIN (
            SELECT tag, row_number() OVER (ORDER BY tag) AS number
            FROM (SELECT DISTINCT tag FROM m12_tags WHERE scope = $scope AND list_contains($owners, owner))
        ) t ON t.tag = p.tag
        WHERE p.scope = $scope AND p.at_ms < $end_ms
        ORDER BY t.number, p.at_ms, p.post_id
        """,
        {
            "both": subject == "both",
            "subject": subject,
            "owners": list(speech.owners_of(view, subject)),
            "scope": speech.scope_of(subject),
            "end_ms": event.end_ms,
        },
    )
    page = Page(
        np.asarray(found["tag"], dtype=np.int64),
        np.asarray(found["at_ms"], dtype=np.int64),
        np.asarray(found["account"], dtype=np.int64),
        np.asarray(found["own"], dtype=bool),
        np.asarray(found["named"], dtype=bool),
        int(np.max(found["resolution_ms"])) if len(found["tag"]) else 1,
    )
    known = speech.roster_known(view)[speech.scope_of(subject)]
    at = looks(event.start_ms, event.end_ms, parameters.page_minutes)
    return hold_of(page, at, parameters.page_posts, parameters.level, roster_known=known)


def hold_of(page: Page, at_ms: Counts, places: int, level: float, *, roster_known: bool = True) -> Hold | None:
    """Return who holds the pages at the looks `at_ms`; None where no page holds a post at any of them.

    `at_ms` (UTC ms) ascends, `places` is how many posts a page shows, `level` that of the intervals. With
    `roster_known` off there is no share without the named, and none of the roster.

    >>> own, named = np.array([True, False, True, True]), np.array([True, False, False, True])
    >>> page = Page(np.zeros(4, dtype=np.int64), np.array([1, 2, 3, 4]), np.array([0, 1, 2, 0]), own, named)
    >>> found = hold_of(page, np.array([3, 9]), 2, 0.95)
    >>> found.held.own.share, round(found.held.without.share, 2), found.series
    (0.75, 0.33, ((3, 2, 1, 1, 0), (9, 2, 2, 2, 1)))
    """
    if not page.at_ms.size:
        return None
    starts = np.flatnonzero(np.append(True, page.tag[1:] != page.tag[:-1]))
    own, named = page.own, page.named
    whole = _places(page, starts, at_ms, places, np.ones(own.size, dtype=bool))
    rest = _places(page, starts, at_ms, places, ~named)
    if not whole[0].any():
        return None
    totals, hits, totals_without, hits_without, roster = (
        np.bincount(page.account, weights=weights).astype(np.float64)
        for weights in (whole[0], whole[0] * own, rest[0], rest[0] * own, whole[0] * named)
    )
    series = zip(at_ms.tolist(), *(column.tolist() for column in (*whole[1:], *rest[1:])), strict=True)
    tied = (page.at_ms[1:] == page.at_ms[:-1]) & (page.tag[1:] == page.tag[:-1])
    return Hold(
        held=_sway(hits, totals, hits_without, totals_without, roster, level, roster_known=roster_known),
        roster=ratio(roster, totals, level) if roster_known else None,
        tags=int(starts.size),
        looks=int(at_ms.size),
        accounts=int(np.count_nonzero(totals)),
        series=tuple(series),
        ties=int((np.append(tied, False) | np.append(False, tied)).sum()),
        resolution_ms=page.resolution_ms,
    )


def _sway(
    hits: Floats,
    totals: Floats,
    hits_without: Floats,
    totals_without: Floats,
    roster: Floats,
    level: float,
    *,
    roster_known: bool,
) -> Sway:
    """Return the held share with and without the named; unlike posts, places without them are filled by others."""
    if not (roster_known and roster.any() and totals_without.any()):
        # Nobody is named, or all are: the page stays as it is, or empties.
        named = np.full(totals.size, float(roster.any()))
        return sway(hits, totals, named, level, roster_known=roster_known)
    without = ratio(hits_without, totals_without, level)
    return Sway(ratio(hits, totals, level), without, *difference(hits, totals, hits_without, totals_without, level))


def _places(
    page: Page, starts: Counts, at: Counts, places: int, kept: NDArray[np.bool_]
) -> tuple[Floats, Counts, Counts]:
    """Return per post its places (0 where it is not kept), and per look the places filled and those held."""
    filled = np.zeros(page.at_ms.size)
    total, held = np.zeros(at.size, dtype=np.int64), np.zeros(at.size, dtype=np.int64)
    for first, last in zip(starts, [*starts[1:], page.at_ms.size], strict=True):
        mine = np.flatnonzero(kept[first:last]) + first
        filled[mine], older = visible(page.at_ms[mine], at, places)
        before = np.maximum(older - places, 0)
        owned = np.concatenate([[0], np.cumsum(page.own[mine], dtype=np.int64)])
        total += older - before
        held += owned[older] - owned[before]
    return filled, total, held


def holds(view: CaseView) -> Mapping[str, Hold]:
    """Return `hold` of every subject that has pages, after `speech.prepare`."""
    found = {subject: hold(view, subject) for subject in view.config.subjects}
    return {subject: item for subject, item in found.items() if item is not None}
