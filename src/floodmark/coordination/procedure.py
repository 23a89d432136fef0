"""The coordination test from end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.coaction.kernel import processors
from floodmark.coordination.edges import edges_of
from floodmark.coordination.groups import Facts, communities, components, describe, facts
from floodmark.coordination.habits import pace_of
from floodmark.coordination.jitter import minimum_detectable_jitter_ms
from floodmark.coordination.lines import EITHER_WAY, OWN_PACE
from floodmark.coordination.naming import Answers, Hits, ask_group
from floodmark.coordination.pairs import Pairs, Workers, tested_pairs
from floodmark.coordination.prepare import Prepared, clock_resolution_ms, prepare
from floodmark.coordination.propose import LEVELS, Proposals, graph_of, propose, rest_for
from floodmark.coordination.rates import Around, Rates, count_around
from floodmark.coordination.result import (
    AccountVerdicts,
    Coordination,
    Floats,
    Group,
    Int32s,
    Int64s,
    Rules,
    Shares,
)
from floodmark.coordination.verdict import Passed, has_own_evidence, passed, roles, testable_accounts
from floodmark.errors import UsageError

Progress = Callable[[float], None]

#: A large proposal is cut into parts that threads take in turn.
_MOST_PARTS: Final = 32
_ACTIONS_A_PART: Final = 1_000


def coordination(
    shares: Shares,
    rules: Rules | None = None,
    reference: Shares | None = None,
    threads: int | None = None,
    progress: Progress = lambda _share: None,
) -> Coordination:
    """Name groups of accounts that act together more than shared taste and shared attention explain.

    Pairs propose groups; then each account is tested against the group that is proposed without it, under
    false-discovery control over all accounts tested. `reference` is an ordinary collection from which the null rates
    are learnt instead, for where the campaign is most of the collection. The result does not depend on the order of
    the rows or on `threads`. Raises UsageError when no window is left above the clock's resolution, ValueError when
    indices do not fit. Method: docs/explanation/coordination.md.

    >>> quiet = Shares.of(np.array(["a", "b"], object), np.array(["x", "x"], object), np.array([0, 90_000]))
    >>> coordination(quiet).accounts.state.tolist()
    ['untestable', 'untestable']
    """
    rules = rules or Rules()
    resolution_ms = clock_resolution_ms(shares.at_ms)
    windows_ms = np.array([w for w in sorted(set(rules.windows_ms)) if w >= resolution_ms], np.int64)
    if not len(windows_ms):
        raise UsageError(
            f"windows: all are shorter than the clock of the data, {resolution_ms / 1000:g} s; give a longer window"
        )
    workers_wanted = threads or processors()
    prepared = prepare(shares)
    base = count_around(prepared, windows_ms)
    too_dense = _too_dense(prepared, base, windows_ms, rules.dense_successors)
    progress(0.1)
    rates_elsewhere = None if reference is None else _reference_rates(reference, windows_ms, rules, workers_wanted)
    workers = Workers(prepared, workers_wanted)
    pairs, around, rates, _ = tested_pairs(prepared, base, windows_ms, rules.dense_successors, rates_elsewhere, workers)
    del base
    progress(0.7)
    answers, hits, proposed = _ask(prepared, pairs, rates, windows_ms, shares.n_accounts, workers_wanted)
    progress(0.95)
    n_active = len(np.unique(shares.account))
    found = _Verdicts(shares, prepared, pairs, answers, hits, passed(answers, rules), windows_ms, n_active, rules)
    groups = found.groups()
    verdicts = found.accounts(groups)
    return Coordination(
        accounts=verdicts,
        groups=tuple(item.group for item in groups),
        edges=edges_of(verdicts.group, pairs, prepared, around, rates, windows_ms, workers),
        rules=rules,
        windows_ms=tuple(windows_ms.tolist()),
        resolution_ms=resolution_ms,
        actions_used=len(prepared.at_ms),
        testable=int(np.count_nonzero(testable_accounts(prepared, rules.min_episodes))),
        proposed=proposed,
        tests=len(answers.account),
        too_dense=too_dense,
        minimum_detectable_jitter_ms=minimum_detectable_jitter_ms(prepared, rates, windows_ms),
        reference_used=reference is not None,
    )


def warm_up() -> None:
    """Compile, or load, all code of the test by running it once on a small planted group: to do beside other work."""
    crowd, group = np.arange(240), np.arange(48)
    shares = Shares(
        account=np.concatenate([crowd * 7 % 40, 40 + group % 6]).astype(np.int32),
        object=np.concatenate([crowd * 11 % 30, 30 + group // 6]).astype(np.int32),
        at_ms=np.concatenate([crowd * 7_919_000 % 86_400_000, group // 6 * 7_200_000 + group % 6 * 2_000]),
        n_accounts=46,
        trace=np.zeros(38, np.int32),
    )
    coordination(shares, threads=1)


def _too_dense(
    prepared: Prepared, base: Around, windows_ms: Int64s, dense_successors: int
) -> dict[int, tuple[int, int]]:
    found = {}
    for w, window_ms in enumerate(windows_ms.tolist()):
        dense = base.after[w] + base.ties[w] > dense_successors
        found[window_ms] = int(np.count_nonzero(dense)), len(np.unique(prepared.object[dense]))
    return found


def _reference_rates(reference: Shares, windows_ms: Int64s, rules: Rules, threads: int) -> Floats:
    """Return the rates of another collection's size classes, its own repeat partners left out."""
    prepared = prepare(reference)
    base = count_around(prepared, windows_ms)
    workers = Workers(prepared, threads)
    return tested_pairs(prepared, base, windows_ms, rules.dense_successors, None, workers)[2].within


