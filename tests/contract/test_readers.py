"""Every reader keeps the promise of its own example, and every row comes out exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from floodmark import registry, schema
from floodmark.config import InputSpec
from floodmark.ingest.reasons import REASONS
from floodmark.registry import Reader, Record, Reject

READERS = registry.readers()
PYTHON_TYPES = {"VARCHAR": str, "BIGINT": int, "INTEGER": int, "BOOLEAN": bool, "VARCHAR[]": list}


def example(reader: Reader, folder: Path) -> tuple[Path, InputSpec]:
    spec = InputSpec.model_validate({"format": reader.name, "platform": "x", **reader.example_spec})
    file = folder / spec.path
    file.write_bytes(reader.example)
    return file, spec


def check_row(table: schema.Table, row: registry.Row) -> None:
    assert set(row) == set(table.names)
    for column in table.columns:
        value = row[column.name]
        if value is None:
            assert not column.required, f"{column.name} is required"
            continue
        assert type(value) is PYTHON_TYPES[column.type], f"{column.name} is {value!r}"
        if isinstance(value, list):
            assert all(type(item) is str for item in value)
        if column.name.endswith("_id"):
            assert isinstance(value, str)
            assert value.startswith("x:")


def test_every_reader_file_loads() -> None:
    assert not READERS.failed
    assert {"twitter_v1", "io_archive", "table", "statuses", "deletions", "accounts"} <= set(READERS.items)


@pytest.mark.parametrize("reader", READERS.items.values(), ids=READERS.items)
def test_example(reader: Reader, tmp_path: Path) -> None:
    file, spec = example(reader, tmp_path)
    found = list(reader.read(file, spec))
    records = [item for item in found if isinstance(item, Record)]
    rejects = [item for item in found if isinstance(item, Reject)]
    assert (len(records), len(rejects)) == (reader.example_records, reader.example_rejects)
    assert [item.line for item in found] == sorted({item.line for item in found}), "lines must rise"
    for record in records:
        assert record.post or record.account or record.status or record.deletion
        for table, row in (
            (schema.POSTS, record.post),
            (schema.ACCOUNTS, record.account),
            (schema.STATUSES, record.status),
            (schema.POST_DELETIONS, record.deletion),
        ):
            if row is not None:
                check_row(table, row)
    for reject in rejects:
        assert reject.reason in REASONS
        assert 0 < len(reject.raw) <= 2_000


@pytest.mark.parametrize("reader", READERS.items.values(), ids=READERS.items)
def test_example_is_recognised(reader: Reader, tmp_path: Path) -> None:
    file, _ = example(reader, tmp_path)
    assert reader.matches(file, reader.example[:65_536])


def test_other_formats_are_not_taken_for_ones_own(tmp_path: Path) -> None:
    for reader in READERS.items.values():
        file, _ = example(reader, tmp_path)
        matching = {name for name, other in READERS.items.items() if other.matches(file, reader.example)}
        assert matching - {"table"} == {reader.name} - {"table"}, "a table is the fallback, the others are particular"
