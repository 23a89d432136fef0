"""The flag `low_follower`: hardly anyone follows the account."""

from __future__ import annotations

from typing import Final

from floodmark.registry import Flag

FLAG: Final = Flag(
    name="low_follower",
    title="Few followers",
    meaning="Fewer followers than parameters.low_follower_under (20 by default) when the profile was seen.",
    needs=("followers",),
    sql="""
        SELECT account_id,
               followers < $low_follower_under AS flagged,
               'followers ' || CAST(followers AS VARCHAR) AS evidence
        FROM accounts
    """,
    parameters=("low_follower_under",),
    benign=(
        "Most accounts of any platform have few followers.",
        "Newcomers and people who only talk to friends have few followers.",
        "Someone who fears reprisals keeps a small or fresh account.",
    ),
    source="the published case of 17 July 2020 counts low-follower accounts; the threshold is Floodmark's",
    example_accounts=(
        {"account_id": "x:1", "followers": 19},
        {"account_id": "x:2", "followers": 20},
        {"account_id": "x:3", "followers": None},
    ),
    example_flags={"x:1": True, "x:2": False, "x:3": None},
)
