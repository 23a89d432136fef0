"""The planted campaign: groups that act on shared objects within seconds, behind ordinary-looking posts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.simulate import phrases
from floodmark.simulate.crowd import Roots, Stage, both_sides_tags, choose_tags, lomax_s
from floodmark.simulate.params import BIN_S, LANGUAGES, CampaignParams
from floodmark.simulate.places import PLACES
from floodmark.simulate.rhythm import Picker
from floodmark.simulate.texts import sentences
from floodmark.simulate.world import NO_CELL, REPLY, REPOST, Bools, Ints, slots

KINDS: Final = ("repost", "url", "hashtag", "text")
_KIND_SHARES: Final = (0.35, 0.2, 0.15, 0.3)
_LEAD_S: Final = 20
_CAMOUFLAGE_KINDS: Final = (0.4, 0.45, 0.15)
_REHEARSAL_DAYS: Final = 10
_TOPIC: Final = 0


@dataclass(frozen=True)
class Campaign:
    """What was planted: leaders (first movers), amplified outsiders, operations, and the bins with a surge."""

    leaders: Ints
    amplified: Ints
    operations: int
    surge_bins: Ints


@dataclass(frozen=True)
class _Operation:
    """One operation: members act on one object from `at_s` on."""

    kind: str
    at_s: int
    language: int
    tags: int
    surge_bin: int


def run_campaign(stage: Stage, params: CampaignParams, against: Roots, rng: np.random.Generator) -> Campaign:
    """Add the campaign's posts: operations by group, camouflage, and a few rehearsals before the event.

    Every account takes part in at least one operation in the window, with a post that matches `against`.
    """
    accounts = stage.layout.campaign
    willing = np.clip(rng.beta(6, 4, len(accounts)) * params.join_share / 0.6, 0, 1)
    surges = np.sort(rng.choice(params.window_days * 96, params.surge_bins, replace=False))
    window = Roots(*(column[against.at_s >= stage.clock.window_s] for column in vars(against).values()))
    leaders, amplified, used, operations = [], [], set(), 0
    groups = stage.people.group[accounts]
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    floods = max(1, round(len(starts) * params.flood_share_of_groups))
    flooding = np.isin(np.arange(len(starts)), rng.permutation(len(starts))[:floods])
    cores = max(1, round(len(starts) * params.core_share_of_groups))
    # The core works all day; most groups are called a few times.
    means = np.full(len(starts), params.operations_per_group_mean)
    means[rng.permutation(len(starts))[:cores]] = params.core_operations_per_group_mean
    for number, members in enumerate(np.split(accounts, starts[1:])):
        leaders.append(members[0])
        plan = _plan(stage, params, surges, (bool(flooding[number]), float(means[number])), rng)
        joins = _joins(willing[members], len(plan), rng)
        for operation, joining in zip(plan, joins, strict=True):
            hero = _act(stage, params, operation, (members[0], members[joining]), window, rng)
            amplified += [hero] if hero >= 0 else []
            used |= {operation.surge_bin} - {-1}
        operations += len(plan)
    _camouflage(stage, params, against, rng)
    _rehearse(stage, params, rng)
    return Campaign(
        np.array(leaders), np.unique(np.array(amplified, dtype=np.int64)), operations, np.array(sorted(used))
    )


def _plan(
    stage: Stage, params: CampaignParams, surges: Ints, habits: tuple[bool, float], rng: np.random.Generator
) -> list[_Operation]:
    """Return a group's operations, by its habits: whether it floods and how many operations it has on average.

    Flooding groups put the other side's tag beside their own.
    """
    flooding, mean = habits
    count = 2 + int(rng.poisson(mean - 2))
    window = np.where(stage.clock.in_window, stage.clock.rates[0], 0.0)
    habit, *kinds = slots(rng, _KIND_SHARES, count + 1)
    plan = []
    for other in kinds:
        # A group mostly repeats one kind of operation: its task.
        kind = KINDS[int(habit if rng.random() < params.habit_share_of_operations else other)]
        language = int(slots(rng, params.languages_share, 1)[0])
        surge_bin, at_s = -1, int(stage.clock.draw(rng, window, 1)[0])
        if rng.random() < params.surge_share_of_operations:
            surge_bin = int(rng.choice(surges))
            at_s = stage.clock.window_s + surge_bin * BIN_S
            at_s += int(rng.integers(_LEAD_S, max(_LEAD_S + 1, BIN_S - params.jitter_s)))
        at_s = min(max(at_s, stage.clock.window_s + _LEAD_S), stage.clock.end_s - params.jitter_s - 1)
        code = LANGUAGES[language]
        own = phrases.SIDE_TAGS["against"][code][0]
        if flooding:
            tags = both_sides_tags(stage.book, code)
        elif kind == "hashtag":
            # A combination of its own: the tag, a filler and a tag that only this operation uses.
            fresh = f"{phrases.FILLER_TAGS[code][0]}_{len(stage.book.tagsets)}"
            tags = stage.book.tags(own, phrases.FILLER_TAGS[code][-1], fresh)
        else:
            tags = stage.book.tags(own)
        plan.append(_Operation(kind, at_s, language, tags, surge_bin))
    return plan


def _joins(willing: np.ndarray, operations: int, rng: np.random.Generator) -> Bools:
    """Return who joins which operation (operations x members); nobody joins none, the leader joins all."""
    joins: Bools = rng.random((operations, len(willing))) < willing
    idle = np.flatnonzero(~joins.any(axis=0))
    joins[rng.integers(0, operations, len(idle)), idle] = True
    joins[:, 0] = True
    return joins


def _act(
    stage: Stage,
    params: CampaignParams,
    operation: _Operation,
    who: tuple[int, Ints],
    outsiders: Roots,
    rng: np.random.Generator,
) -> int:
    """Add one operation's posts. Returns the outsider whose post it amplified, or -1."""
    leader, joining = who
    book, draft = stage.book, stage.draft
    at_s = operation.at_s + np.where(joining == leader, 0, rng.integers(1, params.jitter_s + 1, len(joining)))
    common = {"topic": _TOPIC, "tags": operation.tags, "language": operation.language}
    if operation.kind == "repost":
        hero = int(outsiders.popular_before(rng, np.array([operation.at_s]))[0])
        if hero >= 0 and rng.random() < params.amplified_share_of_reposts:
            draft.add(joining, at_s, kind=REPOST, parent=int(outsiders.post[hero]))
            return int(outsiders.account[hero])
        lead_s = operation.at_s - int(rng.integers(1, _LEAD_S))
        root = draft.add(np.array([leader]), np.array([lead_s]), **common)
        draft.add(joining[joining != leader], at_s[joining != leader], kind=REPOST, parent=int(root[0]))
        return -1
    language = LANGUAGES[operation.language]
    if operation.kind == "url":
        url = book.url(f"https://page-{len(book.urls):05}.example/read")
        draft.add(joining, at_s, url=url, **common)
    elif operation.kind == "text":
        body = book.body(str(sentences(rng, "against", language, 1)[0]))
        draft.add(joining, at_s, body=body, **common)
    else:
        draft.add(joining, at_s, **common)
    return -1


