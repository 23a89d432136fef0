"""Parity with CooRTweet and coordination-network-toolkit: their definitions, spelled out over the kernel's pairs.

Each difference of definition is a line of code here and a paragraph in docs/explanation/coactions.md.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from floodmark.coaction import kernel
from floodmark.coaction.edges import run_edges
from floodmark.engine.duckdb import Database, read_sql

SETTINGS = [(10, 2), (10, 5), (60, 2), (60, 5)]
Pair = tuple["Share", "Share"]
Accounts = tuple[str, str]


class Share(NamedTuple):
    """One row of a peer's input; times are whole seconds."""

    object_id: str
    account_id: str
    content_id: str
    at_s: int


@pytest.fixture(scope="module")
def data(shared: Path) -> Path:
    folder = shared / "data"
    if not (folder / "coortweet").is_dir() or not (folder / "peer_acceptance").is_dir():
        pytest.skip("the peers' expected numbers are not beside this checkout")
    return folder


@pytest.fixture(scope="module")
def russian(data: Path) -> list[Share]:
    with Database() as db:
        db.view_parquet("shares", data / "coortweet/russian_coord_tweets.parquet")
        return [Share(*row) for row in db.rows("SELECT object_id, account_id, content_id, timestamp_share FROM shares")]


@pytest.fixture(scope="module")
def expected(data: Path) -> dict[str, Any]:
    text = (data / "peer_acceptance/acceptance_numbers.json").read_text(encoding="utf-8")
    numbers: dict[str, Any] = json.loads(text)
    return numbers


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def index(values: Sequence[str]) -> tuple[list[str], np.ndarray]:
    names = sorted(set(values), key=str.encode)
    place = {name: i for i, name in enumerate(names)}
    return names, np.array([place[value] for value in values], np.int32)


def pairs_within(shares: Sequence[Share], window_s: int) -> list[Pair]:
    """All pairs of shares in the window, those of one account included: the kernel with each share its own account."""
    things = index([share.object_id for share in shares])[1]
    at_ms = np.array([share.at_s for share in shares]) * 1000
    found = kernel.edges(np.arange(len(shares)), things, at_ms, len(shares), window_s * 1000)
    return [(shares[a], shares[b]) for a, b in zip(found.account_a.tolist(), found.account_b.tolist(), strict=True)]


def edges_within(shares: Sequence[Share], window_s: int) -> dict[Accounts, tuple[int, int]]:
    """The kernel's edges: (coactions, objects) by pair of accounts."""
    names, accounts = index([share.account_id for share in shares])
    things = index([share.object_id for share in shares])[1]
    at_ms = np.array([share.at_s for share in shares]) * 1000
    e = kernel.edges(accounts, things, at_ms, len(names), window_s * 1000)
    columns = (e.account_a, e.account_b, e.coactions, e.objects)
    return {(names[a], names[b]): (n, o) for a, b, n, o in zip(*(c.tolist() for c in columns), strict=True)}


def coortweet_input(shares: Sequence[Share], min_participation: int) -> list[Share]:
    """CooRTweet's first filter: accounts with that many rows of any kind."""
    rows = Counter(share.account_id for share in shares)
    return [share for share in shares if rows[share.account_id] >= min_participation]


def coortweet_pairs(shares: Sequence[Share], window_s: int, min_participation: int) -> list[Pair]:
    """`detect_groups(remove_loops = TRUE)`: no pair of one account, of one post, or of a post with itself as object."""
    shares = coortweet_input(shares, min_participation)
    pairs = [
        (x, y)
        for x, y in pairs_within(shares, window_s)
        if x.account_id != y.account_id
        and x.content_id != y.content_id
        and x.object_id not in (x.content_id, y.content_id)
    ]
    taking_part = enough_participation(shares, pairs, min_participation)
    return [(x, y) for x, y in pairs if {x.account_id, y.account_id} & taking_part]


def enough_participation(shares: Sequence[Share], pairs: Sequence[Pair], min_participation: int) -> set[str]:
    """CooRTweet's second filter: a pair stays when one of its two accounts has that many rows of paired posts."""
    paired = {share.content_id for pair in pairs for share in pair}
    rows = Counter(share.account_id for share in shares if share.content_id in paired)
    return {account for account, n in rows.items() if n >= min_participation}


def as_pair(thing: str, x: str, y: str, delta_s: int) -> tuple[str, frozenset[str], int]:
    return thing, frozenset((x, y)), delta_s


