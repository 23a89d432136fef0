"""Does the matched comparison of who vanished say what was planted? Null, power, coverage, gaps, loss to follow-up.

Cases are made of accounts with a day of leaving, polled on given days. In every row the roster is younger, has fewer
followers and speaks other languages than the control, and leaving depends on all of these: unmatched, the groups differ
although nothing is planted. `strength` is the share of the roster that leaves because of what is planted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from floodmark import stats
from floodmark.accounts import matching, survival

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEVEL: Final = 0.95
_POLLS: Final = (3, 7, 14, 30, 60)


@dataclass(frozen=True)
class Crowd:
    """One kind of case. `looked` are the chances that an account of (roster, control) is looked up at a poll; with
    `stops`, polling stops once an account is seen gone. `late` plants the leaving after the second poll.
    """

    name: str
    strength: float = 0.0
    accounts: int = 600
    controls: int = 1_500
    looked: tuple[float, float] = (1.0, 1.0)
    stops: bool = False
    late: bool = False
    polls: tuple[int, ...] = _POLLS


def crowds() -> tuple[Crowd, ...]:
    """Return the kinds that are studied."""
    return (
        Crowd("nothing planted"),
        Crowd("nothing planted, small", accounts=120, controls=200),
        Crowd("nothing planted, a third of the looks missing", looked=(0.67, 0.67)),
        Crowd("nothing planted, roster looked up less", looked=(0.5, 0.95)),
        Crowd("nothing planted, polling stops at gone", stops=True),
        Crowd("nothing planted, one poll", polls=(30,)),
        *(Crowd("leaves soon", strength) for strength in (0.02, 0.04, 0.08, 0.16)),
        *(Crowd("leaves late", strength, late=True) for strength in (0.04, 0.08, 0.16)),
        Crowd("leaves soon, a third of the looks missing", 0.08, looked=(0.67, 0.67)),
        Crowd("leaves soon, roster looked up less", 0.08, looked=(0.5, 0.95)),
        Crowd("leaves soon, small", 0.16, accounts=120, controls=200),
    )


def rows(runs: int, seed: int) -> list[dict[str, object]]:
    """Return one row a kind: how often p <= 0.05 (matched, and unmatched beside it), and whether intervals cover.

    On a null row `hit_share` is 0 by definition and the false alarms are those of the test; with something planted the
    hits are its power. `covered` is how often the interval holds the true difference of the matched accounts' mix.
    """
    return [row(crowd, runs, seed + number) for number, crowd in enumerate(crowds())]


def row(crowd: Crowd, runs: int, seed: int) -> dict[str, object]:
    """Return the row of one kind, with Clopper-Pearson limits."""
    found = [_run(crowd, np.random.default_rng([seed, run]), run) for run in range(runs)]
    hits, plain, covered = (sum(bool(item[place]) for item in found) for place in (0, 1, 2))
    low, high = stats.clopper_pearson(hits, runs)
    planted = crowd.strength > 0
    cover_low, cover_high = stats.clopper_pearson(covered, runs)
    return {
        "measure": "M6",
        "behaviour": crowd.name,
        "strength": crowd.strength,
        "accounts": crowd.accounts,
        "controls": crowd.controls,
        "runs": runs,
        "hit_share": hits / runs if planted else None,
        "hit_low": low if planted else None,
        "hit_high": high if planted else None,
        "false_alarm_share": None if planted else hits / runs,
        "false_alarm_low": None if planted else low,
        "false_alarm_high": None if planted else high,
        "unmatched_share": plain / runs,
        "covered": covered / runs,
        "covered_low": cover_low,
        "covered_high": cover_high,
        "matched_share": float(np.mean([item[3] for item in found])),
        "mean_error": float(np.mean([item[4] for item in found])),
    }


def _run(crowd: Crowd, rng: np.random.Generator, seed: int) -> tuple[bool, bool, bool, float, float]:
    """Return whether the matched and the plain test reject, whether the interval covers, matched share and error."""
    ours = np.arange(crowd.accounts + crowd.controls) < crowd.accounts
    found = _properties(ours, rng)
    day, base, planted = _leaving(found, ours, crowd, rng)
    left, right = _looks(day, ours, crowd, rng)
    seen = (left >= 0) | (right < survival.NEVER)
    left, right, ours, base, planted = left[seen], right[seen], ours[seen], base[seen], planted[seen]
    found = found.take(seen)
    matched = matching.match(found, ours)
    used = matched.used
    polls = np.array(crowd.polls, dtype=np.int64)
    own, usual = (
        survival.curve(left[group], right[group], matched.weight[group], polls, LEVEL)
        for group in (used & ours, used & ~ours)
    )
    value, low, high = survival.difference(own, usual)
    p = survival.permutation_p(survival.scores(left[used], right[used]), ours[used], matched.stratum[used], 999, seed)
    plain = survival.permutation_p(survival.scores(left, right), ours, np.zeros(len(ours), dtype=np.int64), 999, seed)
    mine = used & ours
    # What the matched accounts of the roster would have lost without and with what is planted.
    truth = float(np.mean((1 - base[mine]) * planted[mine]))
    return p <= 1 - LEVEL, plain <= 1 - LEVEL, low <= truth <= high, float(used[ours].mean()), value - truth


def _properties(ours: NDArray[np.bool_], rng: np.random.Generator) -> matching.Properties:
    size = len(ours)
    age = np.where(ours, rng.exponential(500, size), rng.exponential(1_500, size))
    language = np.where(ours, rng.choice(3, size, p=(0.6, 0.3, 0.1)), rng.choice(3, size, p=(0.3, 0.3, 0.4)))
    followers = np.floor(np.exp(rng.normal(np.where(ours, 3.5, 4.5), 1.5)))
    posts = np.floor(np.exp(rng.normal(6, 1.5, size)))
    return matching.Properties(age, language.astype(np.int64), followers, posts)


def _leaving(
    found: matching.Properties, ours: NDArray[np.bool_], crowd: Crowd, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Return the day on which each leaves (inf: never), its chance to leave anyway by the last poll, and what is
    planted on top.
    """
    classes = found.classes()
    # The hazard depends on the classes only: what matching cannot see, it cannot mend.
    hazard = 0.0015 + 0.003 * (classes[:, 0] <= 1) + 0.002 * (classes[:, 2] == 0) + 0.002 * (classes[:, 1] == 0)
    day = rng.exponential(1 / hazard)
    last = crowd.polls[-1]
    base = 1 - np.exp(-hazard * last)
    planted = np.where(ours, crowd.strength, 0.0)
    struck = rng.random(len(ours)) < planted
    start, end = (crowd.polls[1], last) if crowd.late else (0, crowd.polls[0])
    when = start + rng.random(len(ours)) * (end - start)
    return np.where(struck, np.minimum(day, when), day), base, planted


def _looks(day: Floats, ours: NDArray[np.bool_], crowd: Crowd, rng: np.random.Generator) -> tuple[Ints, Ints]:
    left = np.full(len(day), -1, dtype=np.int64)
    right = np.full(len(day), survival.NEVER, dtype=np.int64)
    for poll in crowd.polls:
        looked = rng.random(len(day)) < np.where(ours, *crowd.looked)
        if crowd.stops:
            looked &= right == survival.NEVER
        there = looked & (day > poll)
        left[there] = poll
        right[looked & ~there & (right == survival.NEVER)] = poll
    return left, right
