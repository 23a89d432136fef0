"""Structure within groups: joint actions, order tests, roles and delays, against slow rewrites and planted order."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from floodmark import schema
from floodmark.accounts import order, structure_groups
from floodmark.accounts.structure import account_structure, joint_actions, median_ranks, roles_of
from floodmark.accounts.structure_groups import Edges, core_share, delay, episodes_of, group_rows, innermost_core
from floodmark.findings import Finding
from floodmark.report.sections import structure
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]
Row = dict[str, object]
START = 1_594_927_800_000
HOUR = 3_600_000


def case(
    plays: Iterable[tuple[str, str, int]], roles: dict[str, tuple[str, str | None]], window_ms: int = 60_000
) -> Row:
    """One group E1 in the event: (account, object, at_ms after the start), and each account's (state, role)."""
    actions = [
        {
            "scope": "event",
            "trace": "url",
            "account_id": who,
            "object_id": what,
            "post_id": f"p:{n}",
            "at_ms": START + at,
        }
        for n, (who, what, at) in enumerate(plays)
    ]
    accounts = [
        {"scope": "event", "account_id": who, "state": state, "role": role, "group_id": "E1"}
        for who, (state, role) in roles.items()
    ]
    return {
        "actions": actions,
        "coordinated_accounts": accounts,
        "groups": [{"scope": "event", "group_id": "E1", "window_ms": window_ms}],
        "coordination_tests": [{"scope": "event", "windows_ms": [window_ms]}],
        "participants": [{"roster": "pro", "account_id": who, "posts": 1, "first_at_ms": START} for who in roles],
    }


def named(*accounts: str) -> dict[str, tuple[str, str | None]]:
    return dict.fromkeys(accounts, ("named", "follower"))


def columns(view: CaseView) -> dict[str, Row]:
    found = account_structure(view)
    assert tuple(found) == schema.ACCOUNT_STRUCTURE.names
    return {str(row[2]): dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)}


# Order tests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(2, 2, 2, 2, 2), (3, 4, 5), (2, 3, 4, 6), (5, 5, 5, 5)])
def test_p_values_hold_against_every_order_there_is(sizes: tuple[int, ...]) -> None:
    """Exact: all ranks of one account over joint actions of these sizes, each equally frequent."""
    ranks = np.array(list(itertools.product(*(range(size) for size in sizes))))
    n, size = len(ranks), np.array(sizes)
    score = size - 1 - 2 * ranks
    firsts = (ranks == 0).sum(1)
    variance, fourth = _moments(sizes)
    p = {
        "first": order.starts_p(firsts, np.full(n, (1 / size).sum()), np.full(n, len(sizes))),
        "order": order.order_p(score.sum(1), np.full(n, variance)),
    }
    for name, values in p.items():
        for level in (0.2, 0.05, 0.01):
            assert (values <= level).mean() <= level, (name, level)
    # The more extreme, the smaller.
    assert p["first"][firsts.argmax()] == p["first"].min()
    assert p["order"][score.sum(1).argmax()] == p["order"].min()
    middle = order.middle_p((score**2).sum(1), np.full(n, variance), np.full(n, fourth))
    assert middle[(score**2).sum(1).argmin()] == middle.min()


def _moments(sizes: tuple[int, ...]) -> tuple[float, float]:
    variance = fourth = 0.0
    for size in sizes:
        scores = size - 1 - 2 * np.arange(size)
        second = float((scores**2).mean())
        variance += second
        fourth += float((scores**4.0).mean()) - second**2
    return variance, fourth


def test_p_values_are_honest_in_simulated_random_order() -> None:
    rng = np.random.default_rng(3)
    tries, size = 20_000, rng.integers(2, 40, 15)
    ranks = rng.random((tries, 15)) * size // 1
    score = size - 1 - 2 * ranks.astype(int)
    variance, fourth = _moments(tuple(size))
    for p in (
        order.starts_p((ranks == 0).sum(1), np.full(tries, (1 / size).sum()), np.full(tries, 15)),
        order.order_p(score.sum(1), np.full(tries, variance)),
        order.middle_p((score**2).sum(1), np.full(tries, variance), np.full(tries, fourth)),
    ):
        for level in (0.05, 0.01):
            share = float((p <= level).mean())
            assert share <= level + 3 * (level * (1 - level) / tries) ** 0.5


