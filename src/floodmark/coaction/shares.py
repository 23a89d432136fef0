"""Reads a table of shares (who shared what, when) from CSV or Parquet; every row is used or rejected with a reason.

CSV is RFC 4180 in UTF-8 with a header row. DuckDB reads the file when nothing is wrong with it; whatever DuckDB
refuses, and whatever has a row to reject, is read again row by row with Python's `csv`, which knows the lines. Both
give the same rows. Blank lines are no rows; empty fields beyond the header are ignored.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from floodmark.engine.duckdb import Database, quote
from floodmark.errors import EngineError, UsageError

TimeUnit = Literal["s", "ms"]
#: RFC 4180 for DuckDB, as strict as it can be: a row that does not fit is an error, never skipped.
CSV_OPTIONS: Final = (
    "header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
    "null_padding = false, strict_mode = true"
)
_OPTIONAL: Final = {"trace": "trace-column", "post_id": "post-column"}
_LOADED_AT_ONCE: Final = 100_000
_WHOLE_TYPES: Final = frozenset(
    f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")
) | {"INTEGER", "UINTEGER"}
#: Digits that an integer time may have, so that in milliseconds it stays below 2^61.
_DIGITS: Final = {"s": 15, "ms": 18}
_YEAR_MS: Final = 365.2425 * 86_400_000
#: 1990 to 2100: posts of the other unit, read in this one, fall far outside.
_SENSIBLE_MS: Final = (20 * _YEAR_MS, 130 * _YEAR_MS)
_DATE, _CLOCK = r"\d{4}-\d{2}-\d{2}", r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?"
_OFFSET: Final = r" ?(Z|UTC|[+-](0\d|1[0-4])(:?[0-5]\d)?)"


@dataclass(frozen=True)
class Columns:
    """Names of columns in the input; `time_unit` is the unit of integer times.

    `trace` is the kind of action that the object belongs to, `post` the action's own id; None where the input has none.
    """

    account: str
    object: str
    time: str
    time_unit: TimeUnit
    trace: str | None = None
    post: str | None = None

    @property
    def ids(self) -> dict[str, str]:
        """The names of the columns of text or whole numbers, by the name that they get in the view."""
        named = {"account_id": self.account, "object_id": self.object, "trace": self.trace, "post_id": self.post}
        return {column: name for column, name in named.items() if name is not None}

    @property
    def all(self) -> dict[str, str]:
        """The names of all columns, by the name that they get: the ids and `time`."""
        return {**self.ids, "time": self.time}


def load_shares(db: Database, path: Path, columns: Columns) -> None:
    """Make the temporary views shares(account_id, object_id, at_ms) and share_rejects(line, reason, field, detail).

    Where `columns` names them, `shares` has `trace` and `post_id` (NULL where empty) as well, in this order.
    `line` is the line of a CSV file on which the row begins (the header is line 1), or the row of a Parquet file (from
    1). Raises UsageError when the file or a column is missing, when the file is not what its suffix says, when the time
    column has a type without an offset, or when a text time lacks its offset.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file; name a .csv or .parquet file of shares")
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        _load_parquet(db, path, columns)
    elif suffix == ".csv":
        _load_csv(db, path, columns)
    else:
        raise UsageError(
            f"{path}: the suffix {path.suffix!r} says neither .csv nor .parquet; convert or rename the file"
        )
    _refuse_local_times(db, path, columns)
    _refuse_wrong_unit(db, path, columns)


def _load_csv(db: Database, path: Path, columns: Columns) -> None:
    header = _header(path)
    positions = {column: _position(path, header, column, name) for column, name in columns.all.items()}
    try:
        if not _has_blank_beside_quote(path):
            fields = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(header)))
            source = f"read_csv({quote(literal(path))}, columns = {{{fields}}}, {CSV_OPTIONS})"
            named = ", ".join(f"c{position} AS {column}" for column, position in positions.items())
            _judge(db, f"SELECT 0 AS line, {named} FROM {source}", columns)
            if db.one("SELECT count(*) FROM share_rejects") == (0,):
                return
    except EngineError:
        pass  # not clean CSV: the rows will say where and why
    _load_csv_strictly(db, path, columns, len(header), positions)


def _load_csv_strictly(db: Database, path: Path, columns: Columns, width: int, positions: Mapping[str, int]) -> None:
    fields = ", ".join(f"{column} VARCHAR" for column in positions)
    db.execute(f"CREATE OR REPLACE TEMP TABLE _rows (line BIGINT, {fields})")
    broken: list[tuple[int, str, str]] = []
    rows = _sound_rows(path, width, list(positions.values()), broken)
    while batch := list(islice(rows, _LOADED_AT_ONCE)):
        db.load("_rows", dict(zip(("line", *positions), zip(*batch, strict=True), strict=True)))
    ids = ", ".join(f"nullif({column}, '') AS {column}" for column in columns.ids)
    _judge(db, f"SELECT line, {ids}, time FROM _rows", columns)
    db.execute("DROP TABLE _rows")
    if broken:
        lines, reasons, details = zip(*broken, strict=True)
        db.load("_judged", {"line": lines, "reason": reasons, "detail": details})


