"""The event's own lift: a slow factor on the expected counts, so that only what is faster than it counts as a spike.

An announced event draws a crowd that comes and goes over hours. How large that crowd would have been without
anybody's help is not in the data, and an unrelated control stream does not attend the event. What can be told apart is
*pace*: the expected count of a bin becomes the baseline's rhythm times exp(s), s a cubic spline with one knot every
`LIFT_HOURS` (P-splines: Eilers & Marx 1996, doi 10.1214/ss/1038425655), fitted by a negative-binomial regression on
which high bins have a bounded pull (Huber 1964). The same spline is fitted to the baseline, which shows how far counts
ordinarily stray from so slow a curve. What lasts for hours is taken for the event's own lift, whoever made it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.stats import Counts, Floats

#: Distance of the spline's knots: what rises and falls within fewer hours than this is not the event's lift.
LIFT_HOURS: Final = 3
#: Weight of second differences between neighbouring coefficients; 1 lets the logarithm bend by about 1 per knot.
_STIFFNESS: Final = 1.0
#: A pull towards no lift at all, where next to nothing was counted.
_RIDGE: Final = 0.01
#: Bins further above the curve than one post and so many standard deviations pull no harder than if they were there.
_PULL: Final = 2.0
_ROUNDS: Final = 20
_CLOSE: Final = 1e-3
_LARGEST_LOG: Final = 12.0
_SMALLEST_MEAN: Final = 1e-6


def with_lift(
    counts: Counts, means: Floats, places: Counts, per_knot: float, dispersion: float, jumps: Counts | None = None
) -> Floats:
    """Return the expected counts with a slow lift of their own, which may jump at announced moments.

    `counts` and `means` hold one entry per bin, `places` the bins' numbers in time (ascending, gaps allowed),
    `per_knot` how many bins lie between two knots. Bins are weighted by a variance m + dispersion * m^2. `jumps` are
    the bins in which an announced moment lies: before and after it the lift is fitted apart.

    >>> steady = np.full(48, 10.0)
    >>> with_lift(np.full(48, 40), steady, np.arange(48), 12, 0.0).round(0)[24:26]
    array([40., 40.])
    """
    if not counts.size:
        return means.copy()
    basis, columns, bends, size = _basis(places, per_knot, np.zeros(0, dtype=np.int64) if jumps is None else jumps)
    base = np.log(np.maximum(means, _SMALLEST_MEAN))
    # All of a gap's coefficients are still there, held by their neighbours alone.
    coefficients = np.zeros(size)
    log_lift = np.zeros(counts.size)
    for _ in range(_ROUNDS):
        fitted = np.exp(base + log_lift)
        spread = fitted + dispersion * fitted**2
        # What lies above the bound is pulled down onto it; so the curve cannot chase a single high bin.
        pulled = np.minimum(counts - fitted, 1 + _PULL * np.sqrt(spread))
        weights = fitted**2 / spread
        coefficients = _solve(basis, columns, bends, size, weights, log_lift + pulled / fitted)
        moved = np.clip((basis * coefficients[columns]).sum(1), -_LARGEST_LOG, _LARGEST_LOG)
        step = np.clip(moved - log_lift, -2.0, 2.0)
        log_lift = log_lift + step
        if np.abs(step).max() < _CLOSE:
            break
    return np.asarray(np.exp(base + log_lift), dtype=np.float64)


def lower_spread(counts: Counts, fitted: Floats) -> float:
    """Return the dispersion that the counts below their curve show; those above may hold somebody's surges.

    Moments over the bins under the curve: sum((y - m)^2 - m) / sum(m^2), at least 0. Both hold one entry a bin.

    >>> round(lower_spread(np.array([2, 10, 5, 90]), np.full(4, 10.0)), 3)
    0.345
    """
    under = counts < fitted
    scale = float((fitted[under] ** 2).sum())
    if scale <= 0:
        return 0.0
    return max(0.0, float(((counts[under] - fitted[under]) ** 2 - fitted[under]).sum()) / scale)


def _basis(places: Counts, per_knot: float, jumps: Counts) -> tuple[Floats, Counts, Counts, int]:
    """Return per bin the four cubic B-splines that are not zero there and their numbers, then what may bend, and size.

    Splines of different stretches between jumps are numbered apart; a second difference starts at each entry of the
    third array, none across a jump.
    """
    stretch = np.searchsorted(np.unique(jumps), places, side="right")
    _, starts, stretch = np.unique(stretch, return_index=True, return_inverse=True)
    along = (places - places[starts][stretch] + 0.5) / per_knot
    first = np.floor(along).astype(np.int64)
    t = along - first
    basis = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    sizes = first[np.append(starts[1:], places.size) - 1] + 4
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    inner = np.ones(int(offsets[-1]), dtype=bool)
    inner[np.concatenate([offsets[1:] - 1, offsets[1:] - 2])] = False
    return basis, (first + offsets[stretch])[:, None] + np.arange(4), np.flatnonzero(inner), int(offsets[-1])


def _solve(basis: Floats, columns: Counts, bends: Counts, size: int, weights: Floats, wanted: Floats) -> Floats:
    """Return the coefficients of the penalised weighted least squares (banded, four diagonals)."""
    from scipy.linalg import solveh_banded

    band = np.zeros((4, size))
    weighted = basis * weights[:, None]
    for apart in range(4):
        products = weighted[:, : 4 - apart] * basis[:, apart:]
        band[apart] = np.bincount(columns[:, : 4 - apart].ravel(), weights=products.ravel(), minlength=size)
    band[0] += _RIDGE
    for offset, weight in ((0, 1.0), (1, 4.0), (2, 1.0)):
        band[0, bends + offset] += _STIFFNESS * weight
    for offset in (0, 1):
        band[1, bends + offset] -= _STIFFNESS * 2.0
    band[2, bends] += _STIFFNESS
    right = np.bincount(columns.ravel(), weights=(weighted * wanted[:, None]).ravel(), minlength=size)
    return np.asarray(solveh_banded(band, right, lower=True))
