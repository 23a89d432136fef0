"""The charts of M6: what became of the accounts, how long they stayed beside matched ones, how long posts lived."""

from __future__ import annotations

from typing import Any, Final

from floodmark.findings import Finding
from floodmark.report.chart_parts import (
    MAX_LINES,
    MAX_POINTS,
    Chart,
    Panel,
    Rows,
    Scene,
    Table,
    numeric_rows,
)
from floodmark.report.format import day, is_number, moment, plain, wall_clock_ms
from floodmark.report.model import Subject
from floodmark.report.specs import SHAPES, status_spec, staying_spec

_STATUS_SLOTS: Final = ("s1", "s2", "both", "s3", "s4", "control")


def aftermath(scene: Scene) -> list[Chart]:
    """Draw how many accounts had which status at each poll; active ones are in the numbers only."""
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
            f"{value['when']} {value['status']}: {plain(value['accounts'])}" for value in values[:MAX_LINES]
        )
        lines += [(subject.title, moment(row[0], scene.zone), str(row[1]), plain(row[2])) for row in rows]
        spec = status_spec(values[:MAX_POINTS], list(dict.fromkeys(slots.values())))
        panels.append(Panel(spec, subject, f"{subject.title}. {words}"))
    caption = "Accounts that were no longer active, by what was seen of them; active ones are in the numbers below."
    keys = tuple((status.replace("_", " "), slot, SHAPES[slot]) for status, slot in slots.items())
    table = Table(("Subject", "Looked up", "Status", "Accounts"), tuple(lines[: 4 * MAX_LINES]))
    return [Chart(title, caption, tuple(panels), keys, table=table)]


def staying(scene: Scene) -> list[Chart]:
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
        for row in rows[:MAX_POINTS]
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
        for row in rows[1 : MAX_LINES // 2]
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


def lives(scene: Scene) -> list[Chart]:
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
