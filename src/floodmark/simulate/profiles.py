"""Account profiles: creation, last earlier post, followers, names, places; the planted counts come out exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.simulate import phrases
from floodmark.simulate.cast import Cast
from floodmark.simulate.families import NEVER
from floodmark.simulate.params import DAY_S, LANGUAGES, CampaignParams
from floodmark.simulate.places import JOKES, PLACES
from floodmark.simulate.rhythm import Clock
from floodmark.simulate.world import (
    DORMANT_LOW,
    DORMANT_ONLY,
    LOW_ONLY,
    NEW_LOW,
    NEW_ONLY,
    Bools,
    Floats,
    Ints,
    Layout,
    Objects,
    People,
    objects,
    slots,
)

#: A margin keeps accounts away from every threshold, so that no choice of "since when" changes who is flagged.
_OLDEST_DAYS: Final = 3_100
_FALSE_HOME_SHARE: Final = 0.03
_FOREIGN_INTERFACE_SHARE: Final = 0.15
#: How long a burst of creations lasts.
BURST_S: Final = {"hour": 3_600, "day": DAY_S, "week": 7 * DAY_S}


@dataclass(frozen=True)
class Profiles:
    """One entry per account. `previous_s`: the last post before the collection (NEVER: none), even if unknown.

    `burst` says how long the planted burst of creations lasted that the account is part of; `wave` for the
    platform's own, empty for none.
    """

    created_s: Ints
    previous_s: Ints
    previous_known: Bools
    followers: Ints
    following: Ints
    posts_total: Ints
    default_picture: Bools
    display_name: Objects
    location: Objects
    language: Ints
    burst: Objects


@dataclass(frozen=True)
class _Flags:
    new: Bools
    dormant: Bools
    low: Bools


def make_profiles(
    params: CampaignParams,
    people: People,
    layout: Layout,
    clock: Clock,
    cast: Cast,
    first_s: Ints,
    rng: np.random.Generator,
) -> Profiles:
    """Return the profiles. `first_s` is each account's first post in the collection (UTC s)."""
    flags = _flags(params, people, rng)
    created_s, burst = _created(params, people, layout, clock, first_s, flags, rng)
    count = len(people)
    age_days = (clock.window_s - created_s) / DAY_S
    since_days = np.where(
        flags.dormant,
        _between(params.dormant_days + params.baseline_days + 7, age_days - 5, rng),
        _between(params.baseline_days + 0.05, np.minimum(params.dormant_days - 30, age_days - 1), rng),
    )
    previous_s = np.where(flags.new, NEVER, clock.window_s - (since_days * DAY_S).astype(np.int64))
    followers = np.where(
        flags.low,
        rng.integers(0, params.low_follower_under, count),
        params.low_follower_under + np.exp(rng.normal(4.6, 1.3, count)).astype(np.int64),
    )
    campaign = people.role == "campaign"
    return Profiles(
        created_s=created_s,
        previous_s=previous_s,
        previous_known=campaign | flags.new | (rng.random(count) >= params.unknown_previous_share),
        followers=followers,
        following=np.exp(rng.normal(5.2, 1.0, count)).astype(np.int64),
        posts_total=1 + (np.maximum(age_days, 1) * np.exp(rng.normal(-0.5, 1.2, count))).astype(np.int64),
        default_picture=rng.random(count) < np.where(flags.new, 0.4, np.where(flags.low, 0.25, 0.04)),
        display_name=_display_names(people, rng),
        location=_locations(params, people, rng),
        language=np.where(
            cast.taken_over,
            cast.owner_language,
            np.where(rng.random(count) < _FOREIGN_INTERFACE_SHARE, LANGUAGES.index("en"), people.language),
        ),
        burst=burst,
    )


