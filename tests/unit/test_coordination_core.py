"""The coordination test from end to end: planted truth comes back, ordinary crowds and broken tables name nobody."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from floodmark.coordination import procedure, verdict
from floodmark.coordination.edges import medians
from floodmark.coordination.lines import EITHER_WAY, OWN_PACE
from floodmark.coordination.naming import Answers
from floodmark.coordination.procedure import coordination
from floodmark.coordination.result import STATES, Coordination, Rules, Shares
from floodmark.errors import UsageError
from floodmark.simulate import crowds
from floodmark.simulate.crowd_kinds import KINDS
from floodmark.simulate.crowds import Everyday
from floodmark.simulate.framing import FrameParams, frame
from floodmark.simulate.labelled import Labelled, labelled
from floodmark.simulate.plant import DEFAULT_PLANT, Actions, Planted, PlantParams, plant

SMALL = Everyday(accounts=400, objects=600)
PLANT = replace(DEFAULT_PLANT, accounts=12, clock_ms=1_000)


def crowd(seed: int, everyday: Everyday = SMALL) -> Actions:
    drawn = crowds.to_shares(crowds.everyday(np.random.default_rng(seed), everyday))
    names = [
        np.array([f"{letter}{v:04}" for v in ids], object)
        for letter, ids in (("a", drawn.account), ("o", drawn.object))
    ]
    return Actions(names[0], names[1], drawn.at_ms)


def examined(planted: Planted, traces: int = 1, rules: Rules | None = None) -> tuple[Labelled, Coordination]:
    labels = labelled(planted.actions, traces)
    return labels, coordination(labels.shares, rules, threads=2)


def in_state(labels: Labelled, found: Coordination, *states: str) -> set[str]:
    return set(labels.accounts[np.isin(found.accounts.state.astype(str), states)].tolist())


def check(found: Coordination, shares: Shares) -> None:
    """What holds of every result: of states, groups, grades, roles and edges."""
    accounts, n = found.accounts, shares.n_accounts
    for column in (accounts.state, accounts.p_value, accounts.group, accounts.grade, accounts.role, accounts.episodes):
        assert len(column) == n
    assert set(accounts.state) <= set(STATES)
    assert sum(found.count(state) for state in STATES) == n
    assert ((accounts.p_value >= 0) & (accounts.p_value <= 1)).all()
    assert [group.group for group in found.groups] == list(range(1, len(found.groups) + 1))
    assert (accounts.state[accounts.group >= 0] != "lead").all()
    grouped = np.isin(accounts.state.astype(str), ("named", "in_step"))
    assert np.array_equal(grouped, accounts.group >= 0)
    for group in found.groups:
        here = np.flatnonzero(accounts.group == group.group)
        amplified = here[accounts.role[here] == "amplified"]
        assert sorted([*group.members, *amplified.tolist()]) == here.tolist()
        assert list(group.named) == here[accounts.state[here] == "named"].tolist()
        assert not group.named or len(group.named) >= found.rules.min_members
        assert len(group.members) >= found.rules.min_members
        assert group.objects >= group.rare_objects >= found.rules.min_rare_objects
        assert (accounts.role[list(group.named)] == "follower").all()
        assert (accounts.episodes[list(group.named)] >= found.rules.min_episodes).all()
        assert group.grade == (("A" if "A" in accounts.grade[here] else "B") if group.named else "")
        if group.grade == "A":
            graded = np.count_nonzero(accounts.grade[here] == "A")
            assert graded >= found.rules.min_members
            assert 2 * graded > len(group.named)
        assert sum(group.traces.values()) == group.objects
        assert group.first_ms <= group.last_ms
    assert set(np.flatnonzero(accounts.grade != "").tolist()) == {v for g in found.groups for v in g.named}
    edges = found.edges
    assert (edges.account_a < edges.account_b).all()
    assert (accounts.group[edges.account_a] == edges.group).all()
    assert (accounts.group[edges.account_b] == edges.group).all()
    assert (edges.group >= 1).all()
    first: dict[tuple[int, int], int] = {}
    for a, o, at in zip(shares.account.tolist(), shares.object.tolist(), shares.at_ms.tolist(), strict=True):
        first[a, o] = min(at, first.get((a, o), at))
    for k in range(len(edges)):
        part = slice(edges.evidence_start[k], edges.evidence_start[k + 1])
        lags = []
        for o, at_a, at_b in zip(
            edges.evidence_object[part].tolist(),
            edges.evidence_a_ms[part].tolist(),
            edges.evidence_b_ms[part].tolist(),
            strict=True,
        ):
            assert first[int(edges.account_a[k]), o] == at_a
            assert first[int(edges.account_b[k]), o] == at_b
            lags.append(at_b - at_a)
        assert max(map(abs, lags)) <= edges.window_ms[k]
        assert edges.median_lag_ms[k] == int(np.median(lags))
        assert edges.a_first[k] == sum(lag > 0 for lag in lags)
        assert edges.b_first[k] == sum(lag < 0 for lag in lags)
        assert 2 <= edges.episodes[k] <= min(edges.opportunities[k], len(lags))


# Planted truth.


@pytest.mark.parametrize(
    ("params", "traces"),
    [
        (PLANT, 1),
        (PLANT, 4),
        (replace(PLANT, accounts=5), 1),
        (replace(PLANT, jitter_ms=5_000), 1),
        (replace(PLANT, own_object_share=1.0), 2),
        (replace(PLANT, actions_per_account=20, jitter_ms=300_000), 1),
    ],
    ids=["default", "four traces", "five accounts", "five seconds", "own objects", "five minutes"],
)
def test_all_that_was_planted_is_named_and_nobody_else(params: PlantParams, traces: int) -> None:
    planted = plant(crowd(1), params, np.random.default_rng(1))
    labels, found = examined(planted, traces)
    check(found, labels.shares)
    assert in_state(labels, found, "named") == set(planted.accounts)
    assert len(found.groups) == 1
    assert len(found.edges) > 0
    if traces > 1:
        assert len(found.groups[0].traces) > 1


def test_a_campaign_of_120_is_named_and_nobody_else() -> None:
    planted = plant(crowd(2), replace(PLANT, accounts=120), np.random.default_rng(2))
    labels, found = examined(planted)
    check(found, labels.shares)
    named = in_state(labels, found, "named")
    assert named <= set(planted.accounts)
    assert len(named) >= 118


def test_two_campaigns_are_two_groups() -> None:
    first = plant(crowd(3), PLANT, np.random.default_rng(3))
    renamed = [
        np.array([i.replace("planted", "other") for i in ids])
        for ids in (first.actions.account_id, first.actions.object_id)
    ]
    again = plant(
        Actions(renamed[0].astype(object), renamed[1].astype(object), first.actions.at_ms),
        PLANT,
        np.random.default_rng(4),
    )
    labels, found = examined(again)
    check(found, labels.shares)
    groups = [{str(labels.accounts[v])[:5] for v in group.named} for group in found.groups]
    assert sorted(map(sorted, groups)) == [["other"], ["plant"]]
    assert sorted(len(group.named) for group in found.groups) == [12, 12]


def test_on_a_clock_of_minutes_the_campaign_is_in_step_and_nobody_else_is_in_a_group() -> None:
    """Ties have no direction: who is named then is the clock's choice, who is in step is not."""
    planted = plant(crowd(1), replace(PLANT, clock_ms=60_000), np.random.default_rng(1))
    labels, found = examined(planted)
    check(found, labels.shares)
    assert found.resolution_ms == 60_000
    assert found.windows_ms == (60_000, 600_000, 3_600_000)
    together = in_state(labels, found, "named", "in_step")
    assert together <= set(planted.accounts)
    assert len(together) >= 10


