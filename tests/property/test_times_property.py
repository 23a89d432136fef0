"""parse_time against oracles: datetime's own arithmetic, and the zone database asked the other way round."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from floodmark.config import InputSpec
from floodmark.ingest.times import TimeProblem, parse_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPEC = InputSpec(path="x", format="table")
ZONES = ["Asia/Tehran", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kabul"]
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(
    datetime(1970, 1, 3),  # noqa: DTZ001 - Hypothesis attaches the zone
    datetime(2100, 12, 30),  # noqa: DTZ001
    timezones=OFFSETS,
)


def ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


@given(MOMENTS, st.sampled_from(["seconds", "milliseconds", "microseconds", "minutes"]), st.sampled_from("T "))
def test_iso(moment: datetime, precision: str, separator: str) -> None:
    text = moment.isoformat(separator, timespec=precision)
    whole = datetime.fromisoformat(text)
    resolution_ms = {"seconds": 1000, "minutes": 60_000}.get(precision, 1)
    assert parse_time(text, SPEC) == (ms(whole), resolution_ms)
    assert parse_time(whole, SPEC)[0] == ms(whole)


@given(MOMENTS)
def test_twitter(moment: datetime) -> None:
    assert parse_time(moment.strftime("%a %b %d %H:%M:%S %z %Y"), SPEC) == (ms(moment) // 1000 * 1000, 1000)


@given(st.integers(100_000_000, 4_133_980_799))
def test_epoch(seconds: int) -> None:
    assert parse_time(seconds, SPEC) == parse_time(str(seconds), SPEC) == (seconds * 1000, 1000)


def outcome(value: object, spec: InputSpec) -> tuple[int, int] | str:
    try:
        return parse_time(value, spec)
    except TimeProblem as problem:
        return problem.reason


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.integers()))
def test_anything_is_a_time_in_range_or_a_named_problem(value: object) -> None:
    found = outcome(value, SPEC)
    if isinstance(found, str):
        assert found in {"missing", "bad_time", "missing_offset", "time_out_of_range", "date_only", "epoch_unit"}
    else:
        assert 0 < found[0] < 4_133_980_800_000
        assert found[1] in {1, 1000, 60_000}


@given(
    st.sampled_from(ZONES),
    st.one_of(
        st.datetimes(datetime(2000, 1, 1), datetime(2024, 1, 1)),  # noqa: DTZ001 - a wall clock is what is tested
        # Around the changes of clocks in spring and autumn, to the minute.
        st.builds(
            lambda year, day, minute: datetime(year, 1, 1) + timedelta(days=day, minutes=minute),  # noqa: DTZ001
            st.integers(2000, 2023),
            st.sampled_from([*range(70, 90), *range(260, 312)]),
            st.integers(0, 240),
        ),
    ),
)
def test_local_times_against_the_instants_that_show_them(zone: str, wall: datetime) -> None:
    """The oracle: all instants, minute by minute over the possible offsets, whose local rendering is the wall clock."""
    wall = wall.replace(second=0, microsecond=0)
    info = ZoneInfo(zone)
    wall_utc = wall.replace(tzinfo=UTC)
    candidates = (wall_utc - timedelta(minutes=30 * half_hours) for half_hours in range(-24, 29))
    instants = [c for c in candidates if c.astimezone(info).replace(tzinfo=UTC, fold=0) == wall_utc]
    text = wall.strftime("%Y-%m-%d %H:%M:%S")
    expected = {0: "nonexistent_local_time", 2: "ambiguous_local_time"}.get(len(instants)) or (ms(instants[0]), 1000)
    assert outcome(text, InputSpec(path="x", format="table", zone=zone)) == expected
