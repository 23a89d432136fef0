"""One input file into Parquet parts, with every row counted: rows = stored + rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from floodmark.engine.duckdb import Database, quote
from floodmark.errors import EngineError, IngestError
from floodmark.ingest.features import write_features
from floodmark.ingest.merge import merge_base_tables
from floodmark.ingest.reasons import REASONS, Reason
from floodmark.ingest.sources import read_head
from floodmark.ingest.spool import Spool
from floodmark.registry import Reader, Record, Records, Reject
from floodmark.schema import ACCOUNTS, POST_DELETIONS, POSTS, REJECTS, STATUSES

if TYPE_CHECKING:
    from floodmark.config import InputSpec

__all__ = ["ingest_input", "merge_base_tables", "write_features"]

Progress = Callable[[int, int], None]
_PROGRESS_ROWS: Final = 2_000


@dataclass
class _Counts:
    """What became of the rows so far; of each kind of reject the first one is kept as an example."""

    rows: int = 0
    rejected: int = 0
    #: Rows that hold nothing but an account.
    lone_accounts: int = 0
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], Reject] = field(default_factory=dict)

    def reject(self, reject: Reject) -> None:
        """Count one reject."""
        kind = (reject.reason, reject.field)
        self.rejected += 1
        self.kinds[kind] += 1
        self.examples.setdefault(kind, reject)

    def reasons(self) -> dict[str, int]:
        """Return the number of rejects by reason."""
        found: Counter[str] = Counter()
        for (reason, _), count in self.kinds.items():
            found[reason] += count
        return dict(sorted(found.items()))


def ingest_input(
    db: Database,
    spec: InputSpec,
    file: Path,
    reader: Reader,
    folder: Path,
    max_rejected_share: float = 0.5,
    progress: Progress = lambda _done, _total: None,
) -> dict[str, object]:
    """Read one input into `folder` as posts, account_observations, statuses, post_deletions and rejects (.parquet).

    The parts have the columns of schema.py; posts have one more, `derive`, for `merge_base_tables`. Returns rows,
    stored, repeated (stored posts whose id had come before in this file), rejected and reasons (code -> rows).
    `progress` is called with bytes done and bytes in all. Memory does not grow with the file.

    Raises UsageError for a mapping that does not fit the file; IngestError when the file is missing, is not what the
    case file says, holds nothing that can be stored, or loses more than `max_rejected_share` of its rows; EngineError
    when the parts cannot be written. No part is left behind then.
    """
    read_head(file, spec.path)
    counts = _Counts()
    folder.mkdir(parents=True, exist_ok=True)
    with (
        Spool(db, POSTS.name, POSTS.columns, folder, _post_select(spec)) as posts,
        Spool(db, ACCOUNTS.name, ACCOUNTS.columns, folder) as accounts,
        Spool(db, STATUSES.name, STATUSES.columns, folder) as statuses,
        Spool(db, POST_DELETIONS.name, POST_DELETIONS.columns, folder) as deletions,
        Spool(db, REJECTS.name, REJECTS.columns, folder) as rejects,
    ):
        total, lines = file.stat().st_size, _rows_expected(db, file)
        try:
            due = _PROGRESS_ROWS
            for item in (reader.read_blocks or reader.read)(file, spec):
                if isinstance(item, Records):
                    counts.rows += len(item.lines)
                    posts.add_columns(item.post)
                    if item.account is not None:
                        accounts.add_columns(item.account)
                    line = item.lines[-1]
                else:
                    counts.rows += 1
                    line = item.line
                    if isinstance(item, Reject):
                        counts.reject(item)
                        rejects.add(_reject_row(spec, item))
                    else:
                        _add(item, posts, accounts, statuses, deletions)
                        counts.lone_accounts += item.post is None and item.status is None and item.deletion is None
                if counts.rows >= due and lines:
                    progress(min(total, total * line // lines), total)
                    due += _PROGRESS_ROWS
        except OSError as error:
            raise IngestError(
                f"{spec.path}: the file could not be read to its end ({error.strerror}); check the disk"
            ) from error
        _check(spec, counts, max_rejected_share)
        stored = posts.finish() + statuses.finish() + deletions.finish() + counts.lone_accounts
        accounts.finish()
        if rejects.finish() != counts.rejected or stored + counts.rejected != counts.rows:
            raise IngestError(
                f"{spec.path}: {counts.rows:,} rows went in, {stored:,} are stored and {counts.rejected:,} rejected; "
                "this is a fault of Floodmark, please report it"
            )
        progress(total, total)
    return {
        "rows": counts.rows,
        "stored": stored,
        "repeated": _repeated(db, folder),
        "rejected": counts.rejected,
        "reasons": counts.reasons(),
    }


def _add(record: Record, posts: Spool, accounts: Spool, statuses: Spool, deletions: Spool) -> None:
    if record.post is not None:
        posts.add(record.post)
    if record.account is not None:
        accounts.add(record.account)
    if record.status is not None:
        statuses.add(record.status)
    if record.deletion is not None:
        deletions.add(record.deletion)


def _reject_row(spec: InputSpec, reject: Reject) -> Mapping[str, object]:
    return {
        "input": spec.path,
        "line": reject.line,
        "reason": reject.reason,
        "field": reject.field or None,
        "detail": reject.detail or None,
        "raw": reject.raw,
    }


def _rows_expected(db: Database, file: Path) -> int:
    """Return how many lines (Parquet: rows) a file has, for the progress display; 0 where that says nothing."""
    with file.open("rb") as stream:
        head = stream.read(4)
        if head == b"PAR1":
            try:
                return int(db.one(f"SELECT count(*) FROM read_parquet({quote(str(file))})")[0])
            except EngineError:  # the reader will say what is wrong
                return 0
        if head[:1] == b"[":
            return 0
        stream.seek(0)
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))


def _post_select(spec: InputSpec) -> str:
    """Return the expressions of a part's columns: those of schema.py and `derive`.

    Where the mapping derives ids, posts get one from a hash of the named fields. With `ordinal` among them it depends
    on the other posts of the stream, so that `derive` holds the hash for `merge_base_tables`.
    """
    fields = spec.columns.get("post_id", "")
    if isinstance(fields, str):
        return "*, NULL::VARCHAR AS derive"
    columns = [{"at": "at_ms", "observed_at": "observed_at_ms"}.get(name, name) for name in fields if name != "ordinal"]
    # NULL and empty are told apart; the names keep ids of different recipes apart.
    values = (f"coalesce({column}::VARCHAR, chr(30))" for column in columns)
    key = f"md5(CAST(to_json([{quote(' '.join(fields))}, {', '.join(values)}]) AS VARCHAR))"
    if "ordinal" in fields:
        return f"*, {key} AS derive"
    return f"* REPLACE (split_part(account_id, ':', 1) || ':d-' || left({key}, 20) AS post_id), NULL::VARCHAR AS derive"


def _repeated(db: Database, folder: Path) -> int:
    path = quote(str(folder / "posts.parquet"))
    return int(db.one(f"SELECT count(post_id) - count(DISTINCT post_id) FROM read_parquet({path})")[0])


def _check(spec: InputSpec, counts: _Counts, max_rejected_share: float) -> None:
    """Refuse an input that is empty or mostly rejected, with the reason that most rows share."""
    if not counts.rows:
        raise IngestError(f"{spec.path}: the file holds no rows; export it again or remove this input")
    if counts.rejected < counts.rows and counts.rejected <= max_rejected_share * counts.rows:
        return
    (code, name), count = min(counts.kinds.items(), key=lambda item: (-item[1], item[0]))
    example, reason = counts.examples[code, name], REASONS.get(code, Reason(f"are refused ({code})", "see `rejects`"))
    column = spec.columns.get(name)
    where = f"field `{name}`" + (f" (column `{column}`)" if isinstance(column, str) else "") + ": " if name else ""
    found = (
        f", for example {example.detail!r} on line {example.line:,}"
        if example.detail
        else f", first on line {example.line:,}"
    )
    raise IngestError(f"{spec.path}: {where}{count:,} of {counts.rows:,} rows {reason.says}{found}; {reason.fix}")
