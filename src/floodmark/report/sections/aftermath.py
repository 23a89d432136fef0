"""M6, aftermath: what became of the accounts at the last status snapshot after the event, the states kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from floodmark import stats
from floodmark.accounts.aftermath import (
    DAY_MS,
    GONE,
    NOBODY,
    Aftermath,
    aftermath,
    snapshots,
    snapshots_are_of_strangers,
)
from floodmark.accounts.prevalence import Tally
from floodmark.config import Population
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import SAMPLE_LIMIT, difference_finding, share_finding, unknown_limit
from floodmark.report.sections._shared import whose as whose_posted
from floodmark.view import CaseView

_EVIDENCE: Final = Evidence(("participants", "statuses"), "participants with a status snapshot after the event", 0)
_BASE_RATE: Final = (
    "A share that vanished says nothing alone: 4.1 % of about 171,000 polled Iranian accounts were seen gone at some"
    " point over five months in 2020, and some of those came back; of accounts in the Brexit debate 20 % vanished"
    " (doi 10.1177/0002764221989772)."
)
_LIMITS: Final = (
    _BASE_RATE,
    "Rosters differ in age, language and activity, and so in how many accounts vanish; these shares are not matched.",
    "An account that is not found is not known to be suspended or deleted; the states are kept apart.",
    "An account can have vanished and come back between two looks.",
)
ALTERNATIVES: Final = (
    "People delete or leave accounts out of fear, or after harassment.",
    "Platforms suspend by report and by mistake, and mass reports hit the attacked side too.",
    "Accounts opened for one occasion are given up after it.",
)
_STATES: Final = (
    ("gone", GONE, "was gone: suspended, deleted or not found"),
    ("deleted", ("deleted",), "had been deleted by its owner"),
    ("suspended", ("suspended",), "had been suspended by the platform"),
    ("not_found", ("not_found",), "was not found, for a reason that the snapshot does not say"),
    ("returned", ("returned",), "was there again after it had been seen gone"),
    ("protected", ("protected",), "was there, but showed its posts to followers only"),
    ("renamed", ("renamed",), "was there under another handle"),
)
#: Polls without which a rate of vanishing has nothing to be compared with.
_FEWEST_POLLS: Final = 5


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M6 on states."""
    found, subjects = aftermath(view), view.config.subjects
    # Only where nothing was seen at all can a mistaken platform be the reason.
    if not any(own.seen for own in found.values()) and snapshots_are_of_strangers(view):
        found = {subject: replace(NOBODY, strangers=True) for subject in subjects}
    shares = [_state(view, found, subject, *state) for state in _STATES for subject in subjects]
    silent = [_silent(view, found, subject) for subject in subjects]
    polled = {population.side: population for population in view.config.populations}
    of_polled = [_of_polled(view, found.get(s, NOBODY), s, polled[s]) for s in subjects if s in polled]
    pace = [_pace(view, found[s], s) for s in subjects if s in found and len(found[s].newly_gone) > _FEWEST_POLLS]
    differences = [_difference(view, found, subject) for subject in subjects if subject != "control"]
    back = [_came_back(view, found.get(subject, NOBODY), subject) for subject in subjects]
    return [*shares, *silent, *differences, *back, *of_polled, *pace, *_snapshots(view)]


def whose(view: CaseView, subject: str) -> str:
    """Return the accounts of a roster in words; in a case without posts nobody is known to have posted."""
    if view.config.has_posts:
        return whose_posted(subject)
    return {"both": "accounts on several lists", "control": "control accounts"}.get(
        subject, f"accounts on the list of {subject}"
    )


