"""The second process: same results, every job once, errors as in one process, and no process left after a failure."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from floodmark.beside import Helper, Wait
from floodmark.case import read_manifest
from floodmark.config import load
from floodmark.errors import EngineError, UsageError

CASE = """
name = "small"
[event]
title = "Small"
start = 2020-07-17
end = 2020-07-18
zone = "UTC"
[[side]]
name = "one"
hashtags = ["one"]
[[input]]
path = "posts.csv"
format = "table"
platform = "sim"
columns = {post_id = "post_id", account_id = "account_id", at = "created_at", text = "text"}
[[input]]
path = "more.csv"
format = "table"
platform = "sim"
columns = {post_id = "post_id", account_id = "account_id", at = "created_at", text = "text"}
"""


square = partial(pow, exp=2)


def where(_number: int) -> int:
    """Return the id of the process that runs this."""
    return os.getpid()


def elsewhere(helper: Helper, _number: int = 0) -> Wait[int]:
    """Ask for the id of the process that the helper is."""
    return helper.start(os.getpid)


def refuse(helper: Helper, number: int) -> Wait[object]:
    """Let a job fail: there is no such case file."""
    return helper.start(load, Path(f"none{number}.toml"))


def test_both_ways_give_the_same_and_only_one_uses_another_process() -> None:
    with Helper(wanted=False) as alone, Helper(wanted=True) as helped:
        assert [alone.start(square, 7)(), helped.start(square, 7)()] == [49, 49]
        assert elsewhere(alone)() == os.getpid()
        assert elsewhere(helped)() != os.getpid()


def test_alone_nothing_is_done_before_it_is_waited_for() -> None:
    wait = refuse(Helper(wanted=False), 3)
    with pytest.raises(UsageError, match="none3"):
        wait()


def test_an_error_is_raised_where_it_is_waited_for() -> None:
    wait = refuse(Helper(wanted=True), 4)
    with pytest.raises(UsageError, match="none4"):
        wait()


def test_a_process_that_dies_is_one_sentence_and_the_next_job_gets_another() -> None:
    helper = Helper(wanted=True)
    with pytest.raises(EngineError, match="ended from outside"):
        helper.start(os._exit, 9)()
    assert helper.start(square, 3)() == 9


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("jobs", [0, 1, 2, 25])
def test_shared_jobs_are_each_done_once(wanted: bool, jobs: int) -> None:
    helper = Helper(wanted=wanted)
    found = list(helper.share(square, lambda job: helper.start(square, job), range(jobs)))
    assert sorted(found) == [(job, job * job) for job in range(jobs)]


def test_sharing_uses_both_processes() -> None:
    helper = Helper(wanted=True)

    def here(_job: int) -> int:
        time.sleep(0.02)
        return os.getpid()

    found = dict(helper.share(here, partial(elsewhere, helper), range(100)))
    assert found[0] == os.getpid()
    assert found[99] != os.getpid()
    assert len(set(found.values())) == 2


def test_an_error_while_sharing_is_raised() -> None:
    helper = Helper(wanted=True)
    with pytest.raises(UsageError, match="none1"):
        list(helper.share(square, lambda job: refuse(helper, job), [0, 1]))


def test_a_failed_run_ends_its_process() -> None:
    helper = Helper(wanted=True)
    other = elsewhere(helper)()
    with pytest.raises(UsageError), helper:
        refuse(helper, 5)()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{other}/exe").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    with Helper(wanted=True) as again:
        assert elsewhere(again)() != other


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc whether a process runs")
def test_a_run_that_is_killed_leaves_no_process_that_writes() -> None:
    script = (
        "import os, time\n"
        "from floodmark.beside import Helper\n"
        "helper = Helper(wanted=True)\n"
        "print(helper.start(os.getpid)(), flush=True)\n"
        "helper.start(time.sleep, 60)()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        other = int(run.stdout.readline())
        run.kill()
    deadline = time.monotonic() + 20
    while _runs(other) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(other)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
        # Killed, but nobody has asked how it ended: no longer running either.
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(CASE, encoding="utf-8")
    for name in ("posts", "more"):
        rows = "".join(
            f"{name}{i},a{i % 3},2020-07-17T10:0{i % 10}:00Z,#one {name} number {i} of many\n" for i in range(40)
        )
        (tmp_path / f"{name}.csv").write_text("post_id,account_id,created_at,text\n" + rows, encoding="utf-8")
    script = (
        "from pathlib import Path\n"
        "from floodmark import config, pipeline\n"
        "from floodmark.progress import Reporter\n"
        "print('begun')\n"
        "for alone, folder in ((0, 'helped'), (10**12, 'alone')):\n"
        "    pipeline._ALONE_BYTES = alone\n"
        "    found = pipeline.run_case(config.load(Path('case.toml')), Path(folder), Reporter(quiet=True))\n"
        "    print(len(found.findings), *[count.stored for count in found.inputs])\n"
    )
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    ran = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stderr
    begun, helped, alone = ran.stdout.splitlines()
    assert begun == "begun"
    assert helped == alone
    assert helped.endswith(" 40 40")
    for name in ("findings.json", *(f"tables/{path.name}" for path in (tmp_path / "alone/tables").iterdir())):
        assert (tmp_path / "helped" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes(), name
    steps = [[step["name"] for step in read_manifest(tmp_path / name)["steps"]] for name in ("helped", "alone")]
    assert steps[0] == steps[1]
