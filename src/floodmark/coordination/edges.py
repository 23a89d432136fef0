"""The tested pairs inside groups, with the actions behind each."""

from __future__ import annotations

import numpy as np

from floodmark.compiled import compiled
from floodmark.coordination.pairs import Common, Pairs, Workers, common_actions, pair_test, stamp
from floodmark.coordination.prepare import Prepared
from floodmark.coordination.propose import PROPOSAL_P
from floodmark.coordination.rates import Around, Rates
from floodmark.coordination.result import EdgeColumns, Int32s, Int64s


def edges_of(
    group_of: Int32s,
    pairs: Pairs,
    prepared: Prepared,
    around: Around,
    rates: Rates,
    windows_ms: Int64s,
    workers: Workers,
) -> EdgeColumns:
    """Return the proposed pairs whose accounts are in the same group (`group_of`, -1: none)."""
    kept = (pairs.p_value <= PROPOSAL_P) & (group_of[pairs.a] >= 0) & (group_of[pairs.a] == group_of[pairs.b])
    a, b, p_value = pairs.a[kept], pairs.b[kept], pairs.p_value[kept]
    order = np.lexsort((b, a, group_of[a]))
    a, b, p_value = a[order], b[order], p_value[order]
    best, start, x, y = workers.map(lambda _, room: _details(a, b, prepared, around, rates, windows_ms, room), [None])[
        0
    ]
    lag = prepared.at_ms[y] - prepared.at_ms[x]
    edge = np.repeat(np.arange(len(a)), np.diff(start))
    return EdgeColumns(
        group=group_of[a],
        account_a=a,
        account_b=b,
        p_value=p_value,
        episodes=best[1],
        opportunities=best[2],
        window_ms=windows_ms[best[0]],
        median_lag_ms=medians(lag, start),
        a_first=np.bincount(edge[lag > 0], minlength=len(a)).astype(np.int32),
        b_first=np.bincount(edge[lag < 0], minlength=len(a)).astype(np.int32),
        evidence_start=start,
        evidence_object=prepared.original_object[prepared.object[x]],
        evidence_a_ms=prepared.at_ms[x],
        evidence_b_ms=prepared.at_ms[y],
    )


def medians(values: Int64s, start: Int64s) -> Int64s:
    """Return the median, cut to a whole number, of each run of values; run k, never empty, is start[k] : start[k + 1].

    >>> medians(np.array([5, 1, 9, 4, -2, -1]), np.array([0, 3, 4, 6]))
    array([ 5,  4, -1])
    """
    run = np.repeat(np.arange(len(start) - 1), np.diff(start))
    ordered = values[np.lexsort((values, run))]
    low, high = ordered[(start[:-1] + start[1:] - 1) // 2], ordered[(start[:-1] + start[1:]) // 2]
    middle: Int64s = np.trunc((low + high) / 2).astype(np.int64)
    return middle


@compiled
def _details(
    a: Int32s, b: Int32s, prepared: Prepared, around: Around, rates: Rates, windows_ms: Int64s, room: Common
) -> tuple[Int32s, Int64s, Int32s, Int32s]:
    """Return (window, episodes met, episodes) of each pair, and the positions of both actions where they met."""
    best, start = np.zeros((3, len(a)), np.int32), np.zeros(len(a) + 1, np.int64)
    x, y = np.empty(1024, np.int32), np.empty(1024, np.int32)
    n = 0
    for k in range(len(a)):
        stamp(a[k], prepared, room, True)
        common = common_actions(a[k], b[k], prepared, room)
        _, best[0, k], best[1, k], best[2, k] = pair_test(common, prepared, around, rates, windows_ms, room)
        for m in range(common):
            i, j = room.x[m], room.y[m]
            if abs(prepared.at_ms[i] - prepared.at_ms[j]) <= windows_ms[best[0, k]]:
                if n == len(x):
                    x, y = np.append(x, np.empty_like(x)), np.append(y, np.empty_like(y))
                x[n], y[n] = i, j
                n += 1
        start[k + 1] = n
        stamp(a[k], prepared, room, False)
    return best, start, x[:n].copy(), y[:n].copy()