def _state(
    view: CaseView, found: Mapping[str, Aftermath], subject: str, name: str, statuses: tuple[str, ...], words: str
) -> Finding:
    claim = f"Of the {whose(view, subject)} in a status snapshot after the event, this share {words}."
    own = found.get(subject, NOBODY)
    if problem := _problem(own):
        return _missing(f"M6.{name}.{subject}", subject, claim, problem)
    # "gone" is the union of its states; any snapshot that can tell one of them can tell it.
    if name != "gone" and not own.words & set(statuses):
        told = f"no snapshot of the case says {' or '.join(statuses)}; whether the looks could tell is not known"
        return _missing(f"M6.{name}.{subject}", subject, claim, told)
    return share_finding(
        f"M6.{name}.{subject}",
        subject,
        claim,
        own.tally(statuses),
        view.config.parameters.level,
        method=f"last state at or after the end of the event is {' or '.join(statuses)}",
        evidence=_EVIDENCE,
        limits=_LIMITS,
        alternatives=ALTERNATIVES,
        details=_history(own, view.config.parameters.level) if name == "gone" else None,
    )


def _silent(view: CaseView, found: Mapping[str, Aftermath], subject: str) -> Finding:
    days, level = view.config.parameters.silent_days, view.config.parameters.level
    claim = f"Of the {whose(view, subject)} in a status snapshot after the event, this share was there but silent."
    own, finding_id = found.get(subject, NOBODY), f"M6.silent.{subject}"
    tally, gone = own.silent, own.count(GONE)
    if problem := _problem(own):
        return _missing(finding_id, subject, claim, problem)
    if tally.judged == gone < own.seen:
        return _missing(
            finding_id,
            subject,
            claim,
            f"no account that was still there has a latest post (column last_post_at_ms) in a snapshot at least {days}"
            " days after the end of the event",
        )
    method = (
        f"still there at the last snapshot, latest post then more than {days} days old; gone accounts are not silent"
    )
    unseen = unknown_limit(own.tally(GONE), subject)
    limits = (*_LIMITS, *unseen, "An account that only reads, likes or sends messages looks silent.")
    if tally.unknown == 0:
        return share_finding(
            finding_id,
            subject,
            claim,
            tally,
            level,
            method=method,
            evidence=_EVIDENCE,
            limits=limits,
            alternatives=ALTERNATIVES,
        )
    low, high = stats.imbens_manski(tally.flagged, tally.judged - tally.flagged, tally.accounts, level)
    return Finding(
        id=finding_id,
        measure="M6",
        subject=subject,
        claim=claim,
        value=None,
        unit="share",
        low=low,
        high=high,
        state="bounded",
        method=f"{method}; bounds over the accounts whose latest post is not known, Imbens-Manski at level {level:g}",
        evidence=Evidence(_EVIDENCE.tables, _EVIDENCE.rule, tally.accounts),
        limits=(*limits, *unknown_limit(tally, subject), SAMPLE_LIMIT),
        confidence="low",
        alternatives=ALTERNATIVES,
        level=level,
        details=tally.details(),
    )


def _difference(view: CaseView, found: Mapping[str, Aftermath], subject: str) -> Finding:
    own, control = found.get(subject, NOBODY), found.get("control", NOBODY)
    return difference_finding(
        f"M6.gone_difference.{subject}",
        subject,
        f"The share gone among {whose(view, subject)} exceeds that of the control by so much.",
        NOBODY.tally(GONE) if _problem(own) else own.tally(GONE),
        None if _problem(control) else control.tally(GONE),
        view.config.parameters.level,
        method="accounts suspended, deleted or not found at the last snapshot after the event",
        evidence=_EVIDENCE,
        limits=_LIMITS,
        alternatives=ALTERNATIVES,
    )


def _came_back(view: CaseView, own: Aftermath, subject: str) -> Finding:
    """Return how many of those ever seen gone were there again at the last look."""
    claim = f"Of the {whose(view, subject)} ever seen gone or restricted, this share was there again at a later look."
    finding_id, ever = f"M6.came_back.{subject}", sum(accounts for *_, accounts in own.newly_gone)
    if not ever:
        return _missing(finding_id, subject, claim, "no account of this roster was seen gone in a snapshot")
    if "returned" not in own.words:
        return _missing(finding_id, subject, claim, "no account was looked up twice, and no snapshot says returned")
    return share_finding(
        finding_id,
        subject,
        claim,
        Tally(own.back, ever, 0),
        view.config.parameters.level,
        method="accounts there after they were gone, over those gone in any snapshot, also before the event",
        evidence=Evidence(("participants", "statuses"), "participants ever seen gone", 0),
        limits=("Who was gone at the last look may still come back.", _LIMITS[-1]),
        alternatives=ALTERNATIVES,
    )


