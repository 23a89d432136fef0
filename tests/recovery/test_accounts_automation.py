"""Planted automation is found where it is strong, and ordinary timelines raise few alarms."""

from __future__ import annotations

from floodmark.benchmark.accounts_automation import rows


def test_strong_plants_are_found_and_organic_timelines_are_not() -> None:
    found = {(row["measure"], row["behaviour"], row["strength"]): row for row in rows(2, 11)}
    assert found["regular_gaps", "period 40 min, 60 posts", "jitter 10 s"]["hit_share"] == 1
    assert found["regular_gaps", "period 40 min, 10 posts", "jitter 1 s"]["hit_share"] == 0
    assert found["clock_marks", "period 40 min, 60 posts", "jitter 10 s"]["hit_share"] == 1
    assert found["no_night", "10 days, 2 posts an hour", "0 h of quiet"]["hit_share"] == 1
    assert found["no_night", "10 days, 2 posts an hour", "8 h of quiet"]["hit_share"] == 0
    for (measure, *_), row in found.items():
        if measure != "behaviour_sequence":
            assert float(str(row["false_alarm_share"])) <= 0.01
