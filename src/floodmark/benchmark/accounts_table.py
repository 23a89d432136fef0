"""One row per account flag: what the studies found of its hits and false alarms, read from their pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from floodmark import registry

Row = dict[str, object]
Cells = Mapping[str, str]

_OFF: Final = "not measured"
_DEFINITION: Final = "reads a column; nothing to plant"


@dataclass(frozen=True)
class Source:
    """Where a flag's figures stand: the page, the measure and behaviour of its plants, and their strengths.

    `strengths` are the weak, the medium and the strong plant; empty: none. `organic` is the behaviour and strength of
    the row with false alarms on made organic accounts (None: beside the strong plant).
    """

    page: str
    measure: str
    behaviour: str = ""
    strengths: tuple[str, ...] = ()
    organic: tuple[str, str] | None = None


def _automation(flag: str, behaviour: str, *strengths: str) -> Source:
    return Source("accounts_automation", flag, behaviour, strengths)


def _profiles(flag: str, behaviour: str = "", *strengths: str) -> Source:
    null = ("null", "like the others") if behaviour in {"planted family", ""} else None
    return Source("accounts_profiles", flag, behaviour, strengths, null)


_FAMILIES: Final = tuple(
    f"{size} accounts, {noise}% without the feature" for size, noise in ((3, 50), (5, 20), (20, 0))
)
_BEAT: Final = "period 40 min, 60 posts"
#: Flags that no study covers are listed without one.
SOURCES: Final[Mapping[str, Source]] = {
    "behaviour_sequence": _automation(
        "behaviour_sequence", "20 copies of 150 posts", "10% changed", "5% changed", "0% changed"
    ),
    "burst_created": Source("accounts_enrolment", "M5", "planted within an hour", ("5", "10", "50")),
    "clock_marks": _automation("clock_marks", _BEAT, "jitter 600 s", "jitter 300 s", "jitter 10 s"),
    "default_profile": _profiles("default_profile"),
    "digital_dna": Source(
        "accounts_automation",
        "digital_dna",
        "20 copies of 150 posts",
        ("10% changed", "5% changed", "0% changed"),
        # Copies hide the false alarms of this rule, so the row in which nothing is planted counts.
        ("20 copies of 150 posts", "100% changed"),
    ),
    "digit_tail": _profiles("digit_tail", "planted handle", "7 digits", "8 digits", "12 digits"),
    "family": _profiles("family"),
    "low_follower": _profiles("low_follower"),
    "no_night": _automation("no_night", "10 days, 2 posts an hour", "4 h of quiet", "3 h of quiet", "0 h of quiet"),
    "random_handle": _profiles(
        "random_handle", "planted handle", *(f"{count} letters drawn evenly" for count in (7, 10, 15))
    ),
    "regular_gaps": _automation("regular_gaps", _BEAT, "jitter 600 s", "jitter 300 s", "jitter 10 s"),
    "same_schedule": _automation(
        "same_schedule", "20 accounts, 40 shared moments", "jitter 60 s", "jitter 5 s", "jitter 0 s"
    ),
    "shared_picture": _profiles("shared_picture"),
    "shared_text": _profiles("shared_text", "planted family", *_FAMILIES),
    "takeover": Source("accounts_takeover", "M10", "owner_share", ("0.75", "0.5", "0.25"), ("none", "ordinary")),
    "templated_handle": _profiles("templated_handle", "planted family", *_FAMILIES),
}
#: Real sets of people: name in the pages (in `set`, or behind "real: "), and the columns that they lack altogether.
_PROFILE_ONLY: Final = ("posts.", "account_observations.", "previous_post_at_ms")
REAL: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "GOP debate": (
        ("organic_gopdebate_2015",),
        ("followers", "description", "default_picture", "picture", "created_at_ms", "previous_post_at_ms",
         "posts.client", "posts.language", "account_observations."),
    ),
    "PHEME": (("organic_pheme_2014_15", "pheme"), ("previous_post_at_ms", "posts.is_repost")),
    "cresci genuine": (("cresci genuine", "geniune_accounts"), _PROFILE_ONLY),
}  # fmt: skip


def read_page(text: str) -> list[dict[str, str]]:
    """Return the rows of the table of one study page.

    >>> read_page("# x\\n\\n| a | b |\\n| --- | --- |\\n| 1 | – |\\n")
    [{'a': '1', 'b': '–'}]
    """
    lines = [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in text.splitlines() if line[:1] == "|"]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]] if lines else []


def rows(folder: Path) -> list[Row]:
    """Return one row per flag of the registry, from the pages in `folder`; a page that is missing says nothing."""
    pages = {path.stem: read_page(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("accounts_*.md"))}
    return [_row(name, pages) for name in sorted(registry.flags().items)]


def _row(name: str, pages: Mapping[str, Sequence[Cells]]) -> Row:
    source = SOURCES.get(name)
    page = pages.get(source.page, ()) if source else ()
    plants = [_hit(page, source, strength) for strength in source.strengths] if source and source.strengths else []
    weak, medium, strong = plants or [_OFF] * 3
    if name in {"default_profile", "low_follower", "new", "dormant", "handle_swap"}:
        weak = medium = strong = _DEFINITION
    return {
        "flag": f"`{name}`",
        "weak plant": weak,
        "medium plant": medium,
        "strong plant": strong,
        "false alarms, made organic": _organic(page, source) if source else _OFF,
        **{title: _real(name, title, page, source) for title in REAL},
        "study": f"[{source.page}]({source.page}.md)" if source and page else "none",
    }


def _hit(page: Sequence[Cells], source: Source, strength: str) -> str:
    row = _find(page, source.measure, source.behaviour, strength)
    return f"{strength}: {_share(row, 'hit_share', 'hit_low', 'hit_high')}" if row else _OFF


def _organic(page: Sequence[Cells], source: Source) -> str:
    if source.measure == "M5":
        # Counted in runs, of which most were cut short; the page says how many.
        return "see the study (by run)"
    behaviour, strength = source.organic or (source.behaviour, source.strengths[-1])
    row = _find(page, source.measure, behaviour, strength)
    return _share(row, "false_alarm_share", "false_alarm_low", "false_alarm_high") if row else _OFF


def _real(name: str, title: str, page: Sequence[Cells], source: Source | None) -> str:
    names, lacking = REAL[title]
    needs = registry.flags().items[name].needs
    if all(any(need.startswith(column) for column in lacking) for need in needs):
        return f"not testable: {', '.join(needs)}"
    if source is None:
        return _OFF
    for row in page:
        takeovers = row.get("behaviour") == "real" and row.get("strength") in names and name == "takeover"
        profiles = row.get("behaviour", "").removeprefix("real: ") in names and row.get("strength") == "random halves"
        automation = row.get("set") in names and row.get("strength") == "from 20 posts on"
        bursts = row.get("set") in names and row.get("behaviour") == "created in a burst"
        if takeovers or (profiles and row["measure"] == name):
            return _counted(row, _share(row, "false_alarm_share", "false_alarm_low", "false_alarm_high"))
        if (automation and row["measure"] == name) or (bursts and name == "burst_created"):
            return _counted(row, _share(row, "share", "low", "high"))
    return _OFF


def _counted(row: Cells, share: str) -> str:
    return f"{share}, {row['flagged']} of {row['judged']}" if row["judged"] != "0" else "not testable: nobody judged"


def _find(page: Sequence[Cells], measure: str, behaviour: str, strength: str) -> Cells | None:
    wanted = (measure, behaviour, strength)
    return next((row for row in page if (row["measure"], row["behaviour"], row["strength"]) == wanted), None)


def _share(row: Cells, share: str, low: str, high: str) -> str:
    return f"{row[share]} ({row[low]} to {row[high]})" if row[share] != "–" else _OFF
