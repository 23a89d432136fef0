"""The power study counts what it says it counts: known verdicts in, known figures out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from floodmark.benchmark import jobs, power
from floodmark.benchmark.jobs import Setting
from floodmark.benchmark.power import Point
from floodmark.coordination.result import AccountVerdicts, Coordination, EdgeColumns, Rules, Shares
from floodmark.simulate.plant import DEFAULT_PLANT, Actions

#: Accounts of the background sort before planted ones, so their numbers are the same in both.
PEOPLE = 50


def crowd(actions: int = 600) -> Actions:
    rng = np.random.default_rng(3)
    account = np.array([f"a{k:03}" for k in [*range(PEOPLE), *rng.integers(0, PEOPLE, actions - PEOPLE)]], dtype=object)
    thing = np.array([f"o{k:03}" for k in rng.integers(0, 200, actions)], dtype=object)
    return Actions(account, thing, rng.integers(0, 10**8, actions) * 10)


def verdicts(states: list[str], p_values: list[float] | None = None) -> Coordination:
    count = len(states)
    none = {f.name: np.zeros(0, np.int64) for f in fields(EdgeColumns)}
    accounts = AccountVerdicts(
        state=np.array(states, dtype=object),
        p_value=np.array(p_values or [1.0] * count),
        group=np.full(count, -1, np.int32),
        grade=np.full(count, "", dtype=object),
        role=np.full(count, "", dtype=object),
        episodes=np.zeros(count, np.int32),
    )
    return Coordination(accounts, (), EdgeColumns(**none), Rules(), (60_000,), 1, 0, 0, 0, 0, {}, 120_000, False)


def answer(monkeypatch: pytest.MonkeyPatch, states: Callable[[int], tuple[list[str], list[float]]]) -> None:
    """Let the test answer what `states` says for so many planted accounts (none: the background alone)."""

    def coordination(shares: Shares, _rules: Rules, _reference: Shares | None, threads: int) -> Coordination:
        assert threads == 1
        return verdicts(*states(shares.n_accounts - PEOPLE))

    monkeypatch.setattr(jobs, "coordination", coordination)


def fixed(planted: int) -> tuple[list[str], list[float]]:
    """Account 7 is named always; account 9 only with a plant, of which nine members fare in nine ways."""
    states, p_values = ["tested"] * PEOPLE, [1.0] * PEOPLE
    states[7] = "named"
    if planted:
        states[9] = "named"
        states += ["named", "named", "named", "named", "in_step", "lead", "untestable", "tested", "tested"]
        p_values += [0.01] * 6 + [1.0, 1.0, 0.2]
    return states, p_values


def test_every_member_is_counted_once_by_what_became_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, fixed)
    point = Point("accounts", 9, replace(DEFAULT_PLANT, accounts=9))
    (row,) = power.study({"crowd": crowd()}, 3, only=[point], processes=1)
    assert row["recall"] == pytest.approx(4 / 9)
    assert row["recall_with_in_step"] == pytest.approx(5 / 9)
    assert row["leads_mean"] == 1
    lost = [row[f"lost_{stage}"] for stage in ("untestable", "no_group", "chance")]
    assert lost == pytest.approx([1 / 9] * 3)
    # Account 9, once a plant; account 7 is named anyhow and does not count.
    assert (row["outside_total"], row["named_without_plant"]) == (3, 1)
    assert row["precision"] == pytest.approx(12 / 15)
    assert row["detectable_jitter_s"] == 120
    assert float(str(row["recall_low"])) < 4 / 9 < float(str(row["recall_high"]))


def test_a_named_smokescreen_is_neither_a_member_nor_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, lambda planted: (["tested"] * PEOPLE + ["named"] * planted, [1.0] * (PEOPLE + planted)))
    point = Point("smokescreen", 30, replace(DEFAULT_PLANT, accounts=5, smokescreen_accounts=30))
    (row,) = power.study({"crowd": crowd()}, 2, only=[point], processes=1)
    assert (row["recall"], row["precision"], row["outside_total"]) == (1, 1, 0)


def test_kinds_of_action_tested_singly_name_whoever_any_of_them_names(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def states(planted: int) -> tuple[list[str], list[float]]:
        calls.append(planted)
        found = ["tested"] * (PEOPLE + planted)
        if planted:
            found[PEOPLE + len(calls) % 2] = "named"
        return found, [1.0] * (PEOPLE + planted)

    answer(monkeypatch, states)
    params = replace(DEFAULT_PLANT, accounts=4)
    point = Point("traces_singly", 2, params, Setting(traces=2, singly=True))
    (row,) = power.study({"crowd": crowd()}, 1, only=[point], processes=1)
    assert calls == [0, 0, 4, 4]
    assert row["recall"] == 0.5


def test_peers_are_counted_with_all_they_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, fixed)
    monkeypatch.setattr(
        jobs.peers,
        "RULES",
        {"two_co_actions": lambda s: np.arange(s.n_accounts) >= PEOPLE - 3, "tfidf": lambda _: None},
    )
    point = Point("accounts", 9, replace(DEFAULT_PLANT, accounts=9))
    (row,) = power.study({"crowd": crowd()}, 2, only=[point], processes=1)
    assert (row["two_co_actions_recall"], row["two_co_actions_precision"]) == (1, pytest.approx(9 / 12))
    assert row["two_co_actions_without_plant"] == 3
    assert (row["tfidf_recall"], row["tfidf_precision"], row["tfidf_without_plant"]) == (None, None, None)


def test_each_curve_changes_one_thing_about_the_default_plant() -> None:
    base = replace(DEFAULT_PLANT, clock_ms=1_000)  # platforms give seconds
    changed: dict[str, set[str]] = {}
    for point in power.points():
        names = {f.name for f in fields(point.params) if getattr(point.params, f.name) != getattr(base, f.name)}
        changed.setdefault(point.curve, set()).update(names)
        # Where the curve coarsens the clock, the background without the plant is cut to it as well.
        coarse_ms = point.params.clock_ms if point.params.clock_ms > base.clock_ms else 1
        assert point.setting.clock_ms == coarse_ms
    assert changed == {
        "accounts": {"accounts"},
        "actions": {"actions_per_account"},
        "actions_bare": {"actions_per_account"},
        "jitter_s": {"jitter_ms"},
        "camouflage": {"camouflage_share"},
        "rotation": {"rotation_share"},
        "own_objects": {"own_object_share"},
        "paraphrase": {"paraphrase_share"},
        "smokescreen": {"smokescreen_accounts"},
        "traces_together": set(),
        "traces_singly": set(),
        "clock_s": {"clock_ms"},
    }
    some, every = ({(p.curve, p.value, p.params, p.setting) for p in power.points(quick)} for quick in (True, False))
    assert some < every


def curve(name: str, *points: tuple[float, float]) -> list[power.Row]:
    return [{"background": "b", "curve": name, "value": value, "recall": recall} for value, recall in points]


@pytest.mark.parametrize(
    ("rows", "half", "always"),
    [
        (curve("camouflage", (0, 1.0), (0.5, 0.75), (0.9, 0.25)), 0.7, ""),
        (curve("camouflage", (0.9, 0.25), (0, 1.0), (0.5, 0.75)), 0.7, ""),
        (curve("jitter_s", (9, 1.0), (99, 0.0)), 10**1.5 - 1, ""),
        (curve("actions", (3, 0.0), (5, 1.0)), 24**0.5 - 1, ""),
        (curve("rotation", (0.3, 0.5), (1, 1.0)), None, "at least half"),
        (curve("rotation", (0.3, 0.1), (1, 0.4)), None, "under half"),
    ],
)
def test_the_budget_is_where_recall_crosses_one_half(rows: list[power.Row], half: float | None, always: str) -> None:
    (found,) = power.budgets(rows)
    assert found["half_recall_at"] == (None if half is None else pytest.approx(half))
    assert found["always"] == always


@pytest.mark.slow
def test_rows_are_the_same_in_one_process_and_in_two() -> None:
    background = {"crowd": crowd(4_000)}
    some = [point for point in power.points(quick=True) if point.curve in ("traces_singly", "clock_s")]
    alone, together = (power.study(background, 1, only=some, processes=count) for count in (1, 2))
    assert alone == together


@pytest.mark.slow
def test_a_job_that_fails_ends_the_study() -> None:
    with pytest.raises(ValueError, match=r"math|nonnegative"):
        list(jobs.side_by_side(math.sqrt, [-1.0] * 3, processes=2))
