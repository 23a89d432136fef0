"""M9, automation: rhythms, shared behaviour sequences and rare clients, for every subject, against the control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from floodmark import stats
from floodmark.accounts import (
    behaviour_sequence,
    clock_marks,
    digital_dna,
    no_night,
    rare_client,
    regular_gaps,
    same_schedule,
)
from floodmark.accounts.prevalence import FlagCounts, Tally, count_flags
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Flag, Section
from floodmark.report.sections._shared import difference_finding, share_finding, which_posts, whose
from floodmark.view import CaseView

FLAGS: Final = (
    regular_gaps.FLAG,
    clock_marks.FLAG,
    no_night.FLAG,
    same_schedule.FLAG,
    behaviour_sequence.FLAG,
    rare_client.FLAG,
    digital_dna.FLAG,
)
_EVIDENCE: Final = Evidence(("participants", "posts", "account_flags"), "participants that could be judged", 0)
_LIMITS: Final = (
    "An even rhythm describes how an account posts; it does not say who runs it or why.",
    "Accounts with few posts are not judged, so the share is one of active accounts.",
    "A collection that holds only some of an account's posts hides its rhythm.",
)
_UNCOUNTED: Final = "This flag errs often where errors are known; it is shown for comparison and counted nowhere else."
_READINGS: Final = (
    "One client for all is what an office, a newsroom or one country's app looks like too.",
    "Shares of posts are moved by a few loud accounts; the interval allows for that.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M9."""
    counts, subjects = count_flags(view, FLAGS), view.config.subjects
    found = [_share(view, counts, flag, subject) for flag in FLAGS for subject in subjects]
    found += [
        _difference(view, counts, flag, subject) for flag in FLAGS for subject in subjects if subject != "control"
    ]
    clients = rare_client.clients(view)
    return found + [_clients(view, clients, subject) for subject in subjects]


def _limits(flag: Flag) -> tuple[str, ...]:
    return _LIMITS if flag.counted else (*_LIMITS, _UNCOUNTED)


def _missing(flag: Flag) -> tuple[str, str]:
    if flag is rare_client.FLAG:
        return (
            "no client column in posts of both a side and the control",
            "the client of every post, also of the control",
        )
    few = f"no account of this roster has enough posts to judge {flag.title.lower()} with this clock"
    return few, "more posts of each account, over several days, with a clock of seconds"


def _share(view: CaseView, counts: FlagCounts, flag: Flag, subject: str) -> Finding:
    claim = f"Of the {whose(subject)} that could be judged, this share has the flag {flag.name}."
    if not counts.testable(subject, flag):
        missing, settle = _missing(flag)
        return not_testable(f"M9.{flag.name}.{subject}", "M9", subject, claim, "share", missing, settle)
    return share_finding(
        f"M9.{flag.name}.{subject}",
        subject,
        claim,
        counts.tally(subject, (flag.name,)),
        view.config.parameters.level,
        method=flag.meaning.rstrip("."),
        evidence=_EVIDENCE,
        limits=_limits(flag),
        alternatives=flag.benign,
    )


def _difference(view: CaseView, counts: FlagCounts, flag: Flag, subject: str) -> Finding:
    control: Tally | None = counts.tally("control", (flag.name,)) if counts.testable("control", flag) else None
    return difference_finding(
        f"M9.{flag.name}_difference.{subject}",
        subject,
        f"The share with the flag {flag.name} among {whose(subject)} exceeds that of the control by so much.",
        counts.tally(subject, (flag.name,)),
        control,
        view.config.parameters.level,
        method=flag.meaning.rstrip("."),
        evidence=_EVIDENCE,
        limits=_limits(flag),
        alternatives=flag.benign,
    )


def _clients(view: CaseView, clients: Sequence[rare_client.Client], subject: str) -> Finding:
    """Return the share of posts through clients that the flag calls rare, with the largest clients in the details."""
    finding_id, level = f"M9.rare_client_posts.{subject}", view.config.parameters.level
    claim = f"Of the {which_posts(subject)} by its participants, this share came through clients rare in the control."
    rows = view.db.rows(
        "SELECT p.account_id, p.client, count(DISTINCT p.post_id) FROM posts p"
        " JOIN participants m ON m.account_id = p.account_id AND m.roster = $subject"
        " WHERE p.client IS NOT NULL GROUP BY ALL ORDER BY ALL",
        {"subject": subject},
    )
    if not rows or not clients:
        missing, settle = _missing(rare_client.FLAG)
        return not_testable(finding_id, "M9", subject, claim, "share", missing, settle)
    rare = {client.name for client in clients if client.rare}
    hits: dict[str, int] = {}
    totals: dict[str, int] = {}
    by_client: dict[str, int] = {}
    for account, client, posts in rows:
        totals[account] = totals.get(account, 0) + posts
        hits[account] = hits.get(account, 0) + (posts if client in rare else 0)
        by_client[client] = by_client.get(client, 0) + posts
    share, low, high = stats.cluster_share(
        np.array([hits[account] for account in totals]), np.array(list(totals.values())), level
    )
    largest = sorted(by_client.items(), key=lambda item: (-item[1], item[0]))[:10]
    return Finding(
        id=finding_id,
        measure="M9",
        subject=subject,
        claim=claim,
        value=share,
        unit="share",
        low=low,
        high=high,
        state="measured",
        method=f"{rare_client.FLAG.meaning.rstrip('.')}; share of posts, interval by accounts at level {level:g}",
        evidence=Evidence(("posts", "participants"), "posts of participants that name a client", sum(totals.values())),
        limits=_LIMITS,
        confidence="low",
        alternatives=_READINGS,
        level=level,
        details={"clients": [[name[:60], posts, name in rare] for name, posts in largest]},
    )


SECTION: Final = Section(
    name="automation",
    title="How the accounts post",
    order=58,
    measures=("M9",),
    findings=findings,
    template="section.html",
)
