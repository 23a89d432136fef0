"""Both sides beside each other; its own figure is what part of each side's posts the named accounts wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from floodmark.event import speech
from floodmark.event.roster import Written, difference_of, written
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import SAMPLE_LIMIT, which_posts
from floodmark.view import CaseView

_LIMITS: Final = (
    "Only accounts that the coordination test names count; whom it could not test or did not name is not in it.",
    SAMPLE_LIMIT,
)
_ALTERNATIVES: Final = (
    "Coordinated accounts can be supporters who organise openly.",
    "One side can be easier to test: it shares more links, reposts or texts.",
)
_NOT_RUN: Final = (
    "the coordination test had no action to work on",
    "posts with links, reposts, hashtags or texts that several accounts share",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the share of each subject's posts that named accounts wrote, and how subjects differ in it."""
    speech.prepare_named(view)
    known = written(view)
    found = [_share(view, subject, known) for subject in view.config.subjects]
    sides = [side.name for side in view.config.sides]
    if view.config.control or len(sides) > 1:
        rosters = [name for name in view.config.subjects if name != speech.CONTROL]
        found += [_difference(view, subject, known, control=True) for subject in rosters]
        found += [_difference(view, side, known, control=False) for side in sides if len(sides) > 1]
    return found


def _share(view: CaseView, subject: str, known: Mapping[str, Written]) -> Finding:
    finding_id, level = f"M12.roster_posts.{subject}", view.config.parameters.level
    claim = f"Of the {which_posts(subject)} in the window, accounts named by the coordination test wrote this share."
    missing = _missing(view, subject, known)
    if missing:
        return not_testable(finding_id, "M12", subject, claim, "share", *missing)
    own = known[subject].ratio(level)
    return Finding(
        id=finding_id,
        measure="M12",
        subject=subject,
        claim=claim,
        value=own.share,
        unit="share",
        low=own.low,
        high=own.high,
        state="measured",
        method=f"distinct posts, ratio estimator with accounts as clusters at level {level:g}",
        evidence=Evidence(("side_posts", "coordinated_accounts"), "posts in the window", int(own.total)),
        limits=_LIMITS,
        confidence="moderate" if known[subject].accounts >= 100 else "low",
        alternatives=_ALTERNATIVES,
        level=level,
        details={"posts_by_named": int(own.hits), "posts": int(own.total), "accounts": known[subject].accounts},
    )


def _difference(view: CaseView, subject: str, known: Mapping[str, Written], *, control: bool) -> Finding:
    stem = "roster_posts_difference" if control else "roster_posts_difference_sides"
    whom = "the control's posts" if control else "the posts of the other sides"
    level = view.config.parameters.level
    claim = f"The share of the {which_posts(subject)} that named accounts wrote, minus the same share of {whom}."
    finding_id = f"M12.{stem}.{subject}"
    missing = _missing(view, subject, known)
    others = [speech.CONTROL] if control else [s.name for s in view.config.sides if s.name != subject]
    for other in others:
        if control and not view.config.control:
            missing = missing or ("no control stream is declared", "a control stream, collected in the same way")
        missing = missing or _missing(view, other, known)
    if missing:
        return not_testable(finding_id, "M12", subject, claim, "share", *missing)
    value, low, high = difference_of(known[subject], [known[other] for other in others], level)
    same = low <= 0 <= high
    return Finding(
        id=finding_id,
        measure="M12",
        subject=subject,
        claim=claim,
        value=value,
        unit="share",
        low=low,
        high=high,
        state="measured",
        method=f"difference of the two shares, jackknife over accounts, at level {level:g}",
        evidence=Evidence(
            ("side_posts", "coordinated_accounts"),
            "posts in the window",
            sum(known[n].posts for n in (subject, *others)),
        ),
        limits=(*(("No difference found: the interval holds none.",) if same else ()), *_LIMITS),
        confidence="moderate" if min(known[name].accounts for name in (subject, *others)) >= 100 else "low",
        alternatives=_ALTERNATIVES,
        level=level,
    )


def _missing(view: CaseView, subject: str, known: Mapping[str, Written]) -> tuple[str, str] | None:
    if subject not in known:
        return "there is no such post in the window", f"{which_posts(subject)} in the window"
    return None if speech.roster_known(view)[speech.scope_of(subject)] else _NOT_RUN


SECTION: Final = Section(
    name="both_sides",
    title="Both sides, beside each other",
    order=140,
    measures=("M12",),
    findings=findings,
    template="both_sides.html",
    stems=("M12.roster_posts", "M12.roster_posts_difference", "M12.roster_posts_difference_sides"),
)
