"""The case file: what it means, and one clear sentence for each mistake."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from floodmark import config
from floodmark.errors import UsageError

GOOD = """
[case]
name = "tiny"
[event]
title = "A meeting"
zone = "Asia/Tehran"
start = 2020-07-17T00:00:00
end = 2020-07-18T00:00:00
[[side]]
name = "against"
hashtags = ["x"]
[[input]]
path = "posts.csv"
format = "table"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "case.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_local_times_follow_the_zone_of_that_date(tmp_path: Path) -> None:
    loaded = config.load(write(tmp_path, GOOD))
    # Tehran was at UTC+4:30 in July 2020; a fixed +3:30 would be an hour wrong.
    assert loaded.event.start_ms == 1594927800000
    assert loaded.event.end_ms - loaded.event.start_ms == 86_400_000
    assert loaded.subjects == ("against",)


def test_the_file_that_init_writes_is_valid(tmp_path: Path) -> None:
    text = (files("floodmark") / "init_case.toml").read_text(encoding="utf-8")
    loaded = config.load(write(tmp_path, text))
    assert loaded.subjects == ("against", "for", "both", "control")
    defaults = config.Parameters()
    assert loaded.parameters == defaults


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("Asia/Tehran", "Asia/Teheran"), ["event.zone", "Asia/Teheran", "IANA"]),
        (("start = 2020-07-17", "start = 2020-07-19"), ["event", "event.end must be later"]),
        (('title = "A meeting"\n', ""), ["event.title", "missing"]),
        (('name = "against"', 'name = "both"'), ["side[1].name", "reserved"]),
        (('hashtags = ["x"]', 'hashtag = ["x"]'), ["side[1].hashtag", "not a known field"]),
        (('hashtags = ["x"]', "hashtags = 3"), ["side[1].hashtags", "3"]),
        (('hashtags = ["x"]', 'streams = ["nowhere"]'), ["'nowhere'", "[[input]]"]),
        (('name = "tiny"', 'name = "Ti ny"'), ["case.name", "Ti ny"]),
        (('name = "tiny"', 'name = "tiny'), ["not valid TOML"]),
        (("start = 2020-07-17T00:00:00", "start = 0001-01-01T00:00:00"), ["event.start", "1970", "correct"]),
        (("start = 2020-07-17T00:00:00", 'start = "yesterday"'), ["event.start", "yesterday", "2020-07-17T00:00:00"]),
        (('format = "table"', 'format = "table"\ndelimiter = "é"'), ["input[1].delimiter", "';'"]),
        (('format = "table"', 'format = "table"\nlist_separator = ""'), ["input[1].list_separator"]),
        (("[case]", "case = 3\n[cases]"), ["`case` must be a table"]),
        (('hashtags = ["x"]', ""), ["side[1]", "needs hashtags"]),
    ],
)
def test_each_mistake_is_one_sentence_with_file_field_and_fix(
    tmp_path: Path, change: tuple[str, str], says: list[str]
) -> None:
    assert change[0] in GOOD
    with pytest.raises(UsageError) as caught:
        config.load(write(tmp_path, GOOD.replace(*change)))
    message = str(caught.value)
    assert "case.toml" in message
    assert "\n" not in message
    assert all(part in message for part in says), message


def test_a_missing_or_foreign_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such case file"):
        config.load(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        config.load(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"[case]\nname = '\xe9'")
    with pytest.raises(UsageError, match="not UTF-8"):
        config.load(tmp_path / "latin.toml")


def test_a_baseline_must_lie_before_the_event(tmp_path: Path) -> None:
    late = GOOD + "[baseline]\nstart = 2020-07-01T00:00:00\nend = 2020-07-17T12:00:00\n"
    with pytest.raises(UsageError, match=r"baseline\.end must not be later than event\.start"):
        config.load(write(tmp_path, late))


COMPARED = (
    GOOD
    + '[[comparison]]\nstream = "early"\nstart = 2019-07-12T00:00:00\n[[input]]\npath = "e.csv"\nformat = "table"\n'
)


def test_streams_for_comparison_belong_to_nobody(tmp_path: Path) -> None:
    loaded = config.load(write(tmp_path, COMPARED + 'stream = "early"\n'))
    assert loaded.streams_apart == ("early",)
    # Tehran was at UTC+4:30 then, too.
    assert loaded.comparison_start_ms(loaded.comparisons[0]) == 1562873400000
    sibling = COMPARED.replace("start = 2019-07-12T00:00:00\n", "") + 'stream = "early"\n'
    loaded = config.load(write(tmp_path, sibling))
    assert loaded.comparison_start_ms(loaded.comparisons[0]) == loaded.event.start_ms


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (COMPARED + 'stream = "other"\n', "no [[input]] has stream = 'early'"),
        (COMPARED + 'stream = "early"\n[control]\nstreams = ["early"]\n', "also a stream of a side, the control"),
        (COMPARED + 'stream = "early"\n[[comparison]]\nstream = "early"\n', "named twice"),
    ],
)
def test_wrong_streams_for_comparison_are_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as found:
        config.load(write(tmp_path, text))
    assert said in str(found.value)
