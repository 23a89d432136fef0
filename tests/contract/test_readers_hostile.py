"""Hostile input: nothing crashes, nothing disappears, everything is bounded."""

from __future__ import annotations

import csv
import io
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from floodmark import registry
from floodmark.config import InputSpec
from floodmark.engine.duckdb import Database
from floodmark.errors import IngestError
from floodmark.ingest import store
from floodmark.ingest.csv_source import CsvSource
from floodmark.ingest.sources import MAX_FIELD_CHARS, MAX_ROW_BYTES
from floodmark.registry import Record, Reject
from floodmark.textfold import extract_hashtags, extract_mentions, extract_urls, fold_hashtag, fold_text, normalise_url

READERS = registry.readers().items
COLUMNS = {"post_id": "id", "account_id": "who", "at": "when", "text": "text"}
WHEN = "2020-07-17T10:15:00Z"


def table(folder: Path, name: str, data: bytes) -> list[Record | Reject]:
    (folder / name).write_bytes(data)
    return list(READERS["table"].read(folder / name, spec(name)))


def spec(name: str) -> InputSpec:
    return InputSpec.model_validate({"path": name, "format": "table", "platform": "x", "columns": COLUMNS})


def as_csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([list(COLUMNS.values()), *rows])
    return text.getvalue().encode()


def texts(items: list[Record | Reject]) -> list[object]:
    return [item.post["text"] for item in items if isinstance(item, Record) and item.post]


def outcomes(items: list[Record | Reject]) -> list[str]:
    return [item.reason if isinstance(item, Reject) else "stored" for item in items]


def json_verdict(folder: Path, suffix: str, data: bytes) -> str:
    """Return whether a file is accepted as JSON; the reader has no use for what is valid but no post."""
    (folder / f"case{suffix}").write_bytes(data)
    try:
        found = list(READERS["twitter_v1"].read(folder / f"case{suffix}", InputSpec(path="case", format="twitter_v1")))
    except IngestError:
        return "refused"
    assert not any(isinstance(item, Record) for item in found)
    return "refused" if {"bad_json", "not_utf8"} & set(outcomes(found)) else "accepted"


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_json_test_suite(shared: Path, tmp_path: Path, suffix: str) -> None:
    files = sorted((shared / "corpora/jsontestsuite/test_parsing").glob("*.json"))
    verdicts = {file.name: json_verdict(tmp_path, suffix, file.read_bytes()) for file in files}
    assert [name for name, verdict in verdicts.items() if name[0] == "y" and verdict != "accepted"] == []
    assert [name for name, verdict in verdicts.items() if name[0] == "n" and verdict != "refused"] == []
    assert [sum(name[0] == kind for name in verdicts) for kind in "yni"] == [95, 188, 35]


def test_csv_spectrum(shared: Path) -> None:
    folder = shared / "corpora/csv-spectrum"
    files = sorted((folder / "csvs").glob("*.csv"))
    for file in files:
        data = file.read_bytes()
        if "_crlf" in file.stem and b"\r" not in data:  # some copies lost it to a conversion of line ends
            data = data.replace(b"\n", b"\r\n")
        source = CsvSource(io.BufferedReader(io.BytesIO(data)), file.name, ",")  # type: ignore[arg-type]
        rows = [dict(zip(source.columns, item[1], strict=True)) for item in source.rows() if isinstance(item, tuple)]
        assert rows == json.loads((folder / "json" / f"{file.stem}.json").read_text("utf-8")), file.name
    assert len(files) == 11


@pytest.mark.parametrize("name", ["posts.csv", "posts.jsonl", "posts.json"])
def test_naughty_strings_come_back_unchanged(shared: Path, tmp_path: Path, name: str) -> None:
    naughty = json.loads((shared / "corpora/blns/blns.json").read_bytes())
    assert len(naughty) == 515
    rows = [[str(number), "a", WHEN, text] for number, text in enumerate(naughty)]
    objects = [dict(zip(COLUMNS.values(), row, strict=True)) for row in rows]
    data = {
        "posts.csv": as_csv(rows),
        "posts.jsonl": b"\n".join(orjson.dumps(item) for item in objects),
        "posts.json": orjson.dumps(objects),
    }[name]
    (tmp_path / name).write_bytes(data)
    with Database() as db:
        counts = store.ingest_input(db, spec(name), tmp_path / name, READERS["table"], tmp_path / "part")
        store.merge_base_tables(db, [("main", tmp_path / "part")], tmp_path / "tables")
        store.write_features(db, tmp_path / "tables/posts.parquet", tmp_path / "tables/post_features.parquet")
        stored = dict(
            db.rows("SELECT post_id, text FROM read_parquet($p)", {"p": str(tmp_path / "tables/posts.parquet")})
        )
    assert (counts["rows"], counts["stored"], counts["rejected"]) == (515, 515, 0)
    # NUL is the one character that cannot be kept.
    assert [stored[f"x:{number}"] for number in range(515)] == [text.replace("\0", "\ufffd") for text in naughty]


