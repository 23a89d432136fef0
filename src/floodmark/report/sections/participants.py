"""M3, who took part: participants per roster, and how many pairs of accounts are candidates for a coordination test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from floodmark.findings import Evidence, Finding
from floodmark.registry import Section
from floodmark.report.sections._shared import whose
from floodmark.view import CaseView

_ROSTER_LIMITS: Final = (
    "Taking part says nothing about coordination, sincerity or who is behind an account.",
    "Whoever took part without a collected post is missing.",
    "A hashtag, keyword or account decides which side a post is for, whatever the post says about it.",
)
_ROSTER_ALTERNATIVES: Final = (
    "People who report on, quote or oppose a side use its hashtags and are counted with it.",
    "One person can have several accounts, and several people one account.",
)
_CANDIDATE_LIMITS: Final = (
    "Candidates are untested: nobody is named, and nothing follows for any account.",
    "No fixed number of co-actions separates organised from ordinary accounts; it depends on the collection.",
    "Accounts that are not candidates are not cleared.",
)
_CANDIDATE_ALTERNATIVES: Final = (
    "Ordinary viral reposting produces such pairs: many people see the same post at the same time.",
    "Fans, activists, news syndication and shared tools act in step without hiding anything.",
)
_PAIRS: Final = """
    SELECT DISTINCT account_a, account_b FROM edges
    WHERE scope = $scope AND window_ms = $window_ms AND objects >= $min_objects AND trace IN (SELECT unnest($traces))
"""


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M3."""
    traces = [
        trace
        for (trace,) in view.db.rows(
            "SELECT DISTINCT trace FROM actions WHERE scope = 'event'"
            " UNION SELECT DISTINCT trace FROM edges WHERE scope = 'event' ORDER BY trace"
        )
    ]
    rosters = {roster: (accounts, posts) for roster, accounts, posts in _rosters(view)}
    found = [_participants(s, rosters.get(s, (0, 0))[0]) for s in view.config.subjects]
    found += [_posts(view, s, rosters.get(s, (0, 0))[1]) for s in view.config.subjects]
    found += [_candidates(view, trace) for trace in traces]
    return [*found, _candidate_accounts(view, traces)]


def _rosters(view: CaseView) -> list[tuple[str, int, int]]:
    return [
        (roster, accounts, int(posts))
        for roster, accounts, posts in view.db.rows(
            "SELECT roster, count(*), sum(posts) FROM participants GROUP BY roster ORDER BY roster"
        )
    ]


def _participants(subject: str, accounts: int) -> Finding:
    return Finding(
        id=f"M3.participants.{subject}",
        measure="M3",
        subject=subject,
        claim=f"So many {whose(subject)} posted in the window.",
        value=accounts,
        unit="accounts",
        low=None,
        high=None,
        state="measured",
        method="accounts with at least one matching post in the window; those on several sides count as both only",
        evidence=Evidence(("participants",), f"rows of the roster {subject}", accounts),
        limits=_ROSTER_LIMITS,
        confidence="moderate",
        alternatives=_ROSTER_ALTERNATIVES,
    )


def _posts(view: CaseView, subject: str, posts: int) -> Finding:
    sides = [subject] if subject != "both" else [side.name for side in view.config.sides]
    smallest = view.db.rows(
        "SELECT DISTINCT s.post_id FROM side_posts s JOIN participants p ON p.account_id = s.account_id"
        " AND p.roster = $roster WHERE s.in_window AND s.side IN (SELECT unnest($sides)) ORDER BY s.post_id LIMIT 5",
        {"roster": subject, "sides": sides},
    )
    return Finding(
        id=f"M3.posts.{subject}",
        measure="M3",
        subject=subject,
        claim=f"The {whose(subject)} wrote so many matching posts in the window.",
        value=posts,
        unit="posts",
        low=None,
        high=None,
        state="measured",
        method="distinct matching posts in the window, summed over the accounts of the roster; reposts are posts",
        evidence=Evidence(
            ("participants", "side_posts"),
            f"matching posts of the roster {subject} in the window",
            posts,
            tuple(post for (post,) in smallest),
        ),
        limits=_ROSTER_LIMITS,
        confidence="moderate",
        alternatives=_ROSTER_ALTERNATIVES,
    )


