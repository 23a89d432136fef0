"""The tests of "seemed random" where nothing is planted, where something is, and whether their intervals hold.

A crowd is made of arrivals over one day: a rhythm, an event in the evening, cascades. A kind of crowd that ends in
"another public" breaks the null on purpose, as real events do: newcomers and returning accounts, or old and young ones,
are not drawn alike. What is then found is no campaign.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from floodmark import stats
from floodmark.event.arrivals import Arrivals
from floodmark.event.composition import Composition, composition
from floodmark.event.entry_synchrony import EntrySynchrony, entry_synchrony
from floodmark.event.inequality import InequalityDifference, difference, equality_p
from floodmark.event.self_excitation import SelfExcitation, self_excitation
from floodmark.event.strata import AS_SURPRISING, MINUTE_MS
from floodmark.stats import Counts, Floats

Row = dict[str, object]
Rng = np.random.Generator

LEVEL: Final = 0.95
ALPHA: Final = 0.05
DAY_MINUTES: Final = 24 * 60
_EVENT_MINUTE: Final = 20 * 60
#: Dealings of each test here: enough for shares at 1, 5 and 10 %, and a tenth of the cost.
_DRAWS: Final = 99
ACCOUNTS: Final = 1_500
#: Plants cost as much as nulls and need fewer runs.
_PLANT_SHARE: Final = 0.1
#: Intervals are a bootstrap, dearer still.
_COVERAGE_SHARE: Final = 0.1
COLUMNS: Final = (
    *("measure", "behaviour", "strength", "accounts", "runs", "judged"),
    *("hit_share", "hit_low", "hit_high", "false_alarm_share", "false_alarm_low", "false_alarm_high"),
    *("below_1_percent", "below_10_percent", "ks", "ks_p", "covered", "covered_low", "covered_high", "mean_value"),
    *("set", "flagged", "share", "low", "high", "p_value"),
)


@dataclass(frozen=True)
class Crowd:
    """How a day of arrivals comes about.

    `lift` is the event's height over the rhythm, `steep` its rise in minutes; `cascades` the share of arrivals that
    earlier ones set off (memory `tau` minutes, arrivals anew around their cause). `lean` is how much more often an
    arrival through event or cascade is new (and young), 1 for as often as any; `drift` how far the mix wanders a day.
    """

    name: str
    lift: float = 0.0
    steep: float = 10.0
    cascades: float = 0.0
    tau: float = 5.0
    lean: float = 1.0
    drift: float = 0.0
    resolution_ms: int = 1_000
    repeated: float = 0.3


CROWDS: Final = (
    Crowd("rhythm"),
    Crowd("rhythm, clock of minutes", resolution_ms=60_000),
    Crowd("rhythm, mix drifts over the day", drift=0.4),
    Crowd("event", lift=6.0),
    Crowd("event, sudden", lift=6.0, steep=0.5),
    Crowd("cascades", cascades=0.5),
    Crowd("event and fast cascades", lift=6.0, cascades=0.5, tau=1.0),
    Crowd("event, another public", lift=6.0, lean=3.0),
    Crowd("cascades, another public", cascades=0.5, lean=3.0),
)
#: Crowds in which something is planted.
GROUND: Final = Crowd("event and cascades", lift=6.0, cascades=0.3)
PLANTS: Final = (10, 20, 50, 100, 200)
SPREADS: Final = (1, 10, 60)
SHARES: Final = (0.0, 0.1, 0.3, 0.6)


def rows(runs: int, seed: int) -> list[Row]:
    """Return nulls (`runs` each), planted entries, excitation and inequality (a tenth of `runs`)."""
    few = max(5, round(runs * _PLANT_SHARE))
    found = [null_row(name, crowd, _null_runs(name, crowd, runs, few), seed) for name in TESTS for crowd in CROWDS]
    found += [inequality_row(pair, runs if not pair.factor else few, seed) for pair in PAIRS]
    found += [
        planted_row(name, planted, spread, few, seed)
        for name in ("entry synchrony", "composition by age")
        for spread in SPREADS
        for planted in PLANTS
    ]
    found += [excitation_row(share, lift, few, seed) for lift in (0.0, 6.0) for share in SHARES]
    return found


def _null_runs(name: str, crowd: Crowd, runs: int, few: int) -> int:
    """Return fewer runs where cascades make excitation the truth, or who comes makes no difference to it."""
    spare = name == "self-excitation" and (crowd.cascades > 0 or crowd.drift > 0 or crowd.lean > 1)
    return few if spare else runs


def filled(**values: object) -> Row:
    """Return a row with every column, None where nothing is given; ValueError on a column that is none."""
    unknown = set(values) - set(COLUMNS)
    if unknown:
        raise ValueError(f"no such column: {sorted(unknown)[0]}")
    return {column: values.get(column) for column in COLUMNS}


def made(crowd: Crowd, rng: Rng, accounts: int = ACCOUNTS) -> Arrivals:
    """Return a day of arrivals: about `accounts` of them, half of them new, each with a class of age."""
    minute = np.arange(DAY_MINUTES)
    rhythm = 1 + 0.8 * np.sin((minute / 60 - 9) / 24 * 2 * np.pi)
    after = minute - _EVENT_MINUTE
    rise = 1 / (1 + np.exp(-np.clip(after / crowd.steep, -50, 50)))
    extra = crowd.lift * rise * np.exp(-np.maximum(after, 0) / 60)
    base = accounts * (1 - crowd.cascades)
    weight = rhythm + extra
    counts = rng.poisson(base * weight / weight.sum())
    at = np.repeat(minute, counts) + rng.random(counts.sum())
    drawn = rng.random(at.size) < (extra / weight)[at.astype(np.int64)]
    at, drawn = _with_cascades(at, drawn, crowd, rng)
    at_ms = (at * MINUTE_MS).astype(np.int64) // crowd.resolution_ms * crowd.resolution_ms
    order = np.lexsort((drawn, at_ms))
    at_ms, drawn = at_ms[order], drawn[order]
    odds = np.where(drawn, crowd.lean, 1.0) * np.exp(crowd.drift * np.sin(at_ms / MINUTE_MS / DAY_MINUTES * 2 * np.pi))
    new = rng.random(at_ms.size) < odds / (1 + odds)
    young = rng.random(at_ms.size) < 0.1 * odds / (0.9 + 0.1 * odds)
    age = np.where(young, 0, rng.choice([1, 2, 3, 4], at_ms.size, p=[0.2, 0.3, 0.3, 0.2]))
    return Arrivals(
        at_ms,
        _owners(new, crowd.repeated, rng),
        new,
        crowd.resolution_ms,
        0,
        {"age": age.astype(np.int64)},
        {"age": ("young", "a", "b", "c", "d")},
    )


def _with_cascades(at: Floats, drawn: np.ndarray, crowd: Crowd, rng: Rng) -> tuple[Floats, np.ndarray]:
    """Add what arrivals set off, and what that sets off; what would come after the day is lost."""
    parents = at
    while parents.size and crowd.cascades:
        children = np.repeat(parents, rng.poisson(crowd.cascades, parents.size))
        children = children + rng.exponential(crowd.tau, children.size)
        parents = children[children < DAY_MINUTES]
        at = np.concatenate([at, parents])
        drawn = np.concatenate([drawn, np.ones(parents.size, dtype=bool)])
    return at, drawn


def _owners(new: np.ndarray, repeated: float, rng: Rng) -> Counts:
    """Return whose each arrival is: every new one another account, some returning by an account already in."""
    account = np.arange(new.size)
    again = np.flatnonzero(~new & (rng.random(new.size) < repeated))
    again = again[again > 0]
    account[again] = rng.integers(0, again)
    return account


Test = Callable[[Arrivals], float | None]


def _entry(arrivals: Arrivals) -> float | None:
    found = entry_synchrony(arrivals, LEVEL, _DRAWS)
    return found.p_value if isinstance(found, EntrySynchrony) else None


def _composition(arrivals: Arrivals) -> float | None:
    found = composition(arrivals, "age", LEVEL, _DRAWS)
    return found.p_value if isinstance(found, Composition) else None


def _excitation(arrivals: Arrivals) -> float | None:
    found = self_excitation(
        arrivals.at_ms, 0, DAY_MINUTES * MINUTE_MS, arrivals.resolution_ms, LEVEL, _DRAWS, only_test=True
    )
    return found.p_value if isinstance(found, SelfExcitation) else None


TESTS: Final[Mapping[str, Test]] = {
    "entry synchrony": _entry,
    "composition by age": _composition,
    "self-excitation": _excitation,
}


def null_row(name: str, crowd: Crowd, runs: int, seed: int) -> Row:
    """Return how p-values of one test fall over crowds in which nothing is planted.

    Cascades are what the test of self-excitation looks for: there a p-value under 5 % is a hit, no false alarm.
    """
    rng = np.random.default_rng([seed, list(TESTS).index(name), CROWDS.index(crowd)])
    found = [TESTS[name](made(crowd, rng)) for _ in range(runs)]
    p = np.array([value for value in found if value is not None])
    shared = filled(
        measure=name,
        behaviour=crowd.name,
        strength=crowd.cascades if name == "self-excitation" else 0,
        accounts=ACCOUNTS,
        runs=runs,
        judged=int(p.size),
    )
    dealt = name != "self-excitation"
    return shared | distribution(p, rng, hits=not dealt and crowd.cascades > 0, dealt=dealt)


def distribution(p: Floats, rng: Rng, hits: bool, *, dealt: bool = False, exact: bool = False) -> Row:
    """Return shares of small p-values and the Kolmogorov-Smirnov distance from uniform.

    A p-value from 99 draws is one of a hundred values or, where dealing ended early, AS_SURPRISING over the number of
    dealings; each is spread over its step down to the next, which is uniform under the null. `exact` p-values come
    from no draws.
    """
    from scipy.stats import kstest

    share = float((p <= ALPHA).mean()) if p.size else None
    low, high = stats.wilson(int((p <= ALPHA).sum()), int(p.size), LEVEL)
    ended = p > AS_SURPRISING / (_DRAWS + 1) if dealt else np.zeros(p.size, dtype=bool)
    smooth = p - rng.random(p.size) * np.where(ended, p**2 / (AS_SURPRISING + p), 0.0 if exact else 1 / (_DRAWS + 1))
    ks = kstest(smooth, "uniform") if p.size else None
    what = "hit" if hits else "false_alarm"
    return {
        f"{what}_share": share,
        f"{what}_low": low,
        f"{what}_high": high,
        "below_1_percent": float((p <= 0.01).mean()) if p.size else None,
        "below_10_percent": float((p <= 0.1).mean()) if p.size else None,
        "ks": float(ks.statistic) if ks else None,
        "ks_p": float(ks.pvalue) if ks else None,
    }


def planted_row(name: str, planted: int, spread: int, runs: int, seed: int) -> Row:
    """Return how often `planted` new, young accounts within `spread` minutes of the event's hour are seen."""
    rng = np.random.default_rng([seed, planted, spread])
    p = [TESTS[name](with_plant(made(GROUND, rng), planted, spread, rng)) for _ in range(runs)]
    hits = sum(value is not None and value <= ALPHA for value in p)
    low, high = stats.wilson(hits, runs, LEVEL)
    return filled(
        measure=name,
        behaviour=f"planted within {spread} min",
        strength=planted,
        accounts=ACCOUNTS,
        runs=runs,
        judged=sum(value is not None for value in p),
        hit_share=hits / runs,
        hit_low=low,
        hit_high=high,
    )


