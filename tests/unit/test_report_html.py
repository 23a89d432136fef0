"""The report page: what it prints, what it never prints, and that hostile text stays text."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floodmark.errors import EvidenceError
from floodmark.report.chart_parts import Table
from floodmark.report.html import ReportFacts, inline_script, render_report, write_report
from floodmark.report.model import label_of


def _load_case() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report_case", Path(__file__).parents[1] / "report_case.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


case = _load_case()
VOID = {"meta", "br", "input", "link", "img", "hr"}
MARKUP = (
    '"><svg/onload=alert(1)>',
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "' onmouseover=alert(1) x='",
    "javascript:alert(1)",
    "</title></style></textarea><img src=x onerror=alert(1)>",
    "{{7*7}}{% raw %}${7*7}",
    "\u2028\u2029\u202e\x00]]>",
    "<a href=//127.0.0.1:1/x>x</a>",
)


class Page(HTMLParser):
    """The page as a parser sees it: elements with attribute names, attributes, text outside scripts, raw scripts."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.shape: list[tuple[str, ...]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.scripts: list[tuple[dict[str, str], str]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.stack: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # Isolation of foreign letters depends on the text; everything else must not.
        if tag != "bdi":
            self.shape.append((tag, *(name for name, _ in attrs)))
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.stack.append((tag, dict(attrs).get("class") or ""))
        if tag == "script":
            self.scripts.append(({name: value or "" for name, value in attrs}, ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, *(name for name, _ in attrs)))
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"</{tag}> closes nothing"
        opened, _ = self.stack.pop()
        assert opened == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:80]}")

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1][0] == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self.stack and self.stack[-1][0] != "style":
            self.texts.append((tuple(f"{tag}.{name}" for tag, name in self.stack), data))

    @property
    def text(self) -> str:
        """What a reader sees, blanks collapsed."""
        return re.sub(r"\s+", " ", " ".join(text for _, text in self.texts))


def render(text: Callable[[str], str], planted: bool = True) -> str:
    return render_report(
        case.findings(text=text),
        case.facts(text=text, failed={"spikes": "EngineError: disk full", "broken": "ImportError"}),
        case.planted(text=text) if planted else None,
    )


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_report(case.findings(), case.facts(), case.planted()))


@pytest.fixture(scope="module")
def benign() -> Page:
    return Page(render(lambda text: text + " benign"))


@pytest.mark.parametrize("payload", MARKUP)
def test_hostile_text_in_every_field_adds_no_element_and_no_attribute(payload: str, benign: Page) -> None:
    hostile = Page(render(lambda text: text + payload))
    assert hostile.shape == benign.shape
    for attributes, data in hostile.scripts:
        if attributes.get("type") == "application/json":
            assert "<" not in data
            json.loads(data)


def test_hostile_lists_in_every_field_add_no_element_and_no_attribute(shared: Path) -> None:
    folder = shared / "corpora/payloads-all-the-things/XSS Injection/Intruders"
    payloads = [
        line
        for path in sorted(folder.glob("*.txt"))
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        if line.strip()
    ]
    hostile_posts = (shared / "corpora/own/hostile_posts.jsonl").read_text(encoding="utf-8").splitlines()
    payloads += [json.loads(line)["text"] for line in hostile_posts]
    payloads += json.loads((shared / "corpora/blns/blns.json").read_text(encoding="utf-8"))
    payloads = list(dict.fromkeys(payloads))
    assert len(payloads) > 2_000
    used = 0
    while used < len(payloads):
        # Each field gets a payload of its own; the benign twin gets distinct text in the same places.
        counter = itertools.count(used)
        hostile = Page(render(lambda text: f"{text}{payloads[next(counter) % len(payloads)]}{next(counter)}"))  # noqa: B023
        numbers = itertools.count(used)
        benign = Page(render(lambda text: f"{text}{next(numbers)}benign{next(numbers)}"))  # noqa: B023
        assert hostile.shape == benign.shape
        used = next(counter)


def test_hostile_text_is_shown_not_swallowed() -> None:
    shown = Page(render(lambda text: text + "<b>&amp;\u202e")).text
    assert "The conference of 17 July 2020<b>&amp;⟨U+202E⟩" in shown
    assert "twitter:1284001234567890123<b>&amp;⟨U+202E⟩" in shown


