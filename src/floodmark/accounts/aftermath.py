"""What became of each roster: the status snapshots of its accounts, all states kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from floodmark.accounts.prevalence import Tally
from floodmark.view import CaseView

DAY_MS: Final = 86_400_000
#: States in which nobody can visit the account any more; protected, renamed and restricted accounts still exist.
GONE: Final = ("suspended", "deleted", "not_found")
#: States that say nothing of an account that was looked up and had not vanished.
_VANISHED: Final = (*GONE, "returned", "restricted")

# Looks at or after the event's end, one row an account and instant; `agreed` is FALSE where they contradict each other.
# What a row says of an earlier look counts as a look of its own.
_LOOKS: Final = """
CREATE OR REPLACE TEMP TABLE _looks AS
WITH stated AS (
    SELECT account_id, observed_at_ms, status, last_post_at_ms FROM statuses
    UNION ALL
    SELECT account_id, last_seen_at_ms, 'active', NULL FROM statuses WHERE last_seen_at_ms < observed_at_ms
)
SELECT account_id, observed_at_ms AS at_ms, min(status) AS status, min(status) = max(status) AS agreed,
       min(last_post_at_ms) AS last_post_at_ms
FROM stated
GROUP BY account_id, observed_at_ms
"""

# Back again: there (or `returned`) at the last look, gone at an agreed look before, also one before the event.
_STATES: Final = f"""
CREATE OR REPLACE TEMP TABLE _states AS
WITH last AS (
    SELECT *, row_number() OVER (PARTITION BY account_id ORDER BY at_ms DESC) AS place
    FROM _looks WHERE at_ms >= $end_ms
),
gone AS (
    SELECT account_id, min(at_ms) AS first_gone_ms FROM _looks WHERE agreed AND status IN {GONE} GROUP BY account_id
)
SELECT l.account_id, l.at_ms, l.last_post_at_ms,
       CASE WHEN l.status NOT IN {GONE} AND g.first_gone_ms < l.at_ms THEN 'returned' ELSE l.status END AS state
