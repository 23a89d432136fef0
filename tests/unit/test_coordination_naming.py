"""Naming equals a slow rewrite: what a group did together, who landed beside it, and what each account answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from floodmark.coordination import beside, habits, lines, naming, pairs
from floodmark.coordination.beside import together_of
from floodmark.coordination.habits import Pace, pace_of
from floodmark.coordination.prepare import Prepared, prepare
from floodmark.coordination.propose import Graph, Proposals, graph_of, propose, rest_for
from floodmark.coordination.rates import Rates, count_around, size_class
from floodmark.coordination.result import Shares

WINDOWS = np.array([10_000, 60_000, 600_000], np.int64)
QUESTIONS = OWN_PACE, NO_TRIGGER, EITHER_WAY = range(3)

few_times = st.lists(st.integers(0, 60), max_size=14).map(sorted)
windows = st.integers(1, 15)


def int64s(values: Sequence[int]) -> np.ndarray:
    return np.array(values, np.int64)


def landing(at: int, events: Sequence[int], window: int, before: int) -> bool:
    return any(t < at <= t + window or (before > 0 and t - before <= at <= t + window) for t in events)


# Times beside events.


@settings(deadline=None, max_examples=300)
@given(at=st.integers(-20, 80), events=few_times, window=windows)
def test_lands_says_behind_either_way_and_in_front(at: int, events: list[int], window: int) -> None:
    after = any(0 < at - t <= window for t in events)
    either = any(abs(at - t) <= window for t in events)
    front = any(0 < t - at <= window for t in events) and not after and at not in events
    assert beside.lands(at, int64s(events), window) == (after, either, front)


@settings(deadline=None, max_examples=300)
@given(
    values=st.lists(st.integers(-20, 80), max_size=40).map(sorted),
    offset=st.integers(-9, 9),
    events=few_times,
    window=windows,
    either=st.booleans(),
    repeat=st.sampled_from((1, 40)),
)
def test_count_landing_by_brute_force(
    values: list[int], offset: int, events: list[int], window: int, either: bool, repeat: int
) -> None:
    many = sorted(events * repeat)  # with many events to few values it takes another way
    expected = sum(landing(value + offset, many, window, window * either) for value in values)
    assert beside.count_landing(int64s(values), offset, int64s(many), window, window * either) == expected


@settings(deadline=None, max_examples=300)
@given(events=few_times.filter(bool), window=windows, either=st.booleans())
def test_covered_is_the_length_of_the_union(events: list[int], window: int, either: bool) -> None:
    before = window * either
    union = {ms for t in events for ms in range(t - before, t + window)}
    assert beside.covered(int64s(events), window, before) == len(union)


@settings(deadline=None, max_examples=300)
@given(times=few_times, window=windows)
def test_in_step_are_the_times_with_another_within_the_window(times: list[int], window: int) -> None:
    events = np.empty(len(times), np.int64)
    n = beside.in_step(int64s(times), window, events)
    expected = [t for k, t in enumerate(times) if any(abs(t - u) <= window for m, u in enumerate(times) if m != k)]
    assert events[:n].tolist() == expected


@settings(deadline=None, max_examples=100)
@given(at=st.integers(0, 10**8), slot=st.sampled_from((300_000, 900_000, 3_600_000)), data=st.data())
def test_slots_are_the_marks_around_an_action_but_its_own(at: int, slot: int, data: st.DataObject) -> None:
    near = st.builds(lambda k, off: at + k * slot + off, st.integers(-6, 6), st.integers(-70_000, 70_000))
    events = sorted(data.draw(st.lists(near, min_size=1, max_size=9)))
    for before in (0, 60_000):
        expected = sum(landing(at + k * slot, events, 60_000, before) for k in range(-4, 5) if k) / 8
        assert habits.marks_chance(at, slot, int64s(events), 60_000, before) == expected


# Groups.


class Scene(NamedTuple):
    prepared: Prepared
    rates: Rates
    pace: Pace
    graph: Graph
    proposals: Proposals


def scene(
    seed: int,
    sizes: Sequence[int],
    people: int = 40,
    objects: int = 40,
    jitter_s: int = 30,
    step_s: int = 1,
    span_s: int = 200_000,
) -> Scene:
    """An ordinary crowd, and groups that act together on eight objects, half of them the crowd's."""
    rng = np.random.default_rng(seed)
    born = rng.integers(0, span_s, objects)
    parts = []
    who, what = np.nonzero(rng.random((people, objects)) < 0.3)
    parts.append((who, what, born[what] + rng.exponential(4_000, len(who)).astype(np.int64)))
    first, own = people, objects
    for size in sizes:
        shared = np.concatenate([rng.choice(objects, 4, replace=False), own + np.arange(4)])
        start = np.concatenate([born[shared[:4]] + 2_000, rng.integers(0, span_s, 4)])
        member, k = np.nonzero(rng.random((size, 8)) < 0.9)
        parts.append((first + member, shared[k], start[k] + rng.integers(0, jitter_s, len(k))))
        first, own = first + size, own + 4
    account, thing, at_s = (np.concatenate(column) for column in zip(*parts, strict=True))
    shuffled, at_s = rng.permutation(first).astype(np.int32), at_s // step_s * step_s
    shares = Shares(
        shuffled[account], thing.astype(np.int32), at_s.astype(np.int64) * 1_000, first, np.zeros(own, np.int32)
    )
    prepared = prepare(shares)
    base = count_around(prepared, WINDOWS)
    tested, _, rates, _ = pairs.tested_pairs(prepared, base, WINDOWS, 500, None, pairs.Workers(prepared, 1))
    graph = graph_of(tested, first, 0.3)
    return Scene(prepared, rates, pace_of(prepared), graph, propose(graph))


