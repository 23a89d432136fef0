"""The measures that this version has no method for: said in the report, so that silence is not taken for an answer."""

from __future__ import annotations

from typing import Final

from floodmark.findings import Evidence, Finding
from floodmark.registry import Section
from floodmark.view import CaseView

#: Measure: the published claim, and what would be needed to test it.
_CLAIMS: Final = (
    ("M8", "participants used VPNs and proxies.", "network addresses or labels from a platform partner"),
    ("M14", "such operations are being monitored.", "a stream of posts instead of a finished collection"),
    ("M15", "a report with these figures was published.", "a review of the report by a person, which no program gives"),
    ("M16", "the published figures are right.", "the published counts, entered beside the data"),
)


def findings(view: CaseView) -> list[Finding]:
    """Return one untested finding for each measure without a method, whatever the case holds."""
    return [_untested(measure, claim, needed, view.config.parameters.level) for measure, claim, needed in _CLAIMS]


def _untested(measure: str, claim: str, needed: str, level: float) -> Finding:
    return Finding(
        id=f"{measure}.status",
        measure=measure,
        subject="collection",
        claim=f"Published claim: {claim}",
        value=None,
        unit="text",
        low=None,
        high=None,
        state="untested",
        method="this version has no method for it",
        evidence=Evidence((), "none was looked for", 0),
        limits=(f"A test would need {needed}.",),
        confidence="none",
        alternatives=("The claim can be true or false; nothing here speaks for or against it.",),
        level=level,
    )


SECTION: Final = Section(
    name="coverage",
    title="What this version does not test",
    order=160,
    measures=tuple(measure for measure, *_ in _CLAIMS),
    findings=findings,
    template="section.html",
    needs_posts=False,
)
