"""Enrolment: false bursts where nobody is planted, planted bursts, and whether the interval of the difference covers.

Dates are made hour by hour over twelve years: growth, a rhythm of day and week, and what a kind adds to them. A crowd
in waves holds no planted burst; a burst found in it counts as false.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from floodmark import stats
from floodmark.accounts.creation_bursts import DAY_MS, HOUR_MS, RESOLUTIONS, WEEK_MS, Resolution, bin_test
from floodmark.accounts.enrolment import Cohort, difference_bounds

Row = dict[str, object]
Moments = NDArray[np.int64]

LEVEL: Final = 0.95
KINDS: Final = ("plain", "rhythm", "over_hour", "over_day", "waves", "wave_big", "ramp")
SIZES: Final = (3_000, 26_000)
PLANTS: Final = (2, 5, 10, 20, 50)
SPREADS: Final = (("hour", HOUR_MS), ("day", DAY_MS), ("week", WEEK_MS))
DRAWS: Final = 2_000
ENROLMENT_MS: Final = 30 * DAY_MS
#: 2020-07-16 19:00 UTC; the last creation.
END_MS: Final = 1_594_926_000_000
_HOURS: Final = round(12 * 365.25 * 24)
_WAVE_HOURS: Final = 24 * 14
#: The hourly test costs six times as much as the daily one, and more in a large roster.
_HOURLY: Final = {3_000: 4, 26_000: 8}
_PLANT_RUNS: Final = 8
COLUMNS: Final = (
    *("measure", "behaviour", "strength", "accounts", "resolution", "runs"),
    *("hit_share", "hit_low", "hit_high", "false_alarm_share", "false_alarm_low", "false_alarm_high"),
    *("flagged_share", "found_hour", "found_day", "found_week"),
    *("covered", "covered_low", "covered_high", "mean_error", "mean_width"),
    *("set", "judged", "flagged", "share", "low", "high", "bursts"),
    *("error_median_days", "error_95_days", "error_max_days"),
)


def rows(runs: int, seed: int) -> list[Row]:
    """Return nulls, planted bursts and coverage; every row has all COLUMNS.

    Nulls by day and week take `runs` runs a row; nulls by hour and plants take fewer, as their `runs` say.
    """
    found = [
        null_row(kind, size, resolution, _null_runs(runs, size, resolution), seed)
        for kind in KINDS
        for size in SIZES
        for resolution in RESOLUTIONS
    ]
    plants = max(5, runs // _PLANT_RUNS)
    found += [planted_row(accounts, name, plants, seed) for name, _ in SPREADS for accounts in PLANTS]
    found += [coverage_row(draw, DRAWS, seed) for draw in draws()]
    return found


def filled(**values: object) -> Row:
    """Return a row with every column, None where nothing is given; ValueError on a column that is none."""
    unknown = set(values) - set(COLUMNS)
    if unknown:
        raise ValueError(f"no such column: {sorted(unknown)[0]}")
    return {column: values.get(column) for column in COLUMNS}


def _null_runs(runs: int, size: int, resolution: Resolution) -> int:
    return max(2, runs // _HOURLY[size]) if resolution.name == "hour" else runs


def created(kind: str, accounts: int, rng: np.random.Generator) -> Moments:
    """Return creation dates (UTC ms) of one kind of crowd in which nobody is planted."""
    hour = np.arange(_HOURS)
    weight = np.exp(1.5 * hour / _HOURS)
    if kind != "plain":
        weight = (
            weight * (1 + 0.9 * np.cos(2 * np.pi * (hour % 24 - 14) / 24)) * np.where(hour // 24 % 7 >= 5, 0.7, 1.1)
        )
    if kind == "over_hour":
        weight = weight * rng.gamma(1.0, 1.0, _HOURS)
    elif kind == "over_day":
        weight = weight * np.repeat(rng.gamma(2.0, 0.5, _HOURS // 24 + 1), 24)[:_HOURS]
    elif kind in {"waves", "wave_big"}:
        weight = weight * _waves(kind, rng)
    elif kind == "ramp":
        weight = weight * (1 + 8 * np.exp(-(_HOURS - hour) / (24 * 20)))
    placed = np.repeat(hour, rng.multinomial(accounts, weight / weight.sum()))
    return END_MS - (_HOURS - placed) * HOUR_MS + rng.integers(0, HOUR_MS, placed.size)


def _waves(kind: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return what sixty waves of news, or one large one, multiply the hours' level by: up in hours, down in days."""
    level = np.ones(_HOURS)
    after = np.arange(_WAVE_HOURS)
    shape = np.exp(-after / 36) * (1 - np.exp(-(after + 1) / 6))
    for start in rng.integers(0, _HOURS, 60 if kind == "waves" else 1):
        height = rng.lognormal(1.0, 0.7) if kind == "waves" else 15.0
        length = min(_HOURS - int(start), _WAVE_HOURS)
        level[start : start + length] *= 1 + height * shape[:length]
    return level


