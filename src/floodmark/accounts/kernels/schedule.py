"""Pairs of accounts that post at the same moments, compiled: counted without ever holding a list of pairs of posts.

Posts are sorted by time once. Each account is visited once; over the windows of its posts a dense counter adds up, for
every later account, the stretches of the clock (`bin_ms`) in which the two came within the window of each other.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from floodmark.compiled import compiled

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]
Column = NDArray[Any]


#: Accounts are visited in so many parts, two at once.
_PARTS: Final = 16
_THREADS: Final = 2
_LOW: Final = np.int64(0xFFFFFFFF)


def shared_moments(
    starts: Int64s, at_ms: Int64s, order: Int64s, owner: Int32s, window_ms: int, bin_ms: int, minimum: int
) -> tuple[Int32s, Int32s, Int32s]:
    """Return the pairs (a < b) with at least `minimum` bins in which both post within `window_ms`, and how many.

    Account i has the posts `starts[i]:starts[i + 1]` of `at_ms`, in order of time; `order` are the posts by time and
    `owner` their accounts in that order.
    """
    low, high = _windows(at_ms[order], window_ms)
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    # Bins from 1 on: 0 is an account not yet met.
    bins = at_ms // bin_ms
    bins += 1 - bins.min(initial=bins[0]) if len(bins) else 0
    cuts = np.unique(np.searchsorted(starts, np.linspace(0, starts[-1], _PARTS + 1)).clip(0, len(starts) - 1))
    cuts[0], cuts[-1] = 0, len(starts) - 1

    def part(number: int) -> tuple[Int32s, Int32s, Int32s]:
        return _shared(starts, bins, place, owner, low, high, int(cuts[number]), int(cuts[number + 1]), minimum)

    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(part, range(len(cuts) - 1)))
    if not found:
        empty = np.empty(0, dtype=np.int32)
        return empty, empty, empty
    a, b, moments = (np.concatenate(column) for column in zip(*found, strict=True))
    return a, b, moments


@compiled
def _shared(
    starts: Int64s,
    bins: Int64s,
    place: Int32s,
    owner: Int32s,
    low: Int32s,
    high: Int32s,
    first: int,
    end: int,
    minimum: int,
) -> tuple[Int32s, Int32s, Int32s]:
    count = len(starts) - 1
    # Each account's last bin in the upper half, and the bins counted in the lower.
    met = np.zeros(count, dtype=np.int64)
    touched = np.empty(count, dtype=np.int32)
    size, found = 1024, 0
    pair_a, pair_b = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    moments = np.empty(size, dtype=np.int32)
    for me in range(first, end):
        n_touched = 0
        for post in range(starts[me], starts[me + 1]):
            own_bin, rank = bins[post], place[post]
            for near in range(low[rank], high[rank]):
                other = owner[near]
                if other <= me:
                    continue
                known = met[other]
                if known == 0:
                    touched[n_touched] = other
                    n_touched += 1
                elif known >> 32 == own_bin:
                    continue
                met[other] = (own_bin << 32) | ((known & _LOW) + 1)
        for number in range(n_touched):
            other = touched[number]
            hits = met[other] & _LOW
            if hits >= minimum:
                if found == size:
                    size *= 2
                    pair_a, pair_b = _longer(pair_a, size), _longer(pair_b, size)
                    moments = _longer(moments, size)
                pair_a[found], pair_b[found], moments[found] = me, other, hits
                found += 1
            met[other] = 0
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


def expected_moments(
    starts: Int64s, at_ms: Int64s, bin_ms: int, first_bin: int, closeness: Floats, pair_a: Int32s, pair_b: Int32s
) -> Floats:
    """Return for each pair how many shared bins chance gives, when each keeps its posts' bins and not their moments.

    `closeness[bin - first_bin]` is the chance that two posts in that bin lie within the window.
    """
    places, bins, posts = _filled_bins(starts, at_ms, bin_ms)
    cuts = np.linspace(0, len(pair_a), _PARTS + 1).astype(np.int64)

    def part(number: int) -> Floats:
        some = slice(cuts[number], cuts[number + 1])
        return np.asarray(_expected(places, bins, posts, first_bin, closeness, pair_a[some], pair_b[some]))

    with ThreadPoolExecutor(_THREADS) as pool:
        return np.concatenate(list(pool.map(part, range(_PARTS))))


@compiled
def _filled_bins(starts: Int64s, at_ms: Int64s, bin_ms: int) -> tuple[Int64s, Int64s, Int32s]:
    # Account i has posts in the bins `places[i]:places[i + 1]`, so many in each.
    places = np.zeros(len(starts), dtype=np.int64)
    bins, posts = np.empty(len(at_ms), dtype=np.int64), np.zeros(len(at_ms), dtype=np.int32)
    filled = 0
    for account in range(len(starts) - 1):
        for post in range(starts[account], starts[account + 1]):
            own = at_ms[post] // bin_ms
            if filled == places[account] or bins[filled - 1] != own:
                bins[filled] = own
                filled += 1
            posts[filled - 1] += 1
        places[account + 1] = filled
    return places, bins[:filled], posts[:filled]


@compiled
def _expected(
    places: Int64s, bins: Int64s, posts: Int32s, first_bin: int, closeness: Floats, pair_a: Int32s, pair_b: Int32s
) -> Floats:
    expected = np.zeros(len(pair_a))
    for pair in range(len(pair_a)):
        i, i_end = places[pair_a[pair]], places[pair_a[pair] + 1]
        j, j_end = places[pair_b[pair]], places[pair_b[pair] + 1]
        while i < i_end and j < j_end:
            if bins[i] < bins[j]:
                i += 1
            elif bins[j] < bins[i]:
                j += 1
            else:
                both = float(posts[i]) * posts[j]
                expected[pair] += 1 - math.exp(-both * closeness[bins[i] - first_bin])
                i += 1
                j += 1
    return expected
