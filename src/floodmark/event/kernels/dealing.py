"""Classes dealt anew to arrivals within their strata, compiled: only sums of pairs are kept, never a table."""

from __future__ import annotations

import numpy as np

from floodmark.compiled import compiled
from floodmark.stats import Counts, Floats


@compiled
def dealt_pairs(
    classes: Counts, starts: Counts, fine: Counts, coarse: Counts, weights: Floats, draws: int, seed: int
) -> Floats:
    """Return, per draw (row), the weighted ordered pairs alike in class and bin: in fine bins, in coarse bins.

    Arrivals are sorted by time; stratum s holds `starts[s]:starts[s + 1]`, `fine` and `coarse` are their bins. Row 0
    holds what was observed, each other row one way to deal the classes of each stratum to its arrivals (Fisher-Yates).
    Randomness is splitmix64's (Steele, Lea & Flood 2014), so that the same seed gives the same draws everywhere.
    Returns draws + 1 rows and two columns. `classes`, `fine` and `coarse` hold one entry an arrival, `weights` one a
    class.

    >>> halves, together = np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64)
    >>> sums = dealt_pairs(halves, np.array([0, 4]), halves, together, np.ones(2), 999, 1)
    >>> sums[0].tolist(), sums[1:].mean(axis=0).round(1).tolist()
    ([4.0, 4.0], [1.3, 4.0])
    """
    state = np.uint64(seed)
    kinds = len(weights)
    dealt = classes.copy()
    sums = np.zeros((draws + 1, 2))
    in_fine, in_coarse = np.zeros(kinds), np.zeros(kinds)
    for draw in range(draws + 1):
        for stratum in range(len(starts) - 1):
            first, last = starts[stratum], starts[stratum + 1]
            if draw > 0:
                for place in range(last - 1, first, -1):
                    state += np.uint64(0x9E3779B97F4A7C15)
                    mixed = state
                    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                    mixed = mixed ^ (mixed >> np.uint64(31))
                    # 32 random bits scaled to the range: the bias is under 1e-5 for a million arrivals.
                    other = first + np.int64(((mixed >> np.uint64(32)) * np.uint64(place - first + 1)) >> np.uint64(32))
                    dealt[place], dealt[other] = dealt[other], dealt[place]
            in_fine[:] = 0.0
            in_coarse[:] = 0.0
            for place in range(first, last):
                if place > first and fine[place] != fine[place - 1]:
                    in_fine[:] = 0.0
                if place > first and coarse[place] != coarse[place - 1]:
                    in_coarse[:] = 0.0
                kind = dealt[place]
                sums[draw, 0] += 2.0 * weights[kind] * in_fine[kind]
                sums[draw, 1] += 2.0 * weights[kind] * in_coarse[kind]
                in_fine[kind] += 1.0
                in_coarse[kind] += 1.0
    return sums