def members_of(found: Scene, group: int) -> np.ndarray:
    return found.proposals.members[found.proposals.starts[group] : found.proposals.starts[group + 1]]


def acted(prepared: Prepared, accounts: set[int], thing: int) -> list[int]:
    """Return the positions of the accounts' actions on an object."""
    return [int(i) for i in np.flatnonzero(prepared.object == thing) if int(prepared.account[i]) in accounts]


def stepping(times: Sequence[int], window: int) -> list[int]:
    return [t for k, t in enumerate(times) if any(abs(t - u) <= window for m, u in enumerate(times) if m != k)]


def without(found: Scene, group: int, x: int) -> set[int]:
    """Return what is proposed of a group without x, by proposing again on the graph without x and other groups."""
    members = set(members_of(found, group).tolist()) - {x}
    graph = found.graph
    source = np.repeat(np.arange(len(graph.starts) - 1), np.diff(graph.starts))
    kept = np.array([int(a) in members and int(b) in members for a, b in zip(source, graph.neighbours, strict=True)])
    kept = kept.astype(bool)
    starts = np.concatenate([[0], np.cumsum(np.bincount(source[kept], minlength=len(graph.starts) - 1))])
    again = propose(Graph(starts.astype(np.int64), graph.neighbours[kept].astype(np.int32)))
    sizes = np.diff(again.starts)
    if not len(sizes):
        return set()
    best = int(sizes.argmax())
    return set(again.members[again.starts[best] : again.starts[best + 1]].tolist())


