"""M1, the event: the declared window, what was collected, and whether the collection covers the window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.view import CaseView

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DECLARED: Final = "The window is what a person declared in the case file; another window gives other figures."
_COLLECTED: Final = (
    "What the collector did not fetch, or the platform did not give, is not in the count.",
    "Deleted and protected posts are missing unless they were collected before.",
)
_INCOMPLETE: Final = ("A small count can mean a quiet event or an incomplete collection.",)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M1."""
    return [_window(view), _collected(view), _coverage(view), _rejected(view)]


def _window(view: CaseView) -> Finding:
    event = view.config.event
    return Finding(
        id="M1.window",
        measure="M1",
        subject="collection",
        claim="The event window runs from the first of these times to just before the second.",
        value=f"{_local(event.start_ms, event.zone)} / {_local(event.end_ms, event.zone)} ({event.zone})",
        unit="text",
        low=None,
        high=None,
        state="measured",
        method="declared in the case file; offsets of those dates from the IANA time zone database",
        evidence=Evidence((), "event.start, event.end and event.zone of the case file", 0),
        limits=(_DECLARED,),
        confidence="moderate",
        alternatives=("Activity that belongs to the event can begin before the window and go on after it.",),
    )


def _collected(view: CaseView) -> Finding:
    rows = view.db.rows("SELECT stream, count(*) FROM posts GROUP BY stream ORDER BY stream")
    (distinct,) = view.db.one("SELECT count(DISTINCT post_id) FROM posts")
    (repeats,) = view.db.one("SELECT count(*) FROM repeats")
    smallest = view.db.rows("SELECT DISTINCT post_id FROM posts ORDER BY post_id LIMIT 5")
    return Finding(
        id="M1.posts_collected",
        measure="M1",
        subject="collection",
        claim="So many different posts were collected, inside and outside the window.",
        value=distinct,
        unit="posts",
        low=None,
        high=None,
        state="measured",
        method="distinct post ids over all streams; a post that came again is counted once",
        evidence=Evidence(("posts",), "every stored post", distinct, tuple(post for (post,) in smallest)),
        limits=_COLLECTED,
        confidence="moderate",
        alternatives=_INCOMPLETE,
        details={"posts_by_stream": dict(rows), "repeated_rows": repeats},
    )


def _coverage(view: CaseView) -> Finding:
    event, apart = view.config.event, list(view.config.streams_apart) or [""]
    first, last, posts = view.db.one(
        "SELECT min(at_ms), max(at_ms), count(*) FROM posts WHERE stream NOT IN (SELECT unnest($apart))",
        {"apart": apart},
    )
    claim = "The event streams hold posts from the first of these times to the second."
    if not posts:
        settle = "posts in a stream that is not the control"
        return not_testable("M1.coverage", "M1", "collection", claim, "text", "the event streams hold no post", settle)
    # A post need not fall on the window's very first or last moment, only within a bin of it.
    margin_ms = view.config.parameters.spike_bin_minutes * 60_000
    starts, ends = first <= event.start_ms + margin_ms, last >= event.end_ms - margin_ms
    gaps = [] if starts else ["The window begins before the first collected post: its start may be missing."]
    gaps += [] if ends else ["The window ends after the last collected post: its end may be missing."]
    return Finding(
        id="M1.coverage",
        measure="M1",
        subject="collection",
        claim=claim,
        value=f"{_local(first, event.zone)} / {_local(last, event.zone)} ({event.zone})",
        unit="text",
        low=None,
        high=None,
        state="measured",
        method="earliest and latest post of all streams but the control and the reference",
        evidence=Evidence(("posts",), "posts of the event streams", posts),
        limits=(*gaps, "Gaps between these times do not show here."),
        confidence="moderate",
        alternatives=("A quiet conversation and a collector that was off look alike.",),
        details={
            "first_ms": first,
            "last_ms": last,
            "window_start_covered": starts,
            "window_end_covered": ends,
        },
    )


def _rejected(view: CaseView) -> Finding:
    reasons: dict[str, int] = {}
    for item in view.inputs:
        for reason, rows in item.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + rows
    rows, rejected = sum(item.rows for item in view.inputs), sum(item.rejected for item in view.inputs)
    return Finding(
        id="M1.rejected_rows",
        measure="M1",
        subject="collection",
        claim="So many input rows could not be stored; each is kept with its place and reason.",
        value=rejected,
        unit="count",
        low=None,
        high=None,
        state="measured",
        method="input rows minus stored rows, summed over the input files",
        evidence=Evidence(("rejects",), "rows with a reason in the table of rejects", rejected),
        limits=("A row that the collector never wrote cannot be rejected.",),
        confidence="moderate",
        alternatives=("Rejected rows can come from one broken export and have nothing to do with the event.",),
        details={
            "input_rows": rows,
            "stored_rows": sum(item.stored for item in view.inputs),
            "repeated_rows": sum(item.repeated for item in view.inputs),
            "reasons": dict(sorted(reasons.items())),
        },
    )


def _local(at_ms: int, zone: str) -> str:
    moment: datetime = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone))
    return moment.isoformat(timespec="seconds")


SECTION: Final = Section(
    name="event",
    title="The event and what was collected",
    order=10,
    measures=("M1",),
    findings=findings,
    template="section.html",
)
