"""The audience of a side's hashtags: who writes with them in the window, before and after, and whose side they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from floodmark.event import speech
from floodmark.view import CaseView


@dataclass(frozen=True)
class Audience:
    """Accounts that wrote with a subject's hashtags in the window, and what is known of them.

    `before` had used one of them earlier, `after` used one again later. `judged` have a side of their own in their
    posts that match one side only (a tie is none), `others` of these another side; `new_judged` and `new_others` are
    those not seen before. `authors_before` and `authors_after` are all accounts that used them then. `first_ms` and
    `last_ms` bound what the streams hold at all.
    """

    authors: int
    before: int
    after: int
    judged: int
    others: int
    new_judged: int
    new_others: int
    authors_before: int
    authors_after: int
    first_ms: int | None
    last_ms: int | None


def audiences(view: CaseView) -> Mapping[str, Audience]:
    """Return the audience of every subject with hashtags, after `speech.prepare`.

    For `both` the hashtags are those of all sides and the authors those whose posts in the window match several sides.
    """
    extents = {
        scope: (first, last)
        for scope, first, last in view.db.rows(
            "SELECT scope, min(at_ms), max(at_ms) FROM posts JOIN m12_streams USING (stream) GROUP BY scope"
        )
    }
    view.db.execute(
        """
        CREATE OR REPLACE TEMP TABLE m12_homes AS
        WITH spoken AS (
            SELECT scope, account_id, only_side AS side, count(*) AS posts
            FROM m12_posts WHERE only_side IS NOT NULL GROUP BY ALL
        )
        SELECT scope, account_id, max_by(side, posts) AS side
        FROM (SELECT *, max(posts) OVER (PARTITION BY scope, account_id) AS most FROM spoken) WHERE posts = most
        GROUP BY scope, account_id HAVING count(*) = 1
        """
    )
    tagged = {owner for (owner,) in view.db.rows("SELECT DISTINCT owner FROM m12_tags")}
    found = {}
    for subject in view.config.subjects:
        if tagged & set(speech.owners_of(view, subject)):
            found[subject] = _audience(view, subject, extents.get(speech.scope_of(subject), (None, None)))
    return found


def _audience(view: CaseView, subject: str, extent: tuple[int | None, int | None]) -> Audience:
    row = view.db.one(
        """
        WITH used AS (
            SELECT p.account_id,
                   bool_or(p.at_ms < $start_ms) AS before,
                   bool_or(p.at_ms >= $start_ms AND p.at_ms < $end_ms AND (NOT $both OR p.several)) AS inside,
                   bool_or(p.at_ms >= $end_ms) AS after
            FROM m12_pages p
            JOIN (SELECT DISTINCT scope, tag FROM m12_tags WHERE list_contains($owners, owner)) t
                 ON t.scope = p.scope AND t.tag = p.tag
            WHERE p.scope = $scope GROUP BY p.account_id
        ),
        told AS (
            SELECT u.*, h.side IS NOT NULL AS judged, coalesce(h.side <> $subject, FALSE) AS other
            FROM used u LEFT JOIN m12_homes h ON h.scope = $scope AND h.account_id = u.account_id
        )
        SELECT count(*) FILTER (inside), count(*) FILTER (inside AND before), count(*) FILTER (inside AND after),
               count(*) FILTER (inside AND judged), count(*) FILTER (inside AND other),
               count(*) FILTER (inside AND judged AND NOT before), count(*) FILTER (inside AND other AND NOT before),
               count(*) FILTER (before), count(*) FILTER (after)
        FROM told
        """,
        {
            "start_ms": view.config.event.start_ms,
            "end_ms": view.config.event.end_ms,
            "both": subject == "both",
            "owners": list(speech.owners_of(view, subject)),
            "scope": speech.scope_of(subject),
            "subject": subject,
        },
    )
    names = (
        *("authors", "before", "after", "judged", "others", "new_judged", "new_others"),
        *("authors_before", "authors_after"),
    )
    counts = {name: int(count) for name, count in zip(names, row, strict=True)}
    return Audience(first_ms=extent[0], last_ms=extent[1], **counts)
