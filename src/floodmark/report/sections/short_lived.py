"""M6, short-lived posts: what was deleted and how soon, where a stream saw the deletions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from floodmark import stats
from floodmark.accounts.prevalence import Tally
from floodmark.accounts.short_lived import Deletions, deletions, median, streams_of, streams_with_deletions
from floodmark.findings import Confidence, Evidence, Finding, Value, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import SAMPLE_LIMIT, share_finding
from floodmark.report.sections.aftermath import whose
from floodmark.view import CaseView

_TABLES: Final = ("participants", "post_deletions", "posts")
_LIMITS: Final = (
    "Only deletions that the stream announced while it ran are known; what was deleted later looks as if it stayed.",
    "A deletion is seen a little after it happens, so a life is a little too long.",
)
_ALTERNATIVES: Final = (
    "People delete a post at once to correct a typing error and post it again.",
    "Some tools delete old or short posts by themselves, and fear makes people delete what they wrote.",
    "Posts deleted within minutes are also how a tag is pushed into a list of trends without leaving traces"
    " (Elmas et al. 2021, doi 10.1109/EuroSP51992.2021.00035).",
)
_NAMES: Final = (
    "deleting_accounts",
    "deleted_posts",
    "post_life",
    "short_lived",
    "gone_soon",
    "short_lived_difference",
)
_FEW: Final = 20


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M6 on deleted posts."""
    found, subjects = deletions(view), view.config.subjects
    makers = (_accounts, _posts, _life, _short, _gone_soon)
    made = [make(view, found, subject) for make in makers for subject in subjects]
    return made + [_difference(view, found, subject) for subject in subjects if subject != "control"]


def _accounts(view: CaseView, found: Mapping[str, Deletions], subject: str) -> Finding:
    finding_id = f"M6.deleting_accounts.{subject}"
    claim = f"Of the {whose(view, subject)}, this share had a post deleted while the stream was watched."
    if problem := _problem(view, found, subject):
        return _missing(finding_id, subject, claim, "share", problem)
    own = found[subject]
    return share_finding(
        finding_id,
        subject,
        claim,
        Tally(own.deleting, own.accounts, 0),
        view.config.parameters.level,
        method="accounts with at least one deletion that was seen",
        evidence=Evidence(_TABLES, "participants", 0),
        limits=_LIMITS,
        alternatives=_ALTERNATIVES,
    )


def _posts(view: CaseView, found: Mapping[str, Deletions], subject: str) -> Finding:
    finding_id, claim = f"M6.deleted_posts.{subject}", f"So many deleted posts of {whose(view, subject)} were seen."
    if problem := _problem(view, found, subject):
        return _missing(finding_id, subject, claim, "posts", problem)
    own = found[subject]
    details: dict[str, object] = {
        "accounts": own.deleting,
        "life_unknown": own.unknown,
        "deleted_before_written": own.impossible,
        "created_from": dict(own.created_from),
    }
    made = _finding(view, finding_id, subject, claim, own.deleted, "posts", (None, None), "distinct deleted posts")
    return replace(made, evidence=Evidence(_TABLES, "distinct deleted posts", own.deleted), details=details)


def _life(view: CaseView, found: Mapping[str, Deletions], subject: str) -> Finding:
    finding_id = f"M6.post_life.{subject}"
    claim = f"Half of the deleted posts of {whose(view, subject)} lived no longer than this."
    if problem := _problem(view, found, subject) or _few(found[subject]):
        return _missing(finding_id, subject, claim, "ms", problem)
    own, level = found[subject], view.config.parameters.level
    value, low, high = median(own.lives, level)
    method = (
        "median time from creation to deletion; interval from that of one half with posts clustered by account"
        f" (Woodruff 1952), level {level:g}"
    )
    made = _finding(view, finding_id, subject, claim, round(value), "ms", (round(low), round(high)), method)
    quartiles = [float(q) for q in np.quantile(own.lives.ms, (0.05, 0.25, 0.5, 0.75, 0.95), method="lower")]
    return _about(made, own, {"classes": own.classes(), "quantiles_ms": quartiles})


def _short(view: CaseView, found: Mapping[str, Deletions], subject: str) -> Finding:
    minutes, level = view.config.parameters.short_life_minutes, view.config.parameters.level
    finding_id = f"M6.short_lived.{subject}"
    claim = f"Of the deleted posts of {whose(view, subject)}, this share was short-lived."
    if problem := _problem(view, found, subject) or _few(found[subject]):
        return _missing(finding_id, subject, claim, "share", problem)
    own = found[subject]
    value, low, high = stats.cluster_share(own.short, own.counts, level)
    method = f"lives under {minutes} min, of the deleted posts with a known life; clustered by account, level {level:g}"
    made = _finding(view, finding_id, subject, claim, value, "share", (low, high), method)
    return _about(made, own, {"short": int(own.short.sum())})


