"""The flag `digit_tail`: the handle ends in a long run of digits, as platforms themselves suggest."""

from __future__ import annotations

from typing import Final

from floodmark.accounts.handles import LOCAL_SQL
from floodmark.registry import Flag

FLAG: Final = Flag(
    name="digit_tail",
    title="Handle ends in many digits",
    meaning=(
        "The handle ends in at least parameters.digit_tail_digits digits (8 by default) behind something else. A handle"
        " of digits only, or of over 40 characters, is unknown: that is an id or a hash in the handle's place."
    ),
    needs=("handle",),
    sql=f"""
        SELECT account_id,
               length(regexp_extract(local, '[0-9]*$')) >= $digit_tail_digits AS flagged,
               'handle ends in ' || CAST(length(regexp_extract(local, '[0-9]*$')) AS VARCHAR) || ' digits' AS evidence
        FROM (SELECT account_id, {LOCAL_SQL} AS local FROM accounts WHERE handle IS NOT NULL)
        WHERE local <> '' AND length(local) <= 40 AND NOT regexp_full_match(local, '[0-9]+')
    """,
    parameters=("digit_tail_digits",),
    benign=(
        "Platforms suggest such handles to everybody who signs up without choosing one.",
        "Someone who fears reprisals keeps the handle that says nothing.",
        "Birth dates and telephone numbers are digits too.",
    ),
    source="handle features of the bot literature; alone worthless as a detector of bots (F1 0.005 on TwiBot-22)",
    example_accounts=(
        {"account_id": "x:1", "handle": "ana12345678"},
        {"account_id": "x:2", "handle": "ana1234567"},
        {"account_id": "x:3", "handle": "12345678901"},
        {"account_id": "x:4", "handle": None},
        {"account_id": "x:5", "handle": "@ana12345678@social.example"},
    ),
    example_flags={"x:1": True, "x:2": False, "x:3": None, "x:4": None, "x:5": True},
)
