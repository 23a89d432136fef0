"""The families of M4 as shown: what is shared, by how many, how many chance gives, who else has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ValidationError

from floodmark.findings import Finding
from floodmark.report.format import plain
from floodmark.report.model import Subject

_STEM: Final = "M4.families_"
_OPEN_EACH: Final = 3


class _Row(BaseModel):
    size: int
    known: int
    expected: float
    elsewhere: int
    reference: int
    p: float
    q: float
    platform: str
    example: str
    beside: tuple[tuple[str, int], ...]


class _Details(BaseModel):
    families: tuple[_Row, ...]
    families_more: int


@dataclass(frozen=True)
class FamilyLine:
    """One family in words; `example` is what a stranger wrote, `beside` (title, accounts) of the other rosters."""

    kind: str
    example: str
    size: str
    expected: str
    elsewhere: str
    beside: tuple[tuple[str, str], ...]
    p: str
    q: str
    benign: str


@dataclass(frozen=True)
class FamilyTable:
    """The families of one roster, all kinds; `left` says how many are not shown, `testable` whether any kind was."""

    subject: Subject
    lines: tuple[FamilyLine, ...]
    left: str
    testable: bool

    @property
    def open(self) -> tuple[FamilyLine, ...]:
        """The largest families of each kind, which stand open."""
        return tuple(line for place, line in self._placed() if place < _OPEN_EACH)

    @property
    def folded(self) -> tuple[FamilyLine, ...]:
        """The others, which a reader has to unfold."""
        return tuple(line for place, line in self._placed() if place >= _OPEN_EACH)

    def _placed(self) -> list[tuple[int, FamilyLine]]:
        kinds: Counter[str] = Counter()
        placed = []
        for line in self.lines:
            placed.append((kinds[line.kind], line))
            kinds[line.kind] += 1
        return placed


def family_tables(findings: Iterable[Finding], subjects: Sequence[Subject]) -> list[FamilyTable]:
    """Return the families of every roster that has such findings; details that do not fit are left out."""
    titles = {subject.name: subject.title for subject in subjects}
    own = [finding for finding in findings if finding.id.startswith(_STEM)]
    made = []
    for subject in subjects:
        of_subject = [finding for finding in own if finding.subject == subject.name]
        if not of_subject:
            continue
        lines: list[FamilyLine] = []
        hidden = 0
        for finding in of_subject:
            if finding.state != "measured":
                continue
            try:
                details = _Details.model_validate(finding.details)
            except ValidationError:
                continue
            kind = finding.id.removeprefix(_STEM).split(".", 1)[0]
            benign = finding.alternatives[0]
            lines += [_line(row, kind, benign, titles) for row in details.families]
            hidden += details.families_more
        left = f"{plain(hidden)} smaller families are not in the table." if hidden else ""
        testable = any(finding.state == "measured" for finding in of_subject)
        made.append(FamilyTable(subject, tuple(lines), left, testable))
    return made


_KINDS: Final = {
    "text": "Profile text",
    "picture": "Picture",
    "handle": "Handle pattern",
    "name": "Name pattern",
    "second": "Second of creation",
}


def _line(row: _Row, kind: str, benign: str, titles: Mapping[str, str]) -> FamilyLine:
    beside = tuple((titles.get(name, name) if name else "on no side", plain(count)) for name, count in row.beside)
    return FamilyLine(
        kind=f"{_KINDS.get(kind, kind)} ({row.platform})",
        example=row.example,
        size=f"{plain(row.size)} of {plain(row.known)}",
        expected=f"{row.expected:.2g}",
        elsewhere=f"{plain(row.elsewhere)} of {plain(row.reference)}",
        beside=beside,
        p=f"{row.p:.2g}",
        q=f"{row.q:.2g}",
        benign=benign,
    )
