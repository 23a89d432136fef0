"""The groups of M11 as shown: how many of each role, how fast, how concentrated, how far they reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ValidationError

from floodmark.findings import Finding
from floodmark.report.format import DASH, duration, figure, plain
from floodmark.report.model import Subject

_STEM: Final = "M11.groups"
COLUMNS: Final = (
    ("Starters", "first more often than random order explains"),
    ("Core", "ahead of the others more than random order explains"),
    ("Amplifiers", "steadily in the middle, behind the core and ahead of the followers"),
    ("Followers", "behind the others more than random order explains"),
    ("Even", "tested; order like chance"),
    ("Not tested", "members with too few joint actions that are apart"),
    ("Amplified", "in front of all, never behind: amplified, or leading; no members"),
)


class _Group(BaseModel):
    group_id: str
    roles: Mapping[str, int]
    joint_actions: int
    episodes: int
    lag: tuple[int, int, int, int, int, int, int] | None
    step: tuple[int, int, int, int, int, int, int] | None
    behind_amplified_ms: int | None
    alone_in_front: int
    top_first_share: float | None
    starters_equivalent: float | None
    core_k: int
    core_accounts: int
    edges: int
    core_edges_share: float | None
    objects: int
    posts: int
    others: int


class _Details(BaseModel):
    groups: tuple[_Group, ...]
    groups_not_shown: int


@dataclass(frozen=True)
class StructureLine:
    """One group in words; `roles` in the order of COLUMNS."""

    id: str
    roles: tuple[str, ...]
    joint_actions: str
    lag: str
    quartiles: str
    step: str
    behind_amplified: str
    top: str
    core: str
    edges: str
    reach: str


@dataclass(frozen=True)
class Structure:
    """The groups of the event or of the control; `left` says how many are not shown."""

    subject: Subject
    groups: tuple[StructureLine, ...]
    left: str


def structures_of(findings: Iterable[Finding], subjects: Sequence[Subject]) -> list[Structure]:
    """Return the groups of each `M11.groups` finding that was measured; details that do not fit are left out."""
    by_name = {subject.name: subject for subject in subjects}
    found = []
    for finding in findings:
        if finding.id != f"{_STEM}.{finding.subject}" or finding.state != "measured":
            continue
        try:
            details = _Details.model_validate(finding.details)
        except ValidationError:
            continue
        hidden = details.groups_not_shown
        left = f"{plain(hidden)} groups with fewer joint actions are not in the table." if hidden else ""
        found.append(Structure(by_name[finding.subject], tuple(_line(group) for group in details.groups), left))
    return found


_ROLES: Final = ("starter", "core", "amplifier", "follower", "even", "untested", "amplified")


def _line(group: _Group) -> StructureLine:
    top = (
        f"{figure(group.top_first_share, None, None, 'share')} of {plain(group.alone_in_front)}; as if"
        f" {plain(group.starters_equivalent, 1)} took turns"
        if group.top_first_share is not None and group.starters_equivalent is not None
        else ""
    )
    share = figure(group.core_edges_share, None, None, "share") if group.core_edges_share is not None else DASH
    return StructureLine(
        id=group.group_id,
        roles=tuple(plain(group.roles.get(role, 0)) for role in _ROLES),
        joint_actions=f"{plain(group.joint_actions)} in {plain(group.episodes)} episodes",
        lag=_delay(group.lag),
        quartiles=f"{duration(group.lag[3])} to {duration(group.lag[4])}" if group.lag else "",
        step=_delay(group.step),
        behind_amplified=duration(group.behind_amplified_ms) if group.behind_amplified_ms is not None else DASH,
        top=top or DASH,
        core=f"{plain(group.core_accounts)} accounts, each tied to {plain(group.core_k)}" if group.core_k else DASH,
        edges=f"{share} of {plain(group.edges)}",
        reach=f"{plain(group.objects)} objects, {plain(group.posts)} posts, {plain(group.others)} others after it",
    )


def _delay(found: tuple[int, ...] | None) -> str:
    return f"{duration(found[0])} ({duration(found[1])} to {duration(found[2])})" if found else "under 10 episodes"
