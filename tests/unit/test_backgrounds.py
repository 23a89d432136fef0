"""Real backgrounds: counts only, against counts made without the project's readers."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from floodmark.benchmark import backgrounds


def test_nothing_there_is_none_and_no_error(tmp_path: Path) -> None:
    assert backgrounds.debate_reposts(tmp_path) is None
    assert backgrounds.debate_all_traces(tmp_path) is None
    assert backgrounds.russian_shares(tmp_path) is None
    assert backgrounds.pheme(tmp_path) is None


def test_debate_reposts_are_the_rows_that_say_rt(shared: Path) -> None:
    with (shared / "data/organic_gopdebate_2015/Sentiment.csv").open(encoding="utf-8", newline="") as file:
        said = {(row["name"].lower(), row["text"]) for row in csv.DictReader(file) if row["text"].startswith("RT @")}
    found = backgrounds.debate_reposts(shared / "data")
    assert found is not None
    # Short texts are left out, and cut or respelt ones of one account fall together.
    assert 0.98 * len(said) <= len(found) <= len(said)
    accounts = len(set(found.account_id))
    assert 0.99 * len({name for name, _ in said}) <= accounts <= len({name for name, _ in said})
    assert found.at_ms.max() - found.at_ms.min() < 86_400_000


def test_all_traces_hold_the_reposts_and_more(shared: Path) -> None:
    reposts, every = backgrounds.debate_reposts(shared / "data"), backgrounds.debate_all_traces(shared / "data")
    assert reposts is not None
    assert every is not None
    assert every.traces == ("hashtag", "repost", "text", "url")
    kind = every.trace[every.object]
    assert np.count_nonzero(kind == every.traces.index("repost")) == len(reposts)
    assert min(np.bincount(kind)) > 1_000


def test_the_russian_shares_are_all_there_in_milliseconds(shared: Path) -> None:
    found = backgrounds.russian_shares(shared / "data")
    assert found is not None
    # By the data's own README and its R code: 35,125 shares; June 2021.
    assert len(found) == 35_125
    assert np.median(found.at_ms) > 1_600_000_000_000
    shares = backgrounds.shares_of(found)
    assert shares.n_accounts == len(set(found.account_id))
    assert len(shares.trace) == len(set(found.object_id))


def test_pheme_is_read_from_all_its_files(shared: Path) -> None:
    found = backgrounds.pheme(shared / "data")
    assert found is not None
    assert found.n_accounts == 1_024
    texts = found.trace[found.object] == found.traces.index("text")
    # 2,402 posts; a text that one account posts twice at one time is one action.
    assert 0.97 * 2_402 <= np.count_nonzero(texts) <= 2_402
