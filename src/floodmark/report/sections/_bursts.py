"""Findings of M5 about creation bursts: hours, days and weeks with more creations than usual.

Which accounts were created in one, the table `account_flags` says; no finding lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from floodmark.accounts.burst_created import FLAG
from floodmark.accounts.creation_bursts import (
    DAY_MS,
    FALSE_DISCOVERIES,
    MIN_BURST,
    MIN_DATED,
    RESOLUTIONS,
    BinTest,
    Resolution,
    RosterBins,
    creation_bins,
)
from floodmark.accounts.prevalence import FlagCounts, Tally, count_flags
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.report.sections._shared import difference_finding, share_finding, whose
from floodmark.view import CaseView

Bins = Mapping[tuple[str, str], RosterBins]
#: Days before the end of the event that the chart by day shows, and weeks of the chart of all years.
_CHART_DAYS: Final = 90
_MAX_BURSTS: Final = 20
_LIMITS: Final = (
    "Only accounts that still existed and took part are seen, so most of a burst on the platform may be missing.",
    "A burst that runs over the border of two bins, or lasts for weeks, is seen less well.",
    "Where more than one bin in a hundred stands out the roster counts as restless: many bursts hide each other, and"
    " none found then says little.",
    "Hours, days and weeks are those of UTC; weeks begin on Monday.",
)
_WEEK_LIMIT: Final = (
    "A week with many creations can be a week of news; the flag of accounts looks at hours and days only."
)
_ALTERNATIVES: Final = FLAG.benign


def burst_findings(view: CaseView) -> list[Finding]:
    """Return bursts by hour, day and week for every subject, and the share of accounts created in one."""
    bins, subjects = creation_bins(view), view.config.subjects
    counts = count_flags(view, [FLAG])
    found = [_bursts(view, bins, resolution, subject) for resolution in RESOLUTIONS for subject in subjects]
    found += [_share(view, counts, subject) for subject in subjects]
    return found + [_difference(view, counts, subject) for subject in subjects if subject != "control"]


def _bursts(view: CaseView, bins: Bins, resolution: Resolution, subject: str) -> Finding:
    finding_id, name = f"M5.burst_{resolution.name}s.{subject}", resolution.name
    claim = f"In so many {name}s more {whose(subject)} were created than the {name}s around them allow."
    own = bins.get((subject, name))
    if own is None or own.test is None:
        dated = own.dated if own else 0
        missing = f"{dated} accounts of this roster have a creation date known to the {name}; {MIN_DATED} are needed"
        return not_testable(finding_id, "M5", subject, claim, "count", missing, f"creation dates known to the {name}")
    test, control = own.test, bins.get(("control", name))
    return Finding(
        id=finding_id,
        measure="M5",
        subject=subject,
        claim=claim,
        value=int(test.burst.sum()),
        unit="count",
        low=None,
        high=None,
        state="measured",
        method=(
            f"accounts created per {name} from the first creation to the last against a negative binomial: mean from"
            f" the {resolution.far} {name}s to either side and, where that is more, from the {resolution.near} next to"
            f" it, times the usual rhythm; dispersion {test.dispersion:.2g} from all {name}s; Benjamini-Hochberg over"
            f" {test.burst.size} {name}s at {FALSE_DISCOVERIES:g}; fewer than {MIN_BURST} accounts are never a burst"
        ),
        evidence=Evidence(
            ("participants", "accounts", "account_flags"),
            f"participants with a creation date known to the {name}",
            own.dated,
        ),
        limits=(*_LIMITS, *((_WEEK_LIMIT,) if name == "week" else ())),
        confidence="moderate",
        alternatives=_ALTERNATIVES,
        details={
            "bursts": _listed(test, control.test if control and subject != "control" else None),
            "accounts_in_bursts": int(test.accounts[test.burst].sum()),
            "dated": own.dated,
            "accounts": own.accounts,
            "dispersion": test.dispersion,
            **_chart_rows(view, test),
        },
    )


def _listed(test: BinTest, control: BinTest | None) -> list[list[object]]:
    """Return the bursts, least probable first: start, accounts, expected, p-value, control accounts in the same bin."""
    beside = dict(zip(control.start_ms.tolist(), control.accounts.tolist(), strict=True)) if control else {}
    rows = [
        [start, accounts, expected, p_value, beside.get(start, 0) if control else None]
        for start, accounts, expected, p_value in zip(
            *(values[test.burst].tolist() for values in (test.start_ms, test.accounts, test.expected, test.p_value)),
            strict=True,
        )
    ]
    return sorted(rows, key=lambda row: (row[3], row[0]))[:_MAX_BURSTS]


def _chart_rows(view: CaseView, test: BinTest) -> dict[str, object]:
    """Return [start, accounts, expected, burst] of the days before the event's end, or of all weeks; none by hour."""
    name, end = test.resolution.name, view.config.event.end_ms
    if name == "hour":
        return {}
    shown = (
        (test.start_ms >= end - _CHART_DAYS * DAY_MS) & (test.start_ms < end) if name == "day" else test.accounts >= 0
    )
    columns = (values[shown].tolist() for values in (test.start_ms, test.accounts, test.expected, test.burst))
    return {f"creations_by_{name}": [list(row) for row in zip(*columns, strict=True)]}


def _share(view: CaseView, counts: FlagCounts, subject: str) -> Finding:
    claim = f"Of the {whose(subject)} with a creation date known to the day, this share was created in a burst."
    if not counts.testable(subject, FLAG):
        missing = f"fewer than {MIN_DATED} accounts of this roster have a creation date known to the day"
        settle = "profiles with a creation date"
        return not_testable(f"M5.burst_created.{subject}", "M5", subject, claim, "share", missing, settle)
    return share_finding(
        f"M5.burst_created.{subject}",
        subject,
        claim,
        counts.tally(subject, (FLAG.name,)),
        view.config.parameters.level,
        method="accounts created in an hour or a day that is a burst",
        evidence=Evidence(("participants", "account_flags"), "participants whose date was tested", 0),
        limits=_LIMITS,
        alternatives=_ALTERNATIVES,
    )


def _difference(view: CaseView, counts: FlagCounts, subject: str) -> Finding:
    control: Tally | None = counts.tally("control", (FLAG.name,)) if counts.testable("control", FLAG) else None
    return difference_finding(
        f"M5.burst_difference.{subject}",
        subject,
        f"The share created in a burst among {whose(subject)} exceeds that of the control by so much.",
        counts.tally(subject, (FLAG.name,)),
        control,
        view.config.parameters.level,
        method="accounts created in an hour or a day that is a burst",
        evidence=Evidence(("participants", "account_flags"), "participants whose date was tested", 0),
        limits=(
            *_LIMITS,
            "A larger roster shows smaller bursts; rosters of different size are not tested equally sharply.",
            "Accounts of one burst come together, so the interval, which takes them one by one, is too narrow.",
        ),
        alternatives=_ALTERNATIVES,
    )
