"""Which charts a section has: details of findings in, figures of the page out.

Where a finding lacks the details that a chart needs, the chart is absent and `missing` says so; malformed details never
stop the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from floodmark.config import CaseConfig
from floodmark.findings import Finding
from floodmark.report.format import day, duration, is_number, local_time, moment, plain, wall_clock_ms
from floodmark.report.model import Block, Cell, Row, Subject, is_difference, label_of, missing_of, stem_of
from floodmark.report.narrative_tables import narrative_rows
from floodmark.report.specs import SHAPES, Spec, creation_spec, interval_spec, spike_spec, status_spec, staying_spec

Rows = list[Sequence[Any]]
_MAX_POINTS: Final = 360
_MAX_LINES: Final = 40
_MAX_SPIKES: Final = 10
_OPEN_EACH: Final = 3
_MAX_COMBINATIONS: Final = 12
_DAY_MS: Final = 86_400_000
#: Findings of M2 that are no spikes.
_RANDOM: Final = {
    f"M2.{name}{end}"
    for name in (
        *("entry_synchrony", "mix_age", "mix_followers", "mix_language"),
        *("self_excited_share", "self_excited_difference"),
        *("gini", "gini_difference", "top_posts_share", "top_posts_difference"),
    )
    for end in ("", "_to_control")
}
_STATUS_SLOTS: Final = ("s1", "s2", "both", "s3", "s4", "control")


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


def _spikes(scene: Scene) -> list[Chart]:
    if scene.block.name == "targets" or all(
        stem_of(finding) in _RANDOM for finding in scene.block.findings if finding.measure == "M2"
    ):
        return []
    title, event, zone = "Posts over time", scene.config.event, scene.zone
    series = scene.details("M2", "bins", numeric_rows(0, 1))
    if not series:
        return scene.absent(title, "M2", "counts per bin")
    pad = max(event.end_ms - event.start_ms, _DAY_MS // 2)
    first, last = event.start_ms - pad, event.end_ms + pad
    near = [(subject, [row for row in rows if first <= row[0] < last] or rows) for subject, _, rows in series]
    bins = {finding.subject: finding.details.get("bin_ms") for _, finding, _ in series}
    lengths = {name: duration(ms) for name, ms in bins.items() if is_number(ms)}
    panels, step = _spike_panels(scene, near, lengths, detail=True)
    caption = (
        f"Posts per bin, {local_time(event.start_ms, zone)}. Line: posts. Dashes: expected. "
        "Thin line: expected with the event's own slow lift. Band: the largest count that chance allows without it. "
        "Rings: beyond that lift. Shaded ground: the event."
    )
    lines = tuple(
        (subject.title, moment(row[0], zone), plain(row[1]), _maybe(row, 2), _maybe(row, 3), _maybe(row, 5))
        for subject, rows in near
        for row in sorted((row for row in rows if _ringed(row)), key=lambda row: -row[1])[:_MAX_SPIKES]
    )
    columns = (
        f"Subject (at most {_MAX_SPIKES} each)",
        "Spike starts",
        "Posts",
        "Expected",
        "Chance allows",
        "With lift",
    )
    table = Table(columns, lines) if lines else None
    charts = [Chart(title, caption + _thinning(step), panels, wide=True, table=table)]
    whole = [(subject, rows) for subject, _, rows in series if rows[0][0] < first or rows[-1][0] >= last]
    if whole:
        panels, step = _spike_panels(scene, whole, lengths, detail=False)
        caption = f"The same counts over the whole collection, baseline included.{_thinning(step)}"
        charts.append(Chart("The weeks around it", caption, panels))
    return charts


def _spike_panels(
    scene: Scene, series: Sequence[tuple[Subject, Rows]], lengths: Mapping[str, str], *, detail: bool
) -> tuple[tuple[Panel, ...], int]:
    zone, event = scene.zone, scene.config.event
    window = (wall_clock_ms(event.start_ms, zone), wall_clock_ms(event.end_ms, zone))
    panels, largest = [], 1
    for subject, rows in series:
        drawn, step = thinned(rows, _MAX_POINTS)
        largest = max(largest, step)
        values = [
            {
                "at": wall_clock_ms(int(row[0]), zone),
                "when": moment(row[0], zone),
                "posts": row[1],
                "expected": row[2] if len(row) > 2 and is_number(row[2]) else None,
                "upper": row[3] if len(row) > 3 and is_number(row[3]) else None,
                "lift": row[5] if len(row) > 5 and is_number(row[5]) else None,
                "spike": _ringed(row),
            }
            for row in drawn
        ]
        top = max(rows, key=lambda row: row[1])
        words = f"{subject.title}: the busiest bin has {plain(top[1])} posts, {moment(top[0], zone)}."
        note = f"bins of {lengths[subject.name]}" if subject.name in lengths else ""
        panels.append(Panel(spike_spec(values, subject.slot, window, detail=detail), subject, words, note))
    return tuple(panels), largest


def _ringed(row: Sequence[Any]) -> bool:
    """Tell whether a bin is beyond the event's own lift; in findings without a lift, above the rhythm."""
    return bool(row[6]) if len(row) > 6 else len(row) > 4 and bool(row[4])


