"""Folding: which texts are one, which stay two, and what is taken out of them."""

from __future__ import annotations

import pytest

from floodmark.textfold import (
    extract_hashtags,
    extract_mentions,
    extract_urls,
    fold_hashtag,
    fold_text,
    fold_wording,
    normalise_url,
    split_repost,
    unique_sorted,
)

ZWNJ = "\u200c"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Vote NOW", "vote  now\n"),
        ("كتاب", "کتاب"),  # Arabic and Persian Kaf
        ("علي", "علی"),  # Yeh
        ("على", "علی"),  # Alef Maksura
        ("خانه", "خانة"),  # Teh Marbuta
        ("خانهٔ ما", "خانه ما"),  # Heh with hamza above, as two characters
        ("خانۀ ما", "خانه ما"),  # and as one
        ("ہے", "هے"),  # Urdu Heh Goal
        ("مُحَمَّد", "محمد"),  # vowel marks
        ("ســـلام", "سلام"),  # tatweel
        ("۱۳۹۹ و ١٣٩٩", "1399 و 1399"),  # both digit rows
        (f"می{ZWNJ}خواهم", "می خواهم"),  # ZWNJ separates Persian words
        (f"می{ZWNJ}{ZWNJ}خواهم", "می خواهم"),
        (f"کتاب{ZWNJ}!", "کتاب!"),  # but stands for nothing at their end
        (f"DVD{ZWNJ}ها", "dvd ها"),
        (f"v\u200bo{ZWNJ}te", "vote"),  # and means nothing between Latin letters
        (f"#می{ZWNJ}خواهم", "#میخواهم"),  # in hashtags it joins
        ("\u202bسلام\u202c", "سلام"),  # direction marks
        ("\u2067سلام\u2069 \u200fدنیا", "سلام دنیا"),
        ("\ufeffvote", "vote"),
        ("vo\u00adte", "vote"),
        ("vo\ufe0fte", "vote"),
        ("ﷺ", "صلى الله عليه وسلم"),  # presentation forms
        ("ﻣﺤﻤﺪ", "محمد"),
        ("ｖｏｔｅ", "vote"),
        ("𝐯𝐨𝐭𝐞", "vote"),
        ("cafe\u0301", "café"),  # two spellings of one letter
        ("STRASSE", "straße"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("z\u0336a\u0336l\u0336g\u0336o\u0336", "zalgo"),  # piled marks
        ("за́мок", "замок"),  # a stress mark
        ("a\u00a0b\u2003c", "a b c"),
        ("RT @ben: Hello", "hello"),
        ("RT @ben: RT @ana: Hello", "hello"),
        ("rt @ben Hello", "hello"),
        ("@ana @ben@example.social hello", "hello"),
        ("hello https://t.co/abc", "hello"),
        ("hello www.example.org/x?y", "hello"),
        ("hello pic.twitter.com/abc", "hello"),
        ("hello HTTP://EXAMPLE.ORG", "hello"),
        ("", " \t\n"),
        ("\u3164", ""),
    ],
)
def test_same(one: str, other: str) -> None:
    assert fold_text(one) == fold_text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("мой", "мои"),  # й is a letter
        ("все", "всё"),
        ("resume", "résumé"),
        ("آن", "ان"),  # madda is a letter
        ("رأی", "رای"),  # hamza is a letter
        ("कि", "क"),  # vowel signs
        ("か", "が"),  # voicing marks
        ("ไม่", "ไม"),  # Thai tone marks
        ("vote", "v\u043ete"),  # a Cyrillic o is another letter
        ("yes!", "yes?"),
        ("mail me@example.org", "mail"),
        ("a b", "ab"),
        ("مےں", "مین"),
    ],
)
def test_different(one: str, other: str) -> None:
    assert fold_text(one) != fold_text(other)


def test_lone_surrogates_can_be_stored() -> None:
    assert fold_text("a\ud83d") == "a\ufffd"
    fold_hashtag("\ud83d").encode()
    normalise_url("http://\ud83d").encode()


