"""Same rows, same bytes: row order, the split into files, threads and the platform's order of reading do not matter."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import orjson
import pytest

from floodmark import config
from floodmark.engine import duckdb as engine
from floodmark.pipeline import run_case
from floodmark.progress import Reporter
from floodmark.simulate import simulate

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invariance")
    simulate(folder, scale=0.015)
    return folder


def findings(folder: Path, case_file: Path) -> bytes:
    run_case(config.load(case_file), folder, Reporter(quiet=True))
    return (folder / "findings.json").read_bytes()


def shuffled(source: Path, target: Path, seed: int) -> None:
    """Copy a simulation with the rows of every input file in another order."""
    target.mkdir()
    for path in source.iterdir():
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as stream:
                header, *rows = csv.reader(stream)
            random.Random(seed).shuffle(rows)
            with (target / path.name).open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows([header, *rows])
        elif path.is_file():
            (target / path.name).write_bytes(path.read_bytes())


def test_row_order_does_not_matter(simulated: Path, tmp_path: Path) -> None:
    original = findings(tmp_path / "a", simulated / "case.toml")
    shuffled(simulated, tmp_path / "mixed", 5)
    assert findings(tmp_path / "b", tmp_path / "mixed" / "case.toml") == original


def test_the_split_into_files_does_not_matter(simulated: Path, tmp_path: Path) -> None:
    original = findings(tmp_path / "a", simulated / "case.toml")
    split = tmp_path / "split"
    shuffled(simulated, split, 6)
    lines = (split / "posts.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    with (split / "posts.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert len(lines) >= len(rows)
    for name, part in (("posts.csv", rows[: len(rows) // 3]), ("posts2.csv", rows[len(rows) // 3 - 5 :])):
        with (split / name).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([header, *part])
    text = (split / "case.toml").read_text(encoding="utf-8")
    blocks = text.split("[[input]]")
    posts_block = next(block for block in blocks if '"posts.csv"' in block)
    second = posts_block.replace('"posts.csv"', '"posts2.csv"')
    (split / "case.toml").write_text(text.replace(posts_block, posts_block + "\n[[input]]" + second), encoding="utf-8")
    # Five rows are in both files: repeated posts must not count twice.
    again = orjson.loads(findings(tmp_path / "b", split / "case.toml"))
    before = orjson.loads(original)
    differing = [a["id"] for a, b in zip(before, again, strict=True) if a != b]
    assert [item for item in differing if not item.startswith("M1.")] == []


def test_threads_do_not_matter(simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = findings(tmp_path / "a", simulated / "case.toml")
    opened = engine.Database.__init__

    def single(self: engine.Database, path: Path | None = None, **_options: object) -> None:
        opened(self, path, threads=1)

    monkeypatch.setattr(engine.Database, "__init__", single)
    assert findings(tmp_path / "b", simulated / "case.toml") == original
