"""How the simulated crowds and the campaign behave: what a measure would have to tell apart."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from floodmark.simulate import CASE_2020
from floodmark.simulate.behaviours import NO_BEHAVIOURS
from floodmark.simulate.crowd import Roots, lomax_s
from floodmark.simulate.params import CampaignParams, scaled
from floodmark.simulate.rhythm import Picker, make_clock, place_rates
from floodmark.simulate.run import imagine
from floodmark.simulate.truth import Facts
from floodmark.simulate.world import ORIGINAL, REPLY, REPOST, Book, Draft, Objects, stream
from floodmark.simulate.write import snowflakes

World = tuple[Facts, Book, Objects]


def build(params: CampaignParams, seed: int = 11) -> World:
    return imagine(params, seed, lambda _done: None)


@pytest.fixture(scope="module")
def world() -> World:
    return build(scaled(CASE_2020, 0.1))


def partners_within(facts: Facts, text: Objects, seconds: int) -> dict[int, dict[int, set[object]]]:
    """Brute force: account -> other account -> objects (repost, link, text) on which both acted within `seconds`."""
    posts = facts.posts
    events = defaultdict(list)
    for row in range(len(posts)):
        if posts.at_s[row] < facts.clock.window_s:
            continue
        keys: list[object] = [("repost", posts.parent[row])] if posts.kind[row] == REPOST else [("text", text[row])]
        if posts.url[row] >= 0 and posts.kind[row] == ORIGINAL:
            keys.append(("url", posts.url[row]))
        for key in keys:
            events[key].append((int(posts.at_s[row]), int(posts.account[row])))
    partners: dict[int, dict[int, set[object]]] = defaultdict(lambda: defaultdict(set))
    for key, seen in events.items():
        for position, (at_s, account) in enumerate(seen):
            for later_s, other in seen[position + 1 :]:
                if later_s - at_s > seconds:
                    break
                if other != account:
                    partners[account][other].add(key)
                    partners[other][account].add(key)
    return partners


def test_the_campaign_acts_together_and_the_crowds_hardly(world: World) -> None:
    """The usual rule (two co-actions in 60 s with a partner) sees the campaign and news bots, few others."""
    facts, _, text = world
    partners = partners_within(facts, text, 60)
    twice = {a: {b for b, shared in others.items() if len(shared) >= 2} for a, others in partners.items()}
    group, role = facts.people.group, facts.people.role
    campaign = np.flatnonzero(role == "campaign")
    joined = [a for a in campaign if any(group[b] == group[a] for b in partners.get(a, ()))]
    assert len(joined) > 0.85 * len(campaign), "operations on hashtags alone leave no such trace, others do"
    assert sum(bool(twice.get(a)) for a in campaign) > 0.5 * len(campaign)
    crowd = [a for a in np.flatnonzero(facts.roster != "") if role[a] in ("organic_for", "organic_against", "control")]
    assert 0 < sum(bool(twice.get(a)) for a in crowd) < 0.05 * len(crowd)
    bots = np.flatnonzero(role == "news_bot")
    in_step = [a for a in bots if any(role[b] == "news_bot" for b in twice.get(a, ()))]
    assert len(in_step) > 0.5 * len(bots), "syndicated news is innocent lockstep"


def test_surges_stand_out_in_their_bins(world: World) -> None:
    facts = world[0]
    mine = facts.in_window & facts.campaign_accounts[facts.posts.account]
    bins = np.bincount((facts.posts.at_s[mine] - facts.clock.window_s) // 900, minlength=192)
    surge = np.isin(np.arange(192), facts.campaign.surge_bins)
    assert 20 <= surge.sum() <= 24
    assert np.median(bins[surge]) > 5 * np.median(bins[~surge])
    crowd = facts.in_window & (facts.people.role[facts.posts.account] == "control")
    quiet = np.bincount((facts.posts.at_s[crowd] - facts.clock.window_s) // 900, minlength=192)
    assert quiet[surge].mean() < 2 * quiet[~surge].mean()


def test_camouflage_doubles_the_posts_and_off_means_off() -> None:
    # Automated and taken-over accounts hide behind nothing.
    params = replace(scaled(CASE_2020, 0.05), behaviours=NO_BEHAVIOURS)
    plain = build(replace(params, camouflage_share_of_posts=0.0, rehearsal_share=0.0))[0]
    half = build(replace(params, rehearsal_share=0.0))[0]
    counts = [int(f.campaign_accounts[f.posts.account].sum()) for f in (plain, half)]
    assert counts[1] / counts[0] == pytest.approx(2, rel=0.05)
    # What operations remain are the same: camouflage draws after them from the same stream.
    assert plain.campaign.surge_bins.tolist() == half.campaign.surge_bins.tolist()


def test_jitter_bounds_the_operations() -> None:
    params = replace(scaled(CASE_2020, 0.02), camouflage_share_of_posts=0.0, amplified_share_of_reposts=0.0, jitter_s=5)
    facts = build(params)[0]
    posts = facts.posts
    reposts = np.flatnonzero((posts.kind == REPOST) & facts.campaign_accounts[posts.account])
    assert len(reposts) > 50
    delay = posts.at_s[reposts] - posts.at_s[posts.parent[reposts]]
    assert delay.min() >= 1
    assert delay.max() <= 5 + 20
    leaders = posts.account[posts.parent[reposts]]
    assert set(leaders.tolist()) <= set(facts.campaign.leaders.tolist())


def test_outsiders_can_be_amplified_and_are_marked(world: World) -> None:
    facts = world[0]
    roles = set(facts.people.role[facts.campaign.amplified].tolist())
    assert len(facts.campaign.amplified) > 0
    assert roles == {"organic_against"}
    none = build(replace(scaled(CASE_2020, 0.02), amplified_share_of_reposts=0.0))[0]
    assert len(none.campaign.amplified) == 0


def test_cascades_are_heavy_tailed_and_fans_are_fast(world: World) -> None:
    facts = world[0]
    posts, role = facts.posts, facts.people.role
    reposts = np.flatnonzero((posts.kind == REPOST) & (posts.topic == 1))
    delay = posts.at_s[reposts] - posts.at_s[posts.parent[reposts]]
    fans = role[posts.account[reposts]] == "fan"
    assert 20 < np.median(delay[fans]) < 90
    assert 300 < np.median(delay[~fans]) < 800
    assert np.mean(delay[~fans] > 3 * 3600) > 0.02
    sizes = np.sort(np.bincount(posts.parent[reposts[~fans]]))[::-1]
    roots = int(((posts.kind == ORIGINAL) & (posts.topic == 1)).sum())
    assert sizes[: roots // 100].sum() > 0.15 * sizes.sum()
    activity = np.sort(np.bincount(posts.account[posts.topic == 2]))[::-1]
    active = activity[activity > 0]
    assert active[: len(active) // 100].sum() > 0.05 * active.sum()
    assert np.median(active) <= 6


def test_crowds_have_their_own_base_rates_and_the_campaign_is_mostly_absent_before(world: World) -> None:
    facts = world[0]
    control = facts.roster == "control"
    for flag in (facts.new, facts.dormant, facts.low, facts.silent):
        assert 0 < flag[control].mean() < flag[facts.campaign_accounts].mean() + 0.02
    before = np.unique(facts.posts.account[facts.posts.at_s < facts.clock.window_s])
    assert 0 < facts.campaign_accounts[before].sum() < 0.03 * facts.params.accounts
    before_topics = np.bincount(facts.posts.topic[facts.posts.at_s < facts.clock.window_s])
    per_day = np.array([crowd.baseline_posts_per_day for crowd in facts.params.crowds])
    assert np.all(before_topics / 28 > 0.9 * per_day)


def test_rates_follow_local_time_across_a_change_of_offset() -> None:
    """Berlin leaves summer time on 2020-10-25: the local profile stays, the UTC one moves by an hour."""
    start = int(datetime(2020, 10, 19, tzinfo=UTC).timestamp())
    rates = place_rates("Europe/Berlin", (5, 6), start, 14 * 96)
    lowest = [int(np.argmin(rates[96 * day : 96 * day + 96])) / 4 for day in (1, 8)]
    assert lowest[1] - lowest[0] == 1.0
    tehran = place_rates("Asia/Tehran", (4,), start, 96)
    local = datetime.fromtimestamp(start + 900 * int(np.argmin(tehran)), ZoneInfo("Asia/Tehran"))
    assert local.hour in (3, 4)


def test_the_picker_prefers_places_that_are_awake(world: World) -> None:
    facts = world[0]
    pool = np.flatnonzero(facts.people.role == "organic_for")
    picker = Picker(facts.people, pool, facts.clock)
    night_in_tehran = np.full(4_000, facts.clock.window_s + 3 * 3600)
    evening_in_tehran = np.full(4_000, facts.clock.window_s + 20 * 3600)
    at_home = [
        (facts.people.place[picker.pick(np.random.default_rng(5), at_s)] == 0).mean()
        for at_s in (night_in_tehran, evening_in_tehran)
    ]
    assert at_home[0] < 0.5 * at_home[1]
    assert set(picker.pick(np.random.default_rng(5), night_in_tehran).tolist()) <= set(pool.tolist())


def test_a_draft_drops_repeated_and_own_reposts_and_keeps_references() -> None:
    draft = Draft()
    root = draft.add(np.array([1]), np.array([100]), topic=1, tags=3, language=2)
    later = draft.add(np.array([2, 3]), np.array([90, 300]), topic=0)
    parent = int(root[0])
    draft.add(np.array([2, 2, 1, 4]), np.array([150, 130, 160, 170]), kind=REPOST, parent=parent)
    draft.add(np.array([5]), np.array([180]), kind=REPLY, parent=parent, tags=7)
    posts = draft.finish()
    assert len(later) == 2
    assert posts.at_s.tolist() == [90, 100, 130, 170, 180, 300]
    assert posts.account.tolist() == [2, 1, 2, 4, 5, 3]
    assert posts.parent.tolist() == [-1, -1, 1, 1, 1, -1]
    assert posts.tags.tolist() == [0, 3, 3, 3, 7, 0]
    assert posts.topic.tolist() == [0, 1, 1, 1, 0, 0]


def test_ids_are_unique_even_within_one_millisecond() -> None:
    at_ms = np.full(50_000, 1_594_927_800_123)
    ids = snowflakes(at_ms, np.random.default_rng(0))
    assert len(np.unique(ids)) == 50_000
    drawn = np.random.default_rng(0).integers(0, 1 << 22, 50_000)
    assert len(np.unique(drawn)) < 50_000, "the draw must collide, or the test shows nothing"
    assert set(((ids >> 22) + 1_288_834_974_657).tolist()) <= {1_594_927_800_123, 1_594_927_800_124}


def test_roots_before_a_time_are_earlier_and_popular_ones_come_first() -> None:
    rng = np.random.default_rng(2)
    pull = np.where(np.arange(1_000) % 50 == 0, 50.0, 0.1)
    roots = Roots(np.arange(1_000), np.arange(1_000) * 60, np.zeros(1_000, dtype=np.int64), pull)
    at_s = rng.integers(0, 70_000, 5_000)
    chosen = roots.popular_before(rng, at_s)
    assert (roots.at_s[chosen] < at_s)[chosen >= 0].all()
    assert np.array_equal(chosen < 0, at_s <= 0)
    assert np.mean(chosen[chosen >= 0] % 50 == 0) > 0.5
    nothing = Roots(*(np.array([], dtype=np.int64) for _ in range(3)), pull=np.array([]))
    assert nothing.popular_before(rng, np.array([5, 6])).tolist() == [-1, -1]


def test_delays_have_the_stated_median_and_streams_are_independent() -> None:
    delay = lomax_s(np.random.default_rng(1), 480, 40_000)
    assert delay.min() >= 5
    assert np.median(delay) == pytest.approx(485, rel=0.05)
    assert stream(1, "a").random() != stream(1, "b").random()
    assert stream(1, "a").random() != stream(2, "a").random()


def test_the_clock_covers_baseline_and_window_in_whole_bins() -> None:
    clock = make_clock(CASE_2020)
    assert clock.rates.shape[1] == 30 * 96
    assert int(clock.in_window.sum()) == 2 * 96
    assert clock.event_shape(8.0)[~clock.in_window].tolist() == [1.0] * (28 * 96)
    peak = int(np.argmax(clock.event_shape(8.0))) - 28 * 96
    assert abs(peak - 18 * 4) <= 1
