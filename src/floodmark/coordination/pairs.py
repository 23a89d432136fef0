"""Pairs of accounts: which ones are candidates, and how surprising their timing is.

A pair is a candidate when on at least two objects the later of the two first actions lies within a window of the
earlier one in which that has at most `dense_successors` successors or ties (`sql/candidates.sql` is the definition).
Its p-value compares the episodes in which they met with the null rates (design 03, step 3). Candidates are visited and
forgotten: only pairs that could still matter are kept, so memory does not grow with the number of candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

import numpy as np

from floodmark.compiled import compiled
from floodmark.coordination.prepare import Prepared
from floodmark.coordination.rates import PSEUDO_SHARERS, Around, Rates, estimate, size_class, subtract_pair
from floodmark.coordination.result import Floats, Int32s, Int64s
from floodmark.coordination.sorting import stable_order
from floodmark.coordination.tail import episode_tail

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Times further apart than this, or than the window if that is longer, are separate episodes.
EPISODE_GAP_MS: Final = 300_000
#: Pairs above this p-value in the first pass, in which rates are lowest, are not looked at again.
_SCREEN_P: Final = 0.6
#: Pairs below this are repeat partners: they are not the ordinary company from which the rates are learnt.
_REPEAT_P: Final = 0.2
_PASSES: Final = 3


class Pairs(NamedTuple):
    """Pairs a < b by (a, b), with their p-values."""

    a: Int32s
    b: Int32s
    p_value: Floats


class Common(NamedTuple):
    """Room for the objects that two accounts share: positions of both actions, and their order in time."""

    mine: Int32s
    x: Int32s
    y: Int32s
    touched: Int32s
    together: Int32s


@compiled
def _reach(prepared: Prepared, around: Around, windows_ms: Int64s, dense_successors: int) -> tuple[Int32s, Int32s]:
    """Return for each action the end of the later actions that it makes candidates with, and the first earlier one."""
    n, at_ms, starts = len(prepared.at_ms), prepared.at_ms, prepared.object_starts
    end, low = np.empty(n, np.int32), np.empty(n, np.int32)
    for o in range(len(starts) - 1):
        filled = starts[o]
        for i in range(starts[o], starts[o + 1]):
            end[i] = i + 1
            for w in range(len(windows_ms)):
                if around.after[w, i] + around.ties[w, i] > dense_successors:
                    break
                while end[i] < starts[o + 1] and at_ms[end[i]] - at_ms[i] <= windows_ms[w]:
                    end[i] += 1
            while filled < end[i]:
                low[filled] = i
                filled += 1
    return end, low


@compiled
def _blocks(prepared: Prepared, end: Int32s, low: Int32s, n_blocks: int) -> Int64s:
    """Cut the accounts into blocks of about equal work; return their ends."""
    n_accounts = len(prepared.account_starts) - 1
    work = np.zeros(n_accounts)
    for i in range(len(prepared.account)):
        work[prepared.account[i]] += end[i] - low[i]
    share, done, n = work.sum() / n_blocks, 0.0, 0
    ends = np.empty(n_accounts + 1, np.int64)
    for a in range(n_accounts):
        done += work[a]
        if done >= share or a == n_accounts - 1:
            ends[n] = a + 1
            n, done = n + 1, 0.0
    return ends[:n].copy()


@compiled
def _candidates(me: int, prepared: Prepared, end: Int32s, low: Int32s, room: Common) -> int:
    """Put the later accounts with which `me` is a candidate pair into room.touched, ascending; return how many."""
    account, count, touched = prepared.account, room.together, room.touched
    n = 0
    for i in prepared.by_account[prepared.account_starts[me] : prepared.account_starts[me + 1]]:
        for j in range(low[i], end[i]):
            other = account[j]
            # An earlier action j made a candidate only of what lies within its own reach.
            if other > me and (j > i or end[j] > i):
                if count[other] == 0:
                    touched[n] = other
                    n += 1
                count[other] += 1
    kept = 0
    for k in range(n):
        other = touched[k]
        if count[other] >= 2:
            touched[kept] = other
            kept += 1
        count[other] = 0
    touched[:kept].sort()
    return kept


@compiled
def stamp(me: int, prepared: Prepared, room: Common, on: bool) -> None:
    """Write where account `me` acted on each object into `room.mine` (`on`), or take it out again."""
    for i in prepared.by_account[prepared.account_starts[me] : prepared.account_starts[me + 1]]:
        room.mine[prepared.object[i]] = i if on else -1


@compiled
def _turn_to(now: int, last: int, prepared: Prepared, room: Common) -> int:
    """Stamp account `now` in place of `last` (-1: nobody); return `now`."""
    if now != last:
        if last >= 0:
            stamp(last, prepared, room, False)
        if now >= 0:
            stamp(now, prepared, room, True)
    return now


@compiled
def common_actions(me: int, other: int, prepared: Prepared, room: Common) -> int:
    """Put the positions of both accounts' actions on common objects into room.x (`me`, stamped) and room.y."""
    mine, theirs = prepared.account_starts[me], prepared.account_starts[other]
    n_mine, n_theirs = prepared.account_starts[me + 1] - mine, prepared.account_starts[other + 1] - theirs
    n = 0
    if n_theirs <= 8 * n_mine:
        for k in range(theirs, theirs + n_theirs):
            j = prepared.by_account[k]
            i = room.mine[prepared.object[j]]
            if i >= 0:
                room.x[n], room.y[n] = i, j
                n += 1
        return n
    for k in range(mine, mine + n_mine):
        i = prepared.by_account[k]
        o, low, high = prepared.object[i], theirs, theirs + n_theirs
        while low < high:
            middle = (low + high) // 2
            if prepared.object[prepared.by_account[middle]] < o:
                low = middle + 1
            else:
                high = middle
        if low < theirs + n_theirs and prepared.object[prepared.by_account[low]] == o:
            room.x[n], room.y[n] = i, prepared.by_account[low]
            n += 1
    return n


