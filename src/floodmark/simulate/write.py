"""Writes a simulated case: streams, status snapshots, deletions and case file, and apart from them the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import orjson

from floodmark.engine.duckdb import Database, quote
from floodmark.schema import STATUS_WORDS
from floodmark.simulate import phrases
from floodmark.simulate.aftermath import UNKNOWN
from floodmark.simulate.campaign import Campaign
from floodmark.simulate.cast import BRIDGE, CLIENTS
from floodmark.simulate.earlier import APART_DAYS, EVENTS, earlier_event, starts_s
from floodmark.simulate.families import NEVER
from floodmark.simulate.params import DAY_S, LANGUAGES, CampaignParams
from floodmark.simulate.truth import Facts
from floodmark.simulate.world import CONTROL, REPLY, REPOST, TOPICS, Book, Ints, Objects, objects, stream

#: First millisecond of the id clock (the one that Twitter's ids count from), and bits below the milliseconds.
_ID_EPOCH_MS: Final = 1_288_834_974_657
_ID_BITS: Final = 22
_PARTIAL: Final = ".partial"
_TIME: Final = "strftime(make_timestamp({} * 1000000), '%Y-%m-%dT%H:%M:%SZ')"

#: Columns of the streams: name in the file, name in the mapping of the `table` reader, SQL.
POST_COLUMNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("post_id", "post_id", "p.id"),
    ("account_id", "account_id", "a.id"),
    ("created_at", "at", _TIME.format("p.at_s")),
    ("text", "text", "p.text"),
    ("lang", "language", "p.language"),
    ("client", "client", "p.client"),
    ("is_repost", "is_repost", f"CASE WHEN p.kind = {REPOST} THEN 'true' ELSE 'false' END"),
    ("reposted_post_id", "reposted_post_id", f"CASE WHEN p.kind = {REPOST} THEN p.parent_id END"),
    ("reposted_account_id", "reposted_account_id", f"CASE WHEN p.kind = {REPOST} THEN b.id END"),
    ("replied_post_id", "replied_post_id", f"CASE WHEN p.kind = {REPLY} THEN p.parent_id END"),
    ("replied_account_id", "replied_account_id", f"CASE WHEN p.kind = {REPLY} THEN b.id END"),
    ("hashtags", "hashtags", "nullif(t.tags, '')"),
    ("urls", "urls", "u.url"),
    ("mentions", "mentions", "nullif(p.parent_handle, '')"),
    # Now and then the platform gives no count.
    ("impressions", "impressions", "CASE WHEN p.number % 20 <> 7 THEN p.impressions END"),
    ("handle", "handle", "p.handle"),
    ("display_name", "display_name", "a.display_name"),
    ("account_created_at", "created_at", _TIME.format("a.created_s")),
    ("followers", "followers", "a.followers"),
    ("following", "following", "a.following"),
    ("posts_total", "posts_total", "a.posts_total"),
    ("previous_post_at", "previous_post_at", f"CASE WHEN a.previous_s >= 0 THEN {_TIME.format('a.previous_s')} END"),
    ("location", "location", "nullif(a.location, '')"),
    ("description", "description", "nullif(a.description, '')"),
    ("account_lang", "account_language", "a.language"),
    ("default_picture", "default_picture", "CASE WHEN a.default_picture THEN 'true' ELSE 'false' END"),
    ("picture", "picture", "a.picture"),
)

#: Files of earlier events; the stream of each is the name without its ending.
EARLIER_FILES: Final = tuple(f"earlier-{number}.csv" for number in range(1, EVENTS + 1))
_EARLIER_COLUMNS: Final = (("post_id", "post_id"), ("account_id", "account_id"), ("created_at", "at"))
#: Files of deleted posts and the stream that saw the deletions.
DELETION_FILES: Final[Mapping[str, str]] = {"deletions.csv": "main", "control-deletions.csv": "control"}
_DELETION_COLUMNS: Final = ("post_id", "account_id", "deleted_at", "created_at")
_DELETION_SQL: Final = f"""
SELECT p.id AS post_id, a.id AS account_id, {_TIME.format("p.deleted_s")} AS deleted_at,
       {_TIME.format("p.at_s")} AS created_at
FROM posts p JOIN accounts a ON a.number = p.account
"""

_TRUTH_SQL: Final = """
SELECT a.id AS account_id, a.role, a.account_group AS "group", a.new, a.dormant, a.low_follower,
       a.enrolled_month_before, a.in_country, a.vpn, a.aftermath, nullif(a.roster, '') AS roster, a.leader,
       a.amplified, a.always_reposted, nullif(a.tier, '') AS tier, a.automated, a.scheduler, a.taken_over,
       nullif(a.burst, '') AS burst, a.short_lived, a.handle_swapped, a.random_handle, a.rare_client,
       length(regexp_extract(a.handle, '[0-9]*$')) >= 8 AS long_digit_tail,
       nullif(a.handle_family, '') AS handle_family,
       nullif(a.picture_family, '') AS picture_family, nullif(a.description_family, '') AS description_family
