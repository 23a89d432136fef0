"""One definition, three ways to it: SQL, kernel and a brute-force oracle agree on random and hostile actions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floodmark.coaction import kernel
from floodmark.coaction.table import edges_from_table
from floodmark.engine.duckdb import Database, read_sql

Action = tuple[str, str, int]
Edge = tuple[str, str, int, int, int, int]

FAR_MS = 2**61
#: Ids whose order by bytes differs from the order of a locale, of UTF-16 or of numbers; quotes and blanks; NUL.
IDS = (
    "a",
    "B",
    "b",
    "Z",
    "ä",
    "é",
    "e\u0301",
    "😀",
    "\uffff",
    "9",
    "10",
    "010",
    " a",
    'q"',
    "x,y",
    "n\nn",
    "\x00",
    "علی",
)
ids = st.one_of(st.sampled_from(IDS), st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=3))
windows = st.sampled_from((0, 1, 2, 7, 60, 1000, FAR_MS))
#: Few distinct values around a base: ties, exact window edges, slots before 1970, the ends of the range.
times = st.one_of(
    st.builds(
        lambda base, near: base + near,
        st.sampled_from((0, -60, 1_594_900_000_000, -FAR_MS + 2000, FAR_MS - 2000)),
        st.one_of(st.integers(-8, 8), st.integers(-130, 130), st.integers(-2000, 2000)),
    ),
    st.integers(-FAR_MS, FAR_MS),
)
actions = st.lists(st.tuples(ids, st.sampled_from(("o", "p", "ö", "")), times), max_size=40)


def oracle(rows: Sequence[Action], window_ms: int, min_objects: int) -> list[Edge]:
    """Look at every pair of rows."""
    found: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for i, (account, thing, at) in enumerate(rows):
        for other, other_thing, other_at in rows[i + 1 :]:
            if thing == other_thing and account != other and abs(at - other_at) <= window_ms:
                swap = account.encode() > other.encode()
                pair, lead = ((other, account), at - other_at) if swap else ((account, other), other_at - at)
                found[pair].append((thing, lead))
    edges = [
        (a, b, len(seen), len({thing for thing, _ in seen}), sum(x > 0 for _, x in seen), sum(x < 0 for _, x in seen))
        for (a, b), seen in found.items()
    ]
    return sorted((e for e in edges if e[3] >= min_objects), key=lambda e: (e[0].encode(), e[1].encode()))


@pytest.fixture(scope="module")
def db() -> Iterator[Database]:
    with Database(threads=2) as database:
        yield database


def store(db: Database, rows: Sequence[tuple[str | None, str | None, int | None]]) -> None:
    db.execute("CREATE OR REPLACE TABLE actions_in (account_id VARCHAR, object_id VARCHAR, at_ms BIGINT)")
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        db.load("actions_in", dict(zip(("account_id", "object_id", "at_ms"), columns, strict=True)))


def by_sql(db: Database, window_ms: int, min_objects: int) -> list[Edge]:
    return [Edge(row) for row in db.rows(read_sql("coactions"), {"window_ms": window_ms, "min_objects": min_objects})]


def by_kernel(db: Database, window_ms: int, min_objects: int, threads: int | None = None) -> list[Edge]:
    columns = edges_from_table(db, "actions_in", window_ms, min_objects, threads)
    return list(zip(*(column.tolist() for column in columns.values()), strict=True))


@settings(deadline=None, max_examples=200)
@given(rows=actions, window_ms=windows, min_objects=st.integers(1, 3), threads=st.integers(1, 3))
def test_sql_kernel_and_oracle_agree(
    db: Database, rows: list[Action], window_ms: int, min_objects: int, threads: int
) -> None:
    store(db, rows)
    expected = oracle(rows, window_ms, min_objects)
    assert by_sql(db, window_ms, min_objects) == expected
    assert by_kernel(db, window_ms, min_objects, threads) == expected


@settings(deadline=None, max_examples=100)
@given(rows=actions, window_ms=windows, data=st.data())
def test_order_of_rows_strangers_and_a_shift_in_time_change_nothing(
    db: Database, rows: list[Action], window_ms: int, data: st.DataObject
) -> None:
    store(db, rows)
    edges = by_kernel(db, window_ms, 1)
    mixed = data.draw(st.permutations(rows))
    stranger = data.draw(st.lists(st.tuples(ids, st.just("another object"), st.just(0)), max_size=1))
    store(db, [*mixed, *stranger])
    assert by_kernel(db, window_ms, 1) == edges
    shift = data.draw(st.integers(*_room(rows)))
    store(db, [(account, thing, at + shift) for account, thing, at in rows])
    assert by_kernel(db, window_ms, 1) == edges
    assert by_sql(db, window_ms, 1) == edges


def _room(rows: list[Action]) -> tuple[int, int]:
    times = [at for _, _, at in rows] or [0]
    return -FAR_MS - min(times), FAR_MS - max(times)


@settings(deadline=None, max_examples=100)
@given(rows=actions, window_ms=windows)
def test_new_names_only_rename_the_edges(db: Database, rows: list[Action], window_ms: int) -> None:
    store(db, rows)
    edges = by_kernel(db, window_ms, 1)
    names = sorted({account for account, _, _ in rows}, key=str.encode)
    reversed_names = dict(zip(names, (f"{i:03d}" for i in reversed(range(len(names)))), strict=True))
    store(db, [(reversed_names[account], thing, at) for account, thing, at in rows])
    expected = [(reversed_names[b], reversed_names[a], n, o, b1, a1) for a, b, n, o, a1, b1 in edges]
    assert by_kernel(db, window_ms, 1) == sorted(expected)


@settings(deadline=None, max_examples=60)
@given(rows=actions, window_ms=windows)
def test_the_evidence_of_an_edge_lists_its_coactions(db: Database, rows: list[Action], window_ms: int) -> None:
    store(db, rows)
    db.execute("CREATE OR REPLACE TEMP TABLE numbered AS SELECT *, CAST(rowid AS VARCHAR) AS post_id FROM actions_in")
    sql = read_sql("edge_evidence").replace("actions_in", "numbered")
    for a, b, coactions, objects, a_first, b_first in oracle(rows, window_ms, 1):
        found = db.rows(sql, {"account_a": a, "account_b": b, "window_ms": window_ms})
        assert len({row[:3] for row in found}) == len(found) == coactions
        assert len({row[0] for row in found}) == objects
        assert [sum(row[3] < row[4] for row in found), sum(row[4] < row[3] for row in found)] == [a_first, b_first]
        assert found == sorted(found, key=lambda r: (r[0].encode(), r[3], r[4], r[1], r[2]))


def test_rows_with_a_null_do_not_count(db: Database) -> None:
    store(db, [("a", "o", 1), ("b", "o", 1), (None, "o", 1), ("c", None, 1), ("d", "o", None)])
    assert by_sql(db, 5, 1) == by_kernel(db, 5, 1) == [("a", "b", 1, 1, 0, 0)]


@pytest.mark.parametrize("rows", [[], [("a", "o", 1)], [("a", "o", 1), ("a", "o", 1), ("a", "o", 2)]])
def test_no_pair_of_accounts_no_edge(db: Database, rows: list[Action]) -> None:
    store(db, rows)
    assert by_sql(db, 1000, 1) == by_kernel(db, 1000, 1) == []


def crowd(n: int, accounts: int, objects: int, span_ms: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, accounts, n), rng.geometric(0.3, n) % objects, rng.integers(-span_ms, span_ms, n)


@pytest.mark.parametrize(
    ("n", "accounts", "objects", "span_ms", "min_objects"),
    [(600, 4, 1, 50, 1), (3000, 40, 3, 5000, 2), (20_000, 5000, 50, 200_000, 1), (20_000, 20_000, 9, 10_000, 2)],
    ids=["hot object, four accounts", "hot objects", "crowd", "every account once"],
)
def test_hot_objects_and_crowds_equal_the_sql_for_any_number_of_threads(
    db: Database, monkeypatch: pytest.MonkeyPatch, n: int, accounts: int, objects: int, span_ms: int, min_objects: int
) -> None:
    who, what, when = crowd(n, accounts, objects, span_ms, seed=n + accounts)
    db.execute("CREATE OR REPLACE TABLE actions_in (account_id VARCHAR, object_id VARCHAR, at_ms BIGINT)")
    columns = {
        "account_id": who.astype(str).astype(object),
        "object_id": what.astype(str).astype(object),
        "at_ms": when,
    }
    db.load("actions_in", columns)
    expected = by_sql(db, 400, min_objects)
    assert len(expected) > 0
    assert by_kernel(db, 400, min_objects, threads=1) == expected
    # Many small blocks, so that threads really interleave and counters are used again.
    monkeypatch.setattr(kernel, "_EDGES_PER_BLOCK", 50)
    monkeypatch.setattr(kernel, "_PAIRS_PER_BLOCK", 500)
    assert by_kernel(db, 400, min_objects, threads=4) == expected
    assert by_kernel(db, 400, min_objects, threads=3) == expected
