"""How often the spike test cries wolf: organic series with a daily and weekly rhythm and no campaign, judged often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.event.spikes import DAY_MS, HOUR_MS, MINUTE_MS, Spikes, Window, find_spikes
from floodmark.stats import Counts, Floats

_START_MS: Final = 1_594_927_800_000
_ZONE: Final = "Asia/Tehran"


@dataclass(frozen=True)
class Organic:
    """One kind of organic conversation: mean posts per bin, how unrest comes about, and how much of it.

    `unrest` is "bins" (each bin its own gamma factor: the model itself), "days" (one factor a day), "drift" (a
    log-normal level that wanders over hours) or "viral" (about one cascade a day, heavy-tailed, fading over an hour).

    `event` is what an announced event does on the last day: "none", "slow" (a crowd that comes and goes around 18:00),
    "twice" (a smaller one at 11:00 too) or "sharp" (all come at 18:00 and leave over hours); `peak` is how many times
    the usual number then posts. Viral cascades come more often in the same proportion. `announced` says whether the
    test knows of 18:00.
    """

    mean: float
    unrest: str
    dispersion: float
    days: int = 28
    minutes: int = 15
    event: str = "none"
    announced: bool = False
    peak: float = 30.0


def organic_series(kind: Organic, rng: np.random.Generator) -> tuple[Counts, Counts, Window]:
    """Return (times in ms, collected days, window) of one series: `kind.days` of baseline and a window of a day."""
    per_day = 24 * 60 // kind.minutes
    bins = np.arange(-kind.days * per_day, per_day, dtype=np.int64)
    rates = _unrest(kind, kind.mean * _rhythm(bins, per_day) * lift_of(kind, bins, per_day), per_day, rng)
    starts = np.repeat(bins, rng.poisson(rates)) * kind.minutes * MINUTE_MS + _START_MS
    times = starts + rng.integers(0, kind.minutes * MINUTE_MS, starts.size)
    window = Window(
        _START_MS,
        _START_MS + DAY_MS,
        _START_MS - kind.days * DAY_MS,
        _START_MS,
        _ZONE,
        kind.minutes,
        baseline_days=28,
        announced_ms=(_START_MS + 18 * HOUR_MS,) if kind.announced else (),
    )
    return times, np.arange(-kind.days, 1, dtype=np.int64), window


def judge_many(kind: Organic, runs: int, seed: int) -> list[Spikes]:
    """Judge `runs` series of one kind; those too sparse to judge are left out."""
    rng = np.random.default_rng(seed)
    found = [find_spikes(*organic_series(kind, rng)) for _ in range(runs)]
    return [result for result in found if isinstance(result, Spikes)]


def studies(runs: int = 1_000, seed: int = 20200717) -> list[Mapping[str, object]]:
    """Return one row per kind of conversation: how often any bin, and which share of bins, was called a spike.

    Without a campaign every spike is false, so `any_spike_share` is the false-discovery rate. `below_5_percent_share`
    is the share of p-values under 0.05, which a calibrated or cautious test keeps at or under 0.05.
    """
    rows: list[Mapping[str, object]] = []
    for days in (28, 14, 7):
        for unrest in ("bins", "days", "drift", "viral"):
            for mean, dispersion in ((0.3, 0.3), (2.0, 0.1), (2.0, 0.5), (20.0, 0.1), (20.0, 0.5)):
                found = judge_many(Organic(mean, unrest, dispersion, days), runs, seed)
                rows.append(
                    {
                        "baseline_days": days,
                        "unrest": unrest,
                        "mean_per_bin": mean,
                        "dispersion": dispersion,
                        "judged": len(found),
                        "any_spike_share": float(np.mean([result.is_spike.any() for result in found])),
                        "spike_bins_share": float(np.mean([result.is_spike.mean() for result in found])),
                        "below_5_percent_share": float(np.mean([(r.p_values <= 0.05).mean() for r in found])),
                    }
                )
    return rows


def lift_of(kind: Organic, bins: Counts, per_day: int) -> Floats:
    """Return by what factor the announced event lifts each bin (1 before the last day)."""
    hours = bins * 24 / per_day
    slow = np.exp(-(((hours - 18) / 3.5) ** 2))
    shapes = {
        "none": np.zeros(bins.size),
        "slow": slow,
        "twice": slow + 0.6 * np.exp(-(((hours - 11) / 2.5) ** 2)),
        "sharp": np.where(hours >= 18, np.exp(-(hours - 18) / 2), 0.0),
    }
    return np.where(bins >= 0, 1 + (kind.peak - 1) * shapes[kind.event], 1.0)


def _rhythm(bins: Counts, per_day: int) -> Floats:
    """Return relative activity: a quiet night, two quieter days a week."""
    hour, day = bins % per_day * 24 / per_day, bins // per_day % 7
    weekday = np.where(day == 0, 0.6, np.where(day == 1, 0.8, 1.15))
    return np.asarray((1 + 0.8 * np.sin((hour - 9) / 24 * 2 * np.pi)) * weekday, dtype=np.float64)


def _unrest(kind: Organic, rates: Floats, per_day: int, rng: np.random.Generator) -> Floats:
    spread = kind.dispersion
    if kind.unrest == "bins":
        return rates * rng.gamma(1 / spread, spread, rates.size)
    if kind.unrest == "days":
        return rates * np.repeat(rng.gamma(1 / spread, spread, rates.size // per_day), per_day)
    if kind.unrest == "drift":
        return rates * _drift(rates.size, spread, rng)
    lifted = rates.copy()
    starts = rng.integers(0, rates.size, rng.poisson(rates.size // per_day))
    if kind.event != "none":
        lift = lift_of(kind, np.arange(rates.size) - (rates.size - per_day), per_day)
        extra = rng.poisson(float((lift - 1).sum()) / per_day)
        starts = np.concatenate([starts, rng.choice(rates.size, extra, p=(lift - 1) / (lift - 1).sum())])
    for start in starts:
        size = kind.mean * per_day * spread * (rng.pareto(2.0) + 1) / 20
        later = np.arange(rates.size - start)
        lifted[start:] += size * (1 - np.exp(-0.25)) * np.exp(-0.25 * later)
    return lifted


def _drift(size: int, spread: float, rng: np.random.Generator) -> Floats:
    """Return log-normal factors with mean 1 whose logarithm keeps nine tenths of itself from bin to bin."""
    from scipy.signal import lfilter

    noise = rng.normal(size=size) * np.sqrt(1 - 0.9**2)
    noise[0] = rng.normal()
    deviation = np.sqrt(np.log1p(spread))
    return np.asarray(np.exp(deviation * lfilter([1.0], [1.0, -0.9], noise) - deviation**2 / 2), dtype=np.float64)
