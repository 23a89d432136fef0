"""M11, structure: in each group of the coordination test, who comes first, who comes behind, and how fast.

A *joint action* is a run of first actions by members of a group on one object, with gaps of at most the group's window.
Members are the accounts of the group that are not amplified: named ones, and those in step. They get a role by a test
against random order, and by nothing else. An amplified account is always in front and never follows; it gets no role,
because an innocent account that others mirror looks the same.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from floodmark.accounts.order import Bools, Floats, Ints, Places, middle_p, order_p, places_of, spaced, starts_p
from floodmark.stats import bh, wilson
from floodmark.view import CaseView

#: False-discovery rate of each of the three tests, over all members of the case.
FALSE_DISCOVERY: Final = 0.05
#: Separate times lie further apart than this, or than the group's window where that is longer.
SPACING_MS: Final = 300_000
ROLES: Final = ("starter", "core", "amplifier", "follower", "even", "untested", "amplified")
_AMPLIFIED: Final = "amplified"
_ORDER: Final = ("even", "amplifier", "follower", "core", "starter")


class Members(NamedTuple):
    """Accounts of groups, sorted by (group, account). `group` points into `Joint.groups`; `acts`: not amplified."""

    account_id: npt.NDArray[Any]
    group: Ints
    named: Bools
    acts: Bools


class Joint(NamedTuple):
    """The joint actions of a case: one row per member and joint action, sorted by (run, at_ms, member).

    `groups` are rows of the table `groups` as (scope, group_id, window_ms). `run` numbers joint actions by (group,
    start, trace, object). `beside_*` are rows of amplified accounts within the window of a joint action;
    `beside_lead_ms` is how long before the first member they acted, negative where after it.
    """

    groups: tuple[tuple[str, str, int], ...]
    members: Members
    run: Ints
    member: Ints
    at_ms: Ints
    places: Places
    beside_member: Ints
    beside_run: Ints
    beside_lead_ms: Ints

    @property
    def group(self) -> Ints:
        """The group of each row."""
        return self.members.group[self.member]


class Roles(NamedTuple):
    """What is said of each member: role, joint actions, those that count in the tests, firsts, p-values (NaN: none)."""

    role: npt.NDArray[Any]
    actions: Ints
    tested: Ints
    first: Ints
    behind: Ints
    p_first: Floats
    p_order: Floats
    p_middle: Floats


#: First actions of the accounts of groups, each with the run of members on the object that it belongs to.
_FIRSTS: Final = """
CREATE OR REPLACE TEMP TABLE _structure_firsts AS
SELECT g.number AS "group", c.member, c.acts, a.trace, a.object_id, g.window_ms, min(a.at_ms) AS at_ms
FROM _structure_members c
JOIN _structure_groups g ON g.number = c."group"
JOIN actions a ON a.scope = g.scope AND a.account_id = c.account_id
WHERE a.at_ms IS NOT NULL
GROUP BY ALL
"""
_RUNS: Final = """
CREATE OR REPLACE TEMP TABLE _structure_runs AS
WITH gaps AS (
    SELECT *, coalesce(at_ms - lag(at_ms) OVER same > window_ms, true) AS begins
    FROM _structure_firsts WHERE acts WINDOW same AS (PARTITION BY "group", trace, object_id ORDER BY at_ms)
),
numbered AS (
    SELECT *, count_if(begins) OVER (PARTITION BY "group", trace, object_id ORDER BY at_ms
        RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS part
    FROM gaps
)
SELECT * EXCLUDE (begins), min(at_ms) OVER run AS start_ms, max(at_ms) OVER run AS end_ms
FROM numbered WINDOW run AS (PARTITION BY "group", trace, object_id, part) QUALIFY count(*) OVER run > 1
"""
_ROWS: Final = """
SELECT dense_rank() OVER (ORDER BY "group", start_ms, trace, object_id) - 1 AS run, member, at_ms
FROM _structure_runs ORDER BY run, at_ms, member
"""
_BESIDE: Final = """
WITH runs AS (
    SELECT DISTINCT "group", trace, object_id, start_ms, end_ms,
        dense_rank() OVER (ORDER BY "group", start_ms, trace, object_id) - 1 AS run
    FROM _structure_runs
)
SELECT f.member, r.run, r.start_ms - f.at_ms AS lead_ms
FROM _structure_firsts f JOIN runs r USING ("group", trace, object_id)
WHERE NOT f.acts AND f.at_ms BETWEEN r.start_ms - f.window_ms AND r.end_ms + f.window_ms
ORDER BY ALL
"""


def joint_actions(view: CaseView) -> Joint:
    """Return the joint actions of all groups, from `groups`, `coordinated_accounts` and `actions`.

    Leaves the temporary tables _structure_groups, _structure_members, _structure_firsts and _structure_runs behind.
    Raises EngineError when a table is missing.
    """
    db = view.db
    db.execute(
        "CREATE OR REPLACE TEMP TABLE _structure_groups AS SELECT scope, group_id, coalesce(window_ms, 0) AS window_ms,"
        " CAST(row_number() OVER (ORDER BY scope DESC, length(group_id), group_id) - 1 AS BIGINT) AS number FROM groups"
    )
    db.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _structure_members AS
        SELECT g.number AS "group", account_id, state = 'named' AS named,
            coalesce(role, '') != '{_AMPLIFIED}' AS acts,
            CAST(row_number() OVER (ORDER BY g.number, account_id) - 1 AS BIGINT) AS member
        FROM coordinated_accounts c JOIN _structure_groups g USING (scope, group_id)
        """
    )
    db.execute(_FIRSTS)
    db.execute(_RUNS)
    groups = db.rows("SELECT scope, group_id, window_ms FROM _structure_groups ORDER BY number")
    who = db.arrays('SELECT account_id, "group", named, acts FROM _structure_members ORDER BY member')
    rows, beside = db.arrays(_ROWS), db.arrays(_BESIDE)
    run, at_ms = np.asarray(rows["run"], np.int64), np.asarray(rows["at_ms"], np.int64)
    return Joint(
        groups=tuple((scope, group_id, window_ms) for scope, group_id, window_ms in groups),
        members=Members(who["account_id"], np.asarray(who["group"], np.int64), who["named"] == 1, who["acts"] == 1),
        run=run,
        member=np.asarray(rows["member"], np.int64),
        at_ms=at_ms,
        places=places_of(run, at_ms),
        beside_member=np.asarray(beside["member"], np.int64),
        beside_run=np.asarray(beside["run"], np.int64),
        beside_lead_ms=np.asarray(beside["lead_ms"], np.int64),
    )


