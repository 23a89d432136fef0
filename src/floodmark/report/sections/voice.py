"""M12, share of voice: how many of the event's posts speak for each side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from floodmark.event.voice import Voice, share_of_voice
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import which_posts
from floodmark.view import CaseView

_LIMITS: Final = (
    "Posts are counted, not their reach: one post can be seen by nobody or by millions.",
    "A post counts for a side when it uses its words, whatever it says; a post for several sides counts for each.",
    "The share is of the posts that match any side, so it moves with how the sides are declared.",
    "It is not known what the conversation would have been otherwise; no share without the coordinated roster is given"
    " by this version.",
)
_ALTERNATIVES: Final = (
    "A side with more supporters, or with more talkative ones, has the larger share without any organisation.",
    "The collection's search words can favour one side.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M12."""
    voices = share_of_voice(view, view.config.parameters.level)
    return [_share(view, voices, side.name) for side in view.config.sides]


def _share(view: CaseView, voices: Mapping[str, Voice], side: str) -> Finding:
    finding_id, level = f"M12.share_of_voice.{side}", view.config.parameters.level
    claim = f"Of the posts in the window that match any side, this share are {which_posts(side)}."
    if len(view.config.sides) < 2:
        settle = "a second [[side]] in the case file"
        return not_testable(finding_id, "M12", side, claim, "share", "the case file declares one side only", settle)
    if side not in voices:
        settle = "posts that match a side"
        return not_testable(finding_id, "M12", side, claim, "share", "no post in the window matches a side", settle)
    own = voices[side]
    smallest = view.db.rows(
        "SELECT DISTINCT post_id FROM side_posts WHERE in_window AND side = $side ORDER BY post_id LIMIT 5",
        {"side": side},
    )
    return Finding(
        id=finding_id,
        measure="M12",
        subject=side,
        claim=claim,
        value=own.share,
        unit="share",
        low=own.low,
        high=own.high,
        state="measured",
        method=(
            "distinct matching posts, ratio estimator with accounts as clusters (jackknife variance, Wilson limits at"
            f" the effective number of posts) at level {level:g}"
        ),
        evidence=Evidence(
            ("side_posts",), "posts in the window that match any side", own.total, tuple(post for (post,) in smallest)
        ),
        limits=_LIMITS,
        confidence="moderate" if own.accounts >= 100 else "low",
        alternatives=_ALTERNATIVES,
        level=level,
        details={"posts": own.posts, "posts_of_any_side": own.total, "accounts": own.accounts},
    )


SECTION: Final = Section(
    name="voice",
    title="Whose voice was heard",
    order=120,
    measures=("M12",),
    findings=findings,
    template="section.html",
)
