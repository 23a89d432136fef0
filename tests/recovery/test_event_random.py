"""The study of "seemed random" with few runs: nulls stay quiet, plants are seen, ranges hold the planted share."""

from __future__ import annotations

import pytest

from floodmark.benchmark import event_random
from floodmark.benchmark.event_random import COLUMNS, CROWDS, PAIRS, TESTS, Crowd


@pytest.mark.parametrize("name", list(TESTS))
@pytest.mark.parametrize("crowd", [CROWDS[0], CROWDS[1], CROWDS[3]], ids=lambda crowd: crowd.name)
def test_small_p_values_are_rare_where_nothing_is_planted(name: str, crowd: Crowd) -> None:
    row = event_random.null_row(name, crowd, 60, seed=3)
    assert row["judged"] == 60
    # More than 10 of 60 at 5 % happens once in 2,000 times.
    assert float(str(row["false_alarm_share"])) <= 10 / 60


def test_p_values_of_equal_inequality_are_not_too_small() -> None:
    for pair in PAIRS[:4]:
        row = event_random.inequality_row(pair, 60, seed=4)
        assert float(str(row["false_alarm_share"])) <= 10 / 60, pair


def test_equal_totals_would_make_crowds_of_two_sizes_differ() -> None:
    naive = next(pair for pair in PAIRS if pair.naive)
    assert float(str(event_random.inequality_row(naive, 20, seed=4)["false_alarm_share"])) > 0.5


def test_power_grows_with_what_is_planted() -> None:
    few = event_random.planted_row("entry synchrony", 10, 10, 20, seed=5)
    many = event_random.planted_row("entry synchrony", 100, 10, 20, seed=5)
    assert float(str(many["hit_share"])) >= 0.8 > float(str(few["hit_share"]))
    mix = event_random.planted_row("composition by age", 50, 10, 20, seed=5)
    assert float(str(mix["hit_share"])) >= 0.8


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6])
def test_the_range_holds_the_planted_share(share: float) -> None:
    row = event_random.excitation_row(share, 0.0, 20, seed=6)
    assert float(str(row["covered"])) >= 0.8


def test_rows_have_every_column() -> None:
    assert tuple(event_random.null_row("entry synchrony", CROWDS[0], 3, 1)) == COLUMNS
