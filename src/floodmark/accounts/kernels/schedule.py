"""Pairs of accounts that post at the same moments, compiled: counted without ever holding a list of pairs of posts.

Posts are sorted by time once. Each account is visited once; over the windows of its posts a dense counter adds up, for
every later account, the stretches of the clock (`bin_ms`) in which the two came within the window of each other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floodmark.accounts.kernels.compiled import compiled

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]
Column = NDArray[Any]


@compiled
def shared_moments(
    starts: Int64s, at_ms: Int64s, order: Int64s, owner: Int32s, window_ms: int, bin_ms: int, minimum: int
) -> tuple[Int32s, Int32s, Int32s]:
    """Return the pairs (a < b) with at least `minimum` bins in which both post within `window_ms`, and how many.

    Account i has the posts `starts[i]:starts[i + 1]` of `at_ms`, in order of time; `order` are the posts by time and
    `owner` their accounts in that order.
    """
    count, total = len(starts) - 1, len(order)
    when = at_ms[order]
    place = np.empty(total, dtype=np.int32)
    for rank in range(total):
        place[order[rank]] = rank
    low, high = _windows(when, window_ms)
    hits, last = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int64)
    touched = np.empty(count, dtype=np.int32)
    size, found = 1024, 0
    pair_a, pair_b = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    moments = np.empty(size, dtype=np.int32)
    for me in range(count):
        n_touched = 0
        for post in range(starts[me], starts[me + 1]):
            own_bin, rank = at_ms[post] // bin_ms, place[post]
            for near in range(low[rank], high[rank]):
                other = owner[near]
                if other <= me:
                    continue
                if hits[other] == 0:
                    touched[n_touched] = other
                    n_touched += 1
                elif last[other] == own_bin:
                    continue
                last[other] = own_bin
                hits[other] += 1
        for number in range(n_touched):
            other = touched[number]
            if hits[other] >= minimum:
                if found == size:
                    size *= 2
                    pair_a, pair_b = _longer(pair_a, size), _longer(pair_b, size)
                    moments = _longer(moments, size)
                pair_a[found], pair_b[found], moments[found] = me, other, hits[other]
                found += 1
            hits[other] = 0
    return pair_a[:found], pair_b[:found], moments[:found]


@compiled
def _windows(when: Int64s, window_ms: int) -> tuple[Int32s, Int32s]:
    total = len(when)
    low, high = np.empty(total, dtype=np.int32), np.empty(total, dtype=np.int32)
    first, after = 0, 0
    for rank in range(total):
        while when[rank] - when[first] > window_ms:
            first += 1
        while after < total and when[after] - when[rank] <= window_ms:
            after += 1
        low[rank], high[rank] = first, after
    return low, high


@compiled
def _longer(values: Int32s, size: int) -> Int32s:
    out = np.empty(size, dtype=np.int32)
    out[: len(values)] = values
    return out


@compiled
def expected_moments(
    starts: Int64s, at_ms: Int64s, bin_ms: int, first_bin: int, closeness: Floats, pair_a: Int32s, pair_b: Int32s
) -> Floats:
    """Return for each pair how many shared bins chance gives, when each keeps its posts' bins and not their moments.

    `closeness[bin - first_bin]` is the chance that two posts in that bin lie within the window.
    """
    expected = np.zeros(len(pair_a))
    for pair in range(len(pair_a)):
        i, i_end = starts[pair_a[pair]], starts[pair_a[pair] + 1]
        j, j_end = starts[pair_b[pair]], starts[pair_b[pair] + 1]
        while i < i_end and j < j_end:
            a, b = at_ms[i] // bin_ms, at_ms[j] // bin_ms
            if a < b:
                i += 1
            elif b < a:
                j += 1
            else:
                n_a, n_b = 0, 0
                while i < i_end and at_ms[i] // bin_ms == a:
                    n_a += 1
                    i += 1
                while j < j_end and at_ms[j] // bin_ms == a:
                    n_b += 1
                    j += 1
                expected[pair] += 1 - math.exp(-n_a * n_b * closeness[a - first_bin])
    return expected