@pytest.mark.parametrize(("seed", "sizes"), [(1, [6, 9]), (2, [45])])
def test_what_a_group_did_together_by_brute_force(seed: int, sizes: list[int]) -> None:
    found = scene(seed, sizes)
    prepared = found.prepared
    assert len(found.proposals.starts) > 1
    for group in range(len(found.proposals.starts) - 1):
        members = members_of(found, group)
        inside = set(members.tolist())
        slot = np.full(len(prepared.original_object), -1, np.int32)
        together = together_of(members, prepared, slot)
        expected = {o: acted(prepared, inside, o) for o in range(len(prepared.original_object))}
        expected = {o: positions for o, positions in expected.items() if len(positions) >= 2}
        got = np.split(together.positions, together.starts[1:-1])
        assert {int(o): p.tolist() for o, p in zip(together.objects, got, strict=True)} == expected
        assert {o: k for o, k in enumerate(slot.tolist()) if k >= 0} == {
            int(o): k for k, o in enumerate(together.objects)
        }
        steps = beside.steps_of(together, prepared, WINDOWS)
        for k, o in enumerate(together.objects.tolist()):
            others = [int(i) for i in np.flatnonzero(prepared.object == o) if int(prepared.account[i]) not in inside]
            for w, window in enumerate(WINDOWS.tolist()):
                events = stepping(prepared.at_ms[expected[o]].tolist(), window)
                first = steps.starts[w, k]
                assert steps.events[first : first + steps.counts[w, k]].tolist() == events
                for side in range(2) if events else ():
                    landed = sum(landing(int(prepared.at_ms[i]), events, window, window * side) for i in others)
                    assert steps.landed[w, side, k] == landed
                    length = beside.covered(int64s(events), window, window * side)
                    assert steps.covered[w, side, k] == pytest.approx(length / window)


@pytest.mark.parametrize("step_s", [1, 6, 20])
def test_landing_among_the_others_looks_at_those_in_step_without_x(step_s: int) -> None:
    rng = np.random.default_rng(step_s)
    at_s = np.concatenate([rng.integers(0, 300, 30), rng.integers(0, 40_000, 40)]) // step_s * step_s
    shares = Shares(np.arange(70, dtype=np.int32), np.zeros(70, np.int32), at_s * 1_000, 70, np.zeros(1, np.int32))
    prepared = prepare(shares)
    inside = rng.random(70) < 0.7
    positions = np.flatnonzero(rng.random(70) < 0.8).astype(np.int32)  # some of them are inside no more
    kinds = set()
    for i in positions.tolist():
        x = int(prepared.account[i])
        others = [int(prepared.at_ms[j]) for j in positions if inside[prepared.account[j]] and j != i]
        for window in WINDOWS.tolist():
            got = beside.lands_without(x, i, 0, len(positions), positions, inside, prepared, window)
            events = stepping(others, window)
            assert got == beside.lands(int(prepared.at_ms[i]), int64s(events), window)
            kinds.add(got)
    assert kinds >= {(False, False, False), (False, True, True), (True, True, False)}


def test_pace_is_the_delay_behind_the_first_other_and_the_marks_of_the_clock() -> None:
    quarter = 900_000
    rows = [(0, o, o * quarter + 1_000) for o in range(1, 8)]  # on the quarter hours
    rows += [(1, o, o * quarter + 1_000 + 7_000 * (o % 3 - 1)) for o in range(1, 8)]
    rows += [(2, 1, 500), (2, 2, 5 * quarter + 400_000)]
    account, thing, at_ms = np.array(rows, np.int64).T
    prepared = prepare(Shares(account.astype(np.int32), thing.astype(np.int32), at_ms, 3, np.zeros(8, np.int32)))
    pace = pace_of(prepared)
    for i in range(len(prepared.at_ms)):
        same = np.flatnonzero((prepared.object == prepared.object[i]) & (prepared.account != prepared.account[i]))
        assert pace.delay_ms[i] == prepared.at_ms[i] - prepared.at_ms[same].min()
    for a in range(3):
        part = slice(prepared.account_starts[a], prepared.account_starts[a + 1])
        assert pace.in_order[part].tolist() == sorted(pace.delay_ms[prepared.account == a].tolist())
    # Account 1 is before the mark two times in seven; two actions say nothing of account 2.
    assert pace.slot_ms.tolist() == [quarter, quarter, 0]


# The answers.


class Line(NamedTuple):
    action: int
    at: int
    after: bool
    either: bool
    front: bool
    chance: tuple[float, float, float]
    lag: int


