"""Creation bursts: the tail against scipy, planted bursts, quiet crowds, order, time shift, too few, coarse dates."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import nbinom

from floodmark.accounts.burst_created import FLAG
from floodmark.accounts.creation_bursts import (
    DAY_MS,
    HOUR_MS,
    MIN_DATED,
    RESOLUTIONS,
    WEEK_MS,
    _dispersion,
    _Likelihood,
    _tail,
    bin_test,
    burst_accounts,
    creation_bins,
)
from floodmark.accounts.prevalence import Tally, count_flags
from floodmark.view import CaseView

START = 1_594_927_800_000
HOUR, DAY, WEEK = RESOLUTIONS
MONDAY = 1_546_819_200_000  # 2019-01-07 00:00 UTC
MakeView = Callable[..., CaseView]
Moments = NDArray[np.int64]


def quiet(seed: int, accounts: int = 1_500, days: int = 1_500) -> Moments:
    """Creation dates at an even rate."""
    return MONDAY - np.random.default_rng(seed).integers(0, days * DAY_MS, accounts)


@pytest.mark.parametrize("seed", range(6))
def test_dispersion_against_scipy_bin_by_bin(seed: int) -> None:
    """The likelihood by scipy's distribution, capped counts by its tail, and the choice made from these."""
    rng = np.random.default_rng(seed)
    bins = (300, 5_000, 9_000)[seed % 3]
    mean, shape = rng.gamma(1, (0.2, 8)[seed % 2], bins) + 1e-3, rng.integers(0, 60, bins) + 0.5
    counts = rng.negative_binomial(2, 2 / (2 + mean)) if seed < 4 else rng.poisson(mean)
    caps = np.ceil(mean + 4 * np.sqrt(mean)).astype(np.int64) + 1
    counts[:5] = caps[:5] + np.arange(5)
    likelihood, values, unlikely = _Likelihood(counts, caps, mean, shape), [], []
    grid = [0.0, *np.geomspace(1e-3, 30, 40)]
    for dispersion in grid:
        size = 1 / (dispersion + 1 / shape)
        share = size / (size + mean)
        terms = np.where(counts < caps, nbinom.logpmf(counts, size, share), nbinom.logsf(caps - 1, size, share))
        values.append(float(terms.sum()))
        unlikely.append(int((nbinom.sf(counts - 1, size, share) < 0.01).sum()))
        assert likelihood(dispersion) == pytest.approx(values[-1], abs=1e-6)
        assert likelihood.improbable(dispersion) == unlikely[-1]
    first = max(place for place, value in enumerate(values) if value >= max(values) - 1.3528)
    calm = [place for place in range(first, 41) if unlikely[place] <= 0.01 * bins + 1]
    assert _dispersion(counts, mean, shape) == grid[min(calm, default=40)]


def test_tail_equals_the_negative_binomial() -> None:
    counts = np.array([0, 1, 3, 5, 12])
    mean, shape = np.array([0.5, 0.1, 2.0, 0.01, 4.0]), np.array([1.0, 0.5, 30.0, 0.5, 200.0])
    size = 1 / (0.2 + 1 / shape)
    wanted = nbinom.sf(counts - 1, size, size / (size + mean))
    assert _tail(counts, mean, shape, 0.2) == pytest.approx(wanted)


@pytest.mark.parametrize("resolution", RESOLUTIONS, ids=lambda r: r.name)
def test_every_account_falls_into_one_bin(resolution: object) -> None:
    created = quiet(1)
    found = bin_test(created, resolution)  # type: ignore[arg-type]
    width = found.resolution.bin_ms
    by_hand = [int(((created >= start) & (created < start + width)).sum()) for start in found.start_ms[:200]]
    assert found.accounts[:200].tolist() == by_hand
    assert int(found.accounts.sum()) == created.size
    assert set(np.diff(found.start_ms).tolist()) == {width}
    assert int(bin_test(created, WEEK).start_ms[0]) % WEEK_MS == MONDAY % WEEK_MS


def test_planted_bursts_are_found_and_nothing_else() -> None:
    at = MONDAY - 400 * DAY_MS
    hour = np.concatenate([quiet(2), at + 7 * HOUR_MS + np.arange(20) * 60_000])
    found = bin_test(hour, HOUR)
    assert found.start_ms[found.burst].tolist() == [at + 7 * HOUR_MS]
    assert 20 <= found.accounts[found.burst][0] <= 22
    day = np.concatenate([quiet(3), at + np.arange(48) * 1_800_000])
    found = bin_test(day, DAY)
    assert found.start_ms[found.burst].tolist() == [at]
    assert found.expected[found.burst][0] == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize("seed", range(6))
def test_quiet_crowds_show_no_burst(seed: int) -> None:
    for resolution in RESOLUTIONS:
        assert not bin_test(quiet(seed + 10), resolution).burst.any()


def test_order_and_a_shift_by_weeks_change_nothing() -> None:
    created = np.concatenate([quiet(4), MONDAY - 90 * DAY_MS + np.arange(30) * 1_000])
    for resolution in RESOLUTIONS:
        found = bin_test(created, resolution)
        other = bin_test(np.random.default_rng(1).permutation(created) + 8 * WEEK_MS, resolution)
        assert (other.start_ms == found.start_ms + 8 * WEEK_MS).all()
        assert (other.p_value == found.p_value).all()
        assert other.dispersion == found.dispersion


