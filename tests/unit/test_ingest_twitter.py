"""Twitter v1.1 objects in their several shapes, and the archive's peculiarities."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from floodmark import registry
from floodmark.config import InputSpec
from floodmark.registry import Record, Reject, Row

READERS = registry.readers().items
USER = {"id": 7, "id_str": "7", "screen_name": "ana", "name": "Ana"}
BASE = {"id_str": "100", "created_at": "Mon Mar 02 08:49:41 +0000 2009", "text": "hello", "user": USER}


def read(folder: Path, *tweets: object, **fields: object) -> list[Record | Reject]:
    (folder / "t.jsonl").write_bytes(b"\n".join(map(orjson.dumps, tweets)))
    spec = InputSpec.model_validate({"path": "t.jsonl", "format": "twitter_v1", **fields})
    return list(READERS["twitter_v1"].read(folder / "t.jsonl", spec))


def post(folder: Path, **changes: object) -> Row:
    (item,) = read(folder, {**BASE, **changes})
    assert isinstance(item, Record)
    assert item.post is not None
    return item.post


def account(folder: Path, **changes: object) -> Row:
    (item,) = read(folder, {**BASE, "user": {**USER, **changes}})
    assert isinstance(item, Record)
    assert item.account is not None
    return item.account


def test_the_least_object(tmp_path: Path) -> None:
    found = post(tmp_path)
    assert {key: value for key, value in found.items() if value is not None} == {
        "stream": "main",
        "post_id": "twitter:100",
        "account_id": "twitter:7",
        "at_ms": 1_235_983_781_000,
        "at_resolution_ms": 1000,
        "text": "hello",
        "is_repost": False,
    }
    seen = account(tmp_path)
    assert {key: value for key, value in seen.items() if value is not None} == {
        "account_id": "twitter:7",
        "observed_at_ms": 1_235_983_781_000,
        "handle": "ana",
        "display_name": "Ana",
    }


def test_the_whole_text_wins(tmp_path: Path) -> None:
    assert post(tmp_path, full_text="hello world")["text"] == "hello world"
    extended = {"full_text": "hello whole world", "entities": {"hashtags": [{"text": "late"}]}}
    found = post(tmp_path, extended_tweet=extended, entities={"hashtags": []})
    assert (found["text"], found["hashtags"]) == ("hello whole world", ["late"])


def test_entities(tmp_path: Path) -> None:
    entities = {
        "hashtags": [{"text": "Vote"}, {"text": "رأی"}, {"odd": 1}, 7],
        "urls": [
            {"url": "https://t.co/a", "expanded_url": "https://a.org"},
            {"url": "https://t.co/b", "expanded_url": None},
        ],
        "user_mentions": [{"screen_name": "ben", "id_str": "8"}, {"screen_name": "cyd"}],
    }
    found = post(tmp_path, entities=entities)
    assert found["hashtags"] == ["Vote", "رأی"]
    assert found["urls"] == ["https://a.org", "https://t.co/b"]
    assert found["mentions"] == ["8", "cyd"]
    assert post(tmp_path, entities={"hashtags": [], "urls": []})["hashtags"] == [], "known to have none"
    assert post(tmp_path, entities=None)["hashtags"] is None, "not known"


def test_repost(tmp_path: Path) -> None:
    original = {"id_str": "90", "user": {"id_str": "8"}, "entities": {"hashtags": [{"text": "cut"}], "urls": []}}
    found = post(tmp_path, text="RT @ben: hel…", retweeted_status=original, entities={"hashtags": [], "urls": []})
    assert (found["is_repost"], found["reposted_post_id"], found["reposted_account_id"]) == (
        True,
        "twitter:90",
        "twitter:8",
    )
    assert found["hashtags"] == ["cut"], "the repost's own entities end where its text is cut"
    assert post(tmp_path, retweeted_status=None)["is_repost"] is False


def test_reply_and_quote(tmp_path: Path) -> None:
    found = post(
        tmp_path,
        in_reply_to_status_id_str="80",
        in_reply_to_user_id=9,
        in_reply_to_user_id_str=None,
        quoted_status={"id_str": "70"},
    )
    assert (found["replied_post_id"], found["replied_account_id"]) == ("twitter:80", "twitter:9")
    assert (found["quoted_post_id"], found["is_repost"]) == ("twitter:70", False)
    assert post(tmp_path, quoted_status_id_str="71", quoted_status={"id_str": "70"})["quoted_post_id"] == "twitter:71"


@pytest.mark.parametrize(
    ("source", "client"),
    [
        ('<a href="http://x.org" rel="nofollow">Twitter for iPhone</a>', "Twitter for iPhone"),
        ("web", "web"),
        ("", None),
        (None, None),
        ("<a></a>", None),
        ("a < b", "a < b"),
        ("<script>alert(1)</script>", "alert(1)"),
    ],
)
def test_client(tmp_path: Path, source: object, client: str | None) -> None:
    assert post(tmp_path, source=source)["client"] == client


def test_profile(tmp_path: Path) -> None:
    seen = account(
        tmp_path,
        created_at="Fri Jun 25 08:52:25 +0000 2010",
        followers_count=12,
        friends_count=0,
        statuses_count=40,
        location="",
        description=None,
        lang="fa",
        default_profile_image=True,
        verified=False,
    )
    assert (seen["created_at_ms"], seen["created_resolution_ms"]) == (1_277_455_945_000, 1000)
    assert (seen["followers"], seen["following"], seen["posts_total"]) == (12, 0, 40)
    assert (seen["location"], seen["description"], seen["language"]) == ("", None, "fa")
    assert (seen["default_picture"], seen["verified"], seen["protected"]) == (True, False, None)


def test_ids_without_text_forms(tmp_path: Path) -> None:
    bare = {"id": 629697200650592256, "created_at": BASE["created_at"], "text": "x", "user": {"id": 7}}
    (item,) = read(tmp_path, bare)
    assert isinstance(item, Record)
    assert item.post is not None
    assert (item.post["post_id"], item.post["account_id"]) == ("twitter:629697200650592256", "twitter:7")


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"id_str": 1.5e18}, "id_precision_lost", "post_id"),
        ({"id_str": ""}, "missing", "post_id"),
        ({"user": {"id_str": None}}, "missing", "account_id"),
        ({"user": {}}, "not_a_post", ""),
        ({"user": "ana"}, "not_a_post", ""),
        ({"created_at": "yesterday"}, "bad_time", "at"),
        ({"created_at": None}, "missing", "at"),
        ({"text": ["a"]}, "not_text", "text"),
        ({"user": {**USER, "followers_count": "many"}}, "not_a_count", "followers"),
        ({"user": {**USER, "created_at": "long ago"}}, "bad_time", "created_at"),
        ({"retweeted_status": {"id": 1.5e18}}, "id_precision_lost", "reposted_post_id"),
    ],
)
def test_rejects(tmp_path: Path, changes: dict[str, object], reason: str, field: str) -> None:
    found = read(tmp_path, {**BASE, **changes}, BASE)
    assert isinstance(found[0], Reject)
    assert (found[0].line, found[0].reason, found[0].field) == (1, reason, field)
    assert isinstance(found[1], Record)


def test_observed_at(tmp_path: Path) -> None:
    (item,) = read(tmp_path, BASE, observed_at="2020-08-01T00:00:00Z")
    assert isinstance(item, Record)
    assert item.post is not None
    assert item.account is not None
    assert item.post["observed_at_ms"] == item.account["observed_at_ms"] == 1_596_240_000_000


def test_archive_ids_of_others_may_be_lost_but_not_ones_own(tmp_path: Path) -> None:
    header = "tweetid,userid,tweet_time,tweet_text,retweet_tweetid,in_reply_to_tweetid,hashtags,user_screen_name"
    rows = [
        "1,2,2019-12-20 10:15,x,1.2e+18,1.2e+18,[a],ana",
        "1,1.2e+18,2019-12-20 10:15,x,,,[],ana",
        "1,2,2019-12-20 10:15,x,90,80,['a' 'b'],ana",
        "1,2,2019-12-20,x,90,80,[],ana",
    ]
    (tmp_path / "a.csv").write_text("\n".join([header, *rows]))
    # The archive's times are UTC whatever the case file says of the zone.
    spec = InputSpec(path="a.csv", format="io_archive", zone="Asia/Tehran")
    first, second, third, fourth = READERS["io_archive"].read(tmp_path / "a.csv", spec)
    assert isinstance(first, Record)
    assert first.post is not None
    assert (first.post["reposted_post_id"], first.post["replied_post_id"], first.post["hashtags"]) == (
        None,
        None,
        ["a"],
    )
    assert (first.post["at_ms"], first.post["at_resolution_ms"]) == (1_576_836_900_000, 60_000)
    assert [getattr(item, "reason", "") for item in (second, third, fourth)] == [
        "id_precision_lost",
        "bad_list",
        "date_only",
    ]
