"""Planted takeovers are found, alone or in one feature they are not, and clean timelines name nobody."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import pytest

from floodmark.accounts.takeover import takeovers
from floodmark.accounts.takeover_profile import chance_of_so_few
from floodmark.benchmark import accounts_takeover as study
from floodmark.benchmark.accounts_takeover import Plant


def posts(plant: Plant | None, kind: str = "event_topic") -> list[dict[str, object]]:
    return study.timelines(np.random.default_rng(7), kind, plant)


def test_a_planted_group_is_found_and_nobody_else() -> None:
    judged, flagged = study.measure(posts(Plant(accounts=5)))
    assert flagged == {f"t{number:04d}" for number in range(5)}
    assert len(judged) > 250


@pytest.mark.parametrize("plant", [Plant(accounts=2), Plant(features=1), Plant(history=6)])
def test_pairs_single_features_and_short_histories_are_not_reported(plant: Plant) -> None:
    assert study.measure(posts(plant))[1] == set()


@pytest.mark.parametrize("kind", study.NULLS)
def test_clean_timelines_name_nobody(kind: str) -> None:
    judged, flagged = study.measure(posts(None, kind))
    assert len(judged) > 250
    assert len(flagged) < 0.03 * len(judged)


def test_single_breaks_are_as_rare_as_promised_in_timelines_without_habits() -> None:
    rng = np.random.default_rng(3)
    rows: list[dict[str, object]] = [
        {
            "post_id": f"{account}-{number}",
            "account_id": f"p{account:04d}",
            "at_ms": 1_592_179_200_000 + number * 11 * 3_600_000,
            "client": str(rng.choice(["a", "b", "c"], p=[0.2, 0.6, 0.2])),
        }
        for account in range(1500)
        for number in range(16)
    ]
    view = study.case(rows)
    with view.db:
        found = takeovers(view).profiles
    client = np.unique(found.breaks.acc[found.breaks.feature == 0]).size
    assert found.judged.sum() == 1500
    assert client <= 0.01 * 1500 + 3 * np.sqrt(15)


def test_the_chance_equals_counting_all_orders() -> None:
    for hours, uses, before in itertools.product((5, 7), (2, 3), (2, 4)):
        orders = list(itertools.combinations(range(hours), uses))
        for few in range(uses + 1):
            slow = sum(sum(place < before for place in order) <= few for order in orders) / len(orders)
            fast = chance_of_so_few(*(np.array([x]) for x in (few, before, uses, hours)))
            assert fast[0] == pytest.approx(slow)


def test_neither_order_of_rows_nor_repeats_in_another_stream_nor_hours_of_shift_change_anything() -> None:
    rows = posts(Plant(accounts=4))
    first = study.measure(rows)
    mixed = [*rows, *({**row, "stream": "second"} for row in rows[::3])]
    random.Random(1).shuffle(mixed)
    assert study.measure(mixed) == first
    day_ms = 24 * 3_600_000
    assert study.measure([{**row, "at_ms": int(str(row["at_ms"])) + day_ms} for row in rows]) == first


def test_hostile_values_and_missing_columns_judge_nobody_wrongly() -> None:
    rows = posts(Plant(accounts=4))
    bare = [{**row, "client": None, "language": "und"} for row in rows]
    assert study.measure(bare) == (set(), set())
    hostile = [{**row, "client": None if n % 7 else "'; DROP TABLE posts --"} for n, row in enumerate(rows)]
    study.measure(hostile)
    assert study.measure(rows[:1]) == (set(), set())


def test_real_sets_without_the_columns_judge_nobody_and_organic_ones_name_nobody(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOODMARK_SHARED", str(shared))
    found = {row["strength"]: row for row in study.real_rows()}
    assert {name: row["flagged"] for name, row in found.items() if "organic" in name} == {
        "organic_gopdebate_2015": 0,
        "organic_pheme_2014_15": 0,
    }
    assert found["organic_gopdebate_2015"]["judged"] == 0
    assert found["organic_gopdebate_2015"]["false_alarm_high"] is None
    assert found["organic_pheme_2014_15"]["judged"] > 0
