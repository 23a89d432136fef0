"""The quick way to read CSV either equals the strict one, row for row, or gives way to it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from floodmark.coaction import shares
from floodmark.engine.duckdb import Database
from floodmark.errors import UsageError

COLUMNS = shares.Columns("a", "b", "t", "ms")
SCRAPS = (
    "a",
    "1",
    ",",
    ",,",
    '"',
    '""',
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "é",
    "#",
    "\\",
    "'",
    ";",
    "NULL",
    "\ufeff",
    '"a"',
)
ROWS = (
    "p,x,1\n",
    '"q","x",2\n',
    '"q""r",x,3\n',
    '"m\nn",x,4\r\n',
    "p,,5\n",
    "p,x,6,\n",
    " p,x , 7\n",
    ' "p",x,8\n',
    "\n",
)

scraps = st.lists(st.sampled_from(SCRAPS), min_size=1, max_size=8).map("".join)
rows = st.lists(st.sampled_from(ROWS), max_size=4).map("".join)
Row = tuple[str, str, int]


class GaveWay(Exception):  # noqa: N818 - not an error: the strict way is asked for
    """The quick way asked for the strict one."""


@pytest.fixture(scope="module")
def db() -> Iterator[Database]:
    with Database(threads=1) as database:
        yield database


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv") / "shares.csv"


def used(db: Database) -> list[Row]:
    return sorted(db.rows("SELECT account_id, object_id, at_ms FROM shares"))


def quickly(db: Database, path: Path) -> list[Row] | None:
    """Return the rows as the quick way reads them; None when it gives way."""

    def give_way(*_: object) -> None:
        raise GaveWay

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shares, "_load_csv_strictly", give_way)
        try:
            shares.load_shares(db, path, COLUMNS)
        except GaveWay:
            return None
    return used(db)


@settings(deadline=None, max_examples=400)
@example(before='"q""r",x,3\n', scrap=' "q""r",x,8\n', after="")
@example(before='"q",x,3\n', scrap='"p" ,x,8\n', after="")
@example(before="p,x,1\n", scrap="p,x,1,,\n", after="p,x,6,\n")
@given(before=rows, scrap=scraps, after=rows)
def test_the_quick_way_equals_the_strict_one_or_gives_way(
    db: Database, path: Path, before: str, scrap: str, after: str
) -> None:
    path.write_bytes(("a,b,t\n" + before + scrap + after).encode())
    quick = quickly(db, path)
    if quick is not None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shares, "CSV_OPTIONS", "no_such_option = true")  # DuckDB refuses: row by row, then
            shares.load_shares(db, path, COLUMNS)
        assert used(db) == quick
        assert db.one("SELECT count(*) FROM share_rejects") == (0,)


@settings(deadline=None, max_examples=200)
@given(before=rows, scrap=scraps, after=rows)
def test_input_rows_are_used_or_rejected(db: Database, path: Path, before: str, scrap: str, after: str) -> None:
    path.write_bytes(("a,b,t\n" + before + scrap + after).encode())
    if (rows_in_file := count_rows(path)) is None:
        with pytest.raises(UsageError, match="never closed"):
            shares.load_shares(db, path, COLUMNS)
        return
    shares.load_shares(db, path, COLUMNS)
    (kept,), (rejected,) = db.one("SELECT count(*) FROM shares"), db.one("SELECT count(*) FROM share_rejects")
    assert kept + rejected == rows_in_file
    lines = [line for (line,) in db.rows("SELECT line FROM share_rejects")]
    assert len(set(lines)) == len(lines)


def count_rows(path: Path) -> int | None:
    """Count the rows that are not blank, broken ones included, by the standard library; None for an unclosed quote."""
    reader = csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), strict=True)
    next(reader)
    count = 0
    while True:
        try:
            count += bool(next(reader))
        except csv.Error as error:
            if "unexpected end" in str(error):
                return None
            count += 1
        except StopIteration:
            return count


def test_the_quick_way_is_taken_for_clean_files(db: Database, path: Path) -> None:
    path.write_bytes(b'\xef\xbb\xbfx,t,b,a\n,5,"o",a\n"two\nlines,""quoted""",6,o,b\n')
    assert quickly(db, path) == [("a", "o", 5), ("b", "o", 6)]
