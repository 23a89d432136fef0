"""What a file is, which columns it has, and what a person is told when that is not what the case file says."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from floodmark import registry
from floodmark.config import InputSpec
from floodmark.engine.duckdb import Database, quote
from floodmark.errors import IngestError, UsageError
from floodmark.registry import Record, Reject

READERS = registry.readers().items
COLUMNS = {"post_id": "id", "account_id": "who", "at": "when", "text": "text"}
WHEN = "2020-07-17T10:15:00Z"
CSV = f"id,who,when,text\n1,a,{WHEN},hello\n"
JSONL = f'{{"id":"1","who":"a","when":"{WHEN}","text":"hello"}}\n'


def read(folder: Path, name: str, data: bytes | str | None = None, **fields: object) -> list[Record | Reject]:
    if data is not None:
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    given = {"path": name, "format": "table", "platform": "x", "columns": COLUMNS, **fields}
    spec = InputSpec.model_validate(given)
    return list(READERS[spec.format].read(folder / name, spec))


def posts(items: list[Record | Reject]) -> list[dict[str, object]]:
    assert all(isinstance(item, Record) for item in items), items
    return [item.post for item in items if isinstance(item, Record) and item.post]


def parquet(folder: Path, name: str, sql: str) -> None:
    with Database() as db:
        db.execute(f"COPY ({sql}) TO {quote(str(folder / name))} (FORMAT parquet)")


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("gone.csv", None, "there is no such file; correct `path`"),
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"\xef\xbb\xbf \n", "the file is empty"),
        ("a.json", b"", "the file is empty"),
        ("a.csv", CSV.encode("utf-16"), "is UTF-16, not UTF-8; save it as UTF-8"),
        ("a.csv", CSV.encode("utf-16-le"), "full of zero bytes"),
        ("a.csv", CSV.encode("utf-32"), "UTF"),
        ("a.csv", gzip.compress(CSV.encode()), "is compressed with gzip; unpack it first"),
        ("a.jsonl", gzip.compress(JSONL.encode()), "is compressed with gzip; unpack it first"),
        ("a.csv", b"PK\x03\x04rest", "Excel workbook; unpack it, or save the sheet as CSV"),
        ("a.csv", b"PAR1rest", "is a Parquet file; rename it to .parquet"),
        ("a.parquet", CSV.encode(), "is not a Parquet file; correct its suffix"),
        ("a.parquet", b"PAR1rest", "the Parquet file cannot be read"),
        ("a.csv", JSONL.encode(), "looks like JSON, not CSV; rename it to .json or .jsonl"),
        ("a.xlsx", CSV.encode(), "the suffix '.xlsx' is not known; rename the file to one of .csv"),
        ("a.csv", CSV.replace("\n", "\r").encode(), "bare carriage return; save the file with ordinary line ends"),
        ("a.csv", b'id,"who\n1,a\n', "cannot be read as a CSV header"),
        ("a.csv", b"id,wh\xff\n1,a\n", "cannot be read as a CSV header"),
        ("a.json", b"[" + JSONL.encode() + b",", r"the JSON array is broken at line 2, column 2"),
        ("a.json", b'[{"id":"\xff"}]', "of the JSON array is not UTF-8; save the file as UTF-8"),
    ],
)
def test_files_that_are_not_what_they_should_be(tmp_path: Path, name: str, data: bytes | None, says: str) -> None:
    with pytest.raises(IngestError) as caught:
        read(tmp_path, name, data)
    assert str(caught.value).startswith(f"{name}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(IngestError, match=r"^a\.csv: the file cannot be read \(Is a directory\)"):
        read(tmp_path, "a.csv")


def test_archive_named_csv(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
        archive.writestr("posts.csv", CSV)
    with pytest.raises(IngestError, match="unpack it"):
        read(tmp_path, "a.csv")


def test_forms_of_one_table(tmp_path: Path) -> None:
    expected = posts(read(tmp_path, "a.csv", CSV))
    one = JSONL.strip()
    forms: dict[str, str | bytes] = {
        "bom.csv": b"\xef\xbb\xbf" + CSV.encode(),
        "crlf.csv": CSV.replace("\n", "\r\n"),
        "noend.csv": CSV.rstrip("\n"),
        "spaced.csv": CSV.replace("id,who", " id , who "),
        "tabs.tsv": CSV.replace(",", "\t"),
        "lines.jsonl": JSONL,
        "lines.ndjson": "\n" + JSONL + "\n",
        "lines.json": JSONL,
        "bom.jsonl": b"\xef\xbb\xbf" + JSONL.encode(),
        "array.json": f"[{one}]",
        "array.jsonl": f"[{one}]",
        "lines_of_array.jsonl": f"[\n{one}\n]\n",
        "object.json": one.replace(",", ",\n"),
        "spaces.json": f" \n [ {one} ]",
    }
    for name, data in forms.items():
        assert posts(read(tmp_path, name, data)) == expected, name
    assert posts(read(tmp_path, "semicolons.csv", CSV.replace(",", ";"), delimiter=";")) == expected
    parquet(tmp_path, "a.parquet", f"SELECT * FROM read_csv({quote(str(tmp_path / 'a.csv'))}, all_varchar = true)")
    assert posts(read(tmp_path, "a.parquet")) == expected


def test_lines_are_places_in_the_file(tmp_path: Path) -> None:
    broken = '{"id":'
    found = read(tmp_path, "a.jsonl", f"{JSONL}\n{broken}\n7\n{JSONL}")
    assert [item.line for item in found] == [1, 3, 4, 5]
    assert [item.reason for item in found if isinstance(item, Reject)] == ["bad_json", "not_an_object"]
    found = read(tmp_path, "a.json", f"[{JSONL},7,{JSONL}]")
    assert [item.line for item in found] == [1, 2, 3]
    found = read(tmp_path, "a.csv", f'id,who,when,text\n1,a,{WHEN},"two\nlines"\n\n2,a,,\n')
    assert [item.line for item in found] == [2, 5]


def test_broken_first_line_is_one_reject(tmp_path: Path) -> None:
    found = read(tmp_path, "a.jsonl", '{"id":\n' + JSONL * 2)
    assert [isinstance(item, Reject) for item in found] == [True, False, False]


def test_parquet_types(tmp_path: Path) -> None:
    sql = (
        "SELECT 629697200650592256::BIGINT AS id, 'a' AS who, TIMESTAMP '2020-07-17 14:45:00' AS \"when\","
        " 'x' || chr(0) AS text, 12.0::DOUBLE AS fans, DATE '2019-11-19' AS born, ['#a', 'b'] AS tags, true AS again,"
        " TIMESTAMPTZ '2020-07-17 10:15:00.5+00' AS zoned, NULL::VARCHAR AS lang, 1.2e18::DOUBLE AS lost,"
        " encode('گ') AS bytes"
    )
    parquet(tmp_path, "a.parquet", sql)
    columns = {
        **COLUMNS,
        "followers": "fans",
        "created_at": "born",
        "hashtags": "tags",
        "is_repost": "again",
        "observed_at": "zoned",
        "language": "lang",
        "description": "bytes",
    }
    (found,) = read(tmp_path, "a.parquet", columns=columns, zone="Asia/Tehran")
    assert isinstance(found, Record)
    assert found.post is not None
    assert found.account is not None
    post, account = found.post, found.account
    assert (post["post_id"], post["at_ms"], post["at_resolution_ms"]) == (
        "x:629697200650592256",
        1_594_980_900_000,
        1000,
    )
    assert (post["text"], post["hashtags"], post["is_repost"], post["language"]) == ("x\ufffd", ["a", "b"], True, None)
    assert (post["observed_at_ms"], account["observed_at_ms"]) == (1_594_980_900_500, 1_594_980_900_500)
    assert (account["followers"], account["created_at_ms"], account["description"]) == (12, 1_574_121_600_000, "گ")
    (lost,) = read(tmp_path, "a.parquet", columns={**COLUMNS, "post_id": "lost"}, zone="UTC")
    assert isinstance(lost, Reject)
    assert (lost.line, lost.reason, lost.field) == (1, "id_precision_lost", "post_id")
    assert "when=2020-07-17" in lost.raw
    (no_zone,) = read(tmp_path, "a.parquet")
    assert isinstance(no_zone, Reject)
    assert no_zone.reason == "missing_offset"


def test_nested_keys(tmp_path: Path) -> None:
    line = f'{{"id":"1","user":{{"id":7,"name":"Ana"}},"when":"{WHEN}","refs":[{{"id":"9"}}],"a.b":"dotted"}}\n'
    columns = {"post_id": "id", "account_id": "user.id", "at": "when", "replied_post_id": "refs.0.id", "text": "a.b"}
    (post,) = posts(read(tmp_path, "a.jsonl", line, columns=columns))
    assert (post["account_id"], post["replied_post_id"], post["text"]) == ("x:7", "x:9", "dotted")


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({**COLUMNS, "folowers": "fans"}, "`columns.folowers` is not a field of Floodmark; did you mean `followers`?"),
        ({**COLUMNS, "zzz": "fans"}, "`columns.zzz` is not a field of Floodmark; the fields are post_id, account_id"),
        (
            {**COLUMNS, "text": "txt"},
            "`columns.text`: the file has no column 'txt'; did you mean 'text'? it has: id, who",
        ),
        ({**COLUMNS, "text": ("a", "b")}, "`columns.text` must name one column of the file, not a list"),
        (
            {**COLUMNS, "post_id": ("account_id", "when")},
            "an id cannot be derived from 'when'; use any of account_id, at",
        ),
        ({"account_id": "who", "at": "when"}, "`columns.post_id` is missing"),
        ({"post_id": "id", "at": "when"}, "`columns.account_id` is missing"),
        ({}, "is missing; name the column of the file that holds it"),
    ],
)
@pytest.mark.parametrize(("name", "data"), [("a.csv", CSV), ("a.jsonl", JSONL)])
def test_mapping_mistakes(tmp_path: Path, name: str, data: str, columns: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, name, data, columns=columns)
    assert str(caught.value).startswith(f"{name}: field `columns.")
    assert says in str(caught.value)


def test_mapping_of_parquet_is_checked(tmp_path: Path) -> None:
    parquet(tmp_path, "a.parquet", "SELECT 1 AS id, 'a' AS who, 'x' AS text")
    with pytest.raises(
        UsageError, match=r"a\.parquet: field `columns.at`: the file has no column 'when'; it has: id, who"
    ):
        read(tmp_path, "a.parquet")


def test_column_twice(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the file has several columns 'text'; rename all but one"):
        read(tmp_path, "a.csv", f"id,who,when,text,text\n1,a,{WHEN},x,y\n")


def test_wrong_delimiter_is_suspected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\(is the delimiter ','\? set `delimiter`\)"):
        read(tmp_path, "a.csv", CSV.replace(",", ";"))


def test_optional_keys_may_be_rare_in_long_files(tmp_path: Path) -> None:
    rare = JSONL.replace('"who"', '"lang":"fa","who"')
    columns = {**COLUMNS, "language": "lang"}
    found = posts(read(tmp_path, "a.jsonl", JSONL * 1_500 + rare, columns=columns))
    assert [post["language"] for post in found[-2:]] == [None, "fa"]
    with pytest.raises(UsageError, match=r"no column 'lang'; it has: id, who, when, text"):
        read(tmp_path, "a.jsonl", JSONL * 900, columns=columns)
    assert posts(read(tmp_path, "a.jsonl", JSONL.replace('"who"', '"lang":null,"who"'), columns=columns))


def test_accounts_come_with_account_fields_only(tmp_path: Path) -> None:
    (bare,) = read(tmp_path, "a.csv", CSV)
    assert isinstance(bare, Record)
    assert bare.account is None
    data = f"id,who,when,text,born\n1,a,{WHEN},hello,\n"
    (found,) = read(tmp_path, "a.csv", data, columns={**COLUMNS, "created_at": "born"})
    assert isinstance(found, Record)
    assert found.account is not None
    assert (found.account["account_id"], found.account["created_at_ms"]) == ("x:a", None)
    assert found.account["observed_at_ms"] == 1_594_980_900_000


def test_observed_at_of_the_case_file(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "a.csv", CSV, columns={**COLUMNS, "handle": "who"}, observed_at="2020-08-01T00:00:00Z")
    assert isinstance(found, Record)
    assert found.post is not None
    assert found.account is not None
    assert found.post["observed_at_ms"] == found.account["observed_at_ms"] == 1_596_240_000_000
    with pytest.raises(UsageError, match="field `observed_at` has no offset"):
        read(tmp_path, "a.csv", CSV, observed_at="2020-08-01T00:00:00")


def test_statuses(tmp_path: Path) -> None:
    columns = {"account_id": "who", "status": "state", "last_post_at": "last"}
    data = f"who,state,last\na,active,{WHEN}\nb,gone,\n,active,\nc,Suspended,\n"
    fields = {"format": "statuses", "columns": columns, "observed_at": "2020-08-01T00:00:00Z"}
    found = read(tmp_path, "s.csv", data, **fields, values={"gone": "not_found"})
    statuses = [item.status for item in found if isinstance(item, Record) and item.status]
    assert [(row["account_id"], row["status"], row["last_post_at_ms"]) for row in statuses] == [
        ("x:a", "active", 1_594_980_900_000),
        ("x:b", "not_found", None),
    ]
    assert [(item.reason, item.field) for item in found if isinstance(item, Reject)] == [
        ("missing", "account_id"),
        ("unknown_status", "status"),
    ]
    with pytest.raises(UsageError, match=r"field `values`: 'gone' is mapped to 'away', which is not one of active"):
        read(tmp_path, "s.csv", data, **fields, values={"gone": "away"})
    with pytest.raises(UsageError, match=r"field `columns.observed_at` is missing"):
        read(tmp_path, "s.csv", data, format="statuses", columns=columns)


def test_archive_needs_its_columns(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"no column 'tweetid', so it is not an information-operations archive"):
        read(tmp_path, "a.csv", CSV, format="io_archive", columns={})


def test_twitter_is_json(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"Twitter v1\.1 posts are JSON, this file is not; correct `format`"):
        read(tmp_path, "a.csv", CSV, format="twitter_v1", columns={})
