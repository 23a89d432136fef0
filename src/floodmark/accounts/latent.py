"""Prevalence without labels: latent classes over two populations (Hui & Walter 1980, doi 10.2307/2530508).

Two kinds of account, hidden; the flags err alike in both populations, and independently of each other within a kind.
Nothing else is assumed, and the last is false for flags such as "new" and "few followers", which newcomers share:
with three flags or more it is tested, with two it cannot be.

All functions work on stacks of tables at once: counts[b, population, pattern], pattern in binary, first flag highest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.stats import Counts, Floats

SEED: Final = 20200717
_WALKERS: Final = 40
_STEPS: Final = 2_400
_THIN: Final = 5
_START_STEPS: Final = 120
_EM_STEPS: Final = 400
_BOOTSTRAPS: Final = 99
#: Where the fit begins: the two shares, the true and the false rate of every flag.
_STARTS: Final = np.array([(0.4, 0.2, 0.7, 0.1), (0.1, 0.05, 0.9, 0.3), (0.7, 0.5, 0.6, 0.05)])
#: The fit is refused, or the populations count as alike, at this chance.
_ALPHA: Final = 0.05
_MIXING: Final = 1.1


@dataclass(frozen=True)
class LatentShares:
    """Median and interval of each population's share, the chance of so bad a fit (None: two flags), and what fails."""

    medians: tuple[float, float]
    intervals: tuple[tuple[float, float], tuple[float, float]]
    fit_p: float | None
    differ_p: float
    mixing: float
    problem: str = ""


