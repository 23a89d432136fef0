"""Spikes: counts per bin against a seasonal negative-binomial baseline, and against that with the event's own lift.

The expected count of a bin is the baseline's mean for its local hour of the week, shrunk to hour-of-day times weekday.
How far counts stray from it is measured day by day on predictions that did not see the day, so the spread holds both
the conversation's own unrest and the error of the estimate. P-values are then raised to what the baseline's own bins
reach, because real bursts are heavier than the model's tail. The same is done once more with a slow lift (`lift.py`) in
both the window and the baseline: an announced event raises every bin, and only what is faster than that is odd.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from floodmark import stats
from floodmark.event.levels import needed_gain, residuals, shifts
from floodmark.event.lift import LIFT_HOURS, lower_spread, with_lift
from floodmark.stats import Counts, Floats

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

#: Expected share of false spikes among the spikes found.
FALSE_DISCOVERY: Final = 0.05
#: Fewer days of baseline than this cannot show how much one day differs from the next.
LEAST_DAYS: Final = 7
#: Fewer posts than this in the whole baseline say nothing about a quarter of an hour.
LEAST_POSTS: Final = 50
_COARSEST_MINUTES: Final = 60
_CELLS: Final = 168
_PRIOR_WEEKS: Final = 4
#: Bins of the baseline that show how heavy the tail is, at least.
_TAIL_BINS: Final = 20
_SMALLEST_P: Final = 1e-300
#: Standard errors added to the estimated dispersion: its own error must not turn ordinary hours into spikes.
_MARGIN_FULL: Final = 1.0
_MARGIN_SHORT: Final = 2.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """Where to look: event and baseline in UTC ms, the zone of the daily rhythm, the wished bin, the days wanted.

    `announced_ms` are moments inside the event that were announced: at them its own lift may jump.
    """

    start_ms: int
    end_ms: int
    baseline_start_ms: int
    baseline_end_ms: int
    zone: str
    bin_minutes: int = 15
    baseline_days: int = 28
    announced_ms: tuple[int, ...] = ()


@dataclass(frozen=True)
class Spikes:
    """Bins of the event window: start (UTC ms), count, expected count, largest ordinary count, p-value, verdict.

    `before` has the first four columns for the day before the window. `weekly` says whether the weekly rhythm could be
    fitted. `peak` is the bin with the largest count, `ratio` its count over the expected one with an interval.

    The same against the event's own lift: `lifted` is the expected count with it, `lifted_upper` the largest ordinary
    one, `lifted_dispersion` how far counts ordinarily stray, `beyond_p` the p-values of "no more than rhythm and lift
    let expect" (at least those against the rhythm), `is_beyond` the verdict on this series alone.
    `whole` is the window's posts over the expected ones with an interval.
    `levels` are stretches between change points: first bin, bin after the last, posts, expected posts; one stretch
    without a change point, none where the baseline is too short to tell.
    """

    bin_minutes: int
    days: int
    baseline_posts: int
    weekly: bool
    dispersion: float
    at_ms: Counts
    counts: Counts
    expected: Floats
    upper: Counts
    p_values: Floats
    is_spike: np.ndarray
    before: tuple[tuple[int, int, float, int], ...]
    peak: int
    ratio: tuple[float, float, float]
    lifted: Floats
    lifted_upper: Counts
    lifted_dispersion: float
    beyond_p: Floats
    is_beyond: np.ndarray
    whole: tuple[float, float, float]
    levels: tuple[tuple[int, int, int, float], ...]


def find_spikes(times_ms: Counts, collected_days: Counts, window: Window, level: float = 0.95) -> Spikes | str:
    """Return the spikes of one series of posts, or in words what is missing for that.

    `times_ms` are the times of its posts (any order); `collected_days` are the 24-hour blocks in which the collection
    holds any post, counted from the window's start (-1 is the day before it): a block without posts is a gap in the
    collection, not a quiet day.
    """
    times = np.sort(times_ms)
    inside = int(np.count_nonzero((times >= window.start_ms) & (times < window.end_ms)))
    if not inside:
        return "no posts in the event window"
    blocks = _baseline_blocks(window, collected_days)
    if blocks.size < LEAST_DAYS:
        return f"{blocks.size} days of baseline with posts; at least {LEAST_DAYS} are needed"
    minutes = window.bin_minutes
    bins, counts = _baseline_bins(times, window, blocks, minutes)
    while minutes * 2 <= _COARSEST_MINUTES and counts.sum() < counts.size:
        minutes *= 2
        bins, counts = _baseline_bins(times, window, blocks, minutes)
    if counts.sum() < LEAST_POSTS:
        return f"{int(counts.sum())} posts in the baseline; at least {LEAST_POSTS} are needed"
    return _judge(times, bins, counts, window, minutes, level)


def tail(counts: Counts, means: Floats, dispersion: float) -> Floats:
    """Return P(Y >= count) for counts with a mean and variance mean + dispersion * mean^2 (Poisson at dispersion 0).

    >>> tail(np.array([0, 3]), np.array([1.0, 1.0]), 0.0).round(4).tolist()
    [1.0, 0.0803]
    """
    from scipy.special import betainc, gammainc

    at_least_one = np.maximum(counts, 1)
    if dispersion > 0:
        size = 1 / dispersion
        p = betainc(at_least_one, size, means / (means + size))
    else:
        p = gammainc(at_least_one, means)
    return np.where(counts <= 0, 1.0, p)


def largest_ordinary(means: Floats, dispersion: float, tail_share: float) -> Counts:
    """Return the largest count whose P(Y >= count) still exceeds `tail_share`, by bisection.

    >>> largest_ordinary(np.array([1.0]), 0.0, 0.025).tolist()
    [3]
    """
    low = np.zeros(means.size, dtype=np.int64)
    high = np.maximum(1, means.astype(np.int64))
    while (more := tail(high, means, dispersion) > tail_share).any():
        high = np.where(more, high * 2, high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        ordinary = tail(middle, means, dispersion) > tail_share
        low, high = np.where(ordinary, middle, low), np.where(ordinary, high, middle)
    return low


def collection_artefact(times_ms: Counts) -> str | None:
    """Return in words what makes hourly counts look like the collector's doing, or None.

    Looks for many busy hours with one and the same count, for two hours far above the others that are equal within
    1 % and not neighbours (a cap), and for posts from only a few minutes of each hour.
    """
    hours, hour_counts = np.unique(times_ms // HOUR_MS, return_counts=True)
    busy = hour_counts >= 20
    if busy.sum() < 4:
        return None
    _, repeats = np.unique(hour_counts[busy], return_counts=True)
    if repeats.max() >= 4 and repeats.max() * 2 >= busy.sum():
        return "at least half of the busy hours hold exactly the same number of posts"
    minutes = np.unique(times_ms // MINUTE_MS)
    _, minutes_used = np.unique(minutes[np.isin(minutes // 60, hours[busy])] // 60, return_counts=True)
    if np.median(minutes_used) <= 10:
        return "posts fall into a few minutes of each hour"
    high = (hour_counts * 2 >= hour_counts.max()) & (hour_counts >= 10 * np.median(hour_counts))
    tall, at = hour_counts[high], hours[high]
    close = np.abs(tall[:, None] - tall[None, :]) <= 0.01 * hour_counts.max()
    apart = np.abs(at[:, None] - at[None, :]) > 1
    if (close & apart).any():
        return "hours far apart are cut off at nearly the same number of posts, with little between them"
    return None


def _baseline_blocks(window: Window, collected_days: Counts) -> Counts:
    blocks = np.unique(collected_days)
    starts = window.start_ms + blocks * DAY_MS
    return blocks[(starts >= window.baseline_start_ms) & (starts < window.baseline_end_ms)]


def _baseline_bins(times: Counts, window: Window, blocks: Counts, minutes: int) -> tuple[Counts, Counts]:
    """Return the baseline's bins (counted from the window's start, so negative) and the posts in each."""
    width = minutes * MINUTE_MS
    first = -((window.start_ms - window.baseline_start_ms) // width)
    last = (window.baseline_end_ms - window.start_ms) // width
    every = np.arange(first, last, dtype=np.int64)
    counts = _count(times, window.start_ms, width, first, last)
    kept = np.isin(every * width // DAY_MS, blocks)
    return every[kept], counts[kept]


def _count(times: Counts, start_ms: int, width_ms: int, first: int, last: int) -> Counts:
    edges = start_ms + np.arange(first, last + 1, dtype=np.int64) * width_ms
    return np.diff(np.searchsorted(times, edges)).astype(np.int64)


def _judge(times: Counts, bins: Counts, counts: Counts, window: Window, minutes: int, level: float) -> Spikes:
    width = minutes * MINUTE_MS
    days, day = np.unique(bins * width // DAY_MS, return_inverse=True)
    weekly = days.size >= window.baseline_days
    cells = _hours_of_week(bins, window, width)
    shape = (days.size, _CELLS)
    posts = np.bincount(day * _CELLS + cells, weights=counts, minlength=days.size * _CELLS).reshape(shape)
    seen = np.bincount(day * _CELLS + cells, minlength=days.size * _CELLS).reshape(shape).astype(np.float64)
    per_hour = max(1.0, _COARSEST_MINUTES / minutes)
    means = _cell_means(posts.sum(0), seen.sum(0), per_hour, weekly)
    # One prediction for each day, made without that day.
    unseen = _cell_means(posts.sum(0) - posts, seen.sum(0) - seen, per_hour, weekly)
    predicted, margin = unseen[day, cells], _MARGIN_FULL if weekly else _MARGIN_SHORT
    dispersion = _dispersion(counts, predicted, day, margin)

    length = window.end_ms - window.start_ms
    last = -(-length // width)
    event = np.arange(last, dtype=np.int64)
    exposure = np.minimum(1.0, (length - event * width) / width)
    event_counts = _count(times[times < window.end_ms], window.start_ms, width, 0, last)
    event_cells = _hours_of_week(event, window, width)
    expected = means[event_cells] * exposure
    p_values = calibrated(tail(event_counts, expected, dispersion), tail(counts, predicted, dispersion))
    tail_share = (1 - level) / 2
    per_knot = LIFT_HOURS * HOUR_MS / width
    usual = with_lift(counts, predicted, bins, per_knot, dispersion)
    jumps = (np.array(window.announced_ms, dtype=np.int64) - window.start_ms) // width
    lifted = with_lift(event_counts, expected, event, per_knot, dispersion, jumps)
    # One coefficient a knot is fitted to the very counts that are judged.
    usual_spread = _dispersion(counts, usual, day, margin, spare=per_knot / (per_knot - 1))
    spread = max(usual_spread, lower_spread(event_counts, lifted))
    beyond_p = np.maximum(p_values, calibrated(tail(event_counts, lifted, spread), tail(counts, usual, usual_spread)))
    peak = int(np.lexsort((event, -event_counts / expected, -event_counts))[0])
    return Spikes(
        bin_minutes=minutes,
        days=int(days.size),
        baseline_posts=int(counts.sum()),
        weekly=weekly,
        dispersion=dispersion,
        at_ms=window.start_ms + event * width,
        counts=event_counts,
        expected=expected,
        upper=largest_ordinary(expected, dispersion, tail_share),
        p_values=p_values,
        is_spike=stats.bh(p_values, FALSE_DISCOVERY),
        before=_day_before(times, window, width, means, dispersion, tail_share),
        peak=peak,
        ratio=ratio_to_expected(int(event_counts[peak]), float(expected[peak]), unseen[:, event_cells[peak]], level),
        lifted=lifted,
        lifted_upper=largest_ordinary(lifted, spread, tail_share),
        lifted_dispersion=spread,
        beyond_p=beyond_p,
        is_beyond=stats.bh(beyond_p, FALSE_DISCOVERY),
        whole=_whole(event_counts, lifted, spread, (unseen[:, event_cells] * exposure).sum(1), expected, level),
        levels=_levels(
            event_counts, expected, _stretches(bins, residuals(counts, predicted, dispersion), last), dispersion
        ),
    )


def _whole(
    counts: Counts, lifted: Floats, spread: float, leave_one_out: Floats, expected: Floats, level: float
) -> tuple[float, float, float]:
    """Return all posts over all expected ones; the count's error is that of bins which stray around the lift."""
    total, due = int(counts.sum()), float(expected.sum())
    independent = float((lifted + spread * lifted**2).sum())
    effective = total**2 / independent if independent > 0 else 0.0
    ratio, low, high = ratio_to_expected(total, due, leave_one_out, level, effective)
    return ratio, low, high


