"""Flags of automation against brute force, a published result, honest p-values and metamorphic relations."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from floodmark.accounts import clock_marks, no_night, rare_client, regular_gaps
from floodmark.accounts.judge import judge
from floodmark.accounts.kernels import rhythm, sequences
from floodmark.accounts.sequences import cut_of, shared_by_few
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
    length, cut, at_cut = shared_by_few(letters, starts)
    bot, held = np.array([row["bot"] == "1" for row in rows]), length > 0
    assert (cut, at_cut) == (285, 195)
    assert [int((held & bot).sum()), int((held & ~bot).sum()), int((~held & bot).sum()), int((~held & ~bot).sum())] == [
        199,
        85,
        173,
        281,
    ]


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
    even = rhythm.even_gaps(starts, at, clock * 60, 43_200_000, 0.05, 2.0, 20)[0]
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
