"""Findings on the audience of hashtags: who used them before, who goes on, and whose side the authors are on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from floodmark import stats
from floodmark.accounts.prevalence import Tally
from floodmark.event import speech
from floodmark.event.audience import Audience, audiences
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.report.sections._shared import SAMPLE_LIMIT
from floodmark.report.sections._sway import CONTROL_LIMIT
from floodmark.view import CaseView

_DAY_MS: Final = 86_400_000
_HIJACK: Final = (
    "An event brings new people to its hashtags; newcomers are expected, and the control has no event.",
    "Opponents who answer, mock or report use the hashtag too.",
)
_NAMES: Final = ("audience_before", "audience_after", "audience_other_side")
_LIMITS: Final = {
    "audience_before": "Who used the hashtag earlier than the collection reaches counts as new.",
    "audience_after": "Who goes on later than the collection reaches counts as gone.",
    "audience_other_side": (
        "An account's side is that of most of its posts that match one side only; an attacker who writes nothing but"
        " the attacked hashtag looks like a supporter."
    ),
}
_ALTERNATIVES: Final = {
    "audience_before": _HIJACK,
    "audience_after": ("A hashtag that names an event ends with it.", "The collection can end before people do."),
    "audience_other_side": _HIJACK,
}


def audience_findings(view: CaseView) -> list[Finding]:
    """Return for every subject which of its hashtags' authors came before, go on after, and are of another side."""
    found = audiences(view)
    return [item for subject in view.config.subjects for item in _audience(view, subject, found.get(subject))]


def _audience(view: CaseView, subject: str, own: Audience | None) -> Iterator[Finding]:
    for name in _NAMES:
        missing = _missing(view, subject, name, own)
        if missing or own is None:
            claim = _claim(subject, name)
            settle = missing or ("", "")
            yield not_testable(f"M12.{name}.{subject}", "M12", subject, claim, "share", *settle)
        else:
            yield _finding(view, subject, name, own)


def _missing(view: CaseView, subject: str, name: str, own: Audience | None) -> tuple[str, str] | None:
    event = view.config.event
    if own is None and subject == speech.CONTROL:
        return "no control post in the window has a hashtag", "control posts with hashtags"
    if own is None:
        return "no hashtag of this side is in the case file", "hashtags of the side in the case file"
    if not own.authors:
        return "no account used these hashtags in the window", "posts in the window with these hashtags"
    if name == "audience_before" and (own.first_ms is None or own.first_ms >= event.start_ms):
        return "nothing was collected before the window", "posts from before the event"
    if name == "audience_after" and (own.last_ms is None or own.last_ms < event.end_ms):
        return "nothing was collected after the window", "posts from after the event"
    return _no_side(view, subject, own) if name == "audience_other_side" else None


def _no_side(view: CaseView, subject: str, own: Audience) -> tuple[str, str] | None:
    if subject == "both":
        return "these accounts are on several sides by definition", "a side of their own"
    if subject != speech.CONTROL and len(view.config.sides) < 2:
        return "the case file declares one side only", "a second [[side]] in the case file"
    if not own.judged:
        return "no author has posts that match one side only", "more posts of these accounts"
    return None


def _finding(view: CaseView, subject: str, name: str, own: Audience) -> Finding:
    level, event = view.config.parameters.level, view.config.event
    counts = {"audience_before": own.before, "audience_after": own.after, "audience_other_side": own.others}
    judged = own.judged if name == "audience_other_side" else own.authors
    tally = Tally(counts[name], judged, own.authors - judged)
    low, high = stats.wilson(tally.flagged, tally.judged, level)
    before_days = max(0, event.start_ms - (own.first_ms or event.start_ms)) // _DAY_MS
    after_days = max(0, (own.last_ms or event.end_ms) - event.end_ms + _DAY_MS - 1) // _DAY_MS
    unknown = f"Left out because they have no side of their own: {tally.unknown} of {own.authors} accounts."
    details: dict[str, object] = {"authors": own.authors, "days_before": before_days, "days_after": after_days}
    details |= {"authors_before": own.authors_before, "authors_after": own.authors_after}
    details |= {"new_judged": own.new_judged, "new_of_another_side": own.new_others} if judged != own.authors else {}
    return Finding(
        id=f"M12.{name}.{subject}",
        measure="M12",
        subject=subject,
        claim=_claim(subject, name),
        value=tally.share,
        unit="share",
        low=low,
        high=high,
        state="measured",
        method=f"accounts with a post in the window that carries a hashtag of the side; Wilson score interval at level"
        f" {level:g}",
        evidence=Evidence(
            ("posts", "post_features", "side_posts"), "authors in the window with these hashtags", judged
        ),
        limits=(
            _LIMITS[name],
            *((unknown,) if tally.unknown else ()),
            *((CONTROL_LIMIT,) if subject == speech.CONTROL else ()),
            SAMPLE_LIMIT,
        ),
        confidence="moderate" if judged >= 100 and before_days >= view.config.parameters.baseline_days else "low",
        alternatives=_ALTERNATIVES[name],
        level=level,
        details=details,
    )


def _claim(subject: str, name: str) -> str:
    whose = {
        "control": "the control's most used hashtag",
        "both": "the hashtags of the sides, in posts that match several,",
    }.get(subject, f"the hashtags of side {subject}")
    said = {
        "audience_before": "had used one of them before it.",
        "audience_after": "used one of them again after it.",
        "audience_other_side": "are of another side by their other posts.",
    }[name]
    if subject == speech.CONTROL:
        said = (
            said.replace("one of them", "it")
            .replace("before it", "before the window")
            .replace("after it", "after the window")
        )
        said = said.replace("are of another side by their other posts", "write more with its second one")
    return f"Of the accounts that wrote with {whose} in the window, this share {said}"
