"""Numbers, intervals, dates and foreign text as a reader sees them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeGuard
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from floodmark.findings import EXACT_UNITS, Value

NBSP: Final = "\u00a0"
MINUS: Final = "\u2212"
DASH: Final = "\u2013"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: A `ms` value from here on is a moment (March 1973 or later), below it is a duration.
_FIRST_MOMENT_MS: Final = 100_000_000_000
_MAX_MARKS: Final = 4

# Letters of scripts written from right to left, and what may stand between them.
_RTL: Final = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_RTL_RUN: Final = re.compile(f"[#@]?[{_RTL}]+(?:[\\s\u200c\u200d.,_\\-]+[{_RTL}]+)*")
# Characters that reorder, hide or control: bidi embeddings and isolates, C0/C1, zero-width, tags, lone surrogates.
# ZWNJ and ZWJ stay (Persian and emoji need them), and so do the harmless direction marks.
_HIDDEN: Final = re.compile(
    "[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2060-\u2064\ufeff\u180e\u00ad\u2028\u2029"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


@dataclass(frozen=True)
class Figure:
    """A number in words: `value` ("42.7 %"), `interval` ("42.1–43.3", empty when there is none)."""

    value: str
    interval: str = ""

    def __str__(self) -> str:
        """Return both, as in "42.7 % (42.1–43.3)"."""
        return f"{self.value}{NBSP}({self.interval})" if self.interval else self.value


def figure(
    value: Value, low: float | None, high: float | None, unit: str, zone: str = "UTC", *, difference: bool = False
) -> Figure:
    """Return a finding's value and interval as a reader sees them.

    `difference` says that a share is the difference of two, printed with its sign in percentage points. Without a value
    the bounds stand for it.

    >>> str(figure(0.427, 0.421, 0.433, "share")).replace(NBSP, " ")
    '42.7 % (42.1–43.3)'
    >>> figure(None, 0.2312, 0.5701, "share").value.replace(NBSP, " ")
    '23–57 %'
    >>> figure(26431, None, None, "accounts").value
    '26,431'
    """
    numbers = [n for n in (value, low, high) if is_number(n)]
    if isinstance(value, str) or not numbers:
        return Figure(value if isinstance(value, str) else "")
    if unit == "ms":
        return _of_times(value, low, high, zone)
    difference = difference and unit == "share"
    suffix = f"{NBSP}points" if difference else f"{NBSP}%" if unit == "share" else "×" if unit == "ratio" else ""
    decimals = _decimals(numbers, unit, low, high)

    def show(number: float) -> str:
        sign = "+" if difference and number > 0 else ""
        return f"{sign}{_percent(number, decimals)}" if unit == "share" else plain(number, decimals)

    interval = _between(low, high, show)
    if not is_number(value):
        return Figure(f"{interval}{suffix}")
    return Figure(f"{show(value)}{suffix}", interval)


def plain(number: float, decimals: int = 0) -> str:
    """Return a number with thousands separators, a true minus sign, and never a negative zero.

    >>> plain(-1234.56, 1)
    '−1,234.6'
    """
    text = f"{number:,.{decimals}f}"
    if text.startswith("-"):
        return f"{MINUS}{text[1:]}" if any(c in "123456789" for c in text) else text[1:]
    return text


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a finite number (a truth value is none)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def moment(at_ms: float, zone: str, *, seconds: bool = False) -> str:
    """Return a UTC time in ms as local time of `zone`, e.g. "Fri 17 Jul 2020, 04:30"; the bare number outside 1-9999.

    >>> moment(1594944000000, "Asia/Tehran")
    'Fri 17 Jul 2020, 04:30'
    """
    try:
        local = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone))
    except OverflowError:
        return f"{plain(at_ms)}{NBSP}ms"
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}, {clock}"


def day(at_ms: float, zone: str) -> str:
    """Return the local date, e.g. "Fri 17 Jul 2020"."""
    return moment(at_ms, zone).split(",")[0]


def offset(at_ms: float, zone: str) -> str:
    """Return the zone's offset from UTC at that time, e.g. "UTC+04:30"."""
    minutes = _offset_ms(at_ms, zone) // 60_000
    sign = "+" if minutes >= 0 else MINUS
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def local_time(at_ms: float, zone: str) -> str:
    """Return the name of the clock that times are shown by, e.g. "local time of Asia/Tehran (UTC+04:30)"."""
    return "UTC" if zone == "UTC" else f"local time of {zone} ({offset(at_ms, zone)})"


