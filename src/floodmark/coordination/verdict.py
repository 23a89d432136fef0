"""From answers to verdicts: false-discovery control, minimum evidence, states, roles and grades."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from floodmark.coordination.lines import EITHER_WAY, NO_TRIGGER, OWN_PACE
from floodmark.coordination.naming import Answers, Hits
from floodmark.coordination.pairs import EPISODE_GAP_MS
from floodmark.coordination.prepare import Prepared
from floodmark.coordination.result import Floats, Int32s, Int64s, Rules

#: In front on at least this share of the objects on which it was in step: amplified, not a participant.
_ALWAYS_IN_FRONT: Final = 0.8
#: In front on at least this share: a first mover.
_OFTEN_IN_FRONT: Final = 0.5
#: A trace family with so many episodes counts beside a second one that has as many (07, minimum evidence).
_EPISODES_IN_TWO_FAMILIES: Final = 2


class Passed(NamedTuple):
    """Masks over the rows of the answers: who passed which question after false-discovery control."""

    named: np.ndarray
    no_trigger: np.ndarray
    in_step: np.ndarray


def benjamini_hochberg(p_value: Floats, level: float) -> np.ndarray:
    """Return which of the tests are discoveries at false-discovery rate `level`.

    Source: Benjamini & Hochberg 1995, doi 10.1111/j.2517-6161.1995.tb02031.x.

    >>> benjamini_hochberg(np.array([0.01, 0.5, 0.03]), 0.05).tolist()
    [True, False, True]
    """
    n = len(p_value)
    if not n:
        return np.zeros(0, bool)
    ordered = np.sort(p_value)
    below = np.flatnonzero(ordered <= level * np.arange(1, n + 1) / n)
    return p_value <= ordered[below[-1]] if below.size else np.zeros(n, bool)


def passed(answers: Answers, rules: Rules) -> Passed:
    """Return who passed, members and others alike: all who were tested share the false-discovery control."""

    def question(number: int) -> np.ndarray:
        enough = answers.hits[:, number] >= rules.min_episodes
        return benjamini_hochberg(answers.p_value[:, number], rules.level) & enough

    in_step = question(EITHER_WAY)
    # Who is in step beyond chance and comes after the group is named as well; the latter is then one test, not many.
    # Not who is often in front: an account whom others mirror is in step beyond any chance, by no act of its own.
    after = (answers.p_value[:, OWN_PACE] <= rules.level) & (answers.hits[:, OWN_PACE] >= rules.min_episodes)
    named = question(OWN_PACE) | (in_step & after & (answers.front < _OFTEN_IN_FRONT))
    return Passed(named, question(NO_TRIGGER) & named, in_step)


def has_own_evidence(
    rows: Int32s, answers: Answers, hits: Hits, prepared: Prepared, trace: Int32s, windows_ms: Int64s, rules: Rules
) -> np.ndarray:
    """Return which rows meet the minimum evidence of an account: enough episodes in one trace, or in two traces each.

    Episodes are those in which the account came after the group.
    """
    found = np.zeros(len(answers.account), bool)
    after = np.flatnonzero(hits.after)
    after = after[np.argsort(hits.row[after], kind="stable")]
    starts, ends = (np.searchsorted(hits.row[after], rows, side=side) for side in ("left", "right"))
    for row, begin, end in zip(rows, starts, ends, strict=True):
        lines = after[begin:end]
        gap = max(EPISODE_GAP_MS, int(windows_ms[answers.window[row, OWN_PACE]]))
        position = hits.position[lines]
        kind = trace[prepared.original_object[prepared.object[position]]]
        counts = [count_episodes(prepared.at_ms[position[kind == one]], gap) for one in np.unique(kind)]
        enough = max(counts, default=0) >= rules.min_episodes
        two = sum(count >= _EPISODES_IN_TWO_FAMILIES for count in counts) >= 2
        found[row] = enough or (two and count_episodes(prepared.at_ms[position], gap) >= rules.min_episodes)
    return found


def count_episodes(at_ms: Int64s, gap_ms: int) -> int:
    """Return how many episodes there are among times: a longer gap begins a new one.

    >>> count_episodes(np.array([0, 1000, 900_000]), 300_000)
    2
    """
    return int(np.count_nonzero(np.diff(np.sort(at_ms)) > gap_ms)) + 1 if len(at_ms) else 0


def roles(answers: Answers, named: np.ndarray, in_step: np.ndarray) -> np.ndarray:
    """Return the role of each row: follower when named; who is in step but not named is judged by who came first."""
    role = np.full(len(answers.account), "", dtype=object)
    role[in_step & (answers.front >= _OFTEN_IN_FRONT)] = "first_mover"
    role[in_step & (answers.front >= _ALWAYS_IN_FRONT)] = "amplified"
    role[named] = "follower"
    return role


def testable_accounts(prepared: Prepared, min_episodes: int) -> np.ndarray:
    """Return which accounts could meet the minimum evidence at all, whatever their timing.

    They have enough separate episodes on objects that at least two others share.
    """
    sharers = np.diff(prepared.object_starts)[prepared.object]
    rows = prepared.by_account[sharers[prepared.by_account] >= 3]
    account, at_ms = prepared.account[rows], prepared.at_ms[rows]
    order = np.lexsort((at_ms, account))
    account, at_ms = account[order], at_ms[order]
    new = np.ones(len(account), bool)
    new[1:] = (account[1:] != account[:-1]) | (np.diff(at_ms) > EPISODE_GAP_MS)
    n_accounts = len(prepared.account_starts) - 1
    return np.bincount(account[new], minlength=n_accounts) >= min_episodes
