"""Groups of those who passed: their structure, what they share, and the innocent readings of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from floodmark.coordination.naming import Hits
from floodmark.coordination.pairs import EPISODE_GAP_MS, Pairs
from floodmark.coordination.prepare import Prepared
from floodmark.coordination.propose import PROPOSAL_P
from floodmark.coordination.result import Group, Int32s, Int64s, Reading, Rules
from floodmark.coordination.verdict import count_episodes

_SEED: Final = 20200717
#: From this modularity on a partition is structure, not noise (Newman & Girvan 2004, doi 10.1103/PhysRevE.69.026113).
_STRUCTURE: Final = 0.3
_SMALLEST_P: Final = 1e-300


if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Facts(NamedTuple):
    """What a group's hits say: lines of `Hits`, the objects on which at least two were in step, how many are rare.

    `source` is the account, inside or outside, that acted shortly before all others in step on most of the objects (-1
    where nobody did on two), and `led` on how many.
    """

    lines: Int64s
    objects: Int32s
    rare_objects: int
    source: int
    led: int

    @property
    def follows_one_source(self) -> bool:
        """Whether one account came first on at least half of the objects: all may be watching it."""
        return 2 * self.led >= len(self.objects)


def components(accounts: Int32s, pairs: Pairs) -> list[Int32s]:
    """Return the connected components of `accounts` (ascending) in the graph of proposed pairs."""
    from scipy.sparse.csgraph import connected_components

    if not len(accounts):
        return []
    _, label = connected_components(_graph(accounts, pairs), directed=False)
    return [accounts[label == one] for one in range(label.max() + 1)]


def _graph(accounts: Int32s, pairs: Pairs) -> csr_array:
    """Return the symmetric graph of proposed pairs among `accounts`, weighted by -log10 p."""
    from scipy.sparse import coo_array

    n = len(accounts)
    a, b = (np.minimum(np.searchsorted(accounts, end), n - 1) for end in (pairs.a, pairs.b))
    kept = (pairs.p_value <= PROPOSAL_P) & (accounts[a] == pairs.a) & (accounts[b] == pairs.b)
    a, b, weight = a[kept], b[kept], -np.log10(np.maximum(pairs.p_value[kept], _SMALLEST_P))
    ends = np.concatenate([a, b]), np.concatenate([b, a])
    graph = coo_array((np.concatenate([weight, weight]), ends), shape=(n, n)).tocsr()
    graph.sort_indices()
    return graph


def communities(accounts: Int32s, pairs: Pairs, min_members: int) -> list[Int32s]:
    """Return the communities of connected `accounts` (ascending) in the graph of proposed pairs.

    Method: Leiden (Traag et al. 2019, doi 10.1038/s41598-019-41695-z), seeded; one community where the partition's
    modularity shows no structure. A community under `min_members` joins the one with which it has the most weight.
    """
    from graspologic_native import leiden_csr

    n, graph = len(accounts), _graph(accounts, pairs)
    if n <= min_members:
        return [accounts]
    modularity, found = leiden_csr(
        graph.indptr.astype(np.int64), graph.indices.astype(np.int32), graph.data.astype(np.float64), n, seed=_SEED
    )
    if modularity < _STRUCTURE:
        return [accounts]
    label = np.array([found.get(v, -1 - v) for v in range(n)])
    while True:
        names, sizes = np.unique(label, return_counts=True)
        small = names[sizes < min_members]
        if len(names) == 1 or not len(small):
            return [accounts[label == name] for name in names]
        one = label == small[0]
        weight = graph[one].sum(axis=0)  # of the small community's edges to everybody
        others = names[names != small[0]]
        label[one] = others[np.argmax([weight[label == name].sum() for name in others])]


def facts(
    rows: Int32s, hits: Hits, prepared: Prepared, members: Int32s, window_ms: int, n_active: int, rules: Rules
) -> Facts:
    """Return what the hits of `rows` (of the answers) say of the accounts `members`.

    An object is rare when, within the window of the group's actions on it, fewer others acted on it than members did,
    and under `rules.rare_share` of all active accounts (docs/decisions/0005).
    """
    lines = np.flatnonzero(np.isin(hits.row, rows))
    objects, times = np.unique(prepared.object[hits.position[lines]], return_counts=True)
    objects = objects[times >= 2]
    inside = np.zeros(len(prepared.account_starts) - 1, bool)
    inside[members] = True
    rare = 0
    for o in objects:
        part = slice(prepared.object_starts[o], prepared.object_starts[o + 1])
        ours = inside[prepared.account[part]]
        member_at, other_at = prepared.at_ms[part][ours], prepared.at_ms[part][~ours]
        beside = np.searchsorted(member_at, other_at + window_ms, "right") > np.searchsorted(
            member_at, other_at - window_ms, "left"
        )
        others = np.count_nonzero(beside)
        rare += int(others < len(member_at) and others < rules.rare_share * n_active)
    return Facts(lines, objects, rare, *_source(objects, hits.position[lines], prepared, max(rules.windows_ms)))


def _source(objects: Int32s, positions: Int32s, prepared: Prepared, horizon_ms: int) -> tuple[int, int]:
    """Return the account that on most of the objects acted before all others in step, and on how many; -1 for nobody.

    `positions` are the actions in step. Before means earlier by at most `horizon_ms` than the first of the others.
    """
    ahead = [np.empty(0, np.int32)]
    for o in objects:
        in_step = np.sort(positions[prepared.object[positions] == o])  # in the order of time
        first, second = in_step[:2]
        start, end = prepared.object_starts[o], prepared.object_starts[o + 1]
        low, high = np.searchsorted(
            prepared.at_ms[start:end], (prepared.at_ms[first] - horizon_ms, prepared.at_ms[first])
        )
        ahead.append(prepared.account[start + low : start + high])
        if prepared.at_ms[first] < prepared.at_ms[second] <= prepared.at_ms[first] + horizon_ms:
            ahead.append(prepared.account[first : first + 1])
    accounts, times = np.unique(np.concatenate(ahead), return_counts=True)
    if not len(accounts) or times.max() < 2:
        return -1, 0
    return int(accounts[times.argmax()]), int(times.max())


def describe(
    number: int,
    members: Int32s,
    named: Int32s,
    grade: str,
    found: Facts,
    hits: Hits,
    prepared: Prepared,
    trace: Int32s,
    traces: tuple[str, ...],
    window_ms: int,
) -> Group:
    """Return one group as shown; `named` are the members that are named."""
    at_ms = prepared.at_ms[hits.position[found.lines]]
    kinds, counts = np.unique(trace[prepared.original_object[found.objects]], return_counts=True)
    return Group(
        group=number,
        grade=grade,
        members=tuple(members.tolist()),
        named=tuple(named.tolist()),
        objects=len(found.objects),
        rare_objects=found.rare_objects,
        episodes=count_episodes(at_ms, max(EPISODE_GAP_MS, window_ms)),
        window_ms=window_ms,
        median_lag_ms=int(np.median(np.abs(hits.lag_ms[found.lines]))),
        first_ms=int(at_ms.min()),
        last_ms=int(at_ms.max()),
        traces={traces[kind]: int(count) for kind, count in zip(kinds, counts, strict=True)},
        readings=_readings(members, grade, found, hits, prepared, dict(zip(kinds, counts, strict=True)), traces),
    )


def _readings(
    members: Int32s,
    grade: str,
    found: Facts,
    hits: Hits,
    prepared: Prepared,
    kinds: Mapping[int, int],
    traces: tuple[str, ...],
) -> tuple[Reading, ...]:
    """Return the innocent readings, each with the numbers for and against it."""
    starts, n = prepared.object_starts, len(found.objects)
    whose = "one of the group" if np.isin(found.source, members) else "one account outside the group"
    led = f"{whose} acted shortly before all others in step on {found.led} of {n} objects"
    sharers = np.diff(starts)[found.objects]
    inside = np.isin(prepared.account, members)
    alone = sum(bool(inside[starts[o] : starts[o + 1]].all()) for o in found.objects)
    at_ms = prepared.at_ms[hits.position[found.lines]]
    hours, busy = np.unique(at_ms // 3_600_000, return_counts=True)
    busiest = f"{int(busy.max())} of {len(at_ms)}"
    linked = sum(int(count) for kind, count in kinds.items() if traces[kind] in ("url", "text"))
    lag = np.abs(hits.lag_ms[found.lines])
    lags, repeated = np.unique(lag, return_counts=True)
    common = f"{int(repeated.max())} of {len(lag)} are {int(lags[repeated.argmax()]) / 1000:g} s"
    own_pace = (
        "for most of the named, delays behind the first post on any object do not explain the timing (grade A)"
        if grade == "A"
        else "delays behind the first post do not explain the timing where others shared the same objects"
    )
    return (
        Reading(
            "fans of one source",
            "People who follow the same account see its posts at the same moment.",
            led if found.led else f"no account came before the others in step on two of the {n} objects",
            own_pace,
        ),
        Reading(
            "syndication",
            "News outlets and agencies publish the same item through one system.",
            f"{linked} of {n} objects are links or texts; {alone} of {n} were shared by nobody else",
            f"{n - alone} of {n} were shared by others too, by {int(np.median(sharers))} accounts at the median",
        ),
        Reading(
            "an announced action",
            "Activists agree openly on an hour in which to post.",
            f"{busiest} actions in step fall into the busiest hour",
            f"they spread over {len(hours)} different hours",
        ),
        Reading(
            "a message that all saw",
            "Members of a chat, pupils of a class, viewers of a broadcast act on what they are shown.",
            "this cannot be seen in timing; it fits any group, whatever its grade",
            f"it would have had to show them {n} objects on {len(hours)} different hours",
        ),
        Reading(
            "one shared tool",
            "A scheduling or sharing tool acts for many accounts that know nothing of each other.",
            f"of the delays behind the nearest member, {common}",
            f"the delays range up to {int(lag.max()) / 1000:g} s",
        ),
        Reading(
            "set up by others",
            "Somebody makes accounts act just before this group's members, to get them named.",
            "this cannot be seen in timing; a second signal (account age, text, client) and a person must judge",
            f"{len(members)} accounts would have had to be foreseen on {n} objects",
        ),
    )
