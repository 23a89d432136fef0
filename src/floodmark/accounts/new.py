"""The flag `new`: created shortly before the event."""

from __future__ import annotations

from typing import Final

from floodmark.registry import Flag

FLAG: Final = Flag(
    name="new",
    title="New account",
    meaning=(
        "Created within parameters.enrolment_days before the start of the event (30 by default), or later. Unknown"
        " where the creation date is not known finely enough to tell."
    ),
    needs=("created_at_ms",),
    sql="""
        SELECT account_id,
               CASE
                   WHEN created_at_ms >= $event_start_ms - CAST($enrolment_days AS BIGINT) * 86400000 THEN TRUE
                   WHEN created_at_ms + coalesce(created_resolution_ms, 1)
                       <= $event_start_ms - CAST($enrolment_days AS BIGINT) * 86400000 THEN FALSE
               END AS flagged,
               'created ' || CAST(created_at_ms AS VARCHAR)
                   || CASE WHEN created_from = 'id' THEN ' by its id' ELSE '' END AS evidence
        FROM accounts
    """,
    parameters=("event_start_ms", "enrolment_days"),
    benign=(
        "People join a platform because of an event that matters to them.",
        "Someone who fears reprisals opens an account for the occasion.",
        "A platform's own growth brings newcomers at any time; compare with the control.",
    ),
    source="Bellutta & Carley 2023, doi 10.1186/s40537-023-00695-7",
    example_accounts=(
        {"account_id": "x:1", "created_at_ms": 1_594_500_000_000},
        {"account_id": "x:2", "created_at_ms": 1_500_000_000_000},
        {"account_id": "x:3", "created_at_ms": None},
        {"account_id": "x:4", "created_at_ms": 1_594_950_000_000},
        {"account_id": "x:5", "created_at_ms": 1_592_300_000_000, "created_resolution_ms": 86_400_000},
    ),
    example_flags={"x:1": True, "x:2": False, "x:3": None, "x:4": True, "x:5": None},
)
