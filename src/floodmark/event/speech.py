"""What was said for whom: the posts that M12 counts, of the event's sides and of two stand-ins in the control.

The control has no sides. Its two most used hashtags stand in for them, so that each measure is computed there in the
same way and shows what an ordinary conversation gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from floodmark import textfold
from floodmark.view import CaseView

#: The two sides of the control: the first is the one that is reported as `control`.
CONTROL_TAGS: Final = ("control", "control, second")
EVENT: Final = "event"
CONTROL: Final = "control"


def event_streams(view: CaseView) -> list[str]:
    """Return the streams that belong to the event."""
    return [stream for stream in view.config.streams if stream not in view.config.streams_apart]


def scope_of(subject: str) -> str:
    """Return `control` for the control, else `event`.

    >>> scope_of("control"), scope_of("both")
    ('control', 'event')
    """
    return CONTROL if subject == CONTROL else EVENT


def owners_of(view: CaseView, subject: str) -> tuple[str, ...]:
    """Return the sides whose hashtags are a subject's: its own, those of all sides for `both`."""
    if subject == "both":
        return tuple(side.name for side in view.config.sides)
    return (subject,)


def prepare(view: CaseView) -> None:
    """Write the temporary tables that M12 reads.

    `m12_tags` (owner, tag): the folded hashtags of each side and the control's stand-ins.
    `m12_posts` (scope, post_id, account_id, at_ms, in_window, sides, only_side, impressions, named): each post once;
    `only_side` is NULL where it matches several sides; `named` whether its author is named by the coordination test.
    `m12_pages` (scope, tag, post_id, account_id, at_ms, resolution_ms, only_side, several, named, account): posts
    on the page of a hashtag, whatever else they match, each once; `account` numbers accounts in no particular order.
    """
    db = view.db
    prepare_named(view)
    db.execute("CREATE OR REPLACE TEMP TABLE m12_streams (scope VARCHAR, stream VARCHAR)")
    pairs = [(EVENT, stream) for stream in event_streams(view)]
    pairs += [(CONTROL, stream) for stream in view.config.control_streams]
    db.load("m12_streams", {"scope": [scope for scope, _ in pairs], "stream": [stream for _, stream in pairs]})
    _tags(view)
    db.execute(
        """
        CREATE OR REPLACE TEMP TABLE m12_tagged AS
        SELECT s.scope, f.tag, f.post_id, min(p.account_id) AS account_id, min(p.at_ms) AS at_ms,
               max(p.at_resolution_ms) AS resolution_ms
        FROM (SELECT stream, post_id, unnest(hashtags) AS tag FROM post_features WHERE len(hashtags) > 0) f
        JOIN (SELECT DISTINCT scope, tag FROM m12_tags) t ON t.tag = f.tag
        JOIN m12_streams s ON s.stream = f.stream AND s.scope = t.scope
        JOIN posts p ON p.stream = f.stream AND p.post_id = f.post_id
        GROUP BY s.scope, f.tag, f.post_id
        """
    )
    _posts(view)
    db.execute(
        """
        CREATE OR REPLACE TEMP TABLE m12_pages AS
        SELECT t.scope, t.tag, t.post_id, t.account_id, t.at_ms, t.resolution_ms, m.only_side,
               coalesce(len(m.sides) > 1, FALSE) AS several, n.account_id IS NOT NULL AS named,
               a.account
        FROM m12_tagged t
        JOIN (
            SELECT account_id, row_number() OVER () - 1 AS account FROM (SELECT DISTINCT account_id FROM m12_tagged)
        ) a ON a.account_id = t.account_id
        LEFT JOIN m12_posts m ON m.scope = t.scope AND m.post_id = t.post_id
        LEFT JOIN m12_named n ON n.scope = t.scope AND n.account_id = t.account_id
        """
    )


