"""The table of both sides: every figure of the event's measures once, and whether intervals have a value in common."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from floodmark.registry import Section
from floodmark.report.both_sides import APART, MEET, Group, both_sides_of, compared
from floodmark.report.html import render_report
from floodmark.report.model import read_findings, rows_of, subjects_of


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report_case", Path(__file__).parents[1] / "report_case.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


report_case = _load()


def groups() -> list[Group]:
    found, facts = read_findings(report_case.findings()), report_case.facts()
    subjects = subjects_of(facts.config, found)
    rows = rows_of(found, facts.config, subjects, {})
    return list(both_sides_of(rows, subjects, [side.name for side in facts.config.sides], {"M13": "Section x failed."}))


def test_every_figure_of_the_event_is_there_once() -> None:
    shown = groups()
    assert [group.measure for group in shown] == ["M1", "M2", "M12", "M13"]
    ids = [f.id for group in shown for line in group.lines for f in line.answer.row.findings]
    wanted = [f.id for f in read_findings(report_case.findings()) if f.measure in {"M1", "M2", "M12", "M13"}]
    assert sorted(ids) == sorted(wanted)


@pytest.mark.parametrize(("low", "word"), [(0.2, APART), (0.1, MEET), (None, "")])
def test_apart_means_no_value_in_common(low: float | None, word: str) -> None:
    objects = [item for item in report_case.findings() if item["measure"] == "M12"]
    against, supporters = (next(i for i in objects if i["subject"] == name) for name in ("against", "for"))
    against |= {"value": 0.05, "low": 0.0, "high": 0.1}
    supporters |= {"value": 0.25, "low": low, "high": 0.3}
    if low is None:
        supporters |= {"state": "not_testable", "value": None, "high": None}
    found, facts = read_findings([against, supporters]), report_case.facts()
    subjects = subjects_of(facts.config, found)
    rows = rows_of(found, facts.config, subjects, {})
    shown = both_sides_of(rows, subjects, ["against", "for"], {"M1": "Section event failed: no reason."})
    assert [line.sides for group in shown for line in group.lines] == [word]
    assert shown[0].absent == "Section event failed: no reason."
    assert compared(shown) == (bool(word), word == APART)


def _page(findings: list[dict[str, Any]], sides: Any = report_case.SIDES) -> str:
    """Return the section on both sides and what follows it."""
    facts = report_case.facts(sides)
    stems = ("M12.share_of_voice",)
    section = Section("both_sides", "Both", 5, ("M12",), lambda _view: [], "both_sides.html", stems=stems)
    known = [found for found in facts.sections if found.name != "voice"]
    facts = type(facts)(facts.config, facts.inputs, facts.version, (section, *known), facts.failed_sections)
    page = render_report(findings, facts)
    return page[page.index("Whoever attacks") :]


def test_it_stands_in_the_report_with_titles_from_right_to_left() -> None:
    part = _page(report_case.findings(report_case.PERSIAN), report_case.PERSIAN)[:60_000]
    assert "<bdi>مخالفان همایش ۲۰۲۰ (#نه_به_همایش)</bdi>" in part
    assert re.search(r"sides (apart|meet)", part)


def test_a_figure_of_the_whole_event_stands_beside_that_of_the_control() -> None:
    findings = report_case.findings()
    control = next(found for found in findings if found["id"] == "M2.spike_bins.control")
    whole = {"id": "M2.targets_of_groups.event", "subject": "event", "value": 4_711, "state": "measured"}
    findings += [{**control, **whole}, {**control, "id": "M2.targets_of_groups.control", "value": 0}]
    part = _page(findings)
    assert "4,711" in part[: part.index("</table>")]
