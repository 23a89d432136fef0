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

import numpy as np
from numpy.typing import NDArray

from floodmark import stats
from floodmark.accounts.handles import LOCAL_SQL
from floodmark.registry import Judgements
from floodmark.textfold import fold_text
from floodmark.view import CaseView

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

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
    """Accounts of `roster` on one platform that share a value: `size` of `known` here, `elsewhere` of `reference`."""

    roster: str
    kind: str
    platform: str
    accounts: tuple[str, ...]
    known: int
    elsewhere: int
    reference: int
    p: float

    @property
    def size(self) -> int:
        """Accounts in the family."""
        return len(self.accounts)


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

    total = k + c
    p = hypergeom.sf(k - 1, n + m, total, n)
    least = hypergeom.sf(np.minimum(total, n) - 1, n + m, total, n)
    return np.minimum(p, 1.0), np.minimum(least, 1.0)


def discoveries(p: Floats, least: Floats, q: float = FALSE_DISCOVERIES) -> NDArray[np.bool_]:
    """Return which tests are rejected by BH at q among those whose least p-value can be small enough (Gilbert 2005).

    >>> discoveries(np.array([0.001, 0.3, 0.6]), np.array([0.001, 0.3, 0.5])).tolist()
    [True, False, False]
    """
    ranked = np.sort(least)
    able = next((k for k in range(1, len(p) + 1) if np.searchsorted(ranked, q / k, side="right") <= k), len(p))
    used = least <= q / able
    result = np.zeros(len(p), dtype=bool)
    result[used] = stats.bh(p[used], q)
    return result


def families(view: CaseView, kinds: Sequence[str] = tuple(KINDS)) -> Families:
    """Find the families of every roster (tables in: accounts, participants).

    The reference of a side is every other account of the same platform except those on several sides, which may be of
    its family; that of `both` is the control and the accounts on no side; that of the control everybody else.
    """
    rosters: dict[str, set[str]] = {}
    for roster, account in view.db.rows("SELECT roster, account_id FROM participants"):
        rosters.setdefault(roster, set()).add(account)
    sides = set().union(*(members for name, members in rosters.items() if name != "control"))
    found: list[Family] = []
    judged: dict[tuple[str, str], tuple[str, ...]] = {}
    for kind in kinds:
        rows = view.db.rows(
            f"SELECT account_id, split_part(account_id, ':', 1), {_COLUMNS[kind]} FROM accounts"
            f" WHERE ({_COLUMNS[kind]}) IS NOT NULL ORDER BY account_id"
        )
        keyed = [(account, platform, feature(kind, raw)) for account, platform, raw in rows]
        for roster, members in sorted(rosters.items()):
            left_out = sides if roster == "both" else rosters.get("both", set()) if roster != "control" else set()
            own = [row for row in keyed if row[0] in members]
            others = [row for row in keyed if row[0] not in members and row[0] not in left_out]
            if own and others:
                judged[roster, kind] = tuple(row[0] for row in own)
                found += _tested(view, roster, kind, own, others)
    return Families(tuple(sorted(found, key=lambda f: (f.roster, -f.size, f.kind, f.accounts))), judged)


def _tested(
    view: CaseView, roster: str, kind: str, own: list[tuple[str, str, str]], others: list[tuple[str, str, str]]
) -> list[Family]:
    parameters = view.config.parameters
    have: dict[tuple[str, str], list[str]] = {}
    elsewhere: dict[tuple[str, str], int] = {}
    known: dict[str, int] = {}
    reference: dict[str, int] = {}
    for account, platform, key in own:
        known[platform] = known.get(platform, 0) + 1
        if key:
            have.setdefault((platform, key), []).append(account)
    for _, platform, key in others:
        reference[platform] = reference.get(platform, 0) + 1
        if key:
            elsewhere[platform, key] = elsewhere.get((platform, key), 0) + 1
    # Which values are tested depends on the sums over both groups only, or the p-values would not be honest.
    values = sorted(
        value
        for value in have.keys() | elsewhere.keys()
        if len(have.get(value, ())) + elsewhere.get(value, 0) >= parameters.family_accounts and value[0] in known
    )
    if not values:
        return []
    k = np.array([len(have.get(value, ())) for value in values])
    c = np.array([elsewhere.get(value, 0) for value in values])
    p, least = np.empty(len(values)), np.empty(len(values))
    for platform in sorted(known):
        here = np.array([value[0] == platform for value in values])
        p[here], least[here] = tail(k[here], c[here], known[platform], reference.get(platform, 0))
    rare = np.array([1000 * int(count) <= parameters.family_reference_permille * reference.get(value[0], 0)
                     for count, value in zip(c, values, strict=True)])  # fmt: skip
    chosen = discoveries(p, least) & rare & (k >= parameters.family_accounts)
    return [
        Family(roster, kind, values[at][0], tuple(sorted(have[values[at]])), known[values[at][0]], int(c[at]),
               reference.get(values[at][0], 0), float(p[at]))
        for at in np.flatnonzero(chosen)
    ]  # fmt: skip


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