@compiled
def _order_in_time(n: int, prepared: Prepared, room: Common) -> None:
    """Sort the common actions by the earlier of their two times: symmetric, so that names do not matter."""
    x, y = room.x, room.y
    if n > 48:
        order = stable_order(np.minimum(prepared.at_ms[x[:n]], prepared.at_ms[y[:n]]))
        x[:n], y[:n] = x[:n][order], y[:n][order]
        return
    for k in range(1, n):
        i, j = x[k], y[k]
        at = min(prepared.at_ms[i], prepared.at_ms[j])
        m = k
        while m > 0 and min(prepared.at_ms[x[m - 1]], prepared.at_ms[y[m - 1]]) > at:
            x[m], y[m] = x[m - 1], y[m - 1]
            m -= 1
        x[m], y[m] = i, j


@compiled
def _chance(w: int, i: int, prepared: Prepared, around: Around, rates: Rates) -> float:
    """Return the chance that an ordinary sharer of i's object acts within window w of action i."""
    o = prepared.object[i]
    sharers = prepared.object_starts[o + 1] - prepared.object_starts[o]
    met = around.after[w, i] + around.before[w, i] + around.ties[w, i]
    pooled = rates.within[w, size_class(sharers)]
    return float((met + PSEUDO_SHARERS * pooled) / (sharers - 1 - around.repeats[i] + PSEUDO_SHARERS))


@compiled
def _window_p(
    w: int, n: int, prepared: Prepared, around: Around, rates: Rates, windows_ms: Int64s, room: Common
) -> tuple[float, int, int]:
    """Return (p, episodes with a meeting, episodes) of the common actions in `room`, for one window."""
    window, gap = windows_ms[w], max(EPISODE_GAP_MS, windows_ms[w])
    speed = max(rates.tempo[w, prepared.account[room.x[0]]], rates.tempo[w, prepared.account[room.y[0]]])
    hits, episodes, expected, chance, hit, last = 0, 0, 0.0, 0.0, False, 0
    for k in range(n):
        i, j = room.x[k], room.y[k]
        at = min(prepared.at_ms[i], prepared.at_ms[j])
        if k == 0 or at - last > gap:
            expected += min(1.0, chance)
            hits += hit
            episodes, chance, hit = episodes + 1, 0.0, False
        last = at
        one = max(_chance(w, i, prepared, around, rates), _chance(w, j, prepared, around, rates))
        chance += min(1.0, speed * one)
        hit = hit or abs(prepared.at_ms[i] - prepared.at_ms[j]) <= window
    return episode_tail(hits + hit, episodes, expected + min(1.0, chance)), hits + hit, episodes


