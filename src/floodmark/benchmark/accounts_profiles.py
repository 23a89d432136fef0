"""Families and handles: false alarms among made organic profiles, planted families, and shares flagged in real sets.

Organic profiles follow real habits: common first names, birth years and other digits behind a handle, popular
sentences and emoji for a text, empty texts, default and popular pictures.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from floodmark import registry, schema
from floodmark.accounts.families import families
from floodmark.accounts.judge import judge
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database
from floodmark.stats import wilson
from floodmark.view import CaseView

Row = dict[str, object]
Profiles = dict[str, list[object]]
Rng = np.random.Generator
Plant = Callable[[Rng, str], str]

ROSTER: Final = 120
OTHERS: Final = 480
SIZES: Final = (3, 5, 10, 20, 50)
NOISE: Final = (0.0, 0.2, 0.5)
#: The flag that stands for each kind of feature alone; `family` stands for any.
OF_KIND: Final = {"handle": "templated_handle", "text": "shared_text", "picture": "shared_picture"}
HANDLE_FLAGS: Final = ("digit_tail", "random_handle")
REAL_FLAGS: Final = (*HANDLE_FLAGS, *OF_KIND.values(), "family", "low_follower", "default_profile")
_FIRST: Final = (
    *("anna", "maria", "james", "john", "david", "sara", "emma", "ali", "mohammad", "fatima", "peter", "laura"),
    *("daniel", "linda", "mark", "julia", "kevin", "nina", "omar", "reza", "lucy", "paul", "grace", "tom"),
)
_LAST: Final = (
    *("smith", "jones", "brown", "garcia", "khan", "lee", "miller", "ahmadi", "rossi", "novak", "silva", "martin"),
    *("walker", "young", "hall", "king", "green", "baker", "hill", "stone", "wood", "fox", "reed", "west"),
)
_POPULAR: Final = (
    *(
        "views are my own",
        "retweets are not endorsements",
        "living my best life",
        "proud father of two",
        "❤️🌍✨",
        "🇺🇸🇺🇸",
    ),
    *("wife, mother, friend", "just here to read the news", "god first, family always", "coffee addict and dreamer"),
    *("student of life", "love music and football", "be the change you want to see", "dog lover, book lover"),
)
_WORDS: Final = (
    *("tea", "books", "rivers", "poems", "jazz", "chess", "gardens", "trains", "films", "maps", "bread", "stars"),
    *("teacher", "nurse", "driver", "painter", "cook", "engineer", "singer", "farmer", "writer", "runner"),
)


def rows(runs: int, seed: int) -> list[Row]:
    """Return `runs` nulls (a tenth where the roster has slogans), planted families (a hundredth a point), handles."""
    made = _nulls("like the others", runs, seed)
    made += _nulls("slogans that the others know", max(1, runs // 10), seed)
    made += _nulls("slogans unknown to the others", max(1, runs // 10), seed)
    for kind in ("text", "handle"):
        for size in SIZES:
            made += [_planted(kind, size, noise, max(1, runs // 100), seed) for noise in NOISE]
    return made + _handles(max(1, runs // 50), seed)


def organic(rng: Rng, count: int) -> Profiles:
    """Return `count` made profiles: handle, display_name, description, picture, default_picture, created_at_ms."""
    first, last = _zipf(rng, _FIRST, count), _zipf(rng, _LAST, count)
    style, tail = rng.integers(0, 6, count), rng.random(count)
    year, digits = rng.integers(1955, 2008, count), 10 ** rng.integers(1, 9, count)
    number = (tail * digits).astype(np.int64)
    handles: list[object] = [
        (f"{a}{b}{n}", f"{a}_{b}", f"{a}{y}", f"{a}{b[0]}{y % 100:02d}", f"the{a}{b}", f"{a}{n}")[s]
        for a, b, s, y, n in zip(first, last, style.tolist(), year.tolist(), number.tolist(), strict=True)
    ]
    habit, popular = rng.random(count), _zipf(rng, _POPULAR, count)
    words = np.array(_WORDS, dtype=object)[rng.integers(0, len(_WORDS), (count, 4))]
    texts: list[object] = [
        "" if h < 0.25 else quoted if h < 0.4 else f"{', '.join(own)} {n}"
        for h, quoted, own, n in zip(habit, popular, words.tolist(), rng.integers(0, 1_000, count), strict=True)
    ]
    look = rng.random(count)
    pictures: list[object] = [
        f"popular-{int(20 * x**2)}" if h < 0.15 else f"own-{n}"
        for h, x, n in zip(look, rng.random(count), rng.integers(0, 1 << 48, count), strict=True)
    ]
    return {
        "account_id": [f"x:{n:06d}" for n in range(count)],
        "handle": handles,
        "display_name": [f"{a} {b}" for a, b in zip(first, last, strict=True)],
        "description": texts,
        "picture": pictures,
        "default_picture": (look > 0.9).tolist(),
        "created_at_ms": (rng.integers(1_230_000_000, 1_590_000_000, count) * 1000).tolist(),
        "created_resolution_ms": [1000] * count,
    }


def _zipf(rng: Rng, words: tuple[str, ...], count: int) -> list[str]:
    weight = 1 / np.arange(1, len(words) + 1)
    return [words[place] for place in rng.choice(len(words), count, p=weight / weight.sum())]


def case_of(db: Database, profiles: Profiles, rosters: Mapping[str, str]) -> CaseView:
    """Return a case with these profiles; `rosters` gives the roster of accounts that are in one."""
    for table in (schema.PROFILES, schema.PARTICIPANTS, schema.ACCOUNT_FLAGS, schema.POSTS):
        db.execute(schema.create_sql(table, temporary=True))
    db.load("accounts", profiles)
    many = len(rosters)
    members = {"roster": list(rosters.values()), "account_id": list(rosters)}
    db.load("participants", {**members, "posts": [1] * many, "first_at_ms": [0] * many})
    return CaseView(_config(), db, ())


def _nulls(kind: str, runs: int, seed: int) -> list[Row]:
    names = (*OF_KIND.values(), "family")
    flagged, judged, with_any = dict.fromkeys(names, 0), dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    with Database(threads=1) as db:
        for run in range(runs):
            rng = np.random.default_rng([seed, run])
            profiles = organic(rng, ROSTER + OTHERS)
            _slogans(kind, profiles, rng)
            found = families(case_of(db, profiles, dict.fromkeys(_ids(ROSTER), "pro")))
            for name in names:
                own = [f for f in found.found if name == "family" or OF_KIND.get(f.kind) == name]
                flagged[name] += len({account for family in own for account in family.accounts})
                with_any[name] += bool(own)
                judged[name] += ROSTER
    return [
        _row(name, "null", kind, organic=judged[name], false_alarms=flagged[name], runs=runs, runs_with=with_any[name])
        for name in names
    ]


def _slogans(kind: str, profiles: Profiles, rng: Rng) -> None:
    """Let 10 % of the roster share five slogans; where the others know them, 2 % of these have one too."""
    if kind == "like the others":
        return
    share = np.where(np.arange(ROSTER + OTHERS) < ROSTER, 0.1, 0.02 if kind == "slogans that the others know" else 0.0)
    for at in np.flatnonzero(rng.random(ROSTER + OTHERS) < share):
        profiles["description"][at] = f"we are the movement of the {_WORDS[int(rng.integers(0, 5))]}"


def _planted(kind: str, size: int, noise: float, runs: int, seed: int) -> Row:
    hits = alarms = 0
    with Database(threads=1) as db:
        for run in range(runs):
            rng = np.random.default_rng([seed, size, run])
            profiles = organic(rng, ROSTER + OTHERS)
            column = profiles["handle" if kind == "handle" else "description"]
            kept = np.flatnonzero(rng.random(size) >= noise)
            for at in kept.tolist():
                column[at] = f"true_voice_{at + 100}" if kind == "handle" else "we stand for our rivers"
            found = families(case_of(db, profiles, dict.fromkeys(_ids(ROSTER), "pro")), (kind,)).found
            named = {account for family in found for account in family.accounts}
            planted = set(_ids(size))
            hits += len(named & planted)
            alarms += len(named - planted)
    strength = f"{size} accounts, {noise:.0%} without the feature"
    organic_accounts = (ROSTER - size) * runs
    return _row(
        OF_KIND[kind], "planted family", strength, accounts=size * runs, hits=hits, organic=organic_accounts,
        false_alarms=alarms, runs=runs,
    )  # fmt: skip


def _with_digits(count: int) -> Plant:
    return lambda rng, old: f"{old.rstrip('0123456789')}{rng.integers(10 ** (count - 1), 10**count)}"


def _of_letters(count: int) -> Plant:
    return lambda rng, _: "".join(rng.choice(np.array(list("abcdefghijklmnopqrstuvwxyz")), count).tolist())


def _handles(runs: int, seed: int) -> list[Row]:
    """Return hits and false alarms of the flags of single handles: 20 planted of 120, by how much is changed."""
    plants = {("digit_tail", f"{count} digits"): _with_digits(count) for count in (7, 8, 12)}
    plants |= {("random_handle", f"{count} letters drawn evenly"): _of_letters(count) for count in (7, 10, 15)}
    made = []
    for (name, strength), plant in plants.items():
        hits = planted = alarms = others = 0
        with Database(threads=1) as db:
            for run in range(runs):
                rng = np.random.default_rng([seed, run])
                profiles = organic(rng, ROSTER + OTHERS)
                for at in range(20):
                    profiles["handle"][at] = plant(rng, str(profiles["handle"][at]))
                view = case_of(db, profiles, dict.fromkeys(_ids(ROSTER), "pro"))
                judge(view, registry.flags().items[name])
                for account, flagged in db.rows("SELECT account_id, flagged FROM account_flags"):
                    mine = int(account[2:]) < 20
                    hits, planted = hits + (mine and flagged), planted + mine
                    alarms, others = alarms + (not mine and flagged), others + (not mine)
        made.append(
            _row(name, "planted handle", strength, accounts=planted, hits=hits, organic=others, false_alarms=alarms,
                 runs=runs)
        )  # fmt: skip
    return made


def _ids(count: int) -> list[str]:
    return [f"x:{n:06d}" for n in range(count)]


def _row(
    measure: str, behaviour: str, strength: str, *, accounts: int = 0, hits: int = 0, organic: int = 0,
    false_alarms: int = 0, runs: int | None = None, runs_with: int | None = None,
) -> Row:  # fmt: skip
    hit, alarm = _share(hits, accounts), _share(false_alarms, organic)
    return {
        "measure": measure, "behaviour": behaviour, "strength": strength, "accounts": accounts, "hit_share": hit[0],
        "hit_low": hit[1], "hit_high": hit[2], "judged": organic, "flagged": false_alarms,
        "false_alarm_share": alarm[0], "false_alarm_low": alarm[1], "false_alarm_high": alarm[2], "runs": runs,
        "runs_with_false_family": runs_with,
    }  # fmt: skip


def _share(hits: int, trials: int) -> tuple[float | None, float | None, float | None]:
    return (hits / trials, *wilson(hits, trials)) if trials else (None, None, None)


_CRESCI: Final = """
    SELECT 'x:' || id AS account_id, screen_name AS handle, name AS display_name,
           coalesce(description, '') AS description,
           profile_image_url AS picture, coalesce(default_profile_image = '1', FALSE) AS default_picture,
           TRY_CAST(followers_count AS BIGINT) AS followers, lang = 'en' AS apart
    FROM read_csv($path, all_varchar = true)
