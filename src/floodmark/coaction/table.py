"""From a table of actions to edges: text ids become indices, the kernel counts, the names come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from floodmark.engine.duckdb import Database


def _no_texts() -> npt.NDArray[np.object_]:
    return np.empty(0, np.object_)


@dataclass(frozen=True)
class EncodedActions:
    """Actions as integers, in any order. `accounts[i]` is the id of account i; ids ascend by their UTF-8 bytes.

    `objects` and `object_traces` are the ids and traces of the objects where they were asked for, else empty.
    """

    accounts: npt.NDArray[np.object_]
    n_objects: int
    account_index: npt.NDArray[np.int32]
    object_index: npt.NDArray[np.int32]
    at_ms: npt.NDArray[np.int64]
    objects: npt.NDArray[np.object_] = field(default_factory=_no_texts)
    object_traces: npt.NDArray[np.object_] = field(default_factory=_no_texts)


def encode(db: Database, table_sql: str) -> EncodedActions:
    """Encode the actions of `table_sql`, a table name or a SELECT with account_id, object_id (text) and at_ms.

    Rows with a NULL are left out, as in the definition. The source is read three times: put a costly SELECT into a
    temporary table first. Rows come in no particular order, objects in no particular numbering.
    """
    return _encode(db, table_sql, ("object_id",), named=False)


def encode_named(db: Database, table_sql: str, *, traced: bool) -> EncodedActions:
    """Encode as `encode` does, with objects numbered too by the UTF-8 bytes of (trace, id), and named.

    With `traced` the source has a text column `trace` as well, and the same id in two traces is two objects; without,
    `object_traces` is empty. Rows still come in no particular order.
    """
    return _encode(db, table_sql, ("trace", "object_id") if traced else ("object_id",), named=True)


def _encode(db: Database, table_sql: str, object_key: tuple[str, ...], *, named: bool) -> EncodedActions:
    key = ", ".join(object_key)
    known = " AND ".join(f"{column} IS NOT NULL" for column in ("account_id", *object_key, "at_ms"))
    source = f"(SELECT account_id, {key}, at_ms FROM ({table_sql}) WHERE {known})"
    for kind, ids, order in (
        ("account", "account_id", "ORDER BY account_id"),
        ("object", key, f"ORDER BY {key}" if named else ""),
    ):
        db.execute(
            f"CREATE OR REPLACE TEMP TABLE _{kind}s AS "
            f"SELECT {ids}, CAST(row_number() OVER ({order}) - 1 AS INTEGER) AS {kind}_index "
            f"FROM (SELECT DISTINCT {ids} FROM {source})"
        )
    accounts = db.arrays("SELECT account_id FROM _accounts ORDER BY account_index")["account_id"]
    objects = db.arrays(f"SELECT {key} FROM _objects ORDER BY object_index") if named else {}
    (n_objects,) = db.one("SELECT count(*) FROM _objects")
    columns = db.arrays(
        "SELECT account_index, object_index, CAST(at_ms AS BIGINT) AS at_ms "
        f"FROM {source} JOIN _accounts USING (account_id) JOIN _objects USING ({key})"
    )
    db.execute("DROP TABLE _accounts; DROP TABLE _objects")
    return EncodedActions(
        accounts,
        n_objects,
        columns["account_index"],
        columns["object_index"],
        columns["at_ms"],
        objects.get("object_id", _no_texts()),
        objects.get("trace", _no_texts()),
    )


def edges_from_table(
    db: Database, table_sql: str, window_ms: int, min_objects: int, threads: int | None = None
) -> dict[str, npt.NDArray[Any]]:
    """Return the edges of the actions in `table_sql` as the columns of `schema.EDGES` from account_a on.

    `table_sql` as for `encode`. The result equals `sql/coactions.sql` on the same rows, order included. Raises
    UsageError when the window or a time is beyond 2^61 ms, EngineError when the table cannot be read.

    >>> with Database() as db:
    ...     db.execute("CREATE TABLE seen (account_id VARCHAR, object_id VARCHAR, at_ms BIGINT)")
    ...     db.execute("INSERT INTO seen VALUES ('x', 'o', 5), ('w', 'o', 9)")
    ...     edges = edges_from_table(db, "seen", window_ms=10, min_objects=1)
    >>> edges["account_a"].tolist(), edges["account_b"].tolist(), edges["b_first"].tolist()
    (['w'], ['x'], [1])
    """
    from floodmark.coaction import kernel

    actions = encode(db, table_sql)
    found = kernel.edges(
        actions.account_index,
        actions.object_index,
        actions.at_ms,
        len(actions.accounts),
        window_ms,
        min_objects,
        threads,
    )
    return {
        "account_a": actions.accounts[found.account_a],
        "account_b": actions.accounts[found.account_b],
        "coactions": found.coactions,
        "objects": found.objects,
        "a_first": found.a_first,
        "b_first": found.b_first,
    }
