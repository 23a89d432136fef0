"""The planted behaviours and their innocent look-alikes, read back from the files and recounted by brute force."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from statistics import median

import pytest

from floodmark.simulate import CASE_2020, simulate
from floodmark.simulate.behaviours import NO_BEHAVIOURS

SCALE = 0.06
START = int(datetime(2020, 7, 16, 19, 30, tzinfo=UTC).timestamp())
CROWDS = ("organic_against", "organic_for", "control")
PLANS, HABITS = CASE_2020.behaviours, CASE_2020.habits
Row = dict[str, str]


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def at_s(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


class Case:
    """One simulated case: truth by account, posts by account in order of time, posts by id."""

    def __init__(self, folder: Path) -> None:
        self.truth = {row["account_id"]: row for row in read(folder / "truth/accounts.csv")}
        self.posts: dict[str, list[Row]] = defaultdict(list)
        self.by_id: dict[str, Row] = {}
        rows = read(folder / "posts.csv") + read(folder / "control.csv")
        for row in sorted(rows, key=lambda row: int(row["post_id"])):
            self.posts[row["account_id"]].append(row)
            self.by_id[row["post_id"]] = row
        self.deletions = read(folder / "deletions.csv") + read(folder / "control-deletions.csv")

    def having(self, column: str, value: str = "true", roles: Iterable[str] = ("campaign",)) -> list[str]:
        return [a for a, row in self.truth.items() if row[column] == value and row["role"] in roles]

    def of(self, roles: Iterable[str]) -> list[str]:
        return [a for a, row in self.truth.items() if row["role"] in roles]

    def share(self, roles: Iterable[str], holds: Callable[[str], bool]) -> float:
        mine = self.of(roles)
        return sum(map(holds, mine)) / len(mine)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("parts")
    simulate(folder, scale=SCALE)
    return Case(folder)


def kind(row: Row) -> str:
    return "R" if row["reposted_post_id"] else "A" if row["replied_post_id"] else "O"


def on_beat(times: list[int], period_s: int, tolerance_s: int) -> float:
    """Return the largest share of times that lie within one stretch of `tolerance_s` of a clock with this period."""
    phases = sorted(moment % period_s for moment in times)
    turned = phases + [phase + period_s for phase in phases]
    return max(sum(p <= q <= p + tolerance_s for q in turned) for p in phases) / len(times)


def test_automated_accounts_keep_a_period_day_and_night_through_one_client(case: Case) -> None:
    accounts = case.having("automated")
    assert len(accounts) == PLANS.automated_accounts_per_group
    assert len({case.truth[a]["group"] for a in accounts}) == 1
    slots, longest = set(), 0
    for account in accounts:
        rows = case.posts[account]
        times = [at_s(row["created_at"]) for row in rows]
        assert len(times) > 60
        assert {row["client"] for row in rows} == {"Sim Scheduler"}
        assert on_beat(times, PLANS.automated_period_s, PLANS.automated_jitter_s) > 0.7
        assert {(moment - START) // 10_800 for moment in times} >= set(range(16)), "no three hours without a post"
        slots |= {moment // PLANS.automated_period_s for moment in times}
        longest = max(longest, *times)
    assert len(slots) < 1.6 * 5 * 86_400 / PLANS.automated_period_s
    assert longest > START + 5 * 86_400 - PLANS.automated_period_s, "one group goes on after the event"


def test_automated_accounts_do_the_same_things_in_the_same_order(case: Case) -> None:
    sequences = []
    period, reach = PLANS.automated_period_s, PLANS.automated_jitter_s + 5
    together = [at_s(row["created_at"]) for a in case.having("automated") for row in case.posts[a]]
    phase = max((t % period for t in together), key=lambda p: sum((t - p) % period <= reach for t in together))
    followers = [a for a in case.having("automated") if case.truth[a]["leader"] == "false"]
    assert len(followers) == PLANS.automated_accounts_per_group - 1
    for account in followers:
        times = [at_s(row["created_at"]) for row in case.posts[account]]
        beats = [row for row, t in zip(case.posts[account], times, strict=True) if (t - phase) % period <= reach]
        sequences.append({(at_s(row["created_at"]) - phase) // period: kind(row) for row in beats})
    first = sequences[0]
    for other in sequences[1:]:
        shared = first.keys() & other.keys()
        assert len(shared) > 50
        assert sum(first[slot] == other[slot] for slot in shared) > 0.95 * len(shared)
    assert min(Counter(first.values())[k] for k in "ROA") >= 5


def test_a_rare_client_belongs_to_a_few_groups_and_few_others(case: Case) -> None:
    for account, rows in case.posts.items():
        bridged = case.truth[account]["rare_client"] == "true"
        clients = {row["client"] for row in rows}
        taken = case.truth[account]["taken_over"] == "true"
        assert ("Sim Bridge" in clients) == (bridged and not taken)
        assert not bridged or taken or clients == {"Sim Bridge"}
    groups = {case.truth[a]["group"] for a in case.having("rare_client")}
    assert len(groups) == 1
    assert 0 < len(case.having("rare_client", roles=CROWDS)) < 0.01 * len(case.of(CROWDS))


def test_no_ordinary_account_posts_like_a_clock_except_clocks_and_planners(case: Case) -> None:
    for account in case.of(CROWDS):
        times = [at_s(row["created_at"]) for row in case.posts[account] if kind(row) == "O"]
        if len(times) >= 20 and case.truth[account]["scheduler"] == "false":
            assert on_beat(times, PLANS.automated_period_s, PLANS.automated_jitter_s) < 0.4
    clocks = case.of(["clock_bot"])
    assert len(clocks) == 6
    for account in clocks:
        gaps = [at_s(b["created_at"]) - at_s(a["created_at"]) for a, b in pairwise(case.posts[account])]
        assert len(gaps) > 200
        assert all(abs(gap - HABITS.clock_bot_period_s) <= 5 for gap in gaps)
    planners = case.having("scheduler", roles=CROWDS)
    assert 0.01 < len(planners) / len(case.of(CROWDS)) < 0.035
    for account in planners:
        for row in case.posts[account]:
            assert (row["client"] == "Sim Scheduler") == (kind(row) == "O")
            assert kind(row) != "O" or at_s(row["created_at"]) % 900 <= 3


def split(rows: list[Row], column: str) -> tuple[set[str], set[str]]:
    """Return what an account's own posts hold in a column before and in the event."""
    own = [row for row in rows if kind(row) != "R"]
    before = {row[column] for row in own if at_s(row["created_at"]) < START}
    return before, {row[column] for row in own if at_s(row["created_at"]) >= START}


