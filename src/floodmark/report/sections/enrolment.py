"""M5, enrolment: accounts created in the weeks before the event, against the control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from floodmark.accounts.enrolment import ENROLLED, HISTOGRAM_DAYS, CreationDates, creation_dates
from floodmark.accounts.prevalence import FlagCounts, Tally, count_flags
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import confidence, difference_finding, share_finding, unknown_limit, whose
from floodmark.view import CaseView

_EVIDENCE: Final = Evidence(("participants", "accounts"), "participants with a known creation date", 0)
_LIMITS: Final = (
    "Accounts that were created in time but had gone before the collection are missing.",
    "An account that is old can have changed hands; its creation date does not show that.",
)
_COARSE: Final = "Some creation dates are known to the day only and can fall on the wrong side of the period's ends."
_ALTERNATIVES: Final = (
    "An announced event brings people to the platform before it begins.",
    "A platform's own growth brings newcomers at any time; compare with the control.",
    "Someone who fears reprisals opens an account for the occasion.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M5."""
    counts, dates, subjects = count_flags(view, [ENROLLED]), creation_dates(view), view.config.subjects
    found = [_share(view, counts, dates, subject) for subject in subjects]
    found += [_accounts(view, counts, dates, subject) for subject in subjects]
    return found + [_difference(view, counts, dates, subject) for subject in subjects if subject != "control"]


def _share(view: CaseView, counts: FlagCounts, dates: Mapping[str, CreationDates], subject: str) -> Finding:
    claim = f"Of the {whose(subject)} with a known creation date, this share was created shortly before the event."
    if not counts.testable(subject, ENROLLED):
        return _missing(f"M5.enrolled.{subject}", subject, claim, "share")
    own = dates[subject]
    return share_finding(
        f"M5.enrolled.{subject}",
        subject,
        claim,
        counts.tally(subject, (ENROLLED.name,)),
        view.config.parameters.level,
        method=_method(view),
        evidence=_EVIDENCE,
        limits=_limits(own),
        alternatives=_ALTERNATIVES,
        details={
            "days": [list(day) for day in own.by_day],
            "days_before": HISTOGRAM_DAYS,
            "created_in_window": own.in_window,
            "known_to_the_day": own.day_only,
        },
    )


def _accounts(view: CaseView, counts: FlagCounts, dates: Mapping[str, CreationDates], subject: str) -> Finding:
    claim = f"So many {whose(subject)} are known to have been created shortly before the event."
    if not counts.testable(subject, ENROLLED):
        return _missing(f"M5.enrolled_accounts.{subject}", subject, claim, "accounts")
    tally = counts.tally(subject, (ENROLLED.name,))
    return Finding(
        id=f"M5.enrolled_accounts.{subject}",
        measure="M5",
        subject=subject,
        claim=claim,
        value=tally.flagged,
        unit="accounts",
        low=None,
        high=None,
        state="measured",
        method=_method(view),
        evidence=Evidence(_EVIDENCE.tables, "participants created in the period", tally.flagged),
        limits=(*_limits(dates[subject]), *unknown_limit(tally, subject)),
        confidence=confidence(tally),
        alternatives=_ALTERNATIVES,
    )


def _difference(view: CaseView, counts: FlagCounts, dates: Mapping[str, CreationDates], subject: str) -> Finding:
    control: Tally | None = counts.tally("control", (ENROLLED.name,)) if counts.testable("control", ENROLLED) else None
    return difference_finding(
        f"M5.difference.{subject}",
        subject,
        f"The share created shortly before the event among {whose(subject)} exceeds that of the control by so much.",
        counts.tally(subject, (ENROLLED.name,)),
        control,
        view.config.parameters.level,
        method=_method(view),
        evidence=_EVIDENCE,
        limits=_limits(dates[subject]) if subject in dates else _LIMITS,
        alternatives=_ALTERNATIVES,
    )


def _method(view: CaseView) -> str:
    return f"accounts created within {view.config.parameters.enrolment_days} days before the start of the event"


def _limits(dates: CreationDates) -> tuple[str, ...]:
    return (*_LIMITS, _COARSE) if dates.day_only else _LIMITS


def _missing(finding_id: str, subject: str, claim: str, unit: str) -> Finding:
    missing = "no participant of this roster has a value in the column created_at_ms"
    return not_testable(finding_id, "M5", subject, claim, unit, missing, "profiles with a creation date")


SECTION: Final = Section(
    name="enrolment",
    title="When the accounts were made",
    order=50,
    measures=("M5",),
    findings=findings,
    template="section.html",
)