FROM truth a WHERE a.posted ORDER BY a.id
"""


def snowflakes(at_ms: Ints, rng: np.random.Generator) -> Ints:
    """Return a unique id per moment: milliseconds since the id clock began, shifted, plus random low bits."""
    ids = ((at_ms - _ID_EPOCH_MS) << _ID_BITS) | rng.integers(0, 1 << _ID_BITS, len(at_ms))
    order = np.argsort(ids, kind="stable")
    in_order = ids[order]
    while (same := np.flatnonzero(in_order[1:] <= in_order[:-1])).size:
        in_order[same + 1] = in_order[same] + 1
    ids[order] = in_order
    return ids


def write_inputs(out: Path, facts: Facts, book: Book, text: Objects, rng: np.random.Generator) -> dict[str, int]:
    """Write the streams, the snapshots and truth/accounts.csv under temporary names. Returns row counts."""
    post_id = np.sort(snowflakes(facts.posts.at_s * 1000 + rng.integers(0, 1000, len(facts.posts)), rng))
    created_ms = facts.profiles.created_s * 1000 + rng.integers(0, 1000, len(facts.people))
    account_id = snowflakes(created_ms, rng)
    posted = np.zeros(len(facts.people), dtype=bool)
    posted[facts.posts.account] = True
    with Database() as db:
        db.execute("SET preserve_insertion_order = true")
        _register(db, "accounts", _account_columns(facts, account_id))
        _register(db, "posts", _post_columns(facts, post_id, text))
        _register(db, "tagsets", _numbered("tags", [" ".join(tagset) for tagset in book.tagsets]))
        _register(db, "links", _numbered("url", book.urls))
        _register(db, "statuses", _status_columns(facts, account_id, posted))
        _register(db, "truth", _truth_columns(facts, account_id, posted))
        counts = {}
        for name, condition in (("posts", f"p.topic <> {CONTROL}"), ("control", f"p.topic = {CONTROL}")):
            _copy(db, _stream_sql(condition), out / f"{name}.csv")
            counts[name] = int(db.one(f"SELECT count(*) FROM posts p WHERE {condition}")[0])
        status_time = f"{_TIME.format('observed_s')} AS observed_at, status"
        last = f"CASE WHEN last_s >= 0 THEN {_TIME.format('last_s')} END AS last_post_at"
        sql = f"SELECT id AS account_id, {status_time}, {last} FROM statuses ORDER BY observed_s, id"
        _copy(db, sql, out / "statuses.csv")
        for name, stream in DELETION_FILES.items():
            mine = f"p.deleted_s >= 0 AND (p.topic = {CONTROL}) = {stream == 'control'}"
            _copy(db, f"{_DELETION_SQL} WHERE {mine} ORDER BY p.deleted_s, p.id", out / name)
            counts[name] = int(db.one(f"SELECT count(*) FROM posts p WHERE {mine}")[0])
        _copy(db, _TRUTH_SQL, out / "truth" / "accounts.csv")
    early = int((facts.aftermath.status_before != UNKNOWN).sum())
    counts["statuses"] = early + int(posted.sum()) * len(facts.params.polls_days_after_end)
    counts["accounts"] = int(posted.sum())
    return counts


def write_earlier(out: Path, facts: Facts, seed: int) -> None:
    """Write the streams of earlier events under temporary names: ids, authors and times only."""
    pool = np.flatnonzero((facts.people.topic == TOPICS.index("for")) & (facts.people.role == "organic_for"))
    activity = facts.people.activity[pool] if len(pool) else facts.people.activity
    with Database() as db:
        for name, start_s in zip(EARLIER_FILES, starts_s(facts.clock), strict=True):
            rng = stream(seed, name)
            account, at_s = earlier_event(facts.params, facts.clock, activity, start_s, rng)
            created_ms = start_s * 1000 - rng.integers(50, 2_000, int(account.max()) + 1) * DAY_S * 1000
            ids = snowflakes(at_s * 1000 + rng.integers(0, 1000, len(at_s)), rng)
            _register(db, "earlier", {"id": ids, "account": snowflakes(created_ms, rng)[account], "at_s": at_s})
            sql = f"SELECT id AS post_id, account AS account_id, {_TIME.format('at_s')} AS created_at FROM earlier"
            _copy(db, f"{sql} ORDER BY id", out / name)
            db.execute("DROP TABLE earlier")


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON object under a temporary name."""
    _partial(path).write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def write_case(path: Path, params: CampaignParams, deletion_files: Sequence[str]) -> None:
    """Write the case file under a temporary name."""
    _partial(path).write_text(case_file(params, deletion_files), encoding="utf-8", newline="\n")


