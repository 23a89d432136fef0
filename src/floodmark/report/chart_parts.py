"""What every chart is made of: its panels and tables, the scene that it draws from, rows read from details."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from floodmark.config import CaseConfig
from floodmark.findings import Finding
from floodmark.report.format import is_number, plain
from floodmark.report.model import Block, Cell, Row, Subject, is_difference, missing_of
from floodmark.report.specs import SHAPES, Spec, interval_spec

Rows = list[Sequence[Any]]
MAX_POINTS: Final = 360
MAX_LINES: Final = 40
MAX_SPIKES: Final = 10
#: Lines of one subject that stand open where more follow.
OPEN_EACH: Final = 3


@dataclass(frozen=True)
class Table:
    """The numbers behind a chart, or in its place: the first `words` columns are text, the others numbers.

    Of lines that begin alike (those of one subject) `open_each` stand open, the others fold; 0 leaves all open.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 2
    open_each: int = 0

    @property
    def shown(self) -> tuple[tuple[str, ...], ...]:
        """The lines that stand open."""
        return self._split()[0]

    @property
    def folded(self) -> tuple[tuple[str, ...], ...]:
        """The lines that a reader has to unfold."""
        return self._split()[1]

    def _split(self) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
        counts: Counter[str] = Counter()
        halves: tuple[list[tuple[str, ...]], list[tuple[str, ...]]] = ([], [])
        for row in self.rows:
            counts[row[0]] += 1
            halves[0 < self.open_each < counts[row[0]]].append(row)
        return tuple(halves[0]), tuple(halves[1])


@dataclass(frozen=True)
class Panel:
    """One drawing, about one subject (None: about several); `alternative` says in words what it shows."""

    spec: Spec
    subject: Subject | None
    alternative: str
    note: str = ""
    id: str = ""


@dataclass(frozen=True)
class Bar:
    """A count in the overlap table, its bar in percent of the subject's longest."""

    text: str
    width: float | None
    slot: str


@dataclass(frozen=True)
class Overlaps:
    """Which flags meet in how many accounts: a column a flag, a line a combination, a bar a subject."""

    flags: tuple[str, ...]
    subjects: tuple[Subject, ...]
    #: None in place of flags: rarer combinations, summed.
    lines: tuple[tuple[tuple[bool | None, ...], tuple[Bar, ...]], ...]


@dataclass(frozen=True)
class Chart:
    """One figure of the page: panels or an overlap table, a caption that says what is drawn, a key, the numbers."""

    title: str
    caption: str = ""
    panels: tuple[Panel, ...] = ()
    keys: tuple[tuple[str, str, str], ...] = ()
    wide: bool = False
    table: Table | None = None
    overlaps: Overlaps | None = None
    missing: str = ""


@dataclass(frozen=True)
class Scene:
    """What a chart may draw from: the section, all subjects in order, the case file."""

    block: Block
    subjects: tuple[Subject, ...]
    config: CaseConfig

    @property
    def zone(self) -> str:
        """The event's zone."""
        return self.config.event.zone

    def details(self, measure: str, key: str, parse: Callable[[object], Rows]) -> list[tuple[Subject, Finding, Rows]]:
        """Return (subject, finding, rows) for the first finding of each subject whose details hold usable rows."""
        found: dict[str, tuple[Finding, Rows]] = {}
        for finding in self.block.findings:
            rows = parse(finding.details.get(key)) if finding.measure == measure else []
            if rows:
                found.setdefault(finding.subject, (finding, rows))
        return [(subject, *found[subject.name]) for subject in self.subjects if subject.name in found]

    def absent(self, title: str, measure: str, wanted: str) -> list[Chart]:
        """Return the note that stands for a chart: what is missing, by the findings' own words where they have some."""
        reasons = [missing_of(f) for f in self.block.findings if f.measure == measure and f.state == "not_testable"]
        return [Chart(title, missing=f"No chart: {reasons[0] if reasons else f'the findings hold no {wanted}'}.")]


def numeric_rows(*positions: int) -> Callable[[object], Rows]:
    """Return a parser that keeps the rows of a JSON list with finite numbers at `positions`, by the first number."""

    def parse(value: object) -> Rows:
        rows = value if isinstance(value, list | tuple) else ()
        whole = [row for row in rows if isinstance(row, list | tuple) and len(row) > max(positions)]
        return sorted((row for row in whole if all(is_number(row[p]) for p in positions)), key=lambda row: row[0])

    return parse


def thinned(rows: Rows, limit: int) -> tuple[Rows, int]:
    """Return at most `limit` rows, of each run of k neighbours the one with the largest second cell, and k.

    >>> thinned([(0, 5), (1, 9), (2, 1)], 2)
    ([(1, 9), (2, 1)], 2)
    """
    step = max(1, -(-len(rows) // limit))
    runs = (rows[start : start + step] for start in range(0, len(rows), step))
    return [max(run, key=lambda row: row[1]) for run in runs], step


def thinning_note(step: int) -> str:
    return f" Each point is the busiest of {step} neighbouring bins." if step > 1 else ""


def number_or_dash(row: Sequence[Any], position: int) -> str:
    return plain(row[position], 1) if len(row) > position and is_number(row[position]) else "–"


def interval_charts(measure: str, title: str, caption: str, unit: str = "share") -> Callable[[Scene], list[Chart]]:
    """Return the maker of an interval plot over all shares (or ratios) of a measure."""

    def draw(scene: Scene) -> list[Chart]:
        rows = [row for row in scene.block.rows if row.findings[0].measure == measure and row.unit == unit]
        cells = [
            (row, subject, row.cells[subject.name])
            for row in rows
            if not is_difference(row.findings[0]) and not row.stem.endswith("_to_control")
            for subject in scene.subjects
            if subject.name in row.cells
        ]
        values = [_interval(row, subject, cell) for row, subject, cell in cells if _has_interval(cell)]
        if not values:
            return scene.absent(title, measure, f"{unit}s with an interval")
        shown = {value["slot"] for value in values}
        slots = [slot for slot in SHAPES if slot in shown]
        columns = [subject for subject in scene.subjects if any(value["row"] == subject.place for value in values)]
        keys = tuple((subject.title, subject.slot, SHAPES[subject.slot]) for subject in columns)
        truth = " Hollow diamonds: planted truth." if any(value["truth"] is not None for value in values) else ""
        words = "; ".join(f"{value['label']}, {value['subject']}: {value['figure']}" for value in values)
        return [
            Chart(title, caption + truth, (Panel(interval_spec(values, slots, unit), None, words),), keys, wide=True)
        ]

    return draw


def _has_interval(cell: Cell) -> bool:
    finding = cell.finding
    return finding.state in {"measured", "bounded"} and is_number(finding.low) and is_number(finding.high)


def _interval(row: Row, subject: Subject, cell: Cell) -> dict[str, Any]:
    finding = cell.finding
    return {
        "label": row.label,
        "row": subject.place,
        "subject": subject.title,
        "slot": subject.slot,
        # Inside bounds no point is likelier than another, so none is drawn.
        "value": finding.value if finding.state == "measured" and is_number(finding.value) else None,
        "low": finding.low,
        "high": finding.high,
        "truth": cell.planted.value if cell.planted else None,
        "figure": str(cell.figure),
        "state": finding.state,
    }
