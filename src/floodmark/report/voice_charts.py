"""The charts of M12: who holds the page of the hashtags over time, and the course of posts against the expected one."""

from __future__ import annotations

from typing import Final

from floodmark.report.chart_parts import Chart, Panel, Scene, numeric_rows, thinned
from floodmark.report.format import is_number, local_time, moment, plain, wall_clock_ms
from floodmark.report.specs import course_spec, page_spec

_MAX_LOOKS: Final = 400


def voice_charts(scene: Scene) -> list[Chart]:
    """Return the chart of the pages and that of the courses, each where findings hold what it draws."""
    return [*_pages(scene), *_courses(scene)]


def _pages(scene: Scene) -> list[Chart]:
    found = scene.details("M12", "page", numeric_rows(0, 1, 2, 3, 4))
    panels, named = [], False
    for subject, _, rows in found:
        drawn, _ = thinned([row for row in rows if row[1] > 0], _MAX_LOOKS)
        if not drawn:
            continue
        differs = any(row[2] * row[3] != row[4] * row[1] for row in drawn)
        named = named or differs
        values = [
            {
                "at": wall_clock_ms(int(row[0]), scene.zone),
                "when": moment(row[0], scene.zone),
                "share": row[2] / row[1],
                "without": row[4] / row[3] if row[3] else None,
            }
            for row in drawn
        ]
        mean = sum(row[2] for row in rows) / sum(row[1] for row in rows)
        words = f"{subject.title}: of all places on these pages {plain(100 * mean)} % are held."
        panels.append(Panel(page_spec(values, subject.slot, without=differs), subject, words))
    if not panels:
        return []
    caption = (
        "Share of the newest posts of the side's hashtags that match no other side,"
        f" {local_time(scene.config.event.start_ms, scene.zone)}."
    )
    caption += " Dashes: without the accounts named by the coordination test." if named else ""
    return [Chart("Who holds the page", caption, tuple(panels), wide=True)]


def _courses(scene: Scene) -> list[Chart]:
    panels = []
    for subject in scene.subjects:
        for finding in scene.block.findings:
            if finding.id != f"M12.displaced_posts.{subject.name}" or finding.state != "measured":
                continue
            observed, expected = finding.details.get("observed"), finding.details.get("expected")
            bin_ms, before = finding.details.get("bin_ms"), finding.details.get("bins_before")
            if not (
                isinstance(observed, list) and isinstance(expected, list) and is_number(bin_ms) and is_number(before)
            ):
                continue
            values = [
                {
                    "at": wall_clock_ms(int(at), scene.zone),
                    "when": moment(at, scene.zone),
                    "observed": seen,
                    "expected": wanted,
                    "inside": place >= before,
                }
                for place, (seen, wanted) in enumerate(zip(observed, expected, strict=False))
                if is_number(seen) and is_number(wanted)
                for at in [scene.config.event.start_ms + (place - before) * bin_ms]
            ]
            words = f"{subject.title}: posts by bin, and what was expected of them."
            panels += [Panel(course_spec(values, subject.slot), subject, words)] if values else []
    if not panels:
        return []
    caption = (
        "Posts by bin without the accounts named by the coordination test. Dashes: expected from the streams for"
        " comparison. Points: the window. The scale is logarithmic."
    )
    return [Chart("Posts against expectation", caption, tuple(panels), wide=True)]
