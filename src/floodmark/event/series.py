"""The posts of each subject over time, and the days on which anything at all was collected."""

from __future__ import annotations

import numpy as np

from floodmark.event.spikes import DAY_MS
from floodmark.stats import Counts
from floodmark.view import CaseView


def post_times(view: CaseView, subject: str, start_ms: int, end_ms: int) -> Counts:
    """Return when the posts of a subject were made (UTC ms, ascending), each post once, from `side_posts`.

    A side has the posts that match it, the control its own, and `both` the posts that match several sides. Accounts
    play no part: a roster is chosen by who posted in the window, so its own past is too quiet to compare with.
    """
    side = "side <> 'control'" if subject == "both" else "side = $subject"
    several = "HAVING count(DISTINCT side) > 1" if subject == "both" else ""
    found = view.db.arrays(
        f"""
        SELECT min(at_ms) AS at_ms FROM side_posts
        WHERE {side} AND at_ms >= $start_ms AND at_ms < $end_ms
        GROUP BY post_id {several} ORDER BY at_ms
        """,
        {"start_ms": start_ms, "end_ms": end_ms} | ({} if subject == "both" else {"subject": subject}),
    )
    return np.asarray(found["at_ms"], dtype=np.int64)


def collected_days(view: CaseView, subject: str) -> Counts:
    """Return the 24-hour blocks in which the streams of a subject hold any post, from `posts`.

    Blocks are counted from the start of the event: -1 is the day that ends there.
    """
    streams = view.config.control_streams if subject == "control" else view.config.streams_apart
    wanted = (
        "stream IN (SELECT unnest($streams))" if subject == "control" else "stream NOT IN (SELECT unnest($streams))"
    )
    found = view.db.arrays(
        f"SELECT DISTINCT CAST(floor((at_ms - $start_ms) / {DAY_MS}.0) AS BIGINT) AS day FROM posts"
        f" WHERE {wanted} ORDER BY day",
        {"streams": list(streams) or [""], "start_ms": view.config.event.start_ms},
    )
    return np.asarray(found["day"], dtype=np.int64)
