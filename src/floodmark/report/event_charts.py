"""The charts of M2: counts with their expectation and spikes, targets that stand out, and "seemed random"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from floodmark.findings import Finding
from floodmark.report.chart_parts import (
    MAX_LINES,
    MAX_POINTS,
    MAX_SPIKES,
    OPEN_EACH,
    Chart,
    Panel,
    Rows,
    Scene,
    Table,
    interval_charts,
    number_or_dash,
    numeric_rows,
    thinned,
    thinning_note,
)
from floodmark.report.format import duration, is_number, local_time, moment, plain, wall_clock_ms
from floodmark.report.model import Subject, label_of, stem_of
from floodmark.report.specs import spike_spec

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


def spikes(scene: Scene) -> list[Chart]:
    """Draw posts per bin with what was expected, and rings on spikes: the days around the event, then all."""
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
        (
            subject.title,
            moment(row[0], zone),
            plain(row[1]),
            number_or_dash(row, 2),
            number_or_dash(row, 3),
            number_or_dash(row, 5),
        )
        for subject, rows in near
        for row in sorted((row for row in rows if _ringed(row)), key=lambda row: -row[1])[:MAX_SPIKES]
    )
    columns = (
        f"Subject (at most {MAX_SPIKES} each)",
        "Spike starts",
        "Posts",
        "Expected",
        "Chance allows",
        "With lift",
    )
    table = Table(columns, lines) if lines else None
    charts = [Chart(title, caption + thinning_note(step), panels, wide=True, table=table)]
    whole = [(subject, rows) for subject, _, rows in series if rows[0][0] < first or rows[-1][0] >= last]
    if whole:
        panels, step = _spike_panels(scene, whole, lengths, detail=False)
        caption = f"The same counts over the whole collection, baseline included.{thinning_note(step)}"
        charts.append(Chart("The weeks around it", caption, panels))
    return charts


def _spike_panels(
    scene: Scene, series: Sequence[tuple[Subject, Rows]], lengths: Mapping[str, str], *, detail: bool
) -> tuple[tuple[Panel, ...], int]:
    zone, event = scene.zone, scene.config.event
    window = (wall_clock_ms(event.start_ms, zone), wall_clock_ms(event.end_ms, zone))
    panels, largest = [], 1
    for subject, rows in series:
        drawn, step = thinned(rows, MAX_POINTS)
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


def spike_posts(scene: Scene) -> list[Chart]:
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
        Chart("Posts behind the spikes", caption, table=Table(columns, tuple(lines[: 3 * MAX_LINES]), 4, OPEN_EACH))
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


def targets(scene: Scene) -> list[Chart]:
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
    return [Chart("Targets that stand out", caption, table=Table(columns, tuple(lines[: 3 * MAX_LINES]), 3, OPEN_EACH))]


def _target_line(row: Mapping[str, Any], title: str, label: str, accounts: object) -> tuple[str, ...]:
    def said(value: object, empty: str, places: int = 0) -> str:
        return plain(value, places) if is_number(value) else empty

    who = f"{title}, {row['group']}" if row.get("group") else title
    own = f"{said(row.get('accounts'), '–')} of {said(row.get('of', accounts), '–')}"
    ratio, low, high = (said(row.get(name), "∞", 1) for name in ("ratio", "low", "high"))
    return who, label, str(row.get("target")), own, said(row.get("crowd"), "–"), f"{ratio} ({low} to {high})"


def random(scene: Scene) -> list[Chart]:
    """Draw the section on "seemed random": shares, and ratios to chance on a scale of their own."""
    if not any(stem_of(finding) in _RANDOM for finding in scene.block.findings):
        return []
    ratios = "How many times as often as chance gives; 1 is chance. Bars: ranges within which no point is likelier."
    shares = "Share of arrivals or of posts, with its interval; Gini's coefficient runs from 0 to 100 %."
    return [
        *interval_charts("M2", "Who comes together", ratios, "ratio")(scene),
        *interval_charts("M2", "What sets off, and who posts how much", shares)(scene),
    ]
