"""Self-excitation over a background of straight pieces, compiled: fits, and slopes where nothing sets off anything.

Rate at t: mu(t) + n * sum over earlier events s of exp(-(t - s) / tau) / tau, where mu runs straight between knots
`width` apart. The logarithm of the likelihood is concave in the knots' heights and n together, so Newton's method finds
its maximum from any start; one near it costs fewer steps. Times are minutes from the start of the window.
Loops stand where array expressions would do, because those take several times as long to compile.
"""

from __future__ import annotations

import math

import numpy as np

from floodmark.compiled import compiled
from floodmark.stats import Floats

#: A knot without events near it would have height 0 and no curvature; this much of an event keeps it above.
PRIOR = 0.1
_STEPS = 100
#: A step that went too far is halved, until it is this short.
_SHORTEST = 1e-12
#: Logarithms are dear: rates are multiplied until their product leaves this range.
_SMALL, _LARGE = 1e-100, 1e100
#: A step that gains less log likelihood than this is the last.
_STILL = 1e-4


@compiled
def excitations(times: Floats, tau: float) -> Floats:
    """Return, per event, sum over earlier events of exp(-(t - s) / tau) / tau; `times` ascend, all in minutes.

    >>> excitations(np.array([0.0, 1.0, 2.0]), 1.0).round(3).tolist()
    [0.0, 0.368, 0.503]
    """
    out = np.zeros(len(times))
    level = 0.0
    for i in range(1, len(times)):
        level = (level + 1.0) * math.exp(-(times[i] - times[i - 1]) / tau)
        out[i] = level / tau
    return out


@compiled
def offspring(times: Floats, tau: float, end: float) -> float:
    """Return how many direct offspring fall before `end` when each event has one on average; `times` ascend.

    >>> round(offspring(np.array([0.0, 1.0, 2.0]), 1.0, 2.0), 3)
    1.497
    """
    total = 0.0
    for i in range(len(times) - 1, -1, -1):
        left = (end - times[i]) / tau
        if left > 40.0:
            return total + i + 1
        total += 1.0 - math.exp(-left)
    return total


@compiled
def knot_weights(pieces: int, width: float) -> Floats:
    """Return the time that each of the pieces + 1 knots stands for, in minutes.

    >>> knot_weights(3, 10.0).tolist()
    [5.0, 10.0, 10.0, 5.0]
    """
    out = np.full(pieces + 1, width)
    out[0], out[pieces] = width / 2, width / 2
    return out


@compiled
def _solve(diagonal: Floats, beside: Floats, right: Floats) -> Floats:
    """Solve a symmetric system with three diagonals (Thomas)."""
    size = len(diagonal)
    upper, out = np.zeros(size), np.zeros(size)
    pivot = diagonal[0]
    out[0] = right[0] / pivot
    for k in range(1, size):
        upper[k - 1] = beside[k - 1] / pivot
        pivot = diagonal[k] - beside[k - 1] * upper[k - 1]
        out[k] = (right[k] - beside[k - 1] * out[k - 1]) / pivot
    for k in range(size - 2, -1, -1):
        out[k] -= upper[k] * out[k + 1]
    return out


@compiled
def _dot(a: Floats, b: Floats) -> float:
    total = 0.0
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@compiled
def _surface(
    times: Floats, x: Floats, width: float, heights: Floats, n: float, born: float
) -> tuple[float, Floats, Floats, Floats, Floats, float, float]:
    """Return the log likelihood with its prior, its slope and its curvature at one place.

    That is: value, slope of the heights, the two diagonals of their information, cross terms with n, and n's own slope
    and information. Minus infinity and unfinished sums where a rate is not positive.
    """
    pieces = len(heights) - 1
    slope, diagonal, cross = np.zeros(pieces + 1), np.zeros(pieces + 1), np.zeros(pieces + 1)
    beside = np.zeros(pieces)
    value, product, slope_n, own_n = 0.0, 1.0, -born, 0.0
    per_width = 1.0 / width
    for i in range(len(times)):
        at = times[i] * per_width
        k = min(pieces - 1, int(at))
        w = at - k
        rate = heights[k] * (1.0 - w) + heights[k + 1] * w + n * x[i]
        if rate <= 0.0:
            return -np.inf, slope, diagonal, beside, cross, slope_n, own_n
        product *= rate
        if not _SMALL < product < _LARGE:
            value += math.log(product)
            product = 1.0
        one = 1.0 / rate
        a, b, c = (1.0 - w) * one, w * one, x[i] * one
        slope[k] += a
        slope[k + 1] += b
        diagonal[k] += a * a
        diagonal[k + 1] += b * b
        beside[k] += a * b
        cross[k] += a * c
        cross[k + 1] += b * c
        slope_n += c
        own_n += c * c
    value += math.log(product)
    weights = knot_weights(pieces, width)
    for k in range(pieces + 1):
        value += PRIOR * math.log(heights[k]) - weights[k] * heights[k]
        slope[k] += PRIOR / heights[k] - weights[k]
        diagonal[k] += PRIOR / (heights[k] * heights[k])
    return value - n * born, slope, diagonal, beside, cross, slope_n, own_n


