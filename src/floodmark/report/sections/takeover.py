"""M10, takeover: accounts that break their own habits together, per roster and against the control."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from floodmark.accounts.prevalence import FlagCounts, Tally, count_flags
from floodmark.accounts.takeover import (
    FLAG,
    GROUP_P,
    day,
    what,
)
from floodmark.accounts.takeover_groups import KeptGroup, read
from floodmark.accounts.takeover_profile import BREAK_P, features
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import confidence, difference_finding, share_finding, unknown_limit, whose
from floodmark.view import CaseView

_GROUPS_SHOWN: Final = 30
_IDS_SHOWN: Final = 5
_SECONDS_SHOWN: Final = 5
_EVIDENCE: Final = Evidence(
    ("participants", "account_flags", "takeover_groups", "posts"), "participants with enough own posts", 0
)
_LIMITS: Final = (
    "A break shows that an account is used otherwise than before, not that anybody broke into it, nor who uses it.",
    "A lone break is never reported; accounts taken over one by one, on different days or for different ends, are not"
    " seen.",
    "Accounts with few posts before or after a possible break are unknown; hacked accounts are often silent ones.",
    "Posts that an intruder or owner deleted before the collection are missing from the history.",
)
_ALTERNATIVES: Final = (*FLAG.benign,)
_SETTLE: Final = "the client of each post, or its language, and weeks of each account's own posts before the event"


@dataclass(frozen=True)
class _Found:
    groups: list[KeptGroup]
    set_aside: int
    features: tuple[str, ...]


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M10."""
    counts, subjects = count_flags(view, [FLAG]), view.config.subjects
    testable = [subject for subject in subjects if counts.testable(subject, FLAG)]
    found = _Found(*read(view), features(view)) if testable else None
    shares = [_share(view, counts, found, subject) for subject in subjects]
    groups = [_groups(view, counts, found, subject) for subject in subjects]
    return [*shares, *groups, *(_difference(view, counts, subject) for subject in subjects if subject != "control")]


def _missing(view: CaseView, counts: FlagCounts, subject: str) -> str:
    """Return why a roster cannot be judged: the columns without a value, or too few posts."""
    known = counts.known.get(subject, frozenset())
    if not known & set(FLAG.needs):
        return "no post of this roster has a value in the columns client (posts.client) or language (posts.language)"
    limits = view.config.parameters
    return (
        f"no account of this roster has {limits.takeover_history_posts} posts before and {limits.takeover_posts_after}"
        " after a possible break in enough separate hours, with 20 such accounts in the case"
    )


def _untestable(view: CaseView, counts: FlagCounts, subject: str, stem: str, claim: str, unit: str) -> Finding:
    missing = _missing(view, counts, subject)
    return not_testable(f"M10.{stem}.{subject}", "M10", subject, claim, unit, missing, _SETTLE)


def _share(view: CaseView, counts: FlagCounts, found: _Found | None, subject: str) -> Finding:
    claim = f"Of the {whose(subject)} that could be judged, this share broke its own habits together with others."
    if found is None or not counts.testable(subject, FLAG):
        return _untestable(view, counts, subject, "takeover", claim, "share")
    return share_finding(
        f"M10.takeover.{subject}",
        subject,
        claim,
        counts.tally(subject, (FLAG.name,)),
        view.config.parameters.level,
        method=_method(view),
        evidence=_EVIDENCE,
        limits=(*_limits(counts, found, subject), *_LIMITS),
        alternatives=_ALTERNATIVES,
        details={"features": list(found.features)},
    )


def _limits(counts: FlagCounts, found: _Found, subject: str) -> tuple[str, ...]:
    known = counts.known.get(subject, frozenset())
    used = ", ".join(found.features)
    limits = [f"Features that the posts have: {used}."]
    if "posts.client" not in known:
        limits.append("No post of this roster has a client, so breaks rest on the language and two other features.")
    if found.set_aside:
        limits.append(
            f"Set aside, since the rest of the crowd changed likewise or was too small to tell: {found.set_aside}"
            " groups of breaks in the whole case."
        )
    return tuple(limits)


def _groups(view: CaseView, counts: FlagCounts, found: _Found | None, subject: str) -> Finding:
    claim = f"So many groups of like breaks hold any of the {whose(subject)}."
    if found is None or not counts.testable(subject, FLAG):
        return _untestable(view, counts, subject, "groups", claim, "count")
    members = view.db.rows("SELECT account_id FROM participants WHERE roster = $roster", {"roster": subject})
    roster = {account for (account,) in members}
    rows = [row for group in found.groups if (row := _row(group, roster))["accounts_here"]]
    tally = counts.tally(subject, (FLAG.name,))
    sample = tuple(sorted({account for row in rows for account in row["account_ids"]})[:_IDS_SHOWN])
    return Finding(
        id=f"M10.groups.{subject}",
        measure="M10",
        subject=subject,
        claim=claim,
        value=len(rows),
        unit="count",
        low=None,
        high=None,
        state="measured",
        method=_method(view),
        evidence=Evidence(_EVIDENCE.tables, "participants in groups of like breaks", tally.flagged, (), sample),
        limits=(*_limits(counts, found, subject), *_LIMITS, *unknown_limit(tally, subject)),
        confidence=confidence(tally),
        alternatives=_ALTERNATIVES,
        details={"groups": rows[:_GROUPS_SHOWN], "groups_more": max(0, len(rows) - _GROUPS_SHOWN)},
    )


def _row(group: KeptGroup, roster: set[str]) -> dict[str, Any]:
    """Return one group as a row; values are people's own text, cut to a printable line."""
    here = sorted(account for account in group.account_ids if account in roster)
    before = Counter(group.hours_before)
    return {
        "group": f"T{group.number}",
        "accounts": group.accounts,
        "accounts_here": len(here),
        "account_ids": here[:_IDS_SHOWN],
        "from": day(group.first_ms),
        "to": day(group.last_ms),
        "new": what(group.feature, group.value),
        "hours_with_it_before": sorted(before.items(), key=lambda item: (-item[1], item[0]))[:_SECONDS_SHOWN],
        "also_new": [[what(f, value), accounts] for f, value, accounts in group.also_new[:_SECONDS_SHOWN]],
        "took_up_the_first_at_all": group.took_up,
        "p_value": group.p_value,
    }


def _difference(view: CaseView, counts: FlagCounts, subject: str) -> Finding:
    control: Tally | None = counts.tally("control", (FLAG.name,)) if counts.testable("control", FLAG) else None
    return difference_finding(
        f"M10.difference.{subject}",
        subject,
        f"The share that broke its own habits among {whose(subject)} exceeds that of the control by so much.",
        counts.tally(subject, (FLAG.name,)),
        control,
        view.config.parameters.level,
        method=_method(view),
        evidence=_EVIDENCE,
        limits=_LIMITS,
        alternatives=_ALTERNATIVES,
    )


def _method(view: CaseView) -> str:
    limits = view.config.parameters
    return (
        f"breaks of an account's own habits by order of its active hours (at most {BREAK_P:g} false per feature), in"
        f" groups of {limits.takeover_group_accounts} or more within {limits.takeover_days} days with two features or"
        f" more and the same new values, beyond the crowd's rate (at most {GROUP_P:g} for any group)"
    )


SECTION: Final = Section(
    name="takeover",
    title="Accounts that broke their own habits",
    order=64,
    measures=("M10",),
    findings=findings,
    template="section.html",
)
