"""Breaks coordination in any shares but keeps habits, tastes or bursts: whoever is named then is named wrongly.

All work on first shares (an account's first of an object), as the test does, and leave the accounts' numbers of shares
and the objects' numbers of sharers as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from floodmark.compiled import compiled
from floodmark.coordination.result import Int32s, Int64s, Shares

Floats = npt.NDArray[np.float64]
_HOUR_MS: Final = 3_600_000


def first_shares(shares: Shares) -> Shares:
    """Return each account's first share of each object, sorted by account and object.

    >>> twice = Shares.of(np.array(["a", "a"], object), np.array(["x", "x"], object), np.array([7, 3]))
    >>> first_shares(twice).at_ms.tolist()
    [3]
    """
    order = np.lexsort((shares.at_ms, shares.object, shares.account))
    account, thing = shares.account[order], shares.object[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(account) != 0) | (np.diff(thing) != 0)
    return replace(shares, account=account[new], object=thing[new], at_ms=shares.at_ms[order][new])


def shuffle_times(shares: Shares, rng: np.random.Generator, from_birth: bool = True) -> Shares:
    """Return first shares with each account's times assigned at random to its objects.

    Keeps who shares what, and when each account is active. With `from_birth` no object is shared before its first share
    in the input: every assignment that respects this is equally likely. Without it objects are shared before they
    exist, which spreads their sharers over the whole collection: a null that is easy to pass.

    >>> pair = Shares.of(np.array(["a", "a"], object), np.array(["x", "y"], object), np.array([1, 2]))
    >>> sorted(shuffle_times(pair, np.random.default_rng(1)).at_ms.tolist())
    [1, 2]
    """
    first = first_shares(shares)
    birth = np.full(len(shares.trace), np.iinfo(np.int64).min)
    if from_birth:
        birth[:] = np.iinfo(np.int64).max
        np.minimum.at(birth, first.object, first.at_ms)
    born = birth[first.object]
    by_time = np.lexsort((first.at_ms, first.account))
    by_birth = np.lexsort((born, first.account))
    at_ms = _assign(first.account, first.at_ms, born, by_time, by_birth, rng.random(len(by_time)))
    return replace(first, at_ms=at_ms)


@compiled
def _assign(
    account: Int32s, at_ms: Int64s, born: Int64s, by_time: Int64s, by_birth: Int64s, luck: Floats
) -> Int64s:  # pragma: no cover - compiled
    """Give each time, earliest first, a random one of the account's objects that exist by then and are still free.

    What a time may take, a later time may take too; so the number of choices at each step does not depend on those
    before, and all assignments are equally likely.
    """
    given = np.empty_like(at_ms)
    free = np.empty(len(at_ms), np.int64)
    n_free = 0
    next_born = 0
    for place in range(len(by_time)):
        row = by_time[place]
        while (
            next_born < len(by_birth)
            and account[by_birth[next_born]] == account[row]
            and born[by_birth[next_born]] <= at_ms[row]
        ):
            free[n_free] = by_birth[next_born]
            n_free += 1
            next_born += 1
        chosen = int(luck[place] * n_free)
        given[free[chosen]] = at_ms[row]
        n_free -= 1
        free[chosen] = free[n_free]
    return given


def rewire(shares: Shares, rng: np.random.Generator, stratum_ms: int | None = _HOUR_MS, rounds: int = 50) -> Shares:
    """Return first shares with accounts swapped between them at random; each object keeps its times, bursts and all.

    Two shares swap their accounts unless one of these would then share the object twice, and only within the same
    stretch of `stratum_ms` (None: anywhere), so that nobody's day moves by more. Most shares are offered a swap in each
    round, and half of the offers are taken up. Keeps how much each account shares in each stretch and how many share
    each object when; taste is lost.
    Source: the degree-preserving switching chain, e.g. Strona et al. 2014, doi:10.1038/ncomms5114.

    >>> two = Shares.of(np.array(["a", "b"], object), np.array(["x", "y"], object), np.array([1, 2]))
    >>> sorted(rewire(two, np.random.default_rng(1)).account.tolist())
    [0, 1]
    """
    first = first_shares(shares)
    account, thing = first.account.astype(np.int64), first.object.astype(np.int64)
    stratum = np.zeros(len(account), np.int64) if stratum_ms is None else first.at_ms // stratum_ms
    scale = np.int64(first.n_accounts)
    for _ in range(rounds if len(account) > 1 else 0):
        mixed = np.lexsort((rng.random(len(account)), stratum))
        # Neighbours of a random order within strata; starting at 0 or 1 lets odd ends take part.
        start = int(rng.integers(2))
        left, right = mixed[start:-1:2], mixed[start + 1 :: 2]
        inside = stratum[left] == stratum[right]
        left, right = left[inside], right[inside]
        new_left, new_right = thing[left] * scale + account[right], thing[right] * scale + account[left]
        new = np.stack([new_left, new_right])
        wanted, times = np.unique(new, return_counts=True)
        allowed = ~np.isin(new, np.concatenate([thing * scale + account, wanted[times > 1]])).any(axis=0)
        # Half of the swaps stay undone, or a fixed number of rounds would reach only every other graph.
        allowed &= rng.random(len(left)) < 0.5
        left, right = left[allowed], right[allowed]
        account[left], account[right] = account[right], account[left]
    return first_shares(replace(first, account=account.astype(np.int32)))


def halves(shares: Shares, rng: np.random.Generator) -> tuple[Shares, Shares]:
    """Return the shares of a random half of the accounts and those of the others, accounts numbered anew in order.

    >>> four = Shares.of(np.array(list("abcd"), object), np.array(list("xxyy"), object), np.arange(4))
    >>> [half.n_accounts for half in halves(four, np.random.default_rng(1))]
    [2, 2]
    """
    chosen = np.zeros(shares.n_accounts, bool)
    chosen[rng.permutation(shares.n_accounts)[: shares.n_accounts // 2]] = True
    return _only(shares, chosen), _only(shares, ~chosen)


def _only(shares: Shares, accounts: npt.NDArray[np.bool_]) -> Shares:
    number = (np.cumsum(accounts) - 1).astype(np.int32)
    rows = accounts[shares.account]
    return replace(
        shares,
        account=number[shares.account[rows]],
        object=shares.object[rows],
        at_ms=shares.at_ms[rows],
        n_accounts=int(accounts.sum()),
    )