"""
_OBJECTS: Final = """
    SELECT 'x:' || u.id AS account_id, u.screen_name AS handle, u.name AS display_name, u.description AS description,
           u.profile_image_url AS picture, u.default_profile_image AS default_picture, u.followers_count AS followers,
           contains(filename, 'charliehebdo') AS apart
    FROM (SELECT "user" AS u, filename FROM read_json($path, filename = true, columns = {"user":
          'STRUCT(id BIGINT, screen_name VARCHAR, name VARCHAR, description VARCHAR, profile_image_url VARCHAR,
                  default_profile_image BOOLEAN, followers_count BIGINT)'}))
"""
#: Per set: file, SQL, and the natural split besides random halves (empty: none). Never pooled.
SETS: Final = {
    "organic_gopdebate_2015": (
        "organic_gopdebate_2015/Sentiment.csv",
        "SELECT 'x:' || name AS account_id, name AS handle, candidate = 'Donald Trump' AS apart"
        " FROM read_csv($path, all_varchar = true) WHERE name IS NOT NULL",
        "about Donald Trump",
    ),
    "organic_pheme_2014_15": ("organic_pheme_2014_15/*.json", _OBJECTS, "about Charlie Hebdo"),
    "cresci genuine": ("bots_cresci2017_users/geniune_accounts.csv", _CRESCI, "in English"),
    "cresci social spambots 1": ("bots_cresci2017_users/social_spambots_1.csv", _CRESCI, ""),
    "cresci social spambots 2": ("bots_cresci2017_users/social_spambots_2.csv", _CRESCI, ""),
    "cresci social spambots 3": ("bots_cresci2017_users/social_spambots_3.csv", _CRESCI, ""),
    "vendor-purchased": ("bots_botrepo_2019/vendor-purchased-2019_tweets.json", _OBJECTS, ""),
    "botwiki": ("bots_botrepo_2019/botwiki-2019_tweets.json", _OBJECTS, ""),
    "cresci-rtbust (labels absent)": ("bots_botrepo_2019/cresci-rtbust-2019_tweets.json", _OBJECTS, ""),
}


def real_rows() -> list[Row]:
    """Return for each real set and flag what is flagged; nothing where the sets are absent."""
    folder = Path(os.environ.get("FLOODMARK_SHARED", "../shared")) / "data"
    made: list[Row] = []
    for name, (file, sql, apart) in SETS.items():
        if (folder / file).parent.is_dir():
            made += set_rows(name, folder / file, sql, "")
            made += set_rows(name, folder / file, sql, apart) if apart else []
    return made


def set_rows(name: str, path: Path, sql: str, apart: str) -> list[Row]:
    """Return what every flag says of one set, split into random halves or by what sets some accounts apart."""
    with Database(threads=1) as db:
        view = case_of(db, {"account_id": []}, {})
        db.execute(f"CREATE TABLE _raw AS {sql}", {"path": str(path)})
        columns = [row[0] for row in db.rows("DESCRIBE _raw") if row[0] != "apart"]
        kept = ", ".join(f"min({column}) AS {column}" for column in columns if column != "account_id")
        db.execute(f"INSERT INTO accounts BY NAME SELECT account_id, {kept} FROM _raw GROUP BY account_id")
        halves = "bool_or(apart)" if apart else "ascii(md5(account_id)[1]) % 2 = 0"
        db.execute(
            f"INSERT INTO participants BY NAME SELECT CASE WHEN {halves} THEN 'pro' ELSE 'control' END AS roster,"
            " account_id, 1 AS posts, 0 AS first_at_ms FROM _raw GROUP BY account_id"
        )
        made = []
        for flag in REAL_FLAGS:
            judge(view, registry.flags().items[flag])
            judged, flagged = db.one(
                "SELECT count(*), count(*) FILTER (flagged) FROM account_flags JOIN participants USING (account_id)"
                " WHERE flag = $flag AND ($whole OR roster = 'pro')",
                {"flag": flag, "whole": not apart},
            )
            split = apart or "random halves"
            made.append(_row(flag, f"real: {name}", split, organic=judged, false_alarms=flagged))
    return made


def _config() -> CaseConfig:
    event = {"title": "e", "start": "2020-07-17T00:00:00", "end": "2020-07-18T00:00:00", "zone": "UTC", "country": "US"}
    return CaseConfig.model_validate(
        {
            "name": "profiles",
            "event": event,
            "baseline": {"start": "2020-06-19T00:00:00", "end": "2020-07-17T00:00:00"},
            "control": {"streams": ["sport"]},
            "side": [{"name": "pro", "hashtags": ["pro"]}],
            "input": [
                {"path": "a.csv", "format": "csv", "stream": "main"},
                {"path": "b.csv", "format": "csv", "stream": "sport"},
            ],
        }
    )
