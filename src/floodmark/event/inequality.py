"""Inequality of posts per account, and against a control of another size and another density.

Gini's coefficient depends on how often accounts were caught at all: where a collection holds every tenth post, nearly
everyone has one. So before two rosters are compared the denser one is thinned to the other's mean of posts per account.
Thinning to equal totals instead would make a large crowd look more equal than a small one of the same kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.stats import Counts, Floats, Interval

LEAST_ACCOUNTS: Final = 30
#: With fewer accounts the top hundredth is less than one of them.
LEAST_FOR_TOP: Final = 100
TOP_SHARE: Final = 0.01
_RESAMPLES: Final = 1_000
#: Each thins both spreads anew, which costs more.
_DIFFERENCE_RESAMPLES: Final = 400
_SEED: Final = 20200717
_BISECTIONS: Final = 40


@dataclass(frozen=True)
class Spread:
    """How many accounts made how many posts: `posts` distinct values ascending, `accounts` with each (may be real)."""

    posts: Counts
    accounts: Floats

    @property
    def size(self) -> float:
        """Accounts."""
        return float(self.accounts.sum())

    @property
    def total(self) -> float:
        """Posts."""
        return float(self.accounts @ self.posts)


@dataclass(frozen=True)
class Inequality:
    """Gini's coefficient and the share of the posts by the most active hundredth of accounts (None under 100)."""

    accounts: int
    posts: int
    gini: float
    gini_interval: Interval
    top: float | None
    top_interval: Interval | None


@dataclass(frozen=True)
class InequalityDifference:
    """A roster's inequality minus the control's at equal posts per account; `mean` is that number.

    `p_value` is that of equal spread, by the jackknife. `thinned` says which was thinned
    (`roster`, `control` or `neither`), `kept` which share of its posts was kept.
    """

    mean: float
    thinned: str
    kept: float
    gini: float
    gini_interval: Interval
    top: float | None
    top_interval: Interval | None
    p_value: float


def spread_of(posts: Counts) -> Spread:
    """Return posts per account (one whole number an account; zeros drop out) as a table of values.

    >>> found = spread_of(np.array([1, 1, 4]))
    >>> found.posts.tolist(), found.accounts.tolist()
    ([1, 4], [2.0, 1.0])
    """
    values, counts = np.unique(posts[posts > 0], return_counts=True)
    return Spread(values.astype(np.int64), counts.astype(np.float64))


def gini(posts: Counts, accounts: Floats) -> Floats:
    """Return Gini's coefficient of spreads over the same ascending `posts` (last axis), corrected for few accounts.

    Source: Gini 1914; the factor n / (n - 1) makes it unbiased to first order (Deltas 2003,
    doi 10.1162/rest.2003.85.1.226). 0 where all post alike, or with fewer than two accounts.

    >>> round(float(gini(np.array([1, 3]), np.array([2.0, 2.0]))), 4)
    0.3333
    """
    size, total = accounts.sum(axis=-1), accounts @ posts
    below = np.cumsum(accounts, axis=-1) - accounts / 2
    lorenz = (below * accounts) @ posts
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = 2 * lorenz / (size * total) - 1
        value = raw * size / (size - 1)
    return np.asarray(np.clip(np.where((size > 1) & (total > 0), value, 0.0), 0.0, 1.0))


def top_share(posts: Counts, accounts: Floats) -> Floats:
    """Return the share of all posts made by the most active hundredth of accounts; part of an account counts in part.

    >>> round(float(top_share(np.array([1, 100]), np.array([99.0, 1.0]))), 4)
    0.5025
    """
    down, busiest = accounts[..., ::-1], posts[::-1]
    room = (TOP_SHARE * accounts.sum(axis=-1))[..., None]
    taken = np.clip(room - (np.cumsum(down, axis=-1) - down), 0.0, down)
    total = accounts @ posts
    return np.asarray(np.where(total > 0, (taken @ busiest) / np.maximum(total, 1e-12), 0.0))