def publish(paths: list[Path]) -> None:
    """Give finished files their final names, in this order."""
    for path in paths:
        _partial(path).replace(path)


def case_file(params: CampaignParams, deletion_files: Sequence[str]) -> str:
    """Return the case file that runs the pipeline on the written files, with those deletion files that hold rows."""
    start = params.event_date.isoformat()
    mapping = "\n".join(f"{key} = {_toml(name)}" for name, key, _ in POST_COLUMNS)
    streams = "\n".join(
        f'[[input]]\npath = "{path}"\nformat = "table"\nstream = "{stream}"\nplatform = "sim"\n'
        f'resolution = "second"\n\n[input.columns]\n{mapping}\n'
        for path, stream in (("posts.csv", "main"), ("control.csv", "control"))
    )
    earlier = _earlier(params)
    deletions = "".join(
        f'\n[[input]]\npath = "{path}"\nformat = "deletions"\nstream = "{DELETION_FILES[path]}"\nplatform = "sim"\n\n'
        f"[input.columns]\n{''.join(f'{name} = {_toml(name)}' + chr(10) for name in _DELETION_COLUMNS)}"
        for path in deletion_files
    )
    return f"""# Written by `floodmark simulate`: invented people and posts around an invented conference.
# The truth about them lies in truth/ and is never read by the pipeline.

[case]
name = "conference-2020-simulated"
title = "The July 2020 case, simulated with known truth"
platform = "sim"

[event]
title = "Online conference of 17 July 2020 (simulated)"
start = {start}T00:00:00
end = {_day(params, params.window_days)}T00:00:00
zone = {_toml(params.zone)}
country = {_toml(params.country)}

[baseline]
start = {_day(params, -params.baseline_days)}T00:00:00
end = {start}T00:00:00

[control]
streams = ["control"]

[parameters]
# The campaign is most of this event: what is usual is learnt from the control.
reference_stream = "control"

{_side("against", "Against the conference")}
{_side("for", "For the conference")}
{streams}
[[input]]
path = "statuses.csv"
format = "statuses"
platform = "sim"

[input.columns]
account_id = "account_id"
observed_at = "observed_at"
status = "status"
last_post_at = "last_post_at"
{deletions}{earlier}"""


def _earlier(params: CampaignParams) -> str:
    """Return the earlier events as inputs and as streams for comparison."""
    mapping = "".join(f"{key} = {_toml(name)}\n" for name, key in _EARLIER_COLUMNS)
    window_s = params.local_midnight_s()
    parts = []
    for number, name in enumerate(EARLIER_FILES, 1):
        stream_name, start = name.removesuffix(".csv"), np.datetime64(window_s - APART_DAYS * DAY_S * number, "s")
        parts.append(f'\n[[comparison]]\nstream = "{stream_name}"\nstart = {start}Z\n')
        parts.append(
            f'\n[[input]]\npath = "{name}"\nformat = "table"\nstream = "{stream_name}"\nplatform = "sim"\n'
            f'resolution = "second"\n\n[input.columns]\n{mapping}'
        )
    return "".join(parts)


def _side(name: str, title: str) -> str:
    fields: dict[str, str | list[str]] = {
        "name": name,
        "title": title,
        "hashtags": [tag for language in LANGUAGES for tag in phrases.SIDE_TAGS[name][language]],
        "keywords": list(phrases.KEYWORDS[name].values()),
    }
    lines = (f"{key} = {_toml(value)}" for key, value in fields.items())
    return "\n".join(("[[side]]", *lines, ""))


def _toml(value: str | list[str]) -> str:
    # A JSON string (or list of them) is also a TOML one.
    return json.dumps(value, ensure_ascii=False)


def _day(params: CampaignParams, days: int) -> str:
    return str(np.datetime64(params.event_date) + days)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + _PARTIAL)


def _copy(db: Database, sql: str, path: Path) -> None:
    db.execute(f"COPY ({sql}) TO {quote(str(_partial(path)))} (FORMAT csv, HEADER)")


def _register(db: Database, table: str, columns: Mapping[str, np.ndarray]) -> None:
    db.connection.register(f"_{table}", dict(columns))
    db.execute(f"CREATE TABLE {table} AS FROM _{table}")
    db.connection.unregister(f"_{table}")


