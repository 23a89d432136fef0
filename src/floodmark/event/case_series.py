"""Every series of a case that is judged for spikes under one error control: subjects, their hashtags, their targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from floodmark.event.discovery import select
from floodmark.event.marks import make_marks, top_marks
from floodmark.event.series import collected_days
from floodmark.event.spikes import DAY_MS, FALSE_DISCOVERY, MINUTE_MS, Spikes, Window, find_spikes
from floodmark.stats import Counts
from floodmark.view import CaseView

#: Posts named for each bin with a spike.
_POSTS_NAMED: Final = 3


@dataclass(frozen=True, eq=False)
class Series:
    """One series: a subject as a whole (kind "subject"), or a hashtag or target of it.

    `found` says in words what is missing where it could not be judged. `rhythm` and `beyond` are the bins with more
    than the rhythm, and with more than rhythm and lift let expect, by the error control over all series of the case.
    """

    subject: str
    kind: str
    name: str
    accounts: int
    posts: int
    times_ms: Counts
    found: Spikes | str
    rhythm: np.ndarray
    beyond: np.ndarray


def window_of(view: CaseView) -> Window:
    """Return where to look, from the case file."""
    event, parameters = view.config.event, view.config.parameters
    return Window(
        event.start_ms,
        event.end_ms,
        view.config.baseline_start_ms,
        view.config.baseline_end_ms,
        event.zone,
        parameters.spike_bin_minutes,
        parameters.baseline_days,
        event.announced_ms,
    )


def all_series(view: CaseView) -> list[Series]:
    """Return all series of the case, judged: subjects in the order of the case, then hashtags, then targets.

    Leaves the tables of `marks.make_marks` behind. Spikes are discoveries of `discovery.select` over all series that
    could be judged, against the rhythm and against the lift apart.
    """
    event, parameters = view.config.event, view.config.parameters
    make_marks(view, min(view.config.baseline_start_ms, event.start_ms - DAY_MS))
    least = parameters.target_min_accounts
    marks = [mark for kind in ("hashtag", "target") for mark in top_marks(view, kind, parameters.spike_top, least)]
    days = {subject: collected_days(view, subject) for subject in view.config.subjects}
    window = window_of(view)

    def judged(subject: str, kind: str, name: str, accounts: int, posts: int, times: Counts) -> Series:
        found: Spikes | str = "no baseline in the case file ([baseline] with start and end)"
        if view.config.baseline:
            found = find_spikes(times, days[subject], window, parameters.level)
        none = np.zeros(found.at_ms.size if isinstance(found, Spikes) else 0, dtype=bool)
        return Series(subject, kind, name, accounts, posts, times, found, none, none)

    every = [judged(subject, "subject", "", 0, 0, _times(view, subject)) for subject in view.config.subjects]
    every += [judged(m.subject, m.kind, m.name, m.accounts, m.posts, m.times_ms) for m in marks]
    places = [place for place, series in enumerate(every) if isinstance(series.found, Spikes)]
    results = [series.found for series in every if isinstance(series.found, Spikes)]
    rhythm = select([found.p_values for found in results], FALSE_DISCOVERY)
    beyond = select([found.beyond_p for found in results], FALSE_DISCOVERY)
    for place, over, above in zip(places, rhythm, beyond, strict=True):
        every[place] = replace(every[place], rhythm=over, beyond=above)
    return every


def posts_behind(view: CaseView, chosen: Sequence[tuple[Series, np.ndarray]]) -> dict[Series, dict[int, list[str]]]:
    """Return for each series, and each of its bins (places in the window), the smallest ids of the posts behind it.

    From the tables of `marks.make_marks`; one query for all series of a kind and a width of bins.
    """
    together: dict[tuple[str, int], list[tuple[Series, int]]] = {}
    for series, bins in chosen:
        if isinstance(series.found, Spikes):
            kept = together.setdefault((series.kind, series.found.bin_minutes), [])
            kept += [(series, place) for place in bins.tolist()]
    found: dict[Series, dict[int, list[str]]] = {series: {} for series, _ in chosen}
    for (kind, minutes), wanted in together.items():
        for number, post in _smallest_ids(view, kind, minutes, wanted):
            series, place = wanted[number]
            found[series].setdefault(place, []).append(post)
    return found


def _smallest_ids(
    view: CaseView, kind: str, minutes: int, wanted: Sequence[tuple[Series, int]]
) -> list[tuple[int, str]]:
    """Return (number in `wanted`, post id), the smallest few ids of each bin."""
    source, also = {
        "subject": ("", ""),
        "hashtag": ("JOIN post_features f USING (stream, post_id)", "AND list_contains(f.hashtags, w.name)"),
        "target": ("JOIN _addressed a USING (post_id)", "AND a.target = w.name"),
    }[kind]
    rows = view.db.rows(
        f"""
        WITH wanted AS (
            SELECT unnest($numbers) AS number, unnest($subjects) AS subject, unnest($names) AS name,
                unnest($bins) AS bin
        ), behind AS (
            SELECT DISTINCT w.number, s.post_id FROM _subject_posts s {source}
            JOIN wanted w ON w.subject = s.subject AND w.bin = (s.at_ms - $start) // {minutes * MINUTE_MS} {also}
            WHERE s.in_window
        )
        SELECT number, post_id FROM behind
        QUALIFY row_number() OVER (PARTITION BY number ORDER BY post_id) <= {_POSTS_NAMED} ORDER BY number, post_id
        """,
        {
            "numbers": list(range(len(wanted))),
            "subjects": [series.subject for series, _ in wanted],
            "names": [series.name for series, _ in wanted],
            "bins": [place for _, place in wanted],
            "start": view.config.event.start_ms,
        },
    )
    return [(int(number), str(post)) for number, post in rows]


def _times(view: CaseView, subject: str) -> Counts:
    found = view.db.arrays(
        "SELECT at_ms FROM _subject_posts WHERE subject = $subject ORDER BY at_ms", {"subject": subject}
    )
    return np.asarray(found["at_ms"], dtype=np.int64)
