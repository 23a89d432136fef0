"""The mapping of a case file ([input.columns]): which fields there are, and whether the file can fill them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from floodmark.errors import UsageError
from floodmark.ingest.csv_source import CsvSource
from floodmark.ingest.json_source import JsonObjects, JsonSource, has_key, keys_of
from floodmark.ingest.parquet_source import ParquetSource
from floodmark.ingest.sources import Source, kind_of

if TYPE_CHECKING:
    from floodmark.config import InputSpec

#: Fields of a mapping and their kind. The field is the column of schema.py, without the unit where there is one.
POST_FIELDS: Final = MappingProxyType(
    {
        "post_id": "own_id",
        "account_id": "id",
        "at": "time",
        "text": "text",
        "language": "word",
        "client": "word",
        "is_repost": "boolean",
        "reposted_post_id": "id",
        "reposted_account_id": "id",
        "replied_post_id": "id",
        "replied_account_id": "id",
        "quoted_post_id": "id",
        "hashtags": "hashtags",
        "urls": "urls",
        "mentions": "mentions",
        "impressions": "count",
        "observed_at": "time",
    }
)
ACCOUNT_FIELDS: Final = MappingProxyType(
    {
        "handle": "handle",
        "display_name": "text",
        "created_at": "date",
        "followers": "count",
        "following": "count",
        "posts_total": "count",
        "previous_post_at": "time",
        "location": "text",
        "description": "text",
        "account_language": "word",
        "default_picture": "boolean",
        "picture": "word",
        "verified": "boolean",
        "protected": "boolean",
    }
)
STATUS_FIELDS: Final = MappingProxyType(
    {
        "account_id": "id",
        "observed_at": "time",
        "status": "status",
        "reason": "word",
        "last_post_at": "time",
        "last_seen_at": "time",
    }
)
DELETION_FIELDS: Final = MappingProxyType(
    {"post_id": "own_id", "account_id": "id", "deleted_at": "time", "created_at": "time"}
)
LIST_FIELDS: Final = MappingProxyType({"account_id": "id", "observed_at": "time", **ACCOUNT_FIELDS})
#: Fields from which an id may be derived when posts come without one.
DERIVABLE: Final = (*(field for field in POST_FIELDS if field != "post_id"), "ordinal")


def check_columns(spec: InputSpec, fields: Sequence[str], required: Sequence[str]) -> dict[str, str]:
    """Return field -> the file's column; UsageError for an unknown, missing or ill-formed field of the mapping."""
    mapped: dict[str, str] = {}
    for field, column in spec.columns.items():
        if field not in fields:
            near = get_close_matches(field, fields, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else f"; the fields are {', '.join(fields)}"
            raise UsageError(f"{spec.path}: field `columns.{field}` is not a field of Floodmark{hint}")
        if isinstance(column, str):
            mapped[field] = column
        elif field != "post_id":
            raise UsageError(f"{spec.path}: field `columns.{field}` must name one column of the file, not a list")
        elif unknown := [part for part in column if part not in DERIVABLE]:
            raise UsageError(
                f"{spec.path}: field `columns.post_id`: an id cannot be derived from {unknown[0]!r}; "
                f"use any of {', '.join(DERIVABLE)}"
            )
    for field in required:
        if field not in spec.columns:
            raise UsageError(
                f"{spec.path}: field `columns.{field}` is missing; name the column of the file that holds it"
                + (
                    ', or derive the id: post_id = ["account_id", "at", "text", "ordinal"]'
                    if field == "post_id"
                    else ""
                )
            )
    return mapped


def check_present(spec: InputSpec, mapped: Mapping[str, str], columns: Sequence[str]) -> None:
    """Raise UsageError when the file lacks a mapped column, or has it twice."""
    for field, column in mapped.items():
        if column not in columns:
            near = get_close_matches(column, columns, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            listed = ", ".join(columns[:40]) + (", ..." if len(columns) > 40 else "")
            one = f" (is the delimiter {spec.delimiter!r}? set `delimiter`)" if len(columns) == 1 else ""
            raise UsageError(
                f"{spec.path}: field `columns.{field}`: the file has no column {column!r}; {hint}it has: {listed}{one}"
            )
        if columns.count(column) > 1:
            raise UsageError(
                f"{spec.path}: field `columns.{field}`: the file has several columns {column!r}; rename all but one"
            )


@contextmanager
def open_table(path: Path, spec: InputSpec, mapped: Mapping[str, str], required: Collection[str]) -> Iterator[Source]:
    """Open a CSV, JSON or Parquet file as rows that have the mapped columns.

    Raises IngestError when the file is not what its suffix says, UsageError when it lacks a mapped column. JSON objects
    may leave keys out: an optional key is only missed when no object of a file with up to 1,000 has it.
    """
    kind = kind_of(path, spec.path)
    if kind == "csv":
        tab = path.suffix.lower() == ".tsv" and spec.delimiter == ","
        with path.open("rb") as file:
            source = CsvSource(file, spec.path, "\t" if tab else spec.delimiter)
            check_present(spec, mapped, source.columns)
            yield source
    elif kind == "parquet":
        parquet = ParquetSource(path, spec.path)
        check_present(spec, mapped, parquet.columns)
        parquet.select(list(dict.fromkeys(mapped.values())))
        yield parquet
    else:
        objects = JsonObjects(path, spec.path)
        sample, complete = objects.sample()
        wanted = {field: column for field, column in mapped.items() if complete or field in required}
        present = [column for column in wanted.values() if any(has_key(item, column) for item in sample)]
        if sample:
            check_present(spec, wanted, list(dict.fromkeys((*present, *keys_of(sample)))))
        yield JsonSource(objects, list(dict.fromkeys(mapped.values())))
