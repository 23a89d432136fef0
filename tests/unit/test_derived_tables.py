"""Sides, rosters and profiles against a brute-force reading of the same rows."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from floodmark import derive, textfold
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database
from floodmark.errors import UsageError

CONFIG = CaseConfig.model_validate(
    {
        "name": "t",
        "event": {"title": "t", "start": "1970-01-01T00:01:40Z", "end": "1970-01-01T00:03:20Z", "zone": "UTC"},
        "control": {"streams": ["control"]},
        "side": [
            {"name": "red", "hashtags": ["#Red"], "keywords": ["Crimson"]},
            {"name": "blue", "hashtags": ["blue"], "accounts": ["@Blue_Voice", "77"]},
        ],
        "input": [
            {"path": "a", "format": "table"},
            {"path": "b", "format": "table", "stream": "control"},
        ],
    }
)
START, END = 100_000, 200_000
WORDS = ["#red", "#RED now", "crimson tide", "#blue", "nothing", "#redder", "#blue and #red"]


def random_posts(seed: int) -> list[dict[str, object]]:
    rng = random.Random(seed)
    return [
        {
            "stream": rng.choice(["main", "main", "control"]),
            "post_id": f"x:{n}",
            "account_id": f"x:{rng.randrange(12)}" if n % 9 else "x:77",
            "at_ms": rng.choice([START - 1, START, rng.randrange(0, 300_000), END - 1, END]),
            "text": rng.choice(WORDS),
        }
        for n in range(200)
    ]


def sides_of(post: dict[str, object]) -> set[str]:
    if post["stream"] == "control":
        return {"control"}
    text = str(post["text"]).lower()
    tags = {word[1:] for word in text.split() if word.startswith("#")}
    found = set()
    if "red" in tags or "crimson" in text:
        found.add("red")
    if "blue" in tags or post["account_id"] in {"x:77", "x:5"}:
        found.add("blue")
    return found


@pytest.mark.parametrize("seed", range(4))
def test_rosters_equal_brute_force(seed: int, base_db: Callable[..., Database], tmp_path: Path) -> None:
    posts = random_posts(seed)
    # x:5 is Blue_Voice by handle, 77 is named by id.
    db = base_db(posts, [{"account_id": "x:5", "handle": "blue_voice", "observed_at_ms": 1}])
    derive.derive(db, CONFIG, tmp_path)
    expected_sides = {
        (side, post["stream"], post["post_id"], START <= int(str(post["at_ms"])) < END)
        for post in posts
        for side in sides_of(post)
    }
    assert set(db.rows("SELECT side, stream, post_id, in_window FROM side_posts")) == expected_sides
    by_account: dict[object, dict[str, set[object]]] = {}
    control: dict[object, set[object]] = {}
    for post in posts:
        if START <= int(str(post["at_ms"])) < END:
            for side in sides_of(post):
                target = control if side == "control" else by_account.setdefault(post["account_id"], {})
                target.setdefault(post["account_id"] if side == "control" else side, set()).add(post["post_id"])  # type: ignore[attr-defined]
    expected = {
        ("both" if len(sides) > 1 else next(iter(sides)), account, len(set.union(*sides.values())))
        for account, sides in by_account.items()
    } | {("control", account, len(ids)) for account, ids in control.items()}
    assert set(db.rows("SELECT roster, account_id, posts FROM participants")) == expected


def test_profile_is_the_latest_observation_whatever_the_row_order(
    base_db: Callable[..., Database], tmp_path: Path
) -> None:
    observations = [
        {"account_id": "x:1", "observed_at_ms": None, "handle": "never"},
        {"account_id": "x:1", "observed_at_ms": 5, "handle": "b", "followers": 2},
        {"account_id": "x:1", "observed_at_ms": 5, "handle": "a", "followers": 9},
        {"account_id": "x:1", "observed_at_ms": 4, "handle": "old"},
    ]
    posts = [{"post_id": "x:p", "account_id": "x:1", "at_ms": START, "text": "#red"}]
    results = set()
    for order in (observations, observations[::-1]):
        db = base_db(posts, order)
        derive.derive(db, CONFIG, tmp_path)
        results.add(tuple(db.rows("SELECT account_id, handle, followers FROM accounts")))
    assert results == {(("x:1", "a", 9),)}


def test_candidate_edges_skip_windows_under_the_clock(base_db: Callable[..., Database], tmp_path: Path) -> None:
    def posts(resolution_ms: int) -> list[dict[str, object]]:
        return [
            {
                "post_id": f"x:{account}{n}",
                "account_id": f"x:{account}",
                "at_ms": START + n * 1000,
                "at_resolution_ms": resolution_ms,
                "text": "hi",
                "replied_post_id": f"x:target{n}",
            }
            for account in "ab"
            for n in range(3)
        ]

    config = CONFIG.model_copy(update={"parameters": CONFIG.parameters.model_copy(update={"windows_s": (30, 60)})})
    for resolution_ms, windows in ((1000, {30_000, 60_000}), (60_000, {60_000})):
        db = base_db(posts(resolution_ms))
        derive.derive(db, config, tmp_path)
        rows = db.rows("SELECT trace, window_ms, account_a, account_b, coactions, objects FROM edges")
        assert {row[1] for row in rows} == windows
        assert {row[2:] for row in rows} == {("x:a", "x:b", 3, 3)}


def test_a_later_poorer_observation_erases_nothing(base_db: Callable[..., Database], tmp_path: Path) -> None:
    rich = {"account_id": "x:1", "observed_at_ms": 5, "created_at_ms": 7, "followers": 2, "handle": "old"}
    poor = {"account_id": "x:1", "observed_at_ms": 6, "handle": "new"}
    db = base_db([{"post_id": "x:p", "account_id": "x:1", "at_ms": START, "text": "#red"}], [poor, rich])
    derive.derive(db, CONFIG, tmp_path)
    found = db.rows("SELECT handle, profile_created_at_ms, followers, observed_at_ms FROM accounts")
    assert found == [("new", 7, 2, 6)]


@pytest.mark.parametrize(
    ("keyword", "text", "matches"),
    [
        ("art", "the party started", False),
        ("art", "modern #art, again", True),
        ("art", "ART", True),
        ("vote now", "please vote -- now!", True),
        ("vote now", "vote nowhere", False),
        ("آزادی", "برای آزادی، همه", True),
        ("آزاد", "برای آزادی", False),
        ("自由", "我们要自由啊", True),
        ("🔥", "so 🔥 today", True),
    ],
)
def test_a_keyword_is_whole_words(
    keyword: str, text: str, matches: bool, base_db: Callable[..., Database], tmp_path: Path
) -> None:
    side = CONFIG.sides[0].model_copy(update={"hashtags": (), "keywords": (keyword,)})
    db = base_db([{"post_id": "x:p", "account_id": "x:1", "at_ms": START, "text": text}])
    derive.derive(db, CONFIG.model_copy(update={"sides": (side,)}), tmp_path)
    assert bool(db.rows("SELECT * FROM participants")) is matches


def test_keywords_are_found_as_in_the_words_of_every_text(base_db: Callable[..., Database], tmp_path: Path) -> None:
    rng = random.Random(3)
    parts = ["vote", "now", "art", "started", " ", " ", "#", "--", "é", "_", "'", "آزادی", "7", "نه", ""]
    texts = ["".join(rng.choices(parts, k=6)) for _ in range(600)] + ["now, vote", "vote, vote now"]
    for keywords in (("vote now",), ("art", "now vote"), ("آزادی", "art's", "vote vote now"), ("nothing",)):
        side = CONFIG.sides[0].model_copy(update={"hashtags": (), "keywords": keywords})
        db = base_db(
            [{"post_id": f"x:{n}", "account_id": "x:1", "at_ms": START, "text": text} for n, text in enumerate(texts)]
        )
        derive.derive_rosters(db, CONFIG.model_copy(update={"sides": (side,)}), tmp_path)

        def words(text: str) -> str:
            return " " + re.sub(r"[^\w]+", " ", textfold.fold_text(text)).strip() + " "

        expected = {
            f"x:{n}" for n, text in enumerate(texts) if any(words(keyword) in words(text) for keyword in keywords)
        }
        found = {post for (post,) in db.rows("SELECT post_id FROM side_posts WHERE side = 'red'")}
        assert found == expected
        assert bool(expected) is (keywords != ("nothing",))


def test_a_blank_keyword_is_refused(base_db: Callable[..., Database], tmp_path: Path) -> None:
    side = CONFIG.sides[0].model_copy(update={"keywords": (" ",)})
    db = base_db([{"post_id": "x:p", "account_id": "x:1", "at_ms": START, "text": "hello"}])
    with pytest.raises(UsageError, match="would match every post"):
        derive.derive(db, CONFIG.model_copy(update={"sides": (side,)}), tmp_path)