def test_the_page_points_nowhere_and_allows_only_its_own_script(page: Page) -> None:
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in {"src", "action", "srcdoc", "data", "xlink:href", "formaction", "srcset", "ping"}, (
            tag,
            name,
        )
        if name == "href":
            assert value.startswith("#")
    policy = next(value for tag, name, value in page.attributes if tag == "meta" and "default-src" in value)
    scripts = [data for attributes, data in page.scripts if not attributes]
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}';")
    assert "unsafe-eval" not in policy


def test_internal_links_have_a_target_and_ids_are_unique(page: Page) -> None:
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for _, name, value in page.attributes if name == "href"} <= set(ids)


def test_every_number_of_a_finding_is_isolated(page: Page) -> None:
    numbers = [stack for stack, text in page.texts if re.search(r"\d", text) and {"b.value", "span.range"} & set(stack)]
    assert len(numbers) > 200
    assert all(stack[-1] == "bdi." for stack in numbers)


def test_every_finding_is_on_the_page_with_its_figure(page: Page) -> None:
    text = page.text.replace("\u00a0", " ")
    for finding in case.findings():
        assert f" {finding['id']}" in text or f">{finding['id']}" in text or str(finding["id"]) in text
        assert str(finding["claim"]) in text
        assert str(finding["method"]) in text
        assert all(limit in text for limit in finding["limits"])
        assert all(alternative in text for alternative in finding["alternatives"])
    assert "42.7 %" in text
    assert "42.1–43.3" in text
    assert "290,741" in text
    assert "+33.3 points" in text


def test_the_page_has_no_number_that_is_not_in_findings_or_facts() -> None:
    fixed = Page(render_report([], case.facts())).text
    inputs = "328,604 328,451 1,204 153 120 33 61,020 389,624 389,471 48,211,904 9,100,113"
    config = "17 19 15 13 2020 00:00 04:30 95 60 2 0.95 20 30 180 15 28 0.5 0 0.1.0 256 3 1 5 8 10 50 600 3600 4,000"
    allowed = set(inputs.split()) | set(config.split())
    # Hashes, the measures' own names and Vega's licence are no figures.
    words = re.sub(r"\b(?:M\d+|abab\w*|cdcd\w*|BSD-3)\b", "", fixed)
    found = set(re.findall(r"\d[\d,.:]*\d|\d", words))
    assert found <= allowed, found - allowed


def test_planted_truth_appears_only_when_given(page: Page) -> None:
    without = render_report(case.findings(), case.facts())
    assert "planted" not in re.sub(r"<style>.*?</style>", "", without, flags=re.DOTALL).lower()
    assert "simulated data" not in without
    assert "simulated data" in page.text
    text = page.text.replace("\u00a0", " ")
    assert "planted truth 42.7 % ✓ inside" in text
    assert "90.0 % ✗ outside" in text
    assert "40.0 % ✓ inside" in text
    assert "1,622 ✗ differs" in text
    assert "26,431 ✓ equal" in text
    assert "3,453 – other unit" in text
    assert "11,294 of 26,431" in text


def test_planted_truth_of_what_was_not_measured_is_not_judged() -> None:
    shown = Page(render_report(case.nothing_testable(), case.facts(), case.planted())).text
    assert "% ✓ inside" not in shown
    assert "% ✗ outside" not in shown
    assert "% – not measured" in shown.replace("\u00a0", " ")


@pytest.mark.parametrize("word", ["measured", "bounded", "untested", "not testable"])
def test_each_state_is_said_in_words(word: str) -> None:
    findings = [*case.findings(), *case.nothing_testable()[:1]]
    findings[-1]["id"] = "M2.extra.control"
    findings[-1]["measure"], findings[-1]["subject"] = "M2", "control"
    states = [
        text.strip() for stack, text in Page(render_report(findings, case.facts())).texts if "state " in stack[-1]
    ]
    assert word in states


def test_a_report_in_which_nothing_is_testable_says_what_is_missing() -> None:
    shown = Page(render_report(case.nothing_testable(), case.facts())).text
    assert "No key figure could be computed" in shown
    assert "Nothing in this section is testable with this data." in shown
    assert "no baseline: the posts begin on the day of the event" in shown
    assert "Would become testable with 28 days of posts before the event." in shown


