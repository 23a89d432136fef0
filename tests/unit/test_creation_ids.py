"""Dates from ids against the snowflake's arithmetic and known accounts; impossible dates lose no account."""

from __future__ import annotations

import csv
import json
import random
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from floodmark.accounts.creation_ids import (
    DAY_MS,
    IDS_PER_MS,
    PLATFORM_STARTS_MS,
    SNOWFLAKE_EPOCH_MS,
    date_of_id,
    load_schemes,
    segments,
)
from floodmark.engine.duckdb import Database, read_sql

START = 1_594_927_800_000
BaseDb = Callable[..., Database]


def utc(*parts: int) -> int:
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


def test_segments_do_not_overlap_and_run_forward_in_time() -> None:
    for before, after in pairwise(segments()):
        assert before.id_from < before.id_to <= after.id_from
    assert all(segment.ms_from >= PLATFORM_STARTS_MS["twitter"] for segment in segments())


def test_snowflakes_hold_their_time() -> None:
    rng = random.Random(1)
    for _ in range(2_000):
        at = rng.randrange(utc(2016, 2, 1), utc(2030, 1, 1))
        number = (at - SNOWFLAKE_EPOCH_MS) * IDS_PER_MS + rng.randrange(IDS_PER_MS)
        found = date_of_id(f"twitter:{number}")
        assert found is not None
        assert found[0] == at - 1000
        assert found[1] <= 3 * 3_600_000


@pytest.mark.parametrize(
    ("number", "at"),
    [
        # Published in https://blog.konomama.dev/posts/twitter-snowflake-metadata
        (699_570_924_048_162_816, utc(2016, 2, 16, 12, 28)),
        (699_757_151_795_990_528, utc(2016, 2, 17, 0, 48)),
        (4_922_450_361, utc(2016, 2, 17, 5, 7, 17)),
        (4_923_106_354, utc(2016, 2, 17, 8, 36, 46)),
        (4_924_072_528, utc(2016, 2, 17, 14, 31, 17)),
        # The platform's own first accounts: @jack, @twitter.
        (12, utc(2006, 3, 21, 20, 50, 14)),
        (783_214, utc(2007, 2, 20, 14, 35, 54)),
    ],
)
def test_published_accounts_lie_within_their_intervals(number: int, at: int) -> None:
    found = date_of_id(f"x:{number}")
    assert found is not None
    assert found[0] - 60_000 <= at < found[0] + found[1]


@pytest.mark.parametrize(
    "account",
    [
        *(
            "twitter:",
            "twitter:abc",
            "twitter:-5",
            "twitter:5000000000000",
            "twitter:١٢",
            "twitter:1.5",
            "sim:12",
            "12",
        ),
        *(f"twitter:{2**63}", "twitter:99999999999999999999999"),
    ],
)
def test_ids_that_tell_nothing(account: str) -> None:
    assert date_of_id(account) is None


def known_dates(shared: Path) -> Iterator[tuple[int, int]]:
    """Real accounts that were not used to make the table: PHEME and the four sets of Cresci et al. 2017."""
    csv.field_size_limit(sys.maxsize)
    for name in ("geniune_accounts", "social_spambots_1", "social_spambots_2", "social_spambots_3"):
        path = shared / "data/bots_cresci2017_users" / f"{name}.csv"
        with path.open(encoding="utf-8", errors="replace") as lines:
            for row in csv.DictReader(lines):
                yield int(row["id"]), _parse(row["created_at"])
    for path in sorted((shared / "data/organic_pheme_2014_15").glob("*.json")):
        for post in json.loads(path.read_bytes()):
            account = post.get("user") or post.get("tweet", {}).get("user")
            if account:
                yield int(account["id"]), _parse(account["created_at"])


def _parse(text: str) -> int:
    if text.rstrip("L").isdigit():
        return int(text.rstrip("L"))
    return round(datetime.strptime(text, "%a %b %d %H:%M:%S %z %Y").timestamp() * 1000)


def test_intervals_hold_on_accounts_that_did_not_make_the_table(shared: Path) -> None:
    seen = inside = 0
    for number, at in known_dates(shared):
        found = date_of_id(f"twitter:{number}")
        if found is not None:
            seen += 1
            inside += found[0] <= at < found[0] + found[1]
    assert seen > 8_000
    assert inside >= 0.999 * seen


def accounts(db: Database) -> dict[str, tuple[object, ...]]:
    load_schemes(db)
    rows = db.rows(
        "SELECT account_id, created_at_ms, created_resolution_ms, created_from, created_problem, profile_created_at_ms"
        f" FROM ({read_sql('accounts')})"
    )
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: row[1:] for row in rows}


