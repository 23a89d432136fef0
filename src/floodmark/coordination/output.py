"""The coordination test's result as files: CSV for machines (RFC 4180, UTF-8, every id exactly as it came) and JSON.

Rows are written in the order of ids and nothing depends on the order of the input, so equal input gives equal bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from floodmark.coaction.lines import as_field
from floodmark.coordination.result import AccountVerdicts, Coordination, Group, Texts

ACCOUNTS: Final = ("account_id", "state", "p_value", "group", "grade", "role", "episodes")
GROUPS: Final = (
    "group",
    "grade",
    "accounts",
    "named",
    "objects",
    "rare_objects",
    "episodes",
    "window_ms",
    "median_lag_ms",
    "first",
    "last",
    "traces",
    "readings",
)
EDGES: Final = (
    "edge_id",
    "group",
    "account_a",
    "account_b",
    "p_value",
    "episodes",
    "opportunities",
    "window_ms",
    "median_lag_ms",
    "a_first",
    "b_first",
)
EVIDENCE: Final = ("edge_id", "trace", "object_id", "a_at_ms", "b_at_ms", "a_post_id", "b_post_id")
_ID_DIGITS: Final = 16


@dataclass(frozen=True)
class Names:
    """Ids of accounts and objects by index, the trace of each object, and the posts behind evidence where known.

    `posts[account, object]` is the id of the account's first post on the object.
    """

    accounts: Texts
    objects: Texts
    object_traces: Texts
    posts: Mapping[tuple[int, int], str]


def write_tables(folder: Path, found: Coordination, names: Names) -> None:
    """Write accounts.csv, groups.csv, edges.csv and evidence.csv into `folder`."""
    _write(folder / "accounts.csv", ACCOUNTS, _account_lines(found.accounts, names.accounts))
    _write(folder / "groups.csv", GROUPS, (_line(_group_cells(group)) for group in found.groups))
    edges, evidence = _edge_lines(found, names)
    _write(folder / "edges.csv", EDGES, edges)
    _write(folder / "evidence.csv", EVIDENCE, evidence)


def edge_id(account_a: str, account_b: str, evidence: Iterable[tuple[str, str, int, int]]) -> str:
    """Return an id that depends on the two accounts and their evidence (trace, object, both times) and nothing else.

    >>> edge_id("a", "b", [("share", "o", 5, 9)])
    '62c975f9d41bdbea'
    """
    content = json.dumps([account_a, account_b, list(evidence)], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:_ID_DIGITS]


def iso_utc(at_ms: int) -> str:
    """Return a time in UTC milliseconds as ISO 8601; years beyond four digits are written out.

    >>> iso_utc(-1)
    '1969-12-31T23:59:59.999Z'
    """
    return f"{np.datetime64(at_ms, 'ms')}Z"


def _account_lines(verdicts: AccountVerdicts, accounts: Texts) -> Iterator[str]:
    columns = (
        accounts.tolist(),
        verdicts.state.tolist(),
        verdicts.p_value.tolist(),
        verdicts.group.tolist(),
        verdicts.grade.tolist(),
        verdicts.role.tolist(),
        verdicts.episodes.tolist(),
    )
    for account, state, p_value, group, grade, role, episodes in zip(*columns, strict=True):
        yield f"{as_field(account)},{state},{p_value:.6g},{'' if group < 0 else group},{grade},{role},{episodes}\n"


def _group_cells(group: Group) -> tuple[object, ...]:
    readings = [
        {"name": r.name, "meaning": r.meaning, "for": r.speaks_for, "against": r.speaks_against} for r in group.readings
    ]
    return (
        group.group,
        group.grade,
        len(group.members),
        len(group.named),
        group.objects,
        group.rare_objects,
        group.episodes,
        group.window_ms,
        group.median_lag_ms,
        iso_utc(group.first_ms),
        iso_utc(group.last_ms),
        _json(dict(sorted(group.traces.items()))),
        _json(readings),
    )


def _edge_lines(found: Coordination, names: Names) -> tuple[list[str], list[str]]:
    edges, evidence = [], []
    columns = found.edges
    starts, objects = columns.evidence_start.tolist(), columns.evidence_object.tolist()
    a_ms, b_ms = columns.evidence_a_ms.tolist(), columns.evidence_b_ms.tolist()
    for k in range(len(columns)):
        a, b = int(columns.account_a[k]), int(columns.account_b[k])
        rows = range(starts[k], starts[k + 1])
        shared = [(names.object_traces[o], names.objects[o], a_ms[i], b_ms[i]) for i in rows for o in (objects[i],)]
        name = edge_id(names.accounts[a], names.accounts[b], shared)
        edges.append(
            _line(
                (
                    name,
                    columns.group[k],
                    names.accounts[a],
                    names.accounts[b],
                    f"{columns.p_value[k]:.6g}",
                    columns.episodes[k],
                    columns.opportunities[k],
                    columns.window_ms[k],
                    columns.median_lag_ms[k],
                    columns.a_first[k],
                    columns.b_first[k],
                )
            )
        )
        for i, row in zip(rows, shared, strict=True):
            posts = (names.posts.get((account, objects[i]), "") for account in (a, b))
            evidence.append(_line((name, *row, *posts)))
    return edges, evidence


def _line(cells: Iterable[object]) -> str:
    return ",".join(as_field(str(cell)) for cell in cells) + "\n"


def _write(path: Path, columns: Sequence[str], lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(columns) + "\n")
        file.writelines(lines)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