def _stream_sql(condition: str) -> str:
    selected = ", ".join(f"{sql} AS {name}" for name, _, sql in POST_COLUMNS)
    return f"""
        SELECT {selected}
        FROM posts p JOIN accounts a ON a.number = p.account JOIN tagsets t ON t.number = p.tags
        LEFT JOIN links u ON u.number = p.url LEFT JOIN accounts b ON b.number = p.parent_account
        WHERE {condition} ORDER BY p.id
    """


def _numbered(name: str, values: list[str]) -> dict[str, np.ndarray]:
    return {"number": np.arange(len(values)), name: objects(values)}


def _post_columns(facts: Facts, post_id: Ints, text: Objects) -> dict[str, np.ndarray]:
    posts = facts.posts
    has_parent = posts.parent >= 0
    return {
        "id": post_id,
        "account": posts.account,
        "at_s": posts.at_s,
        "text": text,
        "language": objects(LANGUAGES)[posts.language],
        "client": objects(CLIENTS)[facts.marks.client],
        "handle": facts.marks.handle,
        "deleted_s": facts.marks.deleted_s,
        "impressions": facts.marks.impressions,
        "number": np.arange(len(posts)),
        "parent_handle": np.where(has_parent, facts.marks.handle[posts.parent], ""),
        "kind": posts.kind,
        "parent_id": np.where(has_parent, post_id[posts.parent], -1),
        "parent_account": np.where(has_parent, posts.account[posts.parent], -1),
        "topic": posts.topic,
        "tags": posts.tags,
        "url": posts.url,
    }


def _account_columns(facts: Facts, account_id: Ints) -> dict[str, np.ndarray]:
    profiles = facts.profiles
    return {
        "number": np.arange(len(facts.people)),
        "id": account_id,
        "display_name": profiles.display_name,
        "created_s": profiles.created_s,
        "followers": profiles.followers,
        "following": profiles.following,
        "posts_total": profiles.posts_total,
        "previous_s": np.where(profiles.previous_known, profiles.previous_s, -1),
        "location": profiles.location,
        "description": facts.faces.description,
        "language": objects(LANGUAGES)[profiles.language],
        "default_picture": profiles.default_picture,
        "picture": facts.faces.picture,
    }


def _status_columns(facts: Facts, account_id: Ints, posted: np.ndarray) -> dict[str, np.ndarray]:
    after = facts.aftermath
    early = np.flatnonzero(after.status_before != UNKNOWN)
    status, polls = after.status[posted], after.status.shape[1]
    return {
        "id": np.concatenate([account_id[early], np.repeat(account_id[posted], polls)]),
        "observed_s": np.concatenate([np.full(len(early), after.before_s), np.tile(after.polls_s, int(posted.sum()))]),
        "status": objects(STATUS_WORDS)[np.concatenate([after.status_before[early], status.ravel()])],
        "last_s": np.concatenate([after.last_post_before_s[early], after.last_post_s[posted].ravel()]),
    }


def _truth_columns(facts: Facts, account_id: Ints, posted: np.ndarray) -> dict[str, np.ndarray]:
    campaign: Campaign = facts.campaign
    everyone = np.arange(len(facts.people))
    return {
        "id": account_id,
        "posted": posted,
        "role": facts.people.role,
        "account_group": facts.people.group,
        "new": facts.new,
        "dormant": facts.dormant,
        "low_follower": facts.low,
        "enrolled_month_before": facts.enrolled,
        "in_country": facts.in_country,
        "vpn": facts.people.vpn,
        "aftermath": facts.aftermath.fate,
        "roster": facts.roster,
        "leader": np.isin(everyone, campaign.leaders),
        "amplified": np.isin(everyone, campaign.amplified),
        "always_reposted": np.isin(everyone, campaign.patrons),
        "tier": facts.cast.tier,
        "automated": facts.cast.automated | np.isin(facts.people.role, ("news_bot", "clock_bot")),
        "scheduler": facts.cast.scheduler,
        "rare_client": facts.cast.client == BRIDGE,
        "taken_over": facts.cast.taken_over,
        "burst": facts.profiles.burst,
        "short_lived": facts.cast.short_lived,
        "handle_swapped": facts.faces.swap_s != NEVER,
        "random_handle": facts.faces.random_handle,
        "handle": np.where(facts.faces.swap_s != NEVER, facts.faces.later_handle, facts.faces.handle),
        "handle_family": facts.faces.handle_family,
        "picture_family": facts.faces.picture_family,
        "description_family": facts.faces.description_family,
    }
