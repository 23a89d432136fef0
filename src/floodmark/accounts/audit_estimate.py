"""The share of true cases from a labelled stratified sample, and how far two labellers agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.stats import Counts, Floats, Interval

SEED: Final = 20200717
_DRAWS: Final = 4_000


@dataclass(frozen=True)
class Stratum:
    """One stratum: accounts in it, accounts drawn, and what they were labelled."""

    name: str
    accounts: int
    drawn: int
    yes: int = 0
    no: int = 0
    unclear: int = 0


@dataclass(frozen=True)
class AuditShare:
    """The post-stratified share, its interval, and the shares if every unclear account were none, or one."""

    share: float
    interval: Interval
    bounds: Interval


def allocate(sizes: Sequence[int], wanted: int, least: int = 5) -> list[int]:
    """Return how many to draw from each stratum: in proportion, at least `least` (or all of a small one).

    ValueError unless `wanted` reaches the minimum of every stratum.

    >>> allocate([900, 90, 10, 2], 100)
    [85, 8, 5, 2]
    """
    drawn = [min(size, least) for size in sizes]
    if sum(drawn) > wanted:
        raise ValueError(f"a sample of {wanted} cannot hold {least} of each stratum; draw at least {sum(drawn)}")
    for _ in range(min(wanted, sum(sizes)) - sum(drawn)):
        # Whoever is furthest behind its share gets the next; ties go to the first.
        open_ones = [place for place, size in enumerate(sizes) if drawn[place] < size]
        drawn[min(open_ones, key=lambda place: ((drawn[place] + 0.5) / sizes[place], place))] += 1
    return drawn


def audit_share(strata: Sequence[Stratum], level: float, seed: int = SEED) -> AuditShare:
    """Return the share of true cases in the roster.

    Within a stratum the labelled accounts are a random sample; the rest is drawn from the beta-binomial that they
    leave. Unclear labels widen the interval: its low end counts them as no, its high end as yes. ValueError without
    any label.
    """
    used = [stratum for stratum in strata if stratum.accounts]
    labelled = np.array([[s.yes, s.no, s.unclear] for s in used], dtype=np.int64)
    sizes = np.array([s.accounts for s in used], dtype=np.int64)
    if not labelled.sum():
        raise ValueError("no account is labelled")
    tail = (1 - level) / 2
    ends = []
    for yes, quantile in ((labelled[:, 0], tail), (labelled[:, 0] + labelled[:, 2], 1 - tail)):
        drawn = roster_draws(yes[None], labelled.sum(axis=1)[None], sizes, np.random.default_rng(seed))
        ends.append(float(np.quantile(drawn[:, 0], quantile)))
    weights = sizes / sizes.sum()
    lowest, highest = (
        float((weights * _rates(yes, labelled.sum(axis=1))).sum())
        for yes in (labelled[:, 0], labelled[:, 0] + labelled[:, 2])
    )
    share = float((weights * _rates(labelled[:, 0], labelled[:, :2].sum(axis=1))).sum())
    return AuditShare(share, (min(ends[0], lowest), max(ends[1], highest)), (lowest, highest))


def roster_draws(yes: Counts, drawn: Counts, sizes: Counts, rng: np.random.Generator, draws: int = _DRAWS) -> Floats:
    """Return draws[draw, b] of the share in the whole roster, for samples yes[b, stratum] of drawn[b, stratum].

    The prior of a stratum is Kerman's neutral one (2011, doi 10.1214/11-EJS648): of flat, Jeffreys' and this, it leaves
    the misses on both sides most alike where few accounts are true cases (see the study).
    """
    rates = rng.beta(yes + 1 / 3, drawn - yes + 1 / 3, (draws, *yes.shape))
    rest = rng.binomial(sizes - drawn, rates)
    result: Floats = (rest + yes).sum(axis=2) / sizes.sum()
    return result


def kappa(first: Sequence[str], second: Sequence[str], level: float) -> tuple[float, float, float]:
    """Return Cohen's kappa of two lists of labels and its interval (Fleiss, Cohen & Everitt 1969, large samples).

    Where both gave one and the same label throughout, chance explains everything: (0, -1, 1).
    Published example (Cohen 1960 style): 20 yes-yes, 5, 10, 15 no-no give 0.4.

    >>> round(kappa(["y"] * 25 + ["n"] * 25, ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15, 0.95)[0], 2)
    0.4
    """
    from floodmark.stats import z_value

    words = sorted({*first, *second})
    places = {word: place for place, word in enumerate(words)}
    table = np.zeros((len(words), len(words)))
    for one, other in zip(first, second, strict=True):
        table[places[one], places[other]] += 1
    total = table.sum()
    if not total:
        return 0.0, -1.0, 1.0
    table /= total
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    agreed, chance = float(np.trace(table)), float(rows @ columns)
    if chance >= 1:
        return 0.0, -1.0, 1.0
    value = (agreed - chance) / (1 - chance)
    diagonal = float((np.diag(table) * (1 - (rows + columns) * (1 - value)) ** 2).sum())
    off = table * (columns[:, None] + rows[None, :]) ** 2
    variance = diagonal + (1 - value) ** 2 * float(off.sum() - np.trace(off)) - (value - chance * (1 - value)) ** 2
    half = z_value(level) * float(np.sqrt(max(variance, 0.0) / total)) / (1 - chance)
    return value, max(-1.0, value - half), min(1.0, value + half)


def _rates(yes: Counts, trials: Counts) -> Floats:
    """Return the shares; a stratum without an answer takes the share of all."""
    overall = yes.sum() / max(1, int(trials.sum()))
    rates: Floats = np.where(trials > 0, yes / np.maximum(trials, 1), overall)
    return rates
