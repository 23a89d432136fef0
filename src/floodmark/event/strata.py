"""Who came together: classes of arrivals within short bins, against every way to deal them out within the half hour.

Arrivals (one per account and half hour) lie in bins, bins in half hours, and each belongs to a class: new or returning,
a class of age, a language. If within a half hour the class had nothing to do with the moment, every way to deal the
classes to its arrivals would be as likely, whatever the crowd's rhythm. That is the null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from floodmark.stats import Counts, Floats, Interval, z_value

MINUTE_MS: Final = 60_000
#: Long enough to hold a burst and its surroundings, short enough that the mix of a crowd hardly drifts.
STRATUM_MS: Final = 30 * MINUTE_MS
DRAWS: Final = 999
#: Large crowds are dealt fewer times, down to FEWEST_DRAWS; so many arrivals in all.
_DEALT: Final = 20_000_000
FEWEST_DRAWS: Final = 199
#: Dealings made first, only to learn how far pairs stray.
_PILOT: Final = 99
#: Dealing ends once so many are as surprising as what was observed: that p-value is no small one.
AS_SURPRISING: Final = 50
_BATCH: Final = 100
_SEED: Final = 20200717


@dataclass(frozen=True)
class Cells:
    """Arrivals per bin (row) and class (column): `counts`, and the half hour (0, 1, ...) of each row, ascending."""

    counts: Counts
    stratum: Counts

    @property
    def strata(self) -> int:
        """Half hours with any arrival."""
        return int(self.stratum[-1]) + 1 if self.stratum.size else 0


def strata_of(at_ms: Counts, zone_shift_ms: int) -> Counts:
    """Return the half hour of each moment (UTC ms), numbered so that full and half hours of the clock lie mid-stratum.

    A burst at the full hour then has ordinary minutes on both sides of it. `zone_shift_ms` is the local clock's offset.

    >>> strata_of(np.array([-1, 0, 899_999, 900_000]), 0).tolist()
    [0, 0, 0, 1]
    """
    return np.asarray((at_ms + zone_shift_ms + STRATUM_MS // 2) // STRATUM_MS, dtype=np.int64)


def tabulate(at_ms: Counts, classes: Counts, class_count: int, bin_ms: int, zone_shift_ms: int) -> Cells:
    """Return the arrivals as counts; `classes` are 0 .. class_count - 1, `bin_ms` divides a quarter of an hour.

    `at_ms` (UTC ms) and `classes` hold one entry an arrival, in any order; bins without arrivals have no row.

    >>> found = tabulate(np.array([0, 10, 20, 16 * MINUTE_MS]), np.array([0, 0, 1, 1]), 2, 5 * MINUTE_MS, 0)
    >>> found.counts.tolist(), found.stratum.tolist()
    ([[2, 1], [0, 1]], [0, 1])
    """
    shifted = at_ms + zone_shift_ms
    bins, place = np.unique(shifted // bin_ms, return_inverse=True)
    counts = np.bincount(place * class_count + classes, minlength=bins.size * class_count)
    _, stratum = np.unique((bins * bin_ms + STRATUM_MS // 2) // STRATUM_MS, return_inverse=True)
    return Cells(counts.reshape(bins.size, class_count).astype(np.int64), stratum.astype(np.int64))


@dataclass(frozen=True)
class Dealing:
    """A test of arrivals dealt anew: observed over expected pairs per scale, and the p-value of the larger surprise."""

    ratios: tuple[float, float]
    p_value: float


def deal(
    at_ms: Counts, classes: Counts, weights: Floats, scales_ms: tuple[int, int], zone_shift_ms: int, draws: int = DRAWS
) -> Dealing:
    """Return whether arrivals alike in class come in the same bin more often than dealing them anew gives.

    `at_ms` (UTC ms) ascends, `classes` holds one entry an arrival, `weights` one a class; `scales_ms` are a fine and a
    coarse bin. The largest standardised excess over both scales is ranked among at most `draws` dealings, which is
    exact where classes are exchangeable within half hours: dealing ends with the AS_SURPRISING-th that is as large
    (Besag & Clifford 1991, doi 10.1093/biomet/78.2.301), so that only small p-values cost all of them. How
    far each scale strays is taken from dealings of their own.

    >>> at_ms = np.sort(np.append(np.arange(60) * 10_000, np.full(20, 100_000)))
    >>> found = deal(at_ms, np.where(at_ms == 100_000, 0, 1), np.array([1.0, 0.0]), (MINUTE_MS, 5 * MINUTE_MS), 0, 199)
    >>> [round(ratio, 2) for ratio in found.ratios], found.p_value
    ([6.87, 1.9], 0.005)
    """
    from floodmark.event.kernels.dealing import dealt_pairs

    shifted = at_ms + zone_shift_ms
    stratum = strata_of(at_ms, zone_shift_ms)
    starts = np.append(np.flatnonzero(np.diff(stratum, prepend=stratum[:1] - 1)), at_ms.size).astype(np.int64)
    draws = min(draws, max(FEWEST_DRAWS, _DEALT // max(1, at_ms.size)))
    fine, coarse = shifted // scales_ms[0], shifted // scales_ms[1]

    def dealt(count: int, batch: int) -> Floats:
        """Return the pairs as observed, and those of `count` dealings."""
        return dealt_pairs(classes.astype(np.int64), starts, fine, coarse, weights, count, _SEED + batch)

    means = np.array(
        [expected_pairs(tabulate(at_ms, classes, weights.size, scale, zone_shift_ms), weights) for scale in scales_ms]
    )
    pilot = dealt(_PILOT, 0)
    spread = np.maximum(np.sqrt(((pilot[1:] - means) ** 2).mean(axis=0)), 1e-12)
    observed = float(((pilot[0] - means) / spread).max())
    surprise = np.zeros(0)
    while surprise.size < draws and np.count_nonzero(at_least(surprise, observed)) < AS_SURPRISING:
        sums = dealt(min(_BATCH, draws - surprise.size), 1 + surprise.size)[1:]
        surprise = np.concatenate([surprise, ((sums - means) / spread).max(axis=1)])
    ratios = [float(pilot[0, i] / mean) if mean else 0.0 for i, mean in enumerate(means)]
    return Dealing((ratios[0], ratios[1]), sequential_p(observed, surprise))


def pairs(counts: Counts, weights: Floats) -> Floats:
    """Return, per table, the weighted sum over bins and classes of n (n - 1): ordered pairs alike in bin and class.

    The last two axes of `counts` are bins and classes; `weights` holds one entry a class.

    >>> pairs(np.array([[3, 1], [0, 2]]), np.array([1.0, 0.5])).tolist()
    7.0
    """
    return np.asarray((counts * (counts - 1)).sum(axis=-2) @ weights, dtype=np.float64)


def expected_pairs(cells: Cells, weights: Floats) -> float:
    """Return the mean of `pairs` over the null, exactly; `weights` holds one entry a class.

    >>> cells, ones = Cells(np.array([[3, 1], [0, 2]]), np.array([0, 0])), np.ones(2)
    >>> float(pairs(cells.counts, ones)), expected_pairs(cells, ones)
    (8.0, 5.6)
    """
    return float(_expected(_margins(cells), weights).sum())


@dataclass(frozen=True)
class _Margins:
    """Per half hour: arrivals, ordered pairs in one bin, arrivals per class."""

    total: Counts
    together: Counts
    classes: Counts


def _margins(cells: Cells) -> _Margins:
    rows, size = cells.counts.sum(axis=1), cells.strata
    total = np.bincount(cells.stratum, weights=rows, minlength=size).astype(np.int64)
    together = np.bincount(cells.stratum, weights=rows * (rows - 1), minlength=size).astype(np.int64)
    classes = np.zeros((size, cells.counts.shape[1]), dtype=np.int64)
    np.add.at(classes, cells.stratum, cells.counts)
    return _Margins(total, together, classes)


def _expected(margins: _Margins, weights: Floats) -> Floats:
    alike = (margins.classes * (margins.classes - 1)) @ weights
    return _ratio(margins.together * alike, margins.total * (margins.total - 1))


def _ratio(top: NDArray[np.float64], bottom: NDArray[np.int64]) -> Floats:
    return np.divide(top, bottom, out=np.zeros(np.shape(top), dtype=np.float64), where=bottom > 0)


def ratio_with_interval(cells: Cells, weights: Floats, level: float) -> tuple[float, Interval]:
    """Return observed over expected pairs, with a log-scale interval from the jackknife over arrivals.

    Each arrival is left out in turn (Arvesen 1969, doi 10.1214/aoms/1177697287): what is asked is how far the ratio
    would move with another draw of accounts from the same crowd. With no pair at all the upper end is that of a Poisson
    count of 0. `weights` holds one entry a class. ValueError when no pair is expected.

    >>> cells = Cells(np.array([[30, 10], [5, 30]]), np.array([0, 0]))
    >>> ratio, (low, high) = ratio_with_interval(cells, np.ones(2), 0.95)
    >>> round(ratio, 2), round(low, 2), round(high, 2)
    (1.36, 1.15, 1.61)
    """
    margins = _margins(cells)
    expected = _expected(margins, weights)
    whole_o, whole_e = float(pairs(cells.counts, weights)), float(expected.sum())
    if whole_e <= 0:
        raise ValueError("no pair of arrivals is expected")
    if whole_o <= 0:
        return 0.0, (0.0, -2 * float(np.log((1 - level) / 2)) / whole_e)
    observed_less, expected_less, often = _left_out(cells, margins, expected, weights)
    kept = (observed_less > 0) & (expected_less > 0)
    moved, often = np.log(observed_less[kept] / expected_less[kept]), often[kept]
    order = np.lexsort((often, moved))
    moved, often = moved[order], often[order]
    size = float(often.sum())
    middle = float((moved * often).sum()) / size
    variance = (size - 1) / size * float((often * (moved - middle) ** 2).sum())
    ratio, half = whole_o / whole_e, z_value(level) * float(np.sqrt(variance))
    return ratio, (ratio * float(np.exp(-half)), ratio * float(np.exp(min(half, 50.0))))


def _left_out(cells: Cells, margins: _Margins, expected: Floats, weights: Floats) -> tuple[Floats, Floats, Counts]:
    """Return observed and expected pairs without one arrival of each filled cell, and how many arrivals it holds."""
    row, class_ = np.nonzero(cells.counts)
    home, inside = cells.stratum[row], cells.counts[row, class_]
    observed = float(pairs(cells.counts, weights)) - 2.0 * weights[class_] * (inside - 1)
    together = margins.together[home] - 2 * (cells.counts.sum(axis=1)[row] - 1)
    alike = ((margins.classes * (margins.classes - 1)) @ weights)[home]
    alike = alike - 2.0 * weights[class_] * (margins.classes[home, class_] - 1)
    less = margins.total[home] - 1
    own = _ratio(together * alike, less * (less - 1))
    return observed, float(expected.sum()) - expected[home] + own, inside


def sequential_p(observed: float, drawn: Floats) -> float:
    """Return the p-value of draws that end once AS_SURPRISING are at least as large (Besag & Clifford 1991).

    Those after that one play no part. Without so many: the share as large, the observed one counted.

    >>> sequential_p(0.5, np.ones(60)), sequential_p(0.5, np.zeros(99))
    (1.0, 0.01)
    """
    as_large = np.flatnonzero(at_least(drawn, observed))
    if as_large.size >= AS_SURPRISING:
        return AS_SURPRISING / (1 + int(as_large[AS_SURPRISING - 1]))
    return (1 + as_large.size) / (1 + drawn.size)


def at_least(drawn: Floats, observed: float) -> NDArray[np.bool_]:
    """Return which draws are as large; equal tables can differ in the last digit of a sum.

    >>> at_least(np.array([0.2, 0.3]), 0.1 + 0.2).tolist()
    [False, True]
    """
    return np.asarray(drawn >= observed - 1e-9 * max(1.0, abs(observed)))
