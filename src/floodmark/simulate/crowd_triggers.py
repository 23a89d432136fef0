"""Organic crowds whose common trigger comes later than an object's first post, and cannot be seen in the data.

A chat, a newsletter, a show, a break at work or a clock makes people share the same things at the same time, hours
after others have shared them at their own pace. Nobody coordinates, as in `crowds`; but no first post explains the
haste, so that a test which excludes only the first post as a trigger names these people. Some kinds are mild
variants, and some cut the collection instead. The numbers are plain assumptions of an adversary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from floodmark.coordination.result import Shares
from floodmark.simulate.crowds import (
    MINUTES,
    PEOPLE,
    SECONDS,
    Floats,
    Ints,
    Rng,
    Rows,
    births,
    each_with_chance,
    everyday,
    laid_over,
    reacting,
    reaction,
    some_of,
)

#: Hours of the day at which two shifts of workers have their breaks: by day, and by night.
SHIFTS: Final = ((10.0, 12.5, 15.0), (22.0, 0.5, 3.0))
#: Hours of one timetable of breaks for all, and of the trains that commuters take.
ONE_TIMETABLE: Final = ((10.0, 12.5, 15.0, 19.0),)
TRAINS: Final = ((7.33, 8.33, 17.33, 18.33),)
#: Hours since the start at which a newsletter goes out: three times a day.
_MAILS_H: Final = (7.0, 12.0, 18.0, 31.0, 36.0, 42.0, 55.0, 60.0, 66.0)
#: Hours since the start at which lessons begin: four a morning.
_LESSONS_H: Final = (8.0, 9.0, 10.0, 11.0, 32.0, 33.0, 34.0, 35.0, 56.0, 57.0, 58.0, 59.0)


@dataclass(frozen=True)
class Told:
    """People who are told of an object some time after its birth, by somebody outside the data.

    `people` accounts from `first_account` on hear of each of `objects`, `told_median_h` hours after its birth in the
    median (lognormal, sd `told_sd`), all at the same moment. Each shares it with `chance`, after `median_h` hours in
    the median (lognormal, sd `delay_sd`, personal speed sd 0.5). `outsiders` others share each on average, at their own
    pace. With `teller_shares`, the one who tells is in the data, as the account after the last, and shares it first.
    """

    people: int = 15
    first_account: int = PEOPLE
    objects: int = 30
    chance: float = 0.5
    median_h: float = 3 * MINUTES
    delay_sd: float = 1.0
    told_median_h: float = 3.0
    told_sd: float = 1.0
    outsiders: float = 60
    teller_shares: bool = False


MESSENGER: Final = Told()


def told_later(rng: Rng, how: Told = MESSENGER) -> Rows:
    """Draw people who share when they are told (see `Told`): a messenger group, an app's notification, a TV show."""
    born = births(rng, how.objects)
    told = born + reaction(rng, how.objects, how.told_median_h, how.told_sd)
    pairs = each_with_chance(rng, how.objects, _from(how.first_account, how.people), how.chance)
    speed = np.exp(rng.normal(0, 0.5, how.people))[pairs[0] - how.first_account]
    theirs = reacting(rng, pairs, told, how.median_h, how.delay_sd, speed)
    if how.teller_shares:
        teller = np.full(how.objects, how.first_account + how.people)
        theirs = laid_over(theirs, Rows(teller, np.arange(how.objects), told), same_objects=True)
    return laid_over(theirs, _outsiders(rng, how.outsiders, born), same_objects=True)


def newsletter(rng: Rng, members: int = 40, links: int = 12, outsiders: float = 40) -> Rows:
    """Members of the everyday crowd share half of a newsletter's `links`, 8 minutes after a mail in the median (sd 1).

    Each link comes in one of nine mails (at 7:00, 12:00 and 18:00) and was born 5 hours before in the median (sd 0.7).
    """
    mailed = np.sort(rng.choice(np.array(_MAILS_H), links))
    born = np.maximum(mailed - reaction(rng, links, 5.0, 0.7), 0)
    pairs = each_with_chance(rng, links, _from(PEOPLE - members, members), 0.5)
    theirs = reacting(rng, pairs, mailed, 8 * MINUTES, 1.0)
    return laid_over(theirs, _outsiders(rng, outsiders, born), same_objects=True)


def school_class(rng: Rng, pupils: int = 28, outsiders: float = 0) -> Rows:
    """A class of `pupils` gets four links in each of five lessons, ten minutes apart; 85 % share each.

    They share after 3 minutes in the median (sd 0.6). The links are the class's own, or with `outsiders` popular ones,
    born 5 hours before the lesson in the median (sd 1).
    """
    lessons = np.sort(rng.choice(np.array(_LESSONS_H), 5, replace=False))
    given = np.repeat(lessons, 4) + np.tile(np.arange(4) * 10 * MINUTES, 5)
    pairs = each_with_chance(rng, len(given), _from(PEOPLE, pupils), 0.85)
    theirs = reacting(rng, pairs, given, 3 * MINUTES, 0.6)
    born = np.maximum(given - reaction(rng, len(given), 5.0, 1.0), 0)
    return laid_over(theirs, _outsiders(rng, outsiders, born), same_objects=True)


