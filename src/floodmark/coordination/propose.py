"""Proposals: which accounts might belong together. Nobody is accused here; naming tests each account anew.

A proposal is a connected component of the 2-core of the graph of pairs with a small p-value, at two levels: the wider
one finds loose groups, the narrower one tight groups in a crowd that hangs together. The core without account x lies
within the core, so leaving x out means peeling the rest again: exact and cheap.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from floodmark.compiled import compiled
from floodmark.coordination.pairs import Pairs
from floodmark.coordination.result import Int32s, Int64s

#: Pairs with a larger p-value are no edge of the graph of proposals.
LEVELS: Final = (0.3, 0.05)
PROPOSAL_P: Final = LEVELS[0]
_CORE: Final = 2
_SMALLEST: Final = 3


class Graph(NamedTuple):
    """An undirected graph: the neighbours of v are `neighbours[starts[v]:starts[v + 1]]`, ascending."""

    starts: Int64s
    neighbours: Int32s


class Proposals(NamedTuple):
    """Proposal g is `members[starts[g]:starts[g + 1]]`, ascending; `label[v]` is v's proposal or -1."""

    starts: Int64s
    members: Int32s
    label: Int32s


def graph_of(pairs: Pairs, n_accounts: int, level: float) -> Graph:
    """Return the graph of the pairs whose p-value is at most `level`."""
    kept = pairs.p_value <= level
    a, b = pairs.a[kept], pairs.b[kept]
    source, target = np.concatenate([a, b]), np.concatenate([b, a])
    order = np.lexsort((target, source))
    starts = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=n_accounts))])
    return Graph(starts.astype(np.int64), target[order].astype(np.int32))


@compiled
def _peel(graph: Graph, inside: np.ndarray, stack: Int32s, degree: Int32s, n: int) -> None:
    """Take accounts with under two neighbours inside out of `inside` until none is left; `stack[:n]` holds the first.

    `degree` holds, for all inside, the number of neighbours inside.
    """
    while n > 0:
        n -= 1
        v = stack[n]
        for u in graph.neighbours[graph.starts[v] : graph.starts[v + 1]]:
            if inside[u]:
                degree[u] -= 1
                if degree[u] == _CORE - 1:
                    inside[u] = False
                    stack[n] = u
                    n += 1


@compiled
def propose(graph: Graph) -> Proposals:
    """Return the connected components, of at least three accounts, of the graph's 2-core."""
    n_accounts = len(graph.starts) - 1
    inside, label = np.ones(n_accounts, np.bool_), np.full(n_accounts, -1, np.int32)
    degree, stack = np.empty(n_accounts, np.int32), np.empty(n_accounts, np.int32)
    n = 0
    for v in range(n_accounts):
        degree[v] = graph.starts[v + 1] - graph.starts[v]
        if degree[v] < _CORE:
            inside[v] = False
            stack[n] = v
            n += 1
    _peel(graph, inside, stack, degree, n)
    members, starts = np.empty(n_accounts, np.int32), np.zeros(n_accounts + 1, np.int64)
    groups, filled = 0, 0
    for v in range(n_accounts):
        if not inside[v] or label[v] != -1:
            continue
        size = _fill(graph, inside, v, groups, label, stack)
        if size >= _SMALLEST:
            members[filled : filled + size] = stack[:size]
            members[filled : filled + size].sort()
            filled += size
            groups += 1
            starts[groups] = filled
        else:
            for u in stack[:size]:
                label[u] = -2
    for v in range(n_accounts):
        label[v] = max(label[v], -1)
    return Proposals(starts[: groups + 1].copy(), members[:filled].copy(), label)


@compiled
def _fill(graph: Graph, inside: np.ndarray, start: int, number: int, label: Int32s, found: Int32s) -> int:
    """Label all that is connected with `start` inside; put it into `found` and return how many there are."""
    label[start], found[0] = number, start
    n, done = 1, 0
    while done < n:
        v = found[done]
        done += 1
        for u in graph.neighbours[graph.starts[v] : graph.starts[v + 1]]:
            if inside[u] and label[u] == -1:
                label[u] = number
                found[n] = u
                n += 1
    return n