def _camouflage(stage: Stage, params: CampaignParams, against: Roots, rng: np.random.Generator) -> None:
    """Add ordinary posts in the window, on each account's own clock, up to the given share of its posts."""
    acted = np.bincount(np.concatenate(stage.draft.parts["account"]), minlength=len(stage.people))
    share = params.camouflage_share_of_posts
    counts = rng.poisson(acted[stage.layout.campaign] * share / (1 - share))
    account = np.repeat(stage.layout.campaign, counts)
    # Camouflage rises and falls with the crowd it hides in.
    lifted = stage.clock.rates * stage.clock.event_shape(params.against.event_peak_ratio)
    window = np.where(stage.clock.in_window, lifted, 0.0)
    at_s = np.empty(len(account), dtype=np.int64)
    for place in range(len(PLACES)):
        mine = np.flatnonzero(stage.people.place[account] == place)
        at_s[mine] = rng.permutation(stage.clock.draw(rng, window[place], len(mine)))
    _ordinary(stage, params, (account, at_s), against, rng)


def _ordinary(
    stage: Stage, params: CampaignParams, who_when: tuple[Ints, Ints], against: Roots, rng: np.random.Generator
) -> None:
    account, at_s = who_when
    kind = slots(rng, _CAMOUFLAGE_KINDS, len(account))
    back_s = lomax_s(rng, params.against.repost_delay_median_s, len(account))
    position = against.popular_before(rng, at_s - back_s)
    kind[position < 0] = 0
    language = stage.people.language[account]
    tags = choose_tags(stage.book, rng, "against", language)
    for number, add_kind in ((1, REPOST), (2, REPLY)):
        mine = kind == number
        parent = against.post[position[mine]]
        stage.draft.add(
            account[mine],
            at_s[mine],
            kind=add_kind,
            parent=parent,
            topic=_TOPIC,
            tags=tags[mine],
            language=language[mine],
        )
    free = kind == 0
    stage.draft.add(account[free], at_s[free], topic=_TOPIC, tags=tags[free], language=language[free])


def _rehearse(stage: Stage, params: CampaignParams, rng: np.random.Generator) -> None:
    """Add one to three ordinary posts before the event by a few long-standing accounts."""
    steady = np.flatnonzero(stage.people.cell[stage.layout.campaign] == NO_CELL)
    actors = steady[rng.random(len(steady)) < params.rehearsal_share]
    account = np.repeat(actors, rng.integers(1, 4, len(actors)))
    picker = Picker(stage.people, stage.layout.campaign, stage.clock)
    recent = np.arange(len(picker.rate)) >= len(picker.rate) - (_REHEARSAL_DAYS + params.window_days) * 96
    rate = np.where(recent & ~stage.clock.in_window, picker.rate, 0.0)
    at_s = rng.permutation(stage.clock.draw(rng, rate, len(account)))
    language = stage.people.language[account]
    tags = choose_tags(stage.book, rng, "against", language)
    stage.draft.add(account, at_s, topic=_TOPIC, tags=tags, language=language)