@pytest.mark.parametrize("seed", range(5))
def test_places_equal_a_slow_rewrite(seed: int) -> None:
    rng = random.Random(seed)
    rows = sorted((run, rng.randrange(6)) for run in range(8) for _ in range(rng.randrange(1, 7)))
    found = order.places_of(np.array([r for r, _ in rows]), np.array([t for _, t in rows]))
    for k, (run, at) in enumerate(rows):
        others = [t for r, t in rows if r == run]
        earlier = [t for t in others if t < at]
        assert found.size[k] == len(others)
        assert found.score[k] == sum(t > at for t in others) - len(earlier)
        assert found.first[k] == (not earlier and others.count(at) == 1)
        assert found.alone[k] == (others.count(min(others)) == 1)
        assert found.behind_first_ms[k] == (at - min(others) if earlier else -1)
        assert found.behind_nearest_ms[k] == (at - max(earlier) if earlier else -1)
        scores = [sum(t > mine for t in others) - sum(t < mine for t in others) for mine in others]
        assert found.variance[k] == pytest.approx(sum(s**2 for s in scores) / len(scores))
        assert found.fourth[k] == pytest.approx(sum(s**4 for s in scores) / len(scores))


@pytest.mark.parametrize("seed", range(5))
def test_spaced_rows_equal_a_slow_rewrite(seed: int) -> None:
    rng = random.Random(seed)
    rows = sorted((rng.randrange(4), rng.randrange(100)) for _ in range(60))
    gap = 7
    keep, last = [], {}
    for account, at in rows:
        keep.append(account not in last or at - last[account] > gap)
        if keep[-1]:
            last[account] = at
    account, at_ms = (np.array(column) for column in zip(*rows, strict=True))
    assert order.spaced(account, at_ms, np.full(len(rows), gap)).tolist() == keep


# Joint actions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_joint_actions_equal_a_slow_rewrite(seed: int, make_view: MakeView) -> None:
    rng = random.Random(seed)
    people = [f"x:{k}" for k in range(7)]
    plays = [(rng.choice(people), f"o{rng.randrange(4)}", 1000 * rng.randrange(900)) for _ in range(160)]
    roles = {**named(*people[:5]), "x:5": ("in_step", "first_mover"), "x:6": ("in_step", "amplified")}
    first: dict[tuple[str, str], int] = {}
    for who, what, at in plays:
        first[what, who] = min(first.get((what, who), at), at)
    expected, beside = [], []
    for what in sorted({w for w, _ in first}):
        acts = sorted((at, who) for (w, who), at in first.items() if w == what and who != "x:6")
        parts: list[list[tuple[int, str]]] = []
        for at, who in acts:
            if parts and at - parts[-1][-1][0] <= 60_000:
                parts[-1].append((at, who))
            else:
                parts.append([(at, who)])
        expected += [(part[0][0], what, part) for part in parts if len(part) > 1]
    expected.sort(key=lambda item: item[:2])
    for run, (start, what, part) in enumerate(expected):
        at = first.get((what, "x:6"))
        if at is not None and start - 60_000 <= at <= part[-1][0] + 60_000:
            beside.append((run, start - at))
    view = make_view(**case(plays, roles))
    joint = joint_actions(view)
    ids = joint.members.account_id
    got = defaultdict(list)
    for run, member, at in zip(joint.run.tolist(), joint.member.tolist(), joint.at_ms.tolist(), strict=True):
        got[run].append((at - START, ids[member]))
    assert [sorted(got[run]) for run in sorted(got)] == [sorted(part) for _, _, part in expected]
    assert sorted(zip(joint.beside_run.tolist(), joint.beside_lead_ms.tolist(), strict=True)) == sorted(beside)


def test_what_is_apart_by_more_than_the_window_is_no_joint_action(make_view: MakeView) -> None:
    plays = [("x:a", "o", 0), ("x:b", "o", 60_000), ("x:c", "o", 120_001), ("x:a", "o", 120_002)]
    joint = joint_actions(make_view(**case(plays, named("x:a", "x:b", "x:c"))))
    # c is 60,001 ms after b, and a's second action on the object does not count.
    assert sorted(joint.members.account_id[joint.member]) == ["x:a", "x:b"]


# Roles -------------------------------------------------------------------------------------------------------------


