"""Naming: is account x in step with a group that was proposed without x?

Only objects count on which at least two of the group acted within the window of each other: camouflage does not dilute
the test. A hit is x acting in (0, W] after one of them. The chance of a hit is the larger of what outsiders of the same
object do and of what x itself does elsewhere: x's own delays behind the first sharer, placed on this object. A fan is
fast everywhere, so a fan's own delays explain the hits (docs/decisions/0004).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from floodmark.compiled import compiled
from floodmark.coordination.beside import (
    Steps,
    Together,
    steps_of,
    together_of,
)
from floodmark.coordination.habits import Pace
from floodmark.coordination.lines import (
    EITHER_WAY,
    OWN_PACE,
    QUESTIONS,
    Room,
    gather,
    price,
    price_times_of_day,
    room_for,
)
from floodmark.coordination.pairs import EPISODE_GAP_MS
from floodmark.coordination.prepare import Prepared
from floodmark.coordination.propose import Graph, Proposals, Rest, cut_accounts, leave_out
from floodmark.coordination.rates import Rates
from floodmark.coordination.result import Floats, Int32s, Int64s
from floodmark.coordination.sorting import stable_order
from floodmark.coordination.tail import episode_tail

#: Below this the objects behind a row are listed too, and further explanations asked, which could only raise it.
_WORTH_A_LOOK_P: Final = 0.05


class Answers(NamedTuple):
    """One row per (group, account) tested.

    Per question (second axis) the p-value, the window and the episodes with a hit. OWN_PACE: could outsiders, or x's
    own delays where there are outsiders, explain that x came after the group; NO_TRIGGER: or x's own delays anywhere;
    EITHER_WAY: as OWN_PACE, in front or behind. `front` is the share of x's in-step objects (window of EITHER_WAY) on
    which x was before all others.
    """

    group: Int32s
    account: Int32s
    member: np.ndarray
    p_value: Floats
    window: Int32s
    hits: Int32s
    episodes: Int32s
    front: Floats


class Hits(NamedTuple):
    """What the rows of `Answers` rest on, for rows worth a second look: one line per object on which x was in step.

    `row` is the row of the answers, `position` x's action, `after` whether it came after one of the group, `window`
    the window of the row (that of OWN_PACE if x passed there, else of EITHER_WAY).
    """

    row: Int32s
    position: Int32s
    after: np.ndarray
    lag_ms: Int64s


@compiled
def _test_window(window: int, asked: int, room: Room, p: Floats, hits: Int32s) -> int:
    """Put the p-values and hits of the questions into `p` and `hits`; return the number of episodes."""
    order = stable_order(room.at_ms[:asked])
    gap = max(EPISODE_GAP_MS, window)
    episodes, last = 0, 0
    seen, chance, expected = np.zeros(QUESTIONS, np.bool_), np.zeros(QUESTIONS), np.zeros(QUESTIONS)
    hits[:] = 0
    for k in order:
        if episodes == 0 or room.at_ms[k] - last > gap:
            for question in range(QUESTIONS):
                expected[question] += min(1.0, chance[question])
                hits[question] += seen[question]
            episodes += 1
            seen[:] = False
            chance[:] = 0.0
        last = room.at_ms[k]
        for question in range(QUESTIONS):
            chance[question] += room.chance[question, k]
            seen[question] |= room.either[k] if question == EITHER_WAY else room.after[k]
    for question in range(QUESTIONS):
        expected[question] += min(1.0, chance[question])
        hits[question] += seen[question]
        p[question] = episode_tail(hits[question], episodes, expected[question])
    return episodes


@compiled
def _has_two_episodes(at_ms: Int64s, gap: int) -> bool:
    if len(at_ms) == 2:
        return bool(abs(at_ms[1] - at_ms[0]) > gap)
    ordered = np.sort(at_ms)
    return bool(np.any(ordered[1:] - ordered[:-1] > gap))


@compiled
def _test_account(
    x: int,
    member: bool,
    together: Together,
    steps: Steps,
    slot: Int32s,
    inside: np.ndarray,
    prepared: Prepared,
    rates: Rates,
    pace: Pace,
    windows_ms: Int64s,
    room: Room,
    row: int,
    out: Answers,
) -> bool:
    """Write x's row of `out`; return False when x never had two separate episodes beside the group."""
    n_windows = len(windows_ms)
    p, hits, all_p = np.empty(QUESTIONS), np.empty(QUESTIONS, np.int32), np.ones((QUESTIONS, n_windows))
    out.p_value[row], out.window[row], out.hits[row], out.episodes[row] = 1.0, 0, 0, 0
    out.front[row] = 0.0
    tested = False
    for w in range(n_windows):
        asked = gather(x, member, w, windows_ms[w], together, steps, slot, inside, prepared, room)
        if asked < 2:
            continue
        if np.sum(room.either[:asked]) < 2:  # nothing can be claimed then, so no chances are worked out
            tested = tested or _has_two_episodes(room.at_ms[:asked], max(EPISODE_GAP_MS, windows_ms[w]))
            continue
        price(w, windows_ms[w], asked, steps, prepared, rates, pace, room)
        episodes = _test_window(windows_ms[w], asked, room, p, hits)
        if p.min() <= _WORTH_A_LOOK_P:
            price_times_of_day(windows_ms[w], asked, steps, prepared, pace, room)
            episodes = _test_window(windows_ms[w], asked, room, p, hits)
        tested |= episodes >= 2
        for question in range(QUESTIONS):
            if p[question] < all_p[question].min():
                out.window[row, question] = w
                out.hits[row, question], out.episodes[row, question] = hits[question], episodes
                if question == EITHER_WAY:
                    out.front[row] = room.front[:asked].sum() / max(1, room.either[:asked].sum())
            all_p[question, w] = p[question]
    for question in range(QUESTIONS):
        out.p_value[row, question] = _over_windows(all_p[question])
    return tested


