"""Share of voice: how many of the event's posts speak for each side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from floodmark import stats
from floodmark.view import CaseView


@dataclass(frozen=True)
class Voice:
    """A side's `posts` of the `total` that match any side in the window, its authors, the share with its interval."""

    posts: int
    total: int
    accounts: int
    share: float
    low: float
    high: float


def share_of_voice(view: CaseView, level: float = 0.95) -> Mapping[str, Voice]:
    """Return the share of voice of every side, from the posts of `side_posts` in the window, each post counted once.

    A post that matches several sides counts for each of them, so shares may sum to more than one. All posts of an
    account are one cluster (`stats.cluster_share`). Empty when no post matches a side.
    """
    sides = [side.name for side in view.config.sides]
    columns = ", ".join(f"count(*) FILTER (list_contains(sides, $side_{i})) AS hits_{i}" for i in range(len(sides)))
    found = view.db.arrays(
        f"""
        WITH once AS (
            SELECT post_id, min(account_id) AS account_id, list(DISTINCT side) AS sides
            FROM side_posts WHERE in_window AND side <> 'control' GROUP BY post_id
        )
        SELECT count(*) AS total, {columns} FROM once GROUP BY account_id
        """,
        {f"side_{i}": name for i, name in enumerate(sides)},
    )
    totals = np.asarray(found["total"], dtype=np.int64)
    return {
        name: _voice(np.asarray(found[f"hits_{i}"], dtype=np.int64), totals, level)
        for i, name in enumerate(sides)
        if totals.size
    }


def _voice(hits: stats.Counts, totals: stats.Counts, level: float) -> Voice:
    share, low, high = stats.cluster_share(hits, totals, level)
    return Voice(int(hits.sum()), int(totals.sum()), int(np.count_nonzero(hits)), share, low, high)
