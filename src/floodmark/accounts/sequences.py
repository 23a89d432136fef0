"""Behaviour sequences after Digital DNA: one letter a post, and substrings that many accounts share.

Cresci et al. 2018, doi 10.1109/TDSC.2017.2681672, with the cut of the authors' toolbox (ddna-toolbox): the curve of the
longest substring common to k accounts is smoothed, and cut where it stops to fall. On the 738 accounts that come with
the toolbox the same 284 are flagged as by the original.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]

#: Posts, reposts, replies.
ALPHABET: Final = 3
#: The toolbox's default.
WINDOW: Final = 10
#: Orders drawn at random; the shared substring must be longer than in each of them.
SHUFFLES: Final = 9
_SEED: Final = 9


def cut_of(curve: Int64s, window: int = WINDOW) -> int:
    """Return the number of accounts at which the toolbox cuts the curve; `curve[i]` is the length shared by i + 2.

    The toolbox smooths with whole numbers, cutting off the fraction, and this decides where the cut falls: with
    fractions kept it is another. Too short a curve has no cut: 0.

    >>> cut_of(np.array([9, 9]))
    0
    """
    if len(curve) <= window + 1:
        return 0
    smooth = np.array([int(curve[i : i + window].mean()) for i in range(len(curve))], dtype=np.int64)
    falls = np.diff(smooth)
    first = 0
    for first in range(len(curve) - window):
        if falls[first] < falls[first : first + window].mean():
            break
    return int(np.argmax(falls[first:])) + first - 1


def shared_by_few(letters: NDArray[np.uint8], starts: Int64s) -> tuple[NDArray[np.int32], int, int]:
    """Return for each sequence the length of the longest of the curve's substrings that it holds, 0 for none.

    Then the cut, and the length at it. The substrings are, for every k under the cut, the longest that exactly k
    sequences hold, where no longer one is held by more.
    """
    from floodmark.accounts.kernels import sequences as kernel

    count = len(starts) - 1
    automaton = kernel.build(letters, starts, ALPHABET)
    longest = kernel.longest_by_count(automaton, count)
    cut = cut_of(longest[2:].astype(np.int64))
    # Where nothing has fallen yet at the cut, all copies are alike, and the cliff behind them is the cut.
    while 2 <= cut < count and longest[cut] == longest[2]:
        cut += 1
    if cut < 3:
        return np.zeros(count, dtype=np.int32), cut, 0
    wanted = (automaton.sequences >= 2) & (automaton.sequences < cut)
    wanted &= automaton.length == longest[automaton.sequences]
    return kernel.holders(automaton, letters, starts, wanted), cut, int(longest[cut])


def chance_length(letters: NDArray[np.uint8], starts: Int64s, cut: int) -> int:
    """Return the longest substring that `cut` sequences share in any of SHUFFLES random orders of their letters."""
    from floodmark.accounts.kernels import sequences as kernel

    rng = np.random.default_rng(_SEED)
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    found = 0
    for _ in range(SHUFFLES):
        mixed = letters[np.lexsort((rng.random(len(letters)), owner))]
        automaton = kernel.build(mixed, starts, ALPHABET)
        found = max(found, int(kernel.longest_by_count(automaton, len(starts) - 1)[cut]))
    return found
