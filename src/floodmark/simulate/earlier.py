"""Earlier events of the supporters' kind: streams to compare this one with, and how often each post was shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from floodmark.simulate.params import DAY_S, CampaignParams
from floodmark.simulate.rhythm import Clock
from floodmark.simulate.world import Floats, Ints, Posts

#: How many earlier events there were, how far apart (whole weeks, so that weekdays agree), and their size beside this.
EVENTS: Final = 8
APART_DAYS: Final = 35
SIZE_SHARE: Final = 0.04
_LEAST_POSTS_PER_DAY: Final = 8
#: How much the pull of one event differs from the next, as a standard deviation of logarithms.
_LIFT_SPREAD: Final = 0.15
_SHOWN_PER_FOLLOWER: Final = 0.2
_SHOWN_SPREAD: Final = 1.0


def starts_s(clock: Clock) -> list[int]:
    """Return when each earlier event began (UTC s), the latest first."""
    return [clock.window_s - APART_DAYS * DAY_S * number for number in range(1, EVENTS + 1)]


def earlier_event(
    params: CampaignParams, clock: Clock, activity: Floats, start_s: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Return (account, time in UTC s) of the posts around one earlier event, which nobody attacked.

    Accounts are numbers from 0. Its weeks before and its days have the course of the supporters' conversation, at a
    part of its size; `activity` are the weights of people from whom its own are drawn.
    """
    crowd = params.supporters
    size = max(_LEAST_POSTS_PER_DAY, round(SIZE_SHARE * crowd.baseline_posts_per_day))
    lift = crowd.window_posts / params.window_days / crowd.baseline_posts_per_day
    lift *= float(np.exp(rng.normal(0, _LIFT_SPREAD)))
    rates = clock.rates[0]
    before = np.where(clock.in_window, 0.0, rates)
    window = np.where(clock.in_window, rates * clock.event_shape(crowd.event_peak_ratio), 0.0)
    counts = (rng.poisson(size * params.baseline_days), rng.poisson(size * lift * params.window_days))
    at_s = np.concatenate([clock.draw(rng, rate, count) for rate, count in zip((before, window), counts, strict=True)])
    people = max(20, round(size / crowd.baseline_posts_per_day * crowd.accounts))
    weights = rng.choice(activity, people)
    account = rng.choice(people, len(at_s), p=weights / weights.sum())
    moved: Ints = at_s + start_s - clock.window_s
    return account.astype(np.int64), moved


def impressions(posts: Posts, followers: Ints, rng: np.random.Generator) -> Ints:
    """Return how often each post was shown: to part of its author's followers, now and then to many more."""
    pull = np.exp(rng.normal(0, _SHOWN_SPREAD, len(posts)))
    mean = (followers[posts.account] + 3) * _SHOWN_PER_FOLLOWER * pull
    shown: Ints = rng.poisson(np.minimum(mean, 1e9)).astype(np.int64)
    return shown


def voices(mask: Mapping[str, np.ndarray], weights: Ints) -> dict[str, float]:
    """Return the share of the summed weights in each mask, of those in any of them."""
    known = np.logical_or.reduce(list(mask.values()))
    total = float(weights[known].sum())
    return {name: float(weights[inside].sum()) / total if total else 0.0 for name, inside in mask.items()}
