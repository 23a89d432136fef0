"""The organic crowds hold what their descriptions say; nobody in them follows anybody."""

from __future__ import annotations

import numpy as np
import pytest

from floodmark.coordination.result import Shares
from floodmark.simulate import crowds
from floodmark.simulate.crowd_kinds import KINDS
from floodmark.simulate.crowds import PEOPLE, START_MS, Everyday, Rows


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def lags_h(rows: Rows, born: np.ndarray) -> np.ndarray:
    return rows.hour - born[rows.object]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_sound_collection_of_the_promised_size(kind: str) -> None:
    drawn = KINDS[kind].draw(rng())
    # What a collection leaves out may be most of it.
    assert (500 if kind.startswith("cut_") else 4_000) <= len(drawn.at_ms) <= 35_000
    assert 500 <= drawn.n_accounts <= 1_160
    assert (drawn.account.dtype, drawn.object.dtype, drawn.at_ms.dtype) == (np.int32, np.int32, np.int64)
    assert min(drawn.account.min(), drawn.object.min()) >= 0
    assert drawn.account.max() < drawn.n_accounts
    assert drawn.object.max() < len(drawn.trace)
    clock_ms = 60_000 if kind.endswith("_minutes") else 1_000
    assert not np.any(drawn.at_ms % clock_ms)
    assert np.any(drawn.at_ms % (clock_ms * 60)), "the clock is finer than it should be"
    hours = (drawn.at_ms - START_MS) / 3_600_000
    assert hours.min() >= 0
    assert np.quantile(hours, 0.9) <= crowds.HOURS + 6
    assert KINDS[kind].meaning.endswith(".")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_depends_on_its_generator_alone(kind: str) -> None:
    def same(first: Shares, second: Shares) -> bool:
        return np.array_equal(first.account, second.account) and np.array_equal(first.at_ms, second.at_ms)

    assert same(KINDS[kind].draw(rng(1)), KINDS[kind].draw(rng(1)))
    assert not same(KINDS[kind].draw(rng(1)), KINDS[kind].draw(rng(2)))


def test_an_everyday_crowd_shares_an_object_once_each_and_has_heavy_tails() -> None:
    rows = crowds.everyday(rng())
    assert len(np.unique(rows.account * 10_000 + rows.object)) == len(rows.account)
    shares = np.sort(np.bincount(rows.account, minlength=PEOPLE))[::-1]
    sharers = np.sort(np.bincount(rows.object))[::-1]
    assert shares[:10].sum() > 0.15 * shares.sum()
    assert sharers[:15].sum() > 0.10 * sharers.sum()


def test_heavier_tails_leave_more_to_the_most_active() -> None:
    def top(tail: float) -> float:
        shares = np.sort(np.bincount(crowds.everyday(rng(), Everyday(activity_tail=tail)).account))[::-1]
        return float(shares[:20].sum() / shares.sum())

    assert top(0.8) > top(1.2) > top(3.0)


@pytest.mark.parametrize("in_one_go", [False, True])
def test_people_do_not_share_in_their_night(in_one_go: bool) -> None:
    crowd = Everyday(accounts=60, objects=400, actions_per_account=40, activity_tail=5, in_one_go=in_one_go)
    awake = crowds.everyday(rng(), crowd)
    never_sleeping = crowds.everyday(rng(), Everyday(**{**vars(crowd), "sleeps": False}))
    busy = np.argsort(-np.bincount(awake.account))[:20]

    def widest_gap_h(rows: Rows, account: int) -> float:
        clock = np.sort(rows.hour[rows.account == account] % 24)
        return float(np.max(np.diff(np.r_[clock, clock[0] + 24])))

    assert min(widest_gap_h(awake, account) for account in busy) >= 6.5
    assert np.median([widest_gap_h(never_sleeping, account) for account in busy]) < 6.5
    # Nobody shares earlier for being asleep.
    assert (awake.hour >= never_sleeping.hour - 1e-9).all()


def test_a_morning_in_one_go_is_a_sitting() -> None:
    crowd = Everyday(accounts=50, objects=2_000, actions_per_account=60, activity_tail=5, delay_median_h=0.1)

    def close(in_one_go: bool) -> float:
        rows = crowds.everyday(rng(), Everyday(**{**vars(crowd), "in_one_go": in_one_go, "catch_up_h": 0.5}))
        order = np.lexsort((rows.hour, rows.account))
        pause = np.diff(rows.hour[order])[np.diff(rows.account[order]) == 0]
        return float(np.mean(pause < 60 / 3600))

    assert close(True) > 1.5 * close(False)


@pytest.mark.parametrize("median_h", [10 / 3600, 1 / 60, 1 / 6, 6.0])
def test_fans_react_at_their_median_and_outsiders_at_theirs(median_h: float) -> None:
    rows = crowds.fans(rng(), median_h)
    born = crowds.births(rng(), 40)  # the first thing that is drawn
    fan = rows.account >= PEOPLE
    assert len(np.unique(rows.account[fan])) == 60
    assert 0.55 < fan.sum() / (60 * 40) < 0.65
    assert np.median(lags_h(rows, born)[fan]) == pytest.approx(median_h, rel=0.25)
    assert np.median(lags_h(rows, born)[~fan]) == pytest.approx(1.0, rel=0.1)
    assert 85 < np.bincount(rows.object[~fan]).mean() < 115


