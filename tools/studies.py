"""Full-count studies, outside CI: each writes a table with seed, commit, machine and count to docs/studies.

`make studies` runs them all; name one to run it alone: `python tools/studies.py spikes`.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from floodmark.event import study as spikes_study

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "studies"
SEED = 20200717
RUNS = 1_000


def spikes() -> Sequence[Mapping[str, object]]:
    """False spikes on organic series without a campaign."""
    return spikes_study.studies(RUNS, SEED)


STUDIES: Mapping[str, Callable[[], Sequence[Mapping[str, object]]]] = {"spikes": spikes}


def commit() -> str:
    """Return the short hash of the commit that is studied, marked when the tree differs from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True, cwd=FOLDER.parent.parent
    )
    return described.stdout.strip()


def page(name: str, rows: Sequence[Mapping[str, object]]) -> str:
    """Return one study as a Markdown page."""
    purpose = (STUDIES[name].__doc__ or "").strip()
    header = list(rows[0])
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(_cell(row[column]) for column in header) + " |" for row in rows]
    machine = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    note = f"{RUNS:,} runs a row, seed {SEED}, commit {commit()}, {machine}."
    return f"# Study: {name}\n\n{purpose}\n\n{note}\n\n" + "\n".join(lines) + "\n"


def _cell(value: object) -> str:
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
