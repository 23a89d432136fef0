"""`floodmark coordination` as people run it: the page's own commands, what is said where, one-sentence refusals."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SHARES = "account_id,object_id,timestamp_share\na,o,1\nb,o,2\n,o,3\n"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "floodmark", "coordination", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, encoding="utf-8")


def test_the_page_does_what_it_says(root: Path, tmp_path: Path) -> None:
    page = (root / "docs/how-to/find-coordinated-groups.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "make_shares.py").write_text(script, encoding="utf-8")
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    sessions = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    ran = 0
    for session in sessions:
        for command, expected in re.findall(r"\$ (.*)\n((?:[^$].*\n)*)", session):
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=tmp_path,
                env={**os.environ, "PATH": places},
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stdout) == (0, expected), f"{command}: {done.stderr}"
            ran += 1
    assert ran == 6


def test_the_closing_line_is_on_standard_error_and_quiet_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "shares.csv").write_text(SHARES, encoding="utf-8")
    done = run(tmp_path, "shares.csv", "--out", "out")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == (
        "3 rows, 2 used, 1 rejected (empty_account 1); 2 accounts, 0 testable; 0 named in 0 groups, "
        "0 in step, 0 leads; not flagged is not cleared; in out"
    )
    done = run(tmp_path, "shares.csv", "--out", "out", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))["accounts"]["total"] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("none.csv", "--out", "out"), "none.csv: there is no such file"),
        (("shares.csv", "--out", "."), ".: the output would replace the input shares.csv"),
        (("shares.csv", "--out", "shares.csv"), "shares.csv: this is a file; name a folder with --out"),
        (("shares.csv", "--out", "full"), "full: the folder holds something other than an earlier result"),
        (("shares.csv", "--out", "out", "--windows", "1w"), "--windows: '1w' is not a length of time"),
        (("shares.csv", "--out", "out", "--time-unit", "h"), "--time-unit: 'h' is not a unit"),
        (("shares.csv", "--out", "out", "--trace-column", "kind"), "column `kind`: there is no such column"),
        (("shares.csv", "--out", "out", "--post-column", "post"), "with --post-column, or leave it out"),
        (("shares.csv", "--out", "out", "--reference", "full/mine.csv"), "--reference: full/mine.csv: "),
    ],
)
def test_refusals_are_one_sentence_and_leave_nothing_behind(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    (tmp_path / "shares.csv").write_text(SHARES, encoding="utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.csv").write_text("a,b,c\n1,2,3\n", encoding="utf-8")
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    done = run(tmp_path, *options, "--quiet")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("floodmark: ")
    assert done.stderr.count("\n") == 1
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before
