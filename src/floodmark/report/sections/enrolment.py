"""M5, enrolment: accounts created in the weeks before the event, against the control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from floodmark.accounts.enrolment import (
    ENROLLED,
    HISTOGRAM_DAYS,
    IMPOSSIBLE,
    CreationDates,
    DateQuality,
    creation_dates,
    date_quality,
    enrolled_among,
)
from floodmark.accounts.prevalence import FlagCounts, Tally, count_flags
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._bursts import burst_findings
from floodmark.report.sections._shared import confidence, difference_finding, share_finding, unknown_limit, whose
from floodmark.view import CaseView

_EVIDENCE: Final = Evidence(("participants", "accounts"), "participants with a known creation date", 0)
_LIMITS: Final = (
    "Accounts that were created in time but had gone before the collection are missing.",
    "An account that is old can have changed hands; its creation date does not show that.",
)
_COARSE: Final = (
    "Some creation dates are known to the day only; those that may lie on either side of an end are unknown."
)
_UNEQUAL: Final = (
    "Some creation dates are known to the day or less finely. A group with more of them shows too few accounts created"
    " shortly before the event, so that where only the control has them the difference comes out too large."
)
_ALTERNATIVES: Final = (
    "An announced event brings people to the platform before it begins.",
    "A platform's own growth brings newcomers at any time; compare with the control.",
    "Someone who fears reprisals opens an account for the occasion.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M5."""
    counts, dates, subjects = count_flags(view, [ENROLLED]), creation_dates(view), view.config.subjects
    quality = date_quality(view)
    against = [subject for subject in subjects if subject != "control"]
    found = [_share(view, counts, dates, quality, subject) for subject in subjects]
    found += [_accounts(view, counts, dates, subject) for subject in subjects]
    found += [_difference(view, counts, dates, subject) for subject in against]
    found += [_recent(view, dates, subject) for subject in against]
    found += [finding for subject in against for finding in _streams(view, counts, dates, subject)]
    found += burst_findings(view)
    return found + [_impossible(quality, subject) for subject in subjects]


def _share(
    view: CaseView,
    counts: FlagCounts,
    dates: Mapping[str, CreationDates],
    quality: Mapping[str, DateQuality],
    subject: str,
) -> Finding:
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
        limits=(*_limits(own), *_quality_limits(quality[subject])),
        alternatives=_ALTERNATIVES,
        details={
            "dated_by_profile": quality[subject].from_profile,
            "dated_by_id": quality[subject].from_id,
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
        limits=_difference_limits(dates, subject),
        alternatives=_ALTERNATIVES,
    )


def _recent(view: CaseView, dates: Mapping[str, CreationDates], subject: str) -> Finding:
    """Return the difference among young accounts only: whether the roster is new, or only younger in all its ages."""
    years = view.config.parameters.enrolment_recent_years
    tallies = enrolled_among(view, years)
    return difference_finding(
        f"M5.difference_recent.{subject}",
        subject,
        f"Among young {whose(subject)}, the share created shortly before the event exceeds that of control accounts as"
        " young by so much.",
        tallies.get(subject, Tally(0, 0, 0)),
        tallies.get("control"),
        view.config.parameters.level,
        method=f"{_method(view)}, of those created at most {years} years of 365 days before it or during it",
        evidence=_EVIDENCE,
        limits=_difference_limits(dates, subject),
        alternatives=_ALTERNATIVES,
    )


def _streams(view: CaseView, counts: FlagCounts, dates: Mapping[str, CreationDates], subject: str) -> list[Finding]:
    """Return the difference from each control stream, where there are several."""
    streams = view.config.control_streams
    return [
        difference_finding(
            f"M5.difference_to.{stream}.{subject}",
            subject,
            f"The share created shortly before the event among {whose(subject)} exceeds that of accounts in the control"
            f" stream {stream} by so much.",
            counts.tally(subject, (ENROLLED.name,)),
            enrolled_among(view, stream=stream).get("control"),
            view.config.parameters.level,
            method=_method(view),
            evidence=_EVIDENCE,
            limits=_difference_limits(dates, subject),
            alternatives=_ALTERNATIVES,
        )
        for stream in (streams if len(streams) > 1 else ())
    ]


def _impossible(quality: Mapping[str, DateQuality], subject: str) -> Finding:
    claim = f"So many {whose(subject)} have an impossible creation date; they stay, their date counts as unknown."
    own = quality.get(subject)
    if own is None or not own.from_profile + own.from_id + sum(own.impossible.values()):
        return _missing(f"M5.impossible_dates.{subject}", subject, claim, "accounts")
    return Finding(
        id=f"M5.impossible_dates.{subject}",
        measure="M5",
        subject=subject,
        claim=claim,
        value=sum(own.impossible.values()),
        unit="accounts",
        low=None,
        high=None,
        state="measured",
        method=f"creation dates {', '.join(IMPOSSIBLE.values())}",
        evidence=Evidence(("participants", "accounts", "posts"), "participants with an impossible date", own.accounts),
        limits=("A wrong date that is possible cannot be told from a right one.", *_quality_limits(own)),
        confidence="high",
        alternatives=("A collector that mixes up columns, units or time zones makes such dates.",),
        details={
            **own.impossible,
            "differs_from_id": own.differs,
            "dated_by_profile": own.from_profile,
            "dated_by_id": own.from_id,
            "undated": own.accounts - own.from_profile - own.from_id,
            "accounts": own.accounts,
        },
    )


def _quality_limits(own: DateQuality) -> tuple[str, ...]:
    wrong = [f"{count} {IMPOSSIBLE[reason]}" for reason, count in own.impossible.items() if count]
    found = (
        (own.from_id, f"{own.from_id} of {own.accounts} creation dates come from the account's id, with its error."),
        (wrong, f"Impossible creation dates, counted as unknown: {', '.join(wrong)}."),
        (own.differs, f"For {own.differs} accounts profile and id differ by over a day; the profile's date is kept."),
    )
    return tuple(words for count, words in found if count)


def _method(view: CaseView) -> str:
    return f"accounts created within {view.config.parameters.enrolment_days} days before the start of the event"


def _limits(dates: CreationDates) -> tuple[str, ...]:
    return (*_LIMITS, _COARSE) if dates.day_only else _LIMITS


def _difference_limits(dates: Mapping[str, CreationDates], subject: str) -> tuple[str, ...]:
    """Return the limits of a difference, and that of coarse dates where either group has them."""
    coarse = any(dates[group].day_only for group in (subject, "control") if group in dates)
    return (*_LIMITS, _UNEQUAL) if coarse else _LIMITS


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
