"""M12, drowning out: share of voice, hold on the page, audience of the hashtags, displacement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from floodmark.event import speech
from floodmark.event.page import holds
from floodmark.event.voice import KINDS, Heard, heard
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._audience import audience_findings
from floodmark.report.sections._displacement import displacement_findings
from floodmark.report.sections._page import page_findings
from floodmark.report.sections._sway import ALTERNATIVES, CONTROL_LIMIT, sway_findings
from floodmark.view import CaseView

_LIMITS: Final[Mapping[str, tuple[str, ...]]] = {
    "posts": (
        "Posts are counted, not their reach: one post can be seen by nobody or by millions.",
        "A post counts for a side when it uses its words, whatever it says; a post for several sides counts for each.",
    ),
    "accounts": (
        "An account with one post weighs as much as one with hundreds.",
        "An account counts for every side for which it has a post, so that shares can sum to more than the whole.",
    ),
    "impressions": (
        "Impressions are what the platform counted when the post was collected; posts seen later have more.",
        "An impression is not a person, and says nothing of what the person thought.",
    ),
}
_DECLARED: Final = "The share is of what matches any side, so it moves with how the sides are declared."
#: By kind: the stem of the finding, and what the share is of.
STEMS: Final = {"posts": "share_of_voice", "accounts": "voice_accounts", "impressions": "voice_impressions"}
_WHAT: Final = {
    "posts": "posts in the window",
    "accounts": "accounts with a post in the window",
    "impressions": "impressions of posts in the window, where they are known,",
}


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M12."""
    speech.prepare(view)
    voices = heard(view)
    subjects = view.config.subjects
    found = [finding for kind in KINDS for subject in subjects for finding in _voice(view, voices, subject, kind)]
    found += page_findings(view, holds(view))
    return [*found, *audience_findings(view), *displacement_findings(view)]


def _voice(view: CaseView, voices: Mapping[tuple[str, str], Heard], subject: str, kind: str) -> Iterator[Finding]:
    stem, claim = STEMS[kind], _claim(subject, kind)
    missing = _missing(view, voices, subject, kind)
    if missing:
        for part in ("", "_without", "_difference"):
            yield not_testable(f"M12.{stem}{part}.{subject}", "M12", subject, claim, "share", *missing)
        return
    own = voices[subject, kind]
    method = (
        f"{'distinct' if kind == 'posts' else f'{kind} of distinct'} matching posts, ratio estimator with"
        f" accounts as clusters (jackknife variance, Wilson limits at the effective number of {kind}) at level"
        f" {view.config.parameters.level:g}"
    )
    smallest = view.db.rows(
        "SELECT post_id FROM m12_posts WHERE scope = $scope AND in_window"
        f" AND {'len(sides) > 1' if subject == 'both' else 'list_contains(sides, $subject)'} ORDER BY post_id LIMIT 5",
        {"scope": speech.scope_of(subject)} | ({} if subject == "both" else {"subject": subject}),
    )
    rule = "posts in the window that match any side"
    if subject == speech.CONTROL:
        rule = "control posts in the window with either of the control's two most used hashtags"
    unknown = (f"Left out because their impressions are not known: {own.unknown} of {own.total_posts} posts.",)
    yield from sway_findings(
        view,
        f"M12.{stem}",
        subject,
        claim,
        own.sway,
        method=method,
        evidence=Evidence(
            ("side_posts", "coordinated_accounts"),
            rule,
            own.total_posts - own.unknown,
            tuple(post for (post,) in smallest),
        ),
        limits=(
            *_LIMITS[kind],
            *(unknown if kind == "impressions" and own.unknown else ()),
            *((CONTROL_LIMIT,) if subject == speech.CONTROL else (_DECLARED,)),
        ),
        alternatives=ALTERNATIVES,
        low_confidence=own.sway.own.hits < 100 or own.unknown > 0.2 * own.total_posts,
        details={kind: own.sway.own.hits, f"{kind}_of_any_side": own.sway.own.total},
    )


def _claim(subject: str, kind: str) -> str:
    if subject == speech.CONTROL:
        return (
            f"Of the control's {_WHAT[kind]} with either of its two most used hashtags, this share goes to the most"
            " used one."
        )
    speak = "match several sides" if subject == "both" else f"match side {subject}"
    of = f"Of the {_WHAT[kind]} that match any side, this share"
    if kind == "impressions":
        return f"Of the {_WHAT[kind]} of any side, this share is of posts that {speak}."
    return f"{of} have a post that {speak.replace('match', 'matches')}." if kind == "accounts" else f"{of} {speak}."


def _missing(
    view: CaseView, voices: Mapping[tuple[str, str], Heard], subject: str, kind: str
) -> tuple[str, str] | None:
    if subject != speech.CONTROL and len(view.config.sides) < 2:
        return "the case file declares one side only", "a second [[side]] in the case file"
    if (subject, "posts") not in voices:
        if subject == speech.CONTROL:
            return "no control post in the window has a hashtag", "control posts with hashtags"
        return "no post in the window matches a side", "posts that match a side"
    if (subject, kind) not in voices:
        return "column impressions is empty for all of these posts", "how often each post was shown"
    tags = view.db.one("SELECT count(*) FROM m12_tags WHERE scope = 'control'")[0]
    if subject == speech.CONTROL and tags < len(speech.CONTROL_TAGS):
        return "the control posts in the window have one hashtag only", "control posts with several hashtags"
    return None


SECTION: Final = Section(
    name="voice",
    title="Whose voice was heard",
    order=120,
    measures=("M12",),
    findings=findings,
    template="section.html",
)