def inequality(posts: Counts, level: float = 0.95) -> Inequality | str:
    """Return the inequality of posts per account with percentile intervals of a bootstrap over accounts.

    `posts` holds one entry an account, zeros drop out. Returns in words what is missing where there are too few
    accounts.

    >>> found = inequality(np.array([1] * 90 + [50] * 10))
    >>> found.posts, round(found.gini, 2), round(found.top, 2)
    (590, 0.76, 0.08)
    """
    own = spread_of(posts)
    if own.size < LEAST_ACCOUNTS:
        return f"{int(own.size)} accounts; at least {LEAST_ACCOUNTS} are needed"
    drawn = _resampled(own, np.random.default_rng(_SEED))
    ginis, tops = gini(own.posts, drawn), top_share(own.posts, drawn)
    enough = own.size >= LEAST_FOR_TOP
    value, top = float(gini(own.posts, own.accounts)), float(top_share(own.posts, own.accounts))
    return Inequality(
        int(own.size),
        int(own.total),
        value,
        _interval(ginis, value, level),
        top if enough else None,
        _interval(tops, top, level) if enough else None,
    )


def difference(posts: Counts, control: Counts, level: float = 0.95, *, thin: bool = True) -> InequalityDifference | str:
    """Return how much more unequal a roster is than the control at equal posts per account, or what is missing.

    The denser of the two is thinned: each of its posts is kept with the same chance, accounts without any drop out.
    `thin` off compares them as they are. Values are expectations over thinnings;
    intervals are a bootstrap over the accounts of both that thins anew.
    `posts` and `control` hold one entry an account, zeros drop out.

    >>> found = difference(np.array([1] * 95 + [40] * 5), np.array([2, 3] * 50))
    >>> found.thinned, round(found.kept, 2), round(found.gini, 2), found.p_value < 0.001
    ('roster', 0.22, 0.42, True)
    """
    ours, theirs = spread_of(posts), spread_of(control)
    if min(ours.size, theirs.size) < LEAST_ACCOUNTS:
        return f"{int(ours.size)} and {int(theirs.size)} accounts; at least {LEAST_ACCOUNTS} each are needed"
    enough = min(ours.size, theirs.size) >= LEAST_FOR_TOP
    mean = min(ours.total / ours.size, theirs.total / theirs.size)
    kept = (kept_share(ours, mean), kept_share(theirs, mean)) if thin else (1.0, 1.0)
    rng = np.random.default_rng(_SEED)
    size = _DIFFERENCE_RESAMPLES
    # The first row is what was observed.
    mine, other = (np.vstack([own.accounts, _resampled(own, rng, size)]) for own in (ours, theirs))
    moved = _at_equal_mean((ours.posts, mine), (theirs.posts, other), thin)
    values = moved[0].tolist()
    return InequalityDifference(
        mean,
        "roster" if kept[0] < kept[1] else "control" if kept[1] < kept[0] else "neither",
        min(kept),
        values[0],
        _interval(moved[1:, 0], values[0], level),
        values[1] if enough else None,
        _interval(moved[1:, 1], values[1], level) if enough else None,
        equality_p(posts, control, thin=thin),
    )


def kept_share(own: Spread, mean: float) -> float:
    """Return which share of the posts to keep so that accounts with any have `mean` posts, by bisection; 1 for all.

    >>> round(kept_share(spread_of(np.full(100, 4)), 2.0), 3)
    0.456
    """
    return float(_kept_shares(own.posts, own.accounts[None, :], np.array([mean]))[0])


def _kept_shares(posts: Counts, accounts: Floats, means: Floats) -> Floats:
    """Return `kept_share` of spreads over the same `posts`, one a row of `accounts`."""
    totals = accounts @ posts
    low, high = np.zeros(means.size), np.ones(means.size)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        seen = (accounts * -np.expm1(posts * np.log1p(-middle)[:, None])).sum(axis=1)
        short = middle * totals < means * seen
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(totals / accounts.sum(axis=1) <= means * (1 + 1e-12), 1.0, high)


def thinned(own: Spread, kept: float) -> Spread:
    """Return the expected spread once each post is kept with chance `kept`; accounts left without posts drop out.

    >>> found = thinned(spread_of(np.full(100, 2)), 0.5)
    >>> found.posts.tolist(), found.accounts.round(1).tolist()
    ([1, 2], [50.0, 25.0])
    """
    if kept >= 1:
        return own
    values, accounts = _thinned_rows(own.posts, own.accounts[None, :], np.array([kept]))
    return Spread(values, accounts[0])


