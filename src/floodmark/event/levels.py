"""Change points: when the level of a series shifts against its baseline's rhythm, and by how much.

Binary segmentation (Scott & Knott 1974) on residuals that a variance-stabilising transform has made alike. Residuals of
neighbouring bins depend on each other, so no textbook penalty is right: a split must gain more than the best splits of
the baseline's own stretches of the window's length let expect.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.stats import Counts, Floats

#: How often a stretch without any shift may seem to have one.
FALSE_SHIFT: Final = 0.05
#: Fewer stretches of baseline than this cannot show what their best splits gain.
LEAST_STRETCHES: Final = 4
#: A level lasts at least so many bins; shorter things are spikes.
_SHORTEST: Final = 4
_MOST_SHIFTS: Final = 20
_MILD: Final = 0.375


def residuals(counts: Counts, means: Floats, dispersion: float) -> Floats:
    """Return how far counts lie from their means in standard deviations, nearly normal for negative binomials.

    Anscombe's transform (1948): 2 / sqrt(a) * asinh(sqrt(a * y)), 2 * sqrt(y) for a Poisson.

    >>> residuals(np.array([4]), np.array([4.0]), 0.0).tolist()
    [0.0]
    """
    high, low = counts + _MILD, means + _MILD
    if dispersion <= 0:
        return np.asarray(2 * (np.sqrt(high) - np.sqrt(low)))
    root = np.sqrt(dispersion)
    return np.asarray(2 / root * (np.arcsinh(root * np.sqrt(high)) - np.arcsinh(root * np.sqrt(low))))


def best_split(values: Floats) -> tuple[int, float]:
    """Return where to split values in two (the first index of the right part) and the squared error that it saves.

    (0, 0.0) where they are too few. Of equal splits the first counts.

    >>> best_split(np.array([0.0] * 5 + [1.0] * 5))
    (5, 2.5)
    """
    size = values.size
    if size < 2 * _SHORTEST:
        return 0, 0.0
    left = np.cumsum(values)[_SHORTEST - 1 : size - _SHORTEST]
    before = np.arange(_SHORTEST, size - _SHORTEST + 1)
    apart = left / before - (values.sum() - left) / (size - before)
    gains = apart**2 * before * (size - before) / size
    at = int(np.argmax(gains))
    return int(before[at]), float(gains[at])


def needed_gain(stretches: list[Floats]) -> float | None:
    """Return the gain that the best split of a stretch like these exceeds in FALSE_SHIFT of cases; None for too few.

    The upper half of the gains is taken to fall off exponentially, with one standard error to spare; never less than
    the largest gain seen. Stretches are series of residuals, each of one value a bin.

    >>> stretches = [np.repeat([0.0, step], 4) for step in (1, 2, 3, 4)]
    >>> round(needed_gain(stretches), 1), needed_gain(stretches[:1])
    (45.5, None)
    """
    if len(stretches) < LEAST_STRETCHES:
        return None
    gains = np.sort([best_split(values)[1] for values in stretches])
    half = gains[gains.size // 2 :]
    scale = float((half - half[0]).mean()) * (1 + 1 / np.sqrt(half.size))
    share = half.size / gains.size
    return max(float(gains[-1]), float(half[0] + scale * np.log(share / FALSE_SHIFT)))


def shifts(values: Floats, least_gain: float) -> list[int]:
    """Return the indices at which a new level begins, ascending; the part with the largest gain is split first.

    >>> shifts(np.array([0.0] * 8 + [5.0] * 8 + [0.0] * 8), 20.0)
    [8, 16]
    """
    parts = [(0, values.size)]
    found: list[int] = []
    while len(found) < _MOST_SHIFTS:
        splits = [(best_split(values[first:last]), first, last) for first, last in parts]
        (at, gain), first, last = max(splits, key=lambda item: (item[0][1], -item[1]))
        if gain <= least_gain:
            break
        parts.remove((first, last))
        parts += [(first, first + at), (first + at, last)]
        found.append(first + at)
    return sorted(found)
