"""How often M12 is wrong where nothing is planted, and what it finds where something is.

Shares with and without a roster, the page, and displacement: made conversations with an attack that has an effect and
one that has none, and a real debate with rosters drawn at random, which can have no effect but by chance.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from floodmark import stats
from floodmark.benchmark.backgrounds import data_folder
from floodmark.event.displacement import effect
from floodmark.event.page import Page, hold_of, looks
from floodmark.event.voice import sway
from floodmark.stats import Floats, Interval

Row = dict[str, object]
COLUMNS: Final = (
    *("measure", "behaviour", "strength", "accounts", "runs", "hit_share", "hit_low", "hit_high"),
    *("false_alarm_share", "false_alarm_low", "false_alarm_high", "covered", "covered_low", "covered_high"),
    *("mean_error", "median_width", "set", "judged"),
)
_LEVEL: Final = 0.95
_DAY_MS: Final = 86_400_000
_DEBATE: Final = "organic_gopdebate_2015/Sentiment.csv"
_BEFORE: Final = 28
#: Accounts of a made conversation, the share of them in the roster, and how loud they are beside the others.
_ACCOUNTS: Final = 600
_ROSTER_SHARE: Final = 0.05
_LOUD: Final = 4.0


@dataclass(frozen=True)
class Lifts:
    """Streams around an event: their sizes (posts a day), how they wander, how differently events pull."""

    name: str
    sizes: tuple[float, ...]
    wander: float
    pull: float


LIFTS: Final = (
    Lifts("same_size", (60,), 0.0, 0.2),
    Lifts("unequal_size", (10, 60, 1500), 0.0, 0.2),
    Lifts("wandering", (60,), 0.08, 0.2),
    Lifts("no_event", (60,), 0.0, 0.0),
)


def filled(**values: object) -> Row:
    """Return a row with every column; those not given are None."""
    if unknown := set(values) - set(COLUMNS):
        raise ValueError(f"no such column: {sorted(unknown)[0]}")
    return {column: values.get(column) for column in COLUMNS}


def rows(runs: int, seed: int) -> list[Row]:
    """Return all rows: shares, pages and displacement, planted and not, and the debate."""
    found = [sway_row(strength, runs, seed) for strength in (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)]
    few = max(1, runs // 5)
    found += [page_row(strength, few, seed) for strength in (0.0, 0.1, 0.25, 0.5, 1.0)]
    for lifts in LIFTS:
        for streams in (5, 8, 12):
            found.append(displacement_row(lifts, streams, 1.0, runs, seed))
        found += [displacement_row(lifts, 8, left, few, seed) for left in (0.9, 0.75, 0.5, 0.25)]
    return found + real_rows(few, seed)


def conversation(strength: float, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return (posts for the side, posts, whether in the roster) by account.

    Accounts are of very unequal loudness. Others write for the side in four of ten posts, each account by its own bent;
    of the roster's posts a part `strength` is for the side alone, the rest is divided like those of the others.
    """
    named = (rng.random(_ACCOUNTS) < _ROSTER_SHARE).astype(np.float64)
    mean = np.exp(rng.normal(0, 1.0, _ACCOUNTS)) * 3 * np.where(named > 0, _LOUD, 1)
    posts = 1 + rng.poisson(mean)
    bent = rng.beta(0.8, 1.2, _ACCOUNTS)
    bent = np.where(named > 0, strength + (1 - strength) * bent, bent)
    return rng.binomial(posts, bent).astype(np.float64), posts.astype(np.float64), named


def true_difference(strength: float) -> float:
    """Return the difference that leaving out the roster makes in the whole population of `conversation`."""
    mean = 3 * float(np.exp(0.5))
    others, roster = (1 - _ROSTER_SHARE) * (1 + mean), _ROSTER_SHARE * (1 + _LOUD * mean)
    return roster / (others + roster) * strength * 0.6


def sway_row(strength: float, runs: int, seed: int) -> Row:
    """Return how often the interval of the difference holds the true one, and how often it excludes no change."""
    rng, truth = np.random.default_rng([seed, 1]), true_difference(strength)
    found = [sway(*conversation(strength, rng), _LEVEL) for _ in range(runs)]
    known = [(item.value, item.low, item.high) for item in found if item.value is not None]
    return _row("share_of_voice_difference", "roster for one side", strength, known, truth, _ACCOUNTS)


def page(strength: float, rng: np.random.Generator) -> Page:
    """Return a page of a day on which the others of `conversation` write, and the roster in eight bursts."""
    hits, posts, named = conversation(strength, rng)
    account = np.repeat(np.arange(_ACCOUNTS), posts.astype(np.int64))
    own = np.concatenate([np.arange(n) < h for n, h in zip(posts, hits, strict=True)])
    loud = named[account] > 0
    bursts = rng.integers(0, _DAY_MS, 8)
    at = np.where(loud, bursts[rng.integers(0, 8, account.size)], rng.integers(0, _DAY_MS, account.size))
    at = np.minimum(at + np.where(loud, rng.integers(0, 600_000, account.size), 0), _DAY_MS - 1)
    order = np.lexsort((account, at))
    tags = np.full(account.size, "tag", dtype=object)
    return Page(tags, at[order].astype(np.int64), account[order], own[order], loud[order])


