"""Creation bursts: hours, days or weeks in which more accounts of a roster were created than chance allows.

The idea is Bellutta & Carley's (2023, doi 10.1186/s40537-023-00695-7); the test is Floodmark's. Chance is a negative
binomial count whose mean comes from the surrounding bins and the usual rhythm of the day and the week, and whose
dispersion from the roster's own bins, both made so that bursts do not hide themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from floodmark.stats import Counts, Floats, bh
from floodmark.view import CaseView

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS


@dataclass(frozen=True)
class Resolution:
    """Length of the bins; how many to either side make the baseline, how many the nearer one, and how far that is off.

    An hour's burst runs over into the next hour, so that one is left out (`gap`); a wave of news may be as short as a
    few days, so next to a day or a week nothing is.
    """

    name: str
    bin_ms: int
    far: int
    near: int
    gap: int


#: Two weeks, four weeks, a quarter; half a day, three days, two weeks.
RESOLUTIONS: Final = (
    Resolution("hour", HOUR_MS, 336, 12, 1),
    Resolution("day", DAY_MS, 28, 3, 0),
    Resolution("week", WEEK_MS, 13, 2, 0),
)
#: Fewer accounts with a date fine enough are not tested.
MIN_DATED: Final = 100
#: Fewer created in one bin are never called a burst: a family, a class or a newsroom signs up together.
MIN_BURST: Final = 5
#: Expected share of bins called a burst without being one, among all that are called so.
FALSE_DISCOVERIES: Final = 0.05
#: The first Monday, so that weeks begin there.
_MONDAY_MS: Final = 4 * DAY_MS
#: A bin this improbable does not enter the baseline of the others.
_MASK_P: Final = 1e-4
_ROUNDS: Final = 5
#: Half an account before anything is seen (Jeffreys).
_PRIOR: Final = 0.5
#: Bins at the far level that the nearer ones are joined to.
_PRIOR_BINS: Final = 2.0
#: Accounts' worth of an even rhythm in each hour of the week or day of the week.
_EVEN: Final = 20.0
_DISPERSIONS: Final = np.concatenate([[0.0], np.geomspace(1e-3, 30, 40)])
#: Share of the bins that may be bursts; where more are as improbable, the baseline is too calm.
_UNREST: Final = 0.01
#: How much a wave may rise from the nearer bins to the bin itself.
_RISE: Final = 5.0
#: Accounts on either side of that comparison before anything is seen, so that one account is no rise.
_RISE_EVEN: Final = 4.0
#: Half the chi-square quantile at a one-sided level of 95 %.
_LIKELIHOOD_DROP: Final = 1.3528
_CHUNK: Final = 4096


@dataclass(frozen=True)
class BinTest:
    """Every bin from the first creation to the last: start, accounts, expected accounts, p-value, whether a burst.

    `dispersion` is the variance of the rate over the squared mean (0: Poisson), at the upper end of its interval.
    """

    resolution: Resolution
    start_ms: Counts
    accounts: Counts
    expected: Floats
    p_value: Floats
    burst: NDArray[np.bool_]
    dispersion: float


def bin_test(created_ms: Counts, resolution: Resolution) -> BinTest:
    """Test every bin for more creations than the surrounding ones allow.

    `created_ms` are the creation dates (UTC ms) of one roster's accounts in any order, at least one, each known to the
    bin. A bin must exceed both a far and a near baseline, so that growth and slow waves raise no alarm; Benjamini &
    Hochberg's rule runs over all bins from the first creation to the last.

    >>> import numpy as np
    >>> quiet = np.arange(400, dtype=np.int64) * DAY_MS * 3
    >>> found = bin_test(np.append(quiet, np.full(20, 600 * DAY_MS + 5)), RESOLUTIONS[1])
    >>> found.start_ms[found.burst] // DAY_MS, found.accounts[found.burst]
    (array([600]), array([21]))
    """
    width = resolution.bin_ms
    places = (created_ms - _MONDAY_MS) // width
    first = int(places.min())
    counts = np.bincount(places - first).astype(np.int64)
    start_ms = (np.arange(counts.size, dtype=np.int64) + first) * width + _MONDAY_MS
    rhythm = _rhythm(counts, start_ms, resolution)
    masked = np.zeros(counts.size, dtype=bool)
    dispersion = 0.0
    for _ in range(_ROUNDS):
        shape, rate = _far(counts, rhythm, masked, resolution.far)
        dispersion = _dispersion(counts, rhythm * shape / rate, shape)
        p_far = _tail(counts, rhythm * shape / rate, shape, dispersion)
        again = (p_far < _MASK_P) & (counts >= MIN_BURST)
        if (again == masked).all():
            break
        masked = again
    expected = rhythm * shape / rate
    near, near_shape = _near(counts, rhythm, shape / rate, resolution)
    p_near = _tail(counts, rhythm * near, near_shape, dispersion)
    # A bin with hardly any around it has no baseline.
    tested = (counts >= MIN_BURST) & (_sums(np.ones(counts.size), resolution.far) > 2 * resolution.near)
    p_value = np.where(tested, np.maximum(p_far, p_near), 1.0)
    return BinTest(resolution, start_ms, counts, expected, p_value, bh(p_value, FALSE_DISCOVERIES), dispersion)


@dataclass(frozen=True)
class RosterBins:
    """One roster at one resolution: its accounts, those with a date that fine, the test unless these are too few."""

    accounts: int
    dated: int
    test: BinTest | None


def creation_bins(view: CaseView) -> Mapping[tuple[str, str], RosterBins]:
    """Return the test of every roster and resolution, from `participants` and `accounts`.

    A date counts where its error is no longer than the bin. A date from an id is the moment at which sign-up began; it
    counts for hours too, though a profile's own date may be up to two hours later.
    """
    found: dict[tuple[str, str], RosterBins] = {}
    rosters = view.db.rows("SELECT roster, count(*) FROM participants GROUP BY roster ORDER BY roster")
    for roster, accounts in rosters:
        for resolution in RESOLUTIONS:
            rows = view.db.arrays(
                f"SELECT {_MOMENT} AS at_ms FROM participants p JOIN accounts a ON a.account_id = p.account_id"
                f" WHERE p.roster = $roster AND {_FINE} ORDER BY 1",
                {"roster": roster, "bin_ms": resolution.bin_ms},
            )
            created = np.asarray(rows["at_ms"], dtype=np.int64)
            test = bin_test(created, resolution) if created.size >= MIN_DATED else None
            found[roster, resolution.name] = RosterBins(accounts, int(created.size), test)
    return found


#: A date from an id is kept as the earliest a profile could say, a second before the id's own time.
_MOMENT: Final = "a.created_at_ms + CASE WHEN a.created_from = 'id' THEN 1000 ELSE 0 END"
_FINE: Final = (
    "a.created_at_ms IS NOT NULL AND (coalesce(a.created_resolution_ms, 1) <= $bin_ms"
    f" OR a.created_from = 'id' AND a.created_resolution_ms <= {3 * HOUR_MS})"
)
#: What the flag looks at: a week with many creations can be a week of news.
FLAGGED: Final = ("hour", "day")


def burst_accounts(view: CaseView) -> Mapping[str, list[object]]:
    """Return what the flag `burst_created` says of each participant of a tested roster with a fine enough date."""
    db = view.db
    db.execute(
        "CREATE OR REPLACE TEMP TABLE _burst_bins (roster VARCHAR, name VARCHAR, bin_ms BIGINT, start_ms BIGINT,"
        " accounts BIGINT, expected DOUBLE)"
    )
    db.execute("CREATE OR REPLACE TEMP TABLE _burst_tests (roster VARCHAR, bin_ms BIGINT)")
    for (roster, name), bins in sorted(creation_bins(view).items()):
        if bins.test is None or name not in FLAGGED:
            continue
        width, burst = bins.test.resolution.bin_ms, bins.test.burst
        db.load("_burst_tests", {"roster": [roster], "bin_ms": [width]})
        if count := int(burst.sum()):
            columns: dict[str, Sequence[object] | NDArray[Any]] = {
                "start_ms": bins.test.start_ms[burst],
                "accounts": bins.test.accounts[burst],
                "expected": bins.test.expected[burst],
            }
            columns |= {"roster": [roster] * count, "name": [name] * count, "bin_ms": [width] * count}
            db.load("_burst_bins", columns)
    rows = db.rows(
        f"""
        SELECT p.account_id, count(b.start_ms) > 0 AS flagged,
               min({{'bin_ms': t.bin_ms, 'roster': p.roster, 'start_ms': b.start_ms, 'accounts': b.accounts,
                     'expected': b.expected}}) FILTER (b.start_ms IS NOT NULL) AS burst
        FROM participants p
        JOIN accounts a ON a.account_id = p.account_id
        JOIN _burst_tests t ON t.roster = p.roster AND {_FINE.replace("$bin_ms", "t.bin_ms")}
        LEFT JOIN _burst_bins b ON b.roster = p.roster AND b.bin_ms = t.bin_ms
            AND {_MOMENT} >= b.start_ms AND {_MOMENT} < b.start_ms + b.bin_ms
        GROUP BY p.account_id
        ORDER BY p.account_id
        """
    )
    return {
        "account_id": [account for account, _, _ in rows],
        "flagged": [flagged for _, flagged, _ in rows],
        "evidence": [None if burst is None else _why(burst) for _, _, burst in rows],
    }


def _why(burst: Mapping[str, object]) -> str:
    """Return the reason in words: how many were created in which hour or day, and how many were expected."""
    start = datetime.fromtimestamp(int(str(burst["start_ms"])) / 1000, tz=UTC)
    hour = burst["bin_ms"] == HOUR_MS
    when = f"the hour from {start:%Y-%m-%d %H:%M} UTC" if hour else f"the day {start:%Y-%m-%d} UTC"
    return f"one of {burst['accounts']} accounts created in {when}; expected {float(str(burst['expected'])):.2g}"


def _rhythm(counts: Counts, start_ms: Counts, resolution: Resolution) -> Floats:
    """Return the usual share of each hour of the week, or day of the week, relative to an even one."""
    if resolution.bin_ms >= WEEK_MS:
        return np.ones(counts.size)
    kinds = WEEK_MS // resolution.bin_ms
    kind = ((start_ms - _MONDAY_MS) // resolution.bin_ms) % kinds
    window = _sums(counts.astype(np.float64), resolution.far)
    level = window / _sums(np.ones(counts.size), resolution.far)
    # One bin counts at most three times the level around it, so that a burst makes no rhythm.
    capped = np.minimum(counts, np.ceil(3 * level))
    seen = np.bincount(kind, capped, kinds).astype(np.float64)
    even = np.bincount(kind, level, kinds).astype(np.float64)
    if kinds > 7:
        # Hours of the day and days of the week apart: 31 numbers where 168 would each rest on few accounts.
        hours, days = np.arange(kinds) % 24, np.arange(kinds) // 24
        return (_ratio(seen, even, hours) * _ratio(seen, even, days))[kind]
    return _ratio(seen, even, np.arange(kinds))[kind]


def _ratio(seen: Floats, even: Floats, groups: NDArray[np.int64]) -> Floats:
    """Return seen / even per group, drawn towards 1, for each place; `even` is scaled to the sum of `seen`."""
    total = max(float(even.sum()), 1e-12)
    mine = np.bincount(groups, seen).astype(np.float64)
    wanted = np.bincount(groups, even).astype(np.float64) * (float(seen.sum()) / total)
    ratio: Floats = (mine + _EVEN) / (wanted + _EVEN)
    return ratio[groups]


def _sums(values: Floats, reach: int) -> Floats:
    """Return for each place the sum over the places at most `reach` away, itself included."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(values.size)
    sums: Floats = total[np.minimum(place + reach + 1, values.size)] - total[np.maximum(place - reach, 0)]
    return sums


