"""M2, spikes: bins of the event window with more posts than the baseline's rhythm allows, and than the event's lift.

The two are apart: an announced event raises every bin, so a bin above the rhythm is not odd by itself; one above the
event's own slow lift is faster than the crowd around it. Hashtags and targets are series of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from floodmark.event.case_series import Series, all_series, posts_behind
from floodmark.event.levels import FALSE_SHIFT
from floodmark.event.lift import LIFT_HOURS
from floodmark.event.spikes import FALSE_DISCOVERY, LEAST_DAYS, Spikes, collection_artefact
from floodmark.findings import Confidence, Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import which_posts
from floodmark.view import CaseView

_MOST_BINS: Final = 400
_MOST_SPIKES: Final = 10
_LIMITS: Final = (
    "The event itself raises counts: a bin above the baseline's rhythm is not odd by itself.",
    "No trend is fitted: a conversation that grows from week to week shows more spikes than it has.",
    "A single viral post can lift a bin above the rhythm; the test cannot tell that from an organised burst.",
)
_LIFT_LIMITS: Final = (
    f"What rises and falls over more than about {LIFT_HOURS} hours counts as the event's own lift, whoever made it: a"
    " flood that lasts is not found here.",
    "How much lift the event would have had without anybody's help is not in the data; earlier events of the same kind,"
    " collected in the same way, would show it.",
)
_ONSET: Final = (
    "A crowd that arrives within minutes, as at the start of a broadcast, looks like a surge unless the case file names"
    " the moment (event.announced)."
)
_ANNOUNCED: Final = "At the announced moments the lift may jump, so a surge that starts exactly then is not found."
_SHORT: Final = (
    "The baseline is short: hours of the day are fitted but no weekly rhythm, and the margin for error is doubled."
)
_PEAK_LIMIT: Final = "The peak was picked as the largest of many bins, so its ratio is overstated by chance."
_CHOSEN: Final = (
    "They were chosen by how many accounts used them in the window, so a lift over their own baseline is expected; only"
    " what is faster than that lift counts here."
)
_ALTERNATIVES: Final = (
    "An announced event draws a crowd at its hour.",
    "News, a quoted speech or one viral post makes a burst without any organisation.",
    "A collector that ran unevenly makes bursts and gaps of its own.",
)
#: Posts behind some bins of one series.
_Behind = Mapping[int, list[str]]
#: Per finding its unit and claim.
_CLAIMS: Final = {
    "spike_bins": ("count", "So many bins of the window hold more {} than the baseline's rhythm allows."),
    "beyond_lift": ("count", "So many bins of the window hold more {} than rhythm and the event's own lift allow."),
    "peak_ratio": ("ratio", "In the bin with most {}, their number is so many times the expected one."),
    "lift": ("ratio", "The window holds so many times the {} that the baseline's rhythm lets expect."),
    "lift_over_control": ("ratio", "The lift of the {} is so many times that of the control."),
    "level_shifts": ("count", "So often the level of the {} shifts within the window."),
    "hashtag_spikes": ("count", "So many of the most used hashtags in {} have a bin beyond their own lift."),
    "target_spikes": ("count", "So many of the accounts most addressed in {} have a bin beyond their own lift."),
}


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M2 on spikes, by kind and then by subject."""
    every = all_series(view)
    whole = {series.subject: series for series in every if series.kind == "subject"}
    found: dict[str, list[Finding]] = {name: [] for name in _CLAIMS}
    posts = posts_behind(view, [(series, _largest(series)) for series in every])
    for subject, series in whole.items():
        for finding in _subject(view, series, whole.get("control"), posts[series]):
            found[finding.id.split(".")[1]].append(finding)
        for kind in ("hashtag", "target"):
            marks = [other for other in every if other.subject == subject and other.kind == kind]
            found[f"{kind}_spikes"].append(_marks(view, subject, kind, marks, posts))
    return [finding for findings in found.values() for finding in findings]