def test_a_window_under_the_clock_is_not_used_and_with_none_left_that_is_said() -> None:
    shares = labelled(plant(crowd(1), replace(PLANT, clock_ms=60_000), np.random.default_rng(1)).actions).shares
    with pytest.raises(UsageError, match="60 s"):
        coordination(shares, Rules(windows_ms=(1_000, 10_000)))


def test_where_the_campaign_is_the_collection_it_takes_a_reference_to_see_it() -> None:
    planted = plant(crowd(7), replace(PLANT, accounts=40, camouflage_share=0.0), np.random.default_rng(7))
    mine = planted.joint
    alone = labelled(
        Actions(planted.actions.account_id[mine], planted.actions.object_id[mine], planted.actions.at_ms[mine])
    )
    reference = labelled(crowd(8)).shares
    without, against = coordination(alone.shares), coordination(alone.shares, reference=reference)
    check(without, alone.shares)
    check(against, alone.shares)
    assert (without.reference_used, against.reference_used) == (False, True)
    assert without.count("named") == 0
    assert against.count("named") >= 36
    # The reference gives rates, not accounts, objects or actions.
    assert against.actions_used == without.actions_used


def test_an_ordinary_reference_changes_nothing_for_an_ordinary_crowd() -> None:
    shares = labelled(crowd(1)).shares
    found = coordination(shares, reference=labelled(crowd(2)).shares)
    check(found, shares)
    assert not found.groups
    assert (found.accounts.state == coordination(shares).accounts.state).mean() > 0.99


