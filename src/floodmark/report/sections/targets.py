"""Targets: whom each side, its coordinated accounts and their groups address, beside the crowd that nobody named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from floodmark import stats
from floodmark.event.marks import make_marks
from floodmark.event.targets import MOST_TARGETS, Addressing, Compared, compare, read_addressing
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import whose
from floodmark.view import CaseView

_FALSE_DISCOVERY: Final = 0.05
_TOP: Final = 5
_SHOWN: Final = 20
_MOST_GROUPS: Final = 30
#: With fewer accounts on either hand that address anybody, nothing is compared.
_LEAST_ACCOUNTS: Final = 5
_LIMITS: Final = (
    "Being addressed says nothing of the target, and addressing somebody is no attack: replies also thank and defend.",
    "Only posts in the collection count: what was said to a target under another hashtag is not here.",
)
_LANGUAGE_LIMIT: Final = (
    "Accounts are compared by like activity and language only; who is awake or follows whom is not in the data."
)
_SIDE_LIMIT: Final = (
    "Two sides talk to different people for no other reason than being two sides; the control shows how much that does."
)
_ALTERNATIVES: Final = (
    "A speaker, a host or a journalist is addressed by whoever cares about the event.",
    "A call to write to somebody, openly made, brings many people to one target.",
    "Few well-known accounts draw most replies in any conversation.",
)
_CLAIMS: Final = {
    "top_target_share": ("share", "Of the addressing posts by {}, this share is aimed at the most addressed accounts."),
    "top_target_share_difference": ("share", "That share for {} exceeds the control's by so much."),
    "targets_of_named": (
        "count",
        "So many accounts are picked out by the coordinated among {}, beside their unnamed crowd.",
    ),
    "targets_of_side": ("count", "So many accounts are addressed more by {} than by the unnamed crowd of the others."),
    "targets_of_groups": ("count", "So many groups of the coordination test pick out a target."),
}
_SETTLE: Final = "replies, quotes or mentions by enough accounts, with the accounts that they address"


@dataclass(frozen=True)
class _Test:
    """One comparison of a set of accounts with a crowd: whose finding it belongs to, and its targets."""

    subject: str
    accounts: int
    crowd: int
    compared: Sequence[Compared]


def findings(view: CaseView) -> list[Finding]:
    """Return the findings on targets: per roster, then the groups of the event and of the control."""
    make_marks(view, view.config.event.start_ms)
    found = read_addressing(view)
    subjects = view.config.subjects
    named = _named(view, found, subjects)
    sides = _sides(view, found, subjects)
    scopes = ("event", *(("control",) if view.config.control else ()))
    return [
        *(_top(view, found, subject) for subject in subjects),
        *(_top_difference(view, found, subject) for subject in subjects if subject != "control"),
        *_tested(view, "targets_of_named", named),
        *_tested(view, "targets_of_side", sides),
        *(_groups(view, found, scope) for scope in scopes),
    ]


def _crowd(found: Addressing) -> np.ndarray:
    """Return the accounts that the coordination test neither names nor finds in step or in the lead."""
    return ~np.isin(found.state, ("named", "in_step", "lead"))


def _pair(view: CaseView, found: Addressing, subject: str, mine: np.ndarray, crowd: np.ndarray) -> _Test:
    parameters = view.config.parameters
    sizes = int(mine.sum()), int(crowd.sum())
    if min(sizes) < _LEAST_ACCOUNTS:
        return _Test(subject, *sizes, ())
    return _Test(subject, *sizes, compare(found, mine, crowd, parameters.target_min_accounts))


def _named(view: CaseView, found: Addressing, subjects: Sequence[str]) -> list[_Test]:
    tests = []
    for subject in subjects:
        own = found.roster == subject
        tests.append(_pair(view, found, subject, own & (found.state == "named"), own & _crowd(found)))
    return tests


def _sides(view: CaseView, found: Addressing, subjects: Sequence[str]) -> list[_Test]:
    tests = []
    for subject in subjects:
        own = found.roster == subject
        tests.append(_pair(view, found, subject, own, ~own & (found.roster != "control") & _crowd(found)))
    return tests


def _tested(view: CaseView, name: str, tests: Sequence[_Test]) -> list[Finding]:
    """Return one finding a test, with discoveries over all targets of all of them."""
    flat = [(test, compared) for test in tests for compared in test.compared]
    hits = stats.bh([compared.p_value for _, compared in flat], _FALSE_DISCOVERY)
    level = view.config.parameters.level
    made = []
    for test in tests:
        mine = [(compared, bool(hit)) for (other, compared), hit in zip(flat, hits, strict=True) if other is test]
        if not mine:
            made.append(_untestable(view, name, test))
            continue
        count = sum(hit for _, hit in mine)
        made.append(
            _finding(
                test.subject,
                name,
                value=count,
                method=(
                    "accounts are the unit; exact conditional test of a common odds ratio over strata of activity"
                    f" (addressing posts) and language, with its exact interval at level {level:g}; Benjamini-Hochberg"
                    f" at {_FALSE_DISCOVERY:g} over all targets of all rosters; at most {MOST_TARGETS} targets each"
                ),
                evidence=Evidence(
                    ("posts", "side_posts", "participants", "coordinated_accounts"),
                    "accounts that address anybody in the window, on both hands",
                    test.accounts + test.crowd,
                ),
                limits=(*_LIMITS, _LANGUAGE_LIMIT, *((_SIDE_LIMIT,) if name == "targets_of_side" else ())),
                confidence="moderate" if min(test.accounts, test.crowd) >= 100 else "low",
                level=level,
                details={
                    "accounts": test.accounts,
                    "crowd": test.crowd,
                    "tested": len(mine),
                    "targets": [_row(compared, hit, level) for compared, hit in _shown(mine)],
                },
            )
        )
    return made


def _shown(rows: Sequence[tuple[Compared, bool]]) -> list[tuple[Compared, bool]]:
    return sorted(rows, key=lambda row: (not row[1], row[0].p_value, row[0].name))[:_SHOWN]


def _row(compared: Compared, hit: bool, level: float) -> dict[str, object]:
    """Return a target as shown: who it is, accounts on both hands, the ratio (None: infinite), whether it is apart."""
    ratio, low, high = compared.odds(level)
    return {
        "target": compared.name,
        "accounts": compared.accounts,
        "crowd": compared.crowd,
        "ratio": ratio if np.isfinite(ratio) else None,
        "low": low,
        "high": high if np.isfinite(high) else None,
        "p_value": compared.p_value,
        "apart": hit,
    }


def _untestable(view: CaseView, name: str, test: _Test) -> Finding:
    least = view.config.parameters.target_min_accounts
    if test.accounts < _LEAST_ACCOUNTS or test.crowd < _LEAST_ACCOUNTS:
        hands = "named accounts" if name == "targets_of_named" else "accounts of the roster"
        missing = (
            f"{test.accounts} {hands} and {test.crowd} of the crowd address anybody in the window; at least"
            f" {_LEAST_ACCOUNTS} of either are needed"
        )
    else:
        missing = f"no account is addressed by {least} accounts of both together"
    return _missing(test.subject, name, missing)


def _per_account(found: Addressing, subject: str) -> tuple[stats.Counts, stats.Counts]:
    """Return per account of a roster the addressing (post, target) pairs at its top targets, and all."""
    mine = found.roster[found.account] == subject
    by_target = np.bincount(found.target[mine], weights=found.posts[mine], minlength=len(found.names))
    top = np.lexsort((np.arange(by_target.size), -by_target))[:_TOP]
    size = found.roster.size
    at_top = mine & np.isin(found.target, top[by_target[top] > 0])
    hits = np.bincount(found.account[at_top], weights=found.posts[at_top], minlength=size).astype(np.int64)
    totals = np.bincount(found.account[mine], weights=found.posts[mine], minlength=size).astype(np.int64)
    kept = totals > 0
    return hits[kept], totals[kept]


def _top(view: CaseView, found: Addressing, subject: str) -> Finding:
    hits, totals = _per_account(found, subject)
    if totals.size < _LEAST_ACCOUNTS:
        return _missing(subject, "top_target_share", f"{totals.size} accounts of the roster address anybody")
    level = view.config.parameters.level
    share, low, high = stats.cluster_share(hits, totals, level)
    return _finding(
        subject,
        "top_target_share",
        value=share,
        low=low,
        high=high,
        method=(
            f"replies, quotes and mentions of the {_TOP} accounts that the roster addresses most, over all of them; all"
            f" of an account's posts are one cluster, interval at level {level:g}"
        ),
        evidence=Evidence(
            ("posts", "side_posts", "participants"), "addressing posts, once a target", int(totals.sum())
        ),
        limits=(*_LIMITS, "The most addressed were picked from the same posts, so the share is overstated by chance."),
        confidence="moderate" if totals.size >= 100 else "low",
        level=level,
        details={"accounts": int(totals.size), "addressing": int(totals.sum()), "at_top": int(hits.sum())},
    )


def _top_difference(view: CaseView, found: Addressing, subject: str) -> Finding:
    hands = [_per_account(found, who) for who in (subject, "control")]
    if min(totals.size for _, totals in hands) < _LEAST_ACCOUNTS:
        return _missing(
            subject, "top_target_share_difference", "too few accounts of the roster or of a control address anybody"
        )
    level = view.config.parameters.level
    (share, low, high), (other, other_low, other_high) = (stats.cluster_share(*hand, level) for hand in hands)
    return _finding(
        subject,
        "top_target_share_difference",
        value=share - other,
        low=share - other - float(np.hypot(share - low, other_high - other)),
        high=share - other + float(np.hypot(high - share, other - other_low)),
        method=f"difference of the two shares, their cluster intervals joined at level {level:g} (Zou & Donner 2008)",
        evidence=Evidence(
            ("posts", "side_posts", "participants"),
            "addressing posts, once a target",
            int(sum(totals.sum() for _, totals in hands)),
        ),
        limits=(*_LIMITS, "The control may differ from the event in topic, language and size."),
        confidence="moderate" if min(totals.size for _, totals in hands) >= 100 else "low",
        level=level,
    )


def _groups(view: CaseView, found: Addressing, scope: str) -> Finding:
    inside = (found.roster == "control") == (scope == "control")
    crowd = inside & _crowd(found)
    sizes = {str(g): int(np.count_nonzero(inside & (found.group == g))) for g in np.unique(found.group[inside]) if g}
    groups = sorted((g for g in sizes if sizes[g] >= _LEAST_ACCOUNTS), key=lambda g: (-sizes[g], len(g), g))
    tests = [
        (group, _pair(view, found, scope, inside & (found.group == group) & ~_crowd(found), crowd))
        for group in groups[:_MOST_GROUPS]
    ]
    flat = [(group, test, compared) for group, test in tests for compared in test.compared]
    if not flat:
        missing = "no group of the coordination test with enough accounts that address anybody"
        return _missing(scope, "targets_of_groups", missing)
    hits = stats.bh([compared.p_value for _, _, compared in flat], _FALSE_DISCOVERY)
    apart = [(group, test, compared) for (group, test, compared), hit in zip(flat, hits, strict=True) if hit]
    level = view.config.parameters.level
    return _finding(
        scope,
        "targets_of_groups",
        value=len({group for group, _, _ in apart}),
        method=(
            f"each of the {len(tests)} largest groups against the unnamed crowd of its scope, exact conditional test of"
            " a common odds ratio over strata of activity and language; Benjamini-Hochberg at"
            f" {_FALSE_DISCOVERY:g} over all groups and targets"
        ),
        evidence=Evidence(
            ("posts", "side_posts", "participants", "coordinated_accounts"),
            "accounts of these groups that address anybody",
            sum(test.accounts for _, test in tests),
        ),
        limits=(*_LIMITS, _LANGUAGE_LIMIT, "The groups are those of the coordination test, with its errors."),
        confidence="low",
        level=level,
        details={
            "groups": [
                {"group": group, "of": test.accounts, **_row(compared, True, level)}
                for group, test, compared in sorted(apart, key=lambda row: (row[2].p_value, row[0], row[2].name))[
                    :_SHOWN
                ]
            ],
            "groups_tested": len(tests),
        },
    )


def _by_strength(row: tuple[str, _Test, Compared]) -> tuple[float, str, str]:
    return row[2].p_value, row[0], row[2].name


def _words(name: str, subject: str) -> str:
    return _CLAIMS[name][1].format(whose(subject))


def _finding(subject: str, name: str, **fields: Any) -> Finding:
    given: dict[str, Any] = {"low": None, "high": None, "alternatives": _ALTERNATIVES, **fields}
    return Finding(
        id=f"M2.{name}.{subject}",
        measure="M2",
        subject=subject,
        claim=_words(name, subject),
        unit=_CLAIMS[name][0],
        state="measured",
        **given,
    )


def _missing(subject: str, name: str, missing: str) -> Finding:
    unit = _CLAIMS[name][0]
    return not_testable(f"M2.{name}.{subject}", "M2", subject, _words(name, subject), unit, missing, _SETTLE)


SECTION: Final = Section(
    name="targets",
    title="Targets: who was addressed",
    order=22,
    measures=("M2",),
    findings=findings,
    template="section.html",
    stems=tuple(f"M2.{name}" for name in _CLAIMS),
)