def _subject(view: CaseView, series: Series, control: Series | None, posts: _Behind) -> list[Finding]:
    subject, event = series.subject, view.config.event
    inside = series.times_ms[series.times_ms >= event.start_ms]
    artefact = collection_artefact(inside)
    if isinstance(series.found, str):
        names = [name for name in _CLAIMS if not name.endswith("_spikes") and name != "lift_over_control"]
        names += ["lift_over_control"] if subject != "control" else []
        return [_missing(subject, name, series.found, artefact) for name in names]
    limits = _limits(view, series.found, artefact)
    return [
        _spike_bins(view, series, series.found, limits),
        _beyond_lift(view, series, series.found, limits, posts),
        _peak_ratio(view, series, series.found, limits),
        _lift(view, subject, series.found, limits),
        *([_over_control(view, subject, series.found, control, limits)] if subject != "control" else []),
        _shifts(view, subject, series.found, limits),
    ]


def _finding(subject: str, name: str, **fields: Any) -> Finding:
    unit, claim = _CLAIMS[name]
    given: dict[str, Any] = {"low": None, "high": None, "alternatives": _ALTERNATIVES, "state": "measured", **fields}
    return Finding(
        id=f"M2.{name}.{subject}",
        measure="M2",
        subject=subject,
        claim=claim.format(which_posts(subject)),
        unit=unit,
        **given,
    )


def _control_of_errors(found: Spikes) -> str:
    return (
        f"one-sided tests of {found.at_ms.size} bins, p-values raised to what the baseline's own bins reach; first the"
        " series with anything are chosen among all of the case (Simes), then their bins; false discoveries at"
        f" {FALSE_DISCOVERY:g} on average over the chosen series (Benjamini & Bogomolov 2014)"
    )


def _spike_bins(view: CaseView, series: Series, found: Spikes, limits: tuple[str, ...]) -> Finding:
    spikes = np.flatnonzero(series.rhythm)
    return _finding(
        series.subject,
        "spike_bins",
        value=int(spikes.size),
        method=f"{_model(found)}; {_control_of_errors(found)}",
        evidence=_evidence(view, series.subject, found, found.at_ms[spikes], "posts in bins found to be spikes"),
        limits=limits,
        confidence=_confidence(found),
        details={
            "bin_ms": found.bin_minutes * 60_000,
            "bins": _bins(series, found),
            "bins_tested": int(found.at_ms.size),
            "baseline_days": found.days,
            "baseline_posts": found.baseline_posts,
            "dispersion": found.dispersion,
        },
    )


def _beyond_lift(view: CaseView, series: Series, found: Spikes, limits: tuple[str, ...], posts: _Behind) -> Finding:
    spikes = np.flatnonzero(series.beyond)
    return _finding(
        series.subject,
        "beyond_lift",
        value=int(spikes.size),
        method=(
            f"{_model(found)}, times a smooth lift with a knot every {LIFT_HOURS} hours that is fitted to the window"
            " itself and in the same way to the baseline (negative-binomial regression on splines, high bins with a"
            f" bounded pull); {_control_of_errors(found)}"
        ),
        evidence=_evidence(view, series.subject, found, found.at_ms[spikes], "posts in bins beyond the event's lift"),
        limits=(*_lift_limits(view), *limits[1:]),
        confidence=_confidence(found),
        details={
            "spikes": _spike_rows(series, posts),
            "bin_ms": found.bin_minutes * 60_000,
            "dispersion": found.lifted_dispersion,
        },
    )


def _lift_limits(view: CaseView) -> tuple[str, ...]:
    return (*_LIFT_LIMITS, _ANNOUNCED if view.config.event.announced else _ONSET)


def _largest(series: Series) -> np.ndarray:
    """Return the bins beyond the lift that are shown, in order of time."""
    if not isinstance(series.found, Spikes):
        return np.zeros(0, dtype=np.int64)
    places, found = np.flatnonzero(series.beyond), series.found
    order = places[np.lexsort((places, -(found.counts[places] - found.lifted[places])))]
    return np.sort(order[:_MOST_SPIKES])


def _spike_rows(series: Series, posts: _Behind) -> list[list[object]]:
    """Return [start, count, expected with the lift, largest ordinary count, some posts] of the largest spikes."""
    found = series.found
    if not isinstance(found, Spikes):
        return []
    return [
        [
            int(found.at_ms[place]),
            int(found.counts[place]),
            float(found.lifted[place]),
            int(found.lifted_upper[place]),
            posts.get(int(place), []),
        ]
        for place in _largest(series)
    ]


