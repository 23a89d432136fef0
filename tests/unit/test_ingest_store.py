"""Rows counted on their way into tables: input = stored + rejected, and one sentence when an input is no use."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from floodmark import registry, schema
from floodmark.config import InputSpec
from floodmark.engine.duckdb import Database, quote
from floodmark.errors import EngineError, IngestError, UsageError
from floodmark.ingest import spool, store
from floodmark.registry import Record, Reject

READERS = registry.readers().items
COLUMNS = {"post_id": "id", "account_id": "who", "at": "when", "text": "text"}
WHEN = "2020-07-17T10:15:07Z"
HEADER = "id,who,when,text\n"


def spec(**fields: object) -> InputSpec:
    given = {"path": "posts.csv", "format": "table", "platform": "x", "columns": COLUMNS, **fields}
    return InputSpec.model_validate(given)


def ingest(folder: Path, data: str, part: str = "part", share: float = 0.5, **fields: object) -> dict[str, object]:
    made = spec(**fields)
    (folder / made.path).write_text(data, encoding="utf-8", newline="")
    with Database() as db:
        return store.ingest_input(db, made, folder / made.path, READERS[made.format], folder / part, share)


def merge(folder: Path, *parts: str) -> dict[str, int]:
    with Database() as db:
        return store.merge_base_tables(db, [("main", folder / part) for part in parts], folder / "tables")


def table(path: Path, columns: str = "*", order: str = "ALL") -> list[tuple[object, ...]]:
    with Database() as db:
        return db.rows(f"SELECT {columns} FROM read_parquet({quote(str(path))}) ORDER BY {order}")


def test_counts_and_parts(tmp_path: Path) -> None:
    data = (
        f"{HEADER}1,a,{WHEN},hello\n1,a,{WHEN},hello again\n2,b,yesterday,hi\n3,c\n4,,{WHEN},no one\n"
        f"5,d,{WHEN},\n1,a,{WHEN},hello\n"
    )
    counts = ingest(tmp_path, data, columns={**COLUMNS, "handle": "who"})
    reasons = {"bad_time": 1, "missing": 1, "ragged": 1}
    assert counts == {"rows": 7, "stored": 4, "repeated": 2, "rejected": 3, "reasons": reasons}
    assert sorted(path.name for path in (tmp_path / "part").iterdir()) == [
        "account_observations.parquet",
        "post_deletions.parquet",
        "posts.parquet",
        "rejects.parquet",
        "statuses.parquet",
    ]
    assert table(tmp_path / "part/rejects.parquet", order="line") == [
        ("posts.csv", 4, "bad_time", "at", "yesterday", "2,b,yesterday,hi\n"),
        ("posts.csv", 5, "ragged", None, "2 fields instead of 4", "3,c\n"),
        ("posts.csv", 6, "missing", "account_id", None, f"4,,{WHEN},no one\n"),
    ]
    assert merge(tmp_path, "part") == {"main": 2}
    # As JSON `"hello again"` is smaller than `"hello"`, because a space is smaller than a quote.
    assert table(tmp_path / "tables/posts.parquet", "post_id, text") == [("x:1", "hello again"), ("x:5", "")]
    assert table(tmp_path / "tables/repeats.parquet", "post_id, text") == [("x:1", "hello"), ("x:1", "hello")]
    observed = table(tmp_path / "tables/account_observations.parquet", "account_id, handle, observed_at_ms")
    assert observed == [("x:a", "a", 1_594_980_907_000), ("x:d", "d", 1_594_980_907_000)], "one row per observation"


def test_deletions_and_lists_of_accounts_are_stored_and_counted(tmp_path: Path) -> None:
    ingest(tmp_path, f"{HEADER}1,a,{WHEN},hello\n", "posts")
    columns = {"post_id": "p", "account_id": "a", "deleted_at": "d"}
    data = f"p,a,d\n1,a,{WHEN}\n1,a,{WHEN}\n9,z,{WHEN}\n,a,{WHEN}\n"
    counts = ingest(tmp_path, data, "gone", path="d.csv", format="deletions", columns=columns)
    assert (counts["rows"], counts["stored"], counts["rejected"]) == (4, 3, 1)
    listed = ingest(
        tmp_path, "who,fans\nq,3\nr,\n,1\n", "list", path="l.csv", format="accounts",
        columns={"account_id": "who", "followers": "fans"},
    )  # fmt: skip
    assert (listed["rows"], listed["stored"], listed["rejected"]) == (3, 2, 1)
    merge(tmp_path, "posts", "gone", "list")
    assert table(tmp_path / "tables/post_deletions.parquet", "post_id, account_id, created_at_ms") == [
        ("x:1", "x:a", None),
        ("x:9", "x:z", None),
    ]
    found = table(tmp_path / "tables/listed_accounts.parquet")
    assert found == [("main", "x:a"), ("main", "x:q"), ("main", "x:r"), ("main", "x:z")], "not the authors of posts"


def test_a_look_that_returned_some_of_those_asked_for_says_what_the_others_were(tmp_path: Path) -> None:
    ingest(tmp_path, f"{HEADER}1,a,{WHEN},hello\n", "posts")
    ingest(tmp_path, "who\nb\nc\n", "list", path="l.csv", format="accounts", columns={"account_id": "who"})
    seen = "2020-08-01T00:00:00Z"
    ingest(
        tmp_path, "who\nb\n", "look", path="s.csv", format="statuses", columns={"account_id": "who"}, status="active",
        observed_at=seen, unlisted="not_found",
    )  # fmt: skip
    parts = [("main", tmp_path / name) for name in ("posts", "list", "look")]
    with Database() as db:
        store.merge_base_tables(db, parts, tmp_path / "tables", {2: (1_596_240_000_000, "not_found")})
    found = table(tmp_path / "tables/statuses.parquet", "account_id, observed_at_ms, status")
    assert found == [
        (f"x:{a}", 1_596_240_000_000, s) for a, s in zip("abc", ("not_found", "active", "not_found"), strict=True)
    ]


def test_columns_of_the_tables_are_those_of_the_schema(tmp_path: Path) -> None:
    ingest(tmp_path, f"{HEADER}1,a,{WHEN},hello\n")
    merge(tmp_path, "part")
    # Labels of samples are no input of `merge_base_tables`; tests/unit/test_audit.py looks at their table.
    for declared in (table for table in schema.TABLES if table.kind == "base" and table is not schema.AUDIT_LABELS):
        path = quote(str(tmp_path / f"tables/{declared.name}.parquet"))
        with Database() as db:
            found = db.rows(f"DESCRIBE SELECT * FROM read_parquet({path})")
        assert [(row[0], row[1]) for row in found] == [(column.name, column.type) for column in declared.columns]


@pytest.mark.parametrize(
    ("data", "fields", "says"),
    [
        (HEADER, {}, "posts.csv: the file holds no rows; export it again or remove this input"),
        (
            f"{HEADER}1,a,2020-07-17 10:15:00,x\n",
            {},
            "posts.csv: field `at` (column `when`): 1 of 1 rows hold a time without an offset, for example"
            " '2020-07-17 10:15:00' on line 2; name the zone of the file's clock, as in zone = \"Asia/Tehran\"",
        ),
        (
            f"{HEADER}1,a,{WHEN},x\n1.2e+18,a,{WHEN},x\n1.2e+18,b,{WHEN},x\n",
            {},
            "posts.csv: field `post_id` (column `id`): 2 of 3 rows hold an id that went through a floating-point"
            " number, so its last digits are lost, for example '1.2e+18' on line 3;"
            " export the file again with ids as text",
        ),
        (
            f"{HEADER}1,a\n2,b\n",
            {},
            "posts.csv: 2 of 2 rows have more or fewer fields than the header, for example '2 fields instead of 4' on"
            " line 2; check `delimiter` and the quoting",
        ),
        (
            f"{HEADER},a,{WHEN},x\n",
            {},
            "posts.csv: field `post_id` (column `id`): 1 of 1 rows hold nothing, first on line 2; map a column that"
            " every row fills",
        ),
        (
            f"{HEADER}1,a,1594980907000,x\n",
            {},
            "posts.csv: field `at` (column `when`): 1 of 1 rows hold a whole number of the other unit, for example"
            ' \'1594980907000\' on line 2; set time_unit = "ms" or time_unit = "s"',
        ),
    ],
)
def test_useless_inputs(tmp_path: Path, data: str, fields: dict[str, object], says: str) -> None:
    with pytest.raises(IngestError) as caught:
        ingest(tmp_path, data, **fields)
    assert str(caught.value) == says
    assert list((tmp_path / "part").iterdir()) == []


def test_share_of_rejects(tmp_path: Path) -> None:
    data = f"{HEADER}1,a,{WHEN},x\n2,a,never,x\n"
    assert ingest(tmp_path, data, share=0.5)["rejected"] == 1
    with pytest.raises(IngestError, match=r"1 of 2 rows hold no time that can be read without guessing"):
        ingest(tmp_path, data, share=0.4)
    with pytest.raises(IngestError):
        ingest(tmp_path, f"{HEADER}2,a,never,x\n", share=1.0)


def test_mapping_mistakes_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        ingest(tmp_path, f"{HEADER}1,a,{WHEN},x\n", columns={**COLUMNS, "text": "txt"})
    assert list((tmp_path / "part").iterdir()) == []


def test_missing_file(tmp_path: Path) -> None:
    with Database() as db, pytest.raises(IngestError, match=r"^posts\.csv: there is no such file"):
        store.ingest_input(db, spec(), tmp_path / "posts.csv", READERS["table"], tmp_path / "part")


def test_a_file_that_breaks_off_while_it_is_read(tmp_path: Path) -> None:
    def read(_path: Path, _spec: InputSpec) -> Iterator[Record | Reject]:
        yield Reject(1, "bad_json")
        raise OSError(5, "Input/output error")

    (tmp_path / "posts.csv").write_text(HEADER)
    broken = replace(READERS["table"], read=read, read_blocks=None)
    with Database() as db, pytest.raises(IngestError, match=r"^posts\.csv: .*to its end \(Input/output error\)"):
        store.ingest_input(db, spec(), tmp_path / "posts.csv", broken, tmp_path / "part")
    assert list((tmp_path / "part").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_engine_error(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part/.posts.jsonl").symlink_to("/dev/full")
    rows = "".join(f"{number},a,{WHEN},{'x' * 500}\n" for number in range(200))
    with pytest.raises(EngineError, match=r"cannot be written \(No space left on device\); free disk space"):
        ingest(tmp_path, HEADER + rows)
    assert list((tmp_path / "part").iterdir()) == []


def test_chunks_are_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "CHUNK_ROWS", 7)
    rows = [f"{number},a{number % 3},{WHEN},text {number}\n" for number in range(50)]
    assert ingest(tmp_path, HEADER + "".join(rows))["stored"] == 50
    assert sorted(path.name for path in (tmp_path / "part").iterdir())[0] == "account_observations.parquet"
    merge(tmp_path, "part")
    found = table(tmp_path / "tables/posts.parquet", "post_id, text")
    assert sorted(found) == sorted((f"x:{number}", f"text {number}") for number in range(50))


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text(HEADER + "".join(f"{n},a,{WHEN},t\n" for n in range(9_000)))
    seen: list[tuple[int, int]] = []
    with Database() as db:
        store.ingest_input(
            db,
            spec(),
            tmp_path / "posts.csv",
            READERS["table"],
            tmp_path / "part",
            progress=lambda done, total: seen.append((done, total)),
        )
    size = (tmp_path / "posts.csv").stat().st_size
    assert len(seen) == 5
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (size, size)
    assert abs(seen[0][0] / size - 2_000 / 9_000) < 0.02


@pytest.mark.parametrize(
    ("posts", "clock", "resolution_ms"),
    [
        (100, "10:{n:02d}:00Z", 60_000),
        (99, "10:{n:02d}:00Z", 1_000),
        (100, "10:{n:02d}:07Z", 1_000),
        (100, "10:{n:02d}:07.000Z", 1_000),
        (100, "10:{n:02d}:07.250Z", 1),
        (99, "10:{n:02d}:07.000Z", 1),
        (100, "10:{n:02d}Z", 60_000),
    ],
)
def test_the_clock_of_a_stream(tmp_path: Path, posts: int, clock: str, resolution_ms: int) -> None:
    rows = [f"{number},a,2020-07-17T{clock.format(n=number % 60)},t\n" for number in range(posts)]
    ingest(tmp_path, HEADER + "".join(rows))
    merge(tmp_path, "part")
    assert table(tmp_path / "tables/posts.parquet", "DISTINCT at_resolution_ms") == [(resolution_ms,)]


def test_one_second_off_makes_it_a_second_clock_for_its_stream_only(tmp_path: Path) -> None:
    rows = [f"{number},a,2020-07-17T10:{number % 60:02d}:00Z,t\n" for number in range(200)]
    ingest(tmp_path, HEADER + "".join(rows), part="minutes", stream="minutes")
    ingest(tmp_path, HEADER + "".join(rows) + f"999,a,{WHEN},t\n", part="seconds", stream="seconds")
    merge(tmp_path, "minutes", "seconds")
    found = table(tmp_path / "tables/posts.parquet", "DISTINCT stream, at_resolution_ms")
    assert found == [("minutes", 60_000), ("seconds", 1_000)]


def test_ids_per_stream(tmp_path: Path) -> None:
    ingest(tmp_path, f"{HEADER}1,a,{WHEN},x\n", part="one", stream="one")
    ingest(tmp_path, f"{HEADER}1,a,{WHEN},y\n", part="two", stream="two")
    assert merge(tmp_path, "one", "two") == {"one": 0, "two": 0}
    assert table(tmp_path / "tables/posts.parquet", "stream, post_id") == [("one", "x:1"), ("two", "x:1")]


def test_derived_ids(tmp_path: Path) -> None:
    data = f"who,when,text\na,{WHEN},x\na,{WHEN},x\na,{WHEN},\nb,{WHEN},x\n"
    with_ordinal = {**COLUMNS, "post_id": ("account_id", "at", "text", "ordinal")}
    counts = ingest(tmp_path, data, columns=with_ordinal)
    assert (counts["stored"], counts["repeated"]) == (4, 0)
    assert merge(tmp_path, "part") == {"main": 0}
    ids = [row[0] for row in table(tmp_path / "tables/posts.parquet", "post_id")]
    assert len(set(ids)) == 4
    assert all(str(post_id).startswith("x:d-") and len(str(post_id)) == 24 for post_id in ids)
    # Without the ordinal equal rows are one post, seen twice.
    counts = ingest(tmp_path, data, part="same", columns={**COLUMNS, "post_id": ("account_id", "at", "text")})
    assert (counts["stored"], counts["repeated"]) == (4, 1)
    assert merge(tmp_path, "same") == {"main": 1}


def test_derived_ids_tell_null_from_empty_and_fields_apart(tmp_path: Path) -> None:
    data = f'who,when,text,lang\na,{WHEN},x,\na,{WHEN},,x\na,{WHEN},"x\x1f",\n'
    ingest(tmp_path, data, columns={**COLUMNS, "language": "lang", "post_id": ("account_id", "at", "text", "language")})
    assert merge(tmp_path, "part") == {"main": 0}


def test_derived_ids_tell_an_unknown_text_from_an_empty_one(tmp_path: Path) -> None:
    data = "".join(f'{{"who":"a","when":"{WHEN}","text":{text}}}\n' for text in ("null", '""', '"null"'))
    columns = {**COLUMNS, "post_id": ("account_id", "at", "text")}
    assert ingest(tmp_path, data, path="posts.jsonl", columns=columns)["repeated"] == 0


def test_statuses_are_stored_rows(tmp_path: Path) -> None:
    data = f"who,seen,state\na,{WHEN},active\nb,{WHEN},deleted\na,{WHEN},active\nc,{WHEN},odd\n"
    columns = {"account_id": "who", "observed_at": "seen", "status": "state"}
    counts = ingest(tmp_path, data, path="s.csv", format="statuses", columns=columns)
    assert (counts["rows"], counts["stored"], counts["rejected"]) == (4, 3, 1)
    merge(tmp_path, "part")
    assert table(tmp_path / "tables/statuses.parquet", "account_id, status") == [("x:a", "active"), ("x:b", "deleted")]
    assert table(tmp_path / "tables/posts.parquet") == []


def test_features(tmp_path: Path) -> None:
    rows = [
        ["1", "RT @Ana: Read  https://t.co/A #One #two #one", "", ""],
        ["2", "كتاب‌هاي ۲ @x", "Tag #TAG b", "https://www.a.org/?utm_source=x http://a.org"],
        ["3", "", "", ""],
        ["4", "كتاب‌هاي ۲ @x", "Tag #TAG b", "https://www.a.org/?utm_source=x http://a.org"],
        ["5", "#text", "[]", "[]"],
    ]
    with (tmp_path / "posts.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["id", "text", "tags", "links", "who", "when"], *([*row, "a", WHEN] for row in rows)]
        )
    ingest(
        tmp_path, (tmp_path / "posts.csv").read_text("utf-8"), columns={**COLUMNS, "hashtags": "tags", "urls": "links"}
    )
    merge(tmp_path, "part")
    tables = tmp_path / "tables"
    with Database() as db:
        store.write_features(db, tables / "posts.parquet", tables / "post_features.parquet")
    second = ("main", "کتاب های 2", ["b", "tag"], ["https://a.org"], None, None)
    found = table(tables / "post_features.parquet", order="post_id")
    assert [(row[0], *row[2:]) for row in found] == [
        (
            "main",
            "read #one #two #one",
            ["one", "two"],
            ["https://t.co/A"],
            "ana",
            "read https://t.co/a #one #two #one",
        ),
        second,
        ("main", "", [], [], None, None),
        second,
        ("main", "#text", [], [], None, None),
    ]
    assert [row[1] for row in found] == [f"x:{number}" for number in range(1, 6)]
    assert sorted(path.name for path in tables.iterdir() if path.name.startswith(".")) == []


def test_features_of_posts_without_text(tmp_path: Path) -> None:
    ingest(tmp_path, f"{HEADER}1,a,{WHEN},x\n", columns={key: COLUMNS[key] for key in ("post_id", "account_id", "at")})
    merge(tmp_path, "part")
    with Database() as db:
        store.write_features(db, tmp_path / "tables/posts.parquet", tmp_path / "features.parquet")
    assert table(tmp_path / "features.parquet") == [("main", "x:1", None, [], [], None, None)]
