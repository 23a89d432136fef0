"""Behaviour sequences after Digital DNA: one letter a post, and substrings that many accounts share.

Cresci et al. 2018, doi 10.1109/TDSC.2017.2681672, with the cut of the authors' toolbox (ddna-toolbox): the curve of the
longest substring common to k accounts is smoothed, and cut where it stops to fall. On the 738 accounts that come with
the toolbox the same 284 are flagged as by the original. That cut is brittle: the toolbox drops the fractions of its
moving average, and with them kept the cut falls elsewhere. `own_null` is Floodmark's test of the same stretches; its
orders drawn at random are a regenerative block bootstrap (Bertail & Clemencon 2006, doi 10.3150/bj/1155735932).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from floodmark.accounts.timelines import timelines
from floodmark.registry import Row
from floodmark.stats import Floats
from floodmark.view import CaseView

Int64s = NDArray[np.int64]

#: Posts, reposts, replies.
ALPHABET: Final = 3
#: The toolbox's default.
WINDOW: Final = 10
#: A stretch counts when so many other accounts hold it.
OTHERS: Final = 2
#: Fewest and most orders drawn at random; between them, as many as keep to MAX_LETTERS letters in all.
DRAWS: Final = (5, 99)
MAX_LETTERS: Final = 20_000_000
#: Floor of the standard deviation of a length's logarithm, or accounts whose orders look all alike would decide.
LEAST_SPREAD: Final = 0.1
#: Stretches change places with so many neighbours.
BLOCK: Final = 20
_SEED: Final = 9
#: With fewer accounts there is no crowd to compare with.
MIN_ACCOUNTS: Final = 30
#: The latest posts of an account that count; the published sets have up to 3,200.
LATEST: Final = 3_250
#: Orders worked on at once; each takes about 64 bytes a letter.
_THREADS: Final = 2


class Kinds(NamedTuple):
    """The accounts with enough posts, which of them can be judged, and the kinds of their latest posts in order."""

    accounts: tuple[str, ...]
    judged: NDArray[np.bool_]
    letters: NDArray[np.uint8]
    starts: Int64s


def kinds(view: CaseView) -> Kinds:
    """Return the kinds (0 a post of its own, 1 a repost, 2 a reply) of each account's latest LATEST posts.

    Nobody is judged with fewer than MIN_ACCOUNTS accounts, or where no post says what kind it is.
    """
    own = timelines(view, view.config.parameters.automation_min_posts)
    (typed,) = view.db.one("SELECT count(is_repost) + count(replied_post_id) + count(replied_account_id) FROM posts")
    count = len(own.accounts)
    judged = np.full(count, count >= MIN_ACCOUNTS and typed > 0)
    ends = np.repeat(own.starts[1:], np.diff(own.starts))
    kept = np.arange(len(own.letter)) >= ends - LATEST
    starts = np.concatenate([[0], np.cumsum(np.minimum(np.diff(own.starts), LATEST))]).astype(np.int64)
    return Kinds(own.accounts, judged, own.letter[kept], starts)


class Shared(NamedTuple):
    """What the published rule finds: for each sequence the length of its longest such substring (0: none) and the most
    sequences, under `cut`, that hold one so long; the cut, and the length at it.
    """

    length: NDArray[np.int32]
    holders: NDArray[np.int32]
    cut: int
    length_at_cut: int


def cut_of(curve: Int64s, window: int = WINDOW) -> int:
    """Return the number of accounts at which the toolbox cuts the curve; `curve[i]` is the length shared by i + 2.

    The toolbox smooths with whole numbers, cutting off the fraction, and this decides where the cut falls: with
    fractions kept it is another. Too short a curve has no cut: 0.

    >>> cut_of(np.array([9, 9]))
    0
    """
    if len(curve) <= window + 1:
        return 0
    sums = np.concatenate([[0], np.cumsum(curve)])
    place = np.arange(len(curve))
    end = np.minimum(place + window, len(curve))
    smooth = (sums[end] - sums[place]) // (end - place)
    falls = np.diff(smooth)
    first = 0
    for first in range(len(curve) - window):
        if falls[first] < falls[first : first + window].mean():
            break
    return int(np.argmax(falls[first:])) + first - 1


def shared_by_few(letters: NDArray[np.uint8], starts: Int64s) -> Shared:
    """Return for each sequence the longest of the curve's substrings that it holds, and where the curve is cut.

    The substrings are, for every k under the cut, the longest that exactly k sequences hold, where no longer one is
    held by more.
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
        nobody = np.zeros(count, dtype=np.int32)
        return Shared(nobody, nobody, cut, 0)
    wanted = (automaton.sequences >= 2) & (automaton.sequences < cut)
    wanted &= automaton.length == longest[automaton.sequences]
    length = kernel.holders(automaton, letters, starts, wanted)
    most = np.zeros(int(longest.max(initial=0)) + 1, dtype=np.int32)
    np.maximum.at(most, automaton.length[wanted], automaton.sequences[wanted])
    return Shared(length, most[length], cut, int(longest[cut]))


