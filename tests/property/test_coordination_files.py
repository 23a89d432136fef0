"""Whatever the ids, the order of rows and the threads: the same bytes, every account once, every row counted."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floodmark.coaction.shares import Columns
from floodmark.coordination.run import run_coordination
from floodmark.errors import UsageError

FULL = Columns("account_id", "object_id", "at", "s", trace="kind", post="post")
NAMES = ("account_id", "object_id", "at", "kind", "post")
Row = tuple[str, str, int, str, str]

# No NUL: neither reader takes one for text.
ids = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
times = st.one_of(st.integers(-(10**9), 10**9).map(str), st.sampled_from(["", "x", "1e9", "2020-07-17T10:00:00Z"]))
rows = st.lists(st.tuples(ids, st.sampled_from(["o", "p", ""]), times), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("coordination")


def write(path: Path, names: Sequence[str], table: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(names)
        writer.writerows(table)
    return path


def contents(folder: Path) -> Mapping[str, bytes]:
    """Return all bytes but those of the summary's last key, the only one that may differ between two runs."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    found["summary.json"], run = found["summary.json"].split(b'\n  "run": {')
    assert run.count(b":") == 2
    return found


def shares_with_two_campaigns(seed: int, cell: str) -> list[Row]:
    draw = random.Random(seed)
    table = [
        (f"{cell}{i}", f"{cell}{draw.randrange(40)}", draw.randrange(600_000), draw.choice(["url", "text"]), f"p{n}")
        for n, i in enumerate(draw.choices(range(120), k=700))
    ]
    for name, size in (("x", 7), ("y", 9)):
        for k in range(12):
            at = k * 50_000 + draw.randrange(30_000)
            # Ties on purpose: a few seconds for many accounts.
            table += [(f"{name}{b}", f"{name}{k}", at + draw.randrange(6), "url", f"{name}{b}{k}") for b in range(size)]
    return table


@pytest.mark.parametrize("cell", ["a", '=\u202e,\n"'])
def test_order_of_rows_and_threads_never_show(tmp_path: Path, cell: str) -> None:
    table = shares_with_two_campaigns(3, cell)
    results = []
    for seed, threads in ((0, 1), (1, 2), (2, 3), (3, None)):
        random.Random(seed).shuffle(table)
        shares = write(tmp_path / "shares.csv", NAMES, table)
        told = run_coordination(shares, out=tmp_path / "out", columns=FULL, threads=threads)
        results.append(contents(tmp_path / "out"))
    assert told.groups == 2
    assert told.states["named"] >= 8
    assert len(results[0]["evidence.csv"].splitlines()) > 100
    assert all(result == results[0] for result in results)


@settings(deadline=None, max_examples=60)
@given(table=rows)
def test_every_row_is_used_or_rejected_and_every_id_comes_back(folder: Path, table: list[tuple[str, str, str]]) -> None:
    shares = write(folder / "shares.csv", ("account_id", "object_id", "timestamp_share"), table)
    out = folder / "out"
    usable = {account for account, thing, at in table if account and thing and at not in ("", "x", "1e9")}
    if not usable:
        with pytest.raises(UsageError, match=r"none of the .* rows can be used"):
            run_coordination(shares, out=out, threads=1)
        return
    told = run_coordination(shares, out=out, threads=1)
    assert told.rows == told.used + told.rejected == len(table)
    with (out / "accounts.csv").open(encoding="utf-8", newline="") as file:
        got = list(csv.DictReader(file, strict=True))
    assert [row["account_id"] for row in got] == sorted(usable, key=str.encode)
    assert {row["state"] for row in got} <= {"tested", "untestable", "lead", "in_step"}
    assert (out / "rejects.csv").exists() == bool(told.rejected)
    said = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert said["input"]["rejected"] == told.rejected == sum(said["input"]["reasons"].values())
