"""What the shuffles keep, what they break, and that every allowed assignment is equally likely."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floodmark.benchmark import shuffles
from floodmark.coordination.result import Shares

Row = tuple[int, int, int]


def build(rows: list[Row], n_accounts: int = 6, n_objects: int = 6) -> Shares:
    account, thing, at = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.zeros(0),) * 3
    return Shares(
        account.astype(np.int32),
        thing.astype(np.int32),
        at.astype(np.int64),
        n_accounts,
        np.zeros(n_objects, np.int32),
    )


def rows_of(shares: Shares) -> list[Row]:
    return list(zip(shares.account.tolist(), shares.object.tolist(), shares.at_ms.tolist(), strict=True))


def first_by_hand(rows: list[Row]) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for account, thing, at in rows:
        found[account, thing] = min(at, found.get((account, thing), at))
    return found


tables = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(-5, 40)), max_size=40)
seeds = st.integers(0, 2**32 - 1)


@given(tables)
def test_first_shares_are_those_of_a_dictionary(rows: list[Row]) -> None:
    assert {(a, o): at for a, o, at in rows_of(shuffles.first_shares(build(rows)))} == first_by_hand(rows)


@settings(deadline=None)
@given(tables, seeds, st.booleans())
def test_time_shuffle_keeps_pairs_and_each_accounts_times(rows: list[Row], seed: int, from_birth: bool) -> None:
    first = first_by_hand(rows)
    got = rows_of(shuffles.shuffle_times(build(rows), np.random.default_rng(seed), from_birth))
    assert sorted((a, o) for a, o, _ in got) == sorted(first)
    for account in range(6):
        kept = sorted(at for (a, _), at in first.items() if a == account)
        assert sorted(at for a, _, at in got if a == account) == kept
    if from_birth:
        birth = {thing: min(at for (_, o), at in first.items() if o == thing) for _, thing in first}
        assert all(at >= birth[o] for _, o, at in got)


def test_every_assignment_that_respects_births_is_equally_likely() -> None:
    # Account 0's objects were born (by others) at 0, 0, 5 and 12; its times are 6, 9, 14, 20.
    births, times = [0, 0, 5, 12], [6, 9, 14, 20]
    rows = [(1, o, born) for o, born in enumerate(births)] + [(0, o, at) for o, at in enumerate(times)]
    allowed = {p for p in permutations(times) if all(at >= born for at, born in zip(p, births, strict=True))}
    rng = np.random.default_rng(3)
    draws = 6_000
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(draws):
        got = shuffles.shuffle_times(build(rows), rng)
        seen[tuple(got.at_ms[got.account == 0].tolist())] += 1
    assert set(seen) == allowed
    expected = draws / len(allowed)
    chi_square = sum((count - expected) ** 2 / expected for count in seen.values())
    # 11 degrees of freedom: 31.3 is passed once in a thousand.
    assert len(allowed) == 12
    assert chi_square < 31.3


@settings(deadline=None)
@given(tables, seeds, st.sampled_from([None, 1, 10, 1_000]))
def test_rewiring_keeps_degrees_and_each_objects_times(rows: list[Row], seed: int, stratum_ms: int | None) -> None:
    first = first_by_hand(rows)
    got = rows_of(shuffles.rewire(build(rows), np.random.default_rng(seed), stratum_ms))
    assert len({(a, o) for a, o, _ in got}) == len(got) == len(first)
    assert sorted((o, at) for _, o, at in got) == sorted((o, at) for (_, o), at in first.items())

    def stretch(at: int) -> int:
        return 0 if stratum_ms is None else at // stratum_ms

    assert Counter((a, stretch(at)) for a, _, at in got) == Counter((a, stretch(at)) for (a, _), at in first.items())


def test_rewiring_reaches_every_graph_with_these_degrees_equally_often() -> None:
    # Three accounts with one share each on three objects: six matchings.
    rows = [(0, 0, 0), (1, 1, 1), (2, 2, 2)]
    rng = np.random.default_rng(4)
    draws = 3_000
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(draws):
        got = shuffles.rewire(build(rows), rng, rounds=20)
        seen[tuple(got.object.tolist())] += 1
    assert len(seen) == 6
    chi_square = sum((count - draws / 6) ** 2 / (draws / 6) for count in seen.values())
    assert chi_square < 20.5  # 5 degrees of freedom, once in a thousand


def test_rewiring_breaks_a_group_that_shares_everything() -> None:
    rng = np.random.default_rng(6)
    group = [(a, o, 100 * o + a) for a in range(10) for o in range(20)]
    others = [
        (int(rng.integers(10, 200)), int(rng.integers(0, 200)), int(rng.integers(0, 2_000))) for _ in range(4_000)
    ]
    shares = build(group + others, 200, 200)

    def common(what: Shares) -> float:
        held = np.zeros((10, 200))
        inside = what.account < 10
        held[what.account[inside], what.object[inside]] = 1
        return float((held @ held.T)[np.triu_indices(10, 1)].mean())

    assert common(shuffles.first_shares(shares)) == 20
    assert common(shuffles.rewire(shares, rng, None)) < 8


@given(tables, seeds)
def test_halves_part_the_accounts_and_lose_nothing(rows: list[Row], seed: int) -> None:
    one, other = shuffles.halves(build(rows), np.random.default_rng(seed))
    assert (one.n_accounts, other.n_accounts) == (3, 3)
    assert len(one.at_ms) + len(other.at_ms) == len(rows)
    assert sorted((o, at) for _, o, at in rows_of(one) + rows_of(other)) == sorted((o, at) for _, o, at in rows)
    sizes = Counter(Counter(a for a, _, _ in rows).values())
    assert Counter([*Counter(one.account.tolist()).values(), *Counter(other.account.tolist()).values()]) == sizes


def test_halves_are_random() -> None:
    rows = [(a, 0, a) for a in range(6)]
    rng = np.random.default_rng(2)
    kept = Counter(at for _ in range(1_000) for at in shuffles.halves(build(rows), rng)[0].at_ms.tolist())
    assert all(count == pytest.approx(500, abs=70) for count in kept.values())


@pytest.mark.parametrize("rows", [[], [(0, 0, 5)], [(0, 0, 5), (1, 0, 5)], [(0, 0, 5), (0, 1, 5)]])
def test_tiny_tables_pass_through(rows: list[Row]) -> None:
    rng = np.random.default_rng(1)
    for shuffled in (shuffles.shuffle_times(build(rows), rng), shuffles.rewire(build(rows), rng)):
        assert sorted((o, at) for _, o, at in rows_of(shuffled)) == sorted((o, at) for _, o, at in rows)
