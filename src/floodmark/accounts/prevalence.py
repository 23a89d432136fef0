"""Flags counted per roster, their overlaps, and what a flagged share can mean once the flags' own errors count.

Everything is derived from one small table: for each roster, how many accounts show each pattern of flags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from floodmark import registry, stats
from floodmark.accounts.judge import judge, judge_all
from floodmark.engine.duckdb import quote
from floodmark.registry import Flag
from floodmark.view import CaseView

#: One account's flags in the order of `FlagCounts.flags`; None where the account cannot be judged.
Pattern: TypeAlias = tuple[bool | None, ...]

#: The flags of the published "fake or low-follower, newly created or previously dormant".
UNION: Final = ("new", "dormant", "low_follower")
#: Error rates that a union of such flags may plausibly have; the range of the design.
SENSITIVITY: Final = (0.60, 0.95)
SPECIFICITY: Final = (0.70, 0.98)


@dataclass(frozen=True)
class Tally:
    """Accounts of one roster by one answer: `flagged` of `judged`; `unknown` could not be judged."""

    flagged: int
    judged: int
    unknown: int

    @property
    def accounts(self) -> int:
        """All accounts of the roster."""
        return self.judged + self.unknown

    @property
    def share(self) -> float:
        """Flagged share of the judged accounts; only with judged > 0."""
        return self.flagged / self.judged

    def interval(self, level: float) -> stats.Interval:
        """Return Wilson's interval of the share."""
        return stats.wilson(self.flagged, self.judged, level)

    def details(self) -> dict[str, object]:
        """Return the counts, and the share if all unknown accounts were unflagged or all flagged."""
        bounds = (
            [self.flagged / self.accounts, (self.flagged + self.unknown) / self.accounts]
            if self.accounts
            else [0.0, 1.0]
        )
        return {
            "flagged": self.flagged,
            "judged": self.judged,
            "unknown": self.unknown,
            "accounts": self.accounts,
            "bounds_if_unknown": bounds,
        }


@dataclass(frozen=True)
class FlagCounts:
    """How many accounts of each roster show each pattern of `flags`; `known` are its columns that hold any value."""

    flags: tuple[str, ...]
    patterns: Mapping[str, Mapping[Pattern, int]]
    known: Mapping[str, frozenset[str]]

    def tally(self, roster: str, names: Sequence[str]) -> Tally:
        """Count the accounts with any of the flags `names`, among those judged on all of them.

        An account with one flag unknown is left out even when another is set: to keep it only then would make the
        judged accounts look flagged.
        """
        places = [self.flags.index(name) for name in names]
        flagged = judged = unknown = 0
        for pattern, accounts in self.patterns.get(roster, {}).items():
            values = [pattern[place] for place in places]
            if None in values:
                unknown += accounts
            else:
                judged += accounts
                flagged += accounts if any(values) else 0
        return Tally(flagged, judged, unknown)

    def testable(self, roster: str, flag: Flag) -> bool:
        """Whether any account of the roster has a value in a column that the flag needs, and can be judged."""
        return (
            bool(self.known.get(roster, frozenset()) & set(flag.needs)) and self.tally(roster, (flag.name,)).judged > 0
        )

    def overlaps(self, roster: str, names: Sequence[str]) -> dict[str, int]:
        """Return the accounts with exactly each combination of `names` set (an UpSet table), among those judged on all.

        The key joins the names with "+"; "none" has none of them set.
        """
        places = [self.flags.index(name) for name in names]
        found: dict[str, int] = {}
        for pattern, accounts in self.patterns.get(roster, {}).items():
            values = [pattern[place] for place in places]
            if None not in values:
                key = "+".join(name for name, value in zip(names, values, strict=True) if value) or "none"
                found[key] = found.get(key, 0) + accounts
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def count_flags(view: CaseView, flags: Iterable[Flag] | None = None) -> FlagCounts:
    """Count the patterns of flags (default: all that loaded) per roster.

    Reads `participants` and `account_flags`; a flag that is not among the loaded ones is judged here. A participant
    without a profile is unknown to every flag of profiles. Raises EngineError when such a flag's SQL fails.
    """
    loaded = registry.flags().items
    used = sorted(loaded.values() if flags is None else flags, key=lambda flag: flag.name)
    judge_all(view, "_asked_flags", [])
    for flag in used:
        if flag.name not in loaded:
            judge(view, flag, "_asked_flags")
    both = "(SELECT * FROM account_flags UNION ALL SELECT * FROM _asked_flags)"
    joins = " ".join(
        f"LEFT JOIN {both} f{i} ON f{i}.flag = {quote(flag.name)} AND f{i}.account_id = p.account_id"
        for i, flag in enumerate(used)
    )
    columns = "".join(f"f{i}.flagged AS flagged_{i}, " for i in range(len(used)))
    rows = view.db.rows(
        f"SELECT p.roster, {columns} count(*) FROM participants p {joins} GROUP BY ALL ORDER BY ALL",
    )
    patterns: dict[str, dict[Pattern, int]] = {}
    for roster, *pattern, accounts in rows:
        patterns.setdefault(roster, {})[tuple(pattern)] = accounts
    return FlagCounts(tuple(flag.name for flag in used), patterns, _known_columns(view, used))


def prevalence_range(tally: Tally, level: float = 0.95) -> stats.Interval:
    """Return the range of the true share as the flags' error rates run over SENSITIVITY and SPECIFICITY.

    The ends of the sampling interval enter too, so a small roster gives a wider range.

    >>> [round(end, 2) for end in prevalence_range(Tally(11294, 26431, 0))]
    [0.19, 0.71]
    """
    return stats.rogan_gladen_range(tally.interval(level), SENSITIVITY, SPECIFICITY)


def _known_columns(view: CaseView, flags: Sequence[Flag]) -> dict[str, frozenset[str]]:
    """Return the columns that have a value for at least one account, per roster."""
    known: dict[str, set[str]] = {}
    for column in sorted({column for flag in flags for column in flag.needs}):
        table, name = column.split(".") if "." in column else ("accounts", column)
        rows = view.db.rows(
            f"SELECT DISTINCT p.roster FROM participants p"
            f" WHERE p.account_id IN (SELECT account_id FROM {table} WHERE {name} IS NOT NULL)"
        )
        for (roster,) in rows:
            known.setdefault(roster, set()).add(column)
    return {roster: frozenset(columns) for roster, columns in known.items()}
