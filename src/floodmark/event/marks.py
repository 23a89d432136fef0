"""The most used hashtags and the most addressed accounts of each subject, as series of posts of their own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from floodmark.stats import Counts
from floodmark.view import CaseView

Kind = Literal["hashtag", "target"]
_MENTION: Final = "(?:^|[^A-Za-z0-9_@])@([A-Za-z0-9_]{1,30})"


@dataclass(frozen=True)
class Mark:
    """One hashtag (folded) or target (account id, or @handle where the id is unknown) of a subject.

    `accounts` and `posts` are counted in the window; `times_ms` are those of all its posts, ascending.
    """

    subject: str
    kind: Kind
    name: str
    accounts: int
    posts: int
    times_ms: Counts


def make_marks(view: CaseView, first_ms: int) -> None:
    """Create the temporary tables `_subject_posts` and `_addressed`, from side_posts, posts and account_observations.

    `_subject_posts` (subject, stream, post_id, account_id, at_ms, in_window) has each post of a subject once, from
    `first_ms` on; `both` are posts that match several sides. `_addressed` (post_id, account_id, target, how) says whom
    a post of these addresses and how: reply, quote or mention, the first of these that holds. Reposts address nobody:
    they repeat somebody's words. Nobody addresses himself. Mentions are ids or handles; a handle that several accounts
    had stays a handle.
    """
    view.db.execute(
        """
        CREATE OR REPLACE TEMP TABLE _subject_posts AS
        WITH once AS (
            SELECT side, post_id, min(stream) AS stream, min(account_id) AS account_id, min(at_ms) AS at_ms,
                bool_or(in_window) AS in_window
            FROM side_posts WHERE at_ms >= $first_ms AND at_ms < $end_ms GROUP BY ALL
        )
        SELECT side AS subject, stream, post_id, account_id, at_ms, in_window FROM once
        UNION ALL
        SELECT 'both', min(stream), post_id, min(account_id), min(at_ms), bool_or(in_window) FROM once
        WHERE side <> 'control' GROUP BY post_id HAVING count(*) > 1
        """,
        {"first_ms": first_ms, "end_ms": view.config.event.end_ms},
    )
    view.db.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _addressed AS
        WITH wanted AS (SELECT DISTINCT stream, post_id FROM _subject_posts),
        own AS (
            SELECT p.post_id, p.account_id, split_part(p.account_id, ':', 1) || ':' AS platform, p.replied_account_id,
                p.replied_post_id, p.quoted_post_id,
                coalesce(p.mentions, regexp_extract_all(p.text, '{_MENTION}', 1)) AS mentions
            FROM posts p JOIN wanted USING (stream, post_id)
            WHERE NOT (coalesce(p.is_repost, FALSE) OR p.reposted_post_id IS NOT NULL
                OR coalesce(starts_with(p.text, 'RT @'), FALSE))
        ),
        authors AS (
            SELECT post_id, min(account_id) AS author FROM posts WHERE post_id IN (
                SELECT replied_post_id FROM own WHERE replied_account_id IS NULL UNION SELECT quoted_post_id FROM own
            ) GROUP BY post_id
        ),
        handles AS (
            SELECT lower(handle) AS handle, min(account_id) AS holder FROM account_observations
            WHERE handle IS NOT NULL GROUP BY ALL HAVING count(DISTINCT account_id) = 1
        ),
        mentioned AS (
            SELECT post_id, account_id, platform, lower(ltrim(unnest(mentions), '@')) AS mention FROM own
        ),
        every_one AS (
            SELECT own.post_id, own.account_id, coalesce(replied_account_id, author) AS target, 'reply' AS how
            FROM own LEFT JOIN authors ON authors.post_id = own.replied_post_id
            UNION ALL
            SELECT own.post_id, own.account_id, author, 'quote' FROM own
            JOIN authors ON authors.post_id = own.quoted_post_id
            UNION ALL
            SELECT post_id, account_id, CASE WHEN holder IS NOT NULL THEN holder
                WHEN regexp_full_match(mention, '[0-9]+') THEN platform || mention
                WHEN position(':' IN mention) > 0 THEN mention ELSE '@' || mention END, 'mention'
            FROM mentioned LEFT JOIN handles ON handles.handle = mention WHERE mention <> ''
        )
        SELECT post_id, min(account_id) AS account_id, target, max(how) AS how FROM every_one
        WHERE target IS NOT NULL AND target <> account_id GROUP BY post_id, target
        """
    )


def top_marks(view: CaseView, kind: Kind, most: int, least_accounts: int) -> list[Mark]:
    """Return the marks that most accounts of each subject used in the window, from the tables of `make_marks`.

    At most `most` a subject, each with at least `least_accounts` accounts: who is addressed by a few is nobody's
    business. Ties are broken by posts, then by name.
    """
    source = (
        "SELECT s.subject, a.target AS mark, s.post_id, s.account_id, s.at_ms, s.in_window"
        " FROM _subject_posts s JOIN _addressed a USING (post_id)"
        if kind == "target"
        else "SELECT DISTINCT s.subject, unnest(f.hashtags) AS mark, s.post_id, s.account_id, s.at_ms, s.in_window"
        " FROM _subject_posts s JOIN post_features f USING (stream, post_id)"
    )
    found = view.db.arrays(
        f"""
        WITH marked AS ({source}),
        counted AS (
            SELECT subject, mark, count(DISTINCT account_id) AS accounts, count(*) AS posts FROM marked
            WHERE in_window GROUP BY ALL HAVING count(DISTINCT account_id) >= $least
        ),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY subject ORDER BY accounts DESC, posts DESC, mark) AS place
            FROM counted
        )
        SELECT subject, mark, place, accounts, posts, m.at_ms FROM ranked JOIN marked m USING (subject, mark)
        WHERE place <= $most ORDER BY subject, place, m.at_ms
        """,
        {"least": least_accounts, "most": most},
    )
    subjects, places = found["subject"], np.asarray(found["place"], dtype=np.int64)
    times = np.asarray(found["at_ms"], dtype=np.int64)
    if not times.size:
        return []
    new = (subjects[1:] != subjects[:-1]) | (places[1:] != places[:-1])
    names = found["mark"]
    edges = [0, *(np.flatnonzero(new) + 1).tolist(), times.size]
    return [
        Mark(str(subjects[i]), kind, str(names[i]), int(found["accounts"][i]), int(found["posts"][i]), times[i:j])
        for i, j in itertools.pairwise(edges)
    ]
