"""Twitter v1.1 posts as JSON (an array or one object) or JSON lines; every object holds a post and its author."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from floodmark.errors import IngestError
from floodmark.ingest.json_source import JsonObjects
from floodmark.ingest.plans import Converters, observed_constant, planned
from floodmark.ingest.reasons import FieldProblem
from floodmark.ingest.sources import kind_of
from floodmark.ingest.values import to_boolean, to_count, to_handle, to_text, to_word
from floodmark.registry import Reader, Record, Reject, Row

if TYPE_CHECKING:
    from floodmark.config import InputSpec

_MARKUP: Final = re.compile(r"<[^<>]*>")
_boolean: Final = to_boolean({})
Item = Mapping[str, Any]


def read(path: Path, spec: InputSpec) -> Iterator[Record | Reject]:
    """Yield a Record or a Reject for every object."""
    if kind_of(path, spec.path) != "json":
        raise IngestError(f"{spec.path}: Twitter v1.1 posts are JSON, this file is not; correct `format`")
    objects = JsonObjects(path, spec.path)
    yield from planned(objects, _Posts(spec).record, objects.raw)


class _Posts:
    """Turns objects into Records; `_field` is the field that it is reading, for a reject."""

    def __init__(self, spec: InputSpec) -> None:
        convert = Converters(spec, spec.platform or READER.platform)
        self._stream = spec.stream
        self._id = convert.get("id")
        self._at = convert.at
        self._created = convert.created
        self._observed_ms = observed_constant(spec)
        self._field = ""

    def record(self, line: int, tweet: Item) -> Record:
        self._field = ""
        try:
            return self._record(line, tweet)
        except FieldProblem as problem:
            problem.field = self._field
            raise

    def _record(self, line: int, tweet: Item) -> Record:
        user = _part(tweet, "user")
        if not user or "created_at" not in tweet or not ("id_str" in tweet or "id" in tweet):
            raise FieldProblem("not_a_post", ", ".join(list(tweet)[:5])[:64])
        post = self._post(tweet, user)
        return Record(line, post, self._account(user, post))

    def _take(self, field: str, item: Item, *keys: str) -> object:
        """Return the id under the first of `keys` that holds one."""
        self._field = field
        for key in keys:
            if (found := self._id(item.get(key))) is not None:
                return found
        return None

    def _needed(self, field: str, item: Item) -> object:
        found = self._take(field, item, "id_str", "id")
        if found is None:
            raise FieldProblem("missing")
        return found

    def _post(self, tweet: Item, user: Item) -> Row:
        reposted, quoted = _part(tweet, "retweeted_status"), _part(tweet, "quoted_status")
        post_id, account_id = self._needed("post_id", tweet), self._needed("account_id", user)
        self._field = "at"
        at_ms, resolution_ms = self._at(tweet.get("created_at"))
        self._field = "text"
        # A repost shows the whole original, while its own entities end where its text was cut.
        entities = _entities(reposted) or _entities(tweet)
        return {
            "stream": self._stream,
            "post_id": post_id,
            "account_id": account_id,
            "at_ms": at_ms,
            "at_resolution_ms": resolution_ms,
            "text": _text(tweet),
            "language": to_word(tweet.get("lang")),
            "client": _client(tweet.get("source")),
            "is_repost": bool(reposted),
            "reposted_post_id": self._take("reposted_post_id", reposted, "id_str", "id"),
            "reposted_account_id": self._take("reposted_account_id", _part(reposted, "user"), "id_str", "id"),
            "replied_post_id": self._take(
                "replied_post_id", tweet, "in_reply_to_status_id_str", "in_reply_to_status_id"
            ),
            "replied_account_id": self._take(
                "replied_account_id", tweet, "in_reply_to_user_id_str", "in_reply_to_user_id"
            ),
            "quoted_post_id": self._take("quoted_post_id", tweet, "quoted_status_id_str", "quoted_status_id")
            or self._take("quoted_post_id", quoted, "id_str", "id"),
            "hashtags": _listed(entities, "hashtags", "text"),
            "urls": _listed(entities, "urls", "expanded_url", "url"),
            "mentions": _listed(_entities(tweet), "user_mentions", "id_str", "screen_name"),
            "impressions": None,
            "observed_at_ms": self._observed_ms,
        }

    def _account(self, user: Item, post: Row) -> Row:
        self._field = "created_at"
        created = user.get("created_at")
        created_at_ms, created_resolution_ms = self._created(created) if created else (None, None)
        self._field = "followers"
        counts = {
            "followers": to_count(user.get("followers_count")),
            "following": to_count(user.get("friends_count")),
            "posts_total": to_count(user.get("statuses_count")),
        }
        self._field = "account"
        return {
            "account_id": post["account_id"],
            "observed_at_ms": post["at_ms"] if self._observed_ms is None else self._observed_ms,
            "handle": to_handle(user.get("screen_name")),
            "display_name": to_text(user.get("name")),
            "created_at_ms": created_at_ms,
            "created_resolution_ms": created_resolution_ms,
            **counts,
            "previous_post_at_ms": None,
            "location": to_text(user.get("location")),
            "description": to_text(user.get("description")),
            "language": to_word(user.get("lang")),
            "default_picture": _boolean(user.get("default_profile_image")),
            "picture": to_word(user.get("profile_image_url_https") or user.get("profile_image_url")),
            "verified": _boolean(user.get("verified")),
            "protected": _boolean(user.get("protected")),
        }


def _part(item: Item, key: str) -> Item:
    """Return a nested object, empty where it is none."""
    found = item.get(key)
    return found if isinstance(found, dict) else {}


def _text(tweet: Item) -> str | None:
    extended = _part(tweet, "extended_tweet")
    return to_text(extended.get("full_text") or tweet.get("full_text") or tweet.get("text"))


def _entities(tweet: Item) -> Item:
    return _part(_part(tweet, "extended_tweet"), "entities") or _part(tweet, "entities")


def _listed(entities: Item, kind: str, *keys: str) -> list[str] | None:
    """Return the entities of a kind by the first of `keys` that they have; None where the format has none."""
    found = entities.get(kind)
    if not isinstance(found, list):
        return None
    texts = (next((item[key] for key in keys if item.get(key)), None) for item in found if isinstance(item, dict))
    return [text for text in texts if isinstance(text, str)]


def _client(source: object) -> str | None:
    """Return 'Twitter for iPhone' of '<a href="...">Twitter for iPhone</a>'."""
    text = to_word(source)
    return (_MARKUP.sub("", text).strip() or None) if text else None


def _matches(_path: Path, head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return start in (b"{", b"[") and all(key in head for key in (b'"created_at"', b'"user"', b'"id_str"'))


READER: Final = Reader(
    name="twitter_v1",
    title="Twitter v1.1 posts (JSON, JSON lines)",
    meaning=(
        "Tweet objects of Twitter's API v1.1, as an array, one object, or one a line. The profile inside counts as "
        "seen at the post's time, or at `observed_at` where the case file gives it. Hashtags and links of a repost are "
        "those of the original."
    ),
    platform="twitter",
    matches=_matches,
    read=read,
    example=(
        b'{"id":521369179392581632,"id_str":"521369179392581632","created_at":"Sun Oct 12 18:37:53 +0000 2014",'
        b'"text":"RT @ben: Hello #vote","lang":"en","source":"<a href=\\"http://example.org\\">A client</a>",'
        b'"entities":{"hashtags":[{"text":"vote"}],"urls":[],"user_mentions":[{"id_str":"8","screen_name":"ben"}]},'
        b'"retweeted_status":{"id_str":"521300000000000000","user":{"id_str":"8"}},'
        b'"user":{"id_str":"7","screen_name":"ana","name":"Ana","created_at":"Fri Jun 25 08:52:25 +0000 2010",'
        b'"followers_count":12,"friends_count":3,"statuses_count":40,"location":"","description":"",'
        b'"default_profile_image":false,"verified":false,"protected":false}}\n'
        b'{"id":521369179392581632.5,"created_at":"Sun Oct 12 18:37:53 +0000 2014","user":{"id_str":"7"}}\n'
        b'{"delete":{"status":{"id_str":"1"}}}\n'
        b'{"id_str":"521369\n'
    ),
    example_spec={"path": "tweets.jsonl"},
    example_records=1,
    example_rejects=3,
)
