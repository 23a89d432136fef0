"""Timestamps: what is read, with which resolution, and why the rest is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from floodmark.config import InputSpec
from floodmark.errors import UsageError
from floodmark.ingest.times import TimeProblem, parse_time

T = 1_614_834_367_000  # 2021-03-04T05:06:07Z


def spec(**fields: object) -> InputSpec:
    return InputSpec.model_validate({"path": "posts.csv", "format": "table", **fields})


def outcome(value: object, **fields: object) -> tuple[int, int] | str:
    try:
        return parse_time(value, spec(**fields))
    except TimeProblem as problem:
        return problem.reason


@pytest.mark.parametrize(
    ("value", "at_ms", "resolution_ms"),
    [
        ("2021-03-04T05:06:07Z", T, 1000),
        ("2021-03-04t05:06:07z", T, 1000),
        ("2021-03-04 05:06:07 UTC", T, 1000),
        (" 2021-03-04T05:06:07+00:00\n", T, 1000),
        ("2021-03-04 05:06:07 +0000", T, 1000),
        ("2021-03-04 05:06:07+00", T, 1000),
        ("2021-03-04T07:06:07+02:00", T, 1000),
        ("2021-03-04 08:36:07 +0330", T, 1000),
        ("2021-03-03T15:06:07-14:00", T, 1000),
        ("2021-03-04T05:06:07.5Z", T + 500, 1),
        ("2021-03-04T05:06:07.123999Z", T + 123, 1),
        ("2021-03-04T05:06:07.000Z", T, 1),
        ("2021-03-04T05:06Z", T - 7000, 60_000),
        ("2021-03-04 08:36 +0330", T - 7000, 60_000),
        ("Thu Mar 04 05:06:07 +0000 2021", T, 1000),
        ("Thu Mar 04 08:36:07 +0330 2021", T, 1000),
        (1_614_834_367, T, 1000),
        ("1614834367", T, 1000),
        (datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC), T, 1000),
        (datetime(2021, 3, 4, 5, 6, 7, 500, tzinfo=timezone(timedelta(hours=1))), T - 3_600_000, 1),
        # The five leap seconds since 2000 are the second after them, as POSIX clocks have it.
        ("2016-12-31T23:59:60Z", 1_483_228_800_000, 1000),
    ],
)
def test_read(value: object, at_ms: int, resolution_ms: int) -> None:
    assert outcome(value) == (at_ms, resolution_ms)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "missing"),
        ("  ", "missing"),
        (None, "missing"),
        ("2021-03-04 05:06:07", "missing_offset"),
        ("2021-03-04T05:06", "missing_offset"),
        ("2021-03-04", "date_only"),
        ("03/04/2021 05:06", "bad_time"),
        ("2021-03-04T05:06:07+14:01", "bad_time"),
        ("2021-03-04T05:06:07+99:99", "bad_time"),
        ("2021-03-04T05:06:07+02:60", "bad_time"),
        ("2021-03-04T05:06:07 EST", "bad_time"),
        ("2021-03-04T05:06.5Z", "bad_time"),
        ("2021-03-04T05:06:07,5Z", "bad_time"),
        ("2021-03-04T05:06:60Z", "bad_time"),
        ("2021-12-31T23:59:60Z", "bad_time"),
        ("2016-12-31T23:59:60+01:00", "bad_time"),
        ("2021-03-04T24:00:00Z", "bad_time"),
        ("2021-03-04T05:60:00Z", "bad_time"),
        ("2021-02-29T05:06:07Z", "bad_time"),
        ("2021-3-4T05:06:07Z", "bad_time"),
        ("2021-W09-4", "bad_time"),
        ("2021-063", "bad_time"),
        ("0000-00-00 00:00:00", "bad_time"),
        ("+2021-03-04T05:06:07Z", "bad_time"),
        ("٢٠٢١-03-04T05:06:07Z", "bad_time"),
        ("2021-03-04T٠٥:06:07Z", "bad_time"),
        ("2021-03-04T05:06:07Z\u202e", "bad_time"),
        ("2021-03-04T05:06:07Z\x00", "bad_time"),
        ("Fri Mar 04 05:06:07 +0000 2021", "bad_time"),
        ("Thu Mrz 04 05:06:07 +0000 2021", "bad_time"),
        ("Thu Mar 04 05:06:07 2021", "bad_time"),
        ("١٦١٤٨٣٤٣٦٧", "bad_time"),
        ("-1", "bad_time"),
        ("1e9", "bad_time"),
        ("now", "bad_time"),
        ("infinity", "bad_time"),
        (True, "bad_time"),
        (1_614_834_367.5, "bad_time"),
        (float("nan"), "bad_time"),
        ([], "bad_time"),
        ({"$date": T}, "bad_time"),
        ("1969-12-31T23:59:59Z", "time_out_of_range"),
        ("1970-01-01T00:00:00Z", "time_out_of_range"),
        ("1970-01-01T01:00:00+01:00", "time_out_of_range"),
        ("2101-01-01T00:00:00Z", "time_out_of_range"),
        ("9999-12-31T23:59:59Z", "time_out_of_range"),
        (0, "time_out_of_range"),
        (-1, "time_out_of_range"),
        ("20210304", "time_out_of_range"),
        (10**30, "time_out_of_range"),
        pytest.param(10**5000, "time_out_of_range", id="an integer that str() refuses"),
        pytest.param("9" * 5000, "time_out_of_range", id="a text that int() refuses"),
        (T * 1000, "time_out_of_range"),
        (T, "epoch_unit"),
    ],
)
def test_refused(value: object, reason: str) -> None:
    assert outcome(value) == reason


def test_edges_of_the_range() -> None:
    assert outcome("1970-01-01T00:00:01Z") == (1000, 1000)
    assert outcome("2100-12-31T23:59:59Z") == (4_133_980_799_000, 1000)


def test_unit_of_whole_numbers() -> None:
    assert outcome(T, time_unit="ms") == (T, 1)
    assert outcome(str(T + 1), time_unit="ms") == (T + 1, 1)
    assert outcome(T // 1000, time_unit="ms") == "epoch_unit", "seconds, read as milliseconds, would be 1970"


def test_dates_are_for_creation_only() -> None:
    assert parse_time("2019-11-19", spec(zone="Asia/Tehran"), allow_date=True) == (1_574_121_600_000, 86_400_000)
    assert parse_time("2019-11-19", spec(resolution="minute"), allow_date=True)[1] == 86_400_000


def test_declared_resolution_floors() -> None:
    assert outcome("2021-03-04T05:06:07Z", resolution="minute") == (T - 7000, 60_000)
    assert outcome("2021-03-04T05:06:07.9Z", resolution="second") == (T, 1000)
    assert outcome("2021-03-04T05:06Z", resolution="second") == (T - 7000, 60_000), "a text never gets finer"


def test_local_times() -> None:
    # Tehran kept summer time until 2022: UTC+4:30 in July 2020, UTC+3:30 in July 2023.
    assert outcome("2020-07-17 14:45", zone="Asia/Tehran") == (1_594_980_900_000, 60_000)
    assert outcome("2023-07-17 13:45:00", zone="Asia/Tehran") == (1_689_588_900_000, 1000)
    assert outcome("2020-07-17T14:45:00Z", zone="Asia/Tehran")[0] == 1_594_997_100_000, "an offset beats the zone"
    assert outcome("2021-03-28T02:30:00", zone="Europe/Berlin") == "nonexistent_local_time"
    assert outcome("2021-10-31T02:30:00", zone="Europe/Berlin") == "ambiguous_local_time"
    assert outcome("2021-10-31T03:00:00", zone="Europe/Berlin") == (1_635_645_600_000, 1000)
    assert outcome("2020-03-21T00:30:00", zone="Asia/Tehran") == "nonexistent_local_time"
    # Lord Howe turns its clock by half an hour.
    assert outcome("2021-10-03T02:15:00", zone="Australia/Lord_Howe") == "nonexistent_local_time"
    assert outcome("2021-10-03T02:30:00", zone="Australia/Lord_Howe") == (1_633_188_600_000, 1000)


def test_pattern() -> None:
    day_first = {"time_format": "%d/%m/%Y %H:%M", "zone": "UTC"}
    assert outcome("04/03/2021 05:06", **day_first) == (T - 7000, 60_000)
    assert outcome("31/02/2021 05:06", **day_first) == "bad_time"
    assert outcome("٠٤/03/2021 05:06", **day_first) == "bad_time"
    assert outcome("04/03/2021 05:06", time_format="%d/%m/%Y %H:%M") == "missing_offset"
    assert outcome("04.03.21 06:06:07 +0100", time_format="%d.%m.%y %H:%M:%S %z") == (T, 1000)
    assert outcome("04.03.2021 05:06:07.25", time_format="%d.%m.%Y %H:%M:%S.%f", zone="UTC") == (T + 250, 1)
    assert outcome("04.03.2021", time_format="%d.%m.%Y") == "date_only"
    assert parse_time("04.03.2021", spec(time_format="%d.%m.%Y"), allow_date=True) == (1_614_816_000_000, 86_400_000)
    assert outcome("2021-03-04T05:06:07Z", **day_first) == (T, 1000), (
        "what needs no guessing is read beside the pattern"
    )


@pytest.mark.parametrize("pattern", ["%d.%m.%Y %Q", "%", "%H:%M %Z"])
def test_unusable_pattern(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"posts\.csv: field `time_format`: .*%"):
        parse_time("04.03.2021", spec(time_format=pattern))


def test_the_value_at_fault_is_named() -> None:
    with pytest.raises(TimeProblem) as caught:
        parse_time("2021-03-04 05:06:07", spec())
    assert caught.value.detail == "2021-03-04 05:06:07"


def test_poisoned_timestamps(shared: Path) -> None:
    """Each of the 45 has a defined result; what the corpus calls ambiguous or bad is never silently coerced."""
    cases = json.loads((shared / "corpora/own/poisoned_timestamps.json").read_bytes())["cases"]
    assert len(cases) == 45
    accepted = {
        "ok": {"RFC3339", "offset", "micro", "X v1.1 created_at", "epoch s", "valid leap second: keep instant, flag"},
        # CSV holds nothing but text, so whole numbers in text are epochs too, of the declared unit.
        "ambiguous": {"epoch as string"},
        "reject_or_quarantine": set(),
        # Plausibility needs the collection's own dates, which one value does not know.
        "implausible_flag": {"before the first tweet (2006-03-21)", "future vs. collection time"},
    }
    for case in cases:
        found = outcome(case["value"])
        assert isinstance(found, tuple) == (case["note"] in accepted[case["expect"]]), (case, found)
    milliseconds = next(case["value"] for case in cases if case["note"] == "epoch ms")
    assert outcome(milliseconds) == "epoch_unit"
    assert outcome(milliseconds, time_unit="ms") == (milliseconds, 1)
    fold = next(case["value"] for case in cases if case["note"] == "DST fold local time")
    assert outcome(fold, zone="Europe/Paris") == "ambiguous_local_time"
