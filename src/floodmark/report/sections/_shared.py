"""What sections share: whose accounts a subject is, and findings made from counts in one way for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from floodmark import stats
from floodmark.accounts.prevalence import Tally
from floodmark.findings import Confidence, Evidence, Finding, not_testable
from floodmark.view import CaseView

SAMPLE_LIMIT: Final = (
    "The interval treats the collected accounts as a sample of all that took part; what the collector missed for a"
    " reason is not in it."
)
#: With fewer judged accounts, or more unknown ones, a share deserves little confidence.
_FEW: Final = 100
_UNKNOWN_SHARE: Final = 0.2


def whose(subject: str) -> str:
    """Return the accounts of a roster in words.

    >>> whose("both"), whose("for")
    ('accounts on several sides', 'accounts only on side for')
    """
    return {"both": "accounts on several sides", "control": "control accounts"}.get(
        subject, f"accounts only on side {subject}"
    )


def which_posts(subject: str) -> str:
    """Return the posts of a subject in words."""
    return {"both": "posts that match several sides", "control": "control posts"}.get(
        subject, f"posts that match side {subject}"
    )


def confidence(tally: Tally) -> Confidence:
    """Return low for few judged accounts or many unknown ones, else moderate."""
    enough = tally.judged >= _FEW and tally.unknown <= _UNKNOWN_SHARE * tally.accounts
    return "moderate" if enough else "low"


def roster_sizes(view: CaseView) -> Mapping[str, int]:
    """Return the participants of every roster that has any."""
    return dict(view.db.rows("SELECT roster, count(*) FROM participants GROUP BY roster ORDER BY roster"))


def share_finding(
    finding_id: str,
    subject: str,
    claim: str,
    tally: Tally,
    level: float,
    *,
    method: str,
    evidence: Evidence,
    limits: tuple[str, ...],
    alternatives: tuple[str, ...],
    details: Mapping[str, object] | None = None,
) -> Finding:
    """Return a measured share of judged accounts with Wilson's interval; unknown accounts are counted and stated."""
    low, high = tally.interval(level)
    return Finding(
        id=finding_id,
        measure=finding_id.split(".", maxsplit=1)[0],
        subject=subject,
        claim=claim,
        value=tally.share,
        unit="share",
        low=low,
        high=high,
        state="measured",
        method=f"{method}; share of the judged accounts, Wilson score interval at level {level:g}",
        evidence=replace(evidence, rows=tally.judged),
        limits=(*limits, *unknown_limit(tally, subject), SAMPLE_LIMIT),
        confidence=confidence(tally),
        alternatives=alternatives,
        level=level,
        details={**tally.details(), **(details or {})},
    )


def unknown_limit(tally: Tally, subject: str) -> tuple[str, ...]:
    """Return the sentence on accounts that could not be judged, when there are any."""
    if not tally.unknown:
        return ()
    return (f"Left out because it is not known: {tally.unknown} of {tally.accounts} {whose(subject)}.",)


def difference_finding(
    finding_id: str,
    subject: str,
    claim: str,
    tally: Tally,
    control: Tally | None,
    level: float,
    *,
    method: str,
    evidence: Evidence,
    limits: tuple[str, ...],
    alternatives: tuple[str, ...],
) -> Finding:
    """Return a roster's share minus the control's with Newcombe's interval, or that there is no control to subtract."""
    measure = finding_id.split(".", maxsplit=1)[0]
    if control is None or not control.judged or not tally.judged:
        return not_testable(
            finding_id,
            measure,
            subject,
            claim,
            "share",
            "no control accounts that could be judged in the same way",
            "a control stream, collected in the same way and window, with the same columns",
        )
    low, high = stats.newcombe_difference(tally.flagged, tally.judged, control.flagged, control.judged, level)
    return Finding(
        id=finding_id,
        measure=measure,
        subject=subject,
        claim=claim,
        value=tally.share - control.share,
        unit="share",
        low=low,
        high=high,
        state="measured",
        method=f"{method}; share of the roster minus share of the control, Newcombe interval at level {level:g}",
        evidence=replace(evidence, rows=tally.judged + control.judged),
        limits=(*limits, "The control may differ from the event in topic, language and age of accounts.", SAMPLE_LIMIT),
        confidence="moderate" if "moderate" == confidence(tally) == confidence(control) else "low",
        alternatives=alternatives,
        level=level,
        details={"roster": tally.details(), "control": control.details()},
    )