def test_taken_over_accounts_break_with_everything_they_were(case: Case) -> None:
    taken = case.having("taken_over")
    assert 10 <= len(taken) <= PLANS.takeover_accounts_per_group
    assert len({case.truth[a]["group"] for a in taken}) == 1
    ways = set()
    for account in taken:
        rows = case.posts[account]
        history = [row for row in rows if at_s(row["created_at"]) < START]
        assert 0.6 * PLANS.history_posts_per_account <= len(history) <= 1.4 * PLANS.history_posts_per_account
        assert at_s(rows[0]["account_created_at"]) < START - 28 * 86_400
        for column in ("lang", "client"):
            before = {row[column] for row in history}
            during = {row[column] for row in rows[len(history) :]}
            assert len(before) == len(during) == 1
            assert not before & during, column
        ways.add((rows[-1]["lang"], rows[-1]["client"]))
        assert not {tag for row in history for tag in row["hashtags"].split()} & {
            tag for row in rows if at_s(row["created_at"]) >= START for tag in row["hashtags"].split()
        }
    assert len(ways) == 1, "one group, one way to break"
    assert median(len(case.posts[a]) - PLANS.history_posts_per_account for a in taken) >= 4


def test_ordinary_accounts_change_phones_and_languages_but_hardly_both(case: Case) -> None:
    judged, broken = 0, Counter[str]()
    for account in case.of(CROWDS):
        breaks = []
        for column in ("lang", "client"):
            before, during = split(case.posts[account], column)
            if not before or not during:
                break
            breaks.append(not before & during)
        else:
            judged += 1
            broken["lang"] += breaks[0]
            broken["client"] += breaks[1]
            broken["both"] += all(breaks)
    assert judged > 300
    assert 0 < broken["lang"] < 0.08 * judged
    assert 0 < broken["client"] < 0.12 * judged
    assert broken["both"] < 0.02 * judged


def stem(row: Row) -> str:
    return row["handle"].rstrip("0123456789")


