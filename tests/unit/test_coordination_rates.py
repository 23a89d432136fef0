"""Null rates and tails: counts by brute force, rates by hand, tails against SciPy and exact sums."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from floodmark.coordination.prepare import Prepared, clock_resolution_ms, prepare
from floodmark.coordination.rates import (
    N_CLASSES,
    Around,
    class_rates,
    count_around,
    estimate,
    pooled_rates,
    size_class,
    subtract_pair,
    tempo,
)
from floodmark.coordination.result import Shares
from floodmark.coordination.tail import binomial_tail, episode_tail
from floodmark.errors import UsageError

WINDOWS = np.array([10_000, 60_000, 600_000], np.int64)


def shares_of(rows: list[tuple[int, int, int]], accounts: int, objects: int) -> Shares:
    account, thing, at_ms = np.array(rows, np.int64).reshape(-1, 3).T
    return Shares(account.astype(np.int32), thing.astype(np.int32), at_ms, accounts, np.zeros(objects, np.int32))


times = st.builds(lambda base, near: base + near, st.sampled_from((0, 10_000, 60_000, -600_000)), st.integers(-1, 1))
actions = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 4), times), max_size=50)


# What every step reads.


@settings(deadline=None, max_examples=150)
@given(rows=actions)
def test_prepared_holds_each_accounts_first_action_on_each_shared_object(rows: list[tuple[int, int, int]]) -> None:
    prepared = prepare(shares_of(rows, 8, 5))
    first: dict[tuple[int, int], int] = {}
    for account, thing, at in rows:
        first[thing, account] = min(at, first.get((thing, account), at))
    sharers = {thing: sum(o == thing for o, _ in first) for thing, _ in first}
    kept = sorted((thing, at, account) for (thing, account), at in first.items() if sharers[thing] >= 2)
    original = prepared.original_object[prepared.object]
    assert list(zip(original.tolist(), prepared.at_ms.tolist(), prepared.account.tolist(), strict=True)) == kept
    for o in range(len(prepared.original_object)):
        assert (prepared.object[prepared.object_starts[o] : prepared.object_starts[o + 1]] == o).all()
    for a in range(8):
        mine = prepared.by_account[prepared.account_starts[a] : prepared.account_starts[a + 1]]
        assert mine.tolist() == np.flatnonzero(prepared.account == a).tolist()
    assert prepared.object_starts[-1] == prepared.account_starts[-1] == len(kept)


@pytest.mark.parametrize(
    ("account", "thing", "at_ms", "error"),
    [
        ([2], [0], [0], ValueError),
        ([-1], [0], [0], ValueError),
        ([0], [1], [0], ValueError),
        ([0], [-1], [0], ValueError),
        ([0, 1], [0], [0], ValueError),
        ([0], [0], [2**61 + 1], UsageError),
        ([0], [0], [-(2**61) - 1], UsageError),
    ],
)
def test_what_does_not_fit_is_refused(
    account: list[int], thing: list[int], at_ms: list[int], error: type[Exception]
) -> None:
    columns = np.array(account, np.int32), np.array(thing, np.int32), np.array(at_ms, np.int64)
    with pytest.raises(error):
        prepare(Shares(*columns, 2, np.zeros(1, np.int32)))


@pytest.mark.parametrize(
    ("at_ms", "clock_ms"),
    [
        ([], 1),
        ([60_000, 60_000], 1),
        ([0, 1], 1),
        ([0, 5_000], 1_000),
        ([0, 120_000, -60_000], 60_000),
        ([0, 7_200_000], 3_600_000),
        ([0, 86_400_000], 86_400_000),
        ([500, 60_500], 1),
    ],
)
def test_the_clock_is_the_coarsest_on_which_all_times_lie(at_ms: list[int], clock_ms: int) -> None:
    assert clock_resolution_ms(np.array(at_ms, np.int64)) == clock_ms


# Counts around an action.


def counted(prepared: Prepared) -> Around:
    n = len(prepared.at_ms)
    after = np.zeros((len(WINDOWS), n), np.int32)
    before, ties = np.zeros_like(after), np.zeros_like(after)
    for i in range(n):
        same = (prepared.object == prepared.object[i]) & (np.arange(n) != i)
        distance = prepared.at_ms[same] - prepared.at_ms[i]
        for w, window in enumerate(WINDOWS.tolist()):
            after[w, i] = np.count_nonzero((distance > 0) & (distance <= window))
            before[w, i] = np.count_nonzero((distance < 0) & (distance >= -window))
            ties[w, i] = np.count_nonzero(distance == 0)
    return Around(after, before, ties, np.zeros(n, np.int32))


@settings(deadline=None, max_examples=150)
@given(rows=actions)
def test_counts_around_are_those_of_brute_force(rows: list[tuple[int, int, int]]) -> None:
    prepared = prepare(shares_of(rows, 8, 5))
    for found, expected in zip(count_around(prepared, WINDOWS), counted(prepared), strict=True):
        assert np.array_equal(found, expected)


@settings(deadline=None, max_examples=100)
@given(rows=actions)
def test_with_every_pair_a_repeat_partner_nobody_is_left(rows: list[tuple[int, int, int]]) -> None:
    prepared = prepare(shares_of(rows, 8, 5))
    around = count_around(prepared, WINDOWS)
    for i in range(len(prepared.at_ms)):
        for j in range(i + 1, prepared.object_starts[prepared.object[i] + 1]):
            subtract_pair(around, *((i, j) if (i + j) % 2 else (j, i)), prepared, WINDOWS)
    assert not any(part.any() for part in around[:3])
    sharers = np.diff(prepared.object_starts)[prepared.object]
    assert np.array_equal(around.repeats, sharers - 1)
    # With nobody to learn from, everything is likely: rates of 1, so that nothing is surprising.
    rates = estimate(prepared, around, None)
    assert rates.within == pytest.approx(np.ones((3, N_CLASSES)))
    assert (rates.tempo == 1).all()


# Rates.


def test_size_classes_are_2_3_4_and_powers_of_two() -> None:
    tops = [2, 3, 4, *(2**k for k in range(3, 33))]
    assert [size_class(top) for top in tops] == list(range(len(tops)))
    assert [size_class(top + 1) for top in tops] == list(range(1, len(tops) + 1))
    assert size_class(2**31 - 1) < N_CLASSES


def test_class_rates_and_tempo_by_hand() -> None:
    # Object 0: three sharers, 0 s, 5 s, 500 s. Object 1: two sharers an hour apart.
    rows = [(0, 0, 0), (1, 0, 5_000), (2, 0, 500_000), (0, 1, 0), (1, 1, 3_600_000)]
    prepared = prepare(shares_of(rows, 3, 2))
    around = count_around(prepared, WINDOWS)
    met, could = pooled_rates(prepared, around)
    assert met[:, :2].tolist() == [[0, 2], [0, 2], [0, 6]]
    assert could[:, :2].tolist() == [[2, 6]] * 3
    assert not met[:, 2:].any()
    assert not could[:, 2:].any()
    within = class_rates(met, could)
    overall = np.array([2 / 8, 2 / 8, 6 / 8])
    # A class is never below the overall rate; an empty one has it.
    assert within[:, 0] == pytest.approx(overall)
    assert within[:, 1] == pytest.approx(np.maximum(overall, (met[:, 1] + 20 * overall) / 26))
    assert within[:, 5] == pytest.approx(overall)
    found = tempo(prepared, around, within)
    expected_0 = 2 * within[:, 1] + within[:, 0]
    assert found[:, 0] == pytest.approx(np.maximum(1, (np.array([1, 1, 2]) + 2) / (expected_0 + 2)))
    assert found[:, 2] == pytest.approx(np.maximum(1, (np.array([0, 0, 2]) + 2) / (2 * within[:, 1] + 2)))
    # Partners count for nothing: neither their meetings nor their opportunities.
    subtract_pair(around, 0, 1, prepared, WINDOWS)
    met, could = pooled_rates(prepared, around)
    assert met[:, 1].tolist() == [0, 0, 4]
    assert could[:, 1].tolist() == [4] * 3


def test_rates_of_a_reference_take_the_place_of_the_classes_but_not_of_the_tempo() -> None:
    rows = [(a, o, 1_000 * a * (o % 3)) for a in range(5) for o in range(12)]
    prepared = prepare(shares_of(rows, 5, 12))
    around = count_around(prepared, WINDOWS)
    reference = np.full((3, N_CLASSES), 0.01)
    rates = estimate(prepared, around, reference)
    assert rates.within is reference
    assert np.array_equal(rates.tempo, tempo(prepared, around, reference))
    assert rates.tempo.min() > estimate(prepared, around, None).tempo.max()


# Tails.


def exact_binomial(hits: int, trials: int, chance: float) -> float:
    """In whole numbers: SciPy's own tail is off by 1.5e-8 of itself at 261 of 275 with chance 1/16."""
    share = Fraction(chance)
    yes, of = share.numerator, share.denominator
    ways = sum(comb(trials, k) * yes**k * (of - yes) ** (trials - k) for k in range(hits, trials + 1))
    return float(Fraction(ways, of**trials))