@compiled
def pair_test(
    n: int, prepared: Prepared, around: Around, rates: Rates, windows_ms: Int64s, room: Common
) -> tuple[float, int, int, int]:
    """Return (p over all windows by Bonferroni, best window, its episodes with a meeting, its episodes)."""
    best, best_window, best_hits, best_episodes = 1.0, 0, 0, 0
    _order_in_time(n, prepared, room)
    for w in range(len(windows_ms)):
        met = 0
        for k in range(n):
            met += abs(prepared.at_ms[room.x[k]] - prepared.at_ms[room.y[k]]) <= windows_ms[w]
        if met < 2:
            continue
        p, hits, episodes = _window_p(w, n, prepared, around, rates, windows_ms, room)
        p = min(1.0, p * len(windows_ms))
        if p < best:
            best, best_window, best_hits, best_episodes = p, w, hits, episodes
    return best, best_window, best_hits, best_episodes


@compiled
def _subtract_block(
    first: int,
    last: int,
    prepared: Prepared,
    end: Int32s,
    low: Int32s,
    windows_ms: Int64s,
    minus: Around,
    room: Common,
) -> int:
    """Subtract all candidate pairs of accounts first..last-1 from `minus`; return how many there are."""
    pairs = 0
    for me in range(first, last):
        n = _candidates(me, prepared, end, low, room)
        pairs += n
        if n:
            stamp(me, prepared, room, True)
            for k in range(n):
                for m in range(common_actions(me, room.touched[k], prepared, room)):
                    subtract_pair(minus, room.x[m], room.y[m], prepared, windows_ms)
            stamp(me, prepared, room, False)
    return pairs


@compiled
def _screen_block(
    first: int,
    last: int,
    prepared: Prepared,
    end: Int32s,
    low: Int32s,
    around: Around,
    rates: Rates,
    windows_ms: Int64s,
    screen: float,
    room: Common,
) -> tuple[Int32s, Int32s, Floats]:
    """Return the candidate pairs of accounts first..last-1 whose p-value is at most `screen`."""
    a, b, p_value = np.empty(1024, np.int32), np.empty(1024, np.int32), np.empty(1024)
    found = 0
    for me in range(first, last):
        n = _candidates(me, prepared, end, low, room)
        if not n:
            continue
        stamp(me, prepared, room, True)
        for k in range(n):
            other = room.touched[k]
            p = pair_test(common_actions(me, other, prepared, room), prepared, around, rates, windows_ms, room)[0]
            if p > screen:
                continue
            if found == len(a):
                a, b = np.append(a, np.empty_like(a)), np.append(b, np.empty_like(b))
                p_value = np.append(p_value, np.empty_like(p_value))
            a[found], b[found], p_value[found] = me, other, p
            found += 1
        stamp(me, prepared, room, False)
    return a[:found].copy(), b[:found].copy(), p_value[:found].copy()


@compiled
def _test_pairs(
    a: Int32s, b: Int32s, prepared: Prepared, around: Around, rates: Rates, windows_ms: Int64s, room: Common
) -> Floats:
    """Return the p-values of listed pairs, which come grouped by a."""
    p_value = np.empty(len(a))
    me = -1
    for k in range(len(a)):
        me = _turn_to(a[k], me, prepared, room)
        n = common_actions(me, b[k], prepared, room)
        p_value[k] = pair_test(n, prepared, around, rates, windows_ms, room)[0]
    _turn_to(-1, me, prepared, room)
    return p_value


@compiled
def _subtract_pairs(a: Int32s, b: Int32s, prepared: Prepared, windows_ms: Int64s, around: Around, room: Common) -> None:
    me = -1
    for k in range(len(a)):
        me = _turn_to(a[k], me, prepared, room)
        for m in range(common_actions(me, b[k], prepared, room)):
            subtract_pair(around, room.x[m], room.y[m], prepared, windows_ms)
    _turn_to(-1, me, prepared, room)