def test_families_share_a_feature_and_nobody_else_has_it(case: Case) -> None:
    for column, value in (
        ("handle_family", stem),
        ("picture_family", itemgetter("picture")),
        ("description_family", itemgetter("description")),
    ):
        families = defaultdict(set)
        for account, row in case.truth.items():
            if row[column]:
                families[row[column]].add(account)
        assert any(case.truth[min(members)]["role"] == "campaign" for members in families.values())
        assert any(case.truth[min(members)]["role"] == "fan" for members in families.values())
        everyone = defaultdict(set)
        for account, rows in case.posts.items():
            everyone[value(rows[0])].add(account)
        for name, members in families.items():
            values = {value(case.posts[account][0]) for account in members}
            assert len(values) <= (PLANS.pictures_per_group if column == "picture_family" else 1), name
            assert set().union(*(everyone[v] for v in values)) == members, name


def test_faces_have_their_base_rates_in_every_crowd(case: Case) -> None:
    def tail(account: str) -> int:
        handle = case.posts[account][0]["handle"]
        return len(handle) - len(handle.rstrip("0123456789"))

    for role in CROWDS:
        assert 0.25 < case.share([role], lambda a: tail(a) >= 3) < 0.55
        assert 0.01 < case.share([role], lambda a: tail(a) >= 8) < 0.08
        assert case.share([role], lambda a: case.truth[a]["random_handle"] == "true") < 0.04
    assert case.share(["campaign"], lambda a: tail(a) >= 3) > 0.55
    assert 0.03 < case.share(["campaign"], lambda a: case.truth[a]["random_handle"] == "true") < 0.1
    pictures = Counter(rows[0]["picture"] for rows in case.posts.values())
    usual = [picture for picture, count in pictures.most_common(15)]
    assert any("default" in picture for picture in usual)
    assert any("popular" in picture for picture in usual)
    texts = Counter(rows[0]["description"] for a, rows in case.posts.items() if case.truth[a]["role"] in CROWDS)
    assert sum(count for count in texts.values() if count == 1) > 0.5 * sum(texts.values())
    assert 0.1 < texts[""] / sum(texts.values()) < 0.3


def test_handles_change_between_observations_where_the_truth_says_so(case: Case) -> None:
    for account, rows in case.posts.items():
        handles = [row["handle"] for row in rows]
        changes = sum(a != b for a, b in pairwise(handles))
        assert changes == (case.truth[account]["handle_swapped"] == "true")
    assert len(case.having("handle_swapped")) >= 5
    assert 0 < len(case.having("handle_swapped", roles=CROWDS)) < 0.015 * len(case.of(CROWDS))
    owners = defaultdict(set)
    for account, rows in case.posts.items():
        for row in rows:
            owners[row["handle"]].add(account)
    assert all(len(accounts) == 1 for accounts in owners.values())


