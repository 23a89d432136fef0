"""The tests of "seemed random": brute force, planted truth, metamorphic relations, and what they say of poor data."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from floodmark.event import strata
from floodmark.event.arrivals import UNKNOWN, Arrivals, arrivals_of
from floodmark.event.composition import Composition, composition
from floodmark.event.entry_synchrony import EntrySynchrony, entry_synchrony
from floodmark.event.inequality import (
    InequalityDifference,
    difference,
    equality_p,
    gini,
    inequality,
    kept_share,
    spread_of,
    thinned,
    top_share,
)
from floodmark.event.kernels.dealing import dealt_pairs
from floodmark.event.kernels.excitation import excitations, fit, offspring, start
from floodmark.event.self_excitation import SelfExcitation, self_excitation
from floodmark.findings import Finding, dump
from floodmark.report.sections import seemed_random
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_594_927_800_000
NEW = np.array([1.0, 0.0])


def day(rng: np.random.Generator, count: int = 1_500, resolution: int = 1_000) -> Arrivals:
    at = np.sort(rng.integers(0, DAY, count) // resolution * resolution)
    return Arrivals(
        at,
        np.arange(count),
        rng.random(count) < 0.5,
        resolution,
        0,
        {"age": rng.integers(0, 3, count)},
        {"age": ("a", "b", "c")},
    )


def test_expected_pairs_are_the_mean_over_every_dealing() -> None:
    at = np.array([0, 1, 2, 5, 6, 11]) * MINUTE
    classes = np.array([0, 1, 0, 1, 0, 0])
    cells = strata.tabulate(at, classes, 2, 5 * MINUTE, 0)
    every = [
        strata.pairs(strata.tabulate(at, np.array(order), 2, 5 * MINUTE, 0).counts, NEW)
        for order in itertools.permutations(classes.tolist())
    ]
    assert strata.expected_pairs(cells, NEW) == pytest.approx(np.mean(every), rel=1e-12)


def test_the_compiled_dealing_keeps_margins_and_has_the_exact_mean() -> None:
    rng = np.random.default_rng(3)
    arrivals = day(rng, 300)
    classes = np.where(arrivals.is_new, 0, 1).astype(np.int64)
    stratum = strata.strata_of(arrivals.at_ms, 0)
    starts = np.append(np.flatnonzero(np.diff(stratum, prepend=-1)), 300)
    bins = arrivals.at_ms // MINUTE, arrivals.at_ms // (5 * MINUTE)
    sums = dealt_pairs(classes, starts, *bins, NEW, 20_000, 1)
    for column, width in enumerate((MINUTE, 5 * MINUTE)):
        cells = strata.tabulate(arrivals.at_ms, classes, 2, width, 0)
        assert sums[0, column] == strata.pairs(cells.counts, NEW)
        error = sums[1:, column].std() / np.sqrt(20_000)
        assert abs(sums[1:, column].mean() - strata.expected_pairs(cells, NEW)) < 4 * error


def test_dealing_ends_early_only_where_nothing_is_small_and_p_values_stay_uniform() -> None:
    rng = np.random.default_rng(21)
    # Under the null the observed value and the draws are alike; 199 draws, 50 as large end them.
    p = np.array([strata.sequential_p(row[0], row[1:]) for row in rng.random((4_000, 200))])
    for share in (0.01, 0.05, 0.2, 0.5, 0.8):
        assert abs((p <= share).mean() - share) < 4 * np.sqrt(share * (1 - share) / 4_000) + 0.005
    drawn = np.concatenate([np.zeros(10), np.ones(50)])
    assert strata.sequential_p(0.5, drawn) == 50 / 60
    # What comes after the fiftieth plays no part.
    assert strata.sequential_p(0.5, np.concatenate([drawn, np.zeros(500)])) == 50 / 60
    assert strata.sequential_p(0.5, drawn[:-1]) == 50 / 60
    quiet = day(np.random.default_rng(1))
    found = entry_synchrony(quiet)
    assert isinstance(found, EntrySynchrony)
    assert (50 / found.p_value) == pytest.approx(round(50 / found.p_value))


def test_once_per_stratum_keeps_the_earliest_of_each_half_hour() -> None:
    rng = np.random.default_rng(22)
    arrivals = replace(day(rng, 600), account=rng.integers(0, 40, 600), zone_shift_ms=270 * MINUTE)
    first: dict[tuple[int, int], int] = {}
    stratum = strata.strata_of(arrivals.at_ms, arrivals.zone_shift_ms)
    for row, key in enumerate(zip(arrivals.account.tolist(), stratum.tolist(), strict=True)):
        first.setdefault(key, row)
    once = arrivals.once_per_stratum()
    kept = sorted(first.values())
    assert once.at_ms.tolist() == arrivals.at_ms[kept].tolist()
    assert once.account.tolist() == arrivals.account[kept].tolist()
    assert once.is_new.tolist() == arrivals.is_new[kept].tolist()
    assert (
        replace(
            arrivals, at_ms=arrivals.at_ms[:0], account=arrivals.account[:0], is_new=arrivals.is_new[:0], attributes={}
        )
        .once_per_stratum()
        .at_ms.size
        == 0
    )


def test_the_jackknife_leaves_out_one_arrival_at_a_time() -> None:
    arrivals = day(np.random.default_rng(5), 400)
    classes = np.where(arrivals.is_new, 0, 1)
    cells = strata.tabulate(arrivals.at_ms, classes, 2, 5 * MINUTE, 0)

    def log_ratio(keep: np.ndarray) -> float:
        part = strata.tabulate(arrivals.at_ms[keep], classes[keep], 2, 5 * MINUTE, 0)
        return float(np.log(strata.pairs(part.counts, NEW) / strata.expected_pairs(part, NEW)))

    moved = np.array([log_ratio(np.arange(400) != left) for left in range(400)])
    half = 1.959964 * np.sqrt(399 / 400 * ((moved - moved.mean()) ** 2).sum())
    ratio, (low, high) = strata.ratio_with_interval(cells, NEW, 0.95)
    assert ratio == pytest.approx(np.exp(log_ratio(np.ones(400, dtype=bool))))
    assert [low, high] == pytest.approx([ratio * np.exp(-half), ratio * np.exp(half)], rel=1e-6)


def planted(arrivals: Arrivals, count: int, spread_ms: int) -> Arrivals:
    at = np.concatenate([arrivals.at_ms, 20 * HOUR + np.arange(count) * spread_ms // count])
    order = np.argsort(at, kind="stable")
    return replace(
        arrivals,
        at_ms=at[order],
        account=np.arange(at.size)[order],
        is_new=np.concatenate([arrivals.is_new, np.ones(count, dtype=bool)])[order],
        attributes={"age": np.concatenate([(arrivals.attributes or {})["age"], np.zeros(count, dtype=int)])[order]},
    )


@pytest.mark.parametrize("resolution", [1_000, 60_000])
def test_planted_entries_are_seen_where_they_are_and_a_quiet_day_is_not(resolution: int) -> None:
    quiet = day(np.random.default_rng(1), resolution=resolution)
    calm = entry_synchrony(quiet)
    loud = entry_synchrony(planted(quiet, 60, 2 * MINUTE))
    assert isinstance(calm, EntrySynchrony)
    assert isinstance(loud, EntrySynchrony)
    assert calm.p_value > 0.05
    assert calm.interval[0] < 1 < calm.interval[1]
    assert loud.p_value == 0.001
    assert loud.ratio > calm.ratio
    assert loud.busiest[0] == 20 * HOUR
    mix = composition(planted(quiet, 60, 2 * MINUTE), "age")
    assert isinstance(mix, Composition)
    assert mix.p_value == 0.001
    assert mix.oddest[:2] == (20 * HOUR, "a")


def test_a_burst_that_brings_both_alike_is_no_synchrony() -> None:
    rng = np.random.default_rng(8)
    small = 0
    for _ in range(60):
        burst = planted(day(rng), 300, 2 * MINUTE)
        found = entry_synchrony(replace(burst, is_new=rng.random(burst.at_ms.size) < 0.5), draws=199)
        assert isinstance(found, EntrySynchrony)
        small += found.p_value <= 0.05
    # More than 10 of 60 at 5 % happens once in 2,000 times.
    assert small <= 10


def test_a_shift_by_a_day_and_other_accounts_change_nothing() -> None:
    arrivals = day(np.random.default_rng(2))
    later = replace(arrivals, at_ms=arrivals.at_ms + DAY, account=arrivals.account[::-1].copy())
    one, two = entry_synchrony(arrivals), entry_synchrony(later)
    assert isinstance(one, EntrySynchrony)
    assert isinstance(two, EntrySynchrony)
    assert (one.ratio, one.interval, one.p_value) == (two.ratio, two.interval, two.p_value)


def test_nobody_is_new_where_nothing_was_collected_before() -> None:
    """Of a collection that begins with the event every account's first arrival is new, whatever it did before."""
    crowd = day(np.random.default_rng(2))
    account = np.arange(1_500) % 500
    first = np.arange(1_500) < 500
    cut = replace(crowd, account=account, is_new=first)
    assert "0 of 500 participants posted before the event" in str(entry_synchrony(cut))
    known = replace(cut, is_new=first & (account >= 50))
    assert isinstance(entry_synchrony(known), EntrySynchrony)
    one_less = replace(cut, is_new=first & (account >= 49))
    assert "49 of 500 participants posted before the event" in str(entry_synchrony(one_less))


