"""What the studies share: one run of the test and of the peers' rules in names, and many runs side by side."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from floodmark.benchmark import peers
from floodmark.coordination.procedure import coordination
from floodmark.coordination.result import Coordination, Rules
from floodmark.simulate.labelled import Labelled, labelled
from floodmark.simulate.plant import Actions, mixed

Job = TypeVar("Job")
Done = TypeVar("Done")
#: Below this, a group with any evidence at all is named: what the test itself sees, before the minimum evidence.
BARE: Rules = Rules(min_episodes=1, min_rare_objects=0)


@dataclass(frozen=True)
class Setting:
    """How a collection is looked at. `singly`: each kind of action by itself, and whoever is named in any."""

    clock_ms: int = 1
    traces: int = 1
    singly: bool = False
    minimum_evidence: bool = True


@dataclass(frozen=True)
class Seen:
    """One look at a collection: `results` of the test (one, or one a trace), and what the peers' rules flag."""

    labels: Labelled
    results: tuple[Coordination, ...]
    peers: Mapping[str, npt.NDArray[np.bool_] | None]

    def in_state(self, *states: str) -> npt.NDArray[np.bool_]:
        """Return which accounts are in one of the states in any of the results."""
        found = [np.isin(result.accounts.state.astype(str), states) for result in self.results]
        return np.asarray(np.logical_or.reduce(found))


@dataclass(frozen=True)
class Baseline:
    """Who is named and flagged without a plant, by id."""

    named: frozenset[str]
    flagged: Mapping[str, int | None]


def look(actions: Actions, setting: Setting, reference: Actions | None = None) -> Seen:
    """Run the test and the peers' rules once, on one thread: runs go side by side, not each in parallel.

    `reference` is an ordinary collection from which the test learns what is usual.
    """
    labels = labelled(actions, setting.traces)
    parts = [labels.only(trace) for trace in range(setting.traces)] if setting.singly else [labels]
    rules = Rules() if setting.minimum_evidence else BARE
    usual = None if reference is None else labelled(reference, setting.traces).shares
    results = tuple(coordination(part.shares, rules, usual, threads=1) for part in parts)
    return Seen(labels, results, {name: rule(labels.shares) for name, rule in peers.RULES.items()})


def baseline(job: tuple[Actions, Setting]) -> Baseline:
    """Look at a background without any plant."""
    background, setting = job
    seen = look(mixed((background,), setting.clock_ms)[0], setting)
    named = frozenset(seen.labels.accounts[seen.in_state("named")].tolist())
    return Baseline(named, {name: None if mask is None else int(mask.sum()) for name, mask in seen.peers.items()})


def side_by_side(work: Callable[[Job], Done], jobs: Iterable[Job], processes: int = 1) -> Iterator[tuple[int, Done]]:
    """Yield (number of the job, what came of it) as jobs finish, in as many processes; with one, in this process."""
    if processes == 1:
        yield from ((number, work(job)) for number, job in enumerate(jobs))
        return
    # A fresh interpreter each: forking one that runs threads may hang.
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        waiting = {pool.submit(work, job): number for number, job in enumerate(jobs)}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        # Where one job failed, the others are not waited for.
        pool.shutdown(cancel_futures=True)