def patterns(flags: int) -> Floats:
    """Return the patterns of flags, one row each, first flag highest.

    >>> patterns(2).tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    codes = np.arange(2**flags)
    return ((codes[:, None] >> np.arange(flags - 1, -1, -1)) & 1).astype(np.float64)


def latent_shares(counts: Counts, level: float, seed: int = SEED) -> LatentShares:
    """Return the share of the hidden class in two populations; `counts[population, pattern]`, accounts judged on all.

    `problem` says in words why the answer must not be used. ValueError unless two or more flags and two populations.
    """
    flags = _flags(counts)
    rng = np.random.default_rng(seed)
    fit_p = goodness(counts, rng) if flags > 2 else None
    differ_p = populations_differ(counts)
    anything = ((0.0, 1.0), (0.0, 1.0))
    if differ_p > _ALPHA:
        problem = "the two rosters show the same pattern of flags, so they cannot tell the classes apart"
        return LatentShares((0.5, 0.5), anything, fit_p, differ_p, 1.0, problem)
    if fit_p is not None and fit_p < _ALPHA:
        problem = "assumption contradicted: the flags are not independent of each other within two classes"
        return LatentShares((0.5, 0.5), anything, fit_p, differ_p, 1.0, problem)
    draws = posterior_draws(counts[None].astype(np.int64), rng)[:, 0]
    mixing = _split_r(draws)
    tail = (1 - level) / 2
    ends = np.quantile(draws.reshape(-1, 2), (0.5, tail, 1 - tail), axis=0)
    problem = "more than one answer fits the counts, so the calculation does not settle" if mixing > _MIXING else ""
    return LatentShares(
        (float(ends[0, 0]), float(ends[0, 1])),
        ((float(ends[1, 0]), float(ends[2, 0])), (float(ends[1, 1]), float(ends[2, 1]))),
        fit_p,
        differ_p,
        mixing,
        problem,
    )


def posterior_draws(stack: Counts, rng: np.random.Generator, steps: int = _STEPS, walkers: int = _WALKERS) -> Floats:
    """Return draws[step, b, walker, population] of the shares from flat priors, each flag likelier in the hidden class.

    Walkers start from a few steps of Gibbs sampling and then move along the difference of two others (ter Braak 2006,
    doi 10.1007/s11222-006-8769-1), which suits the long narrow ridges of this model. The first third is left out.
    """
    flags = int(stack.shape[-1]).bit_length() - 1
    tables = stack.shape[0]
    at = _start(np.repeat(stack, walkers, axis=0), flags, rng).reshape(tables, walkers, -1)
    sums = _log_sums(patterns(flags))
    here = _log_posterior(at, stack, sums)
    size = at.shape[-1]
    kept = []
    half = walkers // 2
    table = np.arange(tables)[:, None]
    for step in range(steps):
        # Each half moves along differences within the other, so that the halves can move at once.
        for mine, theirs in ((slice(0, half), slice(half, walkers)), (slice(half, walkers), slice(0, half))):
            picked = rng.integers(0, half, (2, tables, half))
            picked[1] = np.where(picked[0] == picked[1], (picked[1] + 1) % half, picked[1])
            others = at[:, theirs]
            pairs = others[table, picked]
            # Now and then a whole difference, to cross from one peak to another.
            scale = 1.0 if step % 10 == 9 else 2.38 / float(np.sqrt(2 * size)) * float(rng.uniform(0.5, 1.1))
            proposed = at[:, mine] + scale * (pairs[0] - pairs[1]) + rng.normal(0, 1e-3, (tables, half, size))
            there = _log_posterior(proposed, stack, sums)
            moved = np.log(rng.random((tables, half))) < there - here[:, mine]
            at[:, mine] = np.where(moved[:, :, None], proposed, at[:, mine])
            here[:, mine] = np.where(moved, there, here[:, mine])
        if step >= steps // 3 and step % _THIN == 0:
            kept.append(1 / (1 + np.exp(-at[:, :, :2])))
    return np.stack(kept)


def _log_posterior(at: Floats, stack: Counts, sums: Floats) -> Floats:
    """Return the log posterior on the logit scale; at[b, walker, parameter]: shares, true and false rates.

    `sums` is what `_log_sums` returns.
    """
    rates = 1 / (1 + np.exp(-np.minimum(np.maximum(at, -30), 30)))
    rates = np.minimum(np.maximum(rates, 1e-12), 1 - 1e-12)
    both = np.concatenate([rates, 1 - rates], axis=-1)
    size, flags = rates.shape[-1], rates.shape[-1] // 2 - 1
    logs = np.log(both) @ sums
    given = np.exp(logs[..., 1:]).reshape(*logs.shape[:-1], 2, -1)
    # [b, walker, population, pattern]
    chance = both[..., :2, None] * given[..., :1, :] + both[..., size : size + 2, None] * given[..., 1:, :]
    value = logs[..., 0] + (stack[:, None] * np.log(np.maximum(chance, 1e-300))).sum(axis=(-2, -1))
    result: Floats = np.where((rates[..., 2 : 2 + flags] > rates[..., 2 + flags :]).all(axis=-1), value, -np.inf)
    return result


def _log_sums(shape: Floats) -> Floats:
    """Return which logs of the parameters, then of 1 minus these, add up to what.

    The first column is the prior on the logit scale, then come the chance of each pattern in the hidden class, and the
    chance of each outside of it.
    """
    count, flags = shape.shape
    size = 2 + 2 * flags
    sums = np.zeros((2 * size, 1 + 2 * count))
    sums[:, 0] = 1
    for kind in range(2):
        first, columns = 2 + kind * flags, slice(1 + kind * count, 1 + (kind + 1) * count)
        sums[first : first + flags, columns] = shape.T
        sums[size + first : size + first + flags, columns] = 1 - shape.T
    return sums


def _start(stack: Counts, flags: int, rng: np.random.Generator) -> Floats:
    """Return one point on the logit scale for each table, after a few steps of Gibbs sampling."""
    rows, shape = stack.shape[0], patterns(flags)
    share = rng.uniform(0.05, 0.95, (rows, 2))
    true, false = rng.uniform(0.5, 0.98, (rows, flags)), rng.uniform(0.02, 0.5, (rows, flags))
    totals = stack.sum(axis=2)
    for _ in range(_START_STEPS):
        hidden = rng.binomial(stack, np.clip(_chance_hidden(share, true, false, shape), 0, 1))
        inside = hidden.sum(axis=2)
        share = rng.beta(1 + inside, 1 + totals - inside)
        by_pattern, others = hidden.sum(axis=1), (stack - hidden).sum(axis=1)
        hits, trials = by_pattern @ shape, by_pattern.sum(axis=1, keepdims=True)
        alarms, clean = others @ shape, others.sum(axis=1, keepdims=True)
        new_true, new_false = rng.beta(1 + hits, 1 + trials - hits), rng.beta(1 + alarms, 1 + clean - alarms)
        allowed = new_true > new_false
        true, false = np.where(allowed, new_true, true), np.where(allowed, new_false, false)
    rates = np.clip(np.concatenate([share, true, false], axis=1), 1e-6, 1 - 1e-6)
    at: Floats = np.log(rates / (1 - rates))
    return at


def goodness(counts: Counts, rng: np.random.Generator, bootstraps: int = _BOOTSTRAPS) -> float:
    """Return how often tables drawn from the best fit fit worse than these do (parametric bootstrap of G squared)."""
    flags = _flags(counts)
    worse, fitted = _deviance(counts[None].astype(np.int64), flags)
    totals = counts.sum(axis=1)
    drawn = np.stack([rng.multinomial(totals[place], fitted[0, place], bootstraps) for place in range(2)], axis=1)
    again, _ = _deviance(drawn, flags)
    return float((1 + np.count_nonzero(again >= worse[0] - 1e-9)) / (1 + bootstraps))


def populations_differ(counts: Counts) -> float:
    """Return the chance of so different patterns if both populations were alike (chi-squared, empty patterns left out).

    >>> populations_differ(np.array([[50, 50], [50, 50]]))
    1.0
    """
    from scipy.special import chdtrc

    seen = counts[:, counts.sum(axis=0) > 0]
    if seen.shape[1] < 2 or not seen.sum(axis=1).all():
        return 1.0
    expected = seen.sum(axis=1, keepdims=True) * seen.sum(axis=0) / seen.sum()
    return float(chdtrc(seen.shape[1] - 1, float((((seen - expected) ** 2) / expected).sum())))


def _deviance(stack: Counts, flags: int) -> tuple[Floats, Floats]:
    """Fit every table of the stack by expectation-maximisation from several starts; return G squared and the fit."""
    shape = patterns(flags)
    tables = stack.shape[0]
    chance, deviance = _fits(np.tile(stack, (len(_STARTS), 1, 1)), shape, np.repeat(_STARTS, tables, axis=0))
    place = np.argmin(deviance.reshape(-1, tables), axis=0) * tables + np.arange(tables)
    return deviance[place], chance[place]


def _fits(stack: Counts, shape: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Return each table's fit from its start, and G squared; start[b]: both shares, true and false rate of each flag.

    The tables come last inside, so that all steps run along them. What the patterns say of the classes is a sum of
    log odds, one for each flag set or not.
    """
    flags = shape.shape[1]
    seen = np.ascontiguousarray(np.moveaxis(stack, 0, 2)).astype(np.float64)
    totals, by_pattern = seen.sum(axis=1), seen.sum(axis=0)
    # Rows: accounts with each flag, and all accounts.
    sums = np.vstack([shape.T, np.ones(len(shape))])
    share = start[:, :2].T.copy()
    true, false = (np.tile(start[:, place], (flags, 1)) for place in (2, 3))
    for _ in range(_EM_STEPS):
        odds = _logs(true, shape) - _logs(false, shape)
        hidden = seen / (1 + np.exp(-odds - np.log(share / (1 - share))[:, None]))
        share = np.clip(hidden.sum(axis=1) / np.maximum(totals, 1), 1e-9, 1 - 1e-9)
        inside = hidden.sum(axis=0)
        inside, outside = sums @ inside, sums @ (by_pattern - inside)
        true, false = (np.clip(of[:-1] / np.maximum(of[-1], 1e-9), 1e-9, 1 - 1e-9) for of in (inside, outside))
    chance = share[:, None] * np.exp(_logs(true, shape)) + (1 - share[:, None]) * np.exp(_logs(false, shape))
    chance /= chance.sum(axis=1, keepdims=True)
    expected = np.maximum(totals[:, None] * chance, 1e-300)
    terms = np.where(seen > 0, seen * np.log(np.maximum(seen, 1) / expected), 0.0)
    return np.moveaxis(chance, 2, 0), 2 * terms.sum(axis=(0, 1))