@compiled
def _over_windows(p: Floats) -> float:
    """Return one p-value for those of the windows, which depend positively on each other, being nested.

    Source: Simes 1986, doi 10.1093/biomet/73.3.751; Sarkar 1998, doi 10.1214/aos/1028144846.
    """
    ordered = np.sort(p)
    found = 1.0
    for k in range(len(p)):
        found = min(found, ordered[k] * len(p) / (k + 1))
    return found


@compiled
def _outsiders_beside(together: Together, inside: np.ndarray, prepared: Prepared, count: Int32s) -> Int32s:
    """Return the accounts outside that share at least two of the group's objects, ascending; `count` is all 0."""
    found = np.empty(len(count), np.int32)
    n = 0
    for o in together.objects:
        for j in range(prepared.object_starts[o], prepared.object_starts[o + 1]):
            v = prepared.account[j]
            if not inside[v]:
                count[v] += 1
                if count[v] == 2:
                    found[n] = v
                    n += 1
    for o in together.objects:
        for j in range(prepared.object_starts[o], prepared.object_starts[o + 1]):
            count[prepared.account[j]] = 0
    return np.sort(found[:n])


@compiled
def _empty(rows: int) -> Answers:
    return Answers(
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.bool_),
        np.empty((rows, QUESTIONS)),
        np.empty((rows, QUESTIONS), np.int32),
        np.empty((rows, QUESTIONS), np.int32),
        np.empty((rows, QUESTIONS), np.int32),
        np.empty(rows),
    )


@compiled
def _head(answers: Answers, rows: int) -> Answers:
    return Answers(
        answers.group[:rows].copy(),
        answers.account[:rows].copy(),
        answers.member[:rows].copy(),
        answers.p_value[:rows].copy(),
        answers.window[:rows].copy(),
        answers.hits[:rows].copy(),
        answers.episodes[:rows].copy(),
        answers.front[:rows].copy(),
    )


@compiled
def _no_hits() -> Hits:
    return Hits(np.empty(64, np.int32), np.empty(64, np.int32), np.empty(64, np.bool_), np.empty(64, np.int64))


