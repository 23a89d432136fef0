"""What must not matter does not: order, names, threads, duplicates, the calendar, strangers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floodmark.coordination.procedure import coordination
from floodmark.coordination.result import Coordination, Rules, Shares
from floodmark.simulate import crowds
from floodmark.simulate.crowds import Everyday
from floodmark.simulate.labelled import labelled
from floodmark.simulate.plant import DEFAULT_PLANT, Actions, mixed, plant

WEEK_MS = 7 * 86_400_000
SCENES = ("two groups", "minutes", "four traces", "nobody")


def scene(name: str, seed: int = 1) -> Shares:
    """A small crowd of 300; in it two campaigns, of 8 and of 45 (objects that more than 32 of a group share)."""
    rng = np.random.default_rng(seed)
    drawn = crowds.to_shares(crowds.everyday(rng, Everyday(accounts=300, objects=400)))
    ids = [[f"{letter}{v:04}" for v in column] for letter, column in (("a", drawn.account), ("o", drawn.object))]
    crowd = Actions(np.array(ids[0], object), np.array(ids[1], object), drawn.at_ms)
    parts = [crowd]
    for size in () if name == "nobody" else (8, 45):
        added = plant(crowd, replace(DEFAULT_PLANT, accounts=size, jitter_ms=120_000), rng).actions
        mine = np.char.startswith(added.account_id.astype(str), "planted")
        who, what = (
            np.array([str(one).replace("planted", f"p{size}") for one in column[mine]], object)
            for column in (added.account_id, added.object_id)
        )
        parts.append(Actions(who, what, added.at_ms[mine]))
    actions, _ = mixed(parts, 60_000 if name == "minutes" else 1_000)
    return labelled(actions, 4 if name == "four traces" else 1).shares


@pytest.fixture(scope="module", params=SCENES)
def before(request: pytest.FixtureRequest) -> tuple[Shares, Coordination]:
    shares = scene(request.param)
    found = coordination(shares, threads=1)
    if request.param != "nobody":
        assert found.count("named") + found.count("in_step") >= 40
        assert len(found.groups) >= (1 if request.param == "minutes" else 2)
    return shares, found


def same(found: Coordination, other: Coordination) -> None:
    """Assert that two results are the same to the last bit."""
    for part in ("accounts", "edges"):
        for name, column in vars(getattr(found, part)).items():
            assert np.array_equal(column, getattr(getattr(other, part), name)), name
    assert found.groups == other.groups
    for name in ("actions_used", "testable", "proposed", "tests", "too_dense", "minimum_detectable_jitter_ms"):
        assert getattr(found, name) == getattr(other, name), name


def same_verdicts(found: Coordination, other: Coordination, moved: np.ndarray | None = None) -> None:
    """Assert that account a of `found` fares as account moved[a] of `other`; group numbers may differ."""
    mine = np.arange(len(found.accounts.state)) if moved is None else moved
    for name in ("state", "grade", "role", "episodes"):
        assert np.array_equal(getattr(found.accounts, name), getattr(other.accounts, name)[mine]), name
    assert found.accounts.p_value == pytest.approx(other.accounts.p_value[mine], rel=1e-6, abs=1e-300)
    assert groups(found, mine) == groups(other)
    pairs = {
        (*sorted(mine[[a, b]].tolist()), int(n))
        for a, b, n in zip(found.edges.account_a, found.edges.account_b, found.edges.episodes, strict=True)
    }
    theirs = {
        (int(a), int(b), int(n))
        for a, b, n in zip(other.edges.account_a, other.edges.account_b, other.edges.episodes, strict=True)
    }
    assert pairs == theirs


def groups(found: Coordination, moved: np.ndarray | None = None) -> set[tuple[object, ...]]:
    """Return the groups without their numbers, with accounts by their new names."""

    def new(accounts: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(accounts if moved is None else moved[list(accounts)].tolist()))

    return {
        (new(g.members), new(g.named), g.grade, g.objects, g.rare_objects, g.episodes, g.window_ms, g.median_lag_ms)
        for g in found.groups
    }


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_duplicates_and_later_repeats_change_nothing(
    before: tuple[Shares, Coordination], seed: int
) -> None:
    shares, found = before
    rng = np.random.default_rng(seed)
    again = rng.integers(0, len(shares.at_ms), 500)
    # Later repeats of an action are no first actions; half of these are exact duplicates.
    later = shares.at_ms[again] + rng.integers(0, 2, 500) * rng.integers(0, 10**7, 500) // 60_000 * 60_000
    rows = [
        np.concatenate([shares.account, shares.account[again]]),
        np.concatenate([shares.object, shares.object[again]]),
        np.concatenate([shares.at_ms, later]),
    ]
    order = rng.permutation(len(rows[0]))
    account, thing, at_ms = (column[order] for column in rows)
    same(found, coordination(replace(shares, account=account, object=thing, at_ms=at_ms), threads=2))


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_change_nothing(before: tuple[Shares, Coordination], threads: int) -> None:
    shares, found = before
    same(found, coordination(shares, threads=threads))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_new_numbers_for_accounts_and_objects_only_renumber(before: tuple[Shares, Coordination], seed: int) -> None:
    shares, found = before
    rng = np.random.default_rng(seed)
    moved = rng.permutation(shares.n_accounts).astype(np.int32)
    things = rng.permutation(len(shares.trace)).astype(np.int32)
    trace = np.empty_like(shares.trace)
    trace[things] = shares.trace
    other = replace(shares, account=moved[shares.account], object=things[shares.object], trace=trace)
    same_verdicts(found, coordination(other, threads=2), moved)


@settings(deadline=None, max_examples=12)
@given(weeks=st.integers(-10_000, 10_000))
def test_whole_weeks_earlier_or_later_the_verdicts_are_the_same(
    before: tuple[Shares, Coordination], weeks: int
) -> None:
    shares, found = before
    other = coordination(replace(shares, at_ms=shares.at_ms + weeks * WEEK_MS), threads=2)
    same_verdicts(found, other)
    assert [g.first_ms + weeks * WEEK_MS for g in found.groups] == [g.first_ms for g in other.groups]


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 2**32 - 1), strangers=st.integers(1, 2_000))
def test_strangers_who_share_nothing_change_no_verdict(
    before: tuple[Shares, Coordination], seed: int, strangers: int
) -> None:
    """They count among the active, so what is rare is measured against more: a share that grows to match undoes it."""
    shares, found = before
    rng = np.random.default_rng(seed)
    n, n_objects = shares.n_accounts, len(shares.trace)
    active = len(np.unique(shares.account))
    other = Shares(
        np.concatenate([shares.account, n + np.arange(strangers, dtype=np.int32)]),
        np.concatenate([shares.object, n_objects + np.arange(strangers, dtype=np.int32)]),
        np.concatenate([shares.at_ms, rng.choice(shares.at_ms, strangers)]),
        n + strangers,
        np.concatenate([shares.trace, np.zeros(strangers, np.int32)]),
        shares.traces,
    )
    rules = Rules(rare_share=Rules().rare_share * active / (active + strangers))
    more = coordination(other, rules, threads=2)
    assert (more.accounts.state[n:] == "untestable").all()
    same_verdicts(found, replace(more, accounts=head(more, n)))
    assert more.groups == found.groups


def head(found: Coordination, n: int) -> object:
    accounts = found.accounts
    return type(accounts)(**{name: column[:n] for name, column in vars(accounts).items()})


def test_a_collection_beside_another_one_does_not_join_its_groups(before: tuple[Shares, Coordination]) -> None:
    """Twice the same collection, with nobody and nothing in common: each half as the other, no group across."""
    shares, _ = before
    n, n_objects = shares.n_accounts, len(shares.trace)
    twice = Shares(
        np.concatenate([shares.account, shares.account + np.int32(n)]),
        np.concatenate([shares.object, shares.object + np.int32(n_objects)]),
        np.concatenate([shares.at_ms, shares.at_ms]),
        2 * n,
        np.concatenate([shares.trace, shares.trace]),
        shares.traces,
    )
    found = coordination(twice, threads=2)
    for name in ("state", "p_value", "grade", "role", "episodes"):
        column = getattr(found.accounts, name)
        assert np.array_equal(column[:n], column[n:]), name
    for group in found.groups:
        assert len({v // n for v in group.members}) == 1
