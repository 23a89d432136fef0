"""The published case as a table: each sentence of the report of 2020, and the findings of this case that answer it.

It makes no number: every figure is that of a finding, by its id, and where a finding is missing the line says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from floodmark.report.format import is_number, plain
from floodmark.report.model import Row, Subject, headline_of, missing_of
from floodmark.report.words import MEASURES

#: Measure, the sentence as published, the findings (without their subject) that answer it, and its own arithmetic.
#: No findings named: the one that stands for the measure.
SENTENCES: Final[tuple[tuple[str, str, tuple[str, ...], str], ...]] = (
    (
        "M3",
        "26,431 accounts were used in the campaign",
        ("M3.participants", "M3.coordinated", "M3.coordinated_at_least", "M3.testable"),
        "",
    ),
    ("M4", "nearly 46% fake and spam", ("M4.any", "M4.prevalence"), "M16.published_flagged"),
    (
        "M4",
        "11,294 fake or low-follower, newly created or previously dormant",
        ("M4.new", "M4.dormant", "M4.low_follower", "M4.any_difference"),
        "M16.published_prevalence",
    ),
    (
        "M5",
        "enrolled 1,622 accounts within one month of the conference",
        ("M5.enrolled_accounts", "M5.enrolled", "M5.difference"),
        "M16.published_enrolled",
    ),
    (
        "M6",
        "3,453 deleted, 1,168 inactive right after",
        ("M6.gone", "M6.deleted", "M6.suspended", "M6.silent", "M6.gone_difference"),
        "M16.published_deleted_or_inactive",
    ),
    ("M9", "bots, automated programs", (), ""),
    ("M10", "hacked social-media accounts", (), ""),
    ("M11", "led the well-organised operations", ("M11.starters", "M11.groups_with_starter", "M11.amplified"), ""),
)


@dataclass(frozen=True)
class Answer:
    """One row of findings that answers a sentence; `reasons` say for whom it is not testable, and why."""

    row: Row
    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sentence:
    """One published sentence. `sums` is its own arithmetic, `counts` what is divided; `absent` says what is missing."""

    measure: str
    text: str
    title: str
    answers: tuple[Answer, ...]
    sums: Row | None
    counts: str
    absent: str


def sentences_of(rows: Sequence[Row], subjects: Sequence[Subject], failed: Mapping[str, str]) -> list[Sentence]:
    """Return the published sentences with the rows of this report that answer them.

    `failed` maps measures to the reason why the section that computes them did not finish.
    """
    by_stem = {row.stem: row for row in rows}
    titles = {subject.name: subject.title for subject in subjects}
    found = []
    for measure, text, stems, sums in SENTENCES:
        answering = [by_stem[stem] for stem in stems if stem in by_stem]
        headline = None if answering else headline_of(measure, rows)
        answering += [headline] if headline else []
        own = by_stem.get(sums)
        absent = "" if answering else failed.get(measure, "This version computes nothing for this sentence.")
        answers = tuple(Answer(row, reasons_of(row, titles)) for row in answering)
        found.append(Sentence(measure, text, MEASURES[measure][0], answers, own, _counts(own), absent))
    return found


def reasons_of(row: Row, titles: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return (for whom, why) of what is not testable or was not tested; whom is empty where it holds for all."""
    about: dict[str, list[str]] = {}
    for finding in row.findings:
        if finding.state == "not_testable":
            about.setdefault(missing_of(finding), []).append(titles[finding.subject])
        elif finding.state == "untested":
            why = ". ".join((finding.method[:1].upper() + finding.method[1:], *finding.limits))
            about.setdefault(why, []).append(titles[finding.subject])
    return tuple(("" if len(whom) == len(row.cells) else ", ".join(whom), why) for why, whom in about.items())


def _counts(row: Row | None) -> str:
    """Return the division behind a published share: "11,294 of 26,431"; empty where there is none."""
    details = row.findings[0].details if row else {}
    part, total = details.get("published_accounts"), details.get("published_total")
    return f"{plain(part)} of {plain(total)}" if is_number(part) and is_number(total) else ""
