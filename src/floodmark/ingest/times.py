"""Timestamps as collectors write them, read strictly: what is ambiguous is refused, never guessed.

Accepted: ISO 8601 with an offset (`2020-07-17T10:15:00Z`, `2015-08-07 09:54:46 -0700`), Twitter's
`Mon Mar 02 08:49:41 +0000 2009`, whole epoch seconds or milliseconds, and a `strptime` pattern of the case file.
Without an offset the case file must name the zone. Years 1970 to 2100.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from floodmark.errors import UsageError
from floodmark.ingest.reasons import FieldProblem, shown

if TYPE_CHECKING:
    from floodmark.config import InputSpec

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000

_END_MS: Final = 4_133_980_800_000  # 2101-01-01
# Whole numbers below this are no epoch that a post can carry (before March 1973): a date written as digits, or seconds
# that are read as milliseconds. Numbers above the end are milliseconds that are read as seconds.
_FIRST_EPOCH_S: Final = 100_000_000
_MAX_OFFSET_MINUTES: Final = 14 * 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()
_MILLISECOND: Final = timedelta(milliseconds=1)
_HOURS: Final = {f"{n:02d}": n * 3_600_000 for n in range(24)}
_MINUTES: Final = {f"{n:02d}": n * MINUTE_MS for n in range(60)}
_SECONDS: Final = {f"{n:02d}": n * SECOND_MS for n in range(60)}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# The leap seconds since 2000: the only days on which 23:59:60 UTC was a time.
_LEAP_DAYS: Final = ("2005-12-31", "2008-12-31", "2012-06-30", "2015-06-30", "2016-12-31")
_SUFFIX: Final = re.compile(r"(?:\.([0-9]{1,9}))? ?(?:([Zz]|UTC)|([+-])([0-9]{2}):?([0-9]{2})?)?")
_TWITTER: Final = re.compile(r"([A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{2}) ([0-9:]{8}) ([+-][0-9]{4}) ([0-9]{4})")

Parse = Callable[[object], tuple[int, int]]
ToUtc = Callable[[int], int]


class TimeProblem(FieldProblem):
    """A value that is no usable time."""


def parse_time(value: object, spec: InputSpec, *, allow_date: bool = False) -> tuple[int, int]:
    """Return (UTC milliseconds, resolution in milliseconds) of one value.

    The resolution is 1 where the text has fractional seconds, 1000 with seconds, 60000 without, 86400000 for a bare
    date (midnight UTC), which only `allow_date` permits. Raises TimeProblem.

    >>> from floodmark.config import InputSpec
    >>> parse_time("2015-08-07 09:54:46 -0700", InputSpec(path="posts.csv", format="table"))
    (1438966486000, 1000)
    """
    return time_parser(spec, allow_date=allow_date)(value)


def time_parser(spec: InputSpec, *, allow_date: bool = False) -> Parse:
    """Return the function that reads an input's times (see `parse_time`); UsageError for an unusable `time_format`."""
    to_utc = _local_clock(spec.zone)
    unit_ms = 1 if spec.time_unit == "ms" else SECOND_MS
    pattern = _pattern_reader(spec.path, spec.time_format) if spec.time_format else None
    floor_ms = {"minute": MINUTE_MS, "second": SECOND_MS}.get(spec.resolution or "", 1)

    def checked(at_ms: int, resolution_ms: int) -> tuple[int, int]:
        if not 0 < at_ms < _END_MS:
            raise TimeProblem("time_out_of_range")
        if resolution_ms == DAY_MS:
            if not allow_date:
                raise TimeProblem("date_only")
            return at_ms, resolution_ms
        return at_ms - at_ms % floor_ms, max(resolution_ms, floor_ms)

    # Tables of posts repeat their accounts' times in every row.
    @lru_cache(maxsize=65_536)
    def written(value: str) -> tuple[int, int]:
        text = value.strip(" \t\r\n")
        found = pattern(text, to_utc) if pattern else None
        return checked(*(found or _parse_text(text, to_utc, unit_ms)))

    def parse(value: object) -> tuple[int, int]:
        try:
            if type(value) is str:
                return written(value)
            if type(value) is int:
                return checked(_epoch(value, unit_ms), unit_ms)
            if isinstance(value, datetime):
                return checked(_from_datetime(value, to_utc), 1 if value.microsecond else SECOND_MS)
            raise TimeProblem("missing" if value is None else "bad_time")
        except TimeProblem as problem:
            problem.detail = shown(value)
            raise

    return parse


