"""Plants a campaign with known truth into any background of actions: the yardstick of the coordination test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from floodmark.errors import UsageError
from floodmark.simulate import evasion

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
    """A planted group. Each account does `actions_per_account` joint actions, and camouflage on top of them.

    The rest are evasions, off by default. `rotation_share`: each account does only this share of a common pool, which
    is larger in return (10 actions at a third: a pool of 30). `paraphrase_share`: the chance that an account's joint
    action goes to an object of its own, lost to every exact match. `smokescreen_accounts`: accounts that go along with
    one joint action each and never act again. `clock_ms`: all times, the background's too, are rounded down to it.
    Spreading over several kinds of action is a matter of how objects are split: `labelled.labelled`.
    """

    accounts: int = 20
    actions_per_account: int = 10
    jitter_ms: int = 60_000
    own_object_share: float = 0.5
    camouflage_share: float = 0.5
    camouflage_delay_median_ms: int = 600_000
    rotation_share: float = 1.0
    paraphrase_share: float = 0.0
    smokescreen_accounts: int = 0
    clock_ms: int = 1

    @property
    def pool(self) -> int:
        """How many joint actions there are for all accounts together."""
        return round(self.actions_per_account / self.rotation_share)


DEFAULT_PLANT: Final = PlantParams()


@dataclass(frozen=True)
class Planted:
    """The mixture, sorted by time, account and object; `joint` marks the joint actions, `accounts` who did them.

    `smokescreen` are the single-use accounts: part of the campaign, but with too little to be found by.
    """

    actions: Actions
    joint: npt.NDArray[np.bool_]
    accounts: tuple[str, ...]
    smokescreen: tuple[str, ...] = ()


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
    _check(background, params)
    names = _named("planted", params.accounts)
    seeds = rng.integers(0, len(background), params.pool)
    own = np.arange(len(seeds)) < round(len(seeds) * params.own_object_share)
    shared = np.where(own, _named("planted:object", len(seeds)), background.object_id[seeds])
    shape = (params.accounts, len(seeds))
    joint_at = background.at_ms[seeds][None, :] + rng.integers(0, params.jitter_ms + 1, shape)
    extra = round(params.actions_per_account * params.camouflage_share / (1 - params.camouflage_share))
    copied = rng.integers(0, len(background), params.accounts * extra)
    delay = np.exp(rng.normal(np.log(params.camouflage_delay_median_ms), 1.0, len(copied))).astype(np.int64)
    # Evasions draw after all else, so that a plant without them is the same as ever.
    taken = evasion.rotation(shape, params.actions_per_account, rng)
    joint_objects = evasion.paraphrase(np.tile(shared, (params.accounts, 1)), params.paraphrase_share, rng)
    smoke = _named("planted:smoke", params.smokescreen_accounts)
    along = rng.integers(0, len(seeds), len(smoke))
    smoke_at = background.at_ms[seeds[along]] + rng.integers(0, params.jitter_ms + 1, len(smoke))
    who = np.repeat(names, len(seeds)).reshape(shape)[taken]
    parts = (
        background,
        Actions(who, joint_objects[taken], joint_at[taken]),
        Actions(np.repeat(names, extra), background.object_id[copied], background.at_ms[copied] + delay),
        Actions(smoke, shared[along], smoke_at),
    )
    actions, part = mixed(parts, params.clock_ms)
    return Planted(actions, part == 1, tuple(names), tuple(smoke))


def mixed(parts: Sequence[Actions], clock_ms: int = 1) -> tuple[Actions, npt.NDArray[np.int64]]:
    """Return all actions sorted by time, account and object, and from which part each came.

    Times are rounded down to multiples of `clock_ms`.
    """
    account_id = np.concatenate([part.account_id for part in parts])
    object_id = np.concatenate([part.object_id for part in parts])
    at_ms = np.concatenate([part.at_ms for part in parts]) // clock_ms * clock_ms
    source = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    order = np.lexsort((object_id.astype(str), account_id.astype(str), at_ms))
    return Actions(account_id[order], object_id[order], at_ms[order]), source[order]


def _check(background: Actions, params: PlantParams) -> None:
    if not len(background):
        raise UsageError("plant: the background holds no actions; give it at least one")
    if any(str(account).startswith("planted:") for account in background.account_id):
        raise UsageError("plant: the background already holds accounts called planted:...; plant into the original")
    if not 0 <= params.camouflage_share < 1 or min(params.accounts, params.actions_per_account, params.clock_ms) < 1:
        raise UsageError("plant: field `camouflage_share` must be in [0, 1), counts and the clock at least 1")
    if not 0 < params.rotation_share <= 1 or not 0 <= params.paraphrase_share <= 1 or params.smokescreen_accounts < 0:
        raise UsageError(
            "plant: field `rotation_share` must be in (0, 1], `paraphrase_share` in [0, 1], "
            "`smokescreen_accounts` at least 0"
        )


def _named(prefix: str, count: int) -> Texts:
    return np.array([f"{prefix}:{number:04}" for number in range(1, count + 1)], dtype=object)
