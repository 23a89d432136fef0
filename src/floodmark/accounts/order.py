"""Tests of order: does an account come first, or behind, more often than members in random order would?

The null throughout is exchangeability: within each joint action, every order of the accounts that took part is equally
frequent. Nothing is drawn at random; ties count as ties. A row is one account in one joint action.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]


class Places(NamedTuple):
    """The place of each row within its joint action.

    `size` is how many accounts took part. `score` is how many were behind the row minus how many were ahead of it: 0
    on average, whatever the ties. `variance` and `fourth` are the mean square and the mean fourth power of the scores
    of the joint action, `alone` whether exactly one account was in front, `first` whether it is this one. Lags are in
    ms: behind the first, and behind the nearest earlier time; -1 where nobody was earlier.
    """

    size: Ints
    score: Ints
    variance: Floats
    fourth: Floats
    alone: Bools
    first: Bools
    behind_first_ms: Ints
    behind_nearest_ms: Ints


def places_of(run: Ints, at_ms: Ints) -> Places:
    """Return the places of rows sorted by (run, at_ms), where `run` numbers the joint action.

    >>> places_of(np.array([0, 0, 0]), np.array([5, 9, 9])).score.tolist()
    [2, -1, -1]
    """
    n = len(run)
    if not n:
        none, no = np.zeros(0, np.int64), np.zeros(0, np.bool_)
        return Places(none, none, np.zeros(0), np.zeros(0), no, no, none, none)
    new_run = np.diff(run, prepend=run[0] - 1) != 0
    new_time = new_run | (np.diff(at_ms, prepend=at_ms[0]) != 0)
    run_start, size = _blocks(new_run)
    tie_start, ties = _blocks(new_time)
    ahead = tie_start - run_start
    score = size - ahead * 2 - ties
    number = np.cumsum(new_run) - 1
    square = (score * score).astype(np.float64)
    moments = [(np.bincount(number, power) / size[new_run])[number] for power in (square, square * square)]
    in_front = ahead == 0
    before = at_ms[np.maximum(tie_start - 1, 0)]
    return Places(
        size=size,
        score=score,
        variance=moments[0],
        fourth=moments[1],
        alone=ties[run_start] == 1,
        first=in_front & (ties == 1),
        behind_first_ms=np.where(in_front, -1, at_ms - at_ms[run_start]),
        behind_nearest_ms=np.where(in_front, -1, at_ms - before),
    )


def _blocks(new: Bools) -> tuple[Ints, Ints]:
    """Return for each row where its block begins and how long it is; `new` marks first rows."""
    starts = np.flatnonzero(new)
    lengths = np.diff(starts, append=len(new))
    return np.repeat(starts, lengths), np.repeat(lengths, lengths)


def starts_p(firsts: Numbers, chances: Numbers, actions: Numbers) -> Floats:
    """Return the chance of at least so many firsts in random order, or an upper bound of it, for each account.

    `firsts` of `actions` joint actions, `chances` the sum of 1 / size over those in which one account was alone in
    front. Source: Hoeffding 1956 (doi 10.1214/aoms/1177728178): above its mean a sum of unequal chances has a smaller
    tail than the binomial with their average.

    >>> starts_p(np.array([5, 1]), np.array([1.0, 1.0]), np.array([5, 5])).round(5).tolist()
    [0.00032, 1.0]
    """
    from scipy.special import betainc

    firsts, actions = np.asarray(firsts, np.float64), np.asarray(actions, np.float64)
    chances = np.asarray(chances, np.float64)
    # Hoeffding's bound holds from one above the mean on; below that nothing is claimed.
    above = (firsts >= chances + 1) & (actions > 0)
    mean = np.divide(chances, actions, out=np.zeros_like(chances), where=actions > 0)
    tail = betainc(np.where(above, firsts, 1.0), np.where(above, actions - firsts + 1, 1.0), np.clip(mean, 0, 1))
    return np.where(above, tail, 1.0)


def order_p(score: Numbers, variance: Numbers) -> Floats:
    """Return the two-sided p-value of a sum of scores with the given variance: ahead or behind more than chance.

    Normal, with a continuity correction of 1: scores of one joint action lie 2 apart. Their distribution has lighter
    tails than the normal one, so few joint actions give too large p-values rather than too small ones.

    >>> order_p(np.array([0, 20]), np.array([40.0, 40.0])).round(4).tolist()
    [1.0, 0.0027]
    """
    from scipy.special import ndtr

    distance = np.maximum(0, np.abs(score) - 1)
    z = np.divide(distance, np.sqrt(variance), out=np.zeros(len(variance)), where=variance > 0)
    return np.asarray(np.minimum(1.0, 2 * ndtr(-z)), np.float64)


def middle_p(square: Numbers, variance: Numbers, fourth: Numbers) -> Floats:
    """Return the chance of scores as close to the middle as these, or closer, in random order.

    `square` is the sum of squared scores, `variance` that of `Places`, summed, `fourth` the sum of its fourth powers
    less squared variances. Normal; a sum of squares is skewed to the right, so its lower tail is the lighter one.

    >>> middle_p(np.array([10.0, 2.0]), np.array([10.0, 10.0]), np.array([8.0, 8.0])).round(4).tolist()
    [0.5, 0.0023]
    """
    from scipy.special import ndtr

    spread = np.sqrt(np.maximum(fourth, 0.0))
    z = np.divide(square - variance, spread, out=np.zeros(len(spread)), where=spread > 0)
    return np.asarray(np.where(spread > 0, ndtr(z), 1.0), np.float64)


def spaced(account: Ints, at_ms: Ints, gap_ms: Ints) -> Bools:
    """Return which rows to keep so that those of one account begin more than its `gap_ms` apart, earliest first.

    Rows are sorted by (account, at_ms). One post can be several actions, and a quarter of an hour in front several
    joint ones; tests count only what is apart.

    >>> spaced(np.array([0, 0, 0, 1]), np.array([0, 5, 11, 3]), np.array([5, 5, 5, 5])).tolist()
    [True, False, True, True]
    """
    keep = np.zeros(len(account), np.bool_)
    if not len(account):
        return keep
    low = at_ms.min()
    span = at_ms.max() - low + gap_ms.max() + 2
    code = np.cumsum(np.diff(account, prepend=account[0]) != 0)
    # Account and time in one rising number, so that one search finds everybody's next row; floats would not hold it.
    key = code * span + (at_ms - low)
    following = np.searchsorted(key, key + gap_ms, side="right")
    here = np.flatnonzero(np.diff(code, prepend=-1))
    while len(here):
        keep[here] = True
        after = following[here]
        inside = after < len(account)
        here, after = here[inside], after[inside]
        here = after[code[after] == code[here]]
    return keep
