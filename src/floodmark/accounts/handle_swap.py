"""The flag `handle_swap`: the same account was seen with different handles."""

from __future__ import annotations

from typing import Final

from floodmark.accounts.handles import LOCAL_SQL
from floodmark.registry import Flag

FLAG: Final = Flag(
    name="handle_swap",
    title="Changed its handle",
    meaning=(
        "The account was seen with at least two handles, upper and lower case counted as the same. An account whose"
        " handle was seen only once is unknown."
    ),
    needs=("account_observations.handle",),
    sql=f"""
        WITH seen AS (
            SELECT account_id, lower({LOCAL_SQL}) AS local, observed_at_ms
            FROM account_observations WHERE trim(handle) <> ''
        ), named AS (
            SELECT account_id, local, min(observed_at_ms) AS first_ms FROM seen GROUP BY account_id, local
        ), looks AS (
            SELECT account_id, count(DISTINCT observed_at_ms) AS looks FROM seen GROUP BY account_id
        ), listed AS (
            SELECT account_id, local, first_ms,
                   row_number() OVER (PARTITION BY account_id ORDER BY first_ms NULLS LAST, local) AS place
            FROM named
        )
        SELECT account_id,
               count(*) >= 2 AS flagged,
               CAST(count(*) AS VARCHAR) || ' handles: ' || string_agg(
                   left(local, 40)
                   || coalesce(strftime(make_timestamp(first_ms * 1000), ' (from %Y-%m-%d)'), ' (no date)'),
                   ', ' ORDER BY place) FILTER (WHERE place <= 5) AS evidence
        FROM listed JOIN looks USING (account_id)
        GROUP BY account_id
        HAVING count(*) >= 2 OR any_value(looks) >= 2
    """,
    parameters=(),
    benign=(
        "People rename themselves: a marriage, a new name, a campaign, a joke.",
        "Someone who was threatened or exposed changes the handle to be left alone.",
        "Where an account is watched longer or seen more often, more of its changes are seen.",
    ),
    source="handle changes under one account id; the rule is Floodmark's",
    example_observations=(
        {"account_id": "x:1", "handle": "tea_lover", "observed_at_ms": 1_594_000_000_000},
        {"account_id": "x:1", "handle": "newsdesk", "observed_at_ms": 1_594_900_000_000},
        {"account_id": "x:2", "handle": "Ben", "observed_at_ms": 1_594_000_000_000},
        {"account_id": "x:2", "handle": "ben", "observed_at_ms": 1_594_900_000_000},
        {"account_id": "x:3", "handle": "cy", "observed_at_ms": 1_594_000_000_000},
        {"account_id": "x:4", "handle": None, "observed_at_ms": 1_594_000_000_000},
    ),
    example_flags={"x:1": True, "x:2": False, "x:3": None, "x:4": None},
)
