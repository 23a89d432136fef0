"""Enrolment: accounts created in the weeks before the event, creation dates day by day, and what dates are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from floodmark.accounts.judge import parameter_values
from floodmark.accounts.new import FLAG as NEW
from floodmark.accounts.prevalence import Tally
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


@dataclass(frozen=True)
class DateQuality:
    """Where one roster's creation dates come from: accounts by source, by what is wrong, and coarse ones.

    `impossible` counts, by reason, the profiles' dates that cannot be and so are unknown; `differs` those kept although
    the id says another day.
    """

    accounts: int
    from_profile: int
    from_id: int
    impossible: Mapping[str, int]
    differs: int


#: Reasons why a date is impossible, in words.
IMPOSSIBLE: Final[Mapping[str, str]] = {
    "after_own_post": "later than the account's own post",
    "after_collection": "later than the collection",
    "before_platform": "before the platform existed",
}


def date_quality(view: CaseView) -> Mapping[str, DateQuality]:
    """Return where the creation dates of every roster come from, from `participants` and `accounts`."""
    reasons = ", ".join(f"count(*) FILTER (a.created_problem = '{reason}')" for reason in IMPOSSIBLE)
    rows = view.db.rows(
        f"""
        SELECT p.roster, count(*),
               count(*) FILTER (a.created_at_ms IS NOT NULL AND coalesce(a.created_from, 'profile') = 'profile'),
               count(*) FILTER (a.created_at_ms IS NOT NULL AND a.created_from = 'id'),
               count(*) FILTER (a.created_problem = 'differs_from_id'), {reasons}
        FROM participants p LEFT JOIN accounts a ON a.account_id = p.account_id
        GROUP BY p.roster ORDER BY p.roster
        """
    )
    return {
        roster: DateQuality(accounts, profile, by_id, dict(zip(IMPOSSIBLE, counts, strict=True)), differs)
        for roster, accounts, profile, by_id, differs, *counts in rows
    }


def enrolled_among(view: CaseView, years: int | None = None, stream: str | None = None) -> Mapping[str, Tally]:
    """Count the enrolled per roster, among accounts at most `years` (of 365 days) old at the start of the event.

    Accounts created during the event are in; those whose date is too coarse to tell are unknown. `stream`: only
    accounts that posted for the roster in that stream in the window.
    """
    values = parameter_values(view.config)
    bound = {name: values[name] for name in ENROLLED.parameters}
    oldest = values["event_start_ms"] - (years or 0) * 365 * DAY_MS
    young = (
        f"CASE WHEN a.created_at_ms >= {oldest} THEN TRUE"
        f" WHEN a.created_at_ms + coalesce(a.created_resolution_ms, 1) <= {oldest} THEN FALSE END"
    )
    posted = (
        "p.account_id IN (SELECT account_id FROM side_posts WHERE side = p.roster AND in_window AND stream = $stream)"
    )
    rows = view.db.rows(
        f"""
        SELECT p.roster, count(*) FILTER (e.flagged AND y.young), count(*) FILTER (e.flagged IS NOT NULL AND y.young),
               count(*) FILTER (y.young IS NULL OR y.young AND e.flagged IS NULL)
        FROM participants p
        LEFT JOIN ({ENROLLED.sql}) e ON e.account_id = p.account_id
        LEFT JOIN (SELECT account_id, {"TRUE" if years is None else young} AS young FROM accounts a) y
            ON y.account_id = p.account_id
        WHERE {"TRUE" if stream is None else posted}
        GROUP BY p.roster ORDER BY p.roster
        """,
        {**bound, **({} if stream is None else {"stream": stream})},
    )
    return {roster: Tally(*counts) for roster, *counts in rows}
