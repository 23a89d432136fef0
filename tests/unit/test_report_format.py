"""Numbers, intervals, dates and foreign text as the report prints them."""

from __future__ import annotations

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.report.format import (
    day,
    duration,
    figure,
    isolated,
    moment,
    offset,
    plain,
    prose,
    visible,
    wall_clock_ms,
)

TEHRAN_EVENT = 1594944000000  # 2020-07-17T00:00Z
BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def shown(*arguments: object, **named: bool) -> str:
    return str(figure(*arguments, **named)).replace("\u00a0", " ")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0.427, 0.421, 0.433, "share"), "42.7 % (42.1–43.3)"),
        ((0.427, 0.2, 0.7, "share"), "43 % (20–70)"),
        ((0.0, 0.0, 0.003, "share"), "0.0 % (0.0–0.3)"),
        ((1.0, 0.996, 1.0, "share"), "100.0 % (99.6–100.0)"),
        ((0.0004, 0.0001, 0.57, "share"), "0.04 % (0.01–57)"),
        ((0.9996, 0.999, 0.9999, "share"), "99.96 % (99.9–99.99)"),
        ((None, 0.2312, 0.5701, "share"), "23–57 %"),
        ((26_431, None, None, "accounts"), "26,431"),
        ((3.5, None, None, "posts"), "3.5"),
        ((12.4, 9.8, 15.9, "ratio"), "12.4× (9.8–15.9)"),
        ((1.2, 0.8, 1.7, "ratio"), "1.20× (0.80–1.70)"),
        ((0.0012, 0.0004, 0.003, "ratio"), "0.001× (0.000–0.003)"),
        ((-3.0, -5.0, -1.0, "score"), "−3.00 (−5.00 to −1.00)"),
        ((570_000, 56_000, 3_600_000, "ms"), "9 min 30 s (56 s to 1 h)"),
        ((TEHRAN_EVENT, None, None, "ms", "Asia/Tehran"), "Fri 17 Jul 2020, 04:30"),
        (("two days", None, None, "text"), "two days"),
        ((None, None, None, "share"), ""),
        ((float("nan"), None, None, "share"), ""),
    ],
)
def test_figures_in_words(arguments: tuple[object, ...], words: str) -> None:
    assert shown(*arguments) == words


def test_a_difference_of_shares_is_signed_and_in_points() -> None:
    assert shown(0.333, 0.325, 0.341, "share", difference=True) == "+33.3 points (+32.5 to +34.1)"
    assert shown(-0.004, -0.012, 0.004, "share", difference=True) == "−0.4 points (−1.2 to +0.4)"
    assert shown(12.4, 9.8, 15.9, "ratio", difference=True) == "12.4× (9.8–15.9)"


@given(st.floats(0.000_01, 0.999_99))
def test_a_share_is_never_rounded_to_none_or_all(share: float) -> None:
    number = float(figure(share, None, None, "share").value.split("\u00a0")[0])
    assert 0 < number < 100
    assert abs(number - share * 100) <= 0.05 + 1e-9


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_rounding_keeps_the_order_of_low_value_and_high(a: float, b: float, c: float) -> None:
    low, value, high = sorted((a, b, c))
    printed = figure(value, low, high, "share")
    numbers = [float(n) for n in re.findall(r"[0-9.]+", f"{printed.interval} {printed.value}")]
    first, last, middle = numbers
    # Digits may differ within one figure, so neighbours may cross by half a unit of the coarser one.
    assert first - 0.5 <= middle <= last + 0.5


@given(st.integers(-(10**12), 10**12))
def test_thousands_separators_round_trip(number: int) -> None:
    assert int(plain(number).replace(",", "").replace("−", "-")) == number


def test_no_negative_zero() -> None:
    assert plain(-0.04, 1) == "0.0"


def test_times_are_local_to_the_event() -> None:
    assert moment(TEHRAN_EVENT, "Asia/Tehran", seconds=True) == "Fri 17 Jul 2020, 04:30:00"
    assert day(TEHRAN_EVENT, "America/New_York") == "Thu 16 Jul 2020"
    # Iran kept summer time in 2020 and did not in 2023.
    assert offset(TEHRAN_EVENT, "Asia/Tehran") == "UTC+04:30"
    assert offset(TEHRAN_EVENT + 3 * 365 * 86_400_000, "Asia/Tehran") == "UTC+03:30"
    assert offset(TEHRAN_EVENT, "America/St_Johns") == "UTC−02:30"
    assert wall_clock_ms(TEHRAN_EVENT, "Asia/Tehran") - TEHRAN_EVENT == 4.5 * 3_600_000


def test_times_out_of_range_are_printed_as_numbers() -> None:
    assert moment(10**18, "Asia/Tehran").replace("\u00a0", " ") == "1,000,000,000,000,000,000 ms"
    assert wall_clock_ms(10**18, "Asia/Tehran") == 10**18


@pytest.mark.parametrize(
    ("ms", "words"), [(0, "0 s"), (56_000, "56 s"), (-90_000, "−1 min 30 s"), (90_061_001, "1 d 1 h"), (7, "7 ms")]
)
def test_durations(ms: int, words: str) -> None:
    assert duration(ms).replace("\u00a0", " ") == words


@given(st.text(st.characters(exclude_categories=[])))
def test_visible_text_reorders_nothing_and_can_be_encoded(text: str) -> None:
    clean = visible(text)
    assert not {unicodedata.bidirectional(c) for c in clean} & BIDI_CONTROLS
    assert not any(unicodedata.category(c) == "Cc" and c not in "\t\n" for c in clean)
    assert clean.encode().decode() == clean
    assert not re.search("[\u0300-\u036f]{5}", clean)


def test_visible_keeps_persian_joiners_and_names_what_it_hides() -> None:
    persian = "می‌خواهم ۱۲۳ نمی‌شود"
    assert visible(persian) == persian
    assert visible("user\u202egpj.exe") == "user⟨U+202E⟩gpj.exe"
    assert visible("a" + "\u0301" * 50) == "a" + "\u0301" * 4
    assert visible("\ud83d") == "⟨U+D83D⟩"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_prose_and_isolated_only_add_isolation(text: str) -> None:
    for markup in (prose(text), isolated(text)):
        assert not re.search(r"<(?!/?bdi>)", markup)
        assert html.unescape(re.sub("</?bdi>", "", markup)) == visible(text)


def test_prose_isolates_foreign_runs_with_their_hashtag_sign() -> None:
    assert prose("share of #نه_به_همایش 0.93 (0.88–0.97)") == "share of <bdi>#نه_به_همایش</bdi> 0.93 (0.88–0.97)"


def test_an_interval_narrower_than_the_usual_digits_shows_that_it_has_a_width() -> None:
    shown = figure(1.0004, 1.0001, 1.0008, "ratio")
    assert (shown.value, shown.interval) == ("1.0004×", "1.0001–1.0008")
    assert figure(1.06, 1.05, 1.07, "ratio").interval == "1.05–1.07"
