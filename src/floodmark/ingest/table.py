"""Any CSV, NDJSON or Parquet table of posts, through the mapping of the case file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from floodmark.ingest.mapping import ACCOUNT_FIELDS, POST_FIELDS, check_columns, open_table
from floodmark.ingest.plans import UNSPECIFIED, one_by_one, planned_posts, post_plan
from floodmark.ingest.sources import SUFFIXES
from floodmark.registry import Reader, Record, Records, Reject

if TYPE_CHECKING:
    from floodmark.config import InputSpec

_REQUIRED: Final = ("account_id", "at", "post_id")
_FIELDS: Final = (*POST_FIELDS, *ACCOUNT_FIELDS)


def read_blocks(path: Path, spec: InputSpec) -> Iterator[Records | Record | Reject]:
    """Yield what becomes of every row; UsageError when mapping and file do not fit."""
    mapped = check_columns(spec, _FIELDS, _REQUIRED)
    with open_table(path, spec, mapped, _REQUIRED) as source:
        plan = post_plan(spec, spec.platform or UNSPECIFIED, mapped, source)
        yield from planned_posts(source, plan)


def read(path: Path, spec: InputSpec) -> Iterator[Record | Reject]:
    """Yield a Record or a Reject for every row; UsageError when mapping and file do not fit."""
    return one_by_one(read_blocks(path, spec))


READER: Final = Reader(
    name="table",
    title="Any table of posts",
    meaning=(
        "CSV, TSV, JSON, JSON lines or Parquet with one post a row, through `[input.columns]`. JSON keys may be nested "
        "(`user.id`). Posts without an id take one derived from other fields: "
        'post_id = ["account_id", "at", "text", "ordinal"]. An empty cell of a mapped free-text column is an empty '
        "text; any other empty cell is unknown."
    ),
    platform="",
    matches=lambda path, _head: path.suffix.lower() in SUFFIXES,
    read=read,
    read_blocks=read_blocks,
    example=(
        b"id,who,when,what,tags,fans,born\n"
        b'1,ana,2020-07-17T10:15:00Z,"Hello, #vote","vote",12,2019-01-01\n'
        b"2,ben,2020-07-17T14:45:30+04:30,Salam,,,\n"
        b"3,cyd,yesterday,Hi,,5,\n"
        b"1.2e+18,dov,2020-07-17T10:15:00Z,Hi,,5,\n"
        b"5,eve,2020-07-17T10:15:00Z\n"
    ),
    example_spec={
        "path": "posts.csv",
        "columns": {
            "post_id": "id",
            "account_id": "who",
            "at": "when",
            "text": "what",
            "hashtags": "tags",
            "followers": "fans",
            "created_at": "born",
        },
    },
    example_records=2,
    example_rejects=3,
)
