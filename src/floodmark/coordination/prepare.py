"""From shares in any order to the arrays that every step of the test reads."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from floodmark.coaction.kernel import MAX_ABS_MS, group_by
from floodmark.compiled import compiled
from floodmark.coordination.result import Int32s, Int64s, Shares
from floodmark.errors import UsageError

#: Clocks that platforms and archives keep, coarsest first.
_CLOCKS_MS: Final = (86_400_000, 3_600_000, 60_000, 1_000)


class Prepared(NamedTuple):
    """First actions of each account on each object that at least two accounts share, by (object, time, account).

    `object_starts[o]:object_starts[o + 1]` are object o's actions; `by_account[account_starts[a]:...]` are the
    positions of account a's actions in the order of objects. Objects are renumbered; `original_object[o]` is the
    input's number.
    """

    account: Int32s
    object: Int32s
    at_ms: Int64s
    object_starts: Int64s
    by_account: Int32s
    account_starts: Int64s
    original_object: Int32s


def prepare(shares: Shares) -> Prepared:
    """Return the arrays of the test. ValueError when indices do not fit, UsageError when a time is beyond 2^61 ms."""
    n = len(shares.at_ms)
    if not len(shares.account) == len(shares.object) == n < 2**31:
        raise ValueError("account, object and at_ms must be equally long, below 2^31")
    n_objects = len(shares.trace)
    if n and (shares.account.min() < 0 or shares.account.max() >= shares.n_accounts):
        raise ValueError(f"account must lie in 0..{shares.n_accounts - 1}")
    if n and (shares.object.min() < 0 or shares.object.max() >= n_objects):
        raise ValueError(f"object must lie in 0..{n_objects - 1}, where `trace` has an element per object")
    if n and (shares.at_ms.min() < -MAX_ABS_MS or shares.at_ms.max() > MAX_ABS_MS):
        raise UsageError(f"an action's time is beyond {MAX_ABS_MS} ms from 1970; times are UTC milliseconds")
    in_time = np.argsort(shares.at_ms, kind="stable")
    _, order = group_by(np.asarray(shares.object, np.int32), in_time, n_objects)
    account = np.asarray(shares.account, np.int32)[order]
    thing = np.asarray(shares.object, np.int32)[order]
    at_ms = np.asarray(shares.at_ms, np.int64)[order]
    _order_ties(account, thing, at_ms)
    kept = _first_and_shared(account, thing, shares.n_accounts)
    account, thing, at_ms = account[kept], thing[kept], at_ms[kept]
    original, renumbered = _renumber(thing)
    object_starts = np.concatenate([[0], np.cumsum(np.bincount(renumbered, minlength=len(original)))]).astype(np.int64)
    account_starts, by_account = group_by(account, np.arange(len(account)), shares.n_accounts)
    return Prepared(account, renumbered, at_ms, object_starts, by_account, account_starts, original)


def clock_resolution_ms(at_ms: Int64s) -> int:
    """Return the coarsest usual clock that all times lie on: 1 ms, a second, a minute, an hour or a day.

    >>> clock_resolution_ms(np.array([0, 60_000, 120_000]))
    60000
    """
    if not len(at_ms) or at_ms.min() == at_ms.max():
        return 1
    # Times relative to the first would hide a clock that is off by seconds; clocks of archives are cut, not shifted.
    return next((clock for clock in _CLOCKS_MS if not np.any(at_ms % clock)), 1)


@compiled
def _order_ties(account: Int32s, thing: Int32s, at_ms: Int64s) -> None:
    """Sort accounts within equal (object, time), so that nothing later depends on the order of the input's rows."""
    first = 0
    for i in range(1, len(account) + 1):
        if i == len(account) or thing[i] != thing[first] or at_ms[i] != at_ms[first]:
            if i - first > 1:
                account[first:i].sort()
            first = i


@compiled
def _first_and_shared(account: Int32s, thing: Int32s, n_accounts: int) -> np.ndarray:
    """Return which rows are an account's first on an object that at least two accounts share."""
    keep = np.zeros(len(account), np.bool_)
    last_object = np.full(n_accounts, -1, np.int32)
    first, sharers = 0, 0
    for i in range(len(account)):
        if i and thing[i] != thing[i - 1]:
            if sharers < 2:
                keep[first:i] = False
            first, sharers = i, 0
        if last_object[account[i]] != thing[i]:
            last_object[account[i]] = thing[i]
            keep[i] = True
            sharers += 1
    if sharers < 2:
        keep[first:] = False
    return keep


@compiled
def _renumber(thing: Int32s) -> tuple[Int32s, Int32s]:
    """Number the objects of sorted rows 0, 1, ...; return the old number of each and the new one of each row."""
    new = np.empty(len(thing), np.int32)
    n = 0
    for i in range(len(thing)):
        if i and thing[i] != thing[i - 1]:
            n += 1
        new[i] = n
    old = np.empty(n + 1 if len(thing) else 0, np.int32)
    for i in range(len(thing)):
        old[new[i]] = thing[i]
    return old, new
