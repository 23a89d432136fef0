"""Parquet as a stream of rows, through DuckDB; numbers and times arrive as text, so that one set of rules reads all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import duckdb

from floodmark.engine.duckdb import Database, quote
from floodmark.errors import IngestError
from floodmark.ingest.sources import RAW_CHARS, Values
from floodmark.registry import Reject

_BATCH: Final = 10_000


class ParquetSource:
    """A Source over some columns of a Parquet file; a row's line is its number, from 1."""

    text_only = False

    def __init__(self, path: Path, name: str) -> None:
        """Read the file's columns; IngestError when it is broken."""
        self._path, self._name = path, name
        self._latest: Values = ()
        with Database(threads=1) as db:
            try:
                described = db.connection.execute(f"DESCRIBE SELECT * FROM {self._scan()}").fetchall()
            except duckdb.Error as error:
                raise self._broken(error) from error
        self._types = {row[0]: row[1] for row in described}
        self.columns = tuple(self._types)

    def select(self, columns: Sequence[str]) -> None:
        """Read only these columns."""
        self.columns = tuple(columns)

    def rows(self) -> Iterator[tuple[int, Values] | Reject]:
        """See Source."""
        line = 0
        with Database(threads=1) as db:
            try:
                db.connection.execute("SET preserve_insertion_order = true")
                result = db.connection.execute(f"SELECT {self._expressions()} FROM {self._scan()}")
                while batch := result.fetchmany(_BATCH):
                    for values in batch:
                        line += 1
                        self._latest = values
                        yield (
                            (line, values) if not any(type(v) is bytes for v in values) else self._decoded(line, values)
                        )
            except duckdb.Error as error:
                raise self._broken(error) from error

    def raw(self) -> str:
        """See Source."""
        cells = (f"{name}={value}" for name, value in zip(self.columns, self._latest, strict=True))
        return "; ".join(cell[:RAW_CHARS] for cell in cells)[:RAW_CHARS]

    def _decoded(self, line: int, values: Values) -> tuple[int, Values] | Reject:
        """Text columns that were written without the text mark arrive as bytes."""
        try:
            return line, [v.decode().replace("\0", "\ufffd") if type(v) is bytes else v for v in values]
        except UnicodeDecodeError:
            return Reject(line, "not_utf8", raw=self.raw())

    def _scan(self) -> str:
        return f"read_parquet({quote(str(self._path))})"

    def _expressions(self) -> str:
        return ", ".join(_as_text(column, self._types[column]) for column in self.columns)

    def _broken(self, error: duckdb.Error) -> IngestError:
        reason = str(error).splitlines()[0].replace(str(self._path), self._name)
        return IngestError(f"{self._name}: the Parquet file cannot be read ({reason}); export it again")


def _as_text(column: str, kind: str) -> str:
    quoted = '"' + column.replace('"', '""') + '"'
    if kind == "BLOB":
        return quoted
    if kind.endswith("[]"):
        return f"list_transform({quoted}::VARCHAR[], lambda x: replace(x, chr(0), chr(65533)))"
    return f"replace({quoted}::VARCHAR, chr(0), chr(65533))"
