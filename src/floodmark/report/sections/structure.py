"""M11: who starts and who follows within the groups of the coordination test, as far as order differs from chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.accounts.order import Ints
from floodmark.accounts.structure import FALSE_DISCOVERY, Joint, Roles, joint_actions, roles_of
from floodmark.accounts.structure_groups import (
    EDGE_P,
    LEAST_EPISODES,
    Edges,
    core_share,
    delay,
    episodes_of,
    group_rows,
    member_edges,
)
from floodmark.findings import Confidence, Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.format import NBSP
from floodmark.report.sections._shared import whose
from floodmark.view import CaseView

#: Groups in the details, most joint actions first; the rest are rows of the table `account_structure`.
_GROUPS_SHOWN: Final = 30
_TABLES: Final = ("actions", "groups", "coordinated_accounts", "account_structure")
_LIMITS: Final = (
    "First within the group is not first of all: somebody outside the collection can have acted before.",
    "A starter need not be named: who is in step and often in front is not called part of it, and not cleared.",
    "Coming first does not show who planned or ordered anything; who commands need not post.",
    "The groups are those of the coordination test, with its errors; where it finds none there is no structure here.",
    "An account that leads and never follows cannot be told from an innocent one that others mirror: it is amplified.",
)
_NONE_FOUND: Final = (
    "No starter found is no proof that there is none: with few joint actions, or without a group, none would be found."
)
_ALTERNATIVES: Final = (
    "The account that sees news first, or is awake first, starts without leading anybody.",
    "One source outside the group that some check more often than others puts these in front.",
    "Software that works through a list of accounts always acts in the order of the list.",
)
#: Per finding of a roster: unit and claim.
_OF_ROSTER: Final = {
    "starters": ("accounts", "So many {} come first in their group more often than random order explains."),
    "groups_with_starter": ("count", "So many groups have such a starter among the {}."),
    "follow_delay": ("ms", "Members among the {} act so long after the first of their group, at the median."),
    "step_delay": ("ms", "Members among the {} act so long after the nearest member ahead of them, at the median."),
    "core_edges": ("share", "Of the tested edges of members among the {}, this share ends at a starter or the core."),
    "amplified": (
        "accounts",
        "So many {} are in front of a group and do not follow: amplified by it, or leading it; no members of it.",
    ),
}
_SETTLE: Final = "a group whose members act together often enough, at times that can be told apart"


@dataclass(frozen=True)
class _Case:
    """What all findings rest on; `roster` is that of each member in its scope, "" outside rosters."""

    view: CaseView
    joint: Joint
    roles: Roles
    roster: np.ndarray
    episode: Ints
    edges: Edges
    scopes: frozenset[str]

    @property
    def level(self) -> float:
        return self.view.config.parameters.level


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M11: per roster, then the groups of the event and of the control."""
    joint = joint_actions(view)
    roles = roles_of(joint, view.config.parameters.structure_min_actions)
    scopes = frozenset(scope for (scope,) in view.db.rows("SELECT DISTINCT scope FROM coordination_tests"))
    case = _Case(view, joint, roles, _rosters(view), episodes_of(joint), member_edges(view), scopes)
    found: list[Finding] = []
    for subject in view.config.subjects:
        found += _of_roster(case, subject)
    for scope in ("event", *(("control",) if view.config.control else ())):
        found.append(_groups(case, scope))
    return found


def _rosters(view: CaseView) -> np.ndarray:
    rows = view.db.rows(
        """
        SELECT coalesce(p.roster, '') FROM _structure_members m JOIN _structure_groups g ON g.number = m."group"
        LEFT JOIN participants p ON p.account_id = m.account_id AND (p.roster = 'control') = (g.scope = 'control')
        ORDER BY m.member
        """
    )
    return np.array([roster for (roster,) in rows], object)


def _scope_of(subject: str) -> str:
    return "control" if subject == "control" else "event"


def _of_roster(case: _Case, subject: str) -> list[Finding]:
    mine = case.roster == subject
    missing = _missing(case, _scope_of(subject))
    if missing:
        return [_untestable(name, subject, missing) for name in _OF_ROSTER]
    return [
        *_starters(case, subject, mine),
        _delay(case, subject, mine, "follow_delay", case.joint.places.behind_first_ms),
        _delay(case, subject, mine, "step_delay", case.joint.places.behind_nearest_ms),
        _core_edges(case, subject, mine),
        _amplified(case, subject, mine),
    ]


