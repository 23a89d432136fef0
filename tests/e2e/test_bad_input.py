"""What a person does wrong gives one sentence with file, field and fix, exit code 2, and nothing half-written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CASE = """
[case]
name = "bad"
platform = "x"
[event]
title = "t"
zone = "UTC"
start = 2020-07-17T00:00:00
end = 2020-07-18T00:00:00
[[side]]
name = "side"
hashtags = ["tag"]
[[input]]
path = "posts.csv"
format = "table"
[input.columns]
post_id = "id"
account_id = "who"
at = "when"
text = "text"
followers = "fans"
"""
POSTS = "id,who,when,text,fans\n1,a,2020-07-17T01:00:00Z,hello #tag,3\n2,b,2020-07-17T02:00:00Z,hi #tag,4\n"
JSON_CASE = CASE.replace("posts.csv", "posts.jsonl")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "floodmark", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, encoding="utf-8")


def refused(folder: Path, case: str, says: list[str]) -> None:
    (folder / "case.toml").write_text(case, encoding="utf-8")
    before = {path.name for path in folder.iterdir()}
    result = run(folder, "run", "case.toml", "--quiet")
    assert result.returncode == 2, result.stdout + result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert all(part in lines[0] for part in says), lines[0]
    visible = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert visible == {name for name in before if not name.startswith(".")}


def test_the_good_case_runs(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(CASE, encoding="utf-8")
    (tmp_path / "posts.csv").write_text(POSTS, encoding="utf-8")
    result = run(tmp_path, "run", "case.toml", "--quiet")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "Report: case.case/report.html"
    assert result.stderr == ""


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path, CASE, ["posts.csv", "input[1].path", "no such file", "correct the path"])


def test_wrong_mapping(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text(POSTS, encoding="utf-8")
    refused(tmp_path, CASE.replace('at = "when"', 'at = "whem"'), ["posts.csv", "at", "whem", "when"])
    refused(tmp_path, CASE.replace('text = "text"', 'tekst = "text"'), ["posts.csv", "tekst", "text"])


def test_unknown_format(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text(POSTS, encoding="utf-8")
    refused(tmp_path, CASE.replace('format = "table"', 'format = "tabel"'), ["tabel", "table"])


def test_empty_stream(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text("id,who,when,text,fans\n", encoding="utf-8")
    refused(tmp_path, CASE, ["posts.csv"])
    (tmp_path / "posts.csv").write_text("", encoding="utf-8")
    refused(tmp_path, CASE, ["posts.csv", "empty"])


def test_event_outside_the_data(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text(POSTS, encoding="utf-8")
    shifted = CASE.replace("2020-07-1", "2021-07-1")
    refused(tmp_path, shifted, ["case.toml", "event.start", "2020-07-17T01:00:00Z", "correct the window"])


def test_unknown_zone(tmp_path: Path) -> None:
    refused(tmp_path, CASE.replace('"UTC"', '"Mars/Olympus"'), ["case.toml", "event.zone", "Mars/Olympus", "IANA"])


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_bytes(POSTS.encode("utf-16"))
    refused(tmp_path, CASE, ["posts.csv", "UTF-8"])
    rows = POSTS.replace("hello", "ol\N{LATIN SMALL LETTER A WITH ACUTE}").replace("hi", "\N{POUND SIGN}")
    (tmp_path / "posts.csv").write_bytes(rows.encode("latin-1"))
    refused(tmp_path, CASE, ["posts.csv", "UTF-8"])


def test_half_a_json_line(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text('{"id": "1", "who": "a", "when": "2020-07-1', encoding="utf-8")
    refused(tmp_path, JSON_CASE, ["posts.jsonl", "JSON"])


def test_half_a_json_line_among_whole_ones_is_a_counted_reject(tmp_path: Path) -> None:
    row = '{"id": "%d", "who": "a", "when": "2020-07-17T01:00:00Z", "text": "#tag", "fans": 2}\n'
    (tmp_path / "posts.jsonl").write_text("".join(row % n for n in range(3)) + '{"id": "9", "wh', encoding="utf-8")
    (tmp_path / "case.toml").write_text(JSON_CASE, encoding="utf-8")
    result = run(tmp_path, "run", "case.toml")
    assert result.returncode == 0, result.stderr
    assert "posts.jsonl: 1 of 4 rows rejected" in result.stderr


def test_a_column_of_the_wrong_type(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text(POSTS.replace(",3\n", ",many\n").replace(",4\n", ",few\n"), encoding="utf-8")
    refused(tmp_path, CASE, ["posts.csv", "followers", "fans", "many"])


def test_missing_offset(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text(POSTS.replace("Z,", ","), encoding="utf-8")
    refused(tmp_path, CASE, ["posts.csv", "at", "when", "zone"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("replay", ".", "M1.window"), "no case.json there"),
        (("verify", "nowhere"), "no case.json there"),
        (("run", "nowhere.toml"), "no such case file"),
        (("edges", "none.csv", "--out", "e.csv"), "none.csv"),
        (("edges", "none.csv", "--out", "e.csv", "--window", "soon"), "soon"),
        (("edges", "none.csv", "--out", "e.csv", "--time-unit", "h"), "--time-unit"),
    ],
)
def test_commands_refuse_in_one_sentence(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    result = run(tmp_path, *arguments)
    assert result.returncode == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_init_never_overwrites(tmp_path: Path) -> None:
    assert run(tmp_path, "init", "--out", "mine.toml").returncode == 0
    (tmp_path / "mine.toml").write_text("mine", encoding="utf-8")
    again = run(tmp_path, "init", "--out", "mine.toml")
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert (tmp_path / "mine.toml").read_text(encoding="utf-8") == "mine"


def test_help_has_an_example_everywhere(tmp_path: Path) -> None:
    for command in ("demo", "init", "run", "replay", "verify", "traces", "readers", "flags", "edges", "simulate"):
        result = run(tmp_path, command, "--help")
        assert result.returncode == 0
        assert f"floodmark {command}" in result.stdout.replace("Usage:", "").split("\n", 3)[3], command
    assert run(tmp_path, "--version").stdout.startswith("floodmark ")