def test_failed_sections_are_visibly_missing() -> None:
    failed = {"spikes": "EngineError: disk full", "takeover": "ImportError: no module"}
    spikes_gone = [finding for finding in case.findings() if finding["measure"] != "M2"]
    shown = Page(render_report(spikes_gone, case.facts(failed=failed))).text
    assert shown.count("This section is missing.") == 2
    assert "Reason: EngineError: disk full" in shown
    assert "Reason: ImportError: no module" in shown
    assert "Section spikes failed: EngineError: disk full" in shown
    partly = Page(render_report(case.findings(), case.facts(failed=failed))).text
    assert "This section is incomplete." in partly


def test_findings_of_no_section_are_not_lost() -> None:
    facts = case.facts()
    fewer = ReportFacts(facts.config, facts.inputs, facts.version, facts.sections[:2])
    shown = Page(render_report(case.findings(), fewer)).text
    assert "Other findings" in shown
    assert all(str(finding["id"]) in shown for finding in case.findings())


def test_rows_that_do_not_add_up_are_marked() -> None:
    facts = case.facts()
    assert "rows are not stored + rejected" not in render_report([], facts)
    broken = facts.inputs[0].__class__(**{**facts.inputs[0].__dict__, "stored": 1})
    wrong = ReportFacts(facts.config, (broken,), facts.version, facts.sections)
    assert "rows are not stored + rejected" in render_report([], wrong)


def test_any_side_names_and_number_of_sides() -> None:
    sides = tuple((f"side-{number}", f"Side number {number}") for number in range(1, 7))
    shown = Page(render_report(case.findings(sides), case.facts(sides), case.planted(sides))).text
    for name, title in sides:
        assert title in shown
        assert f"M4.any.{name}" in shown


def test_known_labels_use_the_parameters_of_the_case() -> None:
    facts = case.facts()
    parameters = facts.config.parameters.model_copy(update={"low_follower_under": 7})
    changed = facts.config.model_copy(update={"parameters": parameters})
    assert label_of("M4.low_follower", changed) == "Fewer than 7 followers"
    assert label_of("M4.some_new_flag", changed) == "Some new flag"
    assert label_of("M3.candidates.repost", changed) == "Candidate pairs: repost"
    assert label_of("M9.status", changed) == "Automation"


def test_charts_say_why_they_are_absent() -> None:
    bare = [{**finding, "details": {}} for finding in case.findings()]
    shown = Page(render_report(bare, case.facts())).text
    for wanted in (
        "counts per bin",
        "overlaps of flags",
        "accounts per day of creation",
        "accounts by status and snapshot",
    ):
        assert f"No chart: the findings hold no {wanted}." in shown


def test_a_section_can_bring_its_own_charts_and_a_missing_template_falls_back() -> None:
    spec = {"mark": "point", "data": {"values": [{"a": "</script><script>alert(1)</script>"}]}, "encoding": {}}
    facts = case.facts()
    first = facts.sections[0]
    own = type(first)(
        first.name, first.title, 0, first.measures, first.findings, "no-such.html", lambda _: {"Own chart": spec}
    )
    page = Page(render_report(case.findings(), ReportFacts(facts.config, (), "0", (own, *facts.sections[1:]))))
    drawn = [json.loads(data) for attributes, data in page.scripts if attributes.get("type") == "application/json"]
    assert spec in drawn
    assert "Own chart" in page.text


DETAILED = {"M2.spike_bins.for", "M4.any.for", "M5.enrolled.for", "M6.gone.for"}
FOUR = [finding for finding in case.findings() if finding["id"] in DETAILED]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=12,
)


@settings(max_examples=25, deadline=None)
@given(bins=JSON, overlaps=JSON, days=JSON, snapshots=JSON)
def test_malformed_details_never_stop_the_report(bins: Any, overlaps: Any, days: Any, snapshots: Any) -> None:
    details = {"bins": bins, "overlaps": overlaps, "days": days, "snapshots": snapshots, "bin_ms": bins}
    findings = [{**finding, "details": details} for finding in FOUR]
    assert "M4.any.for" in render_report(findings, case.facts())


