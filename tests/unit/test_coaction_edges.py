"""From a file of shares to a file of edges: every row used or rejected, ids as written, files whole or untouched."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from floodmark.coaction import edges as edges_module
from floodmark.coaction.edges import EdgeSummary, parse_window, run_edges
from floodmark.engine.duckdb import Database
from floodmark.errors import FloodmarkError, UsageError

HEADER = "account_id,object_id,timestamp_share\n"
OUT_HEADER = ["account_a", "account_b", "coactions", "objects", "a_first", "b_first"]


def write(folder: Path, text: str | bytes, name: str = "shares.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, strict=True)
    assert header == OUT_HEADER
    return rows


def edges_of(shares: Path, **options: object) -> list[list[str]]:
    out = shares.parent / "edges.csv"
    run_edges(shares, out=out, **{"window_ms": 60_000, **options})  # type: ignore[arg-type]
    return rows_of(out)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("text", "window_ms"),
    [
        ("60s", 60_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("250ms", 250),
        ("0s", 0),
        ("1d", 86_400_000),
        (" 7s ", 7000),
    ],
)
def test_windows_are_numbers_with_a_unit(text: str, window_ms: int) -> None:
    assert parse_window(text) == window_ms


@pytest.mark.parametrize("text", ["", "60", "-1s", "1.5s", "1e3s", "s", "60 s", "60sec", "٦٠s", "1" * 13 + "s"])
def test_other_windows_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"--window: .* such as 60s"):
        parse_window(text)


def test_ids_stay_text_exactly_as_written(tmp_path: Path) -> None:
    ids = [
        "007",
        "7",
        "18446744073709551617",
        "1e3",
        'say "hi"',
        "a,b",
        "two\nlines",
        " blank ",
        "NULL",
        "علی",
        "=1+1",
        "Z",
        "é",
    ]
    lines = "".join(f'"{i.replace(chr(34), chr(34) * 2)}",o,{k}\n' for k, i in enumerate(ids))
    got = edges_of(write(tmp_path, HEADER + lines))
    by_bytes = sorted(ids, key=str.encode)
    expected = [(a, b) for i, a in enumerate(by_bytes) for b in by_bytes[i + 1 :]]
    assert [(a, b) for a, b, *_ in got] == expected
    assert all(row[2:4] == ["1", "1"] for row in got)
    assert all((row[4] == "1") == (ids.index(row[0]) < ids.index(row[1])) for row in got)


@pytest.mark.parametrize("out", ["edges.csv", "edges.parquet", "EDGES.CSV"])
def test_csv_and_parquet_hold_the_same(tmp_path: Path, out: str) -> None:
    parquet = tmp_path / "shares.parquet"
    with Database() as db:
        db.execute("CREATE TABLE t (who UBIGINT, what VARCHAR, seen TIMESTAMPTZ)")
        db.execute(
            "INSERT INTO t VALUES (18446744073709551615, 'o', '2020-07-17 00:00:00.4999+00'), "
            "(7, 'o', '2020-07-17 04:30:01.499999+04:30'), (8, 'o', '1969-12-31 23:59:59.9995+00'), "
            "(9, 'o', '1970-01-01 00:00:00+00'), (NULL, 'o', '2020-07-17 00:00:00+00'), (7, 'o', 'infinity')"
        )
        db.execute(f"SET preserve_insertion_order = true; COPY t TO '{parquet}' (FORMAT parquet)")
    summary = run_edges(
        parquet, window_ms=1000, out=tmp_path / out, account_column="who", object_column="what", time_column="seen"
    )
    with Database() as db:
        reader = f"read_{out[-7:].lower()}" if out.endswith("parquet") else "read_csv"
        source = f"{reader}('{tmp_path / out}'{'' if 'parquet' in reader else ', all_varchar = true'})"
        got = db.rows(f"SELECT * FROM {source}")
        names = [name for name, *_ in db.rows(f"DESCRIBE SELECT * FROM {source}")]
    assert names == OUT_HEADER
    assert [tuple(map(str, row)) for row in got] == [
        ("18446744073709551615", "7", "1", "1", "1", "0"),
        ("8", "9", "1", "1", "1", "0"),
    ]
    assert (summary.rows, summary.used, summary.rejected) == (6, 4, 2)
    assert summary.rejects is not None
    assert summary.rejects.read_text() == (
        "line,reason,field,detail\n5,empty_account,who,\n6,unreadable_time,seen,infinity\n"
    )


def test_parquet_names_are_text_again_whatever_they_hold(tmp_path: Path) -> None:
    ids = ["007", 'say "hi"', "a,b", "two\r\nlines", " blank", ' "odd', "NULL", "é"]
    lines = "".join(f'"{i.replace(chr(34), chr(34) * 2)}",o,5\n' for i in ids)
    run_edges(write(tmp_path, HEADER + lines), window_ms=0, out=tmp_path / "e.parquet")
    with Database() as db:
        got = db.rows(f"SELECT account_a, account_b FROM read_parquet('{tmp_path / 'e.parquet'}')")
    by_bytes = sorted(ids, key=str.encode)
    assert sorted(got) == sorted((a, b) for i, a in enumerate(by_bytes) for b in by_bytes[i + 1 :])


@pytest.mark.parametrize("clean", [True, False], ids=["read by DuckDB", "read row by row"])
@pytest.mark.parametrize(
    "said",
    [
        "2020-07-17T18:30:00+04:30",
        "2020-07-17 18:30:00+0430",
        "2020-07-17T14:00:00Z",
        "2020-07-17t14:00:00z",
        "2020-07-17 14:00:00 UTC",
        "2020-07-17 14:00 +00",
        "2020-07-17 07:00:00 -0700",
        "2020-07-17T14:00:00.000999Z",
        "2020-07-17T14:00:00,0Z",
        "+1594994400",
        "001594994400",
        " 1594994400 ",
    ],
)
def test_one_moment_in_all_accepted_spellings(tmp_path: Path, said: str, clean: bool) -> None:
    spoiler = "" if clean else "x,,1594994400\n"
    text = f'{HEADER}a,o,1594994400\nb,o,"{said}"\n{spoiler}'
    assert edges_of(write(tmp_path, text), window_ms=0) == [["a", "b", "1", "1", "0", "0"]]


@pytest.mark.parametrize(
    ("said", "at_ms"),
    [
        ("1969-12-31T23:59:59.9996Z", -1),
        ("1969-12-31T23:59:59.9Z", -100),
        ("0001-01-02T00:00:00.001+14:00", -62_135_560_799_999),
        ("2024-02-29T12:00:00.123456789-05:30", 1_709_227_800_123),
    ],
)
def test_fractions_are_kept_to_the_millisecond_and_cut_off_below(tmp_path: Path, said: str, at_ms: int) -> None:
    text = f"{HEADER}a,o,{said}\nb,o,{at_ms}\n"
    assert edges_of(write(tmp_path, text), window_ms=0, time_unit="ms") == [["a", "b", "1", "1", "0", "0"]]


def test_integer_times_are_seconds_unless_told_otherwise(tmp_path: Path) -> None:
    shares = write(tmp_path, HEADER + "a,o,-1\nb,o,1\n")
    assert edges_of(shares, window_ms=1999) == []
    assert edges_of(shares, window_ms=2000) == [["a", "b", "1", "1", "1", "0"]]
    assert edges_of(shares, window_ms=2, time_unit="ms") == [["a", "b", "1", "1", "1", "0"]]


BAD = (
    "﻿account_id,text,object_id,timestamp_share\n"
    "a,,o,100\n"
    ",,o,100\n"
    'b,"two\nlines",o,101\n'
    "c,,,102\n"
    "d,,o\n"
    "\n"
    "e,,o,102,extra\n"
    "e,,o,102,,\n"
    "f,,o,\n"
    "g,,o,yesterday\n"
    "h,,o,12.5\n"
    "i,,o,9999999999999999\n"
    "j,,o,2020-02-30T00:00:00Z\n"
    'k,"x"y,o,1\n'
    "l,,o,103"
)


def test_every_row_is_used_or_rejected_with_its_line_and_reason(tmp_path: Path) -> None:
    shares = write(tmp_path, BAD)
    summary = run_edges(shares, window_ms=1000, out=tmp_path / "edges.csv")
    assert rows_of(tmp_path / "edges.csv") == [
        ["a", "b", "1", "1", "1", "0"],
        ["b", "e", "1", "1", "1", "0"],
        ["e", "l", "1", "1", "1", "0"],
    ]
    assert summary.rejects == tmp_path / "edges.csv.rejects.csv"
    with summary.rejects.open(newline="") as file:
        assert [tuple(row) for row in csv.reader(file)] == [
            ("line", "reason", "field", "detail"),
            ("3", "empty_account", "account_id", ""),
            ("6", "empty_object", "object_id", ""),
            ("7", "ragged_row", "", "3 fields where the header has 4"),
            ("9", "ragged_row", "", "5 fields where the header has 4"),
            ("11", "empty_time", "timestamp_share", ""),
            ("12", "unreadable_time", "timestamp_share", "yesterday"),
            ("13", "unreadable_time", "timestamp_share", "12.5"),
            ("14", "time_out_of_range", "timestamp_share", "9999999999999999"),
            ("15", "unreadable_time", "timestamp_share", "2020-02-30T00:00:00Z"),
            ("16", "malformed_row", "", "',' expected after '\"'"),
        ]
    assert (summary.rows, summary.used, summary.rejected) == (14, 4, 10)
    assert list(summary.reasons.items())[:2] == [("unreadable_time", 3), ("ragged_row", 2)]
    assert sum(summary.reasons.values()) == summary.rejected
    assert "14 rows, 4 used, 10 rejected" in str(summary)
    assert "ragged_row 2" in str(summary)


def test_rejects_of_an_earlier_run_do_not_outlive_it(tmp_path: Path) -> None:
    run_edges(write(tmp_path, BAD), window_ms=1000, out=tmp_path / "edges.csv")
    run_edges(write(tmp_path, HEADER + "a,o,1\n"), window_ms=1000, out=tmp_path / "edges.csv")
    assert sorted(files(tmp_path)) == ["edges.csv", "shares.csv"]


def random_shares(seed: int, rows: int = 3000) -> list[str]:
    draw = random.Random(seed)
    return [f"{draw.randrange(60)},{draw.choice('opqrst')},{draw.randrange(4000)}\n" for _ in range(rows)]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_output_has_the_same_bytes_for_any_order_of_rows_and_any_threads(tmp_path: Path, suffix: str) -> None:
    lines = random_shares(1)
    outputs = set()
    for seed, threads in ((0, 1), (1, 2), (2, 5), (3, None)):
        random.Random(seed).shuffle(lines)
        shares = write(tmp_path, HEADER + "".join(lines))
        run_edges(shares, window_ms=30_000, out=tmp_path / f"e.{suffix}", min_objects=2, threads=threads)
        outputs.add((tmp_path / f"e.{suffix}").read_bytes())
    assert len(outputs) == 1
    assert len(outputs.pop()) > 1000


def test_a_large_parquet_output_is_sorted_too(tmp_path: Path) -> None:
    names = [f"{i:03d}" for i in range(800)]
    shares = write(tmp_path, HEADER + "".join(f"{name},o,1\n" for name in names))
    summary = run_edges(shares, window_ms=0, out=tmp_path / "e.parquet")
    with Database() as db:
        db.execute("SET preserve_insertion_order = true")
        got = db.arrays(f"SELECT account_a, account_b FROM read_parquet('{tmp_path / 'e.parquet'}')")
    pairs = list(zip(got["account_a"].tolist(), got["account_b"].tolist(), strict=True))
    assert len(pairs) == summary.edges == 800 * 799 // 2
    assert pairs == [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]


def test_the_summary_counts_what_the_file_holds(tmp_path: Path) -> None:
    shares = write(tmp_path, HEADER + "".join(random_shares(2)))
    summary = run_edges(shares, window_ms=30_000, out=tmp_path / "e.csv", min_objects=3)
    rows = rows_of(tmp_path / "e.csv")
    assert (summary.accounts, summary.objects, summary.rejects) == (60, 6, None)
    assert summary.edges == len(rows) > 100
    assert summary.coactions == sum(int(row[2]) for row in rows)
    assert min(int(row[3]) for row in rows) == 3


MISSING = "there is no such column; the file has: account_id, object_id, timestamp_share; name the right ones with"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (HEADER + "a,o,1\n", {"account_column": "user"}, f"column `user`: {MISSING}"),
        ("a;b;c\n1;2;3\n", {}, "the file has: a;b;c"),
        (
            "account_id,object_id,account_id,timestamp_share\n1,2,3,4\n",
            {},
            "column `account_id`: there are 2 such columns",
        ),
        ("", {}, "the file is empty"),
        (HEADER, {}, "there is a header but no row"),
        (
            HEADER + "a,o,x\n,o,1\n",
            {},
            "none of the 2 rows can be used; the first, in line 2, column `timestamp_share`: ",
        ),
        (HEADER + "a,o\n", {}, "none of the 1 rows can be used; the first, in line 2: ragged_row"),
        (HEADER + "a,o,1\nb,o,2020-07-17 10:00:00\n", {}, "'2020-07-17 10:00:00' in line 3 has no offset from UTC"),
        (HEADER + "a,o,1\n\nb,o,2020-07-17\n", {}, "'2020-07-17' in line 4 has no offset from UTC"),
        (HEADER + 'a,o,1\n"b,o,2\nc,o,3\n', {}, "line 3 opens a quote that is never closed"),
        (HEADER.encode() + b"a,o,1\n\xe9,o,2\n", {}, "is not UTF-8; save the file as UTF-8"),
        ((HEADER + "a,o,1\n").encode("utf-16"), {}, "is not UTF-8; save the file as UTF-8"),
        (HEADER + "a,o,1\n", {"min_objects": 0}, "--min-objects: 0 is below 1"),
        (HEADER + "a,o,1\n", {"window_ms": -1}, "the window is -1 ms"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence_and_nothing_changes(
    tmp_path: Path, text: str | bytes, options: dict[str, object], message: str
) -> None:
    shares, out = write(tmp_path, text), tmp_path / "edges.csv"
    out.write_bytes(b"old")
    (tmp_path / "edges.csv.rejects.csv").write_bytes(b"old rejects")
    before = files(tmp_path)
    with pytest.raises(UsageError) as refusal:
        run_edges(shares, out=out, **{"window_ms": 1000, **options})  # type: ignore[arg-type]
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "SELECT 'a' AS account_id, 'o' AS object_id, TIMESTAMP '2020-01-01' AS timestamp_share",
            "is TIMESTAMP; times must be",
        ),
        ("SELECT 'a' AS account_id, 'o' AS object_id, 1.5::DOUBLE AS timestamp_share", "is DOUBLE; times must be"),
        ("SELECT 1.5::DOUBLE AS account_id, 'o' AS object_id, 1 AS timestamp_share", "is DOUBLE; ids must be"),
        ("SELECT 'a' AS account_id, ['o'] AS object_id, 1 AS timestamp_share", "is VARCHAR[]; ids must be"),
        ("SELECT 'a' AS account_id, 'o' AS object_id, 1 AS seen", "column `timestamp_share`: there is no such column"),
        (
            "SELECT 'a' AS account_id, 'o' AS object_id, '2020-01-01' AS timestamp_share",
            "'2020-01-01' in line 1 has no",
        ),
    ],
)
def test_parquet_columns_of_the_wrong_type_are_refused(tmp_path: Path, sql: str, message: str) -> None:
    with Database() as db:
        db.write_parquet(sql, tmp_path / "shares.parquet")
    with pytest.raises(UsageError) as refusal:
        run_edges(tmp_path / "shares.parquet", window_ms=1000, out=tmp_path / "edges.csv")
    assert message in str(refusal.value)
    assert sorted(files(tmp_path)) == ["shares.parquet"]


def test_wrong_paths_are_refused(tmp_path: Path) -> None:
    shares = write(tmp_path, HEADER + "a,o,1\n")
    cases: list[tuple[Path, Path, str]] = [
        (tmp_path / "none.csv", tmp_path / "e.csv", "there is no such file"),
        (write(tmp_path, "x", "s.txt"), tmp_path / "e.csv", "the suffix '.txt' says neither .csv nor .parquet"),
        (write(tmp_path, "x", "s.parquet"), tmp_path / "e.csv", "not a readable Parquet file"),
        (shares, tmp_path / "e.json", "the suffix '.json' says neither .csv nor .parquet"),
        (shares, tmp_path / "no" / "e.csv", "there is no folder"),
        (shares, shares, "the output would replace the input"),
        (write(tmp_path, HEADER, "e.csv.rejects.csv"), tmp_path / "e.csv", "the output would replace the input"),
    ]
    before = files(tmp_path)
    for source, out, message in cases:
        with pytest.raises(UsageError, match=message):
            run_edges(source, window_ms=1, out=out)
    assert files(tmp_path) == before


def test_a_name_that_looks_like_a_pattern_is_only_itself(tmp_path: Path) -> None:
    write(tmp_path, HEADER + "x,o,1\ny,o,1\n", "s1.csv")
    for name in ("s[1].csv", "s*.csv", "s?.csv"):
        assert edges_of(write(tmp_path, HEADER + "a,o,1\nb,o,1\n", name)) == [["a", "b", "1", "1", "0", "0"]]
    with Database() as db:
        for name, who in (("p1.parquet", "x"), ("p[1].parquet", "a")):
            db.execute(
                f"CREATE OR REPLACE TABLE t AS SELECT unnest(['{who}', '{who}{who}']) AS account_id, 'o' AS object_id"
            )
            db.write_parquet("SELECT *, 1 AS timestamp_share FROM t", tmp_path / name)
    assert edges_of(tmp_path / "p[1].parquet") == [["a", "aa", "1", "1", "0", "0"]]


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares, out = write(tmp_path, HEADER + "a,o,1\nb,o,1\n"), tmp_path / "edges.parquet"
    out.write_bytes(b"old")
    before = files(tmp_path)

    def disk_full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(edges_module, "_csv_to_parquet", disk_full)
    with pytest.raises(FloodmarkError, match=r"edges\.parquet: cannot be written \(No space left on device\)"):
        run_edges(shares, window_ms=1, out=out)
    assert files(tmp_path) == before


def test_a_summary_reads_as_a_sentence() -> None:
    summary = EdgeSummary(3, 3, 0, {}, 2, 1, 1, 2, Path("e.csv"), None)
    assert str(summary) == "3 rows, 3 used, 0 rejected; 2 accounts, 1 objects; 1 edges with 2 co-actions in e.csv"


def test_times_in_the_other_unit_are_refused_with_the_option_that_reads_them(tmp_path: Path) -> None:
    seconds = f"{HEADER}a,o,1594994400\nb,o,1594994410\n"
    millis = f"{HEADER}a,o,1594994400000\nb,o,1594994410000\n"
    for text, unit, other in ((millis, "s", "ms"), (seconds, "ms", "s")):
        with pytest.raises(UsageError, match=rf"`timestamp_share`.*{other} in 2020; add --time-unit {other}$"):
            edges_of(write(tmp_path, text), time_unit=unit)
    assert edges_of(write(tmp_path, seconds), time_unit="s") == edges_of(write(tmp_path, millis), time_unit="ms")
