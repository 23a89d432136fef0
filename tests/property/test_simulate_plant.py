"""Planting into any background: what was there stays, and the plant is what its parameters say."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floodmark.errors import UsageError
from floodmark.simulate import DEFAULT_PLANT, Actions, PlantParams, plant

rows = st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz"), st.integers(-(10**13), 10**13))
backgrounds = st.lists(rows, min_size=1, max_size=40)
plants = st.builds(
    PlantParams,
    accounts=st.integers(1, 12),
    actions_per_account=st.integers(1, 8),
    jitter_ms=st.integers(0, 100_000),
    own_object_share=st.floats(0, 1),
    camouflage_share=st.floats(0, 0.9),
)


def actions(listed: list[tuple[str, str, int]]) -> Actions:
    account, thing, at_ms = zip(*listed, strict=True)
    return Actions(np.array(account, dtype=object), np.array(thing, dtype=object), np.array(at_ms, dtype=np.int64))


def listed(table: Actions) -> list[tuple[str, str, int]]:
    return list(zip(table.account_id.tolist(), table.object_id.tolist(), table.at_ms.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(backgrounds, plants, st.integers(0, 2**32))
def test_a_plant_is_exact(background: list[tuple[str, str, int]], params: PlantParams, seed: int) -> None:
    planted = plant(actions(background), params, np.random.default_rng(seed))
    everything = listed(planted.actions)
    own = [row for row in everything if row[0].startswith("planted:")]
    assert Counter(row for row in everything if not row[0].startswith("planted:")) == Counter(background)
    assert everything == sorted(everything, key=lambda row: (row[2], row[0], row[1]))
    assert {row[0] for row in own} == set(planted.accounts)
    assert len(planted.accounts) == params.accounts

    joint = [row for row, is_joint in zip(everything, planted.joint.tolist(), strict=True) if is_joint]
    assert Counter(row[0] for row in joint) == dict.fromkeys(planted.accounts, params.actions_per_account)
    extra = round(params.actions_per_account * params.camouflage_share / (1 - params.camouflage_share))
    assert len(own) - len(joint) == params.accounts * extra
    own_objects = {row[1] for row in joint if row[1].startswith("planted:object:")}
    assert len(own_objects) == round(params.actions_per_account * params.own_object_share)
    assert {row[1] for row in own} - own_objects <= {row[1] for row in background}
    # Every joint action follows a moment at which the background acted, by at most the jitter.
    moments = [row[2] for row in background]
    assert all(any(0 <= at_ms - moment <= params.jitter_ms for moment in moments) for _, _, at_ms in joint)
    for name in own_objects:
        times = [at_ms for _, thing, at_ms in joint if thing == name]
        assert len(times) == params.accounts
        assert max(times) - min(times) <= params.jitter_ms


def test_the_default_plant_is_that_of_the_published_benchmark() -> None:
    rng = np.random.default_rng(4)
    background = actions([(f"a{i % 300}", f"o{i % 97}", int(t)) for i, t in enumerate(rng.integers(0, 10**9, 3_000))])
    planted = plant(background, DEFAULT_PLANT, rng)
    assert len(planted.accounts) == 20
    assert planted.joint.sum() == 200
    assert len(planted.actions) == 3_000 + 200 + 200
    again = plant(background, DEFAULT_PLANT, np.random.default_rng(4))
    other = plant(background, DEFAULT_PLANT, np.random.default_rng(5))
    assert listed(again.actions) != listed(other.actions)


@pytest.mark.parametrize(
    ("background", "params", "message"),
    [
        ([], DEFAULT_PLANT, "no actions"),
        ([("planted:0001", "x", 0)], DEFAULT_PLANT, "already holds"),
        ([("a", "x", 0)], PlantParams(camouflage_share=1.0), "camouflage_share"),
        ([("a", "x", 0)], PlantParams(accounts=0), "at least 1"),
    ],
)
def test_impossible_plants_are_refused(
    background: list[tuple[str, str, int]], params: PlantParams, message: str
) -> None:
    empty = Actions(np.array([], dtype=object), np.array([], dtype=object), np.array([], dtype=np.int64))
    with pytest.raises(UsageError, match=message):
        plant(actions(background) if background else empty, params, np.random.default_rng(1))
