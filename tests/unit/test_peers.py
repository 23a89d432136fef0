"""The peers' rules against a look at every pair, and against the numbers of the tools themselves."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from floodmark.benchmark import peers
from floodmark.coordination.result import Shares
from floodmark.engine.duckdb import Database


def random_shares(seed: int, accounts: int = 25, objects: int = 12, actions: int = 120) -> Shares:
    rng = np.random.default_rng(seed)
    return Shares(
        rng.integers(0, accounts, actions).astype(np.int32),
        rng.integers(0, objects, actions).astype(np.int32),
        rng.integers(0, 3_600, actions) * 1_000,
        accounts,
        np.zeros(objects, np.int32),
    )


def flagged(mask: np.ndarray | None) -> set[int]:
    assert mask is not None
    return set(np.flatnonzero(mask).tolist())


def pairs_in_window(shares: Shares, rows: list[int], window_ms: int) -> list[tuple[int, int]]:
    account, thing, at_ms = shares.account, shares.object, shares.at_ms
    return [
        (i, j)
        for i, j in combinations(rows, 2)
        if thing[i] == thing[j] and account[i] != account[j] and abs(at_ms[i] - at_ms[j]) <= window_ms
    ]


@pytest.mark.parametrize("seed", range(8))
def test_two_co_actions_equals_a_look_at_every_pair(seed: int) -> None:
    shares = random_shares(seed)
    objects: dict[frozenset[int], set[int]] = {}
    for i, j in pairs_in_window(shares, list(range(len(shares.at_ms))), 300_000):
        pair = frozenset((int(shares.account[i]), int(shares.account[j])))
        objects.setdefault(pair, set()).add(int(shares.object[i]))
    expected = {account for pair, shared in objects.items() if len(shared) >= 2 for account in pair}
    assert flagged(peers.co_actions(shares, 300_000)) == expected
    assert expected


@pytest.mark.parametrize("seed", range(8))
def test_coortweet_equals_its_steps_done_one_by_one(seed: int) -> None:
    shares = random_shares(seed, accounts=40)
    account = shares.account.tolist()
    rows = [i for i in range(len(account)) if account.count(account[i]) >= 2]
    pairs = pairs_in_window(shares, rows, 200_000)
    acting = {i for pair in pairs for i in pair}
    busy = {a for a in account if sum(account[i] == a for i in acting) >= 2}
    weights: dict[frozenset[int], int] = {}
    for i, j in pairs:
        if account[i] in busy or account[j] in busy:
            pair = frozenset((account[i], account[j]))
            weights[pair] = weights.get(pair, 0) + 1
    cut = np.quantile(list(weights.values()), 0.5)
    expected = {a for pair, weight in weights.items() if weight > cut for a in pair}
    assert flagged(peers.coortweet(shares, 200_000)) == expected


def test_coortweet_flags_as_many_as_the_tool_itself(shared: Path) -> None:
    file = shared / "data/coortweet/russian_coord_tweets.parquet"
    if not file.is_file():
        pytest.skip("the Russian shares are not beside this checkout")
    with Database() as db:
        db.view_parquet("shares", file)
        found = db.arrays("SELECT account_id, object_id, timestamp_share * 1000 AS at_ms FROM shares")
    shares = Shares.of(found["account_id"], found["object_id"], found["at_ms"])
    # Version 2.1.3: detect_groups(60, 2), generate_coordinated_network(subgraph = 1) keeps 94 accounts.
    assert len(flagged(peers.coortweet(shares))) == 94


def dense_cosines(shares: Shares) -> dict[tuple[int, int], tuple[float, int]]:
    counts = np.zeros((shares.n_accounts, len(shares.trace)))
    np.add.at(counts, (shares.account, shares.object), 1)
    counts[(counts > 0).sum(axis=1) < 2] = 0
    known = counts.any(axis=1)
    idf = np.log((1 + known.sum()) / (1 + (counts > 0).sum(axis=0))) + 1
    vectors = counts * idf
    lengths = np.linalg.norm(vectors, axis=1)
    cosine = vectors @ vectors.T / np.outer(np.where(known, lengths, 1), np.where(known, lengths, 1))
    common = (counts > 0).astype(int) @ (counts > 0).astype(int).T
    return {
        (a, b): (round(float(cosine[a, b]), 9), int(common[a, b]))
        for a, b in combinations(range(shares.n_accounts), 2)
        if common[a, b]
    }


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("top_share", [0.005, 0.05, 1.0])
def test_tfidf_equals_dense_vectors(seed: int, top_share: float) -> None:
    shares = random_shares(seed, accounts=40, objects=30)
    pairs = dense_cosines(shares)
    ranked = sorted(pairs, key=lambda pair: (-pairs[pair][0], -pairs[pair][1], pair))
    expected = {account for pair in ranked[: int(np.ceil(top_share * len(pairs)))] for account in pair}
    assert flagged(peers.tfidf_top(shares, top_share)) == expected


def test_tfidf_prefers_many_common_objects_among_equals_and_ignores_time() -> None:
    twins = {0: "ab", 1: "ab", 2: "cdef", 3: "cdef", 4: "gh", 5: "gh"}
    rows = [(account, ord(thing) - ord("a")) for account, things in twins.items() for thing in things]
    account, thing = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    shares = Shares(account, thing, np.arange(len(rows)) * 10**9, 6, np.zeros(8, np.int32))
    assert flagged(peers.tfidf_top(shares, 0.3)) == {2, 3}


def test_rules_that_cannot_flag_anybody_flag_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Shares(np.arange(3, dtype=np.int32), np.zeros(3, np.int32), np.zeros(3, np.int64), 3, np.zeros(1, np.int32))
    assert [flagged(rule(alone)) for rule in peers.RULES.values()] == [set(), set(), set()]
    monkeypatch.setattr(peers, "_MAX_PAIRS", 3)
    assert peers.tfidf_top(random_shares(1)) is None