def test_wording_keeps_links_and_mentions() -> None:
    assert fold_wording("See  @Ana https://t.co/X") == "see @ana https://t.co/x"


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#vote #Now, #end", ["vote", "Now", "end"]),
        ("＃vote", ["vote"]),
        (f"#می{ZWNJ}خواهم و #همایش_ملی!", [f"می{ZWNJ}خواهم", "همایش_ملی"]),
        ("#हिन्दी #กรุงเทพฯ", ["हिन्दी", "กรุงเทพฯ"]),
        ("#مُحَمَّد", ["مُحَمَّد"]),
        ("#1 #2020 #2020vote", ["2020vote"]),
        ("a#b &#39; x/#c ##d", []),
        ("https://example.org/#top #real", ["real"]),
        ("(#a)\n#b…#c", ["a", "b", "c"]),
        ("#️⃣ # #", []),
        ("no sign", []),
    ],
)
def test_extract_hashtags(text: str, tags: list[str]) -> None:
    assert extract_hashtags(text) == tags


def test_fold_hashtag() -> None:
    assert fold_hashtag("#Vote_Now") == "vote_now"
    assert fold_hashtag(f"#می{ZWNJ}خواهم") == fold_hashtag("میخواهم") == fold_hashtag("ميخواهم") == "میخواهم"


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("see https://example.org/a_(b)?c=d#e.", ["https://example.org/a_(b)?c=d#e"]),
        ("(http://a.org), «http://b.org/x»", ["http://a.org", "http://b.org/x"]),
        ("HTTP://A.ORG", ["HTTP://A.ORG"]),
        ("cut http://t.co/ab… and http://t.co/abc...", []),
        ("بخوانید: https://example.org/کتاب، پایان", ["https://example.org/کتاب"]),
        ("ftp://a.org www.b.org https:// http://", []),
    ],
)
def test_extract_urls(text: str, urls: list[str]) -> None:
    assert extract_urls(text) == urls


def test_extract_mentions() -> None:
    assert extract_mentions("@ana, (@ben) .@cyd a@b.org @@dov") == ["ana", "ben", "cyd"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://example.org", "https://example.org/"),
        ("https://www.Example.ORG/A/", "https://example.org/A"),
        ("https://example.org:443/a", "http://example.org:80/a"),
        ("https://example.org./a", "https://example.org/a"),
        ("https://user:pw@example.org/a", "https://example.org/a"),
        ("https://example.org/a#part", "https://example.org/a"),
        ("https://example.org/a?utm_source=x&id=7&fbclid=z", "https://example.org/a?id=7"),
        ("https://example.org/a?gclid=1", "https://example.org/a?"),
        (" https://example.org/a\u0000\n", "https://example.org/a"),
    ],
)
def test_same_link(one: str, other: str) -> None:
    assert normalise_url(one) == normalise_url(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/a", "https://example.org/A"),
        ("https://example.org/?id=1", "https://example.org/?id=2"),
        ("https://example.org/a", "https://other.example.org/a"),
        ("https://example.org:8080/", "https://example.org/"),
        ("https://example.org/?utm=1", "https://example.org/"),
        ("https://www.org", "https://org"),
    ],
)
def test_different_link(one: str, other: str) -> None:
    assert normalise_url(one) != normalise_url(other)


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "mailto:a@b.org", "not a link", "http://[broken", "https://", ""]
)
def test_no_link_is_left_alone(text: str) -> None:
    assert normalise_url(text) == "".join(text.split())


def test_split_repost() -> None:
    assert split_repost("RT @Ana_1: Vote\nnow ") == ("ana_1", "Vote\nnow")
    assert split_repost(" RT @ana:") == ("ana", "")
    for text in ("RT @ana Vote", "MT @ana: Vote", "I said RT @ana: Vote", "RT @: x", ""):
        assert split_repost(text) is None


def test_unique_sorted() -> None:
    assert unique_sorted(["b", "", "a", "b", "é"]) == ["a", "b", "é"]
