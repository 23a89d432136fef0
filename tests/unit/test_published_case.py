"""The published case beside the measures: its arithmetic, and a table that makes no number of its own."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from floodmark.findings import Finding, as_json
from floodmark.report import published
from floodmark.report.html import render_report
from floodmark.report.sections import coverage, published_case, structure
from floodmark.report.words import MEASURES
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]


def _load_case() -> Any:
    spec = importlib.util.spec_from_file_location("report_case", Path(__file__).parents[1] / "report_case.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


case = _load_case()


@pytest.fixture
def sums(make_view: MakeView) -> dict[str, Finding]:
    return {finding.id: finding for finding in published_case.findings(make_view())}


def page(findings: list[dict[str, object]], failed: dict[str, str] | None = None) -> str:
    """The section as a reader sees it: text of the page without its tags, from its title to the next section."""
    facts = case.facts(failed=failed)
    own = (*facts.sections, replace(published_case.SECTION), replace(structure.SECTION))
    html = render_report(findings, replace(facts, sections=own))
    start = html.index('<section id="section-published-case"')
    part = re.sub(r"<[^>]+>", " ", html[start : html.index("</section>", start)])
    return re.sub(r"\s+", " ", part.replace("\u00a0", " "))


def with_sums(sums: dict[str, Finding], findings: list[dict[str, object]]) -> list[dict[str, object]]:
    return [*findings, *(as_json(finding) for finding in sums.values())]


@pytest.mark.parametrize(
    ("name", "share"), [("flagged", 42.7), ("enrolled", 6.1), ("deleted", 13.1), ("deleted_or_inactive", 17.5)]
)
def test_the_published_counts_give_these_shares(name: str, share: float, sums: dict[str, Finding]) -> None:
    found = sums[f"M16.published_{name}"]
    assert isinstance(found.value, float)
    assert round(100 * found.value, 1) == share
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert found.details["published_total"] == 26_431


def test_nearly_46_percent_is_not_what_the_counts_give(sums: dict[str, Finding]) -> None:
    found = sums["M16.published_flagged"]
    assert found.details["stated_share"] == 0.46
    assert found.high is not None
    assert found.high < 0.455
    allowed = sums["M16.published_prevalence"]
    assert (allowed.state, round(allowed.low or 0, 1), round(allowed.high or 0, 1)) == ("bounded", 0.2, 0.7)


def test_the_arithmetic_is_the_same_in_every_case(make_view: MakeView, sums: dict[str, Finding]) -> None:
    other = make_view({"control": None, "side": [{"name": "one", "hashtags": ["one"]}]})
    assert published_case.findings(other) == list(sums.values())


def test_each_sentence_stands_beside_the_measures_of_its_kind(sums: dict[str, Finding]) -> None:
    shown = page(with_sums(sums, case.findings()))
    table = shown[shown.index("Measured here") :]
    places = [table.index(text) for _, text, _, _ in published.SENTENCES]
    assert places == sorted(places)
    assert "11,294 of 26,431 is 42.7 % 42.1–43.3 , not nearly 46% fake and spam" in shown
    assert "neither confirms nor refutes the sentence above it" in shown
    # M5 of the made-up case: each side, both and the control.
    m5 = shown[shown.index("enrolled 1,622 accounts") : shown.index("3,453 deleted, 1,168")]
    for value in ("6.1 %", "2.6 %", "3.8 %", "1.4 %"):
        assert value in m5
    assert "1,622 of 26,431: 6.1 %" in m5


def test_what_is_not_testable_says_why_and_shows_no_number(sums: dict[str, Finding]) -> None:
    shown = page(with_sums(sums, case.nothing_testable()))
    m6 = shown[shown.index("1,168 inactive right after") : shown.index("bots, automated programs")]
    assert "not testable" in m6
    assert "no baseline: the posts begin on the day of the event" in m6
    answers = m6.split("Deleted or inactive, by the published counts")[0]
    assert not re.search(r"\d", answers.replace("1,168", "").replace("30 days", ""))


def test_no_number_but_those_of_findings_the_sentences_and_the_wording(sums: dict[str, Finding]) -> None:
    """Without any finding the page prints the sentences and no figure at all."""
    shown = page([as_json(sums["M16.published_enrolled"])])
    assert "This version computes nothing for this sentence." in shown
    left = shown[: shown.index("The arithmetic of the published counts")]
    for _, text, _, _ in published.SENTENCES:
        left = left.replace(text, "")
    left = left.replace("17 July 2020", "").replace("1,622 of 26,431", "").replace("6.1 % 5.9–6.4", "")
    assert re.findall(r"(?<![M\d])\d+", re.sub(r"M\d+", "", left)) == []


def test_a_failed_section_is_said_and_not_taken_for_silence(sums: dict[str, Finding]) -> None:
    some = [item for item in case.findings() if item["measure"] != "M6"]
    shown = page(with_sums(sums, some), failed={"aftermath": "the disk is full"})
    assert "Section aftermath failed: the disk is full" in shown


def test_hostile_reasons_are_escaped(sums: dict[str, Finding]) -> None:
    bad = case.nothing_testable(text=lambda text: f"<script>alert(1)</script>{text}")
    facts = case.facts()
    html = render_report(with_sums(sums, bad), replace(facts, sections=(*facts.sections, published_case.SECTION)))
    start = html.index('<section id="section-published-case"')
    assert "<script>alert" not in html[start : html.index("</section>", start)]


def test_every_finding_that_is_named_can_exist() -> None:
    for measure, _, stems, own in published.SENTENCES:
        assert measure in MEASURES
        assert all(stem.startswith(f"{measure}.") for stem in stems)
        assert own == "" or own in published_case.SECTION.stems
    assert not set(coverage.SECTION.stems) & set(published_case.SECTION.stems)