def planted(seed: int, objects: int = 14, lead_share: float = 0.7) -> tuple[list[tuple[str, str, int]], list[str]]:
    """A leader that is first in `lead_share` of the joint actions, 3 core, 4 in between, 4 followers."""
    rng = random.Random(seed)
    people = ["x:lead", *(f"x:{kind}{k}" for kind, n in (("core", 3), ("mid", 4), ("late", 4)) for k in range(n))]
    plays = []
    for number in range(objects):
        base = HOUR * number
        leads = rng.random() < lead_share
        for who in people:
            low, high = {"l": (30, 45), "c": (2, 12), "m": (14, 28)}[who[2]]
            low, high = ((0, 1) if leads else (5, 40)) if who == "x:lead" else (low, high)
            plays.append((who, f"o{number}", base + rng.randrange(1000 * low, 1000 * high)))
    return plays, people


def test_a_planted_hierarchy_is_seen(make_view: MakeView) -> None:
    plays, people = planted(1)
    found = columns(make_view(**case(plays, named(*people))))
    assert found["x:lead"]["role"] == "starter"
    assert {found[f"x:core{k}"]["role"] for k in range(3)} == {"core"}
    assert {found[f"x:late{k}"]["role"] for k in range(4)} == {"follower"}
    assert {found[f"x:mid{k}"]["role"] for k in range(4)} == {"amplifier"}
    late = found["x:late0"]
    assert 30_000 <= int(str(late["median_lag_low_ms"])) <= int(str(late["median_lag_ms"])) <= 45_000
    assert late["first_share"] == 0
    assert late["follows_share"] == 1


def test_random_order_gives_no_role(make_view: MakeView) -> None:
    rng = random.Random(5)
    people = [f"x:{k:02}" for k in range(12)]
    plays = [(who, f"o{n}", HOUR * n + rng.randrange(50_000)) for n in range(14) for who in people]
    found = columns(make_view(**case(plays, named(*people))))
    assert {row["role"] for row in found.values()} == {"even"}


def test_the_amplified_is_no_member_whatever_its_place(make_view: MakeView) -> None:
    """A mirrored account is in front of everybody in every joint action, and still nothing is said of it."""
    plays, people = planted(2)
    plays += [("x:hero", f"o{n}", HOUR * n - 3_000) for n in range(14)]
    members = {**named(*people[1:]), "x:lead": ("in_step", "first_mover")}
    tables = case(plays, {**members, "x:hero": ("in_step", "amplified")})
    found = columns(make_view(**tables))
    hero = found["x:hero"]
    assert (hero["role"], hero["first"], hero["follows"], hero["median_lag_ms"]) == ("amplified", 14, 0, None)
    assert hero["p_first"] is None
    # Who is in front most often and follows at times can be a starter, named or not.
    assert (found["x:lead"]["role"], found["x:lead"]["named"]) == ("starter", False)
    # The hero takes nobody's place either: without it everything else is the same.
    alone = columns(make_view(**case([play for play in plays if play[0] != "x:hero"], members)))
    assert {who: row for who, row in found.items() if who != "x:hero"} == alone
    by_id = {f.id: f for f in structure.findings(make_view(**tables))}
    assert by_id["M11.starters.pro"].value == 1
    assert by_id["M11.starters.pro"].details["starters_named"] == 0
    assert by_id["M11.starters.pro"].details["members"] == len(people)
    assert by_id["M11.amplified.pro"].value == 1


def test_posts_that_come_together_count_once_in_the_tests(make_view: MakeView) -> None:
    """Five objects in one post are no five proofs of who starts."""
    plays = [(f"x:{k}", f"o{n}", 1000 * k) for n in range(9) for k in range(4)]
    found = columns(make_view(**case(plays, named(*(f"x:{k}" for k in range(4))))))
    assert found["x:0"]["joint_actions"] == 9
    assert found["x:0"]["tested_actions"] == 1
    assert {row["role"] for row in found.values()} == {"untested"}


def test_a_minute_clock_with_ties_names_no_starter(make_view: MakeView) -> None:
    plays = [(f"x:{k}", f"o{n}", HOUR * n) for n in range(20) for k in range(6)]
    found = columns(make_view(**case(plays, named(*(f"x:{k}" for k in range(6))))))
    assert {row["role"] for row in found.values()} == {"even"}
    assert {row["first"] for row in found.values()} == {0}
    assert {row["follows"] for row in found.values()} == {0}


