"""Tests of the rhythm of single accounts, compiled: even gaps, marks of the clock, days without a quiet stretch.

Each takes timelines (`starts`, `at_ms` sorted within an account) and returns arrays of one value an account; a p-value
of NaN means that the account has too little to be judged.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floodmark.compiled import compiled

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]
Column = NDArray[Any]


@compiled
def tail(hits: int, trials: int, chance: float) -> float:
    """Return P(Binomial(trials, chance) >= hits).

    >>> round(tail(9, 10, 0.5), 6)
    0.010742
    """
    if hits <= 0 or chance >= 1.0:
        return 1.0
    if chance <= 0.0 or hits > trials:
        return 0.0
    if hits <= trials * chance:  # below the mean: sum the other side, where terms fall
        return 1.0 - _below(hits, trials, chance)
    total = 0.0
    term = _term(hits, trials, chance)
    for k in range(hits, trials + 1):
        total += term
        if term < 1e-16 * total:
            break
        term *= (trials - k) / (k + 1.0) * chance / (1.0 - chance)
    return min(1.0, total)


@compiled
def _below(hits: int, trials: int, chance: float) -> float:
    total = 0.0
    for k in range(hits):
        total += _term(k, trials, chance)
    return min(1.0, total)


@compiled
def _term(k: int, trials: int, chance: float) -> float:
    return math.exp(
        math.lgamma(trials + 1.0)
        - math.lgamma(k + 1.0)
        - math.lgamma(trials - k + 1.0)
        + k * math.log(chance)
        + (trials - k) * math.log1p(-chance)
    )


@compiled
def even_gaps(
    starts: Int64s, at_ms: Int64s, shortest_ms: Int64s, longest_ms: int, width: float, steepness: float, minimum: int
) -> tuple[Floats, Int64s, Int64s, Floats]:
    """Scan each account's gaps for one length that is too common for a smooth spread.

    Of the gaps between half and double a length, so many should lie within `width` (relative) of it as the narrow
    band's share of the wide one's log length, times `steepness` at most. Lengths scanned: every gap; Bonferroni over
    them. Lengths outside [shortest_ms of the account, longest_ms] are not scanned; fewer than `minimum`: NaN. Returns
    p-values, the length, gaps in the band, and the entropy of the gaps in bits (half-octaves).
    """
    count = len(starts) - 1
    p_values, lengths = np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    in_band, entropy = np.zeros(count, dtype=np.int64), np.full(count, np.nan)
    chance = steepness * math.log((1 + width) / (1 - width)) / math.log(4.0)
    for account in range(count):
        times = at_ms[starts[account] : starts[account + 1]]
        gaps = np.diff(times)
        shortest = shortest_ms[account]
        # The wide band of the first and last lengths reaches further than they do.
        gaps = np.sort(gaps[(gaps * 2 >= shortest) & (gaps <= 2 * longest_ms)])
        judged = gaps[(gaps >= shortest) & (gaps <= longest_ms)]
        if len(judged) < minimum:
            continue
        entropy[account] = _entropy(judged)
        best, low, high, left, right = 1.0, 0, 0, 0, 0
        best_hits, best_trials = 0, 0
        for place in range(len(gaps)):
            centre = gaps[place]
            if centre < shortest or centre > longest_ms:
                continue
            while gaps[low] < centre * (1 - width):
                low += 1
            while high < len(gaps) and gaps[high] <= centre * (1 + width):
                high += 1
            while gaps[left] * 2 < centre:
                left += 1
            while right < len(gaps) and gaps[right] <= centre * 2:
                right += 1
            # The centre itself is no evidence: it is there by choice.
            hits, trials = high - low - 1, right - left - 1
            # Fewer hits in more gaps have no smaller p-value.
            if hits <= chance * trials + 1 or (hits <= best_hits and trials >= best_trials):
                continue
            p = tail(hits, trials, chance) * len(judged)
            if p < best or (p == best and high - low > in_band[account]):
                best, lengths[account], in_band[account] = p, centre, high - low
                best_hits, best_trials = hits, trials
        p_values[account] = min(1.0, best)
    return p_values, lengths, in_band, entropy


@compiled
def _entropy(gaps: Int64s) -> float:
    counts = np.zeros(130, dtype=np.int64)
    for gap in gaps:
        counts[int(2 * math.log2(gap))] += 1
    total = 0.0
    for number in counts:
        if number:
            total -= number / len(gaps) * math.log2(number / len(gaps))
    return total


@compiled
def clock_marks(
    starts: Int64s, at_ms: Int64s, resolution_ms: Int64s, periods_ms: Int64s, ticks: int, minimum: int
) -> tuple[Floats, Int64s, Floats, Int64s]:
    """Test each account for posts at one phase of a period of the clock (Rayleigh), Bonferroni over the periods.

    After a post that counts the next one counts that comes between one and two periods later or more, by a fixed
    sequence as good as drawn: so a burst counts once wherever the borders of the cycles lie, and somebody who posts all
    the time counts at any phase. A period shorter than `ticks` ticks of the clock, or
    with fewer than `minimum` such posts, is left out; none left: NaN. Returns p-values, the period, the mean resultant
    length there (1: all at one phase) and the posts that counted.
    """
    count = len(starts) - 1
    p_values, period = np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    resultant, counted = np.zeros(count), np.zeros(count, dtype=np.int64)
    for account in range(count):
        times = at_ms[starts[account] : starts[account + 1]]
        tested = 0
        best = 2.0
        for length in periods_ms:
            if length < ticks * resolution_ms[account]:
                continue
            posts, strength = _phases(times, length)
            if posts < minimum:
                continue
            tested += 1
            p = _rayleigh(posts, strength)
            if p < best:
                best, period[account], resultant[account], counted[account] = p, length, strength, posts
        if tested:
            p_values[account] = min(1.0, best * tested)
    return p_values, period, resultant, counted


@compiled
def _phases(times: Int64s, length: int) -> tuple[int, float]:
    posts, cosine, sine = 0, 0.0, 0.0
    free = times[0]  # from here on a post counts
    for at in times:
        if at < free:
            continue
        angle = 2 * math.pi * (at % length) / length
        cosine += math.cos(angle)
        sine += math.sin(angle)
        posts += 1
        # Golden-ratio steps mixed by squaring: no pattern of the clock lines up with them.
        drawn = (posts * 0.6180339887498949) % 1.0
        drawn = (drawn * drawn * 7919.0) % 1.0
        free = at + length + np.int64(drawn * length)
    return posts, math.hypot(cosine, sine) / max(1, posts)


@compiled
def _rayleigh(posts: int, strength: float) -> float:
    # Zar 1999, equation 27.4; within a few per cent from ten posts on.
    n, r = float(posts), posts * strength
    return min(1.0, math.exp(math.sqrt(1 + 4 * n + 4 * (n * n - r * r)) - (1 + 2 * n)))


@compiled
def sleepless_days(
    starts: Int64s, at_ms: Int64s, quiet_ms: int, day_ms: int, chance: float, minimum: int
) -> tuple[Floats, Int64s, Int64s]:
    """Count each account's days that no quiet stretch of `quiet_ms` touches, against `chance` of such a day.

    Days are those of UTC strictly between the first and the last post's; days with a stretch have one that lies in
    them or reaches into them, so that nights around midnight belong to two days. Fewer than `minimum` days: NaN.
    Returns p-values, days without a quiet stretch and days.
    """
    count = len(starts) - 1
    p_values, sleepless = np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    days = np.zeros(count, dtype=np.int64)
    for account in range(count):
        times = at_ms[starts[account] : starts[account + 1]]
        first, last = times[0] // day_ms + 1, times[-1] // day_ms
        days[account] = max(0, last - first)
        if days[account] < minimum:
            continue
        quiet, covered = 0, first  # days before `covered` are settled
        for place in range(1, len(times)):
            if times[place] - times[place - 1] < quiet_ms:
                continue
            low = max(covered, times[place - 1] // day_ms)
            high = min(last - 1, (times[place] - 1) // day_ms)
            if high >= low:
                quiet += high - low + 1
                covered = high + 1
        sleepless[account] = days[account] - quiet
        p_values[account] = tail(sleepless[account], days[account], chance)
    return p_values, sleepless, days