def page_row(strength: float, runs: int, seed: int) -> Row:
    """Return how often the hold on the page is said to move; the true move is the mean over other runs."""
    rng, at = np.random.default_rng([seed, 2]), looks(0, _DAY_MS, 15)
    found = [hold_of(page(strength, rng), at, 20, _LEVEL) for _ in range(2 * runs)]
    known = [(h.held.value, h.held.low, h.held.high) for h in found if h is not None and h.held.value is not None]
    truth = 0.0 if strength == 0 else float(np.mean([value for value, _, _ in known[runs:]]))
    return _row("page_hold_difference", "roster for one side, in bursts", strength, known[:runs], truth, _ACCOUNTS)


def streams(lifts: Lifts, count: int, left: float, rng: np.random.Generator) -> Floats:
    """Return daily posts of a side (first row, of which `left` stays in the window) and of `count` streams."""
    days, size = _BEFORE + 2, rng.choice(lifts.sizes, count + 1)
    common, share = np.cumsum(rng.normal(0, 0.05, days)), rng.normal(1, 0.3, count + 1)
    own = np.cumsum(rng.normal(0, lifts.wander, (count + 1, days)), axis=1)
    pull = np.zeros((count + 1, days))
    if lifts.pull:
        pull[:, _BEFORE:] = (np.log(12) + rng.normal(0, lifts.pull, count + 1))[:, None]
    week = 0.15 * np.sin(np.arange(days) / 7 * 2 * np.pi)
    mean = np.exp(np.log(size)[:, None] + share[:, None] * common + own + pull + week)
    mean[0, _BEFORE:] *= left
    drawn: Floats = rng.poisson(mean * rng.gamma(20, 1 / 20, mean.shape)).astype(np.float64)
    return drawn


def displacement_row(lifts: Lifts, count: int, left: float, runs: int, seed: int) -> Row:
    """Return how often the interval holds the true ratio, and how often it says that voices are missing."""
    rng = np.random.default_rng([seed, 3])
    known = []
    for _ in range(runs):
        drawn = streams(lifts, count, left, rng)
        found = effect(drawn[0], drawn[1:], _BEFORE, _LEVEL)
        known.append((np.log(found.ratio), np.log(found.low), np.log(found.high)))
    return _row("displaced_posts", f"{lifts.name}, {count} streams", 1 - left, known, float(np.log(left)), None)


def real_rows(runs: int, seed: int, folder: Path | None = None) -> list[Row]:
    """Return how often random rosters seem to move the shares of a real debate; empty where the data is absent.

    The sides are the two most used hashtags after the debate's own; one account in twenty is drawn, or one of the
    loudest hundred in five. What they move is chance: at a level of 95 % one interval in twenty may exclude it.
    """
    path = (folder or data_folder()) / _DEBATE
    if not path.is_file():
        return []
    hits, totals = debate(path)
    loud = np.argsort(-totals, kind="stable")[:100]
    draws: Mapping[str, Callable[[np.random.Generator], Floats]] = {
        "one in twenty": lambda rng: (rng.random(totals.size) < 0.05).astype(np.float64),
        "one in five of the hundred loudest": lambda rng: _among(loud, totals.size, rng),
    }
    found = []
    for name, draw in draws.items():
        rng = np.random.default_rng([seed, 4])
        moved = [sway(hits, totals, draw(rng), _LEVEL) for _ in range(runs)]
        known = [(item.value, item.low, item.high) for item in moved if item.value is not None]
        row = _row("share_of_voice_difference", f"random roster, {name}", 0.0, known, 0.0, int(totals.size))
        found.append({**row, "set": "organic_gopdebate_2015", "judged": int(totals.size)})
    return found


def debate(path: Path) -> tuple[Floats, Floats]:
    """Return by account its posts with the most used hashtag but the debate's own, and with that or the next one."""
    by_account: dict[str, list[set[str]]] = {}
    counts: dict[str, int] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            tags = {tag.lower() for tag in re.findall(r"#(\w+)", line["text"])} - {"gopdebate", "gopdebates"}
            by_account.setdefault(line["name"], []).append(tags)
            for tag in tags:
                counts[tag] = counts.get(tag, 0) + 1
    first, second = sorted(counts, key=lambda tag: (-counts[tag], tag))[:2]
    pairs = [
        (sum(first in tags for tags in own), sum(bool({first, second} & tags) for tags in own))
        for _, own in sorted(by_account.items())
    ]
    hits, totals = np.array([pair for pair in pairs if pair[1]], dtype=np.float64).T
    return hits, totals


def _among(loud: np.ndarray, size: int, rng: np.random.Generator) -> Floats:
    named = np.zeros(size)
    named[loud[rng.random(loud.size) < 0.2]] = 1
    return named


def _row(
    measure: str,
    behaviour: str,
    strength: float,
    known: list[tuple[float, float, float]],
    truth: float,
    accounts: int | None,
) -> Row:
    """Count the intervals (value, low, high) that hold the truth, and those that exclude no change."""
    count = len(known)
    moved = sum(low > 0 or high < 0 for _, low, high in known)
    covered = sum(low <= truth <= high for _, low, high in known)
    kind = "hit" if strength else "false_alarm"
    return filled(
        measure=measure,
        behaviour=behaviour,
        strength=strength,
        accounts=accounts,
        runs=count,
        covered=covered / count,
        mean_error=float(np.mean([value for value, _, _ in known])) - truth,
        median_width=float(np.median([high - low for _, low, high in known])),
        **_share("covered", covered, count),
        **{f"{kind}_share": moved / count, **_share(kind, moved, count)},
    )


def _share(name: str, part: int, count: int) -> dict[str, float]:
    low, high = _wilson(part, count)
    return {f"{name}_low": low, f"{name}_high": high}


def _wilson(part: int, count: int) -> Interval:
    return stats.wilson(part, count, _LEVEL)
