"""What groups are named: rare objects by brute force, and no group with fewer than three named."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from floodmark.coordination.groups import facts
from floodmark.coordination.lines import OWN_PACE
from floodmark.coordination.naming import Answers, Hits
from floodmark.coordination.pairs import Pairs
from floodmark.coordination.prepare import prepare
from floodmark.coordination.procedure import _Verdicts
from floodmark.coordination.result import Rules, Shares
from floodmark.coordination.verdict import passed

HOUR_MS, WINDOW_MS = 3_600_000, 60_000


def judge(
    cliques: list[int],
    threads: list[tuple[int, int]] = (),  # type: ignore[assignment]
    asked: dict[int, tuple[float, float, float]] | None = None,
    front: dict[int, float] | None = None,
    objects: int = 6,
    outsiders: int = 0,
    leader: bool = False,
) -> _Verdicts:
    """Return the verdicts on cliques that acted on `objects` objects each, an hour apart, with given answers.

    All pass all questions but those of `asked`; `outsiders` accounts share each object beside them. They take turns in
    being first, unless the first of a clique is its `leader`.
    """
    n = sum(cliques)
    clique_of = np.repeat(np.arange(len(cliques)), cliques)
    rows = [
        (
            a,
            int(clique_of[a]) * objects + k,
            (int(clique_of[a]) * 50 + k) * HOUR_MS + ((a + k) % n if not leader else a) * 1_000,
        )
        for a in range(n)
        for k in range(objects)
    ]
    rows += [
        (n + v, o, (o // objects * 50 + o % objects) * HOUR_MS + 500)
        for o in range(objects * len(cliques))
        for v in range(outsiders)
    ]
    account, thing, at_ms = np.array(rows, np.int64).T
    n_all, n_objects = max(n + outsiders, 1_000), objects * len(cliques)
    shares = Shares(account.astype(np.int32), thing.astype(np.int32), at_ms, n_all, np.zeros(n_objects, np.int32))
    prepared = prepare(shares)
    p_value = np.full((n, 3), 1e-9)
    for a, values in (asked or {}).items():
        p_value[a] = values
    ahead = np.zeros(n)
    for a, share in (front or {}).items():
        ahead[a] = share
    answers = Answers(
        np.zeros(n, np.int32),
        np.arange(n, dtype=np.int32),
        np.ones(n, bool),
        p_value,
        np.zeros((n, 3), np.int32),
        np.full((n, 3), objects, np.int32),
        np.full((n, 3), objects, np.int32),
        ahead,
    )
    mine = np.concatenate([np.flatnonzero(prepared.account == a) for a in range(n)]).astype(np.int32)
    hits = Hits(
        np.repeat(np.arange(n, dtype=np.int32), objects), mine, np.ones(len(mine), bool), np.full(len(mine), 1_000)
    )
    edges = [ab for ab in combinations(range(n), 2) if clique_of[ab[0]] == clique_of[ab[1]]]
    a, b = np.array(sorted([*edges, *threads]), np.int32).T
    pairs = Pairs(a.copy(), b.copy(), np.full(len(a), 1e-6))
    rules = Rules()
    return _Verdicts(
        shares, prepared, pairs, answers, hits, passed(answers, rules), np.array([WINDOW_MS]), n_all, rules
    )


IN_STEP = (1.0, 1.0, 1e-9)
NOT_A = (1e-9, 1.0, 1e-9)


def states(found: _Verdicts) -> list[str]:
    kept = found.groups()
    verdicts = found.accounts(kept)
    n = len(found.answers.account)
    assert set(verdicts.state[n:]) <= {"tested", "untestable"}
    for item in kept:
        assert not item.group.named or len(item.group.named) >= 3
        assert set(item.group.named) <= set(item.group.members)
        assert [v for v in item.group.members if verdicts.state[v] == "named"] == list(item.group.named)
        amplified = np.flatnonzero((verdicts.role == "amplified") & (verdicts.group == item.group.group))
        assert not set(amplified.tolist()) & set(item.group.members)
    return [str(state) for state in verdicts.state[:n]]


def test_a_clique_that_passes_is_named_and_a_pair_is_not() -> None:
    assert states(judge([4, 2])) == ["named"] * 4 + ["lead"] * 2
    assert states(judge([3])) == ["named"] * 3
    assert states(judge([2])) == ["lead"] * 2


@pytest.mark.parametrize(("objects", "state"), [(3, "lead"), (4, "lead"), (5, "named"), (6, "named")])
def test_under_five_rare_objects_nobody_is_named(objects: int, state: str) -> None:
    assert states(judge([5], objects=objects)) == [state] * 5


@pytest.mark.parametrize(("outsiders", "state"), [(0, "named"), (4, "named"), (5, "lead"), (9, "lead")])
def test_objects_on_which_as_many_others_acted_at_the_moment_are_not_rare(outsiders: int, state: str) -> None:
    assert states(judge([5], outsiders=outsiders)) == [state] * 5


def test_where_under_three_are_named_nobody_is() -> None:
    assert states(judge([5], asked=dict.fromkeys((3, 4), IN_STEP))) == ["named"] * 3 + ["in_step"] * 2
    assert states(judge([5], asked=dict.fromkeys((2, 3, 4), IN_STEP))) == ["in_step"] * 5


def test_where_under_three_of_a_community_are_named_none_of_it_is() -> None:
    """Two communities hang together by a thread: the many named of one do not make up for the few of the other."""
    found = judge([6, 4], [(5, 6)], asked=dict.fromkeys((7, 8, 9), IN_STEP))
    assert len(found.groups()) == 2
    assert states(found) == ["named"] * 6 + ["in_step"] * 4


def test_grade_a_is_for_those_who_pass_in_a_group_most_of_which_and_three_of_which_pass() -> None:
    for size, not_a, grade, grades in (
        (5, (3, 4), "A", "AAABB"),
        (5, (2, 3, 4), "B", "BBBBB"),
        (5, (), "A", "AAAAA"),
        (3, (2,), "B", "BBB"),  # most, but not three
        (6, (3, 4, 5), "B", "BBBBBB"),  # three, but not most
        (7, (4, 5, 6), "A", "AAAABBB"),
    ):
        found = judge([size], asked=dict.fromkeys(not_a, NOT_A))
        (kept,) = found.groups()
        assert kept.group.grade == grade
        assert "".join(found.accounts([kept]).grade[:size]) == grades
    # One account is always first: all may be watching it.
    (led,) = judge([5], leader=True).groups()
    assert (led.group.grade, led.group.named) == ("B", (0, 1, 2, 3, 4))
    assert (
        led.group.readings[0].speaks_for == "one of the group acted shortly before all others in step on 6 of 6 objects"
    )
    (only_in_step,) = judge([5], asked=dict.fromkeys(range(5), IN_STEP)).groups()
    assert (only_in_step.group.grade, only_in_step.group.named) == ("", ())


def test_who_is_in_step_and_comes_after_is_named_unless_often_in_front() -> None:
    """One test at the level, 0.04, is no discovery among forty that say nothing; together with being in step it is."""
    asked: dict[int, tuple[float, float, float]] = dict.fromkeys(range(10, 50), (1.0, 1.0, 1.0))
    asked |= {4: (0.04, 1.0, 1e-9), 5: (0.06, 1.0, 1e-9), 6: (0.04, 1.0, 1e-9), 7: (0.04, 1.0, 1.0)}
    found = judge([10, 40], asked=asked, front={4: 0.4, 6: 0.6})
    assert states(found)[:10] == ["named"] * 5 + ["in_step"] * 2 + ["tested"] + ["named"] * 2


def test_who_is_always_in_front_is_amplified_and_no_member() -> None:
    found = judge([6], asked=dict.fromkeys((0, 1), IN_STEP), front={0: 0.9, 1: 0.6})
    (kept,) = found.groups()
    assert kept.group.members == (1, 2, 3, 4, 5)
    assert kept.group.named == (2, 3, 4, 5)
    verdicts = found.accounts([kept])
    assert verdicts.role[:6].tolist() == ["amplified", "first_mover", *["follower"] * 4]
    assert verdicts.state[:6].tolist() == ["in_step", "in_step", *["named"] * 4]
    assert verdicts.group[:6].tolist() == [1] * 6
    # Amplified accounts do not make up the numbers of a group.
    assert states(judge([3], asked={0: IN_STEP}, front={0: 0.9})) == ["lead"] * 3


def test_who_is_no_member_of_what_was_proposed_is_a_lead_at_most() -> None:
    found = judge([5])
    found.answers.member[4] = False
    assert states(found) == ["named"] * 4 + ["lead"]


@pytest.mark.parametrize("seed", range(6))
def test_rare_objects_by_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 1_500
    shares = Shares(
        np.minimum(rng.integers(0, 150, n), rng.integers(0, 150, n)).astype(np.int32),
        (rng.geometric(0.08, n) % 30).astype(np.int32),
        rng.integers(0, 9_000, n) * 1_000,
        150,
        np.zeros(30, np.int32),
    )
    prepared = prepare(shares)
    members = np.sort(rng.choice(60, 40, replace=False)).astype(np.int32)
    hit = np.flatnonzero(np.isin(prepared.account, members) & (rng.random(len(prepared.account)) < 0.5))
    row = rng.integers(0, 6, len(hit)).astype(np.int32)
    hits = Hits(row, hit.astype(np.int32), np.ones(len(hit), bool), np.ones(len(hit), np.int64))
    rules = Rules(rare_share=0.05)
    rows = np.array([0, 2, 3, 5], np.int32)
    found = facts(rows, hits, prepared, members, WINDOW_MS, 150, rules)
    mine = [k for k in range(len(hit)) if row[k] in rows]
    assert found.lines.tolist() == mine
    seen = prepared.object[hit[mine]].tolist()
    objects = [o for o in sorted(set(seen)) if seen.count(o) >= 2]
    assert found.objects.tolist() == objects
    rare = 0
    for o in objects:
        here = [(int(prepared.account[i]), int(prepared.at_ms[i])) for i in np.flatnonzero(prepared.object == o)]
        ours = [at for account, at in here if account in members]
        others = [at for account, at in here if account not in members and any(abs(at - t) <= WINDOW_MS for t in ours)]
        rare += len(others) < len(ours) and len(others) < 0.05 * 150
    assert found.rare_objects == rare
    assert 0 < rare < len(objects)
    ahead: Counter[int] = Counter()
    for o in objects:
        here = sorted((int(prepared.at_ms[i]), int(i)) for i in hit[mine] if prepared.object[i] == o)
        for account in range(150):
            rest = [at for at, i in here if prepared.account[i] != account]
            own = prepared.at_ms[(prepared.object == o) & (prepared.account == account)].tolist()
            is_first = here[0][0] in own or not any(prepared.account[i] == account for _, i in here)
            ahead[account] += is_first and any(0 < min(rest) - at <= 3_600_000 for at in own)
    assert found.led == max(ahead.values())
    assert found.source == min(account for account, n in ahead.items() if n == found.led)
    assert found.follows_one_source == (2 * found.led >= len(objects))


def test_p_values_of_members_are_their_own_and_of_others_paid_for() -> None:
    found = judge([4])
    found.answers.p_value[:, OWN_PACE] = [0.01, 0.02, 0.3, 0.4]
    found.answers.account[:] = [0, 1, 7, 7]
    found.answers.member[:] = [True, True, False, False]
    p_value = found._p_values()
    assert p_value[[0, 1, 7, 8]] == pytest.approx([0.01, 0.02, 0.6, 1.0])