def test_too_little_is_said_in_words() -> None:
    few = day(np.random.default_rng(2), 40)
    assert "at least 50 of each" in str(entry_synchrony(few))
    assert "at least 100" in str(composition(few, "age"))
    assert "at least 200" in str(self_excitation(few.at_ms, 0, DAY))
    assert "at least 30" in str(inequality(np.ones(5, dtype=int)))
    assert "at least 30" in str(difference(np.ones(50, dtype=int), np.ones(0, dtype=int)))
    crowd = day(np.random.default_rng(2))
    unknown = replace(crowd, attributes={"age": np.full(crowd.at_ms.size, UNKNOWN)})
    assert composition(unknown, "age") == "0 accounts with a known value; at least 100 are needed"
    one_class = replace(crowd, attributes={"age": np.zeros(crowd.at_ms.size, dtype=int)})
    assert "of one class" in str(composition(one_class, "age"))
    assert "window too short" in str(self_excitation(np.sort(crowd.at_ms % (20 * MINUTE)), 0, 20 * MINUTE))


def test_excitation_is_the_plain_sum_and_its_maximum_a_maximum() -> None:
    rng = np.random.default_rng(4)
    times = np.sort(rng.uniform(0, 240, 80))
    plain = [sum(np.exp(-(t - s) / 5) / 5 for s in times[:i]) for i, t in enumerate(times)]
    x, born = excitations(times, 5.0), offspring(times, 5.0, 240.0)
    assert x == pytest.approx(plain)
    assert born == pytest.approx(sum(1 - np.exp(-(240 - t) / 5) for t in times))
    heights, n, value, _ = fit(times, x, born, 120.0, start(times, 2, 120.0), 0.0, True)

    def likelihood(heights: np.ndarray, n: float) -> float:
        rate = np.interp(times, [0, 120, 240], heights) + n * x
        area = float(np.array([60, 120, 60]) @ heights)
        return float(np.log(rate).sum() + 0.1 * np.log(heights).sum() - area - n * born)

    assert likelihood(heights, n) == pytest.approx(value)
    for step in (-0.01, 0.01):
        assert likelihood(heights, n + step) < value
        for knot in range(3):
            assert likelihood(heights + step * np.eye(3)[knot] * heights, n) < value


