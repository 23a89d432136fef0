"""A mapping compiled into a plan: how the values of one row become a Record, or which field keeps them from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from floodmark.config import to_ms
from floodmark.errors import UsageError
from floodmark.ingest.csv_source import Block, CsvSource, raw_row
from floodmark.ingest.mapping import ACCOUNT_FIELDS, DELETION_FIELDS, LIST_FIELDS, POST_FIELDS, STATUS_FIELDS
from floodmark.ingest.reasons import FieldProblem, shown
from floodmark.ingest.sources import Source, Values
from floodmark.ingest.times import Parse, time_parser
from floodmark.ingest.values import (
    Convert,
    remembering,
    to_boolean,
    to_count,
    to_handle,
    to_id,
    to_list,
    to_text,
    to_word,
)
from floodmark.registry import Columns, Record, Records, Reject, Row
from floodmark.schema import ACCOUNTS, POST_DELETIONS, POSTS, STATUS_VALUES, STATUSES

if TYPE_CHECKING:
    from floodmark.config import InputSpec

#: Namespace of ids where neither the input nor the case names a platform.
UNSPECIFIED: Final = "unspecified"

_COLUMN_NAMES: Final = MappingProxyType(
    {
        "at": "at_ms",
        "observed_at": "observed_at_ms",
        "created_at": "created_at_ms",
        "previous_post_at": "previous_post_at_ms",
        "last_post_at": "last_post_at_ms",
        "last_seen_at": "last_seen_at_ms",
        "deleted_at": "deleted_at_ms",
        "account_language": "language",
    }
)

# Kinds of which few cells fill most rows. Times remember for themselves, and free texts are stored as they are.
_REPEATING: Final = ("id", "word", "handle", "count", "boolean", "hashtags", "urls", "mentions")

T = TypeVar("T")
Step = tuple[str, str, int, Convert]  # field, column of the schema, place among the values, converter


def observed_constant(spec: InputSpec) -> int | None:
    """Return the case file's `observed_at` in UTC milliseconds; UsageError when it needs a zone."""
    if spec.observed_at is None:
        return None
    if spec.observed_at.tzinfo is None and spec.zone is None:
        raise UsageError(f"{spec.path}: field `observed_at` has no offset; write one, as in 2020-08-01T00:00:00Z")
    return to_ms(spec.observed_at, spec.zone or "UTC")


class Converters:
    """The converters of one input, by kind of field."""

    def __init__(self, spec: InputSpec, platform: str, *, text_only: bool = False) -> None:
        """Make them for any values, or for such as are all text; UsageError for an unusable time format."""
        boolean = to_boolean(spec.values)
        self.at: Parse = time_parser(spec)
        # The declared resolution is that of the posts' clock only.
        other = spec.model_copy(update={"resolution": None})
        self.moment: Parse = time_parser(other)
        self.created: Parse = time_parser(other, allow_date=True)
        self._by_kind: dict[str, Convert] = {
            "own_id": to_id(platform),
            "id": to_id(platform),
            "text": to_text,
            "word": to_word,
            "handle": to_handle,
            "count": to_count,
            "boolean": boolean,
            "hashtags": to_list(spec.list_separator, "#＃"),
            "urls": to_list(spec.list_separator),
            "mentions": to_list(spec.list_separator, "@"),
            "time": self.optional_ms,
        }
        if text_only:
            self._by_kind |= {kind: remembering(self._by_kind[kind]) for kind in _REPEATING}

    def optional_ms(self, value: object) -> int | None:
        """Return UTC milliseconds, or None for an empty cell."""
        return None if value is None or value == "" else self.moment(value)[0]

    def get(self, kind: str) -> Convert:
        """Return the converter of a kind."""
        return self._by_kind[kind]


