"""Takeovers planted into ordinary timelines at several strengths, the same timelines without, and real timelines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from floodmark import schema, stats
from floodmark.accounts.takeover import takeovers
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database
from floodmark.view import CaseView

#: Accounts that were judged, and those in groups.
Result: TypeAlias = tuple[set[str], set[str]]

_HOUR: Final = 3_600_000
_START: Final = 1_592_179_200_000
_EVENT: Final = _START + 32 * 24 * _HOUR
_CLIENTS: Final = ("Phone A", "Phone B", "Web", "Tablet")
_FEATURES: Final = ("client", "language", "clock", "topic", "mentions")
#: Ordinary accounts per run, and the innocent changes in their timelines.
_ORDINARY: Final = 300
#: Of those who update early: so few that the crowd as a whole hardly changes.
_EARLY_SHARE: Final = 0.04


@dataclass(frozen=True)
class Plant:
    """One planted group: how many accounts break how many features, with how many posts before and after.

    `owner_share` is the share of the later posts that are still the owner's.
    """

    accounts: int = 20
    features: int = 3
    history: int = 40
    after: int = 12
    owner_share: float = 0.0


#: Clean timelines are drawn so many times as often as planted ones.
CLEAN_RUNS: Final = 5
#: Clean timelines: no planted group, some with a change that everyone makes.
NULLS: Final = ("ordinary", "app_update", "event_topic", "new_phones", "app_update_and_topic", "early_update_and_topic")
STRENGTHS: Final = (
    *(("features", n, Plant(features=n)) for n in (1, 2, 3, 4, 5)),
    *(("group", n, Plant(accounts=n)) for n in (1, 2, 3, 5, 10, 50)),
    *(("history", n, Plant(history=n)) for n in (10, 20, 40, 100, 200)),
    *(("after", n, Plant(after=n)) for n in (3, 5, 8, 12, 25, 50)),
    *(("owner_share", x, Plant(after=24, owner_share=x)) for x in (0.25, 0.4, 0.5, 0.75)),
)


def timelines(rng: np.random.Generator, kind: str, plant: Plant | None) -> list[dict[str, Any]]:
    """Return posts of ordinary people (`p..`) and of a planted group (`t..`), five weeks around an event of two days.

    People have a daily rhythm, one main client and often a second, one language and at times a second.
    """
    posts: list[dict[str, Any]] = []
    for number in range(_ORDINARY):
        posts += _person(rng, f"p{number:04d}", kind, int(rng.integers(5, 80)), int(rng.poisson(8)))
    if plant is not None:
        for number in range(plant.accounts):
            kept = round(plant.after * plant.owner_share)
            mine = _person(rng, f"t{number:04d}", "ordinary", plant.history, kept)
            posts += [*mine, *_intruder(rng, f"t{number:04d}", plant)]
    for number, post in enumerate(posts):
        post["post_id"] = f"{number:08d}"
    return posts


def _person(rng: np.random.Generator, name: str, kind: str, history: int, after: int) -> list[dict[str, Any]]:
    main, second = rng.choice(len(_CLIENTS), 2, replace=False, p=(0.45, 0.3, 0.2, 0.05))
    share = 0.3 if rng.random() < 0.25 else 0.0
    bilingual = 0.3 if rng.random() < 0.1 else 0.0
    wakes, phone_day = rng.integers(0, 24), rng.integers(0, 32)
    hours = np.concatenate([rng.integers(0, 32 * 24, 6 * history + 60), 32 * 24 + rng.integers(0, 48, 4 * after + 20)])
    awake = (hours - wakes) % 24 < 15
    before = rng.permutation(hours[awake & (hours < 768)])[:history]
    chosen = np.sort(np.concatenate([before, rng.permutation(hours[awake & (hours >= 768)])[:after]]))
    early = kind.startswith("early_update") and rng.random() < _EARLY_SHARE
    new_phone = kind == "new_phones" and rng.random() < 0.2
    rows = []
    for hour in chosen.tolist():
        event, updated = hour >= 768, hour >= 768 and (kind.startswith("app_update") or early)
        client = _CLIENTS[second if rng.random() < share else main]
        if new_phone and hour >= 24 * phone_day:
            client = "Phone C"
        topic = "event" if event and rng.random() < 0.8 and kind.endswith("topic") else f"tag{rng.integers(0, 200)}"
        rows.append(
            {
                "account_id": name,
                "at_ms": _START + hour * _HOUR + int(rng.integers(0, _HOUR)),
                "client": f"{client} 2" if updated else client,
                "language": "en" if rng.random() < bilingual else "fa",
                "hashtags": [topic],
                "mentions": [f"m{rng.zipf(1.5) % 500}"] if rng.random() < 0.4 else [],
            }
        )
    return rows


def _intruder(rng: np.random.Generator, name: str, plant: Plant) -> list[dict[str, Any]]:
    """Return the posts after the break: the first `features` of client, language, clock, topic, mentions are new."""
    rows = _person(rng, name, "ordinary", 0, 0)
    new = set(_FEATURES[: plant.features])
    base = _person(np.random.default_rng(0), name, "ordinary", 0, 1)[0]
    hours = rng.permutation(72)
    night = hours[hours % 24 < 6] if "clock" in new else hours
    chosen = np.resize(night, plant.after - round(plant.after * plant.owner_share))
    for hour in chosen.tolist():
        row = {**base, "at_ms": _EVENT + int(hour) * _HOUR + int(rng.integers(0, _HOUR))}
        row["client"] = "Console" if "client" in new else "Phone A"
        row["language"] = "tr" if "language" in new else "fa"
        row["hashtags"] = ["pushed"] if "topic" in new else [f"tag{rng.integers(0, 200)}"]
        row["mentions"] = ["target"] if "mentions" in new else []
        rows.append(row)
    return rows


def case(posts: Sequence[dict[str, Any]]) -> CaseView:
    """Return a case of posts alone in which every author takes part; close its `db`."""
    event = {"title": "Event", "start": "2020-07-17T00:00:00", "end": "2020-07-20T00:00:00", "zone": "UTC"}
    fields = {
        "name": "study",
        "event": event,
        "side": [{"name": "all", "streams": ["main"]}],
        "input": [{"path": "posts.csv", "format": "csv", "stream": "main"}],
    }
    db = Database()
    for table in schema.TABLES:
        db.execute(schema.create_sql(table))
    rows = [{"stream": "main", "at_resolution_ms": 1000, **post} for post in posts]
    db.load("posts", {name: [row.get(name) for row in rows] for name in schema.POSTS.names})
    db.execute("INSERT INTO participants SELECT 'all', account_id, count(*), min(at_ms) FROM posts GROUP BY account_id")
    return CaseView(CaseConfig.model_validate(fields), db, ())


def measure(posts: Sequence[dict[str, Any]]) -> Result:
    """Return the accounts that were judged and those in groups."""
    view = case(posts)
    with view.db:
        found = takeovers(view)
    profile = found.profiles
    flagged = {profile.accounts[acc] for group in found.groups for acc in group.members}
    judged = {profile.accounts[acc] for acc in np.flatnonzero(profile.judged)} if found.has_crowd else set()
    return judged | flagged, flagged


def _row(
    behaviour: str, strength: object, results: Sequence[tuple[set[str], set[str]]], planted: int
) -> dict[str, Any]:
    """Sum runs: hits among all planted accounts, whether judged or not; false alarms among judged ordinary ones."""
    hits = sum(name.startswith("t") for _, flagged in results for name in flagged)
    false = sum(name.startswith("p") for _, flagged in results for name in flagged)
    judged = sum(name.startswith("p") for known, _ in results for name in known)
    hit = stats.wilson(hits, planted) if planted else (None, None)
    wrong = stats.wilson(false, judged) if judged else (None, None)
    return {
        "measure": "M10",
        "behaviour": behaviour,
        "strength": strength,
        "accounts": planted,
        "hit_share": hits / planted if planted else None,
        "hit_low": hit[0],
        "hit_high": hit[1],
        "judged": judged,
        "flagged": false,
        "false_alarm_share": false / judged if judged else None,
        "false_alarm_low": wrong[0],
        "false_alarm_high": wrong[1],
        "runs": len(results),
        "runs_with_false_group": sum(any(name.startswith("p") for name in flagged) for _, flagged in results),
    }


def rows(runs: int, seed: int) -> list[dict[str, Any]]:
    """Return a row for each clean kind and all of them, each planted strength, and each real set that is present."""
    clean = {kind: _runs(CLEAN_RUNS * runs, seed, kind, None) for kind in NULLS}
    found = [_row("none", kind, results, 0) for kind, results in clean.items()]
    found.append(_row("none", "all of these", [result for results in clean.values() for result in results], 0))
    for behaviour, strength, plant in STRENGTHS:
        results = _runs(runs, seed, "event_topic", plant)
        found.append(_row(behaviour, strength, results, plant.accounts * runs))
    return found + real_rows()


def _runs(runs: int, seed: int, kind: str, plant: Plant | None) -> list[Result]:
    return [measure(timelines(np.random.default_rng([seed, run]), kind, plant)) for run in range(runs)]


#: Real timelines: an operation (recall-like only; hashtags and mentions read from the text), and two organic sets.
_REAL: Final = {
    "ira_aug2015": (
        "ira_aug2015/tweets.parquet",
        """
        SELECT row_number() OVER (ORDER BY author_id, publish_date, content) || '' AS post_id, author_id AS account_id,
               epoch_ms(publish_date) AS at_ms, language, regexp_extract_all(lower(content), '#(\\w+)', 1) AS hashtags,
               regexp_extract_all(lower(content), '@(\\w+)', 1) AS mentions
        FROM read_parquet($path)
        """,
    ),
    "organic_gopdebate_2015": (
        "organic_gopdebate_2015/Sentiment.csv",
        """
        SELECT tweet_id AS post_id, name AS account_id,
               epoch_ms(strptime(tweet_created[:19], '%Y-%m-%d %H:%M:%S')) AS at_ms, NULL AS language,
               regexp_extract_all(lower(text), '#(\\w+)', 1) AS hashtags,
               regexp_extract_all(lower(text), '@(\\w+)', 1) AS mentions
        FROM read_csv($path, all_varchar = true)
        WHERE name IS NOT NULL
        """,
    ),
    "organic_pheme_2014_15": (
        "organic_pheme_2014_15/*.json",
        """
        SELECT id::VARCHAR AS post_id, "user".id::VARCHAR AS account_id,
               epoch_ms(strptime(created_at, '%a %b %d %H:%M:%S +0000 %Y')) AS at_ms, lang AS language,
               regexp_extract_all(lower(text), '#(\\w+)', 1) AS hashtags,
               regexp_extract_all(lower(text), '@(\\w+)', 1) AS mentions,
               nullif(regexp_extract(source, '>([^<]+)<', 1), '') AS client
        FROM read_json($path, columns = {id: 'BIGINT', created_at: 'VARCHAR', lang: 'VARCHAR', text: 'VARCHAR',
                                         source: 'VARCHAR', user: 'STRUCT(id BIGINT)'})
        QUALIFY row_number() OVER (PARTITION BY id ORDER BY created_at) = 1
        """,
    ),
}


def real_rows() -> list[dict[str, Any]]:
    """Return false alarms, or for an operation what is found in it, on real timelines; none where they are absent."""
    folder = Path(os.environ.get("FLOODMARK_SHARED", "../shared")) / "data"
    found = []
    for name, (path, sql) in _REAL.items():
        if not any(folder.glob(path)):
            continue
        with Database() as db:
            columns = ("post_id", "account_id", "at_ms", "language", "hashtags", "mentions", "client")
            read = db.rows(sql, {"path": str(folder / path)})
            posts = [dict(zip(columns, (*row, None)[: len(columns)], strict=True)) for row in read]
        judged, flagged = measure([{**post, "account_id": f"p{post['account_id']}"} for post in posts])
        found.append({**_row("real", name, [(judged, flagged)], 0), "accounts": len({p["account_id"] for p in posts})})
    return found
