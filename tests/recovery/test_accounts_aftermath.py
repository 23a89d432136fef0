"""The matched comparison finds what is planted, stays silent where nothing is, and its intervals cover."""

from __future__ import annotations

import pytest

from floodmark.benchmark import accounts_aftermath as study

RUNS = 40


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, float], dict[str, object]]:
    wanted = {
        ("nothing planted", 0.0),
        ("nothing planted, roster looked up less", 0.0),
        ("leaves soon", 0.02),
        ("leaves soon", 0.16),
        ("leaves soon, roster looked up less", 0.08),
    }
    crowds = [crowd for crowd in study.crowds() if (crowd.name, crowd.strength) in wanted]
    return {(str(row["behaviour"]), crowd.strength): row for crowd in crowds for row in [study.row(crowd, RUNS, 11)]}


def test_nothing_planted_is_seldom_found(found: dict[tuple[str, float], dict[str, object]]) -> None:
    for (name, strength), row in found.items():
        if strength == 0:
            # 1 in 20 is due; above 7 of 40 one run of this test in ten thousand would fall.
            assert float(str(row["false_alarm_share"])) <= 7 / RUNS, name
            assert float(str(row["unmatched_share"])) > 0.8, "unmatched, the same crowds differ"


def test_what_is_planted_is_found_the_more_the_stronger(found: dict[tuple[str, float], dict[str, object]]) -> None:
    weak, strong = (float(str(found["leaves soon", strength]["hit_share"])) for strength in (0.02, 0.16))
    assert weak < 0.6
    assert strong > 0.9
    assert float(str(found["leaves soon, roster looked up less", 0.08]["hit_share"])) > 0.4


def test_intervals_cover(found: dict[tuple[str, float], dict[str, object]]) -> None:
    covered = sum(float(str(row["covered"])) for row in found.values()) / len(found)
    assert covered >= 0.88
    assert all(abs(float(str(row["mean_error"]))) < 0.02 for row in found.values())
