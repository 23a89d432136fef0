"""From actions with names to the shares that the coordination test reads, with a way back to the names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from floodmark.coordination.result import Shares
from floodmark.simulate.plant import Actions

Texts = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]
TRACES: Final = ("repost", "url", "hashtag", "text")
_OWN_OBJECT: Final = "planted:object:"


@dataclass(frozen=True)
class Labelled:
    """Shares and the ids behind their account and object indices."""

    shares: Shares
    accounts: Texts
    objects: Texts

    def mask(self, account_ids: Iterable[str]) -> Mask:
        """Return which accounts, one cell an account, are among `account_ids`."""
        return np.isin(self.accounts.astype(str), np.array(list(account_ids), dtype=str))

    def only(self, trace: int) -> Labelled:
        """Return the actions of one trace alone; accounts keep their numbers, also those without an action there."""
        kept = self.shares.trace[self.shares.object] == trace
        shares = replace(
            self.shares,
            account=self.shares.account[kept],
            object=self.shares.object[kept],
            at_ms=self.shares.at_ms[kept],
        )
        return replace(self, shares=shares)


def labelled(actions: Actions, traces: int = 1) -> Labelled:
    """Number accounts and objects by their ids, and split the objects over `traces` kinds of action.

    An object's kind is a matter of its name: a checksum for the background's, in turn for the campaign's own. So every
    kind has an organic crowd, which a campaign that spreads its objects hides in.

    >>> found = labelled(Actions(np.array(["b", "a"], object), np.array(["x", "y"], object), np.array([0, 1])), 2)
    >>> found.accounts.tolist(), found.shares.account.tolist(), found.mask(["b"]).tolist()
    (['a', 'b'], [1, 0], [False, True])
    """
    accounts, account = np.unique(actions.account_id.astype(str), return_inverse=True)
    objects, thing = np.unique(actions.object_id.astype(str), return_inverse=True)
    trace = np.array([_trace_of(name, traces) for name in objects.tolist()] if traces > 1 else [0] * len(objects))
    shares = Shares(
        account.astype(np.int32),
        thing.astype(np.int32),
        np.asarray(actions.at_ms, np.int64),
        len(accounts),
        trace.astype(np.int32),
        TRACES[:traces] if traces > 1 else ("share",),
    )
    return Labelled(shares, accounts.astype(object), objects.astype(object))


def _trace_of(name: str, traces: int) -> int:
    own = name.removeprefix(_OWN_OBJECT)
    return (int(own) if own != name else crc32(name.encode())) % traces