def _far(counts: Counts, rhythm: Floats, masked: NDArray[np.bool_], reach: int) -> tuple[Floats, Floats]:
    """Return shape and rate of what the bins around, without masked ones and the bin itself, say of the level."""
    used = np.where(masked, 0.0, counts)
    exposure = np.where(masked, 0.0, rhythm)
    shape = np.maximum(_sums(used, reach) - used, 0.0) + _PRIOR
    return shape, np.maximum(_sums(exposure, reach) - exposure, 0.0) + _PRIOR


def _near(counts: Counts, rhythm: Floats, level: Floats, resolution: Resolution) -> tuple[Floats, Floats]:
    """Return mean per rhythm and shape of what the nearer bins before, or those after, say: whichever says more.

    Each side begins `gap` bins off and is joined to _PRIOR_BINS at the far level. Nothing is masked, and a side that
    rises towards the bin is carried on, at most _RISE-fold: a wave that swells or ebbs over several bins is no burst in
    its highest.
    """
    reach, gap = resolution.near, resolution.gap
    best_mean, best_shape = np.zeros(counts.size), np.full(counts.size, _PRIOR)
    for direction in (1, -1):
        seen = np.concatenate([[0.0], np.cumsum(counts[::direction].astype(np.float64))])
        exposure = np.concatenate([[0.0], np.cumsum(rhythm[::direction])])
        local = level[::direction]
        place = np.arange(counts.size)
        last, middle, outer = (np.maximum(place - away, 0) for away in (gap, gap + reach, gap + 2 * reach))
        inner, before = seen[last] - seen[middle], seen[middle] - seen[outer]
        inner_bins, before_bins = exposure[last] - exposure[middle], exposure[middle] - exposure[outer]
        shape = inner + _PRIOR_BINS * local
        rise = (inner + _RISE_EVEN) / (before + _RISE_EVEN) * (before_bins + _PRIOR_BINS) / (inner_bins + _PRIOR_BINS)
        mean = shape / (inner_bins + _PRIOR_BINS) * np.clip(rise, 1.0, _RISE)
        mean, shape = mean[::direction], shape[::direction]
        higher = mean > best_mean
        best_mean, best_shape = np.where(higher, mean, best_mean), np.where(higher, shape, best_shape)
    return best_mean, best_shape