@dataclass(frozen=True)
class PostPlan:
    """How one row of values becomes a Record with a post and, where account fields are mapped, an observation."""

    stream: str
    at: int
    parse_at: Parse
    created: int | None
    parse_created: Parse
    steps: tuple[Step, ...]
    account_steps: tuple[Step, ...]
    observed_ms: int | None
    needs_post_id: bool

    def record(self, line: int, values: Values) -> Record:
        """Return the Record; FieldProblem when a value cannot be stored."""
        post: Row = dict.fromkeys(POSTS.names)
        post["stream"] = self.stream
        post["observed_at_ms"] = self.observed_ms
        try:
            post["at_ms"], post["at_resolution_ms"] = self.parse_at(values[self.at])
        except FieldProblem as problem:
            problem.field = "at"
            raise
        _fill(post, self.steps, values)
        if post["account_id"] is None:
            raise FieldProblem("missing", field="account_id")
        if self.needs_post_id and post["post_id"] is None:
            raise FieldProblem("missing", field="post_id")
        if self.created is None and not self.account_steps:
            return Record(line, post)
        account: Row = dict.fromkeys(ACCOUNTS.names)
        account["account_id"] = post["account_id"]
        account["observed_at_ms"] = post["at_ms"] if post["observed_at_ms"] is None else post["observed_at_ms"]
        _fill(account, self.account_steps, values)
        if self.created is not None and values[self.created] not in (None, ""):
            try:
                account["created_at_ms"], account["created_resolution_ms"] = self.parse_created(values[self.created])
            except FieldProblem as problem:
                problem.field = "created_at"
                raise
        return Record(line, post, account)

    def records(self, block: Block) -> Records:
        """Return what `record` makes of every row, column by column, which is faster.

        Where any row has a FieldProblem this raises one too, but of no particular row or field.
        """
        count, cells = len(block.rows), list(zip(*block.rows, strict=True))
        at_ms, resolution_ms = zip(*map(self.parse_at, cells[self.at]), strict=True)
        post: Columns = {"stream": [self.stream] * count, "at_ms": at_ms, "at_resolution_ms": resolution_ms}
        post |= _columns(self.steps, cells)
        if self.observed_ms is not None and "observed_at_ms" not in post:
            post["observed_at_ms"] = [self.observed_ms] * count
        if None in post["account_id"] or (self.needs_post_id and None in post["post_id"]):
            raise FieldProblem("missing")
        if self.created is None and not self.account_steps:
            return Records(block.lines, post, None)
        observed = zip(post.get("observed_at_ms", [None] * count), at_ms, strict=True)
        account: Columns = {
            "account_id": post["account_id"],
            "observed_at_ms": [posted if seen is None else seen for seen, posted in observed],
        }
        account |= _columns(self.account_steps, cells)
        if self.created is not None:
            created = [(None, None) if cell in (None, "") else self.parse_created(cell) for cell in cells[self.created]]
            account["created_at_ms"], account["created_resolution_ms"] = zip(*created, strict=True)
        return Records(block.lines, post, account)


def _columns(steps: tuple[Step, ...], cells: Sequence[Sequence[object]]) -> Columns:
    return {column: list(map(convert, cells[place])) for _, column, place, convert in steps}


def _fill(row: Row, steps: tuple[Step, ...], values: Values) -> None:
    field = ""
    try:
        for field, column, place, convert in steps:  # noqa: B007 - `field` is read below
            row[column] = convert(values[place])
    except FieldProblem as problem:
        problem.field = field
        raise


def post_plan(spec: InputSpec, platform: str, mapped: Mapping[str, str], source: Source) -> PostPlan:
    """Compile a mapping of posts for the values of `source`."""
    convert = Converters(spec, platform, text_only=source.text_only)
    place = {field: source.columns.index(column) for field, column in mapped.items()}

    def steps(fields: Mapping[str, str], skip: str) -> tuple[Step, ...]:
        return tuple(
            (field, _COLUMN_NAMES.get(field, field), place[field], convert.get(kind))
            for field, kind in fields.items()
            if field in place and field != skip
        )

    return PostPlan(
        stream=spec.stream,
        at=place["at"],
        parse_at=convert.at,
        created=place.get("created_at"),
        parse_created=convert.created,
        steps=steps(POST_FIELDS, "at"),
        account_steps=steps(ACCOUNT_FIELDS, "created_at"),
        observed_ms=observed_constant(spec),
        needs_post_id="post_id" in mapped,
    )


RowPlan = Callable[[int, T], Record]


def planned(
    items: Iterable[tuple[int, T] | Reject], plan: RowPlan[T], raw: Callable[[], str]
) -> Iterator[Record | Reject]:
    """Yield what a plan makes of every row of a source; `raw` returns the latest row as it was read."""
    for item in items:
        if isinstance(item, Reject):
            yield item
        else:
            yield _planned(*item, plan, raw)


def _planned(line: int, values: T, plan: RowPlan[T], raw: Callable[[], str]) -> Record | Reject:
    try:
        return plan(line, values)
    except FieldProblem as problem:
        return Reject(line, problem.reason, problem.field, problem.detail, raw())


def planned_posts(source: Source, plan: PostPlan) -> Iterator[Records | Record | Reject]:
    """Yield what a plan makes of the rows of a source: of a CSV file block by block, otherwise row by row."""
    if not isinstance(source, CsvSource):
        yield from planned(source.rows(), plan.record, source.raw)
        return
    for block in source.blocks():
        if isinstance(block, Reject):
            yield block
            continue
        try:
            yield plan.records(block)
        except FieldProblem:  # row by row, to learn which
            for line, values, raw in zip(block.lines, block.rows, block.raws, strict=True):
                yield _planned(line, values, plan.record, partial(raw_row, raw))


