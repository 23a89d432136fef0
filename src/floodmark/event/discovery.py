"""False-discovery control over many series of many bins: first which series, then which of their bins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from floodmark import stats
from floodmark.stats import Floats


def simes(p_values: Floats) -> float:
    """Return the p-value of "no test of this series has anything" (Simes 1986); 1 without tests.

    >>> simes(np.array([0.01, 0.9]))
    0.02
    """
    if not p_values.size:
        return 1.0
    ranked = np.sort(p_values)
    return min(1.0, float((ranked * ranked.size / np.arange(1, ranked.size + 1)).min()))


def select(series: Sequence[Floats], q: float) -> list[np.ndarray]:
    """Return for every series which of its tests are discoveries.

    Series are selected by Benjamini & Hochberg on their Simes p-values; within the R selected of S, the tests are
    selected at q * R / S. On average over the selected series at most q of the discoveries are false (Benjamini &
    Bogomolov 2014, doi 10.1111/rssb.12028), so many true spikes in one series buy no false ones in another, as pooling
    all tests would.

    >>> [found.tolist() for found in select([np.array([1e-9, 0.5]), np.array([0.3, 0.04])], 0.05)]
    [[True, False], [False, False]]
    """
    chosen = stats.bh([simes(p_values) for p_values in series], q)
    share = float(chosen.sum()) / max(1, len(series))
    return [
        stats.bh(p_values, q * share) if selected else np.zeros(p_values.size, dtype=bool)
        for p_values, selected in zip(series, chosen, strict=True)
    ]
