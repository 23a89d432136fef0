"""Findings arranged for the page: rows and columns, figures in words, planted truth beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import TypeAdapter, ValidationError

from floodmark import __version__
from floodmark.config import CaseConfig
from floodmark.errors import EvidenceError
from floodmark.findings import Finding
from floodmark.registry import Section, sections
from floodmark.report.format import Figure, figure, is_number
from floodmark.report.words import LABELS, MEASURES, SUBJECTS
from floodmark.view import InputCount

_FINDING: Final = TypeAdapter(Finding)
#: Sides take these palette slots in turn; `both`, the control and everything else have their own.
SIDE_SLOTS: Final = ("s1", "s2", "s3", "s4")


@dataclass(frozen=True)
class ReportFacts:
    """What a report prints besides findings: the case file, the row counts of its inputs, versions, failed sections.

    `sections` are those of the registry; `failed_sections` maps a section's name (or a file that did not load) to the
    reason in words.
    """

    config: CaseConfig
    inputs: tuple[InputCount, ...]
    version: str
    sections: tuple[Section, ...]
    failed_sections: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: CaseConfig, inputs: tuple[InputCount, ...], failed_sections: Mapping[str, str]) -> ReportFacts:
        """Return the facts of a run of this version, with the registry's sections and those that did not load."""
        loaded = sections()
        failed = {**loaded.failed, **failed_sections}
        return cls(config, inputs, __version__, tuple(loaded.items.values()), failed)


@dataclass(frozen=True)
class Subject:
    """One column: a roster, its title as declared, its place among the columns, its palette slot everywhere."""

    name: str
    title: str
    place: int
    slot: str
    note: str = ""


@dataclass(frozen=True)
class Strip:
    """An interval drawn to scale, in percent of its width; None where there is nothing to draw."""

    low: float | None
    high: float | None
    value: float | None
    planted: float | None


@dataclass(frozen=True)
class Planted:
    """The simulator's truth beside a finding: in words, and whether the finding's interval holds it."""

    figure: Figure
    mark: str
    verdict: str
    note: str
    value: float | None


@dataclass(frozen=True)
class Cell:
    """One finding as shown; `counts` are the single numbers among its details, with what they are called."""

    finding: Finding
    figure: Figure
    planted: Planted | None
    counts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Row:
    """The findings that ask one question of several subjects: ids alike but for the subject at the end."""

    stem: str
    label: str
    unit: str
    cells: Mapping[str, Cell]

    @property
    def findings(self) -> list[Finding]:
        """The findings of the row, in column order."""
        return [cell.finding for cell in self.cells.values()]

    @property
    def methods(self) -> list[str]:
        """Distinct methods, in column order."""
        return list(dict.fromkeys(finding.method for finding in self.findings))

    @property
    def unit_words(self) -> str:
        """The unit in words; empty where the figure itself says it."""
        if self.unit == "share" and is_difference(self.findings[0]):
            return "percentage points"
        return "" if self.unit in {"text", "ms", "share", "ratio"} else self.unit

    @property
    def states(self) -> list[str]:
        """Distinct states, in column order."""
        return list(dict.fromkeys(finding.state for finding in self.findings))

    @property
    def confidence(self) -> list[str]:
        """Distinct confidences, in column order."""
        return list(dict.fromkeys(finding.confidence for finding in tested(self.findings)))


