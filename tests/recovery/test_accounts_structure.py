"""Order within groups is recovered where it was planted, and nobody is called a starter where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from floodmark.benchmark import accounts_structure as study
from floodmark.benchmark.accounts_structure import Plan
from floodmark.simulate.framing import FrameParams, frame
from floodmark.simulate.plant import Actions


def row(plan: Plan, runs: int = 3) -> Mapping[str, float]:
    (found,) = study.rows(runs, 11, [plan], real=False)
    return found  # type: ignore[return-value]


def test_leaders_are_found_and_others_are_not_called_so() -> None:
    found = row(Plan(objects=20))
    assert found["starters_planted"] == 24
    assert found["hit_share"] >= 0.9
    assert found["false_alarm_share"] == 0
    assert found["core_hit"] >= 0.7
    assert found["follower_hit"] >= 0.6


def test_more_joint_actions_show_more_and_noise_hides() -> None:
    shares = [row(Plan(objects=count))["follower_hit"] for count in (5, 20, 50)]
    assert shares == sorted(shares)
    assert shares[0] < 0.3
    assert shares[-1] > 0.9
    assert row(Plan(noise=0.8))["hit_share"] < 0.5


def test_leaders_that_take_turns_are_all_found_with_enough_joint_actions() -> None:
    assert row(Plan("rotating", objects=50))["hit_share"] >= 0.7


@pytest.mark.parametrize("plan", [Plan("exchangeable", 5, 20), Plan("exchangeable", 60, 20), Plan("uneven", 20, 40)])
def test_random_order_makes_no_starters(plan: Plan) -> None:
    found = row(plan, 6)
    assert found["cases_with_false_starter"] <= 1 / 6
    assert found["wrong_role_share"] < 0.01


def crowd(rng: np.random.Generator) -> Actions:
    """An evening in which 400 people repost 500 things whenever they see them; the busiest can be mirrored."""
    n = 9_000
    who = (400 * rng.beta(0.6, 1.5, n)).astype(int)
    accounts = np.array([f"crowd:{k:03}" for k in who], object)
    objects = np.array([f"o{k:03}" for k in rng.integers(0, 500, n)], object)
    return Actions(accounts, objects, rng.integers(0, 86_400_000, n))


def test_a_mirrored_innocent_is_amplified_and_never_a_member() -> None:
    seen = 0
    for seed in range(3):
        rng = np.random.default_rng([5, seed])
        framed = frame(crowd(rng), FrameParams(form="mirroring", victims=3), rng)
        role = study._whole_chain(framed.actions)
        victims = [role.get(victim, "none") for victim in framed.victims]
        assert set(victims) <= {"amplified", "none"}
        seen += victims.count("amplified")
        assert not [bot for bot in framed.bots if role.get(bot) == "amplified"]
    assert seen >= 5


def test_the_debate_without_a_plant_gives_nobody_a_role(shared: Path) -> None:
    assert (shared / "data").is_dir()
    rows = study.organic_rows()
    assert len(rows) == 2
    for found in rows:
        assert found["false_alarm_share"] == 0
