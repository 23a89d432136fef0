"""Quiet crowds show no burst, planted ones show the more the larger they are, and the difference's interval covers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from floodmark.accounts.creation_bursts import DAY_MS, RESOLUTIONS
from floodmark.accounts.creation_ids import SNOWFLAKE_EPOCH_MS, date_of_id
from floodmark.benchmark import accounts_enrolment as study
from floodmark.benchmark import accounts_enrolment_real as real

HOUR, DAY, WEEK = RESOLUTIONS


def number(row: study.Row, column: str) -> float:
    value = row[column]
    assert isinstance(value, int | float), column
    return float(value)


@pytest.mark.parametrize("kind", study.KINDS)
def test_nobody_planted_is_seldom_found(kind: str) -> None:
    row = study.null_row(kind, 3_000, DAY, 10, 11)
    # Of waves a few days are called bursts; no kind may do so in half of its runs.
    assert number(row, "false_alarm_share") <= (0.3 if kind in {"waves", "wave_big"} else 0.1)
    assert number(row, "false_alarm_high") > number(row, "false_alarm_share")
    assert number(row, "bursts") >= 10 * number(row, "false_alarm_share")


def test_kinds_differ_as_they_say() -> None:
    counts = {}
    for kind in study.KINDS:
        created = study.created(kind, 26_000, np.random.default_rng(5))
        assert created.size == 26_000
        assert created.max() < study.END_MS
        counts[kind] = np.bincount((created - created.min()) // DAY_MS)
    spread = {kind: float(found.var() / found.mean()) for kind, found in counts.items()}
    assert spread["over_day"] > 1.5 * spread["rhythm"]
    assert counts["ramp"][-20:].mean() > 4 * counts["rhythm"][-20:].mean()
    assert counts["wave_big"].max() > 3 * counts["plain"].max()


def test_planted_bursts_are_found_the_more_the_larger() -> None:
    few, many = (study.planted_row(planted, "hour", 3, 11) for planted in (2, 50))
    assert number(few, "hit_share") == 0
    assert number(many, "hit_share") == 1
    assert number(many, "flagged_share") > 0.9
    assert number(many, "false_alarm_share") == 0


def test_intervals_cover_however_coarse_the_dates_of_one_side_are() -> None:
    for draw in study.draws():
        row = study.coverage_row(draw, 300, 11)
        # 95 % is due; below 91 % of 300 one row in a thousand would fall.
        assert number(row, "covered") >= 0.91, row["behaviour"]
        if draw.shares[0] == draw.shares[1]:
            assert number(row, "false_alarm_share") <= 0.09, row["behaviour"]
    fine, coarse = (study.Draw((600, 600), (0.1, 0.1), width, (0.0, 0.5)) for width in (1, 40 * DAY_MS))
    widths = [number(study.coverage_row(draw, 100, 11), "mean_width") for draw in (fine, coarse)]
    # An interval that holds the truth because it is everything would be no answer.
    assert widths[0] < widths[1] < 0.3
    # Leaving the open accounts out, as any share of known dates does, errs: what the bounds are for.
    assert abs(number(study.coverage_row(coarse, 300, 11), "mean_error")) > 0.02


def test_a_planted_excess_shows_through_coarse_dates() -> None:
    draw = study.Draw((3_000, 3_000), (0.20, 0.03), 30 * DAY_MS, (0.0, 0.3))
    assert number(study.coverage_row(draw, 100, 11), "hit_share") >= 0.9


def test_the_drawn_verdicts_are_those_of_the_flag() -> None:
    day, end, first = DAY_MS, study.END_MS, study.END_MS - study.ENROLMENT_MS
    at = np.array([first - day, first - 1, first, end - day, end - 1, end, end + 5])
    width = np.array([day, 2, day, day, 2, 1, day])
    assert study.enrolled_by(at, width).tolist() == [0, -1, 1, 1, -1, 0, 0]


def test_every_row_has_every_column() -> None:
    row = study.filled(measure="M5")
    assert tuple(row) == study.COLUMNS
    with pytest.raises(ValueError, match="no such column: nonsense"):
        study.filled(nonsense=1)


def test_errors_of_dates_from_ids_are_counted() -> None:
    at = SNOWFLAKE_EPOCH_MS + 280_000_000_000
    known = (at - SNOWFLAKE_EPOCH_MS) << 22
    dated = date_of_id(f"twitter:{known}")
    assert dated is not None
    row = real.id_row("made", {known: at, known + (1 << 30): at + 9 * DAY_MS, 5_000_000_000_000: at})
    assert (row["accounts"], row["judged"], row["flagged"], row["share"]) == (3, 2, 1, 0.5)
    assert number(row, "error_max_days") == pytest.approx(9, abs=0.1)
    assert number(real.id_row("none", {5_000_000_000_000: at}), "judged") == 0


def test_absent_sets_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOODMARK_SHARED", str(tmp_path))
    assert real.real_rows() == []


def test_ids_of_a_real_set_that_made_no_table(shared: Path) -> None:
    dates = real.sets(shared / "data")["pheme"]()
    row = real.id_row("pheme", dates)
    assert row["accounts"] == 1_024
    assert number(row, "share") >= 0.999
    assert number(row, "error_median_days") < 30
    # The oldest ids say only 2006 to 2009; the middle of that is up to a year and a half off.
    assert number(row, "error_max_days") < 550
    weeks = real.burst_rows("pheme", dates)[2]
    assert weeks["bursts"] == 0