@settings(deadline=None, max_examples=200)
@given(trials=st.integers(1, 400), hits=st.integers(0, 401), chance=st.floats(1e-9, 1 - 1e-9))
@example(trials=275, hits=261, chance=0.0625)
def test_the_binomial_tail_is_exact(trials: int, hits: int, chance: float) -> None:
    # Only claimed above the mean, where it is used.
    if hits > trials * chance or hits in (0, trials + 1):
        found = binomial_tail(hits, trials, chance)
        assert found == pytest.approx(exact_binomial(hits, trials, chance), rel=1e-10, abs=1e-300)


@pytest.mark.parametrize(
    ("hits", "trials", "chance", "tail"),
    [(0, 5, 0.0, 1), (1, 5, 0.0, 0), (3, 5, 1.0, 1), (6, 5, 0.5, 0), (5, 5, 0.5, 1 / 32), (0, 0, 0.5, 1), (1, 0, 0, 0)],
)
def test_the_binomial_tail_at_its_ends(hits: int, trials: int, chance: float, tail: float) -> None:
    assert binomial_tail(hits, trials, chance) == pytest.approx(tail, abs=0)


def exact_tail(hits: int, chances: np.ndarray) -> float:
    """Return P(at least `hits` of independent events) by adding one event at a time."""
    probability = np.zeros(len(chances) + 1)
    probability[0] = 1.0
    for chance in chances:
        probability[1:] = probability[1:] * (1 - chance) + probability[:-1] * chance
        probability[0] *= 1 - chance
    return float(probability[hits:].sum())


@settings(deadline=None, max_examples=400)
@given(chances=st.lists(st.floats(0, 1), min_size=1, max_size=40), data=st.data())
def test_the_tail_of_episodes_is_never_below_the_exact_one(chances: list[float], data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, len(chances)))
    expected = float(np.sum(chances))
    bound = episode_tail(hits, len(chances), expected)
    assert bound >= exact_tail(hits, np.array(chances)) * (1 - 1e-9)
    assert bound <= 1
    if hits < 2 or hits < expected + 1:
        assert bound == 1


def test_with_equal_chances_the_tail_of_episodes_is_exact() -> None:
    for chance in (0.01, 0.1, 0.3):
        for hits in range(2, 13):
            if hits >= 12 * chance + 1:
                assert episode_tail(hits, 12, 12 * chance) == pytest.approx(exact_tail(hits, np.full(12, chance)))
