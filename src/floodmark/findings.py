"""A finding: one claim with value, interval, method, evidence and limits. Reports take numbers from nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

import orjson

from floodmark.errors import EvidenceError

State = Literal["measured", "bounded", "not_testable", "untested"]
Confidence = Literal["none", "low", "moderate", "high"]
Value = float | int | str | None

STATES: Final = ("measured", "bounded", "not_testable", "untested")
#: A measured number in one of these units is a count of what was collected; every other needs an interval.
EXACT_UNITS: Final = ("count", "accounts", "posts", "actions")


@dataclass(frozen=True)
class Evidence:
    """Where a finding's number comes from: tables of the case, a rule in words, and how many rows met it.

    `posts` and `accounts` are a few ids to look at first (the smallest bytewise, so they never depend on row order).
    """

    tables: tuple[str, ...]
    rule: str
    rows: int
    posts: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One claim about one subject.

    `subject` is a side's name, `both`, `control`, a group, or `collection`. `unit` is `share` for proportions
    (0..1), `ratio`, `ms`, `text`, or one of the exact units. `details` carries the numbers behind a chart or a small
    table (JSON values), so that those too come from the finding.
    """

    id: str
    measure: str
    subject: str
    claim: str
    value: Value
    unit: str
    low: float | int | None
    high: float | int | None
    state: State
    method: str
    evidence: Evidence
    limits: tuple[str, ...]
    confidence: Confidence
    alternatives: tuple[str, ...]
    level: float = 0.95
    details: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a finding that breaks the contract (EvidenceError)."""
        if problem := broken_rule(self):
            raise EvidenceError(f"finding {self.id}: {problem}")


def broken_rule(finding: Finding) -> str | None:
    """Return what is wrong with a finding in words, or None."""
    numeric = isinstance(finding.value, int | float) and not isinstance(finding.value, bool)
    rules = (
        (finding.state not in STATES, f"state {finding.state!r} is not one of {STATES}"),
        (not finding.method, "has no method"),
        (not finding.limits, "has no limits"),
        (not finding.alternatives, "has no alternative reading"),
        (finding.state == "measured" and finding.value is None, "is measured but has no value"),
        (
            finding.state == "measured"
            and numeric
            and finding.unit not in EXACT_UNITS
            and (finding.low is None or finding.high is None),
            f"is a measured number in {finding.unit} without an interval",
        ),
        (
            finding.state == "bounded" and (finding.low is None or finding.high is None),
            "is bounded but has no bounds",
        ),
        (finding.state == "not_testable" and finding.value is not None, "is not testable but has a value"),
        (
            finding.low is not None and finding.high is not None and finding.low > finding.high,
            "has low above high",
        ),
    )
    return next((problem for broken, problem in rules if broken), None)


def not_testable(
    finding_id: str, measure: str, subject: str, claim: str, unit: str, missing: str, settle: str
) -> Finding:
    """Return the finding that says what is missing.

    `missing` names the missing column or count; `settle` says what data would make the claim testable.
    """
    return Finding(
        id=finding_id,
        measure=measure,
        subject=subject,
        claim=claim,
        value=None,
        unit=unit,
        low=None,
        high=None,
        state="not_testable",
        method=f"not testable with this data: {missing}",
        evidence=Evidence((), missing, 0),
        limits=(f"Would become testable with {settle}.",),
        confidence="none",
        alternatives=("None can be weighed without the data.",),
    )


def round6(value: object) -> object:
    """Round floats to 6 significant digits, recursively; the same numbers then give the same bytes.

    >>> round6({"a": [0.12345678, 3]})
    {'a': [0.123457, 3]}
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        rounded = float(f"{value:.6g}")
        return 0.0 if rounded == 0 else rounded
    if isinstance(value, dict):
        return {str(key): round6(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [round6(item) for item in value]
    return value


def as_json(finding: Finding) -> dict[str, object]:
    """Return the JSON object of one finding, floats rounded."""
    rounded = round6(asdict(finding))
    if not isinstance(rounded, dict):
        raise EvidenceError(f"finding {finding.id} is not an object")
    return rounded


def dump(findings: Iterable[Finding]) -> bytes:
    """Return the bytes of findings.json: a list in the given order, two-space indent, one trailing newline."""
    return orjson.dumps([as_json(f) for f in findings], option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def unique(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the findings; EvidenceError when two share an id."""
    seen: set[str] = set()
    for finding in findings:
        if finding.id in seen:
            raise EvidenceError(f"finding id {finding.id} is used twice")
        seen.add(finding.id)
    return findings