def sides(x: str, y: str) -> Accounts:
    return (x, y) if x.encode() < y.encode() else (y, x)


@pytest.mark.parametrize(("window_s", "min_participation"), SETTINGS)
def test_coortweet_pairs(russian: list[Share], data: Path, window_s: int, min_participation: int) -> None:
    theirs = read_csv(data / f"coortweet/expected/groups_tw{window_s}_mp{min_participation}.csv")
    ours = coortweet_pairs(russian, window_s, min_participation)
    assert Counter(as_pair(x.object_id, x.content_id, y.content_id, abs(x.at_s - y.at_s)) for x, y in ours) == Counter(
        as_pair(r["object_id"], r["content_id"], r["content_id_y"], int(r["time_delta"])) for r in theirs
    )


@pytest.mark.parametrize(("window_s", "min_participation"), SETTINGS)
def test_coortweet_edges(russian: list[Share], data: Path, window_s: int, min_participation: int) -> None:
    theirs = read_csv(data / f"coortweet/expected/edges_tw{window_s}_mp{min_participation}.csv")
    shares = coortweet_input(russian, min_participation)
    edges = edges_within(shares, window_s)
    between_accounts = [pair for pair in pairs_within(shares, window_s) if pair[0].account_id != pair[1].account_id]
    taking_part = enough_participation(shares, between_accounts, min_participation)
    weights = {pair: coactions for pair, (coactions, _) in edges.items() if set(pair) & taking_part}
    assert weights == {sides(row["from"], row["to"]): int(row["weight"]) for row in theirs}
    # Their edges also carry the mean distance of the pairs, and whether the weight is above the median.
    deltas = defaultdict(list)
    for x, y in between_accounts:
        deltas[sides(x.account_id, y.account_id)].append(abs(x.at_s - y.at_s))
    median = float(np.median(list(weights.values())))
    for row in theirs:
        pair = sides(row["from"], row["to"])
        assert float(row["avg_time_delta"]) == pytest.approx(sum(deltas[pair]) / len(deltas[pair]))
        assert (row["weight_threshold"] == "1") == (weights[pair] > median)


def test_coortweet_counts(russian: list[Share], expected: dict[str, Any]) -> None:
    for name, numbers in expected["cooRTweet_russian"]["cooRTweet"].items():
        if name.endswith("_loops_kept"):
            continue
        min_participation, window_s = (int(part[2:]) for part in name.split("_"))
        pairs = coortweet_pairs(russian, window_s, min_participation)
        weights = Counter(sides(x.account_id, y.account_id) for x, y in pairs)
        got = (len(pairs), len({account for pair in weights for account in pair}), len(weights), max(weights.values()))
        assert got == tuple(numbers[key] for key in ("pairs", "V", "E", "maxW")), name


def test_coortweet_objects_of_each_edge(russian: list[Share], data: Path) -> None:
    theirs = read_csv(data / "peer_acceptance/coort_russian_tw60_mp2_edges.csv")
    edges = edges_within(coortweet_input(russian, 2), 60)
    assert len(theirs) == 3721
    for row in theirs:
        objects = len(row["object_ids"].split(","))
        assert edges[sides(row["from"], row["to"])] == (int(row["weight"]), objects)


def test_coortweet_simulation(data: Path, expected: dict[str, Any]) -> None:
    numbers = expected["cooRTweet_simulate_seed123"]
    rows = read_csv(data / "peer_acceptance" / numbers["input"])
    shares = [Share(r["object_id"], r["account_id"], r["content_id"], int(r["timestamp_share"])) for r in rows]
    truth = read_csv(data / "peer_acceptance" / numbers["truth"])
    planted = [
        as_pair(r["object_id"], r["content_id"], r["content_id_y"], int(r["time_delta"]))
        for r in truth
        if r["coordinated"] == "TRUE"
    ]
    ours = [
        as_pair(x.object_id, x.content_id, y.content_id, abs(x.at_s - y.at_s))
        for x, y in coortweet_pairs(shares, 10, 2)
    ]
    assert (len(shares), len(planted)) == (numbers["input_rows"], numbers["coordinated_pairs"])
    assert Counter(ours) == Counter(planted)