def _thinned_rows(posts: Counts, accounts: Floats, kept: Floats) -> tuple[Counts, Floats]:
    """Return values and, per row of `accounts`, how many of its accounts have each; rows with `kept` 1 stay whole."""
    from scipy.special import gammaln

    most, largest = int(posts[-1]), float(kept.max())
    # What is this far above the mean of the busiest account has no weight worth a column.
    columns = most if largest >= 1 else min(most, int(largest * most + 10 * np.sqrt(largest * most) + 10))
    values = np.arange(1, columns + 1, dtype=np.int64)
    whole, rest = posts[:, None], np.maximum(posts[:, None] - values, 0)
    ways = gammaln(whole + 1) - gammaln(values + 1) - gammaln(rest + 1)
    ways[values > whole] = -np.inf
    out = np.zeros((kept.size, values.size))
    for row, share in enumerate(kept.tolist()):
        if share >= 1:
            out[row, posts - 1] = accounts[row]
        else:
            out[row] = accounts[row] @ np.exp(ways + values * np.log(share) + rest * np.log1p(-share))
    return values, out


def _at_equal_mean(ours: tuple[Counts, Floats], theirs: tuple[Counts, Floats], thin: bool) -> Floats:
    """Return per row the differences of Gini's coefficient and of the top share, at equal posts per account."""
    if thin:
        means = np.minimum(*(accounts @ posts / accounts.sum(axis=1) for posts, accounts in (ours, theirs)))
        shares = [_kept_shares(*own, means) for own in (ours, theirs)]
        ours, theirs = (
            own if (kept >= 1).all() else _thinned_rows(*own, kept)
            for own, kept in zip((ours, theirs), shares, strict=True)
        )
    return np.stack([gini(*ours) - gini(*theirs), top_share(*ours) - top_share(*theirs)], axis=1)


def _resampled(own: Spread, rng: np.random.Generator, resamples: int = _RESAMPLES) -> Floats:
    return rng.multinomial(int(own.size), own.accounts / own.size, resamples).astype(np.float64)


def equality_p(posts: Counts, control: Counts, *, thin: bool = True) -> float:
    """Return the two-sided p-value that a roster and a control spread posts over accounts alike, thinned as above.

    The difference of Gini's coefficients over its jackknife error, as a normal score. Each account of either hand is
    left out in turn and the rest thinned anew (Arvesen 1969), so the error holds that of the thinning. Permuting
    accounts after one thinning would call heavy-tailed crowds of one kind different far too often.
    `posts` and `control` hold one entry an account, zeros drop out.

    >>> even = np.array([2, 3] * 50)
    >>> equality_p(even, even), equality_p(np.array([1] * 95 + [40] * 5), even) < 0.001
    (1.0, True)
    """
    ours, theirs = spread_of(posts), spread_of(control)
    # Accounts with as many posts are alike: one row for each number of posts on either hand, and first the whole.
    fewer = [np.maximum(own.accounts - np.eye(own.accounts.size), 0.0) for own in (ours, theirs)]
    mine = np.vstack([ours.accounts, fewer[0], np.tile(ours.accounts, (len(fewer[1]), 1))])
    other = np.vstack([theirs.accounts, np.tile(theirs.accounts, (len(fewer[0]), 1)), fewer[1]])
    moved = _at_equal_mean((ours.posts, mine), (theirs.posts, other), thin)[:, 0]
    hands = np.split(moved[1:], [len(fewer[0])])
    variance = sum(_jackknife(values, own) for values, own in zip(hands, (ours, theirs), strict=True))
    return math.erfc(abs(float(moved[0])) / math.sqrt(2 * max(variance, 1e-18)))


def _jackknife(values: Floats, own: Spread) -> float:
    """Return the variance of a figure from its `values` without one account of each kind."""
    middle = float(values @ own.accounts) / own.size
    return (own.size - 1) / own.size * float(((values - middle) ** 2) @ own.accounts)


def _interval(drawn: Floats, value: float, level: float) -> Interval:
    low, high = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2))
    return min(float(low), value), max(float(high), value)
