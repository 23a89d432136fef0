"""Organic crowds in which nobody coordinates, one function a kind: whoever is named in them is named wrongly.

Each function draws the rows of one kind of behaviour from a passed generator alone; `crowd_kinds` lays them on an
everyday crowd. They look like coordination and are not: common sources, common hours, common habits. The numbers are
plain assumptions, chosen before the test was run on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from floodmark.coordination.result import Shares

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Rng = np.random.Generator

#: 2021-06-07 00:00 UTC, a Monday; only differences matter.
START_MS: Final = 1_623_024_000_000
HOURS: Final = 72
PEOPLE: Final = 1_000
_HOUR_MS: Final = 3_600_000
SECONDS: Final = 1 / 3600
MINUTES: Final = 1 / 60


class Rows(NamedTuple):
    """Actions as arrays of equal length: account and object numbers, and hours since the start."""

    account: Ints
    object: Ints
    hour: Floats


@dataclass(frozen=True)
class Everyday:
    """An everyday crowd. Tails are Pareto exponents (smaller is heavier), delays lognormal from an object's birth.

    `tempo_sd` is the spread of a person's habitual speed in log units. With `sleeps`, nobody acts in the eight hours of
    their night (the middle of the day lies at 14:00, sd `noon_sd` hours): they act after waking, `catch_up_h` later on
    average, for each object anew or, `in_one_go`, all in one sitting.
    """

    accounts: int = PEOPLE
    objects: int = 1_500
    actions_per_account: float = 6.0
    activity_tail: float = 1.2
    size_tail: float = 1.3
    delay_median_h: float = 0.5
    delay_sd: float = 1.3
    tempo_sd: float = 0.0
    sleeps: bool = True
    noon_sd: float = 3.0
    catch_up_h: float = 1.0
    in_one_go: bool = False


ORDINARY: Final = Everyday()


def everyday(rng: Rng, crowd: Everyday = ORDINARY) -> Rows:
    """Draw an everyday crowd: who by activity, objects of heavy-tailed size, born by day, shared after a delay."""
    size = np.minimum(rng.pareto(crowd.size_tail, crowd.objects) + 1, crowd.accounts * 0.3)
    size *= crowd.accounts * crowd.actions_per_account / size.sum()
    size = np.clip(size, 1, crowd.accounts * 0.3).astype(np.int64)
    thing = np.repeat(np.arange(crowd.objects), size)
    activity = np.cumsum(rng.pareto(crowd.activity_tail, crowd.accounts) + 0.3)
    account = np.searchsorted(activity, rng.random(len(thing)) * activity[-1], side="right")
    # Whoever is drawn twice for an object shares it once; that trims the heaviest, not the shape.
    first = np.unique(thing * crowd.accounts + account, return_index=True)[1]
    account, thing = account[first], thing[first]
    tempo = np.exp(rng.normal(0, crowd.tempo_sd, crowd.accounts))
    born = births(rng, crowd.objects)
    hour = born[thing] + reaction(rng, len(thing), crowd.delay_median_h, crowd.delay_sd) * tempo[account]
    if crowd.sleeps:
        hour = _after_waking(rng, account, hour, crowd)
    return Rows(account, thing, hour)


def births(rng: Rng, count: int) -> Floats:
    """Draw `count` hours of birth, ascending, ten times as many at the height of the day as in the depth of night."""
    hour = rng.random(16 * count + 64) * HOURS
    kept = hour[rng.random(len(hour)) < 0.55 + 0.45 * np.sin((hour % 24 - 9) / 24 * 2 * np.pi)]
    return np.sort(kept[:count])


def fans(
    rng: Rng, median_h: float, outsiders: float = 100, first_account: int = PEOPLE, born: Floats | None = None
) -> Rows:
    """60 fans of one source, each sharing 60 % of its 40 posts (or those `born`); about 100 outsiders share each too.

    A fan reacts after a lognormal delay (sd 1) with the given median, times a personal speed (lognormal, sd 0.5);
    outsiders after one hour in the median (sd 1.3).
    """
    born = births(rng, 40) if born is None else born
    near = each_with_chance(rng, len(born), np.arange(first_account, first_account + 60), 0.6)
    speed = np.exp(rng.normal(0, 0.5, 60))
    far = some_of(rng, rng.poisson(outsiders, len(born)), PEOPLE)
    return laid_over(
        reacting(rng, near, born, median_h, 1.0, speed[near[0] - first_account]),
        reacting(rng, far, born, 1.0, 1.3),
        same_objects=True,
    )


def fans_asleep(rng: Rng, outsiders: float = 100) -> Rows:
    """60 fans (2 minutes in the median) in one time zone, whose source posts day and night.

    They sleep over the same posts, so slow and fast posts are the same ones for every fan, and a fan's delays are no
    fair comparison for each other.
    """
    rows = fans(rng, 2 * MINUTES, outsiders, born=np.sort(rng.random(40) * HOURS))
    return rows._replace(hour=_after_waking(rng, rows.account, rows.hour, Everyday(PEOPLE + 60, noon_sd=1.0)))


def second_screen(rng: Rng, outsiders: float = 100) -> Rows:
    """60 fans who watch three evening shows together: 20 seconds in the median then, two hours for the other posts.

    20 of the source's 40 posts come during the shows (20:00 to 22:00).
    """
    live = np.sort(20 + 24 * rng.integers(0, 3, 20) + 2 * rng.random(20))
    hasty = fans(rng, 20 * SECONDS, outsiders, born=live)
    return laid_over(hasty, fans(rng, 2.0, outsiders, born=births(rng, 20)))


def devoted_fans(rng: Rng, median_h: float, outsiders: float = 100) -> Rows:
    """60 fans, fast with their source and slow with everything else, of which each shares about 40 things more.

    These are 400 objects, each shared by 6 of the fans and 10 others on average, after an hour in the median (sd 1.3).
    """
    count, born = 400, births(rng, 400)
    mine = reacting(rng, some_of(rng, rng.poisson(6, count), 60), born, 1.0, 1.3)
    theirs = reacting(rng, some_of(rng, rng.poisson(10, count), PEOPLE), born, 1.0, 1.3)
    elsewhere = laid_over(mine._replace(account=mine.account + PEOPLE), theirs, same_objects=True)
    return laid_over(fans(rng, median_h, outsiders), elsewhere)


def schedulers(rng: Rng) -> Rows:
    """150 people who post through a scheduling tool share 300 news objects: 12 of them and 15 others each.

    All share after half an hour in the median (lognormal, sd 1.3); the tool then waits for the next full quarter of an
    hour and takes up to three seconds.
    """
    born = births(rng, 300)
    tool = reacting(rng, some_of(rng, rng.poisson(12, 300), 150), born, 0.5, 1.3)
    posted = np.ceil(tool.hour * 4) / 4 + 3 * SECONDS * rng.random(len(tool.hour))
    others = reacting(rng, some_of(rng, rng.poisson(15, 300), PEOPLE - 150), born, 0.5, 1.3)
    return laid_over(tool._replace(hour=posted), others._replace(account=others.account + 150), same_objects=True)


def readers(rng: Rng, habitual: bool = False) -> Rows:
    """A digest of 40 posts a day; 400 readers open it once and share about 12 of them within minutes, top down.

    They open it at 19:00 give or take two hours: each day anew, or (`habitual`) at their own hour give or take ten
    minutes. Between two shares lie 25 seconds on average.
    """
    days, size, people = HOURS // 24, 40, 400
    who = np.array([rng.permutation(PEOPLE)[:people] for _ in range(days)])
    opened = rng.normal(19, 2, (days, people))
    if habitual:
        who[:] = who[0]
        opened = opened[:1] + rng.normal(0, 10 * MINUTES, (days, people))
    day, reader, post = np.nonzero(rng.random((days, people, size)) < 12 / size)
    steps = np.zeros((days, people, size))
    steps[day, reader, post] = rng.exponential(25 * SECONDS, len(post))
    hour = opened[day, reader] + 24 * day + np.cumsum(steps, axis=2)[day, reader, post]
    return Rows(who[day, reader], post + size * day, hour)


def breaking_news(rng: Rng) -> Rows:
    """40 related objects within two hours; of 600 people who follow, 180 share the first, fewer the later ones.

    They share six minutes after an object's birth in the median (lognormal, sd 1).
    """
    born = 30 + np.sort(rng.random(40) * 2)
    counts = rng.poisson(180 / (1 + 0.05 * np.arange(40)))
    return reacting(rng, some_of(rng, counts, 600), born, 0.1, 1.0)


def giveaway(rng: Rng, ordinary_hunters: int = 0, passers_by: int = 0) -> Rows:
    """150 hunters share 70 % of 30 giveaway posts, after 12 minutes in the median (lognormal, sd 1.2).

    `ordinary_hunters` of them belong to the everyday crowd; `passers_by` of it share each post as well, on average.
    """
    born = births(rng, 30)
    hunters = np.arange(PEOPLE - ordinary_hunters, PEOPLE - ordinary_hunters + 150)
    drawn = reacting(rng, each_with_chance(rng, 30, hunters, 0.7), born, 0.2, 1.2)
    others = some_of(rng, rng.poisson(passers_by, 30), PEOPLE - ordinary_hunters)
    return laid_over(drawn, reacting(rng, others, born, 1.0, 1.3), same_objects=True)


def syndication(rng: Rng) -> Rows:
    """30 accounts of local news outlets post the same 60 agency items, which nobody else shares.

    Each outlet posts an item two minutes after the agency in the median (lognormal, sd 0.7, personal speed sd 0.3).
    """
    taken = each_with_chance(rng, 60, np.arange(PEOPLE, PEOPLE + 30), 1.0)
    speed = np.exp(rng.normal(0, 0.3, 30))
    return reacting(rng, taken, births(rng, 60), 2 * MINUTES, 0.7, speed[taken[0] - PEOPLE])


def activists(rng: Rng, live: bool = False) -> Rows:
    """200 people repost 20 posts of an organiser in one announced hour, each 60 % of them.

    The posts lie ready and everybody works through them in one sitting within the hour, ten seconds a post; or (`live`)
    they appear every three minutes and people react after a minute and a half in the median (lognormal, sd 1).
    """
    people = np.arange(PEOPLE - 100, PEOPLE + 100)
    who, post = each_with_chance(rng, 20, people, 0.6)
    if live:
        return reacting(rng, (who, post), 43 + 0.05 * np.arange(20, dtype=np.float64), 1.5 * MINUTES, 1.0)
    came = 43 + rng.random(200)
    pause = np.cumsum(rng.exponential(10 * SECONDS, (200, 20)), axis=1)
    return Rows(who, post, came[who - people[0]] + pause[who - people[0], post])


def to_shares(*parts: Rows, clock_ms: int = 1_000) -> Shares:
    """Return parts laid over each other as `Shares`, times cut to the clock; objects of two parts are never the same.

    >>> one = Rows(np.array([0, 1]), np.array([0, 0]), np.array([0.0, 0.5]))
    >>> both = to_shares(one, one)
    >>> both.n_accounts, both.object.tolist()
    (2, [0, 0, 1, 1])
    """
    rows = parts[0]
    for part in parts[1:]:
        rows = laid_over(rows, part)
    at_ms = START_MS + (rows.hour * _HOUR_MS).astype(np.int64)
    return Shares(
        rows.account.astype(np.int32),
        rows.object.astype(np.int32),
        at_ms // clock_ms * clock_ms,
        int(rows.account.max()) + 1,
        np.zeros(int(rows.object.max()) + 1, np.int32),
    )


def reaction(rng: Rng, count: int, median_h: float, sd: float) -> Floats:
    """Draw `count` lognormal delays in hours, `sd` in log units."""
    return np.exp(rng.normal(np.log(median_h), sd, count))


def reacting(
    rng: Rng, shares: tuple[Ints, Ints], born: Floats, median_h: float, sd: float, speed: Floats | float = 1.0
) -> Rows:
    """Return (account, object) pairs with the hours at which people react to each object's birth."""
    account, thing = shares
    return Rows(account, thing, born[thing] + reaction(rng, len(thing), median_h, sd) * speed)