def _of_polled(view: CaseView, own: Aftermath, subject: str, polled: Population) -> Finding:
    """Return the listed accounts over the number that somebody else says was polled."""
    claim = f"Of all accounts that were polled for {subject}, this share was seen gone at some point."
    finding_id, level = f"M6.ever_gone_of_polled.{subject}", view.config.parameters.level
    ever = sum(accounts for *_, accounts in own.newly_gone)
    if not ever or ever > polled.accounts:
        missing = "no listed account was seen gone" if not ever else "more accounts were seen gone than were polled"
        return _missing(finding_id, subject, claim, f"{missing}, so population.accounts does not fit the snapshots")
    low, high = stats.wilson(ever, polled.accounts, level)
    about = "about " if polled.counted == "about" else ""
    return Finding(
        id=finding_id,
        measure="M6",
        subject=subject,
        claim=claim,
        value=ever / polled.accounts,
        unit="share",
        low=low,
        high=high,
        state="measured",
        method=(
            f"accounts seen gone at any look over {about}{polled.accounts:,} polled accounts, a number of the case"
            f" file; Wilson score interval at level {level:g}"
        ),
        evidence=Evidence(("statuses",), "accounts that a snapshot names as gone, restricted or returned", ever),
        limits=(
            f"The number of polled accounts is not in the data and was not checked; its source: {polled.source}.",
            *(("It is a round number; the interval does not hold its error.",) if about else ()),
            "Nothing here is matched: who was polled decides how many vanish.",
            SAMPLE_LIMIT,
        ),
        confidence="low",
        alternatives=ALTERNATIVES,
        level=level,
        details={
            "seen_gone": ever,
            "polled": polled.accounts,
            "snapshots": [list(row) for row in own.by_date],
            "by_state": {
                state: {"accounts": count, "share_of_polled": count / polled.accounts}
                for state, count in sorted(own.by_status.items())
            },
        },
    )


def _pace(view: CaseView, own: Aftermath, subject: str) -> Finding:
    """Return how fast accounts vanished in the polls that touch the event, over the pace in all other polls."""
    claim = f"Between the polls around the event, {whose(view, subject)} vanished at this many times the usual pace."
    finding_id, level = f"M6.vanishing_pace.{subject}", view.config.parameters.level
    event = view.config.event
    near: list[tuple[int, int]] = []
    other: list[tuple[int, int]] = []
    for day, gap, count in own.newly_gone:
        if gap:
            touches = day + DAY_MS > event.start_ms and day - (gap - 1) * DAY_MS < event.end_ms
            (near if touches else other).append((gap, count))
    if not near or len(other) < _FEWEST_POLLS or not sum(count for _, count in other):
        missing = f"polls on fewer than {_FEWEST_POLLS} days apart from those around the event, or none around it"
        return not_testable(
            finding_id, "M6", subject, claim, "ratio", missing, "polls on more days before and after the event"
        )
    ratio, low, high, spread = pace_ratio(near, other, level)
    return Finding(
        id=finding_id,
        measure="M6",
        subject=subject,
        claim=claim,
        value=ratio,
        unit="ratio",
        low=low,
        high=high,
        state="measured",
        method=(
            "accounts first seen gone a day in polls whose days since the poll before touch the event, over those in"
            f" all other polls; quasi-Poisson with the spread of the other polls, t interval at level {level:g}"
        ),
        evidence=Evidence(("statuses",), "accounts at the first look at which they were gone", sum(c for _, c in near)),
        limits=(
            "Between two polls nobody knows the day; a jump of a day is spread over the days between.",
            "The number of accounts that were still polled is taken as steady.",
        ),
        confidence="low",
        alternatives=ALTERNATIVES,
        level=level,
        details={"polls": [list(poll) for poll in own.newly_gone], "spread": spread},
    )


