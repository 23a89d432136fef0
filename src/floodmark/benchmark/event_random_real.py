"""The tests of "seemed random" on real organic posts: what they say where nobody is known to have planned anything.

Numbers only: no row of a set is kept. Nothing was collected before the window, so the first hours hold mostly new
accounts; sets without a column say so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from floodmark import schema
from floodmark.benchmark.event_random import Row, filled
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database
from floodmark.event.arrivals import arrivals_of
from floodmark.event.composition import COLUMNS, composition
from floodmark.event.entry_synchrony import entry_synchrony
from floodmark.event.inequality import inequality
from floodmark.event.self_excitation import self_excitation
from floodmark.view import CaseView

_DAY_MS: Final = 86_400_000
_TIME: Final = "epoch_ms(strptime({}, '%a %b %d %H:%M:%S +0000 %Y'))"
#: For each set its files, its clock's ticks in ms, and the SQL that yields its posts with what is known of authors.
SETS: Final[Mapping[str, tuple[str, int, str]]] = {
    "organic_gopdebate_2015": (
        "Sentiment.csv",
        1_000,
        """
        SELECT name AS account_id, tweet_id::VARCHAR AS post_id, NULL::BIGINT AS created_at_ms,
               NULL::BIGINT AS followers, NULL::VARCHAR AS language,
               epoch_ms(strptime(tweet_created[:19], '%Y-%m-%d %H:%M:%S')) + 25200000 AS at_ms
        FROM read_csv($path, all_varchar = true)
        """,
    ),
    "organic_pheme_2014_15": (
        "*.json",
        1_000,
        f"""
        SELECT "user".id::VARCHAR AS account_id, id::VARCHAR AS post_id, {_TIME.format('"user".created_at')} AS
               created_at_ms, "user".followers_count AS followers, lang AS language,
               {_TIME.format("created_at")} AS at_ms
        FROM read_json($path, columns = {{id: 'BIGINT', created_at: 'VARCHAR', lang: 'VARCHAR',
                                user: 'STRUCT(id BIGINT, created_at VARCHAR, followers_count BIGINT)'}})
        """,
    ),
    "ira_aug2015": (
        "tweets.parquet",
        60_000,
        """
        SELECT author_id AS account_id, NULL::BIGINT AS created_at_ms, followers::BIGINT AS followers, language,
               epoch_ms(publish_date) // 60000 * 60000 AS at_ms,
               (row_number() OVER (ORDER BY author_id, publish_date, content))::VARCHAR AS post_id
        FROM read_parquet($path)
        """,
    ),
}


def real_rows() -> list[Row]:
    """Return what each test says of each set that is present; one window a file."""
    folder = Path(os.environ.get("FLOODMARK_SHARED", "../shared")) / "data"
    made: list[Row] = []
    for name, (files, resolution_ms, sql) in SETS.items():
        for path in sorted((folder / name).glob(files)):
            made += set_rows(name if "*" not in files else f"{name}, {path.stem}", path, resolution_ms, sql)
    return made


def set_rows(name: str, path: Path, resolution_ms: int, sql: str) -> list[Row]:
    """Return the rows of one file: its window is the UTC day with most posts and the day after."""
    with Database() as db:
        for table in (schema.POSTS, schema.SIDE_POSTS, schema.PARTICIPANTS, schema.PROFILES):
            db.execute(schema.create_sql(table))
        db.execute(
            f"CREATE TABLE found AS SELECT * FROM ({sql}) WHERE account_id IS NOT NULL AND at_ms IS NOT NULL",
            {"path": str(path)},
        )
        (day,) = db.one(f"SELECT at_ms // {_DAY_MS} FROM found GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
        view = CaseView(_config(day), db, ())
        event = view.config.event
        inside = f"at_ms >= {event.start_ms} AND at_ms < {event.end_ms}"
        db.execute(
            f"INSERT INTO posts BY NAME SELECT DISTINCT ON (post_id) 'main' AS stream, post_id, account_id, at_ms,"
            f" {resolution_ms} AS at_resolution_ms, language FROM found ORDER BY ALL"
        )
        db.execute(
            f"INSERT INTO side_posts BY NAME SELECT 'all' AS side, stream, post_id, account_id, at_ms, {inside} AS"
            " in_window FROM posts"
        )
        db.execute(
            "INSERT INTO participants BY NAME SELECT 'all' AS roster, account_id, count(*) AS posts,"
            f" min(at_ms) AS first_at_ms FROM posts WHERE {inside} GROUP BY account_id"
        )
        db.execute(
            "INSERT INTO accounts BY NAME SELECT account_id, max(created_at_ms) AS created_at_ms, max(followers) AS"
            " followers FROM found GROUP BY account_id"
        )
        return _rows(name, view)


def _rows(name: str, view: CaseView) -> list[Row]:
    event = view.config.event
    arrivals = arrivals_of(view, "all")
    (accounts,) = view.db.one("SELECT count(*) FROM participants")
    made = []

    def add(measure: str, found: object, **values: object) -> None:
        said = f"real: {found}" if isinstance(found, str) else "real"
        shared = {"measure": measure, "behaviour": said, "set": name, "accounts": accounts}
        made.append(filled(**shared, **({} if isinstance(found, str) else values)))

    entry = entry_synchrony(arrivals)
    if isinstance(entry, str):
        add("entry synchrony", entry)
    else:
        ends = {"share": entry.ratio, "low": entry.interval[0], "high": entry.interval[1], "p_value": entry.p_value}
        add("entry synchrony", entry, judged=entry.new, **ends)
    for column in COLUMNS:
        mix = composition(arrivals, column)
        if isinstance(mix, str):
            add(f"composition by {column}", mix)
        else:
            ends = {"share": mix.ratio, "low": mix.interval[0], "high": mix.interval[1], "p_value": mix.p_value}
            add(f"composition by {column}", mix, judged=mix.known, **ends)
    own = self_excitation(arrivals.at_ms, event.start_ms, event.end_ms, arrivals.resolution_ms)
    if isinstance(own, str):
        add("self-excitation, share", own)
    else:
        share = own.share if own.agreed else None
        ends = {"low": own.interval[0], "high": own.interval[1], "p_value": own.p_value}
        add("self-excitation, share", own, judged=own.arrivals, share=share, **ends)
    counts = view.db.arrays("SELECT posts FROM participants ORDER BY posts")
    spread = inequality(np.asarray(counts["posts"], dtype=np.int64))
    if isinstance(spread, str):
        add("Gini's coefficient", spread)
    else:
        ends = {"share": spread.gini, "low": spread.gini_interval[0], "high": spread.gini_interval[1]}
        add("Gini's coefficient", spread, judged=spread.accounts, **ends)
    return made


def _config(day: int) -> CaseConfig:
    start, end = (datetime.fromtimestamp((day + after) * 86_400, UTC).isoformat() for after in (0, 2))
    return CaseConfig.model_validate(
        {
            "name": "real",
            "event": {"title": "e", "start": start, "end": end, "zone": "UTC"},
            "side": [{"name": "all", "hashtags": ["all"]}],
            "input": [{"path": "posts.csv", "format": "csv", "stream": "main"}],
        }
    )
