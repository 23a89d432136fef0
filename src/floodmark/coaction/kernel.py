"""The co-action kernel: the same edges as `sql/coactions.sql`, without ever holding a list of pairs.

Importing this module imports Numba (about 0.2 s); import it where it is used, not at the top of a module.

Actions are sorted by (object, time), so the actions within a window of one action are one slice. Each account is then
visited once: over all its actions' slices a dense counter (one row per account) adds up what it did together with every
later account, and the rows that were touched become its edges. Work is cut into blocks of accounts that threads take in
turn; the blocks' edges come out in the order of accounts, so neither the order of rows nor the number of threads shows.

Memory: about 50 bytes an action, 40 bytes an account and thread, 40 bytes an edge that is kept.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from floodmark.compiled import compiled
from floodmark.errors import UsageError

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Result = TypeVar("Result")
Function = TypeVar("Function", bound=Callable[..., Any])

#: Times and windows beyond this are refused, so that no sum or difference of two of them overflows 64 bits.
MAX_ABS_MS: Final = 2**61
_EDGES_PER_BLOCK: Final = 1 << 18
_PAIRS_PER_BLOCK: Final = 1 << 22
_COACTIONS, _OBJECTS, _A_FIRST, _B_FIRST = range(4)


@dataclass(frozen=True)
class EdgeArrays:
    """Edges as columns of equal length, sorted by (account_a, account_b); accounts are indices, a < b.

    `coactions`, `a_first` and `b_first` count pairs of actions, `objects` counts distinct objects.
    """

    account_a: Int32s
    account_b: Int32s
    coactions: Int64s
    objects: Int64s
    a_first: Int64s
    b_first: Int64s

    def __len__(self) -> int:
        """Return the number of edges."""
        return len(self.account_a)


class SortedActions(NamedTuple):
    """Actions sorted by (object, time), each with its window as a slice `low[i]:high[i]` of the same arrays.

    `by_account[starts[k]:starts[k + 1]]` are the positions of account k's actions, again by (object, time). Whoever
    needs more of a pair than sums (its objects, its episodes) walks these arrays, compiled or not.
    """

    account: Int32s
    object: Int32s
    at_ms: Int64s
    low: Int32s
    high: Int32s
    by_account: Int32s
    starts: Int64s


class _Counter(NamedTuple):
    """What one thread needs: sums and the last object counted for each account, and the accounts touched so far."""

    sums: Int64s
    last_object: Int32s
    touched: Int32s


@compiled
def group_by(key: Int32s, order: Int64s, n_keys: int) -> tuple[Int64s, Int32s]:
    """Counting sort: return where each key's rows start, and `order` regrouped by key (stable)."""
    starts = np.zeros(n_keys + 1, np.int64)
    for value in key:
        starts[value + 1] += 1
    for i in range(n_keys):
        starts[i + 1] += starts[i]
    free = starts[:-1].copy()
    grouped = np.empty(len(order), np.int32)
    for row in order:
        grouped[free[key[row]]] = row
        free[key[row]] += 1
    return starts, grouped


@compiled
def _windows(object_index: Int32s, at_ms: Int64s, window_ms: int) -> tuple[Int32s, Int32s]:
    """Return for each action the slice of actions on the same object within the window, itself included."""
    n = len(at_ms)
    low, high = np.empty(n, np.int32), np.empty(n, np.int32)
    first = 0
    for i in range(n):
        while object_index[first] != object_index[i] or at_ms[i] - at_ms[first] > window_ms:
            first += 1
        low[i] = first
    last = n - 1
    for i in range(n - 1, -1, -1):
        while object_index[last] != object_index[i] or at_ms[last] - at_ms[i] > window_ms:
            last -= 1
        high[i] = last + 1
    return low, high


@compiled
def _blocks(actions: SortedActions, max_edges: int, max_pairs: int) -> tuple[Int64s, Int64s]:
    """Cut the accounts into blocks of bounded work; return the blocks' ends and the most edges that each can have."""
    n_accounts = len(actions.starts) - 1
    ends, bounds = np.empty(n_accounts, np.int64), np.empty(n_accounts, np.int64)
    n_blocks, edges, pairs = 0, 0, 0
    for account in range(n_accounts):
        visited = 0
        for i in actions.by_account[actions.starts[account] : actions.starts[account + 1]]:
            visited += actions.high[i] - actions.low[i]
        pairs += visited
        edges += min(visited, n_accounts - 1 - account)
        if edges >= max_edges or pairs >= max_pairs or account == n_accounts - 1:
            ends[n_blocks], bounds[n_blocks] = account + 1, edges
            n_blocks, edges, pairs = n_blocks + 1, 0, 0
    return ends[:n_blocks].copy(), bounds[:n_blocks].copy()


@compiled
def _count_account(me: int, actions: SortedActions, counter: _Counter) -> int:
    """Add up all that `me` did within the window of a later account; return how many accounts were touched."""
    sums, last_object, touched = counter.sums, counter.last_object, counter.touched
    n_touched = 0
    for i in actions.by_account[actions.starts[me] : actions.starts[me + 1]]:
        now, thing = actions.at_ms[i], actions.object[i]
        for j in range(actions.low[i], actions.high[i]):
            other = actions.account[j]
            if other <= me:
                continue
            if sums[other, _COACTIONS] == 0:
                touched[n_touched] = other
                n_touched += 1
            sums[other, _COACTIONS] += 1
            sums[other, _A_FIRST] += now < actions.at_ms[j]
            sums[other, _B_FIRST] += actions.at_ms[j] < now
            # An account's actions come object by object, so remembering one object is enough to count distinct ones.
            if last_object[other] != thing:
                last_object[other] = thing
                sums[other, _OBJECTS] += 1
    return n_touched


