"""Which charts a section has: details of findings in, figures of the page out.

Where a finding lacks the details that a chart needs, the chart is absent and `missing` says so; malformed details never
stop the report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from floodmark.config import CaseConfig
from floodmark.findings import Finding
from floodmark.report import aftermath_charts, event_charts
from floodmark.report.chart_parts import (
    MAX_POINTS,
    MAX_SPIKES,
    OPEN_EACH,
    Bar,
    Chart,
    Overlaps,
    Panel,
    Rows,
    Scene,
    Table,
    interval_charts,
    number_or_dash,
    numeric_rows,
)
from floodmark.report.format import day, is_number, plain, wall_clock_ms
from floodmark.report.model import Block, Subject, label_of, stem_of
from floodmark.report.narrative_tables import narrative_rows
from floodmark.report.specs import creation_spec
from floodmark.report.voice_charts import voice_charts

_MAX_COMBINATIONS: Final = 12


def charts_of(block: Block, subjects: Sequence[Subject], config: CaseConfig) -> list[Chart]:
    """Return the charts of a section: the built-in ones for its measures, then those that the section makes itself."""
    scene = Scene(block, tuple(subjects), config)
    if block.reasons:
        # Nothing could be tested: the section says why once, not once a chart.
        return []
    measures = {finding.measure for finding in block.findings}
    charts = [chart for measure, draw in _CHARTS if measure in measures for chart in draw(scene)]
    if block.section and block.section.stems:
        # The measure's other section has the rest of the findings, and says which charts of them are absent.
        charts = [chart for chart in charts if not chart.missing]
    if block.section and block.section.charts:
        made = sorted(block.section.charts(block.findings).items())
        charts += [Chart(name, panels=(Panel(dict(spec), None, name),), wide=True) for name, spec in made]
    return charts


def _overlaps(scene: Scene) -> list[Chart]:
    title = "How the flags overlap"
    found = scene.details("M4", "overlaps", _combinations)
    if not found:
        return scene.absent(title, "M4", "overlaps of flags")
    counts = {subject.name: {tuple(row[0]): row[1] for row in rows} for subject, _, rows in found}
    totals: dict[tuple[str, ...], float] = {}
    for by_combination in counts.values():
        for combination, count in by_combination.items():
            totals[combination] = totals.get(combination, 0) + count
    flags = sorted({flag for combination in totals for flag in combination})
    ranked = sorted(totals, key=lambda combination: (not combination, -totals[combination], combination))
    longest = {name: max(by.values()) for name, by in counts.items()}
    lines: list[tuple[tuple[bool | None, ...], tuple[Bar, ...]]] = []
    shown = [*ranked[: _MAX_COMBINATIONS - 1], *ranked[_MAX_COMBINATIONS - 1 :][-1:]]
    for combination in shown:
        bars = [_bar(subject, counts[subject.name].get(combination), longest[subject.name]) for subject, _, _ in found]
        lines.append((tuple(flag in combination for flag in flags), tuple(bars)))
    labels = tuple(label_of(f"M4.{flag}", scene.config) for flag in flags)
    rest = len(ranked) - len(lines)
    if rest > 0:
        sums = [
            sum(count for names, count in counts[subject.name].items() if names not in shown) for subject, _, _ in found
        ]
        bars = [_bar(subject, count, longest[subject.name]) for (subject, _, _), count in zip(found, sums, strict=True)]
        lines.insert(len(lines) - (not ranked[-1]), ((None,) * len(flags), tuple(bars)))
    caption = "Accounts by the exact combination of flags that they carry; bars compare lines within a column."
    caption += " The last line carries none." if ranked and not ranked[-1] else ""
    caption += f" {rest} rarer combinations are summed in the line without rings." if rest > 0 else ""
    return [Chart(title, caption, overlaps=Overlaps(labels, tuple(s for s, _, _ in found), tuple(lines)))]


def _combinations(value: object) -> Rows:
    """Read [[flags, accounts], ...] or {flags: accounts}; flags a list of names, or joined by + or &, or `none`."""
    pairs = list(value.items()) if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    rows: Rows = []
    for pair in pairs:
        if isinstance(pair, list | tuple) and len(pair) >= 2 and is_number(pair[1]):
            names = pair[0] if isinstance(pair[0], list | tuple) else str(pair[0]).replace("&", "+").split("+")
            kept = {str(name).strip() for name in names} - {"", "none"}
            rows.append((tuple(sorted(kept)), pair[1]))
    return rows


def _bar(subject: Subject, count: float | None, longest: float) -> Bar:
    width = round(100 * count / longest, 1) if count is not None and longest > 0 else None
    return Bar(plain(count) if count is not None else "–", width, subject.slot)


def _enrolment(scene: Scene) -> list[Chart]:
    title = "Accounts by day of enrolment"
    found = scene.details("M5", "creations_by_day", numeric_rows(0, 1)) or scene.details(
        "M5", "days", numeric_rows(0, 1)
    )
    if not found:
        return scene.absent(title, "M5", "accounts per day of creation")
    tested = any(len(row) > 3 for _, _, rows in found for row in rows)
    caption = "Participants by the day on which their account was created."
    charts = [_creations(scene, found, title, caption + (_CREATION_KEY if tested else ""), 1)]
    weeks = scene.details("M5", "creations_by_week", numeric_rows(0, 1))
    if weeks:
        caption = "The same over all years, by week."
        charts.append(_creations(scene, weeks, "Accounts by week of enrolment", caption + _CREATION_KEY, 7))
    return charts


def _creations(
    scene: Scene, found: Sequence[tuple[Subject, Finding, Rows]], title: str, caption: str, days: int
) -> Chart:
    """Draw accounts per bin with what was expected and rings on bursts; rows are start, accounts, expected, burst."""
    panels, largest, lines = [], 1, []
    for subject, _, rows in found:
        step = max(1, -(-len(rows) // MAX_POINTS))
        largest = max(largest, step)
        runs = [rows[start : start + step] for start in range(0, len(rows), step)]
        values = [_creation(run, scene.zone) for run in runs]
        top = max(rows, key=lambda row: row[1])
        unit = "day" if days == 1 else "week"
        words = f"{subject.title}: most in one {unit}, {plain(top[1])} accounts, {day(top[0], scene.zone)}."
        panels.append(Panel(creation_spec(values, subject.slot), subject, words))
        bursts = sorted((row for row in rows if len(row) > 3 and row[3]), key=lambda row: (-row[1], row[0]))
        lines += [
            (subject.title, day(r[0], scene.zone), plain(r[1]), number_or_dash(r, 2)) for r in bursts[:MAX_SPIKES]
        ]
    caption += f" Each line sums {largest * days} days." if largest > 1 else ""
    columns = (f"Subject (at most {MAX_SPIKES} each)", "Burst", "Accounts", "Expected")
    return Chart(title, caption, tuple(panels), table=Table(columns, tuple(lines)) if lines else None)


def _creation(run: Rows, zone: str) -> dict[str, Any]:
    known = all(len(row) > 2 and is_number(row[2]) for row in run)
    return {
        "at": wall_clock_ms(int(run[0][0]), zone),
        "when": day(run[0][0], zone),
        "accounts": sum(row[1] for row in run),
        "expected": sum(row[2] for row in run) if known else None,
        "burst": any(len(row) > 3 and bool(row[3]) for row in run),
    }


_CREATION_KEY: Final = " Dashes: what the days and weeks around let expect. Rings: bursts, more than chance allows."


def _candidates(scene: Scene) -> list[Chart]:
    compared, rows = bool(scene.config.control), []
    for finding in scene.block.findings:
        own, control = finding.details, finding.details.get("control")
        if finding.id.startswith("M3.candidate") and is_number(own.get("pairs")):
            beside = control if isinstance(control, dict) else {}
            counts = [own.get("pairs"), own.get("accounts")]
            counts += [beside.get("pairs"), beside.get("accounts")] if compared else []
            label = label_of(stem_of(finding), scene.config)
            rows.append((label, *(plain(count) if is_number(count) else "–" for count in counts)))
    columns = (
        "Untested",
        "Pairs",
        "Accounts",
        *(("Pairs in the control", "Accounts in the control") if compared else ()),
    )
    title = "Candidates beside the control" if compared else "Candidates, without a control to compare with"
    caption = (
        "Pairs of accounts that share several objects in time: what other tools count. Viral posts make such pairs too;"
        " who is named, the coordination test says."
    )
    return [Chart(title, caption, table=Table(columns, tuple(rows), 1))] if rows else []


def _places(scene: Scene) -> list[Chart]:
    keys = ("known_in", "known_out", "unknown")
    rows = [
        (subject.title, *(plain(count) if is_number(count) else "–" for count in map(cell.finding.details.get, keys)))
        for row in scene.block.rows
        for subject in scene.subjects
        if (cell := row.cells.get(subject.name)) and cell.finding.measure == "M7" and keys[0] in cell.finding.details
    ]
    columns = ("Accounts", "Place in the country", "Place elsewhere", "Place unknown")
    caption = "Unknown is counted as unknown: the bounds run from none of these in the country to all of them."
    return [Chart("What is known of the place", caption, table=Table(columns, tuple(rows), 1))] if rows else []


def _narratives(scene: Scene) -> list[Chart]:
    """Return the table of the wordings that most accounts posted."""
    columns, lines = narrative_rows(scene)
    caption = (
        "Wordings that several accounts posted themselves, the ten of most accounts a subject. Equal words accuse"
        " nobody; slogans and quotations repeat innocently. The first collected post need not be the first."
    )
    return (
        [Chart("Most posted wordings", caption, table=Table(columns, lines, 3, OPEN_EACH), wide=True)] if lines else []
    )


_FLAGS_CAPTION: Final = (
    "Share of accounts with the flag and its interval. A bar is a range within which no point is likelier."
)


def _voice_shares(scene: Scene) -> list[Chart]:
    if scene.block.name == "both_sides":
        return interval_charts("M12", "Posts by the named", "Share of each side's posts, with its interval.")(scene)
    return interval_charts(
        "M12", "Share of voice", "Shares of posts, accounts, impressions and places, with intervals."
    )(scene)


_CHARTS: Final[tuple[tuple[str, Callable[[Scene], list[Chart]]], ...]] = (
    ("M2", event_charts.spikes),
    ("M2", event_charts.random),
    ("M2", event_charts.spike_posts),
    ("M2", event_charts.targets),
    ("M3", _candidates),
    ("M4", interval_charts("M4", "Account flags", _FLAGS_CAPTION)),
    ("M4", _overlaps),
    (
        "M5",
        interval_charts(
            "M5", "Enrolled before the event", "Share of accounts created shortly before, with its interval."
        ),
    ),
    ("M5", _enrolment),
    ("M6", interval_charts("M6", "Shares with their intervals", "Share of accounts or of posts, with its interval.")),
    ("M6", aftermath_charts.aftermath),
    ("M6", aftermath_charts.staying),
    ("M6", aftermath_charts.lives),
    ("M7", interval_charts("M7", "In the country", "Bars: every share in the country that the data allow.")),
    ("M7", _places),
    ("M12", _voice_shares),
    ("M12", voice_charts),
    ("M13", _narratives),
)
