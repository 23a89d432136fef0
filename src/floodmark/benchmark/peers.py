"""Other tools' rules on the same shares, for comparison: each returns which accounts it flags.

They are re-implementations of the published rules, not the tools themselves; where a tool's own numbers are at hand, a
test compares with them. Traces are not told apart: to these rules an object is an object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from floodmark.coaction import kernel
from floodmark.coordination.result import Shares

Mask = npt.NDArray[np.bool_]
WINDOW_MS: Final = 60_000
_TOP_SHARE: Final = 0.005
_MAX_PAIRS: Final = 30_000_000


def co_actions(shares: Shares, window_ms: int = WINDOW_MS, min_objects: int = 2) -> Mask:
    """Flag both accounts of every pair that acted within the window on at least `min_objects` distinct objects.

    >>> trio = Shares.of(np.array(["a", "b", "a", "b", "c"], object), np.array([*"xxyyy"], object), np.zeros(5, int))
    >>> co_actions(trio).tolist()
    [True, True, False]
    """
    found = kernel.edges(shares.account, shares.object, shares.at_ms, shares.n_accounts, window_ms, min_objects)
    return _either_end(shares.n_accounts, found.account_a, found.account_b)


def coortweet(shares: Shares, window_ms: int = WINDOW_MS, min_participation: int = 2, percentile: float = 0.5) -> Mask:
    """Flag accounts on edges heavier than the median edge, as CooRTweet 2 does with its defaults and a 60 s window.

    Accounts with under `min_participation` actions are dropped; pairs of actions count when one side belongs to an
    account with that many co-actions; an edge's weight is its number of pairs, and edges strictly above the
    `percentile` of all weights stay (`detect_groups`, then `generate_coordinated_network(subgraph = 1)`).
    """
    busy = np.bincount(shares.account, minlength=shares.n_accounts) >= min_participation
    kept = busy[shares.account]
    account, thing, at_ms = shares.account[kept], shares.object[kept], shares.at_ms[kept]
    if not len(account):
        return np.zeros(shares.n_accounts, dtype=bool)
    active = _co_acting(account, thing, at_ms, shares.n_accounts, window_ms) >= min_participation
    edges = kernel.edges(account, thing, at_ms, shares.n_accounts, window_ms)
    counted = active[edges.account_a] | active[edges.account_b]
    if not counted.any():
        return np.zeros(shares.n_accounts, dtype=bool)
    weights = edges.coactions[counted]
    heavy = weights > np.quantile(weights, percentile)
    return _either_end(shares.n_accounts, edges.account_a[counted][heavy], edges.account_b[counted][heavy])


def tfidf_top(shares: Shares, top_share: float = _TOP_SHARE, min_objects: int = 2) -> Mask | None:
    """Flag accounts on the most similar pairs: TF-IDF vectors of objects, cosine, the top `top_share` of edges.

    As in the co-retweet notebooks of Pacheco et al. 2021 (doi 10.1609/icwsm.v15i1.18075): time plays no part. Accounts
    with under `min_objects` distinct objects are left out; of pairs equally similar, those with more objects in common
    come first. None where more than 30 million pairs share an object: this rule does not scale there.
    """
    from scipy.sparse import csr_array, diags_array, triu

    enough = _distinct_objects(shares) >= min_objects
    rows = enough[shares.account]
    cells = (shares.account[rows], shares.object[rows])
    counts = csr_array((np.ones(len(cells[0])), cells), shape=(shares.n_accounts, len(shares.trace)))
    counts.sum_duplicates()
    touched = csr_array((np.ones(counts.nnz), counts.indices, counts.indptr), shape=counts.shape)
    sharers: npt.NDArray[np.float64] = np.asarray(touched.sum(axis=0)).ravel()
    if (sharers**2).sum() / 2 > _MAX_PAIRS:
        return None
    weighted = counts @ diags_array(np.log((1 + enough.sum()) / (1 + sharers)) + 1)
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    vectors = diags_array(1 / np.where(norms > 0, norms, 1)) @ weighted
    similar, common = (triu(matrix @ matrix.T, k=1).tocoo() for matrix in (vectors, touched))
    ends, cosine = _sorted_pairs(similar.row, similar.col, similar.data)
    _, in_common = _sorted_pairs(common.row, common.col, common.data)
    top = np.lexsort((-in_common, -np.round(cosine, 9)))[: int(np.ceil(top_share * len(cosine)))]
    return _either_end(shares.n_accounts, ends[0][top], ends[1][top])


#: The rules by the name that tables and charts carry.
RULES: Final[Mapping[str, Callable[[Shares], Mask | None]]] = {
    "two_co_actions": co_actions,
    "coortweet": coortweet,
    "tfidf": tfidf_top,
}


def _distinct_objects(shares: Shares) -> npt.NDArray[np.int64]:
    """Return how many distinct objects each account touched."""
    cells = np.unique(shares.account.astype(np.int64) * len(shares.trace) + shares.object)
    return np.bincount(cells // len(shares.trace), minlength=shares.n_accounts)


def _sorted_pairs(
    row: npt.NDArray[np.int32], col: npt.NDArray[np.int32], data: npt.NDArray[np.float64]
) -> tuple[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]], npt.NDArray[np.float64]]:
    order = np.lexsort((col, row))
    return (row[order], col[order]), data[order]


def _co_acting(
    account: npt.NDArray[np.int32],
    thing: npt.NDArray[np.int32],
    at_ms: npt.NDArray[np.int64],
    n_accounts: int,
    window_ms: int,
) -> npt.NDArray[np.int64]:
    """Return how many actions of each account have another account's action on the same object within the window."""
    ordered = kernel.sort_actions(account, thing, at_ms, n_accounts, window_ms)
    # Between two positions all accounts are the same exactly if no change lies between them.
    changes = np.concatenate(([0], np.cumsum(ordered.account[1:] != ordered.account[:-1])))
    others = changes[ordered.high - 1] > changes[ordered.low]
    return np.bincount(ordered.account[others], minlength=n_accounts)


def _either_end(n_accounts: int, ends_a: npt.NDArray[np.int32], ends_b: npt.NDArray[np.int32]) -> Mask:
    flagged = np.zeros(n_accounts, dtype=bool)
    flagged[ends_a] = True
    flagged[ends_b] = True
    return flagged
