"""What share of a roster is in a country, when only some accounts say where they are: bounds, never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from floodmark import stats
from floodmark.place.selfreport import Located

#: Below this many accounts neither a share nor a country's total is given: it would speak about people.
LEAST_ACCOUNTS: Final = 100


@dataclass(frozen=True)
class Bounds:
    """Accounts known to be in the country, known to be elsewhere, and unknown; bounds with and without sampling error.

    `low` and `high` hold the sampling error, `lowest` and `highest` do not.
    """

    known_in: int
    known_out: int
    unknown: int
    low: float
    high: float
    lowest: float
    highest: float

    def details(self) -> dict[str, object]:
        """Return the counts and the bounds without sampling error."""
        return {
            "known_in": self.known_in,
            "known_out": self.known_out,
            "unknown": self.unknown,
            "bounds_without_sampling_error": [self.lowest, self.highest],
        }


def bounds(located: Located, country: str, level: float = 0.95) -> Bounds:
    """Return the bounds of a roster's share in `country` (ISO code).

    With location known for a share r of the accounts, of which q in the country, the share lies in [rq, rq + 1 - r]
    whatever the others would say; both ends are then widened by sampling error (`stats.imbens_manski`).

    >>> found = bounds(Located({"IR": 231, "DE": 429}, 340, 700), "IR")
    >>> [round(end, 2) for end in (found.lowest, found.highest)]
    [0.23, 0.57]
    """
    known_in = located.by_country.get(country, 0)
    known_out = sum(located.by_country.values()) - known_in
    total = located.accounts
    low, high = stats.imbens_manski(known_in, known_out, total, level)
    lowest, highest = (known_in / total, 1 - known_out / total) if total else (0.0, 1.0)
    return Bounds(known_in, known_out, located.unknown, low, high, lowest, highest)


def large_countries(located: Located) -> dict[str, int]:
    """Return the countries with at least LEAST_ACCOUNTS accounts, largest first; smaller totals are never given out.

    >>> large_countries(Located({"IR": 231, "DE": 99}, 0, 330))
    {'IR': 231}
    """
    kept = [(code, accounts) for code, accounts in located.by_country.items() if accounts >= LEAST_ACCOUNTS]
    return dict(sorted(kept, key=lambda item: (-item[1], item[0])))