def each_with_chance(rng: Rng, objects: int, people: Ints, chance: float) -> tuple[Ints, Ints]:
    """Return the (account, object) pairs in which each of `people` shares each object with one chance."""
    thing, person = np.nonzero(rng.random((objects, len(people))) < chance)
    return people[person], thing


def some_of(rng: Rng, counts: Ints, people: int) -> tuple[Ints, Ints]:
    """Return (account, object) pairs: for object o, counts[o] different people of 0..people-1."""
    rank = rng.random((len(counts), people)).argsort(axis=1)
    thing, place = np.nonzero(np.arange(people) < counts[:, None])
    return rank[thing, place], thing


def _after_waking(rng: Rng, account: Ints, hour: Floats, crowd: Everyday) -> Floats:
    """Move what falls into a person's night to the time after waking."""
    noon = rng.normal(14, crowd.noon_sd, crowd.accounts)[account]
    into_day = (hour - noon + 12) % 24 - 12
    asleep = np.abs(into_day) > 8
    woke = np.where(into_day > 0, 16 - into_day, -8 - into_day) + hour
    if crowd.in_one_go:
        # One sitting a person and morning: a common start, then a share every 25 seconds on average.
        morning = np.round(woke - noon).astype(np.int64) // 24
        start = rng.exponential(crowd.catch_up_h, (crowd.accounts, morning.max() - morning.min() + 1))
        sitting = start[account, morning - morning.min()]
        order = np.lexsort((hour, morning, account, ~asleep))[: int(asleep.sum())]
        new = np.r_[True, (np.diff(account[order]) != 0) | (np.diff(morning[order]) != 0)]
        steps = np.cumsum(rng.exponential(25 * SECONDS, len(order)))
        sitting[order] += steps - steps[new][np.cumsum(new) - 1]
        return np.where(asleep, woke + sitting, hour)
    return np.where(asleep, woke + rng.exponential(crowd.catch_up_h, len(hour)), hour)


def laid_over(first: Rows, second: Rows, same_objects: bool = False) -> Rows:
    """Lay two parts over each other; their objects are the same ones, or the second's get new numbers."""
    shift = 0 if same_objects or not len(first.object) else int(first.object.max()) + 1
    return Rows(
        np.concatenate([first.account, second.account]),
        np.concatenate([first.object, second.object + shift]),
        np.concatenate([first.hour, second.hour]),
    )
