"""CSV exports: one kind that machines read back exactly, one that a spreadsheet opens without running anything.

The machine kind follows RFC 4180 (comma, CRLF, doubled quotes, UTF-8). The spreadsheet kind adds a byte-order mark, so
that Excel reads UTF-8, and an apostrophe before every cell that a spreadsheet would take for a formula; it is for
looking at, not for reading back.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import duckdb

from floodmark.engine.duckdb import Database, quote
from floodmark.errors import EngineError, EvidenceError

_JSON: Final = ("value", "low", "high", "level", "evidence", "limits", "alternatives", "details")
COLUMNS: Final = (
    "id",
    "measure",
    "subject",
    "claim",
    "value",
    "unit",
    "low",
    "high",
    "level",
    "state",
    "method",
    "evidence",
    "limits",
    "confidence",
    "alternatives",
    "details",
)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# Full-width signs count as their ASCII twins in some spreadsheets; blanks before a sign are dropped by others.
_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA: Final = re.compile(rf"[\t\r\n]|[\s\u200b\ufeff\"]*[{_SIGNS}]")
# A sign after what some locales take for a separator starts a cell of its own there.
_INNER: Final = re.compile(rf"([;\t\r\n][\s\"']*)(?=[{_SIGNS}])")
_CHUNK_ROWS: Final = 10_000


def write_findings_csv(path: Path, findings: Sequence[Mapping[str, object]]) -> None:
    """Write findings (objects of findings.json) for machines; `read_findings_csv` gives back the same objects.

    Text stays text; numbers, lists and objects are JSON in their cell (`null` where there is none).
    """
    with _replacing(path) as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for finding in findings:
            writer.writerow(_json(finding[name]) if name in _JSON else finding[name] for name in COLUMNS)


def read_findings_csv(path: Path) -> list[dict[str, object]]:
    """Read what `write_findings_csv` wrote; EvidenceError when the file is something else."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise EvidenceError(f"{path.name}: the first line is not that of a findings export; export it again")
        try:
            return [{name: json.loads(row[name]) if name in _JSON else row[name] for name in COLUMNS} for row in rows]
        except (json.JSONDecodeError, TypeError) as error:
            raise EvidenceError(f"{path.name}: line {rows.line_num} is damaged; export it again") from error


def write_findings_spreadsheet_csv(path: Path, findings: Sequence[Mapping[str, object]]) -> None:
    """Write findings for a spreadsheet: no details, lists joined, every cell harmless."""
    names = tuple(name for name in COLUMNS if name not in {"evidence", "details"})
    evidence = ("evidence_rule", "evidence_rows", "evidence_tables")
    _write_safe(path, (*names, *evidence), ([*_flat(finding, names), *_evidence(finding)] for finding in findings))


def write_table_csv(db: Database, table: str, path: Path, *, spreadsheet_safe: bool = False) -> None:
    """Write a table or view of `db`, all rows in the order of all columns.

    Lists become JSON. For machines NULL is an empty cell and empty text `""`; DuckDB's CSV reader tells them apart
    (with `allow_quoted_nulls = false`). Raises EngineError when there is no such table.
    """
    types = {name: str(kind) for name, kind, *_ in db.rows(f"DESCRIBE {_identifier(table)}")}
    cells = (f"to_json({_identifier(n)})" if kind.endswith("]") else _identifier(n) for n, kind in types.items())
    named = ", ".join(f"{cell} AS {_identifier(name)}" for cell, name in zip(cells, types, strict=True))
    select = f"SELECT {named} FROM {_identifier(table)} ORDER BY ALL"
    if spreadsheet_safe:
        _write_safe(path, tuple(types), _stream(db, select))
        return
    temporary = _temporary(path)
    db.execute(f"COPY ({select}) TO {quote(str(temporary))} (FORMAT csv, HEADER, NEW_LINE '\\r\\n')")
    os.replace(temporary, path)  # noqa: PTH105


def harmless(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula; numbers, also as text, stay as they are.

    >>> harmless("=1+1"), harmless("-12.5"), harmless("a;=1+1"), harmless(-3)
    ("'=1+1", '-12.5', "a;'=1+1", -3)
    """
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell):
        return cell
    safe = _INNER.sub(r"\1'", cell)
    return f"'{safe}" if _FORMULA.match(safe) else safe


def _write_safe(path: Path, names: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    with _replacing(path, "utf-8-sig") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(harmless(name) for name in names)
        writer.writerows([harmless(_word(cell)) for cell in row] for row in rows)


def _flat(finding: Mapping[str, object], names: Sequence[str]) -> list[object]:
    values = (finding[name] for name in names)
    return [" | ".join(str(v) for v in value) if isinstance(value, list | tuple) else value for value in values]


def _evidence(finding: Mapping[str, Any]) -> list[object]:
    evidence = finding["evidence"]
    return [evidence["rule"], evidence["rows"], " | ".join(evidence["tables"])]


def _stream(db: Database, select: str) -> Iterator[tuple[Any, ...]]:
    try:
        cursor = db.connection.execute(select)
        while rows := cursor.fetchmany(_CHUNK_ROWS):
            yield from rows
    except duckdb.Error as error:
        raise EngineError(str(error).splitlines()[0]) from error


def _word(cell: object) -> object:
    return "" if cell is None else str(cell).lower() if isinstance(cell, bool) else cell


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


@contextmanager
def _replacing(path: Path, encoding: str = "utf-8") -> Iterator[IO[str]]:
    """Open a file beside `path` that takes its place once all is written."""
    temporary = _temporary(path)
    with temporary.open("w", encoding=encoding, newline="") as stream:
        yield stream
    os.replace(temporary, path)  # noqa: PTH105
