"""Every flag against its own example, and against what the registry promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from floodmark import registry, schema
from floodmark.accounts.judge import judge
from floodmark.accounts.prevalence import count_flags
from floodmark.registry import Flag
from floodmark.view import CaseView

FLAGS = registry.flags().items


def test_all_flags_load() -> None:
    assert registry.flags().failed == {}
    assert {"new", "dormant", "low_follower", "default_profile"} <= set(FLAGS)


@pytest.mark.parametrize("flag", FLAGS.values(), ids=FLAGS.keys())
def test_flag_judges_its_example(flag: Flag, make_view: Callable[..., CaseView]) -> None:
    posts = [{"stream": "main", "at_resolution_ms": 1000, **post} for post in flag.example_posts]
    members = [{"roster": "pro", "account_id": account, "posts": 1, "first_at_ms": 0} for account in flag.example_flags]
    tables = {"posts": posts, "account_observations": flag.example_observations, "participants": members}
    view = make_view(accounts=flag.example_accounts, account_flags=(), **tables)
    judge(view, flag)
    rows = view.db.rows("SELECT account_id, flagged, evidence FROM account_flags")
    judged = {account: flagged for account, flagged, _ in rows}
    assert {account: judged.get(account) for account in flag.example_flags} == dict(flag.example_flags)
    # An example that cannot fail is none: it shows the flag set, not set, and unknown.
    assert set(flag.example_flags.values()) == {True, False, None}
    assert all(isinstance(evidence, str) and evidence for _, flagged, evidence in rows if flagged)


@pytest.mark.parametrize("flag", FLAGS.values(), ids=FLAGS.keys())
def test_flag_says_what_it_needs_and_its_benign_readings(flag: Flag) -> None:
    assert flag.needs
    tables = {table.name: table for table in schema.TABLES}
    for need in flag.needs:
        table, column = need.split(".") if "." in need else ("accounts", need)
        assert column in tables[table].names
    assert flag.benign
    assert flag.source
    assert flag.meaning.endswith(".")


@pytest.mark.parametrize("flag", FLAGS.values(), ids=FLAGS.keys())
def test_without_its_columns_a_flag_judges_nobody(flag: Flag, make_view: Callable[..., CaseView]) -> None:
    # Everything is known of these accounts except what the flag needs, whatever else its SQL may look at.
    known = {
        "created_at_ms": 1_000,
        "followers": 3,
        "previous_post_at_ms": 1_000,
        "description": "",
        "default_picture": True,
    }
    profile = {name: value for name, value in known.items() if name not in flag.needs}
    view = make_view(
        participants=[{"roster": "pro", "account_id": "x:1", "posts": 1, "first_at_ms": 0}],
        accounts=[{"account_id": "x:1", **profile}],
    )
    counts = count_flags(view, [flag])
    assert not counts.testable("pro", flag)
    assert counts.tally("pro", (flag.name,)).unknown == 1
