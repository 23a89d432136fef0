"""Self-reported places: free text against a gazetteer, counted per roster and never given out for one account.

A place counts only when everything recognised in the text agrees on one country. Jokes, ambiguous names and
contradictions are no place, and no place means unknown, not abroad.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from floodmark.textfold import fold_wording

if TYPE_CHECKING:
    from floodmark.view import CaseView

Countries = frozenset[str]

_SEPARATORS: Final = re.compile(r"[,،;؛/\\|·•+&\n\r\t()\[\]{}<>~→↔…]|\.\s|\s[-–—]+\s|(?<=\w)[–—](?=\w)")
_NOT_WORDS: Final = re.compile(r"[^\w]+")
_CODE: Final = re.compile("[a-z]{2}")
_LONGEST: Final = 6
#: Words that turn "in Iran" into its opposite or into a cause; the text then says nothing about where someone is.
_ELSEWHERE: Final = """
    not outside exile exiled anti free from born left miss missing loves love former ex near towards against for
    خارج تبعید آزادی آزاد ضد دور منفی المنفى حرة свободная
"""
#: Words that may stand around a place without changing it.
_FILLERS: Final = "in of based currently living now شهر کشور استان در مدينة في مدینه город в"
#: Names in the gazetteer that people write when they mean no place, or another one.
_JOKES: Final = """
    earth world worldwide everywhere anywhere nowhere here there somewhere hell heaven moon mars paradise internet
    online home universe space global planet dream love hope nice best reading same police man of male why normal
    boring mena bath battle orange sale split mobile date wedding most march enterprise commerce justice liberty
    bay cali independence friendship eden olympus atlantis utopia asia europe africa america
"""
#: The states of the United States as people abbreviate them behind a city.
_STATE_CODES: Final = """
    AL AK AZ AR CA CO CT DC DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR
    PA RI SC SD TN TX UT VT VA WA WV WI WY
"""
# Letters that `textfold` keeps apart because they change words, although place names are written with any of them.
_LETTERS: Final = str.maketrans({**dict.fromkeys("يېۍے", "ی"), "ٱ": "ا", "ı": "i", "ø": "o", "đ": "d", "ł": "l"})


@dataclass(frozen=True)
class Located:
    """One roster's accounts by self-reported country; `unknown` wrote nothing, no place, or several countries.

    Keys are ISO 3166 codes; `stated` counts the accounts that wrote anything. These are totals of a roster and must not
    be broken down to accounts.
    """

    by_country: Mapping[str, int]
    unknown: int
    stated: int

    @property
    def accounts(self) -> int:
        """All accounts of the roster."""
        return sum(self.by_country.values()) + self.unknown


def place_key(text: str) -> str:
    """Return the form in which names are compared: `textfold.fold_wording` without accents and punctuation.

    >>> place_key("São  Paulo!"), place_key("كرمان") == place_key("کرمان")
    ('sao paulo', True)
    """
    # Accents and vowel points go; the vowel signs of Indic scripts (combining class 0 to 9) are letters and stay.
    kept = "".join(c for c in unicodedata.normalize("NFKD", fold_wording(text)) if unicodedata.combining(c) < 10)
    return " ".join(unicodedata.normalize("NFC", _NOT_WORDS.sub(" ", kept.translate(_LETTERS))).split())


def country_of(text: str | None) -> str | None:
    """Return the ISO code of the one country that a self-reported place can mean, None when there is none.

    >>> country_of("تهران، ایران"), country_of("Tbilisi, Georgia"), country_of("Paris / London"), country_of("Earth")
    ('IR', 'GE', None, None)
    """
    if not text or _words(_ELSEWHERE) & set(place_key(text).split()):
        return None
    found = [*_flags(text), *_named(text)]
    if not found:
        return None
    found += _codes(text)
    shared = frozenset.intersection(*found)
    return next(iter(shared)) if len(shared) == 1 else None


def locate(view: CaseView) -> Mapping[str, Located]:
    """Return the self-reported countries of every roster that has participants, from `participants` and `accounts`."""
    rows = view.db.rows(
        "SELECT p.roster, a.location, count(*) FROM participants p"
        " LEFT JOIN accounts a ON a.account_id = p.account_id GROUP BY ALL"
    )
    counts: dict[str, dict[str | None, int]] = {}
    stated: dict[str, int] = {}
    for roster, location, accounts in rows:
        own = counts.setdefault(roster, {})
        stated[roster] = stated.get(roster, 0) + (accounts if location and location.strip() else 0)
        country = country_of(location)
        own[country] = own.get(country, 0) + accounts
    return {
        roster: Located({code: own[code] for code in sorted(c for c in own if c)}, own.get(None, 0), stated[roster])
        for roster, own in counts.items()
    }


@cache
def gazetteer() -> Mapping[str, Countries]:
    """Return the names of countries, states and cities with the countries that each can mean."""
    packed = (files("floodmark.place") / "data" / "gazetteer.tsv.gz").read_bytes()
    lines = (line.split("\t") for line in gzip.decompress(packed).decode("utf-8").splitlines())
    shared: dict[str, Countries] = {}
    return {name: shared.setdefault(codes, frozenset(codes.split())) for name, codes in lines}


def _flags(text: str) -> Iterator[Countries]:
    """Yield the countries of flag emoji."""
    letters = [chr(ord(c) - 0x1F1E6 + ord("A")) if 0x1F1E6 <= ord(c) <= 0x1F1FF else " " for c in text]
    for pair in re.findall("[A-Z]{2}", "".join(letters)):
        yield frozenset({pair})


def _named(text: str) -> Iterator[Countries]:
    names, fillers, jokes = gazetteer(), _words(_FILLERS), _words(_JOKES)
    for position, part in enumerate(_SEPARATORS.split(text)):
        key = place_key(part)
        if position and _CODE.fullmatch(key):
            continue
        if key in names and key not in jokes:
            yield names[key]
        else:
            yield from _covered([word for word in key.split() if word not in fillers], names, jokes)


def _codes(text: str) -> Iterator[Countries]:
    """Yield what two letters behind a place can mean: alone they mean too much, but "Austin, TX" they can confirm."""
    for part in _SEPARATORS.split(text)[1:]:
        if _CODE.fullmatch(key := place_key(part)):
            code = key.upper()
            state = {"US"} if code in _STATE_CODES.split() else set()
            meant = ({code} & _country_codes()) | state | gazetteer().get(key, frozenset())
            if meant:
                yield frozenset(meant)


@cache
def _words(listed: str) -> frozenset[str]:
    return frozenset(place_key(listed).split())


@cache
def _country_codes() -> Countries:
    return frozenset().union(*set(gazetteer().values()))


def _covered(words: list[str], names: Mapping[str, Countries], jokes: frozenset[str]) -> list[Countries]:
    """Return the names that make up all of `words`, longest first; nothing when a word is left over."""
    found, at = [], 0
    while at < len(words):
        for length in range(min(_LONGEST, len(words) - at), 0, -1):
            key = " ".join(words[at : at + length])
            if key in names and key not in jokes:
                found.append(names[key])
                at += length
                break
        else:
            return []
    return found
