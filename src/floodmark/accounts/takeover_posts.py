"""The posts of the participants as arrays in order of account and time, with clients and languages as numbers.

Millions of posts are read and sorted once; what `takeover_profile` then counts are whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from floodmark.view import CaseView

Ints: TypeAlias = NDArray[np.int64]
Codes: TypeAlias = NDArray[np.int32]

_NUMBERS: Final = """
    CREATE OR REPLACE TEMP TABLE _tk_numbers AS
    SELECT account_id, CAST(row_number() OVER (ORDER BY account_id) - 1 AS INTEGER) AS number
    FROM (SELECT DISTINCT account_id FROM participants)
"""
#: The value behind what the column `raw` holds; NULL where it says nothing.
_VALUES: Final = {
    "client": "nullif(trim(raw), '')",
    "language": "CASE WHEN lower(trim(raw)) NOT IN ('', 'und', 'unknown', 'undefined', 'zxx', 'qme', 'qht', 'qam',"
    " 'qct', 'qst') THEN lower(trim(raw)) END",
}
#: Codes keep the order of the values, so that the smallest code is the smallest value.
_CODES: Final = """
    CREATE OR REPLACE TEMP TABLE _tk_{name} AS
    SELECT raw, value, CAST(dense_rank() OVER (ORDER BY value) - 1 AS INTEGER) AS code
    FROM (SELECT raw, {value} AS value FROM (SELECT DISTINCT {name} AS raw FROM posts)) WHERE value IS NOT NULL
"""
_FROM: Final = """
    FROM posts p JOIN _tk_numbers n USING (account_id)
    LEFT JOIN _tk_client c ON c.raw = p.client LEFT JOIN _tk_language l ON l.raw = p.language
"""
_ROWS: Final = f"""
    SELECT n.number AS acc, p.at_ms, coalesce(c.code, -1) AS client, coalesce(l.code, -1) AS language,
           hash(p.post_id) AS mark
    {_FROM}
"""
#: A post that came in several streams counts once, at its earliest time.
_ONCE: Final = f"""
    SELECT n.number AS acc, p.post_id, min(p.at_ms) AS at_ms, coalesce(min(c.code), -1) AS client,
           coalesce(min(l.code), -1) AS language
    {_FROM} WHERE {{chosen}} GROUP BY n.number, p.post_id
"""


@dataclass(frozen=True)
class OwnPosts:
    """Each participant's posts, one after another, in order of time.

    `acc` are numbers into `accounts`, which has every participant in order of ids; `codes` the value of each post by
    feature, a number into `values`, -1 where unknown.
    """

    accounts: list[str]
    acc: Codes
    at_ms: Ints
    codes: Mapping[str, Codes]
    values: Mapping[str, list[str]]


def own_posts(view: CaseView) -> OwnPosts:
    """Return the posts of all participants; reads posts and participants, makes temporary tables `_tk_...`.

    Posts of one account at one instant come in any order; see `by_id`.
    """
    view.db.execute(_NUMBERS)
    for name, value in _VALUES.items():
        view.db.execute(_CODES.format(name=name, value=value))
    rows = _without_repeats(view, view.db.arrays(_ROWS))
    acc, at_ms = np.asarray(rows["acc"], dtype=np.int32), np.asarray(rows["at_ms"], dtype=np.int64)
    order = _order(acc, at_ms)
    return OwnPosts(
        [account for (account,) in view.db.rows("SELECT account_id FROM _tk_numbers ORDER BY number")],
        acc[order],
        at_ms[order],
        {name: np.asarray(rows[name], dtype=np.int32)[order] for name in _VALUES},
        {
            name: [value for (value,) in view.db.rows(f"SELECT DISTINCT value FROM _tk_{name} ORDER BY value")]
            for name in _VALUES
        },
    )


def _order(acc: Codes, at_ms: Ints) -> NDArray[np.intp]:
    """Return the order by account, then time: by one number where both fit into it, which is faster."""
    if not len(acc):
        return np.arange(0)
    low, high = int(at_ms.min()), int(at_ms.max())
    if (int(acc.max()) + 1) * (high - low + 1) < 2**62:
        return np.argsort(acc * np.int64(high - low + 1) + (at_ms - low))
    return np.lexsort((at_ms, acc))


def _without_repeats(view: CaseView, rows: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Return the rows with each post once. Few posts come twice: only those are grouped by their ids."""
    marks = np.asarray(rows["mark"], dtype=np.uint64)
    ordered = np.sort(marks)
    again = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(again):
        return rows
    view.db.execute("CREATE OR REPLACE TEMP TABLE _tk_again (mark UBIGINT)")
    view.db.load("_tk_again", {"mark": again})
    once = view.db.arrays(_ONCE.format(chosen="hash(p.post_id) IN (SELECT mark FROM _tk_again)"))
    alone = again[np.minimum(np.searchsorted(again, marks), len(again) - 1)] != marks
    return {name: np.concatenate([np.asarray(rows[name])[alone], once[name]]) for name in ("acc", "at_ms", *_VALUES)}


def by_id(view: CaseView, own: OwnPosts) -> OwnPosts:
    """Return the posts with those of one account and instant in order of their ids, where they differ in a value.

    The temporary tables of `own_posts` must still be there.
    """
    same = (own.acc[1:] == own.acc[:-1]) & (own.at_ms[1:] == own.at_ms[:-1])
    differ = np.zeros(len(same), dtype=bool)
    for known in own.codes.values():
        differ |= known[1:] != known[:-1]
    moment = np.concatenate([[0], np.cumsum(~same)]) if len(own.acc) else np.zeros(0, dtype=np.int64)
    tied = np.zeros(len(own.acc), dtype=bool)
    tied[moment[1:][same & differ]] = True
    rows = np.flatnonzero(tied[moment])
    if not len(rows):
        return own
    heads = rows[np.flatnonzero(np.diff(moment[rows], prepend=-1))]
    view.db.execute("CREATE OR REPLACE TEMP TABLE _tk_ties (acc INTEGER, at_ms BIGINT)")
    view.db.load("_tk_ties", {"acc": own.acc[heads], "at_ms": own.at_ms[heads]})
    once = _ONCE.format(chosen="n.number IN (SELECT acc FROM _tk_ties)")
    ordered = view.db.arrays(
        f"SELECT o.client, o.language FROM ({once}) o JOIN _tk_ties USING (acc, at_ms) ORDER BY acc, at_ms, o.post_id"
    )
    codes = {name: np.array(known) for name, known in own.codes.items()}
    for name, known in codes.items():
        known[rows] = ordered[name]
    return replace(own, codes=codes)
