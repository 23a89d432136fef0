"""Cases without posts, looks that returned only some accounts, polled populations: what a case file may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from floodmark import config
from floodmark.errors import UsageError
from floodmark.pipeline import run_case
from floodmark.progress import Reporter

HEAD = """[case]
name = "lists"
platform = "x"
[event]
title = "Event"
start = 2020-07-17T00:00:00
end = 2020-07-18T00:00:00
zone = "UTC"
"""
LISTS = """[[side]]
name = "one"
streams = ["a"]
[[side]]
name = "two"
streams = ["b"]
[[input]]
path = "a.csv"
format = "statuses"
stream = "a"
observed_at = 2020-08-01T00:00:00Z
columns = {account_id = "who", status = "status"}
[[input]]
path = "b.csv"
format = "accounts"
stream = "b"
columns = {account_id = "who"}
"""


def write(folder: Path, text: str) -> Path:
    (folder / "a.csv").write_text("who,status\n1,active\n2,suspended\n3,deleted\n", encoding="utf-8")
    (folder / "b.csv").write_text("who\n3\n4\n", encoding="utf-8")
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return folder / "case.toml"


def test_lists_make_rosters_and_an_account_on_two_lists_is_on_both(tmp_path: Path) -> None:
    result = run_case(config.load(write(tmp_path, HEAD + LISTS)), tmp_path / "out", Reporter(quiet=True))
    assert result.failed_sections == {}
    found = {str(finding["id"]): finding for finding in result.findings}
    assert found["M6.gone.one"]["value"] == 0.5
    assert found["M6.gone.both"]["state"] == "not_testable", "its only look is of an account that is gone"
    assert "no participant" in str(found["M6.gone.two"]["method"])
    assert "the case holds no posts" in str(found["M6.staying.one"]["method"])
    measures = {finding["measure"] for finding in result.findings}
    assert {"M1", "M2", "M3", "M4", "M5", "M7", "M12"} <= measures
    assert all("lists" in str(f["method"]) for name, f in found.items() if name.endswith(".without_posts"))
    assert not any("accounts only on side" in str(f["claim"]) for f in result.findings), (
        "nobody is known to have posted"
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('streams = ["b"]', 'streams = ["b"]\nhashtags = ["x"]', "no [[input]] holds posts"),
        ('format = "accounts"', 'format = "accounts"\nstatus = "active"', 'format = "statuses"'),
        ("observed_at = 2020-08-01T00:00:00Z", 'unlisted = "not_found"', "needs `observed_at`"),
        (
            '[[side]]\nname = "two"',
            '[[population]]\nside = "three"\naccounts = 9\nsource = "s"\n[[side]]\nname = "two"',
            "population.side 'three' is no [[side]]",
        ),
        ('streams = ["b"]', 'streams = ["c"]', "stream 'c' is used by a side"),
    ],
)
def test_mistakes_are_named(old: str, new: str, says: str, tmp_path: Path) -> None:
    assert old in LISTS
    with pytest.raises(UsageError) as problem:
        config.load(write(tmp_path, HEAD + LISTS.replace(old, new, 1)))
    assert says in str(problem.value)