def prepare_named(view: CaseView) -> None:
    """Write the temporary table `m12_named` (scope, account_id): the accounts that the coordination test names."""
    view.db.execute(
        """
        CREATE OR REPLACE TEMP TABLE m12_named AS
        SELECT DISTINCT scope, account_id FROM coordinated_accounts
        WHERE state = 'named' AND scope IN ('event', 'control')
        """
    )


def roster_known(view: CaseView) -> Mapping[str, bool]:
    """Return per scope whether the coordination test ran on anything there."""
    scopes = {scope for (scope,) in view.db.rows("SELECT scope FROM coordination_tests")}
    return {scope: scope in scopes for scope in (EVENT, CONTROL)}


def _tags(view: CaseView) -> None:
    db = view.db
    db.execute("CREATE OR REPLACE TEMP TABLE m12_tags (scope VARCHAR, owner VARCHAR, tag VARCHAR)")
    declared = sorted({(side.name, textfold.fold_hashtag(tag)) for side in view.config.sides for tag in side.hashtags})
    declared = [(owner, tag) for owner, tag in declared if tag]
    if declared:
        owners, tags = zip(*declared, strict=True)
        db.load("m12_tags", {"scope": [EVENT] * len(tags), "owner": list(owners), "tag": list(tags)})
    for place, owner in enumerate(CONTROL_TAGS):
        db.execute(
            """
            INSERT INTO m12_tags
            SELECT 'control', $owner, tag FROM (
                SELECT tag, row_number() OVER (ORDER BY count(DISTINCT post_id) DESC, tag) - 1 AS place
                FROM (SELECT stream, post_id, unnest(hashtags) AS tag FROM post_features WHERE len(hashtags) > 0)
                JOIN m12_streams s USING (stream)
                JOIN side_posts c USING (stream, post_id)
                WHERE s.scope = 'control' AND c.side = 'control' AND c.in_window
                GROUP BY tag
            ) WHERE place = $place
            """,
            {"owner": owner, "place": place},
        )


def _posts(view: CaseView) -> None:
    db = view.db
    window = {"start_ms": view.config.event.start_ms, "end_ms": view.config.event.end_ms}
    db.execute(
        """
        CREATE OR REPLACE TEMP TABLE m12_posts AS
        WITH said AS (
            SELECT 'event' AS scope, side, stream, post_id, account_id, at_ms FROM side_posts WHERE side <> 'control'
            UNION ALL
            SELECT 'control', t.owner, NULL, g.post_id, g.account_id, g.at_ms
            FROM m12_tagged g JOIN m12_tags t ON t.scope = 'control' AND t.tag = g.tag WHERE g.scope = 'control'
        ),
        shown AS (
            SELECT s.scope, p.post_id, max(p.impressions) AS impressions
            FROM posts p JOIN m12_streams s USING (stream) WHERE p.impressions IS NOT NULL GROUP BY s.scope, p.post_id
        ),
        once AS (
            SELECT scope, post_id, min(account_id) AS account_id, min(at_ms) AS at_ms,
                   min(side) AS first_side, max(side) AS last_side
            FROM said GROUP BY scope, post_id
        ),
        several AS (
            SELECT s.scope, s.post_id, list_sort(list(DISTINCT s.side)) AS sides
            FROM said s JOIN once o ON o.scope = s.scope AND o.post_id = s.post_id
            WHERE o.first_side <> o.last_side GROUP BY s.scope, s.post_id
        )
        SELECT o.scope, o.post_id, o.account_id, o.at_ms, o.at_ms >= $start_ms AND o.at_ms < $end_ms AS in_window,
               coalesce(v.sides, [o.first_side]) AS sides, CASE WHEN v.sides IS NULL THEN o.first_side END AS only_side,
               i.impressions, n.account_id IS NOT NULL AS named
        FROM once o
        LEFT JOIN several v ON v.scope = o.scope AND v.post_id = o.post_id
        LEFT JOIN shown i ON i.scope = o.scope AND i.post_id = o.post_id
        LEFT JOIN m12_named n ON n.scope = o.scope AND n.account_id = o.account_id
        """,
        window,
    )