def test_a_planted_share_of_excitation_lies_in_the_range() -> None:
    rng = np.random.default_rng(6)
    at = rng.uniform(0, DAY, 1_500)
    parents = at
    while parents.size:
        children = np.repeat(parents, rng.poisson(0.5, parents.size))
        parents = children + rng.exponential(2 * MINUTE, children.size)
        at = np.concatenate([at, parents])
    times = np.sort(at[at < DAY]).astype(np.int64)
    found = self_excitation(times, 0, DAY)
    assert isinstance(found, SelfExcitation)
    assert found.interval[0] <= 0.5 <= found.interval[1]
    assert found.p_value == 0.005
    none = self_excitation(np.sort(rng.integers(0, DAY, 1_500)), 0, DAY)
    assert isinstance(none, SelfExcitation)
    assert none.interval[0] == 0.0
    assert none.p_value > 0.05


def test_gini_and_the_top_share_by_their_definitions() -> None:
    posts = np.random.default_rng(7).integers(1, 60, 250)
    spread = spread_of(posts)
    plain = np.abs(posts[:, None] - posts[None, :]).sum() / (2 * posts.size * (posts.size - 1) * posts.mean())
    assert float(gini(spread.posts, spread.accounts)) == pytest.approx(plain)
    ranked = np.sort(posts)[::-1]
    top = (ranked[:2].sum() + 0.5 * ranked[2]) / posts.sum()
    assert float(top_share(spread.posts, spread.accounts)) == pytest.approx(top)
    assert float(gini(np.array([3]), np.array([40.0]))) == 0.0