def null_row(kind: str, accounts: int, resolution: Resolution, runs: int, seed: int) -> Row:
    """Return in how many runs any bin is called a burst, with Wilson's limits, and how many are in the mean."""
    bursts = []
    for run in range(runs):
        rng = np.random.default_rng([seed, KINDS.index(kind), accounts, run])
        bursts.append(int(bin_test(created(kind, accounts, rng), resolution).burst.sum()))
    alarms = sum(count > 0 for count in bursts)
    low, high = stats.wilson(alarms, runs, LEVEL)
    return filled(
        measure="M5",
        behaviour=f"null {kind}",
        strength=0,
        accounts=accounts,
        resolution=resolution.name,
        runs=runs,
        false_alarm_share=alarms / runs,
        false_alarm_low=low,
        false_alarm_high=high,
        bursts=sum(bursts),
    )


def planted_row(planted: int, spread: str, runs: int, seed: int) -> Row:
    """Return how often `planted` accounts made within an hour, a day or a week among 3,000 others are found.

    A hit: the flag, which looks at hours and days, names at least one of them. `flagged_share` is the share of the
    planted that it names; a false alarm is a run in which it names a bin that holds none of them.
    """
    width = dict(SPREADS)[spread]
    hits = alarms = 0
    named, found = 0.0, {resolution.name: 0 for resolution in RESOLUTIONS}
    for run in range(runs):
        rng = np.random.default_rng([seed, planted, width // HOUR_MS, run])
        others = created("rhythm", SIZES[0], rng)
        # At a whole hour, as a script starts; a burst of a day or a week then runs over the border of two bins.
        start = (END_MS - int(rng.integers(30, 1_500)) * DAY_MS + int(rng.integers(24)) * HOUR_MS) // HOUR_MS * HOUR_MS
        made = start + rng.integers(0, width, planted)
        inside, elsewhere = np.zeros(planted, dtype=bool), False
        for resolution in RESOLUTIONS:
            test = bin_test(np.concatenate([others, made]), resolution)
            place = (made - int(test.start_ms[0])) // resolution.bin_ms
            struck = test.burst[place]
            found[resolution.name] += bool(struck.any())
            if resolution.name != "week":
                inside |= struck
                elsewhere |= int(test.burst.sum()) > np.unique(place[struck]).size
        hits += bool(inside.any())
        alarms += elsewhere
        named += float(inside.mean()) / runs
    hit_low, hit_high = stats.wilson(hits, runs, LEVEL)
    low, high = stats.wilson(alarms, runs, LEVEL)
    return filled(
        measure="M5",
        behaviour=f"planted within a {spread}" if spread != "hour" else "planted within an hour",
        strength=planted,
        accounts=SIZES[0],
        runs=runs,
        hit_share=hits / runs,
        hit_low=hit_low,
        hit_high=hit_high,
        false_alarm_share=alarms / runs,
        false_alarm_low=low,
        false_alarm_high=high,
        flagged_share=named,
        **{f"found_{name}": count / runs for name, count in found.items()},
    )


@dataclass(frozen=True)
class Draw:
    """Roster and control: accounts, true enrolled shares, and which share of their dates has an error of `width_ms`."""

    accounts: tuple[int, int]
    shares: tuple[float, float]
    width_ms: int = 1
    coarse: tuple[float, float] = (1.0, 1.0)


def draws() -> tuple[Draw, ...]:
    """Return the rosters and controls that are drawn."""
    return (
        Draw((3_000, 3_000), (0.03, 0.03)),
        Draw((3_000, 3_000), (0.06, 0.02)),
        Draw((600, 200), (0.05, 0.05)),
        Draw((600, 200), (0.10, 0.03)),
        Draw((100, 100), (0.02, 0.02)),
        Draw((50, 400), (0.0, 0.01)),
        Draw((600, 600), (0.10, 0.03), DAY_MS),
        # Ids given in sequence: half of the accounts have no finer date than this.
        Draw((600, 600), (0.10, 0.03), 40 * DAY_MS, (0.5, 0.5)),
        Draw((600, 600), (0.10, 0.10), 40 * DAY_MS, (0.5, 0.5)),
        Draw((600, 600), (0.10, 0.10), 40 * DAY_MS, (0.0, 0.5)),
        # Only one side is coarse: the control, then the roster; and dates known to a day, a week, a month.
        Draw((600, 600), (0.10, 0.10), 40 * DAY_MS, (0.5, 0.0)),
        Draw((3_000, 3_000), (0.03, 0.03), DAY_MS, (0.0, 1.0)),
        Draw((3_000, 3_000), (0.03, 0.03), 7 * DAY_MS, (1.0, 0.0)),
        Draw((3_000, 3_000), (0.03, 0.03), 30 * DAY_MS, (0.0, 0.3)),
        Draw((3_000, 3_000), (0.20, 0.03), 30 * DAY_MS, (0.0, 0.3)),
    )


def coverage_row(draw: Draw, runs: int, seed: int) -> Row:
    """Return how often the interval of the difference in enrolled shares holds the true one, of `runs` draws.

    Where the true shares are equal, a false alarm is an interval without 0; where not, a hit is an interval above it.
    """
    rng = np.random.default_rng([seed, draw.width_ms // DAY_MS, *draw.accounts, *(round(s * 1e4) for s in draw.shares)])
    truth = draw.shares[0] - draw.shares[1]
    covered = apart = 0
    error = width = 0.0
    for _ in range(runs):
        counts = [
            _counts(accounts, share, coarse, draw.width_ms, rng)
            for accounts, share, coarse in zip(draw.accounts, draw.shares, draw.coarse, strict=True)
        ]
        ours, usual = counts
        low, high = difference_bounds(ours, usual, LEVEL)
        covered += low <= truth <= high
        apart += low > 0 or (high < 0 and truth == 0)
        shares = [group.inside / (group.inside + group.outside) for group in counts]
        error += (shares[0] - shares[1] - truth) / runs
        width += (high - low) / runs
    limits = stats.wilson(covered, runs, LEVEL)
    low, high = stats.wilson(apart, runs, LEVEL)
    equal, different = (truth == 0, truth > 0)
    coarse_words = " and ".join(f"{share:.0%}" for share in draw.coarse)
    error_days = "" if draw.width_ms == 1 else f"; {coarse_words} of dates known to {draw.width_ms // DAY_MS} d"
    return filled(
        measure="M5",
        behaviour=f"difference of {draw.shares[0]:.0%} and {draw.shares[1]:.0%}{error_days}",
        strength=truth,
        accounts=" / ".join(str(accounts) for accounts in draw.accounts),
        runs=runs,
        covered=covered / runs,
        covered_low=limits[0],
        covered_high=limits[1],
        mean_error=error,
        mean_width=width,
        hit_share=apart / runs if different else None,
        hit_low=low if different else None,
        hit_high=high if different else None,
        false_alarm_share=apart / runs if equal else None,
        false_alarm_low=low if equal else None,
        false_alarm_high=high if equal else None,
    )


def _counts(accounts: int, share: float, coarse: float, width_ms: int, rng: np.random.Generator) -> Cohort:
    """Return one drawn group, of whose dates a share `coarse` is known to `width_ms`."""
    enrolled = rng.random(accounts) < share
    before = np.where(enrolled, rng.integers(1, ENROLMENT_MS, accounts), ENROLMENT_MS + _older(accounts, rng))
    width = np.where(rng.random(accounts) < coarse, width_ms, 1)
    at = END_MS - before
    verdict = enrolled_by(at - at % width, width)
    inside, outside, unsure = (int((verdict == answer).sum()) for answer in (1, 0, -1))
    return Cohort(inside, outside, unsure, fine=int((width <= ENROLMENT_MS).sum()))


def _older(accounts: int, rng: np.random.Generator) -> Moments:
    return (1 + rng.exponential(900 * DAY_MS, accounts)).astype(np.int64)


def enrolled_by(at: Moments, width: Moments) -> NDArray[np.int64]:
    """Return 1, 0 or -1 (unknown) for dates in [at, at + width): created within ENROLMENT_MS before END_MS."""
    first = END_MS - ENROLMENT_MS
    yes = (at >= first) & (at + width <= END_MS)
    no = (at >= END_MS) | (at + width <= first)
    return np.where(yes, 1, np.where(no, 0, -1)).astype(np.int64)
