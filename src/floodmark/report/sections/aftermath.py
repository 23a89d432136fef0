"""M6, aftermath: accounts gone or silent at the last status snapshot after the event, the states kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from floodmark import stats
from floodmark.accounts.aftermath import GONE, NOBODY, Aftermath, aftermath, snapshots_are_of_strangers
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import SAMPLE_LIMIT, difference_finding, share_finding, unknown_limit, whose
from floodmark.view import CaseView

_EVIDENCE: Final = Evidence(("participants", "statuses"), "participants with a status snapshot after the event", 0)
_BASE_RATE: Final = (
    "Accounts vanish anyway: 4.1 % of about 171,000 polled Iranian accounts were seen gone at some point over five"
    " months in 2020, and some of those came back."
)
_LIMITS: Final = (
    _BASE_RATE,
    "Rosters differ in age, language and activity, and so in how many accounts vanish; they are not matched here.",
    "An account that is not found is not known to be suspended or deleted; the states are kept apart in the details.",
)
_ALTERNATIVES: Final = (
    "People delete or leave accounts out of fear, or after harassment.",
    "Platforms suspend by report and by mistake, and mass reports hit the attacked side too.",
    "Accounts opened for one occasion are given up after it.",
)
_STATES: Final = (
    ("gone", GONE, "was gone: suspended, deleted or not found"),
    ("deleted", ("deleted",), "had been deleted by its owner"),
    ("suspended", ("suspended",), "had been suspended by the platform"),
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M6."""
    found, subjects = aftermath(view), view.config.subjects
    # Only where nothing was seen at all can a mistaken platform be the reason.
    if not any(own.seen for own in found.values()) and snapshots_are_of_strangers(view):
        found = {subject: replace(NOBODY, strangers=True) for subject in subjects}
    shares = [_state(view, found, subject, *state) for state in _STATES for subject in subjects]
    silent = [_silent(view, found, subject) for subject in subjects]
    return [*shares, *silent, *(_difference(view, found, subject) for subject in subjects if subject != "control")]


def _state(
    view: CaseView, found: Mapping[str, Aftermath], subject: str, name: str, statuses: tuple[str, ...], words: str
) -> Finding:
    claim = f"Of the {whose(subject)} in a status snapshot after the event, this share {words}."
    own = found.get(subject, NOBODY)
    if problem := _problem(own):
        return _missing(f"M6.{name}.{subject}", subject, claim, problem)
    return share_finding(
        f"M6.{name}.{subject}",
        subject,
        claim,
        own.tally(statuses),
        view.config.parameters.level,
        method=f"last status at or after the end of the event is {' or '.join(statuses)}",
        evidence=_EVIDENCE,
        limits=_LIMITS,
        alternatives=_ALTERNATIVES,
        details=_history(own) if name == "gone" else None,
    )


def _silent(view: CaseView, found: Mapping[str, Aftermath], subject: str) -> Finding:
    days = view.config.parameters.silent_days
    claim = f"Of the {whose(subject)} in a status snapshot after the event, this share was still there but silent."
    own, finding_id = found.get(subject, NOBODY), f"M6.silent.{subject}"
    tally, gone = own.silent, own.count(GONE)
    if problem := _problem(own):
        return _missing(finding_id, subject, claim, problem)
    if tally.judged == gone < own.seen:
        return _missing(
            finding_id,
            subject,
            claim,
            f"no account that was still there has a latest post (column last_post_at_ms) in a snapshot at least {days}"
            " days after the end of the event",
        )
    method = (
        f"still there at the last snapshot, latest post then more than {days} days old; gone accounts are not silent"
    )
    limits = (*_LIMITS, *_unseen(own, subject), "An account that only reads, likes or sends messages looks silent.")
    if tally.unknown == 0:
        return share_finding(
            finding_id,
            subject,
            claim,
            tally,
            view.config.parameters.level,
            method=method,
            evidence=_EVIDENCE,
            limits=limits,
            alternatives=_ALTERNATIVES,
        )
    level = view.config.parameters.level
    low, high = stats.imbens_manski(tally.flagged, tally.judged - tally.flagged, tally.accounts, level)
    return Finding(
        id=finding_id,
        measure="M6",
        subject=subject,
        claim=claim,
        value=None,
        unit="share",
        low=low,
        high=high,
        state="bounded",
        method=f"{method}; bounds over the accounts whose latest post is not known, Imbens-Manski at level {level:g}",
        evidence=Evidence(_EVIDENCE.tables, _EVIDENCE.rule, tally.accounts),
        limits=(*limits, *unknown_limit(tally, subject), SAMPLE_LIMIT),
        confidence="low",
        alternatives=_ALTERNATIVES,
        level=level,
        details=tally.details(),
    )


def _difference(view: CaseView, found: Mapping[str, Aftermath], subject: str) -> Finding:
    own, control = found.get(subject, NOBODY), found.get("control", NOBODY)
    return difference_finding(
        f"M6.gone_difference.{subject}",
        subject,
        f"The share gone among {whose(subject)} exceeds that of the control by so much.",
        NOBODY.tally(GONE) if _problem(own) else own.tally(GONE),
        None if _problem(control) else control.tally(GONE),
        view.config.parameters.level,
        method="accounts suspended, deleted or not found at the last snapshot after the event",
        evidence=_EVIDENCE,
        limits=_LIMITS,
        alternatives=_ALTERNATIVES,
    )


def _problem(own: Aftermath) -> str | None:
    """Return why shares of a roster's snapshots would say nothing."""
    if own.strangers:
        return (
            "none of the accounts in the status snapshots wrote a collected post; check that their [[input]] has the"
            " platform of the posts"
        )
    if not own.seen:
        return "no participant of this roster has a status snapshot at or after the end of the event (table statuses)"
    if own.lists_only_gone:
        return "the status snapshots list only accounts that are gone, not those that were looked up and still there"
    return None


def _missing(finding_id: str, subject: str, claim: str, missing: str) -> Finding:
    settle = "status snapshots of all participants, taken after the event, with the latest post of each"
    return not_testable(finding_id, "M6", subject, claim, "share", missing, settle)


def _unseen(own: Aftermath, subject: str) -> tuple[str, ...]:
    return unknown_limit(own.tally(GONE), subject)


def _history(own: Aftermath) -> dict[str, object]:
    return {"by_status": dict(sorted(own.by_status.items())), "snapshots": [list(row) for row in own.by_date]}


SECTION: Final = Section(
    name="aftermath",
    title="What became of the accounts",
    order=60,
    measures=("M6",),
    findings=findings,
    template="section.html",
)
