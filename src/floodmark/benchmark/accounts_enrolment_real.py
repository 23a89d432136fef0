"""Enrolment on real sets with known creation dates: how far dates from ids are off, and which bins are called bursts.

Numbers only: no row of a set is kept. Four of the sets (the Turkish trend bots and the three of the bot repository)
made the table of months, so that their errors are those of a fit; PHEME and Cresci's four are not in it.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from floodmark import stats
from floodmark.accounts.creation_bursts import DAY_MS, RESOLUTIONS, bin_test
from floodmark.accounts.creation_ids import date_of_id
from floodmark.benchmark.accounts_enrolment import LEVEL, Row, filled
from floodmark.engine.duckdb import Database

Dates = Mapping[int, int]
_CRESCI: Final = ("geniune_accounts", "social_spambots_1", "social_spambots_2", "social_spambots_3")
_BOTREPO: Final = ("botwiki-2019", "vendor-purchased-2019", "cresci-rtbust-2019")
_FIELD_BYTES: Final = 1 << 24


def real_rows() -> list[Row]:
    """Return one row for dates from ids and one for each length of bin, of every set that is present."""
    folder = Path(os.environ.get("FLOODMARK_SHARED", "../shared")) / "data"
    found = []
    for name, load in sets(folder).items():
        try:
            dates = load()
        except FileNotFoundError:
            continue
        found += [id_row(name, dates), *burst_rows(name, dates)] if dates else []
    return found


def sets(data: Path) -> Mapping[str, Callable[[], Dates]]:
    """Return what loads {id: creation date, UTC ms} of each set; the file may be missing."""
    return {
        "tr_bots_2022": lambda: _parquet(data / "astroturf_tr_2022/bots_2022_user.parquet"),
        **{name: lambda name=name: _csv(data / f"bots_cresci2017_users/{name}.csv") for name in _CRESCI},  # type: ignore[misc]
        **{name: lambda name=name: _json([data / f"bots_botrepo_2019/{name}_tweets.json"]) for name in _BOTREPO},  # type: ignore[misc]
        "pheme": lambda: _json(sorted((data / "organic_pheme_2014_15").glob("*.json"))),
    }


def id_row(name: str, dates: Dates) -> Row:
    """Return how many known dates lie within the interval of the id, and how far from its middle they are."""
    inside, errors = 0, []
    for number, at in sorted(dates.items()):
        dated = date_of_id(f"twitter:{number}")
        if dated is not None:
            from_ms, width = dated
            inside += from_ms <= at < from_ms + width
            errors.append(abs(at - from_ms - width / 2) / DAY_MS)
    low, high = stats.wilson(inside, len(errors), LEVEL)
    middle, most, all_of = np.quantile(errors, (0.5, 0.95, 1.0)).tolist() if errors else (None, None, None)
    return filled(
        measure="M5",
        behaviour="dates from ids, known date within the interval",
        set=name,
        accounts=len(dates),
        judged=len(errors),
        flagged=inside,
        share=inside / len(errors) if errors else None,
        low=low,
        high=high,
        error_median_days=middle,
        error_95_days=most,
        error_max_days=all_of,
    )


def burst_rows(name: str, dates: Dates) -> list[Row]:
    """Return how many accounts of a set were created in a burst, by hour, day and week."""
    created = np.array(sorted(dates.values()), dtype=np.int64)
    found = []
    for resolution in RESOLUTIONS:
        test = bin_test(created, resolution)
        accounts = int(test.accounts[test.burst].sum())
        low, high = stats.wilson(accounts, created.size, LEVEL)
        found.append(
            filled(
                measure="M5",
                behaviour="created in a burst",
                set=name,
                accounts=created.size,
                resolution=resolution.name,
                judged=created.size,
                flagged=accounts,
                share=accounts / created.size,
                low=low,
                high=high,
                bursts=int(test.burst.sum()),
            )
        )
    return found


def _parquet(path: Path) -> Dates:
    if not path.exists():
        raise FileNotFoundError(path)
    rows = Database().rows(
        "SELECT CAST(author_id AS BIGINT), author_created_at FROM read_parquet($path)"
        " WHERE author_created_at IS NOT NULL",
        {"path": str(path)},
    )
    return {number: _iso(at) for number, at in rows}


def _csv(path: Path) -> Dates:
    csv.field_size_limit(_FIELD_BYTES)
    with path.open(encoding="utf-8", errors="replace") as lines:
        return {int(row["id"]): _date(row["created_at"]) for row in csv.DictReader(lines) if row["created_at"]}


def _json(paths: list[Path]) -> Dates:
    found: dict[int, int] = {}
    for path in paths:
        for profile in _profiles(json.loads(path.read_bytes())):
            # Some files hold `id` as a rounded number.
            found[int(profile.get("id_str") or profile["id"])] = _date(profile["created_at"])
    return found


def _profiles(value: object) -> Iterator[dict[str, str]]:
    """Yield every profile inside a JSON value, however deep."""
    if isinstance(value, dict):
        if {"created_at", "screen_name", "id"} <= value.keys():
            yield value
        for part in value.values():
            yield from _profiles(part)
    elif isinstance(value, list):
        for part in value:
            yield from _profiles(part)


def _date(text: str) -> int:
    if text.rstrip("L").isdigit():
        return int(text.rstrip("L"))
    return round(datetime.strptime(text, "%a %b %d %H:%M:%S %z %Y").timestamp() * 1000)


def _iso(text: str) -> int:
    return round(datetime.fromisoformat(str(text).replace("Z", "+00:00")).replace(tzinfo=UTC).timestamp() * 1000)
