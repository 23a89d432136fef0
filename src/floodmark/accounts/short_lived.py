"""Posts that were deleted: how long they lived, where a stream saw the deletions.

A post's life runs from its creation to the moment at which the deletion was seen. The creation is that of the held
post, else what the input says, else the time that ids of Twitter/X carry. Tables in: participants, posts,
post_deletions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from floodmark import stats
from floodmark.view import CaseView

Ints = NDArray[np.int64]
MINUTE_MS: Final = 60_000
#: The first post id that carries its time, 2010-11-04; ids before were given in sequence.
FIRST_SNOWFLAKE: Final = 29_700_859_247
_EPOCH_MS: Final = 1_288_834_974_657
_PLATFORMS: Final = ("twitter", "x")
#: Upper ends of the classes of the table of lives.
LIFE_CLASSES_MS: Final = (10_000, 60_000, 600_000, 3_600_000, 86_400_000)

_DELETED: Final = f"""
CREATE OR REPLACE TEMP TABLE _deleted AS
WITH known AS (
    SELECT post_id, account_id, stream, min(deleted_at_ms) AS deleted_at_ms, min(created_at_ms) AS stated_ms
    FROM post_deletions GROUP BY post_id, account_id, stream
),
held AS (
    SELECT post_id, account_id, min(at_ms) AS at_ms FROM posts
    WHERE post_id IN (SELECT post_id FROM post_deletions) GROUP BY post_id, account_id
),
numbers AS (
    SELECT k.*, h.at_ms AS held_ms,
           CASE WHEN split_part(k.post_id, ':', 1) IN {_PLATFORMS}
               THEN TRY_CAST(split_part(k.post_id, ':', 2) AS BIGINT) END AS number
    FROM known k LEFT JOIN held h ON h.post_id = k.post_id AND h.account_id = k.account_id
)
SELECT stream, post_id, account_id, deleted_at_ms, held_ms IS NOT NULL AS held,
       deleted_at_ms - coalesce(held_ms, stated_ms,
           CASE WHEN number >= {FIRST_SNOWFLAKE} THEN (number >> 22) + {_EPOCH_MS} END) AS life_ms,
       CASE WHEN held_ms IS NOT NULL THEN 'post' WHEN stated_ms IS NOT NULL THEN 'input'
            WHEN number >= {FIRST_SNOWFLAKE} THEN 'id' END AS created_from
FROM numbers
"""


@dataclass(frozen=True)
class Lives:
    """Known lives (ms, ascending) with the number of the account of each."""

    ms: Ints
    owner: Ints


@dataclass(frozen=True)
class Deletions:
    """Deleted posts of one roster.

    `accounts` is the roster's size, `deleting` those with a deleted post, `deleted` all deleted posts; `unknown` of
    them have no time of creation, `impossible` were deleted before they were written. `created_from` counts where the
    creation comes from. `counts` and `short` are per account (numbered as in `lives.owner`) the known lives and those
    under the limit; `posts` and `gone_soon` per account its held posts of the window and those of them that were
    deleted within the limit.
    """

    accounts: int
    deleting: int
    deleted: int
    unknown: int
    impossible: int
    created_from: Mapping[str, int]
    lives: Lives
    short: Ints
    counts: Ints
    posts: Ints
    gone_soon: Ints

    def classes(self) -> list[list[int | None]]:
        """Return [upper end in ms (None: longer), posts] for the classes of lives."""
        places = np.searchsorted(np.array(LIFE_CLASSES_MS), self.lives.ms, side="right")
        counts = np.bincount(places, minlength=len(LIFE_CLASSES_MS) + 1)
        return [[end, int(count)] for end, count in zip((*LIFE_CLASSES_MS, None), counts, strict=True)]


def median(lives: Lives, level: float) -> tuple[float, float, float]:
    """Return (median ms, low, high) of the lives of posts that come in accounts.

    The share of posts that lived no longer than the median has an interval that lets posts of an account depend on each
    other (`stats.cluster_share`); the lives at its ends bound the median (Woodruff 1952). ValueError without lives.

    >>> median(Lives(np.array([10, 20, 30, 40, 50]), np.arange(5)), 0.95)[0]
    30.0
    """
    if not len(lives.ms):
        raise ValueError("no life is known")
    value = float(np.median(lives.ms))
    size = int(lives.owner.max()) + 1
    counts = np.bincount(lives.owner, minlength=size)
    hits = np.bincount(lives.owner[lives.ms <= value], minlength=size)
    share, low, high = stats.cluster_share(hits, counts, level)
    last = len(lives.ms) - 1
    # The interval is about the share at the median; shifted so that it is about one half.
    ends = [min(last, max(0, int(np.floor((0.5 + end - share) * len(lives.ms))))) for end in (low, high)]
    return value, min(value, float(lives.ms[ends[0]])), max(value, float(lives.ms[ends[1]]))


def deletions(view: CaseView) -> Mapping[str, Deletions]:
    """Return the deleted posts of every roster with participants; deletions seen beside other streams do not count.

    The limit of a short life is parameters.short_life_minutes.
    """
    view.db.execute(_DELETED)
    found = {}
    sizes = view.db.rows("SELECT roster, count(*) FROM participants GROUP BY roster ORDER BY roster")
    for roster, accounts in sizes:
        found[roster] = _of_roster(view, roster, accounts)
    return found


def streams_of(view: CaseView, roster: str) -> tuple[str, ...]:
    """Return the streams whose deletions count for a roster: the control's, or all that are not set apart."""
    config = view.config
    if roster == "control":
        return config.control_streams
    return tuple(stream for stream in config.streams if stream not in config.streams_apart)


