"""The example of the flag `takeover`: three accounts that change client and language on one day, in a steady crowd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from floodmark.registry import Row

_HOUR_MS: Final = 3_600_000
_START_MS: Final = 1_593_561_600_000
_TAKEN: Final = tuple(f"x:taken{number}" for number in range(3))
_CROWD: Final = tuple(f"x:crowd{number:02d}" for number in range(25))
_YOUNG: Final = "x:young"
_POSTS: Final = 30


def _post(account: str, number: int, *, changed: bool) -> Row:
    return {
        "post_id": f"{account}-{number}",
        "account_id": account,
        # Eleven hours apart, so that the clock goes round.
        "at_ms": _START_MS + number * 11 * _HOUR_MS,
        "client": "Web" if changed else "Phone",
        "language": "tr" if changed else "fa",
    }


EXAMPLE_POSTS: Final[tuple[Row, ...]] = (
    *(_post(account, number, changed=number >= _POSTS - 10) for account in _TAKEN for number in range(_POSTS)),
    *(_post(account, number, changed=False) for account in _CROWD for number in range(_POSTS)),
    *(_post(_YOUNG, number, changed=True) for number in range(5)),
)
EXAMPLE_FLAGS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(_TAKEN, True),
    **dict.fromkeys(_CROWD, False),
    _YOUNG: None,
}
