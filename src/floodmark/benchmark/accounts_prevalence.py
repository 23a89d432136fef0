"""How often the intervals of prevalence hold the truth: labelled samples, counted error rates, latent classes.

Each run draws a truth, then data from it. Where a method has priors, the truth is drawn from them; the last rows break
the assumption of latent classes on purpose.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.accounts import latent
from floodmark.accounts.audit_estimate import allocate, roster_draws
from floodmark.accounts.bayes_prevalence import posterior
from floodmark.stats import Counts, Floats, clopper_pearson

Row = dict[str, object]
LEVEL: Final = 0.9
_JUDGED: Final = 2_000
_BATCH: Final = 200
#: Name, accounts of each stratum, share of true cases there, accounts labelled.
AUDITS: Final = (
    ("few true cases", (20_000, 5_000, 1_200, 231), (0.01, 0.05, 0.2, 0.8), 300),
    ("as published", (20_000, 5_000, 1_200, 231), (0.05, 0.2, 0.5, 0.8), 300),
    ("many true cases", (20_000, 5_000, 1_200, 231), (0.3, 0.5, 0.7, 0.9), 300),
    ("a third labelled", (500, 300, 100), (0.2, 0.4, 0.6), 300),
)


def rows(runs: int, seed: int) -> list[Row]:
    """Return one row a method and setting: how many of `runs` 90 % intervals held the truth, and their mean width."""
    found = [audit(name, sizes, shares, wanted, runs, seed) for name, sizes, shares, wanted in AUDITS]
    found += [error_rates(name, checked, runs, seed) for name, checked in (("few labels", 50), ("many labels", 500))]
    found += [classes(flags, runs, seed) for flags in (2, 3)]
    broken = [row for odds in (0.0, 0.1, 0.3, 0.6) for row in dependent(odds, max(20, runs // 20), seed)]
    return [*found, *broken]


def audit(name: str, sizes: tuple[int, ...], shares: tuple[float, ...], wanted: int, runs: int, seed: int) -> Row:
    """Draw stratified samples from simulated rosters and estimate the share of true cases."""
    rng = np.random.default_rng(seed)
    accounts = np.array(sizes)
    truth = rng.binomial(accounts, np.array(shares), (runs, len(sizes)))
    drawn = np.array(allocate(sizes, wanted))
    yes = rng.hypergeometric(truth, accounts - truth, drawn)
    draws = roster_draws(yes, np.broadcast_to(drawn, yes.shape), accounts, rng, 1_000)
    low, high = np.quantile(draws, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    return _row("labelled sample", name, truth.sum(axis=1) / accounts.sum(), low, high)


def error_rates(name: str, checked: int, runs: int, seed: int) -> Row:
    """Draw prevalence and error rates from their priors, then flagged accounts."""
    rng = np.random.default_rng(seed)
    right = (int(0.9 * checked), int(0.85 * checked))
    truth, low, high = [], [], []
    for _ in range(runs):
        share = rng.random()
        true, clean = (rng.beta(hits + 1, checked - hits + 1) for hits in right)
        flagged = int(rng.binomial(_JUDGED, share * true + (1 - share) * (1 - clean)))
        answer = posterior(flagged, _JUDGED, (right[0], checked), (right[1], checked), LEVEL, 24)
        if answer:
            truth.append(share)
            low.append(answer.interval[0])
            high.append(answer.interval[1])
    return _row("counted error rates", name, np.array(truth), np.array(low), np.array(high))


def classes(flags: int, runs: int, seed: int) -> Row:
    """Draw shares and error rates from the flat priors, then patterns of independent flags."""
    rng = np.random.default_rng(seed)
    share = rng.random((runs, 2))
    pair = rng.random((2, runs, flags))
    stack = _tables(rng, share, pair.max(axis=0), pair.min(axis=0))
    ends = []
    for start in range(0, runs, _BATCH):
        draws = latent.posterior_draws(stack[start : start + _BATCH], rng, 1_200, 24)[..., 0]
        flat = draws.transpose(0, 2, 1).reshape(-1, draws.shape[1])
        ends.append(np.quantile(flat, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0))
    low, high = np.concatenate(ends, axis=1)
    return _row("latent classes", f"{flags} independent flags", share[:, 0], low, high)


def dependent(copied: float, runs: int, seed: int) -> list[Row]:
    """Copy the first of three flags into the second in a share of all accounts: how often that is refused, and whether
    the intervals of those not refused hold the truth.
    """
    rng = np.random.default_rng(seed)
    share = np.tile((0.4, 0.15), (runs, 1))
    stack = _tables(rng, share, np.tile((0.8, 0.7, 0.75), (runs, 1)), np.tile((0.1, 0.15, 0.2), (runs, 1)), copied)
    refused = np.array([latent.goodness(table, rng, 99) < 0.05 for table in stack])
    least, most = clopper_pearson(int(refused.sum()), runs, 0.95)
    row: Row = {
        "method": "latent classes",
        "setting": f"second flag copied in {copied:g} of accounts: refused",
        "runs": runs,
        "share": float(refused.mean()),
        "low": least,
        "high": most,
        "mean_width": None,
    }
    if refused.all():
        return [row]
    draws = latent.posterior_draws(stack[~refused], rng, 1_200, 24)[..., 0]
    flat = draws.transpose(0, 2, 1).reshape(-1, draws.shape[1])
    low, high = np.quantile(flat, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    held = _row("latent classes", f"copied in {copied:g}, not refused: held", share[~refused, 0], low, high)
    return [row, held]


def _tables(rng: np.random.Generator, share: Floats, true: Floats, false: Floats, copied: float = 0.0) -> Counts:
    """Draw counts[run, population, pattern] of _JUDGED accounts each."""
    runs, flags = true.shape
    stack = np.empty((runs, 2, 2**flags), dtype=np.int64)
    for run in range(runs):
        for population in range(2):
            hidden = rng.random(_JUDGED) < share[run, population]
            shown = rng.random((_JUDGED, flags)) < np.where(hidden[:, None], true[run], false[run])
            copies = rng.random(_JUDGED) < copied
            shown[copies, 1] = shown[copies, 0]
            stack[run, population] = np.bincount(shown @ (1 << np.arange(flags - 1, -1, -1)), minlength=2**flags)
    return stack


def _row(method: str, setting: str, truth: Floats, low: Floats, high: Floats) -> Row:
    held = int(np.count_nonzero((low <= truth) & (truth <= high)))
    least, most = clopper_pearson(held, truth.size, 0.95)
    return {
        "method": method,
        "setting": setting,
        "runs": truth.size,
        "share": held / truth.size,
        "low": least,
        "high": most,
        "mean_width": float((high - low).mean()),
    }