@dataclass(frozen=True)
class Notes:
    """Limits or alternative readings and the rows they are about, in words (empty: all of the section)."""

    about: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """One section of the page. `subjects` are its columns: those of the case's rosters that it has findings about."""

    name: str
    title: str
    template: str
    rows: tuple[Row, ...]
    subjects: tuple[Subject, ...]
    limits: tuple[Notes, ...]
    alternatives: tuple[Notes, ...]
    failed: str = ""
    section: Section | None = None

    @property
    def anchor(self) -> str:
        """The id of the section on the page."""
        return f"section-{re.sub('[^a-z0-9]+', '-', self.name.lower())}"

    @property
    def findings(self) -> list[Finding]:
        """All findings of the section."""
        return [finding for row in self.rows for finding in row.findings]

    @property
    def spread(self) -> list[Row]:
        """Rows to show with a column a subject."""
        return [row for row in self.rows if len(row.cells) > 1 or set(row.cells) & {s.name for s in self.subjects}]

    @property
    def single(self) -> list[Row]:
        """Rows about one thing that is no side: the collection, a group."""
        return [row for row in self.rows if row not in self.spread]

    @property
    def parts(self) -> tuple[Block, ...]:
        """The section's tables: rows about rosters and, apart from them, rows about the event as a whole."""
        whole = tuple(row for row in self.rows if "event" in row.cells)
        others = tuple(row for row in self.rows if row not in whole)
        halves = (rows for rows in (others, whole) if rows)
        return tuple(
            replace(self, rows=rows, subjects=tuple(s for s in self.subjects if any(s.name in r.cells for r in rows)))
            for rows in halves
        )

    @property
    def reasons(self) -> tuple[Notes, ...]:
        """Why nothing here could be tested; empty when something could."""
        if not self.rows or any(finding.state != "not_testable" for finding in self.findings):
            return ()
        return _notes(self.rows, lambda finding: (missing_of(finding),))

    @property
    def planted_subjects(self) -> set[str]:
        """Columns that need one for the planted truth beside them."""
        return {name for row in self.rows for name, cell in row.cells.items() if cell.planted}

    @property
    def measures(self) -> list[str]:
        """Measures of the section's findings, in order."""
        return list(dict.fromkeys(finding.measure for finding in self.findings))


def read_findings(objects: Iterable[Mapping[str, object]]) -> list[Finding]:
    """Return the findings of findings.json; EvidenceError when one is not a finding."""
    found = []
    for position, item in enumerate(objects, start=1):
        try:
            found.append(_FINDING.validate_python(dict(item)))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise EvidenceError(f"findings.json: finding {position}, field `{where}`: {first['msg']}") from error
    return found


def subjects_of(config: CaseConfig, findings: Sequence[Finding]) -> list[Subject]:
    """Return the columns in order: sides, both, event, control, collection, then whatever else findings are about."""
    sides = {side.name: side.title or side.name for side in config.sides}
    slots = {name: SIDE_SLOTS[i % len(SIDE_SLOTS)] for i, name in enumerate(sides)}
    # The event as a whole stands beside the control, as the sides do.
    whole = ["event"] if any(finding.subject == "event" for finding in findings) else []
    rosters = [name for name in config.subjects if name != "control"]
    control = ["control"] if config.control else []
    names = dict.fromkeys([*rosters, *whole, *control, "collection", *(finding.subject for finding in findings)])
    columns = []
    for place, name in enumerate(names):
        title, note = SUBJECTS.get(name, (sides.get(name, name), ""))
        title = "Several sides" if name == "both" and len(sides) > 2 else title
        slot = slots.get(name, name if name in {"both", "control"} else "other")
        columns.append(Subject(name, title, place, slot, note))
    return columns


def stem_of(finding: Finding) -> str:
    """Return the id without the subject at its end: `M4.any` of `M4.any.control`."""
    return finding.id.removesuffix(f".{finding.subject}")


def label_of(stem: str, config: CaseConfig) -> str:
    """Return what a row is called: the wording for known findings, else the id's own words."""
    known = LABELS.get(stem)
    if known:
        return known.format_map({**config.parameters.model_dump(), "country": config.event.country or "none is named"})
    parent, _, last = stem.rpartition(".")
    if last == "status" or not parent:
        measure = parent or last
        return MEASURES[measure][0] if measure in MEASURES else measure
    name = last.replace("_", " ")
    return f"{label_of(parent, config)}: {name}" if parent in LABELS else name[:1].upper() + name[1:]


