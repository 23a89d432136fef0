"""The planted campaign: groups that act on shared objects within seconds, behind ordinary-looking posts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.simulate import phrases
from floodmark.simulate.cast import NONE, groups_of, some_groups
from floodmark.simulate.crowd import Roots, Stage, both_sides_tags, choose_tags, lomax_s
from floodmark.simulate.params import BIN_S, DAY_S, LANGUAGES, CampaignParams
from floodmark.simulate.places import PLACES
from floodmark.simulate.rhythm import Picker
from floodmark.simulate.texts import sentences
from floodmark.simulate.world import NO_CELL, REPLY, REPOST, Bools, Ints, Objects, slots

KINDS: Final = ("repost", "url", "hashtag", "text")
_KIND_SHARES: Final = (0.35, 0.2, 0.15, 0.3)
_LEAD_S: Final = 20
_CAMOUFLAGE_KINDS: Final = (0.4, 0.45, 0.15)
_REHEARSAL_DAYS: Final = 10
_TOPIC: Final = 0
_PATRON_POSTS: Final = 3
#: What a loyal group does: it takes the outsider's posts or his links.
_PUSHED: Final = ("repost", "url")
#: Where in the jitter each tier acts.
_TIER_DELAYS: Final = {"starter": (0.0, 0.2), "core": (0.0, 0.2), "amplifier": (0.1, 0.7), "follower": (0.6, 1.0)}
#: Hours of the day in the campaign's country at which it orders taken-over accounts about: night where owners live.
_OFFICE_S: Final = (5 * 3600, 10 * 3600)


@dataclass(frozen=True)
class Campaign:
    """What was planted: leaders (first movers), amplified outsiders, operations, and the bins with a surge.

    `patrons` are outsiders whose posts and links some group takes for all its reposts and links; they are amplified,
    and no members. `target` is the supporter whom some groups answer, NONE where there is nobody.
    """

    leaders: Ints
    amplified: Ints
    patrons: Ints
    operations: int
    surge_bins: Ints
    target: int = NONE


@dataclass(frozen=True)
class _Operation:
    """One operation: members act on one object from `at_s` on."""

    kind: str
    at_s: int
    language: int
    tags: int
    surge_bin: int


@dataclass(frozen=True)
class _Task:
    """A group's way to work: whether it floods, its operations on average, whom it always pushes, its language.

    `language` is that of groups with accounts that were taken over, `patron` an outsider; -1: none in particular.
    """

    flooding: bool
    mean: float
    patron: int = NONE
    language: int = NONE


def run_campaign(stage: Stage, params: CampaignParams, against: Roots, rng: np.random.Generator) -> Campaign:
    """Add the campaign's posts: operations by group, camouflage, and a few rehearsals before the event.

    Every account takes part in at least one operation in the window, with a post that matches `against`.
    """
    accounts = stage.layout.campaign
    willing = np.clip(rng.beta(6, 4, len(accounts)) * params.join_share / 0.6, 0, 1)
    # Machines do little beside their schedule: one operation each.
    willing[stage.cast.automated[accounts]] = 0
    surges = np.sort(rng.choice(params.window_days * 96, params.surge_bins, replace=False))
    # Late posts leave no time to repost them within the jitter.
    inside = (against.at_s >= stage.clock.window_s) & (against.at_s < stage.clock.end_s - params.jitter_s - 1)
    window = Roots(*(column[inside] for column in vars(against).values()))
    leaders, amplified, used, operations = [], [], set(), 0
    groups = groups_of(stage.people, accounts)
    tasks = _tasks(stage, params, groups, window, rng)
    for task, members in zip(tasks, groups, strict=True):
        leaders.append(members[0])
        plan = _plan(stage, params, surges, task, rng)
        joins = _joins(willing[members], len(plan), rng)
        for operation, joining in zip(plan, joins, strict=True):
            starter = _starter(stage, params, operation, members[joining], rng)
            hero = _act(stage, params, (operation, task), (starter, members[joining]), window, rng)
            amplified += [hero] if hero >= 0 else []
            used |= {operation.surge_bin} - {-1}
        operations += len(plan)
    _camouflage(stage, params, against, rng)
    _rehearse(stage, params, rng)
    patrons = {task.patron for task in tasks} & set(amplified)
    return Campaign(
        np.array(leaders),
        np.unique(np.array(amplified, dtype=np.int64)),
        np.array(sorted(patrons), dtype=np.int64),
        operations,
        np.array(sorted(used)),
    )


def _tasks(
    stage: Stage, params: CampaignParams, groups: list[Ints], window: Roots, rng: np.random.Generator
) -> list[_Task]:
    """Give each group its way to work. Outsiders that are always reposted wrote most of what the window holds."""
    count, cast = len(groups), stage.cast
    flooding = np.isin(np.arange(count), some_groups(count, params.flood_share_of_groups, rng))
    # The core works all day; most groups are called a few times.
    core = np.isin(np.arange(count), _core_groups(stage, params, groups, rng))
    means = np.where(core, params.core_operations_per_group_mean, params.operations_per_group_mean)
    busiest = np.argsort(-np.bincount(window.account, minlength=len(stage.people)), kind="stable")
    patrons = iter(busiest[np.bincount(window.account, minlength=len(stage.people))[busiest] >= _PATRON_POSTS])
    tasks = []
    for number, members in enumerate(groups):
        loyal = bool(cast.loyal[members[0]]) and params.amplified_share_of_reposts > 0
        taken = members[cast.taken_over[members]]
        tasks.append(
            _Task(
                bool(flooding[number]),
                max(float(means[number]), params.behaviours.takeover_operations_per_group_mean if len(taken) else 0.0),
                int(next(patrons, NONE)) if loyal else NONE,
                int(stage.people.language[taken[0]]) if len(taken) else NONE,
            )
        )
    return tasks


def _core_groups(stage: Stage, params: CampaignParams, groups: list[Ints], rng: np.random.Generator) -> Ints:
    """Draw the groups that work all day: a quarter is loyal to an outsider and half has tiers, as far as there are."""
    cores = max(1, round(len(groups) * params.core_share_of_groups))
    tiered = np.array([bool(stage.cast.tier[members[0]]) for members in groups])
    loyal = np.array([bool(stage.cast.loyal[members[0]]) for members in groups])
    first = rng.permutation(np.flatnonzero(loyal))[: -(-cores // 4)]
    first = np.concatenate([first, rng.permutation(np.flatnonzero(tiered & ~loyal))[: -(-cores // 2)]])
    others = rng.permutation(np.setdiff1d(np.arange(len(groups)), first))
    return np.concatenate([first, others])[:cores]


def _plan(
    stage: Stage, params: CampaignParams, surges: Ints, task: _Task, rng: np.random.Generator
) -> list[_Operation]:
    """Return a group's operations. Flooding groups put the other side's tag beside their own.

    Groups with accounts that were taken over work while the owners abroad sleep, and in one language.
    """
    count = 2 + int(rng.poisson(task.mean - 2))
    window = np.where(stage.clock.in_window, stage.clock.rates[0], 0.0)
    habit, *kinds = slots(rng, _KIND_SHARES, count + 1)
    plan = []
    for other in kinds:
        # A group mostly repeats one kind of operation: its task.
        kind = KINDS[int(habit if rng.random() < params.habit_share_of_operations else other)]
        if task.patron != NONE:
            kind = str(rng.choice(_PUSHED))
        language = int(slots(rng, params.languages_share, 1)[0])
        surge_bin, at_s = -1, int(stage.clock.draw(rng, window, 1)[0])
        if task.language != NONE:
            language = task.language
            at_s = stage.clock.window_s + int(rng.integers(0, params.window_days)) * DAY_S
            at_s += int(rng.integers(*_OFFICE_S))
        elif rng.random() < params.surge_share_of_operations:
            surge_bin = int(rng.choice(surges))
            at_s = stage.clock.window_s + surge_bin * BIN_S
            at_s += int(rng.integers(_LEAD_S, max(_LEAD_S + 1, BIN_S - params.jitter_s)))
        at_s = min(max(at_s, stage.clock.window_s + _LEAD_S), stage.clock.end_s - params.jitter_s - 1)
        code = LANGUAGES[language]
        own = phrases.SIDE_TAGS["against"][code][0]
        if task.flooding:
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


def _starter(
    stage: Stage, params: CampaignParams, operation: _Operation, joining: Ints, rng: np.random.Generator
) -> int:
    """Return who begins: the group's leader, who joins everything; in tiered groups now and then one of the core."""
    core = joining[stage.cast.tier[joining] == "core"]
    if operation.kind == "repost" or not len(core) or rng.random() < params.behaviours.starter_share_of_operations:
        return int(joining[0])
    return int(rng.choice(core))