def _peak_ratio(view: CaseView, series: Series, found: Spikes, limits: tuple[str, ...]) -> Finding:
    level, peak = view.config.parameters.level, found.peak
    ratio, low, high = found.ratio
    at = found.at_ms[peak : peak + 1]
    return _finding(
        series.subject,
        "peak_ratio",
        value=ratio,
        low=low,
        high=high,
        method=(
            f"{_model(found)}; count of the bin with most posts over its expected count, log-scale interval at level"
            f" {level:g} from Poisson error and a jackknife over the days of the baseline"
        ),
        evidence=_evidence(view, series.subject, found, at, "posts in the bin with most posts"),
        limits=(*limits, _PEAK_LIMIT),
        confidence="low",
        level=level,
        details={
            "at_ms": int(found.at_ms[peak]),
            "count": int(found.counts[peak]),
            "expected": float(found.expected[peak]),
            "bin_ms": found.bin_minutes * 60_000,
        },
    )


def _lift(view: CaseView, subject: str, found: Spikes, limits: tuple[str, ...]) -> Finding:
    level = view.config.parameters.level
    ratio, low, high = found.whole
    return _finding(
        subject,
        "lift",
        value=ratio,
        low=low,
        high=high,
        method=(
            f"{_model(found)}; posts of the window over expected posts, log-scale interval at level {level:g} from how"
            " bins stray around the smooth lift and a jackknife over the days of the baseline"
        ),
        evidence=Evidence(("side_posts", "posts"), "posts in the window", int(found.counts.sum())),
        limits=(_LIFT_LIMITS[1], *limits),
        confidence=_confidence(found),
        level=level,
        details={"posts": int(found.counts.sum()), "expected": float(found.expected.sum())},
    )


def _over_control(
    view: CaseView, subject: str, found: Spikes, control: Series | None, limits: tuple[str, ...]
) -> Finding:
    other = control.found if control else None
    if not isinstance(other, Spikes) or not other.whole[1]:
        return _missing(subject, "lift_over_control", "no control stream whose lift could be measured", None)
    level = view.config.parameters.level
    logs, logs_control = np.log(found.whole), np.log(other.whole)
    middle = logs[0] - logs_control[0]
    low = middle - np.hypot(logs[0] - logs[1], logs_control[2] - logs_control[0])
    high = middle + np.hypot(logs[2] - logs[0], logs_control[0] - logs_control[1])
    return _finding(
        subject,
        "lift_over_control",
        value=float(np.exp(middle)),
        low=float(np.exp(low)),
        high=float(np.exp(high)),
        method=f"ratio of the two lifts, intervals joined on the log scale at level {level:g} (Zou & Donner 2008)",
        evidence=Evidence(("side_posts",), "posts in the window", int(found.counts.sum() + other.counts.sum())),
        limits=("The control talks of something else, so it does not show the event's own lift.", *limits),
        confidence="moderate" if "moderate" == _confidence(found) == _confidence(other) else "low",
        level=level,
    )


def _shifts(view: CaseView, subject: str, found: Spikes, limits: tuple[str, ...]) -> Finding:
    if not found.levels:
        missing = "too few stretches of baseline as long as the window to know how much levels shift by themselves"
        return _missing(subject, "level_shifts", missing, None)
    start, width = view.config.event.start_ms, found.bin_minutes * 60_000
    return _finding(
        subject,
        "level_shifts",
        value=len(found.levels) - 1,
        method=(
            f"{_model(found)}; binary segmentation of variance-stabilised residuals, a split counts where it gains more"
            f" than the best split of {1 - FALSE_SHIFT:.0%} of the baseline's stretches of that length is expected to"
        ),
        evidence=Evidence(("side_posts", "posts"), "posts in the window", int(found.counts.sum())),
        limits=("Where the event begins and ends, levels shift for no other reason.", *limits),
        confidence="low",
        details={
            "levels": [
                [start + first * width, min(view.config.event.end_ms, start + last * width), posts, expected]
                for first, last, posts, expected in found.levels
            ]
        },
    )


