"""How much of each side the accounts wrote that the coordination test names, and how sides differ in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from floodmark.event import speech
from floodmark.event.shares import Ratio, difference, ratio
from floodmark.stats import Floats
from floodmark.view import CaseView


@dataclass(frozen=True)
class Written:
    """A subject's posts in the window by account (in the order of ids), and whether the account is named (0 or 1)."""

    account: tuple[str, ...]
    count: Floats
    named: Floats

    @property
    def posts(self) -> int:
        """Posts of all accounts."""
        return int(self.count.sum())

    @property
    def accounts(self) -> int:
        """Accounts with a post."""
        return len(self.account)

    def ratio(self, level: float) -> Ratio:
        """Return the share of posts by named accounts."""
        return ratio(self.count * self.named, self.count, level)


def written(view: CaseView) -> Mapping[str, Written]:
    """Return `Written` of each subject that has posts in the window, from `side_posts` and `m12_named`."""
    found = {}
    for subject in view.config.subjects:
        side = "side <> 'control'" if subject == "both" else "side = $subject"
        several = "HAVING count(DISTINCT side) > 1" if subject == "both" else ""
        scope = speech.scope_of(subject)
        columns = view.db.arrays(
            f"""
            WITH own AS (
                SELECT post_id, min(account_id) AS account_id FROM side_posts
                WHERE in_window AND {side} GROUP BY post_id {several}
            )
            SELECT o.account_id, count(*) AS posts, max((n.account_id IS NOT NULL)::INTEGER) AS named
            FROM own o LEFT JOIN m12_named n ON n.scope = $scope AND n.account_id = o.account_id
            GROUP BY o.account_id ORDER BY o.account_id
            """,
            {"scope": scope} | ({} if subject == "both" else {"subject": subject}),
        )
        posts, named = (np.asarray(columns[name], dtype=np.float64) for name in ("posts", "named"))
        if posts.size:
            found[subject] = Written(tuple(columns["account_id"].tolist()), posts, named)
    return found


def difference_of(own: Written, others: Sequence[Written], level: float) -> tuple[float, float, float]:
    """Return the share by named accounts of one subject minus that of others together, with its interval.

    An account that wrote for both is left out of both at once. The method is that of `shares.difference`, ValueError
    where either has no posts.

    >>> ids, ones = tuple(f"a{number}" for number in range(40)), np.ones(20)
    >>> own = Written(ids[:20], ones, np.repeat([1.0, 0.0], 10))
    >>> other = Written(ids[20:], ones, np.repeat([1.0, 0.0], [2, 18]))
    >>> [round(value, 2) for value in difference_of(own, [other], 0.95)]
    [0.4, 0.12, 0.68]
    """
    names = sorted({account for item in (own, *others) for account in item.account})
    place = {name: number for number, name in enumerate(names)}
    arrays = np.zeros((4, len(names)))
    for first, item in ((0, own), *((2, other) for other in others)):
        at = [place[account] for account in item.account]
        arrays[first, at] += item.count * item.named
        arrays[first + 1, at] += item.count
    return difference(arrays[0], arrays[1], arrays[2], arrays[3], level)