def own_null(letters: NDArray[np.uint8], starts: Int64s) -> tuple[Floats, NDArray[np.int32], Floats]:
    """Return a p-value for each sequence, the longest stretch that OTHERS more hold too, and its mean by chance.

    Chance: all sequences with their stretches in another order (`kernel.reordered`), as often as MAX_LETTERS allow.
    The observed order and the others are treated alike, each set off against the rest in standard deviations, and
    p-values are the share of all other orders of all sequences that reach as far: where the order within blocks is
    random, a p-value drawn from all sequences at once is uniform. Few accounts sharing little cannot pass with few
    orders; the price is missed copies, not false alarms.
    """
    from floodmark.accounts.kernels import sequences as kernel

    draws = int(np.clip(MAX_LETTERS // max(1, len(letters)), *DRAWS))

    def longest(draw: int) -> NDArray[np.int32]:
        mixed = kernel.reordered(letters, starts, BLOCK, _SEED + draw) if draw else letters
        return kernel.longest_held(mixed, starts, ALPHABET, OTHERS + 1)

    with ThreadPoolExecutor(_THREADS) as pool:
        lengths = np.array(list(pool.map(longest, range(draws + 1))), dtype=np.float64)
    # The longest common stretch varies in proportion to its length (Gumbel), so its logarithm varies alike in all.
    logs = np.log1p(lengths)
    mean = (logs.sum(axis=0) - logs) / draws
    spread = np.sqrt(np.maximum(0.0, ((logs**2).sum(axis=0) - logs**2) / draws - mean**2))
    score = np.round((logs - mean) / np.maximum(LEAST_SPREAD, spread), 9)
    chance = np.sort(score[1:].ravel())
    reached = len(chance) - np.searchsorted(chance, score[0], side="left")
    return (1 + reached) / (1 + len(chance)), lengths[0].astype(np.int32), np.expm1(mean[0])


def _example() -> tuple[Row, ...]:
    """Return the posts of 40 accounts, of which the first 15 do the same in the same order, and one post of another."""
    rng = np.random.default_rng(6)
    shared = rng.integers(0, 2, 60)
    rows: list[Row] = []
    for number in range(40):
        own = shared if number < 15 else rng.integers(0, 2, 60)
        rows += [
            {
                "post_id": f"x:{number}p{place}",
                "account_id": f"x:{number}",
                "at_ms": 1_594_944_000_000 + 977_000 * place,
                "is_repost": bool(kind),
            }
            for place, kind in enumerate(own)
        ]
    return (*rows, {"post_id": "x:99p", "account_id": "x:99", "at_ms": 0, "is_repost": True})


#: The example of the flags that judge sequences, and who is flagged.
EXAMPLE_POSTS: Final = _example()
EXAMPLE_FLAGS: Final[dict[str, bool | None]] = {**{f"x:{number}": number < 15 for number in range(40)}, "x:99": None}