def hostile(shared: Path) -> Iterator[tuple[str, str]]:
    for line in (shared / "corpora/own/hostile_posts.jsonl").read_bytes().splitlines():
        item = json.loads(line)  # the standard library keeps lone surrogates
        yield item["kind"], item["text"]


def test_hostile_posts(shared: Path, tmp_path: Path) -> None:
    posts = list(hostile(shared))
    lines = [
        json.dumps({"id": str(number), "who": "a", "when": WHEN, "text": text}).encode()
        for number, (_, text) in enumerate(posts)
    ]
    found = texts(table(tmp_path, "posts.jsonl", b"\n".join(lines)))
    assert found == [
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")
        for _, text in posts
    ]
    assert len(found) == 86
    for text in map(str, found):
        folded = fold_text(text)
        assert fold_text(folded) == folded
        for function in (extract_hashtags, extract_urls, extract_mentions, fold_hashtag, normalise_url):
            function(text).__len__()


def test_invisible_characters_do_not_part_texts(shared: Path) -> None:
    invisible = [fold_text(text) for kind, text in hostile(shared) if kind == "invisible"]
    assert set(invisible) <= {"vote", "hashtag #vote", "tag chars", ""}
    assert invisible.count("vote") >= 6


def test_ids_stay_the_same_string(shared: Path, tmp_path: Path) -> None:
    ids = [text for kind, text in hostile(shared) if kind == "id_coercion"]
    found = table(tmp_path, "posts.csv", as_csv([[number, number, WHEN, ""] for number in ids]))
    posts = [item.post for item in found if isinstance(item, Record) and item.post]
    assert [(post["post_id"], post["account_id"]) for post in posts] == [(f"x:{text}", f"x:{text}") for text in ids]


def test_ids_that_lost_digits_are_refused(tmp_path: Path) -> None:
    lost = ["1.2e+18", "1.2079e+18", "1e+21", "629697200650592256.0"[:14] + ".0", "12.0", "1.2E18"]
    found = table(tmp_path, "posts.csv", as_csv([[text, "a", WHEN, ""] for text in lost]))
    assert outcomes(found) == ["id_precision_lost"] * len(lost)
    lines = b"\n".join(
        b'{"id":%s,"who":"a","when":"%s","text":""}' % (text, WHEN.encode())
        for text in (b"1.0", b"1.2e18", b"123456789012345678901234567890", b"true", b"[1]", b"629697200650592256")
    )
    found = table(tmp_path, "posts.jsonl", lines)
    assert outcomes(found) == ["id_precision_lost"] * 3 + ["bad_id"] * 2 + ["stored"]
    last = found[-1]
    assert isinstance(last, Record)
    assert last.post
    assert last.post["post_id"] == "x:629697200650592256"


def test_broken_rows_do_not_take_others_with_them(tmp_path: Path) -> None:
    data = b"".join(
        (
            b"id,who,when,text\n",
            b"1,a,%s,ok\n" % WHEN.encode(),
            b"2,a,%s,not \xff utf-8\n" % WHEN.encode(),
            b"3,a,%s\n" % WHEN.encode(),
            b"\n",
            b'4,a,%s,"a ""quoted""\r\nline"\n' % WHEN.encode(),
            b'5,a,%s,"never closed\n' % WHEN.encode(),
            b"6,a,%s,ok\n" % WHEN.encode(),
            b"7,a,%s,nul \0 inside\n" % WHEN.encode(),
            b'8,a,%s,"closed"oddly\n' % WHEN.encode(),
            b"9,a,%s,last" % WHEN.encode(),
        )
    )
    found = table(tmp_path, "posts.csv", data)
    assert [(item.line, outcome) for item, outcome in zip(found, outcomes(found), strict=True)] == [
        (2, "stored"),
        (3, "not_utf8"),
        (4, "ragged"),
        (6, "stored"),
        (8, "csv_syntax"),
        (9, "stored"),
        (10, "stored"),
        (11, "csv_syntax"),
        (12, "stored"),
    ]
    assert texts(found) == ["ok", 'a "quoted"\r\nline', "ok", "nul \ufffd inside", "last"]
    ragged = next(item for item in found if isinstance(item, Reject) and item.reason == "ragged")
    assert ragged.raw == f"3,a,{WHEN}\n"


def test_a_quote_that_is_never_closed_loses_one_line_only(tmp_path: Path) -> None:
    rows = [[str(number), "a", WHEN, "text"] for number in range(5_000)]
    data = as_csv(rows).replace(b"\r\n10,a,", b'\r\n10,"a,')
    found = table(tmp_path, "posts.csv", data)
    assert outcomes(found) == ["stored"] * 10 + ["csv_syntax"] + ["stored"] * 4_989


