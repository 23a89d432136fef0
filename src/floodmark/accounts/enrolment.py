"""Enrolment: accounts created in the weeks before the event, and creation dates day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from floodmark.accounts.new import FLAG as NEW
from floodmark.registry import Flag
from floodmark.view import CaseView

DAY_MS: Final = 86_400_000
#: Judged like a flag but no flag of its own: `new` also holds for accounts created during the event.
ENROLLED: Final = Flag(
    name="enrolled",
    title="Enrolled before the event",
    meaning="Created within parameters.enrolment_days before the start of the event (30 by default).",
    needs=("created_at_ms",),
    # A creation date whose error crosses an end of the period is unknown, not guessed.
    sql="""
        SELECT account_id,
               CASE
                   WHEN created_at_ms >= $event_start_ms THEN FALSE
                   WHEN created_at_ms + coalesce(created_resolution_ms, 1)
                       <= $event_start_ms - CAST($enrolment_days AS BIGINT) * 86400000 THEN FALSE
                   WHEN created_at_ms >= $event_start_ms - CAST($enrolment_days AS BIGINT) * 86400000
                       AND created_at_ms + coalesce(created_resolution_ms, 1) <= $event_start_ms THEN TRUE
               END AS flagged,
               'created ' || CAST(created_at_ms AS VARCHAR) AS evidence
        FROM accounts
    """,
    parameters=("event_start_ms", "enrolment_days"),
    benign=NEW.benign,
    source=NEW.source,
    example_accounts=({"account_id": "x:1", "created_at_ms": 1_594_950_000_000},),
    example_flags={"x:1": False},
)
HISTOGRAM_DAYS: Final = 90


@dataclass(frozen=True)
class CreationDates:
    """One roster's creation dates: accounts per day, and two counts that a reader of the shares needs.

    `by_day` holds (first ms of the day, accounts) for HISTOGRAM_DAYS days of 24 hours that end at the event's start;
    `in_window` counts accounts created during the event, `day_only` those whose date is known to the day only.
    """

    by_day: tuple[tuple[int, int], ...]
    in_window: int
    day_only: int


def creation_dates(view: CaseView) -> Mapping[str, CreationDates]:
    """Return the creation dates of every roster that has participants, from `participants` and `accounts`."""
    start, end = view.config.event.start_ms, view.config.event.end_ms
    first = start - HISTOGRAM_DAYS * DAY_MS
    rows = view.db.rows(
        f"""
        SELECT p.roster,
               CASE
                   WHEN a.created_at_ms >= $first AND a.created_at_ms < $start
                       THEN (a.created_at_ms - $first) // {DAY_MS}
               END AS day,
               count(*),
               count(*) FILTER (a.created_at_ms >= $start AND a.created_at_ms < $end),
               count(*) FILTER (a.created_resolution_ms >= {DAY_MS})
        FROM participants p LEFT JOIN accounts a ON a.account_id = p.account_id
        GROUP BY ALL
        """,
        {"first": first, "start": start, "end": end},
    )
    days: dict[str, list[int]] = {}
    window: dict[str, int] = {}
    coarse: dict[str, int] = {}
    for roster, day, accounts, in_window, day_only in rows:
        histogram = days.setdefault(roster, [0] * HISTOGRAM_DAYS)
        if day is not None:
            histogram[day] += accounts
        window[roster] = window.get(roster, 0) + in_window
        coarse[roster] = coarse.get(roster, 0) + day_only
    return {
        roster: CreationDates(
            tuple((first + day * DAY_MS, accounts) for day, accounts in enumerate(histogram)),
            window[roster],
            coarse[roster],
        )
        for roster, histogram in days.items()
    }
