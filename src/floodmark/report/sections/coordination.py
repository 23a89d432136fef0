"""M3, the coordinated roster: who the coordination test names, in which groups, and what it cannot see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from floodmark.accounts.prevalence import Tally
from floodmark.coordination.result import Rules
from floodmark.findings import Confidence, Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.format import NBSP, duration
from floodmark.report.sections._groups import GROUPS_SHOWN, closer, dicts, outsiders
from floodmark.report.sections._shared import share_finding, whose
from floodmark.view import CaseView

_LIMITS: Final = (
    "Not named is not cleared: whoever acts rarely, spreads actions in time or over other objects is not seen.",
    "Coordinated is not inauthentic, and neither says who is behind it.",
    f"Names are chosen so that on average at most {100 * Rules().level:g}{NBSP}% of all names of a run are wrong where"
    " the test's assumptions hold. That is not so for each side by itself: all names on one side can be wrong.",
    "The assumptions fail where accounts share a trigger that came after the first post: a message, push or broadcast"
    " that all saw. Timing cannot exclude it, whatever the grade.",
)
_ALTERNATIVES: Final = (
    "Fans and activists who wait for the same source act within seconds of each other without hiding anything.",
    "Members of a chat, pupils of a class, viewers of a broadcast act together on what they were shown.",
    "Syndicated news, one scheduling tool or a shared clock puts strangers in step.",
    "Somebody who acts just before a predictable account can make it look like a follower: framing.",
)
_TABLES: Final = ("coordinated_accounts", "participants")
#: Unit and claim of the findings of each roster.
_OF_ROSTER: Final = {
    "coordinated": ("accounts", "The coordination test names so many {}."),
    "coordinated_share": ("share", "Of the {} that could be tested, this share is named."),
    "coordinated_at_least": (
        "share",
        "If every name is right, at least this share of all {} is coordinated; nothing bounds it from above.",
    ),
    "in_step": ("accounts", "So many {} are in step with a group and not called part of it."),
    "lead": ("accounts", "So many {} are leads: close to a group, with too little evidence to be named."),
    "testable": ("share", "Of all {}, this share could be tested at all."),
}
_OF_SCOPE: Final = {
    "groups": ("count", "The coordination test names accounts of so many groups in {}."),
    "minimum_detectable_jitter": (
        "ms",
        "In {}, the reference campaign would be seen up to this spread of its actions in time.",
    ),
    "too_dense": (
        "actions",
        "In {}, so many actions are followed by too many others in the widest window to propose anybody.",
    ),
}
_SETTLE_NONE: Final = "accounts with three or more separate episodes on objects that others share"


@dataclass(frozen=True)
class _Roster:
    """Participants of one subject by what the test says of them; `amplified` are among those in step."""

    states: Mapping[str, int]
    amplified: int

    @property
    def accounts(self) -> int:
        return sum(self.states.values())

    @property
    def testable(self) -> int:
        return self.accounts - self.states.get("untestable", 0)

    def count(self, state: str) -> int:
        return self.states.get(state, 0)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M3 about the coordinated roster."""
    tests = {row["scope"]: row for row in dicts(view, "SELECT * FROM coordination_tests ORDER BY scope")}
    rosters = _rosters(view)
    found: list[Finding] = []
    for subject in view.config.subjects:
        scope = "control" if subject == "control" else "event"
        roster = rosters.get(subject, _Roster({}, 0))
        found += _of_roster(view, subject, roster, tests.get(scope))
    for scope in ("event", *(("control",) if view.config.control else ())):
        found += _of_scope(view, scope, tests.get(scope))
    return found


def _rosters(view: CaseView) -> dict[str, _Roster]:
    """Count participants by state; one without any action that was looked at could not be tested."""
    rows = view.db.rows(
        """
        SELECT p.roster, coalesce(c.state, 'untestable') AS state, count(*),
            count(*) FILTER (c.state = 'in_step' AND c.role = 'amplified')
        FROM participants p LEFT JOIN coordinated_accounts c ON c.account_id = p.account_id
            AND c.scope = CASE WHEN p.roster = 'control' THEN 'control' ELSE 'event' END
        GROUP BY p.roster, coalesce(c.state, 'untestable') ORDER BY ALL
        """
    )
    return {
        subject: _Roster(
            {state: accounts for roster, state, accounts, _ in rows if roster == subject},
            sum(amplified for roster, *_, amplified in rows if roster == subject),
        )
        for subject in {row[0] for row in rows}
    }