def _missing(case: _Case, scope: str) -> str:
    """Return why nothing can be said of a scope; empty where it has a group."""
    if scope not in case.scopes:
        return "no action of a known kind in the window"
    if any(group[0] == scope for group in case.joint.groups):
        return ""
    (tested,) = case.view.db.one(
        "SELECT count(*) FROM coordinated_accounts WHERE scope = $scope AND state <> 'untestable'", {"scope": scope}
    )
    where = "in the control" if scope == "control" else "in the event"
    return (
        f"the coordination test found no group {where}, so there is no order within one to look at; it could test"
        f" {tested} accounts"
    )


def _claim(name: str, subject: str) -> str:
    return _OF_ROSTER[name][1].format(whose(subject))


def _untestable(name: str, subject: str, missing: str) -> Finding:
    unit = _OF_ROSTER[name][0]
    return not_testable(f"M11.{name}.{subject}", "M11", subject, _claim(name, subject), unit, missing, _SETTLE)


def _method(case: _Case) -> str:
    least = case.view.config.parameters.structure_min_actions
    return (
        "members are the named accounts of a group and those in step with it, but for the amplified; joint actions are"
        " runs of members' first actions on one object with gaps of at most the group's window; members with"
        f" {least} or more of them, over five minutes (or that window) apart, are tested against random order within"
        f" each, at a false-discovery rate of {100 * FALSE_DISCOVERY:g}{NBSP}% over all members of the case; ties have"
        " no first"
    )


def _starters(case: _Case, subject: str, mine: np.ndarray) -> list[Finding]:
    least = case.view.config.parameters.structure_min_actions
    acting = mine & case.joint.members.acts
    tested = int(np.count_nonzero(acting & (case.roles.role != "untested")))
    groups = len(np.unique(case.joint.members.group[acting]))
    if not acting.any():
        missing = "no account of this roster is a member of a group"
        return [_untestable(name, subject, missing) for name in ("starters", "groups_with_starter")]
    if not tested:
        missing = f"no member of this roster took part in {least} joint actions that are far enough apart"
        return [_untestable(name, subject, missing) for name in ("starters", "groups_with_starter")]
    starts = acting & (case.roles.role == "starter")
    led = len(np.unique(case.joint.members.group[starts]))
    roles = {f"{name}_accounts": int(np.count_nonzero(acting & (case.roles.role == name))) for name in _SHOWN_ROLES}
    rule = f"members of the roster {subject} with the role starter"
    named = int(np.count_nonzero(starts & case.joint.members.named))
    details: dict[str, object] = {"members": int(acting.sum()), "tested": tested, "starters_named": named, **roles}
    of: dict[str, object] = {"groups": groups, "tested": tested}
    return [
        _count(case, "starters", subject, int(starts.sum()), rule, tested, details),
        _count(case, "groups_with_starter", subject, led, f"groups of {rule}", tested, of),
    ]


_SHOWN_ROLES: Final = ("core", "amplifier", "follower", "even", "untested")


def _count(
    case: _Case, name: str, subject: str, value: int, rule: str, tested: int, details: dict[str, object]
) -> Finding:
    return Finding(
        id=f"M11.{name}.{subject}",
        measure="M11",
        subject=subject,
        claim=_claim(name, subject),
        value=value,
        unit=_OF_ROSTER[name][0],
        low=None,
        high=None,
        state="measured",
        method=_method(case),
        evidence=Evidence(_TABLES, rule, value),
        limits=(*_LIMITS, _NONE_FOUND),
        confidence=_confidence(tested),
        alternatives=_ALTERNATIVES,
        level=case.level,
        details=details,
    )


def _confidence(accounts: int) -> Confidence:
    return "moderate" if accounts >= 20 else "low"


def _delay(case: _Case, subject: str, mine: np.ndarray, name: str, lag_ms: Ints) -> Finding:
    acting = mine & case.joint.members.acts
    rows = acting[case.joint.member]
    found = delay(lag_ms[rows], case.episode[rows], case.level)
    if found is None:
        missing = f"under {LEAST_EPISODES} separate episodes in which a member of this roster came behind"
        return _untestable(name, subject, missing)
    whom = "the first member" if name == "follow_delay" else "the nearest member ahead"
    return Finding(
        id=f"M11.{name}.{subject}",
        measure="M11",
        subject=subject,
        claim=_claim(name, subject),
        value=found.median_ms,
        unit="ms",
        low=found.low_ms,
        high=found.high_ms,
        state="measured",
        method=f"median time behind {whom} of the joint action, of those behind; bootstrap over episodes at level"
        f" {case.level:g}; {_method(case)}",
        evidence=Evidence(_TABLES, f"joint actions in which members of the roster {subject} came behind",
                          found.lags),
        limits=(
            "Delays are cut at the group's window: who comes later than that is in no joint action.",
            "Between members only: how long they are behind an amplified account is in the table of groups.",
            *_LIMITS,
        ),
        confidence=_confidence(int(acting.sum())),
        alternatives=_ALTERNATIVES,
        level=case.level,
        details={"quartiles": [found.quarter_ms, found.median_ms, found.three_quarters_ms],
                 "lags": found.lags, "episodes": found.episodes},
    )  # fmt: skip


