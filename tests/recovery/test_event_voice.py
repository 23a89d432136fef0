"""An attack without effect is seldom called one, an attack with effect is found the more the larger it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from floodmark.benchmark import event_voice as study

SEED = 11


def number(row: study.Row, column: str) -> float:
    value = row[column]
    assert isinstance(value, int | float), column
    return float(value)


def test_a_roster_without_effect_and_with_more_and_more() -> None:
    none, some, much = (study.sway_row(strength, 200, SEED) for strength in (0.0, 0.25, 1.0))
    assert number(none, "false_alarm_share") <= 0.1
    assert number(none, "covered") >= 0.9
    assert number(some, "hit_share") < number(much, "hit_share")
    assert number(much, "hit_share") > 0.8
    assert all(abs(number(row, "mean_error")) < 0.02 for row in (none, some, much))


def test_the_page_with_and_without_effect() -> None:
    none, much = (study.page_row(strength, 40, SEED) for strength in (0.0, 1.0))
    assert number(none, "false_alarm_share") <= 0.15
    assert number(much, "hit_share") > 0.6
    assert number(much, "covered") >= 0.85


@pytest.mark.parametrize("lifts", study.LIFTS, ids=[lifts.name for lifts in study.LIFTS])
def test_displacement_covers_without_an_attack(lifts: study.Lifts) -> None:
    row = study.displacement_row(lifts, 8, 1.0, 120, SEED)
    assert number(row, "covered") >= 0.9
    assert number(row, "false_alarm_share") == pytest.approx(1 - number(row, "covered"))
    assert abs(number(row, "mean_error")) < 0.1


def test_displacement_is_found_where_most_are_missing() -> None:
    few, most = (study.displacement_row(study.LIFTS[3], 8, left, 40, SEED) for left in (0.9, 0.25))
    assert number(few, "hit_share") < number(most, "hit_share")
    assert number(most, "hit_share") > 0.9


def test_absent_data_gives_no_row(tmp_path: Path) -> None:
    assert study.real_rows(5, SEED, tmp_path) == []


def test_random_rosters_in_a_real_debate_move_nothing(shared: Path) -> None:
    rows = study.real_rows(150, SEED, shared / "data")
    assert [row["judged"] for row in rows] == [359, 359]
    assert all(number(row, "false_alarm_share") <= 0.12 for row in rows)


def test_unknown_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="no such column: nonsense"):
        study.filled(nonsense=1)
