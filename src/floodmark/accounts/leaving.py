"""Rosters' accounts between polls: who was there when, and how a roster compares with matched controls.

Tables in: `_looks` (see aftermath.prepare), participants, accounts, posts. Days count from the end of the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from floodmark.accounts import matching, survival
from floodmark.accounts.aftermath import GONE
from floodmark.view import CaseView

Ints = NDArray[np.int64]
DAY_MS: Final = 86_400_000
#: With fewer matched accounts in either group, nothing is compared.
FEWEST: Final = 20
PERMUTATIONS: Final = 1_999
SEED: Final = 20_200_717
#: A poll day counts for a roster when at least so large a share of its looked-up accounts was looked up then.
_POLLED_SHARE: Final = 0.2
_BEFORE: Final = -(1 << 40)


@dataclass(frozen=True)
class Stays:
    """Accounts of one roster with any usable look after the event: last day there and first day gone after that.

    `polls` are the days on which a fair part of them was looked up; `accounts` ids in order, `unseen` the others.
    """

    accounts: list[str]
    left: Ints
    right: Ints
    polls: Ints
    unseen: int

    def without(self, others: set[str]) -> Stays:
        """Return the stays of all accounts but some."""
        kept = np.array([account not in others for account in self.accounts], dtype=bool)
        accounts = [account for account, keep in zip(self.accounts, kept, strict=True) if keep]
        return replace(self, accounts=accounts, left=self.left[kept], right=self.right[kept])

    def until(self, day: int) -> tuple[Ints, Ints]:
        """Return (left, right) as known from looks up to a day."""
        right = np.where(self.right > day, survival.NEVER, self.right)
        return np.minimum(self.left, day), right


@dataclass(frozen=True)
class Comparison:
    """A roster against its matched controls up to the last common poll day."""

    ours: survival.Curve
    control: survival.Curve
    unmatched_control: survival.Curve
    matched: int
    accounts: int
    matched_controls: int
    controls: int
    strata: int
    balance: Mapping[str, tuple[float | None, float | None]]
    p_value: float
    value: float
    low: float
    high: float


_NO_DAYS: Final = np.zeros(0, dtype=np.int64)
NOBODY: Final = Stays([], _NO_DAYS, _NO_DAYS, _NO_DAYS, 0)


def stays(view: CaseView) -> Mapping[str, Stays]:
    """Return what the looks say of every roster; `aftermath.prepare` first. Contradicting looks say nothing."""
    rows = view.db.arrays(
        f"""
        WITH days AS (
            SELECT p.roster, p.account_id, (l.at_ms - $end_ms) // {DAY_MS} AS day, l.at_ms, l.status IN {GONE} AS gone
            FROM participants p JOIN _looks l ON l.account_id = p.account_id
            WHERE l.at_ms >= $end_ms AND l.agreed AND l.status <> 'returned'
        ),
        last AS (
            SELECT roster, account_id, max(at_ms) FILTER (NOT gone) AS last_ms, max(day) FILTER (NOT gone) AS last_day
            FROM days GROUP BY ALL
        )
        SELECT l.roster, l.account_id, coalesce(l.last_day, {_BEFORE}) AS left_day,
               coalesce(min(d.day) FILTER (d.gone AND (l.last_ms IS NULL OR d.at_ms > l.last_ms)), {survival.NEVER})
                   AS right_day
        FROM last l JOIN days d ON d.roster = l.roster AND d.account_id = l.account_id
        GROUP BY ALL ORDER BY ALL
        """,
        {"end_ms": view.config.event.end_ms},
    )
    polled = view.db.rows(
        f"""
        SELECT p.roster, (l.at_ms - $end_ms) // {DAY_MS} AS day, count(DISTINCT l.account_id) AS accounts
        FROM participants p JOIN _looks l ON l.account_id = p.account_id
        WHERE l.at_ms >= $end_ms AND l.agreed GROUP BY ALL ORDER BY ALL
        """,
        {"end_ms": view.config.event.end_ms},
    )
    sizes = dict(view.db.rows("SELECT roster, count(*) FROM participants GROUP BY roster ORDER BY roster"))
    roster = np.asarray(rows["roster"], dtype=object)
    found = {}
    for name in sorted(sizes):
        mine = np.flatnonzero(roster == name)
        left = np.asarray(rows["left_day"], dtype=np.int64)[mine]
        right = np.asarray(rows["right_day"], dtype=np.int64)[mine]
        # Everybody posted in the window, so was there when it ended at the latest; gone at once is gone within day 0.
        left = np.where(left == _BEFORE, -1, np.minimum(left, right - 1))
        fair = _POLLED_SHARE * len(mine)
        polls = np.array([day for other, day, count in polled if other == name and count >= fair], dtype=np.int64)
        accounts = [str(account) for account in np.asarray(rows["account_id"], dtype=object)[mine]]
        found[name] = Stays(accounts, left, right, polls, sizes[name] - len(mine))
    return found


def compare(view: CaseView, ours: Stays, control: Stays, level: float) -> Comparison | str:
    """Return how a roster's accounts left compared with matched controls, or why that cannot be tested.

    The horizon is the last day on which a fair part of both was looked up.
    """
    # Who took part in both is a participant, not a control.
    control = control.without(set(ours.accounts))
    if problem := _problem(ours, control):
        return problem
    polls = np.intersect1d(ours.polls, control.polls)
    found = matching.properties(view, [*ours.accounts, *control.accounts])
    mine = np.arange(len(ours.accounts) + len(control.accounts)) < len(ours.accounts)
    if lacking := matching.missing(found, mine):
        return (
            f"most accounts of the roster or of the control have no value in {', '.join(lacking)}, so that controls"
            " cannot be matched"
        )
    matched = matching.match(found, mine)
    used = matched.used
    counts = (int((used & mine).sum()), int((used & ~mine).sum()))
    if min(counts) < FEWEST:
        return (
            f"only {counts[0]} accounts of the roster and {counts[1]} controls are alike in age, language, followers"
            f" and activity; a comparison needs {FEWEST} of each"
        )
    pairs = zip(ours.until(int(polls.max())), control.until(int(polls.max())), strict=True)
    left, right = (np.concatenate(pair) for pair in pairs)

    def curve(group: NDArray[np.bool_], weight: NDArray[np.float64]) -> survival.Curve:
        return survival.curve(left[group], right[group], weight[group], polls, level)

    own, usual = curve(used & mine, matched.weight), curve(used & ~mine, matched.weight)
    score = survival.scores(left[used], right[used])
    value, low, high = survival.difference(own, usual)
    return Comparison(
        ours=own,
        control=usual,
        unmatched_control=curve(~mine, np.ones(len(mine))),
        matched=counts[0],
        accounts=len(ours.accounts),
        matched_controls=counts[1],
        controls=len(control.accounts),
        strata=len(np.unique(matched.stratum[used])),
        balance=matching.balance(found, mine, matched),
        p_value=survival.permutation_p(score, mine[used], matched.stratum[used], PERMUTATIONS, SEED),
        value=value,
        low=low,
        high=high,
    )


def _problem(ours: Stays, control: Stays) -> str | None:
    for name, group in (("roster", ours), ("control", control)):
        if not group.accounts:
            return f"no account of the {name} has a status snapshot at or after the end of the event"
    if not len(np.intersect1d(ours.polls, control.polls)):
        return "roster and control were not looked up on a common day"
    return None