class Workers:
    """A few threads with room for each; results never depend on how many."""

    def __init__(self, prepared: Prepared, threads: int) -> None:
        """Make room for `threads` threads."""
        n_accounts = len(prepared.account_starts) - 1
        most = int(np.diff(prepared.account_starts).max(initial=0))
        self.threads = threads
        self._rooms = [
            Common(
                np.full(len(prepared.original_object), -1, np.int32),
                np.empty(most, np.int32),
                np.empty(most, np.int32),
                np.empty(n_accounts, np.int32),
                np.zeros(n_accounts, np.int32),
            )
            for _ in range(threads)
        ]

    def map(self, work: Callable[[Item, Common], Result], items: Sequence[Item]) -> list[Result]:
        """Return work(item, room) for every item, in order; a room is in one thread's hands at a time."""

        def one(item: Item) -> Result:
            room = self._rooms.pop()
            try:
                return work(item, room)
            finally:
                self._rooms.append(room)

        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(one, items))


def tested_pairs(
    prepared: Prepared,
    base: Around,
    windows_ms: Int64s,
    dense_successors: int,
    reference: Floats | None,
    workers: Workers,
) -> tuple[Pairs, Around, Rates, int]:
    """Return the pairs that may matter, the counts without repeat partners, the rates, and the number of candidates.

    First all candidates count as repeat partners, so rates are at their lowest and no pair is screened out that the
    later passes, in which only surprising pairs are repeat partners, could bring back.
    """
    end, low = _reach(prepared, base, windows_ms, dense_successors)
    blocks = _ranges(_blocks(prepared, end, low, 16 * workers.threads))
    minuses = [Around(*(np.zeros_like(part) for part in base)) for _ in range(workers.threads)]
    free = minuses.copy()

    def subtract(block: tuple[int, int], room: Common) -> int:
        minus = free.pop()
        found = _subtract_block(*block, prepared, end, low, windows_ms, minus, room)
        free.append(minus)
        return int(found)

    candidates = sum(workers.map(subtract, blocks))
    around = Around(*(sum(parts, start=part) for part, *parts in zip(base, *minuses, strict=True)))
    rates = estimate(prepared, around, reference)

    def screen(block: tuple[int, int], room: Common) -> tuple[Int32s, Int32s, Floats]:
        return _screen_block(*block, prepared, end, low, around, rates, windows_ms, _SCREEN_P, room)

    parts = workers.map(screen, blocks)
    a, b = (np.concatenate([np.empty(0, np.int32), *(part[k] for part in parts)]) for k in (0, 1))
    p_value = np.concatenate([np.empty(0), *(part[2] for part in parts)])
    for _ in range(_PASSES - 1):
        around, rates, p_value = _again(prepared, base, windows_ms, reference, Pairs(a, b, p_value), workers)
    return Pairs(a, b, p_value), around, rates, candidates


def _again(
    prepared: Prepared, base: Around, windows_ms: Int64s, reference: Floats | None, pairs: Pairs, workers: Workers
) -> tuple[Around, Rates, Floats]:
    """Learn the rates anew with the pairs of small p as repeat partners, and test all pairs against them."""
    repeat = pairs.p_value < _REPEAT_P
    around = base.copy()
    workers.map(
        lambda _, room: _subtract_pairs(pairs.a[repeat], pairs.b[repeat], prepared, windows_ms, around, room), [None]
    )
    rates = estimate(prepared, around, reference)

    def test(cut: tuple[int, int], room: Common) -> Floats:
        part = slice(*cut)
        return _test_pairs(pairs.a[part], pairs.b[part], prepared, around, rates, windows_ms, room)

    cuts = _ranges(np.linspace(0, len(pairs.a), 16 * workers.threads + 1)[1:].astype(np.int64))
    return around, rates, np.concatenate(workers.map(test, cuts))


def _ranges(ends: Int64s) -> list[tuple[int, int]]:
    """Return (first, end) of consecutive ranges from their ends."""
    return list(pairwise([0, *ends.tolist()]))