def _size(shape: Floats, dispersion: float) -> Floats:
    """Return the negative binomial's size: dispersion of the rate plus what is not known of its mean."""
    return 1.0 / (dispersion + 1.0 / shape)


def _tail(counts: Counts, mean: Floats, shape: Floats, dispersion: float) -> Floats:
    """Return the chance of at least so many accounts in each bin."""
    from scipy.special import betainc

    p_value = np.ones(counts.size)
    some = counts > 0
    size = _size(shape[some], dispersion)
    p_value[some] = betainc(counts[some], size, mean[some] / (mean[some] + size))
    return p_value


def _dispersion(counts: Counts, mean: Floats, shape: Floats) -> float:
    """Return the dispersion that the roster's own bins show, rather too much than too little.

    It is the upper end by likelihood, where a count above its cap says only that it is above, so that a burst does not
    pass for usual unrest; then more, until no more bins than _UNREST are as improbable as that: a roster that bursts
    all the time has waves, not bursts.
    """
    caps = np.ceil(mean + 4 * np.sqrt(mean)).astype(np.int64) + 1
    likelihood = _Likelihood(counts, caps, mean, shape)
    values = np.array([likelihood(float(dispersion)) for dispersion in _DISPERSIONS])
    first = int(np.flatnonzero(values >= values.max() - _LIKELIHOOD_DROP)[-1])
    for dispersion in _DISPERSIONS[first:]:
        if likelihood.improbable(float(dispersion)) <= _UNREST * counts.size + 1:
            break
    return float(dispersion)