def roles_of(joint: Joint, least: int) -> Roles:
    """Return the role of every account; members with at least `least` joint actions far enough apart are tested.

    Three tests, each against random order within the joint actions, in this order of precedence: first more often
    (*starter*); ahead (*core*) or behind (*follower*) more than chance; closer to the middle than chance, between the
    two (*amplifier*: it carries on what others began). None of these: *even*.
    """
    members, places = joint.members, joint.places
    n = len(members.account_id)
    kept = _spaced_rows(joint)
    who = joint.member[kept]
    tested = np.bincount(who, minlength=n)
    counts = members.acts & (tested >= least)
    chances = np.bincount(who, (places.alone / np.maximum(places.size, 1))[kept], n)
    p_first = starts_p(_sum(who, places.first[kept], n), chances, tested)
    score, square = (_sum(who, places.score[kept] ** power, n) for power in (1, 2))
    variance = np.bincount(who, places.variance[kept], n)
    p_order = order_p(score, variance)
    p_middle = middle_p(square, variance, np.bincount(who, (places.fourth - places.variance**2)[kept], n))
    starts, moved, middle = (_passes(p, counts) for p in (p_first, p_order, p_middle))
    place = np.select([starts, moved & (score > 0), moved, middle], [4, 3, 2, 1], 0)
    role = np.where(counts, np.array(_ORDER, object)[place], "untested")
    none = np.where(counts, 0.0, np.nan)
    return Roles(
        role=np.where(members.acts, role, _AMPLIFIED),
        actions=np.bincount(joint.member, minlength=n),
        tested=tested,
        first=_sum(joint.member, places.first, n),
        behind=_sum(joint.member, places.behind_first_ms > 0, n),
        p_first=p_first + none,
        p_order=p_order + none,
        p_middle=p_middle + none,
    )


