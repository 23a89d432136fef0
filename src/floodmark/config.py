"""The case file (TOML): event, sides, control, baseline, country, inputs, parameters.

Every mistake becomes one UsageError that names the file, the field and the fix.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from floodmark.errors import UsageError

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
#: Years in which posts can have been written; the readers refuse others too.
_YEARS: Final = (1970, 2100)
#: Formats of inputs that hold no posts.
POSTLESS_FORMATS: Final = ("statuses", "deletions", "accounts")
RESERVED_SUBJECTS: Final = ("both", "control", "collection", "event")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"{name!r} is not a time zone of the IANA database; write one such as 'Asia/Tehran' or 'UTC'"
        ) from error
    return name


def _dated(moment: datetime) -> datetime:
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise ValueError(f"the year {moment.year} is outside {_YEARS[0]} to {_YEARS[1]}; correct the date")
    return moment


class Event(_Strict):
    """What happened and when. Times without an offset are local in `zone`."""

    title: str
    start: datetime
    end: datetime
    zone: str
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    #: Moments inside the window that were announced, such as the start of a broadcast; the crowd may jump at them.
    announced: tuple[datetime, ...] = ()

    _check_zone = field_validator("zone")(_zone)
    _check_dates = field_validator("start", "end")(_dated)

    @model_validator(mode="after")
    def _ordered(self) -> Event:
        if self.start_ms >= self.end_ms:
            raise ValueError("event.end must be later than event.start")
        if any(not self.start_ms <= moment < self.end_ms for moment in self.announced_ms):
            raise ValueError("event.announced must lie between event.start and event.end")
        return self

    @property
    def start_ms(self) -> int:
        """First millisecond of the window, UTC."""
        return to_ms(self.start, self.zone)

    @property
    def end_ms(self) -> int:
        """First millisecond after the window, UTC."""
        return to_ms(self.end, self.zone)

    @property
    def announced_ms(self) -> tuple[int, ...]:
        """The announced moments, UTC ms, ascending."""
        return tuple(sorted({to_ms(moment, self.zone) for moment in self.announced}))


class Baseline(_Strict):
    """The quiet weeks before the event, against which spikes are judged; local times in the event's zone."""

    start: datetime
    end: datetime

    _check_dates = field_validator("start", "end")(_dated)


class Control(_Strict):
    """Streams collected in the same way and window on an unrelated topic."""

    streams: tuple[Name, ...] = Field(min_length=1)


class Side(_Strict):
    """Which posts speak for a side: any of hashtags, keywords or accounts, within `streams`.

    `streams` defaults to all that are not control.
    """

    name: Name
    title: str = ""
    streams: tuple[Name, ...] = ()
    hashtags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in RESERVED_SUBJECTS:
            raise ValueError(f"the name {name!r} is reserved; choose another")
        return name

    @model_validator(mode="after")
    def _something(self) -> Side:
        if not (self.streams or self.hashtags or self.keywords or self.accounts):
            raise ValueError(f"side {self.name!r} needs hashtags, keywords, accounts or streams")
        return self


class Comparison(_Strict):
    """A stream of the same kind without this event: a sibling conversation, or an earlier event that began at `start`.

    A side's own course through the event is compared with these; they belong to no side and not to the control.
    """

    stream: Name
    start: datetime | None = None

    @field_validator("start")
    @classmethod
    def _check_start(cls, moment: datetime | None) -> datetime | None:
        return None if moment is None else _dated(moment)


class Population(_Strict):
    """How many accounts were polled by whoever made a list of vanished ones; `source` says who counted them."""

    side: Name
    accounts: Annotated[int, Field(ge=1, le=10_000_000_000)]
    source: Annotated[str, Field(min_length=1, max_length=500)]
    counted: Literal["exactly", "about"] = "exactly"


StatusValue = Literal["active", "suspended", "deleted", "protected", "renamed", "not_found", "restricted", "returned"]


