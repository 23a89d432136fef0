"""Intervals against published figures, against SciPy, and against their own promise to cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as reference

from floodmark import stats


# Newcombe 1998, Statistics in Medicine 17:857, table I (score method without continuity correction).
@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_limits(hits: int, trials: int, low: float, high: float) -> None:
    assert stats.wilson(hits, trials) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


# Newcombe 1998, Statistics in Medicine 17:873, table II, method 10.
@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
    ],
)
def test_newcombe_gives_the_published_limits(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    assert stats.newcombe_difference(*counts) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("trials", [1, 2, 7, 100, 26_431])
def test_intervals_of_a_share_equal_scipy(trials: int, level: float) -> None:
    for hits in {0, 1, trials // 3, trials}:
        test = reference.binomtest(hits, trials)
        assert stats.wilson(hits, trials, level) == pytest.approx(tuple(test.proportion_ci(level, "wilson")), abs=1e-12)
        exact = tuple(test.proportion_ci(level, "exact"))
        assert stats.clopper_pearson(hits, trials, level) == pytest.approx(exact, abs=1e-12)


def test_without_trials_nothing_is_known() -> None:
    assert stats.wilson(0, 0) == (0.0, 1.0)
    assert stats.clopper_pearson(0, 0) == (0.0, 1.0)
    assert stats.newcombe_difference(0, 0, 3, 5) == (-1.0, 1.0)
    assert stats.newcombe_difference(3, 5, 0, 0) == (-1.0, 1.0)
    assert stats.imbens_manski(0, 0, 0) == (0.0, 1.0)
    none = np.zeros(0, dtype=np.int64)
    assert stats.cluster_share(none, none) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("hits", "trials"), [(-1, 5), (6, 5), (1, 0)])
def test_impossible_counts_are_refused(hits: int, trials: int) -> None:
    for function in (stats.wilson, stats.clopper_pearson):
        with pytest.raises(ValueError, match="do not fit"):
            function(hits, trials)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 95])
def test_impossible_levels_are_refused(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.wilson(1, 2, level)


def coverage(interval: object, trials: int, shares: np.ndarray) -> np.ndarray:
    """Exact coverage of an interval for each true share, by summing over all possible counts."""
    assert callable(interval)
    ends = np.array([interval(hits, trials) for hits in range(trials + 1)])
    weights = reference.binom.pmf(np.arange(trials + 1)[:, None], trials, shares)
    held = (ends[:, :1] <= shares) & (shares <= ends[:, 1:])
    return np.asarray((weights * held).sum(0))


@pytest.mark.parametrize("trials", [5, 20, 100, 500])
def test_wilson_covers_at_nominal_on_average_and_clopper_pearson_always(trials: int) -> None:
    shares = np.linspace(0.005, 0.995, 199)
    wilson = coverage(stats.wilson, trials, shares)
    assert 0.945 <= wilson.mean() <= 0.97
    assert coverage(stats.clopper_pearson, trials, shares).min() >= 0.95
    assert coverage(stats.clopper_pearson, trials, shares).mean() > wilson.mean()


@pytest.mark.parametrize(("trials_1", "trials_2"), [(20, 30), (60, 15)])
def test_newcombe_covers_at_nominal_on_average(trials_1: int, trials_2: int) -> None:
    pairs = [(a, b) for a in range(trials_1 + 1) for b in range(trials_2 + 1)]
    ends = np.array([stats.newcombe_difference(a, trials_1, b, trials_2) for a, b in pairs])
    held = []
    for share_1, share_2 in [(0.05, 0.05), (0.1, 0.4), (0.3, 0.2), (0.5, 0.5), (0.8, 0.3), (0.95, 0.6)]:
        first = reference.binom.pmf(np.arange(trials_1 + 1), trials_1, share_1)
        second = reference.binom.pmf(np.arange(trials_2 + 1), trials_2, share_2)
        inside = (ends[:, 0] <= share_1 - share_2) & (share_1 - share_2 <= ends[:, 1])
        held.append((np.outer(first, second).ravel() * inside).sum())
    assert min(held) >= 0.93
    assert np.mean(held) >= 0.945


def test_swapping_the_samples_turns_the_difference_around() -> None:
    low, high = stats.newcombe_difference(9, 30, 4, 50)
    assert stats.newcombe_difference(4, 50, 9, 30) == pytest.approx((-high, -low))


def test_the_published_share_means_anything_from_a_fifth_to_seven_tenths() -> None:
    low, high = stats.rogan_gladen_range((0.427, 0.427), (0.60, 0.95), (0.70, 0.98))
    assert (round(low, 2), round(high, 2)) == (0.20, 0.70)


def test_the_range_holds_every_combination_of_error_rates() -> None:
    for apparent in (0.0, 0.02, 0.25, 0.427, 0.7, 0.99):
        low, high = stats.rogan_gladen_range((apparent, apparent), (0.60, 0.95), (0.70, 0.98))
        every = [
            stats.rogan_gladen(apparent, se, sp)
            for se in np.linspace(0.60, 0.95, 36)
            for sp in np.linspace(0.70, 0.98, 29)
        ]
        assert (low, high) == pytest.approx((min(every), max(every)))
        assert 0 <= low <= high <= 1


def test_a_perfect_flag_needs_no_correction_and_a_useless_one_is_refused() -> None:
    assert stats.rogan_gladen(0.3, 1.0, 1.0) == pytest.approx(0.3)
    # What a share would look like through the flag comes back as it was.
    apparent = 0.3 * 0.8 + 0.7 * (1 - 0.9)
    assert stats.rogan_gladen(apparent, 0.8, 0.9) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="says nothing"):
        stats.rogan_gladen(0.3, 0.5, 0.5)


def test_imbens_manski_runs_from_wilson_to_anything() -> None:
    assert stats.imbens_manski(30, 70, 100) == pytest.approx(stats.wilson(30, 100))
    assert stats.imbens_manski(0, 0, 100) == (0.0, 1.0)
    low, high = stats.imbens_manski(2_310_000, 4_290_000, 10_000_000)
    assert (round(low, 2), round(high, 2)) == (0.23, 0.57)
    # With a wide gap the one-sided quantile is enough at each end.
    one_sided = stats.wilson(231, 1000, 0.90)[0], stats.wilson(571, 1000, 0.90)[1]
    assert stats.imbens_manski(231, 429, 1000) == pytest.approx(one_sided, abs=1e-6)


def test_imbens_manski_equals_the_published_equation() -> None:
    inside, outside, total, level = 40, 58, 100, 0.95
    width, spread = 0.02, np.sqrt(max(0.4 * 0.6, 0.42 * 0.58))
    low, _ = stats.imbens_manski(inside, outside, total, level)
    # The critical value that this end implies must solve equation (7) of Imbens & Manski.
    critical = next(
        c for c in np.arange(1.6, 1.97, 1e-4) if stats.wilson(40, 100, 2 * reference.norm.cdf(c) - 1)[0] <= low
    )
    reached = reference.norm.cdf(critical + np.sqrt(total) * width / spread) - reference.norm.cdf(-critical)
    assert reached == pytest.approx(level, abs=2e-4)


@pytest.mark.parametrize("unknown", [0.0, 0.02, 0.3])
def test_imbens_manski_covers_the_share_at_either_end_of_the_bounds(unknown: float) -> None:
    rng, total, inside = np.random.default_rng(7), 400, 0.35
    draws = rng.multinomial(total, [inside, 1 - inside - unknown, unknown], size=1500)
    ends = np.array([stats.imbens_manski(int(a), int(b), total) for a, b, _ in draws])
    for truth in (inside, inside + unknown):
        held = ((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean()
        assert held >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / len(draws))


def test_bh_equals_scipy() -> None:
    rng = np.random.default_rng(3)
    for size in (1, 2, 17, 300):
        for power in (1, 3):
            p = np.round(rng.random(size) ** power, 3)
            expected = reference.false_discovery_control(p) <= 0.05 + 1e-12
            assert stats.bh(p, 0.05).tolist() == expected.tolist()
    assert stats.bh([], 0.05).tolist() == []


def test_bh_depends_on_values_only() -> None:
    p = np.array([0.001, 0.2, 0.03, 0.012, 0.9])
    order = np.array([4, 2, 0, 1, 3])
    assert stats.bh(p)[order].tolist() == stats.bh(p[order]).tolist()


def heavy(rng: np.random.Generator, accounts: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Accounts with very unequal numbers of posts, each mostly for one side."""
    totals = np.minimum(1 + rng.pareto(1.5, accounts) * 2, 200).astype(np.int64)
    lean = rng.beta(share * 0.5, (1 - share) * 0.5, accounts)
    return rng.binomial(totals, lean), totals


