"""How figures of "seemed random" become findings: ratios and differences against the control, and what p-values say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from floodmark import stats
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.stats import Interval

FALSE_DISCOVERY: Final = 0.05
NO_CONTROL: Final = "no control in which the same could be measured"
SETTLE_CONTROL: Final = "a control stream, collected in the same way and window, with the same columns"
TABLES: Final = ("participants", "side_posts", "posts", "accounts")
CONTROL_LIMIT: Final = "The control may differ from the event in topic, language and hours of the day."
ALTERNATIVES: Final = (
    "An announced event, news or a popular account brings its own public, and brings it at once.",
    "A call to take part, open to all, makes people come together without any deceit.",
)
#: What the ratio cannot tell apart from an organised crowd.
LIMITS: Final = (
    "It is about who comes when, and says nothing of any single account.",
    "A viral post or a call that reaches newcomers only looks the same as an organised entry.",
)


def ratio_over(own: tuple[float, Interval], control: tuple[float, Interval]) -> tuple[float, Interval] | None:
    """Return own / control with an interval joined on the log scale (MOVER, Zou & Donner 2008); None without a base.

    >>> found = ratio_over((2.0, (1.0, 4.0)), (1.0, (0.5, 2.0)))
    >>> found is not None and [round(end, 2) for end in found[1]]
    [0.75, 5.33]
    """
    (value, (low, high)), (base, (base_low, base_high)) = own, control
    if base <= 0 or base_low <= 0:
        return None
    if value <= 0 or low <= 0:
        return value / base, (0.0, high / base_low)
    down = float(np.hypot(np.log(value / low), np.log(base_high / base)))
    up = float(np.hypot(np.log(high / value), np.log(base / base_low)))
    ratio = value / base
    return ratio, (ratio * float(np.exp(-down)), ratio * float(np.exp(up)))


def share_minus(own: tuple[float, Interval], control: tuple[float, Interval]) -> tuple[float, Interval]:
    """Return own - control with an interval joined from both (MOVER)."""
    (value, (low, high)), (base, (base_low, base_high)) = own, control
    down, up = float(np.hypot(value - low, base_high - base)), float(np.hypot(high - value, base - base_low))
    return value - base, (value - base - down, value - base + up)


def measured(
    finding_id: str,
    subject: str,
    claim: str,
    found: tuple[float, Interval],
    unit: str,
    level: float,
    *,
    method: str,
    evidence: Evidence,
    limits: tuple[str, ...],
    sizes: Sequence[int],
    details: Mapping[str, object],
    alternatives: tuple[str, ...] = ALTERNATIVES,
    agreed: bool = True,
) -> Finding:
    """Return a finding of M2; not `agreed` means that the interval is a range within which no point is likelier."""
    value, (low, high) = found
    return Finding(
        id=finding_id,
        measure="M2",
        subject=subject,
        claim=claim,
        value=value if agreed else None,
        unit=unit,
        low=low,
        high=high,
        state="measured" if agreed else "bounded",
        method=method,
        evidence=evidence,
        limits=limits,
        confidence="moderate" if min(sizes) >= _ENOUGH else "low",
        alternatives=alternatives,
        level=level,
        details=dict(details),
    )


_ENOUGH: Final = 500
#: Findings whose p-value is printed and not judged.
_NOT_JUDGED: Final = "M2.self_excited_"


def missing(finding_id: str, subject: str, claim: str, unit: str, reason: str, settle: str) -> Finding:
    """Return the finding that says what is missing."""
    return not_testable(finding_id, "M2", subject, claim, unit, reason, settle)


def with_verdicts(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with what their p-values say once all tests of the section are taken together.

    So many tests give small p-values by chance; Benjamini & Hochberg's rule runs over all of them, control included.
    Those of self-excitation are printed and not judged: they are too small where a crowd rises within minutes
    (docs/studies/event_random.md).
    """
    p_values = [finding.details.get("p_value") for finding in findings]
    judged = [
        isinstance(p, float) and not finding.id.startswith(_NOT_JUDGED)
        for finding, p in zip(findings, p_values, strict=True)
    ]
    tested = [p for p, counts in zip(p_values, judged, strict=True) if counts and isinstance(p, float)]
    stands = iter(stats.bh(tested, FALSE_DISCOVERY).tolist())
    made = []
    for finding, p, counts in zip(findings, p_values, judged, strict=True):
        if not isinstance(p, float):
            made.append(finding)
            continue
        # Text, because a rank among draws is no count and would be shown as one.
        details = {**{key: value for key, value in finding.details.items() if key != "p_value"}, "p": shown_p(p)}
        said = "not judged, for it is too small where a crowd rises within minutes"
        if counts:
            out = bool(next(stands))
            said = (
                f"which {'stands out' if out else 'does not stand out'} among the {len(tested)} tests of this section"
                f" (Benjamini-Hochberg at {FALSE_DISCOVERY:g})"
            )
            details |= {"stands_out": out, "tests_of_section": len(tested)}
        method = f"{finding.method}; p {shown_p(p)} under chance, {said}"
        made.append(replace(finding, method=method, details=details))
    return made


def shown_p(p: float) -> str:
    """Return a p-value as printed.

    >>> shown_p(0.0001), shown_p(0.001), shown_p(0.25)
    ('under 0.001', '0.001', '0.25')
    """
    if p < 0.0005:
        return "under 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
