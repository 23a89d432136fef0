"""M6, survival: how long accounts stayed, known between polls, against matched controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from floodmark.accounts import survival
from floodmark.accounts.aftermath import aftermath
from floodmark.accounts.leaving import NOBODY, PERMUTATIONS, Comparison, Stays, compare, stays
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import SAMPLE_LIMIT
from floodmark.report.sections.aftermath import ALTERNATIVES, whose
from floodmark.view import CaseView

_TABLES: Final = ("participants", "statuses")
_SETTLE: Final = (
    "status snapshots of all participants and of a control stream, taken on the same days, and profiles with creation"
    " date, language, followers and posts"
)
_CURVE_LIMITS: Final = (
    "Between two looks nobody knows when an account went; the curve drops at the later look.",
    "An account that came back was there; who will yet come back is not known.",
    "Accounts that were not looked up any more are taken to go like the others.",
)
_MATCH_LIMITS: Final = (
    "Controls are alike in wide classes of age, language, followers and activity; they can differ in all else.",
    "Accounts without a like control are left out, so the difference speaks for the matched ones only.",
    "A topic on which many people report each other loses more accounts than another, whoever wrote.",
)
_FEW: Final = 100
_NAMES: Final = ("M6.staying", "M6.matched_difference")


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M6 on survival."""
    states, subjects = aftermath(view), view.config.subjects
    lists = {subject for subject, own in states.items() if own.lists_only_gone}
    found = {subject: own for subject, own in stays(view).items() if subject not in lists}
    curves = [_curve(view, found.get(subject, NOBODY), subject, lists) for subject in subjects]
    return curves + [_difference(view, found, subject, lists) for subject in subjects if subject != "control"]


def _curve(view: CaseView, own: Stays, subject: str, lists: set[str]) -> Finding:
    finding_id, level = f"M6.staying.{subject}", view.config.parameters.level
    claim = f"Of the {whose(view, subject)}, this share was still there at the last poll after the event."
    if problem := _problem(view, own, subject, lists):
        return not_testable(finding_id, "M6", subject, claim, "share", problem, _SETTLE)
    day = int(own.polls.max())
    left, right = own.until(day)
    curve = survival.curve(left, right, np.ones(len(left)), own.polls, level)
    unseen = (f"{own.unseen} accounts were never looked up after the event; they are left out.",) if own.unseen else ()
    return Finding(
        id=finding_id,
        measure="M6",
        subject=subject,
        claim=claim,
        value=float(curve.there[-1]),
        unit="share",
        low=float(curve.low[-1]),
        high=float(curve.high[-1]),
        state="measured",
        method=(
            f"interval-censored survival up to day {day} after the event (Turnbull 1976), Wilson limits at the number"
            f" of accounts whose state is known then, level {level:g}"
        ),
        evidence=Evidence(_TABLES, "participants with a usable status snapshot after the event", len(left)),
        limits=(*_CURVE_LIMITS, *unseen, SAMPLE_LIMIT),
        confidence="moderate" if len(left) >= _FEW else "low",
        alternatives=ALTERNATIVES,
        level=level,
        details={"curve": curve.rows(), "day": day},
    )


def _difference(view: CaseView, found: Mapping[str, Stays], subject: str, lists: set[str]) -> Finding:
    finding_id, level = f"M6.matched_difference.{subject}", view.config.parameters.level
    claim = f"The share gone among {whose(view, subject)} exceeds that of like control accounts by so much."
    own, control = found.get(subject, NOBODY), found.get("control", NOBODY)
    if not view.config.control:
        problem: str | None = "there is no control stream, so nobody to match these accounts with"
    else:
        problem = _problem(view, own, subject, lists) or _problem(view, control, "control", lists)
    compared = problem or compare(view, own, control, level)
    if isinstance(compared, str):
        return not_testable(finding_id, "M6", subject, claim, "share", compared, _SETTLE)
    return Finding(
        id=finding_id,
        measure="M6",
        subject=subject,
        claim=claim,
        value=compared.value,
        unit="share",
        low=compared.low,
        high=compared.high,
        state="measured",
        method=(
            f"interval-censored survival of matched accounts to day {int(compared.ours.days[-1])} (coarsened exact"
            f" matching), controls weighted to the roster's mix; p {_p(compared.p_value)} that both vanish alike, by"
            f" {PERMUTATIONS:,} permutations of log-rank scores within {compared.strata} strata; interval at level"
            f" {level:g}"
        ),
        evidence=Evidence((*_TABLES, "accounts", "posts"), "matched accounts of both", _rows(compared)),
        limits=(*_MATCH_LIMITS, _matched_words(compared, subject), *_CURVE_LIMITS, SAMPLE_LIMIT),
        confidence="moderate" if min(compared.matched, compared.matched_controls) >= _FEW else "low",
        alternatives=ALTERNATIVES,
        level=level,
        details=_details(compared),
    )


def _problem(view: CaseView, own: Stays, subject: str, lists: set[str]) -> str | None:
    """Return why a roster's accounts cannot be followed."""
    of = "the control" if subject == "control" else "this roster"
    if subject in lists:
        return f"the status snapshots of {of} list only accounts that are gone, not those looked up and still there"
    if not view.config.has_posts:
        return "the case holds no posts, so no account is known to have been there when the event ended"
    if not own.accounts or not len(own.polls):
        return f"no account of {of} has a status snapshot at or after the end of the event (table statuses)"
    return None


def _p(value: float) -> str:
    lowest = 1 / (PERMUTATIONS + 1)
    return f"at most {lowest:.3g}" if value <= lowest else f"= {value:.3g}"


def _rows(compared: Comparison) -> int:
    return compared.matched + compared.matched_controls


def _matched_words(compared: Comparison, subject: str) -> str:
    return (
        f"Matched: {compared.matched} of {compared.accounts} accounts of {subject} with"
        f" {compared.matched_controls} of {compared.controls} controls."
    )


def _details(compared: Comparison) -> dict[str, object]:
    return {
        "p_value": compared.p_value,
        "matched": compared.matched,
        "looked_up": compared.accounts,
        "matched_controls": compared.matched_controls,
        "controls": compared.controls,
        "strata": compared.strata,
        "balance": [[name, *apart] for name, apart in compared.balance.items()],
        "curve": compared.ours.rows(),
        "control_curve": compared.control.rows(),
        "gone_share": float(1 - compared.ours.there[-1]),
        "control_gone_share": float(1 - compared.control.there[-1]),
        "unmatched_control_gone_share": float(1 - compared.unmatched_control.there[-1]),
    }


SECTION: Final = Section(
    name="leaving",
    title="How long the accounts stayed",
    order=61,
    measures=("M6",),
    findings=findings,
    template="section.html",
    stems=_NAMES,
    needs_posts=False,
)
