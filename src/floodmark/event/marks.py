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
        WITH own AS (
            SELECT p.post_id, p.account_id, split_part(p.account_id, ':', 1) || ':' AS platform, p.replied_account_id,
                p.replied_post_id, p.quoted_post_id,
                coalesce(p.mentions, regexp_extract_all(p.text, '{_MENTION}', 1)) AS mentions
            FROM posts p
            -- Most posts address nobody: they are out before anything is joined.
            WHERE NOT (coalesce(p.is_repost, FALSE) OR p.reposted_post_id IS NOT NULL
                OR coalesce(starts_with(p.text, 'RT @'), FALSE))
                AND (p.replied_account_id IS NOT NULL OR p.replied_post_id IS NOT NULL OR p.quoted_post_id IS NOT NULL
                OR len(p.mentions) > 0 OR (p.mentions IS NULL AND contains(p.text, '@')))
                AND EXISTS (FROM _subject_posts s WHERE s.stream = p.stream AND s.post_id = p.post_id)
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
        "SELECT s.subject, a.target AS mark, s.account_id, s.at_ms, s.in_window"
        " FROM _subject_posts s JOIN _addressed a USING (post_id)"
        if kind == "target"
        else "SELECT s.subject, unnest(f.hashtags) AS mark, s.account_id, s.at_ms, s.in_window"
        " FROM _subject_posts s JOIN post_features f USING (stream, post_id)"
    )
    view.db.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _top_marks AS
        WITH per_account AS (
            SELECT subject, mark, account_id, count(*) AS posts FROM ({source}) WHERE in_window GROUP BY ALL
        ),
        counted AS (
            SELECT subject, mark, count(*) AS accounts, CAST(sum(posts) AS BIGINT) AS posts FROM per_account
            GROUP BY ALL HAVING count(*) >= $least
        )
        SELECT *, row_number() OVER (PARTITION BY subject ORDER BY accounts DESC, posts DESC, mark) AS place
        FROM counted QUALIFY place <= $most
        """,
        {"least": least_accounts, "most": most},
    )
    marks = view.db.rows("SELECT subject, mark, accounts, posts FROM _top_marks ORDER BY subject, place")
    # Numbers alone: names would come once a post.
    found = view.db.arrays(
        f"""
        WITH numbered AS (
            SELECT subject, mark, row_number() OVER (ORDER BY subject, place) - 1 AS number FROM _top_marks
        )
        SELECT number, m.at_ms FROM numbered JOIN ({source}) m USING (subject, mark) ORDER BY number, m.at_ms
        """
    )
    times = np.asarray(found["at_ms"], dtype=np.int64)
    edges = np.searchsorted(np.asarray(found["number"], dtype=np.int64), np.arange(len(marks) + 1))
    return [
        Mark(subject, kind, name, accounts, posts, times[first:last])
        for (subject, name, accounts, posts), (first, last) in zip(
            marks, itertools.pairwise(edges.tolist()), strict=True
        )
    ]