def test_thinning_is_the_mean_of_many_thinnings() -> None:
    rng = np.random.default_rng(9)
    posts = rng.poisson(rng.lognormal(1.0, 1.0, 800))
    own = spread_of(posts)
    kept = kept_share(own, 1.5)
    after = thinned(own, kept)
    assert after.total / after.size == pytest.approx(1.5, rel=1e-6)
    drawn = [np.bincount(rng.binomial(posts, kept), minlength=4)[1:4] for _ in range(300)]
    assert after.accounts[:3] == pytest.approx(np.mean(drawn, axis=0), rel=0.03)
    assert kept_share(own, own.total / own.size) == 1.0


def test_a_control_of_another_size_and_density_of_the_same_crowd_does_not_differ() -> None:
    rng = np.random.default_rng(10)
    crowd = rng.poisson(rng.lognormal(1.0, 1.0, 3_000))
    small = rng.binomial(rng.poisson(rng.lognormal(1.0, 1.0, 400)), 0.3)
    crowd, small = crowd[crowd > 0], small[small > 0]
    found = difference(crowd, small)
    assert isinstance(found, InequalityDifference)
    assert found.thinned == "roster"
    assert found.gini_interval[0] < 0 < found.gini_interval[1]
    assert found.p_value > 0.05
    loud = np.concatenate([crowd, np.full(60, 300)])
    assert equality_p(loud, small) < 0.05
    assert equality_p(rng.permutation(loud), rng.permutation(small)) == equality_p(loud, small)


def rows(rng: np.random.Generator, sides: tuple[str, ...] = ("pro", "control")) -> dict[str, list[dict[str, object]]]:
    posts, side_posts, first, counts, accounts = [], [], {}, {}, []
    number = 0
    for side in sides:
        stream = "sport" if side == "control" else "main"
        for name in range(400):
            account = f"x:{side}{name}"
            times = START + rng.integers(-DAY if name % 2 else 0, DAY, 3)
            for at in times.tolist():
                number += 1
                post = {"stream": stream, "post_id": f"p:{number:05d}", "account_id": account, "at_ms": at}
                posts.append({**post, "at_resolution_ms": 1000, "language": ("fa", "EN-us", "und")[number % 3]})
                side_posts.append({**post, "side": side, "in_window": START <= at < START + DAY})
                if START <= at < START + DAY:
                    first[side, account] = min(at, first.get((side, account), at))
                    counts[side, account] = counts.get((side, account), 0) + 1
            created = START - int(rng.integers(1, 3_000)) * DAY if name % 10 else None
            accounts.append({"account_id": account, "created_at_ms": created, "followers": int(rng.integers(0, 5_000))})
    participants = [
        {"roster": side, "account_id": account, "posts": counts[side, account], "first_at_ms": at}
        for (side, account), at in first.items()
    ]
    return {"posts": posts, "side_posts": side_posts, "participants": participants, "accounts": accounts}


def by_id(view: CaseView) -> dict[str, Finding]:
    return {finding.id: finding for finding in seemed_random.findings(view)}


