"""How a planted campaign makes itself harder to see: who takes part in what, and which matches it breaks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]


def rotation(shape: tuple[int, int], actions_per_account: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return which account (row) does which joint action (column): `actions_per_account` each, drawn at random."""
    if shape[1] <= actions_per_account:
        return np.ones(shape, dtype=bool)
    ranks = rng.random(shape).argsort(axis=1).argsort(axis=1)
    return np.asarray(ranks < actions_per_account)


def paraphrase(objects: Texts, share: float, rng: np.random.Generator) -> Texts:
    """Return `objects` (accounts x joint actions) with each cell replaced, with chance `share`, by one of its own."""
    if share == 0:
        return objects
    lost = rng.random(objects.shape) < share
    rows, columns = np.nonzero(lost)
    mine = [f"planted:paraphrase:{row + 1:04}:{column + 1:04}" for row, column in zip(rows, columns, strict=True)]
    out = objects.copy()
    out[lost] = np.array(mine, dtype=object)
    return out
