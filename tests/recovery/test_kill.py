"""`kill -9` at random moments of a run leaves the old case or the new one, and verify passes."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CASE = """
[case]
name = "kill"
[event]
title = "t"
zone = "UTC"
start = 2020-07-17T00:00:00
end = 2020-07-18T00:00:00
[[side]]
name = "side"
streams = ["main"]
[[input]]
path = "posts.csv"
format = "table"
[input.columns]
post_id = "id"
account_id = "who"
at = "when"
text = "text"
"""


def write_posts(path: Path, words: str) -> None:
    """Write posts whose number, and so the findings, depends on the words."""
    rows = [
        f'{n},{n % 40},2020-07-17T{n % 24:02d}:{n % 60:02d}:00Z,"{words} {n % 7}"' for n in range(3000 + len(words))
    ]
    path.write_text("id,who,when,text\n" + "\n".join(rows) + "\n", encoding="utf-8")


def floodmark(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "floodmark", *arguments]


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "findings.json").read_bytes()).hexdigest()


@pytest.mark.slow
def test_kill_leaves_the_old_or_the_new_case(tmp_path: Path) -> None:
    kills = int(os.environ.get("FLOODMARK_KILLS", "20"))
    rng = random.Random(7)
    (tmp_path / "case.toml").write_text(CASE, encoding="utf-8")
    run = floodmark("run", str(tmp_path / "case.toml"), "--out", str(tmp_path / "case"), "--quiet")
    states = {}
    for words in ("first version of the words", "second version of them"):
        write_posts(tmp_path / "posts.csv", words)
        started = time.monotonic()
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - started
        states[words] = digest(tmp_path / "case")
    first, second = states
    assert states[first] != states[second]
    outcomes = set()
    for number in range(kills):
        wanted = first if number % 2 == 0 else second
        write_posts(tmp_path / "posts.csv", wanted)
        before = digest(tmp_path / "case")
        process = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.2, 1.1) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        after = digest(tmp_path / "case")
        assert after in {before, states[wanted]}
        outcomes.add(after == states[wanted] != before)
        checked = subprocess.run(
            floodmark("verify", str(tmp_path / "case")), capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
        # The next run always completes, whatever the last one left behind.
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        assert digest(tmp_path / "case") == states[wanted]
        if number % 5 == 4:
            shutil.rmtree(tmp_path / ".case.partial", ignore_errors=True)
    assert False in outcomes, "every kill came too late to test anything"
