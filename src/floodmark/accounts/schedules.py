"""Accounts that post at the same moments more often than their hours and the crowd's allow, whatever they post."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from floodmark.stats import Floats

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

#: Two posts so close are at one moment.
WINDOW_MS: Final = 2_000
#: Chance keeps how many posts an account has in each of these stretches; shared moments count once in each.
BIN_MS: Final = 600_000
#: From so many posts on a stretch shows how the crowd itself piles up in it.
CROWD: Final = 50


class Pairs(NamedTuple):
    """Pairs of accounts (a < b): moments shared, moments expected, and the p-value for so many or more."""

    a: Int32s
    b: Int32s
    moments: Int32s
    expected: Floats
    p_values: Floats


def pairs_in_step(starts: Int64s, at_ms: Int64s, resolution_ms: int, minimum: int) -> Pairs:
    """Return the pairs with at least `minimum` shared moments (timelines as in `timelines`, ticks of the clock in ms).

    By chance each account keeps its posts' stretches of BIN_MS, and their moments in it are the crowd's: even, or piled
    up as the crowd's are at marks of the hour or in that stretch, whichever is closer. The number of stretches shared
    by chance is then at most about Poisson's.
    """
    from scipy.stats import poisson

    from floodmark.accounts.kernels import schedule as kernel

    owner = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
    order = np.argsort(at_ms, kind="stable")
    a, b, moments = kernel.shared_moments(starts, at_ms, order, owner[order], WINDOW_MS, BIN_MS, minimum)
    if not len(a):
        empty = np.empty(0)
        return Pairs(a, b, moments, empty, empty)
    first = int(at_ms.min() // BIN_MS)
    closeness = _closeness(at_ms[order], owner[order], first, resolution_ms)
    expected = kernel.expected_moments(starts, at_ms, BIN_MS, first, closeness, a, b)
    return Pairs(a, b, moments, expected, np.asarray(poisson.sf(moments - 1, expected)))


def _closeness(when: Int64s, owner: Int32s, first: int, resolution_ms: int) -> Floats:
    """Return for every stretch the chance that posts of two accounts in it lie within the window."""
    even = (2 * WINDOW_MS + resolution_ms) / BIN_MS
    # Marks of the clock: how the posts of all accounts lie within a stretch, each account with the same weight.
    step = max(WINDOW_MS, resolution_ms)
    weight = 1.0 / np.bincount(owner)[owner]
    share = np.bincount((when % BIN_MS) // step, weights=weight, minlength=-(-BIN_MS // step))
    share = share / share.sum()
    # Neighbouring steps reach over a window; the three together are never less than what lies within it.
    marks = float((share * (share + np.roll(share, 1) + np.roll(share, -1))).sum())
    stretch = when // BIN_MS - first
    posts = np.bincount(stretch).astype(np.float64)
    reach = np.searchsorted(when, when + WINDOW_MS, side="right") - np.arange(len(when)) - 1
    close = np.bincount(stretch, weights=reach)
    piled = np.where(posts >= CROWD, 2 * close / np.maximum(1.0, posts * (posts - 1)), 0.0)
    return np.asarray(np.minimum(1.0, np.maximum(max(even, marks), piled)))


def in_step(pairs: Pairs, count: int, false_discoveries: float) -> tuple[Int64s, Int64s, Floats]:
    """Return for each of `count` accounts its partners in step, the most moments shared with one, and expected there.

    Benjamini & Hochberg's rule runs over all pairs of accounts, those without enough shared moments among them.
    """
    every = count * (count - 1) / 2
    order = np.argsort(pairs.p_values, kind="stable")
    passes = pairs.p_values[order] <= false_discoveries * np.arange(1, len(order) + 1) / max(1.0, every)
    kept = order[: int(np.flatnonzero(passes).max(initial=-1)) + 1]
    partners = np.bincount(pairs.a[kept], minlength=count) + np.bincount(pairs.b[kept], minlength=count)
    most, expected = np.zeros(count, dtype=np.int64), np.zeros(count)
    by_moments = kept[np.lexsort((pairs.p_values[kept], pairs.moments[kept]))]
    for side in (pairs.a, pairs.b):
        better = pairs.moments[by_moments] >= most[side[by_moments]]
        most[side[by_moments][better]] = pairs.moments[by_moments][better]
        expected[side[by_moments][better]] = pairs.expected[by_moments][better]
    return partners, most, expected
