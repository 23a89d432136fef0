"""What a flagged share means when the flags' error rates are known from a labelled sample: Bayes, on a grid.

After Gelman & Carpenter 2020 (doi 10.1111/rssc.12435): sensitivity and specificity have beta distributions from counts,
the prevalence a flat one. No random numbers: given the error rates, the answer is an incomplete beta function, so only
the two rates are laid on a grid of equal probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.stats import Floats, Interval

#: Nodes of each error rate; twice as many move no end by more than 0.003 (tested).
_NODES: Final = 48
_HALVINGS: Final = 40
_LOGITS: Final = 25.0
_KNOTS: Final = 2001
#: Below this, the assumed error rates hardly ever give a share such as the one seen.
_CONTRADICTED: Final = 1e-6

#: Correct answers of a flag and how many were checked, such as (45, 50).
Counted = tuple[int, int]


@dataclass(frozen=True)
class Posterior:
    """Median and interval of the prevalence."""

    median: float
    interval: Interval


def posterior(
    flagged: int, judged: int, sensitivity: Counted, specificity: Counted, level: float, nodes: int = _NODES
) -> Posterior | None:
    """Return what is known of the true share; None where the error rates can hardly give the share that was seen.

    `sensitivity` are flagged among checked true cases, `specificity` unflagged among checked others. Error rates with
    sensitivity + specificity <= 1 (a flag that says nothing) are left out. ValueError unless the counts fit.

    >>> found = posterior(300, 1000, (90, 100), (190, 200), 0.9)
    >>> [round(x, 2) for x in (found.median, *found.interval)]
    [0.29, 0.25, 0.33]
    """
    from scipy.special import betaincinv, expit

    for hits, trials in ((flagged, judged), sensitivity, specificity):
        if not 0 <= hits <= trials:
            raise ValueError(f"{hits} hits do not fit into {trials} trials")
    middles = (np.arange(nodes) + 0.5) / nodes
    rates = [betaincinv(hits + 1, trials - hits + 1, middles) for hits, trials in (sensitivity, specificity)]
    true, false = (side.ravel() for side in np.meshgrid(rates[0], 1 - rates[1], indexing="ij"))
    usable = true > false
    if not usable.any():
        return None
    true, false = true[usable], false[usable]
    # The distribution function as a table: exact at its knots, which lie close wherever it rises.
    chances = expit(np.linspace(-_LOGITS, _LOGITS, _KNOTS))
    knots = np.maximum.accumulate(betaincinv(flagged + 1, judged - flagged + 1, chances))

    def cumulative(x: Floats) -> Floats:
        return np.interp(x, knots, chances, left=0.0, right=1.0)

    below = cumulative(false)
    spread = true - false
    weights = (cumulative(true) - below) / spread
    total = float(weights.sum())
    # The mean chance of the share seen, against that of the share if every one were equally likely.
    if total / true.size < _CONTRADICTED:
        return None

    def quantile(wanted: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            mass: Floats = (cumulative(false + middle * spread) - below) / spread
            low, high = (middle, high) if float(mass.sum()) / total < wanted else (low, middle)
        return (low + high) / 2

    tail = (1 - level) / 2
    return Posterior(quantile(0.5), (quantile(tail), quantile(1 - tail)))