class InputSpec(_Strict):
    """One input file: where it is, what it is, which stream it belongs to, and how its columns map."""

    path: str
    format: str
    stream: Name = "main"
    platform: Name | None = None
    columns: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    values: dict[str, str] = Field(default_factory=dict)
    zone: str | None = None
    time_format: str | None = None
    time_unit: Literal["s", "ms"] = "s"
    resolution: Literal["second", "minute"] | None = None
    observed_at: datetime | None = None
    status: StatusValue | None = None
    unlisted: StatusValue | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    list_separator: Annotated[str, Field(min_length=1)] = " "

    @field_validator("delimiter")
    @classmethod
    def _check_delimiter(cls, sign: str) -> str:
        if sign != "\t" and (not sign.isascii() or not sign.isprintable() or sign.isalnum() or sign in "\"' "):
            raise ValueError(f"{sign!r} cannot part fields; write one such as ',' ';' '|' or '\\t'")
        return sign

    @field_validator("zone")
    @classmethod
    def _check_zone(cls, name: str | None) -> str | None:
        return None if name is None else _zone(name)

    @model_validator(mode="after")
    def _check_statuses(self) -> InputSpec:
        if (self.status or self.unlisted) and self.format != "statuses":
            raise ValueError('`status` and `unlisted` belong to an input with format = "statuses"; remove them here')
        if self.unlisted and self.observed_at is None:
            raise ValueError("`unlisted` needs `observed_at`, when the accounts were looked up; add it")
        return self


class ErrorRates(_Strict):
    """How often the flags were right on checked accounts, as [right, checked]: among true cases, and among others."""

    sensitivity: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=1, le=1_000_000)]]
    specificity: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=1, le=1_000_000)]]

    @field_validator("sensitivity", "specificity")
    @classmethod
    def _fits(cls, counted: tuple[int, int]) -> tuple[int, int]:
        if counted[0] > counted[1]:
            raise ValueError(f"{counted[0]} of {counted[1]} cannot be; write [right, checked], such as [45, 50]")
        return counted


class Prevalence(_Strict):
    """What is known of the errors of the union of flags, from labelled accounts; per language where that differs."""

    source: Annotated[str, Field(min_length=1, max_length=500)]
    overall: ErrorRates | None = None
    language: dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}([-_][A-Za-z0-9]{1,8})*$")], ErrorRates] = Field(
        default_factory=dict
    )


class Narratives(_Strict):
    """An embedding model that the user supplies: an installed entry point, its folder, the cosine that joins texts."""

    model: Annotated[str, Field(min_length=1, max_length=100)]
    folder: str | None = None
    threshold: Annotated[float, Field(gt=0, le=1)]


class Audit(_Strict):
    """A labelled sample of a roster: the sheets of one or two labellers, the key, and what a `yes` meant to them.

    Paths are relative to the case file.
    """

    roster: Name
    meaning: Annotated[str, Field(min_length=1, max_length=500)]
    sheet: Annotated[str, Field(min_length=1)]
    key: Annotated[str, Field(min_length=1)]
    second: Annotated[str, Field(min_length=1)] | None = None


class Parameters(_Strict):
    """Thresholds, all printed in the report. The defaults are those of the design."""

    windows_s: tuple[Annotated[int, Field(ge=1, le=86_400)], ...] = (60,)
    min_objects: Annotated[int, Field(ge=1, le=1_000_000_000)] = 2
    test_windows_s: Annotated[tuple[Annotated[int, Field(ge=1, le=86_400)], ...], Field(min_length=1, max_length=8)] = (
        10,
        60,
        600,
        3600,
    )
    reference_stream: Name | None = None
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    low_follower_under: Annotated[int, Field(ge=1, le=1_000_000_000)] = 20
    enrolment_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    enrolment_recent_years: Annotated[int, Field(ge=1, le=100)] = 2
    dormant_days: Annotated[int, Field(ge=1, le=36_500)] = 180
    dormant_awake_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    silent_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    digit_tail_digits: Annotated[int, Field(ge=1, le=40)] = 8
    random_handle_permille: Annotated[int, Field(ge=5, le=500)] = 10
    family_accounts: Annotated[int, Field(ge=3, le=1_000_000)] = 3
    family_reference_permille: Annotated[int, Field(ge=0, le=1000)] = 1
    short_life_minutes: Annotated[int, Field(ge=1, le=100_000)] = 10
    spike_bin_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    baseline_days: Annotated[int, Field(ge=1, le=36_500)] = 28
    page_posts: Annotated[int, Field(ge=1, le=1_000)] = 20
    page_minutes: Annotated[int, Field(ge=1, le=1_440)] = 15
    comparison_min: Annotated[int, Field(ge=4, le=1_000)] = 5
    spike_top: Annotated[int, Field(ge=1, le=50)] = 5
    target_min_accounts: Annotated[int, Field(ge=2, le=1_000_000)] = 20
    automation_min_posts: Annotated[int, Field(ge=10, le=1_000_000)] = 20
    same_schedule_min: Annotated[int, Field(ge=3, le=1_000_000)] = 5
    structure_min_actions: Annotated[int, Field(ge=2, le=1_000_000)] = 5
    takeover_history_posts: Annotated[int, Field(ge=2, le=1_000_000)] = 10
    takeover_posts_after: Annotated[int, Field(ge=1, le=1_000_000)] = 3
    takeover_group_accounts: Annotated[int, Field(ge=3, le=1_000_000)] = 3
    takeover_days: Annotated[int, Field(ge=1, le=365)] = 3
    narrative_letters: Annotated[int, Field(ge=10, le=1_000)] = 20
    narrative_accounts: Annotated[int, Field(ge=2, le=1_000_000)] = 3
    narrative_specific_percent: Annotated[int, Field(ge=0, le=100)] = 50
    narrative_reworded_texts: Annotated[int, Field(ge=2, le=20_000)] = 4_000
    max_rejected_share: Annotated[float, Field(ge=0, le=1)] = 0.5


