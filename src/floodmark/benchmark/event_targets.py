"""How often a target is said to be picked out where nobody picks any, and how strong a preference must be to show."""

from __future__ import annotations

import numpy as np

from floodmark import stats
from floodmark.event.targets import ACTIVITY, Addressing, compare

_TARGETS = 40
_CROWD, _NAMED = 600, 150


def rows(runs: int, seed: int) -> list[dict[str, object]]:
    """Return one row a strength: how many times as often named accounts address one target of 40.

    At strength 1 they differ from the crowd only in writing three times as much, so every target found is false;
    `false_alarm_share` is the share of runs with any false one, `hit_share` that of runs in which the target is found.
    """
    found: list[dict[str, object]] = []
    for strength in (1.0, 1.5, 2.0, 3.0, 5.0):
        rng = np.random.default_rng(seed)
        hits = alarms = 0
        for _ in range(runs):
            apart = _found(strength, rng)
            hits += strength > 1 and 3 in apart
            alarms += bool(apart - ({3} if strength > 1 else set()))
        hit = (hits / runs, *stats.wilson(hits, runs)) if strength > 1 else (None, None, None)
        alarm = (alarms / runs, *stats.wilson(alarms, runs))
        found.append(
            {
                "measure": "targets_of_named",
                "behaviour": "one target preferred" if strength > 1 else "nobody preferred, named accounts write more",
                "strength": strength,
                "accounts": _NAMED,
                "runs": runs,
                **dict(zip(("hit_share", "hit_low", "hit_high"), hit, strict=True)),
                **dict(zip(("false_alarm_share", "false_alarm_low", "false_alarm_high"), alarm, strict=True)),
            }
        )
    return found


def _found(strength: float, rng: np.random.Generator) -> set[int]:
    """Draw accounts that address targets of unequal fame, and return the targets that are picked out."""
    size = _CROWD + _NAMED
    named = np.arange(size) >= _CROWD
    wrote = 1 + rng.poisson(np.where(named, 6.0, 2.0))
    fame = 1 / np.arange(3, _TARGETS + 3)
    account = np.repeat(np.arange(size), wrote)
    drawn = rng.choice(_TARGETS, account.size, p=fame / fame.sum())
    wanted = fame.copy()
    wanted[3] *= strength
    other = rng.choice(_TARGETS, account.size, p=wanted / wanted.sum())
    pairs, posts = np.unique(np.stack([np.where(named[account], other, drawn), account]), axis=1, return_counts=True)
    found = Addressing(
        roster=np.full(size, "side", object),
        state=np.where(named, "named", "tested").astype(object),
        group=np.full(size, "", object),
        stratum=np.searchsorted(ACTIVITY, wrote, side="right"),
        account=pairs[1],
        target=pairs[0],
        posts=posts,
        names=tuple(f"{place:02}" for place in range(_TARGETS)),
    )
    compared = compare(found, named, ~named, 20)
    hits = stats.bh([one.p_value for one in compared])
    return {int(one.name) for one, hit in zip(compared, hits, strict=True) if hit}