def live_stream(rng: Rng, audience: int = 120, outsiders: float = 30) -> Rows:
    """An audience shares 35 % of the 40 clips of three evening streams (20:00 to 22:00), at once.

    They share half a minute after the scene in the median (sd 0.8, personal speed sd 0.4), `outsiders` after 3 hours.
    """
    scene = np.sort(20 + 24 * (np.arange(40) % 3) + 2 * rng.random(40))
    pairs = each_with_chance(rng, 40, _from(PEOPLE, audience), 0.35)
    speed = np.exp(rng.normal(0, 0.4, audience))[pairs[0] - PEOPLE]
    theirs = reacting(rng, pairs, scene, 30 * SECONDS, 0.8, speed)
    return laid_over(theirs, _outsiders(rng, outsiders, scene, median_h=3.0), same_objects=True)


def feed_tool(rng: Rng, customers: int = 40, outsiders: float = 20) -> Rows:
    """Customers of one tool that posts a feed's items for them; each takes 60 % of 60 items.

    The tool polls the feed every quarter of an hour, 7.8 minutes past the mark, and posts 5 seconds later on average.
    """
    born = births(rng, 60)
    pairs = each_with_chance(rng, 60, _from(PEOPLE, customers), 0.6)
    polled = _next_mark(born - 7.8 * MINUTES, 15 * MINUTES) + 7.8 * MINUTES
    theirs = Rows(*pairs, polled[pairs[1]] + rng.exponential(5 * SECONDS, len(pairs[0])))
    return laid_over(theirs, _outsiders(rng, outsiders, born), same_objects=True)


def families(rng: Rng, count: int = 40, size: int = 3) -> Rows:
    """Families at a table: of 400 popular objects, one shows the others 8, four hours after birth in the median (sd 1).

    Each member shares it with a chance of 80 %, one minute later on average; 40 outsiders share each object.
    """
    born = births(rng, 400)
    shown = rng.random((count, 400)).argsort(axis=1)[:, :8]
    at = born[shown] + reaction(rng, shown.size, 4.0, 1.0).reshape(shown.shape)
    family, member, place = np.nonzero(rng.random((count, size, 8)) < 0.8)
    hour = at[family, place] + rng.exponential(MINUTES, len(family))
    theirs = Rows(PEOPLE + family * size + member, shown[family, place], hour)
    return laid_over(theirs, _outsiders(rng, 40, born), same_objects=True)


def breaks(
    rng: Rng, timetables: Sequence[Sequence[float]] = SHIFTS, width_h: float = 10 * MINUTES, people: int = 120
) -> Rows:
    """People who read in fixed breaks only: of 300 objects, each is shared by 14 of them and 25 others on average.

    `timetables` give the hours of day at which breaks begin; person i has timetable i modulo their count. Whoever would
    share half an hour after birth in the median (sd 1) does so in the next break, any time within its `width_h`.
    """
    born = births(rng, 300)
    who, thing = some_of(rng, rng.poisson(14, 300), people)
    ready = born[thing] + reaction(rng, len(thing), 0.5, 1.0)
    began = np.empty(len(ready))
    for number, timetable in enumerate(timetables):
        mine = who % len(timetables) == number
        began[mine] = _next_break(ready[mine], timetable)
    theirs = Rows(PEOPLE + who, thing, began + width_h * rng.random(len(ready)))
    return laid_over(theirs, _outsiders(rng, 25, born), same_objects=True)


def news_bot(rng: Rng) -> Rows:
    """A bot (the account after the last) reposts 40 wire items within a second; 40 fans of it share 40 % of them.

    Every second fan has notifications on and reacts after 15 seconds in the median, the others after 20 minutes
    (sd 0.8); 40 outsiders share each item.
    """
    born, people = births(rng, 40), 40
    pairs = each_with_chance(rng, 40, _from(PEOPLE, people), 0.4)
    speed = np.where(np.arange(people) % 2, 15 * SECONDS, 20 * MINUTES)[pairs[0] - PEOPLE]
    posted = born + SECONDS
    bot = Rows(np.full(40, PEOPLE + people), np.arange(40), posted)
    theirs = laid_over(reacting(rng, pairs, posted, 1.0, 0.8, speed), bot, same_objects=True)
    return laid_over(theirs, _outsiders(rng, 40, born), same_objects=True)


def favours_in_sittings(rng: Rng, circle: int = 12) -> Rows:
    """A circle of authors who repost each other: two sittings an evening, each over ten of 60 posts born before it.

    Of the circle 70 % come, three minutes after the start on average; each reposts 60 % of the ten, 20 seconds a post.
    Ten outsiders share each post.
    """
    born = births(rng, 60)
    start = 20 + 24 * np.arange(3).repeat(2) + 2 * rng.random(6)
    ten = (rng.random((6, 60)) + (born > start[:, None])).argsort(axis=1)[:, :10]
    came = rng.random((6, circle, 1)) < 0.7
    sitting, member, place = np.nonzero(came & (rng.random((6, circle, 10)) < 0.6))
    steps = np.zeros((6, circle, 10))
    steps[sitting, member, place] = rng.exponential(20 * SECONDS, len(place))
    opened = start[:, None] + rng.exponential(3 * MINUTES, (6, circle))
    hour = opened[sitting, member] + np.cumsum(steps, axis=2)[sitting, member, place]
    theirs = Rows(PEOPLE + member, ten[sitting, place], hour)
    return laid_over(theirs, _outsiders(rng, 10, born), same_objects=True)