class CaseConfig(_Strict):
    """A whole case file. `source` is the path it was read from; input paths are relative to its folder."""

    name: Name
    title: str = ""
    platform: Name = "unspecified"
    event: Event
    baseline: Baseline | None = None
    control: Control | None = None
    sides: tuple[Side, ...] = Field(alias="side", min_length=1)
    inputs: tuple[InputSpec, ...] = Field(alias="input", min_length=1)
    comparisons: tuple[Comparison, ...] = Field(alias="comparison", default=())
    populations: tuple[Population, ...] = Field(alias="population", default=())
    prevalence: Prevalence | None = None
    narratives: Narratives | None = None
    audits: tuple[Audit, ...] = Field(alias="audit", default=())
    parameters: Parameters = Parameters()
    source: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _audits_of_rosters(self) -> CaseConfig:
        audited = [audit.roster for audit in self.audits]
        for place, roster in enumerate(audited):
            if roster not in self.subjects:
                raise ValueError(f"audit.roster {roster!r} is no roster; name one of {', '.join(self.subjects)}")
            if roster in audited[:place]:
                raise ValueError(f"audit.roster {roster!r} is there twice; keep one [[audit]] for each roster")
        return self

    @model_validator(mode="after")
    def _coherent(self) -> CaseConfig:
        names = [side.name for side in self.sides]
        if len(set(names)) != len(names):
            raise ValueError("two sides have the same name; every [[side]] needs its own")
        streams = set(self.streams)
        reference = self.parameters.reference_stream
        wanted = {s for side in self.sides for s in side.streams} | set(self.control_streams)
        if reference in {stream for side in self.sides for stream in side.streams}:
            raise ValueError(
                f"parameters.reference_stream {reference!r} is also a stream of a side; what is usual must be learnt"
                " from posts about something else"
            )
        if reference and reference not in streams:
            raise ValueError(
                f"parameters.reference_stream is {reference!r} but no [[input]] has stream = {reference!r}"
            )
        compared = [comparison.stream for comparison in self.comparisons]
        if taken := sorted(set(compared) & (wanted | {reference})):
            raise ValueError(
                f"comparison.stream {taken[0]!r} is also a stream of a side, the control or the reference; what a side"
                " is compared with must be none of them"
            )
        if twice := sorted(stream for stream in set(compared) if compared.count(stream) > 1):
            raise ValueError(
                f"comparison.stream {twice[0]!r} is named twice; every [[comparison]] needs its own stream"
            )
        wanted |= set(compared)
        if missing := sorted(wanted - streams):
            raise ValueError(
                f"stream {missing[0]!r} is used by a side, the control or a comparison but no [[input]] has"
                f" stream = {missing[0]!r}"
            )
        known = {*names, "control"}
        for population in self.populations:
            if population.side not in known:
                raise ValueError(f"population.side {population.side!r} is no [[side]]; name one of the sides")
        if not self.has_posts and any(side.hashtags or side.keywords or side.accounts for side in self.sides):
            raise ValueError("no [[input]] holds posts, so a side can only be named by `streams`; remove the rest")
        if self.baseline and self.baseline_start_ms >= self.baseline_end_ms:
            raise ValueError("baseline.end must be later than baseline.start")
        if self.baseline and self.baseline_end_ms > self.event.start_ms:
            raise ValueError("baseline.end must not be later than event.start")
        return self

    @property
    def has_posts(self) -> bool:
        """Whether any input has a format that holds posts; without, the sides are lists of accounts."""
        return any(spec.format not in POSTLESS_FORMATS for spec in self.inputs)

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams of the inputs that hold posts; of all inputs where none does."""
        wanted = [spec for spec in self.inputs if not self.has_posts or spec.format not in POSTLESS_FORMATS]
        return tuple(sorted({spec.stream for spec in wanted}))

    @property
    def control_streams(self) -> tuple[str, ...]:
        """Streams of the control, empty when none is declared."""
        return self.control.streams if self.control else ()

    @property
    def streams_apart(self) -> tuple[str, ...]:
        """Streams that do not belong to the event: the control's, the reference and those for comparison."""
        reference = self.parameters.reference_stream
        own = (reference,) if reference and reference not in self.control_streams else ()
        return (*self.control_streams, *own, *(comparison.stream for comparison in self.comparisons))

    @property
    def subjects(self) -> tuple[str, ...]:
        """Rosters that every measure runs on: each side, `both` (with two sides or more), `control` (if declared)."""
        both = ("both",) if len(self.sides) > 1 else ()
        return (*(side.name for side in self.sides), *both, *(("control",) if self.control else ()))

    @property
    def baseline_start_ms(self) -> int:
        """First millisecond of the baseline, UTC; the window's start when none is declared."""
        return to_ms(self.baseline.start, self.event.zone) if self.baseline else self.event.start_ms

    @property
    def baseline_end_ms(self) -> int:
        """First millisecond after the baseline, UTC; the window's start when none is declared."""
        return to_ms(self.baseline.end, self.event.zone) if self.baseline else self.event.start_ms

    def comparison_start_ms(self, comparison: Comparison) -> int:
        """Return when the earlier event of a comparison began, UTC; the event's start for a sibling."""
        return to_ms(comparison.start, self.event.zone) if comparison.start else self.event.start_ms

    def file(self, spec: InputSpec) -> Path:
        """Return where the input lies on this machine."""
        return self.source.parent / spec.path


