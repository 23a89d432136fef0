"""Known error rates and latent classes against brute force and simple truths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import beta, binom

from floodmark.accounts import latent
from floodmark.accounts.bayes_prevalence import posterior
from floodmark.config import CaseConfig
from floodmark.report.sections import prevalence
from floodmark.stats import Counts, Floats
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]


@pytest.mark.parametrize(("flagged", "judged"), [(300, 1000), (3, 20), (50, 60)])
def test_error_rates_against_brute_force(flagged: int, judged: int) -> None:
    rng = np.random.default_rng(1)
    true, clean = rng.beta(46, 6, 400_000), rng.beta(91, 11, 400_000)
    share = rng.random(400_000)
    weight = binom.pmf(flagged, judged, share * true + (1 - share) * (1 - clean))
    order = np.argsort(share)
    mass = np.cumsum(weight[order]) / weight.sum()
    found = posterior(flagged, judged, (45, 50), (90, 100), 0.9)
    assert found is not None
    for end, chance in zip((found.interval[0], found.median, found.interval[1]), (0.05, 0.5, 0.95), strict=True):
        assert end == pytest.approx(share[order][np.searchsorted(mass, chance)], abs=0.01)


STARTS = ((0.4, 0.2, 0.7, 0.1), (0.1, 0.05, 0.9, 0.3), (0.7, 0.5, 0.6, 0.05))


def test_perfect_knowledge_gives_the_beta_posterior_and_contradictions_none() -> None:
    found = posterior(30, 100, (10**6, 10**6), (10**6, 10**6), 0.9)
    assert found is not None
    assert found.interval == pytest.approx(tuple(beta.ppf((0.05, 0.95), 31, 71)), abs=1e-3)
    assert posterior(0, 10_000, (990, 1000), (500, 1000), 0.9) is None
    with pytest.raises(ValueError, match="do not fit"):
        posterior(2, 1, (1, 1), (1, 1), 0.9)


def test_finer_grids_move_nothing() -> None:
    coarse, fine = (posterior(700, 2000, (45, 50), (90, 100), 0.9, nodes) for nodes in (48, 200))
    assert coarse is not None
    assert fine is not None
    assert coarse.interval == pytest.approx(fine.interval, abs=0.003)


def slow_fit(counts: Counts, start: tuple[float, ...]) -> tuple[float, Floats]:
    """Expectation-maximisation of one table by the formulas, pattern by pattern: G squared and the fitted chances."""
    flags = counts.shape[1].bit_length() - 1
    shape = latent.patterns(flags)
    share, rates = list(start[:2]), np.repeat([start[2:]], flags, axis=0).T

    def given() -> Floats:
        return np.array([[np.prod(np.where(row > 0, mine, 1 - mine)) for row in shape] for mine in rates])

    def clip(value: Floats) -> Floats:
        return np.clip(value, 1e-9, 1 - 1e-9)

    for _ in range(400):
        inside, outside = given()
        hidden = np.array(
            [counts[p] * share[p] * inside / (share[p] * inside + (1 - share[p]) * outside) for p in (0, 1)]
        )
        share = [float(clip(hidden[p].sum() / max(counts[p].sum(), 1))) for p in (0, 1)]
        parts = hidden.sum(axis=0), (counts - hidden).sum(axis=0)
        rates = np.array([clip(part @ shape / max(part.sum(), 1e-9)) for part in parts])
    inside, outside = given()
    chance = np.array([share[p] * inside + (1 - share[p]) * outside for p in (0, 1)])
    chance /= chance.sum(axis=1, keepdims=True)
    seen = counts > 0
    expected = (counts.sum(axis=1, keepdims=True) * chance)[seen]
    return float(2 * (counts[seen] * np.log(counts[seen] / expected)).sum()), chance


@pytest.mark.parametrize("flags", [2, 3, 4])
def test_the_fit_of_many_tables_is_that_of_each_alone(flags: int) -> None:
    rng = np.random.default_rng(flags)
    stack = rng.integers(0, rng.integers(2, 300, (6, 2, 1)), (6, 2, 2**flags))
    stack[0, 1], stack[1, :, ::3] = 0, 0
    deviance, fitted = latent._deviance(stack, flags)
    for table, value, chance in zip(stack, deviance, fitted, strict=True):
        alone = [slow_fit(table, start) for start in STARTS]
        best = min(one for one, _ in alone)
        assert value == pytest.approx(best, abs=1e-8)
        assert min(np.abs(chance - other).max() for one, other in alone if one < best + 1e-6) < 1e-8


@pytest.mark.parametrize("flags", [2, 3, 4])
def test_the_posterior_of_many_points_is_that_of_each_alone(flags: int) -> None:
    rng = np.random.default_rng(flags)
    shape = latent.patterns(flags)
    at, stack = rng.normal(0, 6, (3, 40, 2 + 2 * flags)), rng.integers(0, 90, (3, 2, 2**flags))
    at[..., 2 : 2 + flags] += 6
    found = latent._log_posterior(at, stack, latent._log_sums(shape))
    for table, walker in np.ndindex(3, 40):
        rates = np.clip(1 / (1 + np.exp(-np.clip(at[table, walker], -30, 30))), 1e-12, 1 - 1e-12)
        kinds = rates[2 : 2 + flags], rates[2 + flags :]
        if not (kinds[0] > kinds[1]).all():
            assert found[table, walker] == -np.inf
            continue
        expected = float(np.log(rates * (1 - rates)).sum())
        for population, pattern in np.ndindex(2, 2**flags):
            inside, outside = (float(np.prod(np.where(shape[pattern] > 0, kind, 1 - kind))) for kind in kinds)
            chance = rates[population] * inside + (1 - rates[population]) * outside
            expected += stack[table, population, pattern] * float(np.log(chance))
        assert found[table, walker] == pytest.approx(expected, rel=1e-9)
    assert np.isfinite(found).mean() > 0.1


def test_latent_classes_find_planted_shares_and_refuse_dependence_and_alike_populations() -> None:
    shape = latent.patterns(3)
    true, false = (
        np.prod(np.where(shape > 0, r, 1 - np.array(r)), axis=1) for r in ((0.8, 0.7, 0.6), (0.05, 0.1, 0.1))
    )
    table = np.stack([np.rint(4000 * (s * true + (1 - s) * false)).astype(np.int64) for s in (0.4, 0.1)])
    found = latent.latent_shares(table, 0.9)
    assert found.problem == ""
    assert found.intervals[0][0] < 0.4 < found.intervals[0][1]
    assert found.intervals[1][0] < 0.1 < found.intervals[1][1]
    assert found == latent.latent_shares(table, 0.9)
    tied = table.copy()
    tied[:, 6] += 600
    assert "contradicted" in latent.latent_shares(tied, 0.9).problem
    alike = np.array([[500, 100, 100, 300], [500, 100, 100, 300]])
    assert "same pattern" in latent.latent_shares(alike, 0.9).problem
    with pytest.raises(ValueError, match="two populations"):
        latent.latent_shares(np.ones((1, 4), dtype=np.int64), 0.9)


RATES = {"sensitivity": [45, 50], "specificity": [90, 100]}


def test_findings_for_every_subject_with_languages_and_reasons(make_view: MakeView) -> None:
    rosters = {"pro": 300, "con": 200, "control": 250}
    ids = {r: [f"x:{r}{n:03}" for n in range(count)] for r, count in rosters.items()}
    tables = {
        "participants": [{"roster": r, "account_id": a, "posts": 1, "first_at_ms": 1} for r in ids for a in ids[r]],
        "account_observations": [{"account_id": a, "followers": n % 40} for r in ids for n, a in enumerate(ids[r])],
        "accounts": [{"account_id": a, "followers": n % 40} for r in ids for n, a in enumerate(ids[r])],
        "posts": [
            {
                "stream": "main",
                "post_id": f"{k}{a}",
                "account_id": a,
                "at_ms": 1,
                "at_resolution_ms": 1,
                "language": lang,
            }
            for r in ids
            for n, a in enumerate(ids[r])
            for k, lang in enumerate(("fa", "fa", "en") if n % 3 else (None, "und", None))
        ],
    }
    stated = {"source": "a test", "overall": RATES, "language": {"fa": RATES}}
    view = make_view({"prevalence": stated}, **tables)
    found = {finding.id: finding for finding in prevalence.findings(view)}
    assert len(found) == 16
    pro = found["M4.prevalence_labelled.pro"]
    assert pro.state == "measured"
    assert [row["language"] for row in pro.details["languages"]] == ["fa", "unknown"]  # type: ignore[attr-defined]
    assert [row["judged"] for row in pro.details["languages"]] == [200, 100]  # type: ignore[attr-defined]
    assert pro.details["judged"] == 300
    assert found["M4.prevalence_labelled.both"].state == "not_testable"
    assert "two are needed" in found["M4.prevalence_latent.pro"].method
    assert "audit-sample" in found["M4.prevalence_audit.control"].limits[0]
    bare = {f.id: f for f in prevalence.findings(make_view({"control": None}))}
    assert {f.state for f in bare.values()} == {"not_testable"}
    assert "prevalence.overall" in bare["M4.prevalence_labelled.pro"].method


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        CaseConfig.model_validate(
            {
                "name": "c",
                "event": {"title": "e", "start": "2020-01-01T00:00:00", "end": "2020-01-02T00:00:00", "zone": "UTC"},
                "side": [{"name": "a", "keywords": ["x"]}],
                "input": [{"path": "x.csv", "format": "csv"}],
                "prevalence": {"source": "s", "overall": {"sensitivity": [6, 5], "specificity": [5, 5]}},
            }
        )
