"""The spike test: exact tails, planted spikes found, organic noise left alone, and reasons where it cannot judge."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import stats as reference

from floodmark.event import spikes
from floodmark.event.spikes import DAY_MS, HOUR_MS, MINUTE_MS, Spikes, Window, find_spikes
from floodmark.event.study import Organic, judge_many, organic_series, studies


def judged(result: Spikes | str) -> Spikes:
    assert isinstance(result, Spikes), result
    return result


@pytest.mark.parametrize("dispersion", [0.0, 0.05, 0.7, 4.0])
def test_tail_is_that_of_the_negative_binomial(dispersion: float) -> None:
    counts = np.arange(0, 60)
    for mean in (0.2, 3.0, 25.0):
        means = np.full(counts.size, mean)
        if dispersion:
            size = 1 / dispersion
            expected = reference.nbinom.sf(counts - 1, size, size / (size + mean))
        else:
            expected = reference.poisson.sf(counts - 1, mean)
        assert spikes.tail(counts, means, dispersion) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("dispersion", [0.0, 0.5])
def test_largest_ordinary_count_is_the_last_one_above_the_tail(dispersion: float) -> None:
    means = np.array([0.01, 0.9, 12.0, 700.0])
    found = spikes.largest_ordinary(means, dispersion, 0.025)
    for mean, most in zip(means, found, strict=True):
        every = np.arange(10_000)
        ordinary = spikes.tail(every, np.full(every.size, mean), dispersion) > 0.025
        assert most == every[ordinary].max()


@pytest.mark.parametrize(
    ("unrest", "mean"), [("bins", 2.0), ("bins", 20.0), ("days", 5.0), ("drift", 5.0), ("viral", 2.0)]
)
def test_without_a_campaign_false_spikes_stay_under_the_nominal_rate(unrest: str, mean: float) -> None:
    runs = 150
    found = judge_many(Organic(mean, unrest, 0.3), runs, seed=5)
    assert len(found) == runs
    any_spike = np.mean([result.is_spike.any() for result in found])
    assert any_spike <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)
    assert np.mean([result.is_spike.mean() for result in found]) <= 0.05


def test_p_values_without_a_campaign_are_uniform_or_larger() -> None:
    rng = np.random.default_rng(8)
    found = judge_many(Organic(20.0, "bins", 0.3), 300, seed=6)
    # One bin of each run, so that the values are independent; Kolmogorov-Smirnov on the side of too many small ones.
    p = [float(rng.choice(result.p_values)) for result in found]
    assert reference.kstest(p, "uniform", alternative="greater").pvalue > 0.05


@pytest.mark.parametrize("days", [7, 14])
def test_a_short_baseline_is_judged_with_more_caution(days: int) -> None:
    short = judge_many(Organic(5.0, "bins", 0.3, days), 40, seed=2)
    long = judge_many(Organic(5.0, "bins", 0.3, 28), 40, seed=2)
    assert not any(result.weekly for result in short)
    assert all(result.weekly for result in long)
    assert np.mean([result.dispersion for result in short]) > np.mean([result.dispersion for result in long])


def plant(factor: float, first_hour: int, hours: int, rng: np.random.Generator, mean: float = 10.0) -> Spikes:
    """An organic day on which `factor` times as many posts come during some hours."""
    times, days, window = organic_series(Organic(mean, "bins", 0.1), rng)
    start = window.start_ms + first_hour * HOUR_MS
    inside = times[(times >= start) & (times < start + hours * HOUR_MS)]
    return judged(find_spikes(np.concatenate([times, np.repeat(inside, int(factor) - 1)]), days, window))


def test_a_planted_flood_is_found_where_it_is() -> None:
    rng = np.random.default_rng(4)
    inside, outside = [], []
    for _ in range(20):
        found = plant(5, first_hour=14, hours=3, rng=rng)
        hour = (found.at_ms - found.at_ms[0]) // HOUR_MS
        inside.append(found.is_spike[(hour >= 14) & (hour < 17)].mean())
        outside.append(found.is_spike[(hour < 14) | (hour >= 17)].mean())
        assert 14 <= hour[found.peak] < 17
    assert np.mean(inside) > 0.8
    assert np.mean(outside) < 0.01


def test_the_peak_ratio_interval_covers_the_planted_factor() -> None:
    rng = np.random.default_rng(12)
    held = 0
    for _ in range(200):
        times, days, window = organic_series(Organic(20.0, "bins", 0.02), rng)
        # One bin gets a known rate, far above the rest, so which bin is the peak is no matter of chance.
        at = window.start_ms + 50 * 15 * MINUTE_MS
        kept = times[(times < at) | (times >= at + 15 * MINUTE_MS)]
        true_mean = 20.0 * float((1 + 0.8 * np.sin((12.5 - 9) / 24 * 2 * np.pi)) * 0.6)
        added = at + rng.integers(0, 15 * MINUTE_MS, rng.poisson(20 * true_mean))
        found = judged(find_spikes(np.concatenate([kept, added]), days, window))
        assert found.peak == 50
        held += found.ratio[1] <= 20 <= found.ratio[2]
    assert held / 200 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)


def test_p_values_are_raised_to_what_the_baseline_shows() -> None:
    rng = np.random.default_rng(1)
    usual = rng.random(2_000)
    p = np.array([1.0, 0.5, 0.1, 0.03])
    inside = [(1 + (usual <= value).sum()) / 2_001 for value in p]
    assert spikes.calibrated(p, usual) == pytest.approx(np.maximum(p, inside))
    # Where the model fits, far tails stay far; where the baseline's bursts are heavier (here p^2 would be right), they
    # are pulled up along the baseline's own tail: from p = 1e-12 to about the square root.
    assert 1e-12 <= spikes.calibrated(np.array([1e-12]), usual)[0] < 1e-8
    heavy = np.sort(rng.random(2_000) ** 2)
    pulled = spikes.calibrated(np.array([1e-12]), heavy)[0]
    assert 1e-7 < pulled < 1e-4
    # By hand: 40 bins (2 %) make the tail, beyond the 41st smallest.
    threshold, smallest = -np.log(heavy[40]), -np.log(heavy[:40])
    scale = (smallest - threshold).mean() * (1 + 1 / np.sqrt(40))
    assert pulled == pytest.approx(41 / 2_001 * np.exp(-(-np.log(1e-12) - threshold) / scale))


@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_calibration_keeps_the_order_and_never_lowers(power: float) -> None:
    rng = np.random.default_rng(2)
    p = np.sort(rng.random(500) ** 4)
    found = spikes.calibrated(p, rng.random(800) ** power)
    assert (found >= p).all()
    assert (np.diff(found) >= -1e-12).all()
    assert (found <= 1).all()


def test_the_ratio_to_expected_is_the_jackknife_by_hand() -> None:
    without = np.array([9.0, 10.0, 11.0, 10.5, 9.5])
    logs = [np.log(value) for value in without]
    mean = sum(logs) / 5
    error = np.sqrt(1 / 40 + 4 / 5 * sum((value - mean) ** 2 for value in logs))
    ratio, low, high = spikes.ratio_to_expected(40, 10.0, without, 0.9)
    assert ratio == 4
    assert (np.log(high / 4), np.log(4 / low)) == pytest.approx((1.644854 * error,) * 2, rel=1e-6)
    # No post at all: the exact Poisson limit, by which such a count is as rare as one tail.
    nothing = spikes.ratio_to_expected(0, 10.0, without, 0.95)
    assert nothing[:2] == (0, 0)
    assert reference.poisson.pmf(0, nothing[2] * 10) == pytest.approx(0.025)


def test_peak_and_band_follow_from_counts_and_means() -> None:
    times, days, window = organic_series(Organic(4.0, "bins", 0.3), np.random.default_rng(21))
    found = judged(find_spikes(times, days, window, level=0.9))
    best = max(range(96), key=lambda i: (found.counts[i], found.counts[i] / found.expected[i]))
    assert found.peak == best
    assert np.count_nonzero(found.counts == found.counts.max()) >= 1
    size = 1 / found.dispersion
    for mean, most in zip(found.expected, found.upper, strict=True):
        odds = size / (size + mean)
        assert reference.nbinom.sf(most - 1, size, odds) > 0.05 >= reference.nbinom.sf(most, size, odds)


def test_ties_of_the_peak_go_to_the_bin_that_is_expected_to_be_quieter() -> None:
    times, days, window = organic_series(Organic(20.0, "bins", 0.02), np.random.default_rng(5))
    width = 15 * MINUTE_MS
    kept = times[times < window.start_ms]
    # Fifty posts each at three in the morning (bin 12) and in the afternoon (bin 60); none elsewhere.
    added = np.concatenate([window.start_ms + bin_ * width + np.arange(50) * 1000 for bin_ in (60, 12)])
    found = judged(find_spikes(np.concatenate([kept, added]), days, window))
    assert found.expected[12] < found.expected[60]
    assert found.peak == 12


def test_dispersion_of_known_series_is_recovered() -> None:
    for planted in (0.0001, 0.2, 1.0):
        found = judge_many(Organic(30.0, "bins", planted), 12, seed=3)
        # One standard error is added, so a little above.
        assert planted <= np.mean([result.dispersion for result in found]) <= planted * 1.25 + 0.02


def test_counts_and_bins_are_those_of_brute_force() -> None:
    times, days, window = organic_series(Organic(3.0, "days", 0.2), np.random.default_rng(3))
    found = judged(find_spikes(times, days, window))
    assert found.at_ms.size == 96
    for at, count in zip(found.at_ms, found.counts, strict=True):
        assert count == sum(at <= time < at + 15 * MINUTE_MS for time in times)
    before = [sum(at <= time < at + 15 * MINUTE_MS for time in times) for at, *_ in found.before]
    assert [count for _, count, *_ in found.before] == before
    assert found.baseline_posts == int((times < window.start_ms).sum())


def test_order_does_not_matter_and_neither_does_the_week() -> None:
    rng = np.random.default_rng(9)
    times, days, window = organic_series(Organic(3.0, "drift", 0.3), rng)
    window = Window(**{**window.__dict__, "zone": "UTC"})
    found = judged(find_spikes(times, days, window))
    shuffled = judged(find_spikes(rng.permutation(times), rng.permutation(days), window))
    shift = 35 * DAY_MS
    moved = judged(
        find_spikes(
            times + shift,
            days,
            Window(
                **{k: v + shift if k.endswith("_ms") and isinstance(v, int) else v for k, v in window.__dict__.items()}
            ),
        )
    )
    for other in (shuffled, moved):
        assert found.expected.tolist() == other.expected.tolist()
        assert found.p_values.tolist() == other.p_values.tolist()
        assert found.ratio == other.ratio


def test_the_rhythm_follows_local_time_through_a_clock_change() -> None:
    zone, rng = ZoneInfo("Europe/Berlin"), np.random.default_rng(1)
    # Sunday 28 March 2021: clocks went forward. Everybody posts at nine in the morning, local time.
    mornings = [datetime(2021, 3, 28, 9, tzinfo=zone) - timedelta(days=back) for back in range(29)]
    starts = np.array([round(morning.timestamp() * 1000) for morning in mornings], dtype=np.int64)
    times = np.repeat(starts, rng.poisson(200, starts.size))
    times = np.concatenate([times + rng.integers(0, HOUR_MS, times.size), starts[:1] - np.arange(29) * DAY_MS - 1])
    start = round(datetime(2021, 3, 28, tzinfo=zone).timestamp() * 1000)
    first = round(datetime(2021, 2, 28, tzinfo=zone).timestamp() * 1000)
    local = judged(
        find_spikes(times, np.arange(-28, 1), Window(start, start + 23 * HOUR_MS, first, start, "Europe/Berlin"))
    )
    fixed = judged(find_spikes(times, np.arange(-28, 1), Window(start, start + 23 * HOUR_MS, first, start, "UTC")))
    assert not local.is_spike.any()
    assert fixed.is_spike.any()


def test_sparse_series_get_wider_bins() -> None:
    times, days, window = organic_series(Organic(0.6, "bins", 0.1), np.random.default_rng(2))
    assert judged(find_spikes(times, days, window)).bin_minutes == 30
    times, days, window = organic_series(Organic(0.1, "bins", 0.1), np.random.default_rng(2))
    assert judged(find_spikes(times, days, window)).bin_minutes == 60


def test_days_that_were_not_collected_are_gaps_and_not_quiet_days() -> None:
    times, days, window = organic_series(Organic(5.0, "bins", 0.1, days=35), np.random.default_rng(2))
    gone = (times >= window.start_ms - 8 * DAY_MS) & (times < window.start_ms - 5 * DAY_MS)
    with_gap = judged(find_spikes(times[~gone], days[(days < -8) | (days >= -5)], window))
    taken_for_quiet = judged(find_spikes(times[~gone], days, window))
    assert with_gap.days == 32
    assert with_gap.expected.mean() == pytest.approx(judged(find_spikes(times, days, window)).expected.mean(), rel=0.05)
    assert taken_for_quiet.expected.mean() < 0.93 * with_gap.expected.mean()
    assert taken_for_quiet.dispersion > with_gap.dispersion


def test_what_is_missing_is_said() -> None:
    times, days, window = organic_series(Organic(5.0, "bins", 0.1), np.random.default_rng(2))
    assert find_spikes(times[times < window.start_ms], days, window) == "no posts in the event window"
    assert "6 days of baseline" in str(find_spikes(times, days[-7:], window))
    inside = times[times >= window.start_ms]
    assert "0 posts in the baseline" in str(find_spikes(inside, days, window))


def test_the_last_bin_may_be_shorter() -> None:
    times, days, window = organic_series(Organic(40.0, "bins", 0.02), np.random.default_rng(2))
    short = Window(**{**window.__dict__, "end_ms": window.start_ms + 50 * MINUTE_MS})
    found = judged(find_spikes(times, days, short))
    whole = judged(find_spikes(times, days, window))
    assert found.at_ms.size == 4
    assert found.expected[3] == pytest.approx(whole.expected[3] / 3)
    assert found.counts[3] == sum(short.start_ms + 45 * MINUTE_MS <= time < short.end_ms for time in times)


def hours(*counts: int, first_minutes: int = 60) -> np.ndarray:
    """That many posts in each hour, spread over its first minutes."""
    parts = [
        hour * HOUR_MS + np.arange(count) * (first_minutes * MINUTE_MS) // max(1, count)
        for hour, count in enumerate(counts)
    ]
    return np.concatenate(parts).astype(np.int64)


def test_collection_artefacts_are_noticed() -> None:
    assert "same number" in str(spikes.collection_artefact(hours(100, 100, 100, 100, 100, 37, 88)))
    assert "few minutes" in str(spikes.collection_artefact(hours(50, 70, 61, 80, first_minutes=8)))
    assert "cut off" in str(spikes.collection_artefact(hours(3000, 90, 60, 80, 100, 70, 3010, 95)))
    # Half of the busy hours is enough, ten minutes of the hour too.
    assert "same number" in str(spikes.collection_artefact(hours(100, 100, 100, 100, 31, 42, 53, 64)))
    assert "few minutes" in str(spikes.collection_artefact(hours(50, 70, 61, 80, first_minutes=10)))


def test_ordinary_collections_raise_no_such_doubt() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        times, _, window = organic_series(Organic(20.0, "drift", 0.3), rng)
        assert spikes.collection_artefact(times[times >= window.start_ms]) is None
    assert spikes.collection_artefact(hours(10, 10, 10)) is None
    # Less than half equal, a burst in neighbouring hours, two bursts of clearly different size, two low humps.
    assert spikes.collection_artefact(hours(100, 100, 100, 100, 31, 42, 53, 64, 75)) is None
    assert spikes.collection_artefact(hours(90, 60, 80, 3000, 3010, 100, 70, 95)) is None
    assert spikes.collection_artefact(hours(3000, 90, 60, 80, 100, 70, 3100, 95)) is None
    assert spikes.collection_artefact(hours(300, 90, 60, 80, 100, 70, 301, 95)) is None
    assert spikes.collection_artefact(hours(50, 70, 61, 80, first_minutes=12)) is None
    assert spikes.collection_artefact(np.zeros(0, dtype=np.int64)) is None


def test_the_debate_collection_is_recognised_as_uneven(shared: Path) -> None:
    path = shared / "data" / "organic_gopdebate_2015" / "Sentiment.csv"
    with path.open(encoding="utf-8", newline="") as file:
        stamps = [datetime.strptime(row["tweet_created"], "%Y-%m-%d %H:%M:%S %z") for row in csv.DictReader(file)]
    times = np.array([round(stamp.astimezone(UTC).timestamp() * 1000) for stamp in stamps], dtype=np.int64)
    assert "cut off" in str(spikes.collection_artefact(times))


def test_the_study_gives_one_row_per_kind() -> None:
    rows = studies(runs=2, seed=1)
    assert len(rows) == 60
    assert {row["baseline_days"] for row in rows} == {28, 14, 7}
    assert all(0 <= float(str(row["any_spike_share"])) <= 1 for row in rows)


@pytest.mark.slow
def test_the_study_keeps_false_spikes_under_the_nominal_rate() -> None:
    runs = 300
    for row in studies(runs=runs, seed=20200717):
        # Viral cascades are heavier than any baseline of four weeks can show; the report says so.
        most = 0.12 if row["unrest"] == "viral" else 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
        assert float(str(row["any_spike_share"])) <= most, row
        assert float(str(row["below_5_percent_share"])) <= 0.055, row
