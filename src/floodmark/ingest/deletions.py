"""Deletions of posts, as streams announce them, as CSV, JSON or Parquet through the mapping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from floodmark.ingest.mapping import DELETION_FIELDS, check_columns, open_table
from floodmark.ingest.plans import UNSPECIFIED, deletion_plan, planned
from floodmark.registry import Reader, Record, Reject

if TYPE_CHECKING:
    from floodmark.config import InputSpec

_REQUIRED: Final = ("post_id", "account_id", "deleted_at")


def read(path: Path, spec: InputSpec) -> Iterator[Record | Reject]:
    """Yield a Record or a Reject for every row; UsageError when mapping and file do not fit."""
    mapped = check_columns(spec, tuple(DELETION_FIELDS), _REQUIRED)
    with open_table(path, spec, mapped, _REQUIRED) as source:
        plan = deletion_plan(spec, spec.platform or UNSPECIFIED, mapped, source)
        yield from planned(source.rows(), plan, source.raw)


def _matches(_path: Path, head: bytes) -> bool:
    first = head.split(b"\n", 1)[0].lower()
    return b"delet" in first and b"text" not in first


READER: Final = Reader(
    name="deletions",
    title="Deletions of posts",
    meaning=(
        "One deletion a row, as a stream saw it: post_id, account_id, deleted_at, and where known created_at. Give it "
        "the `stream` of the posts beside which it was collected. Where the post is not held and created_at is not "
        "given, ids of Twitter/X carry the time of writing."
    ),
    platform="",
    matches=_matches,
    read=read,
    example=(
        b"post,author,deleted,written\n"
        b"1,ana,2020-07-17T10:16:00Z,2020-07-17T10:15:00Z\n"
        b"2,ben,2020-07-17T10:17:00Z,\n"
        b"3,,2020-07-17T10:17:00Z,\n"
        b"4,cyd,later,\n"
    ),
    example_spec={
        "path": "deletions.csv",
        "columns": {"post_id": "post", "account_id": "author", "deleted_at": "deleted", "created_at": "written"},
    },
    example_records=2,
    example_rejects=2,
)
