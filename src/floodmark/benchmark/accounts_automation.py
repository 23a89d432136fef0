"""Automation planted at several strengths in made organic timelines, false alarms on these and on real organic sets.

Strengths: jitter of a fixed period (seconds), hours of quiet a day, share of changed letters in copied sequences.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from floodmark.accounts.clock_marks import PERIODS_MS, STRENGTH
from floodmark.accounts.clock_marks import TICKS as MARK_TICKS
from floodmark.accounts.no_night import CHANCE, MIN_DAYS, QUIET_MS
from floodmark.accounts.no_night import SHARE as NIGHT_SHARE
from floodmark.accounts.regular_gaps import LONGEST_MS, SHARE, STEEPNESS, TICKS, WIDTH
from floodmark.accounts.same_schedule import OTHERS
from floodmark.accounts.schedules import in_step, pairs_in_step
from floodmark.accounts.sequences import own_null, shared_by_few
from floodmark.accounts.timelines import FALSE_DISCOVERIES
from floodmark.stats import bh, wilson

Times = list[NDArray[np.int64]]
Flat = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
Row = dict[str, object]
Judge = Callable[[Times], NDArray[np.bool_]]

_T0: Final = 1_594_944_000_000
_DAY_MS: Final = 86_400_000
_MINIMUM: Final = 20
_PLANTED: Final = 20
_ORGANIC: Final = 180
MIN_MOMENTS: Final = 5
_PERIOD_MS: Final = 2_400_000
JITTERS_S: Final = (1, 10, 60, 120, 300, 600)
POSTS: Final = (10, 30, 60, 200)
STEP_JITTERS_S: Final = (0, 2, 5, 20, 60, 300)
NIGHT_HOURS: Final = (0, 2, 3, 4, 6, 8)
CHANGED: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def rows(runs: int, seed: int) -> list[Row]:
    """Return hits and false alarms of every behaviour and strength, over `runs` runs of 20 planted and 180 organic."""
    made: list[Row] = []
    for posts in POSTS:
        for jitter in JITTERS_S:
            plant = _periodic(posts, jitter)
            made.append(_row("regular_gaps", f"period 40 min, {posts} posts", f"jitter {jitter} s", plant, runs, seed))
    beat, awake = "period 40 min, 60 posts", "10 days, 2 posts an hour"
    made += [_row("clock_marks", beat, f"jitter {jitter} s", _periodic(60, jitter), runs, seed) for jitter in JITTERS_S]
    made += [_row("no_night", awake, f"{hours} h of quiet", _awake(hours), runs, seed) for hours in NIGHT_HOURS]
    # One origin for all planted accounts of a run: their moments are the same but for the jitter.
    made += [
        _row("same_schedule", "20 accounts, 40 shared moments", f"jitter {jitter} s", _in_step(jitter), runs, seed)
        for jitter in STEP_JITTERS_S
    ]
    for changed in CHANGED:
        made += _sequence_rows(changed, runs, seed)
    return made + honest_rows(seed)


def _row(
    flag: str, behaviour: str, strength: str, plant: Callable[..., NDArray[np.int64]], runs: int, seed: int
) -> Row:
    hits = alarms = 0
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        times = [plant(rng) for _ in range(_PLANTED)] + [_organic(rng, kind % 4) for kind in range(_ORGANIC)]
        found = JUDGES[flag](times)
        hits += int(found[:_PLANTED].sum())
        alarms += int(found[_PLANTED:].sum())
    return _counted(flag, behaviour, strength, hits, alarms, runs)


def _counted(flag: str, behaviour: str, strength: str, hits: int, alarms: int, runs: int) -> Row:
    planted, organic = _PLANTED * runs, _ORGANIC * runs
    low, high = wilson(hits, planted)
    alarm_low, alarm_high = wilson(alarms, organic)
    return {
        "measure": flag,
        "behaviour": behaviour,
        "strength": strength,
        "accounts": planted,
        "hit_share": hits / planted,
        "hit_low": low,
        "hit_high": high,
        "organic": organic,
        "false_alarm_share": alarms / organic,
        "false_alarm_low": alarm_low,
        "false_alarm_high": alarm_high,
    }


def _organic(rng: np.random.Generator, kind: int) -> NDArray[np.int64]:
    """Return 10 days of an ordinary account: 0 by day, 1 in bursts, 2 heavy, 3 on changing night shifts."""
    posts = (60, 150, 500, 150)[kind]
    day = rng.integers(0, 10, posts)
    shift = (day // 4) * 8 if kind == 3 else np.full(posts, int(rng.integers(0, 24)))
    hour = (shift + rng.uniform(0, 17, posts)) % 24
    at = day * _DAY_MS + (hour * 3_600_000).astype(np.int64)
    if kind == 1:
        centres = at[: posts // 10]
        at = np.repeat(centres, 10) + np.cumsum(rng.exponential(120_000, 10 * len(centres)).astype(np.int64)) % 900_000
    return np.sort(_T0 + at) // 1000 * 1000


def _periodic(posts: int, jitter_s: int) -> Callable[[np.random.Generator], NDArray[np.int64]]:
    def plant(rng: np.random.Generator) -> NDArray[np.int64]:
        slots = _T0 + int(rng.integers(0, _PERIOD_MS)) + np.arange(posts) * _PERIOD_MS
        return np.sort(slots + rng.integers(0, jitter_s * 1000 + 1, posts)) // 1000 * 1000

    return plant


def _in_step(jitter_s: int) -> Callable[[np.random.Generator], NDArray[np.int64]]:
    shared = np.sort(np.random.default_rng(41).integers(0, 10 * _DAY_MS, 40))

    def plant(rng: np.random.Generator) -> NDArray[np.int64]:
        return np.sort(_T0 + shared + rng.integers(0, jitter_s * 1000 + 1, 40)) // 1000 * 1000

    return plant


def _awake(quiet_hours: int) -> Callable[[np.random.Generator], NDArray[np.int64]]:
    def plant(rng: np.random.Generator) -> NDArray[np.int64]:
        slots = np.arange(480) * 1_800_000
        slots = slots[(slots // 3_600_000) % 24 >= quiet_hours]
        return np.sort(_T0 + slots + rng.integers(0, 1_800_000, len(slots))) // 1000 * 1000

    return plant


def _flat(times: Times) -> Flat:
    starts = np.concatenate([[0], np.cumsum([len(own) for own in times])]).astype(np.int64)
    return starts, np.concatenate(times), np.full(len(times), 1000, dtype=np.int64)


def _flagged(p: NDArray[np.float64], large: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found = np.zeros(len(p), dtype=bool)
    known = ~np.isnan(p)
    found[known] = bh(p[known], FALSE_DISCOVERIES)
    return found & large


def _even(times: Times) -> NDArray[np.bool_]:
    from floodmark.accounts.kernels.rhythm import even_gaps

    starts, at, clock = _flat(times)
    p, _, band, _ = even_gaps(starts, at, clock * TICKS, LONGEST_MS, WIDTH, STEEPNESS, _MINIMUM)
    return _flagged(p, band >= SHARE * (np.diff(starts) - 1))


def _marks(times: Times) -> NDArray[np.bool_]:
    from floodmark.accounts.kernels.rhythm import clock_marks

    p, _, strength, _ = clock_marks(*_flat(times), np.array(PERIODS_MS, dtype=np.int64), MARK_TICKS, _MINIMUM)
    return _flagged(p, strength >= STRENGTH)


def _nights(times: Times) -> NDArray[np.bool_]:
    from floodmark.accounts.kernels.rhythm import sleepless_days

    starts, at, _ = _flat(times)
    p, sleepless, days = sleepless_days(starts, at, QUIET_MS, _DAY_MS, CHANCE, MIN_DAYS)
    return _flagged(p, sleepless >= NIGHT_SHARE * np.maximum(1, days))


def _steps(times: Times) -> NDArray[np.bool_]:
    starts, at, _ = _flat(times)
    partners, _, _ = in_step(pairs_in_step(starts, at, 1_000, MIN_MOMENTS), len(times), FALSE_DISCOVERIES)
    return partners >= OTHERS


JUDGES: Final[dict[str, Judge]] = {
    "regular_gaps": _even,
    "clock_marks": _marks,
    "no_night": _nights,
    "same_schedule": _steps,
}


def honest_rows(seed: int, accounts: int = 8_000) -> list[Row]:
    """Return, for three seeds, the share of made organic accounts (pairs) whose p-value is at most 1, 5 and 10 %."""
    made: list[Row] = []
    for place in range(3):
        rng = np.random.default_rng([seed, 99, place])
        times = [_organic(rng, number % 4) for number in range(accounts)]
        flat = _flat(times)
        for measure, p in _p_values(rng, times, flat):
            known = p[~np.isnan(p)]
            for level in (0.01, 0.05, 0.1):
                below = int((known <= level).sum())
                low, high = wilson(below, len(known))
                made.append(
                    {
                        "measure": measure,
                        "behaviour": f"null, seed {place + 1}",
                        "strength": f"p at most {level:g}",
                        "organic": len(known),
                        "false_alarm_share": below / len(known),
                        "false_alarm_low": low,
                        "false_alarm_high": high,
                    }
                )
    return made


def _p_values(rng: np.random.Generator, times: Times, flat: Flat) -> list[tuple[str, NDArray[np.float64]]]:
    from floodmark.accounts.kernels.rhythm import clock_marks, even_gaps, sleepless_days

    starts, at, clock = flat
    letters = [_letters(rng, 150) for _ in range(500)]
    few = times[:300]
    pairs = pairs_in_step(*_flat(few)[:2], 1_000, 1)
    # Pairs without a shared moment have a p-value of 1; they are counted too.
    steps = np.concatenate([pairs.p_values, np.ones(len(few) * (len(few) - 1) // 2 - len(pairs.a))])
    return [
        ("regular_gaps", even_gaps(starts, at, clock * TICKS, LONGEST_MS, WIDTH, STEEPNESS, _MINIMUM)[0]),
        ("clock_marks", clock_marks(starts, at, clock, np.array(PERIODS_MS, dtype=np.int64), MARK_TICKS, _MINIMUM)[0]),
        ("no_night", sleepless_days(starts, at, QUIET_MS, _DAY_MS, CHANCE, MIN_DAYS)[0]),
        ("same_schedule (pairs)", steps),
        ("behaviour_sequence", own_null(np.concatenate(letters), np.arange(501) * 150)[0]),
    ]


def _sequence_rows(changed: float, runs: int, seed: int) -> list[Row]:
    """Return the rows of the flag and of the published rule; where all is changed, nothing is planted."""
    hits, alarms = {"behaviour_sequence": 0, "digital_dna": 0}, {"behaviour_sequence": 0, "digital_dna": 0}
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        # Habits differ and persist: each account's letters come in runs of its own mean length.
        organic = [_letters(rng, 150) for _ in range(_PLANTED + _ORGANIC)]
        script = rng.integers(0, 3, 150).astype(np.uint8)
        sequences = [np.where(rng.random(150) < changed, own, script) for own in organic[:_PLANTED]] + organic[
            _PLANTED:
        ]
        letters, starts = np.concatenate(sequences).astype(np.uint8), np.arange(len(sequences) + 1) * 150
        p, length, usual = own_null(letters, starts)
        found = {
            "behaviour_sequence": _flagged(p, length > usual),
            "digital_dna": shared_by_few(letters, starts).length > 0,
        }
        for name, flags in found.items():
            hits[name] += int(flags[:_PLANTED].sum())
            alarms[name] += int(flags[_PLANTED:].sum())
    strength = f"{changed:.0%} changed"
    return [_counted(name, "20 copies of 150 posts", strength, hits[name], alarms[name], runs) for name in hits]


def _letters(rng: np.random.Generator, posts: int) -> NDArray[np.uint8]:
    mix = rng.dirichlet([1.0, 1.0, 1.0])
    stays = rng.random(posts) < rng.uniform(0, 0.7)
    letters = rng.choice(3, posts, p=mix).astype(np.uint8)
    for place in np.flatnonzero(stays[1:]) + 1:
        letters[place] = letters[place - 1]
    return letters
