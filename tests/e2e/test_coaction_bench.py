"""The bench runs, its cases agree with one another, and the history gets a row a case."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path


def test_every_case_finds_the_same_edges_and_is_recorded(root: Path, tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    command = [sys.executable, str(root / "bench/run.py"), "--rows", "3000", "--runs", "1", "--history", str(history)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with history.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    cases = [
        "edges",
        "edges-in-process",
        "sql",
        "edges-skewed",
        "sql-skewed",
        "coordination",
        "coordination-60s",
        "narratives",
        "flags",
    ]
    assert [row["case"] for row in rows] == cases
    assert len({(row["edges"], row["pairs"]) for row in rows[:5]}) == 2
    assert all(int(row["edges"]) > 0 for row in rows[:5])
    assert 0 < int(rows[7]["edges"]) < int(rows[7]["pairs"])  # families, their posts
    assert int(rows[8]["edges"]) > int(rows[8]["pairs"]) / 50  # more judgements than accounts
    assert 0 < int(rows[6]["pairs"]) < int(rows[5]["pairs"])
    assert all(float(row["peak_mb"]) > 20 for row in rows)
    with (root / "bench/history.csv").open(encoding="utf-8") as file:
        assert file.readline().strip() == ",".join(rows[0])
