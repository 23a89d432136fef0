"""M2, spikes: bins of the event window with more posts than the baseline's daily and weekly rhythm allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from floodmark.event.series import collected_days, post_times
from floodmark.event.spikes import DAY_MS, FALSE_DISCOVERY, LEAST_DAYS, Spikes, Window, collection_artefact, find_spikes
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import which_posts
from floodmark.view import CaseView

_MOST_BINS: Final = 400
_LIMITS: Final = (
    "The event itself raises counts, and this version has no term for it: a spike in the window is not odd by itself.",
    "No trend is fitted: a conversation that grows from week to week shows more spikes than it has.",
    "A single viral post can lift a bin above the rhythm; the test cannot tell that from an organised burst.",
)
_SHORT: Final = (
    "The baseline is short: hours of the day are fitted but no weekly rhythm, and the margin for error is doubled."
)
_PEAK_LIMIT: Final = "The peak was picked as the largest of many bins, so its ratio is overstated by chance."
_ALTERNATIVES: Final = (
    "An announced event draws a crowd at its hour.",
    "News, a quoted speech or one viral post makes a burst without any organisation.",
    "A collector that ran unevenly makes bursts and gaps of its own.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M2."""
    bins, peaks = [], []
    for subject in view.config.subjects:
        bin_finding, peak_finding = _subject(view, subject)
        bins.append(bin_finding)
        peaks.append(peak_finding)
    return [*bins, *peaks]


def _subject(view: CaseView, subject: str) -> tuple[Finding, Finding]:
    event, level = view.config.event, view.config.parameters.level
    first = min(view.config.baseline_start_ms, event.start_ms - DAY_MS)
    times = post_times(view, subject, first, event.end_ms)
    inside = times[times >= event.start_ms]
    artefact = collection_artefact(inside)
    found: Spikes | str = "no baseline in the case file ([baseline] with start and end)"
    if view.config.baseline:
        found = find_spikes(times, collected_days(view, subject), _window(view), level)
    if isinstance(found, str):
        return _missing(subject, "spike_bins", "count", found, artefact), _missing(
            subject, "peak_ratio", "ratio", found, artefact
        )
    limits = _limits(view, found, artefact)
    return _spike_bins(view, subject, found, limits), _peak_ratio(view, subject, found, limits)


def _window(view: CaseView) -> Window:
    event, parameters = view.config.event, view.config.parameters
    return Window(
        event.start_ms,
        event.end_ms,
        view.config.baseline_start_ms,
        view.config.baseline_end_ms,
        event.zone,
        parameters.spike_bin_minutes,
        parameters.baseline_days,
    )


def _spike_bins(view: CaseView, subject: str, found: Spikes, limits: tuple[str, ...]) -> Finding:
    spikes = found.at_ms[found.is_spike]
    return Finding(
        id=f"M2.spike_bins.{subject}",
        measure="M2",
        subject=subject,
        claim=_claim(subject, "spike_bins"),
        value=int(spikes.size),
        unit="count",
        low=None,
        high=None,
        state="measured",
        method=(
            f"{_model(found)}; one-sided tests of {found.at_ms.size} bins, p-values raised to what the baseline's own"
            f" bins reach, Benjamini-Hochberg at {FALSE_DISCOVERY:g}"
        ),
        evidence=_evidence(view, subject, found, found.at_ms[found.is_spike], "posts in bins found to be spikes"),
        limits=limits,
        confidence="moderate" if found.weekly else "low",
        alternatives=_ALTERNATIVES,
        details={
            "bin_ms": found.bin_minutes * 60_000,
            "bins": _bins(found),
            "bins_tested": int(found.at_ms.size),
            "baseline_days": found.days,
            "baseline_posts": found.baseline_posts,
            "dispersion": found.dispersion,
        },
    )