def one_by_one(items: Iterable[Records | Record | Reject]) -> Iterator[Record | Reject]:
    """Yield Records as so many Records of one row."""
    for item in items:
        if not isinstance(item, Records):
            yield item
            continue
        posts = _rows(POSTS.names, item.post)
        accounts = repeat(None) if item.account is None else _rows(ACCOUNTS.names, item.account)
        yield from map(Record, item.lines, posts, accounts)


def _rows(names: Sequence[str], columns: Columns) -> Iterator[Row]:
    unknown: Row = dict.fromkeys(names)
    return (unknown | dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


def status_plan(spec: InputSpec, platform: str, mapped: Mapping[str, str], source: Source) -> RowPlan[Values]:
    """Compile a mapping of status snapshots for the values of `source`."""
    convert = Converters(spec, platform, text_only=source.text_only)
    observed_ms = observed_constant(spec)
    words = _status_words(spec)
    steps = tuple(
        (field, _COLUMN_NAMES.get(field, field), source.columns.index(mapped[field]), convert.get(kind))
        for field, kind in STATUS_FIELDS.items()
        if field in mapped and kind != "status"
    )
    status = source.columns.index(mapped["status"]) if "status" in mapped else None

    def record(line: int, values: Values) -> Record:
        word = (spec.status or "") if status is None else _status_word(values[status])
        row: Row = dict.fromkeys(STATUSES.names)
        row["observed_at_ms"] = observed_ms
        row["status"] = words.get(word)
        if row["status"] is None:
            raise FieldProblem("unknown_status", shown(word), "status")
        _fill(row, steps, values)
        for field in ("account_id", "observed_at"):
            if row[_COLUMN_NAMES.get(field, field)] is None:
                raise FieldProblem("missing", field=field)
        return Record(line, status=row)

    return record


def deletion_plan(spec: InputSpec, platform: str, mapped: Mapping[str, str], source: Source) -> RowPlan[Values]:
    """Compile a mapping of deletions of posts for the values of `source`."""
    convert = Converters(spec, platform, text_only=source.text_only)
    names = {**_COLUMN_NAMES, "created_at": "created_at_ms"}
    steps = tuple(
        (field, names.get(field, field), source.columns.index(mapped[field]), convert.get(kind))
        for field, kind in DELETION_FIELDS.items()
        if field in mapped
    )

    def record(line: int, values: Values) -> Record:
        row: Row = dict.fromkeys(POST_DELETIONS.names)
        row["stream"] = spec.stream
        _fill(row, steps, values)
        for field in ("post_id", "account_id", "deleted_at"):
            if row[names.get(field, field)] is None:
                raise FieldProblem("missing", field=field)
        return Record(line, deletion=row)

    return record


def list_plan(spec: InputSpec, platform: str, mapped: Mapping[str, str], source: Source) -> RowPlan[Values]:
    """Compile a mapping of a list of accounts, one a row, for the values of `source`."""
    convert = Converters(spec, platform, text_only=source.text_only)
    observed_ms = observed_constant(spec)
    steps = tuple(
        (field, _COLUMN_NAMES.get(field, field), source.columns.index(mapped[field]), convert.get(kind))
        for field, kind in LIST_FIELDS.items()
        if field in mapped and field != "created_at"
    )
    created = source.columns.index(mapped["created_at"]) if "created_at" in mapped else None

    def record(line: int, values: Values) -> Record:
        row: Row = dict.fromkeys(ACCOUNTS.names)
        row["observed_at_ms"] = observed_ms
        _fill(row, steps, values)
        if row["account_id"] is None:
            raise FieldProblem("missing", field="account_id")
        if created is not None and values[created] not in (None, ""):
            try:
                row["created_at_ms"], row["created_resolution_ms"] = convert.created(values[created])
            except FieldProblem as problem:
                problem.field = "created_at"
                raise
        return Record(line, account=row)

    return record


def _status_word(value: object) -> str:
    try:
        return to_word(value) or ""
    except FieldProblem as problem:
        problem.field = "status"
        raise


def _status_words(spec: InputSpec) -> dict[str, str]:
    for word, status in spec.values.items():
        if status not in STATUS_VALUES:
            raise UsageError(
                f"{spec.path}: field `values`: {word!r} is mapped to {status!r}, which is not one of "
                f"{', '.join(STATUS_VALUES)}"
            )
    return {word: word for word in STATUS_VALUES} | spec.values