def test_charts_stay_small_and_the_report_below_three_megabytes() -> None:
    page = render_report(case.findings(), case.facts(), case.planted())
    assert len(page.encode()) < 3_000_000
    for attributes, data in Page(page).scripts:
        if attributes.get("type") == "application/json":
            rows = json.loads(data)["datasets"].values()
            assert max(len(values) for values in rows) <= 400


def test_spikes_survive_thinning() -> None:
    """Of neighbouring bins the busiest is drawn: a chart never loses the peak."""
    findings = [finding for finding in case.findings() if finding["id"] == "M2.spike_bins.against"]
    peak = max(row[1] for row in findings[0]["details"]["bins"])
    for attributes, data in Page(render_report(findings, case.facts())).scripts:
        if attributes.get("type") == "application/json":
            values = itertools.chain(*json.loads(data)["datasets"].values())
            assert max(value.get("posts", 0) for value in values) == peak


def test_chart_times_are_the_wall_clock_of_the_event() -> None:
    findings = [finding for finding in case.findings() if finding["id"] == "M2.spike_bins.against"]
    findings[0]["details"] = {"bin_ms": case.BIN, "bins": [[case.START, 5, 1.0, 3.0, True]]}
    page = Page(render_report(findings, case.facts()))
    (spec,) = [json.loads(data) for attributes, data in page.scripts if attributes.get("type") == "application/json"]
    (row,) = [row for values in spec["datasets"].values() for row in values if "at" in row]
    # Midnight in Tehran is drawn at midnight, 4:30 h later than its UTC time.
    assert row["at"] == 1594944000000
    assert row["when"] == "Fri 17 Jul 2020, 00:00"
    assert "local time of Asia/Tehran (UTC+04:30)" in page.text


def test_the_same_input_gives_the_same_bytes_in_any_process() -> None:
    program = (
        "import importlib.util, hashlib, sys;"
        f"s = importlib.util.spec_from_file_location('report_case', {case.__file__!r});"
        "c = importlib.util.module_from_spec(s); s.loader.exec_module(c);"
        "from floodmark.report.html import render_report;"
        "print(hashlib.sha256(render_report(c.findings(), c.facts(), c.planted()).encode()).hexdigest())"
    )
    here = hashlib.sha256(render_report(case.findings(), case.facts(), case.planted()).encode()).hexdigest()
    environment = {**os.environ, "PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "LC_ALL": "C"}
    there = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    ).stdout.strip()
    assert here == there


def test_what_is_no_finding_is_refused() -> None:
    with pytest.raises(EvidenceError, match=r"findings\.json: finding 1, field `state`"):
        render_report([{**case.findings()[0], "state": "proved"}], case.facts())
    with pytest.raises(EvidenceError, match="has no limits"):
        render_report([{**case.findings()[0], "limits": []}], case.facts())