def with_plant(arrivals: Arrivals, planted: int, spread: int, rng: Rng) -> Arrivals:
    """Return the arrivals with `planted` new and young accounts more, within `spread` minutes from 20:00 on."""
    at = (_EVENT_MINUTE * MINUTE_MS + rng.random(planted) * spread * MINUTE_MS).astype(np.int64)
    at_ms = np.concatenate([arrivals.at_ms, at // arrivals.resolution_ms * arrivals.resolution_ms])
    order = np.argsort(at_ms, kind="stable")
    added = np.zeros(planted, dtype=np.int64)
    age = np.concatenate([(arrivals.attributes or {})["age"], added])[order]
    return replace(
        arrivals,
        at_ms=at_ms[order],
        account=np.concatenate([arrivals.account, at_ms.size + np.arange(planted)])[order],
        is_new=np.concatenate([arrivals.is_new, added == 0])[order],
        attributes={"age": age},
    )


def excitation_row(share: float, lift: float, runs: int, seed: int) -> Row:
    """Return how often the range of the share holds the planted one, where each arrival sets off `share` others."""
    crowd = Crowd("excited", lift=lift, cascades=share, repeated=0.0)
    rng = np.random.default_rng([seed, round(share * 100), round(lift)])
    held = agreed = 0
    values, widths = [], []
    for _ in range(runs):
        found = self_excitation(made(crowd, rng).at_ms, 0, DAY_MINUTES * MINUTE_MS, 1_000, LEVEL, 1)
        if isinstance(found, SelfExcitation):
            held += found.interval[0] <= share <= found.interval[1]
            agreed += found.agreed
            values.append(found.share)
            widths.append(found.interval)
    low, high = stats.wilson(held, len(values), LEVEL)
    ends = np.mean(np.array(widths), axis=0).tolist()
    return filled(
        measure="self-excitation, share",
        behaviour=f"{crowd.name}, event x {lift:g}; backgrounds agreed in {agreed} of {len(values)}",
        strength=share,
        accounts=ACCOUNTS,
        runs=runs,
        judged=len(values),
        covered=held / max(1, len(values)),
        covered_low=low,
        covered_high=high,
        mean_value=float(np.mean(values)),
        low=ends[0],
        high=ends[1],
    )


@dataclass(frozen=True)
class Pair:
    """A roster and a control drawn from one kind of crowd: accounts of each, share of the control's posts collected.

    `spread` is the deviation of the logarithm of an account's rate; `factor` how much wider the roster's is in power.
    """

    name: str
    accounts: tuple[int, int]
    collected: float = 1.0
    spread: float = 1.0
    factor: float = 0.0
    naive: bool = False


PAIRS: Final = (
    Pair("alike", (1_500, 1_500)),
    Pair("alike, control a tenth", (3_000, 300)),
    Pair("alike, every fifth post of the control", (1_500, 1_500), 0.2),
    Pair("alike, every fifth post of a control a tenth", (3_000, 300), 0.2),
    Pair("alike, heavy tail", (1_500, 500), 1.0, 2.0),
    Pair("alike, control a tenth; equal totals instead", (3_000, 300), naive=True),
    Pair("wider", (1_500, 1_500), factor=0.1),
    Pair("wider", (1_500, 1_500), factor=0.3),
    Pair("wider, every fifth post of a control a tenth", (3_000, 300), 0.2, factor=0.3),
)


def posts_of(accounts: int, spread: float, collected: float, rng: Rng) -> Counts:
    """Return posts per account, log-normal rates around two posts; accounts without any are not seen."""
    posts = rng.binomial(rng.poisson(2.0 * rng.lognormal(0.0, spread, accounts)), collected)
    return np.asarray(posts[posts > 0], dtype=np.int64)


def inequality_row(pair: Pair, runs: int, seed: int) -> Row:
    """Return p-values of equal inequality between a roster and a control drawn alike, or of a wider roster.

    `covered` is how often, in a tenth of the runs, the interval holds the true difference, 0 where alike. A pair with
    "equal totals instead" is thinned to equal totals, to show what that does.
    """
    rng = np.random.default_rng([seed, PAIRS.index(pair)])
    p, held, values = [], 0, []
    looked = max(5, round(runs * _COVERAGE_SHARE))
    for run in range(runs):
        ours = posts_of(pair.accounts[0], pair.spread + pair.factor, 1.0, rng)
        theirs = posts_of(pair.accounts[1], pair.spread, pair.collected, rng)
        if pair.naive:
            ours = rng.multivariate_hypergeometric(ours, min(ours.sum(), theirs.sum()), method="marginals")
            ours = ours[ours > 0]
        p.append(equality_p(ours, theirs, thin=not pair.naive))
        found = difference(ours, theirs, LEVEL, thin=not pair.naive) if run < looked else ""
        if isinstance(found, InequalityDifference):
            held += found.gini_interval[0] <= 0 <= found.gini_interval[1]
            values.append(found.gini)
    low, high = stats.wilson(held, len(values), LEVEL)
    null = not pair.factor
    shared = filled(
        measure="inequality, difference",
        behaviour=pair.name,
        strength=pair.factor,
        accounts=" / ".join(str(accounts) for accounts in pair.accounts),
        runs=runs,
        judged=len(p),
        covered=held / max(1, len(values)) if null else None,
        covered_low=low if null else None,
        covered_high=high if null else None,
        mean_value=float(np.mean(values)),
    )
    return shared | distribution(np.array(p), rng, hits=not null, exact=True)