@pytest.mark.parametrize(("accounts", "share"), [(30, 0.3), (150, 0.1), (150, 0.5), (1000, 0.5)])
def test_cluster_share_covers_where_posts_of_an_account_agree(accounts: int, share: float) -> None:
    rng = np.random.default_rng(11)
    held, naive = [], []
    for _ in range(800):
        hits, totals = heavy(rng, accounts, share)
        _, low, high = stats.cluster_share(hits, totals)
        held.append(low <= share <= high)
        ends = stats.wilson(int(hits.sum()), int(totals.sum()))
        naive.append(ends[0] <= share <= ends[1])
    assert np.mean(held) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / len(held))
    # Taking posts for independent is what this interval is there to avoid.
    assert np.mean(naive) < 0.75


def test_cluster_share_is_the_binomial_one_for_single_posts() -> None:
    hits = np.array([1] * 300 + [0] * 700)
    share, low, high = stats.cluster_share(hits, np.ones_like(hits))
    assert share == pytest.approx(0.3)
    assert (low, high) == pytest.approx(stats.wilson(300, 1000), abs=2e-4)


def test_cluster_share_ignores_order_and_accounts_without_posts() -> None:
    rng = np.random.default_rng(5)
    hits, totals = heavy(rng, 300, 0.4)
    order = rng.permutation(300)
    same = stats.cluster_share(hits[order], totals[order])
    assert stats.cluster_share(hits, totals) == same
    more = stats.cluster_share(np.append(hits, 0), np.append(totals, 0))
    assert more == same


def test_cluster_share_of_all_or_none_still_has_room_for_doubt() -> None:
    totals = np.array([50, 1, 1])
    share, low, high = stats.cluster_share(totals, totals)
    assert (share, high) == (1.0, 1.0)
    assert low < 0.4, "52 posts, but barely more than one account's worth of them"
    assert stats.cluster_share(np.array([5]), np.array([9]))[1:] == pytest.approx(stats.wilson(5 / 9, 1))
