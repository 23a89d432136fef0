"""A closer look at the groups of the coordination test, for the details of `M3.groups`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from floodmark.view import CaseView

#: Groups with their evidence in the finding, most named accounts first; the rest are rows of the table `groups`.
GROUPS_SHOWN: Final = 20
_ACCOUNTS_SHOWN: Final = 50
_EDGES_SHOWN: Final = 3
_POSTS_SHOWN: Final = 3


def outsiders(view: CaseView, scope: str) -> dict[str, object]:
    """Count named accounts of the scope, and those of them that are on no roster: they wrote nothing for a side."""
    named, outside = view.db.one(
        "SELECT count(*), count(*) FILTER (NOT EXISTS (SELECT 1 FROM participants p"
        " WHERE p.account_id = c.account_id AND (p.roster = 'control') = (c.scope = 'control')))"
        " FROM coordinated_accounts c WHERE scope = $scope AND state = 'named'",
        {"scope": scope},
    )
    return {"named": named, "named_on_no_roster": outside}


def closer(view: CaseView, ids: Sequence[object]) -> list[dict[str, object]]:
    """Return per group its roles, readings, first named accounts, and strongest edges with a few posts behind each."""
    mine, bound = "group_id IN (SELECT unnest($ids))", {"ids": list(ids)}
    roles = view.db.rows(
        f"SELECT group_id, role, state, count(*) FROM coordinated_accounts WHERE {mine} AND role IS NOT NULL"
        " GROUP BY group_id, role, state ORDER BY ALL",
        bound,
    )
    accounts = view.db.rows(
        f"SELECT group_id, account_id, role, p_value, episodes FROM coordinated_accounts WHERE {mine}"
        " AND state = 'named' QUALIFY row_number() OVER (PARTITION BY group_id ORDER BY p_value, account_id)"
        f" <= {_ACCOUNTS_SHOWN} ORDER BY group_id, p_value, account_id",
        bound,
    )
    readings = view.db.rows(
        f"SELECT group_id, reading, meaning, speaks_for, speaks_against FROM group_readings WHERE {mine}"
        " ORDER BY group_id, place",
        bound,
    )
    # Only edges between named accounts: whoever is in step or amplified is not shown to anybody.
    edges = view.db.rows(
        f"WITH named AS (SELECT scope, account_id FROM coordinated_accounts WHERE {mine} AND state = 'named')"
        " SELECT e.group_id, edge_id, account_a, account_b, p_value, episodes, opportunities, window_ms, median_lag_ms,"
        " a_first, b_first FROM tested_edges e JOIN named a ON a.scope = e.scope AND a.account_id = e.account_a"
        f" JOIN named b ON b.scope = e.scope AND b.account_id = e.account_b WHERE e.{mine}"
        " QUALIFY row_number() OVER (PARTITION BY e.group_id ORDER BY p_value, account_a, account_b)"
        f" <= {_EDGES_SHOWN} ORDER BY e.group_id, p_value, account_a, account_b",
        bound,
    )
    posts = _grouped(_posts(view, [edge_id for _, edge_id, *_ in edges]))
    looks = {name: _grouped(rows) for name, rows in (("roles", roles), ("accounts", accounts), ("readings", readings))}
    strongest = _grouped((*edge, posts.get(edge[1], [])) for edge in edges)
    return [
        {
            "group_id": group_id,
            **{name: rows.get(group_id, []) for name, rows in looks.items()},
            "edges": strongest.get(group_id, []),
        }
        for group_id in ids
    ]


def _posts(view: CaseView, edges: Sequence[object]) -> list[tuple[Any, ...]]:
    return view.db.rows(
        "SELECT edge_id, trace, post_a, post_b, at_a_ms, at_b_ms FROM edge_evidence"
        " WHERE edge_id IN (SELECT unnest($edges)) QUALIFY row_number() OVER (PARTITION BY edge_id"
        f" ORDER BY least(at_a_ms, at_b_ms), trace, object_id) <= {_POSTS_SHOWN}"
        " ORDER BY edge_id, least(at_a_ms, at_b_ms), trace, object_id",
        {"edges": list(edges)},
    )


def _grouped(rows: Iterable[tuple[Any, ...]]) -> dict[object, list[object]]:
    """Return lists of rows by their first cell, which is left out of them."""
    found: dict[object, list[object]] = {}
    for key, *row in rows:
        found.setdefault(key, []).append(row)
    return found


def dicts(view: CaseView, sql: str, bound: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
    """Return the rows of a query as dicts by column."""
    names = [name for name, *_ in view.db.rows(f"DESCRIBE {sql}", bound)]
    return [dict(zip(names, row, strict=True)) for row in view.db.rows(sql, bound)]
