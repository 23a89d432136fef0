"""The report in a real browser: it draws, stays silent, and runs nothing that is not its own."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from floodmark.report.html import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAYLOADS = (
    '"><svg/onload=alert(1)>',
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=http://127.0.0.1:1/beacon.png>",
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "<style>@import'//127.0.0.1:1/x'</style>",
    "' onmouseover='alert(1)",
    "\u202e\u2028</title><iframe srcdoc='<script>alert(1)</script>'>",
)


def _load_case() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report_case", Path(__file__).parents[1] / "report_case.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


case = _load_case()


@dataclass
class Visit:
    """What happened while a page was open."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    @property
    def silent(self) -> bool:
        """No error, no request but the page itself, no dialog."""
        return not (self.errors or self.requests or self.dialogs)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine; install the package chromium")
    try:
        sync_api = importlib.import_module("playwright.sync_api")
    except ModuleNotFoundError:
        pytest.skip("playwright is not installed; pip install playwright (no browser download needed)")
    with sync_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    opened = []

    def go(findings: Any, facts: Any, planted: Any = None, **options: Any) -> Visit:
        path = tmp_path / "report.html"
        write_report(path, findings, facts, planted)
        context = browser.new_context(viewport={"width": options.pop("width", 1280), "height": 900}, **options)
        opened.append(context)
        seen = Visit(context.new_page())
        seen.page.on("console", lambda m: seen.errors.append(m.text) if m.type in {"error", "warning"} else None)
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on("request", lambda r: seen.requests.append(r.url) if r.url != path.as_uri() else None)
        seen.page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
        seen.page.goto(path.as_uri())
        if "data-chart=" in path.read_text(encoding="utf-8"):
            seen.page.wait_for_function("document.documentElement.dataset.charts === 'drawn'")
        return seen

    yield go
    for context in opened:
        context.close()


def test_every_chart_is_drawn_and_the_page_is_silent(visit: Callable[..., Visit]) -> None:
    seen = visit(case.findings(), case.facts(), case.planted())
    boxes = seen.page.locator("[data-chart]").count()
    assert boxes == seen.page.locator("[data-chart] > svg").count() == 21
    assert not seen.page.get_by_text("could not be drawn").count()
    empty = (
        "[...document.querySelectorAll('[data-chart] > svg')].filter(s => s.querySelectorAll('path, line').length < 5)"
    )
    assert seen.page.evaluate(f"{empty}.length") == 0
    assert seen.silent, seen


def test_planted_truth_is_drawn_as_hollow_diamonds(visit: Callable[..., Visit]) -> None:
    diamonds = '[...document.querySelectorAll(\'[data-chart] path[stroke="var(--ink)"][fill="transparent"]\')].length'
    assert visit(case.findings(), case.facts(), case.planted()).page.evaluate(diamonds) == 4
    assert visit(case.findings(), case.facts()).page.evaluate(diamonds) == 0


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_runs_nothing_even_in_tooltips(visit: Callable[..., Visit], payload: str) -> None:
    def text(original: str) -> str:
        return original + payload

    facts = case.facts(text=text, failed={"spikes": "EngineError"})
    seen = visit(case.findings(text=text), facts, case.planted(text=text))
    seen.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    mark = seen.page.locator("[data-chart] .mark-symbol path").nth(30)
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    seen.page.wait_for_selector("#vg-tooltip-element.visible")
    assert seen.page.locator("#vg-tooltip-element :is(img, script, svg, iframe, a, style)").count() == 0
    assert seen.page.locator("iframe, img, object, embed, a[href^=http]").count() == 0
    assert seen.silent, seen


def test_no_script_but_the_page_s_own_can_run(visit: Callable[..., Visit]) -> None:
    """The policy holds even if markup got in: an injected script, handler or request is refused."""
    seen = visit(case.findings(), case.facts())
    seen.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = 1";
            document.body.append(script);
            const image = "<img src='http://127.0.0.1:1/x.png' onerror='window.ran = 2'>";
            document.body.insertAdjacentHTML("beforeend", image);
        }"""
    )
    seen.page.wait_for_timeout(200)
    assert seen.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in error for error in seen.errors)


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_the_page(visit: Callable[..., Visit], width: int, scheme: str) -> None:
    long = (("a" * 40, "W" * 90), ("movafegh", "موافقان همایش ۲۰۲۰"), ("c", "third"), ("d", "fourth"), ("e", "fifth"))
    seen = visit(case.findings(long), case.facts(long), case.planted(long), width=width, color_scheme=scheme)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.silent, seen


def test_text_is_legible_in_both_schemes_and_print_is_light(visit: Callable[..., Visit]) -> None:
    colours = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    light = visit(case.findings(), case.facts(), color_scheme="light").page.evaluate(colours)
    seen = visit(case.findings(), case.facts(), color_scheme="dark")
    dark = seen.page.evaluate(colours)
    assert light != dark
    for ink, paper in (light, dark):
        assert _contrast(ink, paper) >= 7
    seen.page.emulate_media(media="print", color_scheme="dark")
    assert seen.page.evaluate(colours)[1] == "rgb(255, 255, 255)"


def test_a_reader_without_scripts_still_gets_every_number(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "still.html"
    write_report(path, case.findings(), case.facts())
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.get_by_text("42.7 %").count() >= 2
    content = page.locator("[data-chart]").first.evaluate("box => getComputedStyle(box, '::before').content")
    assert "Charts need JavaScript" in content
    context.close()


def _contrast(first: str, second: str) -> float:
    """WCAG 2 contrast ratio of two CSS rgb() colours."""

    def luminance(colour: str) -> float:
        channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, bright = sorted((luminance(first), luminance(second)))
    return (bright + 0.05) / (dark + 0.05)
