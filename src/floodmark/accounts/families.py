"""Families: accounts of one roster that share a rare profile feature more often than the other accounts lead to expect.

For each value of a feature, k of n accounts of the roster and c of m reference accounts have it. If the roster's
profiles were drawn like the reference's, k given k + c would be hypergeometric, however popular the value is: slogans,
empty texts and common names need no model of their own. Values that can reach no small p-value whatever happens are
left out before the false-discovery control (Tarone 1990, Gilbert 2005); values that more than a few in a thousand
reference accounts have make no family. A family says that a feature is shared, not who owns the accounts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from floodmark.accounts.handles import LOCAL_SQL
from floodmark.engine.duckdb import Database
from floodmark.registry import Judgements
from floodmark.textfold import fold_text
from floodmark.view import CaseView

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Kinds of feature: what is shared, in words.
KINDS: Final[Mapping[str, str]] = {
    "text": "the profile text",
    "picture": "the profile picture",
    "handle": "the pattern of the handle",
    "name": "the pattern of the name shown",
    "second": "the second of creation",
}
FALSE_DISCOVERIES: Final = 0.05
#: A profile text with fewer letters and digits is no wording: flags, hearts, one word.
_MINIMUM_WORDING: Final = 12
_MINIMUM_STEM: Final = 5
_DIGITS: Final = re.compile(r"[0-9]+")
_WORDING: Final = re.compile(r"[^\W_]")
_COLUMNS: Final = {
    "text": "description",
    "picture": "CASE WHEN default_picture THEN '' ELSE trim(picture) END",
    "handle": LOCAL_SQL,
    "name": "display_name",
    "second": "CASE WHEN created_at_ms IS NULL OR created_resolution_ms > 1000 THEN NULL"
    " ELSE CAST(created_at_ms // 1000 AS VARCHAR) END",
}


@dataclass(frozen=True)
class Family:
    """Accounts of `roster` on one platform that share a value: `size` of `known` here, `elsewhere` of `reference`.

    `value` is the feature as the first account has it (what a stranger wrote: escape it), `q` its p-value after
    false-discovery control, `beside` how many accounts of every other roster, and of none (""), have it too.
    """

    roster: str
    kind: str
    platform: str
    accounts: tuple[str, ...]
    known: int
    elsewhere: int
    reference: int
    p: float
    q: float = 1.0
    value: str = ""
    beside: tuple[tuple[str, int], ...] = ()

    @property
    def size(self) -> int:
        """Accounts in the family."""
        return len(self.accounts)

    @property
    def expected(self) -> float:
        """Accounts of the roster that would have the value if it were shared out among both groups by chance."""
        return (self.size + self.elsewhere) * self.known / (self.known + self.reference)


@dataclass(frozen=True)
class Families:
    """The families found, and per (roster, kind) the accounts that could have been in one; no key: not testable."""

    found: tuple[Family, ...]
    judged: Mapping[tuple[str, str], tuple[str, ...]]


def feature(kind: str, raw: str) -> str:
    """Return the key by which two profiles are alike in `kind`; empty where the value distinguishes nobody.

    >>> feature("handle", "Free_Ana1987"), feature("handle", "ana"), feature("text", "Love!")
    ('free_ana0', '', '')
    """
    if kind in {"picture", "second"}:
        return raw
    folded = _folded(raw)
    if kind == "text":
        return folded if len(_WORDING.findall(folded)) >= _MINIMUM_WORDING else ""
    pattern = _DIGITS.sub("0", folded)
    letters = len(_WORDING.findall(pattern.replace("0", "")))
    if kind == "handle":
        # Without digits a handle is unique on its platform.
        return pattern if letters >= _MINIMUM_STEM and "0" in pattern else ""
    return pattern if letters >= _MINIMUM_STEM else ""


@lru_cache(maxsize=100_000)
def _folded(raw: str) -> str:
    return fold_text(raw)


def tail(k: Ints, c: Ints, n: int, m: int) -> tuple[Floats, Floats]:
    """Return P(at least k of the k + c fall into the n) without replacement, and the smallest value it can take.

    >>> [round(float(x[0]), 4) for x in tail(np.array([3]), np.array([0]), 10, 90)]
    [0.0007, 0.0007]
    """
    from scipy.stats import hypergeom

    # Most values occur a few times, so that the same pair of counts comes again and again.
    pairs, place = np.unique(np.stack([k, k + c]), axis=1, return_inverse=True)
    had, total = pairs
    p = hypergeom.sf(had - 1, n + m, total, n)
    least = hypergeom.sf(np.minimum(total, n) - 1, n + m, total, n)
    place = place.ravel()
    return np.minimum(p, 1.0)[place], np.minimum(least, 1.0)[place]


def discoveries(p: Floats, least: Floats, q: float = FALSE_DISCOVERIES) -> NDArray[np.bool_]:
    """Return which tests are rejected by BH at q among those whose least p-value can be small enough (Gilbert 2005).

    >>> discoveries(np.array([0.001, 0.3, 0.6]), np.array([0.001, 0.3, 0.5])).tolist()
    [True, False, False]
    """
    return adjusted(p, least, q) <= q


def adjusted(p: Floats, least: Floats, q: float = FALSE_DISCOVERIES) -> Floats:
    """Return the smallest false-discovery rate at which BH rejects each test; 1 for tests left out beforehand.

    >>> adjusted(np.array([0.001, 0.3, 0.6]), np.array([0.001, 0.3, 0.5])).tolist()
    [0.001, 1.0, 1.0]
    """
    result = np.ones(len(p))
    if not len(p):
        return result
    ranks = np.arange(1, len(p) + 1)
    # The smallest k for which at most k tests can reach q / k at all; only those are counted.
    few = np.searchsorted(np.sort(least), q / ranks, side="right") <= ranks
    used = np.flatnonzero(least <= q / ranks[int(np.argmax(few))])
    order = used[np.argsort(p[used], kind="stable")]
    scaled = p[order] * len(used) / ranks[: len(used)]
    result[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return result


@dataclass(frozen=True)
class _Column:
    """All accounts with a value of one kind, by id: platform, value as written, and the number of the folded value.

    `code` is -1 where the value distinguishes nobody; `platform_of` gives each number's platform.
    """

    accounts: list[str]
    platform: Ints
    raw: list[str]
    code: Ints
    platforms: list[str]
    platform_of: Ints


#: What the flags of one case share: each kind is looked for once.
_LAST: WeakKeyDictionary[Database, tuple[tuple[object, ...], dict[str, Families]]] = WeakKeyDictionary()


def families(view: CaseView, kinds: Sequence[str] = tuple(KINDS)) -> Families:
    """Find the families of every roster (tables in: accounts, participants).

    The reference of a side is every other account of the same platform except those on several sides, which may be of
    its family; that of `both` is the control and the accounts on no side; that of the control everybody else. Accounts
    of a platform on which there is nobody to compare with are not judged. What was found is kept for a database until
    its accounts, participants or parameters are others.
    """
    state = (
        view.config.parameters,
        *view.db.one("SELECT count(*), bit_xor(hash(COLUMNS(*))) FROM accounts"),
        *view.db.one("SELECT count(*), bit_xor(hash(roster, account_id)) FROM participants"),
    )
    known = _LAST.get(view.db)
    if known is None or known[0] != state:
        known = _LAST[view.db] = (state, {})
    missing = [kind for kind in kinds if kind not in known[1]]
    rosters = _rosters(view) if missing else {}
    for kind in missing:
        known[1][kind] = _of_kind(view, kind, rosters)
    parts = [known[1][kind] for kind in kinds]
    found = [family for part in parts for family in part.found]
    judged = {key: accounts for part in parts for key, accounts in part.judged.items()}
    return Families(tuple(sorted(found, key=lambda f: (f.roster, -f.size, f.kind, f.accounts))), judged)


def _rosters(view: CaseView) -> dict[str, tuple[str, ...]]:
    """Return the rosters of each participant."""
    rosters: dict[str, tuple[str, ...]] = {}
    for roster, account in view.db.rows("SELECT roster, account_id FROM participants ORDER BY roster"):
        rosters[account] = (*rosters.get(account, ()), roster)
    return rosters


def _inside(accounts: Sequence[str], rosters: Mapping[str, tuple[str, ...]]) -> dict[str, Bools]:
    """Return for each roster which of the accounts it has; one that is in none is counted as elsewhere.

    Accounts are looked up once, not once a roster: few combinations of rosters differ.

    >>> {roster: own.tolist() for roster, own in _inside(["a", "b", "c"], {"a": ("x", "y"), "c": ("y",)}).items()}
    {'x': [True, False, False], 'y': [True, False, True]}
    """
    kinds = [(), *sorted(set(rosters.values()))]
    number = {kind: place for place, kind in enumerate(kinds)}
    place = np.array([number[rosters.get(account, ())] for account in accounts], dtype=np.int64)
    names = sorted({roster for kind in kinds for roster in kind})
    return {roster: np.array([roster in kind for kind in kinds])[place] for roster in names}


def _of_kind(view: CaseView, kind: str, rosters: Mapping[str, tuple[str, ...]]) -> Families:
    found: list[Family] = []
    judged: dict[tuple[str, str], tuple[str, ...]] = {}
    column = _column(view, kind)
    inside = _inside(column.accounts, rosters)
    sides = np.zeros(len(column.accounts), dtype=bool)
    for roster, own in inside.items():
        sides |= own if roster != "control" else False
    nobody = np.zeros(len(column.accounts), dtype=bool)
    for roster, own in inside.items():
        left_out = sides if roster == "both" else nobody if roster == "control" else inside.get("both", nobody)
        others = ~own & ~left_out
        comparable = np.bincount(column.platform[others], minlength=len(column.platforms)) > 0
        rows = np.flatnonzero(own & comparable[column.platform])
        if len(rows):
            judged[roster, kind] = tuple(column.accounts[row] for row in rows)
            found += _tested(view, (roster, kind), column, rows, others, inside)
    return Families(tuple(found), judged)


def _column(view: CaseView, kind: str) -> _Column:
    rows = view.db.rows(
        f"SELECT account_id, split_part(account_id, ':', 1), {_COLUMNS[kind]} FROM accounts"
        f" WHERE ({_COLUMNS[kind]}) IS NOT NULL ORDER BY account_id"
    )
    platforms = sorted({platform for _, platform, _ in rows})
    number = {platform: place for place, platform in enumerate(platforms)}
    keys = {raw: feature(kind, raw) for raw in {raw for _, _, raw in rows}}
    codes: dict[tuple[str, str], int] = {}
    code = [codes.setdefault((platform, keys[raw]), len(codes)) if keys[raw] else -1 for _, platform, raw in rows]
    return _Column(
        accounts=[account for account, _, _ in rows],
        platform=np.array([number[platform] for _, platform, _ in rows], dtype=np.int64),
        raw=[raw for _, _, raw in rows],
        code=np.array(code, dtype=np.int64),
        platforms=platforms,
        platform_of=np.array([number[platform] for platform, _ in codes], dtype=np.int64),
    )


def _tested(
    view: CaseView,
    where: tuple[str, str],
    column: _Column,
    rows: Ints,
    others: Bools,
    inside: Mapping[str, Bools],
) -> list[Family]:
    parameters, values = view.config.parameters, len(column.platform_of)
    mine = rows[column.code[rows] >= 0]
    have = np.bincount(column.code[mine], minlength=values)
    elsewhere = np.bincount(column.code[others & (column.code >= 0)], minlength=values)
    known = np.bincount(column.platform[rows], minlength=len(column.platforms))
    reference = np.bincount(column.platform[others], minlength=len(column.platforms))
    # Which values are tested depends on the sums over both groups only, or the p-values would not be honest.
    at = np.flatnonzero((have + elsewhere >= parameters.family_accounts) & (known[column.platform_of] > 0))
    if not len(at):
        return []
    k, c, platform = have[at], elsewhere[at], column.platform_of[at]
    p, least = np.empty(len(at)), np.empty(len(at))
    for place in np.unique(platform):
        here = platform == place
        p[here], least[here] = tail(k[here], c[here], int(known[place]), int(reference[place]))
    # What makes no family is no discovery either, or slogans of a side would loosen the rule for all other values.
    rare = 1000 * c <= parameters.family_reference_permille * reference[platform]
    able = rare & (k >= parameters.family_accounts)
    q = adjusted(np.where(able, p, 1.0), least)
    grouped = mine[np.argsort(column.code[mine], kind="stable")]
    starts = np.searchsorted(column.code[grouped], at)
    return [
        Family(
            *where,
            column.platforms[platform[i]],
            tuple(column.accounts[row] for row in grouped[starts[i] : starts[i] + k[i]]),
            int(known[platform[i]]),
            int(c[i]),
            int(reference[platform[i]]),
            float(p[i]),
            float(q[i]),
            column.raw[grouped[starts[i]]],
            _beside(column, where[0], int(at[i]), inside),
        )
        for i in np.flatnonzero(q <= FALSE_DISCOVERIES)
    ]


def _beside(column: _Column, roster: str, value: int, inside: Mapping[str, Bools]) -> tuple[tuple[str, int], ...]:
    holders = np.flatnonzero(column.code == value)
    nowhere = np.ones(len(holders), dtype=bool)
    counts = []
    for name, members in inside.items():
        nowhere &= ~members[holders]
        if name != roster:
            counts.append((name, int(members[holders].sum())))
    return (*counts, ("", int(nowhere.sum())))


def judge_kinds(view: CaseView, kinds: Sequence[str]) -> Judgements:
    """Say of each account whether it is in a family by one of `kinds`, and why; unknown without any such feature."""
    result = families(view, kinds)
    why: dict[str, list[str]] = {account: [] for members in result.judged.values() for account in members}
    for family in result.found:
        words = (
            f"shares {KINDS[family.kind]} with {family.size - 1} of {family.known - 1} accounts of roster"
            f" {family.roster}; {family.elsewhere} of {family.reference} others have it"
        )
        for account in family.accounts:
            why[account].append(words)
    accounts = sorted(why)
    return {
        "account_id": accounts,
        "flagged": [bool(why[account]) for account in accounts],
        "evidence": ["; ".join(why[account]) or None for account in accounts],
    }
