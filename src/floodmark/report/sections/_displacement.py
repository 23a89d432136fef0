"""Findings on displacement: a subject's posts and authors against what streams without this event lead to expect."""

from __future__ import annotations

from typing import Final

from floodmark.event import speech
from floodmark.event.displacement import LEAST_MEAN, Courses, courses, effect, usable
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.report.sections._shared import which_posts
from floodmark.view import CaseView

_NO_EFFECT: Final = (
    "No effect found: the interval holds one, no change. What it excludes is a change beyond its two ends, no smaller"
    " one."
)
_LIMITS: Final = (
    "The accounts that the coordination test names are left out; whom it does not name stays in.",
    "It rests on streams that a person chose. Where they differ from this event in size of the occasion, season or"
    " collection, the expectation is off, and with few of them the interval is wide.",
    "The interval takes this event to be of the same kind as those it is compared with.",
)
_ALTERNATIVES: Final = (
    "The occasion itself can be larger or smaller than those it is compared with.",
    "An attack can also rouse a side to write more.",
    "People may have gone to other hashtags or platforms than those collected.",
)
_SETTLE: Final = (
    "a [[comparison]] for each of several earlier events or sibling conversations, collected in the same way, with"
    " their weeks before"
)


def displacement_findings(view: CaseView) -> list[Finding]:
    """Return for every subject its posts and its authors over what was expected."""
    found = []
    for what in ("posts", "authors"):
        known = courses(view, authors=what == "authors")
        found += [_finding(view, subject, what, known) for subject in view.config.subjects]
    return found


def _finding(view: CaseView, subject: str, what: str, known: Courses | str) -> Finding:
    finding_id = f"M12.displaced_{what}.{subject}"
    own_posts = which_posts(subject) + (" and no other" if subject not in {"both", speech.CONTROL} else "")
    whose = own_posts if what == "posts" else f"authors of {own_posts}"
    claim = (
        f"In the window there were this many times as many {whose} as earlier or sibling streams lead to expect; below"
        " one, voices are missing."
    )
    missing = known if isinstance(known, str) else ""
    if not missing and subject == speech.CONTROL and any(item.start for item in view.config.comparisons):
        missing = "the control had no event, so earlier events say nothing of what to expect there"
    if not missing and not isinstance(known, str) and not usable(known.subjects[subject], known.before):
        missing = (
            f"too few {what} before the event to follow their course (at least {LEAST_MEAN:g} in each bin on average)"
        )
    if missing or isinstance(known, str):
        return not_testable(finding_id, "M12", subject, claim, "ratio", missing, _SETTLE)
    level = view.config.parameters.level
    own = effect(known.subjects[subject], known.streams, known.before, level)
    limits = ((_NO_EFFECT,) if own.low <= 1 <= own.high else ()) + _LIMITS
    if known.left_out:
        limits += (f"Too sparse to compare with, and left out: {len(known.left_out)} streams.",)
    return Finding(
        id=finding_id,
        measure="M12",
        subject=subject,
        claim=claim,
        value=own.ratio,
        unit="ratio",
        low=own.low,
        high=own.high,
        state="measured",
        method=(
            f"synthetic control of {known.streams.shape[0]} streams on the logarithm of {what} in bins of"
            f" {known.bin_ms / 3_600_000:g} h, weights after Arkhangelsky et al. 2021, interval from placebos at level"
            f" {level:g}"
        ),
        evidence=Evidence(("side_posts", "posts"), f"{what} before and in the window", int(sum(own.observed))),
        limits=limits,
        confidence="low",
        alternatives=_ALTERNATIVES,
        level=level,
        details={
            "streams": int(known.streams.shape[0]),
            "placebo_ratios": list(own.placebos),
            "observed": list(own.observed),
            "expected": list(own.expected),
            "bins_before": own.before,
            "bin_ms": known.bin_ms,
        },
    )
