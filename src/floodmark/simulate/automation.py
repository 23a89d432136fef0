"""Machines that post on a fixed period: planted groups, and the innocent clocks that every crowd has."""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.simulate.cast import groups_of
from floodmark.simulate.crowd import Roots, Stage, choose_tags
from floodmark.simulate.params import DAY_S, CampaignParams
from floodmark.simulate.world import ORIGINAL, REPLY, REPOST, TOPICS, Ints, slots

_KIND_SHARES: Final = (0.4, 0.35, 0.25)
_CLOCK_JITTER_S: Final = 5
_LEAD_S: Final = 5


def run_automation(stage: Stage, params: CampaignParams, against: Roots, rng: np.random.Generator) -> int:
    """Add the posts of automated groups, day and night through the window and, some, on after it.

    The accounts of a group act in the same slots, each up to the jitter late, and do the same kind of thing in each:
    own words, a repost of what the group's first automated account wrote a moment before, or a reply. Returns how many
    posts there are.
    """
    size, plans = stage.draft.size, params.behaviours
    mine = stage.layout.campaign[stage.cast.automated[stage.layout.campaign]]
    for number, members in enumerate(groups_of(stage.people, mine) if len(mine) else []):
        first_s = stage.clock.window_s + _LEAD_S + int(rng.integers(0, plans.automated_period_s))
        longer_s = params.after_days * DAY_S if number < plans.automated_after_groups else 0
        end_s = stage.clock.end_s + longer_s - plans.automated_jitter_s - 1
        slot_s = np.arange(first_s, end_s, plans.automated_period_s)
        kind = slots(rng, _KIND_SHARES, len(slot_s))
        leads = _say(stage, np.repeat(members[:1], len(slot_s)), slot_s, rng)
        slot = np.repeat(np.arange(len(slot_s)), len(members) - 1)
        account = np.tile(members[1:], len(slot_s))
        at_s = slot_s[slot] + 1 + rng.integers(0, plans.automated_jitter_s, len(slot))
        own, passed, answered = (kind[slot] == number for number in (ORIGINAL, REPOST, REPLY))
        _say(stage, account[own], at_s[own], rng)
        stage.draft.add(account[passed], at_s[passed], kind=REPOST, parent=leads[slot[passed]])
        position = against.popular_before(rng, at_s)
        answered &= position >= 0
        _say(stage, account[answered], at_s[answered], rng, kind=REPLY, parent=against.post[position[answered]])
    return stage.draft.size - size


def run_clocks(stage: Stage, topic: int, rng: np.random.Generator) -> None:
    """Add bots that post on the hour, all weeks long: the weather, times of prayer, a daily quotation."""
    period_s = stage.habits.clock_bot_period_s
    for bot in stage.layout.clocks[topic]:
        first_s = stage.clock.start_s + int(rng.integers(0, period_s // 3600)) * 3600
        at_s = np.arange(first_s, stage.clock.end_s - _CLOCK_JITTER_S, period_s)
        at_s = at_s + rng.integers(0, _CLOCK_JITTER_S + 1, len(at_s))
        _say(stage, np.repeat(bot, len(at_s)), at_s, rng, topic=topic)


def _say(stage: Stage, account: Ints, at_s: Ints, rng: np.random.Generator, **columns: Ints | int) -> Ints:
    """Add posts in each account's own language, with the tags of its topic. Returns their draft numbers."""
    language = stage.people.language[account]
    topic = columns.pop("topic", 0)
    tags = choose_tags(stage.book, rng, TOPICS[int(topic)], language)
    return stage.draft.add(account, at_s, topic=topic, tags=tags, language=language, **columns)