def _act(
    stage: Stage,
    params: CampaignParams,
    what: tuple[_Operation, _Task],
    who: tuple[int, Ints],
    outsiders: Roots,
    rng: np.random.Generator,
) -> int:
    """Add one operation's posts. Returns the outsider whose post it amplified, or -1."""
    (operation, task), (leader, joining) = what, who
    book, draft = stage.book, stage.draft
    delay_s = _delays(stage.cast.tier[joining], params.jitter_s, rng)
    at_s = operation.at_s + np.where(joining == leader, 0, delay_s)
    common = {"topic": _TOPIC, "tags": operation.tags, "language": operation.language}
    if operation.kind == "repost" and task.patron != NONE:
        posts = np.flatnonzero(outsiders.account == task.patron)
        chosen = posts[int(rng.integers(0, len(posts)))]
        draft.add(joining, outsiders.at_s[chosen] + delay_s, kind=REPOST, parent=int(outsiders.post[chosen]))
        return task.patron
    if operation.kind == "repost":
        hero = int(outsiders.popular_before(rng, np.array([operation.at_s]))[0])
        if hero >= 0 and task.language == NONE and rng.random() < params.amplified_share_of_reposts:
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
        if task.patron != NONE:
            # His own article: he is the first to share it, and does not know who comes after.
            lead_s = operation.at_s - int(rng.integers(1, _LEAD_S))
            draft.add(np.array([task.patron]), np.array([lead_s]), url=url, **common)
            return task.patron
    elif operation.kind == "text":
        body = book.body(str(sentences(rng, "against", language, 1)[0]))
        draft.add(joining, at_s, body=body, **common)
    else:
        draft.add(joining, at_s, **common)
    return -1