def test_bursts_of_creation_are_as_long_as_the_truth_says(case: Case) -> None:
    created = {account: at_s(rows[0]["account_created_at"]) for account, rows in case.posts.items()}
    for burst, length_s in (("hour", 3_600), ("day", 86_400), ("week", 7 * 86_400)):
        mine = sorted(created[a] for a in case.having("burst", burst))
        assert len(mine) > 30
        crowded = [sum(abs(t - moment) < length_s for t in mine) for moment in mine]
        assert median(crowded) >= 10
        assert sum(count >= 3 for count in crowded) > 0.95 * len(crowded)
    for role in CROWDS:
        riding = case.having("burst", "wave", [role])
        assert 0.01 < len(riding) / len(case.of([role])) < 0.08
    waves = {created[a] // 86_400 for a in case.having("burst", "wave", CROWDS)}
    assert len(waves) <= HABITS.waves * (HABITS.wave_days + 1) + 3
    fresh = Counter(case.truth[a]["burst"] for a in case.having("enrolled_month_before", roles=("campaign",)))
    assert fresh["hour"] > 0.3 * fresh.total()


def test_tiers_act_one_after_the_other(case: Case) -> None:
    delays = defaultdict(list)
    for account, rows in case.posts.items():
        tier, group = case.truth[account]["tier"], case.truth[account]["group"]
        for row in rows:
            parent = case.by_id.get(row["reposted_post_id"])
            machine = case.truth[account]["automated"] == "true"
            if tier and not machine and parent and case.truth[parent["account_id"]]["group"] == group:
                delays[tier].append(at_s(row["created_at"]) - at_s(parent["created_at"]))
    assert min(map(len, delays.values())) >= 10
    assert median(delays["core"]) < median(delays["amplifier"]) < median(delays["follower"])
    assert max(delays["follower"]) <= CASE_2020.jitter_s + 20
    groups = {case.truth[a]["group"] for a in case.having("tier", "starter")}
    assert all(sum(case.truth[a]["group"] == g for a in case.having("tier", "starter")) == 1 for g in groups)


def test_who_is_always_reposted_is_innocent_and_reposts_nobody_of_the_group(case: Case) -> None:
    everyone = case.of({row["role"] for row in case.truth.values()})
    patrons = {a for a in everyone if case.truth[a]["always_reposted"] == "true"}
    assert patrons
    followers: dict[str, Counter[str]] = defaultdict(Counter)
    for account in case.of(["campaign"]):
        for row in case.posts[account]:
            parent = case.by_id.get(row["reposted_post_id"])
            if parent and at_s(row["created_at"]) - at_s(parent["created_at"]) <= CASE_2020.jitter_s:
                followers[parent["account_id"]][case.truth[account]["group"]] += 1
    for patron in patrons:
        assert case.truth[patron]["role"] == "organic_against"
        assert case.truth[patron]["amplified"] == "true"
        (group, hasty), *others = followers[patron].most_common(2)
        assert hasty >= 20
        assert not others or others[0][1] < hasty
        members = {a for a in case.of(["campaign"]) if case.truth[a]["group"] == group}
        reposted = {
            case.by_id[r["reposted_post_id"]]["account_id"] for r in case.posts[patron] if r["reposted_post_id"]
        }
        assert not reposted & members


def test_deleted_posts_lived_minutes_in_hasty_groups_and_longer_elsewhere(case: Case) -> None:
    lives = defaultdict(list)
    referred = {row[name] for row in case.by_id.values() for name in ("reposted_post_id", "replied_post_id")}
    for row in case.deletions:
        post = case.by_id[row["post_id"]]
        assert (post["account_id"], post["created_at"]) == (row["account_id"], row["created_at"])
        assert row["post_id"] not in referred, "nobody deletes what others repeat here"
        truth = case.truth[row["account_id"]]
        hasty = truth["short_lived"] == "true" and at_s(row["created_at"]) >= START
        life_s = at_s(row["deleted_at"]) - at_s(row["created_at"])
        assert life_s >= 1
        assert at_s(row["deleted_at"]) < START + 2 * 86_400
        lives[hasty, truth["role"] == "campaign"].append(life_s)
    assert len(case.deletions) == len({row["post_id"] for row in case.deletions})
    assert 40 < median(lives[True, True]) < 90
    assert median(lives[False, False]) > 1_200
    hasty_accounts = set(case.having("short_lived"))
    assert len({case.truth[a]["group"] for a in hasty_accounts}) >= 1
    posts = sum(len(case.posts[a]) for a in hasty_accounts)
    assert 0.4 * posts < len(lives[True, True]) < 0.75 * posts
    for roles in (CROWDS, ("control",)):
        mine = [row for a in case.of(roles) for row in case.posts[a]]
        gone = sum(case.truth[row["account_id"]]["role"] in roles for row in case.deletions)
        assert 0.004 < gone / len(mine) < 0.015


def test_without_behaviours_the_campaign_has_none(tmp_path: Path) -> None:
    simulate(tmp_path, replace(CASE_2020, behaviours=NO_BEHAVIOURS), scale=0.02)
    plain = Case(tmp_path)
    run = plain.of(["campaign"])
    for column in ("automated", "taken_over", "short_lived", "handle_swapped", "random_handle"):
        assert not [a for a in run if plain.truth[a][column] == "true"], column
    for column in ("tier", "burst", "handle_family", "picture_family", "description_family"):
        assert not [a for a in run if plain.truth[a][column]], column
    assert not plain.having("always_reposted", roles=CROWDS)
    early = [
        row
        for a in run
        for row in plain.posts[a]
        if at_s(row["created_at"]) < START - timedelta(days=11).total_seconds()
    ]
    assert not early
    assert plain.having("scheduler", roles=CROWDS), "habits of ordinary people stay"


def test_starters_begin_most_operations_but_not_all(case: Case) -> None:
    shared: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for account, rows in case.posts.items():
        group, tier = case.truth[account]["group"], case.truth[account]["tier"]
        for row in rows:
            if tier and kind(row) == "O":
                # A link, a text or a combination of tags that belongs to one operation.
                for column in ("urls", "text", "hashtags"):
                    shared[group, row[column]].append((at_s(row["created_at"]), tier))
    # Tags that the group uses all the time are no operation.
    shared = {key: posts for key, posts in shared.items() if max(posts)[0] - min(posts)[0] <= CASE_2020.jitter_s}
    first = Counter(min(posts)[1] for posts in shared.values() if len(posts) >= 5)
    assert first.total() >= 10
    assert set(first) == {"starter", "core"}
    assert 0.5 < first["starter"] / first.total() < 0.95