def pace_ratio(
    near: list[tuple[int, int]], other: list[tuple[int, int]], level: float
) -> tuple[float, float, float, float]:
    """Return (rate near / rate elsewhere, low, high, spread) from pairs of (days, accounts).

    The spread is Pearson's over the other polls, at least 1; McCullagh & Nelder 1989, section 6.2.
    """
    from scipy.special import stdtrit

    days = np.array([gap for gap, _ in other], dtype=np.float64)
    counts = np.array([count for _, count in other], dtype=np.float64)
    expected = days * counts.sum() / days.sum()
    spread = max(1.0, float(((counts - expected) ** 2 / expected).sum()) / (len(days) - 1))
    seen, length = sum(count for _, count in near), sum(gap for gap, _ in near)
    usual = float(counts.sum() / days.sum())
    # Half an account keeps an empty poll's interval finite.
    error = float(np.sqrt(spread * (1 / (seen + 0.5) + 1 / float(counts.sum()))))
    width = float(stdtrit(len(days) - 1, 0.5 + level / 2)) * error
    middle = (seen + 0.5) / length / usual
    ratio = seen / length / usual
    return ratio, min(ratio, middle * float(np.exp(-width))), max(ratio, middle * float(np.exp(width))), spread


def _snapshots(view: CaseView) -> list[Finding]:
    """Return how many snapshots there are and what became of each row; nothing when there is none."""
    found = snapshots(view)
    if not found.rows:
        return []
    return [
        Finding(
            id="M6.snapshots",
            measure="M6",
            subject="collection",
            claim="So many status snapshots are in the case.",
            value=found.rows,
            unit="count",
            low=None,
            high=None,
            state="measured",
            method="rows of the table statuses; those before the end of the event count as history only",
            evidence=Evidence(("statuses",), "all rows", found.rows),
            limits=(
                f"{found.before_event} are from before the end of the event; {found.contradicting} times one account"
                " has two states at one moment, which then count as unknown;"
                f" {found.strangers} of {found.accounts} accounts with a snapshot are on no roster.",
            ),
            confidence="high",
            alternatives=("None: this counts what was given.",),
            details={
                "before_event": found.before_event,
                "after_event": found.after,
                "contradicting": found.contradicting,
                "accounts": found.accounts,
                "accounts_on_no_roster": found.strangers,
            },
        )
    ]


def _problem(own: Aftermath) -> str | None:
    """Return why shares of a roster's snapshots would say nothing."""
    if own.strangers:
        return (
            "none of the accounts in the status snapshots wrote a collected post; check that their [[input]] has the"
            " platform of the posts"
        )
    if not own.seen:
        return "no participant of this roster has a status snapshot at or after the end of the event (table statuses)"
    if own.lists_only_gone:
        return "the status snapshots list only accounts that are gone, not those that were looked up and still there"
    return None


def _missing(finding_id: str, subject: str, claim: str, missing: str) -> Finding:
    settle = "status snapshots of all participants, taken after the event, with the latest post of each"
    return not_testable(finding_id, "M6", subject, claim, "share", missing, settle)


def _history(own: Aftermath, level: float) -> dict[str, object]:
    low, high = stats.imbens_manski(own.count(GONE), own.seen - own.count(GONE), own.accounts, level)
    states = {state: Tally(count, own.seen, own.accounts - own.seen) for state, count in sorted(own.by_status.items())}
    return {
        "by_status": {state: tally.flagged for state, tally in states.items()},
        "states": [
            [state, tally.flagged, tally.share, *tally.interval(level), *_bounds(tally)]
            for state, tally in states.items()
        ],
        "bounds_with_sampling": [low, high],
        "snapshots": [list(row) for row in own.by_date],
    }


def _bounds(tally: Tally) -> tuple[float, float]:
    return tally.flagged / tally.accounts, (tally.flagged + tally.unknown) / tally.accounts


SECTION: Final = Section(
    name="aftermath",
    title="What became of the accounts",
    order=60,
    measures=("M6",),
    findings=findings,
    template="section.html",
    needs_posts=False,
)
