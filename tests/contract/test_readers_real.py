"""The readers on real files; counts only, and nothing of the rows."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from floodmark import registry
from floodmark.config import InputSpec
from floodmark.engine.duckdb import Database
from floodmark.ingest import store
from floodmark.registry import Record, Reject

READERS = registry.readers().items
IRA_COLUMNS = {
    "post_id": ("account_id", "at", "text", "ordinal"),
    "account_id": "author_id",
    "at": "publish_date",
    "text": "content",
    "is_repost": "retweet",
    "followers": "followers",
    "following": "following",
    "posts_total": "updates",
}
GOP_COLUMNS = {"post_id": "tweet_id", "account_id": "name", "at": "tweet_created", "text": "text", "handle": "name"}


def read(file: Path, **fields: object) -> list[Record | Reject]:
    spec = InputSpec.model_validate({"path": file.name, "platform": "twitter", **fields})
    return list(READERS[spec.format].read(file, spec))


def ingest(db: Database, file: Path, folder: Path, **fields: object) -> dict[str, object]:
    spec = InputSpec.model_validate({"path": file.name, "platform": "twitter", **fields})
    return store.ingest_input(db, spec, file, READERS[spec.format], folder)


def test_pheme(shared: Path) -> None:
    files = sorted((shared / "data/organic_pheme_2014_15").glob("*.json"))
    found = [item for file in files for item in read(file, format="twitter_v1")]
    assert Counter(type(item) for item in found) == {Record: 2402}
    accounts = [item.account for item in found if isinstance(item, Record) and item.account]
    assert len({account["account_id"] for account in accounts}) == 1024
    # 355 verified accounts, by the data's own README.
    assert len({account["account_id"] for account in accounts if account["verified"]}) == 355
    posts = [item.post for item in found if isinstance(item, Record) and item.post]
    assert {post["at_resolution_ms"] for post in posts} == {1000}
    assert all(post["client"] and "<" not in str(post["client"]) for post in posts)
    assert all(post["hashtags"] is not None and post["urls"] is not None for post in posts)
    # An id of 2014 carries its own creation time (snowflake), which must agree with created_at.
    for post in posts:
        number = int(str(post["post_id"]).removeprefix("twitter:"))
        assert abs((number >> 22) + 1_288_834_974_657 - int(str(post["at_ms"]))) <= 1_000


def test_debate_through_the_mapping(shared: Path, tmp_path: Path) -> None:
    file = shared / "data/organic_gopdebate_2015/Sentiment.csv"
    with Database() as db:
        counts = ingest(db, file, tmp_path / "part", format="table", columns=GOP_COLUMNS)
        repeats = store.merge_base_tables(db, [("main", tmp_path / "part")], tmp_path)
        posts, accounts, first, last = db.one(
            "SELECT count(*), count(DISTINCT account_id), min(at_ms), max(at_ms) FROM read_parquet($path)",
            {"path": str(tmp_path / "posts.parquet")},
        )
    assert counts == {"rows": 13_871, "stored": 13_871, "repeated": 34, "rejected": 0, "reasons": {}}
    assert repeats == {"main": 34}
    assert (posts, accounts) == (13_837, 9_829)
    # 2015-08-07 00:44 to 17:12 UTC, by the data's own README; the file has -0700.
    minutes = [datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%F %H:%M") for at_ms in (first, last)]
    assert minutes == ["2015-08-07 00:44", "2015-08-07 17:12"]


def test_debate_with_the_wrong_column_says_what_is_wrong(shared: Path, tmp_path: Path) -> None:
    file = shared / "data/organic_gopdebate_2015/Sentiment.csv"
    columns = {**GOP_COLUMNS, "followers": "sentiment"}
    with Database() as db, pytest.raises(store.IngestError) as error:
        ingest(db, file, tmp_path / "part", format="table", columns=columns)
    assert "field `followers` (column `sentiment`): 13,871 of 13,871 rows do not hold a whole number" in str(
        error.value
    )
    assert "on line 2; map another column or remove the field" in str(error.value)
    assert not list((tmp_path / "part").iterdir())


def test_internet_research_agency(shared: Path, tmp_path: Path) -> None:
    file = shared / "data/ira_aug2015/tweets.parquet"
    with Database() as db:
        counts = ingest(db, file, tmp_path / "part", format="table", zone="UTC", columns=IRA_COLUMNS)
        repeats = store.merge_base_tables(db, [("main", tmp_path / "part")], tmp_path)
        found = db.one(
            "SELECT count(*), count(DISTINCT post_id), count(DISTINCT account_id), min(at_resolution_ms),"
            " max(at_ms % 60000), bool_and(post_id LIKE 'twitter:d-%' AND length(post_id) = 30)"
            " FROM read_parquet($path)",
            {"path": str(tmp_path / "posts.parquet")},
        )
        (again,) = db.one(
            "SELECT count(*) FROM read_parquet($posts) p JOIN read_parquet($source) s ON"
            " p.account_id = 'twitter:' || s.author_id AND p.at_ms = epoch_ms(s.publish_date)"
            " AND p.text = s.content",
            {"posts": str(tmp_path / "posts.parquet"), "source": str(file)},
        )
    assert (counts["rows"], counts["stored"], counts["rejected"], repeats) == (30_038, 30_038, 0, {"main": 0})
    # The file prints seconds, always :00, so the stream's clock counts as a minute clock.
    assert found == (30_038, 30_038, 1_256, 60_000, 0, True)
    assert again >= 30_038, "the Parquet's own times as UTC, row by row"


def test_internet_research_agency_needs_its_zone(shared: Path, tmp_path: Path) -> None:
    file = shared / "data/ira_aug2015/tweets.parquet"
    with Database() as db, pytest.raises(store.IngestError, match=r"`at`.*without an offset.*zone = "):
        ingest(db, file, tmp_path / "part", format="table", columns=IRA_COLUMNS)


def test_information_operations_archive(shared: Path) -> None:
    folder = shared / "data/io_archive_format_sample"
    found = read(next(folder.glob("*.csv")), format="io_archive")
    posts = [item.post for item in found if isinstance(item, Record) and item.post]
    accounts = [item.account for item in found if isinstance(item, Record) and item.account]
    assert (len(found), len(posts), len(accounts)) == (5, 5, 5)
    assert [item.line for item in found] == [2, 4, 5, 7, 8], "two rows hold a line break"
    assert {post["at_resolution_ms"] for post in posts} == {60_000}
    assert [post["replied_post_id"] for post in posts] == [None] * 5, "ids written as floats name no post"
    assert sum(post["replied_account_id"] is not None for post in posts) == 5
    assert [len(list(map(str, post["hashtags"] or []))) for post in posts] == [0, 0, 0, 2, 0]  # type: ignore[call-overload]
    assert {account["created_resolution_ms"] for account in accounts} == {86_400_000}
    assert [account["handle"] is None for account in accounts] == [False, True, False, True, True], (
        "hashes are no handles"
    )


def test_suspension_snapshots(shared: Path) -> None:
    file = shared / "data/suspension_iran_2020/stopped-existing-LABELED.csv"
    columns = {"account_id": "user_id_anon", "observed_at": "tstamp", "status": "status"}
    values = {"exists": "active", "no exists": "not_found", "restricted": "protected"}
    found = read(file, format="statuses", zone="UTC", columns=columns, values=values)
    statuses = Counter(item.status["status"] for item in found if isinstance(item, Record) and item.status)
    assert statuses == {"not_found": 3_334, "suspended": 2_491, "active": 1_246, "protected": 17}
    unmapped = Counter(
        item.reason for item in read(file, format="statuses", zone="UTC", columns=columns) if isinstance(item, Reject)
    )
    assert unmapped == {"unknown_status": 3_334 + 1_246}, "restricted is a word of our own"