def to_ms(moment: datetime, zone: str) -> int:
    """Return UTC milliseconds of `moment`; a moment without an offset is local in `zone`.

    >>> to_ms(datetime(2020, 7, 17), "Asia/Tehran")
    1594927800000
    """
    aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    delta = aware.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def load(path: Path) -> CaseConfig:
    """Read a case file.

    Raises UsageError with one sentence naming file, field and fix.
    """
    try:
        raw = tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such case file; `floodmark init` writes one") from error
    except (IsADirectoryError, PermissionError) as error:
        raise UsageError(f"{path}: the case file cannot be read ({error.strerror}); name a TOML file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8; save the case file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}; compare with `floodmark init`") from error
    case_table = raw.pop("case", {})
    if not isinstance(case_table, dict):
        raise UsageError(f"{path}: field `case` must be a table; write [case] with a name")
    try:
        return CaseConfig.model_validate({**case_table, **raw, "source": path})
    except ValidationError as error:
        raise UsageError(f"{path}: {_sentence(error)}") from error


def _sentence(error: ValidationError) -> str:
    """Turn pydantic's first complaint into one sentence with field and fix."""
    first = error.errors(include_url=False)[0]
    where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    where = f"case.{where}" if where.split(".")[0].split("[")[0] in {"name", "title", "platform"} else where
    field = f"field `{where}`: " if where else ""
    kind, message = first["type"], first["msg"]
    if kind == "missing":
        return f"{field}is missing; add it (see `floodmark init`)"
    if kind == "extra_forbidden":
        return f"{field}is not a known field; remove it or correct its name"
    if kind.startswith("datetime"):
        return f"{field}{first['input']!r} is not a date and time; write one such as 2020-07-17T00:00:00"
    return f"{field}{message.removeprefix('Value error, ')}" + (
        f"; found {first['input']!r}" if kind != "value_error" else ""
    )
