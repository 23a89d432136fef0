"""The clock of the crowds: daily and weekly rhythm in each account's own local time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from floodmark.simulate.params import BIN_S, CampaignParams
from floodmark.simulate.places import PLACES
from floodmark.simulate.world import Bools, Floats, Ints, People

#: Relative activity at local 0h, 1h ... 23h: on a workday people wake at 7, on a day off at 9, and post less.
_WORKDAY: Final = np.array(
    (
        *(0.45, 0.22, 0.12, 0.08, 0.07, 0.10, 0.22, 0.42, 0.60, 0.68, 0.72, 0.78),
        *(0.85, 0.82, 0.75, 0.72, 0.76, 0.82, 0.90, 1.00, 1.10, 1.20, 1.12, 0.80),
    )
)
_DAY_OFF: Final = 0.8 * np.array(
    (
        *(0.60, 0.35, 0.20, 0.11, 0.08, 0.08, 0.10, 0.16, 0.30, 0.50, 0.70, 0.80),
        *(0.85, 0.88, 0.80, 0.76, 0.78, 0.85, 0.95, 1.02, 1.10, 1.15, 1.05, 0.75),
    )
)
#: Local hour of the event's centre and its width, and how much of the peak comes back on the second day.
_EVENT_HOUR: Final = 18.0
_EVENT_WIDTH_H: Final = 3.5
_SECOND_DAY: Final = 0.35


@dataclass(frozen=True)
class Clock:
    """The simulated weeks in bins of 15 minutes; `rates` has one row per place and a mean of about 1."""

    start_s: int
    window_s: int
    end_s: int
    rates: Floats

    @property
    def in_window(self) -> Bools:
        """Which bins belong to the event window."""
        return np.arange(self.rates.shape[1]) >= (self.window_s - self.start_s) // BIN_S

    def bins(self, at_s: Ints) -> Ints:
        """Return the bin of each time."""
        return (at_s - self.start_s) // BIN_S

    def draw(self, rng: np.random.Generator, weights: Floats, count: int) -> Ints:
        """Return `count` times (UTC s, sorted) that follow `weights` (one per bin)."""
        per_bin = rng.multinomial(count, weights / weights.sum())
        starts = self.start_s + BIN_S * np.repeat(np.arange(len(weights)), per_bin)
        return np.sort(starts + rng.integers(0, BIN_S, count))

    def event_shape(self, peak_ratio: float) -> Floats:
        """Return the factor by which the announced event lifts each bin (1 before the window)."""
        hours = (self.start_s + BIN_S * np.arange(self.rates.shape[1]) - self.window_s) / 3600
        first = np.exp(-(((hours - _EVENT_HOUR) / _EVENT_WIDTH_H) ** 2))
        second = _SECOND_DAY * np.exp(-(((hours - _EVENT_HOUR - 24) / _EVENT_WIDTH_H) ** 2))
        shape: Floats = 1 + (peak_ratio - 1) * (first + second)
        return np.where(self.in_window, shape, 1.0)


def make_clock(params: CampaignParams) -> Clock:
    """Return the clock of the baseline and the event window of `params`."""
    start_s = params.local_midnight_s(-params.baseline_days)
    end_s = params.local_midnight_s(params.window_days)
    count = (end_s - start_s) // BIN_S
    rates = np.stack([place_rates(place.zone, place.off_days, start_s, count) for place in PLACES])
    return Clock(start_s, params.local_midnight_s(), end_s, rates)


def place_rates(zone: str, off_days: Sequence[int], start_s: int, count: int) -> Floats:
    """Return the relative activity in `count` bins from `start_s`, in local time with that date's offset."""
    local_zone = ZoneInfo(zone)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    rates = np.empty(count)
    for index in range(count):
        local = (epoch + timedelta(seconds=start_s + BIN_S * index + BIN_S // 2)).astimezone(local_zone)
        profile = _DAY_OFF if local.weekday() in off_days else _WORKDAY
        hour, share = local.hour, local.minute / 60
        rates[index] = profile[hour] * (1 - share) + profile[(hour + 1) % 24] * share
    return rates / float(_WORKDAY.mean())


class Picker:
    """Picks who posts at a time: first the place (by who is awake there), then the account (by its activity)."""

    def __init__(self, people: People, pool: Ints, clock: Clock) -> None:
        """Prepare for the accounts in `pool`."""
        self.clock = clock
        by_place = [pool[people.place[pool] == place] for place in range(len(PLACES))]
        self._accounts = by_place
        self._cumulative = [np.cumsum(people.activity[accounts]) for accounts in by_place]
        weights = np.array([cumulative[-1] if len(cumulative) else 0.0 for cumulative in self._cumulative])
        self._place_rates = (weights / weights.sum())[:, None] * clock.rates
        self.rate: Floats = self._place_rates.sum(axis=0)

    def pick(self, rng: np.random.Generator, at_s: Ints) -> Ints:
        """Return an account for each time."""
        odds = np.cumsum(self._place_rates, axis=0)[:, self.clock.bins(at_s)]
        place = (rng.random(len(at_s)) * odds[-1] >= odds).sum(axis=0)
        share = rng.random(len(at_s))
        picked = np.empty(len(at_s), dtype=np.int64)
        for index, (accounts, cumulative) in enumerate(zip(self._accounts, self._cumulative, strict=True)):
            mine = place == index
            if mine.any():
                picked[mine] = accounts[np.searchsorted(cumulative, share[mine] * cumulative[-1], side="right")]
        return picked
