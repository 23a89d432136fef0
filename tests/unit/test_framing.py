"""Framing: bots copy what they should when they should, and victims are counted by what became of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from floodmark.benchmark import framing, jobs
from floodmark.benchmark.jobs import Baseline
from floodmark.coordination.result import AccountVerdicts, Coordination, EdgeColumns, Rules, Shares
from floodmark.errors import UsageError
from floodmark.simulate.framing import FORMS, Framed, FrameParams, frame
from floodmark.simulate.plant import Actions

Row = tuple[str, str, int]


def crowd() -> Actions:
    """Account k has 1 + k % 12 distinct objects."""
    rows = [(f"a{k:03}", f"o{k % 7}-{j}", 1_000_000 * j + 777 * k) for k in range(60) for j in range(1 + k % 12)]
    account, thing, at_ms = zip(*rows, strict=True)
    return Actions(np.array(account, dtype=object), np.array(thing, dtype=object), np.array(at_ms, np.int64))


def listed(actions: Actions) -> list[Row]:
    return list(zip(actions.account_id.tolist(), actions.object_id.tolist(), actions.at_ms.tolist(), strict=True))


def lags(framed: Framed) -> list[int]:
    """How long after its victim each bot acted: the objects of the crowd are an account's own within a form."""
    rows = listed(framed.actions)
    at = {(who, thing): at_ms for who, thing, at_ms in rows if not who.startswith("mirror:")}
    per_victim = len(framed.bots) // len(framed.victims)
    owner = {bot: framed.victims[number // per_victim] for number, bot in enumerate(framed.bots)}
    return [at_ms - at[owner[who], thing] for who, thing, at_ms in rows if who in owner]


@pytest.mark.parametrize("form", FORMS)
def test_bots_copy_most_of_what_their_victim_does_within_the_form_s_delays(form: str) -> None:
    params = FrameParams(bots_per_victim=40, form=form)
    framed = frame(crowd(), params, np.random.default_rng(2))
    assert Counter(row for row in listed(framed.actions) if not row[0].startswith("mirror:")) == Counter(
        listed(crowd())
    )
    busy = Counter(crowd().account_id.tolist())
    assert len(framed.victims) == len(set(framed.victims)) == 5
    assert all(busy[victim] >= 6 for victim in framed.victims)
    assert len(set(framed.bots)) == 200
    found = lags(framed)
    assert 0.85 <= len(found) / (40 * sum(busy[victim] for victim in framed.victims)) <= 0.95
    before = [lag for lag in found if lag < 0]
    assert {"mirroring": not before, "anticipatory": len(before) == len(found)}.get(
        form, 0.4 < len(before) / len(found) < 0.6
    )
    assert all(-30_000 <= lag < 0 or 1_000 <= lag <= 60_000 for lag in found)


def test_who_is_spared_is_no_victim_and_the_busiest_stand_in_where_few_are_busy() -> None:
    spared = {account for account, count in Counter(crowd().account_id.tolist()).items() if count >= 8}
    framed = frame(crowd(), FrameParams(), np.random.default_rng(2), spared)
    assert not spared & set(framed.victims)
    rare = frame(crowd(), FrameParams(victims=5, min_sittings=99), np.random.default_rng(2))
    assert {int(name[1:]) % 12 for name in rare.victims} == {11}


def test_many_actions_of_one_sitting_make_no_victim() -> None:
    """Ten people with twenty actions a minute apart, and six with six actions an hour apart."""
    rows = [(f"busy{k}", f"o{j}", 60_000 * j) for k in range(10) for j in range(20)]
    rows += [(f"calm{k}", f"o{j}", 3_600_000 * j + k) for k in range(6) for j in range(6)]
    account, thing, at_ms = zip(*rows, strict=True)
    people = Actions(np.array(account, dtype=object), np.array(thing, dtype=object), np.array(at_ms, np.int64))
    framed = frame(people, FrameParams(bots_per_victim=2), np.random.default_rng(4))
    assert {name[:4] for name in framed.victims} == {"calm"}


def test_impossible_framings_are_refused() -> None:
    with pytest.raises(UsageError, match="field `form`"):
        frame(crowd(), FrameParams(form="shouting"), np.random.default_rng(1))
    with pytest.raises(UsageError, match="too few accounts"):
        frame(crowd(), FrameParams(victims=61), np.random.default_rng(1))


def test_victims_are_counted_by_what_became_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def coordination(shares: Shares, _rules: Rules, reference: Shares | None, threads: int) -> Coordination:
        """Of the crowd (numbered first): the first victim is named, others amplified or first movers, one unseen."""
        assert threads == 1
        references.append(None if reference is None else reference.n_accounts)
        count = shares.n_accounts
        state, role = np.full(count, "tested", dtype=object), np.full(count, "", dtype=object)
        p_value, group = np.ones(count), np.full(count, -1, np.int32)
        if count > 60:
            state[66:] = "named"  # of the bots, those of the first two victims are not
            victims = np.flatnonzero(np.isin([f"a{k:03}" for k in range(60)], expected.victims))
            state[victims[:3]], role[victims[1]], role[victims[2]] = "in_step", "amplified", "first_mover"
            state[victims[0]], role[victims[0]] = "named", "amplified"
            group[victims[:4]] = 0
            state[1] = "named"
        none = np.zeros(0, np.int64)
        accounts = AccountVerdicts(state, p_value, group, role, role, np.zeros(count, np.int32))
        return Coordination(accounts, (), EdgeColumns(*[none] * 14), Rules(), (1,), 1, 0, 0, 0, 0, {}, 0, False)

    references: list[int | None] = []
    params = FrameParams(bots_per_victim=3)
    expected = frame(crowd(), params, np.random.default_rng([framing.SEED, 0]))
    assert "a001" not in expected.victims
    monkeypatch.setattr(jobs, "coordination", coordination)
    monkeypatch.setattr(framing, "FORMS", ("mirroring",))
    row, known = framing.study({"crowd": crowd()}, 1, bots=[3], processes=1)
    assert (row.pop("reference"), known.pop("reference")) == ("none", "background")
    assert known == row  # the answer above does not look at the reference
    assert references == [None, None, 60]
    assert row["victims"] == 5
    shares = {name: row[f"victims_{name}"] for name in ("named", "amplified", "first_mover", "in_no_group")}
    assert shares == {"named": 0.2, "amplified": 0.2, "first_mover": 0.2, "in_no_group": 0.2}
    assert (row["bots_named"], row["others_named"]) == (9 / 15, 1)
    # The bots of one victim follow each other, so two victims have none that is named; the amplified one may be either.
    unseen = set(expected.victims[:2])
    amplified = sorted(expected.victims)[1]
    assert row["victims_whose_bots_are_named"] == 0.6
    assert row["amplified_of_these"] == pytest.approx(0 if amplified in unseen else 1 / 3)
    assert row["victims_within_reach"] == 0  # under one account is 1 % of so small a crowd
    assert row["amplified_within_reach"] is None
    spared = framing.run_once((crowd(), replace(params), Baseline(frozenset({"a001"}), {}), 0, False))
    assert spared.outside == 0


def test_a_victim_is_within_reach_with_five_objects_that_few_others_share_at_that_time() -> None:
    rows = [("well", f"own{k}", 3_600_000 * k) for k in range(5)]
    rows += [("less", f"few{k}", 3_600_000 * k) for k in range(4)] + [("less", "loud", 50_000_000)]
    rows += [(f"crowd{k:03}", "loud", 50_000_000 + 100 * k) for k in range(300)]
    rows += [(f"crowd{k:03}", f"own{j}", 90_000_000 + k) for k in range(300) for j in range(5)]  # a day later
    account, thing, at_ms = zip(*rows, strict=True)
    people = Actions(np.array(account, dtype=object), np.array(thing, dtype=object), np.array(at_ms, np.int64))
    framed = Framed(people, ("less", "well"), tuple("b" * 10))
    assert framing._within_reach(people, framed, FrameParams()) == ["well"]
    # Where the object is as quiet as the others, so is the fifth.
    quiet = Actions(people.account_id[:10], people.object_id[:10], people.at_ms[:10])
    crowd_of = FrameParams(bots_per_victim=300)
    assert framing._within_reach(quiet, Framed(quiet, ("less", "well"), tuple("b" * 300)), crowd_of) == ["less", "well"]