def test_writing_leaves_the_old_file_when_rendering_fails(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_report(target, case.findings(), case.facts())
    before = target.read_bytes()
    with pytest.raises(EvidenceError):
        write_report(target, [{"id": "x"}], case.facts())
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_no_wording_names_who_is_behind_it(page: Page) -> None:
    assert "Floodmark never names this." in page.text
    assert "Not flagged is not cleared." in page.text
    assert "whom it does not name it does not clear" in page.text


def test_notes_are_said_once_with_the_rows_they_are_about() -> None:
    findings = [finding for finding in case.findings() if finding["measure"] == "M5"]
    for finding in findings:
        finding["limits"] = ["said by all", "said by one"] if finding["id"] == "M5.enrolled.for" else ["said by all"]
        finding["alternatives"] = ["only differences" if "difference" in str(finding["id"]) else "most"]
    shown = Page(render_report(findings, case.facts())).text
    assert shown.count("said by all") == 1
    assert "Enrolled within 30 days before said by one" in shown
    assert "Enrolled within 30 days before; Accounts enrolled most" in shown
    assert "Enrolled, minus control only differences" in shown


def test_candidates_stand_beside_the_control_and_stay_untested() -> None:
    findings = [finding for finding in case.findings() if finding["id"] == "M3.candidates.url"]
    findings[0]["details"] = {"pairs": 96_905, "accounts": 3_494, "control": {"pairs": 28, "accounts": 8}}
    shown = Page(render_report(findings, case.facts())).text
    assert "Candidate pairs: url 96,905 3,494 28 8" in shown
    assert "412 untested" in shown


def test_overlaps_show_every_combination_and_the_accounts_without_a_flag() -> None:
    findings = [finding for finding in case.findings() if finding["id"] == "M4.any.for"]
    findings[0]["details"] = {"overlaps": {"none": 2_245, "low_follower": 267, "low_follower+new": 30}}
    table = Page(render_report(findings, case.facts())).text.split("How the flags overlap")[1].split("The last line")[0]
    assert "Fewer than 20 followers Created within 30 days before" in table
    lines = re.findall(r"(●|○) (?:yes|no) (●|○) (?:yes|no) ([\d,]+)", table)
    assert lines == [("●", "○", "267"), ("●", "●", "30"), ("○", "○", "2,245")]


def test_the_line_without_flags_survives_many_combinations() -> None:
    findings = [finding for finding in case.findings() if finding["id"] == "M4.any.for"]
    many = {f"flag{number}": 1_000 - number for number in range(20)}
    findings[0]["details"] = {"overlaps": {"none": 7, **many}}
    shown = Page(render_report(findings, case.facts())).text
    assert "9 rarer combinations are summed" in shown
    assert " 999 " in shown
    assert " 7 Accounts by the exact combination" in shown


def test_bins_of_different_length_are_said_beside_their_chart() -> None:
    findings = [finding for finding in case.findings() if str(finding["id"]).startswith("M2.spike_bins")]
    for finding in findings:
        finding["details"] = {**finding["details"], "bin_ms": 3_600_000 if finding["subject"] == "both" else 900_000}
    shown = Page(render_report(findings, case.facts())).text.replace("\u00a0", " ")
    assert "Both sides bins of 1 h" in shown
    assert "Control bins of 15 min" in shown


def test_single_numbers_of_the_details_are_part_of_the_evidence() -> None:
    findings = [finding for finding in case.findings() if finding["id"] == "M4.any.for"]
    findings[0]["details"] = {"flagged": 398, "judged": 2_643, "share_in_control": 0.134, "at_ms": case.START, "x": [1]}
    shown = Page(render_report(findings, case.facts())).text.replace("\u00a0", " ")
    assert "at Fri 17 Jul 2020, 00:00 ; flagged 398 ; judged 2,643 ; share in control 13.4 % ." in shown


@pytest.mark.parametrize("program", ["a</script>b", "a</SCRIPT >b", "a<!--<script>b"])
def test_a_program_cannot_close_its_element(program: str) -> None:
    page = Page(f"<p>before</p><script>{inline_script(program)}</script><p>after</p>")
    assert [tag for tag, *_ in page.shape] == ["p", "script", "p"]
    assert page.text.split() == ["before", "after"]


def test_the_claims_read_as_agreed(page: Page) -> None:
    """The wording and figures of the first screens, word for word; after a wanted change write the new text there."""
    shown = page.text.replace("\u00a0", " ")
    screens = shown[shown.index("In one look Sides") : shown.index("Data No row disappears")]
    agreed = (Path(__file__).parents[1] / "golden" / "report_claims.txt").read_text(encoding="utf-8")
    assert screens.split() == agreed.split()


def test_of_each_subject_some_lines_stand_open_and_the_others_fold() -> None:
    rows = tuple((who, str(number)) for who in ("a", "b") for number in range(4))
    table = Table(("Subject", "Line"), rows, 1, open_each=3)
    assert table.shown == (*rows[:3], *rows[4:7])
    assert table.folded == (rows[3], rows[7])
    assert Table(("Subject", "Line"), rows).folded == ()


def test_a_reason_to_leave_accounts_out_stands_once() -> None:
    from floodmark.report.model import _merged

    lines = ["Left out because x: 1 of 2 accounts.", "Another: limit.", "Left out because x: 3 of 4 accounts."]
    assert _merged(lines) == ("Left out because x: 1 of 2 accounts; 3 of 4 accounts.", "Another: limit.")
