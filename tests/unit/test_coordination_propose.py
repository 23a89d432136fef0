"""Proposals equal brute-force peeling; leaving an account out equals proposing again without it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floodmark.coordination.groups import communities, components
from floodmark.coordination.pairs import Pairs
from floodmark.coordination.propose import Graph, cut_accounts, graph_of, leave_out, propose, rest_for

Edge = tuple[int, int]
N = 14

edges = st.sets(
    st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda ab: ab[0] < ab[1]), max_size=32
).map(sorted)


def pairs_of(found: Iterable[Edge], p_value: Iterable[float] | None = None) -> Pairs:
    a, b = np.array(list(found), np.int32).reshape(-1, 2).T
    p = np.zeros(len(a)) if p_value is None else np.array(list(p_value))
    return Pairs(a.copy(), b.copy(), p)


def graph(found: Iterable[Edge], n: int = N) -> Graph:
    return graph_of(pairs_of(found), n, 0.3)


def parts_of(nodes: Iterable[int], found: Iterable[Edge]) -> list[list[int]]:
    """Return the connected components of `nodes`, each ascending, by their smallest."""
    label = {v: v for v in nodes}
    for _ in label:
        for a, b in found:
            if a in label and b in label:
                label[a] = label[b] = min(label[a], label[b])
    return [[v for v in sorted(label) if label[v] == one] for one in sorted(set(label.values()))]


def proposals_of(nodes: Iterable[int], found: list[Edge]) -> list[list[int]]:
    """Return the components, of at least three, of the 2-core, by peeling until nothing changes."""
    left = set(nodes)
    while True:
        inner = {v for v in left if sum(v in ab and set(ab) <= left for ab in found) >= 2}
        if inner == left:
            return [part for part in parts_of(left, found) if len(part) >= 3]
        left = inner


def split(starts: np.ndarray, members: np.ndarray) -> list[list[int]]:
    return [part.tolist() for part in np.split(members, starts[1:-1])] if len(starts) > 1 else []


@settings(deadline=None, max_examples=300)
@given(found=edges)
def test_proposals_are_those_of_brute_force_peeling(found: list[Edge]) -> None:
    proposals = propose(graph(found))
    expected = proposals_of(range(N), found)
    assert split(proposals.starts, proposals.members) == expected
    label = [next((g for g, part in enumerate(expected) if v in part), -1) for v in range(N)]
    assert proposals.label.tolist() == label


@settings(deadline=None, max_examples=150)
@given(found=edges, data=st.data())
def test_only_pairs_at_the_level_are_edges_whatever_their_order(found: list[Edge], data: st.DataObject) -> None:
    p = data.draw(
        st.lists(st.sampled_from((0.0, 0.05, 0.06, 0.3, 0.31, 1.0)), min_size=len(found), max_size=len(found))
    )
    mixed = data.draw(st.permutations(list(zip(found, p, strict=True))))
    for level in (0.3, 0.05):
        built = graph_of(pairs_of([ab for ab, _ in mixed], [one for _, one in mixed]), N, level)
        kept = [ab for ab, one in zip(found, p, strict=True) if one <= level]
        for v in range(N):
            neighbours = built.neighbours[built.starts[v] : built.starts[v + 1]].tolist()
            assert neighbours == sorted({a + b - v for a, b in kept if v in (a, b)})


@settings(deadline=None, max_examples=300)
@given(found=edges)
def test_cut_accounts_are_those_whose_loss_parts_the_others(found: list[Edge]) -> None:
    built = graph(found)
    for part in proposals_of(range(N), found):
        inside = np.isin(np.arange(N), part)
        cuts = cut_accounts(built, np.array(part, np.int32), inside)
        assert cuts.tolist() == [len(parts_of([v for v in part if v != x], found)) > 1 for x in part]


@settings(deadline=None, max_examples=300)
@given(found=edges)
def test_leaving_an_account_out_is_proposing_without_it(found: list[Edge]) -> None:
    built, rest = graph(found), rest_for(N)
    for part in proposals_of(range(N), found):
        members = np.array(part, np.int32)
        rest.inside[members] = True
        cuts = cut_accounts(built, members, rest.inside)
        for x, parts in zip(part, cuts, strict=True):
            gone = np.empty(len(part), np.int32)
            n = leave_out(x, built, members, bool(parts), rest, gone)
            again = proposals_of([v for v in part if v != x], found)
            size = max(map(len, again), default=0)
            left = np.flatnonzero(rest.inside).tolist()
            # Of equally large ones all, so that the numbers of accounts do not matter.
            assert left == sorted(v for one in again if len(one) == size for v in one)
            assert gone[0] == x
            assert sorted(gone[:n].tolist()) == sorted(set(part) - set(left))
            assert (rest.label == -1).all()
            rest.inside[gone[:n]] = True
        assert np.flatnonzero(rest.inside).tolist() == part
        rest.inside[members] = False


def test_a_large_ring_falls_apart_and_a_clique_does_not() -> None:
    n = 500
    ring = graph([(min(v, (v + 1) % n), max(v, (v + 1) % n)) for v in range(n)], n)
    clique = graph([(a, b) for a in range(60) for b in range(a + 1, 60)], 60)
    for built, size, left in ((ring, n, 0), (clique, 60, 59)):
        members, rest = np.arange(size, dtype=np.int32), rest_for(size)
        rest.inside[:] = True
        cuts = cut_accounts(built, members, rest.inside)
        assert not cuts.any()
        gone = np.empty(size, np.int32)
        assert leave_out(7, built, members, False, rest, gone) == size - left
        assert np.count_nonzero(rest.inside) == left


# Groups of those who passed.


@settings(deadline=None, max_examples=150)
@given(found=edges, kept=st.sets(st.integers(0, N - 1)))
def test_components_of_chosen_accounts_are_those_of_brute_force(found: list[Edge], kept: set[int]) -> None:
    got = [part.tolist() for part in components(np.array(sorted(kept), np.int32), pairs_of(found))]
    assert sorted(got) == parts_of(kept, found)


@settings(deadline=None, max_examples=100)
@given(found=edges, p=st.sampled_from((1e-12, 0.01, 0.2)))
def test_communities_part_connected_accounts_into_groups_of_at_least_three(found: list[Edge], p: float) -> None:
    tested = pairs_of(found, [p] * len(found))
    for connected in components(np.arange(N, dtype=np.int32), tested):
        parts = communities(connected, tested, 3)
        assert sorted(np.concatenate(parts).tolist()) == connected.tolist()
        assert min(len(part) for part in parts) >= min(3, len(connected))


def test_two_cliques_on_a_thread_are_two_communities_and_one_clique_is_one() -> None:
    first = [(a, b) for a in range(6) for b in range(a + 1, 6)]
    both = [*first, *((a + 6, b + 6) for a, b in first), (5, 6)]
    (everybody,) = components(np.arange(12, dtype=np.int32), pairs_of(both))
    assert [part.tolist() for part in communities(everybody, pairs_of(both, [1e-6] * len(both)), 3)] == [
        [0, 1, 2, 3, 4, 5],
        [6, 7, 8, 9, 10, 11],
    ]
    alone = np.arange(6, dtype=np.int32)
    assert [part.tolist() for part in communities(alone, pairs_of(first, [1e-6] * 15), 3)] == [alone.tolist()]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_accounts_propose_nothing(n: int) -> None:
    proposals = propose(graph([(0, 1)] if n == 2 else [], n))
    assert proposals.starts.tolist() == [0]
    assert proposals.label.tolist() == [-1] * n
