"""Findings on the chronological page of hashtags: who holds it, with and without the named accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from floodmark.event import speech
from floodmark.event.page import Hold
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.report.sections._sway import CONTROL_LIMIT, sway_findings
from floodmark.view import CaseView

_LIMITS: Final = (
    "The page is the chronological one. Platforms show most people a ranked one, and how they rank is not known.",
    "How many people looked at a page at any moment is not known; every look counts the same.",
    "Posts that the collector missed, or that were deleted before it came, were on the page too.",
)
_MINUTES: Final = (
    "The clock is coarse: {ties} posts share their moment with another of the page, and which is newer is taken from"
    " their ids."
)
_ALTERNATIVES: Final = (
    "Supporters who write much hold a page without any organisation.",
    "Posts for several sides can be news or debate, not an intrusion.",
)
_ROSTER_ALTERNATIVES: Final = (
    "Coordinated accounts can be supporters who organise openly, on the page of their own hashtag.",
)
_NO_TAG: Final = ("no hashtag of this side is in the case file", "hashtags of the side in the case file")
_NO_CONTROL_TAG: Final = ("no control post in the window has a hashtag", "control posts with hashtags")
_NO_POST: Final = ("no collected post carries these hashtags", "posts with the hashtags of the side")


def page_findings(view: CaseView, holds: Mapping[str, Hold]) -> list[Finding]:
    """Return, for every subject, who holds the pages of its hashtags, with and without the named, and their places."""
    return [finding for subject in view.config.subjects for finding in _page(view, subject, holds.get(subject))]


def _page(view: CaseView, subject: str, hold: Hold | None) -> Iterator[Finding]:
    claim, roster_claim = _claims(subject)
    if hold is None:
        owners = speech.owners_of(view, subject)
        sql = "SELECT count(*) FROM m12_tags WHERE list_contains($owners, owner)"
        tagged = view.db.one(sql, {"owners": list(owners)})
        missing = _NO_CONTROL_TAG if subject == speech.CONTROL else _NO_POST if tagged[0] else _NO_TAG
        for name in ("page_hold", "page_hold_without", "page_hold_difference"):
            yield not_testable(f"M12.{name}.{subject}", "M12", subject, claim, "share", *missing)
        yield not_testable(f"M12.page_roster.{subject}", "M12", subject, roster_claim, "share", *missing)
        return
    parameters = view.config.parameters
    places = int(hold.held.own.total)
    method = (
        f"the {parameters.page_posts} newest posts of each hashtag, looked at every {parameters.page_minutes} minutes"
        f" of the window; share of places, ratio estimator with accounts as clusters at level {parameters.level:g}"
    )
    evidence = Evidence(("posts", "post_features", "side_posts"), "places on the pages of the window", places)
    limits = (
        *_LIMITS,
        *((_MINUTES.format(ties=hold.ties),) if hold.resolution_ms >= 60_000 and hold.ties else ()),
        *((CONTROL_LIMIT,) if subject == speech.CONTROL else ()),
    )
    counts = {"hashtags": hold.tags, "looks": hold.looks, "places": places, "accounts": hold.accounts}
    low = hold.accounts < 100
    yield from sway_findings(
        view,
        "M12.page_hold",
        subject,
        claim,
        hold.held,
        method=method,
        evidence=evidence,
        limits=limits,
        alternatives=_ALTERNATIVES,
        low_confidence=low,
        details={**counts, "page": [list(row) for row in hold.series]},
    )
    if hold.roster is None:
        missing = ("the coordination test had no action to work on", "posts of which several accounts share an object")
        yield not_testable(f"M12.page_roster.{subject}", "M12", subject, roster_claim, "share", *missing)
        return
    yield Finding(
        id=f"M12.page_roster.{subject}",
        measure="M12",
        subject=subject,
        claim=roster_claim,
        value=hold.roster.share,
        unit="share",
        low=hold.roster.low,
        high=hold.roster.high,
        state="measured",
        method=method,
        evidence=evidence,
        limits=("Whom the test could not test or did not name is not in it.", *limits),
        confidence="low" if low else "moderate",
        alternatives=_ROSTER_ALTERNATIVES,
        level=parameters.level,
        details=dict(counts),
    )


def _claims(subject: str) -> tuple[str, str]:
    if subject == speech.CONTROL:
        return (
            "On the page of the control's most used hashtag, this share of places has posts without its second one.",
            "On the page of the control's most used hashtag, named accounts fill this share of places.",
        )
    if subject == "both":
        return (
            "On the pages of all sides' hashtags, this share of places has posts that match several sides.",
            "On the pages of all sides' hashtags, accounts named by the coordination test fill this share of places.",
        )
    return (
        f"On the pages of the hashtags of side {subject}, this share of places has posts that match no other side.",
        f"On the pages of the hashtags of side {subject}, accounts named by the coordination test fill this share of"
        " places.",
    )