def test_reference_numbers(russian: list[Share], data: Path, tmp_path: Path, expected: dict[str, Any]) -> None:
    numbers = expected["cooRTweet_russian"]
    reference = numbers["reference_bruteforce_tw60"]
    summary = run_edges(data / "coortweet/russian_coord_tweets.parquet", window_ms=60_000, out=tmp_path / "edges.csv")
    assert (summary.rows, summary.used) == (numbers["rows"], numbers["rows"])
    assert (summary.accounts, summary.objects) == (numbers["accounts"], numbers["objects"])
    assert (summary.edges, summary.coactions) == (reference["undirected_edges"], reference["cross_account_pairs"])
    edges = read_csv(tmp_path / "edges.csv")
    assert sum(int(edge["coactions"]) >= 2 for edge in edges) == reference["edges_weight_ge2"]
    loops = [pair for pair in pairs_within(russian, 60) if pair[0].account_id == pair[1].account_id]
    assert len(loops) == reference["self_pairs"]


def toolkit_weights(shares: Sequence[Share], window_s: int) -> dict[Accounts, int]:
    """coordination-network-toolkit's directed edges: distinct posts of the first account with a partner of the second.

    A loop is an account with itself; a post is never its own partner.
    """
    posts: dict[Accounts, set[str]] = defaultdict(set)
    for x, y in pairs_within(shares, window_s):
        if x.content_id != y.content_id:
            posts[x.account_id, y.account_id].add(x.content_id)
            posts[y.account_id, x.account_id].add(y.content_id)
    return {pair: len(ids) for pair, ids in posts.items()}


def test_toolkit_on_the_russian_set(russian: list[Share], expected: dict[str, Any]) -> None:
    weights = toolkit_weights(russian, 60)
    loops = {pair: weight for pair, weight in weights.items() if pair[0] == pair[1]}
    for least in (1, 2):
        numbers = expected["cooRTweet_russian"]["cnt_main_co_retweet_tw60"][f"min_edge_weight_{least}"]
        kept = {pair: weight for pair, weight in weights.items() if weight >= least and pair not in loops}
        # `nodes` counts the accounts that edges start from.
        got = {"directed_edges": len(kept), "sum_weight": sum(kept.values()), "nodes": len({a for a, _ in kept})}
        assert {**got, "self_loops": len(loops)} == {"self_loops": len(loops), **numbers}
    assert len(loops) == expected["cooRTweet_russian"]["cnt_main_co_retweet_tw60"]["min_edge_weight_1"]["self_loops"]
    # Without loops and thresholds the two networks have the same edges, ours undirected.
    assert {sides(*pair) for pair in weights if pair not in loops} == set(edges_within(russian, 60))


@pytest.mark.parametrize(
    ("window_s", "least", "with_loops", "nodes"),
    [(1, 1, False, 2), (1, 1, True, 3), (1, 2, False, 0), (1, 2, True, 1), (60, 1, False, 6), (60, 1, True, 7)],
)
def test_toolkit_case(data: Path, window_s: int, least: int, with_loops: bool, nodes: int) -> None:
    rows = read_csv(data / "peer_acceptance/qut/coretweet_test_input.csv")
    shares = [Share(r["repost_id"], r["user_id"], r["message_id"], int(r["timestamp"])) for r in rows]
    kept = [
        pair
        for pair, weight in toolkit_weights(shares, window_s).items()
        if weight >= least and (with_loops or pair[0] != pair[1])
    ]
    assert len({account for pair in kept for account in pair}) == nodes
    if least == 1 and not with_loops:
        assert len({account for pair in edges_within(shares, window_s) for account in pair}) == nodes


def test_the_evidence_of_the_heaviest_edges_names_their_posts(russian: list[Share]) -> None:
    heavy = {pair: n for pair, (n, _) in edges_within(russian, 60).items() if n >= 2}
    expected_posts = defaultdict(list)
    for x, y in pairs_within(russian, 60):
        if (pair := sides(x.account_id, y.account_id)) in heavy:
            first, second = (x, y) if x.account_id == pair[0] else (y, x)
            expected_posts[pair].append((first.object_id, first.content_id, second.content_id))
    with Database() as db:
        db.execute("CREATE TABLE actions_in (object_id VARCHAR, account_id VARCHAR, post_id VARCHAR, at_ms BIGINT)")
        columns = [list(column) for column in zip(*russian, strict=True)]
        columns[3] = [at_s * 1000 for at_s in columns[3]]
        db.load("actions_in", dict(zip(("object_id", "account_id", "post_id", "at_ms"), columns, strict=True)))
        for a, b in heavy:
            got = db.rows(read_sql("edge_evidence"), {"account_a": a, "account_b": b, "window_ms": 60_000})
            assert Counter(row[:3] for row in got) == Counter(expected_posts[a, b])
    assert len(heavy) == 63