def favours_notified(rng: Rng, circle: int = 12) -> Rows:
    """A circle with notifications on reposts 60 % of its 40 posts, after 4 minutes in the median (sd 1).

    Four outsiders share each post.
    """
    born = births(rng, 40)
    pairs = each_with_chance(rng, 40, _from(PEOPLE, circle), 0.6)
    return laid_over(reacting(rng, pairs, born, 4 * MINUTES, 1.0), _outsiders(rng, 4, born), same_objects=True)


def cron_bots(rng: Rng, every_h: float, bots: int = 30) -> Rows:
    """Independent hobby bots, each started by its clock every `every_h`; each takes 15 % of 200 items of common feeds.

    They post at the first mark after an item's birth and take up to 20 seconds; 15 outsiders share each item.
    """
    born = births(rng, 200)
    pairs = each_with_chance(rng, 200, _from(PEOPLE, bots), 0.15)
    hour = _next_mark(born[pairs[1]], every_h) + 20 * SECONDS * rng.random(len(pairs[0]))
    return laid_over(Rows(*pairs, hour), _outsiders(rng, 15, born), same_objects=True)


def collected_thrice(rng: Rng, copied: int = 20, least: int = 8) -> Rows:
    """An everyday crowd, of which the first `copied` accounts with `least` shares are collected under three ids.

    Each copy shares the same things, 20 seconds later on average: one person who posts to three accounts.
    """
    rows = everyday(rng)
    active = np.flatnonzero(np.bincount(rows.account, minlength=PEOPLE) >= least)[:copied]
    place = np.full(PEOPLE, -1)
    place[active] = np.arange(len(active))
    theirs = np.flatnonzero(place[rows.account] >= 0)
    for copy in range(2):
        ids = PEOPLE + copy * len(active) + place[rows.account[theirs]]
        hour = rows.hour[theirs] + rng.exponential(20 * SECONDS, len(theirs))
        rows = laid_over(rows, Rows(ids, rows.object[theirs], hour), same_objects=True)
    return rows


def newest(_rng: Rng, shares: Shares, per_object: int = 15) -> Shares:
    """Return what a search gives that stops at an object's newest `per_object` actions."""
    return _kept(shares, _rank(shares.object, -shares.at_ms) < per_object)


def oldest(_rng: Rng, shares: Shares, per_object: int = 15) -> Shares:
    """Return what a collection holds that stopped after an object's oldest `per_object` actions."""
    return _kept(shares, _rank(shares.object, shares.at_ms) < per_object)


def sample(rng: Rng, shares: Shares, share: float = 0.1) -> Shares:
    """Return a random `share` of the actions."""
    return _kept(shares, rng.random(len(shares.at_ms)) < share)


def two_clocks(rng: Rng, shares: Shares) -> Shares:
    """Return the shares with a random half of the accounts on a clock of minutes: two collectors."""
    coarse = (rng.random(shares.n_accounts) < 0.5)[shares.account]
    at_ms = np.where(coarse, shares.at_ms // 60_000 * 60_000, shares.at_ms)
    return Shares(shares.account, shares.object, at_ms, shares.n_accounts, shares.trace, shares.traces)


def _outsiders(rng: Rng, mean: float, born: Floats, median_h: float = 1.0) -> Rows:
    """Return people of the everyday crowd who share each object at their own pace, `mean` of them on average."""
    return reacting(rng, some_of(rng, rng.poisson(mean, len(born)), PEOPLE), born, median_h, 1.3)


def _from(first: int, count: int) -> Ints:
    return np.arange(first, first + count)


def _next_mark(hour: Floats, every_h: float) -> Floats:
    return np.ceil(hour / every_h) * every_h


def _next_break(hour: Floats, timetable: Sequence[float]) -> Floats:
    """Return the first hour not before `hour` at which a break begins."""
    begins = np.sort(np.array(timetable))
    day, into_day = np.divmod(hour, 24)
    following = np.concatenate([begins, begins[:1] + 24])
    begun: Floats = day * 24 + following[np.searchsorted(begins, into_day)]
    return begun


def _rank(group: npt.NDArray[np.int32], key: Ints) -> Ints:
    """Return each row's place (from 0) in its group by key."""
    order = np.lexsort((key, group))
    inside = group[order]
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(inside, inside)
    return rank


def _kept(shares: Shares, kept: npt.NDArray[np.bool_]) -> Shares:
    return Shares(
        shares.account[kept],
        shares.object[kept],
        shares.at_ms[kept],
        shares.n_accounts,
        shares.trace,
        shares.traces,
    )
