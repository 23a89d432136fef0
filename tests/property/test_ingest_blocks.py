"""Blocks of a CSV file are what its rows are, one by one: same records, same rejects, same order."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floodmark import registry
from floodmark.config import InputSpec
from floodmark.ingest import csv_source
from floodmark.ingest.mapping import POST_FIELDS, check_columns, open_table
from floodmark.ingest.plans import UNSPECIFIED, planned, post_plan
from floodmark.ingest.reasons import FieldProblem
from floodmark.ingest.values import remembering, to_count, to_id, to_list
from floodmark.registry import Record, Records, Reject

READER = registry.readers().items["table"]
FIELDS = {
    "post_id": ["1", "2", "", "1.5e+18", " 7 "],
    "account_id": ["a", "b", "ب", "", "a\x01"],
    "at": ["2020-07-17T10:00:00Z", "2020-07-17T10:00:01.5+04:30", "yesterday", "", "2020-07-17"],
    "text": ["", "x", 'q"uote', "a\nb", "😀"],
    "is_repost": ["true", "0", "", "perhaps"],
    "hashtags": ["", "t", "#t u", "['a', 'b']", "[{]"],
    "impressions": ["", "5", "12.0", "-1", "²"],
    "observed_at": ["", "2020-08-01T00:00:00Z", "1596240000", "12"],
    "created_at": ["", "2019-01-01", "2019-01-01T00:00:00Z", "once"],
    "followers": ["", "1", "1", "many"],
    "handle": ["", "@ana", "ben"],
}
# The first word of each field can mostly be stored, so that many rows are whole.
ROWS = st.lists(
    st.tuples(*(st.one_of(st.just(words[0]), st.sampled_from(words)) for words in FIELDS.values())), max_size=30
)


def one_by_one(path: Path, spec: InputSpec) -> Iterator[Record | Reject]:
    """The definition: every row by itself, every cell converted anew."""
    mapped = check_columns(spec, tuple(FIELDS), ("post_id", "account_id", "at"))
    with open_table(path, spec, mapped, ()) as source:
        source.text_only = False
        yield from planned(
            source.rows(), post_plan(spec, spec.platform or UNSPECIFIED, mapped, source).record, source.raw
        )


@settings(deadline=None)
@given(ROWS, st.integers(1, 7), st.sampled_from([tuple(FIELDS), ("post_id", "account_id", "at", "text")]))
def test_blocks_are_rows(rows: list[tuple[str, ...]], block_rows: int, fields: tuple[str, ...]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(rows)
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(csv_source, "BLOCK_ROWS", block_rows):
        path = Path(folder) / "posts.csv"
        # A ragged row, an open quote and bytes that are not UTF-8 break the file's middle.
        path.write_bytes(buffer.getvalue().encode() + b'short\n"open,1\n\xff' + b"," * (len(FIELDS) - 1) + b"\n")
        spec = InputSpec(path="posts.csv", format="table", columns={field: field for field in fields})
        expected = list(one_by_one(path, spec))
        assert list(READER.read(path, spec)) == expected
        assert READER.read_blocks is not None
        blocks = list(READER.read_blocks(path, spec))
    assert sum(len(item.lines) if isinstance(item, Records) else 1 for item in blocks) == len(expected)
    assert len(expected) >= len(rows)


def test_whole_rows_do_come_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text("post_id,account_id,at\n" + "".join(f"{n},a,2020-07-17T10:00:00Z\n" for n in range(600)))
    spec = InputSpec(path="posts.csv", format="table", columns={f: f for f in ("post_id", "account_id", "at")})
    assert READER.read_blocks is not None
    found = list(READER.read_blocks(path, spec))
    assert [len(item.lines) for item in found if isinstance(item, Records)] == [256, 256, 88]
    assert set(POST_FIELDS) >= set(spec.columns)


def test_a_block_is_bounded_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    long = "x" * 600_000
    path.write_text("post_id,account_id,at,text\n" + "".join(f"{n},a,2020-07-17T10:00:00Z,{long}\n" for n in range(5)))
    columns = {field: field for field in ("post_id", "account_id", "at", "text")}
    assert READER.read_blocks is not None
    found = list(READER.read_blocks(path, InputSpec(path="posts.csv", format="table", columns=columns)))
    assert [len(item.lines) for item in found if isinstance(item, Records)] == [2, 2, 1]


def test_remembering_is_bounded_and_changes_nothing() -> None:
    plain, fast = to_id("x"), remembering(to_id("x"))
    cells = [str(number % 70_000) for number in range(150_000)]
    assert [fast(cell) for cell in cells] == [plain(cell) for cell in cells]
    known = fast.__self__  # type: ignore[attr-defined]
    assert len(known) <= 65_536
    fast("y" * 400)
    assert "y" * 400 not in known
    assert remembering(to_list(" ", "#"))("#a b") == ["a", "b"]
    count = remembering(to_count)
    for _ in range(2):
        with pytest.raises(FieldProblem, match="not_a_count"):
            count("many")