def _sound_rows(
    path: Path, width: int, positions: list[int], broken: list[tuple[int, str, str]]
) -> Iterator[tuple[int | str, ...]]:
    """Yield the line and the fields at `positions` of each row as wide as the header; put the others into `broken`."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        next(reader)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except UnicodeDecodeError as error:
                raise _not_utf8(path, line) from error
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    raise UsageError(f"{path}: line {line} opens a quote that is never closed; close it") from error
                broken.append((line, "malformed_row", str(error)))
                continue
            if len(row) == width or (len(row) > width and not any(row[width:])):
                yield line, *(row[position] for position in positions)
            elif row:
                broken.append((line, "ragged_row", f"{len(row)} fields where the header has {width}"))


def _load_parquet(db: Database, path: Path, columns: Columns) -> None:
    source = f"read_parquet({quote(literal(path))}, file_row_number = true)"
    try:
        types = {
            str(name): str(kind)
            for name, kind, *_ in db.rows(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {source}")
        }
    except EngineError as error:
        raise UsageError(
            f"{path}: this is not a readable Parquet file ({error}); write it again or give a .csv"
        ) from error
    for column, name in columns.all.items():
        _position(path, list(types), column, name)
    for name in columns.ids.values():
        if types[name] not in {"VARCHAR", "UUID", *_WHOLE_TYPES}:
            raise UsageError(f"{path}: column `{name}` is {types[name]}; ids must be text or whole numbers")
    time = _identifier(columns.time)
    if types[columns.time] == "TIMESTAMP WITH TIME ZONE":
        # Whole milliseconds, rounded down before 1970 too; infinity becomes text and is rejected as such.
        whole = f"epoch_us({time}) - (epoch_us({time}) % 1000 + 1000) % 1000"
        time = f"CASE WHEN isfinite({time}) THEN CAST(({whole}) // 1000 AS VARCHAR) ELSE CAST({time} AS VARCHAR) END"
        columns = replace(columns, time_unit="ms")
    elif types[columns.time] not in {"VARCHAR", *_WHOLE_TYPES}:
        raise UsageError(
            f"{path}: column `{columns.time}` is {types[columns.time]}; times must be whole numbers, text with an "
            "offset from UTC, or timestamps with a time zone"
        )
    ids = ", ".join(
        f"nullif(CAST({_identifier(name)} AS VARCHAR), '') AS {column}" for column, name in columns.ids.items()
    )
    _judge(db, f"SELECT file_row_number + 1 AS line, {ids}, CAST({time} AS VARCHAR) AS time FROM {source}", columns)


def _judge(db: Database, rows_sql: str, columns: Columns) -> None:
    """Add to rows (line, the ids, time; text, NULL where empty) what is wrong with each."""
    kept = ", ".join(("account_id", "object_id", "at_ms", *_extra(columns)))
    db.execute(f"CREATE OR REPLACE TEMP TABLE _judged AS {_judged_sql(rows_sql, columns)}")
    db.execute(
        f"CREATE OR REPLACE TEMP VIEW shares AS SELECT {kept} FROM _judged WHERE reason IS NULL; "
        "CREATE OR REPLACE TEMP VIEW share_rejects AS SELECT line, reason, field, detail FROM _judged "
        "WHERE reason IS NOT NULL"
    )


def _judged_sql(rows_sql: str, columns: Columns) -> str:
    """Return the SELECT that adds to each row its time in UTC ms and the reason to reject it (NULL: none)."""
    unit = columns.time_unit
    scale = 1000 if unit == "s" else 1
    # The clock to the second is DuckDB's to parse, the fraction ours: three digits, the rest cut off.
    said = "upper(trim(time))"
    clock = f"replace(replace(regexp_replace(substr({said}, 12), '[.,]\\d+', ''), ' ', ''), 'UTC', 'Z')"
    second = f"epoch_us(TRY_CAST(left({said}, 10) || 'T' || {clock} AS TIMESTAMPTZ)) // 1000"
    fraction = f"CAST(rpad(regexp_extract({said}, '[.,](\\d{{1,3}})', 1), 3, '0') AS BIGINT)"
    return f"""
        WITH timed AS (
            SELECT *, CASE
                WHEN regexp_full_match(time, '\\d{{1,{_DIGITS[unit]}}}') THEN CAST(time AS BIGINT) * {scale}
                WHEN regexp_full_match({said}, '[+-]?0*\\d{{1,{_DIGITS[unit]}}}') THEN CAST({said} AS BIGINT) * {scale}
                WHEN regexp_full_match({said}, '{_DATE}[T ]{_CLOCK}{_OFFSET}') THEN {second} + {fraction}
            END AS at_ms
            FROM ({rows_sql})
        ),
        judged AS (
            SELECT *, CASE
                WHEN account_id IS NULL THEN 'empty_account'
                WHEN object_id IS NULL THEN 'empty_object'
                {"WHEN trace IS NULL THEN 'empty_trace'" if columns.trace else ""}
                WHEN at_ms IS NOT NULL THEN NULL
                WHEN time IS NULL OR {said} = '' THEN 'empty_time'
                WHEN regexp_full_match({said}, '[+-]?\\d+') THEN 'time_out_of_range'
                WHEN regexp_full_match({said}, '{_DATE}([T ]{_CLOCK})?') THEN 'time_without_offset'
                ELSE 'unreadable_time'
            END AS reason
            FROM timed
        )
        SELECT {", ".join(("line", "account_id", "object_id", "at_ms", *_extra(columns)))}, reason,
            CASE
                WHEN reason = 'empty_account' THEN {quote(columns.account)}
                WHEN reason = 'empty_object' THEN {quote(columns.object)}
                WHEN reason = 'empty_trace' THEN {quote(columns.trace or "")}
                WHEN reason IS NOT NULL THEN {quote(columns.time)}
            END AS field,
            CASE WHEN contains(reason, 'time') THEN left(time, 200) END AS detail
        FROM judged"""


def _extra(columns: Columns) -> list[str]:
    return [column for column in columns.ids if column not in ("account_id", "object_id")]


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _refuse_wrong_unit(db: Database, path: Path, columns: Columns) -> None:
    """Refuse times that make sense only in the other unit: they would silently hide or invent every co-action."""
    (middle,) = db.one("SELECT median(at_ms) FROM shares")
    if middle is None:
        return
    other, factor = ("ms", 1e-3) if columns.time_unit == "s" else ("s", 1e3)
    if _SENSIBLE_MS[0] <= middle * factor < _SENSIBLE_MS[1]:
        raise UsageError(
            f"{path}: column `{columns.time}`: read in {columns.time_unit} its times lie in the year"
            f" {1970 + int(middle / _YEAR_MS)}, read in {other} in {1970 + int(middle * factor / _YEAR_MS)};"
            f" add --time-unit {other}"
        )


def _refuse_local_times(db: Database, path: Path, columns: Columns) -> None:
    found = db.rows("SELECT line, detail FROM share_rejects WHERE reason = 'time_without_offset' ORDER BY line LIMIT 1")
    if found:
        line, said = found[0]
        raise UsageError(
            f"{path}: column `{columns.time}`: {said!r} in line {line} has no offset from UTC; write it with one, "
            "such as 2020-07-17T18:30:00+04:30, or as epoch seconds"
        )


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file, strict=True))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a readable file") from error
    except StopIteration:
        raise UsageError(f"{path}: the file is empty; it needs a header row and a row an action") from None
    except UnicodeDecodeError as error:
        raise _not_utf8(path, 1) from error
    except csv.Error as error:
        raise UsageError(
            f"{path}: the header row is not CSV ({error}); write column names separated by commas"
        ) from error


def _not_utf8(path: Path, line: int) -> UsageError:
    return UsageError(f"{path}: the text from line {line} on is not UTF-8; save the file as UTF-8")


def _position(path: Path, header: list[str], column: str, name: str) -> int:
    """Return the position of the column called `name`; UsageError when there is none, or more than one."""
    found = header.count(name)
    if found != 1:
        named = ", ".join(header)
        options = "--account-column, --object-column and --time-column"
        if column in _OPTIONAL:
            options = f"--{_OPTIONAL[column]}, or leave it out"
        problem = "there is no such column" if found == 0 else f"there are {found} such columns"
        raise UsageError(
            f"{path}: column `{name}`: {problem}; the file has: {named}; name the right ones with {options}"
        )
    return header.index(name)


def _has_blank_beside_quote(path: Path) -> bool:
    """Whether a blank lies beside a quote: DuckDB would take such a quote for the field's own, RFC 4180 would not."""
    with path.open("rb") as file:
        last = b""
        while block := file.read(1 << 20):
            block = last + block
            if b'"' in block and (b' "' in block or b'" ' in block):
                return True
            last = block[-1:]
    return False


def literal(path: Path) -> str:
    """Return the path with what DuckDB would take for a pattern escaped."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))
