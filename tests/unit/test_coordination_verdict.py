"""Verdicts: false-discovery control against SciPy, the rules of minimum evidence, roles, and who can be tested."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from floodmark.coordination import verdict
from floodmark.coordination.naming import Answers, Hits
from floodmark.coordination.prepare import prepare
from floodmark.coordination.result import Rules, Shares
from floodmark.coordination.verdict import (
    benjamini_hochberg,
    count_episodes,
    has_own_evidence,
    passed,
    roles,
)

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
WINDOWS = np.array([60_000, HOUR_MS], np.int64)


@settings(deadline=None, max_examples=300)
@given(
    p=st.lists(st.one_of(st.floats(0, 1), st.sampled_from((0.0, 0.01, 0.02, 0.05, 1.0))), max_size=60),
    level=st.sampled_from((0.01, 0.05, 0.3)),
)
def test_discoveries_are_those_of_scipy(p: list[float], level: float) -> None:
    values = np.array(p, np.float64)
    adjusted = false_discovery_control(values) if p else values
    # At the edge itself the two round differently.
    clear = np.abs(adjusted - level) > 1e-12
    found = benjamini_hochberg(values, level)
    assert np.array_equal(found[clear], (adjusted <= level)[clear])
    assert found.dtype == np.bool_


def test_a_test_at_the_edge_is_a_discovery_and_all_ones_are_none() -> None:
    assert benjamini_hochberg(np.array([0.05, 0.05]), 0.05).tolist() == [True, True]
    assert benjamini_hochberg(np.array([0.025, 0.9]), 0.05).tolist() == [True, False]
    assert benjamini_hochberg(np.array([0.0251, 0.9]), 0.05).tolist() == [False, False]
    assert not benjamini_hochberg(np.ones(5), 0.05).any()


def answers(
    p_value: Sequence[Sequence[float]],
    hits: Sequence[Sequence[int]] | None = None,
    front: Sequence[float] | None = None,
    window: int = 0,
) -> Answers:
    n = len(p_value)
    return Answers(
        np.zeros(n, np.int32),
        np.arange(n, dtype=np.int32),
        np.ones(n, bool),
        np.array(p_value, np.float64).reshape(n, 3),
        np.full((n, 3), window, np.int32),
        np.full((n, 3), 9, np.int32) if hits is None else np.array(hits, np.int32),
        np.full((n, 3), 9, np.int32),
        np.zeros(n) if front is None else np.array(front),
    )


def test_each_question_has_its_own_control_and_needs_the_episodes() -> None:
    told = answers(
        [[1e-6, 1e-6, 1e-6], [1e-6, 0.5, 1e-6], [1e-6, 1e-6, 1e-6], [0.9, 0.9, 1e-6], [0.9, 1e-6, 0.9]],
        [[3, 3, 3], [3, 3, 3], [2, 2, 3], [0, 0, 3], [3, 3, 3]],
    )
    found = passed(told, Rules())
    assert found.named.tolist() == [True, True, False, False, False]
    # Without a trigger only he is, who is named: the last one's pace elsewhere says nothing for it.
    assert found.no_trigger.tolist() == [True, False, False, False, False]
    assert found.in_step.tolist() == [True, True, True, True, False]
    assert passed(told, Rules(min_episodes=2)).named.tolist() == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("after_p", "hits", "front", "named"),
    [
        (0.04, 3, 0.0, True),
        (0.04, 3, 0.49, True),
        (0.04, 3, 0.5, False),  # whom others mirror is in step beyond any chance, by no act of its own
        (0.04, 3, 1.0, False),
        (0.06, 3, 0.0, False),
        (0.04, 2, 0.0, False),
    ],
)
def test_in_step_and_behind_is_named_unless_often_in_front(
    after_p: float, hits: int, front: float, named: bool
) -> None:
    crowd = [[1.0, 1.0, 1.0]] * 9  # beside them 0.04 is no discovery by itself
    told = answers([[after_p, 1.0, 1e-6], *crowd], [[hits, 0, 3], *[[0, 0, 0]] * 9], [front, *[0.0] * 9])
    assert passed(told, Rules()).named.tolist() == [named, *[False] * 9]


def test_others_share_the_control_with_members() -> None:
    one = [[0.02, 1.0, 1.0]]
    assert passed(answers(one), Rules()).named.tolist() == [True]
    crowd = passed(answers(one + [[1.0, 1.0, 1.0]] * 9), Rules())
    assert not crowd.named.any()


def evidence(
    episodes: Sequence[Sequence[int]], after: bool = True, window: int = 0, rules: Rules | None = None
) -> bool:
    """Return whether account 0 has its own evidence, with hits in each trace at the given hours."""
    rows = [(t, hour) for t, hours in enumerate(episodes) for hour in hours]
    n = len(rows)
    account = np.tile(np.arange(2, dtype=np.int32), n)
    thing = np.repeat(np.arange(n, dtype=np.int32), 2)
    at_ms = np.repeat(np.array([hour for _, hour in rows], np.int64) * HOUR_MS, 2)
    trace = np.array([t for t, _ in rows], np.int32)
    prepared = prepare(Shares(account, thing, at_ms, 2, trace, tuple("abcd"[: len(episodes)])))
    mine = np.flatnonzero(prepared.account == 0).astype(np.int32)
    hits = Hits(np.zeros(n, np.int32), mine, np.full(n, after), np.ones(n, np.int64))
    told = answers([[0.001] * 3, [0.001] * 3], window=window)
    found = has_own_evidence(np.array([0], np.int32), told, hits, prepared, trace, WINDOWS, rules or Rules())
    assert not found[1], "a row that nobody asked about"
    return bool(found[0])


@pytest.mark.parametrize(
    ("episodes", "enough"),
    [
        ([[0, 2, 4]], True),
        ([[0, 2]], False),
        ([[0, 2], [10, 12]], True),
        ([[0, 2], [10]], False),
        ([[0], [10], [20]], False),
        ([[0, 2, 4], [10]], True),
        ([[0, 2], [10], [20, 22]], True),
        # The same two moments on two kinds of action are two episodes, not four.
        ([[0, 2], [0, 2]], False),
        ([[0, 2], [0, 4]], True),
        # Three objects in one moment are one episode.
        ([[0, 0, 0, 2]], False),
    ],
)
def test_own_evidence_is_three_episodes_in_one_trace_or_two_in_each_of_two(
    episodes: list[list[int]], enough: bool
) -> None:
    assert evidence(episodes) is enough


def test_only_hits_behind_the_group_are_own_evidence_and_long_windows_part_episodes_wider() -> None:
    assert not evidence([[0, 2, 4]], after=False)
    # One hour apart is a new episode for a window of a minute, the same one for a window of an hour.
    assert evidence([[0, 1, 2]])
    assert not evidence([[0, 1, 2]], window=1)
    assert evidence([[0, 2]], rules=Rules(min_episodes=2))


@settings(deadline=None, max_examples=200)
@given(at_ms=st.lists(st.integers(0, 400), max_size=30), gap=st.integers(0, 60))
def test_episodes_end_at_longer_gaps_only(at_ms: list[int], gap: int) -> None:
    expected, last = 0, None
    for at in sorted(at_ms):
        expected += last is None or at - last > gap
        last = at
    assert count_episodes(np.array(at_ms, np.int64), gap) == expected


@pytest.mark.parametrize(
    ("front", "named", "in_step", "role"),
    [
        (0.0, True, False, "follower"),
        (1.0, True, False, "follower"),
        (1.0, False, True, "amplified"),
        (0.8, False, True, "amplified"),
        (0.79, False, True, "first_mover"),
        (0.5, False, True, "first_mover"),
        (0.49, False, True, ""),
        (1.0, False, False, ""),
    ],
)
def test_roles_follow_from_who_was_in_front(front: float, named: bool, in_step: bool, role: str) -> None:
    told = answers([[1.0] * 3], front=[front])
    assert roles(told, np.array([named]), np.array([in_step])).tolist() == [role]


@pytest.mark.parametrize("seed", range(5))
def test_testable_are_those_with_enough_episodes_on_objects_of_three(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 300
    shares = Shares(
        rng.integers(0, 30, n).astype(np.int32),
        rng.integers(0, 80, n).astype(np.int32),
        rng.integers(0, 40, n) * 100_000,
        30,
        np.zeros(80, np.int32),
    )
    first: dict[tuple[int, int], int] = {}
    for o, a, at in zip(shares.object.tolist(), shares.account.tolist(), shares.at_ms.tolist(), strict=True):
        first[o, a] = min(at, first.get((o, a), at))
    sharers = [sum(o == thing for o, _ in first) for thing in range(80)]
    for least in (2, 3, 5):
        expected = []
        for account in range(30):
            times = sorted(at for (o, a), at in first.items() if a == account and sharers[o] >= 3)
            gaps = sum(later - earlier > 300_000 for earlier, later in pairwise(times))
            expected.append(bool(times) and gaps + 1 >= least)
        assert verdict.testable_accounts(prepare(shares), least).tolist() == expected
        assert any(expected)