def _peak_ratio(view: CaseView, subject: str, found: Spikes, limits: tuple[str, ...]) -> Finding:
    level, peak = view.config.parameters.level, found.peak
    ratio, low, high = found.ratio
    return Finding(
        id=f"M2.peak_ratio.{subject}",
        measure="M2",
        subject=subject,
        claim=_claim(subject, "peak_ratio"),
        value=ratio,
        unit="ratio",
        low=low,
        high=high,
        state="measured",
        method=(
            f"{_model(found)}; count of the bin with most posts over its expected count, log-scale interval at level"
            f" {level:g} from Poisson error and a jackknife over the days of the baseline"
        ),
        evidence=_evidence(view, subject, found, found.at_ms[peak : peak + 1], "posts in the bin with most posts"),
        limits=(*limits, _PEAK_LIMIT),
        confidence="low",
        alternatives=_ALTERNATIVES,
        level=level,
        details={
            "at_ms": int(found.at_ms[peak]),
            "count": int(found.counts[peak]),
            "expected": float(found.expected[peak]),
            "bin_ms": found.bin_minutes * 60_000,
        },
    )


def _claim(subject: str, what: str) -> str:
    if what == "spike_bins":
        return f"So many bins of the window hold more {which_posts(subject)} than the baseline's rhythm allows."
    return f"In the bin with most {which_posts(subject)}, their number is so many times the expected one."


def _model(found: Spikes) -> str:
    rhythm = "hour of the week (shrunk to hour of day times weekday)" if found.weekly else "hour of the day"
    return (
        f"counts per {found.bin_minutes} min against a negative-binomial baseline of {found.days} days by {rhythm},"
        " dispersion from predictions made without the day that they are compared with"
    )


def _limits(view: CaseView, found: Spikes, artefact: str | None) -> tuple[str, ...]:
    wished = view.config.parameters.spike_bin_minutes
    widened = f"Bins were widened from {wished} to {found.bin_minutes} minutes: below one post per bin in the baseline."
    return (
        *_LIMITS,
        *(() if found.weekly else (_SHORT,)),
        *((widened,) if found.bin_minutes != wished else ()),
        *((_artefact(artefact),) if artefact else ()),
    )


def _artefact(artefact: str) -> str:
    return f"Hourly counts are an artefact of collection: {artefact}."


def _bins(found: Spikes) -> list[list[object]]:
    """Return [start, count, expected, largest ordinary count, is a spike] for the day before and the window.

    At most _MOST_BINS: the day before goes first, then what is far from the peak.
    """
    columns = (found.at_ms, found.counts, found.expected, found.upper, found.is_spike)
    window: list[list[object]] = [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    before: list[list[object]] = [[*row, False] for row in found.before]
    if len(window) + len(before) <= _MOST_BINS:
        return before + window
    start = min(max(0, found.peak - _MOST_BINS // 2), max(0, len(window) - _MOST_BINS))
    return window[start : start + _MOST_BINS]


def _evidence(view: CaseView, subject: str, found: Spikes, bins: np.ndarray, rule: str) -> Evidence:
    """Return how many posts of the subject fall into the bins, and the smallest ids among them."""
    width, start = found.bin_minutes * 60_000, view.config.event.start_ms
    side = "side <> 'control'" if subject == "both" else "side = $subject"
    several = "HAVING count(DISTINCT side) > 1" if subject == "both" else ""
    bound: dict[str, object] = {"start": start, "places": ((bins - start) // width).tolist() or [-1]}
    smallest = view.db.rows(
        f"SELECT post_id FROM side_posts WHERE in_window AND {side}"
        f" AND (at_ms - $start) // {width} IN (SELECT unnest($places))"
        f" GROUP BY post_id {several} ORDER BY post_id LIMIT 5",
        bound if subject == "both" else {**bound, "subject": subject},
    )
    rows = int(found.counts[np.isin(found.at_ms, bins)].sum())
    return Evidence(("side_posts", "posts"), rule, rows, tuple(post for (post,) in smallest))


def _missing(subject: str, what: str, unit: str, missing: str, artefact: str | None) -> Finding:
    """Return the finding that says what is missing, and that counts look like the collector's doing where they do."""
    settle = f"at least {LEAST_DAYS} days of the same collection before the event, better four weeks"
    finding = not_testable(f"M2.{what}.{subject}", "M2", subject, _claim(subject, what), unit, missing, settle)
    return replace(finding, limits=(*finding.limits, _artefact(artefact))) if artefact else finding


SECTION: Final = Section(
    name="spikes",
    title="Spikes over time",
    order=20,
    measures=("M2",),
    findings=findings,
    template="section.html",
)