def _spike_posts(scene: Scene) -> list[Chart]:
    """List the bins beyond the lift, of subjects and of hashtags and targets, with posts behind each."""
    zone, lines = scene.zone, list[tuple[str, ...]]()
    for subject in scene.subjects:
        for finding in scene.block.findings:
            if finding.subject == subject.name and finding.measure == "M2":
                lines += [(subject.title, *line) for line in _spike_lines(finding, zone)]
    if not lines:
        return []
    columns = ("Subject", "What", "Bin starts", "Some of the posts", "Posts", "With lift", "Chance allows")
    caption = (
        "Bins beyond the event's own lift, the largest of each series, with the smallest ids of the posts in them."
    )
    return [
        Chart("Posts behind the spikes", caption, table=Table(columns, tuple(lines[: 3 * _MAX_LINES]), 4, _OPEN_EACH))
    ]


def _spike_lines(finding: Finding, zone: str) -> list[tuple[str, ...]]:
    what = {"hashtag_spikes": "#", "target_spikes": "to "}.get(finding.id.split(".")[1])
    series = finding.details.get("series") if what else [{"name": "", "spikes": finding.details.get("spikes")}]
    lines: list[tuple[str, ...]] = []
    for one in series if isinstance(series, list) else ():
        if not isinstance(one, dict):
            continue
        name = f"{what}{str(one.get('name', '')).lstrip('#')}" if what else "all posts"
        for row in numeric_rows(0, 1, 2, 3)(one.get("spikes")):
            posts = row[4] if len(row) > 4 and isinstance(row[4], list | tuple) else ()
            said = (plain(row[1]), plain(row[2], 1), plain(row[3]))
            lines.append((name, moment(row[0], zone), ", ".join(str(post) for post in posts), *said))
    return lines


def _targets(scene: Scene) -> list[Chart]:
    """List the targets that are picked out, with accounts on both hands and the ratio."""
    titles = {subject.name: subject.title for subject in scene.subjects}
    lines: list[tuple[str, ...]] = []
    for finding in scene.block.findings:
        rows = finding.details.get("targets") or finding.details.get("groups")
        if finding.id.startswith("M2.targets_") and isinstance(rows, list):
            label, title = label_of(stem_of(finding), scene.config), titles.get(finding.subject, finding.subject)
            shown = [row for row in rows if isinstance(row, dict) and row.get("apart")]
            lines += [_target_line(row, title, label, finding.details.get("accounts")) for row in shown]
    if not lines:
        return []
    columns = ("Who", "Comparison", "Target", "Its accounts", "Crowd's accounts", "Odds ratio")
    caption = "Targets addressed by more accounts than the crowd lets expect; a name here says nothing of the target."
    return [
        Chart("Targets that stand out", caption, table=Table(columns, tuple(lines[: 3 * _MAX_LINES]), 3, _OPEN_EACH))
    ]


def _target_line(row: Mapping[str, Any], title: str, label: str, accounts: object) -> tuple[str, ...]:
    def said(value: object, empty: str, places: int = 0) -> str:
        return plain(value, places) if is_number(value) else empty

    who = f"{title}, {row['group']}" if row.get("group") else title
    own = f"{said(row.get('accounts'), '–')} of {said(row.get('of', accounts), '–')}"
    ratio, low, high = (said(row.get(name), "∞", 1) for name in ("ratio", "low", "high"))
    return who, label, str(row.get("target")), own, said(row.get("crowd"), "–"), f"{ratio} ({low} to {high})"


def _thinning(step: int) -> str:
    return f" Each point is the busiest of {step} neighbouring bins." if step > 1 else ""


def _maybe(row: Sequence[Any], position: int) -> str:
    return plain(row[position], 1) if len(row) > position and is_number(row[position]) else "–"


def _random(scene: Scene) -> list[Chart]:
    """Draw the section on "seemed random": shares, and ratios to chance on a scale of their own."""
    if not any(stem_of(finding) in _RANDOM for finding in scene.block.findings):
        return []
    ratios = "How many times as often as chance gives; 1 is chance. Bars: ranges within which no point is likelier."
    shares = "Share of arrivals or of posts, with its interval; Gini's coefficient runs from 0 to 100 %."
    return [
        *_intervals("M2", "Who comes together", ratios, "ratio")(scene),
        *_intervals("M2", "What sets off, and who posts how much", shares)(scene),
    ]


