"""Made tables of a case to judge accounts on: timelines of days with nights, clients, languages, names and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from floodmark import schema
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database
from floodmark.view import CaseView

POSTS_PER_ACCOUNT: Final = 50
_START_MS: Final = 1_592_179_200_000  # 25 days before the end of the event
_CASE: Final = {
    "name": "bench",
    "event": {"title": "Event", "start": "2020-07-05T00:00:00", "end": "2020-07-08T00:00:00", "zone": "UTC"},
    "side": [{"name": "pro", "hashtags": ["pro"]}, {"name": "con", "hashtags": ["con"]}],
    "control": {"streams": ["sport"]},
    "input": [
        {"path": f"{stream}.csv", "format": "table", "stream": stream, "columns": {}} for stream in ("main", "sport")
    ],
}
#: DuckDB's hash of the numbers of account and post stands for chance, so that one version makes the same tables again.
_PEOPLE: Final = f"""
CREATE TEMP TABLE people AS
SELECT i, 'sim:' || i AS account_id, hash(i, 2) % 24 AS wakes, hash(i, 3) % 5 AS client, hash(i, 4) % 20 AS language,
       CASE WHEN hash(i, 5) % 20 = 0 THEN 'sport' ELSE 'main' END AS stream,
       greatest(3, CAST({POSTS_PER_ACCOUNT} / 2 * (1 - ln(1 - (hash(i, 1) % 1000000) / 1000001.0)) AS INTEGER)) AS posts
FROM range($accounts) AS numbers(i)
"""
_POSTS: Final = f"""
INSERT INTO posts BY NAME
SELECT stream, 'sim:' || i || '-' || j AS post_id, account_id, 1000 AS at_resolution_ms,
       {_START_MS} + 3600000 * CAST(24 * (hash(i, j, 1) % 25) + (wakes + hash(i, j, 2) % 15) % 24 AS BIGINT)
           + 1000 * CAST(hash(i, j, 3) % 3600 AS BIGINT) AS at_ms,
       CASE WHEN language < 2 THEN 'ar' WHEN language < 4 AND hash(i, j, 4) % 3 = 0 THEN 'en' ELSE 'fa' END AS language,
       'Client ' || (client + CAST(hash(i, j, 5) % 20 = 0 AS INTEGER)) AS client, hash(i, j, 6) % 2 = 0 AS is_repost,
       CASE WHEN hash(i, j, 6) % 2 = 1 AND hash(i, j, 7) % 3 = 0 THEN 'sim:' || (hash(i, j, 8) % 1000) END
           AS replied_account_id
FROM (SELECT *, unnest(range(posts)) AS j FROM people) AS written
"""
_FEATURES: Final = """
INSERT INTO post_features BY NAME
SELECT stream, post_id, 'text ' || (hash(post_id) % 100000) AS folded_text,
       CASE WHEN hash(post_id, 1) % 3 = 0 THEN ['tag' || (hash(post_id, 2) % 2000)] END AS hashtags FROM posts
"""
_PROFILES: Final = """
INSERT INTO {table} BY NAME
SELECT account_id, 'word' || (hash(i, 10) % 40000) || '_' || (hash(i, 11) % 100000) AS handle,
       'Name ' || (hash(i, 12) % 30000) AS display_name, 1000 AS created_resolution_ms,
       1230768000000 + 1000 * CAST(hash(i, 13) % 360000000 AS BIGINT) AS created_at_ms,
       CAST(hash(i, 14) % 2000 AS BIGINT) AS followers, 'about ' || (hash(i, 15) % 60000) AS description,
       'https://pictures.example/' || (hash(i, 16) % 90000) AS picture, FALSE AS default_picture,
       1590000000000 - 1000 * CAST(hash(i, 17) % 40000000 AS BIGINT) AS previous_post_at_ms
FROM people
"""
_PARTICIPANTS: Final = """
INSERT INTO participants BY NAME
SELECT CASE WHEN stream = 'sport' THEN 'control' WHEN hash(account_id) % 2 = 0 THEN 'pro' ELSE 'con' END AS roster,
       account_id, count(*) AS posts, min(at_ms) AS first_at_ms FROM posts GROUP BY stream, account_id
"""


def write_case(path: Path, rows: int) -> None:
    """Write the tables of a case with about `rows` posts, 50 an account, as a DuckDB file."""
    with Database(path) as db:
        for table in schema.TABLES:
            db.execute(schema.create_sql(table))
        db.execute(_PEOPLE, {"accounts": max(1, rows // POSTS_PER_ACCOUNT)})
        profiles = [_PROFILES.format(table=name) for name in ("accounts", "account_observations")]
        for sql in (_POSTS, _FEATURES, _PARTICIPANTS, *profiles):
            db.execute(sql)


def case_of(db: Database) -> CaseView:
    """Return the view of such a file."""
    return CaseView(CaseConfig.model_validate(_CASE), db, ())
