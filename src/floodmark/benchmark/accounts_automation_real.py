"""The flags of automation on real sets: organic ones, an operation, and Digital DNA's labelled set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from floodmark import schema
from floodmark.accounts import behaviour_sequence, clock_marks, digital_dna, no_night, regular_gaps, same_schedule
from floodmark.accounts.judge import judge
from floodmark.accounts.sequences import own_null, shared_by_few
from floodmark.accounts.timelines import FALSE_DISCOVERIES
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database
from floodmark.stats import bh, wilson
from floodmark.view import CaseView

Row = dict[str, object]

FLAGS: Final = (
    regular_gaps.FLAG,
    clock_marks.FLAG,
    no_night.FLAG,
    same_schedule.FLAG,
    behaviour_sequence.FLAG,
    digital_dna.FLAG,
)
#: The default, and the least that a case file may ask for.
MINIMA: Final = (20, 10)
#: For each set its files, the ticks of its clock in ms, and the SQL that yields its posts.
SETS: Final = {
    "organic_gopdebate_2015": (
        "Sentiment.csv",
        1_000,
        """
        SELECT name AS account_id, tweet_id::VARCHAR AS post_id, starts_with(text, 'RT @') AS is_repost, FALSE AS reply,
               epoch_ms(strptime(tweet_created[:19], '%Y-%m-%d %H:%M:%S')) + 25200000 AS at_ms
        FROM read_csv($path, all_varchar = true)
        """,
    ),
    "organic_pheme_2014_15": (
        "*.json",
        1_000,
        """
        SELECT "user".id::VARCHAR AS account_id, id::VARCHAR AS post_id, FALSE AS is_repost,
               in_reply_to_status_id IS NOT NULL AS reply,
               epoch_ms(strptime(created_at, '%a %b %d %H:%M:%S +0000 %Y')) AS at_ms
        FROM read_json($path, columns = {id: 'BIGINT', created_at: 'VARCHAR', in_reply_to_status_id: 'BIGINT',
                                         user: 'STRUCT(id BIGINT)'})
        """,
    ),
    "ira_aug2015": (
        "tweets.parquet",
        60_000,
        """
        SELECT author_id AS account_id, epoch_ms(publish_date) // 60000 * 60000 AS at_ms, retweet = 1 AS is_repost,
               FALSE AS reply, (row_number() OVER (ORDER BY author_id, publish_date, content))::VARCHAR AS post_id
        FROM read_parquet($path)
        """,
    ),
}


def real_rows() -> list[Row]:
    """Return for each real set and flag how many accounts were judged and flagged; none where the sets are absent."""
    folder = Path(os.environ.get("FLOODMARK_SHARED", "../shared")) / "data"
    made: list[Row] = []
    for name, (file, resolution_ms, sql) in SETS.items():
        if (folder / name).is_dir():
            for minimum in MINIMA:
                made += set_rows(name, folder / name / file, resolution_ms, sql, minimum)
    published = folder / "peer_acceptance" / "ddna_italian.csv"
    return made + (published_rows(published) if published.is_file() else [])


def set_rows(name: str, path: Path, resolution_ms: int, sql: str, minimum: int) -> list[Row]:
    """Return what each flag says of one real set, with accounts judged from `minimum` posts on."""
    made = []
    with Database() as db:
        for table in (schema.POSTS, schema.PARTICIPANTS):
            db.execute(schema.create_sql(table))
        db.execute(
            f"INSERT INTO posts BY NAME SELECT 'x:' || post_id AS post_id, 'x:' || account_id AS account_id, at_ms,"
            f" {resolution_ms} AS at_resolution_ms, 'main' AS stream, is_repost,"
            f" CASE WHEN reply THEN 'x:0' END AS replied_post_id"
            f" FROM ({sql}) WHERE account_id IS NOT NULL AND at_ms IS NOT NULL",
            {"path": str(path)},
        )
        db.execute(
            "INSERT INTO participants BY NAME SELECT 'all' AS roster, account_id, count(*) AS posts,"
            " min(at_ms) AS first_at_ms FROM posts GROUP BY account_id"
        )
        (accounts,) = db.one("SELECT count(*) FROM participants")
        view = CaseView(_config(minimum), db, ())
        for flag in FLAGS:
            db.execute(schema.create_sql(schema.ACCOUNT_FLAGS, temporary=True))
            judge(view, flag)
            known, hits = db.one("SELECT count(*), count(*) FILTER (flagged) FROM account_flags")
            made.append(_row(flag.name, name, f"from {minimum} posts on", accounts, known, hits))
    return made


def _row(measure: str, name: str, strength: str, accounts: int, judged: int, flagged: int) -> Row:
    low, high = wilson(flagged, judged) if judged else (None, None)
    return {
        "measure": measure,
        "behaviour": "real",
        "strength": strength,
        "set": name,
        "accounts": accounts,
        "judged": judged,
        "flagged": flagged,
        "share": flagged / judged if judged else None,
        "low": low,
        "high": high,
    }


def _config(minimum: int) -> CaseConfig:
    event = {"title": "e", "start": "2015-08-06T00:00:00", "end": "2015-08-08T00:00:00", "zone": "UTC", "country": "US"}
    return CaseConfig.model_validate(
        {
            "name": "real",
            "event": event,
            "baseline": {"start": "2015-07-01T00:00:00", "end": "2015-08-06T00:00:00"},
            "side": [{"name": "all", "hashtags": ["all"]}],
            "input": [{"path": "posts.csv", "format": "csv", "stream": "main"}],
            "parameters": {"automation_min_posts": minimum},
        }
    )


def published_rows(path: Path) -> list[Row]:
    """Return what the published rule and the flag with its null say of Digital DNA's 738 labelled accounts."""
    with Database() as db:
        found = db.rows("SELECT dna, bot = '1' FROM read_csv($path, all_varchar = true)", {"path": str(path)})
    letters = np.array(["ACT".index(letter) for dna, _ in found for letter in dna], dtype=np.uint8)
    starts = np.concatenate([[0], np.cumsum([len(dna) for dna, _ in found])]).astype(np.int64)
    bot = np.array([label for _, label in found], dtype=bool)
    p, length, usual = own_null(letters, starts)
    rules: dict[str, NDArray[np.bool_]] = {
        "digital_dna": shared_by_few(letters, starts).length > 0,
        "behaviour_sequence": bh(p, FALSE_DISCOVERIES) & (length > usual),
    }
    return [
        _row(rule, f"ddna_italian {kind}", "all posts", len(bot), int(of.sum()), int((held & of).sum()))
        for rule, held in rules.items()
        for kind, of in (("bots", bot), ("people", ~bot))
    ]
