"""M16, the published case: the arithmetic of its figures, and (in the template) its sentences beside the measures."""

from __future__ import annotations

from typing import Final

from floodmark import stats
from floodmark.accounts.prevalence import SENSITIVITY, SPECIFICITY, Tally, prevalence_range
from floodmark.findings import Evidence, Finding
from floodmark.registry import Section
from floodmark.view import CaseView

#: The counts that the report of 2020 gives, as quoted in the design of this program.
_ROSTER: Final = 26_431
_COUNTS: Final = {
    "flagged": (11_294, "called fake or low-follower, newly created or previously dormant"),
    "enrolled": (1_622, "said to be enrolled within one month of the conference"),
    "deleted": (3_453, "said to be deleted"),
    "deleted_or_inactive": (3_453 + 1_168, "said to be deleted or inactive right after"),
}
#: The share that the text gives for the first of them: "nearly 46%".
_STATED_SHARE: Final = 0.46
_LIMITS: Final = (
    "This checks the division only. How the published counts were made is not known here.",
    "No row of this case enters; the figures are the same in every report.",
    "The interval is what the division would mean if the published accounts were a sample; the report does not say so.",
)
_ALTERNATIVES: Final = (
    "A rounded figure, or one that was taken from another list of accounts, gives another share without any intent.",
    "The published groups may overlap, or may be counted on accounts that are not in the published total.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the arithmetic of the published figures; it does not depend on the case."""
    level = view.config.parameters.level
    return [*(_share(name, level) for name in _COUNTS), _range(level)]


def _share(name: str, level: float) -> Finding:
    count, words = _COUNTS[name]
    low, high = stats.wilson(count, _ROSTER, level)
    stated: dict[str, object] = {"stated_share": _STATED_SHARE} if name == "flagged" else {}
    beside = " The text of the report gives a larger share." if name == "flagged" else ""
    return Finding(
        id=f"M16.published_{name}",
        measure="M16",
        subject="collection",
        claim=f"By the published counts, this share of the published accounts is {words}.{beside}",
        value=count / _ROSTER,
        unit="share",
        low=low,
        high=high,
        state="measured",
        method=f"published count over the published total; Wilson score interval at level {level:g}, as if of a sample",
        evidence=Evidence((), "counts quoted from the published report", _ROSTER),
        limits=_LIMITS,
        confidence="high",
        alternatives=_ALTERNATIVES,
        level=level,
        details={"published_accounts": count, "published_total": _ROSTER, **stated},
    )


def _range(level: float) -> Finding:
    low, high = prevalence_range(Tally(_COUNTS["flagged"][0], _ROSTER, 0), level)
    return Finding(
        id="M16.published_prevalence",
        measure="M16",
        subject="collection",
        claim="What the published count of flagged accounts can mean once the flags' own errors count.",
        value=None,
        unit="share",
        low=low,
        high=high,
        state="bounded",
        method=f"Rogan-Gladen over sensitivities {SENSITIVITY[0]:g} to {SENSITIVITY[1]:g} and specificities"
        f" {SPECIFICITY[0]:g} to {SPECIFICITY[1]:g}, with the sampling interval of the published share",
        evidence=Evidence((), "counts quoted from the published report", _ROSTER),
        limits=("The error rates are assumed: the report gives none.", *_LIMITS),
        confidence="low",
        alternatives=_ALTERNATIVES,
        level=level,
    )


SECTION: Final = Section(
    name="published_case",
    title="In the words of a published report",
    order=150,
    measures=("M16",),
    findings=findings,
    template="published_case.html",
    stems=(*(f"M16.published_{name}" for name in _COUNTS), "M16.published_prevalence"),
)
