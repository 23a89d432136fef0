"""Planted automation is found where it is strong, and ordinary timelines raise few alarms."""

from __future__ import annotations

from pathlib import Path

import pytest

from floodmark.benchmark import accounts_automation_real
from floodmark.benchmark.accounts_automation import rows


def test_strong_plants_are_found_and_organic_timelines_are_not() -> None:
    found = {(row["measure"], row["behaviour"], row["strength"]): row for row in rows(2, 11)}
    assert found["regular_gaps", "period 40 min, 60 posts", "jitter 10 s"]["hit_share"] == 1
    assert found["regular_gaps", "period 40 min, 10 posts", "jitter 1 s"]["hit_share"] == 0
    assert found["clock_marks", "period 40 min, 60 posts", "jitter 10 s"]["hit_share"] == 1
    assert found["no_night", "10 days, 2 posts an hour", "0 h of quiet"]["hit_share"] == 1
    assert found["no_night", "10 days, 2 posts an hour", "8 h of quiet"]["hit_share"] == 0
    assert found["same_schedule", "20 accounts, 40 shared moments", "jitter 2 s"]["hit_share"] == 1
    assert found["same_schedule", "20 accounts, 40 shared moments", "jitter 300 s"]["hit_share"] == 0
    assert float(str(found["behaviour_sequence", "20 copies of 150 posts", "10% changed"]["hit_share"])) > 0.8
    for (measure, behaviour, strength), row in found.items():
        share = float(str(row["false_alarm_share"]))
        if measure == "digital_dna":
            # No control of false alarms: without copies some account still shares the longest stretch.
            assert strength != "100% changed" or 0.01 < share < 0.5
            continue
        if behaviour.startswith("null"):
            level = float(strength.split()[-1])
            assert share <= level + 4 * (level / int(str(row["organic"]))) ** 0.5
        else:
            assert share <= 0.012


@pytest.mark.parametrize("name", ["organic_gopdebate_2015", "organic_pheme_2014_15"])
def test_real_organic_accounts_are_not_flagged(shared: Path, name: str) -> None:
    file, resolution_ms, sql = accounts_automation_real.SETS[name]
    found = accounts_automation_real.set_rows(name, shared / "data" / name / file, resolution_ms, sql, 10)
    judged = {str(row["measure"]): int(str(row["judged"])) for row in found}
    assert judged["same_schedule"] > 30
    # The published rule has no control of false alarms, so it stands apart.
    assert {row["flagged"] for row in found if row["measure"] != "digital_dna"} == {0}