def test_the_order_of_windows_and_repeats_of_one_do_not_matter() -> None:
    shares = labelled(plant(crowd(1), PLANT, np.random.default_rng(1)).actions).shares
    found, other = (coordination(shares, Rules(windows_ms=w)) for w in ((10_000, 60_000), (60_000, 10_000, 60_000)))
    assert found.windows_ms == other.windows_ms == (10_000, 60_000)
    assert np.array_equal(found.accounts.p_value, other.accounts.p_value)
    assert found.groups == other.groups


# Minimum evidence.


@pytest.mark.parametrize("seed", [1, 2])
def test_a_pair_is_never_named(seed: int) -> None:
    planted = plant(crowd(seed), replace(PLANT, accounts=2, actions_per_account=30), np.random.default_rng(seed))
    labels, found = examined(planted)
    check(found, labels.shares)
    assert not in_state(labels, found, "named", "in_step")


def test_four_joint_actions_are_too_few_and_the_rule_is_what_holds_them_back() -> None:
    few = replace(PLANT, actions_per_account=4, own_object_share=1.0, camouflage_share=0.0)
    planted = plant(crowd(5), few, np.random.default_rng(5))
    labels, found = examined(planted)
    check(found, labels.shares)
    assert not in_state(labels, found, "named", "in_step")
    assert in_state(labels, found, "lead") >= set(planted.accounts[:6])
    labels, found = examined(planted, rules=Rules(min_rare_objects=4))
    check(found, labels.shares)
    named = in_state(labels, found, "named")
    assert named <= set(planted.accounts)
    assert len(named) >= 8


def test_victims_of_mirrors_are_not_named() -> None:
    framed = frame(crowd(6), FrameParams(victims=3, bots_per_victim=10), np.random.default_rng(6))
    labels = labelled(framed.actions)
    found = coordination(labels.shares, threads=2)
    check(found, labels.shares)
    named = in_state(labels, found, "named")
    assert named <= set(framed.bots)
    assert len(named) >= 20
    roles = found.accounts.role[labels.mask(framed.victims)].tolist()
    assert set(roles) <= {"amplified", ""}
    assert "amplified" in roles


# Ordinary crowds.


def test_in_an_ordinary_crowd_nobody_is_named() -> None:
    for seed in range(5):
        labels = labelled(crowd(seed))
        found = coordination(labels.shares, threads=2)
        check(found, labels.shares)
        assert not found.groups
        assert found.testable > 20