@compiled
def _count_block(
    first: int, end: int, actions: SortedActions, min_objects: int, counter: _Counter, pairs: Int32s, counts: Int64s
) -> int:
    """Write the edges of accounts first..end-1 to `pairs` and `counts`, return how many, leave the counter clean."""
    sums, last_object, touched = counter.sums, counter.last_object, counter.touched
    n = 0
    for me in range(first, end):
        n_touched = _count_account(me, actions, counter)
        n_kept = 0
        for k in range(n_touched):
            other = touched[k]
            last_object[other] = -1
            if sums[other, _OBJECTS] >= min_objects:
                touched[n_kept] = other
                n_kept += 1
            else:
                sums[other] = 0
        touched[:n_kept].sort()
        for k in range(n_kept):
            other = touched[k]
            pairs[0, n], pairs[1, n] = me, other
            for column in range(4):
                counts[column, n] = sums[other, column]
                sums[other, column] = 0
            n += 1
    return n


def sort_actions(
    account_index: Int32s, object_index: Int32s, at_ms: Int64s, n_accounts: int, window_ms: int
) -> SortedActions:
    """Sort actions by (object, time) and find each one's window of `window_ms` milliseconds.

    The three arrays have one element per action, in any order; accounts are 0..n_accounts-1 and objects are small
    non-negative integers. Raises UsageError when a time or the window is beyond 2^61 ms, ValueError when an index is
    out of range or the lengths differ.
    """
    if not 0 <= window_ms <= MAX_ABS_MS:
        raise UsageError(f"the window is {window_ms} ms; give one from 0 to {MAX_ABS_MS} ms")
    n = len(at_ms)
    if not len(account_index) == len(object_index) == n < 2**31:
        raise ValueError("account_index, object_index and at_ms must be equally long, below 2^31")
    n_objects = int(np.max(object_index, initial=-1)) + 1
    if n and (min(account_index.min(), object_index.min()) < 0 or account_index.max() >= n_accounts):
        raise ValueError(f"account_index must lie in 0..{n_accounts - 1} and object_index must not be negative")
    if n and (at_ms.min() < -MAX_ABS_MS or at_ms.max() > MAX_ABS_MS):
        raise UsageError(f"an action's time is beyond {MAX_ABS_MS} ms from 1970; times are UTC milliseconds")
    # Actions at the same time keep no particular order; nothing below depends on it.
    order = group_by(np.ascontiguousarray(object_index, np.int32), np.argsort(at_ms), n_objects)[1]
    account, thing = account_index[order].astype(np.int32), object_index[order].astype(np.int32)
    at = at_ms[order].astype(np.int64)
    low, high = _windows(thing, at, window_ms)
    starts, by_account = group_by(account, np.arange(n), n_accounts)
    return SortedActions(account, thing, at, low, high, by_account, starts)


def edge_blocks(
    actions: SortedActions, min_objects: int, use: Callable[[EdgeArrays], Result], threads: int | None = None
) -> Iterator[Result]:
    """Yield `use(block)` for consecutive blocks of edges, in order; `use` runs in the thread that counted the block.

    Only a few blocks are alive at a time, so that results of any size can be streamed.
    """
    workers = threads or processors()
    n_accounts = len(actions.starts) - 1
    ends, bounds = _blocks(actions, _EDGES_PER_BLOCK, _PAIRS_PER_BLOCK)
    counters = deque(
        _Counter(np.zeros((n_accounts, 4), np.int64), np.full(n_accounts, -1, np.int32), np.empty(n_accounts, np.int32))
        for _ in range(workers)
    )

    def count(first: int, end: int, bound: int) -> Result:
        pairs, counts = np.empty((2, bound), np.int32), np.empty((4, bound), np.int64)
        counter = counters.popleft()
        n = _count_block(first, end, actions, min_objects, counter, pairs, counts)
        counters.append(counter)
        return use(EdgeArrays(pairs[0, :n].copy(), pairs[1, :n].copy(), *(column[:n].copy() for column in counts)))

    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        first = 0
        for end, bound in zip(ends.tolist(), bounds.tolist(), strict=True):
            waiting.append(pool.submit(count, first, end, bound))
            first = end
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def edges(
    account_index: Int32s,
    object_index: Int32s,
    at_ms: Int64s,
    n_accounts: int,
    window_ms: int,
    min_objects: int = 1,
    threads: int | None = None,
) -> EdgeArrays:
    """Return the edges of all pairs of accounts with co-actions on at least `min_objects` objects.

    Arguments and errors as for `sort_actions`; `threads` defaults to the processors of this process. The definition is
    `sql/coactions.sql`; the result is the same whatever the order of the rows and the number of threads.

    >>> found = edges(np.array([0, 1, 0]), np.array([0, 0, 0]), np.array([0, 500, 900]), 2, window_ms=500)
    >>> found.coactions.tolist(), found.a_first.tolist(), found.b_first.tolist()
    ([2], [1], [1])
    """
    actions = sort_actions(account_index, object_index, at_ms, n_accounts, window_ms)
    parts: dict[str, list[npt.NDArray[Any]]] = {
        field.name: [np.empty(0, np.int32 if field.name.startswith("account") else np.int64)]
        for field in fields(EdgeArrays)
    }
    for block in edge_blocks(actions, min_objects, lambda block: block, threads):
        for name, columns in parts.items():
            columns.append(getattr(block, name))
    # Column by column, each list freed once it is joined: never two copies of all edges.
    return EdgeArrays(**{name: np.concatenate(parts.pop(name)) for name in list(parts)})
