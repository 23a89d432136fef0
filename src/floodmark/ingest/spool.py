"""Rows to a Parquet file with bounded memory: JSON lines on disk, turned into Parquet by DuckDB chunk by chunk.

A line holds rows that follow each other as columns, which is written and read faster than one line a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import orjson

from floodmark.engine.duckdb import Database, quote
from floodmark.errors import EngineError
from floodmark.schema import Column

CHUNK_ROWS: Final = 1_000_000
CHUNK_BYTES: Final = 512 * 2**20


class Spool:
    """Collects rows of one table and writes `folder/NAME.parquet` in the end. Use it as a context manager."""

    def __init__(self, db: Database, name: str, columns: tuple[Column, ...], folder: Path, select: str = "*") -> None:
        """Write rows with `columns`; `select` are the SQL expressions that make the file's columns out of them."""
        self._db, self._select = db, select
        self.path = folder / f"{name}.parquet"
        self._lines = folder / f".{name}.jsonl"
        self._chunks: list[Path] = []
        types = ", ".join(f"{quote(column.name)}: {quote(column.type + '[]')}" for column in columns)
        self._rows_of_lines = ", ".join(f"unnest({column.name}) AS {column.name}" for column in columns)
        self._types = "{" + types + "}"
        self._file: IO[bytes] | None = None
        self._rows = self._bytes = self._longest = 0

    def __enter__(self) -> Spool:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what is temporary, and the result too when something went wrong."""
        if self._file is not None:
            with suppress(OSError):  # a full disk is told of already, and the file goes
                self._file.close()
        for path in (self._lines, *self._chunks, *((self.path,) if error is not None else ())):
            path.unlink(missing_ok=True)

    def add(self, row: Mapping[str, object]) -> None:
        """Append a row: JSON values by column name; a column that is left out is NULL. EngineError on a full disk."""
        self.add_columns({name: (value,) for name, value in row.items()})

    def add_columns(self, columns: Mapping[str, Sequence[object]]) -> None:
        """Append rows as columns of one length; a column that is left out is NULL. EngineError on a full disk."""
        line = orjson.dumps(columns, option=orjson.OPT_APPEND_NEWLINE)
        size = len(line)
        self._rows += len(next(iter(columns.values())))
        self._bytes += size
        self._longest = max(self._longest, size)
        try:
            if self._file is None:
                self._file = self._lines.open("wb")
            self._file.write(line)
        except OSError as error:
            raise self._full(error) from error
        if self._rows >= CHUNK_ROWS or self._bytes >= CHUNK_BYTES:
            self._flush()

    def finish(self) -> int:
        """Write the Parquet file and return how many rows it holds."""
        if self._rows or not self._chunks:
            self._flush()
        if len(self._chunks) == 1:
            self._chunks.pop().replace(self.path)
        else:
            files = ", ".join(quote(str(chunk)) for chunk in self._chunks)
            self._copy(f"SELECT * FROM read_parquet([{files}])", self.path)
        return int(self._db.one(f"SELECT count(*) FROM read_parquet({quote(str(self.path))})")[0])

    def _flush(self) -> None:
        try:
            if self._file is None:
                self._file = self._lines.open("wb")
            self._file.close()
            self._file = None
        except OSError as error:
            raise self._full(error) from error
        chunk = self.path.with_name(f".{self.path.stem}-{len(self._chunks):05d}.parquet")
        self._chunks.append(chunk)
        # DuckDB sets aside twice the longest object per thread.
        longest = max(self._longest, 1 << 20)
        source = (
            f"read_json({quote(str(self._lines))}, format = 'newline_delimited', columns = {self._types}, "
            f"maximum_object_size = {longest}, compression = 'uncompressed')"
        )
        self._copy(f"SELECT {self._select} FROM (SELECT {self._rows_of_lines} FROM {source})", chunk)
        self._rows = self._bytes = self._longest = 0

    def _copy(self, sql: str, path: Path) -> None:
        self._db.execute(f"COPY ({sql}) TO {quote(str(path))} (FORMAT parquet, COMPRESSION zstd)")

    def _full(self, error: OSError) -> EngineError:
        return EngineError(f"{self.path.parent}: cannot be written ({error.strerror}); free disk space or check rights")
