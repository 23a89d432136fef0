"""Status snapshots: dated looks at whether accounts exist, as CSV, NDJSON or Parquet through the mapping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from floodmark.ingest.mapping import STATUS_FIELDS, check_columns, open_table
from floodmark.ingest.plans import UNSPECIFIED, planned, status_plan
from floodmark.registry import Reader, Record, Reject

if TYPE_CHECKING:
    from floodmark.config import InputSpec


def read(path: Path, spec: InputSpec) -> Iterator[Record | Reject]:
    """Yield a Record or a Reject for every row; UsageError when mapping and file do not fit."""
    given = {"status": spec.status, "observed_at": spec.observed_at}
    required = ("account_id", *(field for field, value in given.items() if value is None))
    mapped = check_columns(spec, tuple(STATUS_FIELDS), required)
    with open_table(path, spec, mapped, required) as source:
        plan = status_plan(spec, spec.platform or UNSPECIFIED, mapped, source)
        yield from planned(source.rows(), plan, source.raw)


def _matches(_path: Path, head: bytes) -> bool:
    first = head.split(b"\n", 1)[0].lower()
    return b"status" in first and b"text" not in first and b"full_text" not in head and b"delet" not in first


READER: Final = Reader(
    name="statuses",
    title="Status snapshots",
    meaning=(
        "One look at one account a row: account_id, observed_at (a column, or one date for the file as "
        "`observed_at`), status (a column, or one for the file as `status`), and where known reason, last_post_at, and "
        "last_seen_at (an earlier look at which it was there). `values` translates the file's words. A look that "
        "returned only some of the accounts it asked for says what the others were: `unlisted`."
    ),
    platform="",
    matches=_matches,
    read=read,
    example=(
        b"user,seen,account_status\n"
        b"1,2020-08-01T00:00:00Z,exists\n"
        b"2,2020-08-01T00:00:00Z,no exists\n"
        b"3,2020-08-01T00:00:00Z,suspended\n"
        b"4,2020-08-01T00:00:00Z,on holiday\n"
    ),
    example_spec={
        "path": "statuses.csv",
        "columns": {"account_id": "user", "observed_at": "seen", "status": "account_status"},
        "values": {"exists": "active", "no exists": "not_found"},
    },
    example_records=3,
    example_rejects=1,
)