FROM last l LEFT JOIN gone g ON g.account_id = l.account_id
WHERE l.place = 1 AND l.agreed
"""


# Accounts seen gone at any look, before the event or after, and there at a later one.
_BACK: Final = f"""
WITH ever AS (
    SELECT account_id, coalesce(bool_or(status = 'returned'), FALSE) AS said,
           max(at_ms) FILTER (status NOT IN {_VANISHED}) AS last_there_ms,
           min(at_ms) FILTER (status IN {_VANISHED}) AS first_gone_ms
    FROM _looks WHERE agreed GROUP BY account_id
)
SELECT p.roster, count(*)
FROM participants p
JOIN ever e ON e.account_id = p.account_id
WHERE e.said OR e.last_there_ms > e.first_gone_ms
GROUP BY p.roster ORDER BY p.roster
"""


@dataclass(frozen=True)
class Aftermath:
    """One roster at its last snapshots after the event.

    `by_status` counts accounts by their last state (`returned`: seen gone before and there again), `silent` judges
    those seen (still there, but no post for the silent period), `by_date` holds (UTC day in ms, status, accounts) of
    every snapshot, also before the event; `newly_gone` (UTC day in ms, days since the poll before or None, accounts
    that were first seen gone or restricted then); `back` are those of them that were seen there later, `words` the
    states that the case's snapshots know at all. `strangers` says that the case's snapshots are of accounts that wrote
    no collected post; `listed` that the roster itself comes from lists, not from posts.
    """

    accounts: int
    by_status: Mapping[str, int]
    silent: Tally
    by_date: tuple[tuple[int, str, int], ...]
    newly_gone: tuple[tuple[int, int | None, int], ...] = ()
    back: int = 0
    words: frozenset[str] = frozenset()
    strangers: bool = False
    listed: bool = False

    @property
    def seen(self) -> int:
        """Accounts with a usable snapshot after the event."""
        return sum(self.by_status.values())

    @property
    def lists_only_gone(self) -> bool:
        """Whether the snapshots hold only accounts that had vanished, so that a share of them says nothing.

        That is so when no look of an incomplete roster, or of a mere list, found an account there.
        """
        incomplete = self.seen < self.accounts or self.listed
        return self.seen > 0 and incomplete and all(status in _VANISHED for _, status, _ in self.by_date)

    def count(self, statuses: tuple[str, ...]) -> int:
        """Return the accounts whose last state is one of `statuses`."""
        return sum(self.by_status.get(status, 0) for status in statuses)

    def tally(self, statuses: tuple[str, ...]) -> Tally:
        """Return the accounts with one of `statuses` among those seen; the others are unknown."""
        return Tally(self.count(statuses), self.seen, self.accounts - self.seen)


NOBODY: Final = Aftermath(0, {}, Tally(0, 0, 0), ())


@dataclass(frozen=True)
class Snapshots:
    """All snapshots of a case: how many there are and how many of them count; every row is in `rows`.

    `rows` = `before_event` + `after`, by rows; `contradicting` are pairs of account and instant after the event
    that say two things; `strangers` are accounts with a snapshot that are on no roster.
    """

    rows: int
    before_event: int
    after: int
    contradicting: int
    accounts: int
    strangers: int


def prepare(view: CaseView) -> None:
    """Create the temporary tables `_looks` and `_states` from `statuses`."""
    view.db.execute(_LOOKS)
    view.db.execute(_STATES, {"end_ms": view.config.event.end_ms})


def snapshots(view: CaseView) -> Snapshots:
    """Count the snapshots of the case; `prepare` first."""
    end = {"end_ms": view.config.event.end_ms}
    rows, before = view.db.one("SELECT count(*), count(*) FILTER (observed_at_ms < $end_ms) FROM statuses", end)
    (torn,) = view.db.one("SELECT count(*) FROM _looks WHERE NOT agreed AND at_ms >= $end_ms", end)
    accounts, strangers = view.db.one(
        "SELECT count(*), count(*) FILTER (account_id NOT IN (SELECT account_id FROM participants))"
        " FROM (SELECT DISTINCT account_id FROM statuses)"
    )
    return Snapshots(rows, before, rows - before, torn, accounts, strangers)


def aftermath(view: CaseView) -> Mapping[str, Aftermath]:
    """Return the aftermath of every roster that has participants, from `participants` and `statuses`.

    An account is silent when it was still there at its last snapshot and its latest post was then more than
    parameters.silent_days old. Where that snapshot is not so many days after the event's end, or the latest post
    is not known, an account that was still there is unknown; one that is gone is not silent. An account whose last
    snapshots contradict each other at one instant is unknown.
    """
    prepare(view)
    rows = view.db.rows(
        f"""
        SELECT p.roster, s.state,
               CASE
                   WHEN s.state IN {GONE} THEN FALSE
                   WHEN s.at_ms - $silent_ms >= $end_ms THEN s.last_post_at_ms < s.at_ms - $silent_ms
               END AS silent,
               count(*)
        FROM participants p LEFT JOIN _states s ON s.account_id = p.account_id
        GROUP BY ALL ORDER BY ALL
        """,
        {"end_ms": view.config.event.end_ms, "silent_ms": view.config.parameters.silent_days * DAY_MS},
    )
    day = f"at_ms - ((at_ms % {DAY_MS}) + {DAY_MS}) % {DAY_MS}"
    dates = view.db.rows(
        f"SELECT p.roster, {day.replace('at_ms', 's.observed_at_ms')} AS day, s.status, count(DISTINCT s.account_id)"
        " FROM participants p JOIN statuses s ON s.account_id = p.account_id GROUP BY ALL ORDER BY ALL"
    )
    gone = view.db.rows(
        f"""
        WITH days AS (
            SELECT p.roster, p.account_id, {day} AS day, l.agreed AND l.status IN {_VANISHED} AS gone
            FROM participants p JOIN _looks l ON l.account_id = p.account_id
        ),
        first AS (SELECT roster, account_id, min(day) FILTER (gone) AS day FROM days GROUP BY ALL),
        counts AS (SELECT roster, day, count(*) AS accounts FROM first WHERE day IS NOT NULL GROUP BY ALL)
        SELECT d.roster, d.day, coalesce(c.accounts, 0)
        FROM (SELECT DISTINCT roster, day FROM days) d
        LEFT JOIN counts c ON c.roster = d.roster AND c.day = d.day
        ORDER BY ALL
        """
    )
    back = dict(view.db.rows(_BACK))
    words = _words(view)
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
            _polls([(day, accounts) for name, day, accounts in gone if name == roster]),
            back=back.get(roster, 0),
            words=words,
            listed=not view.config.has_posts,
        )
    return found


def snapshots_are_of_strangers(view: CaseView) -> bool:
    """Whether there are status snapshots, but none of an account with a collected post (a wrong platform, say)."""
    (strangers,) = view.db.one(
        "SELECT count(*) > 0 AND count(p.account_id) = 0 FROM (SELECT DISTINCT account_id FROM statuses) s"
        " LEFT JOIN (SELECT account_id FROM posts UNION SELECT account_id FROM participants) p"
        " ON p.account_id = s.account_id"
    )
    return bool(strangers)


def _words(view: CaseView) -> frozenset[str]:
    """Return the states that the snapshots can tell; that an account is back, also two looks at one account can."""
    words = {word for (word,) in view.db.rows("SELECT DISTINCT status FROM statuses")}
    (twice,) = view.db.one("SELECT count(*) > count(DISTINCT account_id) FROM _looks")
    return frozenset(words | ({"returned"} if twice else set()))


def _polls(counts: list[tuple[int, int]]) -> tuple[tuple[int, int | None, int], ...]:
    """Put beside each poll's newly vanished accounts how many days lie between it and the poll before."""
    first = [(day, None, accounts) for day, accounts in counts[:1]]
    later = [(day, (day - before) // DAY_MS, accounts) for (before, _), (day, accounts) in pairwise(counts)]
    return (*first, *later)


def _silent(rows: list[tuple[str | None, bool | None, int]]) -> Tally:
    """Count the silent among the accounts seen; those not seen at all are left out here."""
    seen = [(silent, accounts) for status, silent, accounts in rows if status is not None]
    flagged = sum(accounts for silent, accounts in seen if silent)
    unknown = sum(accounts for silent, accounts in seen if silent is None)
    return Tally(flagged, sum(accounts for _, accounts in seen) - unknown, unknown)
