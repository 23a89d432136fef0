"""Crowds with a late trigger do what their docstrings say: sizes, moments and paces, each from its generator alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from floodmark.coordination.result import Shares
from floodmark.simulate import crowd_triggers as triggers
from floodmark.simulate.crowd_kinds import KINDS, LATE_KINDS
from floodmark.simulate.crowd_triggers import Told
from floodmark.simulate.crowds import PEOPLE, Rows, everyday, to_shares

BEHAVIOURS: dict[str, Callable[[np.random.Generator], Rows]] = {
    "told_later": triggers.told_later,
    "newsletter": triggers.newsletter,
    "school_class": triggers.school_class,
    "live_stream": triggers.live_stream,
    "feed_tool": triggers.feed_tool,
    "families": triggers.families,
    "breaks": triggers.breaks,
    "news_bot": triggers.news_bot,
    "favours_in_sittings": triggers.favours_in_sittings,
    "favours_notified": triggers.favours_notified,
    "cron_bots": partial(triggers.cron_bots, every_h=7 / 60),
    "collected_thrice": triggers.collected_thrice,
}


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def of(rows: Rows, chosen: np.ndarray) -> Rows:
    return Rows(*(column[chosen] for column in rows))


def first_h(rows: Rows) -> np.ndarray:
    first = np.full(int(rows.object.max()) + 1, np.inf)
    np.minimum.at(first, rows.object, rows.hour)
    return first


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_behaviour_depends_on_its_generator_alone(name: str) -> None:
    drawn = [BEHAVIOURS[name](rng(seed)) for seed in (1, 1, 2)]
    assert all(np.array_equal(one, two) for one, two in zip(drawn[0], drawn[1], strict=True))
    assert not np.array_equal(drawn[0].hour, drawn[2].hour)


def test_the_late_kinds_are_studied_apart_and_are_kinds() -> None:
    assert all(KINDS[name] is kind for name, kind in LATE_KINDS.items())
    assert {"late_messenger", "late_curator", "breaks_shifts", "cron_7m", "copies", "cut_newest"} <= set(LATE_KINDS)
    assert not {"rhythm", "schedulers", "fans_1m", "several_minutes"} & set(LATE_KINDS)
    assert len(KINDS) > len(LATE_KINDS)


def test_people_who_are_told_share_hours_after_the_birth_and_minutes_after_each_other() -> None:
    how = Told(people=40, objects=60, chance=0.5, median_h=3 / 60, outsiders=60, teller_shares=True)
    rows = triggers.told_later(rng(), how)
    theirs = (rows.account >= PEOPLE) & (rows.account < PEOPLE + 40)
    teller = of(rows, rows.account == PEOPLE + 40)
    assert np.array_equal(teller.object, np.arange(60))
    assert np.count_nonzero(theirs) == pytest.approx(1_200, rel=0.1)
    assert np.count_nonzero(rows.account < PEOPLE) == pytest.approx(3_600, rel=0.1)
    after = of(rows, theirs).hour - teller.hour[of(rows, theirs).object]
    assert after.min() > 0
    assert np.median(after) == pytest.approx(3 / 60, rel=0.3)
    # By then the object has been around for hours.
    assert np.median(teller.hour - first_h(of(rows, rows.account < PEOPLE))) > 1


def test_people_may_be_told_without_the_teller_in_the_data() -> None:
    rows = triggers.told_later(rng(), Told(people=15, first_account=PEOPLE - 15))
    assert rows.account.max() < PEOPLE
    assert np.bincount(rows.account, minlength=PEOPLE)[-15:].min() >= 8


def test_members_share_minutes_after_one_of_three_mails_a_day() -> None:
    rows = triggers.newsletter(rng(), outsiders=0)
    assert len(np.unique(rows.object)) == 12
    assert (rows.account >= PEOPLE - 40).all()
    assert len(rows.account) == pytest.approx(12 * 40 / 2, rel=0.15)
    hour = first_h(rows) % 24
    assert np.min(np.abs(hour[:, None] - [7, 12, 18]), axis=1).max() < 0.1
    after = np.min((rows.hour[:, None] % 24 - [7, 12, 18]) % 24, axis=1)
    assert 4 / 60 < np.median(after) < 16 / 60
    popular = triggers.newsletter(rng())
    assert np.mean(first_h(popular) < first_h(rows) - 0.5) > 0.8


def test_a_class_shares_twenty_links_in_its_lessons() -> None:
    rows = triggers.school_class(rng())
    assert np.array_equal(np.unique(rows.account), np.arange(PEOPLE, PEOPLE + 28))
    assert len(rows.account) == pytest.approx(20 * 28 * 0.85, rel=0.1)
    # A lesson's links come at 0, 10, 20 and 30 minutes past; half are shared in 3 minutes.
    past = rows.hour * 60 % 60 - 10 * (rows.object % 4)
    assert 2 < np.median(past) < 4.5
    assert len(np.unique(np.floor(first_h(rows)))) == 5
    popular = triggers.school_class(rng(), outsiders=40)
    assert np.count_nonzero(popular.account < PEOPLE) == pytest.approx(800, rel=0.15)


def test_an_audience_shares_clips_at_once_in_the_evening() -> None:
    rows = triggers.live_stream(rng())
    theirs = of(rows, rows.account >= PEOPLE)
    assert len(theirs.hour) == pytest.approx(40 * 120 * 0.35, rel=0.1)
    assert np.mean((theirs.hour % 24 >= 20) & (theirs.hour % 24 < 22.1)) > 0.99
    lag = rows.hour - first_h(theirs)[rows.object]
    assert np.median(lag[rows.account >= PEOPLE]) < 1 / 60
    assert np.median(lag[rows.account < PEOPLE]) > 1.5


def test_a_feed_tool_posts_off_the_mark_within_seconds() -> None:
    rows = triggers.feed_tool(rng())
    theirs = of(rows, rows.account >= PEOPLE)
    past_s = (theirs.hour * 3600 - 7.8 * 60) % 900
    assert np.mean(past_s) == pytest.approx(5, rel=0.2)
    assert past_s.max() < 100
    assert len(theirs.hour) == pytest.approx(60 * 40 * 0.6, rel=0.1)


def test_families_share_eight_objects_a_minute_apart() -> None:
    rows = triggers.families(rng())
    theirs = of(rows, rows.account >= PEOPLE)
    family = (theirs.account - PEOPLE) // 3
    assert family.max() == 39
    assert max(len(np.unique(theirs.object[family == one])) for one in range(40)) == 8
    order = np.lexsort((theirs.hour, theirs.object, family))
    same = (np.diff(family[order]) == 0) & (np.diff(theirs.object[order]) == 0)
    assert np.median(np.diff(theirs.hour[order])[same]) < 1.5 / 60
    assert np.median(theirs.hour - first_h(rows)[theirs.object]) > 2


def test_people_with_breaks_share_in_the_breaks_of_their_own_shift_only() -> None:
    rows = triggers.breaks(rng())
    theirs = of(rows, rows.account >= PEOPLE)
    assert len(np.unique(theirs.account)) == 120
    for shift, hours in enumerate(triggers.SHIFTS):
        mine = theirs.hour[theirs.account % 2 == shift] % 24
        into = np.min((mine[:, None] - np.array(hours)) % 24, axis=1)
        assert into.max() <= 10 / 60 + 1e-9
        assert len(np.unique(np.argmin((mine[:, None] - np.array(hours)) % 24, axis=1))) == 3
    wide = triggers.breaks(rng(), triggers.ONE_TIMETABLE, 0.5, people=60)
    assert len(np.unique(wide.account[wide.account >= PEOPLE])) == 60
    clock = wide.hour[wide.account >= PEOPLE] % 24
    into = np.min((clock[:, None] - np.array(triggers.ONE_TIMETABLE[0])) % 24, axis=1)
    assert 0.4 < into.max() <= 0.5


def test_a_break_is_the_next_one_and_passes_midnight() -> None:
    ready = np.array([9.0, 10.0, 22.5, 24.2, 27.5])
    assert triggers._next_break(ready, (22.0, 0.5, 3.0)).tolist() == [22.0, 22.0, 24.5, 24.5, 46.0]


def test_a_news_bot_is_first_and_every_second_fan_follows_at_once() -> None:
    rows = triggers.news_bot(rng())
    bot = of(rows, rows.account == PEOPLE + 40)
    fan = of(rows, (rows.account >= PEOPLE) & (rows.account < PEOPLE + 40))
    after = fan.hour - bot.hour[fan.object]
    assert np.array_equal(bot.object, np.arange(40))
    assert after.min() > 0
    assert np.median(after[fan.account % 2 == 1]) == pytest.approx(15 / 3600, rel=0.3)
    assert np.median(after[fan.account % 2 == 0]) == pytest.approx(20 / 60, rel=0.3)


def test_a_circle_returns_favours_in_six_evening_sittings_of_ten_posts() -> None:
    rows = triggers.favours_in_sittings(rng())
    theirs = of(rows, rows.account >= PEOPLE)
    assert theirs.account.max() < PEOPLE + 12
    assert len(theirs.account) == pytest.approx(6 * 12 * 0.7 * 10 * 0.6, rel=0.25)
    assert np.mean((theirs.hour % 24 >= 20) & (theirs.hour % 24 < 22.5)) > 0.98
    order = np.lexsort((theirs.hour, theirs.account))
    pause = np.diff(theirs.hour[order])[np.diff(theirs.account[order]) == 0]
    assert np.median(pause) < 30 / 3600


def test_a_notified_circle_reacts_in_minutes() -> None:
    rows = triggers.favours_notified(rng())
    theirs = of(rows, rows.account >= PEOPLE)
    assert len(theirs.account) == pytest.approx(12 * 40 * 0.6, rel=0.15)
    lag = rows.hour - first_h(rows)[rows.object]
    assert np.median(lag[rows.account >= PEOPLE]) < 6 / 60
    assert np.count_nonzero(rows.account < PEOPLE) == pytest.approx(160, rel=0.25)


@pytest.mark.parametrize("every_min", [7, 10])
def test_bots_start_by_their_clock(every_min: int) -> None:
    rows = triggers.cron_bots(rng(), every_min / 60)
    past_s = rows.hour * 3600 % (every_min * 60)
    bot = rows.account >= PEOPLE
    assert np.minimum(past_s, every_min * 60 - past_s)[bot].max() <= 20.001
    assert np.mean(past_s[~bot] <= 20) < 0.1
    assert np.count_nonzero(bot) == pytest.approx(200 * 30 * 0.15, rel=0.1)


def test_copies_share_what_their_original_shares_seconds_later() -> None:
    rows = triggers.collected_thrice(rng())
    plain = everyday(rng())
    assert np.array_equal(rows.account[: len(plain.account)], plain.account)
    active = np.flatnonzero(np.bincount(plain.account) >= 8)[:20]
    assert rows.account.max() == PEOPLE + 2 * 20 - 1
    for place, original in enumerate(active):
        for copy in (PEOPLE + place, PEOPLE + 20 + place):
            assert np.array_equal(rows.object[rows.account == copy], plain.object[plain.account == original])
            lag = rows.hour[rows.account == copy] - plain.hour[plain.account == original]
            assert 0 < lag.min() < lag.max() < 0.1


def shares() -> Shares:
    return to_shares(everyday(rng()))


@pytest.mark.parametrize("cut", [triggers.newest, triggers.oldest])
def test_a_cut_collection_keeps_an_objects_newest_or_oldest(cut: Callable[..., Shares]) -> None:
    full = shares()
    kept = cut(rng(), full, per_object=4)
    for thing in range(0, len(full.trace), 37):
        times = np.sort(full.at_ms[full.object == thing])
        wanted = times[-4:] if cut is triggers.newest else times[:4]
        assert np.array_equal(np.sort(kept.at_ms[kept.object == thing]), wanted)
    assert kept.n_accounts == full.n_accounts


def test_a_sample_keeps_its_share_of_the_actions() -> None:
    full = shares()
    assert len(triggers.sample(rng(), full, 0.1).at_ms) == pytest.approx(0.1 * len(full.at_ms), rel=0.15)


def test_half_of_the_accounts_are_on_a_clock_of_minutes() -> None:
    full = shares()
    mixed = triggers.two_clocks(rng(), full)
    coarse = np.ones(full.n_accounts, bool)
    np.logical_and.at(coarse, mixed.account, mixed.at_ms % 60_000 == 0)
    many = np.bincount(full.account, minlength=full.n_accounts) >= 5
    assert np.mean(coarse[many]) == pytest.approx(0.5, abs=0.1)
    assert np.array_equal(mixed.at_ms[~coarse[mixed.account]], full.at_ms[~coarse[full.account]])
    assert ((full.at_ms - mixed.at_ms >= 0) & (full.at_ms - mixed.at_ms < 60_000)).all()