def test_a_huge_post_cannot_pass_its_text_for_rows(tmp_path: Path) -> None:
    forged = f"\n666,victim,{WHEN},forged\n"
    body = "x" * (MAX_ROW_BYTES // 2) + forged + "y" * MAX_ROW_BYTES + forged
    data = as_csv([["1", "a", WHEN, "before"], ["2", "a", WHEN, body], ["3", "a", WHEN, "after"]])
    found = table(tmp_path, "posts.csv", data)
    assert outcomes(found) == ["stored", "row_too_large", "stored"]
    assert texts(found) == ["before", "after"]
    assert isinstance(found[1], Reject)
    assert len(found[1].raw) == 2_000


def test_a_quote_open_over_thousands_of_lines_and_megabytes_is_an_error(tmp_path: Path) -> None:
    rows = [[str(number), "a", WHEN, "t" * 2_000] for number in range(9_000)]
    data = as_csv(rows).replace(b"\r\n10,a,", b'\r\n10,"a,')
    with pytest.raises(
        IngestError, match=r"a quote that opens on line 12 is not closed by line [\d]+; correct the quoting"
    ):
        table(tmp_path, "posts.csv", data)


def test_fields_over_the_cap_are_rejects(tmp_path: Path) -> None:
    longest, too_long = "x" * MAX_FIELD_CHARS, "x" * (MAX_FIELD_CHARS + 1)
    found = table(tmp_path, "posts.csv", as_csv([["1", "a", WHEN, longest], ["2", "a", WHEN, too_long]]))
    assert outcomes(found) == ["stored", "field_too_large"]
    lines = [orjson.dumps({"id": "1", "who": "a", "when": WHEN, "text": text}) for text in (longest, too_long)]
    assert outcomes(table(tmp_path, "posts.jsonl", b"\n".join(lines))) == ["stored", "field_too_large"]


BOMB = """
import resource, sys
from pathlib import Path
from floodmark import registry
from floodmark.config import InputSpec
name = sys.argv[1]
columns = {"post_id": "id", "account_id": "who", "at": "when", "text": "text"}
spec = InputSpec(path=name, format="table", columns=columns)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = list(registry.readers().items["table"].read(Path(name), spec))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
reasons = [getattr(item, "reason", "stored") for item in found]
print(reasons, max(len(getattr(item, "raw", "")) for item in found), grown)
"""


@pytest.mark.parametrize("name", ["posts.csv", "posts.jsonl"])
def test_a_field_of_100_mb_is_one_reject_in_little_memory(tmp_path: Path, name: str) -> None:
    huge = b"x" * 100_000_000
    if name.endswith("csv"):
        data = b"id,who,when,text\n1,a,%s," % WHEN.encode() + huge + b"\n2,a,%s,ok\n" % WHEN.encode()
    else:
        small = orjson.dumps({"id": "2", "who": "a", "when": WHEN, "text": "ok"})
        data = b'{"id":"1","who":"a","when":"x","text":"' + huge + b'"}\n' + small + b"\n"
    (tmp_path / name).write_bytes(data)
    done = subprocess.run([sys.executable, "-c", BOMB, name], cwd=tmp_path, capture_output=True, text=True, check=True)
    reasons, raw, grown_kb = done.stdout.rsplit(" ", 2)
    assert reasons == "['row_too_large', 'stored']"
    assert int(raw) == 2_000
    assert int(grown_kb) < 120_000


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_100_000_levels_of_nesting(tmp_path: Path, opening: bytes, closing: bytes) -> None:
    deep = opening * 100_000 + b"1" + closing * 100_000
    good = orjson.dumps({"id": "1", "who": "a", "when": WHEN, "text": "ok"})
    found = table(tmp_path, "posts.jsonl", good + b'\n{"id":"2","who":"a","when":"x","text":' + deep + b"}\n" + good)
    assert outcomes(found) == ["stored", "bad_json", "stored"]
    with pytest.raises(IngestError, match="the JSON array is broken at line 1"):
        table(tmp_path, "posts.json", b"[" + deep + b"]")
    # Deep, but still JSON: refused as text, and shown without a RecursionError.
    found = table(
        tmp_path,
        "posts.jsonl",
        b'{"id":"2","who":"a","when":"%s","text":' % WHEN.encode() + b"[" * 900 + b"]" * 900 + b"}",
    )
    assert outcomes(found) == ["not_text"]


@pytest.mark.parametrize(
    "name", ["bomb_1GiB.jsonl.gz", "bomb_1GiB.zip", "bomb_overlap_1000x64MiB.zip", "symlink_entry.zip"]
)
@pytest.mark.parametrize("pretended", ["posts.csv", "posts.jsonl", "posts.parquet"])
def test_archives_are_never_unpacked(shared: Path, tmp_path: Path, name: str, pretended: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(IngestError, match=f"^{pretended}: the file is (compressed|a ZIP archive).*unpack it"):
        table(tmp_path, pretended, (shared / "corpora/own" / name).read_bytes())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
