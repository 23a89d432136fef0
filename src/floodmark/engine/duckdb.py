"""The embedded engine: DuckDB, offline, with results as plain Python or numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import numpy as np

from floodmark.errors import EngineError

Params = Mapping[str, object]
_OFFLINE = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


class Database:
    """A DuckDB connection that never reaches the network. Use it as a context manager."""

    def __init__(self, path: Path | None = None, *, threads: int | None = None, memory: str | None = None) -> None:
        """Open `path` (in memory when None)."""
        options: dict[str, str | bool | int | float | list[str]] = dict(_OFFLINE)
        if threads:
            options["threads"] = threads
        if memory:
            options["memory_limit"] = memory
        self.connection = duckdb.connect(str(path) if path else ":memory:", config=options)
        # Progress is ours to show; the zone must never depend on the host.
        self.connection.execute(
            "SET enable_progress_bar = false; SET TimeZone = 'UTC'; SET preserve_insertion_order = false"
        )

    def __enter__(self) -> Database:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.connection.close()

    def execute(self, sql: str, params: Params | None = None) -> None:
        """Run statements without a result; EngineError with DuckDB's first line on failure."""
        try:
            self.connection.execute(sql, dict(params) if params else None)
        except duckdb.Error as error:
            raise EngineError(str(error).splitlines()[0]) from error

    def rows(self, sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
        """Return all rows of a query as tuples."""
        try:
            return self.connection.execute(sql, dict(params) if params else None).fetchall()
        except duckdb.Error as error:
            raise EngineError(str(error).splitlines()[0]) from error

    def one(self, sql: str, params: Params | None = None) -> tuple[Any, ...]:
        """Return the single row of a query; EngineError when there is not exactly one."""
        found = self.rows(sql, params)
        if len(found) != 1:
            raise EngineError(f"a query that must give one row gave {len(found)}")
        return found[0]

    def arrays(self, sql: str, params: Params | None = None) -> dict[str, np.ndarray]:
        """Return a query's columns as numpy arrays (masked where NULL occurs)."""
        try:
            return self.connection.execute(sql, dict(params) if params else None).fetchnumpy()
        except duckdb.Error as error:
            raise EngineError(str(error).splitlines()[0]) from error

    def view_parquet(self, name: str, path: Path) -> None:
        """Make the Parquet file at `path` readable as the view `name`."""
        self.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet({quote(str(path))})")

    def write_parquet(self, sql: str, path: Path, params: Params | None = None) -> None:
        """Write a query's result, sorted by all its columns, to `path` as Parquet (zstd)."""
        # COPY takes no bound parameters, so the result is staged in a temporary table.
        self.execute(f"CREATE OR REPLACE TEMP TABLE _copy AS {sql}", params)
        self.execute(
            f"COPY (SELECT * FROM _copy ORDER BY ALL) TO {quote(str(path))} (FORMAT parquet, COMPRESSION zstd)"
        )
        self.execute("DROP TABLE _copy")

    def load(self, table: str, columns: Mapping[str, Sequence[object] | np.ndarray]) -> None:
        """Append columns of equal length to `table`; object columns may hold None."""
        batch = {
            name: values if isinstance(values, np.ndarray) else _object_array(values)
            for name, values in columns.items()
        }
        self.connection.register("_batch", batch)
        try:
            self.connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM _batch")
        except duckdb.Error as error:
            raise EngineError(str(error).splitlines()[0]) from error
        finally:
            self.connection.unregister("_batch")


def _object_array(values: Sequence[object]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def quote(text: str) -> str:
    """Return `text` as a SQL string literal.

    >>> quote("a'b")
    "'a''b'"
    """
    return "'" + text.replace("'", "''") + "'"


def read_sql(name: str) -> str:
    """Return the text of `floodmark/sql/NAME.sql`."""
    return (files("floodmark") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
