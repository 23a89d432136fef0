"""The bench: from a CSV of shares to edges, beside the same in SQL on DuckDB, and to verdicts, in whole processes.

    python bench/run.py [--rows N] [--case NAME] [--runs N]

Writes its own seeded input into a temporary folder, runs each case once to warm up and then `--runs` times, and appends
the medians of wall-clock seconds, of processor seconds (of the whole process) and of peak memory to bench/history.csv.
For `coordination`, edges are those of groups, and pairs those of different accounts' first actions on one object within
the widest window; growth is shown by `--case coordination-60s` with `--rows` 100000, 1000000 and 10000000. `flags` are
all account flags on a made case with so many posts; its edges are judgements (one account, one flag), its pairs posts.
Of `narratives`, edges are families and pairs their posts. Compare ratios within one run, not seconds of different
machines; on a busy machine, compare processor seconds.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
COLUMNS = (
    "commit",
    "date",
    "machine",
    "case",
    "rows",
    "edges",
    "pairs",
    "runs",
    "seconds_median",
    "cpu_seconds_median",
    "peak_mb",
)
CLI = ("-c", "from floodmark.cli import main; main()")


@dataclass(frozen=True)
class Case:
    """One thing to measure. `command` may name {shares}, {out} and {folder}.

    What is slow runs once. `counts` is the task that counts what came out.
    """

    name: str
    shape: str
    command: tuple[str, ...]
    one_run: bool = False
    rows: int = 1_000_000
    counts: tuple[str, ...] = ("count", "{out}")


_COORDINATION = (*CLI, "coordination", "{shares}", "--out", "{folder}", "--quiet")
_VERDICTS = ("count-verdicts", "{folder}", "{shares}")
_JUDGED = ("count-flags", "{shares}")


CASES = (
    Case("edges", "ordinary", (*CLI, "edges", "{shares}", "--window", "60s", "--out", "{out}", "--quiet")),
    Case("edges-in-process", "ordinary", (str(HERE / "child.py"), "in-process", "{shares}", "{out}")),
    Case("sql", "ordinary", (str(HERE / "child.py"), "sql", "{shares}", "{out}")),
    Case("edges-skewed", "skewed", (*CLI, "edges", "{shares}", "--window", "60s", "--out", "{out}", "--quiet")),
    Case("sql-skewed", "skewed", (str(HERE / "child.py"), "sql", "{shares}", "{out}"), one_run=True),
    Case("coordination", "planted", _COORDINATION, counts=_VERDICTS),
    Case(
        "coordination-60s",
        "planted",
        (*_COORDINATION, "--windows", "60s"),
        one_run=True,
        rows=10_000_000,
        counts=_VERDICTS,
    ),
    Case(
        "narratives",
        "texts",
        (str(HERE / "child.py"), "narratives", "{shares}", "{out}"),
        one_run=True,
        counts=("count-families", "{out}"),
    ),
    Case("flags", "posts", (str(HERE / "child.py"), "flags", "{shares}"), rows=5_000_000, counts=_JUDGED),
)


@dataclass(frozen=True)
class Run:
    """One finished process: its own seconds if it told them, else wall-clock from start to end."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    said: dict[str, float]


def run_python(arguments: tuple[str, ...]) -> Run:
    """Run Python with `arguments`; CalledProcessError when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    said: dict[str, float] = json.loads(output) if output.startswith("{") else {}
    # Linux counts kilobytes, macOS bytes.
    peak_mb = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Run(said.get("seconds", seconds), usage.ru_utime + usage.ru_stime, peak_mb, said)


def measure(case: Case, shares: Path, rows: int, runs: int) -> dict[str, object]:
    """Measure one case; return its row of the history without the provenance."""
    places = {"shares": shares, "out": shares.with_name("edges.csv"), "folder": shares.with_name("result")}
    command = tuple(part.format(**places) for part in case.command)
    runs = 1 if case.one_run else runs
    if not case.one_run:
        run_python(command)
    done = [run_python(command) for _ in range(runs)]
    counts = run_python((str(HERE / "child.py"), *(part.format(**places) for part in case.counts))).said
    return {
        "case": case.name,
        "rows": rows,
        "edges": counts["edges"],
        "pairs": counts["pairs"],
        "runs": runs,
        "seconds_median": f"{statistics.median(run.seconds for run in done):.3f}",
        "cpu_seconds_median": f"{statistics.median(run.cpu_seconds for run in done):.3f}",
        "peak_mb": f"{statistics.median(run.peak_mb for run in done):.0f}",
    }


def machine() -> str:
    """Return the processor's model and how many cores this process may use."""
    info = Path("/proc/cpuinfo")
    models = [
        line.split(":", 1)[1].strip()
        for line in (info.read_text(encoding="utf-8").splitlines() if info.exists() else [])
        if line.startswith("model name")
    ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{models[0] if models else sys.platform}, {cores} cores"


def commit() -> str:
    """Return the short hash of the commit that is checked out."""
    asked = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def append(history: Path, row: dict[str, object]) -> None:
    """Append one row, with the header where the file is new."""
    new = not history.exists()
    with history.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def main() -> int:
    """Measure, print and append; 1 when two ways to the same edges disagree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="default: each case's own")
    parser.add_argument("--case", choices=[case.name for case in CASES], action="append", help="default: all")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--history", type=Path, default=HERE / "history.csv")
    chosen = parser.parse_args()
    cases = [case for case in CASES if not chosen.case or case.name in chosen.case]
    provenance = {"commit": commit(), "date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    counts: dict[str, set[tuple[object, object]]] = {}
    print(provenance["machine"])
    print(f"{'case':<18}{'edges':>12}{'pairs':>12}{'runs':>6}{'seconds':>10}{'cpu s':>10}{'MB':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for shape, rows in dict.fromkeys((case.shape, chosen.rows or case.rows) for case in cases):
            shares = Path(folder) / f"{shape}.csv"
            run_python((str(HERE / "child.py"), "generate", shape, str(rows), str(shares)))
            for case in (case for case in cases if (case.shape, chosen.rows or case.rows) == (shape, rows)):
                row = measure(case, shares, rows, chosen.runs)
                append(chosen.history, {**provenance, **row})
                same = shape if case.counts[0] == "count" else case.name
                counts.setdefault(same, set()).add((row["edges"], row["pairs"]))
                print(
                    f"{case.name:<18}{row['edges']:>12}{row['pairs']:>12}{row['runs']:>6}"
                    f"{row['seconds_median']:>10}{row['cpu_seconds_median']:>10}{row['peak_mb']:>7}",
                    flush=True,
                )
    return int(any(len(found) > 1 for found in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
