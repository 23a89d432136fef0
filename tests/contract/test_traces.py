"""Every trace keeps the promise of its own example: rows in, actions out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from floodmark import derive, registry
from floodmark.engine.duckdb import Database
from floodmark.registry import Trace

TRACES = registry.traces()


def test_every_trace_file_loads() -> None:
    assert not TRACES.failed
    assert {"repost", "url", "hashtag", "text", "reply"} <= set(TRACES.items)


@pytest.mark.parametrize("trace", TRACES.items.values(), ids=TRACES.items)
def test_example(trace: Trace, base_db: Callable[..., Database]) -> None:
    db = base_db(trace.example_posts)
    derive.open_features(db)
    derive.open_scoped_posts(db, ("main",), -(10**15), 10**15)
    rows = db.rows(f"SELECT account_id, object_id, post_id, at_ms FROM ({trace.sql}) ORDER BY ALL")
    found = {(account, obj) for account, obj, _post, _at in rows}
    # `same:N` in an example means: one object that the tool names, the same for all with that label.
    labelled: dict[str, set[str]] = {}
    for account, label in trace.example_actions:
        objects = {obj for who, obj in found if who == account}
        assert len(objects) == 1, f"{account} has {objects}"
        labelled.setdefault(label, set()).update(objects)
    for label, objects in labelled.items():
        assert len(objects) == 1, f"{label} is {objects}"
        assert label.startswith("same:") or objects == {label}
    assert {account for account, _ in found} == {account for account, _ in trace.example_actions}
    times = {post["post_id"]: post["at_ms"] for post in trace.example_posts}
    assert all(times[post] == at for _account, _obj, post, at in rows)


@pytest.mark.parametrize("trace", TRACES.items.values(), ids=TRACES.items)
def test_says_what_else_it_may_mean(trace: Trace) -> None:
    assert trace.benign
    assert trace.references
    assert trace.windows_s == tuple(sorted(trace.windows_s))


def test_a_popular_single_hashtag_is_no_action(base_db: Callable[..., Database]) -> None:
    posts = [{"post_id": f"x:{n}", "account_id": f"x:{n}", "at_ms": n, "text": "hello #event"} for n in range(50)]
    db = base_db(posts)
    derive.open_features(db)
    derive.open_scoped_posts(db, ("main",), 0, 1000)
    assert db.rows(TRACES.items["hashtag"].sql) == []


def test_a_common_set_of_hashtags_is_no_action(base_db: Callable[..., Database]) -> None:
    common = [{"post_id": f"x:{n}", "account_id": f"x:{n}", "at_ms": n, "text": "#one #two"} for n in range(30)]
    rare = [{"post_id": f"x:r{n}", "account_id": f"x:r{n}", "at_ms": n, "text": "#one #three"} for n in range(2)]
    db = base_db([*common, *rare])
    derive.open_features(db)
    derive.open_scoped_posts(db, ("main",), 0, 1000)
    accounts = {row[0] for row in db.rows(TRACES.items["hashtag"].sql)}
    assert accounts == {"x:r0", "x:r1"}


def test_clocks_are_floored_to_the_coarsest_and_negative_times_too(base_db: Callable[..., Database]) -> None:
    fine = {"post_id": "x:1", "account_id": "x:a", "at_ms": 61_500, "at_resolution_ms": 1, "text": "a"}
    coarse = {"post_id": "x:2", "account_id": "x:b", "at_ms": -60_000, "at_resolution_ms": 60_000, "text": "b"}
    early = {"post_id": "x:3", "account_id": "x:c", "at_ms": -1, "at_resolution_ms": 1, "text": "c"}
    db = base_db([fine, coarse, early])
    derive.open_features(db)
    derive.open_scoped_posts(db, ("main",), -(10**9), 10**9)
    assert db.rows("SELECT post_id, at_ms FROM scoped_posts ORDER BY 1") == [
        ("x:1", 60_000),
        ("x:2", -60_000),
        ("x:3", -60_000),
    ]


def test_a_post_in_two_streams_is_one_action(base_db: Callable[..., Database]) -> None:
    post = {"post_id": "x:1", "account_id": "x:a", "at_ms": 1, "replied_post_id": "x:9", "text": "hi"}
    db = base_db([{**post, "stream": "main"}, {**post, "stream": "other"}])
    derive.open_features(db)
    derive.open_scoped_posts(db, ("main", "other"), 0, 10)
    assert db.rows(f"SELECT account_id, object_id, post_id FROM ({TRACES.items['reply'].sql})") == [
        ("x:a", "x:9", "x:1")
    ]
