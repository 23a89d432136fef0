"""How much of a conversation sets itself off: arrivals triggered by earlier arrivals, against those from outside.

A Hawkes process over a background that may change with time, after Fujita et al. 2018 (arXiv 1808.00810) and Koyama &
Shinomoto 2020 (arXiv 2003.01410): a background that runs straight between knots, and a memory that fades exponentially.
A background that may bend more often explains more; how often it truly bends cannot be seen in the data. So it is
fitted at several distances of the knots, and where these disagree the share is bounded, not measured.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.event.strata import MINUTE_MS
from floodmark.stats import Counts, Floats, Interval, z_value

LEAST_ARRIVALS: Final = 200
#: Wished distances of the knots, in minutes.
WIDTHS: Final = (15.0, 30.0, 60.0, 120.0, 240.0, 480.0)
_PIECES: Final = 3
#: Fading times of the memory, in minutes; those under twice the clock's resolution are left out.
TAUS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_TESTED_TAUS: Final = (1.0, 5.0, 20.0)
#: A stiffer background leaves the running where Schwarz's criterion prefers a more pliant one by more (Raftery 1995).
_CLOSE: Final = 10.0
DRAWS: Final = 199
#: With more arrivals the scores are as good as normal, and their correlations say how the largest falls.
_MANY: Final = 10_000
_NORMAL_DRAWS: Final = 9_999
_SEED: Final = 20200717


@dataclass(frozen=True)
class Background:
    """A fit at one distance of the knots: `share` of arrivals triggered by earlier ones, at the fading time `tau`."""

    width_minutes: float
    tau_minutes: float
    share: float
    interval: Interval
    criterion: float


@dataclass(frozen=True)
class SelfExcitation:
    """The share triggered by earlier arrivals: best fit, range over all fits in the running, and the test of none.

    `agreed` is whether every fit in the running lies in the best one's interval.
    """

    arrivals: int
    share: float
    interval: Interval
    agreed: bool
    p_value: float
    fits: tuple[Background, ...]


def self_excitation(
    at_ms: Counts,
    start_ms: int,
    end_ms: int,
    resolution_ms: int = 1,
    level: float = 0.95,
    draws: int = DRAWS,
    *,
    only_test: bool = False,
) -> SelfExcitation | str:
    """Return how much of the arrivals (UTC ms, ascending, in start <= t < end) others set off, or what is missing.

    `resolution_ms` is that of the clock; ties are spread within it. `draws` is how many series are drawn for the test.
    The p-value is that of no self-excitation: the largest score over three fading times, ranked among series drawn from
    the background alone, with the distance of knots that Akaike's criterion prefers; each drawn series is judged
    against a background fitted to itself. Over 10,000 arrivals, jointly normal scores stand in. `only_test` fits one
    distance and spares the time of the others.

    >>> bursts = np.add.outer(np.arange(25) ** 2 * 23_000, np.arange(10) * 10_000)
    >>> found = self_excitation(np.sort(bursts.ravel()), 0, 14_400_000, draws=19, only_test=True)
    >>> round(found.share, 1), found.p_value
    (0.8, 0.05)
    """
    if at_ms.size < LEAST_ARRIVALS:
        return f"{at_ms.size} arrivals; at least {LEAST_ARRIVALS} are needed"
    length = (end_ms - start_ms) / MINUTE_MS
    grid = _grid(length)
    taus = tuple(tau for tau in TAUS if tau * MINUTE_MS >= 2 * resolution_ms and tau <= length / 6)
    tested = tuple(tau for tau in _TESTED_TAUS if tau in taus) or taus[:1]
    if not grid or not taus:
        return "a window too short for the clock of this data; at least an hour is needed, and a clock of minutes"
    rng = np.random.default_rng(_SEED)
    times = _untied(at_ms - start_ms, resolution_ms, length, rng)
    quiet = tuple(_Quiet.of(times, length, pieces) for pieces in grid)
    fits = tuple(_fit(times, length, still, taus, level) for still in (quiet[:1] if only_test else quiet))
    # A pliant background can take cascades for its own bends, so it is never ruled out by a stiff one: it bounds below.
    running = [
        fit
        for number, fit in enumerate(fits)
        if all(fit.criterion <= finer.criterion + _CLOSE for finer in fits[:number])
    ]
    best = min(running, key=lambda found: (found.criterion, found.width_minutes))
    return SelfExcitation(
        int(times.size),
        best.share,
        (min(found.interval[0] for found in running), max(found.interval[1] for found in running)),
        all(best.interval[0] <= found.share <= best.interval[1] for found in running),
        _p_value(times, length, min(quiet, key=_Quiet.akaike), tested, rng, draws),
        fits,
    )


@dataclass(frozen=True)
class _Quiet:
    """A background fitted as if nothing set off anything: its knots' `heights` and the log likelihood."""

    heights: Floats
    value: float

    @property
    def pieces(self) -> int:
        return self.heights.size - 1

    def akaike(self) -> float:
        return 2 * (self.pieces + 1) - 2 * self.value

    @staticmethod
    def of(times: Floats, length: float, pieces: int) -> _Quiet:
        from floodmark.event.kernels.excitation import fit, start

        width = length / pieces
        heights, _, value, _ = fit(times, np.zeros(times.size), 0.0, width, start(times, pieces, width), 0.0, False)
        return _Quiet(heights, value)


def _grid(length: float) -> list[int]:
    """Return numbers of pieces, most first; two widths that round to one number count once."""
    if length < 60:
        return []
    return sorted({max(_PIECES, round(length / width)) for width in WIDTHS}, reverse=True)