@pytest.mark.slow
def test_p_values_of_members_are_honest_in_a_crowd_with_a_daily_rhythm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of members, tested against a group that was found without them, no more than 5 % have p <= 0.05."""
    seen: list[Answers] = []

    def watched(answers: Answers, rules: Rules) -> verdict.Passed:
        seen.append(answers)
        return verdict.passed(answers, rules)

    monkeypatch.setattr(procedure, "passed", watched)
    for seed in range(60):
        assert coordination(KINDS["rhythm"].draw(np.random.default_rng(seed)), threads=2).count("named") == 0
    p_value = np.concatenate([answers.p_value[answers.member] for answers in seen])
    assert len(seen) == 60
    assert len(p_value) > 200
    for question in (OWN_PACE, EITHER_WAY):
        below = int(np.count_nonzero(p_value[:, question] <= 0.05))
        assert binom.sf(below - 1, len(p_value), 0.05) > 0.01


# Degenerate tables.


def table(account: np.ndarray, thing: np.ndarray, at_ms: np.ndarray) -> Shares:
    n_accounts, n_objects = int(account.max(initial=-1)) + 1, int(thing.max(initial=-1)) + 1
    return Shares(
        account.astype(np.int32),
        thing.astype(np.int32),
        at_ms.astype(np.int64),
        n_accounts,
        np.zeros(n_objects, np.int32),
    )


ZERO, COUNT = np.zeros(1, np.int64), np.arange(200)
DEGENERATE = {
    "empty": table(ZERO[:0], ZERO[:0], ZERO[:0]),
    "one action": table(ZERO, ZERO, ZERO),
    "one account": table(np.zeros(200), COUNT, COUNT * 1_000_001),
    "one account on one object": table(np.zeros(200), np.zeros(200), COUNT * 7_000),
    "one object": table(COUNT, np.zeros(200), COUNT * 1_001),
    "every account and object once": table(COUNT, COUNT, COUNT),
    "all at one second": table(np.repeat(np.arange(40), 20), np.tile(np.arange(20), 40), np.full(800, 10**12)),
    "ties everywhere": table(
        np.repeat(np.arange(40), 20), np.tile(np.arange(20), 40), np.tile(np.arange(20), 40) * 86_400_000
    ),
    "before 1970": table(np.repeat(np.arange(9), 4), np.tile(np.arange(4), 9), np.arange(36) * 12_345 - 10**9),
    "the ends of time": table(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), np.array([-1, 1, -1, 1]) * 2**61),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_a_degenerate_table_is_tested_and_names_nobody(name: str) -> None:
    shares = DEGENERATE[name]
    found = coordination(shares, Rules(windows_ms=(10_000, 60_000, 86_400_000)), threads=2)
    check(found, shares)
    assert found.count("named") == 0


def test_numbers_without_an_action_are_untestable_accounts() -> None:
    shares = Shares(np.array([3, 5], np.int32), np.array([1, 1], np.int32), np.array([0, 1]), 9, np.zeros(4, np.int32))
    found = coordination(shares)
    assert found.accounts.state.tolist() == ["untestable"] * 9
    assert (found.accounts.p_value == 1).all()
    assert found.actions_used == 2


def crowd_of_singles(n: int) -> Shares:
    rng = np.random.default_rng(0)
    return table(np.arange(n), rng.geometric(0.001, n), rng.integers(0, 10**6, n) * 1_000)


def test_a_hundred_thousand_accounts_with_one_action_each_are_untestable() -> None:
    found = coordination(crowd_of_singles(10**5), threads=2)
    assert found.count("untestable") == 10**5
    assert (found.tests, found.proposed, found.testable, len(found.groups)) == (0, 0, 0, 0)
    assert found.minimum_detectable_jitter_ms >= 0


@pytest.mark.slow
def test_a_million_accounts_with_one_action_each_are_untestable() -> None:
    found = coordination(crowd_of_singles(10**6), threads=2)
    assert found.count("untestable") == 10**6


def test_dense_moments_are_reported_with_their_objects() -> None:
    n = 40
    account, thing = np.repeat(np.arange(n), 2), np.tile([0, 1], n)
    at_ms = np.where(thing == 0, account * 100, account * 100_000)
    found = coordination(table(account, thing, at_ms), Rules(windows_ms=(1_000, 60_000), dense_successors=9))
    # On object 0 all but the last ten have ten others in the next second; all but the last ten in the next minute too.
    assert found.too_dense == {1_000: (n - 10, 1), 60_000: (n - 10, 1)}


def test_detectable_jitter_of_nothing_is_none_and_a_quiet_collection_shows_more_than_a_dense_one() -> None:
    quiet, dense = (
        coordination(labelled(crowd(1, replace(SMALL, delay_median_h=median))).shares, threads=2)
        for median in (3.0, 0.01)
    )
    assert quiet.minimum_detectable_jitter_ms > dense.minimum_detectable_jitter_ms
    assert coordination(DEGENERATE["empty"]).minimum_detectable_jitter_ms == 0


def test_progress_ends_below_or_at_one_and_never_falls() -> None:
    told: list[float] = []
    coordination(labelled(crowd(1)).shares, threads=1, progress=told.append)
    assert told == sorted(told)
    assert 0 < told[0] <= told[-1] <= 1


def test_medians_of_runs_are_those_of_numpy() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        start = np.concatenate([[0], np.cumsum(rng.integers(1, 6, rng.integers(0, 20)))])
        values = rng.integers(-9, 9, start[-1])
        plain = [int(np.median(values[begin:end])) for begin, end in itertools.pairwise(start)]
        assert medians(values, start).tolist() == plain