def _ask(
    prepared: Prepared, pairs: Pairs, rates: Rates, windows_ms: Int64s, n_accounts: int, threads: int
) -> tuple[Answers, Hits, int]:
    """Put the questions to all accounts beside all proposals; return the answers and how many proposals there are."""
    levels = []
    for level in LEVELS:
        graph = graph_of(pairs, n_accounts, level)
        levels.append((graph, propose(graph)))
    pace = pace_of(prepared)
    rooms = [
        (
            rest_for(n_accounts),
            np.full(len(prepared.original_object), -1, np.int32),
            np.zeros(n_accounts, np.int32),
        )
        for _ in range(threads)
    ]

    def ask(task: tuple[int, int, int, int, int]) -> tuple[Answers, Hits]:
        number, level, group, part, of = task
        graph, proposals = levels[level]
        room = rooms.pop()
        found: tuple[Answers, Hits] = ask_group(
            group, proposals, graph, prepared, rates, pace, windows_ms, *room, part, of
        )
        rooms.append(room)
        found[0].group[:] = number
        return found

    kept = list(_different([proposals for _, proposals in levels]))
    actions = np.diff(prepared.account_starts)
    tasks = []
    for number, (level, group) in enumerate(kept):
        proposals = levels[level][1]
        work = int(actions[proposals.members[proposals.starts[group] : proposals.starts[group + 1]]].sum())
        # Into how many parts a proposal is cut must not depend on the threads: rows come in the order of parts.
        of = min(_MOST_PARTS, 1 + work // _ACTIONS_A_PART)
        tasks += [(number, level, group, part, of) for part in range(of)]
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(ask, tasks))
    rows = np.cumsum([0, *(len(answers.account) for answers, _ in parts)])
    moved = [hits._replace(row=hits.row + first) for (_, hits), first in zip(parts, rows, strict=False)]
    return (
        Answers(*_joined([answers for answers, _ in parts], _NO_ANSWERS)),
        Hits(*_joined(moved, _NO_HITS)),
        len(kept),
    )


def _different(levels: Sequence[Proposals]) -> Iterator[tuple[int, int]]:
    """Yield (level, proposal) of all proposals, those of a narrower level only where they leave somebody out."""
    for level, proposals in enumerate(levels):
        for group, size in enumerate(np.diff(proposals.starts).tolist()):
            wider = levels[level - 1].label[proposals.members[proposals.starts[group]]] if level else -1
            if not level or size != np.diff(levels[level - 1].starts)[wider]:
                yield level, group


_NO_ANSWERS = Answers(
    np.empty(0, np.int32),
    np.empty(0, np.int32),
    np.empty(0, np.bool_),
    np.empty((0, 3)),
    np.empty((0, 3), np.int32),
    np.empty((0, 3), np.int32),
    np.empty((0, 3), np.int32),
    np.empty(0),
)
_NO_HITS = Hits(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.bool_), np.empty(0, np.int64))


