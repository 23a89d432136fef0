"""What the coordination test takes and gives. Plain data; nothing here computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

#: States of an account, strongest first. None of them clears anybody.
STATES: Final = ("named", "in_step", "lead", "tested", "untestable")
#: How a member of a group moves: behind the others, always in front of them, or in front and behind.
ROLES: Final = ("follower", "amplified", "first_mover")
#: A: no common first post: the delays behind an object's first sharer do not explain the timing. B: they may.
#: Neither excludes a later trigger that all saw: a message, a push, a broadcast.
GRADES: Final = ("A", "B")


@dataclass(frozen=True)
class Shares:
    """Actions of equal length in any order: who, to what, when (UTC ms), as indices.

    `trace[o]` is the kind of action that object o belongs to (an index into `traces`); one kind for all by default.
    Accounts are 0..n_accounts-1. For the same bytes whatever the order of rows, number accounts and objects by their
    ids.
    """

    account: Int32s
    object: Int32s
    at_ms: Int64s
    n_accounts: int
    trace: Int32s
    traces: tuple[str, ...] = ("share",)

    @classmethod
    def of(cls, account_id: Texts, object_id: Texts, at_ms: Int64s) -> Shares:
        """Number text ids by their order and return shares of one trace; the ids are `np.unique` of each column.

        >>> Shares.of(np.array(["b", "a"], object), np.array(["x", "x"], object), np.array([0, 1])).account.tolist()
        [1, 0]
        """
        accounts, account = np.unique(account_id.astype(str), return_inverse=True)
        objects, thing = np.unique(object_id.astype(str), return_inverse=True)
        return cls(
            account.astype(np.int32),
            thing.astype(np.int32),
            np.asarray(at_ms, np.int64),
            len(accounts),
            np.zeros(len(objects), np.int32),
        )


@dataclass(frozen=True)
class Rules:
    """The test's parameters, all printed. The defaults are those of the published error rates."""

    windows_ms: tuple[int, ...] = (10_000, 60_000, 600_000, 3_600_000)
    level: float = 0.05
    min_members: int = 3
    min_episodes: int = 3
    min_rare_objects: int = 5
    rare_share: float = 0.01
    dense_successors: int = 500


@dataclass(frozen=True)
class AccountVerdicts:
    """One row per account, in the order of the input's accounts.

    `p_value` is 1 for whom no group could be tested; `group` is -1 and `grade` and `role` are empty outside groups.
    `episodes` counts the separate episodes in which the account was in step with its group.
    """

    state: Texts
    p_value: Floats
    group: Int32s
    grade: Texts
    role: Texts
    episodes: Int32s


@dataclass(frozen=True)
class Reading:
    """One innocent explanation of a group with what speaks for and against it, in numbers and in words."""

    name: str
    meaning: str
    speaks_for: str
    speaks_against: str


@dataclass(frozen=True)
class Group:
    """A group with at least one named account. Indices are those of the input; counts are of the whole group."""

    group: int
    grade: str
    members: tuple[int, ...]
    named: tuple[int, ...]
    objects: int
    rare_objects: int
    episodes: int
    window_ms: int
    median_lag_ms: int
    first_ms: int
    last_ms: int
    traces: Mapping[str, int]
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class EdgeColumns:
    """Pairs of members of one group, sorted by (group, account_a, account_b); a < b.

    `p_value` is the pair's own; `median_lag_ms` is b's time minus a's over the in-window objects (negative: b leads);
    `evidence_*` are aligned: edge k rests on `evidence_object[evidence_start[k]:evidence_start[k + 1]]`, on which a
    acted at `evidence_a_ms` and b at `evidence_b_ms`.
    """

    group: Int32s
    account_a: Int32s
    account_b: Int32s
    p_value: Floats
    episodes: Int32s
    opportunities: Int32s
    window_ms: Int64s
    median_lag_ms: Int64s
    a_first: Int32s
    b_first: Int32s
    evidence_start: Int64s
    evidence_object: Int32s
    evidence_a_ms: Int64s
    evidence_b_ms: Int64s

    def __len__(self) -> int:
        """Return the number of edges."""
        return len(self.account_a)


@dataclass(frozen=True)
class Coordination:
    """All that one run of the test says.

    `windows_ms` are those that were used (a window under the clock's resolution is not); `too_dense` counts, per
    window, the actions with too many successors to propose anybody, and the objects that hold them.
    `minimum_detectable_jitter_ms` is the widest jitter at which the reference campaign of the docs would still be
    seen in this collection; 0 where none would.
    """

    accounts: AccountVerdicts
    groups: tuple[Group, ...]
    edges: EdgeColumns
    rules: Rules
    windows_ms: tuple[int, ...]
    resolution_ms: int
    actions_used: int
    testable: int
    proposed: int
    tests: int
    too_dense: Mapping[int, tuple[int, int]]
    minimum_detectable_jitter_ms: int
    reference_used: bool

    def count(self, state: str) -> int:
        """Return how many accounts are in `state`."""
        return int(np.count_nonzero(self.accounts.state == state))
