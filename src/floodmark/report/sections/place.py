"""M7, place: the share of a roster in the country of interest, as bounds from self-reported locations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from floodmark.findings import Evidence, Finding, not_testable
from floodmark.place.bounds import LEAST_ACCOUNTS, bounds, large_countries
from floodmark.place.selfreport import Located, locate
from floodmark.registry import Section
from floodmark.report.sections._shared import SAMPLE_LIMIT, whose
from floodmark.view import CaseView

_LIMITS: Final = (
    "A self-reported place is what someone chose to write; it can be old, a joke, a cause or a disguise.",
    "Accounts without a usable place can be anywhere; the bounds leave that open.",
    "The gazetteer can misread a place.",
    "The bounds are about the roster; nothing follows for the place of any account.",
)
_ALTERNATIVES: Final = (
    "People abroad name the country that they come from, and people inside it leave the field empty to be safe.",
    "Where a platform is blocked, those who can reach it directly differ from those who need a VPN.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M7."""
    located = locate(view)
    return [_in_country(view, located, subject) for subject in view.config.subjects]


def _in_country(view: CaseView, located: Mapping[str, Located], subject: str) -> Finding:
    country, level = view.config.event.country, view.config.parameters.level
    claim = f"Of the {whose(subject)}, the share in the country of interest lies between these bounds."
    own = located.get(subject, Located({}, 0, 0))
    if problem := _problem(country, own):
        settle = f"event.country in the case file and self-reported places of at least {LEAST_ACCOUNTS} accounts"
        return not_testable(f"M7.in_country.{subject}", "M7", subject, claim, "share", problem, settle)
    found = bounds(own, country or "", level)
    return Finding(
        id=f"M7.in_country.{subject}",
        measure="M7",
        subject=subject,
        claim=claim,
        value=None,
        unit="share",
        low=found.low,
        high=found.high,
        state="bounded",
        method=(
            f"self-reported place against a gazetteer, country {country}; from the share known to be there to the share"
            f" not known to be elsewhere, widened by sampling error after Imbens and Manski at level {level:g}"
        ),
        evidence=Evidence(
            ("participants", "accounts"),
            "participants; a place counts where all of it agrees on one country",
            own.accounts,
        ),
        limits=(*_LIMITS, SAMPLE_LIMIT),
        confidence="low",
        alternatives=_ALTERNATIVES,
        level=level,
        details={**found.details(), "countries": large_countries(own), "least_accounts_shown": LEAST_ACCOUNTS},
    )


def _problem(country: str | None, own: Located) -> str | None:
    if country is None:
        return "the case file names no country of interest (event.country)"
    if own.accounts < LEAST_ACCOUNTS:
        return f"{own.accounts} accounts in this roster; below {LEAST_ACCOUNTS} a share would speak about people"
    if not own.stated:
        return "no participant of this roster has a value in the column location"
    return None


SECTION: Final = Section(
    name="place",
    title="Where the accounts say they are",
    order=70,
    measures=("M7",),
    findings=findings,
    template="section.html",
)
