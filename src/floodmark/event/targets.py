"""Whom a set of accounts addresses more often than another set does: exact tests on accounts, like with like.

The unit is the account: one that answers somebody forty times counts once for that target. Accounts that address more
people meet any target more often, so accounts are compared within strata of how many addressing posts they made and in
which language. Given the strata, a target that nobody picks out gets its accounts by chance (Zelen 1971; exact common
odds ratio: Mehta, Patel & Gray 1985, doi 10.1080/01621459.1985.10478212).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.stats import Counts, Floats
from floodmark.view import CaseView

#: Targets that are compared, those addressed by most accounts of the two sets first.
MOST_TARGETS: Final = 50
_LANGUAGES: Final = 3
#: Where a stratum of activity begins: narrow ones, or who writes more within a stratum would seem to prefer somebody.
ACTIVITY: Final = (*range(2, 13), 14, 16, 18, 21, 24, 28, 32, 37, 43, 50, 60, 75, 100)
_BISECTIONS: Final = 48
_LARGEST_LOG: Final = 30.0


@dataclass(frozen=True)
class Addressing:
    """Accounts that address anybody in the window, and whom.

    Per account: roster, state of the coordination test ("" where it says nothing), group ("" outside groups), stratum.
    `account` and `target` are the distinct pairs, as places in the accounts and in `names`; `posts` counts each pair's.
    """

    roster: np.ndarray
    state: np.ndarray
    group: np.ndarray
    stratum: Counts
    account: Counts
    target: Counts
    posts: Counts
    names: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """One target: accounts of the set and of the crowd that address it, of how many, and the one-sided p-value.

    `table` holds four counts per stratum as `common_odds` wants them.
    """

    name: str
    accounts: int
    crowd: int
    p_value: float
    table: tuple[Counts, Counts, Counts, Counts]

    def odds(self, level: float = 0.95) -> tuple[float, float, float]:
        """Return the odds ratio and its exact interval, which costs more than the p-value.

        The odds ratio is close to the ratio of rates where few accounts address the target; infinite where none of the
        comparable crowd does.
        """
        return common_odds(*self.table, level)[:3]


def read_addressing(view: CaseView) -> Addressing:
    """Return who addresses whom in the window, from `_subject_posts`, `_addressed` (`marks.make_marks`), participants.

    A target may be an account id or @handle. Accounts are in order of roster and id, targets of name.
    """
    view.db.execute(
        """
        CREATE OR REPLACE TEMP TABLE _addressing AS
        SELECT p.roster, a.account_id, a.target, a.post_id
        FROM (SELECT DISTINCT post_id, account_id, subject = 'control' AS apart FROM _subject_posts WHERE in_window) s
        JOIN _addressed a USING (post_id, account_id)
        JOIN participants p ON p.account_id = s.account_id AND (p.roster = 'control') = s.apart
        """
    )
    who = view.db.arrays(
        f"""
        WITH spoken AS (
            SELECT roster, account_id, count(*) AS posts, mode(l.language ORDER BY l.language) AS language
            FROM (SELECT DISTINCT roster, account_id, post_id FROM _addressing)
            LEFT JOIN (SELECT post_id, min(language) AS language FROM posts GROUP BY post_id) l USING (post_id)
            GROUP BY ALL
        ),
        common AS (
            SELECT language, row_number() OVER (ORDER BY count(*) DESC, language) AS place FROM spoken
            WHERE language IS NOT NULL GROUP BY language ORDER BY place LIMIT {_LANGUAGES}
        )
        SELECT s.roster, s.account_id, s.posts, coalesce(c.place, 0) AS language, coalesce(v.state, '') AS state,
            coalesce(v.group_id, '') AS group_id
        FROM spoken s LEFT JOIN common c USING (language)
        LEFT JOIN coordinated_accounts v ON v.account_id = s.account_id
            AND v.scope = CASE WHEN s.roster = 'control' THEN 'control' ELSE 'event' END
        ORDER BY s.roster, s.account_id
        """
    )
    pairs = view.db.arrays(
        """
        WITH who AS (
            SELECT roster, account_id, row_number() OVER (ORDER BY roster, account_id) - 1 AS account
            FROM (SELECT DISTINCT roster, account_id FROM _addressing)
        ),
        whom AS (
            SELECT target, row_number() OVER (ORDER BY target) - 1 AS place
            FROM (SELECT DISTINCT target FROM _addressing)
        )
        SELECT w.account, t.place, target, count(*) AS posts FROM _addressing
        JOIN who w USING (roster, account_id) JOIN whom t USING (target)
        GROUP BY ALL ORDER BY t.place, w.account
        """
    )
    place = np.asarray(pairs["place"], dtype=np.int64)
    first = np.unique(place, return_index=True)[1]
    activity = np.searchsorted(ACTIVITY, np.asarray(who["posts"], dtype=np.int64), side="right")
    return Addressing(
        roster=np.asarray(who["roster"], dtype=object),
        state=np.asarray(who["state"], dtype=object),
        group=np.asarray(who["group_id"], dtype=object),
        stratum=np.asarray(activity * (_LANGUAGES + 1) + np.asarray(who["language"], dtype=np.int64)),
        account=np.asarray(pairs["account"], dtype=np.int64),
        target=place,
        posts=np.asarray(pairs["posts"], dtype=np.int64),
        names=tuple(str(name) for name in pairs["target"][first]),
    )


def compare(found: Addressing, mine: np.ndarray, crowd: np.ndarray, least_accounts: int) -> list[Compared]:
    """Return the comparison for every target that at least `least_accounts` accounts of both sets address.

    `mine` and `crowd` say which accounts are in which set (they must not overlap), one truth value an account. At most
    MOST_TARGETS, by accounts, then by name.

    >>> mine, none, zero = np.arange(8) < 4, np.full(8, ""), np.zeros(8, dtype=np.int64)
    >>> pairs = (np.array([0, 1, 2, 4]), zero[:4], np.ones(4, dtype=np.int64))
    >>> found = compare(Addressing(none, none, none, zero, *pairs, ("@mayor",)), mine, ~mine, 1)
    >>> [(item.name, item.accounts, item.crowd, round(item.p_value, 4)) for item in found]
    [('@mayor', 3, 1, 0.2429)]
    """
    side = np.where(mine, 1, np.where(crowd, 0, -1))
    kept = side[found.account] >= 0
    account, target = found.account[kept], found.target[kept]
    sizes = np.bincount(target, minlength=len(found.names))
    order = np.lexsort((np.arange(sizes.size), -sizes))[:MOST_TARGETS]
    strata = int(found.stratum.max()) + 1 if found.stratum.size else 0
    totals = [np.bincount(found.stratum[side == which], minlength=strata) for which in (0, 1)]
    compared = []
    for place in order[sizes[order] >= least_accounts]:
        here = account[target == place]
        hits = [np.bincount(found.stratum[here[side[here] == which]], minlength=strata) for which in (0, 1)]
        table = (hits[1], totals[1], hits[0], totals[0])
        counts = (int(hits[1].sum()), int(hits[0].sum()))
        compared.append(Compared(found.names[place], *counts, excess_p(*table), table))
    return compared


def excess_p(hits: Counts, totals: Counts, crowd_hits: Counts, crowd_totals: Counts) -> float:
    """Return the one-sided p-value of "no larger odds than the crowd's in any stratum", given each stratum's totals.

    Strata without accounts of both sets say nothing; with none that says anything: 1.

    >>> round(excess_p(*(np.array([n]) for n in (3, 4, 1, 4))), 4)
    0.2429
    """
    told = _telling(hits, totals, crowd_hits, crowd_totals)
    if not hits[told].any():
        return 1.0
    both = totals + crowd_totals
    first, shares, _ = _sums((hits + crowd_hits)[told], totals[told], both[told], 0.0)
    return min(1.0, float(shares[int(hits[told].sum()) - first :].sum()))


def common_odds(
    hits: Counts, totals: Counts, crowd_hits: Counts, crowd_totals: Counts, level: float = 0.95
) -> tuple[float, float, float, float]:
    """Return the odds ratio over strata (Mantel & Haenszel 1959), its exact interval, and the p-value of `excess_p`.

    With no stratum that says anything: (1, 0, infinity, 1).

    >>> [round(x, 4) for x in common_odds(*(np.array([n]) for n in (3, 4, 1, 4)))]
    [9.0, 0.2117, 626.2435, 0.2429]
    """
    both = totals + crowd_totals
    told = _telling(hits, totals, crowd_hits, crowd_totals)
    if not told.any():
        return 1.0, 0.0, float("inf"), 1.0
    a, b = hits[told].astype(np.float64), totals[told] - hits[told]
    c, d = crowd_hits[told].astype(np.float64), crowd_totals[told] - crowd_hits[told]
    below = float((b * c / both[told]).sum())
    ratio = float((a * d / both[told]).sum()) / below if below else float("inf")
    near = float(((a + 0.5) * (d + 0.5) / both[told]).sum() / ((b + 0.5) * (c + 0.5) / both[told]).sum())
    first, weights = _conditional(hits[told] + crowd_hits[told], totals[told], both[told], float(np.log(near)))
    observed = int(a.sum()) - first
    places = np.arange(weights.size)
    tail = (1 - level) / 2
    low = 0.0
    if observed > 0:
        low = float(np.exp(_solve(lambda x: float(_shares(weights + x * places)[observed:].sum()), tail)))
    high = float("inf")
    if observed < weights.size - 1:
        high = float(np.exp(_solve(lambda x: 1 - float(_shares(weights + x * places)[: observed + 1].sum()), 1 - tail)))
    return ratio, low, high, excess_p(hits, totals, crowd_hits, crowd_totals)


def _telling(hits: Counts, totals: Counts, crowd_hits: Counts, crowd_totals: Counts) -> np.ndarray:
    """Return the strata with accounts of both sets, of which some address the target and some do not."""
    addressing = hits + crowd_hits
    return np.asarray((totals > 0) & (crowd_totals > 0) & (addressing > 0) & (addressing < totals + crowd_totals))


def _solve(rising: Callable[[float], float], wanted: float) -> float:
    low, high = -_LARGEST_LOG, _LARGEST_LOG
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


def _shares(logs: Floats) -> Floats:
    shares = np.exp(logs - logs.max())
    return np.asarray(shares / shares.sum())


def _conditional(addressing: Counts, mine: Counts, both: Counts, log_odds: float) -> tuple[int, Floats]:
    """Return the least possible sum of hits over the strata and, up to a constant, log P(sum) from there on.

    The sums are those under equal odds. Convolving probabilities loses what is too rare; so it is done under equal odds
    and once more around `log_odds`, and each sum takes the one that still has it.
    """
    first, found = 0, np.zeros(0)
    for tilt in (0.0, log_odds):
        first, total, constant = _sums(addressing, mine, both, tilt)
        with np.errstate(divide="ignore"):
            logs = np.log(total) - tilt * np.arange(total.size) + constant
        found = np.maximum(found, logs) if found.size else logs
    return first, found


def _sums(addressing: Counts, mine: Counts, both: Counts, tilt: float) -> tuple[int, Floats, float]:
    """Return the least sum of hits, P(sum) from there on under odds exp(`tilt`), and the logarithm it was scaled by."""
    from scipy.special import gammaln

    least, most = np.maximum(0, addressing - (both - mine)), np.minimum(addressing, mine)
    starts = np.concatenate([[0], np.cumsum(most - least + 1)])
    # One entry per stratum and possible number of hits, all strata in one array.
    stratum = np.repeat(np.arange(least.size), most - least + 1)
    more = np.arange(starts[-1]) - starts[stratum]
    x = least[stratum] + more
    k, n, size = addressing[stratum], mine[stratum], both[stratum]
    logs = tilt * more - gammaln(np.stack([x, n - x, k - x, size - n - k + x]) + 1).sum(axis=0)
    highest = np.maximum.reduceat(logs, starts[:-1])
    shares = np.exp(logs - highest[stratum])
    scales = np.add.reduceat(shares, starts[:-1])
    shares /= scales[stratum]
    total = np.ones(1)
    for first, last in itertools.pairwise(starts.tolist()):
        total = np.convolve(total, shares[first:last])
    return int(least.sum()), total, float((highest + np.log(scales)).sum())