def _flags(params: CampaignParams, people: People, rng: np.random.Generator) -> _Flags:
    """Campaign accounts have the flags of their cell; others draw them at their crowd's base rates."""
    chance = rng.random((3, len(people)))
    campaign = people.role == "campaign"
    new_share, dormant_share, low_share = (
        np.array([getattr(crowd, name) for crowd in params.crowds])[people.topic]
        for name in ("new_share", "dormant_share", "low_follower_share")
    )
    new = np.where(campaign, np.isin(people.cell, (NEW_LOW, NEW_ONLY)), chance[0] < new_share)
    dormant = np.where(campaign, np.isin(people.cell, (DORMANT_LOW, DORMANT_ONLY)), ~new & (chance[1] < dormant_share))
    # Newcomers have few followers because they are newcomers.
    low = np.where(
        campaign,
        np.isin(people.cell, (NEW_LOW, DORMANT_LOW, LOW_ONLY)),
        chance[2] < np.where(new, 0.5, low_share),
    )
    return _Flags(new, dormant, low)


def _between(low: float, high: Floats, rng: np.random.Generator) -> Floats:
    """Draw days between `low` and `high`, mostly near `low`."""
    drawn: Floats = low + np.maximum(high - low, 0) * rng.random(len(high)) ** 2
    return drawn


