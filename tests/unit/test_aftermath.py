"""Curves between polls, scores, permutation, matching and the comparison, against slow rewrites and by hand."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest

from floodmark.accounts import aftermath as states
from floodmark.accounts import leaving, matching, survival
from floodmark.accounts.survival import NEVER
from floodmark.findings import Finding
from floodmark.report.sections import aftermath
from floodmark.report.sections import leaving as section
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]
DAY = 86_400_000
START = 1_594_927_800_000
END = START + DAY


def member(account: str, roster: str = "pro") -> dict[str, object]:
    return {"roster": roster, "account_id": account, "posts": 1, "first_at_ms": START}


def look(account: str, at_ms: int, status: str, seen: int | None = None) -> dict[str, object]:
    return {"account_id": account, "observed_at_ms": at_ms, "status": status, "last_seen_at_ms": seen}


def profile(account: str, age_days: int = 500, followers: int = 50) -> dict[str, object]:
    return {
        "account_id": account,
        "created_at_ms": START - age_days * DAY,
        "followers": followers,
        "posts_total": 500,
        "language": "fa",
    }


def by_id(found: list[Finding]) -> dict[str, Finding]:
    return {finding.id: finding for finding in found}


# Curves


def test_without_gaps_the_curve_is_that_of_kaplan_and_meier() -> None:
    rng = np.random.default_rng(4)
    polls = np.array([2, 5, 9, 20])
    day, dropped = rng.exponential(12, 400), rng.choice([5, 9, 20, 99], 400)
    left, right = np.full(400, -1), np.full(400, NEVER)
    for poll in polls:
        looked = dropped >= poll
        left[looked & (day > poll)] = poll
        right[looked & (day <= poll) & (right == NEVER)] = poll
    found = survival.curve(left, right, np.ones(400), polls, 0.95)
    share = 1.0
    for poll, before in zip(polls, [-1, *polls[:-1]], strict=True):
        at_risk = (left >= before) & ((right == poll) | (left >= poll) | (right > poll)) & (dropped >= poll)
        at_risk &= right >= poll
        share *= 1 - (at_risk & (right == poll)).sum() / at_risk.sum()
        assert found.there[list(polls).index(poll)] == pytest.approx(share, abs=1e-6)


def likelihood(left: np.ndarray, right: np.ndarray, days: np.ndarray, mass: np.ndarray) -> float:
    ends = np.append(days, NEVER)
    chance = [mass[(ends > a) & (ends <= b)].sum() for a, b in zip(left, right, strict=True)]
    return float(np.log(np.maximum(chance, 1e-300)).sum())


@pytest.mark.parametrize("seed", range(5))
def test_no_other_curve_is_more_likely(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(-1, 6, 30)
    right = np.where(rng.random(30) < 0.3, NEVER, left + rng.integers(1, 5, 30))
    days, there = survival.turnbull(left, right, np.ones(30))
    mass = -np.diff(np.concatenate([[1.0], there, [0.0]]))
    best = likelihood(left, right, days, mass)
    for _ in range(300):
        other = np.abs(mass + rng.normal(0, 0.03, len(mass)))
        assert likelihood(left, right, days, other / other.sum()) <= best + 1e-6


def test_scores_of_exact_looks_are_those_of_the_log_rank_test() -> None:
    rng = np.random.default_rng(1)
    right = np.where(rng.random(60) < 0.2, NEVER, rng.integers(1, 6, 60))
    left = np.where(right == NEVER, 5, right - 1)
    ours = rng.random(60) < 0.4
    score = survival.scores(left, right)
    assert score.sum() == pytest.approx(0, abs=1e-6)
    # With few ties the summed scores are near observed minus expected of the log-rank test.
    excess = 0.0
    for day in range(1, 6):
        at_risk = right >= day
        gone = (right == day).sum()
        excess += ((right == day) & ours).sum() - gone * (at_risk & ours).sum() / at_risk.sum()
    assert score[ours].sum() == pytest.approx(excess, rel=0.25, abs=0.6)


def test_permutation_equals_listing_all_relabellings() -> None:
    score = np.array([0.9, 0.5, -0.2, -0.4, -0.8, 0.7, -0.3, -0.4])
    stratum = np.array([0, 0, 0, 0, 0, 1, 1, 1])
    ours = np.array([True, True, False, False, False, True, False, False])

    def statistic(labels: np.ndarray) -> float:
        excess = variance = 0.0
        for place in (0, 1):
            mine, rest = score[(stratum == place) & labels], score[(stratum == place) & ~labels]
            share = len(mine) * len(rest) / (len(mine) + len(rest))
            excess += share * (mine.mean() - rest.mean())
            variance += share**2 * (mine.var() / len(mine) + rest.var() / len(rest))
        return abs(excess) / np.sqrt(variance) if variance > 0 else 0.0

    observed, reached, total = statistic(ours), 0, 0
    for two in itertools.combinations(range(5), 2):
        for one in (5, 6, 7):
            labels = np.isin(np.arange(8), [*two, one])
            reached += statistic(labels) >= observed - 1e-9
            total += 1
    p = survival.permutation_p(score, ours, stratum, 20_000, 3)
    assert p == pytest.approx(reached / total, abs=0.015)


def test_nobody_in_common_is_refused_and_nobody_gone_is_no_difference() -> None:
    with pytest.raises(ValueError, match="no stratum"):
        survival.permutation_p(np.zeros(2), np.array([True, False]), np.array([0, 1]), 9, 1)
    score = survival.scores(np.full(6, 7), np.full(6, NEVER))
    assert survival.permutation_p(score, np.arange(6) < 3, np.zeros(6, dtype=np.int64), 99, 1) == 1.0


# Matching


def test_controls_get_the_rosters_mix() -> None:
    rng = np.random.default_rng(2)
    ours = np.arange(400) < 150
    age = np.where(ours, rng.exponential(300, 400), rng.exponential(2_000, 400))
    found = matching.Properties(age, rng.integers(0, 2, 400), np.full(400, 30.0), np.full(400, 200.0))
    matched = matching.match(found, ours)
    classes = found.classes()
    for key in {tuple(row) for row in classes.tolist()}:
        same = (classes == key).all(axis=1)
        mine, rest = (same & ours).sum(), (same & ~ours).sum()
        assert (matched.used[same] == bool(mine and rest)).all()
        if mine and rest:
            assert matched.weight[same & ~ours].sum() == pytest.approx(mine)
    apart = matching.balance(found, ours, matched)
    assert abs(apart["age"][1] or 0) < abs(apart["age"][0] or 0) / 3
    assert apart["language"][1] == pytest.approx(0, abs=1e-9)


def test_an_unknown_property_is_not_matched() -> None:
    nan = float("nan")
    found = matching.Properties(
        np.array([10.0, 10.0, nan]), np.array([0, 0, 0]), np.array([1.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0])
    )
    ours = np.array([True, False, True])
    assert matching.match(found, ours).used.tolist() == [True, True, False]
    assert matching.missing(found, ours) == ()
    nobody = matching.Properties(found.age_days * nan, found.language - 1, found.followers, found.posts_total)
    assert matching.missing(nobody, ours) == ("created_at_ms", "language (of the profile or of posts)")


# Cases


def case(make_view: MakeView, gone: float, seed: int = 1, **changes: object) -> CaseView:
    """Two hundred accounts and as many controls, polled on days 7 and 30; a share of the roster is gone by day 7."""
    rng = random.Random(seed)
    members = [member(f"x:{i:03}", "pro" if i < 200 else "control") for i in range(400)]
    statuses = []
    for i in range(400):
        lost = i < 200 * gone or rng.random() < 0.05
        statuses += [look(f"x:{i:03}", END + day * DAY, "suspended" if lost else "active") for day in (7, 30)]
    tables = {
        "participants": members,
        "statuses": statuses,
        "accounts": [profile(f"x:{i:03}") for i in range(400)],
        **changes,
    }
    return make_view(**tables)


def test_a_planted_difference_is_measured_and_none_is_not(make_view: MakeView) -> None:
    found = by_id(section.findings(case(make_view, 0.3)))["M6.matched_difference.pro"]
    assert found.state == "measured"
    assert isinstance(found.value, float)
    assert found.low is not None
    assert found.low > 0.15
    assert found.details["p_value"] == 1 / 2_000
    assert (found.details["matched"], found.details["looked_up"]) == (200, 200)
    none = by_id(section.findings(case(make_view, 0.0)))["M6.matched_difference.pro"]
    assert none.low is not None
    assert none.low < 0 < (none.high or 0)
    assert float(str(none.details["p_value"])) > 0.05


def table(view: CaseView, name: str) -> list[dict[str, object]]:
    columns = [row[0] for row in view.db.rows(f"DESCRIBE {name}")]
    return [dict(zip(columns, row, strict=True)) for row in view.db.rows(f"SELECT * FROM {name}")]


def test_row_order_names_and_time_change_nothing(make_view: MakeView) -> None:
    view = case(make_view, 0.2)
    rows = {name: table(view, name) for name in ("participants", "statuses", "accounts")}
    first = section.findings(view)
    shuffled = {name: random.Random(5).sample(items, len(items)) for name, items in rows.items()}
    assert section.findings(make_view(**shuffled)) == first
    twice = {**rows, "statuses": rows["statuses"] * 2}
    assert section.findings(make_view(**twice)) == first
    renamed = {
        name: [{**row, "account_id": f"y:{str(row['account_id'])[::-1]}"} for row in items]
        for name, items in rows.items()
    }
    assert [(f.value, f.low, f.details.get("p_value")) for f in section.findings(make_view(**renamed))] == [
        (f.value, f.low, f.details.get("p_value")) for f in first
    ]


def test_what_is_missing_is_named(make_view: MakeView) -> None:
    def said(view: CaseView) -> str:
        return by_id(section.findings(view))["M6.matched_difference.pro"].method

    assert "created_at_ms" in said(case(make_view, 0.2, accounts=[]))
    assert "status snapshot" in said(case(make_view, 0.2, statuses=[]))
    members = [member(f"x:{i:03}") for i in range(200)]
    assert "of the control" in said(case(make_view, 0.2, participants=members))
    young = [profile(f"x:{i:03}", age_days=5 if i < 200 else 3_000) for i in range(400)]
    assert "only 0 accounts of the roster and 0 controls are alike" in said(case(make_view, 0.2, accounts=young))
    apart = [look(f"x:{i:03}", END + (7 if i < 200 else 8) * DAY, "active") for i in range(400)]
    assert "not looked up on a common day" in said(case(make_view, 0.2, statuses=apart))
    no_control = make_view({"control": None}, participants=members)
    assert "no control stream" in said(no_control)


def test_an_account_on_both_sides_of_the_comparison_is_no_control(make_view: MakeView) -> None:
    view = case(make_view, 0.2)
    view.db.execute(
        "INSERT INTO participants SELECT 'control', account_id, posts, first_at_ms FROM participants"
        " WHERE roster = 'pro'"
    )
    assert by_id(section.findings(view))["M6.matched_difference.pro"].details["controls"] == 200


def test_stays_between_looks(make_view: MakeView) -> None:
    statuses = [
        look("x:back", END + 3 * DAY, "deleted"),
        look("x:back", END + 9 * DAY, "active"),
        look("x:gone", END + 3 * DAY, "active"),
        look("x:gone", END + 9 * DAY, "not_found"),
        look("x:range", END + 9 * DAY, "suspended", END + 2 * DAY),
        look("x:torn", END + 3 * DAY, "active"),
        look("x:torn", END + 9 * DAY, "active"),
        look("x:torn", END + 9 * DAY, "deleted"),
        look("x:before", END - DAY, "deleted"),
        look("x:once", END + 3 * DAY, "suspended"),
        look("x:same", END + 3 * DAY, "active"),
        look("x:same", END + 3 * DAY + 1, "suspended"),
    ]
    names = sorted({str(row["account_id"]) for row in statuses})
    view = make_view(participants=[member(name) for name in names], statuses=statuses)
    states.prepare(view)
    found = leaving.stays(view)["pro"]
    got = dict(zip(found.accounts, zip(found.left.tolist(), found.right.tolist(), strict=True), strict=True))
    assert got == {
        "x:back": (9, NEVER),
        "x:gone": (3, 9),
        "x:once": (-1, 3),
        "x:range": (2, 9),
        "x:same": (2, 3),
        "x:torn": (3, NEVER),
    }
    assert found.unseen == 1


def test_back_again_and_snapshots_are_counted(make_view: MakeView) -> None:
    statuses = [
        look("x:1", START - DAY, "suspended"),
        look("x:1", END + DAY, "active"),
        look("x:2", END + DAY, "deleted"),
        look("x:2", END + 2 * DAY, "protected"),
        look("x:3", END + DAY, "returned"),
        look("x:4", END + DAY, "deleted"),
        look("x:5", END + DAY, "active"),
        look("x:5", END + DAY, "suspended"),
        look("x:stranger", END + DAY, "active"),
    ]
    view = make_view(participants=[member(f"x:{i}") for i in range(1, 7)], statuses=statuses)
    found = by_id(aftermath.findings(view))
    assert found["M6.gone.pro"].details["by_status"] == {"deleted": 1, "returned": 3}
    assert (found["M6.returned.pro"].value, found["M6.gone.pro"].value) == (0.75, 0.25)
    assert found["M6.gone.pro"].details["bounds_if_unknown"] == [1 / 6, 3 / 6]
    assert found["M6.came_back.pro"].value == 0.75
    assert found["M6.renamed.pro"].state == "not_testable", "no snapshot says renamed, so nobody knows"
    counted = found["M6.snapshots"]
    assert counted.value == len(statuses)
    assert {name: counted.details[name] for name in ("before_event", "after_event", "contradicting")} == {
        "before_event": 1,
        "after_event": 8,
        "contradicting": 1,
    }
    assert (counted.details["accounts"], counted.details["accounts_on_no_roster"]) == (6, 1)


def test_an_external_denominator_and_the_pace_around_the_event(make_view: MakeView) -> None:
    polls = [-20, -15, -10, -5, 0, 5, 10, 15]
    statuses = [
        look(f"x:{number}-{i}", END + day * DAY, "suspended")
        for number, day in enumerate(polls)
        for i in range(30 if day == 0 else 10)
    ]
    members = [member(str(row["account_id"])) for row in statuses] + [member("x:unseen")]
    population = [{"side": "pro", "accounts": 5_000, "source": "a paper", "counted": "about"}]
    found = by_id(aftermath.findings(make_view({"population": population}, participants=members, statuses=statuses)))
    assert found["M6.gone.pro"].state == "not_testable"
    share = found["M6.ever_gone_of_polled.pro"]
    assert share.value == 100 / 5_000
    assert any("a paper" in limit for limit in share.limits)
    assert any("round number" in limit for limit in share.limits)
    pace = found["M6.vanishing_pace.pro"]
    # Five days up to the event's last day, and the five after that touch nothing.
    assert pace.value == pytest.approx(3.0)
    assert pace.low is not None
    assert pace.low > 1


def test_pace_of_an_empty_poll_is_finite() -> None:
    ratio, low, high, spread = aftermath.pace_ratio([(5, 0)], [(5, 10)] * 8, 0.95)
    assert (ratio, low, spread) == (0.0, 0.0, 1.0)
    assert 0 < high < 2