def wall_clock_ms(at_ms: int, zone: str) -> int:
    """Return the local wall clock of `zone` as if it were UTC, for axes that only know UTC."""
    return at_ms + _offset_ms(at_ms, zone)


def duration(ms: float) -> str:
    """Return a length of time in its two largest units.

    >>> duration(570_000).replace(NBSP, " ")
    '9 min 30 s'
    """
    sign, rest, parts = (MINUS if ms < 0 else ""), abs(round(ms)), []
    for length, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms")):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count:,}{NBSP}{unit}")
        elif parts:
            break
    return sign + NBSP.join(parts[:2]) if parts else f"0{NBSP}s"


def visible(text: str) -> str:
    """Return text with every character that hides, reorders or controls replaced by its code point in angle brackets.

    Piles of combining marks are cut after four.

    >>> visible(chr(0x202E) + "gpj.exe")
    '⟨U+202E⟩gpj.exe'
    """
    marked = _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)
    if marked.isascii():
        return marked
    kept, run = [], 0
    for character in marked:
        run = run + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if run <= _MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def prose(text: object) -> Markup:
    """Return escaped text in which runs of right-to-left letters are isolated, so that they cannot reorder the rest."""
    shown, parts, at = visible(str(text)), [], 0
    for run in _RTL_RUN.finditer(shown):
        parts += [escape(shown[at : run.start()]), Markup("<bdi>{}</bdi>").format(run[0])]
        at = run.end()
    return Markup("").join([*parts, escape(shown[at:])])


def isolated(text: object) -> Markup:
    """Return one escaped name, id or number in a <bdi> of its own."""
    return Markup("<bdi>{}</bdi>").format(visible(str(text)))


def _of_times(value: Value, low: float | None, high: float | None, zone: str) -> Figure:
    def show(ms: float) -> str:
        return moment(ms, zone) if abs(ms) >= _FIRST_MOMENT_MS else duration(ms)

    span = f"{show(low)} to {show(high)}" if low is not None and high is not None else ""
    return Figure(show(value), span) if isinstance(value, int | float) else Figure(span)


def _between(low: float | None, high: float | None, show: Callable[[float], str]) -> str:
    """Return "low–high", or "low to high" where a sign would run into the dash."""
    if low is None or high is None:
        return ""
    first, last = show(low), show(high)
    return f"{first} to {last}" if {first[:1], last[:1]} & {MINUS, "+"} else f"{first}{DASH}{last}"


def _percent(share: float, decimals: int) -> str:
    """Return a share in percent; more digits where rounding would turn some into none or nearly all into all."""
    edge = min(abs(share), abs(1 - share)) * 100
    return plain(share * 100, max(decimals, min(4, _leading_place(edge))))


def _decimals(numbers: Sequence[float], unit: str, low: float | None, high: float | None) -> int:
    """Return how many digits after the point the numbers deserve."""
    if unit in EXACT_UNITS:
        return 0 if all(float(n).is_integer() for n in numbers) else 1
    if unit == "share":
        return 0 if low is not None and high is not None and high - low >= 0.1 else 1
    largest = max(abs(n) for n in numbers)
    if largest >= 10:
        return 0 if largest >= 100 else 1
    # An interval whose ends look alike would hide that it has a width.
    width = abs(high - low) if low is not None and high is not None else 0
    return max(2, min(4, _leading_place(largest)), min(4, _leading_place(width)))


def _leading_place(number: float) -> int:
    """Return the place of the first digit that is not zero: 0 for 3.2, 2 for 0.04."""
    return max(0, math.ceil(-math.log10(number) - 1e-9)) if number > 0 else 0


def _offset_ms(at_ms: float, zone: str) -> int:
    try:
        away = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone)).utcoffset()
    except OverflowError:
        return 0
    return round(away.total_seconds() * 1000) if away is not None else 0
