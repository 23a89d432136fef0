"""Candidate pairs equal their SQL definition, and a pair's p-value a slow rewrite of its recipe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from floodmark.coordination import pairs
from floodmark.coordination.prepare import Prepared, prepare
from floodmark.coordination.rates import Around, Rates, count_around, estimate, size_class
from floodmark.coordination.result import Shares
from floodmark.engine.duckdb import Database, read_sql

Action = tuple[int, int, int]
WINDOWS = np.array([10_000, 60_000, 600_000], np.int64)
ACCOUNTS, OBJECTS = 12, 8


def shares_of(rows: Sequence[Action], accounts: int = ACCOUNTS, objects: int = OBJECTS) -> Shares:
    account, thing, at_ms = np.array(rows, np.int64).reshape(-1, 3).T
    return Shares(account.astype(np.int32), thing.astype(np.int32), at_ms, accounts, np.zeros(objects, np.int32))


def random_rows(seed: int, rows: int, accounts: int, objects: int, span_ms: int, step_ms: int = 1) -> list[Action]:
    rng = np.random.default_rng(seed)
    at_ms = rng.integers(0, span_ms, rows) // step_ms * step_ms
    columns = rng.integers(0, accounts, rows), rng.geometric(0.4, rows) % objects, at_ms
    return list(zip(*(column.tolist() for column in columns), strict=True))


#: Few values: ties, exact edges of windows, an account on an object twice.
times = st.builds(lambda base, near: base + near, st.sampled_from((0, 10_000, 60_000, -600_000)), st.integers(-2, 2))
actions = st.lists(st.tuples(st.integers(0, ACCOUNTS - 1), st.integers(0, OBJECTS - 1), times), max_size=60)


@pytest.fixture(scope="module")
def db() -> Iterator[Database]:
    with Database(threads=1) as database:
        yield database


def by_sql(db: Database, rows: Sequence[Action], windows_ms: Sequence[int], dense: int) -> list[tuple[int, int]]:
    db.execute("CREATE OR REPLACE TABLE actions_in (account_id VARCHAR, object_id VARCHAR, at_ms BIGINT)")
    db.execute("CREATE OR REPLACE TABLE windows_in (window_ms BIGINT)")
    if rows:
        named = [[f"{a:05}" for a, _, _ in rows], [f"{o:05}" for _, o, _ in rows], [at for _, _, at in rows]]
        db.load("actions_in", dict(zip(("account_id", "object_id", "at_ms"), named, strict=True)))
    db.load("windows_in", {"window_ms": list(windows_ms)})
    found = db.rows(read_sql("candidates"), {"dense_successors": dense})
    assert all(objects >= 2 for _, _, objects in found)
    return [(int(a), int(b)) for a, b, _ in found]


def by_kernel(prepared: Prepared, windows_ms: np.ndarray, dense: int) -> list[tuple[int, int]]:
    end, low = pairs._reach(prepared, count_around(prepared, windows_ms), windows_ms, dense)
    (room,) = pairs.Workers(prepared, 1).map(lambda _, room: room, [None])
    found = []
    for me in range(len(prepared.account_starts) - 1):
        n = pairs._candidates(me, prepared, end, low, room)
        found += [(me, other) for other in room.touched[:n].tolist()]
    assert not room.together.any()
    return found


@settings(deadline=None, max_examples=150)
@given(rows=actions, dense=st.sampled_from((0, 1, 2, 4, 500)))
def test_candidates_are_those_of_the_definition(db: Database, rows: list[Action], dense: int) -> None:
    kernel = by_kernel(prepare(shares_of(rows)), WINDOWS, dense)
    assert kernel == by_sql(db, rows, WINDOWS.tolist(), dense)


@pytest.mark.parametrize("dense", [3, 20, 500])
def test_candidates_of_a_crowd_on_dense_objects_are_those_of_the_definition(db: Database, dense: int) -> None:
    rows = random_rows(dense, 3_000, 200, 12, 3_000_000, 1_000)
    kernel = by_kernel(prepare(shares_of(rows, 200, 12)), WINDOWS, dense)
    assert kernel == by_sql(db, rows, WINDOWS.tolist(), dense)
    assert 20 < len(kernel) < 200 * 199 / 2


def test_a_dense_moment_makes_no_candidates_and_a_quiet_one_of_the_same_object_does(db: Database) -> None:
    # 0 and 1 meet on two objects beside a crowd of six, 6 s apart; 2 and 3 much later, alone.
    rows = [(a, o, at) for o in (0, 1) for a, at in [(0, 0), (1, 6_000), *((k, 3_000) for k in range(4, 10))]]
    rows += [(2, o, 9_000_000) for o in (0, 1)] + [(3, o, 9_000_000) for o in (0, 1)]
    for dense, expected in ((6, {(2, 3)}), (7, {(0, 1), (2, 3)})):
        found = by_kernel(prepare(shares_of(rows)), WINDOWS, dense)
        assert found == by_sql(db, rows, WINDOWS.tolist(), dense)
        # The crowd of six, before 1, has fewer behind it.
        assert {pair for pair in found if not set(pair) & set(range(4, 10))} == expected


def test_rows_with_a_null_do_not_count(db: Database) -> None:
    by_sql(db, [], [10_000], 500)
    rows = [(a, o, 0) for a in ("a", "b") for o in ("o", "p")]
    rows += [(None, "o", 0), (None, "p", 0), ("c", None, 0), ("c", "o", 0), ("d", "o", None), ("d", "p", 0)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    db.load("actions_in", dict(zip(("account_id", "object_id", "at_ms"), columns, strict=True)))
    assert db.rows(read_sql("candidates"), {"dense_successors": 500}) == [("a", "b", 2)]


# The p-value of a pair.


def slow_tail(hits: int, episodes: int, expected: float) -> float:
    if hits < 2 or hits < expected + 1:
        return 1.0
    return float(binom.sf(hits - 1, episodes, min(1.0, expected / episodes)))


def slow_chance(w: int, i: int, prepared: Prepared, around: Around, rates: Rates) -> float:
    sharers = int((prepared.object == prepared.object[i]).sum())
    met = int(around.after[w, i]) + int(around.before[w, i]) + int(around.ties[w, i])
    pooled = rates.within[w, size_class(sharers)]
    return float((met + 20 * pooled) / (sharers - 1 - around.repeats[i] + 20))


def slow_pair(a: int, b: int, prepared: Prepared, around: Around, rates: Rates, windows_ms: np.ndarray) -> float:
    at = {(int(v), int(o)): k for k, (v, o) in enumerate(zip(prepared.account, prepared.object, strict=True))}
    common = [(at[a, o], at[b, o]) for o in range(len(prepared.original_object)) if (a, o) in at and (b, o) in at]
    common.sort(key=lambda ij: min(prepared.at_ms[ij[0]], prepared.at_ms[ij[1]]))
    best = 1.0
    for w, window in enumerate(windows_ms.tolist()):
        lag = [abs(int(prepared.at_ms[i] - prepared.at_ms[j])) for i, j in common]
        if sum(one <= window for one in lag) < 2:
            continue
        speed = max(rates.tempo[w, a], rates.tempo[w, b])
        episodes: list[list[int]] = []
        last = None
        for k, (i, j) in enumerate(common):
            first = int(min(prepared.at_ms[i], prepared.at_ms[j]))
            if last is None or first - last > max(300_000, window):
                episodes.append([])
            episodes[-1].append(k)
            last = first
        chances = [
            min(1.0, speed * max(slow_chance(w, end, prepared, around, rates) for end in common[k]))
            for k in range(len(common))
        ]
        expected = sum(min(1.0, sum(chances[k] for k in one)) for one in episodes)
        hits = sum(any(lag[k] <= window for k in one) for one in episodes)
        best = min(best, slow_tail(hits, len(episodes), expected) * len(windows_ms))
    return best


@pytest.mark.parametrize(
    ("seed", "accounts", "objects", "span_ms", "step_ms"),
    [
        (1, 12, 40, 40_000_000, 1),
        (2, 6, 90, 90_000_000, 1),
        (3, 10, 60, 2_000_000, 1),
        (4, 4, 150, 400_000_000, 1),
        (5, 8, 90, 30_000_000, 100_000),  # gaps between episodes lie on the edge
    ],
)
def test_the_p_value_of_a_pair_is_that_of_the_slow_rewrite(
    seed: int, accounts: int, objects: int, span_ms: int, step_ms: int
) -> None:
    rng = np.random.default_rng(seed)
    born = rng.integers(0, span_ms, objects)
    who, what = np.nonzero(rng.random((accounts, objects)) < 0.6)
    # Accounts 0 and 1 keep together, so that small p-values are among those compared.
    lag = np.where(who < 2, rng.integers(0, 20, len(who)), rng.integers(0, 3_000, len(who))) * 1_000
    rows = list(zip(who.tolist(), what.tolist(), ((born[what] + lag) // step_ms * step_ms).tolist(), strict=True))
    prepared = prepare(shares_of(rows, accounts, objects))
    around = count_around(prepared, WINDOWS)
    a, b = (np.array(ends, np.int32) for ends in zip(*combinations(range(accounts), 2), strict=True))
    one, rates = np.array([0], np.int32), estimate(prepared, around, None)
    pairs.Workers(prepared, 1).map(
        lambda _, room: pairs._subtract_pairs(one, one + np.int32(1), prepared, WINDOWS, around, room), [None]
    )
    if accounts > 5:  # of fewer, too few are left to learn from; the whole crowd's rates compare as well
        rates = estimate(prepared, around, None)
    (found,) = pairs.Workers(prepared, 1).map(
        lambda _, room: pairs._test_pairs(a, b, prepared, around, rates, WINDOWS, room), [None]
    )
    expected = [slow_pair(*ab, prepared, around, rates, WINDOWS) for ab in zip(a, b, strict=True)]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert found[0] == found.min()
    assert found[0] < (1 if span_ms < 10_000_000 else 0.01)


def test_the_p_value_does_not_depend_on_which_account_comes_first() -> None:
    rows = random_rows(9, 600, 8, 60, 30_000_000)
    last = 7
    flipped = [(last - a, o, at) for a, o, at in rows]
    found = []
    for table in (rows, flipped):
        prepared = prepare(shares_of(table, 8, 60))
        tested = pairs.tested_pairs(
            prepared, count_around(prepared, WINDOWS), WINDOWS, 500, None, pairs.Workers(prepared, 2)
        )[0]
        found.append(
            {frozenset(ab): p for *ab, p in zip(tested.a.tolist(), tested.b.tolist(), tested.p_value, strict=True)}
        )
    mirrored = {frozenset(last - v for v in pair): p for pair, p in found[1].items()}
    assert found[0] == pytest.approx(mirrored)
    assert len(found[0]) >= 1


# Repeat partners and their bookkeeping.


@pytest.mark.parametrize("seed", range(4))
def test_counts_without_repeat_partners_are_those_of_a_crowd_without_them(seed: int) -> None:
    rows = random_rows(seed, 400, 15, 12, 2_000_000, 5_000)
    prepared = prepare(shares_of(rows, 15, 12))
    rng = np.random.default_rng(seed)
    partners = sorted({tuple(sorted(ab)) for ab in rng.integers(0, 15, (25, 2)).tolist() if ab[0] != ab[1]})
    around = count_around(prepared, WINDOWS)
    a, b = (np.array(ends, np.int32) for ends in zip(*partners, strict=True))
    pairs.Workers(prepared, 1).map(lambda _, room: pairs._subtract_pairs(a, b, prepared, WINDOWS, around, room), [None])
    repeats = defaultdict(set)
    for one, other in partners:
        repeats[one].add(other)
        repeats[other].add(one)
    for i in range(len(prepared.at_ms)):
        mine = int(prepared.account[i])
        same = [j for j in np.flatnonzero(prepared.object == prepared.object[i]) if j != i]
        strangers = [j for j in same if int(prepared.account[j]) not in repeats[mine]]
        distance = prepared.at_ms[strangers] - prepared.at_ms[i]
        assert around.repeats[i] == len(same) - len(strangers)
        for w, window in enumerate(WINDOWS.tolist()):
            assert around.after[w, i] == np.count_nonzero((distance > 0) & (distance <= window))
            assert around.before[w, i] == np.count_nonzero((distance < 0) & (distance >= -window))
            assert around.ties[w, i] == np.count_nonzero(distance == 0)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_of_all_candidates_the_first_pass_forgets_each_once_whatever_the_threads(threads: int) -> None:
    rows = random_rows(21, 1_500, 60, 25, 20_000_000, 1_000)
    prepared = prepare(shares_of(rows, 60, 25))
    base = count_around(prepared, WINDOWS)
    expected = by_kernel(prepared, WINDOWS, 500)
    pair_objects = sum(
        len(np.intersect1d(prepared.object[prepared.account == a], prepared.object[prepared.account == b]))
        for a, b in expected
    )
    end, low = pairs._reach(prepared, base, WINDOWS, 500)
    minus = Around(*(np.zeros_like(part) for part in base))
    cuts = pairs._blocks(prepared, end, low, 16 * threads)
    assert cuts[-1] == 60
    assert np.all(np.diff(cuts) > 0)
    counted = pairs.Workers(prepared, 1).map(
        lambda block, room: pairs._subtract_block(*block, prepared, end, low, WINDOWS, minus, room),
        list(pairwise([0, *cuts.tolist()])),
    )
    assert sum(counted) == len(expected)
    # Each common object of each pair once from both ends; what is left is never negative.
    assert minus.repeats.sum() == 2 * pair_objects
    assert minus.after.sum() == minus.before.sum()
    for left, taken in zip(base, minus, strict=True):
        assert (left + taken).min() >= 0
    tested = pairs.tested_pairs(prepared, base, WINDOWS, 500, None, pairs.Workers(prepared, threads))
    assert tested[3] == len(expected)
    alone = pairs.tested_pairs(prepared, base, WINDOWS, 500, None, pairs.Workers(prepared, 1))
    for one, other in zip((*tested[0], *tested[1], *tested[2]), (*alone[0], *alone[1], *alone[2]), strict=True):
        assert np.array_equal(one, other)


def test_pairs_that_matter_are_not_lost_in_the_first_pass() -> None:
    """The first pass screens with the lowest rates: whoever has a small p in the end was not screened out."""
    rows = random_rows(5, 1_200, 30, 80, 60_000_000)
    prepared = prepare(shares_of(rows, 30, 80))
    base = count_around(prepared, WINDOWS)
    found, around, rates, _ = pairs.tested_pairs(prepared, base, WINDOWS, 500, None, pairs.Workers(prepared, 1))
    kept = set(zip(found.a.tolist(), found.b.tolist(), strict=True))
    candidates = set(by_kernel(prepared, WINDOWS, 500))
    assert kept <= candidates
    slow = {ab: slow_pair(*ab, prepared, around, rates, WINDOWS) for ab in combinations(range(30), 2)}
    assert {ab for ab, p in slow.items() if p <= 0.3} <= kept
    assert len(candidates) > len(kept)


def test_rates_of_tested_pairs_are_learnt_without_the_partners_of_small_p() -> None:
    rows = random_rows(31, 900, 20, 60, 40_000_000)
    prepared = prepare(shares_of(rows, 20, 60))
    base = count_around(prepared, WINDOWS)
    _, around, rates, _ = pairs.tested_pairs(prepared, base, WINDOWS, 500, None, pairs.Workers(prepared, 1))
    again = estimate(prepared, around, None)
    assert np.array_equal(again.within, rates.within)
    assert np.array_equal(again.tempo, rates.tempo)
    for part in around:
        assert part.min() >= 0
