"""Where the simulated accounts are and what they write in their location field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Place:
    """A place with its clock, the weekdays off there (Monday = 0) and ways in which people write it."""

    name: str
    country: str
    zone: str
    off_days: tuple[int, ...]
    weight: float
    spellings: tuple[str, ...]


_WEEKEND: Final = (5, 6)

#: The first place is the case's country; the others are the diaspora.
PLACES: Final = (
    Place(
        "Iran",
        "IR",
        "Asia/Tehran",
        (4,),
        1.0,
        (
            "Tehran",
            "Tehran, Iran",
            "tehran",
            "تهران",
            "تهران، ایران",
            "ایران",
            "ايران",
            "Iran",
            "Mashhad",
            "مشهد",
            "Shiraz",
            "شیراز",
            "Isfahan, Iran",
            "اصفهان",
            "Tabriz",
            "تبریز",
            "إيران",
            "طهران",
        ),
    ),
    Place("London", "GB", "Europe/London", _WEEKEND, 0.22, ("London", "London, UK", "لندن", "London, England")),
    Place("Berlin", "DE", "Europe/Berlin", _WEEKEND, 0.16, ("Berlin", "Berlin, Germany", "برلین", "Deutschland")),
    Place("Hamburg", "DE", "Europe/Berlin", _WEEKEND, 0.1, ("Hamburg", "Hamburg, Germany", "هامبورگ", "آلمان")),
    Place("Stockholm", "SE", "Europe/Stockholm", _WEEKEND, 0.14, ("Stockholm", "Stockholm, Sweden", "استکهلم", "سوئد")),
    Place(
        "Toronto", "CA", "America/Toronto", _WEEKEND, 0.18, ("Toronto", "Toronto, Canada", "تورنتو", "Toronto, Ontario")
    ),
    Place(
        "Los Angeles",
        "US",
        "America/Los_Angeles",
        _WEEKEND,
        0.2,
        ("Los Angeles", "Los Angeles, CA", "لس آنجلس", "لس\u200cآنجلس"),
    ),
)

#: Location fields that name no place.
JOKES: Final = (
    "on the couch",
    "somewhere between two songs",
    "the internet",
    "🌍",
    "در قلب تو",
    "هیچ\u200cجا",
    "روی ابرها",
    "على القمر",
    "404 not found",
    "<i>nowhere</i>",
)
