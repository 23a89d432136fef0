"""Account profiles: creation, last earlier post, followers, names, places; the planted counts come out exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.simulate import phrases
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

NEVER: Final = -1
_SYLLABLES: Final = (
    *("ba", "da", "fa", "ga", "ha", "ka", "la", "ma", "na", "pa", "ra", "sa"),
    *("ta", "va", "ya", "za", "bo", "do", "ko", "lo", "mo", "no", "ro", "so"),
)
_CLIENTS: Final = ("Sim for Android", "Sim for iPhone", "Sim Web", "Sim Lite")
#: A margin keeps accounts away from every threshold, so that no choice of "since when" changes who is flagged.
_OLDEST_DAYS: Final = 3_100
_FALSE_HOME_SHARE: Final = 0.03
_BULK_SHARE: Final = 0.5


@dataclass(frozen=True)
class Profiles:
    """One entry per account. `previous_s`: the last post before the collection (NEVER: none), even if unknown."""

    created_s: Ints
    previous_s: Ints
    previous_known: Bools
    followers: Ints
    following: Ints
    posts_total: Ints
    default_picture: Bools
    handle: Objects
    display_name: Objects
    client: Objects
    location: Objects
    description: Objects


@dataclass(frozen=True)
class _Flags:
    new: Bools
    dormant: Bools
    low: Bools


def make_profiles(
    params: CampaignParams, people: People, layout: Layout, clock: Clock, first_s: Ints, rng: np.random.Generator
) -> Profiles:
    """Return the profiles. `first_s` is each account's first post in the collection (UTC s)."""
    flags = _flags(params, people, rng)
    created_s = _created(params, people, layout, clock, first_s, flags, rng)
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
        handle=_handles(rng, count, campaign),
        display_name=_display_names(people, rng),
        client=_clients(people, rng),
        location=_locations(params, people, rng),
        description=_descriptions(people, rng),
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
) -> Ints:
    count = len(people)
    youngest = np.where(flags.dormant, params.dormant_days + params.baseline_days + 60, params.new_days + 3)
    age_days = np.clip(np.exp(rng.normal(6.8, 0.9, count)), youngest, _OLDEST_DAYS)
    created_s = clock.window_s - (age_days * DAY_S).astype(np.int64) - rng.integers(0, DAY_S // 2, count)
    campaign_old = layout.campaign[~flags.new[layout.campaign] & ~flags.dormant[layout.campaign]]
    bulk = campaign_old[rng.random(len(campaign_old)) < _BULK_SHARE]
    # Half of the older campaign accounts were made in bulk: on 60 days, within six hours.
    days = clock.window_s - DAY_S * rng.integers(params.new_days + 5, 1_500, 60)
    created_s[bulk] = days[rng.integers(0, 60, len(bulk))] + rng.integers(0, 6 * 3600, len(bulk))
    cohort_s = clock.window_s - params.new_days * DAY_S + 3600
    latest_s = np.where(people.role == "campaign", np.minimum(first_s, clock.window_s), first_s) - 1
    fresh = cohort_s + (rng.random(count) * (latest_s - cohort_s)).astype(np.int64)
    created_s[flags.new] = fresh[flags.new]
    late = _created_after_start(params, layout, flags, first_s, rng)
    room = first_s[late] - clock.window_s
    created_s[late] = clock.window_s + (rng.random(len(late)) * room).astype(np.int64)
    return created_s


def _created_after_start(
    params: CampaignParams, layout: Layout, flags: _Flags, first_s: Ints, rng: np.random.Generator
) -> Ints:
    """Return the new campaign accounts that were created during the event: any that began to post in its later half."""
    new = layout.campaign[flags.new[layout.campaign]]
    by_first = new[np.argsort(first_s[new], kind="stable")]
    late_half = by_first[len(by_first) // 2 :]
    return rng.permutation(late_half)[: params.new_accounts - params.enrolled_accounts]


def _handles(rng: np.random.Generator, count: int, campaign: Bools) -> Objects:
    """Return unique made-up handles: syllables, with a tail of digits for most campaign accounts and some others."""
    base = len(_SYLLABLES)
    # An odd multiplier without the factor 3 permutes the numbers below base ** 4 (24 ** 4), so handles never repeat.
    number = (np.arange(count, dtype=np.int64) * 104_729 + int(rng.integers(base**4))) % base**4
    syllables = objects(_SYLLABLES)
    handle = objects(["sim_"] * count)
    for power in range(4):
        handle = handle + syllables[number // base**power % base]
    digits = rng.integers(100, 99_999, count).astype(str).astype(object)
    tail = rng.random(count) < np.where(campaign, 0.7, 0.3)
    return np.where(tail, handle + digits, handle)


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


def _clients(people: People, rng: np.random.Generator) -> Objects:
    ordinary = slots(rng, (0.5, 0.25, 0.2, 0.05), len(people))
    planted = slots(rng, (0.3, 0.05, 0.6, 0.05), len(people))
    clients = objects(_CLIENTS)[np.where(people.role == "campaign", planted, ordinary)]
    clients[people.role == "news_bot"] = "Sim Scheduler"
    return clients


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


def _descriptions(people: People, rng: np.random.Generator) -> Objects:
    texts = objects([""] * len(people))
    for number, language in enumerate(LANGUAGES):
        mine = np.flatnonzero(people.language == number)
        choices = objects(phrases.DESCRIPTIONS[language])
        texts[mine] = choices[rng.integers(0, len(choices), len(mine))]
    return texts
