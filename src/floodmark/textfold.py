"""Text folded for comparison: one key for texts that read the same. Folding works on copies; raw text is evidence.

What is folded away: Unicode compatibility forms (NFKC), case, invisible and direction characters, Arabic vowel marks
and tatweel, marks piled on letters that do not form a letter of their own, the several code points of Yeh, Kaf, Heh and
of the digits, links, mentions and a leading "RT @x:". What stays: letters with accents (é, й), vowel signs of other
scripts, hamza and madda letters, look-alikes of other alphabets (a Cyrillic а is not a Latin a).

The letter classes are those of Lucene's ArabicNormalizer and PersianNormalizer, without their alef and Yeh Barree
rules, which change Urdu words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit, urlunsplit


def _span(*ranges: tuple[int, int]) -> list[int]:
    return [code for first, last in ranges for code in range(first, last + 1)]


# Default-ignorable characters of Unicode (DerivedCoreProperties), U+200C (ZWNJ) excepted: it can separate words.
_INVISIBLE: Final = _span(
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200B), (0x200D, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
_ARABIC_MARKS: Final = _span(
    (0x0610, 0x061A), (0x0640, 0x0640), (0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06DC), (0x06DF, 0x06E4),
    (0x06E7, 0x06E8), (0x06EA, 0x06ED), (0x0898, 0x089F), (0x08CA, 0x08E1), (0x08E3, 0x08FF),
)  # fmt: skip
# What NFKC leaves of these is no letter of its own: piled marks, stress marks, enclosing marks.
_PILED_MARKS: Final = _span((0x0300, 0x036F), (0x0483, 0x0489), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF))
_LETTERS: Final = {
    **dict.fromkeys(map(ord, "يى"), "ی"),
    **dict.fromkeys(map(ord, "كڪ"), "ک"),
    **dict.fromkeys(map(ord, "ةۀہۂۃەھ"), "ه"),
}
_DIGITS: Final = {first + n: str(n) for first in (0x0660, 0x06F0) for n in range(10)}


def _replacer(table: Mapping[int, str | None]) -> Callable[[str], str]:
    """Return a faster str.translate for texts in which few characters are replaced."""
    ranges: list[list[int]] = []
    for code in sorted(table):
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    pattern = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges) + "]")

    def replace(match: re.Match[str]) -> str:
        return table[ord(match.group())] or ""

    return lambda text: pattern.sub(replace, text)


# Removed before NFKC, so that nothing invisible keeps characters from composing. Lone surrogates cannot be stored.
_HIDDEN: Final = dict.fromkeys(_INVISIBLE) | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_MARKS: Final = dict.fromkeys((*_ARABIC_MARKS, *_PILED_MARKS))
_unhide: Final = _replacer(_HIDDEN)
_unify: Final = _replacer({**_HIDDEN, **_MARKS, **_LETTERS, **_DIGITS})

_ZWNJ: Final = "\u200c"
_ARABIC_LETTER: Final = "\u0620-\u063f\u0641-\u064a\u066e-\u06d3\u06d5\u06ee-\u06ff\u0750-\u077f\u08a0-\u08c9"
# These patterns begin with a fixed character, which is several times faster; what precedes it is looked up afterwards.
_WORD_ZWNJ: Final = re.compile(
    rf"{_ZWNJ}(?:(?<=\w{_ZWNJ}){_ZWNJ}*(?=[{_ARABIC_LETTER}])|(?<=[{_ARABIC_LETTER}]{_ZWNJ}){_ZWNJ}*(?=\w))"
)
_HASHTAG_ZWNJ: Final = re.compile(rf"#[\w{_ZWNJ}]+")

_REPOST_PREFIX: Final = re.compile(r"\A\s*(?:rt\s+@\w+\s*:?\s*)+")
_LINK: Final = re.compile(r"https?://\S*")
_BARE_LINK: Final = re.compile(r"\b(?:www\.|pic\.twitter\.com/)\S*")
_MENTION: Final = re.compile(r"@(?<!\w@)\w[\w.@-]*")
_REPOST: Final = re.compile(r"\s*RT @(\w{1,60}):\s*(.*)", re.DOTALL)
_URL: Final = re.compile(r"https?://[^\s<>\"\u3000-\u303f\uff00-\uff0f]+", re.IGNORECASE)
_SIGN: Final = re.compile(r"[#＃](?<![\w&/#＃].)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\s]")
_TAIL: Final = ".,;:!?'\"«»“”‘’)]}>*_~|،؛؟。"
_CUT: Final = ("…", "...")
_HANDLE: Final = re.compile(r"@(?<![\w@]@)(\w+(?:@\w+(?:[.-]\w+)+)?)")
_TRACKING: Final = re.compile(
    r"(?:utm_\w+|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|twclid|ttclid|yclid|igshid|igsh|mc_cid|mc_eid|"
    r"_ga|_gl|ref_src|ref_url|cmpid)(?:=|$)",
    re.IGNORECASE,
)
_LONGEST_URL: Final = 8_192


def fold_text(text: str) -> str:
    """Return the comparison key of a post's text. Idempotent; never raises.

    >>> fold_text("RT @ben: Vote NOW! https://t.co/x  @ana")
    'vote now!'
    >>> fold_text("كِتاب‌هاي ٢") == fold_text("کتاب های ۲")
    True
    """
    folded = text.lower() if text.isascii() else _fold_characters(text)
    if "@" in folded:
        folded = _REPOST_PREFIX.sub("", folded, count=1)
    if "http" in folded:
        folded = _LINK.sub(" ", folded)
    if "www." in folded or "pic.twitter" in folded:
        folded = _BARE_LINK.sub(" ", folded)
    if "@" in folded:
        folded = _MENTION.sub(" ", folded)
    return " ".join(folded.split())


def fold_wording(text: str) -> str:
    """Return the key of a text with its links and mentions: characters and spacing are folded, nothing is removed.

    >>> fold_wording("Vote  NOW! https://t.co/x")
    'vote now! https://t.co/x'
    """
    return " ".join((text.lower() if text.isascii() else _fold_characters(text)).split())


def fold_hashtag(tag: str) -> str:
    """Return the comparison key of a hashtag, without its sign; ZWNJ and spaces are removed.

    >>> fold_hashtag("#می‌خواهم") == fold_hashtag("ميخواهم")
    True
    """
    folded = "".join(tag.replace(_ZWNJ, "").split())
    if folded.isascii():
        return folded.lower().lstrip("#")
    return unicodedata.normalize("NFKC", "".join(_fold_characters(folded).split())).lstrip("#")


def _fold_characters(text: str) -> str:
    text = unicodedata.normalize("NFKC", _unhide(text))
    lower = text.casefold()
    if lower != text:
        lower = unicodedata.normalize("NFKC", lower)
    text = _unify(lower)
    if _ZWNJ in text:
        text = _HASHTAG_ZWNJ.sub(lambda match: match.group().replace(_ZWNJ, ""), text)
        text = _WORD_ZWNJ.sub(" ", text).replace(_ZWNJ, "")
    return unicodedata.normalize("NFKC", text)  # what a dropped mark kept apart may compose now


def extract_hashtags(text: str) -> list[str]:
    """Return the hashtags of a text as written, without their sign, in order; links are left out.

    A hashtag is a run of letters, marks, digits, `_` and joiners with at least one letter, not preceded by a letter,
    digit, `&` or `/`.

    >>> extract_hashtags("#vote, #می‌خواهم! a#b #1 https://x.org/#c")
    ['vote', 'می\u200cخواهم']
    """
    if "#" not in text and "＃" not in text:
        return []
    if "://" in text:
        text = _URL.sub(" ", text)
    found = []
    for sign in _SIGN.finditer(text):
        end = start = sign.end()
        while end < len(text) and _in_hashtag(text[end]):
            end += 1
        tag = text[start:end].strip("\u200c\u200d")
        if any(character.isalpha() for character in tag):
            found.append(tag)
    return found


def _in_hashtag(character: str) -> bool:
    return character.isalnum() or character in "_\u200c\u200d" or unicodedata.category(character) in {"Mn", "Mc"}


def extract_urls(text: str) -> list[str]:
    """Return the links of a text as written, in order; a link that was cut off (`http://t.co/ab…`) is left out.

    >>> extract_urls("see https://example.org/a, and http://t.co/ab…")
    ['https://example.org/a']
    """
    if "://" not in text:
        return []
    found = (match.group() for match in _URL.finditer(text))
    return [url.rstrip(_TAIL) for url in found if not url.endswith(_CUT) and len(url.rstrip(_TAIL)) > len("https://")]


def extract_mentions(text: str) -> list[str]:
    """Return the mentioned handles of a text as written, without @, in order (`ana`, `ben@example.social`).

    >>> extract_mentions("RT @ana: hi @ben@example.social, mail c@d.org")
    ['ana', 'ben@example.social']
    """
    return _HANDLE.findall(text) if "@" in text else []


def split_repost(text: str) -> tuple[str, str] | None:
    """Return (handle in lower case, rest) of a text that starts with `RT @handle:`, or None.

    >>> split_repost("RT @Ana: Vote now")
    ('ana', 'Vote now')
    """
    match = _REPOST.fullmatch(text)
    return (match[1].lower(), match[2].rstrip()) if match else None


@lru_cache(maxsize=65_536)
def normalise_url(url: str) -> str:
    """Return the comparison key of a link; it never reaches the network, and never raises.

    https for http; host in lower case without `www.`, default port or final dot; no fragment, no trailing slash, no
    tracking parameters. Paths keep their case, parameters their order. Anything but http(s), and
    what is longer than 8,192 characters, is returned stripped.

    >>> normalise_url("HTTP://www.Example.org:80/A/?utm_source=x&id=7#top")
    'https://example.org/A?id=7'
    """
    text = _CONTROL.sub("", url.encode("utf-8", "replace").decode())
    if len(text) > _LONGEST_URL:
        return text
    try:
        scheme, host, path, query, _ = urlsplit(text)
    except ValueError:  # for example a broken IPv6 address
        return text
    host = host.rpartition("@")[2].lower()
    while host.endswith((":80", ":443", ":", ".")):
        host = host.rstrip(":.").removesuffix(":80").removesuffix(":443")
    if scheme not in {"http", "https"} or not host:
        return text
    while host.startswith("www.") and "." in host[4:]:
        host = host[4:]
    kept = "&".join(part for part in query.split("&") if part and not _TRACKING.match(part))
    return urlunsplit(("https", host, path.rstrip("/"), kept, ""))


def unique_sorted(texts: Iterable[str]) -> list[str]:
    """Return the distinct non-empty texts in order of code points.

    >>> unique_sorted(["b", "a", "", "b"])
    ['a', 'b']
    """
    return sorted({text for text in texts if text})
