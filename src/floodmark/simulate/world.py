"""The containers that a simulation fills: calendar, people, draft of posts, and the finished posts.

All arrays of a container have one entry per account (or post); accounts and posts are numbers until they are written.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

TOPICS: Final = ("against", "for", "control")
CONTROL: Final = 2
ORIGINAL: Final = 0
REPOST: Final = 1
REPLY: Final = 2
#: Flag cells of campaign accounts; NO_CELL: neither new, dormant nor low-follower.
NEW_LOW, NEW_ONLY, DORMANT_LOW, DORMANT_ONLY, LOW_ONLY, NO_CELL = range(6)


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random stream `name` of `seed`; parts with their own stream do not disturb one another.

    >>> bool(stream(1, "crowd").random() == stream(1, "crowd").random())
    True
    """
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def objects(values: list[str] | tuple[str, ...]) -> Objects:
    """Return strings as an object array, which adds element by element."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def slots(rng: np.random.Generator, shares: tuple[float, ...], count: int) -> Ints:
    """Return `count` category numbers drawn with probabilities proportional to `shares`."""
    edges = np.cumsum(np.asarray(shares) / sum(shares))[:-1]
    return np.searchsorted(edges, rng.random(count), side="right").astype(np.int64)


@dataclass(frozen=True)
class People:
    """What is fixed about accounts before they post. `place` indexes PLACES (0: the case's country), `topic` TOPICS."""

    role: Objects
    group: Objects
    topic: Ints
    place: Ints
    vpn: Bools
    language: Ints
    activity: Floats
    cell: Ints

    def __len__(self) -> int:
        """Return the number of accounts."""
        return len(self.role)


@dataclass(frozen=True)
class Layout:
    """Which accounts are what: `pools`, `bots`, `fans` and `clocks` by topic; `fans` holds one array per idol."""

    campaign: Ints
    pools: tuple[Ints, ...]
    bots: tuple[Ints, ...]
    fans: tuple[tuple[Ints, ...], ...]
    clocks: tuple[Ints, ...]


class Book:
    """Interned tag sets, links and fixed bodies of text; posts hold their numbers."""

    def __init__(self) -> None:
        """Start empty; tag set 0 is no tag."""
        self.tagsets: list[tuple[str, ...]] = [()]
        self.urls: list[str] = []
        self.bodies: list[str] = []
        self._tag_codes: dict[tuple[str, ...], int] = {(): 0}

    def tags(self, *tags: str) -> int:
        """Return the number of a tag set, in its written order."""
        if tags not in self._tag_codes:
            self._tag_codes[tags] = len(self.tagsets)
            self.tagsets.append(tags)
        return self._tag_codes[tags]

    def url(self, address: str) -> int:
        """Return the number of a new link."""
        self.urls.append(address)
        return len(self.urls) - 1

    def body(self, text: str) -> int:
        """Return the number of a new fixed text."""
        self.bodies.append(text)
        return len(self.bodies) - 1


#: Columns of a draft and what they hold when not given (-1: none).
_COLUMNS: Final[Mapping[str, int]] = {
    "account": -1,
    "at_s": -1,
    "kind": ORIGINAL,
    "parent": -1,
    "topic": 0,
    "tags": 0,
    "url": -1,
    "body": -1,
    "language": 0,
    "keyword": 0,
}


@dataclass(frozen=True)
class Posts:
    """All posts of both streams, sorted by time; `parent` is the row of the post that is repeated or answered."""

    account: Ints
    at_s: Ints
    kind: Ints
    parent: Ints
    topic: Ints
    tags: Ints
    url: Ints
    body: Ints
    language: Ints
    keyword: Ints

    def __len__(self) -> int:
        """Return the number of posts."""
        return len(self.account)

    def kept(self, mask: Bools) -> Posts:
        """Return the posts of `mask` (one entry per post) whose parent, if any, is kept too."""
        mask = mask & ((self.parent < 0) | mask[self.parent])
        row_of = np.cumsum(mask) - 1
        columns = {name: values[mask] for name, values in vars(self).items()}
        parent = columns["parent"]
        return Posts(**{**columns, "parent": np.where(parent >= 0, row_of[parent], -1)})


@dataclass
class Draft:
    """Posts in the making, appended in batches."""

    size: int = 0
    parts: dict[str, list[Ints]] = field(default_factory=lambda: {name: [] for name in _COLUMNS})

    def add(self, account: Ints, at_s: Ints, **columns: Ints | int) -> Ints:
        """Append posts; columns left out take their default. Returns the draft numbers of the new posts."""
        count = len(account)
        given: dict[str, Ints | int] = {"account": account, "at_s": at_s, **columns}
        for name, default in _COLUMNS.items():
            values = np.broadcast_to(np.asarray(given.get(name, default), dtype=np.int64), (count,))
            self.parts[name].append(values)
        self.size += count
        return np.arange(self.size - count, self.size, dtype=np.int64)

    def finish(self) -> Posts:
        """Let reposts inherit what they repeat, drop repeated and self-reposts, and sort by time."""
        draft = {name: np.concatenate(parts) for name, parts in self.parts.items()}
        reposts = np.flatnonzero(draft["kind"] == REPOST)
        for name in ("topic", "tags", "url", "language", "keyword"):
            draft[name][reposts] = draft[name][draft["parent"][reposts]]
        kept = _without_repeats(draft, reposts)
        order = kept[np.lexsort((kept, draft["at_s"][kept]))]
        row_of = np.full(self.size, -1, dtype=np.int64)
        row_of[order] = np.arange(len(order))
        draft["parent"] = np.where(draft["parent"] >= 0, row_of[draft["parent"]], -1)
        return Posts(**{name: values[order] for name, values in draft.items()})


def _without_repeats(draft: Mapping[str, Ints], reposts: Ints) -> Ints:
    """Return the draft numbers to keep: an account repeats a post once (its first time) and never its own."""
    parent, account = draft["parent"][reposts], draft["account"][reposts]
    by_pair = np.lexsort((draft["at_s"][reposts], account, parent))
    repeated = np.zeros(len(reposts), dtype=bool)
    later, before = by_pair[1:], by_pair[:-1]
    repeated[later] = (parent[later] == parent[before]) & (account[later] == account[before])
    dropped = repeated | (draft["account"][parent] == account)
    kept = np.ones(len(draft["account"]), dtype=bool)
    kept[reposts[dropped]] = False
    return np.flatnonzero(kept)