def _local_clock(zone: str | None) -> ToUtc:
    """Return the function from wall-clock milliseconds to UTC milliseconds in `zone`."""
    if zone is None:

        def refuse(_wall_ms: int) -> int:
            raise TimeProblem("missing_offset")

        return refuse
    if zone in {"UTC", "Etc/UTC"}:
        return lambda wall_ms: wall_ms
    info = ZoneInfo(zone)

    @lru_cache(maxsize=4096)
    def offset_ms(wall_minute: int) -> int:  # since 1972 every zone changes its clock on a full minute
        moment = (_EPOCH + timedelta(minutes=wall_minute)).replace(tzinfo=info)
        before, after = moment.utcoffset(), moment.replace(fold=1).utcoffset()
        if before is None or after is None:  # for mypy: a ZoneInfo always has an offset
            raise TimeProblem("missing_offset")
        if before < after:
            raise TimeProblem("nonexistent_local_time")
        if before > after:
            raise TimeProblem("ambiguous_local_time")
        return before // _MILLISECOND

    return lambda wall_ms: wall_ms - offset_ms(wall_ms // MINUTE_MS)


def _parse_text(text: str, to_utc: ToUtc, unit_ms: int) -> tuple[int, int]:
    try:
        if text[4:5] == "-":
            return _parse_iso(text, to_utc)
        if text[3:4] == " ":
            return _parse_twitter(text)
    except KeyError:  # not one of the two-digit hours, minutes or seconds
        raise TimeProblem("bad_time") from None
    if text.isdigit() and text.isascii():
        if len(text) > 16:
            raise TimeProblem("time_out_of_range")
        return _epoch(int(text), unit_ms), unit_ms
    raise TimeProblem("bad_time" if text else "missing")


def _parse_iso(text: str, to_utc: ToUtc) -> tuple[int, int]:
    day_ms = _iso_day(text[:10])
    if len(text) == 10:
        return day_ms, DAY_MS
    if text[10] not in "T t" or text[13:14] != ":":
        raise TimeProblem("bad_time")
    wall_ms = day_ms + _HOURS[text[11:13]] + _MINUTES[text[14:16]]
    if text[16:17] == ":":
        if text[17:19] == "60":
            return _leap_second(text)
        wall_ms += _SECONDS[text[17:19]]
        offset_ms, fraction_ms = _suffix(text[19:])
        resolution_ms = SECOND_MS if fraction_ms is None else 1
        wall_ms += fraction_ms or 0
    else:
        offset_ms, fraction_ms = _suffix(text[16:])
        resolution_ms = MINUTE_MS
        if fraction_ms is not None:  # decimal minutes
            raise TimeProblem("bad_time")
    return (to_utc(wall_ms) if offset_ms is None else wall_ms - offset_ms), resolution_ms


def _leap_second(text: str) -> tuple[int, int]:
    """Return a true leap second as the second after it, as POSIX clocks do."""
    offset_ms, fraction_ms = _suffix(text[19:])
    if text[:10] not in _LEAP_DAYS or text[11:16] != "23:59" or offset_ms != 0:
        raise TimeProblem("bad_time")
    return _iso_day(text[:10]) + DAY_MS + (fraction_ms or 0), SECOND_MS if fraction_ms is None else 1


def _parse_twitter(text: str) -> tuple[int, int]:
    match = _TWITTER.fullmatch(text)
    if match is None:
        raise TimeProblem("bad_time")
    day, clock, offset, year = match.groups()
    offset_ms, _ = _suffix(offset)
    if offset_ms is None or clock[2] != ":" or clock[5] != ":":
        raise TimeProblem("bad_time")
    wall_ms = _twitter_day(day, year) + _HOURS[clock[:2]] + _MINUTES[clock[3:5]] + _SECONDS[clock[6:]]
    return wall_ms - offset_ms, SECOND_MS


@lru_cache(maxsize=4096)
def _iso_day(text: str) -> int:
    year, month, day = text[:4], text[5:7], text[8:]
    digits = year + month + day
    if len(digits) != 8 or text[7] != "-" or not (digits.isascii() and digits.isdigit()):
        raise TimeProblem("bad_time")
    return _day_ms(int(year), int(month), int(day))


@lru_cache(maxsize=4096)
def _twitter_day(text: str, year: str) -> int:
    """Return the day of 'Mon Mar 02' and '2009'; the weekday must be right."""
    if text[4:7] not in _MONTHS:
        raise TimeProblem("bad_time")
    day_ms = _day_ms(int(year), _MONTHS.index(text[4:7]) + 1, int(text[8:]))
    if text[:3] != _WEEKDAYS[(day_ms // DAY_MS + 3) % 7]:  # 1970-01-01 was a Thursday
        raise TimeProblem("bad_time")
    return day_ms


def _day_ms(year: int, month: int, day: int) -> int:
    try:
        return (date(year, month, day).toordinal() - _EPOCH_DAY) * DAY_MS
    except ValueError:
        raise TimeProblem("bad_time") from None


@lru_cache(maxsize=4096)
def _suffix(text: str) -> tuple[int | None, int | None]:
    """Return (offset, fraction of a second), both in milliseconds or None, of what follows the clock."""
    match = _SUFFIX.fullmatch(text)
    if match is None:
        raise TimeProblem("bad_time")
    fraction, zulu, sign, hours, minutes = match.groups()
    fraction_ms = int(fraction[:3].ljust(3, "0")) if fraction else None
    if zulu:
        return 0, fraction_ms
    if not sign:
        return None, fraction_ms
    total = int(hours) * 60 + int(minutes or 0)
    if total > _MAX_OFFSET_MINUTES or int(minutes or 0) > 59:
        raise TimeProblem("bad_time")
    return (total if sign == "+" else -total) * MINUTE_MS, fraction_ms


def _epoch(value: int, unit_ms: int) -> int:
    at_ms = value * unit_ms
    if _FIRST_EPOCH_S * SECOND_MS <= at_ms < _END_MS:
        return at_ms
    other_ms = value * (SECOND_MS if unit_ms == 1 else 1)
    plausible = _FIRST_EPOCH_S * SECOND_MS <= other_ms < _END_MS
    raise TimeProblem("epoch_unit" if plausible else "time_out_of_range")


def _from_datetime(value: datetime, to_utc: ToUtc) -> int:
    wall_ms = (value.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
    offset = value.utcoffset()
    return to_utc(wall_ms) if offset is None else wall_ms - offset // _MILLISECOND


def _pattern_reader(path: str, pattern: str) -> Callable[[str, ToUtc], tuple[int, int] | None]:
    """Return the reader of a strptime pattern; it returns None for a text of another form."""
    if "%Z" in pattern:  # strptime accepts the names of the host's own zone, then forgets them
        raise UsageError(f"{path}: field `time_format`: %Z cannot be read; write the name as it stands and set `zone`")
    try:
        datetime.strptime("", pattern)  # noqa: DTZ007 - only to learn whether the pattern is valid
    except (ValueError, re.error) as error:
        if "does not match format" not in str(error):
            raise UsageError(f"{path}: field `time_format`: {pattern!r} is no strptime pattern ({error})") from error
    directives = set(re.findall(r"%(.)", pattern))
    units = ((1, "f"), (SECOND_MS, "ScTXr"), (MINUTE_MS, "HIMR"))
    resolution_ms = next((unit for unit, codes in units if directives & set(codes)), DAY_MS)

    def read(text: str, to_utc: ToUtc) -> tuple[int, int] | None:
        if any(c.isdigit() and not c.isascii() for c in text):  # strptime would take full-width digits
            return None
        try:
            moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - made aware below
        except (ValueError, OverflowError):
            return None
        if resolution_ms == DAY_MS and moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return _from_datetime(moment, to_utc), resolution_ms

    return read