@compiled
def _add_hits(
    x: int,
    row: int,
    w: int,
    window: int,
    together: Together,
    steps: Steps,
    slot: Int32s,
    inside: np.ndarray,
    prepared: Prepared,
    room: Room,
    hits: Hits,
    n: int,
) -> tuple[Hits, int]:
    """Append the objects on which x was in step with the group, with x's lag behind the nearest of them."""
    for line in range(gather(x, bool(np.bool_(True)), w, window, together, steps, slot, inside, prepared, room)):
        if not room.either[line]:
            continue
        if n == len(hits.row):
            hits = Hits(
                np.append(hits.row, np.empty_like(hits.row)),
                np.append(hits.position, np.empty_like(hits.position)),
                np.append(hits.after, np.empty_like(hits.after)),
                np.append(hits.lag_ms, np.empty_like(hits.lag_ms)),
            )
        i, at, after = room.action[line], room.at_ms[line], room.after[line]
        events = (steps.events if room.whole[line] else room.events)[
            room.start[line] : room.start[line] + room.events_of[line]
        ]
        lag, own = window + 1, room.whole[line]
        for t in events[np.searchsorted(events, at - window) : np.searchsorted(events, at + window, "right")]:
            if own and t == at:  # x itself, where the group was taken with it
                own = False
            elif (t < at) == after and abs(at - t) < abs(lag):
                lag = at - t
        hits.row[n], hits.position[n], hits.after[n], hits.lag_ms[n] = row, i, after, lag
        n += 1
    return hits, n


@compiled
def ask_group(
    group: int,
    proposals: Proposals,
    graph: Graph,
    prepared: Prepared,
    rates: Rates,
    pace: Pace,
    windows_ms: Int64s,
    rest: Rest,
    slot: Int32s,
    count: Int32s,
    part: int,
    parts: int,
) -> tuple[Answers, Hits]:
    """Return the answers of every `parts`-th account beside one proposal, from number `part` on, and what they rest on.

    Every member is tested against the group that is proposed without it, and all others who share two of its objects
    against the group. `slot` (per object) is all -1 and `count` (per account) all 0, before and after.
    """
    members = proposals.members[proposals.starts[group] : proposals.starts[group + 1]]
    inside = rest.inside
    for v in members:
        inside[v] = True
    together = together_of(members, prepared, slot)
    steps = steps_of(together, prepared, windows_ms)
    others = _outsiders_beside(together, inside, prepared, count)
    most_actions = 0
    for v in members:
        most_actions = max(most_actions, prepared.account_starts[v + 1] - prepared.account_starts[v])
    for v in others:
        most_actions = max(most_actions, prepared.account_starts[v + 1] - prepared.account_starts[v])
    room = room_for(most_actions)
    asked = len(members) + len(others)
    out = _empty(asked // parts + 1)
    # Typed as they stay: a bare 0 would have everything below compiled twice.
    hits, n_hits, rows = _no_hits(), int(np.int64(0)), int(np.int64(0))
    cuts = cut_accounts(graph, members, inside)
    gone = np.empty(len(members), np.int32)
    for k in range(part, asked, parts):
        member = k < len(members)
        x = members[k] if member else others[k - len(members)]
        left = leave_out(x, graph, members, cuts[k], rest, gone) if member else 0
        if _test_account(x, member, together, steps, slot, inside, prepared, rates, pace, windows_ms, room, rows, out):
            out.group[rows], out.account[rows], out.member[rows] = group, x, member
            question = OWN_PACE if out.p_value[rows, OWN_PACE] <= _WORTH_A_LOOK_P else EITHER_WAY
            if member and out.p_value[rows, question] <= _WORTH_A_LOOK_P:
                w = out.window[rows, question]
                hits, n_hits = _add_hits(
                    x, rows, w, windows_ms[w], together, steps, slot, inside, prepared, room, hits, n_hits
                )
            rows += 1
        for v in gone[:left]:
            inside[v] = True
    for v in members:
        inside[v] = False
    for o in together.objects:
        slot[o] = -1
    found = Hits(
        hits.row[:n_hits].copy(), hits.position[:n_hits].copy(), hits.after[:n_hits].copy(), hits.lag_ms[:n_hits].copy()
    )
    return _head(out, rows), found
