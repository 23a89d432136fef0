"""Self-reported places: what counts as a country, what does not, and bounds that leave the unknown open."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from importlib.resources import files

import pytest

from floodmark.place.bounds import LEAST_ACCOUNTS, bounds, large_countries
from floodmark.place.selfreport import Located, country_of, gazetteer, locate, place_key
from floodmark.view import CaseView

PLACES = {
    "IR": (
        "Iran", "Tehran", "tehran, iran", "TEHRAN", "Tehrān", "IRAN-TEHRAN", "🇮🇷", "Iran 🇮🇷", "ایران", "ايران",
        "تهران", "تهران، ایران", "تهران - ایران", "تهران‌ایران", "طهران", "مشهد", "قم", "شهر تهران", "در تهران",
        "اصفهان", "Isfahan", "Karaj | Iran", "Islamic Republic of Iran", "Иран", "Тегеран", "Teheran", "ئێران",
    ),
    "US": (
        "USA", "U.S.A.", "United States", "New York", "NYC", "New York, NY", "Austin, TX", "Austin Texas", "Texas",
        "Atlanta, Georgia", "Georgia, USA", "Los Angeles, CA", "Birmingham, AL", "New Mexico", "🇺🇸",
    ),
    "GB": ("London", "London, UK", "UK", "England", "Glasgow, Scotland", "Northern Ireland", "لندن", "Birmingham, UK"),
    "DE": ("Berlin", "Deutschland", "آلمان", "München", "Munich, Germany", "Германия"),
    "SE": ("Sweden", "Stockholm", "سوئد", "Sverige"),
    "GE": ("Tbilisi, Georgia", "თბილისი"),
    "CA": ("Toronto, CA", "Canada", "تورنتو"),
    "SA": ("السعودية", "الرياض", "Riyadh, KSA"),
    "IQ": ("بغداد", "العراق"),
    "AF": ("کابل", "Kabul", "افغانستان"),
    "MX": ("Mexico", "Mexico City"),
    "JP": ("東京", "日本"),
}  # fmt: skip
NO_PLACE = (
    None, "", "   ", "🌍", "Earth", "the world", "Hell", "Mars", "Narnia", "your heart", "far away", "everywhere",
    # several countries, or two that contradict each other
    "Paris / London", "Iran/Sweden", "🇮🇷🇩🇪", "Iran 🇺🇸", "Paris, TX", "Lebanon, PA", "Mexico, Missouri",
    # one name, several countries
    "Georgia", "Birmingham", "Santiago", "Columbia", "San Francisco Bay Area",
    # a cause, a memory or a wish
    "Free Iran", "not Iran", "born in Iran", "exile from Tehran", "far from Iran", "I love Tehran", "آزادی ایران",
    # codes alone, and words beside a name
    "CA", "TX", "NY/LV", "SF, East Bay, So. Cal", "South Jersey", "The Evergreen State", "Paris Hilton fan",
)  # fmt: skip


@pytest.mark.parametrize(("country", "text"), [(code, text) for code, texts in PLACES.items() for text in texts])
def test_a_place_that_means_one_country(country: str, text: str) -> None:
    assert country_of(text) == country


@pytest.mark.parametrize("text", NO_PLACE)
def test_what_means_no_country_or_several_is_unknown(text: str | None) -> None:
    assert country_of(text) is None


def test_spelling_does_not_matter() -> None:
    assert place_key("كرمان") == place_key("کرمان") == place_key("کِرمان") == place_key(" کرمان ")
    assert place_key("İSTANBUL") == place_key("istanbul") == place_key("İstanbul!")
    assert place_key("São Paulo") == "sao paulo"
    assert place_key("दिल्ली") != place_key("दल्ल")


def test_the_gazetteer_holds_folded_names_and_country_codes_only() -> None:
    packed = (files("floodmark.place") / "data" / "gazetteer.tsv.gz").read_bytes()
    assert len(packed) < 700_000
    lines = gzip.decompress(packed).decode("utf-8").splitlines()
    names = [line.split("\t")[0] for line in lines]
    assert len(names) == len(set(names)) == len(gazetteer()) > 100_000
    assert names == sorted(names)
    # If the folding changes, names that no text can match any more must be built anew.
    assert [name for name in names if place_key(name) != name] == []
    assert all(
        1 <= len(codes) <= 5 and all(len(code) == 2 and code.isupper() for code in codes)
        for codes in gazetteer().values()
    )


def people(roster: str, *locations: str | None) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    ids = [f"x:{roster}{i}" for i in range(len(locations))]
    return (
        [{"roster": roster, "account_id": account, "posts": 1, "first_at_ms": 0} for account in ids],
        [{"account_id": account, "location": location} for account, location in zip(ids, locations, strict=True)],
    )


def test_accounts_are_counted_by_roster(make_view: Callable[..., CaseView]) -> None:
    pro, pro_profiles = people("pro", "Tehran", "Tehran, Iran", "Berlin", "Earth", None, " ")
    con, con_profiles = people("con", None, None)
    lost = [{"roster": "con", "account_id": "x:without-profile", "posts": 1, "first_at_ms": 0}]
    found = locate(make_view(participants=pro + con + lost, accounts=pro_profiles + con_profiles))
    assert found["pro"] == Located({"DE": 1, "IR": 2}, unknown=3, stated=4)
    assert found["con"] == Located({}, unknown=3, stated=0)


def test_bounds_of_the_worked_example() -> None:
    # Location known for two thirds, of whom 35 % in the country: anything from 23 to 57 %.
    found = bounds(Located({"IR": 231_000, "DE": 429_000}, 340_000, 700_000), "IR")
    assert (round(found.lowest, 2), round(found.highest, 2)) == (0.23, 0.57)
    assert (round(found.low, 2), round(found.high, 2)) == (0.23, 0.57)
    assert found.low < found.lowest
    assert found.high > found.highest


def test_bounds_hold_whatever_the_unknown_ones_are() -> None:
    located = Located({"IR": 30, "DE": 50, "US": 20}, 60, 120)
    found = bounds(located, "IR")
    for hidden in range(61):
        assert found.low <= (30 + hidden) / 160 <= found.high
    assert bounds(located, "FR").lowest == 0
    nobody = bounds(Located({}, 0, 0), "IR")
    assert (nobody.low, nobody.high) == (0.0, 1.0)


def test_small_countries_are_not_given_out() -> None:
    located = Located({"IR": LEAST_ACCOUNTS, "DE": LEAST_ACCOUNTS - 1, "US": 500, "SE": LEAST_ACCOUNTS}, 0, 0)
    assert list(large_countries(located).items()) == [("US", 500), ("IR", 100), ("SE", 100)]