def tested(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the findings that were not impossible to test; all of them when none was."""
    return [finding for finding in findings if finding.state != "not_testable"] or findings


def missing_of(finding: Finding) -> str:
    """Return what a finding that is not testable lacks."""
    return finding.method.removeprefix("not testable with this data: ")


def is_difference(finding: Finding) -> bool:
    """Whether a share is the difference of two shares, by the finding's name."""
    return "difference" in stem_of(finding)


def rows_of(
    findings: Sequence[Finding],
    config: CaseConfig,
    subjects: Sequence[Subject],
    planted: Mapping[str, Mapping[str, object]],
) -> list[Row]:
    """Arrange findings into rows, in order of first appearance; cells in column order."""
    order = {subject.name: position for position, subject in enumerate(subjects)}
    stems: dict[str, dict[str, Finding]] = {}
    for finding in findings:
        stem = stem_of(finding)
        # An id without its subject may meet one with it; it then gets a row of its own.
        stem = finding.id if finding.subject in stems.get(stem, {}) else stem
        stems.setdefault(stem, {})[finding.subject] = finding
    rows = []
    for stem, group in stems.items():
        names = sorted(group, key=order.__getitem__)
        cells = {name: cell_of(group[name], config.event.zone, planted.get(group[name].id)) for name in names}
        rows.append(Row(stem, label_of(stem, config), group[names[0]].unit, cells))
    return rows


def cell_of(finding: Finding, zone: str, planted: Mapping[str, object] | None) -> Cell:
    """Return one finding as shown."""
    shown = figure(finding.value, finding.low, finding.high, finding.unit, zone, difference=is_difference(finding))
    truth = planted_of(finding, planted, zone) if planted is not None else None
    return Cell(finding, shown, truth, tuple(_counts(finding, zone)))


def _counts(finding: Finding, zone: str) -> Iterator[tuple[str, str]]:
    for key, value in sorted(finding.details.items()):
        if is_number(value):
            unit = "ms" if key.endswith("_ms") else "share" if "share" in key else "count"
            shown = figure(value, None, None, unit, zone).value
            yield key.removesuffix("_ms").replace("_", " "), shown


def planted_of(finding: Finding, planted: Mapping[str, object], zone: str) -> Planted:
    """Return the planted truth beside a finding and whether the interval (or the exact value) agrees with it."""
    truth, unit = planted.get("value"), str(planted.get("unit", finding.unit))
    value = truth if is_number(truth) else str(truth) if truth is not None else None
    own = planted.get("verdict")
    mark, verdict = (str(planted.get("mark") or "–"), str(own)) if own else _verdict(finding, value, unit)
    return Planted(
        figure=figure(value, None, None, unit, zone, difference=is_difference(finding)),
        mark=mark,
        verdict=verdict,
        note=str(planted.get("note") or ""),
        value=value if is_number(value) and unit == finding.unit else None,
    )


def _verdict(finding: Finding, truth: float | str | None, unit: str) -> tuple[str, str]:
    if finding.state in {"not_testable", "untested"} or (finding.value is None and finding.low is None):
        return "–", "not measured"
    if truth is None or unit != finding.unit:
        return "–", "other unit"
    if is_number(truth) and finding.low is not None and finding.high is not None:
        return ("✓", "inside") if finding.low <= truth <= finding.high else ("✗", "outside")
    return ("✓", "equal") if truth == finding.value else ("✗", "differs")


def strip_of(cell: Cell, top: float) -> Strip | None:
    """Return a share's interval to the scale 0..top; None for what is not a share between 0 and 1."""
    finding = cell.finding
    if finding.unit != "share" or is_difference(finding) or finding.state not in {"measured", "bounded"} or top <= 0:
        return None

    def place(number: object) -> float | None:
        return round(100 * min(1.0, max(0.0, number / top)), 1) if is_number(number) else None

    # Inside bounds no point is likelier than another, so none is drawn.
    value = None if finding.state == "bounded" else place(finding.value)
    return Strip(place(finding.low), place(finding.high), value, place(cell.planted.value) if cell.planted else None)


def blocks_of(
    facts: ReportFacts,
    findings: Sequence[Finding],
    subjects: Sequence[Subject],
    planted: Mapping[str, Mapping[str, object]],
) -> list[Block]:
    """Return the sections in order; failed ones marked, and findings that no section claims in one at the end."""
    left, blocks = list(findings), []
    claimed = {stem: section.name for section in facts.sections for stem in section.stems}
    for section in sorted(facts.sections, key=lambda s: (s.order, s.name)):
        own = [
            f for f in left if f.measure in section.measures and claimed.get(stem_of(f), section.name) == section.name
        ]
        left = [finding for finding in left if finding not in own]
        failed = facts.failed_sections.get(section.name, "")
        if own or failed:
            rows = rows_of(own, facts.config, subjects, planted)
            blocks.append(_block(section.name, section.title, section.template, rows, subjects, failed, section))
    known = {section.name for section in facts.sections}
    for name, reason in facts.failed_sections.items():
        if name not in known:
            blocks.append(_block(name, name, "section.html", [], subjects, reason, None))
    if left:
        rows = rows_of(left, facts.config, subjects, planted)
        blocks.append(_block("other", "Other findings", "section.html", rows, subjects, "", None))
    return blocks


def _block(
    name: str,
    title: str,
    template: str,
    rows: Sequence[Row],
    subjects: Sequence[Subject],
    failed: str,
    section: Section | None,
) -> Block:
    used = {name for row in rows for name in row.cells if name not in {"collection", "event"} or len(row.cells) > 1}
    columns = tuple(subject for subject in subjects if subject.name in used)
    # What could not be tested has its own table at the end; it would drown what can be said of the rest.
    some = [row for row in rows if set(row.states) != {"not_testable"}] or rows
    limits = _notes(some, lambda f: f.limits)
    alternatives = _notes(some, lambda f: f.alternatives)
    return Block(name, title, template, tuple(rows), columns, limits, alternatives, failed, section)


def _notes(rows: Sequence[Row], texts: Callable[[Finding], tuple[str, ...]]) -> tuple[Notes, ...]:
    """Return each text once, under the rows that say it."""
    about: dict[str, list[str]] = {}
    for row in rows:
        for text in dict.fromkeys(text for finding in tested(row.findings) for text in texts(finding)):
            about.setdefault(text, []).append(row.label)
    groups: dict[tuple[str, ...], list[str]] = {}
    for text, labels in about.items():
        groups.setdefault(tuple(labels), []).append(text)
    every = [row.label for row in rows]
    ordered = sorted(groups.items(), key=lambda group: -len(group[0]))
    return tuple(Notes(_about(labels, every), _merged(found)) for labels, found in ordered)


def _merged(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the texts with those on who is left out as one, so that the reason stands there once.

    >>> _merged(["Left out, x: 1 of 2.", "Left out, x: 3 of 4.", "Other."])
    ('Left out, x: 1 of 2; 3 of 4.', 'Other.')
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        reason, colon, whom = text.partition(": ")
        if colon and text.startswith("Left out"):
            found.setdefault(reason, []).append(whom.removesuffix("."))
        else:
            found.setdefault(text, [])
    return tuple(f"{text}: {'; '.join(whom)}." if whom else text for text, whom in found.items())


def _about(labels: Sequence[str], every: Sequence[str]) -> str:
    """Say which rows a note is about, by what it leaves out where that is shorter."""
    if len(labels) == len(every):
        return ""
    others = [label for label in every if label not in labels]
    return "; ".join(labels) if len(labels) <= len(others) + 1 else f"All but: {'; '.join(others)}"


def headline_of(measure: str, rows: Sequence[Row]) -> Row | None:
    """Return the row that stands for a measure in the claim table: the preferred one, else the first it has."""
    own = [row for row in rows if row.findings[0].measure == measure]
    preferred = MEASURES[measure][2] if measure in MEASURES else ()
    return next((row for stem in preferred for row in own if row.stem == stem), own[0] if own else None)
