"""From a table of actions to edges: text ids become indices, the kernel counts, the names come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from floodmark.engine.duckdb import Database


@dataclass(frozen=True)
class EncodedActions:
    """Actions as integers, in any order. `accounts[i]` is the id of account i; ids ascend by their UTF-8 bytes."""

    accounts: npt.NDArray[np.object_]
    n_objects: int
    account_index: npt.NDArray[np.int32]
    object_index: npt.NDArray[np.int32]
    at_ms: npt.NDArray[np.int64]


def encode(db: Database, table_sql: str) -> EncodedActions:
    """Encode the actions of `table_sql`, a table name or a SELECT with account_id, object_id (text) and at_ms.

    Rows with a NULL are left out, as in the definition. The source is read three times: put a costly SELECT into a
    temporary table first. Rows come in no particular order, objects in no particular numbering.
    """
    source = (
        f"(SELECT account_id, object_id, at_ms FROM ({table_sql}) "
        "WHERE account_id IS NOT NULL AND object_id IS NOT NULL AND at_ms IS NOT NULL)"
    )
    for kind, order in (("account", "ORDER BY account_id"), ("object", "")):
        db.execute(
            f"CREATE OR REPLACE TEMP TABLE _{kind}s AS "
            f"SELECT {kind}_id, CAST(row_number() OVER ({order}) - 1 AS INTEGER) AS {kind}_index "
            f"FROM (SELECT DISTINCT {kind}_id FROM {source})"
        )
    accounts = db.arrays("SELECT account_id FROM _accounts ORDER BY account_index")["account_id"]
    (n_objects,) = db.one("SELECT count(*) FROM _objects")
    columns = db.arrays(
        "SELECT account_index, object_index, CAST(at_ms AS BIGINT) AS at_ms "
        f"FROM {source} JOIN _accounts USING (account_id) JOIN _objects USING (object_id)"
    )
    db.execute("DROP TABLE _accounts; DROP TABLE _objects")
    return EncodedActions(accounts, n_objects, columns["account_index"], columns["object_index"], columns["at_ms"])


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
