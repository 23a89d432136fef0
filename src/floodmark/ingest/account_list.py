"""A list of accounts without posts, one profile a row, as CSV, JSON or Parquet through the mapping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from floodmark.ingest.mapping import LIST_FIELDS, check_columns, open_table
from floodmark.ingest.plans import UNSPECIFIED, list_plan, planned
from floodmark.registry import Reader, Record, Reject

if TYPE_CHECKING:
    from floodmark.config import InputSpec

_REQUIRED: Final = ("account_id",)
_OTHERS: Final = (b"text", b"status", b"delet", b"tweet", b"post_id")


def read(path: Path, spec: InputSpec) -> Iterator[Record | Reject]:
    """Yield a Record or a Reject for every row; UsageError when mapping and file do not fit."""
    mapped = check_columns(spec, tuple(LIST_FIELDS), _REQUIRED)
    with open_table(path, spec, mapped, _REQUIRED) as source:
        plan = list_plan(spec, spec.platform or UNSPECIFIED, mapped, source)
        yield from planned(source.rows(), plan, source.raw)


def _matches(_path: Path, head: bytes) -> bool:
    first = head.split(b"\n", 1)[0].lower()
    return (b"follower" in first or b"created" in first) and not any(word in first for word in _OTHERS)


READER: Final = Reader(
    name="accounts",
    title="A list of accounts",
    meaning=(
        "One account a row without posts: account_id, and where known observed_at and the columns of a profile "
        "(handle, created_at, followers, ...). In a case without posts such lists are the accounts of a side."
    ),
    platform="",
    matches=_matches,
    read=read,
    example=b"author,born,followers\nana,2019-01-01,12\nben,,\n,2019-01-01,3\n",
    example_spec={
        "path": "accounts.csv",
        "columns": {"account_id": "author", "created_at": "born", "followers": "followers"},
    },
    example_records=2,
    example_rejects=1,
)