def _created(
    params: CampaignParams,
    people: People,
    layout: Layout,
    clock: Clock,
    first_s: Ints,
    flags: _Flags,
    rng: np.random.Generator,
) -> tuple[Ints, Objects]:
    """Return creation times, and of which burst or wave each account is part."""
    count, campaign = len(people), people.role == "campaign"
    burst = objects([""] * count)
    youngest = np.where(flags.dormant, params.dormant_days + params.baseline_days + 60, params.new_days + 3)
    age_days = np.exp(rng.normal(6.8, 0.9, count))
    # Cut off at the ends, ages would pile up there and look like bursts.
    within = (age_days > youngest) & (age_days < _OLDEST_DAYS)
    age_days = np.where(within, age_days, youngest + rng.random(count) * (_OLDEST_DAYS - youngest))
    created_s = clock.window_s - (age_days * DAY_S).astype(np.int64) - rng.integers(0, DAY_S // 2, count)
    free = ~flags.new & ~flags.dormant
    _old_bursts(params, clock, layout.campaign[free[layout.campaign]], created_s, burst, rng)
    waves_s = clock.window_s - DAY_S * rng.integers(60, 2_000, params.habits.waves)
    riding = np.flatnonzero(free & ~campaign & (rng.random(count) < params.habits.wave_share))
    length_s = params.habits.wave_days * DAY_S
    created_s[riding] = waves_s[rng.integers(0, len(waves_s), len(riding))] + rng.integers(0, length_s, len(riding))
    burst[riding] = "wave"
    cohort_s = clock.window_s - params.new_days * DAY_S + 3600
    latest_s = np.where(campaign, np.minimum(first_s, clock.window_s), first_s) - 1
    fresh = cohort_s + (rng.random(count) * (latest_s - cohort_s)).astype(np.int64)
    created_s[flags.new] = fresh[flags.new]
    _new_bursts(params, clock, (people, flags.new, latest_s), created_s, burst, rng)
    late = _created_after_start(params, layout, flags, first_s, rng)
    room = first_s[late] - clock.window_s
    created_s[late] = clock.window_s + (rng.random(len(late)) * room).astype(np.int64)
    burst[late] = ""
    return created_s, burst


def _old_bursts(
    params: CampaignParams, clock: Clock, old: Ints, created_s: Ints, burst: Objects, rng: np.random.Generator
) -> None:
    """Let a share of the older campaign accounts be made in bulk, within an hour, a day or a week."""
    plans = params.behaviours
    bulk = old[rng.random(len(old)) < plans.bulk_share_of_old_accounts]
    lengths = np.repeat(objects(list(BURST_S)), (plans.hour_bursts, plans.day_bursts, plans.week_bursts))
    start_s = clock.window_s - DAY_S * rng.integers(params.new_days + 12, 1_500, len(lengths))
    start_s = start_s + rng.integers(0, 24, len(lengths)) * 3600
    which = rng.integers(0, max(1, len(lengths)), len(bulk))
    for number, length in enumerate(lengths):
        mine = bulk[which == number]
        created_s[mine] = start_s[number] + rng.integers(0, BURST_S[length], len(mine))
        burst[mine] = length


def _new_bursts(
    params: CampaignParams,
    clock: Clock,
    who: tuple[People, Bools, Ints],
    created_s: Ints,
    burst: Objects,
    rng: np.random.Generator,
) -> None:
    """Let new campaign accounts be made in bulk within an hour, and newcomers of the crowds come in one wave."""
    people, new, latest_s = who
    campaign, plans, habits = people.role == "campaign", params.behaviours, params.habits
    made = np.flatnonzero(new & campaign & (rng.random(len(new)) < plans.bulk_share_of_new_accounts))
    start_s = clock.window_s - 3600 * rng.integers(2, 24 * (params.new_days - 1), max(1, plans.new_bursts))
    created_s[made] = start_s[rng.integers(0, len(start_s), len(made))] + rng.integers(0, BURST_S["hour"], len(made))
    burst[made] = "hour"
    wave_s = clock.window_s - habits.newcomer_wave_days_before * DAY_S
    came = np.flatnonzero(new & ~campaign & (rng.random(len(new)) < habits.newcomer_wave_share))
    at_s = wave_s + rng.integers(0, 2 * DAY_S, len(came))
    came, at_s = came[at_s < latest_s[came]], at_s[at_s < latest_s[came]]
    created_s[came] = at_s
    burst[came] = "wave"


def _created_after_start(
    params: CampaignParams, layout: Layout, flags: _Flags, first_s: Ints, rng: np.random.Generator
) -> Ints:
    """Return the new campaign accounts that were created during the event: any that began to post in its later half."""
    new = layout.campaign[flags.new[layout.campaign]]
    by_first = new[np.argsort(first_s[new], kind="stable")]
    late_half = by_first[len(by_first) // 2 :]
    return rng.permutation(late_half)[: params.new_accounts - params.enrolled_accounts]


def _display_names(people: People, rng: np.random.Generator) -> Objects:
    names = objects([""] * len(people))
    for number, language in enumerate(LANGUAGES):
        mine = np.flatnonzero(people.language == number)
        first, second = (objects(words) for words in phrases.NAME_WORDS[language])
        left, right = rng.integers(0, len(first), len(mine)), rng.integers(0, len(second), len(mine))
        names[mine] = first[left] + objects([" "]) + second[right]
    strangers = rng.permutation(np.flatnonzero(people.role != "campaign"))[: 2 * len(phrases.HOSTILE_NAMES)]
    names[strangers] = objects(phrases.HOSTILE_NAMES)[np.arange(len(strangers)) % len(phrases.HOSTILE_NAMES)]
    return names


def _locations(params: CampaignParams, people: People, rng: np.random.Generator) -> Objects:
    """Return the location fields: a third is empty or a joke; VPN users in the country never name it."""
    campaign = people.role == "campaign"
    crowd_stated = np.array([crowd.place_stated_share for crowd in params.crowds])[people.topic]
    stated = rng.random(len(people)) < np.where(campaign, params.place_stated_share, crowd_stated)
    claimed = people.place.copy()
    elsewhere = 1 + slots(rng, tuple(place.weight for place in PLACES[1:]), len(people))
    # Campaign VPN users pretend to be abroad; ordinary ones leave the field empty twice as often as others.
    claimed[campaign & people.vpn] = elsewhere[campaign & people.vpn]
    stated &= ~(people.vpn & (rng.random(len(people)) < np.where(campaign, 0.4, 0.5)))
    # Emigrants who write the name of the old country: self-report is a claim, not a place.
    claimed[~campaign & (people.place > 0) & (rng.random(len(people)) < _FALSE_HOME_SHARE)] = 0
    locations = objects(["", *JOKES])[
        np.where(rng.random(len(people)) < 0.5, 0, rng.integers(1, len(JOKES) + 1, len(people)))
    ]
    for number, place in enumerate(PLACES):
        mine = np.flatnonzero(stated & (claimed == number))
        locations[mine] = objects(place.spellings)[rng.integers(0, len(place.spellings), len(mine))]
    return locations