def _core_edges(case: _Case, subject: str, mine: np.ndarray) -> Finding:
    touched = mine[case.edges.a] | mine[case.edges.b]
    core = np.isin(case.roles.role, ("starter", "core"))
    if not (mine & case.joint.members.acts & (case.roles.role != "untested")).any():
        return _untestable("core_edges", subject, "no account of this roster could be tested for its place")
    found = core_share(Edges(case.edges.a[touched], case.edges.b[touched]), core, case.level)
    if found is None:
        return _untestable("core_edges", subject, f"no tested edge with p up to {EDGE_P:g} at a member of this roster")
    share, (low, high), edges, accounts = found
    return Finding(
        id=f"M11.core_edges.{subject}",
        measure="M11",
        subject=subject,
        claim=_claim("core_edges", subject),
        value=share,
        unit="share",
        low=low,
        high=high,
        state="measured",
        method=f"edges with p up to {EDGE_P:g} between members, with an end that is a starter or of the core; jackknife"
        f" over accounts, as effective number in Wilson's limits at level {case.level:g}; {_method(case)}",
        evidence=Evidence((*_TABLES, "tested_edges"), f"tested edges at members of the roster {subject}", edges),
        limits=(
            "Which accounts are tied by edges depends on how often each acts; the core can have many by that alone.",
            *_LIMITS,
        ),
        confidence=_confidence(accounts),
        alternatives=_ALTERNATIVES,
        level=case.level,
        details={"edges": edges, "accounts": accounts},
    )


def _amplified(case: _Case, subject: str, mine: np.ndarray) -> Finding:
    value = int(np.count_nonzero(mine & (case.roles.role == "amplified")))
    return Finding(
        id=f"M11.amplified.{subject}",
        measure="M11",
        subject=subject,
        claim=_claim("amplified", subject),
        value=value,
        unit="accounts",
        low=None,
        high=None,
        state="measured",
        method="in step with a group by the coordination test, and mostly in front of all its accounts",
        evidence=Evidence(("coordinated_accounts", "participants"), f"amplified accounts of {subject}", value),
        limits=(
            "Amplified is no accusation: whoever is mirrored, quoted or fought over lands here, and need not know.",
            "A leader that never follows its own group lands here too; order alone cannot tell the two apart.",
        ),
        confidence="low",
        alternatives=(
            "Popular accounts are in front of their fans without any agreement.",
            "Somebody can have an account mirrored on purpose, to make it look like part of a group.",
        ),
        level=case.level,
    )


def _groups(case: _Case, scope: str) -> Finding:
    where = "the control" if scope == "control" else "the event's streams"
    claim = f"The order of so many groups in {where} could be looked at."
    finding_id = f"M11.groups.{scope}"
    if missing := _missing(case, scope):
        return not_testable(finding_id, "M11", scope, claim, "count", missing, _SETTLE)
    rows = group_rows(case.view, case.joint, case.roles, scope)
    looked = [row for row in rows if row["joint_actions"]]
    shown = sorted(looked, key=lambda row: (-row["joint_actions"], len(row["group_id"]), row["group_id"]))
    outside = (case.roles.role == "starter") & _in(case, scope) & (case.roster == "")
    return Finding(
        id=finding_id,
        measure="M11",
        subject=scope,
        claim=claim,
        value=len(looked),
        unit="count",
        low=None,
        high=None,
        state="measured",
        method=_method(case),
        evidence=Evidence((*_TABLES, "tested_edges"), "groups with a joint action of two members", len(looked)),
        limits=_LIMITS,
        confidence="moderate",
        alternatives=_ALTERNATIVES,
        level=case.level,
        details={
            "groups": shown[:_GROUPS_SHOWN],
            "groups_not_shown": max(0, len(shown) - _GROUPS_SHOWN),
            "starters_on_no_roster": int(np.count_nonzero(outside)),
        },
    )


def _in(case: _Case, scope: str) -> np.ndarray:
    inside = np.array([group[0] == scope for group in case.joint.groups], bool)
    return inside[case.joint.members.group]


SECTION: Final = Section(
    name="structure",
    title="Who starts and who follows",
    order=37,
    measures=("M11",),
    findings=findings,
    template="structure.html",
)
