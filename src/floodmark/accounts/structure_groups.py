"""M11, the shape of each group: delays with intervals, how concentrated its starts are, its k-core, its reach."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from floodmark.accounts.order import Bools, Ints
from floodmark.accounts.structure import ROLES, SPACING_MS, Joint, Roles
from floodmark.stats import Floats, Interval, z_value
from floodmark.view import CaseView

#: Pairs of members with a p-value up to this are edges of the k-core and of the share of edges at the core.
EDGE_P: Final = 0.05
#: With fewer separate episodes a delay gets no interval, and so no value.
LEAST_EPISODES: Final = 10
_SEED: Final = 20200717
_RESAMPLES: Final = 500
#: Numbers held at once while resampling.
_CELLS: Final = 2**18
_QUARTILES: Final = (0.25, 0.5, 0.75)


class Delay(NamedTuple):
    """A median delay in ms with its interval, the quartiles, and what it rests on."""

    median_ms: int
    low_ms: int
    high_ms: int
    quarter_ms: int
    three_quarters_ms: int
    lags: int
    episodes: int


class Edges(NamedTuple):
    """Tested edges between members (p up to EDGE_P) as members' numbers."""

    a: Ints
    b: Ints


def episodes_of(joint: Joint) -> Ints:
    """Return the episode of each row: joint actions of one group with gaps of at most its window, or five minutes.

    An episode is what a bootstrap draws: what happens within one is not independent.
    """
    n = len(joint.run)
    if not n:
        return np.zeros(0, np.int64)
    new = np.diff(joint.run, prepend=-1) != 0
    start = np.flatnonzero(new)
    end = np.append(start[1:], n) - 1
    group, begins = joint.group[start], joint.at_ms[start]
    gap = np.array([max(SPACING_MS, window_ms) for _, _, window_ms in joint.groups], np.int64)
    # Runs come by (group, start), so the latest end so far is a running maximum within the group.
    span = int(joint.at_ms.max() - joint.at_ms.min()) + 1
    latest = np.maximum.accumulate(joint.at_ms[end] - joint.at_ms.min() + group * span)
    before = np.roll(latest, 1) - group * span + joint.at_ms.min()
    fresh = (np.diff(group, prepend=-1) != 0) | (begins - before > gap[group])
    return np.repeat(np.cumsum(fresh) - 1, np.diff(start, append=n))


def delay(lag_ms: Ints, episode: Ints, level: float) -> Delay | None:
    """Return the median of the positive lags with a bootstrap interval over episodes; None under LEAST_EPISODES.

    Whole episodes are drawn with replacement, 500 times, from a fixed seed; percentile interval (Efron & Tibshirani
    1993). Lags of 0 or less are no lags: nobody was ahead.

    >>> delay(np.arange(1, 41), np.arange(40) // 2, 0.95)[:3]
    (20, 12, 27)
    """
    late = lag_ms > 0
    lags, names = lag_ms[late], np.unique(episode[late], return_inverse=True)
    clusters = len(names[0])
    if clusters < LEAST_EPISODES:
        return None
    order = np.lexsort((names[1], lags))
    lags, cluster = lags[order], names[1][order]
    medians = _resampled_medians(lags, cluster, clusters)
    tail = (1 - level) / 2
    low, high = np.quantile(medians, (tail, 1 - tail), method="nearest")
    quarter, median, three = _quantiles(lags, np.ones(len(lags), np.int64), _QUARTILES)
    return Delay(median, min(int(low), median), max(int(high), median), quarter, three, len(lags), clusters)