def _marks(view: CaseView, subject: str, kind: str, marks: list[Series], posts: Mapping[Series, _Behind]) -> Finding:
    name = f"{kind}_spikes"
    judged = [series for series in marks if isinstance(series.found, Spikes)]
    if not judged:
        least = view.config.parameters.target_min_accounts
        what = {"hashtag": "hashtag that {} accounts used", "target": "account that {} others addressed"}[kind]
        missing = str(marks[0].found) if marks else f"no {what.format(least)} in the window"
        return _missing(subject, name, missing, None)
    hits = [series for series in judged if series.beyond.any()]
    rows = sum(int(series.found.counts[series.beyond].sum()) for series in judged if isinstance(series.found, Spikes))
    found = judged[0].found
    if not isinstance(found, Spikes):
        raise TypeError("a judged series holds Spikes")
    return _finding(
        subject,
        name,
        value=len(hits),
        method=f"each as a series of its own: {_model(found)}, times its own smooth lift; {_control_of_errors(found)}",
        evidence=Evidence(
            ("side_posts", "post_features" if kind == "hashtag" else "posts"), "posts in bins beyond the lift", rows
        ),
        limits=(_CHOSEN, *_lift_limits(view)),
        confidence="low",
        details={
            "series": [
                {
                    "name": series.name,
                    "accounts": series.accounts,
                    "posts": series.posts,
                    "missing": series.found if isinstance(series.found, str) else None,
                    "lift": list(series.found.whole) if isinstance(series.found, Spikes) else None,
                    "above_rhythm": int(series.rhythm.sum()),
                    "beyond_lift": int(series.beyond.sum()),
                    "spikes": _spike_rows(series, posts[series]),
                }
                for series in marks
            ],
            "tested": len(judged),
        },
    )


def _confidence(found: Spikes) -> Confidence:
    return "moderate" if found.weekly else "low"


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
    return f"Hourly counts can be an artefact of collection: {artefact}."


def _bins(series: Series, found: Spikes) -> list[list[object]]:
    """Return rows for the day before and the window.

    [start, count, expected, largest ordinary count, above the rhythm, expected with the lift, beyond the lift]. At most
    _MOST_BINS: the day before goes first, then what is far from the peak.
    """
    columns = (found.at_ms, found.counts, found.expected, found.upper, series.rhythm, found.lifted, series.beyond)
    window: list[list[object]] = [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    before: list[list[object]] = [[*row, False, None, False] for row in found.before]
    if len(window) + len(before) <= _MOST_BINS:
        return before + window
    start = min(max(0, found.peak - _MOST_BINS // 2), max(0, len(window) - _MOST_BINS))
    return window[start : start + _MOST_BINS]


def _evidence(view: CaseView, subject: str, found: Spikes, bins: np.ndarray, rule: str) -> Evidence:
    """Return how many posts of the subject fall into the bins, and the smallest ids among them."""
    width, start = found.bin_minutes * 60_000, view.config.event.start_ms
    smallest = view.db.rows(
        "SELECT DISTINCT post_id FROM _subject_posts WHERE in_window AND subject = $subject"
        f" AND (at_ms - $start) // {width} IN (SELECT unnest($places)) ORDER BY post_id LIMIT 5",
        {"subject": subject, "start": start, "places": ((bins - start) // width).tolist() or [-1]},
    )
    rows = int(found.counts[np.isin(found.at_ms, bins)].sum())
    return Evidence(("side_posts", "posts"), rule, rows, tuple(post for (post,) in smallest))


def _missing(subject: str, name: str, missing: str, artefact: str | None) -> Finding:
    """Return the finding that says what is missing, and that counts look like the collector's doing where they do."""
    unit, claim = _CLAIMS[name]
    settle = {
        "lift_over_control": "a control stream with a baseline, collected in the same way and window",
        "hashtag_spikes": "hashtags that enough accounts use, before the event too",
        "target_spikes": "replies, quotes or mentions of accounts that enough others address, before the event too",
    }.get(name, f"at least {LEAST_DAYS} days of the same collection before the event, better four weeks")
    words = claim.format(which_posts(subject))
    finding = not_testable(f"M2.{name}.{subject}", "M2", subject, words, unit, missing, settle)
    return replace(finding, limits=(*finding.limits, _artefact(artefact))) if artefact else finding


SECTION: Final = Section(
    name="spikes",
    title="Spikes over time",
    order=20,
    measures=("M2",),
    findings=findings,
    template="section.html",
)