def _gone_soon(view: CaseView, found: Mapping[str, Deletions], subject: str) -> Finding:
    minutes, level = view.config.parameters.short_life_minutes, view.config.parameters.level
    finding_id = f"M6.gone_soon.{subject}"
    claim = f"Of the collected posts of {whose(view, subject)} in the window, this share was deleted soon after."
    if problem := _problem(view, found, subject):
        return _missing(finding_id, subject, claim, "share", problem)
    own = found[subject]
    if not own.posts.sum():
        return _missing(finding_id, subject, claim, "share", "the case holds no post of these accounts in the window")
    value, low, high = stats.cluster_share(own.gone_soon, own.posts, level)
    method = f"deleted within {minutes} min, of the held posts of the window; clustered by account, level {level:g}"
    made = _finding(view, finding_id, subject, claim, value, "share", (low, high), method)
    return replace(
        made,
        evidence=Evidence(_TABLES, "posts of the roster in the window", int(own.posts.sum())),
        limits=(*made.limits, "A post deleted before it could be collected is missing here."),
    )


def _difference(view: CaseView, found: Mapping[str, Deletions], subject: str) -> Finding:
    level, finding_id = view.config.parameters.level, f"M6.short_lived_difference.{subject}"
    claim = f"The share of short lives among the deleted posts of {whose(view, subject)} exceeds the control's so much."
    problem = _problem(view, found, subject) or _few(found[subject])
    if not view.config.control:
        problem = problem or "there is no control stream"
    else:
        problem = problem or _problem(view, found, "control") or _few(found["control"])
    if problem:
        return _missing(finding_id, subject, claim, "share", problem)
    own, usual = (stats.cluster_share(found[name].short, found[name].counts, level) for name in (subject, "control"))
    value = own[0] - usual[0]
    low = value - float(np.hypot(own[0] - own[1], usual[2] - usual[0]))
    high = value + float(np.hypot(own[2] - own[0], usual[0] - usual[1]))
    method = (
        f"share of the roster minus share of the control, their clustered limits joined as in Newcombe 1998, {level:g}"
    )
    made = _finding(view, finding_id, subject, claim, value, "share", (low, high), method)
    return _about(made, found[subject], {"roster": own[0], "control": usual[0]})


def _finding(
    view: CaseView,
    finding_id: str,
    subject: str,
    claim: str,
    value: Value,
    unit: str,
    interval: tuple[float | None, float | None],
    method: str,
) -> Finding:
    return Finding(
        id=finding_id,
        measure="M6",
        subject=subject,
        claim=claim,
        value=value,
        unit=unit,
        low=interval[0],
        high=interval[1],
        state="measured",
        method=method,
        evidence=Evidence(_TABLES, "", 0),
        limits=(*_LIMITS, SAMPLE_LIMIT),
        confidence="moderate",
        alternatives=_ALTERNATIVES,
        level=view.config.parameters.level,
    )


def _about(finding: Finding, own: Deletions, details: dict[str, object]) -> Finding:
    """Return the finding with what is known of the lives: how many, from which creation, how sure."""
    known, accounts = len(own.lives.ms), len(own.counts)
    left_out = own.unknown + own.impossible
    limits = (
        *finding.limits,
        *(
            (f"Left out: {left_out} deleted posts whose creation is not known or lies after their deletion.",)
            if left_out
            else ()
        ),
    )
    sure: Confidence = "moderate" if accounts >= _FEW and left_out <= known else "low"
    return replace(
        finding,
        evidence=Evidence(_TABLES, "deleted posts with a known life", known),
        limits=limits,
        confidence=sure,
        details={**details, "lives": known, "accounts": accounts, "created_from": dict(own.created_from)},
    )


def _few(own: Deletions) -> str | None:
    if not own.deleted:
        return "no deletion of a post of these accounts was seen"
    return None if len(own.lives.ms) else "no deleted post of these accounts has a known time of creation"


def _problem(view: CaseView, found: Mapping[str, Deletions], subject: str) -> str | None:
    if subject not in found:
        return "nobody is on this roster"
    if not streams_with_deletions(view, subject):
        streams = ", ".join(streams_of(view, subject)) or "any stream"
        return f"no deletions of posts were collected beside {streams} (table post_deletions)"
    return None


def _missing(finding_id: str, subject: str, claim: str, unit: str, missing: str) -> Finding:
    settle = 'deletions that a stream announced while it ran, as an input with format = "deletions"'
    return not_testable(finding_id, "M6", subject, claim, unit, missing, settle)


SECTION: Final = Section(
    name="short_lived",
    title="Posts that were deleted",
    order=62,
    measures=("M6",),
    findings=findings,
    template="section.html",
    stems=tuple(f"M6.{name}" for name in _NAMES),
    needs_posts=False,
)
