"""The two real sets on accounts that vanished, run as the how-to says; their published figures come out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from floodmark import config
from floodmark.pipeline import run_case
from floodmark.progress import Reporter

NO_SURVIVAL = ("staying", "matched_difference", "gone_difference")


def how_to(root: Path, name: str) -> str:
    text = (root / "docs/how-to/aftermath.md").read_text(encoding="utf-8")
    (found,) = [block for block in re.findall(r"```toml\n(.*?)```", text, re.S) if f'name = "{name}"' in block]
    return found


def run(case_file: str, data: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """Run a case of the how-to beside links to its data."""
    for file in data.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "case.toml").write_text(case_file, encoding="utf-8")
    result = run_case(config.load(folder / "case.toml"), folder / "out", Reporter(quiet=True))
    assert result.failed_sections == {}
    assert all(item.rows == item.stored + item.rejected for item in result.inputs)
    return {str(finding["id"]): dict(finding) for finding in result.findings}


@pytest.fixture(scope="module")
def bots(root: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    data = shared / "data/astroturf_tr_2022"
    return run(how_to(root, "astroturf-tr-2022"), data, tmp_path_factory.mktemp("bots"))


@pytest.fixture(scope="module")
def polled(root: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    data = shared / "data/suspension_iran_2020"
    return run(how_to(root, "suspension-iran-2020"), data, tmp_path_factory.mktemp("polled"))


def test_lives_of_deleted_posts(bots: dict[str, dict[str, Any]]) -> None:
    posts = bots["M6.deleted_posts.bots"]
    assert posts["value"] == 75_049
    assert posts["details"]["accounts"] == 4_925
    assert posts["details"]["created_from"] == {"id": 75_049}
    life, short = bots["M6.post_life.bots"], bots["M6.short_lived.bots"]
    assert round(life["value"] / 1000) == 56
    assert life["low"] < life["value"] < life["high"]
    assert round(short["value"], 3) == 0.785
    assert short["high"] - short["low"] > 0.2, "a few accounts wrote most posts"


def test_bots_that_were_gone(bots: dict[str, dict[str, Any]]) -> None:
    gone = bots["M6.gone.bots"]["details"]
    assert (gone["flagged"], gone["judged"], gone["unknown"]) == (6_208, 37_195, 122)
    assert gone["by_status"] == {"active": 30_987, "not_found": 6_208}
    for name in ("suspended", "deleted", "protected", "renamed", "returned"):
        assert bots[f"M6.{name}.bots"]["state"] == "not_testable", "the look could not tell"


def test_vanished_accounts_by_poll(polled: dict[str, dict[str, Any]]) -> None:
    share = polled["M6.ever_gone_of_polled.polled"]
    assert (share["details"]["seen_gone"], round(share["value"], 3)) == (7_088, 0.041)
    assert "about 171,000 polled" in share["method"]
    states: dict[str, int] = {}
    for _, status, accounts in share["details"]["snapshots"]:
        states[status] = states.get(status, 0) + accounts
    assert states == {"not_found": 3_334, "suspended": 2_491, "returned": 1_246, "restricted": 17}
    assert polled["M6.came_back.polled"]["details"]["flagged"] == 1_246
    pace = polled["M6.vanishing_pace.polled"]
    assert len(pace["details"]["polls"]) == 18
    assert pace["low"] < 1 < pace["high"], "no jump on 16 and 20 July"
    assert polled["M6.gone.polled"]["state"] == "not_testable"


def test_survival_and_matching_are_not_testable_and_say_why(
    bots: dict[str, dict[str, Any]], polled: dict[str, dict[str, Any]]
) -> None:
    for found, side in ((bots, "bots"), (polled, "polled")):
        for name in NO_SURVIVAL:
            assert found[f"M6.{name}.{side}"]["state"] == "not_testable", name
        assert "no control" in found[f"M6.matched_difference.{side}"]["method"]
        assert "no input of this case holds posts" in found["M12.without_posts"]["method"]
        assert found["M3.without_posts"]["state"] == "not_testable"
