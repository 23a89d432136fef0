"""A mapping compiled into a plan: how the values of one row become a Record, or which field keeps them from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from floodmark.config import to_ms
from floodmark.errors import UsageError
from floodmark.ingest.mapping import ACCOUNT_FIELDS, DELETION_FIELDS, LIST_FIELDS, POST_FIELDS, STATUS_FIELDS
from floodmark.ingest.reasons import FieldProblem, shown
from floodmark.ingest.sources import Values
from floodmark.ingest.times import Parse, time_parser
from floodmark.ingest.values import Convert, to_boolean, to_count, to_handle, to_id, to_list, to_text, to_word
from floodmark.registry import Record, Reject, Row
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

    def __init__(self, spec: InputSpec, platform: str) -> None:
        """Make them; UsageError for an unusable time format."""
        boolean = to_boolean(spec.values)
        self.at: Parse = time_parser(spec)
        # The declared resolution is that of the posts' clock only.
        other = spec.model_copy(update={"resolution": None})
        self.moment: Parse = time_parser(other)
        self.created: Parse = time_parser(other, allow_date=True)
        self._by_kind: dict[str, Convert] = {
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


def _fill(row: Row, steps: tuple[Step, ...], values: Values) -> None:
    field = ""
    try:
        for field, column, place, convert in steps:  # noqa: B007 - `field` is read below
            row[column] = convert(values[place])
    except FieldProblem as problem:
        problem.field = field
        raise


def post_plan(spec: InputSpec, platform: str, mapped: Mapping[str, str], columns: Sequence[str]) -> PostPlan:
    """Compile a mapping of posts for values in the order of `columns`."""
    convert = Converters(spec, platform)
    place = {field: columns.index(column) for field, column in mapped.items()}

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
            continue
        try:
            record = plan(*item)
        except FieldProblem as problem:
            yield Reject(item[0], problem.reason, problem.field, problem.detail, raw())
        else:
            yield record


def status_plan(spec: InputSpec, platform: str, mapped: Mapping[str, str], columns: Sequence[str]) -> RowPlan[Values]:
    """Compile a mapping of status snapshots for values in the order of `columns`."""
    convert = Converters(spec, platform)
    observed_ms = observed_constant(spec)
    words = _status_words(spec)
    steps = tuple(
        (field, _COLUMN_NAMES.get(field, field), columns.index(mapped[field]), convert.get(kind))
        for field, kind in STATUS_FIELDS.items()
        if field in mapped and kind != "status"
    )
    status = columns.index(mapped["status"]) if "status" in mapped else None

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


def deletion_plan(spec: InputSpec, platform: str, mapped: Mapping[str, str], columns: Sequence[str]) -> RowPlan[Values]:
    """Compile a mapping of deletions of posts for values in the order of `columns`."""
    convert = Converters(spec, platform)
    names = {**_COLUMN_NAMES, "created_at": "created_at_ms"}
    steps = tuple(
        (field, names.get(field, field), columns.index(mapped[field]), convert.get(kind))
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


def list_plan(spec: InputSpec, platform: str, mapped: Mapping[str, str], columns: Sequence[str]) -> RowPlan[Values]:
    """Compile a mapping of a list of accounts, one a row, for values in the order of `columns`."""
    convert = Converters(spec, platform)
    observed_ms = observed_constant(spec)
    steps = tuple(
        (field, _COLUMN_NAMES.get(field, field), columns.index(mapped[field]), convert.get(kind))
        for field, kind in LIST_FIELDS.items()
        if field in mapped and field != "created_at"
    )
    created = columns.index(mapped["created_at"]) if "created_at" in mapped else None

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
