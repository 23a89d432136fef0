"""The coordination test inside a case: what its tables hold, what its findings say and never say, and the report."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from floodmark import demo, derive, schema
from floodmark.config import CaseConfig
from floodmark.coordination import case_tables
from floodmark.coordination.result import (
    AccountVerdicts,
    Coordination,
    EdgeColumns,
    Group,
    Reading,
    Rules,
    Shares,
)
from floodmark.engine.duckdb import Database
from floodmark.findings import Finding, dump
from floodmark.report.sections import coordination
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]
START = 1_594_927_800_000
HOUR = 3_600_000


def made_up(shares: Shares, _rules: Rules, reference: Shares | None = None) -> Coordination:
    """Name accounts 0, 1, 2 and call 3 amplified; the edges rest on every object on which both ends acted first."""
    firsts: dict[tuple[int, int], int] = {}
    for account, thing, at_ms in zip(
        shares.account.tolist(), shares.object.tolist(), shares.at_ms.tolist(), strict=True
    ):
        firsts[account, thing] = min(at_ms, firsts.get((account, thing), at_ms))
    pairs = [(a, b) for a in range(3) for b in range(a + 1, 3)]
    behind = [sorted({o for x, o in firsts if x == a} & {o for x, o in firsts if x == b}) for a, b in pairs]
    flat = [(a, b, o) for (a, b), objects in zip(pairs, behind, strict=True) for o in objects]
    n, columns = shares.n_accounts, np.array(pairs, np.int32)
    state = np.array((["named"] * 3 + ["in_step"] + ["tested"] * n)[:n], object)
    ones = np.ones(len(pairs), np.int32)
    return Coordination(
        accounts=AccountVerdicts(
            state,
            np.linspace(0, 1, n),
            np.array(([7] * 4 + [-1] * n)[:n], np.int32),
            np.array((["B"] * 3 + [""] * n)[:n], object),
            np.array((["follower"] * 3 + ["amplified"] + [""] * n)[:n], object),
            np.full(n, 3, np.int32),
        ),
        groups=(
            Group(7, "B", (0, 1, 2), (0, 1, 2), 6, 5, 4, 60_000, 900, START, START + HOUR, {"url": 2, "text": 4},
                  (Reading("fans", "Fans.", "much", "little"), Reading("tool", "A tool.", "some", "none"))),
        ),
        edges=EdgeColumns(
            np.full(len(pairs), 7, np.int32), columns[:, 0], columns[:, 1], np.array([0.03, 0.01, 0.02]),
            ones * 3, ones * 4, ones.astype(np.int64) * 60_000, ones.astype(np.int64) * -50, ones, ones * 2,
            np.cumsum([0, *map(len, behind)]).astype(np.int64), np.array([o for *_, o in flat], np.int32),
            np.array([firsts[a, o] for a, _, o in flat], np.int64),
            np.array([firsts[b, o] for _, b, o in flat], np.int64),
        ),
        rules=Rules(),
        windows_ms=(60_000, 600_000),
        resolution_ms=1000,
        actions_used=len(firsts),
        testable=4,
        proposed=2,
        tests=9,
        too_dense={60_000: (5, 2)},
        minimum_detectable_jitter_ms=180_000,
        reference_used=reference is not None,
    )  # fmt: skip


def some_actions(seed: int, scope: str = "event") -> list[dict[str, object]]:
    """Return actions with several posts at one moment and objects of two traces that share their name."""
    rng = random.Random(seed)
    return [
        {
            "scope": scope,
            "trace": rng.choice(["url", "text"]),
            "account_id": f"x:{rng.randrange(6)}",
            "object_id": f"o{rng.randrange(3)}",
            "post_id": f"p:{number:03d}",
            "at_ms": START + 1000 * rng.randrange(8),
        }
        for number in range(120)
    ]


def tables_of(rows: list[dict[str, object]]) -> dict[str, list[tuple[Any, ...]]]:
    with Database() as db:
        db.execute(schema.create_sql(schema.ACTIONS))
        db.load("actions", {name: [row[name] for row in rows] for name in schema.ACTIONS.names})
        case_tables.write_tables(db, Rules(), "_found")
        return {t.name: db.rows(f"SELECT * FROM {t.name}_found ORDER BY ALL") for t in schema.COORDINATION}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[Shares | None]:
    """Put `made_up` in the place of the test; the list holds the reference of every call."""
    references: list[Shares | None] = []

    def remember(shares: Shares, rules: Rules, reference: Shares | None = None) -> Coordination:
        references.append(reference)
        return made_up(shares, rules, reference)

    monkeypatch.setattr(case_tables, "coordination", remember)
    return references


@pytest.mark.usefixtures("fake")
def test_the_posts_behind_an_edge_are_those_of_the_first_actions() -> None:
    rows = some_actions(1)
    tables = tables_of(rows)
    first: dict[tuple[object, object, object], tuple[Any, Any]] = {}
    for row in rows:
        key = row["account_id"], row["trace"], row["object_id"]
        first[key] = min(first.get(key, (row["at_ms"], row["post_id"])), (row["at_ms"], row["post_id"]))
    expected = set()
    ends = {"E1-1": ("x:0", "x:1"), "E1-2": ("x:0", "x:2"), "E1-3": ("x:1", "x:2")}
    for edge, (a, b) in ends.items():
        for x, trace, thing in first:
            if x == a and (b, trace, thing) in first:
                (at_a, post_a), (at_b, post_b) = first[a, trace, thing], first[b, trace, thing]
                expected.add(("event", edge, trace, thing, post_a, post_b, at_a, at_b))
    assert len(expected) > 9
    assert set(tables["edge_evidence"]) == expected
    assert len(tables["edge_evidence"]) == len(expected)
    assert [(row[2], row[3], row[4], row[5]) for row in tables["tested_edges"]] == [
        ("E1-1", "x:0", "x:1", 0.03),
        ("E1-2", "x:0", "x:2", 0.01),
        ("E1-3", "x:1", "x:2", 0.02),
    ]


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("seed", range(3))
def test_rows_in_any_order_give_the_same_tables(seed: int) -> None:
    rows = some_actions(2) + some_actions(3, "control")
    mixed = random.Random(seed).sample(rows, len(rows))
    assert tables_of(mixed) == tables_of(rows)


@pytest.mark.usefixtures("fake")
def test_accounts_and_groups_are_written_with_their_own_names() -> None:
    tables = tables_of(some_actions(4) + some_actions(5, "control"))
    accounts = [row[1:6] for row in tables["coordinated_accounts"] if row[0] == "control"]
    assert accounts[0] == ("x:0", "named", 0.0, "C1", "B")
    assert accounts[3][1:] == ("in_step", pytest.approx(0.6), "C1", None)
    assert accounts[4][3:] == (None, None)
    (event,) = [row for row in tables["groups"] if row[0] == "event"]
    assert event[1:5] == ("E1", "B", 3, 3)
    assert event[-2:] == (["text", "url"], [4, 2])
    assert [row[:3] for row in tables["group_readings"]][:2] == [("C1", 0, "fans"), ("C1", 1, "tool")]
    test = dict(zip(schema.COORDINATION_TESTS.names, tables["coordination_tests"][0], strict=True))
    assert (test["dense_actions"], test["dense_objects"]) == ([5, 0], [2, 0])


def test_the_reference_gives_rates_and_gets_no_verdict(fake: list[Shares | None]) -> None:
    tables = tables_of(some_actions(6) + some_actions(7, "reference"))
    assert [None if shares is None else len(shares.at_ms) > 50 for shares in fake] == [True]
    assert {row[0] for table in ("coordination_tests", "coordinated_accounts") for row in tables[table]} == {"event"}


def test_a_control_that_is_the_reference_is_tested_by_its_own_rates(
    base_db: Callable[..., Database], tmp_path: Path, fake: list[Shares | None]
) -> None:
    fields = {
        "name": "t",
        "event": {"title": "t", "start": "2020-01-02T00:00:00Z", "end": "2020-01-03T00:00:00Z", "zone": "UTC"},
        "control": {"streams": ["sport"]},
        "side": [{"name": "red", "hashtags": ["red"]}],
        "input": [{"path": "a", "format": "table"}, {"path": "b", "format": "table", "stream": "sport"}],
        "parameters": {"reference_stream": "sport"},
    }
    start, day = 1_577_923_200_000, 86_400_000
    posts = [
        {"stream": stream, "post_id": f"x:{stream}{n}", "account_id": f"x:{stream}{n % 5}", "text": "see #red",
         "urls": [f"https://a.example/{n % 3}"],
         "at_ms": start + n * 1000 - (day if n >= 20 else 0)}
        for stream in ("main", "sport")
        for n in range(30)
    ]  # fmt: skip
    config = CaseConfig.model_validate(fields)
    assert config.streams_apart == ("sport",)
    assert derive.scopes(config)["event"] == ("main",)
    db = base_db(posts)
    derive.derive(db, config, tmp_path)
    event, control = fake
    assert event is not None
    assert control is None
    # The reference is all of the stream; the event and the control are what lies in the window.
    counts = dict(db.rows("SELECT scope, count(DISTINCT post_id) FROM actions GROUP BY scope"))
    assert counts == {"event": 20, "control": 20, "reference": 30}
    assert db.rows("SELECT scope, reference_used FROM coordination_tests ORDER BY scope") == [
        ("control", False),
        ("event", True),
    ]


def test_nothing_is_tested_without_actions_or_under_the_clock(fake: list[Shares | None]) -> None:
    assert tables_of([]) == {table.name: [] for table in schema.COORDINATION}
    daily = [{**row, "at_ms": 86_400_000 * number} for number, row in enumerate(some_actions(8))]
    tables = tables_of(daily)
    assert [(row[0], row[7]) for row in tables["coordination_tests"]] == [("event", [])]
    assert tables["coordinated_accounts"] == []
    assert fake == []


def test_a_ring_that_acts_as_one_is_named_and_its_posts_are_shown() -> None:
    """The test itself, not a stand-in: eight accounts on twelve objects within seconds, among strangers."""
    rng = random.Random(9)
    crowd = [(rng.randrange(400), rng.randrange(150), rng.randrange(86_400)) for _ in range(4_000)]
    rows: list[dict[str, object]] = [
        {"account_id": f"x:crowd{who}", "object_id": f"c{what}", "at_ms": when} for who, what, when in crowd
    ]
    for number in range(12):
        at = 3_000 + 6_500 * number
        rows += [
            {"account_id": f"x:ring{k}", "object_id": f"r{number}", "at_ms": at + rng.randrange(30)} for k in range(8)
        ]
    whole = [
        {**row, "scope": "event", "trace": "url", "post_id": f"p:{n}", "at_ms": START + 1000 * int(str(row["at_ms"]))}
        for n, row in enumerate(rows)
    ]
    tables = tables_of(whole)
    named = {row[1] for row in tables["coordinated_accounts"] if row[2] == "named"}
    assert named <= {f"x:ring{k}" for k in range(8)}
    assert len(named) >= 6
    posts = {str(row["post_id"]): row for row in whole}
    for _, edge, _, thing, post_a, post_b, at_a, at_b in tables["edge_evidence"]:
        ends = next(row[3:5] for row in tables["tested_edges"] if row[2] == edge)
        assert (posts[post_a]["account_id"], posts[post_b]["account_id"]) == ends
        assert posts[post_a]["object_id"] == posts[post_b]["object_id"] == thing
        assert (posts[post_a]["at_ms"], posts[post_b]["at_ms"]) == (at_a, at_b)


def verdict(number: int, state: str, scope: str = "event", **more: object) -> dict[str, object]:
    row = {"scope": scope, "account_id": f"x:{number}", "state": state, "p_value": 0.5, "episodes": 0}
    return {**row, **more}


def member(number: int, roster: str) -> dict[str, object]:
    return {"roster": roster, "account_id": f"x:{number}", "posts": 1, "first_at_ms": START}


def ran(scope: str = "event", **more: object) -> dict[str, object]:
    windows = {"windows_ms": [60_000], "dense_actions": [4], "dense_objects": [1], "resolution_ms": 1000}
    counts = {"accounts": 9, "actions_used": 50, "testable": 5, "proposed": 1, "tests": 3}
    return {"scope": scope, **windows, **counts, "minimum_detectable_jitter_ms": 0, "reference_used": False, **more}


def by_id(view: CaseView) -> dict[str, Finding]:
    return {finding.id: finding for finding in coordination.findings(view)}


def test_rosters_are_counted_by_what_the_test_says(make_view: MakeView) -> None:
    # 4 is in no trace, so nothing is known of it; 5 was named in the control, where it does not belong to pro.
    states = [verdict(0, "named"), verdict(1, "in_step", role="amplified"), verdict(2, "tested"), verdict(3, "lead")]
    found = by_id(
        make_view(
            coordination_tests=[ran(), ran("control")],
            coordinated_accounts=[*states, verdict(5, "named", "control"), verdict(8, "named")],
            participants=[member(n, "pro") for n in range(6)] + [member(7, "control")],
        )
    )
    counts = [found[f"M3.{name}.pro"].value for name in ("coordinated", "in_step", "lead")]
    assert counts == [1, 1, 1]
    assert found["M3.in_step.pro"].details["amplified"] == 1
    assert found["M3.coordinated.pro"].details == {
        "accounts": 6, "testable": 4, "untestable": 2, "tested_and_not_named": 3,
    }  # fmt: skip
    assert found["M3.testable.pro"].value == pytest.approx(4 / 6)
    assert found["M3.coordinated_share.pro"].value == 0.25
    least = found["M3.coordinated_at_least.pro"]
    assert (least.state, least.value, least.low, least.high) == ("bounded", None, 1 / 6, 1.0)
    assert found["M3.groups.event"].details["named"] == 2
    assert found["M3.groups.event"].details["named_on_no_roster"] == 1


def test_who_could_not_be_tested_is_never_a_zero(make_view: MakeView) -> None:
    view = make_view(
        coordination_tests=[ran()],
        coordinated_accounts=[verdict(0, "untestable")],
        participants=[member(0, "pro"), member(1, "pro")],
    )
    found = by_id(view)
    for name in ("coordinated", "coordinated_share", "coordinated_at_least", "in_step", "lead"):
        assert found[f"M3.{name}.pro"].state == "not_testable", name
    assert (found["M3.testable.pro"].state, found["M3.testable.pro"].value) == ("measured", 0.0)
    assert {found[f"M3.{name}.control"].state for name in ("groups", "too_dense")} == {"not_testable"}
    jitter = found["M3.minimum_detectable_jitter.event"]
    assert jitter.value == 0
    assert "Here not even a campaign that acts at once would be seen." in jitter.limits


def test_a_clock_too_coarse_is_said(make_view: MakeView) -> None:
    coarse = {"scope": "event", "windows_ms": [], "resolution_ms": 86_400_000}
    found = by_id(make_view(coordination_tests=[coarse], participants=[member(0, "pro")]))
    assert {f.state for f in found.values()} == {"not_testable"}
    assert "shorter than the clock" in found["M3.testable.pro"].method


def test_only_named_accounts_are_shown_and_edges_only_between_them(make_view: MakeView) -> None:
    inside = {"group_id": "E1", "grade": "B"}
    edge = {"scope": "event", "group_id": "E1", "episodes": 3, "opportunities": 4, "window_ms": 60_000,
            "median_lag_ms": 5, "a_first": 0, "b_first": 3}  # fmt: skip
    view = make_view(
        coordination_tests=[ran()],
        coordinated_accounts=[
            verdict(1, "named", role="follower", **inside),
            verdict(2, "named", role="follower", **inside),
            verdict(3, "in_step", role="amplified", **inside),
            verdict(4, "in_step", role="first_mover", group_id="E2"),
        ],
        groups=[
            {"scope": "event", "group_id": "E2", "members": 5, "named": 0, "traces": [], "trace_objects": []},
            {"scope": "event", "group_id": "E1", "members": 2, "named": 2, "traces": ["url"], "trace_objects": [4]},
        ],
        tested_edges=[
            {**edge, "edge_id": "E1-1", "account_a": "x:1", "account_b": "x:2", "p_value": 0.01},
            {**edge, "edge_id": "E1-2", "account_a": "x:1", "account_b": "x:3", "p_value": 0.001},
        ],
        edge_evidence=[
            {"scope": "event", "edge_id": "E1-1", "trace": "url", "object_id": "o", "post_a": "p:1", "post_b": "p:2",
             "at_a_ms": 9, "at_b_ms": 4},
        ],
    )  # fmt: skip
    groups = by_id(view)["M3.groups.event"]
    assert groups.value == 1
    assert groups.details["groups_in_step_only"] == 1
    text = dump([groups]).decode()
    assert "x:1" in text
    assert "x:3" not in text
    assert "x:4" not in text
    shown = groups.details["shown"]
    assert isinstance(shown, list)
    assert [item["group_id"] for item in shown] == ["E1", "E2"]
    assert shown[0]["edges"] == [["E1-1", "x:1", "x:2", 0.01, 3, 4, 60_000, 5, 0, 3, [["url", "p:1", "p:2", 9, 4]]]]
    assert shown[0]["roles"] == [["amplified", "in_step", 1], ["follower", "named", 2]]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"reference_stream": "elsewhere"}, "no [[input]] has stream = 'elsewhere'"),
        ({"reference_stream": "main"}, "is also a stream of a side"),
        ({"test_windows_s": []}, "test_windows_s"),
    ],
)
def test_the_case_file_refuses_what_cannot_be_a_reference(parameters: dict[str, object], said: str) -> None:
    fields = {
        "name": "t",
        "event": {"title": "t", "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z", "zone": "UTC"},
        "control": {"streams": ["control"]},
        "side": [{"name": "red", "hashtags": ["red"], "streams": ["main"]}],
        "input": [{"path": "a", "format": "table"}, {"path": "b", "format": "table", "stream": "control"}],
    }
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        CaseConfig.model_validate({**fields, "parameters": parameters})
    assert said in str(refused.value)


def test_the_demo_says_how_many_planted_accounts_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PLANTED", {})  # flags have a truth and tests of their own
    (tmp_path / "truth").mkdir()
    lines = ["account_id,role,roster", "1,campaign,pro", "2,campaign,pro", "3,campaign,", "4,fan,pro", "5,fan,con"]
    (tmp_path / "truth" / "accounts.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    states = {1: "named", 2: "untestable", 4: "named", 5: "tested"}
    rows = ", ".join(f"('sim:{number}', '{state}')" for number, state in states.items())
    with Database() as db:
        db.write_parquet(
            f"SELECT * FROM (VALUES {rows}) t(account_id, state)", tmp_path / "coordinated_accounts.parquet"
        )
    found = demo.compared(tmp_path, tmp_path)
    pro, con = found["M3.coordinated.pro"], found["M3.coordinated.con"]
    assert (pro["value"], pro["mark"], pro["verdict"]) == (2, "✗", "1 of 2 named were planted")
    assert (con["value"], con["mark"], con["verdict"]) == (0, "–", "nobody named")
    assert found["roster.event"]["note"] == (
        "3 accounts were planted, of which 1 could be tested; 1 of them are named (recall 33.3%, of the testable"
        " 100.0%); 1 of the 2 named accounts were planted (precision 50.0%)"
    )
