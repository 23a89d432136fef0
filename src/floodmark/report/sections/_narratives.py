"""What the tables of narratives say of one roster: accounts, posts, families, who named or new accounts among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from floodmark.accounts.prevalence import Tally
from floodmark.stats import Counts
from floodmark.view import CaseView


@dataclass(frozen=True)
class Family:
    """One family as a roster sees it: `own_accounts` of its accounts are of the roster; the rest is of the scope."""

    family_id: str
    wording: str
    own_accounts: int
    accounts: int
    posts: int
    reposts: int
    wordings: int
    first_post_id: str
    first_at_ms: int
    first_accounts: int
    half_ms: int
    languages: tuple[str, ...]
    coordinated_accounts: int | None
    new_accounts: int | None
    new_judged: int
    background_accounts: int | None
    specific_share: float | None
    usual: bool
    targets: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Spread:
    """One roster and one kind of family: accounts of the roster by answer, posts per account, families.

    `posts` and `hits` hold per judged account its own posts with a wording and those in a family; words usual elsewhere
    make no hit. `named` and `new` are (with, judged) among the accounts in families and among the other judged ones.
    """

    accounts: Tally
    posts: Counts
    hits: Counts
    families: tuple[Family, ...]
    named: tuple[Tally, Tally]
    new: tuple[Tally, Tally]

    @property
    def specific(self) -> tuple[Family, ...]:
        """The families whose words are not usual elsewhere."""
        return tuple(family for family in self.families if not family.usual)


_ACCOUNTS: Final = """
WITH member AS (
    SELECT account_id FROM participants WHERE roster = $roster
),
family AS (
    SELECT scope, family_id FROM narratives
    WHERE scope = $scope AND kind = $kind AND coalesce(100 * specific_share >= $specific, TRUE)
),
hit AS (
    SELECT p.account_id, count(DISTINCT p.post_id) AS hits
    FROM narrative_posts p
    JOIN family f ON f.scope = p.scope AND f.family_id = p.family_id
    WHERE NOT p.reposted
    GROUP BY p.account_id
)
SELECT m.account_id, a.posts, coalesce(h.hits, 0) AS hits,
       c.state = 'named' AS named,
       f.flagged AS new
FROM member m
LEFT JOIN narrative_accounts a ON a.scope = $scope AND a.account_id = m.account_id
LEFT JOIN hit h ON h.account_id = m.account_id
LEFT JOIN coordinated_accounts c ON c.scope = $scope AND c.account_id = m.account_id AND c.state <> 'untestable'
LEFT JOIN account_flags f ON f.flag = 'new' AND f.account_id = m.account_id
"""
_FAMILIES: Final = """
WITH own AS (
    SELECT DISTINCT p.family_id, p.account_id
    FROM narrative_posts p
    WHERE p.scope = $scope AND p.kind = $kind AND NOT p.reposted
),
counted AS (
    SELECT o.family_id, count(m.account_id) AS own_accounts,
           count(c.account_id) AS named_accounts,
           count(*) FILTER (WHERE f.flagged) AS new_accounts, count(f.flagged) AS new_judged
    FROM own o
    LEFT JOIN participants m ON m.account_id = o.account_id AND m.roster = $roster
    LEFT JOIN account_flags f ON f.flag = 'new' AND f.account_id = o.account_id
    LEFT JOIN coordinated_accounts c ON c.scope = $scope AND c.account_id = o.account_id AND c.state = 'named'
    GROUP BY o.family_id
),
tested AS (
    SELECT count(*) AS accounts FROM coordinated_accounts WHERE scope = $scope
)
SELECT n.family_id, n.wording, c.own_accounts, n.accounts, n.posts, n.reposts, n.wordings, n.first_post_id,
       n.first_at_ms, n.first_accounts, n.half_ms, n.languages,
       CASE WHEN e.accounts > 0 THEN c.named_accounts END,
       CASE WHEN c.new_judged > 0 THEN c.new_accounts END, c.new_judged, n.background_accounts, n.specific_share,
       coalesce(100 * n.specific_share < $specific, FALSE), n.targets, n.target_accounts
FROM narratives n
JOIN counted c ON c.family_id = n.family_id
CROSS JOIN tested e
WHERE n.scope = $scope AND n.kind = $kind AND c.own_accounts > 0
ORDER BY c.own_accounts DESC, n.accounts DESC, n.first_at_ms, n.first_post_id, n.family_id
"""


def spread(view: CaseView, roster: str, kind: str) -> Spread:
    """Return what the families of one kind are for one roster (a side, `both` or `control`)."""
    scope = "control" if roster == "control" else "event"
    values: Mapping[str, object] = {
        "roster": roster,
        "scope": scope,
        "kind": kind,
        "specific": view.config.parameters.narrative_specific_percent,
    }
    rows = view.db.rows(_ACCOUNTS, values)
    judged = [row for row in rows if row[1] is not None]
    inside, others = [row for row in judged if row[2]], [row for row in judged if not row[2]]
    return Spread(
        Tally(len(inside), len(judged), len(rows) - len(judged)),
        np.array([row[1] for row in judged], dtype=np.int64),
        np.array([row[2] for row in judged], dtype=np.int64),
        tuple(_family(row) for row in view.db.rows(_FAMILIES, values)),
        (_tally([row[3] for row in inside]), _tally([row[3] for row in others])),
        (_tally([row[4] for row in inside]), _tally([row[4] for row in others])),
    )


def _tally(answers: list[bool | None]) -> Tally:
    judged = [answer for answer in answers if answer is not None]
    return Tally(sum(judged), len(judged), len(answers) - len(judged))


def _family(row: tuple[Any, ...]) -> Family:
    *plain, targets, counts = row
    plain[11] = tuple(plain[11] or ())
    plain.append(tuple(zip(targets or (), counts or (), strict=True)))
    return Family(*plain)
