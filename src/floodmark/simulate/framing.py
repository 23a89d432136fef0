"""Frames innocent accounts of a background: bots that mirror whatever a victim does, so as to have it accused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from floodmark.coordination.pairs import EPISODE_GAP_MS
from floodmark.errors import UsageError
from floodmark.simulate.plant import Actions, Texts, mixed

Int64s = npt.NDArray[np.int64]

#: Bots act after the victim; up to 30 s before it (they guess what it will do); or either, action by action.
FORMS: Final = ("mirroring", "anticipatory", "mixed")


@dataclass(frozen=True)
class FrameParams:
    """Bots that copy `copied_share` of a victim's actions, at most `after_ms` later or `before_ms` earlier.

    Victims are drawn from accounts with at least `min_sittings` sittings (over five minutes apart), or those with most
    where there are fewer: nobody can be accused of under three, and bots act no oftener than their victim.
    """

    victims: int = 5
    bots_per_victim: int = 10
    form: str = "mirroring"
    copied_share: float = 0.9
    after_ms: int = 60_000
    before_ms: int = 30_000
    min_sittings: int = 6


@dataclass(frozen=True)
class Framed:
    """The mixture, sorted by time, account and object, with the ids of victims and bots."""

    actions: Actions
    victims: tuple[str, ...]
    bots: tuple[str, ...]


def frame(
    background: Actions, params: FrameParams, rng: np.random.Generator, spared: Collection[str] = frozenset()
) -> Framed:
    """Add bots that mirror victims drawn from `background`; the victims themselves do nothing new.

    `spared` accounts are no victims. Delays are uniform, from one second on after the victim. Raises UsageError when
    the form is unknown or the background has fewer accounts than victims.

    >>> quiet = Actions(np.array(["a", "b"], object), np.array(["x", "y"], object), np.array([0, 1000]))
    >>> framed = frame(quiet, FrameParams(victims=1, bots_per_victim=3, copied_share=1), np.random.default_rng(1))
    >>> len(framed.actions), len(framed.bots)
    (5, 3)
    """
    if params.form not in FORMS:
        raise UsageError(f"frame: field `form`: {params.form!r} is unknown; write one of {', '.join(FORMS)}")
    ids, account = np.unique(background.account_id.astype(str), return_inverse=True)
    victims = _draw(background, ids, account, params, rng, spared)
    parts, bots = [background], list[str]()
    for victim in victims:
        rows = np.flatnonzero(account == victim)
        mine = [f"mirror:{len(bots) + number:05}" for number in range(1, params.bots_per_victim + 1)]
        names: Texts = np.array(mine, dtype=object)
        bots += mine
        bot, row = np.nonzero(rng.random((len(names), len(rows))) < params.copied_share)
        at_ms = background.at_ms[rows[row]] + _delays(params, len(row), rng)
        parts.append(Actions(names[bot], background.object_id[rows[row]], at_ms))
    return Framed(mixed(parts)[0], tuple(ids[victims].tolist()), tuple(bots))


def _draw(
    background: Actions,
    ids: npt.NDArray[np.str_],
    account: Int64s,
    params: FrameParams,
    rng: np.random.Generator,
    spared: Collection[str],
) -> Int64s:
    order = np.lexsort((background.at_ms, account))
    who, at_ms = account[order], background.at_ms[order]
    begins = (np.diff(who, prepend=-1) != 0) | (np.diff(at_ms, prepend=0) > EPISODE_GAP_MS)
    sittings = np.bincount(who[begins], minlength=len(ids))
    sittings[np.isin(ids, np.array(list(spared), dtype=str))] = 0
    if np.count_nonzero(sittings) < params.victims:
        raise UsageError(f"frame: the background has too few accounts to draw {params.victims} victims from; give more")
    enough = np.flatnonzero(sittings >= params.min_sittings)
    busiest = np.argsort(-sittings, kind="stable")[: params.victims]
    return rng.choice(enough if len(enough) >= params.victims else busiest, params.victims, replace=False)


def _delays(params: FrameParams, count: int, rng: np.random.Generator) -> Int64s:
    after = rng.integers(1_000, params.after_ms + 1, count)
    before = -rng.integers(1, params.before_ms + 1, count)
    ahead = {"mirroring": np.zeros, "anticipatory": np.ones}.get(params.form)
    return np.where(rng.random(count) < 0.5 if ahead is None else ahead(count, dtype=bool), before, after)