def test_only_hunters_share_giveaways_unless_passers_by_do() -> None:
    rows, born = crowds.giveaway(rng()), crowds.births(rng(), 30)
    assert rows.account.min() >= PEOPLE
    assert 0.65 < len(rows.hour) / (150 * 30) < 0.75
    lags = np.log(lags_h(rows, born))
    assert np.exp(np.median(lags)) == pytest.approx(0.2, rel=0.1)
    assert lags.std() == pytest.approx(1.2, rel=0.1)
    mixed = crowds.giveaway(rng(), ordinary_hunters=75, passers_by=30)
    assert np.count_nonzero(mixed.account < PEOPLE - 75) == pytest.approx(30 * 30, rel=0.15)
    assert len(np.unique(mixed.account[mixed.account >= PEOPLE - 75])) == 150


def test_readers_share_in_one_sitting_a_day() -> None:
    for habitual in (False, True):
        rows = crowds.readers(rng(), habitual)
        day = rows.object // 40
        sitting = rows.account * 3 + day
        spans = [np.ptp(rows.hour[sitting == one]) for one in np.unique(sitting)[:200]]
        assert np.quantile(spans, 0.95) < 15 / 60
        assert len(rows.hour) / len(np.unique(sitting)) == pytest.approx(12, rel=0.05)
        # Top down: posts of one sitting are shared in the digest's order.
        order = np.lexsort((rows.hour, sitting))
        inside = np.diff(sitting[order]) == 0
        assert (np.diff(rows.object[order])[inside] > 0).all()


def test_habitual_readers_keep_their_hour() -> None:
    def day_to_day_h(habitual: bool) -> float:
        rows = crowds.readers(rng(), habitual)
        first = {}
        for account, thing, hour in zip(*rows, strict=True):
            key = (int(account), int(thing) // 40)
            first[key] = min(first.get(key, 1e9), float(hour) % 24)
        moves = [abs(hour - first[a, 1]) for (a, day), hour in first.items() if day == 0 and (a, 1) in first]
        return float(np.median(moves))

    assert day_to_day_h(True) < 0.5
    assert day_to_day_h(False) > 1.0


def test_breaking_news_is_forty_objects_born_in_two_hours_of_six_hundred_people() -> None:
    rows = crowds.breaking_news(rng())
    counts = np.bincount(rows.object)
    assert len(counts) == 40
    assert 140 < counts[0] < 220
    assert counts[:10].mean() > 1.8 * counts[-10:].mean()
    assert 500 < len(np.unique(rows.account)) <= 600
    first = np.array([rows.hour[rows.object == thing].min() for thing in range(40)])
    assert np.ptp(first) < 2.1


def test_outlets_post_all_agency_items_within_minutes_and_alone() -> None:
    rows = crowds.syndication(rng())
    assert np.array_equal(np.unique(rows.account), np.arange(PEOPLE, PEOPLE + 30))
    assert (np.bincount(rows.object) == 30).all()
    lags = lags_h(rows, np.sort([rows.hour[rows.object == thing].min() for thing in range(60)]))
    assert np.median(lags) < 5 / 60


@pytest.mark.parametrize("live", [False, True])
def test_activists_act_within_their_hour(live: bool) -> None:
    rows = crowds.activists(rng(), live)
    assert len(np.unique(rows.account)) == 200
    assert len(np.unique(rows.object)) == 20
    assert np.mean((rows.hour >= 43) & (rows.hour <= 44.2)) > 0.97
    spans = [np.ptp(rows.hour[rows.account == one]) for one in np.unique(rows.account)]
    assert (np.median(spans) > 0.5) == live


def test_parts_laid_over_each_other_share_people_and_no_object() -> None:
    one = Rows(np.array([0, 3]), np.array([0, 1]), np.array([0.0, 1.0]))
    two = Rows(np.array([3]), np.array([0]), np.array([0.5]))
    laid = crowds.to_shares(one, two, clock_ms=60_000)
    assert (laid.account.tolist(), laid.object.tolist(), laid.n_accounts) == ([0, 3, 3], [0, 1, 2], 4)
    assert (laid.at_ms - START_MS).tolist() == [0, 3_600_000, 1_800_000]


def test_devoted_fans_are_fast_with_their_source_and_slow_elsewhere() -> None:
    rows = crowds.devoted_fans(rng(), 1 / 60, outsiders=5)
    fan, source = rows.account >= PEOPLE, rows.object < 40
    assert np.bincount(rows.object[~fan & source], minlength=40).mean() == pytest.approx(5, abs=1.5)
    assert np.count_nonzero(fan & ~source) / 60 == pytest.approx(40, rel=0.1)
    first = np.full(440, np.inf)
    np.minimum.at(first, rows.object, rows.hour)
    lags = lags_h(rows, first)
    assert np.median(lags[fan & source]) < 2 / 60
    assert np.median(lags[fan & ~source]) > 0.5


def test_fans_in_one_zone_share_no_post_in_the_night() -> None:
    rows = crowds.fans_asleep(rng())
    clock = rows.hour[rows.account >= PEOPLE] % 24
    # Days run from 6:00 to 22:00, give or take an hour or two.
    assert np.mean((clock > 1) & (clock < 4)) < 0.01
    assert np.mean((clock > 6) & (clock < 10)) > 0.2


def test_viewers_are_fast_during_the_show_only() -> None:
    rows = crowds.second_screen(rng())
    first = np.array([rows.hour[rows.object == thing].min() for thing in range(40)])
    fan, live = rows.account >= PEOPLE, rows.object < 20
    lags = lags_h(rows, first)
    assert np.median(lags[fan & live]) < 1 / 60
    assert np.median(lags[fan & ~live]) > 1
    assert ((first[:20] % 24 >= 20) & (first[:20] % 24 <= 22.1)).all()


def test_a_scheduling_tool_posts_on_the_quarter_hour() -> None:
    rows = crowds.schedulers(rng())
    past = (rows.hour * 3600) % 900
    assert (past[rows.account < 150] <= 3.001).all()
    assert np.mean(past[rows.account >= 150] <= 3) < 0.02