@pytest.mark.parametrize("seed", [1, 2])
def test_row_order_duplicates_names_and_the_calendar_change_nothing(seed: int, make_view: MakeView) -> None:
    plays, people = planted(3)
    tables = case(plays, named(*people))
    expected = columns(make_view(**tables))
    rng = random.Random(seed)
    actions = tables["actions"]
    assert isinstance(actions, list)
    mixed = {**tables, "actions": rng.sample(actions + actions[:40], len(actions) + 40)}
    assert columns(make_view(**mixed)) == expected
    shifted = case([(who, what, at + 86_400_000 * seed) for who, what, at in plays], named(*people))
    assert columns(make_view(**shifted)) == expected
    other = {who: f"y:{who[::-1]}" for who in people}
    renamed = columns(make_view(**case([(other[w], o, t) for w, o, t in plays], named(*other.values()))))
    assert {who: row["role"] for who, row in expected.items()} == {who: renamed[other[who]]["role"] for who in people}


def test_without_a_group_every_figure_says_that_none_was_found(make_view: MakeView) -> None:
    tested = [{"window_s": 60, "scope": scope} for scope in ("event", "control")]
    states = [{"account_id": f"x:{n}", "scope": "control", "state": "tested", "actions": 9} for n in range(3)]
    states += [{"account_id": "x:9", "scope": "control", "state": "untestable", "actions": 1}]
    found = {f.id: f for f in structure.findings(make_view(coordination_tests=tested, coordinated_accounts=states))}
    assert {f.state for f in found.values()} == {"not_testable"}
    reason = "no group in the control, so there is no order within one to look at; it could test 3 accounts"
    assert reason in found["M11.groups_with_starter.control"].method
    assert "it could test 0 accounts" in found["M11.groups_with_starter.pro"].method


def test_no_groups_no_accounts_nothing_fails(make_view: MakeView) -> None:
    assert columns(make_view()) == {}
    found = structure.findings(make_view())
    assert {f.state for f in found} == {"not_testable"}
    empty = case([("x:a", "o", 0)], named("x:a", "x:b"))
    row = columns(make_view(**empty))["x:a"]
    assert (row["role"], row["joint_actions"], row["first_share"]) == ("untested", 0, None)
    by_id = {f.id: f for f in structure.findings(make_view(**empty))}
    assert by_id["M11.starters.pro"].state == "not_testable"
    assert "5 joint actions" in by_id["M11.starters.pro"].method


# Groups ------------------------------------------------------------------------------------------------------------


def test_the_delay_covers_the_truth() -> None:
    """Lags of one episode move together; the interval must cover the median of all such episodes in 19 of 20."""
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(200):
        shift = rng.exponential(20_000, 25)
        lags = (np.repeat(shift, 8) + rng.exponential(5_000, 200)).astype(np.int64) + 1
        found = delay(lags, np.repeat(np.arange(25), 8), 0.95)
        assert found is not None
        covered += found.low_ms <= 19_334 <= found.high_ms
    # The median of such a sum, of 10^7 draws; the percentile bootstrap covers a little under its level.
    assert covered >= 180


