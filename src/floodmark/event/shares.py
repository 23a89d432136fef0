"""A share with and without some accounts: the two shares, their difference, and intervals over accounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floodmark import stats
from floodmark.stats import Floats, Interval


@dataclass(frozen=True)
class Ratio:
    """A share sum(hits) / sum(totals) with its interval, and the sums (posts, accounts, impressions or places)."""

    hits: float
    total: float
    share: float
    low: float
    high: float


def ratio(hits: Floats, totals: Floats, level: float = 0.95) -> Ratio:
    """Return sum(hits) / sum(totals) with accounts as clusters; any non-negative numbers, one pair an account.

    The method is that of `stats.cluster_share`, without its need for small whole numbers. No totals: (0, 1).

    >>> found = ratio(np.array([9.0, 0, 0, 1]), np.array([10.0, 2, 3, 5]))
    >>> round(found.low, 3), round(found.high, 3)
    (0.007, 0.993)
    """
    kept = totals > 0
    hits, totals = hits[kept], totals[kept]
    all_hits, all_totals = float(hits.sum()), float(totals.sum())
    if not all_totals:
        return Ratio(0.0, 0.0, 0.0, 0.0, 1.0)
    share = all_hits / all_totals
    moves = _moves(hits, totals) ** 2
    variance = (totals.size - 1) / totals.size * _sum(moves) if totals.size > 1 and 0 < share < 1 else 0.0
    if variance > 0:
        effective = share * (1 - share) / variance
        width = _t_value(level, _freedom(moves))
    else:
        # All or none: the spread says nothing, and the number of equally loud accounts stands in.
        effective, width = all_totals**2 / _sum(totals**2), stats.z_value(level)
    low, high = _score(share, effective, width)
    return Ratio(all_hits, all_totals, share, low, high)


def difference(
    hits: Floats, totals: Floats, hits_without: Floats, totals_without: Floats, level: float = 0.95
) -> tuple[float, float, float]:
    """Return share with minus share without, and its interval: the jackknife over accounts, Student's quantile.

    All four hold one number an account. Both shares rest on the same accounts, so each account is left out of both at
    once. An account that makes up a whole share leaves nothing known: (-1, 1). Where no account can move the
    difference, the intervals of the two shares bound it. ValueError where either share has no total.

    >>> ones, hits, kept = np.ones(40), np.repeat([1.0, 0.0], 20), np.where(np.arange(40) < 5, 0.0, 1.0)
    >>> [round(value, 3) for value in difference(hits, ones, hits * kept, kept)]
    [0.071, -0.003, 0.145]
    """
    there = totals + totals_without > 0
    hits, totals = hits[there], totals[there]
    hits_without, totals_without = hits_without[there], totals_without[there]
    all_hits, all_totals = float(hits.sum()), float(totals.sum())
    own_hits, own_totals = float(hits_without.sum()), float(totals_without.sum())
    if not all_totals or not own_totals:
        raise ValueError("a share of nothing has no difference")
    value = all_hits / all_totals - own_hits / own_totals
    if float(totals.max()) >= all_totals or float(totals_without.max()) >= own_totals:
        return value, -1.0, 1.0
    left = (all_hits - hits) / (all_totals - totals) - (own_hits - hits_without) / (own_totals - totals_without)
    moves = (left - value) ** 2
    variance = (totals.size - 1) / totals.size * _sum(moves)
    if variance <= 1e-24:
        first = ratio(hits, totals, level)
        second = ratio(hits_without, totals_without, level)
        down = float(np.hypot(first.share - first.low, second.high - second.share))
        up = float(np.hypot(first.high - first.share, second.share - second.low))
        return value, max(-1.0, value - down), min(1.0, value + up)
    half = _t_value(level, _freedom(moves)) * float(np.sqrt(variance))
    return value, max(-1.0, value - half), min(1.0, value + half)


def bound_without(share: float, part: float) -> Interval:
    """Return the least and largest difference that leaving out at most `part` of all can make to a share.

    Leaving out a part r, of which h are hits, moves the share s by s - (s - h) / (1 - r), with 0 <= h <= r.

    >>> [round(end, 4) for end in bound_without(0.4, 0.01)]
    [-0.004, 0.0061]
    """
    if part >= 1:
        return -1.0, 1.0
    return max(-1.0, -part * share / (1 - part)), min(1.0, part * (1 - share) / (1 - part))


def _moves(hits: Floats, totals: Floats) -> Floats:
    """Return what leaving each account out moves of the ratio; zeros where one account is all."""
    all_hits, all_totals = float(hits.sum()), float(totals.sum())
    rest = all_totals - totals
    moved = (hits - totals * (all_hits / all_totals)) / np.where(rest > 0, rest, 1)
    return np.asarray(np.where(rest > 0, moved, 0.0), dtype=np.float64)


def _sum(values: Floats) -> float:
    """Return the sum in a fixed order, so that the order of rows moves no digit."""
    return float(np.sort(values).sum())


def _freedom(moves: Floats) -> float:
    """Return Satterthwaite's degrees of freedom: a few loud accounts leave few."""
    return max(1.0, _sum(moves) ** 2 / _sum(moves**2))


def _t_value(level: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))


def _score(share: float, effective: float, width: float) -> Interval:
    """Return Wilson's score limits at an effective number of trials and a quantile."""
    squared = width * width
    centre = (share * effective + squared / 2) / (effective + squared)
    half = width / (effective + squared) * float(np.sqrt(effective * share * (1 - share) + squared / 4))
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return min(low, share), max(high, share)
