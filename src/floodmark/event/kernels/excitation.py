"""Self-excitation over a background of straight pieces, compiled: fits, and scores of drawn series.

Rate at t: mu(t) + n * sum over earlier events s of exp(-(t - s) / tau) / tau, where mu runs straight between knots
`width` apart. The logarithm of the likelihood is concave in the knots' heights and n together, so Newton's method finds
its maximum. Times are minutes from the start of the window.
"""

from __future__ import annotations

import math

import numpy as np

from floodmark.event.kernels.compiled import compiled
from floodmark.stats import Counts, Floats

#: A knot without events near it would have height 0 and no curvature; this much of an event keeps it above.
PRIOR = 0.1
_STEPS = 60
#: A step that gains less log likelihood than this is the last.
_STILL = 1e-5


@compiled
def excitations(times: Floats, tau: float) -> Floats:
    """Return, per event, sum over earlier events of exp(-(t - s) / tau) / tau; `times` ascend."""
    out = np.zeros(len(times))
    level = 0.0
    for i in range(1, len(times)):
        level = (level + 1.0) * math.exp(-(times[i] - times[i - 1]) / tau)
        out[i] = level / tau
    return out


@compiled
def offspring(times: Floats, tau: float, end: float) -> float:
    """Return how many direct offspring fall before `end` when each event has one on average."""
    total = 0.0
    for i in range(len(times) - 1, -1, -1):
        left = (end - times[i]) / tau
        if left > 40.0:
            return total + i + 1
        total += 1.0 - math.exp(-left)
    return total


@compiled
def knot_weights(pieces: int, width: float) -> Floats:
    """Return the time that each of the pieces + 1 knots stands for."""
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
def _loglik(times: Floats, x: Floats, width: float, heights: Floats, n: float, born: float) -> float:
    """Return the log likelihood with its prior; minus infinity where a rate is not positive."""
    pieces = len(heights) - 1
    total = 0.0
    for i in range(len(times)):
        k = min(pieces - 1, int(times[i] / width))
        w = times[i] / width - k
        rate = heights[k] * (1.0 - w) + heights[k + 1] * w + n * x[i]
        if rate <= 0.0:
            return -np.inf
        total += math.log(rate)
    weights = knot_weights(pieces, width)
    for k in range(pieces + 1):
        total += PRIOR * math.log(heights[k]) - weights[k] * heights[k]
    return total - n * born


@compiled
def _curvature(
    times: Floats, x: Floats, width: float, heights: Floats, n: float, born: float
) -> tuple[Floats, Floats, Floats, Floats, float, float]:
    """Return slope of the heights, the two diagonals of their information, cross terms with n, and n's own two."""
    pieces = len(heights) - 1
    slope, diagonal, cross = np.zeros(pieces + 1), np.zeros(pieces + 1), np.zeros(pieces + 1)
    beside = np.zeros(pieces)
    slope_n, own_n = -born, 0.0
    for i in range(len(times)):
        k = min(pieces - 1, int(times[i] / width))
        w = times[i] / width - k
        rate = heights[k] * (1.0 - w) + heights[k + 1] * w + n * x[i]
        a, b, c = (1.0 - w) / rate, w / rate, x[i] / rate
        slope[k] += a
        slope[k + 1] += b
        diagonal[k] += a * a
        diagonal[k + 1] += b * b
        beside[k] += a * b
        cross[k] += a * c
        cross[k + 1] += b * c
        slope_n += c
        own_n += c * c
    weights = knot_weights(pieces, width)
    for k in range(pieces + 1):
        slope[k] += PRIOR / heights[k] - weights[k]
        diagonal[k] += PRIOR / (heights[k] * heights[k])
    return slope, diagonal, beside, cross, slope_n, own_n


@compiled
def _start(times: Floats, pieces: int, width: float) -> Floats:
    """Return heights that follow the counts around each knot, none near 0."""
    heights = np.zeros(pieces + 1)
    for t in times:
        k = min(pieces - 1, int(t / width))
        w = t / width - k
        heights[k] += 1.0 - w
        heights[k + 1] += w
    weights = knot_weights(pieces, width)
    return (heights + 0.5) / weights