def _joined(parts: Sequence[tuple[np.ndarray, ...]], empty: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    return [np.concatenate(columns) for columns in zip(empty, *parts, strict=True)]


@dataclass(frozen=True)
class _Kept:
    """A group that met the minimum evidence, with the rows of the answers of all its accounts, amplified included."""

    group: Group
    rows: Int32s


@dataclass(frozen=True)
class _Verdicts:
    """All that verdicts rest on."""

    shares: Shares
    prepared: Prepared
    pairs: Pairs
    answers: Answers
    hits: Hits
    passed: Passed
    windows_ms: Int64s
    n_active: int
    rules: Rules

    def groups(self) -> list[_Kept]:
        """Return the groups that met the minimum evidence, largest first.

        Accounts that passed are grouped anew, by the pairs among them: which proposal named them does not matter.
        """
        answers, rules = self.answers, self.rules
        named, in_step = self._passing()
        role = roles(answers, named, in_step)
        rows = np.flatnonzero(named | in_step).astype(np.int32)
        rows = rows[np.argsort(answers.account[rows])]
        kept: list[tuple[tuple[int, int, int], Int32s, Facts]] = []
        for connected, accounts in self._parted(answers.account[rows]):
            part = rows[np.isin(answers.account[rows], accounts)]
            acting = part[role[part] != "amplified"]
            if len(acting) < rules.min_members:
                continue
            window_ms = self._window_ms(acting, named)
            found = facts(part, self.hits, self.prepared, connected, window_ms, self.n_active, rules)
            if found.rare_objects >= rules.min_rare_objects:
                size = -int(np.count_nonzero(named[acting])), -len(acting), int(answers.account[acting].min())
                kept.append((size, part, found))
        kept.sort(key=lambda item: item[0])
        return [self._kept(number, part, found, named, role) for number, (_, part, found) in enumerate(kept, 1)]

    def _window_ms(self, rows: Int32s, named: np.ndarray) -> int:
        """Return the window in which most of a group were found."""
        question = OWN_PACE if named[rows].any() else EITHER_WAY
        return int(self.windows_ms[np.bincount(self.answers.window[rows, question]).argmax()])

    def _passing(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that are named or in step, were their group to meet the minimum evidence; one an account."""
        answers = self.answers
        rows = np.flatnonzero(self.passed.named & answers.member).astype(np.int32)
        named = has_own_evidence(
            rows, answers, self.hits, self.prepared, self.shares.trace, self.windows_ms, self.rules
        )
        in_step = self.passed.in_step & answers.member
        passing = np.flatnonzero(named | in_step)
        order = np.lexsort((answers.p_value[passing, OWN_PACE], ~named[passing], answers.account[passing]))
        passing = passing[order]
        best = passing[np.flatnonzero(np.diff(answers.account[passing], prepend=-1))]
        one = np.zeros(len(named), bool)
        one[best] = True
        named, in_step = named & one, in_step & one
        # Where under three of a group are named, nobody is: who is in step as well stays so.
        while True:
            parts = [part for _, part in self._parted(np.sort(answers.account[named | in_step]))]
            called = [np.count_nonzero(named & np.isin(answers.account, part)) for part in parts]
            few = [part for part, n in zip(parts, called, strict=True) if 0 < n < self.rules.min_members]
            if not few:
                return named, in_step & ~named
            named &= ~np.isin(answers.account, np.concatenate(few))

    def _parted(self, accounts: Int32s) -> Iterator[tuple[Int32s, Int32s]]:
        """Yield the groups that accounts (ascending) form by the pairs among them: all connected, and one community."""
        for connected in components(accounts, self.pairs):
            for part in communities(connected, self.pairs, self.rules.min_members):
                yield connected, part

    def _kept(self, number: int, part: Int32s, found: Facts, named: np.ndarray, role: np.ndarray) -> _Kept:
        accounts = self.answers.account
        acting, called = part[role[part] != "amplified"], part[named[part]]
        # A group's grade is read as a word on all of it: it takes most of the named, and never fewer than three; and
        # nobody whom all the others may be watching.
        alone = np.count_nonzero(self.passed.no_trigger[called])
        most = alone >= self.rules.min_members and 2 * alone > len(called) and not found.follows_one_source
        grade = ("A" if most else "B") if len(called) else ""
        group = describe(
            number,
            accounts[acting],
            accounts[called],
            grade,
            found,
            self.hits,
            self.prepared,
            self.shares.trace,
            self.shares.traces,
            self._window_ms(acting, named),
        )
        return _Kept(group, part)

    def accounts(self, groups: Sequence[_Kept]) -> AccountVerdicts:
        """Return the verdict on every account."""
        answers, n = self.answers, self.shares.n_accounts
        state = np.full(n, "untestable", dtype=object)
        state[testable_accounts(self.prepared, self.rules.min_episodes)] = "tested"
        state[answers.account[self.passed.named]] = "lead"
        named, in_step = self._passing()
        state[answers.account[named | in_step]] = "lead"
        p_value = self._p_values()
        group, episodes = np.full(n, -1, np.int32), np.zeros(n, np.int32)
        grade, role = np.full(n, "", dtype=object), np.full(n, "", dtype=object)
        role_of_row = roles(answers, named, in_step)
        for item in groups:
            accounts = answers.account[item.rows]
            state[accounts] = np.where(named[item.rows], "named", "in_step")
            group[accounts], role[accounts] = item.group.group, role_of_row[item.rows]
            question = np.where(named[item.rows], OWN_PACE, EITHER_WAY)
            episodes[accounts] = answers.hits[item.rows, question]
            called = item.rows[named[item.rows]]
            own = self.passed.no_trigger[called] & (item.group.grade == "A")
            grade[answers.account[called]] = np.where(own, "A", "B")
        return AccountVerdicts(state, p_value, group, grade, role, episodes)

    def _p_values(self) -> Floats:
        """Return each account's p-value: beside its own group, else the smallest times the groups it was tested for."""
        answers, n = self.answers, self.shares.n_accounts
        smallest = np.ones(n)
        np.minimum.at(smallest, answers.account, answers.p_value[:, OWN_PACE])
        tests = np.bincount(answers.account, minlength=n)
        p_value = np.minimum(1.0, smallest * np.maximum(1, tests))
        p_value[answers.account[answers.member]] = answers.p_value[answers.member, OWN_PACE]
        return p_value
