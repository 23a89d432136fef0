"""Both sides beside each other: every figure of the event's measures, for each side and the control, in one table.

It makes no number: every figure is that of a finding. It only says whether the intervals of two subjects meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from floodmark.findings import Finding
from floodmark.report.format import is_number
from floodmark.report.model import Row, Subject
from floodmark.report.published import Answer, reasons_of
from floodmark.report.words import MEASURES

#: The measures of the event: what was said, when, for whom and how often.
SHOWN: Final = ("M1", "M2", "M12", "M13")
APART, MEET = "apart", "meet"


@dataclass(frozen=True)
class Line:
    """One row of findings; whether intervals of two sides, and of a side and the control, are apart (or empty)."""

    answer: Answer
    sides: str
    control: str


@dataclass(frozen=True)
class Group:
    """The rows of one measure; `absent` says why there are none."""

    measure: str
    title: str
    lines: tuple[Line, ...]
    absent: str


def both_sides_of(
    rows: Sequence[Row], subjects: Sequence[Subject], sides: Sequence[str], failed: Mapping[str, str]
) -> list[Group]:
    """Return the rows of the event's measures; `sides` are the names of the sides, `failed` reasons by measure."""
    titles = {subject.name: subject.title for subject in subjects}
    groups = []
    for measure in SHOWN:
        own = [row for row in rows if row.findings[0].measure == measure]
        lines = tuple(_line(row, titles, sides) for row in own)
        absent = "" if own else failed.get(measure, "This version computes nothing here.")
        groups.append(Group(measure, MEASURES[measure][0], lines, absent))
    return groups


def compared(groups: Sequence[Group]) -> tuple[int, int]:
    """Return how many rows compare sides, and in how many of these the intervals are apart."""
    words = [line.sides for group in groups for line in group.lines if line.sides]
    return len(words), words.count(APART)


def _line(row: Row, titles: Mapping[str, str], sides: Sequence[str]) -> Line:
    own = [row.cells[name].finding for name in sides if name in row.cells]
    control = [row.cells["control"].finding] if "control" in row.cells else []
    between = [_apart(a, b) for a, b in combinations(own, 2)]
    against = [_apart(a, b) for a in own for b in control]
    return Line(Answer(row, reasons_of(row, titles)), _word(between), _word(against))


def _word(found: Sequence[bool | None]) -> str:
    known = [item for item in found if item is not None]
    return "" if not known else APART if any(known) else MEET


def _apart(a: Finding, b: Finding) -> bool | None:
    """Whether two intervals have no point in common; None where either has none."""
    ends = (a.low, a.high, b.low, b.high)
    tested = {a.state, b.state} <= {"measured", "bounded"}
    if not tested or not all(is_number(end) for end in ends):
        return None
    low_a, high_a, low_b, high_b = (float(end) for end in ends if is_number(end))
    return high_a < low_b or high_b < low_a
