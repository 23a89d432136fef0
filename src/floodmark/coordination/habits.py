"""What an account does anyway: its delays behind first posts, the marks of its clock, its times of day.

Each is an innocent explanation of timing, asked of the account's other actions: had they been about this object, how
many of them would have landed beside the group? Method: docs/decisions/0006. Times are ms, shares 0..1.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from floodmark.compiled import compiled
from floodmark.coordination.beside import count_landing, lands
from floodmark.coordination.pairs import EPISODE_GAP_MS
from floodmark.coordination.prepare import Prepared
from floodmark.coordination.result import Int64s
from floodmark.coordination.tail import binomial_tail

#: The marks that scheduling tools offer, widest first, and how soon after one a post appears.
SLOTS_MS: Final = (3_600_000, 1_800_000, 900_000, 600_000, 300_000)
_ON_MARK_MS: Final = 30_000
_FEWEST_FOR_SLOTS: Final = 5
_SLOTS_AROUND: Final = 4
#: Periods of programs that start by their own clock, in minutes, and how unlikely chance must be.
_PERIODS_MIN: Final = (5, 60)
_PERIOD_P: Final = 0.001
_BIN_MS: Final = 15_000
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
#: Weight, in actions, of an account's pace anywhere within its pace on the objects of a group: those are often few.
_PSEUDO_LINES: Final = 5.0
#: With fewer actions on other days their times of day count as so many.
_FEWEST_OTHER_DAYS: Final = 5


class Pace(NamedTuple):
    """What accounts do anywhere. `delay_ms` is each action's delay behind the first other sharer of its object.

    Sorted within each account, where `by_account` holds its actions: `in_order` those delays, `at_ms` the times,
    `of_day_ms` the times of day (UTC). `slot_ms` is the distance of the marks on which an account acts most of the time
    (a scheduler's quarter hours, a program's seven minutes), 0 for none.
    """

    delay_ms: Int64s
    in_order: Int64s
    at_ms: Int64s
    of_day_ms: Int64s
    slot_ms: Int64s


@compiled
def pace_of(prepared: Prepared) -> Pace:
    """Return the pace of every account."""
    n, n_accounts = len(prepared.account), len(prepared.account_starts) - 1
    delay, slot = np.empty(n, np.int64), np.zeros(n_accounts, np.int64)
    in_order, at_ms, of_day = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        delay[i] = prepared.at_ms[i] - _first_other(i, prepared)
    bins = np.zeros(_PERIODS_MIN[1] * _MINUTE_MS // _BIN_MS, np.int64)
    for a in range(n_accounts):
        low, high = prepared.account_starts[a], prepared.account_starts[a + 1]
        mine = prepared.by_account[low:high]
        in_order[low:high] = np.sort(delay[mine])
        at_ms[low:high] = np.sort(prepared.at_ms[mine])
        of_day[low:high] = np.sort(at_ms[low:high] % _DAY_MS)
        slot[a] = _marks(at_ms[low:high], bins)
    return Pace(delay, in_order, at_ms, of_day, slot)


@compiled
def _first_other(i: int, prepared: Prepared) -> int:
    first = prepared.object_starts[prepared.object[i]]
    return int(prepared.at_ms[first + (prepared.account[first] == prepared.account[i])])


@compiled
def _marks(at_ms: Int64s, bins: Int64s) -> int:
    """Return the distance of the marks on which most of an account's times (ascending) lie, 0 where there are none."""
    if len(at_ms) < _FEWEST_FOR_SLOTS:
        return 0
    for slot_ms in SLOTS_MS:
        on_mark = 0
        for t in at_ms:
            on_mark += t % slot_ms <= _ON_MARK_MS
        if 2 * on_mark >= len(at_ms):
            return slot_ms
    return _period(at_ms, bins)


