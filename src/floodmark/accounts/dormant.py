"""The flag `dormant`: silent for long before the event, then awake in it."""

from __future__ import annotations

from typing import Final

from floodmark.registry import Flag

FLAG: Final = Flag(
    name="dormant",
    title="Dormant, then awake",
    meaning=(
        "The last post before the collection is more than parameters.dormant_days before the start of the event (180 by"
        " default). An account younger than that cannot have been dormant; without a known last post, an older one is"
        " unknown."
    ),
    needs=("previous_post_at_ms",),
    # Without the second branch every newcomer, who has no earlier post, would be unknown and drop out of each union.
    # A creation date is the earliest that its error allows, so one that may lie on either side stays unknown.
    sql="""
        SELECT account_id,
               CASE
                   WHEN previous_post_at_ms IS NOT NULL
                       THEN previous_post_at_ms < $event_start_ms - CAST($dormant_days AS BIGINT) * 86400000
                   WHEN created_at_ms >= $event_start_ms - CAST($dormant_days AS BIGINT) * 86400000 THEN FALSE
               END AS flagged,
               'last post before ' || CAST(previous_post_at_ms AS VARCHAR) AS evidence
        FROM accounts
    """,
    parameters=("event_start_ms", "dormant_days"),
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
