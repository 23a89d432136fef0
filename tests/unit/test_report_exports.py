"""CSV exports: machines get back exactly what was written, spreadsheets get nothing that runs."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floodmark.engine.duckdb import Database
from floodmark.errors import EngineError, EvidenceError
from floodmark.findings import Evidence, Finding, as_json, not_testable
from floodmark.report.exports import (
    harmless,
    read_findings_csv,
    write_findings_csv,
    write_findings_spreadsheet_csv,
    write_table_csv,
)

# What findings.json can hold: any text but lone surrogates (orjson refuses those), numbers rounded to 6 digits.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
NUMBER = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
DETAILS = st.dictionaries(
    TEXT, st.none() | st.booleans() | NUMBER | TEXT | st.lists(NUMBER | TEXT, max_size=3), max_size=3
)
FINDING = st.builds(
    Finding,
    id=TEXT,
    measure=TEXT,
    subject=TEXT,
    claim=TEXT,
    value=st.one_of(st.none(), TEXT, NUMBER),
    unit=st.sampled_from(["count", "posts", "text", "share"]),
    low=st.none(),
    high=st.none(),
    state=st.just("untested"),
    method=TEXT,
    evidence=st.builds(Evidence, st.tuples(TEXT), TEXT, st.integers(0, 10**9), st.tuples(TEXT, TEXT)),
    limits=st.tuples(TEXT),
    confidence=st.sampled_from(["none", "low", "moderate", "high"]),
    alternatives=st.tuples(TEXT, TEXT),
    details=DETAILS,
)
FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\uff1d1+1",
    "\uff0b1",
    '=HYPERLINK("http://127.0.0.1:1/"&A1,"x")',
    "=cmd|' /C calc'!A0",
    ";=1+1",
    "a\n=1+1",
    'a";=1+1',
    "-2-3+cmd|' /C calc'!A0",
)


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FINDING, max_size=4))
def test_the_machine_csv_round_trips_exactly(tmp_path: Path, findings: list[Finding]) -> None:
    objects = [as_json(finding) for finding in findings]
    write_findings_csv(tmp_path / "f.csv", objects)
    back = read_findings_csv(tmp_path / "f.csv")
    assert json.dumps(back, sort_keys=True) == json.dumps(objects, sort_keys=True)


def test_the_machine_csv_is_rfc_4180(tmp_path: Path) -> None:
    finding = as_json(not_testable("M2.x.a", "M2", "a", 'two "words", a\nbreak', "count", "no baseline", "more posts"))
    write_findings_csv(tmp_path / "f.csv", [finding])
    content = (tmp_path / "f.csv").read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf")
    assert content.endswith(b"\r\n")
    assert b'"two ""words"", a\nbreak"' in content
    assert all(len(row) == 16 for row in cells(tmp_path / "f.csv"))


def test_text_that_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    texts = ["12", "null", "1e5", "007", "", "true", "[1]"]
    plain = as_json(not_testable("M1.x", "M1", "collection", "c", "text", "m", "s"))
    objects: list[dict[str, Any]] = [{**plain, "value": text, "claim": text} for text in texts]
    write_findings_csv(tmp_path / "f.csv", objects)
    back = read_findings_csv(tmp_path / "f.csv")
    assert [item["value"] for item in back] == texts
    assert [item["claim"] for item in back] == texts


@pytest.mark.parametrize("damage", ["id,other\r\n1,2\r\n", "", "cut"])
def test_a_file_that_is_no_export_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "f.csv"
    write_findings_csv(path, [as_json(not_testable("M1.x", "M1", "collection", "c", "text", "m", "s"))])
    path.write_text(path.read_text(encoding="utf-8")[:-30] if damage == "cut" else damage, encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"f\.csv"):
        read_findings_csv(path)


def starts_a_formula(cell: str) -> bool:
    """What Excel or LibreOffice may evaluate, by the OWASP list, wherever a cell could begin in some locale."""
    number = re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", cell, re.ASCII)
    pieces = re.split(r"[;\t\r\n]", cell)
    signs = tuple("=+-@＝＋－＠")
    first = cell[:1] in {"\t", "\r", "\n"}
    return number is None and (
        first or any(piece.lstrip(" \"'").startswith(signs) and not _guarded(piece) for piece in pieces)
    )


def _guarded(piece: str) -> bool:
    return piece.lstrip(' "').startswith("'")


@given(st.text(max_size=30) | st.text("=+-@\t\r\n; \"'1a", max_size=12) | st.sampled_from(FORMULAS))
def test_no_cell_starts_a_formula(text: str) -> None:
    safe = harmless(text)
    assert isinstance(safe, str)
    assert not starts_a_formula(safe)
    # Nothing is lost: only apostrophes are added.
    assert safe.replace("'", "") == text.replace("'", "")


@given(NUMBER)
def test_numbers_pass_the_guard_unchanged(number: float) -> None:
    assert harmless(number) == number
    assert harmless(repr(number)) == repr(number)


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_spreadsheet_csv_of_findings_holds_no_formula(tmp_path: Path, formula: str) -> None:
    finding = Finding(
        f"M1.{formula}", "M1", formula, formula, formula, "text", None, None, "measured", formula,
        Evidence((formula,), formula, 3), (formula, "b"), "low", ("a", formula),
    )  # fmt: skip
    write_findings_spreadsheet_csv(tmp_path / "f.csv", [as_json(finding)])
    assert (tmp_path / "f.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    head, row = cells(tmp_path / "f.csv")
    assert len(head) == len(row)
    assert not any(starts_a_formula(cell) for cell in row)
    assert dict(zip(head, row, strict=True))["evidence_rows"] == "3"


@pytest.fixture
def db() -> Database:
    db = Database()
    db.execute("CREATE TABLE odd (text VARCHAR, tags VARCHAR[], flag BOOLEAN, n BIGINT, x DOUBLE)")
    rows = {
        "text": ["=1+1", "", None, 'a"b,c\r\nd', "\u202ex", "-5"],
        "tags": [["a", "b,c", None], [], None, ["=x"], ["q"], ["z"]],
        "flag": [True, False, None, True, True, None],
        "n": [2**62, 0, None, -3, 7, 1],
        "x": [0.1, None, 1e300, -2.5, 3.0, 4.0],
    }
    db.load("odd", rows)
    return db


def test_a_table_for_machines_round_trips_exactly(tmp_path: Path, db: Database) -> None:
    path = tmp_path / "odd.csv"
    write_table_csv(db, "odd", path)
    assert path.read_bytes().count(b"\r\n") >= 7
    columns = "{'text': 'VARCHAR', 'tags': 'VARCHAR', 'flag': 'BOOLEAN', 'n': 'BIGINT', 'x': 'DOUBLE'}"
    back = db.rows(
        "SELECT text, from_json(tags, '[\"VARCHAR\"]') AS tags, flag, n, x"
        f" FROM read_csv('{path}', header = true, nullstr = '', allow_quoted_nulls = false, columns = {columns},"
        " quote = '\"', escape = '\"', delim = ',', new_line = '\\r\\n') ORDER BY ALL"
    )
    assert back == db.rows("SELECT * FROM odd ORDER BY ALL")
    assert [entry.name for entry in tmp_path.iterdir()] == ["odd.csv"]


def test_a_table_for_spreadsheets_holds_no_formula(tmp_path: Path, db: Database) -> None:
    path = tmp_path / "odd.csv"
    write_table_csv(db, "odd", path, spreadsheet_safe=True)
    head, *rows = cells(path)
    assert head == ["text", "tags", "flag", "n", "x"]
    assert len(rows) == 6
    assert not any(starts_a_formula(cell) for row in rows for cell in row)
    assert ["'=1+1", '["a","b,c",null]', "true", str(2**62), "0.1"] in rows
    assert ["-5", '["z"]', "", "1", "4.0"] in rows


def test_row_order_does_not_matter_and_large_tables_keep_theirs(tmp_path: Path) -> None:
    with Database(threads=4) as db:
        db.execute("CREATE TABLE up AS SELECT range AS n, 'a' || range AS t FROM range(300000)")
        db.execute("CREATE TABLE down AS SELECT * FROM up ORDER BY hash(n)")
        for safe in (False, True):
            write_table_csv(db, "up", tmp_path / "up.csv", spreadsheet_safe=safe)
            write_table_csv(db, "down", tmp_path / "down.csv", spreadsheet_safe=safe)
            assert (tmp_path / "up.csv").read_bytes() == (tmp_path / "down.csv").read_bytes()
            assert [row[0] for row in cells(tmp_path / "up.csv")[1:]] == [str(n) for n in range(300_000)]


def test_an_unknown_table_is_an_engine_error_and_leaves_no_file(tmp_path: Path, db: Database) -> None:
    for safe in (False, True):
        with pytest.raises(EngineError, match="nowhere"):
            write_table_csv(db, "nowhere", tmp_path / "x.csv", spreadsheet_safe=safe)
    assert list(tmp_path.iterdir()) == []
