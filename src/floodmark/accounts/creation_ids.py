"""Creation dates from the ids of accounts, for platforms whose ids carry them, each with its error as an interval.

Twitter gave account ids in sequence until February 2016 and snowflake ids, which hold the time, from that month on
(https://blog.konomama.dev/posts/twitter-snowflake-metadata; of 32,348 accounts with known dates the first is of
4 February 2016, and both kinds were given for two weeks). The sequence ran to 4.93 billion, so an id above 2^32 is not
yet a snowflake. The table of months was made from four sets of accounts with known dates; the widths of the intervals
were chosen with all nine sets in view. In all nine every date lies within its interval, 9,410 accounts of the other
five sets among them.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from floodmark.engine.duckdb import Database

DAY_MS: Final = 86_400_000
SNOWFLAKE_EPOCH_MS: Final = 1_288_834_974_657
#: A snowflake counts milliseconds in steps of so many ids.
IDS_PER_MS: Final = 1 << 22
#: The first profile of these platforms, 2006-03-21; no account is older.
PLATFORM_STARTS_MS: Final = {"twitter": 1_142_899_200_000, "x": 1_142_899_200_000}
#: Whose ids follow the scheme below.
PLATFORMS: Final = ("twitter", "x")
_FIRST_SNOWFLAKE_MS: Final = 1_454_284_800_000
#: From 16 August 2019 on the profile's date is later than the id, by 13 s in the median and 105 minutes at most.
_SIGN_UP_MS: Final = 2 * 3_600_000
_SIGN_UP_SINCE_MS: Final = 1_565_913_600_000
_LAST_ID: Final = 2**63 - 1

#: The sequential id, in millions, that was given at the start of each month from 2009-02 to 2016-02, to three digits.
_MILLIONS: Final = (
    *(19.8, 22.4, 28.0, 36.8, 43.8, 52.5, 61.8, 70.5, 78.7, 86.6, 93.7),
    *(101, 110, 119, 128, 139, 150, 161, 173, 185, 197, 211, 222),
    *(233, 246, 259, 275, 291, 309, 327, 346, 366, 383, 402, 425),
    *(452, 480, 509, 542, 568, 596, 623, 730, 795, 856, 918, 981),
    *(1050, 1140, 1230, 1320, 1390, 1470, 1560, 1640, 1720, 1920, 2160, 2200),
    *(2260, 2320, 2370, 2420, 2470, 2540, 2600, 2700, 2760, 2800, 2850, 2900),
    *(2950, 3010, 3070, 3120, 3230, 3260, 3270, 3310, 3510, 3830, 4090, 4340),
    *(4680, 4870),
)
#: Up to this id (millions): days by which an account can be older or younger than the line between two months says.
#: From November 2013 on several servers gave ids side by side.
_ERRORS_DAYS: Final = ((2_100.0, 20, 20), (3_100.0, 40, 20), (3_500.0, 90, 45), (4_930.0, 15, 15))
#: Ids that were given at two times, 2012-07 and 2013-10.
_TWICE: Final = (700_000_000, 725_000_000)


@dataclass(frozen=True)
class Segment:
    """Ids in [id_from, id_to): earliest creation ms_from + floor((id - id_from) / step) * step * slope, and how wide
    the interval is from there.
    """

    id_from: int
    id_to: int
    ms_from: int
    step: int
    slope: float
    width_ms: int


def segments() -> tuple[Segment, ...]:
    """Return the ids that carry a date, in order and without overlap."""
    return _SEGMENTS


def date_of_id(account_id: str) -> tuple[int, int] | None:
    """Return (earliest UTC ms, width ms) of the creation of an account of X/Twitter, None where its id tells nothing.

    >>> date_of_id("twitter:1283772060427472898")
    (1594910084194, 7201000)
    >>> date_of_id("mastodon:1283772060427472898") is None
    True
    """
    platform, _, number = account_id.partition(":")
    if platform not in PLATFORMS or not (number.isascii() and number.isdigit()) or int(number) > _LAST_ID:
        return None
    found = bisect_right(_STARTS, int(number)) - 1
    if found < 0 or int(number) >= _SEGMENTS[found].id_to:
        return None
    segment = _SEGMENTS[found]
    past = int(number) - segment.id_from
    return segment.ms_from + int((past - past % segment.step) * segment.slope), segment.width_ms


def load_schemes(db: Database) -> None:
    """Create the temporary tables `id_schemes` and `platform_starts` that accounts.sql reads."""
    db.execute(
        "CREATE OR REPLACE TEMP TABLE id_schemes (platform VARCHAR, id_from BIGINT, id_to BIGINT, ms_from BIGINT,"
        " step BIGINT, slope DOUBLE, width_ms BIGINT)"
    )
    rows = [(platform, segment) for platform in PLATFORMS for segment in _SEGMENTS]
    names = ("id_from", "id_to", "ms_from", "step", "slope", "width_ms")
    columns: dict[str, list[object]] = {name: [getattr(segment, name) for _, segment in rows] for name in names}
    db.load("id_schemes", {**columns, "platform": [platform for platform, _ in rows]})
    db.execute("CREATE OR REPLACE TEMP TABLE platform_starts (platform VARCHAR, start_ms BIGINT)")
    db.load("platform_starts", {"platform": list(PLATFORM_STARTS_MS), "start_ms": list(PLATFORM_STARTS_MS.values())})


def _build() -> tuple[Segment, ...]:
    months = [_month(2009, 1 + number) for number in range(1, len(_MILLIONS) + 1)]
    knots = [(round(millions * 1e6), ms) for millions, ms in zip(_MILLIONS, months, strict=True)]
    beginning = PLATFORM_STARTS_MS["twitter"]
    # Too few accounts with known dates to draw a line: all that is known is that they are this old.
    made = [Segment(0, knots[0][0], beginning, 1, 0.0, months[1] - beginning)]
    for (id_from, ms_from), (id_to, ms_to) in pairwise([*knots, (4_930_000_000, _month(2016, 2) + 18 * DAY_MS)]):
        early, late = next((early, late) for limit, early, late in _ERRORS_DAYS if id_from < limit * 1e6)
        slope = (ms_to - ms_from) / (id_to - id_from)
        made.append(Segment(id_from, id_to, ms_from - early * DAY_MS, 1, slope, (early + late) * DAY_MS))
    made = [part for segment in made for part in _without_twice(segment)]
    twice = Segment(*_TWICE, _month(2012, 7), 1, 0.0, _month(2013, 12) - _month(2012, 7))
    first, later = ((ms - SNOWFLAKE_EPOCH_MS) * IDS_PER_MS for ms in (_FIRST_SNOWFLAKE_MS, _SIGN_UP_SINCE_MS))
    # A profile's date is cut to the second, so it can be up to a second before the id's.
    snowflakes = [
        Segment(first, later, _FIRST_SNOWFLAKE_MS - 1000, IDS_PER_MS, 1 / IDS_PER_MS, 61_000),
        Segment(later, _LAST_ID, _SIGN_UP_SINCE_MS - 1000, IDS_PER_MS, 1 / IDS_PER_MS, _SIGN_UP_MS + 1000),
    ]
    return tuple(sorted([*made, twice, *snowflakes], key=lambda segment: segment.id_from))


def _without_twice(segment: Segment) -> list[Segment]:
    low, high = _TWICE
    parts = []
    for id_from, id_to in ((segment.id_from, min(segment.id_to, low)), (max(segment.id_from, high), segment.id_to)):
        if id_from < id_to:
            ms_from = segment.ms_from + int((id_from - segment.id_from) * segment.slope)
            parts.append(Segment(id_from, id_to, ms_from, segment.step, segment.slope, segment.width_ms))
    return parts


def _month(year: int, month: int) -> int:
    """Return the first ms of a month; months after December run on into the next years."""
    start = datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=UTC)
    return (start - datetime(1970, 1, 1, tzinfo=UTC)).days * DAY_MS


_SEGMENTS: Final = _build()
_STARTS: Final = [segment.id_from for segment in _SEGMENTS]