def _resampled_medians(lags: Ints, cluster: Ints, clusters: int) -> Floats:
    """Return the median of the sorted lags in each resample of whole clusters.

    First which block of lags it falls in, from how many lags of each cluster a block holds, then which lag there.
    """
    blocks = max(1, min(math.isqrt(len(lags)), _CELLS // clusters))
    length = -(-len(lags) // blocks)
    blocks = -(-len(lags) // length)
    block = np.arange(len(lags)) // length
    table = np.bincount(cluster * blocks + block, minlength=clusters * blocks).reshape(clusters, blocks).astype(float)
    # What fills the last block up belongs to a cluster that is never drawn.
    within = np.append(cluster, np.full(blocks * length - len(lags), clusters)).reshape(blocks, length)
    rng = np.random.default_rng(_SEED)
    medians = np.empty(_RESAMPLES)
    chunk = max(1, _CELLS // max(clusters, length))
    for first in range(0, _RESAMPLES, chunk):
        row = np.arange(min(chunk, _RESAMPLES - first))[:, None]
        cells = rng.integers(0, clusters, (len(row), clusters)) + row * (clusters + 1)
        weight = np.bincount(cells.ravel(), minlength=len(row) * (clusters + 1)).reshape(len(row), clusters + 1)
        up_to = np.cumsum(weight[:, :clusters] @ table, axis=1)
        half = np.ceil(up_to[:, -1:] / 2)
        place = np.count_nonzero(up_to < half, axis=1)
        before = np.where(place > 0, up_to[row[:, 0], place - 1], 0.0)
        inside = np.cumsum(weight[row, within[place]], axis=1) + before[:, None]
        medians[first : first + chunk] = lags[place * length + np.count_nonzero(inside < half, axis=1)]
    return medians


def _quantiles(lags: Ints, weight: Ints, at: tuple[float, ...]) -> list[int]:
    """Return quantiles of sorted values with whole weights: the smallest value with at least that share up to it."""
    up_to = np.cumsum(weight)
    return [int(lags[np.searchsorted(up_to, np.ceil(q * up_to[-1]))]) for q in at]


def member_edges(view: CaseView) -> Edges:
    """Return the tested edges between members; `joint_actions` must have been called on the view."""
    found = view.db.arrays(
        f"""
        SELECT a.member AS a, b.member AS b FROM tested_edges e
        JOIN _structure_groups g USING (scope, group_id)
        JOIN _structure_members a ON a."group" = g.number AND a.account_id = e.account_a AND a.acts
        JOIN _structure_members b ON b."group" = g.number AND b.account_id = e.account_b AND b.acts
        WHERE e.p_value <= {EDGE_P} ORDER BY ALL
        """
    )
    return Edges(np.asarray(found["a"], np.int64), np.asarray(found["b"], np.int64))


def core_share(edges: Edges, core: Bools, level: float) -> tuple[float, Interval, int, int] | None:
    """Return the share of edges with an end in `core`, its interval, the edges and their accounts; None without edges.

    Edges that share an account depend on each other: the variance is the jackknife's over accounts, turned into an
    effective number of edges for Wilson's limits. Where all or no edges touch the core the accounts count instead.
    """
    total = len(edges.a)
    if not total:
        return None
    touch = core[edges.a] | core[edges.b]
    hits, n = int(touch.sum()), len(core)
    ends, touched = (np.bincount(edges.a, w, n) + np.bincount(edges.b, w, n) for w in (None, touch))
    mine = ends > 0
    accounts = int(mine.sum())
    left = total - ends[mine]
    effective = float(accounts)
    if 0 < hits < total:
        # A star has edges at one account only; leaving it out leaves nothing, which moves the share by all there is.
        without = np.divide(hits - touched[mine], left, out=np.full(accounts, float(hits < total / 2)), where=left > 0)
        moves = np.sort((without - hits / total) ** 2)
        variance = (accounts - 1) / accounts * float(moves.sum())
        share = hits / total
        effective = min(float(total), share * (1 - share) / variance) if variance > 0 else float(accounts)
    return hits / total, _wilson_effective(hits / total, max(1.0, effective), level), total, accounts


def _wilson_effective(share: float, trials: float, level: float) -> Interval:
    z2 = z_value(level) ** 2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = float(np.sqrt(z2 * (share * (1 - share) + z2 / (4 * trials)) / trials)) / (1 + z2 / trials)
    return (max(0.0, centre - half) if share > 0 else 0.0), (min(1.0, centre + half) if share < 1 else 1.0)


def innermost_core(edges: Edges, n: int) -> tuple[int, Bools]:
    """Return the largest k for which a k-core exists, and who is in it (0 and nobody without edges).

    Source: Seidman 1983, doi 10.1016/0378-8733(83)90028-X.

    >>> k, inside = innermost_core(Edges(np.array([0, 0, 1, 2]), np.array([1, 2, 2, 3])), 4)
    >>> k, inside.tolist()
    (2, [True, True, True, False])
    """
    alive, best, k = np.ones(n, bool), np.zeros(n, bool), 0
    a, b = edges
    while len(a):
        degree = np.bincount(a, minlength=n) + np.bincount(b, minlength=n)
        alive &= degree > 0
        k = max(k, int(degree[alive].min()))
        best = alive.copy()
        # All with at most k go, again and again, until everybody left has more.
        while len(a) and (degree[alive] <= k).any():
            alive &= degree > k
            kept = alive[a] & alive[b]
            a, b = a[kept], b[kept]
            degree = np.bincount(a, minlength=n) + np.bincount(b, minlength=n)
    return k, best


def group_rows(view: CaseView, joint: Joint, roles: Roles, scope: str) -> list[dict[str, Any]]:
    """Return one dict per group of `scope`, in the order of `groups`: counts of roles, delays, concentration, reach."""
    level = view.config.parameters.level
    episode, edges = episodes_of(joint), member_edges(view)
    reach = {row[0]: row[1:] for row in view.db.rows(_REACH)}
    found = []
    for number, (its_scope, group_id, window_ms) in enumerate(joint.groups):
        if its_scope != scope:
            continue
        inside = joint.members.group == number
        rows = joint.group == number
        counts = {role: int(np.count_nonzero(inside & (roles.role == role))) for role in ROLES}
        mine = inside[edges.a]
        k, core = innermost_core(Edges(edges.a[mine], edges.b[mine]), len(inside))
        share = core_share(Edges(edges.a[mine], edges.b[mine]), np.isin(roles.role, ("starter", "core")), level)
        objects, posts, others = reach.get(number, (0, 0, 0))
        ahead = joint.beside_lead_ms[inside[joint.beside_member] & (joint.beside_lead_ms > 0)]
        found.append(
            {
                "group_id": group_id,
                "window_ms": window_ms,
                "roles": counts,
                "joint_actions": len(np.unique(joint.run[rows])),
                "episodes": len(np.unique(episode[rows])),
                "lag": _listed(delay(joint.places.behind_first_ms[rows], episode[rows], level)),
                "step": _listed(delay(joint.places.behind_nearest_ms[rows], episode[rows], level)),
                "behind_amplified_ms": int(np.sort(ahead)[(len(ahead) - 1) // 2]) if len(ahead) else None,
                **_concentration(roles.first[inside]),
                "core_k": k,
                "core_accounts": int(core.sum()),
                "edges": share[2] if share else 0,
                "core_edges_share": share[0] if share else None,
                "objects": objects,
                "posts": posts,
                "others": others,
            }
        )
    return found


def _listed(found: Delay | None) -> list[int] | None:
    return None if found is None else list(found)


def _concentration(first: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Return how many joint actions had one account alone in front, the largest share of one, and the even equivalent.

    `starters_equivalent` is the number of accounts that would give the same concentration if all started equally often
    (the inverse of the Herfindahl index).
    """
    total = int(first.sum())
    if not total:
        return {"alone_in_front": 0, "top_first_share": None, "starters_equivalent": None}
    squares = int((first * first).sum())
    return {
        "alone_in_front": total,
        "top_first_share": int(first.max()) / total,
        "starters_equivalent": total * total / squares,
    }


#: Per group: objects and posts of its joint actions, and accounts outside that acted on these objects from then on.
_REACH: Final = """
WITH runs AS (
    SELECT "group", trace, object_id, min(start_ms) AS start_ms FROM _structure_runs GROUP BY ALL
),
acts AS (
    SELECT r."group", r.trace, r.object_id, a.post_id, a.account_id, a.at_ms, r.start_ms
    FROM runs r JOIN _structure_groups g ON g.number = r."group"
    JOIN actions a ON a.scope = g.scope AND a.trace = r.trace AND a.object_id = r.object_id
)
SELECT acts."group",
    (SELECT count(*) FROM runs WHERE runs."group" = acts."group"),
    count(DISTINCT acts.post_id) FILTER (s.member IS NOT NULL),
    count(DISTINCT acts.account_id) FILTER (m.member IS NULL AND acts.at_ms >= acts.start_ms)
FROM acts
LEFT JOIN _structure_members m ON m."group" = acts."group" AND m.account_id = acts.account_id
LEFT JOIN _structure_runs s ON s.member = m.member AND s.trace = acts.trace AND s.object_id = acts.object_id
    AND s.at_ms = acts.at_ms
GROUP BY acts."group" ORDER BY acts."group"
"""
