"""What a group did together: on which objects, when its members were in step, and who else landed beside them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from floodmark.compiled import compiled
from floodmark.coordination.prepare import Prepared
from floodmark.coordination.result import Floats, Int32s, Int64s


class Together(NamedTuple):
    """Objects on which at least two of a group acted, and the positions of their actions in the order of time."""

    objects: Int32s
    starts: Int64s
    positions: Int32s


class Steps(NamedTuple):
    """Per window w and object k of a group: the times at which at least two of it were in step, and what lies beside.

    The times are `events[starts[w, k]:starts[w, k] + counts[w, k]]`. `landed[w, side, k]` counts the others within the
    window after them (side 0) or either way (1); `covered` is the length of those windows' union, in windows.
    """

    starts: Int64s
    counts: Int32s
    events: Int64s
    landed: Int64s
    covered: Floats


@compiled
def count_landing(values: Int64s, offset: int, events: Int64s, window: int, before: int) -> int:
    """Count sorted values that, moved by `offset`, lie in (t, t + window] of an event t; `before` widens to [t-W, t+W].

    `before` is 0 or the window.
    """
    count, n = 0, len(events)
    if len(values) < n // 8:
        for value in values:
            after, either, _ = lands(value + offset, events, window)
            count += either if before else after
        return count
    k = 0
    while k < n:
        start = events[k] - before
        end = events[k] + window
        while k + 1 < n and events[k + 1] - before <= end:
            k += 1
            end = events[k] + window
        k += 1
        # Times are whole: what is above start - 1 is at or above start.
        above = start - (before > 0)
        count += np.searchsorted(values, end - offset, "right") - np.searchsorted(values, above - offset, "right")
    return count


@compiled
def covered(events: Int64s, window: int, before: int) -> int:
    """Return the length of the union of the events' windows, in ms."""
    total, last = 0, events[0] - before
    for t in events:
        total += t + window - max(t - before, last)
        last = t + window
    return total


@compiled
def lands(at: int, events: Int64s, window: int) -> tuple[bool, bool, bool]:
    """Return whether a time lies within the window after an event, either way of one, and before all events near it."""
    k = np.searchsorted(events, at, "left")
    after = bool(k > 0 and at - events[k - 1] <= window)
    tie = bool(k < len(events) and events[k] == at)
    ahead = bool(k < len(events) and events[k] - at <= window)
    return after, after or ahead, ahead and not after and not tie


@compiled
def in_step(times: Int64s, window: int, events: Int64s) -> int:
    """Put the times that have another within the window into `events`; return how many."""
    n = 0
    for k in range(len(times)):
        if (k and times[k] - times[k - 1] <= window) or (k + 1 < len(times) and times[k + 1] - times[k] <= window):
            events[n] = times[k]
            n += 1
    return n


@compiled
def together_of(members: Int32s, prepared: Prepared, slot: Int32s) -> Together:
    """Return the objects that at least two of `members` share; `slot` (per object, all -1) then numbers them."""
    total = 0
    for v in members:
        for i in prepared.by_account[prepared.account_starts[v] : prepared.account_starts[v + 1]]:
            slot[prepared.object[i]] -= 1
            total += 1
    objects, starts, positions = np.empty(total, np.int32), np.zeros(total + 1, np.int64), np.empty(total, np.int32)
    n = 0
    for v in members:
        for i in prepared.by_account[prepared.account_starts[v] : prepared.account_starts[v + 1]]:
            o = prepared.object[i]
            if slot[o] <= -3:
                starts[n + 1] = starts[n] - 1 - slot[o]
                objects[n] = o
                slot[o] = n
                n += 1
            elif slot[o] == -2:
                slot[o] = -1
    filled = starts[:n].copy()
    for v in members:
        for i in prepared.by_account[prepared.account_starts[v] : prepared.account_starts[v + 1]]:
            k = slot[prepared.object[i]]
            if k >= 0:
                positions[filled[k]] = i
                filled[k] += 1
    for k in range(n):
        positions[starts[k] : starts[k + 1]].sort()
    return Together(objects[:n].copy(), starts[: n + 1].copy(), positions[: starts[n]].copy())


@compiled
def others_beside(
    o: int, members: Int64s, events: Int64s, window: int, before: int, prepared: Prepared
) -> tuple[int, float]:
    """Return how many of object o's sharers but `members` landed beside the events, and what the windows cover."""
    times = prepared.at_ms[prepared.object_starts[o] : prepared.object_starts[o + 1]]
    landed = count_landing(times, 0, events, window, before) - count_landing(members, 0, events, window, before)
    return landed, covered(events, window, before) / window


@compiled
def steps_of(together: Together, prepared: Prepared, windows_ms: Int64s) -> Steps:
    """Return the steps of a whole group."""
    n_windows, n_objects, total = len(windows_ms), len(together.objects), len(together.positions)
    starts, counts = np.zeros((n_windows, n_objects), np.int64), np.zeros((n_windows, n_objects), np.int32)
    events, filled = np.empty(n_windows * total, np.int64), 0
    landed, length = np.zeros((n_windows, 2, n_objects), np.int64), np.zeros((n_windows, 2, n_objects))
    for k in range(n_objects):
        members = prepared.at_ms[together.positions[together.starts[k] : together.starts[k + 1]]]
        for w in range(n_windows):
            starts[w, k] = filled
            counts[w, k] = in_step(members, windows_ms[w], events[filled:])
            found = events[filled : filled + counts[w, k]]
            filled += counts[w, k]
            if len(found):
                for side in range(2):
                    landed[w, side, k], length[w, side, k] = others_beside(
                        together.objects[k], members, found, windows_ms[w], windows_ms[w] * side, prepared
                    )
    return Steps(starts, counts, events, landed, length)


@compiled
def lands_without(
    x: int, i: int, first: int, last: int, positions: Int32s, inside: np.ndarray, prepared: Prepared, window: int
) -> tuple[bool, bool, bool]:
    """Return what `lands` says of x's action i among the members inside, without x, who are in step with one another.

    Looks only near i in `positions[first:last]`, the group's actions on one object: for objects that many share.
    """
    at = prepared.at_ms[i]
    place = first + int(np.searchsorted(positions[first:last], i))
    after = tie = ahead = False
    for step in (-1, 1):
        k = place + step
        while first <= k < last and abs(prepared.at_ms[positions[k]] - at) <= window:
            if _is_in_step(k, x, first, last, positions, inside, prepared, window):
                distance = prepared.at_ms[positions[k]] - at
                after, tie, ahead = after or distance < 0, tie or distance == 0, ahead or distance > 0
                if distance != 0:
                    break
            k += step
    return after, after or tie or ahead, (tie or ahead) and not after and not tie


@compiled
def _is_in_step(
    k: int, x: int, first: int, last: int, positions: Int32s, inside: np.ndarray, prepared: Prepared, window: int
) -> bool:
    """Return whether the member at place k has another, not x, within the window."""
    if not inside[prepared.account[positions[k]]] or prepared.account[positions[k]] == x:
        return False
    at = prepared.at_ms[positions[k]]
    for step in (-1, 1):
        m = k + step
        while first <= m < last and abs(prepared.at_ms[positions[m]] - at) <= window:
            account = prepared.account[positions[m]]
            if account != x and inside[account]:
                return True
            m += step
    return False
