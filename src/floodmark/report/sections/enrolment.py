"""M5, enrolment: accounts created in the weeks before the event, against the control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from floodmark.accounts.enrolment import (
    ENROLLED,
    HISTOGRAM_DAYS,
    IMPOSSIBLE,
    Cohort,
    CreationDates,
    DateQuality,
    cohorts,
    creation_dates,
    date_quality,
    difference_bounds,
    share_bounds,
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
_OPEN: Final = (
    "The creation dates of some accounts reach over an end of the period; the interval holds whether they were created"
    " inside or outside, so there is no single value."
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
    found += [_difference(view, subject) for subject in against]
    found += [_recent(view, subject) for subject in against]
    found += [finding for subject in against for finding in _streams(view, subject)]
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
    cohort = cohorts(view).get(subject, Cohort(0, 0))
    if cohort.too_coarse or (cohort.open and not counts.testable(subject, ENROLLED)):
        return _coarse(f"M5.enrolled.{subject}", view, subject, subject, claim)
    if not counts.testable(subject, ENROLLED):
        return _missing(f"M5.enrolled.{subject}", subject, claim, "share")
    own = dates[subject]
    found = share_finding(
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
    if cohort.exact:
        return found
    low, high = share_bounds(cohort, view.config.parameters.level)
    method = f"{found.method}, from all accounts whose date is open outside the period to all inside"
    return replace(found, value=None, low=low, high=high, state="bounded", method=method, limits=(_OPEN, *found.limits))


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


def _difference(view: CaseView, subject: str) -> Finding:
    claim = f"The share created shortly before the event among {whose(subject)} exceeds that of the control by so much."
    return _between(view, f"M5.difference.{subject}", subject, claim, _method(view), cohorts(view), cohorts(view))


def _recent(view: CaseView, subject: str) -> Finding:
    """Return the difference among young accounts only: whether the roster is new, or only younger in all its ages."""
    years = view.config.parameters.enrolment_recent_years
    young = cohorts(view, years)
    claim = (
        f"Among young {whose(subject)}, the share created shortly before the event exceeds that of control accounts as"
        " young by so much."
    )
    method = f"{_method(view)}, of those created at most {years} years of 365 days before it or during it"
    return _between(view, f"M5.difference_recent.{subject}", subject, claim, method, young, young)


def _streams(view: CaseView, subject: str) -> list[Finding]:
    """Return the difference from each control stream, where there are several."""
    streams = view.config.control_streams
    return [
        _between(
            view,
            f"M5.difference_to.{stream}.{subject}",
            subject,
            f"The share created shortly before the event among {whose(subject)} exceeds that of accounts in the control"
            f" stream {stream} by so much.",
            _method(view),
            cohorts(view),
            cohorts(view, stream=stream),
        )
        for stream in (streams if len(streams) > 1 else ())
    ]


def _between(
    view: CaseView,
    finding_id: str,
    subject: str,
    claim: str,
    method: str,
    groups: Mapping[str, Cohort],
    controls: Mapping[str, Cohort],
) -> Finding:
    """Return the difference of a roster's share and the control's; bounded where dates leave accounts open."""
    nobody, level = Cohort(0, 0), view.config.parameters.level
    ours, usual = groups.get(subject, nobody), controls.get("control", nobody)
    for group, cohort in ((subject, ours), ("control", usual)):
        if cohort.too_coarse:
            return _coarse(finding_id, view, group, subject, claim)
    found = difference_finding(
        finding_id,
        subject,
        claim,
        _tally(ours),
        _tally(usual),
        level,
        method=method,
        evidence=_EVIDENCE,
        limits=_LIMITS,
        alternatives=_ALTERNATIVES,
    )
    if found.state != "measured" or (ours.exact and usual.exact):
        return found
    low, high = difference_bounds(ours, usual, level)
    return replace(
        found,
        value=None,
        low=low,
        high=high,
        state="bounded",
        method=f"{found.method}, from all accounts whose date is open outside the period to all inside",
        limits=(_OPEN, *found.limits),
        details={
            **found.details,
            "open_in_roster": ours.open + ours.loose,
            "open_in_control": usual.open + usual.loose,
        },
    )


def _tally(cohort: Cohort) -> Tally:
    return Tally(cohort.inside, cohort.inside + cohort.outside, cohort.open + cohort.loose + cohort.undated)


def _coarse(finding_id: str, view: CaseView, group: str, subject: str, claim: str) -> Finding:
    days = view.config.parameters.enrolment_days
    missing = f"the creation dates of the {whose(group)} are too coarse for the {days} days that are asked about"
    return not_testable(finding_id, "M5", subject, claim, "share", missing, "creation dates known to the day")


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
