"""Share of voice: what part of the event's posts, accounts and impressions each side has, with and without a roster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark import stats
from floodmark.event import speech
from floodmark.event.shares import Ratio, bound_without, difference, ratio
from floodmark.stats import Floats
from floodmark.view import CaseView

#: What a share of voice counts.
KINDS: Final = ("posts", "accounts", "impressions")


@dataclass(frozen=True)
class Voice:
    """A side's `posts` of the `total` that match any side in the window, its authors, the share with its interval."""

    posts: int
    total: int
    accounts: int
    share: float
    low: float
    high: float


def share_of_voice(view: CaseView, level: float = 0.95) -> Mapping[str, Voice]:
    """Return the share of voice of every side, from the posts of `side_posts` in the window, each post counted once.

    A post that matches several sides counts for each of them, so shares may sum to more than one. All posts of an
    account are one cluster (`stats.cluster_share`). Empty when no post matches a side.
    """
    sides = [side.name for side in view.config.sides]
    columns = ", ".join(f"count(*) FILTER (list_contains(sides, $side_{i})) AS hits_{i}" for i in range(len(sides)))
    found = view.db.arrays(
        f"""
        WITH once AS (
            SELECT post_id, min(account_id) AS account_id, list(DISTINCT side) AS sides
            FROM side_posts WHERE in_window AND side <> 'control' GROUP BY post_id
        )
        SELECT count(*) AS total, {columns} FROM once GROUP BY account_id
        """,
        {f"side_{i}": name for i, name in enumerate(sides)},
    )
    totals = np.asarray(found["total"], dtype=np.int64)
    return {
        name: _voice(np.asarray(found[f"hits_{i}"], dtype=np.int64), totals, level)
        for i, name in enumerate(sides)
        if totals.size
    }


def _voice(hits: stats.Counts, totals: stats.Counts, level: float) -> Voice:
    share, low, high = stats.cluster_share(hits, totals, level)
    return Voice(int(hits.sum()), int(totals.sum()), int(np.count_nonzero(hits)), share, low, high)


@dataclass(frozen=True)
class Sway:
    """A share with and without the named accounts, and the difference (with minus without) with its interval.

    `value` is None where nobody is named: then `low` and `high` bound what leaving out accounts could move that the
    test would have named. `missing` says why there is no difference at all.
    """

    own: Ratio
    without: Ratio | None
    value: float | None
    low: float
    high: float
    missing: str = ""


@dataclass(frozen=True)
class Heard:
    """A subject's share of one kind; `unknown` and `total_posts` count the posts whose impressions are not known."""

    sway: Sway
    unknown: int
    total_posts: int


def sway(hits: Floats, totals: Floats, named: stats.Floats, level: float, *, roster_known: bool = True) -> Sway:
    """Return a share with and without the named accounts; one number an account, `named` 0 or 1.

    >>> found = sway(np.array([5.0, 1, 2]), np.array([5.0, 4, 6]), np.array([1.0, 0, 0]), 0.95)
    >>> round(found.own.share, 3), round(found.without.share, 3), round(found.value, 3)
    (0.533, 0.3, 0.233)
    """
    own, kept = ratio(hits, totals, level), 1 - named
    if not roster_known:
        return Sway(
            own, None, None, -1.0, 1.0, "the coordination test had no action to work on, so nobody could be named"
        )
    without = ratio(hits * kept, totals * kept, level)
    if not without.total:
        return Sway(own, None, None, -1.0, 1.0, "nothing is left without the accounts named by the coordination test")
    if not (totals * named).any():
        low, high = bound_without(own.share, ratio(totals * named, totals, level).high)
        return Sway(own, without, None, low, high)
    return Sway(own, without, *difference(hits, totals, hits * kept, totals * kept, level))


def heard(view: CaseView) -> Mapping[tuple[str, str], Heard]:
    """Return the share of each subject and kind, after `speech.prepare`; only what has a total.

    For a side the total is what matches any side in the window; for `both` the part that matches several sides. The
    control's total is what carries either of its two most used hashtags, its part that with the most used one. An
    account counts for every side for which it has a post. Impressions are those of posts that have a count.
    """
    known, found = speech.roster_known(view), {}
    rosters = {
        speech.EVENT: [name for name in view.config.subjects if name != speech.CONTROL],
        speech.CONTROL: [speech.CONTROL] if view.config.control else [],
    }
    for scope, subjects in rosters.items():
        if not subjects:
            continue
        columns = _columns(view, scope, subjects)
        unknown, posts = int(columns["unknown"].sum()), int(columns["posts"].sum())
        for place, subject in enumerate(subjects):
            arrays = {
                "posts": (columns[f"posts_{place}"], columns["posts"]),
                "accounts": (np.minimum(columns[f"posts_{place}"], 1), np.minimum(columns["posts"], 1)),
                "impressions": (columns[f"shown_{place}"], columns["shown"]),
            }
            for kind, (hits, totals) in arrays.items():
                if totals.any():
                    moved = sway(
                        hits, totals, columns["named"], view.config.parameters.level, roster_known=known[scope]
                    )
                    found[subject, kind] = Heard(moved, unknown if kind == "impressions" else 0, posts)
    return found


def _columns(view: CaseView, scope: str, subjects: list[str]) -> Mapping[str, Floats]:
    """Return per account of a scope its posts, known impressions and whether it is named; and those of each subject."""
    parts: list[str] = []
    names: dict[str, str] = {}
    for place, subject in enumerate(subjects):
        hit = "len(sides) > 1" if subject == "both" else f"list_contains(sides, $side_{place})"
        names |= {} if subject == "both" else {f"side_{place}": subject}
        parts.append(f"count(*) FILTER ({hit}) AS posts_{place}")
        parts.append(f"coalesce(sum(impressions) FILTER ({hit}), 0)::DOUBLE AS shown_{place}")
    found = view.db.arrays(
        f"""
        SELECT count(*) AS posts, coalesce(sum(impressions), 0)::DOUBLE AS shown,
               count(*) FILTER (impressions IS NULL) AS unknown, max(named::INTEGER) AS named, {", ".join(parts)}
        FROM m12_posts WHERE scope = $scope AND in_window GROUP BY account_id
        """,
        {"scope": scope, **names},
    )
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}
