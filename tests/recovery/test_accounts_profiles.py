"""The study of families and handles at few runs: silence on organic profiles, planted ones found, real sets per set."""

from __future__ import annotations

from pathlib import Path

import pytest

from floodmark.benchmark import accounts_profiles as study

Row = dict[str, object]


@pytest.fixture(scope="module")
def made() -> list[Row]:
    return study.rows(20, 11)


def number(value: object) -> float:
    assert isinstance(value, float | int)
    return float(value)


def one(made: list[Row], measure: str, strength: str) -> Row:
    (row,) = [row for row in made if row["measure"] == measure and row["strength"] == strength]
    return row


def test_families_are_seldom_found_where_nobody_is_planted(made: list[Row]) -> None:
    for flag in (*study.OF_KIND.values(), "family"):
        row = one(made, flag, "like the others")
        assert row["judged"] == 20 * study.ROSTER
        # Any family in at most 5 % of runs a kind: of 20 runs, five are beyond four standard errors for all five kinds.
        assert number(row["runs_with_false_family"]) < 5


def test_slogans_that_the_others_know_make_no_family_and_unknown_ones_do(made: list[Row]) -> None:
    assert one(made, "shared_text", "slogans that the others know")["flagged"] == 0
    assert number(one(made, "shared_text", "slogans unknown to the others")["flagged"]) > 0


def test_planted_families_are_found_unless_few_have_the_feature(made: list[Row]) -> None:
    for flag in ("shared_text", "templated_handle"):
        for size in (5, 10, 20, 50):
            assert one(made, flag, f"{size} accounts, 0% without the feature")["hit_share"] == 1
        half = one(made, flag, "50 accounts, 50% without the feature")
        assert 0.2 < number(half["hit_share"]) < 0.8


def test_handles_with_digits_or_odd_letters_are_found(made: list[Row]) -> None:
    assert one(made, "digit_tail", "7 digits")["hit_share"] == 0
    assert one(made, "digit_tail", "8 digits")["hit_share"] == 1
    row = one(made, "random_handle", "15 letters drawn evenly")
    assert number(row["hit_share"]) > 0.9
    assert number(row["false_alarm_share"]) < 0.06


def test_real_people_are_in_no_family(shared: Path) -> None:
    file, sql, _ = study.SETS["organic_pheme_2014_15"]
    for row in study.set_rows("pheme", shared / "data" / file, sql, ""):
        assert row["judged"] == 1_024 or row["measure"] in {"random_handle", "shared_text"}
        if row["measure"] == "family":
            assert row["flagged"] == 0
