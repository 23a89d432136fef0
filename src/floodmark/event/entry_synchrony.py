"""Entry synchrony: do new participants arrive more closely together than returning ones in the same half hour?

The reference is the crowd's own returning accounts: if all that brings people is the rhythm of the day, the event and
what everyone sees, then within a half hour it is chance which arrivals are new. Bursts that bring both alike pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.event import strata
from floodmark.event.arrivals import Arrivals
from floodmark.event.strata import MINUTE_MS
from floodmark.stats import Interval

#: Bins in which new participants may crowd; the ratio is given for the last.
SCALES_MS: Final = (MINUTE_MS, 5 * MINUTE_MS)
#: Fewer of either kind say nothing about synchrony.
LEAST_ARRIVALS: Final = 50
#: Expected pairs of new participants in a bin, at least.
LEAST_PAIRS: Final = 5.0
_NEW_ONLY: Final = np.array([1.0, 0.0])


@dataclass(frozen=True)
class EntrySynchrony:
    """Pairs of new participants that came within the same five minutes, over what chance gives, and the test.

    `p_value` takes both scales together; `busiest` is the bin with the largest excess of new participants: start (UTC
    ms), new, expected new, all arrivals.
    """

    new: int
    returning: int
    ratio: float
    interval: Interval
    p_value: float
    ratios: tuple[float, float]
    busiest: tuple[int, int, float, int]


def entry_synchrony(arrivals: Arrivals, level: float = 0.95, draws: int = strata.DRAWS) -> EntrySynchrony | str:
    """Return the test of one roster's arrivals, or in words what is missing for it.

    The p-value is exact where new and returning arrivals are exchangeable within half hours: the largest standardised
    excess over the scales, ranked among `draws` ways to deal out who is new.

    >>> at_ms = np.sort(np.append(np.arange(300) * 10_000, np.full(60, 1_000_000)))
    >>> found = entry_synchrony(Arrivals(at_ms, np.arange(360), at_ms == 1_000_000))
    >>> round(found.ratio, 1), found.p_value, found.busiest
    (4.6, 0.001, (900000, 61, 22.875, 90))
    """
    once = arrivals.once_per_stratum()
    new = int(np.count_nonzero(once.is_new))
    returning = once.at_ms.size - new
    if min(new, returning) < LEAST_ARRIVALS:
        return (
            f"{new} first posts and {returning} arrivals of accounts seen before; at least {LEAST_ARRIVALS} of each"
            " are needed"
        )
    first = arrivals.once()
    known = int(np.count_nonzero(~first.is_new))
    if known < LEAST_ARRIVALS:
        return (
            f"{known} of {first.at_ms.size} participants posted before the event; at least {LEAST_ARRIVALS} are needed,"
            " or nobody can tell who is new"
        )
    classes = np.where(once.is_new, 0, 1).astype(np.int64)
    coarse = strata.tabulate(once.at_ms, classes, 2, SCALES_MS[-1], once.zone_shift_ms)
    if strata.expected_pairs(coarse, _NEW_ONLY) < 2 * LEAST_PAIRS:
        return f"{new} first posts, too far apart: fewer than {LEAST_PAIRS:g} pairs within five minutes are expected"
    ratio, interval = strata.ratio_with_interval(coarse, _NEW_ONLY, level)
    dealing = strata.deal(once.at_ms, classes, _NEW_ONLY, SCALES_MS, once.zone_shift_ms, draws)
    return EntrySynchrony(
        new,
        returning,
        ratio,
        interval,
        dealing.p_value,
        dealing.ratios,
        _busiest(once, coarse),
    )


def _busiest(once: Arrivals, cells: strata.Cells) -> tuple[int, int, float, int]:
    bins = np.unique((once.at_ms + once.zone_shift_ms) // SCALES_MS[-1])
    rows = cells.counts.sum(axis=1)
    new = np.bincount(cells.stratum, weights=cells.counts[:, 0])
    total = np.bincount(cells.stratum, weights=rows)
    expected = rows * (new / total)[cells.stratum]
    place = int(np.lexsort((bins, -(cells.counts[:, 0] - expected)))[0])
    start = int(bins[place]) * SCALES_MS[-1] - once.zone_shift_ms
    return start, int(cells.counts[place, 0]), float(expected[place]), int(rows[place])
