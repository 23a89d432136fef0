"""The report's table of the most posted wordings: details of findings in, a table a subject out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floodmark.report.format import duration, is_number, moment, plain

if TYPE_CHECKING:
    from floodmark.report.chart_parts import Scene

_COLUMNS = (
    "Subject",
    "Wording (of most accounts)",
    "First collected",
    "Its accounts / all",
    "Posts",
    "Reposts",
    "Half after",
    "Languages",
    "Named / new",
    "Usual elsewhere",
)


def narrative_rows(scene: Scene) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the columns and, for each subject, one line a family: the most posted first, usual words last."""
    lines: list[tuple[str, ...]] = []
    titles = {subject.name: subject.title for subject in scene.subjects}
    for finding in scene.block.findings:
        families = finding.details.get("families")
        if finding.id.startswith("M13.copied.") and isinstance(families, list | tuple):
            kept = [row for row in families if isinstance(row, list | tuple) and len(row) >= 13 and is_number(row[0])]
            lines += [_line(titles.get(finding.subject, finding.subject), row, scene.zone) for row in kept]
    return _COLUMNS, tuple(lines)


def _line(subject: str, row: Any, zone: str) -> tuple[str, ...]:
    named, new, judged = row[8], row[9], row[10]
    return (
        subject,
        str(row[4]),
        moment(row[5], zone) if is_number(row[5]) else "–",
        f"{plain(row[0])} / {plain(row[1])}" if is_number(row[1]) else plain(row[0]),
        plain(row[2]) if is_number(row[2]) else "–",
        plain(row[3]) if is_number(row[3]) else "–",
        duration(row[6]) if is_number(row[6]) else "–",
        ", ".join(map(str, row[7])) if isinstance(row[7], list | tuple) and row[7] else "–",
        f"{plain(named) if is_number(named) else '–'} / "
        + (f"{plain(new)} of {plain(judged)}" if is_number(new) and is_number(judged) else "–"),
        "yes" if row[12] else "no" if is_number(row[11]) else "unknown",
    )