def test_arrivals_by_brute_force(make_view: MakeView) -> None:
    tables = rows(np.random.default_rng(11))
    found = arrivals_of(make_view(**tables), "pro")
    expected = []
    for account in sorted({str(row["account_id"]) for row in tables["participants"] if row["roster"] == "pro"}):
        times = sorted(int(str(p["at_ms"])) for p in tables["posts"] if p["account_id"] == account)
        for number, at in enumerate(times):
            if START <= at < START + DAY and (number == 0 or at - times[number - 1] > 30 * MINUTE):
                expected.append((at, number == 0))
    assert sorted(zip(found.at_ms.tolist(), found.is_new.tolist(), strict=True)) == sorted(expected)
    assert found.zone_shift_ms == int(4.5 * HOUR)
    assert found.resolution_ms == 1000
    assert found.names is not None
    assert set(found.names["language"]) == {"fa", "en"}
    assert found.attributes is not None
    assert (found.attributes["language"] == UNKNOWN).sum() == sum(
        1
        for at in found.at_ms.tolist()
        if next(p for p in tables["posts"] if p["at_ms"] == at and "pro" in str(p["account_id"]))["language"] == "und"
    )


def test_every_subject_has_every_finding_and_what_is_missing_is_named(make_view: MakeView) -> None:
    tables = rows(np.random.default_rng(12))
    found = by_id(make_view(**tables))
    plain = [stem for stem in seemed_random.SECTION.stems if not stem.endswith(("_to_control", "difference"))]
    for subject in ("pro", "con", "both", "control"):
        for stem in plain if subject == "control" else seemed_random.SECTION.stems:
            assert f"{stem}.{subject}" in found
    assert found["M2.entry_synchrony.pro"].state == "measured"
    details = found["M2.mix_age.pro"].details
    assert 30 <= int(str(details["unknown"])) <= 40
    assert found["M2.gini.con"].state == "not_testable"
    assert "0 accounts" in found["M2.gini.con"].method
    assert found["M2.gini_difference.pro"].state == "measured"
    printed = [finding for finding in found.values() if "p" in finding.details]
    tested = [finding for finding in printed if not finding.id.startswith("M2.self_excited_")]
    assert len(tested) < len(printed)
    for finding in printed:
        # A p-value known to be too small is no ground for a verdict.
        assert (finding in tested) == ("stands_out" in finding.details) != ("not judged" in finding.method)
    assert {finding.details["tests_of_section"] for finding in tested} == {len(tested)}
    for finding in tested:
        assert ("does not stand out" in finding.method) == (not finding.details["stands_out"])


def test_without_languages_dates_or_control_each_column_is_named(make_view: MakeView) -> None:
    tables = rows(np.random.default_rng(13), ("pro",))
    tables["posts"] = [{**post, "language": None} for post in tables["posts"]]
    tables["accounts"] = [{**account, "created_at_ms": None} for account in tables["accounts"]]
    found = by_id(make_view({"control": None}, **tables))
    assert "(language)" in found["M2.mix_language.pro"].method
    assert "(class of age)" in found["M2.mix_age.pro"].method
    assert found["M2.mix_followers.pro"].state == "measured"
    assert found["M2.entry_synchrony_to_control.pro"].state == "not_testable"
    assert "control" in found["M2.gini_difference.pro"].method


def test_row_order_and_other_names_change_no_byte(make_view: MakeView) -> None:
    tables = rows(np.random.default_rng(14))
    expected = dump(seemed_random.findings(make_view(**tables)))
    turned = {
        name: [
            {k: f"y:{v[::-1]}" if isinstance(v, str) and v.startswith("x:") else v for k, v in row.items()}
            for row in reversed(table)
        ]
        for name, table in tables.items()
    }
    assert dump(seemed_random.findings(make_view(**turned))) == expected


def test_impossible_rows_are_kept_or_unknown(make_view: MakeView) -> None:
    tables = rows(np.random.default_rng(15), ("pro",))
    tables["accounts"] = [
        {**row, "created_at_ms": START + 9 * DAY, "followers": -1, "created_resolution_ms": 10 * DAY}
        for row in tables["accounts"]
    ]
    arrivals = arrivals_of(make_view(**tables), "pro")
    assert arrivals.attributes is not None
    assert (arrivals.attributes["followers"] == UNKNOWN).all()
    assert (arrivals.attributes["age"] == 0).all()
    assert arrivals_of(make_view(), "pro").at_ms.size == 0