class _Likelihood:
    """The log likelihood of the counts of all bins by dispersion; of a count at its cap it is known only that it is.

    With v, the inverse of the size, a count n has the chance (1 + mean v)^-(1/v + n) (mean v)^n times a quotient of
    gamma functions, which depends on n and shape alone: few pairs of them differ.
    """

    def __init__(self, counts: Counts, caps: Counts, mean: Floats, shape: Floats) -> None:
        from scipy.special import gammaln

        above = counts >= caps
        known = ~above
        some = known & (counts > 0)
        self._above = caps[above], counts[above], mean[above], shape[above]
        self._known = counts[known].astype(np.float64), mean[known], 1.0 / shape[known]
        self._some = counts[some], mean[some], shape[some]
        shapes, place = np.unique(shape[some], return_inverse=True)
        pairs, self._pair, times = np.unique(
            counts[some] * len(shapes) + place, return_inverse=True, return_counts=True
        )
        self._times = times.astype(np.float64)
        self._pair_count, self._pair_shape = pairs // max(1, len(shapes)), shapes[pairs % max(1, len(shapes))]
        self._constant = float(counts[some] @ np.log(mean[some]) - self._times @ gammaln(self._pair_count + 1))

    def __call__(self, dispersion: float) -> float:
        from scipy.special import betainc

        total = self._constant + float(self._times @ self._quotients(dispersion))
        # Few enough bins at once to stay near the processor.
        for first in range(0, len(self._known[0]), _CHUNK):
            counts, mean, inverse = (column[first : first + _CHUNK] for column in self._known)
            inverse = inverse + dispersion
            total -= float(np.log1p(mean * inverse) @ (1 / inverse + counts))
        caps, _, mean, shape = self._above
        if len(caps):
            size = _size(shape, dispersion)
            reached = betainc(caps, size, mean / (mean + size))
            total += float(np.log(np.maximum(reached, 1e-300)).sum())
        return total

    def _quotients(self, dispersion: float) -> Floats:
        """Return, for each pair of count n and shape, log of gamma(size + n) / gamma(size) / size^n."""
        from scipy.special import gammaln

        size = _size(self._pair_shape, dispersion)
        result: Floats = gammaln(self._pair_count + size) - gammaln(size) - self._pair_count * np.log(size)
        return result

    def improbable(self, dispersion: float) -> int:
        """Return how many bins have a chance of at least so many accounts below _UNREST."""
        from scipy.special import gammaln

        counts, mean, shape = self._some
        size = _size(shape, dispersion)
        exactly = counts * np.log(mean) - gammaln(counts + 1) + self._quotients(dispersion)[self._pair]
        exactly -= np.log1p(mean / size) * (size + counts)
        # Where the count itself is no less probable than that, it and more are not.
        rare = exactly < np.log(_UNREST) + 1e-6
        _, high, high_mean, high_shape = self._above
        low = _tail(counts[rare], mean[rare], shape[rare], dispersion)
        return int((low < _UNREST).sum() + (_tail(high, high_mean, high_shape, dispersion) < _UNREST).sum())
