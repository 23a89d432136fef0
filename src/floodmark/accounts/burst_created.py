"""The flag `burst_created`: created in an hour or a day with far more creations in its roster than usual."""

from __future__ import annotations

from typing import Final

from floodmark.accounts.creation_bursts import DAY_MS, burst_accounts
from floodmark.registry import Flag

_START_MS: Final = 1_500_000_400_000
_OTHERS: Final = tuple((f"x:other{i:03d}", _START_MS + i * 3 * DAY_MS) for i in range(110))
_TOGETHER: Final = tuple((f"x:together{i}", _START_MS + 200 * DAY_MS + i * 60_000) for i in range(8))

FLAG: Final = Flag(
    name="burst_created",
    title="Created in a burst",
    meaning=(
        "Created in an hour or a day (UTC) in which more accounts of the same roster were created than the surrounding"
        " weeks, the neighbouring bins and the usual rhythm allow. Of the hours, or days, called a burst in a roster,"
        " 5 % may be none. A roster with fewer than 100 accounts dated that finely is not judged."
    ),
    needs=("created_at_ms",),
    judge=burst_accounts,
    measure="M5",
    parameters=(),
    benign=(
        "News, a broadcaster's call or a platform's return brings many people on one day; compare with the control.",
        "A class, a newsroom or a movement signs up together.",
        "Some platforms hand out creation dates in bulk, when accounts are moved or imported.",
    ),
    source="Bellutta & Carley 2023, doi 10.1186/s40537-023-00695-7; the test is Floodmark's",
    example_accounts=tuple(
        {"account_id": account, "created_at_ms": at, "created_resolution_ms": 1000}
        for account, at in _OTHERS + _TOGETHER
    ),
    example_flags={
        **{account: False for account, _ in _OTHERS},
        **{account: True for account, _ in _TOGETHER},
        "x:undated": None,
    },
)
