"""Folding is a projection: folding twice changes nothing, whatever the text."""

from __future__ import annotations

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from floodmark.textfold import (
    extract_hashtags,
    extract_mentions,
    extract_urls,
    fold_hashtag,
    fold_text,
    fold_wording,
    normalise_url,
)

# Characters and pieces that have rules of their own, so that they meet.
_SINGLE = (
    "abRTrt @#:/.?&=wW…()é0٣۴يكهةیؤآ"
    "\u200c\u200d\u00ad\u0301\u0338\u0640\u064e\u0654\u093c\u0930\u3099か한\u1100\u1161\u1160\u3164\uffa0\ufe0f\U000e0041"
    "\ud83d\udc00İßΣς"
)
_LONGER = ("http://", "https://", "www.", "RT @a: ", "rt @", "@b", "pic.twitter.com/", "utm_a=1", ":80", ":443")
PIECES = st.sampled_from([*_SINGLE, *_LONGER])
TEXTS = st.text() | st.lists(PIECES, max_size=12).map("".join)


@given(TEXTS)
@example("\u1100\u0300\u1161")  # a Hangul syllable that a dropped mark kept apart
@example("@a@b")
@settings(max_examples=500)
def test_idempotent(text: str) -> None:
    for fold in (fold_text, fold_wording, fold_hashtag, normalise_url):
        folded = fold(text)
        assert fold(folded) == folded
        folded.encode()
    link = normalise_url(f"http://{text}")
    assert normalise_url(link) == link


@given(TEXTS)
@settings(max_examples=300)
def test_what_is_extracted_is_part_of_the_text(text: str) -> None:
    for found in (*extract_hashtags(text), *extract_urls(text), *extract_mentions(text)):
        assert found
        assert found in text


@given(
    st.text(alphabet="abc xyz.!?", max_size=40),
    st.sampled_from(["\u200b", "\u2066", "\u00ad", "\ufeff", "\u202e"]),
    st.data(),
)
def test_invisible_characters_anywhere_change_nothing(text: str, invisible: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    assert fold_text(text[:place] + invisible + text[place:]) == fold_text(text)


@pytest.mark.slow
def test_idempotent_on_every_character() -> None:
    frames = (("", ""), ("a", "b"), ("ا", "ب"), ("\u1100", "\u1161"))
    for code in range(sys.maxunicode + 1):
        for before, after in frames:
            folded = fold_text(f"{before}{chr(code)}{after}")
            assert fold_text(folded) == folded, hex(code)
