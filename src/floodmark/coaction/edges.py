"""`floodmark edges`: from a file of shares to a file of edges, without a case."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from floodmark.coaction.shares import CSV_OPTIONS, Columns, TimeUnit, literal, load_shares
from floodmark.coaction.table import EncodedActions, encode
from floodmark.engine.duckdb import Database, quote
from floodmark.errors import UsageError
from floodmark.schema import EDGES

_COLUMNS: Final = {
    column.name: column.type for column in EDGES.columns if column.name not in ("scope", "trace", "window_ms")
}
_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_REJECTS: Final = "SELECT line, reason, field, detail FROM share_rejects ORDER BY ALL"
_REASONS: Final = "SELECT reason, count(*) FROM share_rejects GROUP BY reason ORDER BY count(*) DESC, reason"


@dataclass(frozen=True)
class EdgeSummary:
    """What `run_edges` did: rows = used + rejected; `coactions` sums over the edges written."""

    rows: int
    used: int
    rejected: int
    reasons: Mapping[str, int]
    accounts: int
    objects: int
    edges: int
    coactions: int
    out: Path
    rejects: Path | None

    def __str__(self) -> str:
        """Return the summary in words."""
        text = (
            f"{self.rows} rows, {self.used} used, {self.rejected} rejected; "
            f"{self.accounts} accounts, {self.objects} objects; "
            f"{self.edges} edges with {self.coactions} co-actions in {self.out}"
        )
        if self.rejects:
            reasons = ", ".join(f"{reason} {count}" for reason, count in self.reasons.items())
            text += f"; rejected rows ({reasons}) in {self.rejects}"
        return text


def parse_window(text: str, option: str = "--window") -> int:
    """Return a window in milliseconds from a whole number with a unit: ms, s, m, h or d.

    UsageError, naming `option`, otherwise.

    >>> parse_window("60s"), parse_window("5m"), parse_window("0s")
    (60000, 300000, 0)
    """
    found = re.fullmatch(r"([0-9]{1,12})(ms|s|m|h|d)", text.strip())
    if not found:
        raise UsageError(
            f"{option}: {text!r} is not a length of time; write a whole number with ms, s, m, h or d, such as 60s"
        )
    return int(found[1]) * _UNITS_MS[found[2]]


def run_edges(
    shares: Path,
    *,
    window_ms: int,
    out: Path,
    min_objects: int = 1,
    account_column: str = "account_id",
    object_column: str = "object_id",
    time_column: str = "timestamp_share",
    time_unit: TimeUnit = "s",
    threads: int | None = None,
) -> EdgeSummary:
    """Write the edges of the actions in `shares` (.csv or .parquet) to `out` (.csv or .parquet).

    The definition is `sql/coactions.sql`. `out` has the columns account_a, account_b, coactions, objects, a_first and
    b_first, sorted by the bytes of (account_a, account_b): the same bytes whatever the order of the input's rows and
    the number of `threads`. Ids stay text as they are written. Integer times are epoch `time_unit`; ISO 8601 times with
    an offset are read too. Rows that cannot be used are counted by reason and listed in `<out>.rejects.csv`. Files are
    replaced whole or left as they were. Raises UsageError when there is nothing to work on or nowhere to write.
    """
    columns = Columns(account_column, object_column, time_column, time_unit)
    rejects = out.with_name(f"{out.name}.rejects.csv")
    _check(shares, out, rejects, min_objects)
    with ThreadPoolExecutor(1) as pool, _replacing(out, rejects) as (new_out, new_rejects):
        kernel_is_loaded = pool.submit(_load_kernel)
        with Database(threads=threads) as db:
            load_shares(db, shares, columns)
            reasons = write_rejects(db, new_rejects)
            actions = encode(db, "shares")
            if not len(actions.at_ms):
                raise nothing_usable(db, shares, sum(reasons.values()))
        kernel_is_loaded.result()
        edges, coactions = _write_edges(actions, window_ms, min_objects, new_out, out.suffix.lower(), threads)
    if not reasons:
        rejects.unlink(missing_ok=True)  # of an earlier run
    used, rejected = len(actions.at_ms), sum(reasons.values())
    return EdgeSummary(
        rows=used + rejected,
        used=used,
        rejected=rejected,
        reasons=reasons,
        accounts=len(actions.accounts),
        objects=actions.n_objects,
        edges=edges,
        coactions=coactions,
        out=out,
        rejects=rejects if reasons else None,
    )


def _load_kernel() -> None:
    """Import Numba and load the compiled code (Python's work, 0.4 s) while DuckDB reads (its own threads' work)."""
    from floodmark.coaction import kernel, lines

    edge = kernel.edges(np.array([0, 1]), np.array([0, 0]), np.array([0, 0]), n_accounts=2, window_ms=0)
    lines.csv_lines(edge, *lines.names_as_fields(["a", "b"]))


def _check(shares: Path, out: Path, rejects: Path, min_objects: int) -> None:
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"{out}: the suffix {out.suffix!r} says neither .csv nor .parquet; name the output so")
    if not out.parent.is_dir():
        raise UsageError(f"{out}: there is no folder {out.parent}; create it or name another")
    if out.is_dir():
        raise UsageError(f"{out}: this is a folder; name a file")
    for written in (out, rejects):
        if written.exists() and shares.exists() and written.samefile(shares):
            raise UsageError(f"{written}: the output would replace the input; name another file with --out")
    if min_objects < 1:
        raise UsageError(f"--min-objects: {min_objects} is below 1; give a whole number from 1")


def write_rejects(db: Database, path: Path) -> dict[str, int]:
    """Write the rows that `load_shares` rejected to `path`, if there are any; return how many by reason."""
    reasons = {str(reason): int(count) for reason, count in db.rows(_REASONS)}
    if reasons:
        _copy(db, _REJECTS, path, "csv, HEADER")
    return reasons


def nothing_usable(db: Database, shares: Path, rejected: int) -> UsageError:
    """Return the error that says why no row of `shares` is left, after `load_shares`."""
    if not rejected:
        return UsageError(f"{shares}: there is a header but no row; give a file with a row an action")
    line, reason, field, detail = db.one(f"{_REJECTS} LIMIT 1")
    column = f", column `{field}`" if field else ""
    return UsageError(
        f"{shares}: none of the {rejected} rows can be used; the first, in line {line}{column}: "
        f"{reason} {detail or ''!r}; times must be whole epoch seconds (or --time-unit ms) or ISO 8601 with an offset, "
        "and ids must not be empty"
    )


def _write_edges(
    actions: EncodedActions, window_ms: int, min_objects: int, out: Path, suffix: str, threads: int | None
) -> tuple[int, int]:
    """Write the edges to `out` as CSV or, by `suffix`, Parquet; return how many edges and co-actions there are."""
    from floodmark.coaction import kernel, lines

    fields, starts = lines.names_as_fields(actions.accounts.tolist())
    ordered = kernel.sort_actions(
        actions.account_index, actions.object_index, actions.at_ms, len(actions.accounts), window_ms
    )

    def as_text(edges: kernel.EdgeArrays) -> tuple[memoryview, int, int]:
        return lines.csv_lines(edges, fields, starts), len(edges), int(edges.coactions.sum())

    n_edges = n_coactions = 0
    with out.open("wb") as file:
        file.write(f"{','.join(_COLUMNS)}\n".encode())
        for text, edges, coactions in kernel.edge_blocks(ordered, min_objects, as_text, threads):
            file.write(text)
            n_edges += edges
            n_coactions += coactions
    if suffix == ".parquet":
        _csv_to_parquet(out)
    return n_edges, n_coactions


def _csv_to_parquet(path: Path) -> None:
    """Turn the CSV of edges at `path` into Parquet, as a stream: no table of edges is ever held in memory.

    One thread, because how rows fall into row groups, and so the file's bytes, would depend on the threads.
    """
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _COLUMNS.items())
    with Database(threads=1) as db, _replacing(path) as (parquet,):
        db.execute("SET preserve_insertion_order = true")
        source = f"read_csv({quote(literal(path))}, columns = {{{columns}}}, {CSV_OPTIONS})"
        _copy(db, f"SELECT * FROM {source}", parquet, "parquet, COMPRESSION zstd")


def _copy(db: Database, sql: str, path: Path, form: str) -> None:
    db.execute(f"COPY ({sql}) TO {quote(str(path))} (FORMAT {form})")


@contextmanager
def _replacing(*paths: Path) -> Iterator[list[Path]]:
    """Yield a path beside each of `paths` to write to; what is written takes its place, unless something fails."""
    new = [path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in paths]
    try:
        yield new
        for written, path in zip(new, paths, strict=True):
            if written.exists():
                written.replace(path)
    except OSError as error:
        reason = f"cannot be written ({error.strerror}); free the place or name another file"
        raise UsageError(f"{paths[0]}: {reason}") from error
    finally:
        for written in new:
            written.unlink(missing_ok=True)