def _logs(rates: Floats, shape: Floats) -> Floats:
    """Return the log chance of each pattern, [pattern, b], in a class with rates[flag, b], flags independent."""
    logs: Floats = shape @ np.log(rates) + (1 - shape) @ np.log(1 - rates)
    return logs


def _chance_hidden(share: Floats, true: Floats, false: Floats, shape: Floats) -> Floats:
    """Return the chance of the hidden class given each pattern, [b, population, pattern]."""
    inside = share[:, :, None] * _given(true, shape)[:, None]
    outside = (1 - share[:, :, None]) * _given(false, shape)[:, None]
    chance: Floats = inside / np.maximum(inside + outside, 1e-300)
    return chance


def _given(rates: Floats, shape: Floats) -> Floats:
    """Return the chance of each pattern within a class whose flags are set at `rates`, independently."""
    product: Floats = np.prod(np.where(shape > 0, rates[:, None], 1 - rates[:, None]), axis=2)
    return product


def _split_r(draws: Floats) -> float:
    """Return the larger of the two shares' potential scale reductions over chains (Gelman & Rubin 1992)."""
    within = draws.var(axis=0, ddof=1).mean(axis=0)
    between = draws.mean(axis=0).var(axis=0, ddof=1)
    return float(np.sqrt(1 + between / np.maximum(within, 1e-12)).max())


def _flags(counts: Counts) -> int:
    flags = int(counts.shape[-1]).bit_length() - 1
    if counts.ndim != 2 or counts.shape[0] != 2 or flags < 2 or 2**flags != counts.shape[1]:
        raise ValueError("latent classes need two populations and all patterns of two or more flags")
    return flags