@pytest.mark.parametrize("cells", [1, 700, 2**18])
def test_the_delay_is_that_of_one_resample_after_another(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure_groups, "_CELLS", cells)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(12, 400))
        lags = rng.integers(-3, int(rng.choice([9, 10_000])), n)
        episode = rng.integers(0, n, n) // int(rng.integers(1, 12))
        late = lags > 0
        names = np.unique(episode[late])
        draws, medians = np.random.default_rng(20200717), []
        for _ in range(500):
            times = np.bincount(draws.integers(0, len(names), len(names)), minlength=len(names))
            drawn = np.sort(np.repeat(lags[late], times[np.searchsorted(names, episode[late])]))
            medians.append(int(drawn[(len(drawn) - 1) // 2]))
        found = delay(lags, episode, 0.9)
        if len(names) < 10:
            assert found is None
            continue
        assert found is not None
        middle = int(np.sort(lags[late])[(int(late.sum()) - 1) // 2])
        low, high = np.quantile(medians, ((1 - 0.9) / 2, 1 - (1 - 0.9) / 2), method="nearest")
        assert found[:3] == (middle, min(int(low), middle), max(int(high), middle))


def test_too_few_episodes_give_no_delay() -> None:
    assert delay(np.full(900, 5), np.repeat(np.arange(9), 100), 0.95) is None
    assert delay(np.full(900, -1), np.arange(900), 0.95) is None


def test_episodes_are_cut_where_nothing_happens(make_view: MakeView) -> None:
    plays = [(f"x:{k}", f"o{n}", at + 1000 * k) for n, at in enumerate((0, 200_000, 700_000)) for k in range(2)]
    joint = joint_actions(make_view(**case(plays, named("x:0", "x:1"))))
    assert episodes_of(joint).tolist() == [0, 0, 0, 0, 1, 1]


def test_k_core_equals_a_slow_rewrite() -> None:
    rng = random.Random(2)
    for _ in range(20):
        n = rng.randrange(4, 14)
        pairs = [pair for pair in itertools.combinations(range(n), 2) if rng.random() < 0.4]
        a, b = (np.array([p[i] for p in pairs], np.int64) for i in (0, 1))
        k, inside = innermost_core(Edges(a, b), n)
        cores = {}
        for wanted in range(n):
            left = set(range(n))
            while drop := {v for v in left if sum(v in p and set(p) <= left for p in pairs) < wanted}:
                left -= drop
            if left:
                cores[wanted] = left
        assert k == max(cores)
        assert set(np.flatnonzero(inside)) == (cores[k] if k else set())


def test_the_share_of_edges_at_the_core_has_an_interval_that_holds_it() -> None:
    star = Edges(np.zeros(9, np.int64), np.arange(1, 10))
    core = np.zeros(10, bool)
    core[3] = True
    share, (low, high), edges, accounts = core_share(star, core, 0.95) or (0, (0, 0), 0, 0)
    assert (share, edges, accounts) == (1 / 9, 9, 10)
    assert 0 < low < share < high < 1
    none = core_share(star, np.zeros(10, bool), 0.95)
    assert none is not None
    assert none[0] == 0
    assert none[1] == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert core_share(Edges(np.zeros(0, np.int64), np.zeros(0, np.int64)), core, 0.95) is None


def test_reach_counts_posts_of_members_and_others_who_came_later(make_view: MakeView) -> None:
    plays = [
        ("x:a", "o", 0),
        ("x:b", "o", 5_000),
        ("x:late", "o", 900_000),
        ("x:early", "o", -5_000),
        ("x:hero", "o", -9),
    ]
    roles = {**named("x:a", "x:b"), "x:hero": ("in_step", "amplified")}
    view = make_view(**case(plays, roles))
    joint = joint_actions(view)
    (row,) = group_rows(view, joint, roles_of(joint, 5), "event")
    assert (row["objects"], row["posts"], row["others"]) == (1, 2, 1)
    assert row["behind_amplified_ms"] == 9
    assert row["roles"]["amplified"] == 1
    assert row["lag"] is None


def test_median_ranks_cover_by_the_binomial() -> None:
    rng = np.random.default_rng(1)
    for count in (6, 11, 30):
        low, high = median_ranks(count, 0.95) or (0, 0)
        draws = np.sort(rng.random((4_000, count)), axis=1)
        assert ((draws[:, low] <= 0.5) & (draws[:, high] >= 0.5)).mean() >= 0.945


def test_findings_of_a_planted_hierarchy(make_view: MakeView) -> None:
    plays, people = planted(1)
    tables = case(plays, named(*people))
    edges = [
        {"scope": "event", "group_id": "E1", "edge_id": f"E1-{n}", "account_a": a, "account_b": b, "p_value": 0.001}
        for n, (a, b) in enumerate(itertools.combinations(sorted(people), 2), 1)
    ]
    found: dict[str, Finding] = {f.id: f for f in structure.findings(make_view(tested_edges=edges, **tables))}
    assert (found["M11.starters.pro"].value, found["M11.groups_with_starter.pro"].value) == (1, 1)
    lag = found["M11.follow_delay.pro"]
    assert lag.state == "measured"
    assert isinstance(lag.value, int)
    assert 10_000 < lag.value < 35_000
    step = found["M11.step_delay.pro"]
    assert isinstance(step.value, int)
    assert step.value < lag.value
    share = found["M11.core_edges.pro"]
    assert share.value == pytest.approx((66 - 28) / 66)
    # The other side has nobody in any group: no figure, and no zero that reads like a finding.
    for name in ("starters", "groups_with_starter"):
        assert (found[f"M11.{name}.con"].state, found[f"M11.{name}.con"].value) == ("not_testable", None)
    assert found["M11.groups.control"].state == "not_testable"