def _intervals(measure: str, title: str, caption: str, unit: str = "share") -> Callable[[Scene], list[Chart]]:
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
        step = max(1, -(-len(rows) // _MAX_POINTS))
        largest = max(largest, step)
        runs = [rows[start : start + step] for start in range(0, len(rows), step)]
        values = [_creation(run, scene.zone) for run in runs]
        top = max(rows, key=lambda row: row[1])
        unit = "day" if days == 1 else "week"
        words = f"{subject.title}: most in one {unit}, {plain(top[1])} accounts, {day(top[0], scene.zone)}."
        panels.append(Panel(creation_spec(values, subject.slot), subject, words))
        bursts = sorted((row for row in rows if len(row) > 3 and row[3]), key=lambda row: (-row[1], row[0]))
        lines += [(subject.title, day(r[0], scene.zone), plain(r[1]), _maybe(r, 2)) for r in bursts[:_MAX_SPIKES]]
    caption += f" Each line sums {largest * days} days." if largest > 1 else ""
    columns = (f"Subject (at most {_MAX_SPIKES} each)", "Burst", "Accounts", "Expected")
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


def _aftermath(scene: Scene) -> list[Chart]:
    if scene.block.name in {"leaving", "short_lived"}:
        return []
    title = "Status at each look"
    found = scene.details("M6", "snapshots", numeric_rows(0, 2))
    if not found:
        return scene.absent(title, "M6", "accounts by status and snapshot")
    statuses = sorted({str(row[1]) for _, _, rows in found for row in rows} - {"active"})
    slots = {status: _STATUS_SLOTS[position % len(_STATUS_SLOTS)] for position, status in enumerate(statuses)}
    panels, lines = [], []
    for subject, _, rows in found:
        values = [
            {
                "at": wall_clock_ms(int(row[0]), scene.zone),
                "when": day(row[0], scene.zone),
                "accounts": row[2],
                "status": str(row[1]),
                "slot": slots[str(row[1])],
            }
            for row in rows
            if str(row[1]) in slots
        ]
        words = "; ".join(
            f"{value['when']} {value['status']}: {plain(value['accounts'])}" for value in values[:_MAX_LINES]
        )
        lines += [(subject.title, moment(row[0], scene.zone), str(row[1]), plain(row[2])) for row in rows]
        spec = status_spec(values[:_MAX_POINTS], list(dict.fromkeys(slots.values())))
        panels.append(Panel(spec, subject, f"{subject.title}. {words}"))
    caption = "Accounts that were no longer active, by what was seen of them; active ones are in the numbers below."
    keys = tuple((status.replace("_", " "), slot, SHAPES[slot]) for status, slot in slots.items())
    table = Table(("Subject", "Looked up", "Status", "Accounts"), tuple(lines[: 4 * _MAX_LINES]))
    return [Chart(title, caption, tuple(panels), keys, table=table)]


def _staying(scene: Scene) -> list[Chart]:
    """Draw a curve a subject with its band, and each roster beside its matched controls where there are any."""
    own = scene.details("M6", "curve", numeric_rows(0, 1, 2, 3))
    own = [item for item in own if item[1].id.startswith("M6.staying.")]
    charts = []
    if own:
        values = [value for subject, _, rows in own for value in _stays(subject.slot, subject.title, rows)]
        words = "; ".join(f"{s.title}: {plain(100 * r[-1][1], 1)} % on day {plain(r[-1][0])}" for s, _, r in own)
        keys = tuple((subject.title, subject.slot, SHAPES.get(subject.slot, "diamond")) for subject, _, _ in own)
        caption = (
            "Share still there by days after the event, with its band. It drops at polls; between them nobody knows."
        )
        panel = Panel(staying_spec(values, [subject.slot for subject, _, _ in own]), None, f"Still there: {words}.")
        charts.append(Chart("Accounts still there", caption, (panel,), keys, table=_staying_table(own)))
    panels = []
    for finding in scene.block.findings:
        rows = [numeric_rows(0, 1, 2, 3)(finding.details.get(name)) for name in ("curve", "control_curve")]
        subject = next((s for s in scene.subjects if s.name == finding.subject), None)
        if finding.id.startswith("M6.matched_difference.") and all(rows) and subject:
            values = [*_stays(subject.slot, subject.title, rows[0]), *_stays("control", "like controls", rows[1])]
            p = finding.details.get("p_value")
            note = f"p {'≤' if p <= 0.0005 else '='} {p:.3g}" if is_number(p) else ""
            panels.append(Panel(staying_spec(values, [subject.slot, "control"]), subject, f"{subject.title}.", note))
    if panels:
        caption = "The matched accounts of each roster and their controls, weighted to the same mix of age, language,"
        caption += " followers and activity."
        charts.append(Chart("Beside like controls", caption, tuple(panels), table=_balance_table(scene)))
    return charts


def _stays(slot: str, name: str, rows: Rows) -> list[dict[str, Any]]:
    return [
        {
            "slot": slot,
            "subject": name,
            "day": row[0],
            "there": row[1],
            "low": row[2],
            "high": row[3],
            "figure": f"{plain(100 * row[1], 1)} % ({plain(100 * row[2], 1)} to {plain(100 * row[3], 1)})",
        }
        for row in rows[:_MAX_POINTS]
    ]


def _staying_table(own: list[tuple[Subject, Finding, Rows]]) -> Table:
    lines = [
        (
            subject.title,
            plain(row[0]),
            f"{plain(100 * row[1], 1)}",
            f"{plain(100 * row[2], 1)}–{plain(100 * row[3], 1)}",
        )
        for subject, _, rows in own
        for row in rows[1 : _MAX_LINES // 2]
    ]
    return Table(("Subject", "Day after the event", "Still there, %", "Interval"), tuple(lines), 1)


def _balance_table(scene: Scene) -> Table | None:
    titles = {subject.name: subject.title for subject in scene.subjects}
    lines = []
    for finding in scene.block.findings:
        balance = finding.details.get("balance")
        for row in balance if isinstance(balance, list | tuple) else ():
            if isinstance(row, list | tuple) and len(row) == 3:
                figures = (plain(value, 2) if is_number(value) else "–" for value in row[1:])
                lines.append((titles.get(finding.subject, finding.subject), str(row[0]), *figures))
    columns = ("Subject", "Distance from the controls in", "Before matching", "After")
    return Table(columns, tuple(lines), 2) if lines else None


def _lives(scene: Scene) -> list[Chart]:
    """Return the table of lives of deleted posts: a line a class, a column a subject."""
    ends = {10_000: "10 s", 60_000: "1 min", 600_000: "10 min", 3_600_000: "1 h", 86_400_000: "1 day"}
    found = [f for f in scene.block.findings if f.id.startswith("M6.post_life.") and f.details.get("classes")]
    titles = {subject.name: subject.title for subject in scene.subjects}
    lines: dict[str, list[str]] = {}
    for place, finding in enumerate(found):
        classes = finding.details.get("classes")
        rows = classes if isinstance(classes, list | tuple) else ()
        total = sum(row[1] for row in rows) or 1
        for end, count in rows:
            name = f"under {ends.get(int(end), plain(end))}" if is_number(end) else "longer"
            cells = lines.setdefault(name, ["–"] * len(found))
            cells[place] = f"{plain(count)} ({plain(100 * count / total, 1)} %)"
    columns = ("Lived", *(titles.get(finding.subject, finding.subject) for finding in found))
    table = Table(columns, tuple((name, *cells) for name, cells in lines.items()), 1)
    caption = (
        "Deleted posts by the time from writing to deletion, with their share of the subject's; each class begins"
        " where the one above it ends."
    )
    return [Chart("How long deleted posts lived", caption, table=table)] if lines else []


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
        [Chart("Most posted wordings", caption, table=Table(columns, lines, 3, _OPEN_EACH), wide=True)] if lines else []
    )


_FLAGS_CAPTION: Final = (
    "Share of accounts with the flag and its interval. A bar is a range within which no point is likelier."
)


def _voice_shares(scene: Scene) -> list[Chart]:
    if scene.block.name == "both_sides":
        return _intervals("M12", "Posts by the named", "Share of each side's posts, with its interval.")(scene)
    return _intervals("M12", "Share of voice", "Shares of posts, accounts, impressions and places, with intervals.")(
        scene
    )


def _voice(scene: Scene) -> list[Chart]:
    # Its file needs the classes of this one.
    from floodmark.report.voice_charts import voice_charts

    return voice_charts(scene)


_CHARTS: Final[tuple[tuple[str, Callable[[Scene], list[Chart]]], ...]] = (
    ("M2", _spikes),
    ("M2", _random),
    ("M2", _spike_posts),
    ("M2", _targets),
    ("M3", _candidates),
    ("M4", _intervals("M4", "Account flags", _FLAGS_CAPTION)),
    ("M4", _overlaps),
    (
        "M5",
        _intervals("M5", "Enrolled before the event", "Share of accounts created shortly before, with its interval."),
    ),
    ("M5", _enrolment),
    ("M6", _intervals("M6", "Shares with their intervals", "Share of accounts or of posts, with its interval.")),
    ("M6", _aftermath),
    ("M6", _staying),
    ("M6", _lives),
    ("M7", _intervals("M7", "In the country", "Bars: every share in the country that the data allow.")),
    ("M7", _places),
    ("M12", _voice_shares),
    ("M12", _voice),
    ("M13", _narratives),
)
