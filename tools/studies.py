"""Full-count studies, outside CI: each writes a table with seed, commit, machine and count to docs/studies.

`make studies` runs them all; name one to run it alone: `python tools/studies.py spikes`.
"""

from __future__ import annotations

import inspect
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from floodmark.benchmark import backgrounds, framing, nulls, power
from floodmark.event import study as spikes_study
from floodmark.simulate.crowd_kinds import LATE_KINDS
from floodmark.simulate.plant import Actions

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "studies"
SEED = 20200717
RUNS = 1_000
#: Kinds beyond those that every version must show at full count.
FEWER_RUNS = 100
SEEDS = 20
FULL_COUNT = (
    "rhythm",
    "heavy",
    "tempo",
    "viral",
    "breaking",
    "readers",
    "giveaway",
    *(f"fans_{name}" for name in ("10s", "1m", "2m", "10m", "1h", "6h")),
    *(f"debate_reposts_{name}" for name in ("times", "rewired", "half")),
)
Rows = Sequence[Mapping[str, object]]


def spikes() -> Rows:
    """False spikes on organic series without a campaign, 1,000 runs a row."""
    return spikes_study.studies(RUNS, SEED)


def coordination_nulls() -> Rows:
    """How often the coordination test names somebody where nobody coordinates, 1,000 runs a kind."""
    return _nulls(RUNS, lambda kind: kind in FULL_COUNT)


def coordination_nulls_more() -> Rows:
    """The same on further kinds of crowd, some made to break the test, and on real data; 100 runs a kind."""
    return _nulls(FEWER_RUNS, lambda kind: kind not in FULL_COUNT and kind not in LATE_KINDS)


def coordination_nulls_late() -> Rows:
    """The same on crowds made by an adversary whose trigger the test cannot see, and on cut collections; 100 runs."""
    return _nulls(FEWER_RUNS, lambda kind: kind in LATE_KINDS, processes=2)


def _nulls(runs: int, wanted: Callable[[str], bool], processes: int = 1) -> Rows:
    kinds = [null.kind for null in nulls.nulls() if wanted(null.kind)]
    return nulls.study(runs, SEED, processes=processes, kinds=kinds)


def coordination_power() -> Rows:
    """What share of a planted campaign the test names, beside three rules of other tools; 20 plants a point."""
    return [{column: row[column] for column in POWER_COLUMNS} for row in _power()]


def coordination_targets() -> Rows:
    """The points that have a figure to reach, in the dense background, at 100 plants; the first 20 are those above."""
    named = {
        ("accounts", 20),
        ("accounts", 5),
        ("actions", 5),
        ("jitter_s", 600),
        ("camouflage", 0.9),
        ("rotation", 1 / 3),
    }
    only = [point for point in power.points() if (point.curve, point.value) in named]
    dense = {name: actions for name, actions in _real().items() if name == "debate"}
    return [{column: row[column] for column in POWER_COLUMNS} for row in power.study(dense, 100, only=only)]


def coordination_budgets() -> Rows:
    """How far each way of hiding must go until half of the campaign is no longer named; 20 plants a point."""
    return power.budgets(_power())


def coordination_framing() -> Rows:
    """Whether bots that mirror an innocent account get it named; 20 runs of 5 victims a row."""
    return framing.study(_real(), SEEDS, processes=1)


POWER_COLUMNS = (
    "background",
    "curve",
    "value",
    "recall",
    "recall_low",
    "recall_high",
    "recall_with_in_step",
    "precision",
    "leads_mean",
    "two_co_actions_recall",
    "two_co_actions_precision",
    "coortweet_recall",
    "coortweet_precision",
    "tfidf_recall",
    "tfidf_precision",
)


@cache
def _power() -> list[power.Row]:
    return power.study(_real(), SEEDS, processes=1)


def _real() -> dict[str, Actions]:
    """Return the real backgrounds that are present."""
    found = {"debate": backgrounds.debate_reposts(), "russian": backgrounds.russian_shares()}
    return {name: actions for name, actions in found.items() if actions is not None}


STUDIES: Mapping[str, Callable[[], Rows]] = {
    "spikes": spikes,
    "coordination_nulls": coordination_nulls,
    "coordination_nulls_more": coordination_nulls_more,
    "coordination_nulls_late": coordination_nulls_late,
    "coordination_power": coordination_power,
    "coordination_targets": coordination_targets,
    "coordination_budgets": coordination_budgets,
    "coordination_framing": coordination_framing,
}


def commit() -> str:
    """Return the short hash of the commit that is studied, marked when the tree (study pages aside) differs."""

    def git(*words: str) -> str:
        ran = subprocess.run(["git", *words], capture_output=True, text=True, check=True, cwd=FOLDER.parent.parent)
        return ran.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/studies")
    return git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def page(name: str, rows: Sequence[Mapping[str, object]]) -> str:
    """Return one study as a Markdown page."""
    purpose = inspect.getdoc(STUDIES[name]) or ""
    header = list(rows[0])
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(_cell(row[column]) for column in header) + " |" for row in rows]
    machine = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    note = f"Seed {SEED}, commit {commit()}, {machine}."
    return f"# Study: {name}\n\n{purpose}\n\n{note}\n\n" + "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main() -> int:
    """Run the named studies, or all."""
    names = sys.argv[1:] or list(STUDIES)
    unknown = [name for name in names if name not in STUDIES]
    if unknown:
        sys.stderr.write(f"there is no study called {unknown[0]!r}; known: {', '.join(STUDIES)}\n")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        (FOLDER / f"{name}.md").write_text(page(name, STUDIES[name]()), encoding="utf-8")
        sys.stdout.write(f"docs/studies/{name}.md\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
