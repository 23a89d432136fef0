"""Flags of automation against brute force, a published result, honest p-values and metamorphic relations."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from floodmark import registry
from floodmark.accounts import (
    behaviour_sequence,
    clock_marks,
    digital_dna,
    no_night,
    rare_client,
    regular_gaps,
    same_schedule,
)
from floodmark.accounts.judge import judge
from floodmark.accounts.kernels import rhythm, schedule, sequences
from floodmark.accounts.prevalence import UNION
from floodmark.accounts.sequences import cut_of, own_null, shared_by_few
from floodmark.accounts.timelines import planted
from floodmark.registry import Flag
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]
T0 = 1_594_944_000_000


def flagged(make_view: MakeView, flag: Flag, posts: list[dict[str, object]]) -> dict[str, bool]:
    accounts = sorted({str(post["account_id"]) for post in posts})
    members = [{"roster": "pro", "account_id": name, "posts": 1, "first_at_ms": 0} for name in accounts]
    rows = [{"stream": "main", "at_resolution_ms": 1000, **post} for post in posts]
    view = make_view(posts=rows, participants=members, account_flags=())
    judge(view, flag)
    return dict(view.db.rows("SELECT account_id, flagged FROM account_flags"))


def encode(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    letters = np.array(["ACT".index(letter) for text in texts for letter in text], dtype=np.uint8)
    return letters, np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)


@pytest.mark.parametrize("seed", range(20))
def test_shared_substrings_are_those_of_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("ACT"), rng.integers(1, 14))) for _ in range(7)]
    letters, starts = encode(texts)
    automaton = sequences.build(letters, starts, 3)
    found = sequences.longest_by_count(automaton, len(texts))
    every = {t[i:j] for t in texts for i in range(len(t)) for j in range(i + 1, len(t) + 1)}
    counts = {part: sum(part in text for text in texts) for part in every}
    for k in range(1, len(texts) + 1):
        assert found[k] == max((len(part) for part, held in counts.items() if held >= k), default=0)
    wanted = automaton.sequences == 2
    exact = [max((len(p) for p, held in counts.items() if held == 2 and p in t), default=0) for t in texts]
    assert sequences.holders(automaton, letters, starts, wanted).tolist() == exact


def test_the_published_set_gives_the_published_counts(shared: Path) -> None:
    with (shared / "data" / "peer_acceptance" / "ddna_italian.csv").open() as file:
        rows = list(csv.DictReader(file))
    letters, starts = encode([row["dna"] for row in rows])
    length, _, cut, at_cut = shared_by_few(letters, starts)
    bot, held = np.array([row["bot"] == "1" for row in rows]), length > 0
    assert (cut, at_cut) == (285, 195)
    assert digital_dna.FLAG.counted is False
    assert [int((held & bot).sum()), int((held & ~bot).sum()), int((~held & bot).sum()), int((~held & ~bot).sum())] == [
        199,
        85,
        173,
        281,
    ]


def test_the_flag_of_the_published_rule_says_the_same_of_posts(shared: Path, make_view: MakeView) -> None:
    with (shared / "data" / "peer_acceptance" / "ddna_italian.csv").open() as file:
        rows = list(csv.DictReader(file))
    # Few posts of few accounts, in a form that a case has: the flag and the rule it names agree.
    rows = rows[:60]
    posts = [
        {**post, "is_repost": letter == "C", "replied_post_id": "x:0" if letter == "T" else None}
        for row in rows
        for post, letter in zip(planted({f"x:{row['user_id']}": range(T0, T0 + 150)}), row["dna"][:150], strict=False)
    ]
    kept = sorted((f"x:{row['user_id']}", row["dna"][:150]) for row in rows if len(row["dna"]) >= 20)
    found = flagged(make_view, digital_dna.FLAG, posts)
    rule = shared_by_few(*encode([dna for _, dna in kept]))
    assert found == {name: bool(length) for (name, _), length in zip(kept, rule.length, strict=True)}
    assert any(found.values())


def test_what_is_not_counted_is_in_no_union_or_combination() -> None:
    left_out = {name for name, flag in registry.flags().items.items() if not flag.counted}
    assert left_out == {"digital_dna"}
    assert not left_out & set(UNION)
    assert all(registry.flags().items[name].measure != "M4" for name in left_out)


@pytest.mark.parametrize("seed", range(30))
def test_one_pass_finds_the_stretches_that_build_and_holders_find(seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(rng.integers(0, 30, rng.integers(1, 9)))]).astype(np.int64)
    letters = rng.choice(3, starts[-1], p=rng.dirichlet([0.5] * 3)).astype(np.uint8)
    for least in (1, 2, 3):
        automaton = sequences.build(letters, starts, 3)
        slow = sequences.holders(automaton, letters, starts, automaton.sequences >= least)
        assert sequences.longest_held(letters, starts, 3, least).tolist() == slow.tolist()


def test_a_curve_too_short_to_smooth_has_no_cut() -> None:
    assert cut_of(np.array([], dtype=np.int64)) == 0
    assert cut_of(np.arange(11)[::-1].copy()) == 0


@pytest.mark.parametrize(
    ("hits", "trials", "chance"), [(3, 10, 0.5), (9, 10, 0.5), (0, 4, 0.1), (5, 4, 0.1), (4, 4, 0.1)]
)
def test_tail_is_the_sum_of_its_terms(hits: int, trials: int, chance: float) -> None:
    exact = sum(math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(hits, trials + 1))
    assert rhythm.tail(hits, trials, chance) == pytest.approx(exact, abs=1e-12)


def test_organic_rhythms_keep_their_p_values_honest() -> None:
    rng = np.random.default_rng(77)
    times = []
    for account in range(6_000):
        gaps = np.exp(rng.normal(math.log(900_000), 1.0 + (account % 3) / 2, 150))
        times.append(T0 + (np.cumsum(gaps) // 1000 * 1000).astype(np.int64))
    at, starts = np.concatenate(times), np.arange(6_001) * 150
    clock = np.full(6_000, 1_000)
    even = rhythm.even_gaps(starts, at, clock * 60, 10_800_000, 0.05, 2.0, 20)[0]
    marks = rhythm.clock_marks(starts, at, clock, np.array(clock_marks.PERIODS_MS), 20, 20)[0]
    for p in (even, marks):
        known = p[~np.isnan(p)]
        assert len(known) > 5_400
        for level in (0.01, 0.05, 0.1):
            assert (known <= level).mean() <= level + 3 * math.sqrt(level / len(known))


def test_renaming_shifting_and_repeating_change_nothing(make_view: MakeView) -> None:
    even = [T0 + 2_400_000 * n for n in range(40)]
    loose = [T0 + 60_000 * n * (n + 37) for n in range(40)]
    posts = list(planted({"x:a": even, "x:b": loose}))
    first = flagged(make_view, regular_gaps.FLAG, posts)
    again = [*posts[::-1], *({**post, "stream": "sport"} for post in posts)]
    assert first == flagged(make_view, regular_gaps.FLAG, again) == {"x:a": True, "x:b": False}
    moved = planted({"x:z": [t + 12_345_000 for t in even], "x:b": [t + 12_345_000 for t in loose]})
    assert flagged(make_view, regular_gaps.FLAG, list(moved)) == {"x:z": True, "x:b": False}


def test_a_clock_of_minutes_cannot_judge_short_rhythms(make_view: MakeView) -> None:
    tens = planted({"x:a": [T0 + 600_000 * n for n in range(60)]}, 60_000)
    assert flagged(make_view, regular_gaps.FLAG, list(tens)) == {}
    hours = planted({"x:a": [T0 + 7_200_000 * n for n in range(60)]}, 60_000)
    assert flagged(make_view, regular_gaps.FLAG, list(hours)) == {"x:a": True}


def test_rotating_shifts_and_travel_are_nights_all_the_same(make_view: MakeView) -> None:
    rng = np.random.default_rng(1)
    times = []
    for day in range(20):
        asleep = (day // 5) * 6  # sleeps six hours, at another time every five days, round midnight too
        times += [
            T0 + day * 86_400_000 + h * 3_600_000 + int(rng.integers(0, 3_600_000))
            for h in range(24)
            if (h - asleep) % 24 >= 6
        ]
    assert flagged(make_view, no_night.FLAG, list(planted({"x:a": sorted(times)}))) == {"x:a": False}


def test_without_a_control_no_client_is_rare(make_view: MakeView) -> None:
    posts = [{**post, "client": "rare"} for post in planted({"x:a": range(T0, T0 + 5)})]
    assert flagged(make_view, rare_client.FLAG, posts) == {}
    view = make_view(posts=[{"stream": "main", "at_resolution_ms": 1000, **post} for post in posts], account_flags=())
    assert rare_client.clients(view) == ()


def test_posts_without_a_client_say_nothing_of_clients(make_view: MakeView) -> None:
    """Too few posts with a client: unknown, however many have none; and a missing client is no client."""
    used = {f"x:r{n}": ["rare"] * 3 for n in range(20)} | {f"x:k{n}": ["known"] * 3 for n in range(20)}
    used |= {"x:few": ["rare"] * 2 + [None] * 9, "x:part": ["rare"] * 3 + [None] * 9}
    posts = [
        {"post_id": f"{who}p{n}", "account_id": who, "at_ms": T0 + n, "client": client}
        for who, own in used.items()
        for n, client in enumerate(own)
    ]
    control = [
        {"post_id": f"c{n}", "account_id": f"x:c{n}", "at_ms": T0, "client": "known", "stream": "sport"}
        for n in range(300)
    ]
    control += [
        {"post_id": f"n{n}", "account_id": f"x:n{n}", "at_ms": T0, "client": None, "stream": "sport"}
        for n in range(300)
    ]
    rows = [{"stream": "main", "at_resolution_ms": 1000, **row} for row in [*posts, *control]]
    members = [{"roster": "pro", "account_id": who, "posts": 1, "first_at_ms": 0} for who in used]
    view = make_view(posts=rows, participants=members, account_flags=())
    assert [(c.name, c.event, c.control, c.rare) for c in rare_client.clients(view)] == [
        ("known", 20, 300, False),
        ("rare", 22, 0, True),
    ]
    judge(view, rare_client.FLAG)
    found = dict(view.db.rows("SELECT account_id, flagged FROM account_flags"))
    assert "x:few" not in found
    assert found == {who: who.startswith(("x:r", "x:part")) for who in used if who != "x:few"}


@pytest.mark.parametrize("seed", range(10))
def test_shared_moments_are_those_of_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = [np.sort(rng.integers(0, 60, rng.integers(1, 25))) * 1_000 for _ in range(7)]
    at, starts = np.concatenate(own), np.concatenate([[0], np.cumsum([len(times) for times in own])])
    order = np.argsort(at, kind="stable")
    owner = np.repeat(np.arange(7, dtype=np.int32), np.diff(starts))
    a, b, moments = schedule.shared_moments(starts, at, order, owner[order], 2_000, 5_000, 2)
    expected = {
        (i, j): len({t // 5_000 for t in own[i] if (abs(own[j] - t) <= 2_000).any()})
        for i in range(7)
        for j in range(i + 1, 7)
    }
    found = dict(zip(zip(a.tolist(), b.tolist(), strict=True), moments.tolist(), strict=True))
    assert found == {pair: n for pair, n in expected.items() if n >= 2}


@pytest.mark.parametrize("seed", range(5))
def test_expected_moments_are_those_of_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = [np.sort(rng.integers(0, 60, rng.integers(1, 25))) * 1_000 for _ in range(6)]
    at, starts = np.concatenate(own), np.concatenate([[0], np.cumsum([len(times) for times in own])])
    first = int(at.min() // 5_000)
    closeness = rng.random(int(at.max() // 5_000) - first + 1)
    a, b = (np.array(side, dtype=np.int32) for side in zip(*[(i, j) for i in range(6) for j in range(i)], strict=True))
    found = schedule.expected_moments(starts, at, 5_000, first, closeness, a, b)
    for pair, (i, j) in enumerate(zip(a, b, strict=True)):
        bins = [np.bincount(own[k] // 5_000, minlength=13) for k in (i, j)]
        chance = [1 - math.exp(-bins[0][n] * bins[1][n] * c) for n, c in enumerate(closeness, first)]
        assert found[pair] == pytest.approx(sum(chance))


def test_two_in_step_are_not_enough_and_a_clock_of_minutes_judges_nobody(make_view: MakeView) -> None:
    rng = np.random.default_rng(8)
    shared = (T0 + np.sort(rng.integers(0, 400_000, 40)) * 1_000).tolist()
    own = {f"x:{n}": (T0 + np.sort(rng.integers(0, 400_000, 40)) * 1_000).tolist() for n in range(5)}
    pair = planted({**own, "x:a": shared, "x:b": shared})
    assert set(flagged(make_view, same_schedule.FLAG, list(pair)).values()) == {False}
    three = planted({**own, "x:a": shared, "x:b": shared, "x:c": shared})
    assert {n for n, yes in flagged(make_view, same_schedule.FLAG, list(three)).items() if yes} == {"x:a", "x:b", "x:c"}
    assert flagged(make_view, same_schedule.FLAG, list(three)[::-1]) == flagged(
        make_view, same_schedule.FLAG, list(three)
    )
    minutes = [{**post, "at_resolution_ms": 60_000} for post in three]
    assert flagged(make_view, same_schedule.FLAG, minutes) == {}


def test_posts_on_the_full_hour_are_no_shared_schedule_where_the_crowd_posts_then(make_view: MakeView) -> None:
    rng = np.random.default_rng(4)
    # Everybody posts on some full hours, each on its own.
    hours = {f"x:{n:02}": (T0 + np.sort(rng.choice(240, 40, replace=False)) * 3_600_000).tolist() for n in range(30)}
    assert set(flagged(make_view, same_schedule.FLAG, list(planted(hours))).values()) == {False}


def test_other_orders_keep_runs_neighbours_and_mix() -> None:
    rng = np.random.default_rng(3)
    letters, starts = rng.choice(3, 400, p=[0.5, 0.3, 0.2]).astype(np.uint8), np.array([0, 150, 400])
    mixed = sequences.reordered(letters, starts, 20, 1)
    assert not np.array_equal(mixed, letters)
    assert np.array_equal(mixed, sequences.reordered(letters, starts, 20, 1))
    for first, end in ((0, 150), (150, 400)):
        before, after = letters[first:end], mixed[first:end]
        assert np.array_equal(np.bincount(before), np.bincount(after))
        pairs = [np.bincount(part[:-1] * 3 + part[1:], minlength=9) for part in (before, after)]
        assert np.array_equal(*pairs)


def test_people_who_only_repost_are_not_copies_of_each_other(make_view: MakeView) -> None:
    rng = np.random.default_rng(2)
    rows = [
        {**post, "is_repost": bool(number < 20 or rng.random() < 0.5)}
        for number in range(40)
        for post in planted({f"x:{number:02}": range(T0, T0 + 60_000, 1_000)})
    ]
    found = flagged(make_view, behaviour_sequence.FLAG, rows)
    assert len(found) == 40
    assert not any(found.values())


def test_long_runs_alone_are_no_shared_sequence() -> None:
    rng = np.random.default_rng(1)
    runs = [np.repeat(rng.permutation(np.arange(60) % 2), rng.geometric(0.1, 60)).astype(np.uint8) for _ in range(60)]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in runs])]).astype(np.int64)
    p, length, usual = own_null(np.concatenate(runs), starts)
    assert (p > 0.0005).all()
    assert np.median(length / usual) < 1.5
