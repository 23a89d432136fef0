"""The tail of the number of episodes with a hit."""

from __future__ import annotations

import math

from floodmark.compiled import compiled


@compiled
def binomial_tail(hits: int, trials: int, chance: float) -> float:
    """Return P(Binomial(trials, chance) >= hits) for hits above the mean, summed until terms no longer matter.

    >>> round(binomial_tail(9, 10, 0.5), 6)
    0.010742
    """
    if hits <= 0 or chance >= 1.0:
        return 1.0
    if chance <= 0.0 or hits > trials:
        return 0.0
    term = math.exp(
        math.lgamma(trials + 1.0)
        - math.lgamma(hits + 1.0)
        - math.lgamma(trials - hits + 1.0)
        + hits * math.log(chance)
        + (trials - hits) * math.log1p(-chance)
    )
    total = term
    for k in range(hits, trials):
        term *= (trials - k) / (k + 1.0) * chance / (1.0 - chance)
        total += term
        if term < 1e-16 * total:
            break
    return min(1.0, total)


@compiled
def episode_tail(hits: int, episodes: int, expected: float) -> float:
    """Return a bound on the chance of so many episodes with a hit when `expected` are expected.

    The count is Poisson-binomial; from expected + 1 on, the binomial with the mean chance bounds its tail (Hoeffding
    1956, doi 10.1214/aoms/1177728178, theorem 4). Below that, and under two hits, nothing is claimed: 1.
    """
    if hits < 2 or hits < expected + 1.0:
        return 1.0
    return binomial_tail(hits, episodes, expected / episodes)
