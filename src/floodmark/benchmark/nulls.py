"""How often the coordination test names somebody where nobody coordinates: one row a kind, failures shown.

Simulated organic crowds (`simulate.crowd_kinds`), and real collections as they are, cut in half, or with their
coordination shuffled away (`benchmark.shuffles`).
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from floodmark.benchmark import backgrounds, shuffles
from floodmark.coordination.procedure import coordination
from floodmark.coordination.result import Coordination, Shares
from floodmark.errors import UsageError
from floodmark.simulate.crowd_kinds import KINDS
from floodmark.simulate.plant import Actions
from floodmark.stats import clopper_pearson, cluster_share

Row = dict[str, object]
Draw = Callable[[np.random.Generator], Shares]
Test = Callable[[Shares], Coordination]
#: A two-sided 90 % interval ends where the one-sided 95 % bound lies.
_ONE_SIDED_95: Final = 0.90
_RUNS_AT_ONCE: Final = 5


@dataclass(frozen=True)
class Null:
    """A setting without coordination: `draw` gives the shares of a run; `fixed` ones are the same in every run."""

    kind: str
    meaning: str
    draw: Draw
    fixed: bool = False


class Outcome(NamedTuple):
    """What the test said in one run, in counts of accounts; `grade_a` counts groups, `seconds` the test alone."""

    named: int
    testable: int
    in_step: int
    grade_a: int
    seconds: float


def study(
    runs: int,
    seed: int,
    processes: int = 2,
    kinds: Sequence[str] | None = None,
    folder: Path | None = None,
    test: Test | None = None,
) -> list[Row]:
    """Return a row for each kind of null, over `runs` runs; each run's generator comes from (seed, kind, run) alone.

    Columns: kind, meaning, runs, runs_with_a_named_account, share_upper_95 (one-sided, exact), named_accounts,
    testable_accounts, named_per_10000_testable, its one-sided upper bounds with the runs as clusters (an error names
    whole groups) and as if accounts were independent, in_step_accounts, runs_with_grade_a, seconds_per_run (the median:
    the first run compiles). Real collections without shuffling have one run. `kinds` selects by name; `folder` is where
    the real data lies, and its kinds are left out where it is absent. `test` takes the place of `coordination` on one
    thread; with more than one process it must be importable by name. UsageError when a kind is unknown or there are no
    runs.
    """
    if min(runs, processes) < 1:
        raise UsageError("nulls: `runs` and `processes` must be at least 1")
    known = {null.kind: null for null in nulls(folder)}
    if unknown := sorted(set(kinds or ()) - set(known)):
        raise UsageError(f"nulls: there is no kind {unknown[0]!r} here; known: {', '.join(known)}")
    chosen = [known[kind] for kind in (kinds or known)]
    with ExitStack() as stack:
        # Fresh processes: a forked one would inherit half-started threads of Numba and DuckDB.
        pool = stack.enter_context(ProcessPoolExecutor(processes, get_context("spawn"))) if processes > 1 else None
        return [_row(null, list(_outcomes(null, runs, seed, folder, test or _tested, pool))) for null in chosen]


@cache
def nulls(folder: Path | None = None) -> tuple[Null, ...]:
    """Return every null there is here: the simulated kinds, and those on real collections where these are present."""
    simulated = tuple(Null(name, kind.meaning, kind.draw) for name, kind in KINDS.items())
    return simulated + tuple(_on_real_data(folder))


def generator(seed: int, kind: str, run: int) -> np.random.Generator:
    """Return the generator of one run of one kind.

    >>> bool(generator(1, "rhythm", 0).integers(100) == generator(1, "rhythm", 0).integers(100))
    True
    """
    return np.random.default_rng([seed, zlib.crc32(kind.encode()), run])


def _on_real_data(folder: Path | None) -> Iterator[Null]:
    real = (
        ("debate_reposts", "the debate's reposts", _reposts(backgrounds.debate_reposts(folder))),
        ("debate_all_traces", "the debate, all traces", backgrounds.debate_all_traces(folder)),
        ("pheme", "PHEME's rumour posts, all traces", backgrounds.pheme(folder)),
        ("russian_shares", "the Russian shares (unlabelled)", _reposts(backgrounds.russian_shares(folder))),
    )
    for name, words, shares in real:
        if shares is not None:
            yield Null(name, f"As collected: {words}.", partial(_as_it_is, shares), fixed=True)
            yield Null(f"{name}_times", f"Times shuffled within accounts: {words}.", partial(_times, shares))
            yield Null(f"{name}_rewired", f"Accounts swapped within hours: {words}.", partial(_rewired, shares))
            yield Null(f"{name}_half", f"A random half of the accounts: {words}.", partial(_half, shares))


def _reposts(actions: Actions | None) -> Shares | None:
    return None if actions is None else backgrounds.shares_of(actions)


def _as_it_is(shares: Shares, _rng: np.random.Generator) -> Shares:
    return shares


def _times(shares: Shares, rng: np.random.Generator) -> Shares:
    return shuffles.shuffle_times(shares, rng)


def _rewired(shares: Shares, rng: np.random.Generator) -> Shares:
    return shuffles.rewire(shares, rng)


def _half(shares: Shares, rng: np.random.Generator) -> Shares:
    return shuffles.halves(shares, rng)[0]


def _tested(shares: Shares) -> Coordination:
    return coordination(shares, threads=1)


def _outcomes(
    null: Null, runs: int, seed: int, folder: Path | None, test: Test, pool: ProcessPoolExecutor | None
) -> Iterator[Outcome]:
    """Do the runs of one kind, here or by a few at once in other processes, in order."""
    numbers = range(1 if null.fixed else runs)
    if pool is None:
        yield from (_run(null, seed, number, test) for number in numbers)
        return
    batches = [numbers[first : first + _RUNS_AT_ONCE] for first in range(0, len(numbers), _RUNS_AT_ONCE)]
    for batch in pool.map(_run_batch, repeat(null.kind), repeat(folder), repeat(seed), batches, repeat(test)):
        yield from batch


def _run_batch(kind: str, folder: Path | None, seed: int, numbers: range, test: Test) -> list[Outcome]:
    """Do some runs in a process of the pool; the null is found by name, for what draws it cannot be sent."""
    (null,) = (null for null in nulls(folder) if null.kind == kind)
    return [_run(null, seed, number, test) for number in numbers]


def _run(null: Null, seed: int, number: int, test: Test) -> Outcome:
    shares = null.draw(generator(seed, null.kind, number))
    started = time.perf_counter()
    found = test(shares)
    seconds = time.perf_counter() - started
    grade_a = sum(group.grade == "A" for group in found.groups)
    return Outcome(found.count("named"), found.testable, found.count("in_step"), grade_a, seconds)


def _row(null: Null, outcomes: Sequence[Outcome]) -> Row:
    named = np.array([outcome.named for outcome in outcomes], np.int64)
    testable = np.array([outcome.testable for outcome in outcomes], np.int64)
    with_named, all_named, all_testable = int(np.count_nonzero(named)), int(named.sum()), int(testable.sum())
    return {
        "kind": null.kind,
        "meaning": null.meaning,
        "runs": len(outcomes),
        "runs_with_a_named_account": with_named,
        "share_upper_95": clopper_pearson(with_named, len(outcomes), _ONE_SIDED_95)[1],
        "named_accounts": all_named,
        "testable_accounts": all_testable,
        "named_per_10000_testable": 1e4 * all_named / all_testable if all_testable else None,
        "named_per_10000_upper_95": 1e4 * cluster_share(named, testable, _ONE_SIDED_95)[2],
        "named_per_10000_upper_95_if_independent": 1e4 * clopper_pearson(all_named, all_testable, _ONE_SIDED_95)[1],
        "in_step_accounts": sum(outcome.in_step for outcome in outcomes),
        "runs_with_grade_a": sum(outcome.grade_a > 0 for outcome in outcomes),
        "seconds_per_run": float(np.median([outcome.seconds for outcome in outcomes])),
    }