def _of_roster(view: CaseView, subject: str, roster: _Roster, test: Mapping[str, Any] | None) -> list[Finding]:
    missing = _missing(test) or ("" if roster.accounts else "nobody posted for it in the window")
    if missing or test is None:
        return [_no_roster(name, subject, missing) for name in _OF_ROSTER]
    if roster.testable:
        found = [
            _count(view, subject, roster, test, "named"),
            _named_share(view, subject, roster, test),
            _at_least(view, subject, roster, test),
            _count(view, subject, roster, test, "in_step"),
            _count(view, subject, roster, test, "lead"),
        ]
    else:
        missing = "none of these accounts meets the minimum evidence"
        found = [_no_roster(name, subject, missing) for name in _OF_ROSTER if name != "testable"]
    return [*found, _testable(view, subject, roster)]


def _missing(test: Mapping[str, Any] | None) -> str:
    """Return why a scope could not be tested at all; empty when it was."""
    if test is None:
        return "no action of a known kind in the window"
    return "" if test["windows_ms"] else "every window of the test is shorter than the clock of the data"


def _no_roster(name: str, subject: str, missing: str) -> Finding:
    return not_testable(
        f"M3.{name}.{subject}", "M3", subject, _claim(name, subject), _OF_ROSTER[name][0], missing, _SETTLE_NONE
    )


def _claim(name: str, subject: str) -> str:
    return _OF_ROSTER[name][1].format(whose(subject))


def _method(test: Mapping[str, Any]) -> str:
    rules = Rules()
    windows = ", ".join(duration(window_ms) for window_ms in test["windows_ms"])
    return (
        f"leave-one-out group test over all kinds of action together, windows {windows}; named where an account follows"
        f" a group that was found without it, at a false-discovery rate of {100 * rules.level:g}{NBSP}%, with at least"
        f" {rules.min_members} accounts, {rules.min_rare_objects} rare objects between them and {rules.min_episodes}"
        f" episodes of its own; rates {'of the reference stream' if test['reference_used'] else 'of this collection'}"
    )


def _confidence(roster: _Roster) -> Confidence:
    """Return moderate where enough could be tested to speak of the roster, else low."""
    return "moderate" if roster.testable >= 100 and roster.testable * 2 >= roster.accounts else "low"


def _count(view: CaseView, subject: str, roster: _Roster, test: Mapping[str, Any], state: str) -> Finding:
    name = "coordinated" if state == "named" else state
    value = roster.count(state)
    details: dict[str, object] = {
        "accounts": roster.accounts,
        "testable": roster.testable,
        "untestable": roster.count("untestable"),
        "tested_and_not_named": roster.testable - roster.count("named"),
    }
    return Finding(
        id=f"M3.{name}.{subject}",
        measure="M3",
        subject=subject,
        claim=_claim(name, subject),
        value=value,
        unit="accounts",
        low=None,
        high=None,
        state="measured",
        method=_method(test),
        evidence=Evidence(_TABLES, f"participants of the roster {subject} in the state {state}", value),
        limits=_LIMITS,
        confidence=_confidence(roster),
        alternatives=_ALTERNATIVES,
        level=view.config.parameters.level,
        details={**details, "amplified": roster.amplified} if state == "in_step" else details,
    )


def _named_share(view: CaseView, subject: str, roster: _Roster, test: Mapping[str, Any]) -> Finding:
    return share_finding(
        f"M3.coordinated_share.{subject}",
        subject,
        _claim("coordinated_share", subject),
        Tally(roster.count("named"), roster.testable, roster.count("untestable")),
        view.config.parameters.level,
        method=f"named accounts over accounts that could be tested; {_method(test)}",
        evidence=Evidence(_TABLES, f"testable participants of the roster {subject}", roster.testable),
        limits=("Accounts that could not be tested are not in this share, in either direction.", *_LIMITS),
        alternatives=_ALTERNATIVES,
    )


def _at_least(view: CaseView, subject: str, roster: _Roster, test: Mapping[str, Any]) -> Finding:
    return Finding(
        id=f"M3.coordinated_at_least.{subject}",
        measure="M3",
        subject=subject,
        claim=_claim("coordinated_at_least", subject),
        value=None,
        unit="share",
        low=roster.count("named") / roster.accounts,
        high=1.0,
        state="bounded",
        method=(
            "from named over all accounts of the roster, up to all of them: the test clears nobody, whether it could"
            f" test the account or not, so nothing here bounds the share from above; {_method(test)}"
        ),
        evidence=Evidence(_TABLES, f"participants of the roster {subject}", roster.accounts),
        limits=(*_LIMITS, "The lower bound takes every name as right; if they are wrong, it is 0."),
        confidence="low",
        alternatives=_ALTERNATIVES,
        level=view.config.parameters.level,
    )


def _testable(view: CaseView, subject: str, roster: _Roster) -> Finding:
    return share_finding(
        f"M3.testable.{subject}",
        subject,
        _claim("testable", subject),
        Tally(roster.testable, roster.accounts, 0),
        view.config.parameters.level,
        method="accounts that can meet the minimum evidence, over all participants of the roster",
        evidence=Evidence(_TABLES, f"participants of the roster {subject} that are not untestable", roster.testable),
        limits=(
            "Of the accounts that could not be tested nothing is known: not called coordinated, not cleared.",
            "Testable means that a verdict was possible, not that a weak pattern would have been seen.",
        ),
        alternatives=("Most people post once or twice; a small testable share says nothing about a conversation.",),
    )


