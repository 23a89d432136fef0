"""Composition surprise: given how many accounts come in each bin, is the mix of those that come together odd?

One test for each column: age of the account, followers, language. Each account counts once, at its first arrival in the
window, so that nobody's habits count twice. If the mix had nothing to do with the moment within a half hour, dealing
the classes anew to the arrivals of the half hour would give as many alike in one bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.event import strata
from floodmark.event.arrivals import UNKNOWN, Arrivals
from floodmark.event.strata import MINUTE_MS
from floodmark.stats import Counts, Floats, Interval

SCALES_MS: Final = (5 * MINUTE_MS, 15 * MINUTE_MS)
COLUMNS: Final = ("age", "followers", "language")
LEAST_ACCOUNTS: Final = 100
#: A class with fewer accounts is counted with its neighbour: one account alone makes no mix.
LEAST_CLASS: Final = 5
LEAST_PAIRS: Final = 5.0


@dataclass(frozen=True)
class Composition:
    """How much likelier two accounts of one quarter of an hour are alike than two of one half hour, and the test.

    `oddest` is the bin and class with the largest standardised excess: start (UTC ms), class, accounts of it, expected,
    accounts of any.
    """

    known: int
    unknown: int
    ratio: float
    interval: Interval
    p_value: float
    ratios: tuple[float, float]
    oddest: tuple[int, str, int, float, int]


def composition(arrivals: Arrivals, column: str, level: float = 0.95, draws: int = strata.DRAWS) -> Composition | str:
    """Return the test of one column over one roster's arrivals, or in words what is missing for it.

    Rare classes weigh as much as frequent ones (pairs alike are weighted by 1 / share of the class) in the test; the
    ratio counts pairs of accounts as they are. KeyError where the arrivals do not have the column.

    >>> age, names = np.where(np.arange(120) // 20 == 2, 0, 1), ("new", "old")
    >>> at_ms, first = 900_000 + np.arange(120) * 15_000, np.ones(120, dtype=bool)
    >>> crowd = Arrivals(at_ms, np.arange(120), first, attributes={"age": age}, names={"age": names})
    >>> found = composition(crowd, "age")
    >>> round(found.ratio, 2), found.p_value, found.oddest
    (1.08, 0.001, (900000, 'new', 20, 10.0, 60))
    """
    once = arrivals.once()
    values, names = (once.attributes or {})[column], (once.names or {})[column]
    known = values != UNKNOWN
    at_ms = once.at_ms[known]
    if at_ms.size < LEAST_ACCOUNTS:
        return f"{at_ms.size} accounts with a known value; at least {LEAST_ACCOUNTS} are needed"
    classes, kept = _frequent(values[known], names)
    if len(kept) < 2:
        return "all accounts with a known value are of one class"
    ones = np.ones(len(kept), dtype=np.float64)
    cells = strata.tabulate(at_ms, classes, len(kept), SCALES_MS[-1], once.zone_shift_ms)
    if strata.expected_pairs(cells, ones) < 2 * LEAST_PAIRS:
        return f"{at_ms.size} accounts, too far apart: fewer than {LEAST_PAIRS:g} alike in a quarter of an hour"
    weights = at_ms.size / np.bincount(classes, minlength=len(kept)).astype(np.float64)
    ratio, interval = strata.ratio_with_interval(cells, ones, level)
    dealing = strata.deal(at_ms, classes, weights, SCALES_MS, once.zone_shift_ms, draws)
    return Composition(
        int(at_ms.size),
        int(values.size - at_ms.size),
        ratio,
        interval,
        dealing.p_value,
        dealing.ratios,
        _oddest(at_ms, classes, kept, once.zone_shift_ms),
    )


def _frequent(values: Counts, names: tuple[str, ...]) -> tuple[Counts, tuple[str, ...]]:
    """Renumber classes so that each has LEAST_CLASS accounts or more; rarer ones share the last place."""
    counts = np.bincount(values, minlength=len(names))
    big = [number for number in range(len(names)) if counts[number] >= LEAST_CLASS]
    rare = int(counts.sum() - counts[big].sum())
    place = np.full(len(names), len(big), dtype=np.int64)
    place[big] = np.arange(len(big))
    kept = tuple(names[number] for number in big)
    if rare and rare < LEAST_CLASS and big:
        place[place == len(big)] = len(big) - 1
        kept = (*kept[:-1], f"{kept[-1]} and rarer ones")
    elif rare:
        kept = (*kept, "rarer ones")
    return place[values], kept


def _oddest(at_ms: Counts, classes: Counts, names: tuple[str, ...], shift_ms: int) -> tuple[int, str, int, float, int]:
    width = SCALES_MS[-1]
    cells = strata.tabulate(at_ms, classes, len(names), width, shift_ms)
    bins = np.unique((at_ms + shift_ms) // width)
    rows = cells.counts.sum(axis=1)
    per_half_hour = np.zeros((cells.strata, len(names)), dtype=np.float64)
    np.add.at(per_half_hour, cells.stratum, cells.counts)
    total: Floats = per_half_hour.sum(axis=1)
    share = (per_half_hour / total[:, None])[cells.stratum]
    expected = rows[:, None] * share
    # Of a table with fixed margins (Haberman 1973).
    rest = (total[cells.stratum] - rows) / np.maximum(1.0, total[cells.stratum] - 1)
    spread = np.sqrt(np.maximum(expected * (1 - share) * rest[:, None], 1e-12))
    excess = np.where(expected * (1 - share) * rest[:, None] > 1e-9, (cells.counts - expected) / spread, 0.0)
    row, column = np.unravel_index(int(np.argmax(np.round(excess, 9))), excess.shape)
    start = int(bins[row]) * width - shift_ms
    return start, names[column], int(cells.counts[row, column]), float(expected[row, column]), int(rows[row])
