"""Three findings of one kind: a share, the share without the accounts named as coordinated, and the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from floodmark.event import speech
from floodmark.event.voice import Sway
from floodmark.findings import Confidence, Evidence, Finding, not_testable
from floodmark.view import CaseView

CONTROL_LIMIT: Final = (
    "The control has no sides: its two most used hashtags stand in for them, to show what is usual without an event."
)
ALTERNATIVES: Final = (
    "A side with more supporters, or with more talkative ones, has the larger share without any organisation.",
    "The collection's search words can favour one side.",
)
_ROSTER_LIMITS: Final = (
    "Only accounts that the coordination test names are left out; whom it could not test or did not name stays in, so"
    " the share without them can still hold coordinated posts.",
    "It is not known what the others would have written without them.",
)
_NO_EFFECT: Final = (
    "No effect found: the interval holds no change. What it excludes is a change beyond its two ends, no smaller one."
)
_NOBODY: Final = (
    "The test names nobody among these authors, so nothing can be left out; the bounds are what leaving out could move"
    " at most, by the upper limit of the share of posts of such accounts."
)
_WEIGH: Final = (
    "Coordinated accounts can be supporters who organise openly; that they raise a share does not make it false.",
    "Accounts named by the test may be among the loudest for other reasons.",
)


def sway_findings(
    view: CaseView,
    stem: str,
    subject: str,
    claim: str,
    sway: Sway,
    *,
    method: str,
    evidence: Evidence,
    limits: tuple[str, ...],
    alternatives: tuple[str, ...],
    low_confidence: bool,
    details: Mapping[str, object],
) -> Iterator[Finding]:
    """Yield the share with and without the named accounts, and the first minus the second.

    The difference is measured where somebody is named, bounded where nobody is, and not testable where the test did not
    run or nothing is left.
    """
    confidence: Confidence = "low" if low_confidence else "moderate"
    shared = {"measure": "M12", "subject": subject, "unit": "share", "evidence": evidence, "confidence": confidence}
    level = view.config.parameters.level
    yield Finding(
        id=f"{stem}.{subject}",
        claim=claim,
        value=sway.own.share,
        low=sway.own.low,
        high=sway.own.high,
        state="measured",
        method=method,
        limits=limits,
        alternatives=alternatives,
        level=level,
        details=dict(details),
        **shared,  # type: ignore[arg-type]
    )
    reduced = f"{claim.removesuffix('.')}; the accounts that the coordination test names are left out."
    if sway.without is None:
        settle = _settle(subject)
        for part in ("without", "difference"):
            yield not_testable(f"{stem}_{part}.{subject}", "M12", subject, reduced, "share", sway.missing, settle)
        return
    yield Finding(
        id=f"{stem}_without.{subject}",
        claim=reduced,
        value=sway.without.share,
        low=sway.without.low,
        high=sway.without.high,
        state="measured",
        method=f"the same without the named accounts: {method}",
        limits=(*limits, *_ROSTER_LIMITS),
        alternatives=alternatives,
        level=level,
        details={"left": sway.without.total, "left_of": sway.own.total},
        **shared,  # type: ignore[arg-type]
    )
    found = sway.value is not None
    no_effect = found and sway.low <= 0 <= sway.high
    yield Finding(
        id=f"{stem}_difference.{subject}",
        claim=f"By this much the named accounts move a share. {claim}",
        value=sway.value,
        low=sway.low,
        high=sway.high,
        state="measured" if found else "bounded",
        method=(
            "share with minus share without the named accounts, jackknife over accounts, each left out of both at once,"
            f" at level {level:g}"
            if found
            else f"upper limit at level {level:g} of the share by named accounts, and what leaving that much out can do"
        ),
        limits=(*((_NO_EFFECT,) if no_effect else () if found else (_NOBODY,)), *_ROSTER_LIMITS, *limits),
        alternatives=(*_WEIGH, *alternatives),
        level=level,
        details={},
        **shared,  # type: ignore[arg-type]
    )


def _settle(subject: str) -> str:
    whose = "the control" if subject == speech.CONTROL else "the event"
    return f"posts of {whose} with links, reposts, hashtags or texts that several accounts share"
