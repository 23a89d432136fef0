"""M3, who took part: participants per roster, and how many pairs of accounts act together often enough to look at."""

from __future__ import annotations

from typing import Final

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
    "A pair counted here is untested: nothing follows for any account. Who is named, the coordination test says.",
    "No fixed number of co-actions separates organised from ordinary accounts; it depends on the collection.",
    "Accounts that are not candidates are not cleared.",
)
_CANDIDATE_ALTERNATIVES: Final = (
    "Ordinary viral reposting produces such pairs: many people see the same post at the same time.",
    "Fans, activists, news syndication and shared tools act in step without hiding anything.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M3 about participants."""
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
    return found


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
    pairs, accounts = _pairs(view, "event", trace)
    details: dict[str, object] = {"pairs": pairs, "accounts": accounts}
    if view.config.control:
        details["control"] = dict(zip(("pairs", "accounts"), _pairs(view, "control", trace), strict=True))
    parameters = view.config.parameters
    return Finding(
        id=f"M3.candidates.{trace}",
        measure="M3",
        subject="collection",
        claim=f"So many pairs of accounts acted together more than once in the trace {trace}; untested pair by pair.",
        value=pairs,
        unit="count",
        low=None,
        high=None,
        state="untested",
        method=(
            f"pairs of accounts with co-actions on at least {parameters.min_objects} distinct objects of one trace,"
            f" each within {max(parameters.windows_s)} s; a plain count, from which the coordination test takes nothing"
        ),
        evidence=Evidence(("edges",), "edges of the event with enough distinct objects", pairs),
        limits=_CANDIDATE_LIMITS,
        confidence="none",
        alternatives=_CANDIDATE_ALTERNATIVES,
        details=details,
    )


def _pairs(view: CaseView, scope: str, trace: str) -> tuple[int, int]:
    """Return how many pairs of a scope share enough objects in time, and how many accounts these are."""
    pairs, accounts = view.db.one(
        """
        WITH pairs AS (
            SELECT account_a, account_b FROM edges
            WHERE scope = $scope AND window_ms = $window_ms AND objects >= $min_objects AND trace = $trace
        )
        SELECT (SELECT count(*) FROM pairs),
            (SELECT count(*) FROM (SELECT account_a FROM pairs UNION SELECT account_b FROM pairs))
        """,
        {
            "scope": scope,
            "window_ms": max(view.config.parameters.windows_s) * 1000,
            "min_objects": view.config.parameters.min_objects,
            "trace": trace,
        },
    )
    return pairs, accounts


SECTION: Final = Section(
    name="participants",
    title="Who took part",
    order=30,
    measures=("M3",),
    findings=findings,
    template="section.html",
)
