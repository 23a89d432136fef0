"""Controls like a roster: accounts of the same age, language, followers and activity (coarsened exact matching).

Source: Iacus, King & Porro 2012, doi 10.1093/pan/mpr013. Each property is cut into a few wide classes; accounts of the
roster and of the control with the same classes form a stratum. Strata without either are left out and counted. Controls
are weighted so that they have the roster's mix of strata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from floodmark.view import CaseView

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
DAY_MS: Final = 86_400_000
#: Lower ends of the classes.
AGE_DAYS: Final = (0, 30, 365, 1_095, 2_190)
FOLLOWERS: Final = (0, 20, 100, 500, 2_000)
POSTS_TOTAL: Final = (0, 100, 1_000, 10_000)
NAMES: Final = ("age", "language", "followers", "activity")
_COLUMNS: Final = {
    "age": "created_at_ms",
    "language": "language (of the profile or of posts)",
    "followers": "followers",
    "activity": "posts_total",
}
#: A property that fewer accounts of a group have cannot be matched on.
_KNOWN_SHARE: Final = 0.5


@dataclass(frozen=True)
class Properties:
    """What accounts are matched on, one value an account: numbers (NaN: unknown) and language (-1: unknown)."""

    age_days: Floats
    language: Ints
    followers: Floats
    posts_total: Floats

    def take(self, rows: Ints | Flags) -> Properties:
        """Return some of the accounts."""
        return Properties(self.age_days[rows], self.language[rows], self.followers[rows], self.posts_total[rows])

    def classes(self) -> Ints:
        """Return a class per account and property (columns in the order of NAMES), -1 where it is not known."""
        cut = [
            np.where(np.isnan(values), -1, np.searchsorted(ends, np.nan_to_num(values), side="right") - 1)
            for values, ends in (
                (self.age_days, AGE_DAYS),
                (self.followers, FOLLOWERS),
                (self.posts_total, POSTS_TOTAL),
            )
        ]
        return np.stack([cut[0], self.language, cut[1], cut[2]], axis=1).astype(np.int64)


@dataclass(frozen=True)
class Match:
    """Which accounts were matched: `stratum` (-1: none) and `weight` per account (roster 1, controls as needed)."""

    stratum: Ints
    weight: Floats

    @property
    def used(self) -> Flags:
        """Accounts in a stratum with both groups."""
        return self.stratum >= 0


def properties(view: CaseView, accounts: list[str]) -> Properties:
    """Return what `accounts` and `posts` say of the accounts at the event's start, in the given order.

    The language is the profile's, else the one of most of its posts (ties: the smallest). An account created during the
    event has age 0.
    """
    db = view.db
    db.execute("CREATE OR REPLACE TEMP TABLE _asked (place BIGINT, account_id VARCHAR)")
    if accounts:
        db.load("_asked", {"place": np.arange(len(accounts), dtype=np.int64), "account_id": accounts})
    rows = db.arrays(
        f"""
        WITH said AS (
            SELECT account_id, language, count(*) AS posts FROM posts
            WHERE language IS NOT NULL AND account_id IN (SELECT account_id FROM _asked)
            GROUP BY account_id, language
        ),
        spoken AS (SELECT account_id, first(language ORDER BY posts DESC, language) AS language FROM said GROUP BY 1)
        SELECT q.place,
               CASE WHEN a.created_at_ms IS NOT NULL
                   THEN greatest(0, $start_ms - a.created_at_ms)::DOUBLE / {DAY_MS} END AS age_days,
               coalesce(dense_rank() OVER (ORDER BY coalesce(a.language, s.language) NULLS LAST), -1) AS language,
               coalesce(a.language, s.language) IS NULL AS no_language,
               a.followers::DOUBLE AS followers, a.posts_total::DOUBLE AS posts_total
        FROM _asked q
        LEFT JOIN accounts a ON a.account_id = q.account_id
        LEFT JOIN spoken s ON s.account_id = q.account_id
        ORDER BY q.place
        """,
        {"start_ms": view.config.event.start_ms},
    )
    language = np.where(_plain(rows["no_language"], True), -1, _plain(rows["language"], -1))
    numbers = [_plain(rows[name], np.nan).astype(np.float64) for name in ("age_days", "followers", "posts_total")]
    return Properties(numbers[0], language.astype(np.int64), numbers[1], numbers[2])


def missing(found: Properties, ours: Flags) -> tuple[str, ...]:
    """Return the columns that most accounts of the roster (`ours`) or of the control lack."""
    known = found.classes() >= 0
    lacking = []
    for place, name in enumerate(NAMES):
        shares = [float(known[group, place].mean()) if group.any() else 0.0 for group in (ours, ~ours)]
        if min(shares) < _KNOWN_SHARE:
            lacking.append(_COLUMNS[name])
    return tuple(lacking)


def match(found: Properties, ours: Flags) -> Match:
    """Return the strata of accounts alike in all four properties; an account with an unknown one is not matched."""
    classes = found.classes()
    whole = (classes >= 0).all(axis=1)
    stratum = np.full(len(ours), -1, dtype=np.int64)
    if whole.any():
        stratum[whole] = np.unique(classes[whole], axis=0, return_inverse=True)[1].ravel()
    size = int(stratum.max(initial=-1)) + 1
    mine = np.bincount(stratum[whole & ours], minlength=size)
    others = np.bincount(stratum[whole & ~ours], minlength=size)
    both = (mine > 0) & (others > 0)
    stratum[whole] = np.where(both[stratum[whole]], stratum[whole], -1)
    used = stratum >= 0
    weight = np.zeros(len(ours))
    weight[used & ours] = 1.0
    controls = used & ~ours
    weight[controls] = mine[stratum[controls]] / others[stratum[controls]]
    return Match(stratum, weight)


def balance(found: Properties, ours: Flags, matched: Match) -> Mapping[str, tuple[float | None, float | None]]:
    """Return how far roster and control lie apart in each property, (before, after) matching.

    For numbers the difference of the means of log(1 + x) over the pooled standard deviation before matching; for the
    language the share that would have to change it (total variation). None where nobody is known.
    """
    before = np.ones(len(ours))
    result: dict[str, tuple[float | None, float | None]] = {}
    numbers = {"age": found.age_days, "followers": found.followers, "activity": found.posts_total}
    for name in NAMES:
        apart = [
            _apart_words(found.language, ours, weight)
            if name == "language"
            else _apart_numbers(np.log1p(numbers[name]), ours, weight)
            for weight in (before, matched.weight)
        ]
        result[name] = (apart[0], apart[1])
    return result


def _apart_numbers(values: Floats, ours: Flags, weight: Floats) -> float | None:
    known = ~np.isnan(values)
    groups = [known & ours & (weight > 0), known & ~ours & (weight > 0)]
    if not all(group.any() for group in groups):
        return None
    means = [float(np.average(values[group], weights=weight[group])) for group in groups]
    spread = float(np.sqrt(np.mean([values[known & side].var() for side in (ours, ~ours)])))
    return 0.0 if spread == 0 else (means[0] - means[1]) / spread


def _apart_words(language: Ints, ours: Flags, weight: Floats) -> float | None:
    known = (language >= 0) & (weight > 0)
    if not (known & ours).any() or not (known & ~ours).any():
        return None
    size = int(language.max()) + 1
    shares = [np.bincount(language[g], weights=weight[g], minlength=size) for g in (known & ours, known & ~ours)]
    return float(np.abs(shares[0] / shares[0].sum() - shares[1] / shares[1].sum()).sum() / 2)


def _plain(values: NDArray[Any], instead: float) -> NDArray[Any]:
    """Return a column as a plain array, NULL replaced."""
    return np.ma.filled(values, instead) if isinstance(values, np.ma.MaskedArray) else values
