"""`floodmark benchmark` from a file to tables and drawings; the test itself is stood in for, so that it is quick."""

from __future__ import annotations

import csv
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from floodmark.benchmark import charts, jobs, peers, power, run
from floodmark.cli import app
from floodmark.coordination.result import AccountVerdicts, Coordination, EdgeColumns, Rules, Shares
from floodmark.errors import UsageError


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name whoever shares four objects within a minute."""

    def coordination(shares: Shares, _rules: Rules, _reference: Shares | None, threads: int) -> Coordination:
        named = peers.co_actions(shares, min_objects=4)
        words = np.where(named, "named", "tested").astype(object)
        edges = EdgeColumns(**{f.name: np.zeros(0, np.int64) for f in fields(EdgeColumns)})
        ints = np.full(shares.n_accounts, -threads, np.int32)
        accounts = AccountVerdicts(words, np.where(named, 0.01, 1.0), ints, words, words, ints)
        return Coordination(accounts, (), edges, Rules(), (60_000,), 1, 0, 0, 0, 0, {}, 60_000, False)

    monkeypatch.setattr(jobs, "coordination", coordination)


@pytest.fixture
def background(tmp_path: Path) -> Path:
    rng = np.random.default_rng(8)
    lines = [
        f"<b>{rng.integers(0, 80)}&,o{rng.integers(0, 150)},{rng.integers(10**9, 10**9 + 10**5)}" for _ in range(900)
    ]
    path = tmp_path / "ordinary <day>.csv"
    path.write_text("who,what,when\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_background_becomes_tables_and_drawings_always_the_same(background: Path, tmp_path: Path) -> None:
    columns = run.Columns("who", "what", "when", "s")
    made = []
    for name in ("one", "two"):
        result = run.run_benchmark(background, tmp_path / name, columns, seeds=2, quick=True, processes=1)
        made.append(files_of(result.folder))
        lines = background.read_text(encoding="utf-8").splitlines()
        background.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n", encoding="utf-8")
    assert made[0] == made[1]
    points = power.points(quick=True)
    curves = {point.curve for point in points}
    assert set(made[0]) == {"table.csv", "budgets.csv", "framing.csv", "table.md", "benchmark.html"} | {
        f"charts/{name}.svg" for name in curves | {"framing"}
    }
    rows = list(csv.DictReader(made[0]["table.csv"].decode().splitlines()))
    assert [(row["curve"], float(row["value"])) for row in rows] == [(p.curve, round(p.value, 4)) for p in points]
    assert {row["background"] for row in rows} == {"ordinary <day>.csv"}
    default = next(row for row in rows if (row["curve"], row["value"]) == ("accounts", "20"))
    assert (default["recall"], default["two_co_actions_recall"]) == ("1", "1")
    assert made[0]["table.md"].decode().count("\n## ") == len(curves) + 2


def test_the_page_asks_for_nothing_and_takes_names_as_text(background: Path, tmp_path: Path) -> None:
    columns = run.Columns("who", "what", "when", "s")
    run.run_benchmark(background, tmp_path / "out", columns, seeds=1, quick=True, processes=1)
    page = (tmp_path / "out/benchmark.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"<script|@import|url\(|\ssrc=|<image|<link|<day>", page)
    # The only addresses are the names of SVG's own vocabularies.
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    # All colours of the pictures became the page's own; the picture by itself keeps them.
    drawn = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert not re.search(r'(stroke|fill)="#', drawn)
    assert "var(--s1)" in drawn
    picture = (tmp_path / "out/charts/jitter_s.svg").read_text(encoding="utf-8")
    assert 'stroke="#1f6fb2"' in picture
    assert "var(" not in picture
    assert all(title in page for title, _ in charts.CURVES.values())


def test_without_a_background_a_crowd_is_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "points", lambda _quick: [power.Point("accounts", 5, power.DEFAULT_PLANT)])
    monkeypatch.setattr(run.framing, "BOTS", (2, 3))
    result = run.run_benchmark(None, tmp_path / "out", seeds=1, quick=True, processes=1)
    assert [row["background"] for row in result.power] == ["simulated crowd"]
    assert [(row["form"], row["reference"]) for row in result.framing[-2:]] == [
        ("mixed", "none"),
        ("mirroring", "background"),
    ]
    assert len(result.framing) == 7
    assert len(run.simulated_crowd()) > 20_000
    assert run.simulated_crowd().at_ms.tolist() == run.simulated_crowd().at_ms.tolist()


def test_what_cannot_be_done_is_said_in_one_sentence(background: Path, tmp_path: Path) -> None:
    columns = run.Columns("who", "what", "when", "s")
    for out, match in ((background, "this is a file"), (tmp_path / "no/where", "parent folder")):
        with pytest.raises(UsageError, match=match):
            run.run_benchmark(background, out, columns)
    with pytest.raises(UsageError, match="--seeds"):
        run.run_benchmark(background, tmp_path / "out", columns, seeds=0)
    useless = tmp_path / "useless.csv"
    useless.write_text("who,what,when\na,,1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="none of its 1 rows"):
        run.run_benchmark(useless, tmp_path / "out", columns)
    assert not (tmp_path / "out").exists()
    failed = CliRunner().invoke(app, ["benchmark", str(background), "--out", str(tmp_path / "out")])
    assert isinstance(failed.exception, UsageError)
    assert "account_id" in str(failed.exception)