def _untied(since_ms: Counts, resolution_ms: int, length: float, rng: np.random.Generator) -> Floats:
    """Return minutes since the start, ties of the clock spread at random within its resolution."""
    spread = (since_ms + rng.random(since_ms.size) * resolution_ms) / MINUTE_MS
    return np.sort(np.clip(spread, 0.0, np.nextafter(length, 0.0)))


def _fit(times: Floats, length: float, quiet: _Quiet, taus: tuple[float, ...], level: float) -> Background:
    from floodmark.event.kernels.excitation import excitations, fit, offspring, slope_at_zero

    pieces, heights, at_zero = quiet.pieces, quiet.heights, quiet.value
    width, z2, found = length / pieces, z_value(level) ** 2, []
    near, n = heights, 0.0
    for tau in taus:
        x, born = excitations(times, tau), offspring(times, tau, length)
        scale = born / times.size
        slope, information, _, _ = slope_at_zero(times, x, width, heights, born)
        peak, best, middle = at_zero + slope**2 / (2 * information), at_zero, slope / information
        # Downhill at 0 means that 0 is the best; the likelihood beyond is taken from its slope and curve there.
        if slope > 0:
            # The fit at the last fading time is nearer than none, and its rates are positive at this one too.
            near, n, best, information = fit(times, x, born, width, near, max(0.0, n), True)
            peak, middle = best, n
        found.append((best, peak, tau, middle * scale, np.sqrt(information) / scale))
    top, _, tau, share, _ = max(found, key=lambda item: (item[0], -item[2]))
    lows, highs = [], []
    for _, value, _, middle, root in found:
        room = 2 * (value - top) + z2
        if room > 0:
            lows.append(middle - np.sqrt(room) / root)
            highs.append(middle + np.sqrt(room) / root)
    criterion = -2 * top + (pieces + 3) * np.log(times.size)
    return Background(
        width,
        tau,
        float(np.clip(share, 0.0, 1.0)),
        (float(np.clip(min(lows), 0.0, 1.0)), float(np.clip(max(highs), 0.0, 1.0))),
        float(criterion),
    )


def _p_value(
    times: Floats, length: float, quiet: _Quiet, taus: tuple[float, ...], rng: np.random.Generator, draws: int
) -> float:
    if times.size > _MANY:
        z, mixed = _scores(times, length, quiet.heights, taus)
        normal = rng.standard_normal((_NORMAL_DRAWS, z.size)) @ np.linalg.cholesky(mixed + 1e-9 * np.eye(z.size)).T
        return (1 + int(np.count_nonzero(normal.max(axis=1) >= z.max()))) / (1 + _NORMAL_DRAWS)
    pieces, heights = quiet.pieces, quiet.heights
    width = length / pieces
    mass = (heights[:-1] + heights[1:]) * width / 2
    counts = rng.poisson(mass, (draws, pieces))
    drawn = np.split(_placed(heights, width, counts, rng), np.cumsum(counts.sum(axis=1))[:-1])
    # The observed series is judged like the drawn ones: each against a background fitted to itself.
    highest = np.array([_highest(own, length, pieces, taus) for own in (times, *drawn)])
    return (1 + int(np.count_nonzero(highest[1:] >= highest[0] - 1e-9))) / (1 + draws)


def _highest(times: Floats, length: float, pieces: int, taus: tuple[float, ...]) -> float:
    """Return the largest standardised score over the fading times, with a background fitted to the series itself."""
    from floodmark.event.kernels.excitation import excitations, offspring, slope_at_zero

    heights, found = _Quiet.of(times, length, pieces).heights, []
    for tau in taus:
        x, born = excitations(times, tau), offspring(times, tau, length)
        slope, information, _, _ = slope_at_zero(times, x, length / pieces, heights, born)
        found.append(float(slope / np.sqrt(information)))
    return max(found)


def _scores(times: Floats, length: float, heights: Floats, taus: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Return the standardised score of each fading time, and their correlations under chance."""
    from floodmark.event.kernels.excitation import excitations, offspring, slope_at_zero

    width = length / (heights.size - 1)
    rate = np.interp(times, np.arange(heights.size) * width, heights)
    xs = [excitations(times, tau) for tau in taus]
    found = [
        slope_at_zero(times, x, width, heights, offspring(times, tau, length)) for x, tau in zip(xs, taus, strict=True)
    ]
    z = np.array([slope / np.sqrt(information) for slope, information, _, _ in found])
    mixed = np.eye(z.size)
    for i, j in itertools.combinations(range(z.size), 2):
        # What the background's own error has in common is taken out.
        shared = float((xs[i] * xs[j] / rate**2).sum()) - float(found[i][2] @ found[j][3])
        mixed[i, j] = mixed[j, i] = shared / np.sqrt(found[i][1] * found[j][1])
    return z, mixed


def _placed(heights: Floats, width: float, counts: Counts, rng: np.random.Generator) -> Floats:
    """Return times of the drawn series one after the other, ascending within each, straight densities on the pieces."""
    draws, pieces = counts.shape
    series = np.repeat(np.arange(draws), counts.sum(axis=1))
    piece = np.repeat(np.tile(np.arange(pieces), draws), counts.ravel())
    first, last = heights[piece], heights[piece + 1]
    u = rng.random(piece.size)
    root = np.sqrt(first**2 + u * (last**2 - first**2))
    inside = u * (first + last) / (first + root)
    times = (piece + np.clip(inside, 0.0, 1.0)) * width
    # One sort of all: a series is moved past the end of the one before it, and back.
    moved = series * (2 * pieces * width)
    return np.asarray(np.clip(np.sort(moved + times) - moved, 0.0, np.nextafter(pieces * width, 0.0)))
