"""Displacement: a side's posts and authors in the window against what streams without this event lead one to expect.

A synthetic control: a weighted mean of the streams for comparison that follows the side's course before the window,
carried on through it. The streams are siblings of the same days or earlier events, laid over the event by their start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.stats import Floats
from floodmark.view import CaseView

DAY_MS: Final = 86_400_000
#: A course needs so many bins before the window, and so many posts (or authors) in each on average.
LEAST_BINS: Final = 14
LEAST_MEAN: Final = 5.0
_SUM_WEIGHT: Final = 1e4


@dataclass(frozen=True)
class Effect:
    """What was observed over what was expected in the window, with its interval; 1 is no effect.

    `placebos` are the same for each stream for comparison, against the others: what it comes to without any attack.
    `observed` and `expected` are the series by bin, from the first bin before the window to the last in it.
    """

    ratio: float
    low: float
    high: float
    placebos: tuple[float, ...]
    observed: tuple[float, ...]
    expected: tuple[float, ...]
    before: int


@dataclass(frozen=True)
class Courses:
    """Counts by bin: one row a stream for comparison, and of each subject; `bin_ms`, and the bins before the window."""

    subjects: Mapping[str, Floats]
    streams: Floats
    bin_ms: int
    before: int
    left_out: tuple[str, ...]


def effect(target: Floats, streams: Floats, before: int, level: float = 0.95) -> Effect:
    """Return the effect on `target` (counts by bin) against `streams` (one row each); the window begins at `before`.

    On logarithms, with a level of its own for each series and weights that are positive, sum to 1 and are drawn
    together by the penalty of Arkhangelsky et al. 2021 (doi 10.1257/aer.20190159). The interval is that of placebos
    (their algorithm 4; Abadie, Diamond & Hainmueller 2010, doi 10.1198/jasa.2009.ap08746): each stream takes the
    target's place, and the spread of what then seems an effect, in absolute terms or by how well the course before was
    met, whichever is wider, is that of chance. ValueError with fewer than three streams.

    >>> days = np.arange(21)
    >>> usual = 100 + 20 * np.sin(days)
    >>> streams = np.array([usual + 4 * np.cos(days * pace) for pace in (1, 2, 3, 4)])
    >>> round(effect(np.where(days < 14, usual, usual / 2), streams, 14).ratio, 2)
    0.5
    """
    if streams.shape[0] < 3:
        raise ValueError(f"{streams.shape[0]} streams leave no spread of placebos; at least 3 are needed")
    logs, own = np.log(streams + 0.5), np.log(target + 0.5)
    gaps = own - _counterfactual(own, logs, before)
    others = [np.delete(logs, place, axis=0) for place in range(logs.shape[0])]
    placebo_gaps = np.array([log - _counterfactual(log, rest, before) for log, rest in zip(logs, others, strict=True)])
    value, miss = float(gaps[before:].mean()), _root_mean(gaps[:before])
    placebos = placebo_gaps[:, before:].mean(axis=1)
    misses = np.array([_root_mean(row[:before]) for row in placebo_gaps])
    scaled = placebos / np.maximum(misses, 1e-9)
    spread = max(_root_mean(placebos), _root_mean(scaled) * miss)
    count = placebos.size
    half = _t_value(level, count) * spread * float(np.sqrt(1 + 1 / count))
    return Effect(
        float(np.exp(value)),
        float(np.exp(value - half)),
        float(np.exp(value + half)),
        tuple(np.exp(np.sort(placebos)).tolist()),
        tuple(target.tolist()),
        tuple((np.exp(own - gaps) - 0.5).tolist()),
        before,
    )


def usable(series: Floats, before: int) -> bool:
    """Whether a course is dense enough to follow: LEAST_MEAN posts (or authors) a bin on average before the window.

    `series` are counts by bin, the window begins at `before`. At least 80 % of the bins before it hold any, and the
    window holds some.

    >>> usable(np.full(21, 8.0), 14), usable(np.full(21, 2.0), 14)
    (True, False)
    """
    past = series[:before]
    return bool(past.mean() >= LEAST_MEAN and np.count_nonzero(past) >= 0.8 * before and series[before:].any())


def courses(view: CaseView, *, authors: bool) -> Courses | str:
    """Return the counts by bin of every subject and every stream for comparison, or what is missing in words.

    Of a subject the accounts named by the coordination test are left out: the question is what became of the others. A
    side has the posts that match it and no other side.
    Bins are days from the start of the event (or of the earlier event), shorter where the window is. Needs
    `speech.prepare`.
    """
    config = view.config
    if not config.comparisons:
        return "the case file names no earlier or sibling stream to compare with"
    if config.baseline is None:
        return "the case file declares no baseline, the weeks before the event"
    window_ms = config.event.end_ms - config.event.start_ms
    bin_ms = min(DAY_MS, window_ms)
    before = (config.event.start_ms - config.baseline_start_ms) // bin_ms
    if before < LEAST_BINS:
        return f"the baseline has {before} bins before the event; at least {LEAST_BINS} are needed"
    bins = before + window_ms // bin_ms
    subjects = _subject_courses(view, authors=authors, bin_ms=bin_ms, before=before, bins=bins)
    found = _stream_courses(view, authors=authors, bin_ms=bin_ms, before=before, bins=bins)
    kept = [stream for stream in sorted(found) if usable(found[stream], before)]
    left_out = [stream for stream in sorted(found) if stream not in kept]
    if len(kept) < config.parameters.comparison_min:
        return (
            f"{len(kept)} of the {len(config.comparisons)} earlier or sibling streams are dense enough;"
            f" at least {config.parameters.comparison_min} are needed"
        )
    return Courses(subjects, np.array([found[stream] for stream in kept]), bin_ms, before, tuple(left_out))


def _subject_courses(view: CaseView, *, authors: bool, bin_ms: int, before: int, bins: int) -> Mapping[str, Floats]:
    """Return the course of every subject; posts for several sides count for `both` alone: they can be the intrusion."""
    first_ms = view.config.event.start_ms - before * bin_ms
    span = {"first_ms": first_ms, "last_ms": first_ms + bins * bin_ms, "bin_ms": bin_ms}
    what = "count(DISTINCT account_id)" if authors else "count(*)"
    found = view.db.rows(
        f"""
        SELECT coalesce(only_side, 'both') AS subject, (at_ms - $first_ms) // $bin_ms AS bin, {what}
        FROM m12_posts WHERE scope = 'event' AND NOT named AND at_ms >= $first_ms AND at_ms < $last_ms
        GROUP BY ALL
        """,
        span,
    )
    found += view.db.rows(
        f"""
        SELECT 'control', (at_ms - $first_ms) // $bin_ms AS bin, {what.replace("*", "DISTINCT post_id")}
        FROM side_posts WHERE side = 'control' AND at_ms >= $first_ms AND at_ms < $last_ms
            AND account_id NOT IN (SELECT account_id FROM m12_named WHERE scope = 'control')
        GROUP BY ALL
        """,
        span,
    )
    return _filled(view.config.subjects, found, bins)


def _stream_courses(view: CaseView, *, authors: bool, bin_ms: int, before: int, bins: int) -> Mapping[str, Floats]:
    """Return the course of every stream for comparison, from the start of its own event."""
    starts = {item.stream: view.config.comparison_start_ms(item) - before * bin_ms for item in view.config.comparisons}
    view.db.execute("CREATE OR REPLACE TEMP TABLE m12_compared (stream VARCHAR, first_ms BIGINT)")
    view.db.load("m12_compared", {"stream": list(starts), "first_ms": list(starts.values())})
    found = view.db.rows(
        f"""
        SELECT stream, (at_ms - first_ms) // $bin_ms AS bin,
               count(DISTINCT {"account_id" if authors else "post_id"})
        FROM posts JOIN m12_compared USING (stream)
        WHERE at_ms >= first_ms AND at_ms < first_ms + $span_ms GROUP BY ALL
        """,
        {"bin_ms": bin_ms, "span_ms": bins * bin_ms},
    )
    return _filled(starts, found, bins)


def _filled(names: Iterable[str], found: Iterable[tuple[str, int, int]], bins: int) -> Mapping[str, Floats]:
    """Return a row of counts by bin for each name, 0 where nothing was found."""
    series = {name: np.zeros(bins) for name in names}
    for name, place, count in found:
        if name in series:
            series[name][int(place)] = count
    return series


def _counterfactual(own: Floats, others: Floats, before: int) -> Floats:
    """Return the course that the others' weighted mean gives, at the level of `own` before the window."""
    from scipy.optimize import nnls

    past = others[:, :before]
    levels = past.mean(axis=1, keepdims=True)
    centred, aim = (past - levels).T, own[:before] - own[:before].mean()
    after = others.shape[1] - before
    noise = float(np.diff(past, axis=1).std())
    penalty = after**0.25 * noise * np.sqrt(before)
    count = others.shape[0]
    design = np.vstack([centred, penalty * np.eye(count), _SUM_WEIGHT * np.ones((1, count))])
    weights = nnls(design, np.concatenate([aim, np.zeros(count), [_SUM_WEIGHT]]))[0]
    weights = weights / weights.sum()
    return np.asarray(own[:before].mean() + weights @ (others - levels), dtype=np.float64)


def _root_mean(values: Floats | Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _t_value(level: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))
