"""Evasions change what they say and nothing else."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from floodmark.errors import UsageError
from floodmark.simulate.labelled import labelled
from floodmark.simulate.plant import DEFAULT_PLANT, Actions, PlantParams, plant

Row = tuple[str, str, int]


def background(actions: int = 3_000) -> Actions:
    at_ms = np.random.default_rng(11).integers(0, 10**9, actions)
    account = np.array([f"a{i % 300}" for i in range(actions)], dtype=object)
    return Actions(account, np.array([f"o{i % 97}" for i in range(actions)], dtype=object), at_ms)


def rows_of(params: PlantParams, seed: int = 5) -> list[Row]:
    planted = plant(background(), params, np.random.default_rng(seed)).actions
    columns = (planted.account_id.tolist(), planted.object_id.tolist(), planted.at_ms.tolist())
    return list(zip(*columns, strict=True))


def test_the_plant_without_evasions_has_the_bytes_of_the_published_figures() -> None:
    digest = hashlib.sha256(repr(rows_of(DEFAULT_PLANT)).encode()).hexdigest()
    assert digest == "6ae1cedd31b472b78f39830c3598d3880884fb99d4dfa146f4617823ff3d466f"


@pytest.mark.parametrize("share", [1 / 2, 1 / 3, 1 / 10])
def test_rotation_gives_each_account_its_part_of_a_larger_pool(share: float) -> None:
    params = replace(DEFAULT_PLANT, rotation_share=share, own_object_share=1.0)
    planted = plant(background(), params, np.random.default_rng(5))
    joint = list(zip(planted.actions.account_id[planted.joint], planted.actions.object_id[planted.joint], strict=True))
    assert params.pool == round(10 / share)
    assert Counter(account for account, _ in joint) == dict.fromkeys(planted.accounts, 10)
    assert len(set(joint)) == len(joint)
    assert len({thing for _, thing in joint}) > 10
    assert len({frozenset(t for a, t in joint if a == account) for account in planted.accounts}) > 15


def test_paraphrase_loses_matches_and_moves_nothing() -> None:
    kept, lost = rows_of(DEFAULT_PLANT), rows_of(replace(DEFAULT_PLANT, paraphrase_share=0.4))
    assert Counter((who, at_ms) for who, _, at_ms in kept) == Counter((who, at_ms) for who, _, at_ms in lost)
    own = [thing for _, thing, _ in lost if thing.startswith("planted:paraphrase:")]
    assert len(set(own)) == len(own)
    assert 50 <= len(own) <= 110  # 200 joint actions at 0.4
    every = rows_of(replace(DEFAULT_PLANT, paraphrase_share=1.0))
    assert not [row for row in every if row[1].startswith("planted:object:")]


def test_a_smokescreen_adds_one_joint_action_an_account_and_nothing_else() -> None:
    before, after = Counter(rows_of(DEFAULT_PLANT)), Counter(rows_of(replace(DEFAULT_PLANT, smokescreen_accounts=300)))
    smoke = list((after - before).elements())
    assert not before - after
    assert len({who for who, _, _ in smoke}) == len(smoke) == 300
    joint: dict[str, list[int]] = {}
    for who, thing, at_ms in before:
        if who.startswith("planted:") and thing.startswith("planted:object:"):
            joint.setdefault(thing, []).append(at_ms)
    along = [(thing, at_ms) for _, thing, at_ms in smoke if thing in joint]
    assert len(along) > 100
    assert all(max(joint[thing]) - 60_000 <= at_ms <= min(joint[thing]) + 60_000 for thing, at_ms in along)


def test_a_coarse_clock_cuts_all_times_down() -> None:
    exact, coarse = rows_of(DEFAULT_PLANT), rows_of(replace(DEFAULT_PLANT, clock_ms=60_000))
    assert Counter((who, thing, at_ms // 60_000 * 60_000) for who, thing, at_ms in exact) == Counter(coarse)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotation_share": 0},
        {"rotation_share": 1.5},
        {"paraphrase_share": -0.1},
        {"smokescreen_accounts": -1},
        {"clock_ms": 0},
    ],
)
def test_impossible_evasions_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"field `"):
        plant(background(), replace(DEFAULT_PLANT, **wrong), np.random.default_rng(1))


def test_labels_lead_back_to_the_names_and_traces_split_the_objects() -> None:
    planted = plant(background(), replace(DEFAULT_PLANT, own_object_share=1.0), np.random.default_rng(5))
    labels = labelled(planted.actions, 4)
    shares = labels.shares
    assert labels.accounts[shares.account].tolist() == planted.actions.account_id.tolist()
    assert labels.objects[shares.object].tolist() == planted.actions.object_id.tolist()
    assert labels.accounts[labels.mask(planted.accounts)].tolist() == sorted(planted.accounts)
    parts = [labels.only(trace).shares for trace in range(4)]
    assert sum(len(part.at_ms) for part in parts) == len(shares.at_ms)
    assert all(part.n_accounts == shares.n_accounts for part in parts)
    assert [
        set(part.object.tolist()) & set(other.object.tolist()) for part in parts for other in parts if part is not other
    ] == [set()] * 12
    own = [name.startswith("planted:object:") for name in labels.objects.tolist()]
    # Ten own objects in turn, and every kind has a crowd of its own.
    assert sorted(np.bincount(shares.trace[own], minlength=4).tolist()) == [2, 2, 3, 3]
    assert np.bincount(shares.trace[np.logical_not(own)], minlength=4).min() >= 10
    assert labelled(planted.actions).shares.traces == ("share",)
