"""Intervals and tests shared by the measures, each from one published source; all are pure functions of counts.

Intervals are pairs (low, high). Nothing collected means nothing known: with no trials a share may be anything in 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Interval: TypeAlias = tuple[float, float]
Counts: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

_BISECTIONS = 100


def z_value(level: float) -> float:
    """Return the two-sided normal quantile of a confidence level in 0..1 (exclusive).

    >>> round(z_value(0.95), 4)
    1.96
    """
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    return float(ndtri(0.5 + level / 2))


def wilson(hits: float, trials: float, level: float = 0.95) -> Interval:
    """Return Wilson's score interval of hits / trials.

    `hits` and `trials` may be effective (not whole) numbers. ValueError unless 0 <= hits <= trials.
    Source: Wilson 1927; Brown, Cai & DasGupta 2001, doi 10.1214/ss/1009213286.

    >>> [round(end, 4) for end in wilson(81, 263)]
    [0.2553, 0.3662]
    """
    return _wilson_at(hits, trials, z_value(level))


def _wilson_at(hits: float, trials: float, z: float) -> Interval:
    _check(hits, trials)
    if trials == 0:
        return 0.0, 1.0
    share, z2 = hits / trials, z * z
    centre = (hits + z2 / 2) / (trials + z2)
    half = z / (trials + z2) * float(np.sqrt(hits * (1 - share) + z2 / 4))
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == trials else min(1.0, centre + half)
    return low, high


def clopper_pearson(hits: int, trials: int, level: float = 0.95) -> Interval:
    """Return the exact interval of hits / trials, which never covers less often than `level`.

    ValueError unless 0 <= hits <= trials. Source: Clopper & Pearson 1934.

    >>> [round(end, 4) for end in clopper_pearson(0, 20)]
    [0.0, 0.1684]
    """
    from scipy.special import betaincinv

    _check(hits, trials)
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, tail))
    high = 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 1 - tail))
    return low, high


def newcombe_difference(hits_1: int, trials_1: int, hits_2: int, trials_2: int, level: float = 0.95) -> Interval:
    """Return the hybrid score interval of hits_1 / trials_1 - hits_2 / trials_2 for two independent samples.

    With no trials on either side nothing is known: (-1, 1). ValueError unless 0 <= hits <= trials.
    Source: Newcombe 1998 (method 10), doi 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    >>> [round(end, 4) for end in newcombe_difference(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    low_1, high_1 = wilson(hits_1, trials_1, level)
    low_2, high_2 = wilson(hits_2, trials_2, level)
    if trials_1 == 0 or trials_2 == 0:
        return -1.0, 1.0
    share_1, share_2 = hits_1 / trials_1, hits_2 / trials_2
    down = float(np.hypot(share_1 - low_1, high_2 - share_2))
    up = float(np.hypot(high_1 - share_1, share_2 - low_2))
    return share_1 - share_2 - down, share_1 - share_2 + up


def rogan_gladen(apparent: float, sensitivity: float, specificity: float) -> float:
    """Return the prevalence in 0..1 that an apparent share means, given the error rates of what flags.

    ValueError unless sensitivity + specificity > 1 (below that a flag says nothing).
    Source: Rogan & Gladen 1978, doi 10.1093/oxfordjournals.aje.a112510.

    >>> round(rogan_gladen(0.427, 0.95, 0.70), 3)
    0.195
    """
    if sensitivity + specificity <= 1:
        raise ValueError("sensitivity and specificity must sum to more than 1; otherwise the flag says nothing")
    return min(1.0, max(0.0, (apparent + specificity - 1) / (sensitivity + specificity - 1)))


def rogan_gladen_range(apparent: Interval, sensitivity: Interval, specificity: Interval) -> Interval:
    """Return the lowest and highest prevalence as apparent share and error rates run over their ranges.

    The formula is monotone in each argument with the others held, so the extremes lie at corners.

    >>> [round(end, 2) for end in rogan_gladen_range((0.427, 0.427), (0.60, 0.95), (0.70, 0.98))]
    [0.2, 0.7]
    """
    corners = [rogan_gladen(a, se, sp) for a in apparent for se in sensitivity for sp in specificity]
    return min(corners), max(corners)


def imbens_manski(inside: int, outside: int, total: int, level: float = 0.95) -> Interval:
    """Return an interval for a share that is known only for inside + outside of `total` accounts.

    Without sampling error the share lies in [inside / total, 1 - outside / total] whatever the unknown ones are. Both
    ends are widened by Wilson's score limits at the critical value of Imbens & Manski 2004 (doi
    10.1111/j.1468-0262.2004.00555.x), which runs from the two-sided (nothing unknown) to the one-sided quantile.
    ValueError unless the counts fit.

    >>> [round(end, 2) for end in imbens_manski(231, 429, 1000)]
    [0.21, 0.6]
    """
    _check(inside + outside, total)
    if total == 0:
        return 0.0, 1.0
    lowest, highest = inside / total, 1 - outside / total
    spread = float(np.sqrt(max(lowest * (1 - lowest), highest * (1 - highest))))
    critical = _imbens_manski_critical(float(np.sqrt(total)) * (highest - lowest), spread, level)
    return _wilson_at(inside, total, critical)[0], _wilson_at(total - outside, total, critical)[1]


def _imbens_manski_critical(scaled_width: float, spread: float, level: float) -> float:
    """Solve Phi(c + width / spread) - Phi(-c) = level for c by bisection."""
    from scipy.special import ndtr

    shift = scaled_width / spread if spread > 0 else (0.0 if scaled_width == 0 else 1e6)
    low, high = 0.0, z_value(level)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if ndtr(middle + shift) - ndtr(-middle) >= level else (middle, high)
    return high


def bh(p_values: Sequence[float] | Floats, q: float = 0.05) -> NDArray[np.bool_]:
    """Return which tests are rejected while the expected share of false rejections stays at or under q.

    Source: Benjamini & Hochberg 1995, valid under independence and positive dependence.

    >>> bh([0.01, 0.9, 0.02, 0.04]).tolist()
    [True, False, True, False]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.size == 0:
        return np.zeros(0, dtype=bool)
    ranked = np.sort(p)
    passed = np.flatnonzero(ranked <= q * np.arange(1, p.size + 1) / p.size)
    return p <= ranked[passed[-1]] if passed.size else np.zeros(p.size, dtype=bool)


def cluster_share(hits: Counts, totals: Counts, level: float = 0.95) -> tuple[float, float, float]:
    """Return sum(hits) / sum(totals) with an interval that lets the posts of one account depend on each other.

    `hits` and `totals` hold one whole number per account, 0 <= hits <= totals. The variance of the ratio is the
    jackknife's over accounts, with Satterthwaite's degrees of freedom, so that a few loud accounts widen it; it becomes
    an effective number of posts for Wilson's limits, as in Korn & Graubard 1998. Where all or none are hits the
    variance says nothing, and Kish's effective number of accounts, sum(totals)^2 / sum(totals^2), stands in. No posts:
    (0, 0, 1).

    >>> [round(x, 3) for x in cluster_share(np.array([9, 0, 0, 1]), np.array([10, 2, 3, 5]))]
    [0.5, 0.007, 0.993]
    """
    all_hits, all_totals = int(hits.sum()), int(totals.sum())
    if all_totals == 0:
        return 0.0, 0.0, 1.0
    share = all_hits / all_totals
    hits, totals = hits[totals > 0], totals[totals > 0]
    if totals.size == 1 or all_hits in {0, all_totals}:
        effective = all_totals**2 / int((totals**2).sum())
        return share, *_wilson_at(share * effective, effective, z_value(level))
    # What leaving one account out moves; whole numbers first and sorted, so that no order can move a digit of the sums.
    residuals = (hits * all_totals - totals * all_hits) / all_totals
    moves = np.sort((residuals / (all_totals - totals)) ** 2)
    variance = (totals.size - 1) / totals.size * float(moves.sum())
    if variance == 0:
        return share, *_wilson_at(all_hits, all_totals, z_value(level))
    effective = min(float(all_totals), share * (1 - share) / variance)
    freedom = max(1.0, float(moves.sum()) ** 2 / float((moves**2).sum()))
    return share, *_wilson_at(share * effective, effective, _t_value(level, freedom))


def _t_value(level: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))


def _check(hits: float, trials: float) -> None:
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits do not fit into {trials} trials")
