"""Flags counted per roster, their overlaps, and what a flagged share can mean once the flags' own errors count.

Everything is derived from one small table: for each roster, how many accounts show each pattern of flags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from floodmark import registry, stats
from floodmark.config import CaseConfig
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


def parameter_values(config: CaseConfig) -> dict[str, int]:
    """Return every parameter that a flag's SQL may name: `event_start_ms`, `event_end_ms` and the whole-number
    thresholds of the case file.
    """
    thresholds = {name: value for name, value in config.parameters if isinstance(value, int)}
    return {"event_start_ms": config.event.start_ms, "event_end_ms": config.event.end_ms, **thresholds}


def count_flags(view: CaseView, flags: Iterable[Flag] | None = None) -> FlagCounts:
    """Judge every participant by every flag (default: all that loaded) and count the patterns per roster.

    Reads `participants` and `accounts`; a participant without a profile is unknown to every flag. Raises EngineError
    when a flag's SQL fails.
    """
    used = sorted(registry.flags().items.values() if flags is None else flags, key=lambda flag: flag.name)
    values = parameter_values(view.config)
    bound = {name: values[name] for flag in used for name in flag.parameters}
    tables = ", ".join(f"flag_{i} AS ({flag.sql})" for i, flag in enumerate(used))
    joins = " ".join(f"LEFT JOIN flag_{i} ON flag_{i}.account_id = p.account_id" for i in range(len(used)))
    columns = ", ".join(f"flag_{i}.flagged" for i in range(len(used)))
    rows = view.db.rows(
        f"WITH {tables} SELECT p.roster, {columns}, count(*) FROM participants p {joins} GROUP BY ALL ORDER BY ALL",
        bound,
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
    names = sorted({name for flag in flags for name in flag.needs})
    counts = ", ".join(f"count(a.{name})" for name in names)
    rows = view.db.rows(
        f"SELECT p.roster, {counts} FROM participants p"
        " LEFT JOIN accounts a ON a.account_id = p.account_id GROUP BY p.roster"
    )
    return {
        roster: frozenset(name for name, count in zip(names, found, strict=True) if count) for roster, *found in rows
    }
