"""M4, account flags: each flag, their union and overlaps, the difference from the control, and what that can mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from floodmark import registry
from floodmark.accounts.judge import parameter_values
from floodmark.accounts.prevalence import (
    SENSITIVITY,
    SPECIFICITY,
    UNION,
    FlagCounts,
    count_flags,
    prevalence_range,
)
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Flag, Section
from floodmark.report.sections._shared import difference_finding, share_finding, unknown_limit, whose
from floodmark.view import CaseView

_EVIDENCE: Final = Evidence(("participants", "accounts"), "participants whose profile could be judged", 0)
_FLAG_LIMITS: Final = (
    "A flag describes a profile; it does not say that an account is fake, coordinated or run by anyone.",
    "Profiles are judged as they were last seen, which can be after the event.",
)
_UNION_ALTERNATIVES: Final = (
    "Newcomers, people who mostly read, and people who fear reprisals show the same flags.",
    "A conversation that draws new people shows more of these flags than an old one.",
)
_RANGE_LIMITS: Final = (
    "The error rates are assumed, not estimated here; a labelled random sample of the roster would settle them.",
    "What counts as a true case is not defined by the flags, so the range is of whatever they stand for.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M4."""
    loaded = registry.flags().items
    flags = [loaded[name] for name in UNION if name in loaded]
    flags += [
        flag for name, flag in sorted(loaded.items()) if name not in UNION and flag.measure == "M4" and flag.counted
    ]
    counts = count_flags(view, flags)
    subjects = view.config.subjects
    found = [_flag(view, counts, flag, subject) for flag in flags for subject in subjects]
    union = [flag for flag in flags if flag.name in UNION]
    found += [_any(view, counts, union, subject) for subject in subjects]
    found += [_difference(view, counts, union, subject) for subject in subjects if subject != "control"]
    return found + [_prevalence(view, counts, union, subject) for subject in subjects]


def _flag(view: CaseView, counts: FlagCounts, flag: Flag, subject: str) -> Finding:
    finding_id = f"M4.{flag.name}.{subject}"
    claim = f"Of the {whose(subject)} that could be judged, this share has the flag {flag.name}."
    if not counts.testable(subject, flag):
        return not_testable(
            finding_id,
            "M4",
            subject,
            claim,
            "share",
            f"no participant of this roster has a value in {_columns(flag)}",
            f"a profile of each account with {_columns(flag)}",
        )
    tally = counts.tally(subject, (flag.name,))
    control = counts.tally("control", (flag.name,))
    details: dict[str, object] = {}
    if subject != "control" and control.judged:
        details["share_in_control"] = control.share
    return share_finding(
        finding_id,
        subject,
        claim,
        tally,
        view.config.parameters.level,
        method=f"{flag.meaning.rstrip('.')}{_settings(view, flag)}",
        evidence=_EVIDENCE,
        limits=_FLAG_LIMITS,
        alternatives=flag.benign,
        details=details,
    )


def _any(view: CaseView, counts: FlagCounts, union: Sequence[Flag], subject: str) -> Finding:
    claim = f"Of the {whose(subject)} that could be judged, this share has at least one of the flags."
    names = _testable(counts, union, subject)
    tally = counts.tally(subject, names)
    if not names or not tally.judged:
        return _untestable_union(f"M4.any.{subject}", subject, claim, union)
    left_out = [flag.name for flag in union if flag.name not in names]
    partial = (f"Left out for want of data: the flag {', '.join(left_out)}.",) if left_out else ()
    return share_finding(
        f"M4.any.{subject}",
        subject,
        claim,
        tally,
        view.config.parameters.level,
        method=f"accounts with any of the flags {', '.join(names)}, among those judged on each of them",
        evidence=_EVIDENCE,
        limits=(*_FLAG_LIMITS, *partial),
        alternatives=_UNION_ALTERNATIVES,
        details={"flags": list(names), "overlaps": counts.overlaps(subject, names)},
    )


def _difference(view: CaseView, counts: FlagCounts, union: Sequence[Flag], subject: str) -> Finding:
    names = _testable(counts, union, subject)
    names = tuple(name for name in names if name in _testable(counts, union, "control"))
    return difference_finding(
        f"M4.any_difference.{subject}",
        subject,
        f"The share with any of the flags among {whose(subject)} exceeds that of the control by so much.",
        counts.tally(subject, names),
        counts.tally("control", names) if names else None,
        view.config.parameters.level,
        method=f"accounts with any of the flags {', '.join(names)} that both rosters can be judged on",
        evidence=_EVIDENCE,
        limits=_FLAG_LIMITS,
        alternatives=_UNION_ALTERNATIVES,
    )


def _prevalence(view: CaseView, counts: FlagCounts, union: Sequence[Flag], subject: str) -> Finding:
    claim = (
        f"Of the {whose(subject)}, the share that is truly what the flags stand for lies between these bounds,"
        " if the flags err no more than assumed."
    )
    names = _testable(counts, union, subject)
    tally = counts.tally(subject, names)
    if not names or not tally.judged:
        return _untestable_union(f"M4.prevalence.{subject}", subject, claim, union)
    level = view.config.parameters.level
    low, high = prevalence_range(tally, level)
    return Finding(
        id=f"M4.prevalence.{subject}",
        measure="M4",
        subject=subject,
        claim=claim,
        value=None,
        unit="share",
        low=low,
        high=high,
        state="bounded",
        method=(
            f"Rogan-Gladen estimate from the share with any of the flags {', '.join(names)}, for every sensitivity from"
            f" {SENSITIVITY[0]:g} to {SENSITIVITY[1]:g} and specificity from {SPECIFICITY[0]:g} to {SPECIFICITY[1]:g},"
            f" sampling error at level {level:g} included, cut to 0..1"
        ),
        evidence=Evidence(_EVIDENCE.tables, _EVIDENCE.rule, tally.judged),
        limits=(*_RANGE_LIMITS, *unknown_limit(tally, subject)),
        confidence="low",
        alternatives=_UNION_ALTERNATIVES,
        level=level,
        details={
            "apparent_share": tally.share,
            "sensitivity": list(SENSITIVITY),
            "specificity": list(SPECIFICITY),
            **tally.details(),
        },
    )


def _testable(counts: FlagCounts, union: Sequence[Flag], subject: str) -> tuple[str, ...]:
    return tuple(flag.name for flag in union if counts.testable(subject, flag))


def _untestable_union(finding_id: str, subject: str, claim: str, union: Sequence[Flag]) -> Finding:
    columns = ", ".join(dict.fromkeys(name for flag in union for name in flag.needs))
    missing = f"no participant of this roster could be judged on the columns {columns}"
    return not_testable(finding_id, "M4", subject, claim, "share", missing, f"profiles with any of {columns}")


def _columns(flag: Flag) -> str:
    word = "the column" if len(flag.needs) == 1 else "the columns"
    return f"{word} {' or '.join(flag.needs)}"


def _settings(view: CaseView, flag: Flag) -> str:
    """Return the thresholds that a flag used, as in " (low_follower_under = 20)"."""
    values = parameter_values(view.config)
    named = [f"{name} = {values[name]}" for name in flag.parameters if not name.startswith("event_")]
    return f" ({', '.join(named)})" if named else ""


SECTION: Final = Section(
    name="accounts",
    title="What the accounts look like",
    order=40,
    measures=("M4",),
    findings=findings,
    template="section.html",
)
