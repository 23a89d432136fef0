"""The coordinated roster as shown: groups, their readings beside each other, named accounts, the posts behind edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ValidationError

from floodmark.findings import Finding
from floodmark.report.format import duration, moment, plain
from floodmark.report.model import Subject
from floodmark.report.words import GRADES, ROLES

_STEM: Final = "M3.groups"
_ROWS: Final = 30


class _Group(BaseModel):
    group_id: str
    grade: str | None
    members: int
    named: int
    objects: int
    rare_objects: int
    episodes: int
    window_ms: int
    median_lag_ms: int
    first_ms: int
    last_ms: int
    traces: tuple[str, ...]
    trace_objects: tuple[int, ...]


class _Closer(BaseModel):
    group_id: str
    roles: tuple[tuple[str, str, int], ...]
    accounts: tuple[tuple[str, str, float, int], ...]
    readings: tuple[tuple[str, str, str, str], ...]
    edges: tuple[
        tuple[str, str, str, float, int, int, int, int, int, int, tuple[tuple[str, str, str, int, int], ...]], ...
    ]


class _Details(BaseModel):
    groups: tuple[_Group, ...]
    shown: tuple[_Closer, ...]


@dataclass(frozen=True)
class GroupLine:
    """One row of the table of groups, all in words."""

    id: str
    grade: str
    named: str
    in_step: str
    objects: str
    rare: str
    episodes: str
    window: str
    lag: str
    first: str
    last: str
    traces: str


@dataclass(frozen=True)
class EdgeLines:
    """One edge in words; `posts` are (kind, post of a, post of b, when the earlier, how far apart)."""

    id: str
    a: str
    b: str
    p: str
    episodes: str
    opportunities: str
    window: str
    lag: str
    a_first: str
    b_first: str
    posts: tuple[tuple[str, str, str, str, str], ...]


@dataclass(frozen=True)
class GroupView:
    """One group looked at closely. `more` says how many named accounts are not listed."""

    id: str
    grade: str
    meaning: str
    roles: tuple[str, ...]
    readings: tuple[tuple[str, str, str, str], ...]
    accounts: tuple[tuple[str, str, str, str], ...]
    more: str
    edges: tuple[EdgeLines, ...]


@dataclass(frozen=True)
class Roster:
    """The groups of the event or of the control; `left` says what is not shown, `planted` the simulator's truth."""

    subject: Subject
    groups: tuple[GroupLine, ...]
    closer: tuple[GroupView, ...]
    left: str
    planted: str


def rosters_of(
    findings: Iterable[Finding],
    subjects: Sequence[Subject],
    zone: str,
    planted: Mapping[str, Mapping[str, object]],
) -> list[Roster]:
    """Return the roster of each `M3.groups` finding that was measured; details that do not fit are left out.

    `planted` may hold the simulator's truth in words under `roster.event` and `roster.control`.
    """
    by_name = {subject.name: subject for subject in subjects}
    found = []
    for finding in findings:
        if finding.id != f"{_STEM}.{finding.subject}" or finding.state != "measured":
            continue
        try:
            details = _Details.model_validate(finding.details)
        except ValidationError:
            continue
        truth = str(planted.get(f"roster.{finding.subject}", {}).get("note") or "")
        found.append(_roster(by_name[finding.subject], details, zone, truth))
    return found


def _roster(subject: Subject, details: _Details, zone: str, truth: str) -> Roster:
    groups = {group.group_id: group for group in details.groups}
    closer = tuple(_view(groups[c.group_id], c, zone) for c in details.shown if c.group_id in groups)
    hidden = len(details.groups) - min(len(details.groups), _ROWS)
    left = [f"{plain(hidden)} smaller groups are not in the table"] if hidden else []
    if len(closer) < len(groups):
        left.append(f"the {plain(len(closer))} groups with most named accounts are shown closely")
    words = f"{'; '.join(left).capitalize()}: all are in the tables of the case." if left else ""
    return Roster(subject, tuple(_line(group, zone) for group in details.groups[:_ROWS]), closer, words, truth)


def _line(group: _Group, zone: str) -> GroupLine:
    kinds = zip(group.traces, group.trace_objects, strict=False)
    return GroupLine(
        id=group.group_id,
        grade=GRADES.get(group.grade or "", ("", ""))[0],
        named=plain(group.named),
        in_step=plain(group.members - group.named),
        objects=plain(group.objects),
        rare=plain(group.rare_objects),
        episodes=plain(group.episodes),
        window=duration(group.window_ms),
        lag=duration(group.median_lag_ms),
        first=moment(group.first_ms, zone, seconds=True),
        last=moment(group.last_ms, zone, seconds=True),
        traces=", ".join(f"{trace} {plain(count)}" for trace, count in kinds),
    )


def _view(group: _Group, closer: _Closer, zone: str) -> GroupView:
    grade, meaning = GRADES.get(group.grade or "", ("", ""))
    counts: dict[str, int] = {}
    for role, _, accounts in closer.roles:
        counts[role] = counts.get(role, 0) + accounts
    more = f"{plain(len(closer.accounts))} of {plain(group.named)}; the rest in exports/coordinated-accounts.csv"
    return GroupView(
        id=group.group_id,
        grade=grade,
        meaning=meaning[:1].upper() + meaning[1:],
        roles=tuple(f"{plain(counts[role])} {words}" for role, words in ROLES.items() if role in counts),
        readings=closer.readings,
        accounts=tuple(
            (account, ROLES.get(role, role), _p(p), plain(episodes)) for account, role, p, episodes in closer.accounts
        ),
        more=more if len(closer.accounts) < group.named else plain(group.named),
        edges=tuple(_edge(edge, zone) for edge in closer.edges),
    )


def _edge(
    edge: tuple[str, str, str, float, int, int, int, int, int, int, tuple[tuple[str, str, str, int, int], ...]],
    zone: str,
) -> EdgeLines:
    edge_id, a, b, p, episodes, opportunities, window_ms, lag_ms, a_first, b_first, posts = edge
    return EdgeLines(
        id=edge_id,
        a=a,
        b=b,
        p=_p(p),
        episodes=plain(episodes),
        opportunities=plain(opportunities),
        window=duration(window_ms),
        lag=duration(lag_ms),
        a_first=plain(a_first),
        b_first=plain(b_first),
        posts=tuple(
            (kind, post_a, post_b, moment(min(at_a, at_b), zone, seconds=True), duration(at_b - at_a))
            for kind, post_a, post_b, at_a, at_b in posts
        ),
    )


def _p(p_value: float) -> str:
    return f"{p_value:.2g}"