def _delays(tier: Objects, jitter_s: int, rng: np.random.Generator) -> Ints:
    """Return how late members act: at any moment of the jitter, or by tier in its first, middle or last part."""
    delay_s = rng.integers(1, jitter_s + 1, len(tier))
    for name, (low, high) in _TIER_DELAYS.items():
        mine = tier == name
        delay_s[mine] = 1 + ((jitter_s - 1) * (low + (high - low) * rng.random(int(mine.sum())))).astype(np.int64)
    return delay_s


def _camouflage(stage: Stage, params: CampaignParams, against: Roots, rng: np.random.Generator) -> None:
    """Add ordinary posts in the window, on each account's own clock, up to the given share of its posts."""
    acted = np.bincount(np.concatenate(stage.draft.parts["account"]), minlength=len(stage.people))
    share = params.camouflage_share_of_posts
    counts = rng.poisson(acted[stage.layout.campaign] * share / (1 - share))
    counts[stage.cast.busy[stage.layout.campaign]] = 0
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
    actors = actors[~stage.cast.busy[actors]]
    account = np.repeat(actors, rng.integers(1, 4, len(actors)))
    picker = Picker(stage.people, stage.layout.campaign, stage.clock)
    recent = np.arange(len(picker.rate)) >= len(picker.rate) - (_REHEARSAL_DAYS + params.window_days) * 96
    rate = np.where(recent & ~stage.clock.in_window, picker.rate, 0.0)
    at_s = rng.permutation(stage.clock.draw(rng, rate, len(account)))
    language = stage.people.language[account]
    tags = choose_tags(stage.book, rng, "against", language)
    stage.draft.add(account, at_s, topic=_TOPIC, tags=tags, language=language)