def post(account: str, at: int, resolution: int = 1000) -> dict[str, object]:
    post_id = f"p:{account}{at}"
    return {"post_id": post_id, "account_id": account, "at_ms": at, "at_resolution_ms": resolution}


def seen(account: str, created: int | None, resolution: int | None = 1000) -> dict[str, object]:
    return {
        "account_id": account,
        "observed_at_ms": START + DAY_MS,
        "created_at_ms": created,
        "created_resolution_ms": resolution if created is not None else None,
    }


def test_sql_equals_the_function_for_ids_of_every_age(base_db: BaseDb) -> None:
    rng = random.Random(2)
    edges = [n + d for s in segments() for n in (s.id_from, min(s.id_to, 2**63 - 1)) for d in (-1, 0, 1)]
    numbers = {rng.randrange(2 ** rng.randrange(1, 60)) for _ in range(3_000)} | {n for n in edges if 0 <= n < 2**63}
    names = [f"twitter:{number}" for number in numbers] + ["twitter:007", "twitter:+7", "x:7 "]
    # So late that no id's date can be after the post.
    found = accounts(base_db([post(name, utc(2500, 1, 1)) for name in names]))
    for name in names[:-3]:
        dated = date_of_id(name)
        if dated is None:
            assert name not in found
        else:
            assert found[name][:4] == (*dated, "id", None)
    assert not set(names[-3:]) & set(found)


@pytest.mark.parametrize(("names", "dated"), [(0, True), (1, True), (3, False)])
def test_a_screen_name_of_digits_is_no_id(base_db: BaseDb, names: int, dated: bool) -> None:
    """In a stream whose ids are mostly names, a number is a name as well; numbers beside a few odd ids are ids."""
    rows = [post("twitter:1283772060427472898", START), post("twitter:12", START)]
    found = accounts(base_db([*rows, *(post(f"twitter:name{k}", START) for k in range(names))]))
    assert ("twitter:12" in found) is dated
    assert ("twitter:1283772060427472898" in found) is dated


def test_a_profile_date_is_never_overridden(base_db: BaseDb) -> None:
    number = (utc(2020, 1, 1) - SNOWFLAKE_EPOCH_MS) * IDS_PER_MS
    rows = {
        f"twitter:{number}": utc(2019, 6, 1),
        f"twitter:{number + 1}": utc(2020, 1, 1, 12),
        f"twitter:{number + 2}": None,
    }
    db = base_db([post(name, START) for name in rows], [seen(name, at) for name, at in rows.items()])
    found = accounts(db)
    assert found[f"twitter:{number}"] == (utc(2019, 6, 1), 1000, "profile", "differs_from_id", utc(2019, 6, 1))
    assert found[f"twitter:{number + 1}"][2:4] == ("profile", None)
    assert found[f"twitter:{number + 2}"][0] == utc(2020, 1, 1) - 1000
    assert found[f"twitter:{number + 2}"][2:] == ("id", None, None)


def test_impossible_dates_are_unknown_and_lose_nothing(base_db: BaseDb) -> None:
    rows = {
        "x:old": (utc(2006, 3, 20), "before_platform"),
        "x:first": (utc(2006, 3, 21), None),
        "sim:zero": (0, "before_platform"),
        "sim:late": (START + 1000, "after_own_post"),
        "sim:just": (START + 999, None),
        "sim:future": (START + DAY_MS + 1, "after_collection"),
        "sim:seen": (START + DAY_MS, None),
        "sim:none": (None, None),
    }
    posts = [post(name, START) for name in ("x:old", "x:first", "sim:zero", "sim:late", "sim:just", "sim:none")]
    observations = [seen(name, at) for name, (at, _) in rows.items()]
    for order in (1, -1):
        found = accounts(base_db(posts[::order], observations[::order]))
        assert set(found) == set(rows)
        for name, (at, problem) in rows.items():
            assert found[name][3:] == (problem, at)
            assert found[name][0] == (None if problem else at)
            assert (found[name][2] == "profile") == (at is not None and problem is None)


def test_a_day_that_holds_the_first_post_is_possible(base_db: BaseDb) -> None:
    day = START // DAY_MS * DAY_MS
    db = base_db([post("sim:1", day + 5)], [seen("sim:1", day, DAY_MS)])
    assert accounts(db)["sim:1"][:4] == (day, DAY_MS, "profile", None)
