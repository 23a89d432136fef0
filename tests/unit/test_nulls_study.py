"""The null study counts what a test says, reproducibly, whatever the test is; the test here is made up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from floodmark.benchmark import nulls
from floodmark.coordination.result import Coordination, Shares
from floodmark.errors import UsageError
from floodmark.simulate.crowd_kinds import KINDS


@dataclass
class Fake:
    """Names the first `named` accounts in every second run, of 100 that are testable; remembers what it saw."""

    named: int = 4
    seen: list[Shares] = field(default_factory=list)

    def __call__(self, shares: Shares) -> Coordination:
        self.seen.append(shares)
        named = self.named if len(self.seen) % 2 else 0
        counts = {"named": named, "in_step": 3}
        groups = [SimpleNamespace(grade="A")] * 2 if named else [SimpleNamespace(grade="B")]
        return SimpleNamespace(groups=groups, testable=100, count=counts.__getitem__)  # type: ignore[return-value]


def study(fake: Fake, folder: Path, kinds: list[str] | None = None, runs: int = 10, seed: int = 1) -> list[nulls.Row]:
    return nulls.study(runs, seed, processes=1, kinds=kinds, folder=folder, test=fake)


def test_a_row_adds_up_the_runs(tmp_path: Path) -> None:
    (row,) = study(Fake(), tmp_path, ["viral"])
    assert row["kind"] == "viral"
    assert row["meaning"] == KINDS["viral"].meaning
    assert (row["runs"], row["runs_with_a_named_account"], row["runs_with_grade_a"]) == (10, 5, 5)
    assert (row["named_accounts"], row["testable_accounts"], row["in_step_accounts"]) == (20, 1_000, 30)
    assert row["named_per_10000_testable"] == pytest.approx(200)
    # Clopper and Pearson's one-sided bound for 5 of 10 (tables: 0.7776).
    assert row["share_upper_95"] == pytest.approx(0.7776, abs=1e-4)


def test_zero_errors_are_bounded_not_zero(tmp_path: Path) -> None:
    (row,) = study(Fake(named=0), tmp_path, ["viral"], runs=30)
    assert row["runs_with_a_named_account"] == row["named_accounts"] == 0
    # The rule of three, exactly: 1 - 0.05 ** (1 / n).
    assert row["share_upper_95"] == pytest.approx(1 - 0.05 ** (1 / 30))
    alone = row["named_per_10000_upper_95_if_independent"]
    clustered = row["named_per_10000_upper_95"]
    assert alone == pytest.approx(1e4 * (1 - 0.05 ** (1 / 3_000)))
    assert isinstance(clustered, float)
    assert isinstance(alone, float)
    # Runs as clusters can only widen it.
    assert clustered > alone


def test_runs_differ_from_each_other_and_come_back_with_the_seed(tmp_path: Path) -> None:
    def sums(seed: int, kinds: list[str], runs: int = 3) -> list[int]:
        fake = Fake()
        study(fake, tmp_path, kinds, runs, seed)
        return [int(shares.at_ms.sum()) for shares in fake.seen]

    both = sums(1, ["rhythm", "tempo"])
    assert len(set(both)) == 6
    # A run depends on (seed, kind, run) alone: not on the other kinds, nor on how many runs there are.
    assert sums(1, ["tempo"]) == both[3:]
    assert sums(1, ["rhythm"], runs=2) == both[:2]
    assert not set(sums(2, ["rhythm"])) & set(both)


def test_without_real_data_the_simulated_kinds_are_studied(tmp_path: Path) -> None:
    assert [row["kind"] for row in study(Fake(), tmp_path, runs=1)] == list(KINDS)


def test_what_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no kind 'vral' here; known: rhythm, "):
        study(Fake(), tmp_path, ["vral"])
    with pytest.raises(UsageError, match="`runs` and `processes` must be at least 1"):
        study(Fake(), tmp_path, runs=0)


def test_real_collections_are_tested_once_as_they_are_and_shuffled_in_every_run(shared: Path) -> None:
    fake = Fake()
    rows = study(fake, shared / "data", ["pheme", "pheme_times", "pheme_rewired", "pheme_half"], runs=2)
    assert [row["runs"] for row in rows] == [1, 2, 2, 2]
    as_collected, times, rewired, half = fake.seen[0], fake.seen[1], fake.seen[3], fake.seen[5]
    assert as_collected.traces == ("hashtag", "repost", "text", "url")
    assert as_collected.n_accounts == times.n_accounts == rewired.n_accounts == 1024
    assert half.n_accounts == 512
    assert not np.array_equal(rewired.object, times.object)


def test_two_processes_give_the_rows_of_one(tmp_path: Path) -> None:
    def rows(processes: int) -> list[nulls.Row]:
        found = nulls.study(7, 3, processes, ["fast_small"], folder=tmp_path)
        return [{name: value for name, value in row.items() if name != "seconds_per_run"} for row in found]

    assert rows(2) == rows(1)