def _stretches(bins: Counts, values: Floats, size: int) -> list[Floats]:
    """Return the baseline's values in stretches of `size` neighbouring bins, the latest first, none in a gap."""
    found, last = [], values.size
    while last >= size:
        if bins[last - 1] - bins[last - size] == size - 1:
            found.append(values[last - size : last])
            last -= size
        else:
            last -= 1
    return found


def _levels(
    counts: Counts, expected: Floats, stretches: list[Floats], dispersion: float
) -> tuple[tuple[int, int, int, float], ...]:
    least_gain = needed_gain(stretches)
    if least_gain is None:
        return ()
    edges = [0, *shifts(residuals(counts, expected, dispersion), least_gain), counts.size]
    return tuple(
        (first, last, int(counts[first:last].sum()), float(expected[first:last].sum()))
        for first, last in itertools.pairwise(edges)
    )


def calibrated(p_values: Floats, usual: Floats) -> Floats:
    """Raise p-values to what those of the baseline (`usual`, each bin judged without its day) show to be common.

    Among the baseline's bins a p-value is raised to the share that is as small. Past the smallest 2 % of them (at least
    _TAIL_BINS) -log(p) is taken to fall off exponentially, as fast as those bins do (peaks over threshold, Pickands
    1975), with one standard error to spare and never faster than the model: where real bursts are heavier than the
    model's, the baseline shows it.
    """
    surprise, known = -np.log(np.maximum(p_values, _SMALLEST_P)), np.sort(-np.log(np.maximum(usual, _SMALLEST_P)))
    size = min(known.size - 1, max(_TAIL_BINS, known.size // 50))
    threshold = known[-size - 1]
    excess = float((known[-size:] - threshold).mean())
    scale = max(1.0, excess * (1 + 1 / np.sqrt(size)))
    as_small = known.size - np.searchsorted(known, surprise, side="left")
    inside = (1 + as_small) / (1 + known.size)
    beyond = (1 + size) / (1 + known.size) * np.exp(-np.maximum(0.0, surprise - threshold) / scale)
    return np.asarray(np.maximum(p_values, np.where(surprise <= threshold, inside, beyond)))


def _day_before(
    times: Counts, window: Window, width: int, means: Floats, dispersion: float, tail_share: float
) -> tuple[tuple[int, int, float, int], ...]:
    bins = np.arange(-(DAY_MS // width), 0, dtype=np.int64)
    counts = _count(times, window.start_ms, width, -bins.size, 0)
    expected = means[_hours_of_week(bins, window, width)]
    upper = largest_ordinary(expected, dispersion, tail_share)
    rows = zip(window.start_ms + bins * width, counts, expected, upper, strict=True)
    return tuple((int(at), int(count), float(mean), int(most)) for at, count, mean, most in rows)


def _hours_of_week(bins: Counts, window: Window, width: int) -> Counts:
    """Return the local hour of the week (0 is Monday 00:00) at the middle of each bin, by that date's offset."""
    middles = window.start_ms + bins * width + width // 2
    hours, place = np.unique(middles // HOUR_MS, return_inverse=True)
    shift = np.array([_offset_ms(int(hour), window.zone) for hour in hours], dtype=np.int64)
    # 1 January 1970 was a Thursday.
    return np.asarray((middles + shift[place] + 3 * DAY_MS) // HOUR_MS % _CELLS, dtype=np.int64)


@cache
def _offset_ms(hour: int, zone: str) -> int:
    """Return how far local time is ahead of UTC in an hour that is counted from 1970."""
    offset = (_EPOCH + timedelta(hours=hour)).astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    return round(offset.total_seconds() * 1000)


def _cell_means(posts: Floats, seen: Floats, per_hour: float, weekly: bool) -> Floats:
    """Return the mean count of a bin in each hour of the week, from posts and bins seen per hour of the week.

    Works on the last axis (168 cells). Each step is shrunk to the one before: overall mean, hour of the day (by one
    day), weekday (by one day), hour of the week (by four weeks). Without `weekly` it stops at the hour of the day.
    """
    week = (*posts.shape[:-1], 7, 24)
    posts, seen = posts.reshape(week), seen.reshape(week)
    total = posts.sum((-1, -2))[..., None] / seen.sum((-1, -2))[..., None]
    hour = (posts.sum(-2) + per_hour * total) / (seen.sum(-2) + per_hour)
    if not weekly:
        return np.repeat(hour[..., None, :], 7, axis=-2).reshape(*week[:-2], _CELLS)
    day = 24 * per_hour * total
    # Where nothing at all is left (all posts fell on the one day left out) every mean is zero, and so is the level.
    due = (seen * hour[..., None, :]).sum(-1) + day
    weekday = np.divide(posts.sum(-1) + day, due, out=np.zeros_like(due), where=due > 0)
    product = hour[..., None, :] * weekday[..., None]
    weight = _PRIOR_WEEKS * per_hour
    return np.asarray((posts + weight * product) / (seen + weight)).reshape(*week[:-2], _CELLS)


def _dispersion(counts: Counts, predicted: Floats, day: Counts, margin: float, spare: float = 1.0) -> float:
    """Return the dispersion of counts around predictions made without their day, plus `margin` standard errors.

    Moments: sum((y - m)^2 - m) / sum(m^2), with whole days as the independent units of its error. `spare` makes up for
    predictions that were fitted to these counts.
    """
    excess = np.bincount(day, weights=(counts - predicted) ** 2 * spare - predicted)
    scale = np.bincount(day, weights=predicted**2)
    whole = scale.sum()
    if whole <= 0:
        return 1.0
    found = excess.sum() / whole
    units = excess.size
    error = np.sqrt(units / (units - 1) * ((excess - found * scale) ** 2).sum()) / whole
    return float(max(0.0, found + margin * error))


def ratio_to_expected(
    count: int, expected: float, leave_one_out: Floats, level: float, effective: float | None = None
) -> tuple[float, float, float]:
    """Return count / expected with an interval from the count's Poisson error and the baseline's, on the log scale.

    The baseline's error is the jackknife over its days. Without posts the upper end is the exact Poisson one.
    `effective` is what the count is worth where posts depend on each other.
    """
    if count == 0:
        return 0.0, 0.0, float(-np.log((1 - level) / 2)) / expected
    logs = np.log(np.maximum(leave_one_out, 1e-12))
    days = logs.size
    jackknife = (days - 1) / days * float(((logs - logs.mean()) ** 2).sum())
    half = stats.z_value(level) * float(np.sqrt(1 / (effective or count) + jackknife))
    ratio = count / expected
    return ratio, ratio * float(np.exp(-half)), ratio * float(np.exp(half))
