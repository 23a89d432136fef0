"""What became of each roster: the last status snapshot after the event, its states kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from floodmark.accounts.prevalence import Tally
from floodmark.view import CaseView

DAY_MS: Final = 86_400_000
#: States in which nobody can visit the account any more; protected and renamed accounts still exist.
GONE: Final = ("suspended", "deleted", "not_found")


@dataclass(frozen=True)
class Aftermath:
    """One roster at its last snapshots after the event.

    `by_status` counts accounts by their last status, `silent` judges those seen (still there, but no post for the
    silent period), `by_date` holds (UTC day in ms, status, accounts) of every snapshot, also before the event.
    `strangers` says that the case's snapshots are of accounts that wrote no collected post.
    """

    accounts: int
    by_status: Mapping[str, int]
    silent: Tally
    by_date: tuple[tuple[int, str, int], ...]
    strangers: bool = False

    @property
    def seen(self) -> int:
        """Accounts with a snapshot after the event."""
        return sum(self.by_status.values())

    @property
    def lists_only_gone(self) -> bool:
        """Whether the snapshots hold only accounts that are gone, so that a share of them says nothing."""
        return 0 < self.seen < self.accounts and self.count(GONE) == self.seen

    def count(self, statuses: tuple[str, ...]) -> int:
        """Return the accounts whose last status is one of `statuses`."""
        return sum(self.by_status.get(status, 0) for status in statuses)

    def tally(self, statuses: tuple[str, ...]) -> Tally:
        """Return the accounts with one of `statuses` among those seen; the others are unknown."""
        return Tally(self.count(statuses), self.seen, self.accounts - self.seen)


NOBODY: Final = Aftermath(0, {}, Tally(0, 0, 0), ())


def aftermath(view: CaseView) -> Mapping[str, Aftermath]:
    """Return the aftermath of every roster that has participants, from `participants` and `statuses`.

    An account is silent when it was still there at its last snapshot and its latest post was then more than
    parameters.silent_days old. Where that snapshot is not so many days after the event's end, or the latest post
    is not known, an account that was still there is unknown; one that is gone is not silent. An account whose last
    snapshots contradict each other at one instant is unknown.
    """
    rows = view.db.rows(
        f"""
        WITH ranked AS (
            SELECT *,
                   row_number() OVER (PARTITION BY account_id ORDER BY observed_at_ms DESC, last_post_at_ms) AS place,
                   min(status) OVER same = max(status) OVER same AS agreed
            FROM statuses
            WHERE observed_at_ms >= $end_ms
            WINDOW same AS (PARTITION BY account_id, observed_at_ms)
        )
        SELECT p.roster, r.status,
               CASE
                   WHEN r.status IN {GONE} THEN FALSE
                   WHEN r.observed_at_ms - $silent_ms >= $end_ms THEN r.last_post_at_ms < r.observed_at_ms - $silent_ms
               END AS silent,
               count(*)
        FROM participants p LEFT JOIN ranked r ON r.account_id = p.account_id AND r.place = 1 AND r.agreed
        GROUP BY ALL ORDER BY ALL
        """,
        {"end_ms": view.config.event.end_ms, "silent_ms": view.config.parameters.silent_days * DAY_MS},
    )
    dates = view.db.rows(
        f"""
        SELECT p.roster, s.observed_at_ms - ((s.observed_at_ms % {DAY_MS}) + {DAY_MS}) % {DAY_MS} AS day, s.status,
               count(DISTINCT s.account_id)
        FROM participants p JOIN statuses s ON s.account_id = p.account_id
        GROUP BY ALL ORDER BY ALL
        """
    )
    found: dict[str, Aftermath] = {}
    for roster in sorted({row[0] for row in rows}):
        own = [row[1:] for row in rows if row[0] == roster]
        by_status: dict[str, int] = {}
        for status, _, accounts in own:
            if status is not None:
                by_status[status] = by_status.get(status, 0) + accounts
        found[roster] = Aftermath(
            sum(accounts for *_, accounts in own),
            by_status,
            _silent(own),
            tuple((day, status, accounts) for name, day, status, accounts in dates if name == roster),
        )
    return found


def snapshots_are_of_strangers(view: CaseView) -> bool:
    """Whether there are status snapshots, but none of an account with a collected post (a wrong platform, say)."""
    (strangers,) = view.db.one(
        "SELECT count(*) > 0 AND count(p.account_id) = 0 FROM (SELECT DISTINCT account_id FROM statuses) s"
        " LEFT JOIN (SELECT DISTINCT account_id FROM posts) p ON p.account_id = s.account_id"
    )
    return bool(strangers)


def _silent(rows: list[tuple[str | None, bool | None, int]]) -> Tally:
    """Count the silent among the accounts seen; those not seen at all are left out here."""
    seen = [(silent, accounts) for status, silent, accounts in rows if status is not None]
    flagged = sum(accounts for silent, accounts in seen if silent)
    unknown = sum(accounts for silent, accounts in seen if silent is None)
    return Tally(flagged, sum(accounts for _, accounts in seen) - unknown, unknown)
