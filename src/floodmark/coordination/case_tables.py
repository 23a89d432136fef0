"""The coordination test inside a case: from the table `actions` to the tables of `schema.COORDINATION`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from floodmark.coordination.prepare import clock_resolution_ms
from floodmark.coordination.procedure import coordination
from floodmark.coordination.result import Coordination, Rules, Shares, Texts
from floodmark.engine.duckdb import Database
from floodmark.schema import COORDINATION, create_sql

#: First letter of a group's id, so that an id is unique in the whole case.
_LETTERS: Final = {"event": "E", "control": "C"}
_SCOPES: Final = tuple(_LETTERS)
#: A first action and the post that holds it; an account may act on an object in several posts of one moment.
_POSTS: Final = "CREATE OR REPLACE TEMP TABLE _first_posts AS SELECT account, object, at_ms, min(post_id) AS post_id"


@dataclass(frozen=True)
class Actions:
    """Actions of one scope, all traces together, with the ids behind the indices of `shares`.

    Accounts ascend by their UTF-8 bytes, objects by trace, then bytes: the same rows in any order give the same
    numbers.
    """

    shares: Shares
    accounts: Texts


def write_tables(db: Database, rules: Rules, suffix: str = "", own_rates: Sequence[str] = ()) -> None:
    """Run the test on each scope of `actions` and fill temporary tables called as in schema.COORDINATION + `suffix`.

    Rates come from the scope `reference` where `actions` has one, but for the scopes in `own_rates`. A scope without
    actions gets no row anywhere; one whose clock is coarser than every window gets a row of coordination_tests without
    windows.
    """
    for table in COORDINATION:
        db.execute(create_sql(table, f"{table.name}{suffix}", temporary=True))
    reference = read_actions(db, "reference").shares
    for scope in _SCOPES:
        actions = read_actions(db, scope)
        if not len(actions.shares.at_ms):
            continue
        resolution_ms = clock_resolution_ms(actions.shares.at_ms)
        if max(rules.windows_ms) < resolution_ms:
            row: dict[str, list[object]] = {"scope": [scope], "resolution_ms": [resolution_ms], "windows_ms": [[]]}
            db.load(f"coordination_tests{suffix}", row)
            continue
        elsewhere = len(reference.at_ms) > 0 and scope not in own_rates
        found = coordination(actions.shares, rules, reference if elsewhere else None)
        _load(db, scope, actions, found, suffix)


def read_actions(db: Database, scope: str) -> Actions:
    """Return the actions of a scope as shares; objects of different traces are different objects.

    Leaves the temporary tables _who (account, account_id), _what (object, trace, object_id) and _first_posts behind.
    """
    bound = {"scope": scope}
    db.execute(
        "CREATE OR REPLACE TEMP TABLE _who AS"
        " SELECT CAST(row_number() OVER (ORDER BY account_id) - 1 AS INTEGER) AS account, account_id"
        " FROM (SELECT DISTINCT account_id FROM actions WHERE scope = $scope)",
        bound,
    )
    db.execute(
        "CREATE OR REPLACE TEMP TABLE _what AS"
        " SELECT CAST(row_number() OVER (ORDER BY trace, object_id) - 1 AS INTEGER) AS object, trace, object_id"
        " FROM (SELECT DISTINCT trace, object_id FROM actions WHERE scope = $scope)",
        bound,
    )
    db.execute(
        f"{_POSTS} FROM actions JOIN _who USING (account_id) JOIN _what USING (trace, object_id)"
        " WHERE scope = $scope GROUP BY account, object, at_ms",
        bound,
    )
    traces = tuple(trace for (trace,) in db.rows("SELECT DISTINCT trace FROM _what ORDER BY trace"))
    kinds = db.arrays(
        "SELECT CAST(dense_rank() OVER (ORDER BY trace) - 1 AS INTEGER) AS trace FROM _what ORDER BY object"
    )["trace"]
    rows = db.arrays("SELECT account, object, at_ms FROM _first_posts ORDER BY ALL")
    accounts = db.arrays("SELECT account_id FROM _who ORDER BY account")["account_id"]
    shares = Shares(rows["account"], rows["object"], rows["at_ms"], len(accounts), kinds, traces or ("share",))
    return Actions(shares, accounts)


def _load(db: Database, scope: str, actions: Actions, found: Coordination, suffix: str) -> None:
    """Append the rows of one scope to the tables; _who, _what and _first_posts must be those of the scope."""
    names = _group_names(scope, found)
    columns: dict[str, dict[str, Any]] = {
        "coordination_tests": _test_row(actions, found),
        "coordinated_accounts": _account_rows(actions, found, names),
        "groups": _group_rows(found, names),
    }
    for table, values in columns.items():
        rows = len(next(iter(values.values())))
        if rows:
            db.load(f"{table}{suffix}", {"scope": [scope] * rows, **values})
    readings = _reading_rows(found, names)
    if readings["group_id"]:
        db.load(f"group_readings{suffix}", readings)
    if len(found.edges):
        _load_edges(db, scope, found, names, suffix)


def _group_names(scope: str, found: Coordination) -> dict[int, str]:
    return {group.group: f"{_LETTERS[scope]}{place}" for place, group in enumerate(found.groups, 1)}


def _test_row(actions: Actions, found: Coordination) -> dict[str, Sequence[object]]:
    dense = [found.too_dense.get(window_ms, (0, 0)) for window_ms in found.windows_ms]
    return {
        "accounts": [len(actions.accounts)],
        "actions_used": [found.actions_used],
        "testable": [found.testable],
        "proposed": [found.proposed],
        "tests": [found.tests],
        "resolution_ms": [found.resolution_ms],
        "windows_ms": [list(found.windows_ms)],
        "dense_actions": [[actions for actions, _ in dense]],
        "dense_objects": [[objects for _, objects in dense]],
        "minimum_detectable_jitter_ms": [found.minimum_detectable_jitter_ms],
        "reference_used": [found.reference_used],
    }


def _account_rows(actions: Actions, found: Coordination, names: dict[int, str]) -> dict[str, Any]:
    verdicts = found.accounts
    return {
        "account_id": actions.accounts,
        "state": verdicts.state.tolist(),
        "p_value": verdicts.p_value,
        "group_id": [names.get(group) for group in verdicts.group.tolist()],
        "grade": [grade or None for grade in verdicts.grade.tolist()],
        "role": [role or None for role in verdicts.role.tolist()],
        "episodes": verdicts.episodes,
    }


def _group_rows(found: Coordination, names: dict[int, str]) -> dict[str, Sequence[object]]:
    groups = found.groups
    plain = ("objects", "rare_objects", "episodes", "window_ms", "median_lag_ms", "first_ms", "last_ms")
    return {
        "group_id": [names[group.group] for group in groups],
        "grade": [group.grade or None for group in groups],
        "members": [len(group.members) for group in groups],
        "named": [len(group.named) for group in groups],
        **{name: [getattr(group, name) for group in groups] for name in plain},
        "traces": [sorted(group.traces) for group in groups],
        "trace_objects": [[group.traces[trace] for trace in sorted(group.traces)] for group in groups],
    }


def _reading_rows(found: Coordination, names: dict[int, str]) -> dict[str, list[object]]:
    rows = [
        (names[group.group], place, reading.name, reading.meaning, reading.speaks_for, reading.speaks_against)
        for group in found.groups
        for place, reading in enumerate(group.readings)
    ]
    columns = ("group_id", "place", "reading", "meaning", "speaks_for", "speaks_against")
    return {name: [row[i] for row in rows] for i, name in enumerate(columns)}


def _load_edges(db: Database, scope: str, found: Coordination, names: dict[int, str], suffix: str) -> None:
    """Append edges and the posts behind them; edges are numbered within their group, in their given order."""
    edges = found.edges
    starts = np.flatnonzero(np.diff(edges.group, prepend=edges.group[0] - 1))
    number = np.arange(len(edges)) - np.repeat(starts, np.diff(starts, append=len(edges))) + 1
    groups = [names[group] for group in edges.group.tolist()]
    plain = ("account_a", "account_b", "p_value", "episodes", "opportunities", "window_ms", "median_lag_ms")
    columns = {name: getattr(edges, name) for name in (*plain, "a_first", "b_first")}
    ids = [f"{group}-{place}" for group, place in zip(groups, number.tolist(), strict=True)]
    _stage(db, "_tested", {"edge": np.arange(len(edges)), "group_id": groups, "edge_id": ids, **columns})
    behind = np.repeat(np.arange(len(edges)), np.diff(edges.evidence_start))
    evidence = {"object": edges.evidence_object, "at_a_ms": edges.evidence_a_ms, "at_b_ms": edges.evidence_b_ms}
    _stage(db, "_behind", {"edge": behind, **evidence})
    db.execute(
        f"INSERT INTO tested_edges{suffix} BY NAME SELECT $scope AS scope,"
        " t.* EXCLUDE (edge, account_a, account_b), a.account_id AS account_a, b.account_id AS account_b"
        " FROM _tested t JOIN _who a ON a.account = t.account_a JOIN _who b ON b.account = t.account_b",
        {"scope": scope},
    )
    db.execute(
        f"INSERT INTO edge_evidence{suffix} BY NAME SELECT $scope AS scope, t.edge_id, w.trace, w.object_id,"
        " a.post_id AS post_a, b.post_id AS post_b, e.at_a_ms, e.at_b_ms FROM _behind e JOIN _tested t USING (edge)"
        " JOIN _what w USING (object)"
        " JOIN _first_posts a ON a.account = t.account_a AND a.object = e.object AND a.at_ms = e.at_a_ms"
        " JOIN _first_posts b ON b.account = t.account_b AND b.object = e.object AND b.at_ms = e.at_b_ms",
        {"scope": scope},
    )


def _stage(db: Database, name: str, columns: dict[str, Any]) -> None:
    arrays = {key: np.asarray(value, object) if isinstance(value, list) else value for key, value in columns.items()}
    db.connection.register("_staged", arrays)
    db.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM _staged")
    db.connection.unregister("_staged")