@compiled
def start(times: Floats, pieces: int, width: float) -> Floats:
    """Return heights (events a minute) at the pieces + 1 knots that follow the counts around each, none near 0.

    >>> start(np.array([5.0, 5.0, 15.0]), 2, 10.0).round(2).tolist()
    [0.3, 0.2, 0.2]
    """
    heights = np.zeros(pieces + 1)
    for t in times:
        k = min(pieces - 1, int(t / width))
        w = t / width - k
        heights[k] += 1.0 - w
        heights[k + 1] += w
    weights = knot_weights(pieces, width)
    for k in range(pieces + 1):
        heights[k] = (heights[k] + 0.5) / weights[k]
    return heights


@compiled
def fit(
    times: Floats, x: Floats, born: float, width: float, first: Floats, n: float, excited: bool
) -> tuple[Floats, float, float, float]:
    """Return the knots' heights, n (left as it is unless `excited`), the log likelihood, and the information on n.

    The search begins at the heights `first` and `n`, where every rate must be positive. n may come out negative; the
    caller then asks for the slope at 0. `x` and `born` are what `excitations` and `offspring` return.

    >>> times = np.array([1.0, 1.2, 1.4, 30.0, 30.1, 45.0, 45.3, 45.5])
    >>> x, born = excitations(times, 1.0), offspring(times, 1.0, 60.0)
    >>> heights, n, _, _ = fit(times, x, born, 20.0, start(times, 3, 20.0), 0.1, True)
    >>> heights.round(2).tolist(), round(n, 2)
    ([0.15, 0.01, 0.12, 0.02], 0.52)
    """
    size = len(first)
    heights, tried, tried_n = first.copy(), first.copy(), n
    step, step_n, reach, value, information = np.zeros(size), 0.0, 1.0, -np.inf, 0.0
    for _ in range(_STEPS):
        found, slope, diagonal, beside, cross, slope_n, own_n = _surface(times, x, width, tried, tried_n, born)
        if found > value:
            heights[:] = tried
            n, value, reach, step_n = tried_n, found, 1.0, 0.0
            step = _solve(diagonal, beside, slope)
            if excited:
                lean = _solve(diagonal, beside, cross)
                information = max(own_n - _dot(cross, lean), 1e-12)
                step_n = (slope_n - _dot(cross, step)) / information
                for k in range(size):
                    step[k] -= lean[k] * step_n
            if _dot(slope, step) + slope_n * step_n < _STILL:
                break
            for k in range(size):
                if step[k] < 0.0:
                    reach = min(reach, -0.95 * heights[k] / step[k])
        else:
            reach /= 2.0
            if reach < _SHORTEST:
                break
        tried_n = n + reach * step_n
        for k in range(size):
            tried[k] = heights[k] + reach * step[k]
    return heights, n, value, information


@compiled
def slope_at_zero(
    times: Floats, x: Floats, width: float, heights: Floats, born: float
) -> tuple[float, float, Floats, Floats]:
    """Return slope and information of n at 0 with the heights' error taken out, the cross terms, and their solution.

    Arguments are those of `fit`, `heights` its result without excitation. The slope over the root of the information is
    the standardised score.

    >>> times = np.array([1.0, 1.2, 1.4, 30.0, 30.1, 45.0, 45.3, 45.5])
    >>> x, born = excitations(times, 1.0), offspring(times, 1.0, 60.0)
    >>> heights = fit(times, x, 0.0, 20.0, start(times, 3, 20.0), 0.0, False)[0]
    >>> slope, information, _, _ = slope_at_zero(times, x, 20.0, heights, born)
    >>> round(slope / math.sqrt(information), 2)
    2.23
    """
    _, slope, diagonal, beside, cross, slope_n, own_n = _surface(times, x, width, heights, 0.0, born)
    lean = _solve(diagonal, beside, cross)
    return slope_n - _dot(lean, slope), max(own_n - _dot(lean, cross), 1e-12), cross, lean
