"""What one account did beside a group: a line per object on which the group was in step, with the chance of a hit.

The chance of a hit is the larger of what outsiders of the same object do and of what the account does anyway.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from floodmark.compiled import compiled
from floodmark.coordination.beside import Steps, Together, in_step, lands, lands_without, others_beside
from floodmark.coordination.habits import Pace, marks_chance, own_chance, times_of_day_chance
from floodmark.coordination.prepare import Prepared
from floodmark.coordination.rates import PSEUDO_SHARERS, Rates, size_class
from floodmark.coordination.result import Floats, Int32s, Int64s

#: On objects with fewer outsiders x's own delays are not asked: a campaign's own objects have nobody else.
_ENOUGH_OUTSIDERS: Final = 3
#: With more of the group on an object, x is left out of the hits only, not of the chances.
_MANY: Final = 32
#: The questions put to each account; each gets its own p-value.
OWN_PACE, NO_TRIGGER, EITHER_WAY = range(3)
QUESTIONS: Final = 3


class Room(NamedTuple):
    """Scratch for one account: a line per object on which the group was in step, and the events of those objects.

    Of line n the events are `events[start[n]:start[n] + events_of[n]]`, in `Steps.events` where `whole[n]`. There the
    group is taken with x, else without. `landed` and `covered` are as in `Steps`.
    """

    events: Int64s
    members: Int64s
    action: Int32s
    at_ms: Int64s
    after: np.ndarray
    either: np.ndarray
    front: np.ndarray
    whole: np.ndarray
    start: Int64s
    events_of: Int32s
    outsiders: Int32s
    landed: Int64s
    covered: Floats
    chance: Floats


@compiled
def room_for(most_actions: int) -> Room:
    n = most_actions
    return Room(
        np.empty(n * (_MANY + 1), np.int64),
        np.empty(_MANY + 1, np.int64),
        np.empty(n, np.int32),
        np.empty(n, np.int64),
        np.empty(n, np.bool_),
        np.empty(n, np.bool_),
        np.empty(n, np.bool_),
        np.empty(n, np.bool_),
        np.empty(n, np.int64),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty((2, n), np.int64),
        np.empty((2, n)),
        np.empty((QUESTIONS, n)),
    )


@compiled
def _members_without(i: int, k: int, together: Together, inside: np.ndarray, prepared: Prepared, room: Room) -> int:
    """Put the times at which the group without x (action i) acted on its k-th object into `room`; return how many."""
    n = 0
    for j in together.positions[together.starts[k] : together.starts[k + 1]]:
        if inside[prepared.account[j]] and j != i:
            room.members[n] = prepared.at_ms[j]
            n += 1
    return n


@compiled
def gather(
    x: int,
    member: bool,
    w: int,
    window: int,
    together: Together,
    steps: Steps,
    slot: Int32s,
    inside: np.ndarray,
    prepared: Prepared,
    room: Room,
) -> int:
    """Put a line for each object of x on which the group (without x) was in step into `room`; return how many."""
    n, filled = 0, 0
    for i in prepared.by_account[prepared.account_starts[x] : prepared.account_starts[x + 1]]:
        k = slot[prepared.object[i]]
        if k < 0:
            continue
        o, n_members = prepared.object[i], together.starts[k + 1] - together.starts[k]
        sharers = prepared.object_starts[o + 1] - prepared.object_starts[o]
        room.action[n], room.at_ms[n] = i, prepared.at_ms[i]
        if member and n_members <= _MANY:
            n_members = _members_without(i, k, together, inside, prepared, room)
            room.whole[n], room.start[n] = False, filled
            room.events_of[n] = in_step(room.members[:n_members], window, room.events[filled:])
            if room.events_of[n] < 2:
                continue
            events = room.events[filled : filled + room.events_of[n]]
            filled += room.events_of[n]
            room.after[n], room.either[n], room.front[n] = lands(prepared.at_ms[i], events, window)
            for side in range(2):
                room.landed[side, n], room.covered[side, n] = others_beside(
                    o, room.members[:n_members], events, window, window * side, prepared
                )
                room.landed[side, n] -= room.either[n] if side else room.after[n]
            room.outsiders[n] = sharers - 1 - n_members
        else:
            room.whole[n], room.start[n], room.events_of[n] = True, steps.starts[w, k], steps.counts[w, k]
            if room.events_of[n] < 2 + member:
                continue
            events = steps.events[room.start[n] : room.start[n] + room.events_of[n]]
            if member:
                room.after[n], room.either[n], room.front[n] = lands_without(
                    x, i, together.starts[k], together.starts[k + 1], together.positions, inside, prepared, window
                )
            else:
                room.after[n], room.either[n], room.front[n] = lands(prepared.at_ms[i], events, window)
            for side in range(2):
                room.landed[side, n], room.covered[side, n] = steps.landed[w, side, k], steps.covered[w, side, k]
                if not member:
                    room.landed[side, n] -= room.either[n] if side else room.after[n]
            room.outsiders[n] = sharers - n_members - (not member)
        n += 1
    return n


@compiled
def price(
    w: int,
    window: int,
    lines: int,
    steps: Steps,
    prepared: Prepared,
    rates: Rates,
    pace: Pace,
    room: Room,
) -> None:
    """Work out the chance of a hit for each line of `room`: of outsiders, and of x itself in its own habits.

    Who acts on the marks of a clock could as well have acted on another mark; that is asked even without outsiders.
    """
    x = prepared.account[room.action[0]]
    low, high = prepared.account_starts[x], prepared.account_starts[x + 1]
    anywhere, slot = pace.in_order[low:high], pace.slot_ms[x]
    here = np.sort(pace.delay_ms[room.action[:lines]])
    for n in range(lines):
        i, enough = room.action[n], room.outsiders[n] >= _ENOUGH_OUTSIDERS
        events = (steps.events if room.whole[n] else room.events)[room.start[n] : room.start[n] + room.events_of[n]]
        sharers = prepared.object_starts[prepared.object[i] + 1] - prepared.object_starts[prepared.object[i]]
        pooled = rates.within[w, size_class(sharers)] / 2.0
        at, moved = prepared.at_ms[i], prepared.at_ms[i] - pace.delay_ms[i]
        x_after, x_either, _ = lands(at, events, window)
        for side in range(2):
            before, x_lands = window * side, x_either if side else x_after
            ordinary = 1.0 - (1.0 - pooled) ** room.covered[side, n]
            met = room.landed[side, n] + PSEUDO_SHARERS * ordinary
            crowd = rates.tempo[w, x] * met / (room.outsiders[n] + PSEUDO_SHARERS)
            if slot:
                crowd = max(crowd, marks_chance(at, slot, events, window, before))
            own = crowd
            if crowd < 1.0 and (enough or not side):
                own = max(crowd, own_chance(at, moved, anywhere, here, slot, events, window, before, x_lands))
            room.chance[EITHER_WAY if side else OWN_PACE, n] = min(1.0, own if enough else crowd)
            if not side:
                room.chance[NO_TRIGGER, n] = min(1.0, own)


@compiled
def price_times_of_day(window: int, lines: int, steps: Steps, prepared: Prepared, pace: Pace, room: Room) -> None:
    """Raise the chances of `room` to what x's times of other days explain."""
    x = prepared.account[room.action[0]]
    low, high = prepared.account_starts[x], prepared.account_starts[x + 1]
    times, of_day = pace.at_ms[low:high], pace.of_day_ms[low:high]
    for n in range(lines):
        i, enough = room.action[n], room.outsiders[n] >= _ENOUGH_OUTSIDERS
        events = (steps.events if room.whole[n] else room.events)[room.start[n] : room.start[n] + room.events_of[n]]
        at, first = prepared.at_ms[i], prepared.at_ms[i] - pace.delay_ms[i]
        own = times_of_day_chance(at, first, times, of_day, events, window, 0)
        room.chance[NO_TRIGGER, n] = max(room.chance[NO_TRIGGER, n], own)
        if enough:
            room.chance[OWN_PACE, n] = max(room.chance[OWN_PACE, n], own)
            own = times_of_day_chance(at, first, times, of_day, events, window, window)
            room.chance[EITHER_WAY, n] = max(room.chance[EITHER_WAY, n], own)
