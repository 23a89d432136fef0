"""Seeded shares to measure on: who shares what and when, with the skews of real collections."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from floodmark.engine.duckdb import Database, quote

Int64s = npt.NDArray[np.int64]
_START_S: Final = 1_594_500_000  # July 2020
_WEEK_S: Final = 7 * 86_400
_HOUR_S: Final = 3600


@dataclass(frozen=True)
class Shape:
    """How a collection is skewed: Zipf exponents of accounts and objects, objects per action, mean age of a share.

    For every `actions_per_campaign` actions (0: never) the first give way to a campaign: 20 accounts share the same
    10 objects of their own, each object within a minute.
    """

    account_skew: float
    object_skew: float
    objects_per_action: float
    mean_age_s: float
    actions_per_campaign: int = 0


#: Of a million actions: 0.8 million pairs within 60 s, or 61 million on a few hot objects.
SHAPES: Final = {
    "ordinary": Shape(0.7, 0.8, 0.1, 12 * _HOUR_S),
    "skewed": Shape(0.7, 1.2, 0.05, 7.55 * _HOUR_S),
    "planted": Shape(0.7, 0.8, 0.1, 12 * _HOUR_S, actions_per_campaign=200_000),
}
_MEMBERS, _OBJECTS = 20, 10


def write_shares(path: Path, shape: Shape, rows: int, seed: int = 20200717) -> None:
    """Write a CSV of `rows` shares: 18-digit ids, objects that appear within a week and are shared less and less."""
    rng = np.random.default_rng(seed)
    n_accounts, n_objects = max(2, rows // 10), max(1, int(rows * shape.objects_per_action))
    account = _zipf(rng, n_accounts, rows, shape.account_skew)
    thing = _zipf(rng, n_objects, rows, shape.object_skew)
    appeared = rng.random(n_objects) * _WEEK_S
    at_s = _START_S + (appeared[thing] + rng.exponential(shape.mean_age_s, rows)).astype(np.int64)
    account_id, object_id = _ids(rng, n_accounts)[account], _ids(rng, n_objects)[thing]
    for k in range(rows // shape.actions_per_campaign if shape.actions_per_campaign else 0):
        place = slice(k * _MEMBERS * _OBJECTS, (k + 1) * _MEMBERS * _OBJECTS)
        account_id[place] = 2 * 10**17 + k * _MEMBERS + np.tile(np.arange(_MEMBERS), _OBJECTS)
        object_id[place] = 2 * 10**17 + k * _OBJECTS + np.repeat(np.arange(_OBJECTS), _MEMBERS)
        begun = _START_S + rng.integers(0, _WEEK_S, _OBJECTS)
        at_s[place] = np.repeat(begun, _MEMBERS) + rng.integers(0, 60, _MEMBERS * _OBJECTS)
    with Database() as db:
        db.connection.register(
            "shares",
            {
                "account_id": account_id,
                "object_id": object_id,
                "content_id": np.arange(rows) + 10**17,
                "timestamp_share": at_s,
            },
        )
        db.execute(f"COPY shares TO {quote(str(path))} (FORMAT csv, HEADER)")


def write_texts(path: Path, rows: int, seed: int = 20200717) -> None:
    """Write a CSV of `rows` short posts: 8 to 20 words of a Zipf vocabulary, a tenth of them copies of a shared text.

    A copy differs from its text by one word, half of the time.
    """
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, size)) for size in rng.integers(2, 10, 40_000)], dtype=object)
    shared = [words[_zipf(rng, len(words), 14, 0.9)].tolist() for _ in range(max(1, rows // 500))]
    sizes, copied = rng.integers(8, 21, rows), rng.random(rows) < 0.1
    drawn = words[_zipf(rng, len(words), int(sizes.sum()), 0.9)]
    ends, texts = np.cumsum(sizes), []
    for number in range(rows):
        own = drawn[ends[number] - sizes[number] : ends[number]].tolist()
        if copied[number]:
            text = list(shared[rng.integers(0, len(shared))])
            text[rng.integers(0, 14)] = own[0] if rng.random() < 0.5 else text[0]
            own = text
        texts.append(" ".join(own))
    at_ms = _START_S * 1000 + rng.integers(0, _WEEK_S, rows) * 1000
    with Database() as db:
        columns = {"post_id": np.arange(rows), "account_id": rng.integers(0, max(1, rows // 4), rows), "at_ms": at_ms}
        db.connection.register("posts", {**columns, "text": np.array(texts, dtype=object)})
        db.execute(f"COPY posts TO {quote(str(path))} (FORMAT csv, HEADER)")


def _zipf(rng: np.random.Generator, n_values: int, size: int, exponent: float) -> Int64s:
    weight = np.cumsum(1.0 / np.arange(1, n_values + 1) ** exponent)
    return np.searchsorted(weight / weight[-1], rng.random(size))


def _ids(rng: np.random.Generator, count: int) -> Int64s:
    return 10**17 + rng.permutation(count) * 7_919 + rng.integers(0, 7_919, count)
