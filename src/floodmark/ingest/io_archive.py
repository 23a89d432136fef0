"""The information-operations archive that Twitter published from 2018 to 2021: one post a row, 30 columns or more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from floodmark.errors import IngestError
from floodmark.ingest.csv_source import CsvSource
from floodmark.ingest.plans import one_by_one, planned_posts, post_plan
from floodmark.ingest.reasons import FieldProblem
from floodmark.ingest.sources import kind_of
from floodmark.ingest.values import Convert
from floodmark.registry import Reader, Record, Reject, Row

if TYPE_CHECKING:
    from floodmark.config import InputSpec

_COLUMNS: Final = {
    "post_id": "tweetid",
    "account_id": "userid",
    "at": "tweet_time",
    "text": "tweet_text",
    "language": "tweet_language",
    "client": "tweet_client_name",
    "is_repost": "is_retweet",
    "reposted_post_id": "retweet_tweetid",
    "reposted_account_id": "retweet_userid",
    "replied_post_id": "in_reply_to_tweetid",
    "replied_account_id": "in_reply_to_userid",
    "quoted_post_id": "quoted_tweet_tweetid",
    "hashtags": "hashtags",
    "urls": "urls",
    "mentions": "user_mentions",
    "handle": "user_screen_name",
    "display_name": "user_display_name",
    "created_at": "account_creation_date",
    "followers": "follower_count",
    "following": "following_count",
    "location": "user_reported_location",
    "description": "user_profile_description",
    "account_language": "account_language",
}
_REQUIRED: Final = ("tweetid", "userid", "tweet_time", "tweet_text")
# Some releases were saved with these ids as floats ("1.2079e+18"). Such an id names no post: it is stored as unknown.
_REFERENCES: Final = frozenset(
    {"reposted_post_id", "reposted_account_id", "replied_post_id", "replied_account_id", "quoted_post_id"}
)


def read(path: Path, spec: InputSpec) -> Iterator[Record | Reject]:
    """Yield a Record or a Reject for every row; IngestError when the file has not the archive's columns."""
    kind_of(path, spec.path)
    # By the archive's definition times are UTC; they are floored to the minute, which their text shows.
    spec = spec.model_copy(update={"zone": "UTC", "time_format": None, "time_unit": "s"})
    with path.open("rb") as file:
        source = CsvSource(file, spec.path, spec.delimiter)
        if missing := [column for column in _REQUIRED if column not in source.columns]:
            raise IngestError(
                f"{spec.path}: the file has no column {missing[0]!r}, so it is not an information-operations archive; "
                'read it with format = "table" and a mapping'
            )
        mapped = {field: column for field, column in _COLUMNS.items() if column in source.columns}
        plan = post_plan(spec, spec.platform or READER.platform, mapped, source)
        steps = tuple(
            (field, column, place, _or_unknown(convert) if field in _REFERENCES else convert)
            for field, column, place, convert in plan.steps
        )
        for item in one_by_one(planned_posts(source, replace(plan, steps=steps))):
            if isinstance(item, Record) and item.account is not None:
                _drop_hash(item.account)
            yield item


def _or_unknown(convert: Convert) -> Convert:
    def lenient(value: object) -> object:
        try:
            return convert(value)
        except FieldProblem as problem:
            if problem.reason == "id_precision_lost":
                return None
            raise

    return lenient


def _drop_hash(account: Row) -> None:
    """Small accounts have a hash of their id in place of handle and name: that is neither."""
    bare_id = str(account["account_id"]).split(":", 1)[1]
    if account["handle"] == bare_id:
        account["handle"] = None
    if account["display_name"] == bare_id:
        account["display_name"] = None


def _matches(_path: Path, head: bytes) -> bool:
    first = head.split(b"\n", 1)[0]
    return all(column.encode() in first for column in (*_REQUIRED, "user_screen_name"))


_EXAMPLE_HEADER: Final = (
    b'"tweetid","userid","user_display_name","user_screen_name","user_reported_location","user_profile_description",'
    b'"follower_count","following_count","account_creation_date","tweet_language","tweet_text","tweet_time",'
    b'"in_reply_to_tweetid","is_retweet","latitude","hashtags","urls","user_mentions"\n'
)

READER: Final = Reader(
    name="io_archive",
    title="Information-operations archive (CSV)",
    meaning=(
        "Twitter's archive of information operations. Times are UTC, floored to the minute. Ids of other posts and "
        "accounts that were saved as floats are unknown; a hash in place of a handle or name is none. The profile "
        "counts as seen at the post's time, though the archive took it later."
    ),
    platform="twitter",
    matches=_matches,
    read=read,
    example=_EXAMPLE_HEADER
    + b'"1200000000000000001","900000000000000001","Ana News","ananews","Nowhere","All the\nnews","5580","4626",'
    + b'"2019-11-19","en","Hello #vote","2019-12-20 10:15","1.2e+18","False","absent","[\'vote\']","[]","[\'12\']"\n'
    + b'"1200000000000000002","aGFzaA=","aGFzaA=","aGFzaA=","","","12","4","2018-12-14","en","RT @ananews: Hello",'
    + b'"2019-12-20 10:16","","True","absent","[]","[]","[]"\n'
    + b'"1.2e+18","aGFzaA=","aGFzaA=","aGFzaA=","","","12","4","2018-12-14","en","Lost","2019-12-20 10:17","",'
    + b'"False","absent","[]","[]","[]"\n',
    example_spec={"path": "tweets.csv"},
    example_records=2,
    example_rejects=1,
)
