"""Who plays which part: groups that are automated, taken over, tiered or loyal to an outsider; habits of the crowds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from floodmark.simulate.params import LANGUAGES, CampaignParams
from floodmark.simulate.world import LOW_ONLY, NO_CELL, Bools, Ints, Layout, Objects, People, slots

CLIENTS: Final = ("Sim for Android", "Sim for iPhone", "Sim Web", "Sim Lite", "Sim Scheduler", "Sim Bridge")
ANDROID, IPHONE, WEB, _, SCHEDULER, BRIDGE = range(len(CLIENTS))
NONE: Final = -1
#: Shares of core, amplifiers and followers among the members of a tiered group that did not start it.
_TIERS: Final = ("core", "amplifier", "follower")
_TIER_SHARES: Final = (0.2, 0.4, 0.4)


@dataclass(frozen=True)
class Cast:
    """One entry per account. `owner_language` is that of a taken-over account before (NONE: not taken over).

    `client` is the usual one, `other_client` and `other_language` what it also uses (NONE: nothing else); `new_phone`
    marks who changes from the one client to the other for good; `event_language` who writes the event's posts in the
    other language only. `tier` is starter, core, amplifier or follower, or empty.
    """

    automated: Bools
    taken_over: Bools
    owner_language: Ints
    short_lived: Bools
    loyal: Bools
    tier: Objects
    scheduler: Bools
    client: Ints
    other_client: Ints
    new_phone: Bools
    other_language: Ints
    event_language: Bools

    @property
    def busy(self) -> Bools:
        """Which campaign accounts have work of their own, and so neither camouflage nor rehearsal."""
        both: Bools = self.automated | self.taken_over
        return both


def groups_of(people: People, accounts: Ints) -> list[Ints]:
    """Return the accounts of each group; `accounts` must list one group after the other."""
    groups = people.group[accounts]
    return np.split(accounts, np.flatnonzero(groups[1:] != groups[:-1]) + 1)


def make_cast(params: CampaignParams, people: People, layout: Layout, rng: np.random.Generator) -> Cast:
    """Draw the parts. Accounts that are taken over get the language of their group's orders in `people`."""
    count, plans = len(people), params.behaviours
    groups = groups_of(people, layout.campaign)
    automated, short_lived, loyal = (np.zeros(count, dtype=bool) for _ in range(3))
    order = rng.permutation(len(groups))
    for number in order[: plans.automated_groups]:
        automated[groups[number][: plans.automated_accounts_per_group]] = True
    owner_language = np.full(count, NONE, dtype=np.int64)
    for number in order[::-1][: plans.takeover_groups]:
        _take_over(params, people, groups[number][~automated[groups[number]]], owner_language, rng)
    for mask, share in ((short_lived, plans.short_lived_share_of_groups), (loyal, plans.patron_share_of_groups)):
        for number in some_groups(len(groups), share, rng):
            mask[groups[number]] = True
    bridged = np.zeros(count, dtype=bool)
    for number in some_groups(len(groups), plans.rare_client_share_of_groups, rng):
        bridged[groups[number]] = True
    return Cast(
        automated=automated,
        taken_over=owner_language != NONE,
        owner_language=owner_language,
        short_lived=short_lived,
        loyal=loyal,
        tier=_tiers(plans.tiered_share_of_groups, groups, count, rng),
        **_habits(params, people, automated, bridged & ~automated, rng),
    )


def some_groups(groups: int, share: float, rng: np.random.Generator) -> Ints:
    """Return a share of group numbers, at least one unless the share is zero."""
    count = max(1, round(groups * share)) if share else 0
    return np.sort(rng.permutation(groups)[:count])


def _take_over(
    params: CampaignParams, people: People, members: Ints, owner_language: Ints, rng: np.random.Generator
) -> None:
    """Mark accounts of one group: long-standing ones of owners abroad, none that starts the group."""
    old = members[1:][np.isin(people.cell[members[1:]], (LOW_ONLY, NO_CELL)) & (people.place[members[1:]] > 0)]
    chosen = old[: params.behaviours.takeover_accounts_per_group]
    orders = int(slots(rng, params.languages_share, 1)[0])
    people.language[chosen] = orders
    owner_language[chosen] = LANGUAGES.index("en") if orders != LANGUAGES.index("en") else LANGUAGES.index("ar")


def _tiers(share: float, groups: list[Ints], count: int, rng: np.random.Generator) -> Objects:
    tier: Objects = np.empty(count, dtype=object)
    tier[:] = ""
    for number in some_groups(len(groups), share, rng):
        members = groups[number]
        names = np.array(_TIERS, dtype=object)
        tier[members] = names[slots(rng, _TIER_SHARES, len(members))]
        tier[members[0]] = "starter"
    return tier


def _habits(
    params: CampaignParams, people: People, automated: Bools, bridged: Bools, rng: np.random.Generator
) -> dict[str, Any]:
    """Draw clients and languages: machines post through a scheduler, a few others through a bridge."""
    habits, count = params.habits, len(people)
    campaign = people.role == "campaign"
    crowd = np.isin(people.role, ("organic_for", "organic_against", "control"))
    chance = rng.random((5, count))
    scheduler = crowd & (chance[0] < habits.scheduler_share)
    ordinary, planted = slots(rng, (0.5, 0.25, 0.2, 0.05), count), slots(rng, (0.3, 0.05, 0.6, 0.05), count)
    client = np.where(campaign, planted, ordinary)
    client[automated | scheduler | np.isin(people.role, ("news_bot", "clock_bot"))] = SCHEDULER
    bridge = bridged | (crowd & ~scheduler & (rng.random(count) < habits.rare_client_share))
    client[bridge] = BRIDGE
    free = crowd & ~scheduler & ~bridge
    new_phone = free & (chance[1] < habits.new_phone_share)
    second = new_phone | (free & (chance[2] < habits.second_client_share))
    # One of the other three ordinary clients, or the other common language.
    other_client = (client + 1 + rng.integers(0, 3, count)) % 4
    event_language = crowd & (chance[3] < habits.event_language_share)
    bilingual = event_language | (crowd & (chance[4] < habits.bilingual_share))
    english = LANGUAGES.index("en")
    other_language = np.where(people.language == english, LANGUAGES.index("fa"), english)
    return {
        "scheduler": scheduler,
        "client": client,
        "other_client": np.where(second, other_client, NONE),
        "new_phone": new_phone,
        "other_language": np.where(bilingual, other_language, NONE),
        "event_language": event_language,
    }