def test_one_burst_does_not_hide_another() -> None:
    first, second = MONDAY - 100 * DAY_MS, MONDAY - 93 * DAY_MS
    created = np.concatenate([quiet(5), first + np.arange(200) * 10_000, second + np.arange(15) * 60_000])
    found = bin_test(created, HOUR)
    assert found.start_ms[found.burst].tolist() == [first, second]


def test_a_wave_that_ebbs_is_no_burst() -> None:
    rng = np.random.default_rng(6)
    wave = (MONDAY - 300 * DAY_MS + rng.exponential(4 * DAY_MS, 80)).astype(np.int64)
    created = np.concatenate([quiet(6, 4_000), wave])
    assert not bin_test(created, DAY).burst.any()
    assert not bin_test(created, HOUR).burst.any()


def test_all_at_once_and_one_bin() -> None:
    for resolution in RESOLUTIONS:
        found = bin_test(np.full(500, START), resolution)
        assert found.accounts.tolist() == [500]
        # Nothing surrounds the bin, so nothing says what is usual.
        assert not found.burst.any()


def case(
    make_view: MakeView, created: Moments, roster: str = "pro", columns: Mapping[str, object] | None = None
) -> CaseView:
    names = [f"x:{i:05d}" for i in range(created.size)]
    return make_view(
        participants=[{"roster": roster, "account_id": n, "posts": 1, "first_at_ms": START} for n in names],
        accounts=[
            {
                "account_id": n,
                "created_at_ms": int(at),
                "created_resolution_ms": 1000,
                "created_from": "profile",
                **(columns or {}),
            }
            for n, at in zip(names, created, strict=True)
        ],
    )


def test_flag_tells_who_and_why(make_view: MakeView) -> None:
    at = MONDAY - 30 * DAY_MS
    created = np.concatenate([quiet(7, 400), at + np.arange(12) * 60_000])
    view = case(make_view, created)
    rows = view.db.rows(
        "SELECT account_id, evidence FROM account_flags WHERE flag = 'burst_created' AND flagged ORDER BY 1"
    )
    inside = [f"x:{i:05d}" for i, moment in enumerate(created.tolist()) if at <= moment < at + HOUR_MS]
    assert [account for account, _ in rows] == inside
    assert len(inside) >= 12
    assert rows[0][1].startswith(
        f"one of {len(inside)} accounts created in the hour from 2018-12-08 00:00 UTC; expected "
    )
    assert count_flags(view, [FLAG]).tally("pro", (FLAG.name,)) == Tally(len(inside), created.size, 0)


def test_too_few_dates_are_not_tested(make_view: MakeView) -> None:
    bins = creation_bins(case(make_view, np.full(MIN_DATED - 1, START)))
    assert all(found.test is None and found.dated == MIN_DATED - 1 for found in bins.values())
    assert burst_accounts(case(make_view, np.full(MIN_DATED - 1, START)))["account_id"] == []


def test_dates_count_where_they_are_fine_enough(make_view: MakeView) -> None:
    created = quiet(8, 200) // DAY_MS * DAY_MS
    kinds: Mapping[str, Mapping[str, object]] = {
        "day": {"created_resolution_ms": DAY_MS},
        "month": {"created_resolution_ms": 30 * DAY_MS},
        "snowflake": {"created_resolution_ms": 2 * HOUR_MS + 1000, "created_from": "id"},
        "sequence": {"created_resolution_ms": 40 * DAY_MS, "created_from": "id"},
    }
    dated = {
        name: {r: b.dated for (_, r), b in creation_bins(case(make_view, created, columns=columns)).items()}
        for name, columns in kinds.items()
    }
    assert dated == {
        "day": {"hour": 0, "day": 200, "week": 200},
        "month": {"hour": 0, "day": 0, "week": 0},
        "snowflake": {"hour": 200, "day": 200, "week": 200},
        "sequence": {"hour": 0, "day": 0, "week": 0},
    }


def test_the_control_is_tested_in_the_same_way(make_view: MakeView) -> None:
    created = np.concatenate([quiet(9, 600), MONDAY - 60 * DAY_MS + np.arange(25) * 60_000])
    for resolution in ("hour", "day", "week"):
        tests = [
            creation_bins(case(make_view, created, roster))[roster, resolution].test for roster in ("pro", "control")
        ]
        assert tests[0] is not None
        assert tests[1] is not None
        assert (tests[0].p_value == tests[1].p_value).all()


def test_genuine_accounts_show_no_burst(shared: Path) -> None:
    csv.field_size_limit(sys.maxsize)
    path = shared / "data/bots_cresci2017_users/geniune_accounts.csv"
    with path.open(encoding="utf-8", errors="replace") as lines:
        dates = [row["created_at"] for row in csv.DictReader(lines)]
    created = np.array([round(datetime.strptime(d, "%a %b %d %H:%M:%S %z %Y").timestamp() * 1000) for d in dates])
    assert created.size == 3_474
    assert not any(bin_test(created, resolution).burst.any() for resolution in RESOLUTIONS)