def account_structure(view: CaseView) -> dict[str, list[object]]:
    """Return the columns of `schema.ACCOUNT_STRUCTURE`: every account of a group with its role and delays.

    The interval of an account's median lag is that of order statistics, at the level of the case file; NULL under six
    lags at 95 %. Of amplified accounts the joint actions are those within the group's window, the firsts those in which
    they were ahead of every member; they have no lag, since they are no members.
    """
    level = view.config.parameters.level
    joint = joint_actions(view)
    roles = roles_of(joint, view.config.parameters.structure_min_actions)
    n = len(roles.role)
    outside = roles.role == _AMPLIFIED
    actions = roles.actions + np.bincount(joint.beside_member, minlength=n)
    first = roles.first + _sum(joint.beside_member, joint.beside_lead_ms > 0, n)
    behind = roles.behind + _sum(joint.beside_member, joint.beside_lead_ms < 0, n)
    lags = _account_lags(joint.member, joint.places.behind_first_ms, n, level)
    nearest = _account_lags(joint.member, joint.places.behind_nearest_ms, n, level)
    some = actions > 0
    shares = [wilson(int(k), int(m), level) for k, m in zip(first, actions, strict=True)]
    columns: dict[str, list[object]] = {
        "scope": [joint.groups[g][0] for g in joint.members.group],
        "group_id": [joint.groups[g][1] for g in joint.members.group],
        "account_id": joint.members.account_id.tolist(),
        "named": joint.members.named.tolist(),
        "role": roles.role.tolist(),
        "joint_actions": actions.tolist(),
        "tested_actions": np.where(outside, 0, roles.tested).tolist(),
        "first": first.tolist(),
        "first_share": _or_null(first / np.maximum(actions, 1), some),
        "first_share_low": _or_null(np.array([low for low, _ in shares]), some),
        "first_share_high": _or_null(np.array([high for _, high in shares]), some),
        "follows": behind.tolist(),
        "follows_share": _or_null(behind / np.maximum(actions, 1), some),
        "median_lag_ms": lags[0],
        "median_lag_low_ms": lags[1],
        "median_lag_high_ms": lags[2],
        "median_step_ms": nearest[0],
        "p_first": _or_null(roles.p_first, ~np.isnan(roles.p_first)),
        "p_order": _or_null(roles.p_order, ~np.isnan(roles.p_order)),
        "p_middle": _or_null(roles.p_middle, ~np.isnan(roles.p_middle)),
    }
    return columns


def median_ranks(count: int, level: float) -> tuple[int, int] | None:
    """Return the ranks (from 0) of sorted values between which their median lies at `level`; None: too few values.

    Source: order statistics, exact for any distribution (Conover 1999, 3.2).

    >>> median_ranks(5, 0.95), median_ranks(6, 0.95), median_ranks(20, 0.95)
    (None, (0, 5), (5, 14))
    """
    from scipy.special import bdtr

    below = np.flatnonzero(bdtr(np.arange(count), count, 0.5) <= (1 - level) / 2) if count else np.zeros(0, np.int64)
    return (int(below[-1]), count - 1 - int(below[-1])) if len(below) else None


def _spaced_rows(joint: Joint) -> Ints:
    """Return the rows that count in the tests, sorted by (member, run)."""
    order = np.lexsort((joint.run, joint.at_ms, joint.member))
    gap = np.array([max(SPACING_MS, window_ms) for _, _, window_ms in joint.groups], np.int64)
    kept = order[spaced(joint.member[order], joint.at_ms[order], gap[joint.group[order]])]
    return kept[np.lexsort((joint.run[kept], joint.member[kept]))]


def _passes(p_value: Floats, counts: Bools) -> Bools:
    found = np.zeros(len(p_value), bool)
    found[counts] = bh(p_value[counts], FALSE_DISCOVERY)
    return found


def _sum(index: Ints, values: npt.NDArray[Any], n: int) -> Ints:
    """Return sums of whole numbers by index; exact, whatever the order, since each stays below 2^53."""
    return np.bincount(index, values.astype(np.float64), n).astype(np.int64)


def _account_lags(member: Ints, lag_ms: Ints, n: int, level: float) -> tuple[list[object], list[object], list[object]]:
    """Return the median lag of each member and its interval; None where it was never behind, or seldom."""
    late = lag_ms > 0
    order = np.lexsort((lag_ms[late], member[late]))
    lags = lag_ms[late][order]
    counts = np.bincount(member[late], minlength=n)
    start = np.cumsum(counts) - counts
    median: list[object] = [None] * n
    low: list[object] = [None] * n
    high: list[object] = [None] * n
    ranks = {count: median_ranks(count, level) for count in np.unique(counts).tolist()}
    for k in np.flatnonzero(counts).tolist():
        count, first = int(counts[k]), int(start[k])
        median[k] = int(lags[first + (count - 1) // 2] + lags[first + count // 2]) // 2
        if (between := ranks[count]) is not None:
            low[k], high[k] = int(lags[first + between[0]]), int(lags[first + between[1]])
    return median, low, high


def _or_null(values: npt.NDArray[Any], known: Bools) -> list[object]:
    return [value if there else None for value, there in zip(values.tolist(), known.tolist(), strict=True)]