def streams_with_deletions(view: CaseView, roster: str) -> tuple[str, ...]:
    """Return those of a roster's streams beside which deletions were collected."""
    seen = {stream for (stream,) in view.db.rows("SELECT DISTINCT stream FROM post_deletions")}
    return tuple(stream for stream in streams_of(view, roster) if stream in seen)


def _of_roster(view: CaseView, roster: str, accounts: int) -> Deletions:
    db, limit_ms = view.db, view.config.parameters.short_life_minutes * MINUTE_MS
    bound = {"roster": roster, "streams": list(streams_with_deletions(view, roster))}
    own = """
        CREATE OR REPLACE TEMP TABLE _own_deleted AS
        SELECT d.account_id, d.post_id, min(d.life_ms) AS life_ms, min(d.created_from) AS created_from
        FROM _deleted d JOIN participants p ON p.account_id = d.account_id AND p.roster = $roster
        WHERE d.stream IN (SELECT unnest($streams)) GROUP BY ALL
    """
    db.execute(own, bound)
    rows = db.arrays(
        "SELECT dense_rank() OVER (ORDER BY account_id) - 1 AS owner, life_ms FROM _own_deleted"
        " WHERE life_ms >= 0 ORDER BY life_ms, owner"
    )
    deleting, deleted, unknown, impossible = db.one(
        "SELECT count(DISTINCT account_id), count(*), count(*) FILTER (life_ms IS NULL), count(*) FILTER (life_ms < 0)"
        " FROM _own_deleted"
    )
    origins = db.rows(
        "SELECT created_from, count(*) FROM _own_deleted WHERE life_ms >= 0 GROUP BY created_from ORDER BY created_from"
    )
    window = {"start_ms": view.config.event.start_ms, "end_ms": view.config.event.end_ms, "limit_ms": limit_ms}
    # Within one stream a post has one row; only several can hold it twice.
    once = "DISTINCT s.post_id" if len(streams_with_deletions(view, roster)) > 1 else "*"
    held = db.arrays(
        f"""
        SELECT count({once}) AS posts,
               count({once}) FILTER (d.life_ms >= 0 AND d.life_ms < $limit_ms) AS gone_soon
        FROM participants p
        JOIN posts s ON s.account_id = p.account_id
        LEFT JOIN _deleted d ON d.post_id = s.post_id AND d.account_id = s.account_id AND d.stream = s.stream
        WHERE p.roster = $roster AND s.stream IN (SELECT unnest($streams))
          AND s.at_ms >= $start_ms AND s.at_ms < $end_ms
        GROUP BY s.account_id ORDER BY s.account_id
        """,
        {**bound, **window},
    )
    lives = Lives(np.asarray(rows["life_ms"], dtype=np.int64), np.asarray(rows["owner"], dtype=np.int64))
    size = int(lives.owner.max(initial=-1)) + 1
    return Deletions(
        accounts=accounts,
        deleting=deleting,
        deleted=deleted,
        unknown=unknown,
        impossible=impossible,
        created_from=dict(origins),
        lives=lives,
        short=np.bincount(lives.owner[lives.ms < limit_ms], minlength=size),
        counts=np.bincount(lives.owner, minlength=size),
        posts=np.asarray(held["posts"], dtype=np.int64),
        gone_soon=np.asarray(held["gone_soon"], dtype=np.int64),
    )
