"""How likely an ordinary sharer of an object acts within a window of another: the test's null rates.

Method: counts of sharers around each action, repeat partners of its author left out, pooled by how many accounts share
an object and shrunk towards that pool (design 03, step 2). Leaving repeat partners out is what gives power: without it
an object that only a campaign shares within a minute would look like an object that everybody shares within a minute.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from floodmark.compiled import compiled
from floodmark.coordination.prepare import Prepared
from floodmark.coordination.result import Floats, Int32s, Int64s

#: Pseudo-sharers with the pooled rate that are added to an object's own sharers.
PSEUDO_SHARERS: Final = 20.0
#: Pseudo-pairs with the overall rate that are added to a size class.
_PSEUDO_PAIRS: Final = 20.0
N_CLASSES: Final = 36


class Around(NamedTuple):
    """Per window (first axis) and action: other sharers strictly after, strictly before, and at the same time.

    `repeats[i]` counts the repeat partners of i's account among the sharers of its object; they are in none of the
    other counts.
    """

    after: Int32s
    before: Int32s
    ties: Int32s
    repeats: Int32s

    def copy(self) -> Around:
        """Return a copy to subtract from."""
        return Around(self.after.copy(), self.before.copy(), self.ties.copy(), self.repeats.copy())


class Rates(NamedTuple):
    """`within[w, c]`: chance that a sharer of an object of size class c acts within window w of another, either way.

    `tempo[w, a]` >= 1 says how many times oftener than that account a is near others with whom it does not repeat.
    """

    within: Floats
    tempo: Floats


@compiled
def size_class(sharers: int) -> int:
    """Return the class of an object with so many sharers: 2, 3, 4, then up to 8, 16, 32 ..."""
    if sharers <= 4:
        return max(0, sharers - 2)
    found, top = 3, 8
    while sharers > top:
        top *= 2
        found += 1
    return found


@compiled
def count_around(prepared: Prepared, windows_ms: Int64s) -> Around:
    """Count, for each window and action, the other sharers of its object around it."""
    n, at_ms, starts = len(prepared.at_ms), prepared.at_ms, prepared.object_starts
    after = np.zeros((len(windows_ms), n), np.int32)
    before, ties = np.zeros_like(after), np.zeros_like(after)
    for w in range(len(windows_ms)):
        for o in range(len(starts) - 1):
            low = high = tie_low = tie_high = starts[o]
            for i in range(starts[o], starts[o + 1]):
                while at_ms[i] - at_ms[low] > windows_ms[w]:
                    low += 1
                while high < starts[o + 1] and at_ms[high] - at_ms[i] <= windows_ms[w]:
                    high += 1
                while at_ms[tie_low] != at_ms[i]:
                    tie_low += 1
                tie_high = max(tie_high, i + 1)
                while tie_high < starts[o + 1] and at_ms[tie_high] == at_ms[i]:
                    tie_high += 1
                after[w, i], before[w, i], ties[w, i] = high - tie_high, tie_low - low, tie_high - tie_low - 1
    return Around(after, before, ties, np.zeros(n, np.int32))


@compiled
def subtract_pair(around: Around, x: int, y: int, prepared: Prepared, windows_ms: Int64s) -> None:
    """Take two actions on one object, of accounts that are repeat partners, out of each other's counts."""
    around.repeats[x] += 1
    around.repeats[y] += 1
    distance = prepared.at_ms[y] - prepared.at_ms[x]
    for w in range(len(windows_ms)):
        if distance == 0:
            around.ties[w, x] -= 1
            around.ties[w, y] -= 1
        elif 0 < distance <= windows_ms[w]:
            around.after[w, x] -= 1
            around.before[w, y] -= 1
        elif 0 < -distance <= windows_ms[w]:
            around.before[w, x] -= 1
            around.after[w, y] -= 1


@compiled
def pooled_rates(prepared: Prepared, around: Around) -> tuple[Floats, Floats]:
    """Return, per window and size class, the encounters and the opportunities they were counted among."""
    n_windows = len(around.after)
    met, could = np.zeros((n_windows, N_CLASSES)), np.zeros((n_windows, N_CLASSES))
    for i in range(len(prepared.object)):
        o = prepared.object[i]
        sharers = prepared.object_starts[o + 1] - prepared.object_starts[o]
        others = sharers - 1 - around.repeats[i]
        if others > 0:
            c = size_class(sharers)
            for w in range(n_windows):
                met[w, c] += around.after[w, i] + around.before[w, i] + around.ties[w, i]
                could[w, c] += others
    return met, could


def class_rates(met: Floats, could: Floats) -> Floats:
    """Return the rate of each class, shrunk towards the window's overall rate by a few pseudo-pairs, and not below it.

    Repeat partners are those who met: in a class that is mostly theirs, who is left met too rarely.
    """
    overall = (met.sum(axis=1, keepdims=True) + 1e-9) / (could.sum(axis=1, keepdims=True) + 1e-9)
    return np.asarray(np.maximum(overall, (met + _PSEUDO_PAIRS * overall) / (could + _PSEUDO_PAIRS)))


@compiled
def tempo(prepared: Prepared, around: Around, within: Floats) -> Floats:
    """Return how many times oftener than the rates each account is near others; 1 for the slow ones."""
    n_windows, n_accounts = len(within), len(prepared.account_starts) - 1
    seen, expected = np.zeros((n_windows, n_accounts)), np.zeros((n_windows, n_accounts))
    for i in range(len(prepared.object)):
        o, a = prepared.object[i], prepared.account[i]
        sharers = prepared.object_starts[o + 1] - prepared.object_starts[o]
        others = sharers - 1 - around.repeats[i]
        if others > 0:
            c = size_class(sharers)
            for w in range(n_windows):
                seen[w, a] += around.after[w, i] + around.before[w, i] + around.ties[w, i]
                expected[w, a] += within[w, c] * others
    found: Floats = np.maximum(1.0, (seen + 2.0) / (expected + 2.0))
    return found


def estimate(prepared: Prepared, around: Around, reference: Floats | None) -> Rates:
    """Return the rates of a collection; those of the classes come from `reference` where one is given."""
    within = class_rates(*pooled_rates(prepared, around)) if reference is None else reference
    return Rates(within, tempo(prepared, around, within))
