"""How often spikes beyond the event's own lift are false, and how large a planted surge must be to be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from floodmark import stats
from floodmark.event.spikes import DAY_MS, MINUTE_MS, Spikes, find_spikes
from floodmark.event.study import Organic, organic_series

_BIN_MS: Final = 15 * MINUTE_MS
_MORNING: Final = 32
#: Organic conversations around a real event: what the event does, whether its hour is announced, unrest, posts per bin.
NULLS: Final = (
    ("slow", False, "bins", 9.0, 0.1),
    ("slow", False, "bins", 1.0, 0.3),
    ("slow", False, "drift", 9.0, 0.3),
    ("slow", False, "viral", 9.0, 0.1),
    ("twice", False, "drift", 9.0, 0.3),
    ("sharp", True, "bins", 9.0, 0.1),
    ("sharp", False, "bins", 9.0, 0.1),
)
#: Planted surges: so many times what the bin's crowd would have posted, over so many neighbouring bins.
SURGES: Final = ((0.5, 1), (1.0, 1), (2.0, 1), (4.0, 1), (2.0, 4), (2.0, 16))


def rows(runs: int, seed: int) -> list[dict[str, object]]:
    """Return one row per kind of organic conversation, `runs` series each, then one per planted surge.

    Surges are planted in a fifth as many series (at least 20), between 08:00 and 22:00, around the slow event.
    `false_alarm_share` is the share of series with any bin beyond the lift where nothing is planted (in rows with a
    surge: away from it); `hit_share` that of planted surges of which any bin is found.
    """
    found = [_null(Organic(mean, unrest, spread, event=event, announced=told), runs, seed)
             for event, told, unrest, mean, spread in NULLS]  # fmt: skip
    return found + [_power(strength, length, max(20, runs // 5), seed) for strength, length in SURGES]


def _null(kind: Organic, runs: int, seed: int) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    judged = [found for found in (find_spikes(*organic_series(kind, rng)) for _ in range(runs))
              if isinstance(found, Spikes)]  # fmt: skip
    name = f"event {kind.event}{', announced' if kind.announced else ''}; unrest {kind.unrest}, {kind.mean:g} a bin"
    alarms = sum(bool(found.is_beyond.any()) for found in judged)
    small = float(np.mean([(found.beyond_p <= 0.05).mean() for found in judged])) if judged else None
    return {**_row(name, None, len(judged), None, alarms), "below_5_percent_share": small}


def _power(strength: float, length: int, runs: int, seed: int) -> dict[str, object]:
    rng, kind = np.random.default_rng(seed), Organic(9.0, "bins", 0.1, event="slow")
    hits = alarms = 0
    for _ in range(runs):
        times, days, window = organic_series(kind, rng)
        first = int(rng.integers(_MORNING, DAY_MS // _BIN_MS - length - 8))
        start, end = (window.start_ms + (first + step) * _BIN_MS for step in (0, length))
        crowd = int(((times >= start) & (times < end)).sum())
        added = start + rng.integers(0, end - start, rng.poisson(strength * crowd))
        found = find_spikes(np.concatenate([times, added]), days, window)
        if isinstance(found, Spikes):
            hits += bool(found.is_beyond[first : first + length].any())
            alarms += bool(np.delete(found.is_beyond, np.arange(first, first + length)).any())
    return {**_row(f"surge over {15 * length} min", strength, runs, hits, alarms), "below_5_percent_share": None}


def _row(behaviour: str, strength: float | None, runs: int, hits: int | None, alarms: int) -> dict[str, object]:
    shares: Mapping[str, object] = {
        "hit_share": None if hits is None else hits / runs,
        **dict(zip(("hit_low", "hit_high"), (None, None) if hits is None else stats.wilson(hits, runs), strict=True)),
        "false_alarm_share": alarms / runs if runs else None,
        **dict(zip(("false_alarm_low", "false_alarm_high"), stats.wilson(alarms, runs), strict=True)),
    }
    return {"measure": "beyond_lift", "behaviour": behaviour, "strength": strength, "series": runs, **shares}