class Rest(NamedTuple):
    """Scratch of `leave_out`, one element an account; `inside` is True for the members of one proposal."""

    inside: np.ndarray
    degree: Int32s
    stack: Int32s
    label: Int32s


def rest_for(n_accounts: int) -> Rest:
    """Return clean scratch for `leave_out`."""
    return Rest(
        np.zeros(n_accounts, np.bool_),
        np.zeros(n_accounts, np.int32),
        np.empty(n_accounts, np.int32),
        np.full(n_accounts, -1, np.int32),
    )


@compiled
def cut_accounts(graph: Graph, members: Int32s, inside: np.ndarray) -> np.ndarray:
    """Return, for each of `members` (all with inside True), whether taking it out parts the others.

    Method: Tarjan's articulation points, without recursion.
    """
    n = len(members)
    order, lowest = np.zeros(n, np.int32), np.zeros(n, np.int32)
    parent, position = np.full(n, -1, np.int32), graph.starts[members]
    cuts, stack = np.zeros(n, np.bool_), np.empty(n, np.int32)
    depth, clock, children_of_root = 1, 1, 0
    stack[0], order[0], lowest[0] = 0, 1, 1
    while depth > 0:
        v = stack[depth - 1]
        if position[v] < graph.starts[members[v] + 1]:
            neighbour = graph.neighbours[position[v]]
            position[v] += 1
            if not inside[neighbour]:
                continue
            u = np.searchsorted(members, neighbour)
            if u == parent[v]:
                continue
            if order[u]:
                lowest[v] = min(lowest[v], order[u])
                continue
            clock += 1
            order[u] = lowest[u] = clock
            parent[u] = v
            children_of_root += v == 0
            stack[depth] = u
            depth += 1
        else:
            depth -= 1
            p = parent[v]
            if p >= 0:
                lowest[p] = min(lowest[p], lowest[v])
                if p != 0 and lowest[v] >= order[p]:
                    cuts[p] = True
    cuts[0] = children_of_root > 1
    return cuts


@compiled
def leave_out(x: int, graph: Graph, members: Int32s, parts: bool, rest: Rest, gone: Int32s) -> int:
    """Turn `rest.inside` from the proposal of x into what is proposed without x: the largest component left, if any.

    `members` is the proposal, all inside; `parts` says whether x is one of its `cut_accounts`. Whoever is no longer
    inside is put into `gone` (x first); returns how many these are.
    """
    inside, degree, stack, label = rest
    shaken = parts
    for v in graph.neighbours[graph.starts[x] : graph.starts[x + 1]]:
        if inside[v] and not shaken:
            left = 0
            for u in graph.neighbours[graph.starts[v] : graph.starts[v + 1]]:
                left += inside[u]
            shaken = left <= _CORE
    inside[x] = False
    gone[0] = x
    if not shaken:
        return 1
    inside[x] = True
    for v in members:
        degree[v] = 0
        for u in graph.neighbours[graph.starts[v] : graph.starts[v + 1]]:
            degree[v] += inside[u]
    inside[x] = False
    stack[0] = x
    _peel(graph, inside, stack, degree, 1)
    largest, parts_seen = 2, 0
    for v in members:
        if inside[v] and label[v] == -1:
            size = _fill(graph, inside, v, parts_seen, label, stack)
            degree[stack[:size]] = size  # the degrees have done their work
            parts_seen += 1
            largest = max(largest, size)
    n = 1
    for v in members:
        # Equally large components stay together: to choose one would depend on how accounts are numbered.
        if v != x and (label[v] == -1 or degree[v] < largest):
            gone[n] = v
            n += 1
        label[v] = -1
    for v in gone[:n]:
        inside[v] = False
    return n