def slow_lines(found: Scene, group: int, x: int, w: int, days: bool) -> list[Line]:
    """Return what x did on each object on which the group (without x, if x is of it) was in step."""
    prepared, pace, window = found.prepared, found.pace, int(WINDOWS[w])
    whole = set(members_of(found, group).tolist())
    member = x in whole
    rest = without(found, group, x) if member else whole
    raw = []
    for i in np.flatnonzero(prepared.account == x).tolist():
        o = int(prepared.object[i])
        at = int(prepared.at_ms[i])
        everybody = acted(prepared, whole, o)
        if len(everybody) < 2:
            continue
        many = len(everybody) > 32
        with_x = [int(prepared.at_ms[j]) for j in everybody]
        inside = [j for j in acted(prepared, rest, o) if j != i]
        if member and not many:
            events = shown = stepping([int(prepared.at_ms[j]) for j in inside], window)
            if len(events) < 2:
                continue
            ours = set(inside) | {i}
        else:
            events = stepping(with_x, window)
            if len(events) < 2 + member:
                continue
            shown = stepping([int(prepared.at_ms[j]) for j in inside], window) if member else events
            ours = set(everybody) | {i}
        outsiders = [int(prepared.at_ms[j]) for j in np.flatnonzero(prepared.object == o).tolist() if j not in ours]
        raw.append((i, at, events, shown, outsiders))
    here = [int(pace.delay_ms[i]) for i, *_ in raw]
    everywhere = pace.delay_ms[prepared.account == x].tolist()
    lines = []
    for i, at, events, shown, outsiders in raw:
        o = prepared.object[i]
        sharers = int((prepared.object == o).sum())
        crowd_and_own = []
        for side in range(2):
            before = window * side
            landed = sum(landing(t, events, window, before) for t in outsiders)
            covered = beside.covered(int64s(events), window, before) / window
            ordinary = 1 - (1 - found.rates.within[w, size_class(sharers)] / 2) ** covered
            crowd = found.rates.tempo[w, x] * (landed + 20 * ordinary) / (len(outsiders) + 20)
            x_lands = landing(at, events, window, before)
            first = at - int(pace.delay_ms[i])
            counts = [
                sum(landing(first + delay, events, window, before) for delay in delays) - x_lands
                for delays in (everywhere, here)
            ]
            anywhere = counts[0] / max(1, len(everywhere) - 1)
            own = [anywhere, (counts[1] + 5 * anywhere) / (len(here) - 1 + 5)]
            if slot := int(pace.slot_ms[x]):
                marks = [at + k * slot for k in range(-4, 5) if k]
                crowd = max(crowd, sum(landing(t, events, window, before) for t in marks) / 8)
                waited = [at + -((at - first - delay + 30_000) // slot) * slot for delay in everywhere]
                landed = sum(landing(t, events, window, before) for t in waited) - x_lands
                own.append(landed / max(1, len(everywhere) - 1))
            if days:
                own += slow_of_day(prepared.at_ms[prepared.account == x].tolist(), at, first, events, window, before)
            crowd_and_own.append((crowd, max(own)))
        enough = len(outsiders) >= 3
        (crowd, own_pace), (crowd_either, own_either) = crowd_and_own
        chance = (
            min(1.0, max(crowd, own_pace) if enough else crowd),
            min(1.0, max(crowd, own_pace)),
            min(1.0, max(crowd_either, own_either) if enough else crowd_either),
        )
        near = [at - t for t in shown if abs(at - t) <= window]
        behind = [lag for lag in near if lag > 0]
        after = bool(behind)
        tie = 0 in near
        lag = min(behind) if after else max(near, default=window + 1)
        lines.append(Line(i, at, after, bool(near), bool(near) and not after and not tie, chance, lag))
    return lines


DAY_MS = 86_400_000


def slow_of_day(
    times: list[int], at: int, first: int, events: list[int], window: int, before: int
) -> tuple[float, float]:
    """Return the shares of the times of other days that land, of all and of those since `first`."""
    day, end = at - DAY_MS // 2, at + DAY_MS // 2 - 1
    moved = [day + (t - day) % DAY_MS for t in times if not day <= t <= end]
    since = [t for t in moved if max(first, day) <= t <= at + window]
    return tuple(sum(landing(t, events, window, before) for t in some) / max(5, len(some)) for some in (moved, since))  # type: ignore[return-value]


@settings(deadline=None, max_examples=200)
@given(
    minutes=st.lists(st.integers(0, 4 * 1440), min_size=1, max_size=30),
    which=st.integers(0, 29),
    delay=st.integers(-60, 2_000),
    near=st.lists(st.integers(-30, 30), min_size=1, max_size=6).map(sorted),
    window=st.sampled_from((60_000, 600_000, 3_600_000)),
    either=st.booleans(),
)
def test_times_of_day_by_brute_force(
    minutes: list[int], which: int, delay: int, near: list[int], window: int, either: bool
) -> None:
    times = sorted(60_000 * minute for minute in minutes)
    at = times[which % len(times)]
    events, before = [at + 60_000 * minute for minute in near], window * either
    got = habits.times_of_day_chance(
        at,
        at - 60_000 * delay,
        int64s(times),
        int64s(sorted(t % DAY_MS for t in times)),
        int64s(events),
        window,
        before,
    )
    assert got == max(slow_of_day(times, at, at - 60_000 * delay, events, window, before))


@settings(deadline=None, max_examples=200)
@given(
    delays=st.lists(st.integers(-50, 400), min_size=1, max_size=20).map(sorted),
    own=st.integers(0, 300),
    near=st.lists(st.integers(-90, 90), min_size=1, max_size=6).map(sorted),
    slot=st.sampled_from((5, 7, 30)),
    window=st.sampled_from((1, 10)),
    either=st.booleans(),
)
def test_delays_up_to_the_next_mark_by_brute_force(
    delays: list[int], own: int, near: list[int], slot: int, window: int, either: bool
) -> None:
    at, before = 1_000, window * either
    moved, events = at - own, [at + t for t in near]
    waited = [at + -((at - moved - delay) // slot) * slot for delay in delays]
    expected = sum(landing(t, events, window, before) for t in waited)
    assert habits._count_until_marks(int64s(delays), moved, at, slot, int64s(events), window, before) == expected


def test_programs_that_start_by_their_own_clock_are_found_and_people_are_not() -> None:
    rng = np.random.default_rng(3)
    bins = np.zeros(240, np.int64)
    seven = np.sort(rng.choice(2_000, 12, replace=False)) * 420_000 + 123_456 + rng.integers(0, 10_000, 12)
    assert habits._period(seven, bins) == 420_000
    assert habits._period(seven[:4], bins) == 0
    # Twelve posts of one sitting say nothing of a clock.
    assert habits._period(np.arange(12) * 2_000, bins) == 0
    people = [habits._period(np.sort(rng.integers(0, 10**9, n)), bins) for n in rng.integers(5, 80, 3_000)]
    assert sum(period > 0 for period in people) <= 9  # at most one in a thousand, times three


def slow_count(lines: list[Line], question: int, window_ms: int) -> tuple[int, float, int]:
    """Return the episodes, the tail and the episodes with a hit."""
    episodes: list[list[Line]] = []
    for k, line in enumerate(lines):
        if k == 0 or line.at - lines[k - 1].at > max(300_000, window_ms):
            episodes.append([])
        episodes[-1].append(line)
    hit = [any(q.either if question == EITHER_WAY else q.after for q in one) for one in episodes]
    expected = sum(min(1.0, sum(q.chance[question] for q in one)) for one in episodes)
    n = sum(hit)
    tail = 1.0 if n < 2 or n < expected + 1 else float(binom.sf(n - 1, len(hit), min(1, expected / len(hit))))
    return len(episodes), tail, n


def slow_answer(found: Scene, group: int, x: int) -> dict[str, list[float]] | None:
    p, window, hits, front, tested = [1.0] * 3, [0] * 3, [0] * 3, 0.0, False
    each: list[list[float]] = [[], [], []]
    for w, window_ms in enumerate(WINDOWS.tolist()):
        for days in (False, True):  # times of day are asked where without them anything is unlikely
            lines = sorted(slow_lines(found, group, x, w, days), key=lambda line: line.at)
            counted = [slow_count(lines, question, window_ms) for question in QUESTIONS]
            if min(tail for _, tail, _ in counted) > 0.05:
                break
        if len(lines) < 2:
            continue
        tested = tested or counted[0][0] >= 2
        for question, (_, tail, k) in enumerate(counted):
            each[question].append(tail)
            if tail < p[question]:
                p[question], window[question], hits[question] = tail, w, k
                if question == EITHER_WAY:
                    front = sum(q.front for q in lines) / max(1, sum(q.either for q in lines))
    p = [min([1.0, *(3 * tail / k for k, tail in enumerate(sorted(tails), 1))]) for tails in each]  # Simes
    return {"p": p, "window": window, "hits": hits, "front": [front]} if tested else None


def ask(found: Scene, group: int, part: int = 0, parts: int = 1) -> tuple[naming.Answers, naming.Hits]:
    n_accounts = len(found.prepared.account_starts) - 1
    rest, slot = rest_for(n_accounts), np.full(len(found.prepared.original_object), -1, np.int32)
    count = np.zeros(n_accounts, np.int32)
    answers: tuple[naming.Answers, naming.Hits] = naming.ask_group(
        group,
        found.proposals,
        found.graph,
        found.prepared,
        found.rates,
        found.pace,
        WINDOWS,
        rest,
        slot,
        count,
        part,
        parts,
    )
    assert not rest.inside.any()
    assert (slot == -1).all()
    assert not count.any()
    return answers


@pytest.mark.parametrize(
    ("sizes", "how"),
    [
        ([6, 9], {"seed": 1}),
        ([45], {"seed": 2, "people": 30, "jitter_s": 40}),
        ([4, 5, 7], {"seed": 5, "people": 50, "jitter_s": 200}),
        ([3, 50], {"seed": 6, "people": 60, "jitter_s": 400}),
        ([12, 12], {"seed": 7, "people": 60, "jitter_s": 400, "step_s": 100}),
        ([14], {"seed": 12, "people": 12, "jitter_s": 60}),  # two outsiders here, three there
        ([12], {"seed": 7, "people": 30, "jitter_s": 500, "span_s": 8_000}),  # the longest window parts episodes wider
    ],
)
def test_answers_and_what_they_rest_on_are_those_of_the_slow_rewrite(sizes: list[int], how: dict[str, int]) -> None:
    found = scene(sizes=sizes, **how)
    prepared, small = found.prepared, 0
    for group in range(len(found.proposals.starts) - 1):
        answers, hits = ask(found, group)
        members = set(members_of(found, group).tolist())
        shared = {int(o) for o in range(len(prepared.original_object)) if len(acted(prepared, members, o)) >= 2}
        beside_two = [
            v
            for v in range(len(prepared.account_starts) - 1)
            if v not in members and len(shared & set(prepared.object[prepared.account == v].tolist())) >= 2
        ]
        expected = {x: slow_answer(found, group, x) for x in [*sorted(members), *beside_two]}
        expected = {x: answer for x, answer in expected.items() if answer is not None}
        assert answers.account.tolist() == list(expected)
        assert answers.member.tolist() == [x in members for x in expected]
        assert (answers.group == group).all()
        for row, (x, slow) in enumerate(expected.items()):
            assert answers.p_value[row] == pytest.approx(slow["p"], rel=1e-9, abs=1e-300)
            assert answers.window[row].tolist() == slow["window"]
            assert answers.hits[row].tolist() == slow["hits"]
            assert answers.front[row] == pytest.approx(slow["front"][0])
            lines = np.flatnonzero(hits.row == row)
            question = OWN_PACE if answers.p_value[row, OWN_PACE] <= 0.05 else EITHER_WAY
            if x not in members or answers.p_value[row, question] > 0.05:
                assert not len(lines)
                continue
            small += 1
            told = list(zip(*(column[lines].tolist() for column in hits[1:]), strict=True))
            w = int(answers.window[row, question])
            assert told == [(q.action, q.after, q.lag) for q in slow_lines(found, group, x, w, True) if q.either]
    assert small >= 3


@pytest.mark.parametrize("hub", [0, 4, 8])
def test_an_account_that_held_its_proposal_together_leaves_the_others_as_they_were(hub: int) -> None:
    """Of four triangles with one account in common, nothing is proposed without it, and three without another one."""
    found = scene(1, [6, 9])
    members = max((members_of(found, group) for group in range(len(found.proposals.starts) - 1)), key=len)[:9]
    around = [int(v) for v in members if v != members[hub]]
    ends = [*((int(members[hub]), v) for v in around), *zip(around[::2], around[1::2], strict=True)]
    a, b = np.array(sorted(tuple(sorted(ab)) for ab in ends), np.int32).T
    windmill = graph_of(pairs.Pairs(a.copy(), b.copy(), np.zeros(len(a))), len(found.graph.starts) - 1, 0.3)
    found = found._replace(graph=windmill, proposals=propose(windmill))
    assert members_of(found, 0).tolist() == members.tolist()
    answers, _ = ask(found, 0)
    rows = {int(x): row for row, x in enumerate(answers.account)}
    assert int(members[hub]) not in rows
    for x in around:
        slow = slow_answer(found, 0, x)
        assert (slow is None) == (x not in rows)
        if slow is not None:
            assert answers.p_value[rows[x]] == pytest.approx(slow["p"], rel=1e-9, abs=1e-300)
    assert sum(answers.p_value[row, OWN_PACE] < 0.05 for x, row in rows.items() if x in around) >= 4


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_parts_of_a_proposal_give_the_answers_of_the_whole(parts: int) -> None:
    found = scene(1, [6, 9])
    for group in range(len(found.proposals.starts) - 1):
        whole, lines = ask(found, group)
        pieces = [ask(found, group, part, parts) for part in range(parts)]
        rows = {
            int(x): (part, row) for part, (answers, _) in enumerate(pieces) for row, x in enumerate(answers.account)
        }
        assert sorted(rows) == sorted(whole.account.tolist())
        assert sum(len(hits.row) for _, hits in pieces) == len(lines.row)
        for row, x in enumerate(whole.account.tolist()):
            part, other = rows[x]
            for name in ("member", "p_value", "window", "hits", "episodes", "front"):
                assert np.array_equal(getattr(whole, name)[row], getattr(pieces[part][0], name)[other]), name


@pytest.mark.parametrize("seed", [1, 7, 8])
def test_popular_objects_give_the_hits_of_the_others(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many of the group on an object a shorter way is taken; it must find the same steps."""
    found = scene(seed, [6, 20], jitter_s=120)
    prepared, compared = found.prepared, 0
    for group in range(len(found.proposals.starts) - 1):
        members = members_of(found, group)
        slot = np.full(len(prepared.original_object), -1, np.int32)
        together = together_of(members, prepared, slot)
        assert np.diff(together.starts).max() <= 32
        steps = beside.steps_of(together, prepared, WINDOWS)
        room = lines.room_for(int(np.diff(prepared.account_starts).max()))
        for x in members.tolist():
            inside = np.isin(np.arange(len(prepared.account_starts) - 1), sorted(without(found, group, x)))
            for w, window in enumerate(WINDOWS.tolist()):
                told = []
                for gather, many in ((lines.gather, 32), (lines.gather.py_func, 1)):
                    monkeypatch.setattr(lines, "_MANY", many)  # the compiled one keeps its own
                    n = gather(x, True, w, window, together, steps, slot, inside, prepared, room)
                    shown = zip(room.action[:n], room.after[:n], room.either[:n], room.front[:n], strict=True)
                    told.append([tuple(map(int, line)) for line in shown if line[2]])
                    assert not n or room.whole[:n].all() == (many == 1)
                assert told[0] == told[1]
                compared += len(told[0])
    assert compared > 100
