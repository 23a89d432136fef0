"""How long accounts stayed, known only between polls: the curve, its band, and a test against matched controls.

An account is gone from some moment after the last look at which it was there up to the first look after that at which
it was not. Whoever came back was there. The curve is Turnbull's estimate (1976) by self-consistency; the test uses the
log-rank scores for interval-censored data of Finkelstein (1986) and Fay (1996, doi 10.2307/2532955), and permutes
accounts within strata of like accounts (studentised, so that unequal loss to follow-up does not upset it; Neuhaus 1993,
doi 10.1214/aos/1176349396). Times are days since the end of the event, as UTC days of the looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from floodmark import stats

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
#: The right end of an account that was not seen gone.
NEVER: Final = 1 << 40
_ITERATIONS: Final = 5_000
_TOLERANCE: Final = 1e-10


@dataclass(frozen=True)
class Curve:
    """Share of accounts still there at the end of each poll day, with limits.

    `known` counts (effective) accounts whose state is settled at that day; the limits are Wilson's at that count, so
    accounts that nobody looked up any more widen them. All arrays have the length of `days`.
    """

    days: Ints
    there: Floats
    low: Floats
    high: Floats
    known: Floats

    def rows(self) -> list[list[float]]:
        """Return [day, share there, low, high, accounts known] a poll day, from day 0 on."""
        start = [[0.0, 1.0, 1.0, 1.0, float(self.known[0]) if len(self.known) else 0.0]]
        columns = zip(self.days, self.there, self.low, self.high, self.known, strict=True)
        return start + [[float(value) for value in row] for row in columns]


def turnbull(left: Ints, right: Ints, weight: Floats) -> tuple[Ints, Floats]:
    """Return (days, share still there after each) of the non-parametric maximum-likelihood estimate.

    `left` < `right` are the last day there and the first day gone (NEVER: not seen gone), `weight` how many accounts
    each row stands for. The estimate only drops at days on which somebody was first seen gone; between two polls its
    place is not known, so it is drawn at the later one. No rows: empty. Source: Turnbull 1976.

    >>> days, there = turnbull(np.array([0, 7, 14]), np.array([7, 14, NEVER]), np.ones(3))
    >>> days.tolist(), there.round(3).tolist()
    ([7, 14], [0.667, 0.333])
    """
    days = np.unique(right[right < NEVER])
    if not len(days):
        return days, np.zeros(0)
    ends = np.append(days, NEVER)
    # Mass may sit at any day on which somebody was first seen gone, and beyond the last look.
    cover = (ends[None, :] > left[:, None]) & (ends[None, :] <= right[:, None])
    mass = np.full(len(ends), 1 / len(ends))
    total = float(weight.sum())
    for _ in range(_ITERATIONS):
        chance = cover @ mass
        new = mass * ((weight / np.maximum(chance, 1e-300)) @ cover) / total
        step = float(np.abs(new - mass).max())
        mass = new
        if step < _TOLERANCE:
            break
    return days, 1 - np.cumsum(mass)[:-1]


def curve(left: Ints, right: Ints, weight: Floats, polls: Ints, level: float) -> Curve:
    """Return the curve at the `polls` (days, rising) with Wilson's limits at the accounts known there.

    `weight` may be fractional (matched controls): Kish's effective number of the known accounts counts then.
    """
    pairs, index = np.unique(np.stack([left, right], axis=1), axis=0, return_inverse=True)
    sums = np.asarray(np.bincount(index.ravel(), weights=weight, minlength=len(pairs)), dtype=np.float64)
    days, there = turnbull(pairs[:, 0], pairs[:, 1], sums)
    at = np.concatenate([[1.0], there])[np.searchsorted(days, polls, side="right")]
    known = np.zeros(len(polls))
    for place, day in enumerate(polls):
        settled = weight[(left >= day) | (right <= day)]
        known[place] = float(settled.sum()) ** 2 / float((settled**2).sum()) if len(settled) else 0.0
    limits = [
        stats.wilson(min(max(share, 0.0), 1.0) * n, n, level) if n else (0.0, 1.0)
        for share, n in zip(at, known, strict=True)
    ]
    low, high = np.array(limits).reshape(-1, 2).T
    return Curve(polls, np.clip(at, 0.0, 1.0), low, high, known)


def scores(left: Ints, right: Ints) -> Floats:
    """Return each account's log-rank score under the pooled estimate: high for those gone early, sum zero.

    >>> scores(np.array([0, 7, 7]), np.array([7, NEVER, NEVER])).round(3).tolist()
    [0.811, -0.405, -0.405]
    """
    pairs, index = np.unique(np.stack([left, right], axis=1), axis=0, return_inverse=True)
    counts: Floats = np.bincount(index.ravel(), minlength=len(pairs)).astype(np.float64)
    days, there = turnbull(pairs[:, 0], pairs[:, 1], np.asarray(counts, dtype=np.float64))
    stays = np.concatenate([[1.0], np.clip(there, 0.0, 1.0)])
    before = stays[np.searchsorted(days, pairs[:, 0], side="right")]
    after = np.where(pairs[:, 1] == NEVER, 0.0, stays[np.searchsorted(days, pairs[:, 1], side="right")])
    drop = before - after
    score = np.where(drop > 0, (_entropy(before) - _entropy(after)) / np.where(drop > 0, drop, 1.0), 0.0)
    return np.asarray(score[index.ravel()], dtype=np.float64)


def _entropy(share: Floats) -> Floats:
    return np.where(share > 0, share * np.log(np.where(share > 0, share, 1.0)), 0.0)


def permutation_p(score: Floats, ours: NDArray[np.bool_], stratum: Ints, runs: int, seed: int) -> float:
    """Return the two-sided p-value of "the groups stay alike within strata", over `runs` random relabellings.

    `score` per account, `ours` whether it belongs to the roster (else control), `stratum` a whole number. Within each
    stratum the labels are dealt anew; the statistic is the roster's summed excess over its stratum's mean, divided by
    its standard error with a variance of its own for either group. Accounts of one stratum and score are alike, so
    that counts are dealt, not accounts. Raises ValueError when no stratum holds both.
    """
    kinds, kind = np.unique(score.round(12), return_inverse=True)
    strata, place = np.unique(stratum, return_inverse=True)
    ours_n, rest_n = (
        np.bincount((place * len(kinds) + kind.ravel())[group], minlength=len(strata) * len(kinds)).reshape(
            len(strata), len(kinds)
        )
        for group in (ours, ~ours)
    )
    both = (ours_n.sum(axis=1) > 0) & (rest_n.sum(axis=1) > 0)
    if not both.any():
        raise ValueError("no stratum holds accounts of both groups")
    ours_n, rest_n = ours_n[both], rest_n[both]
    rng = np.random.default_rng(seed)
    excess, variance = np.zeros(runs + 1), np.zeros(runs + 1)
    for mine, others in zip(ours_n, rest_n, strict=True):
        dealt = rng.multivariate_hypergeometric(mine + others, int(mine.sum()), size=runs, method="marginals")
        part = _stratum(np.vstack([mine, dealt]), mine + others, kinds)
        excess += part[0]
        variance += part[1]
    statistic = np.abs(excess) / np.sqrt(np.maximum(variance, 1e-300))
    statistic[variance <= 0] = 0.0
    # Equal within rounding counts as equal, else ties would depend on the order of sums.
    return float((1 + (statistic[1:] >= statistic[0] * (1 - 1e-9)).sum()) / (runs + 1))


def _stratum(mine: Ints, all_of_them: Ints, kinds: Floats) -> tuple[Floats, Floats]:
    """Return the excess of the roster in one stratum and its variance, one value a dealing (rows of `mine`)."""
    others = all_of_them - mine
    n1, n0 = mine.sum(axis=1).astype(np.float64), others.sum(axis=1).astype(np.float64)
    mean1, mean0 = mine @ kinds / n1, others @ kinds / n0
    var1 = np.maximum(mine @ kinds**2 / n1 - mean1**2, 0) / n1
    var0 = np.maximum(others @ kinds**2 / n0 - mean0**2, 0) / n0
    share = n1 * n0 / (n1 + n0)
    return share * (mean1 - mean0), share**2 * (var1 + var0)


def difference(ours: Curve, control: Curve) -> tuple[float, float, float]:
    """Return (share gone of ours minus of control, low, high) at the last poll, the limits joined as in Newcombe 1998.

    The curves must end on the same poll; the limits are those of their bands.
    """
    gone, low, high = 1 - ours.there[-1], 1 - ours.high[-1], 1 - ours.low[-1]
    usual, usual_low, usual_high = 1 - control.there[-1], 1 - control.high[-1], 1 - control.low[-1]
    value = float(gone - usual)
    return (
        value,
        value - float(np.hypot(gone - low, usual_high - usual)),
        value + float(np.hypot(high - gone, usual - usual_low)),
    )