@compiled
def _period(at_ms: Int64s, bins: Int64s) -> int:
    """Return the period, in whole minutes, at one phase of which most of an account's sittings begin; 0 for none."""
    starts = np.empty(len(at_ms), np.int64)
    n = 0
    for k in range(len(at_ms)):
        if k == 0 or at_ms[k] - at_ms[k - 1] >= EPISODE_GAP_MS:
            starts[n] = at_ms[k]
            n += 1
    if n < _FEWEST_FOR_SLOTS:
        return 0
    shortest, longest = _PERIODS_MIN
    found, smallest = 0, _PERIOD_P / (longest - shortest + 1)
    for minutes in range(shortest, longest + 1):
        period = minutes * _MINUTE_MS
        n_bins = period // _BIN_MS
        bins[:n_bins] = 0
        for t in starts[:n]:
            bins[t % period // _BIN_MS] += 1
        most = 0
        for b in range(n_bins):
            most = max(most, bins[b] + bins[(b + 1) % n_bins])
        if 2 * most < n:
            continue
        # Any of n may be the one at whose phase the others lie.
        p = n * binomial_tail(most - 1, n - 1, 2.0 * _BIN_MS / period)
        if p < smallest:
            found, smallest = period, p
    return found


@compiled
def own_chance(
    at: int,
    moved: int,
    anywhere: Int64s,
    here: Int64s,
    slot: int,
    events: Int64s,
    window: int,
    before: int,
    x_lands: bool,
) -> float:
    """Return the largest share of x's other actions that would have landed beside the events, put where x acted `at`.

    `anywhere` are x's delays behind the first other sharer, ascending, and `here` those on objects on which the group
    was in step: who is quick with one source only is quick there. `moved` is when the first other shared this object,
    `slot` the distance of the marks of x's clock; where it has one, delays up to the next mark are asked too.
    """
    others = max(1, len(anywhere) - 1)
    found = (count_landing(anywhere, moved, events, window, before) - x_lands) / others
    nearby = count_landing(here, moved, events, window, before) - x_lands
    found = max(found, (nearby + _PSEUDO_LINES * found) / (len(here) - 1 + _PSEUDO_LINES))
    if slot:
        # Others on the same mark can be seconds later than x: who is ready so soon after it still takes it.
        waiting = _count_until_marks(anywhere, moved - _ON_MARK_MS, at, slot, events, window, before) - x_lands
        found = max(found, waiting / others)
    return found


@compiled
def marks_chance(at: int, slot_ms: int, events: Int64s, window: int, before: int) -> float:
    """Return the share of the marks up to four before and after `at`, itself left out, that would land too.

    >>> marks_chance(0, 900_000, np.array([900_000 - 1_000]), 60_000, 0)
    0.125
    """
    landing = 0
    for k in range(-_SLOTS_AROUND, _SLOTS_AROUND + 1):
        if k:
            after, either, _ = lands(at + k * slot_ms, events, window)
            landing += either if before else after
    return landing / (2 * _SLOTS_AROUND)


@compiled
def _count_until_marks(delays: Int64s, moved: int, at: int, slot: int, events: Int64s, window: int, before: int) -> int:
    """Count sorted delays that, behind `moved` and up to the next mark at + k * slot, land beside the events."""
    count, last = 0, -(1 << 62)
    for t in events:
        first = -((at - (t - before + (0 if before else 1))) // slot)
        for k in range(max(first, last + 1), (t + window - at) // slot + 1):
            mark = at + k * slot
            up_to, after = (
                np.searchsorted(delays, mark - moved, "right"),
                np.searchsorted(delays, mark - slot - moved, "right"),
            )
            count += int(up_to - after)
            last = k
    return count


@compiled
def times_of_day_chance(
    at: int, first: int, times: Int64s, of_day: Int64s, events: Int64s, window: int, before: int
) -> float:
    """Return the share of times over half a day off that land beside the events, moved by whole days towards `at`.

    Asked are those that, so moved, lie in the day around `at`, and those in what of it lies between `first` and the
    window after `at`, whichever share is larger: whoever reads in breaks shares a thing in the next break.

    >>> noon = 43_200_000
    >>> times = np.array([noon + day * _DAY_MS for day in range(6)])
    >>> times_of_day_chance(noon, noon - 60_000, times, times % _DAY_MS, np.array([noon - 1_000]), 60_000, 0)
    1.0
    """
    day, end_of_day = at - _DAY_MS // 2, at + _DAY_MS // 2 - 1
    if times[0] >= day and times[-1] <= end_of_day:
        return 0.0
    since, until = max(first, day), min(at + window, end_of_day)
    if len(times) <= 8 * len(events):
        return _of_day_by_times(day, end_of_day, since, until, times, events, window, before)
    near = times[np.searchsorted(times, day, "left") : np.searchsorted(times, end_of_day, "right")]
    landing, landing_since, k, n = 0, 0, 0, len(events)
    while k < n:
        start, end = events[k] - before, events[k] + window
        while k + 1 < n and events[k + 1] - before <= end:
            k += 1
            end = events[k] + window
        k += 1
        start += before == 0
        landing += _moved_between(max(start, day), min(end, end_of_day), near, of_day)
        landing_since += _moved_between(max(start, since), min(end, until), near, of_day)
    others, others_since = len(times) - len(near), _moved_between(since, until, near, of_day)
    return max(landing / max(others, _FEWEST_OTHER_DAYS), landing_since / max(others_since, _FEWEST_OTHER_DAYS))


@compiled
def _of_day_by_times(
    day: int, end_of_day: int, since: int, until: int, times: Int64s, events: Int64s, window: int, before: int
) -> float:
    """Return the same, by asking each time: cheaper where events are many."""
    others, others_since, landing, landing_since = 0, 0, 0, 0
    for t in times:
        if day <= t <= end_of_day:
            continue
        moved = day + (t - day) % _DAY_MS
        after, either, _ = lands(moved, events, window)
        hit = either if before else after
        others += 1
        landing += hit
        if since <= moved <= until:
            others_since += 1
            landing_since += hit
    return max(landing / max(others, _FEWEST_OTHER_DAYS), landing_since / max(others_since, _FEWEST_OTHER_DAYS))


@compiled
def _moved_between(start: int, end: int, near: Int64s, of_day: Int64s) -> int:
    """Return how many times of other days lie between two moments at most a day apart, moved by whole days."""
    if start > end:
        return 0
    low, high = start % _DAY_MS, end % _DAY_MS
    found = int(np.searchsorted(of_day, high, "right") - np.searchsorted(of_day, low, "left"))
    if low > high:
        found += len(of_day)
    return found - int(np.searchsorted(near, end, "right") - np.searchsorted(near, start, "left"))
