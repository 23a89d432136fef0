"""Enrolment: accounts created in the weeks before the event, creation dates day by day, and what dates are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from floodmark import stats
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


@dataclass(frozen=True)
class Cohort:
    """What creation dates say of one group, as counts of accounts.

    `inside`: surely enrolled; `outside`: surely not. `open`: the error of the date reaches over an end of the period,
    so either. `loose`: surely not enrolled, but the date may lie outside the ages that are asked about, and the account
    then counts nowhere. `undated` have no date. `fine` of the dated ones are known at least as finely as the period is
    long.
    """

    inside: int
    outside: int
    open: int = 0
    loose: int = 0
    undated: int = 0
    fine: int = 0

    @property
    def dated(self) -> int:
        """Accounts that may count, with a date."""
        return self.inside + self.outside + self.open + self.loose

    @property
    def exact(self) -> bool:
        """Whether every date that is known says on which side it lies."""
        return not self.open + self.loose

    @property
    def too_coarse(self) -> bool:
        """Whether no date could ever lie within the period for sure, and some may: then the dates say nothing of it."""
        return self.open > 0 and not self.fine

    @property
    def lowest(self) -> tuple[int, int]:
        """Enrolled and judged if every open account was created outside."""
        return self.inside, self.dated

    @property
    def highest(self) -> tuple[int, int]:
        """Enrolled and judged if every open account was created inside."""
        return self.inside + self.open, self.inside + self.outside + self.open


def share_bounds(cohort: Cohort, level: float) -> stats.Interval:
    """Return an interval of the enrolled share, whatever the true dates of the open accounts are.

    It runs from Wilson's lower limit with all of them outside to the upper with all inside, so that without open
    accounts it is Wilson's.

    >>> [round(end, 2) for end in share_bounds(Cohort(10, 80, 10), 0.95)]
    [0.06, 0.29]
    """
    return stats.wilson(*cohort.lowest, level)[0], stats.wilson(*cohort.highest, level)[1]


def difference_bounds(ours: Cohort, usual: Cohort, level: float) -> stats.Interval:
    """Return an interval of the share of `ours` minus that of `usual`, whatever the open accounts' true dates are.

    Newcombe's limits at the two corners that are furthest apart; without open accounts they are Newcombe's interval.

    >>> [round(end, 2) for end in difference_bounds(Cohort(10, 90), Cohort(5, 45, 50), 0.95)]
    [-0.55, 0.13]
    """
    low, _ = stats.newcombe_difference(*ours.lowest, *usual.highest, level)
    _, high = stats.newcombe_difference(*ours.highest, *usual.lowest, level)
    return low, high


def cohorts(view: CaseView, years: int | None = None, stream: str | None = None) -> Mapping[str, Cohort]:
    """Return the cohort of every roster; `years` and `stream` as in `enrolled_among`."""
    values = parameter_values(view.config)
    days = view.config.parameters.enrolment_days
    rows = _by_roster(
        view,
        years,
        stream,
        f"""
        count(*) FILTER (dated AND e.flagged AND y.young),
        count(*) FILTER (dated AND NOT e.flagged AND y.young),
        count(*) FILTER (dated AND coalesce(y.young, TRUE) AND (e.flagged IS NULL OR e.flagged AND y.young IS NULL)),
        count(*) FILTER (dated AND NOT e.flagged AND y.young IS NULL),
        count(*) FILTER (NOT dated),
        count(*) FILTER (dated AND coalesce(y.young, TRUE) AND coalesce(width_ms, 1) <= {days * DAY_MS})
        """,
        {name: values[name] for name in ENROLLED.parameters},
    )
    return {roster: Cohort(*counts) for roster, *counts in rows}


def enrolled_among(view: CaseView, years: int | None = None, stream: str | None = None) -> Mapping[str, Tally]:
    """Count the enrolled per roster, among accounts at most `years` (of 365 days) old at the start of the event.

    Accounts created during the event are in; those whose date is too coarse to tell are unknown. `stream`: only
    accounts that posted for the roster in that stream in the window.
    """
    values = parameter_values(view.config)
    counts = (
        "count(*) FILTER (e.flagged AND y.young), count(*) FILTER (e.flagged IS NOT NULL AND y.young),"
        " count(*) FILTER (y.young IS NULL OR y.young AND e.flagged IS NULL)"
    )
    rows = _by_roster(view, years, stream, counts, {name: values[name] for name in ENROLLED.parameters})
    return {roster: Tally(*counted) for roster, *counted in rows}


def _by_roster(
    view: CaseView, years: int | None, stream: str | None, counts: str, bound: Mapping[str, int]
) -> list[tuple[Any, ...]]:
    """Return `counts` per roster over participants, what `enrolled` says of them (e) and whether they are young (y)."""
    oldest = bound["event_start_ms"] - (years or 0) * 365 * DAY_MS
    young = (
        f"CASE WHEN a.created_at_ms >= {oldest} THEN TRUE"
        f" WHEN a.created_at_ms + coalesce(a.created_resolution_ms, 1) <= {oldest} THEN FALSE END"
    )
    posted = (
        "p.account_id IN (SELECT account_id FROM side_posts WHERE side = p.roster AND in_window AND stream = $stream)"
    )
    return view.db.rows(
        f"""
        SELECT p.roster, {counts}
        FROM participants p
        LEFT JOIN ({ENROLLED.sql}) e ON e.account_id = p.account_id
        LEFT JOIN (
            SELECT account_id, {"TRUE" if years is None else young} AS young, created_resolution_ms AS width_ms,
                   created_at_ms IS NOT NULL AS has_date
            FROM accounts a
        ) y ON y.account_id = p.account_id
        CROSS JOIN LATERAL (SELECT coalesce(y.has_date, FALSE) AS dated) d
        WHERE {"TRUE" if stream is None else posted}
        GROUP BY p.roster ORDER BY p.roster
        """,
        {**bound, **({} if stream is None else {"stream": stream})},
    )
