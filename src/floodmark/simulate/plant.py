"""Plants a campaign with known truth into any background of actions: the yardstick of the coordination test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from floodmark.errors import UsageError

Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Actions:
    """Actions of equal length: who (text), to what (text), when (int64 UTC ms)."""

    account_id: Texts
    object_id: Texts
    at_ms: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of actions."""
        return len(self.at_ms)


@dataclass(frozen=True)
class PlantParams:
    """A planted group. Each account does `actions_per_account` joint actions, and camouflage on top of them."""

    accounts: int = 20
    actions_per_account: int = 10
    jitter_ms: int = 60_000
    own_object_share: float = 0.5
    camouflage_share: float = 0.5
    camouflage_delay_median_ms: int = 600_000


DEFAULT_PLANT: Final = PlantParams()


@dataclass(frozen=True)
class Planted:
    """The mixture, sorted by time, account and object; `joint` marks the joint actions, `accounts` who did them."""

    actions: Actions
    joint: npt.NDArray[np.bool_]
    accounts: tuple[str, ...]


def plant(background: Actions, params: PlantParams, rng: np.random.Generator) -> Planted:
    """Mix a campaign into `background`.

    A joint action happens at a time at which the background itself was active: on an object of the campaign's own, or
    (1 - `own_object_share`) on one that the background shared then. Every planted account follows within `jitter_ms`,
    uniformly. Camouflage copies what the background did, later by a delay with the given median.
    Raises UsageError when the background is empty or already holds planted accounts, or the parameters are impossible.

    >>> quiet = Actions(np.array(["a", "b"], object), np.array(["x", "y"], object), np.array([0, 1000]))
    >>> mixed = plant(quiet, PlantParams(accounts=3, actions_per_account=2), np.random.default_rng(1))
    >>> len(mixed.accounts), int(mixed.joint.sum()), len(mixed.actions)
    (3, 6, 14)
    """
    if not len(background):
        raise UsageError("plant: the background holds no actions; give it at least one")
    if any(str(account).startswith("planted:") for account in background.account_id):
        raise UsageError("plant: the background already holds accounts called planted:...; plant into the original")
    if not 0 <= params.camouflage_share < 1 or min(params.accounts, params.actions_per_account) < 1:
        raise UsageError("plant: field `camouflage_share` must be in [0, 1), counts at least 1")
    names = np.array([f"planted:{number:04}" for number in range(1, params.accounts + 1)], dtype=object)
    seeds = rng.integers(0, len(background), params.actions_per_account)
    own = np.arange(len(seeds)) < round(len(seeds) * params.own_object_share)
    fresh = np.array([f"planted:object:{number:04}" for number in range(1, len(seeds) + 1)], dtype=object)
    shared = np.where(own, fresh, background.object_id[seeds])
    shape = (params.accounts, len(seeds))
    joint_at = background.at_ms[seeds][None, :] + rng.integers(0, params.jitter_ms + 1, shape)
    extra = round(len(seeds) * params.camouflage_share / (1 - params.camouflage_share))
    copied = rng.integers(0, len(background), params.accounts * extra)
    delay = np.exp(rng.normal(np.log(params.camouflage_delay_median_ms), 1.0, len(copied))).astype(np.int64)
    mixed = Actions(
        np.concatenate([background.account_id, np.repeat(names, len(seeds)), np.repeat(names, extra)]),
        np.concatenate([background.object_id, np.tile(shared, params.accounts), background.object_id[copied]]),
        np.concatenate([background.at_ms, joint_at.ravel(), background.at_ms[copied] + delay]),
    )
    joint = np.zeros(len(mixed), dtype=bool)
    joint[len(background) : len(background) + joint_at.size] = True
    order = np.lexsort((mixed.object_id.astype(str), mixed.account_id.astype(str), mixed.at_ms))
    actions = Actions(mixed.account_id[order], mixed.object_id[order], mixed.at_ms[order])
    return Planted(actions, joint[order], tuple(names))
