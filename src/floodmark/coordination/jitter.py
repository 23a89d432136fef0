"""How wide a campaign may scatter its actions in time before this collection hides it."""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.coordination.prepare import Prepared
from floodmark.coordination.rates import PSEUDO_SHARERS, Rates, size_class
from floodmark.coordination.result import Floats, Int64s
from floodmark.coordination.tail import episode_tail

_MINUTE: Final = 60
_GRID_S: Final = (5, 10, 20, 30, *(_MINUTE * m for m in (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360)))
#: The reference campaign: accounts, joint actions of each, half of them on objects of its own; as many camouflage.
_ACCOUNTS, _ACTIONS = 20, 10
#: With so small a p-value twenty accounts pass false-discovery control among a few hundred others.
_P: Final = 0.002
_SAMPLE: Final = 400


def minimum_detectable_jitter_ms(prepared: Prepared, rates: Rates, windows_ms: Int64s) -> int:
    """Return the widest jitter at which an account of the reference campaign is expected to be named; 0 for none.

    Each joint action is placed where the collection itself was active: at a sample of its actions, on whose objects the
    chance of a hit is worked out as in the test. What is left out: that the campaign must first be proposed.
    """
    if not len(prepared.at_ms):
        return 0
    sample = np.unique(np.linspace(0, len(prepared.at_ms) - 1, _SAMPLE).astype(np.int64))
    # Sorted by object, a sample at even steps meets objects in proportion to how often they are shared.
    found = 0
    for jitter_ms in (seconds * 1000 for seconds in _GRID_S):
        best = 1.0
        for w, window_ms in enumerate(windows_ms.tolist()):
            hit = _hit_chance(window_ms / jitter_ms)
            ordinary = _ordinary_chance(prepared, rates.within[w], sample, jitter_ms, window_ms)
            # As many actions are camouflage; where the group happens to be in step there too, they dilute the test.
            hits = int(np.floor(_ACTIONS * (hit + ordinary)))
            best = min(best, len(windows_ms) * episode_tail(hits, 2 * _ACTIONS, 2 * _ACTIONS * ordinary))
        if best > _P:
            break
        found = jitter_ms
    return found


def _hit_chance(reach: float) -> float:
    """Return the chance that one of the campaign acted within `reach` (a share of the jitter) before another."""
    others = _ACCOUNTS - 1
    u = (np.arange(1000) + 0.5) / 1000
    return float(1 - np.mean((1 - np.minimum(u, reach)) ** others))


def _ordinary_chance(prepared: Prepared, within: Floats, sample: Int64s, jitter_ms: int, window_ms: int) -> float:
    """Return the chance that an ordinary sharer would have hit by itself, half on own objects and half on existing."""
    covered = min(jitter_ms + window_ms, _ACCOUNTS * window_ms)
    own = 1 - (1 - within[size_class(_ACCOUNTS)] / 2) ** (covered / window_ms)
    chances = []
    for i in sample:
        o = prepared.object[i]
        low, high = prepared.object_starts[o], prepared.object_starts[o + 1]
        at, times = prepared.at_ms[i], prepared.at_ms[low:high]
        landed = np.searchsorted(times, at + covered, "right") - np.searchsorted(times, at, "right")
        ordinary = 1 - (1 - within[size_class(high - low)] / 2) ** (covered / window_ms)
        chances.append((landed + PSEUDO_SHARERS * ordinary) / (high - low - 1 + PSEUDO_SHARERS))
    return float((own + np.mean(chances)) / 2)
