"""The flag `dormant`: silent for long before the event, then awake in it."""

from __future__ import annotations

from typing import Final

from floodmark.accounts.creation_ids import PLATFORM_STARTS_MS
from floodmark.registry import Flag

#: The platforms whose beginning is known are one; no other network of today is older than 1990.
_NAMES: Final = ", ".join(f"'{name}'" for name in sorted(PLATFORM_STARTS_MS))
_START_MS: Final = min(PLATFORM_STARTS_MS.values())
_OLDEST_MS: Final = 631_152_000_000
FLAG: Final = Flag(
    name="dormant",
    title="Dormant, then awake",
    meaning=(
        "The last post before the collection is more than parameters.dormant_days before the start of the event (180 by"
        " default). An account younger than that cannot have been dormant; without a known last post, an older one is"
        " unknown. Unknown too where the data contradict each other: profiles with last posts on both sides of that"
        " day, a post seen between it and parameters.dormant_awake_days before the event (30), a last post before the"
        " account or its platform existed, or one after the event began, which says nothing of the time before."
    ),
    needs=("previous_post_at_ms",),
    # Without the branch on the creation date every newcomer, who has no earlier post, would be unknown and drop out of
    # each union. A creation date is the earliest that its error allows, so one on either side stays unknown.
    sql=f"""
        WITH borders AS (
            SELECT $event_start_ms - CAST($dormant_days AS BIGINT) * 86400000 AS silent_ms,
                   $event_start_ms - CAST($dormant_awake_days AS BIGINT) * 86400000 AS awake_ms
        ),
        said AS (
            SELECT account_id, min(at_ms) AS first_ms, max(at_ms) AS last_ms
            FROM (
                SELECT account_id, previous_post_at_ms AS at_ms FROM account_observations
                UNION ALL SELECT account_id, previous_post_at_ms FROM accounts
            ) AS looks
            WHERE at_ms IS NOT NULL
            GROUP BY account_id
        ),
        active AS (
            SELECT DISTINCT account_id
            FROM (
                SELECT account_id, at_ms FROM posts
                UNION ALL SELECT account_id, last_post_at_ms FROM statuses
            ) AS seen, borders
            WHERE at_ms >= silent_ms AND at_ms < awake_ms
        )
        SELECT a.account_id,
               CASE
                   WHEN s.account_id IS NULL AND a.created_at_ms >= silent_ms THEN FALSE
                   WHEN s.first_ms >= silent_ms AND (s.last_ms < $event_start_ms OR a.created_at_ms >= silent_ms)
                       THEN FALSE
                   WHEN s.last_ms < silent_ms AND p.account_id IS NULL AND s.first_ms >= coalesce(
                       a.created_at_ms,
                       CASE WHEN split_part(a.account_id, ':', 1) IN ({_NAMES}) THEN {_START_MS} ELSE {_OLDEST_MS} END
                   ) THEN TRUE
               END AS flagged,
               'last post before ' || CAST(s.last_ms AS VARCHAR) AS evidence
        FROM accounts a
        CROSS JOIN borders
        LEFT JOIN said s ON s.account_id = a.account_id
        LEFT JOIN active p ON p.account_id = a.account_id
    """,
    parameters=("event_start_ms", "dormant_days", "dormant_awake_days"),
    benign=(
        "People who mostly read speak up when something matters to them.",
        "Someone who was locked out, ill, jailed or offline comes back.",
        "Deleted posts make a gap that was never there.",
    ),
    source="Floodmark's design: gaps are always read beside the control",
    example_accounts=(
        {"account_id": "x:1", "previous_post_at_ms": 1_560_000_000_000, "created_at_ms": 1_400_000_000_000},
        {"account_id": "x:2", "previous_post_at_ms": 1_594_000_000_000, "created_at_ms": 1_400_000_000_000},
        {"account_id": "x:3", "previous_post_at_ms": None, "created_at_ms": 1_594_500_000_000},
        {"account_id": "x:4", "previous_post_at_ms": None, "created_at_ms": 1_400_000_000_000},
        # From an hour before the border on, known to the day.
        {"account_id": "x:5", "created_at_ms": 1_579_372_200_000, "created_resolution_ms": 86_400_000},
        {"account_id": "x:6", "created_at_ms": 1_579_375_800_000, "created_resolution_ms": 86_400_000},
    ),
    example_flags={"x:1": True, "x:2": False, "x:3": False, "x:4": None, "x:5": None, "x:6": False},
)
