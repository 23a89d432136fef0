"""The report: findings and facts in, one self-contained HTML file out, the same bytes for the same input."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jinja2
import vl_convert
from markupsafe import Markup

from floodmark.config import Side
from floodmark.findings import Finding
from floodmark.report.both_sides import both_sides_of, compared
from floodmark.report.chart_parts import Chart
from floodmark.report.charts import charts_of
from floodmark.report.families import family_tables
from floodmark.report.format import NBSP, figure, is_number, isolated, local_time, moment, plain, prose, visible
from floodmark.report.model import (
    Cell,
    Planted,
    ReportFacts,
    Row,
    Strip,
    Subject,
    blocks_of,
    headline_of,
    is_difference,
    missing_of,
    read_findings,
    strip_of,
    subjects_of,
)
from floodmark.report.published import sentences_of
from floodmark.report.roster import rosters_of
from floodmark.report.specs import SHAPES, Spec
from floodmark.report.structure import COLUMNS, structures_of
from floodmark.report.words import MEASURES, PARAMETERS, STATES, TILES
from floodmark.view import InputCount

__all__ = ["ReportFacts", "render_report", "write_report"]

Truths = Mapping[str, Mapping[str, object]]
_SAFE_ANCHOR: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}")
_SCALE_ENDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class TileLine:
    """One subject in a tile."""

    subject: Subject
    cell: Cell
    strip: Strip | None


@dataclass(frozen=True)
class Tile:
    """A key figure for every subject; `scale` is where its drawn intervals end, `state` what all lack."""

    title: str
    label: str
    unit: str
    lines: tuple[TileLine, ...]
    scale: str
    state: str = ""


@dataclass(frozen=True)
class Claim:
    """One row of the claim table: figures by subject (`spread`), one figure, or the reason why there is none."""

    measure: str
    title: str
    meaning: str
    states: tuple[str, ...]
    row: Row | None = None
    spread: bool = False
    cell: Cell | None = None
    reason: str = ""
    planted: tuple[tuple[Subject, Planted], ...] = ()


def render_report(
    findings: Sequence[Mapping[str, object]],
    facts: ReportFacts,
    planted: Truths | None = None,
    program: str | None = None,
) -> str:
    """Return the report as one HTML file that makes no request.

    `findings` are the objects of findings.json. `planted` (demo only) maps finding ids to {"value", "unit", "note"}:
    the simulator's truth, printed beside each finding and marked as simulated. `program` is `page_script()` where the
    caller has it. Raises EvidenceError when an object is not a finding.
    """
    known = read_findings(findings)
    subjects = subjects_of(facts.config, known)
    blocks = blocks_of(facts, known, subjects, planted or {})
    rows = [row for block in blocks for row in block.rows]
    drawn, specs = _numbered([charts_of(block, subjects, facts.config) for block in blocks])
    script = inline_script(page_script() if program is None else program) if specs else Markup("")
    sides = both_sides_of(rows, subjects, [side.name for side in facts.config.sides], _failed_measures(facts))
    page = {
        "title": facts.config.event.title,
        "case_title": facts.config.title or facts.config.name,
        "demo": planted is not None,
        "script_source": _hash_source(script) if specs else "'none'",
        "script": script,
        "css": _asset("report.css"),
        "specs": specs,
        "blocks": list(zip(blocks, drawn, strict=True)),
        "subjects": {subject.name: subject for subject in subjects},
        "main_subjects": [subject for subject in subjects if subject.name in facts.config.subjects],
        "tiles": _tiles(rows, subjects),
        "claims": [_claim(measure, rows, facts, subjects) for measure in MEASURES],
        "open": _open_questions(rows, subjects),
        "coordinated": _coordinated(known),
        "rosters": rosters_of(known, subjects, facts.config.event.zone, planted or {}),
        "structures": structures_of(known, subjects),
        "families": family_tables(known, subjects),
        "structure_columns": COLUMNS,
        "sentences": sentences_of(rows, subjects, _failed_measures(facts)),
        "both_sides": sides,
        "both_sides_compared": [plain(count) for count in compared(sides)],
        "main_names": facts.config.subjects,
        "any_named": any(f.id.startswith("M3.groups.") and f.value for f in known),
        "anchors": {finding.id for finding in known if _SAFE_ANCHOR.fullmatch(finding.id)},
        "example_id": next((f.id for f in known if f.state == "measured" and _SAFE_ANCHOR.fullmatch(f.id)), "FINDING"),
        **_fact_words(facts),
    }
    return _environment().get_template("report.html").render(page)


def write_report(
    path: Path,
    findings: Sequence[Mapping[str, object]],
    facts: ReportFacts,
    planted: Truths | None = None,
    program: str | None = None,
) -> None:
    """Write `render_report` to `path` as UTF-8; the file is the old one or the whole new one, never a part."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(render_report(findings, facts, planted, program).encode())
    os.replace(temporary, path)  # noqa: PTH105


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("floodmark.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        # Whatever is printed shows its hidden characters; markup made by our own filters is left alone.
        finalize=lambda value: visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.filters |= {"prose": prose, "name": isolated, "number": plain}
    environment.globals |= {"states": STATES, "shapes": SHAPES}
    return environment


def _asset(name: str) -> Markup:
    return Markup((files("floodmark.report") / "templates" / name).read_text(encoding="utf-8"))  # noqa: S704


@cache
def page_script() -> str:
    """Return Vega, Vega-Lite, Vega-Embed and our own few lines as one program; it takes a second."""
    return str(vl_convert.javascript_bundle(_asset("boot.js")))


def inline_script(program: str) -> Markup:
    """Return a program that cannot close the element that holds it: `<` becomes `\\x3c` where HTML would see a tag.

    >>> inline_script('"</script>"')
    Markup('"\\\\x3c/script>"')
    """
    return Markup(re.sub(r"<(?=/script|!--|script)", r"\\x3c", program, flags=re.IGNORECASE))  # noqa: S704


def _hash_source(script: str) -> str:
    """Return the CSP source that allows this one inline script and no other."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _numbered(charts: Sequence[Sequence[Chart]]) -> tuple[list[list[Chart]], list[tuple[str, Spec]]]:
    """Give every panel an id and collect the specifications."""
    specs: list[tuple[str, Spec]] = []
    out = []
    for group in charts:
        numbered = []
        for chart in group:
            panels = []
            for panel in chart.panels:
                panels.append(replace(panel, id=f"chart-{len(specs) + 1}"))
                specs.append((panels[-1].id, panel.spec))
            numbered.append(replace(chart, panels=tuple(panels)))
        out.append(numbered)
    return out, specs


def _tiles(rows: Sequence[Row], subjects: Sequence[Subject]) -> list[Tile]:
    by_stem = {row.stem: row for row in rows}
    tiles = [_tile(title, by_stem[stem], subjects) for title, stem in TILES if stem in by_stem]
    return tiles if any(tile.lines for tile in tiles) else []


def _tile(title: str, row: Row, subjects: Sequence[Subject]) -> Tile:
    cells = [(subject, row.cells[subject.name]) for subject in subjects if subject.name in row.cells]
    if not set(row.states) & {"measured", "bounded"}:
        return Tile(title, row.label, "", (), "", row.states[0])
    shares = row.unit == "share" and not is_difference(row.findings[0])
    ends = [n for _, c in cells for n in (c.finding.high, c.finding.value) if is_number(n)]
    top = next((end for end in _SCALE_ENDS if end >= max(ends, default=1)), 1.0) if shares else 0.0
    lines = tuple(TileLine(subject, cell, strip_of(cell, top)) for subject, cell in cells)
    scale = str(figure(top, None, None, "share")).replace(".0", "") if shares else ""
    label = "" if row.label == title else row.label
    return Tile(title, label, "" if shares else row.unit_words, lines, scale)


def _claim(measure: str, rows: Sequence[Row], facts: ReportFacts, subjects: Sequence[Subject]) -> Claim:
    title, meaning, _ = MEASURES[measure]
    row = headline_of(measure, rows)
    if row is None:
        failed = [s.name for s in facts.sections if measure in s.measures and s.name in facts.failed_sections]
        reason = f"Section {failed[0]} failed: {facts.failed_sections[failed[0]]}" if failed else "Not computed."
        return Claim(measure, title, meaning, ("failed" if failed else "absent",), reason=reason)
    planted = tuple((s, cell.planted) for s in subjects if (cell := row.cells.get(s.name)) and cell.planted)
    if set(row.states) <= {"not_testable", "untested"}:
        first = row.findings[0]
        reason = missing_of(first) if first.state == "not_testable" else " ".join((first.claim, *first.limits))
        return Claim(measure, title, meaning, tuple(row.states), row, reason=reason, planted=planted)
    spread = bool(set(row.cells) & set(facts.config.subjects))
    cell = None if spread else next(iter(row.cells.values()))
    return Claim(measure, title, meaning, tuple(row.states), row, spread, cell, planted=planted)


def _failed_measures(facts: ReportFacts) -> dict[str, str]:
    """Return why the section that computes a measure did not finish, by measure."""
    return {
        measure: f"Section {section.name} failed: {facts.failed_sections[section.name]}"
        for section in facts.sections
        if section.name in facts.failed_sections
        for measure in section.measures
    }


def _open_questions(rows: Sequence[Row], subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Return what is missing, once, with the rows that lack it and for whom where it is not for all."""
    titles = {subject.name: subject.title for subject in subjects}
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        lacking: dict[tuple[str, str], list[str]] = {}
        for finding in row.findings:
            if finding.state == "not_testable":
                key = (missing_of(finding), " ".join(finding.limits))
                lacking.setdefault(key, []).append(titles[finding.subject])
        for key, whose in lacking.items():
            label = f"{row.findings[0].measure} {row.label}"
            some = len(whose) < len(row.cells)
            found.setdefault(key, []).append(f"{label} ({', '.join(whose)})" if some else label)
    return [{"missing": missing, "settle": settle, "labels": labels} for (missing, settle), labels in found.items()]


def _coordinated(findings: Sequence[Finding]) -> str:
    """Say what the coordination test found, event and control beside each other."""
    groups = [f for f in findings if f.id.startswith("M3.groups.") and f.state == "measured"]
    if not groups:
        return "No test against chance is part of this report, so no account or group is called coordinated."
    said = [
        f"{'in the control' if finding.subject == 'control' else 'in the event'} it names"
        f" {_number(finding.details.get('named'))} accounts in {_number(finding.value)} groups"
        for finding in groups
    ]
    return (
        f"One test over all kinds of action says who: {'; '.join(said)}. It could not test everybody, and whom it does"
        " not name it does not clear."
    )


def _number(value: object) -> str:
    return plain(value) if is_number(value) else "an unknown number of"


def _fact_words(facts: ReportFacts) -> dict[str, Any]:
    config, event = facts.config, facts.config.event
    rows = [_input_words(item) for item in facts.inputs]
    totals = [sum(getattr(item, name) for item in facts.inputs) for name in ("rows", "stored", "repeated", "rejected")]
    streams = sorted({item.stream for item in facts.inputs})
    data_line = (
        f"{plain(totals[0])} rows in {plain(len(rows))} files ({', '.join(streams)}); "
        f"{plain(totals[1])} stored, {plain(totals[3])} rejected"
        if rows
        else "no input files"
    )
    subjects = {subject.name: subject for subject in subjects_of(config, [])}
    return {
        "zone": event.zone,
        "window": _span(event.start_ms, event.end_ms, event.zone),
        "baseline": _span(config.baseline_start_ms, config.baseline_end_ms, event.zone) if config.baseline else None,
        "sides": [{"subject": subjects[side.name], "rule": _side_rule(side)} for side in config.sides],
        "control": subjects.get("control"),
        "control_streams": config.control_streams,
        "data_line": data_line,
        "inputs": rows,
        "totals": [plain(total) for total in totals],
        "level": f"{plain(config.parameters.level * 100)}{NBSP}%",
        "legend": list(STATES.values()),
        "parameters": [(n, _parameter(v), PARAMETERS.get(n, "")) for n, v in config.parameters.model_dump().items()],
        "version": facts.version,
    }


def _side_rule(side: Side) -> str:
    """Return which posts speak for a side, in words."""
    parts = (
        ("hashtags", [f"#{tag.removeprefix('#')}" for tag in side.hashtags]),
        ("keywords", side.keywords),
        ("accounts", side.accounts),
        ("streams", side.streams),
    )
    said = [
        f"{kind} {', '.join(words[:8])}{f' and {len(words) - 8} more' if len(words) > 8 else ''}"
        for kind, words in parts
        if words
    ]
    return "; ".join(said)


def _span(start_ms: int, end_ms: int, zone: str) -> dict[str, str]:
    return {
        "start": moment(start_ms, zone),
        "end": moment(end_ms, zone),
        "clock": local_time(start_ms, zone),
    }


def _input_words(item: InputCount) -> dict[str, Any]:
    counts = {name: plain(getattr(item, name)) for name in ("bytes", "rows", "stored", "repeated", "rejected")}
    reasons = [(reason, plain(count)) for reason, count in sorted(item.reasons.items())]
    return {
        "input": item.input,
        "stream": item.stream,
        "format": item.format,
        "sha256": item.sha256,
        "reasons": reasons,
        "adds_up": item.rows == item.stored + item.rejected,
        **counts,
    }


def _parameter(value: object) -> str:
    return (
        ", ".join(str(v) for v in value)
        if isinstance(value, tuple | list)
        else f"{value:,}"
        if isinstance(value, int)
        else "none"
        if value is None
        else str(value)
    )
