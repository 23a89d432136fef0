"""The flag `default_profile`: no profile text, or the platform's own picture."""

from __future__ import annotations

from typing import Final

from floodmark.registry import Flag

FLAG: Final = Flag(
    name="default_profile",
    title="Empty profile",
    meaning=(
        "The profile text is empty or the picture is the platform's default, judged on whichever of the two is known."
        " A text that was not collected is unknown, not empty."
    ),
    needs=("description", "default_picture"),
    # Judged on what is known: if a half-known profile counted only when flagged, every judged account would be flagged.
    sql="""
        SELECT account_id,
               CASE
                   WHEN description IS NULL AND default_picture IS NULL THEN NULL
                   ELSE coalesce(trim(description) = '', FALSE) OR coalesce(default_picture, FALSE)
               END AS flagged,
               concat_ws(', ',
                   CASE WHEN trim(description) = '' THEN 'empty text' END,
                   CASE WHEN default_picture THEN 'default picture' END) AS evidence
        FROM accounts
    """,
    parameters=(),
    benign=(
        "Many people never fill in a profile.",
        "Someone who fears reprisals shows no face and no words.",
        "A collector that drops profile texts makes full profiles look empty.",
    ),
    source="profile features of the bot literature, weak on their own",
    example_accounts=(
        {"account_id": "x:1", "description": "", "default_picture": None},
        {"account_id": "x:2", "description": "tea, books", "default_picture": False},
        {"account_id": "x:3", "description": None, "default_picture": True},
        {"account_id": "x:4", "description": None, "default_picture": None},
        {"account_id": "x:5", "description": " ", "default_picture": False},
    ),
    example_flags={"x:1": True, "x:2": False, "x:3": True, "x:4": None, "x:5": True},
)