@compiled
def fit(
    times: Floats, x: Floats, born: float, pieces: int, width: float, excited: bool
) -> tuple[Floats, float, float, float]:
    """Return the knots' heights, n (0 unless `excited`), the log likelihood, and the information on n.

    n may come out negative; the caller then asks for the slope at 0.
    """
    heights, n = _start(times, pieces, width), 0.0
    value = _loglik(times, x, width, heights, n, born)
    information = 0.0
    for _ in range(_STEPS):
        slope, diagonal, beside, cross, slope_n, own_n = _curvature(times, x, width, heights, n, born)
        step = _solve(diagonal, beside, slope)
        lean = _solve(diagonal, beside, cross)
        information = max(own_n - np.dot(cross, lean), 1e-12)
        step_n = 0.0
        if excited:
            step_n = (slope_n - np.dot(cross, step)) / information
        step = step - lean * step_n
        gain = np.dot(slope, step) + slope_n * step_n if excited else np.dot(slope, step)
        if gain < _STILL:
            break
        reach = 1.0
        for k in range(pieces + 1):
            if step[k] < 0.0:
                reach = min(reach, -0.95 * heights[k] / step[k])
        better = -np.inf
        for _ in range(40):
            better = _loglik(times, x, width, heights + reach * step, n + reach * step_n, born)
            if better > value:
                break
            reach /= 2.0
        if not better > value:
            break
        heights, n, value = heights + reach * step, n + reach * step_n, better
    return heights, n, value, information


@compiled
def slope_at_zero(
    times: Floats, x: Floats, width: float, heights: Floats, born: float
) -> tuple[float, float, Floats, Floats]:
    """Return slope and information of n at 0 with the heights' error taken out, the cross terms, and their solution."""
    slope, diagonal, beside, cross, slope_n, own_n = _curvature(times, x, width, heights, 0.0, born)
    lean = _solve(diagonal, beside, cross)
    return slope_n - np.dot(lean, slope), max(own_n - np.dot(lean, cross), 1e-12), cross, lean


@compiled
def scores(times: Floats, width: float, heights: Floats, taus: Floats, end: float) -> tuple[Floats, Floats]:
    """Return the standardised score of n at 0 for each scale, and their correlations under chance."""
    size = len(taus)
    z, mixed = np.zeros(size), np.eye(size)
    xs = np.zeros((size, len(times)))
    crosses, leans = np.zeros((size, len(heights))), np.zeros((size, len(heights)))
    infos = np.zeros(size)
    for i in range(size):
        xs[i] = excitations(times, taus[i])
        born = offspring(times, taus[i], end)
        slope, infos[i], crosses[i], leans[i] = slope_at_zero(times, xs[i], width, heights, born)
        z[i] = slope / math.sqrt(infos[i])
    pieces = len(heights) - 1
    for place in range(len(times)):
        k = min(pieces - 1, int(times[place] / width))
        w = times[place] / width - k
        rate = heights[k] * (1.0 - w) + heights[k + 1] * w
        for i in range(size):
            for j in range(i):
                mixed[i, j] += xs[i, place] * xs[j, place] / (rate * rate)
    for i in range(size):
        for j in range(i):
            mixed[i, j] = (mixed[i, j] - np.dot(crosses[i], leans[j])) / math.sqrt(infos[i] * infos[j])
            mixed[j, i] = mixed[i, j]
    return z, mixed


@compiled
def drawn_scores(times: Floats, starts: Counts, pieces: int, width: float, taus: Floats) -> Floats:
    """Return the largest of `scores` of each series `times[starts[i]:starts[i + 1]]`, its background fitted anew."""
    out = np.empty(len(starts) - 1)
    for i in range(len(starts) - 1):
        own = times[starts[i] : starts[i + 1]]
        heights, _, _, _ = fit(own, np.zeros(len(own)), 0.0, pieces, width, False)
        best = -np.inf
        for tau in taus:
            x, born = excitations(own, tau), offspring(own, tau, pieces * width)
            slope, information, _, _ = slope_at_zero(own, x, width, heights, born)
            best = max(best, slope / math.sqrt(information))
        out[i] = best
    return out
