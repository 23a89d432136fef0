"""The base tables are the same whatever the order of rows and their split into files; the oracle is plain Python."""

from __future__ import annotations

import csv
import random
import tempfile
from collections import defaultdict
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floodmark import registry, schema
from floodmark.config import InputSpec
from floodmark.engine.duckdb import Database, quote
from floodmark.ingest import store

READER = registry.readers().items["table"]
TABLES = ("posts", "repeats", "account_observations", "rejects")
HEADER = ("id", "who", "when", "text", "tags", "lang", "fans")
COLUMNS = {
    "post_id": "id",
    "account_id": "who",
    "at": "when",
    "text": "text",
    "hashtags": "tags",
    "language": "lang",
    "followers": "fans",
}
# Few values, so that ids, tuples and whole rows come again; some rows are rejects.
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", "1.5e+18"]),
        st.sampled_from(["a", "b", "é", "ب"]),
        st.sampled_from(["2020-07-17T10:00:00Z", "2020-07-17T10:00:01Z", "2020-07-17T10:00Z"]),
        st.sampled_from(["", "x", "X", 'q"uote', "ب", "😀", "a\nb"]),
        st.sampled_from(["", "t", "t u", "[]"]),
        st.sampled_from(["", "fa"]),
        st.sampled_from(["", "1", "2", "odd"]),
    ),
    min_size=1,
    max_size=25,
)


def build(
    files: list[list[tuple[str, ...]]], post_id: object, folder: Path, threads: int
) -> dict[str, list[tuple[object, ...]]]:
    """Ingest each list of rows as a file of one stream, merge, and return the tables; rejects without file and line."""
    parts = []
    with Database(threads=threads) as db:
        for number, rows in enumerate(files):
            path = folder / f"{number}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([HEADER, *rows])
            spec = InputSpec.model_validate(
                {"path": path.name, "format": "table", "platform": "x", "columns": {**COLUMNS, "post_id": post_id}}
            )
            try:
                counts = store.ingest_input(db, spec, path, READER, folder / str(number), 1.0)
            except store.IngestError:  # a file of rejects only
                continue
            assert counts["rows"] == len(rows)
            parts.append(("main", folder / str(number)))
        if not parts:
            return {}
        store.merge_base_tables(db, parts, folder / "tables")
        found = {
            name: db.rows(f"SELECT * FROM read_parquet({quote(str(folder / f'tables/{name}.parquet'))})")
            for name in TABLES
        }
    found["rejects"] = sorted(row[2:] for row in found["rejects"])
    return found


def is_good(row: tuple[str, ...], *, derived: bool) -> bool:
    return row[6] != "odd" and (derived or row[0] != "1.5e+18")


@given(ROWS, st.randoms(use_true_random=False), st.sampled_from(["id", ("account_id", "at", "text", "ordinal")]))
@settings(max_examples=25, deadline=None)
def test_order_and_split_do_not_matter(rows: list[tuple[str, ...]], rng: random.Random, post_id: object) -> None:
    good = [row for row in rows if is_good(row, derived=post_id != "id")]
    shuffled = rng.sample(rows, len(rows))
    cut = rng.randrange(len(rows) + 1)
    # Every file needs one row that can be stored; the same two rows for both ways keep the multiset equal.
    anchor = ("9", "z", "2020-07-17T10:00:00Z", "", "", "", "")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        whole = build([[*rows, anchor, anchor]], post_id, Path(one), 1)
        split = build([[anchor, *shuffled[:cut]], [*shuffled[cut:], anchor]], post_id, Path(two), 2)
    assert whole == split
    assert len(whole["posts"]) + len(whole["repeats"]) == len(good) + 2
    assert len(whole["rejects"]) == len(rows) - len(good)
    if post_id != "id":
        assert not whole["repeats"]


@given(ROWS)
@settings(max_examples=25, deadline=None)
def test_the_smallest_row_by_bytes_is_the_post(rows: list[tuple[str, ...]]) -> None:
    good = [row for row in rows if is_good(row, derived=False)]
    if not good:
        rows = good = [("9", "z", "2020-07-17T10:00:00Z", "", "", "", "")]
    with tempfile.TemporaryDirectory() as folder:
        found = build([rows], "id", Path(folder), 1)
    versions: dict[str, list[bytes]] = defaultdict(list)
    names = schema.POSTS.names
    for row in (*found["posts"], *found["repeats"]):
        versions[str(row[1])].append(orjson.dumps(dict(zip(names, row, strict=True))))
    assert sorted(map(len, versions.values())) == sorted(
        len([row for row in good if row[0] == post_id]) for post_id in {row[0] for row in good}
    )
    canonical = {str(row[1]): orjson.dumps(dict(zip(names, row, strict=True))) for row in found["posts"]}
    assert canonical == {post_id: min(rows) for post_id, rows in versions.items()}
    keys = [(row[0], row[1]) for row in found["posts"]]
    assert keys == sorted(set(keys)), "sorted by key, each key once"


@pytest.mark.parametrize("threads", [1, 2])
def test_many_rows_on_any_number_of_threads(tmp_path: Path, threads: int) -> None:
    """Enough rows for several row groups: sorted order and choice must survive parallel work."""
    rng = random.Random(7)
    rows = [
        (
            str(rng.randrange(90_000)),
            f"a{rng.randrange(500)}",
            "2020-07-17T10:00:00Z",
            f"t{rng.randrange(9)}",
            "",
            "",
            "",
        )
        for _ in range(150_000)
    ]
    found = build([rows[:70_000], rows[70_000:]], "id", tmp_path, threads)
    assert len(found["posts"]) == len({row[0] for row in rows})
    assert [row[1] for row in found["posts"]] == sorted(f"x:{number}" for number in {row[0] for row in rows})
    smallest: dict[str, tuple[str, str]] = {}
    for number, who, _, text, *_ in rows:
        smallest[number] = min(smallest.get(number, (who, text)), (who, text))
    assert {(row[1], row[2], row[5]) for row in found["posts"]} == {
        (f"x:{number}", f"x:{who}", text) for number, (who, text) in smallest.items()
    }