def _candidates(view: CaseView, trace: str) -> Finding:
    pairs, details = _pairs(view, "event", [trace])
    if view.config.control:
        details["control"] = _pairs(view, "control", [trace])[1]
    return _candidate_finding(
        view,
        f"M3.candidates.{trace}",
        f"So many pairs of accounts acted together often enough in the trace {trace} to be candidates, untested.",
        pairs,
        "count",
        details,
        pairs,
    )


def _candidate_accounts(view: CaseView, traces: Sequence[str]) -> Finding:
    pairs, details = _pairs(view, "event", traces)
    if view.config.control:
        details["control"] = _pairs(view, "control", traces)[1]
    accounts = details["accounts"]
    return _candidate_finding(
        view,
        "M3.candidate_accounts",
        "So many accounts are in at least one candidate pair of any trace, untested; nobody is named.",
        accounts if isinstance(accounts, int) else 0,
        "accounts",
        details,
        pairs,
    )


def _candidate_finding(
    view: CaseView, finding_id: str, claim: str, value: int, unit: str, details: dict[str, object], rows: int
) -> Finding:
    parameters = view.config.parameters
    return Finding(
        id=finding_id,
        measure="M3",
        subject="collection",
        claim=claim,
        value=value,
        unit=unit,
        low=None,
        high=None,
        state="untested",
        method=(
            f"pairs of accounts with co-actions on at least {parameters.min_objects} distinct objects of one trace,"
            f" each within {max(parameters.windows_s)} s; no test of coordination exists in this version"
        ),
        evidence=Evidence(("edges",), "edges of the event with enough distinct objects", rows),
        limits=_CANDIDATE_LIMITS,
        confidence="none",
        alternatives=_CANDIDATE_ALTERNATIVES,
        details=details,
    )


def _pairs(view: CaseView, scope: str, traces: Sequence[str]) -> tuple[int, dict[str, object]]:
    """Return the candidate pairs of a scope and, in counts only, their accounts and how these hang together."""
    bound: dict[str, object] = {
        "scope": scope,
        "window_ms": max(view.config.parameters.windows_s) * 1000,
        "min_objects": view.config.parameters.min_objects,
        "traces": list(traces) or [""],
    }
    ends = view.db.arrays(
        f"""
        WITH pairs AS ({_PAIRS}),
        ids AS (
            SELECT account_id, row_number() OVER (ORDER BY account_id) - 1 AS place
            FROM (SELECT account_a AS account_id FROM pairs UNION SELECT account_b FROM pairs)
        )
        SELECT a.place AS a, b.place AS b FROM pairs
        JOIN ids a ON a.account_id = pairs.account_a JOIN ids b ON b.account_id = pairs.account_b
        """,
        bound,
    )
    a, b = np.asarray(ends["a"], dtype=np.int64), np.asarray(ends["b"], dtype=np.int64)
    accounts = int(max(a.max(), b.max())) + 1 if a.size else 0
    return int(a.size), {
        "pairs": int(a.size),
        "accounts": accounts,
        "component_sizes": _component_sizes(a, b, accounts),
    }


def _component_sizes(a: np.ndarray, b: np.ndarray, accounts: int) -> list[list[int]]:
    """Return [accounts in a connected component, how many such components], largest first."""
    if not accounts:
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(a.size, dtype=np.int8), (a, b)), shape=(accounts, accounts))
    _, labels = connected_components(graph.tocsr(), directed=False)
    sizes, times = np.unique(np.bincount(labels), return_counts=True)
    return [[int(size), int(many)] for size, many in zip(sizes[::-1], times[::-1], strict=True)]


SECTION: Final = Section(
    name="participants",
    title="Who took part",
    order=30,
    measures=("M3",),
    findings=findings,
    template="section.html",
)