def _of_scope(view: CaseView, scope: str, test: Mapping[str, Any] | None) -> list[Finding]:
    missing = _missing(test)
    if missing or test is None:
        return [
            not_testable(f"M3.{name}.{scope}", "M3", scope, _scope_claim(name, scope), unit, missing, _SETTLE_NONE)
            for name, (unit, _) in _OF_SCOPE.items()
        ]
    return [_groups(view, scope, test), _jitter(view, scope, test), _too_dense(view, scope, test)]


def _scope_claim(name: str, scope: str) -> str:
    return _OF_SCOPE[name][1].format("the control" if scope == "control" else "the event's streams")


def _jitter(view: CaseView, scope: str, test: Mapping[str, Any]) -> Finding:
    jitter_ms = int(test["minimum_detectable_jitter_ms"])
    none = ("Here not even a campaign that acts at once would be seen.",) if not jitter_ms else ()
    return Finding(
        id=f"M3.minimum_detectable_jitter.{scope}",
        measure="M3",
        subject=scope,
        claim=_scope_claim("minimum_detectable_jitter", scope),
        value=jitter_ms,
        unit="ms",
        low=0,
        high=jitter_ms,
        state="measured",
        method="widest spread in time at which the reference campaign of the docs would still pass the test among these"
        " accounts' own rates",
        evidence=Evidence(
            ("actions", "coordination_tests"), f"actions of the scope {scope}", int(test["actions_used"])
        ),
        limits=(
            *none,
            "A campaign of fewer accounts, fewer actions or more camouflage is seen only at a smaller spread.",
            "An estimate for that campaign: a larger one can be seen at a wider spread, and this one can be missed.",
        ),
        confidence="moderate",
        alternatives=("Where much is said at once, strangers act within a minute of each other all the time.",),
        level=view.config.parameters.level,
        details={"resolution_ms": int(test["resolution_ms"]), "actions_used": int(test["actions_used"])},
    )


def _too_dense(view: CaseView, scope: str, test: Mapping[str, Any]) -> Finding:
    windows = list(zip(test["windows_ms"], test["dense_actions"], test["dense_objects"], strict=True))
    actions = int(windows[-1][1]) if windows else 0
    return Finding(
        id=f"M3.too_dense.{scope}",
        measure="M3",
        subject=scope,
        claim=_scope_claim("too_dense", scope),
        value=actions,
        unit="actions",
        low=None,
        high=None,
        state="measured",
        method=f"actions with more than {Rules().dense_successors} others on the same object within the window",
        evidence=Evidence(
            ("actions", "coordination_tests"), f"actions of the scope {scope}", int(test["actions_used"])
        ),
        limits=("A campaign that acts on nothing but such objects proposes no group in that window.", _LIMITS[0]),
        confidence="moderate",
        alternatives=("Viral posts and the event's own hashtag are as dense without any organisation.",),
        level=view.config.parameters.level,
        details={"windows": [[int(cell) for cell in row] for row in windows]},
    )


def _groups(view: CaseView, scope: str, test: Mapping[str, Any]) -> Finding:
    groups = dicts(
        view,
        "SELECT * EXCLUDE (scope) FROM groups WHERE scope = $scope"
        " ORDER BY named DESC, CAST(substr(group_id, 2) AS INTEGER)",
        {"scope": scope},
    )
    named = sum(group["named"] > 0 for group in groups)
    details: dict[str, object] = {
        "groups": groups,
        "groups_in_step_only": len(groups) - named,
        "proposed": int(test["proposed"]),
        "tests": int(test["tests"]),
        "shown": closer(view, [group["group_id"] for group in groups[:GROUPS_SHOWN]]),
        **outsiders(view, scope),
    }
    return Finding(
        id=f"M3.groups.{scope}",
        measure="M3",
        subject=scope,
        claim=_scope_claim("groups", scope),
        value=named,
        unit="count",
        low=None,
        high=None,
        state="measured",
        method=_method(test),
        evidence=Evidence(
            ("groups", "group_readings", "tested_edges", "edge_evidence"), "groups with a named account", named
        ),
        limits=_LIMITS,
        confidence="moderate",
        alternatives=_ALTERNATIVES,
        level=view.config.parameters.level,
        details=details,
    )


SECTION: Final = Section(
    name="coordination",
    title="Who acted together",
    order=35,
    measures=("M3",),
    findings=findings,
    template="coordination.html",
    stems=tuple(f"M3.{name}" for name in (*_OF_ROSTER, *_OF_SCOPE)),
)
