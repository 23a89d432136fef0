"""One cell to one value: ids, counts, booleans, lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.ingest.reasons import REASONS, FieldProblem
from floodmark.ingest.values import parse_list, to_boolean, to_count, to_handle, to_id, to_list, to_text, to_word


def reason(convert: object, value: object) -> str:
    assert callable(convert)
    with pytest.raises(FieldProblem) as caught:
        convert(value)
    assert caught.value.reason in REASONS
    return caught.value.reason


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("629697200650592256", "x:629697200650592256"),
        (629697200650592256, "x:629697200650592256"),
        (" ana ", "x:ana"),
        ("Ana", "x:Ana"),
        ("yLTXTrTO+tq7/=", "x:yLTXTrTO+tq7/="),
        ("at://did:plc:abc/app.bsky.feed.post/3k", "x:at://did:plc:abc/app.bsky.feed.post/3k"),
        ("1e5", "x:1e5"),
        ("12e45ab", "x:12e45ab"),
        ("0012", "x:0012"),
        ("1234567890123456789.0", "x:1234567890123456789.0"),  # no float prints so many digits
        ("سارا", "x:سارا"),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_ids(value: object, stored: str | None) -> None:
    assert to_id("x")(value) == stored


@pytest.mark.parametrize(
    "value", ["1.2e+18", "1e+18", "1.2E18", "123.0", "123.", 1.0, 1.2e18, float("nan"), float("inf")]
)
def test_ids_that_were_floats(value: object) -> None:
    assert reason(to_id("x"), value) == "id_precision_lost"


@pytest.mark.parametrize("value", ["a\ufffdb", "a\nb", "a\x00b", "a\x9bb", "x" * 501, True, [1], {"a": 1}])
def test_bad_ids(value: object) -> None:
    assert reason(to_id("x"), value) in {"bad_id", "id_precision_lost"}


def test_texts() -> None:
    assert (to_text(""), to_text(" a "), to_text(None), to_text(7), to_text(True)) == ("", " a ", None, "7", "True")
    assert (to_word(""), to_word(" a "), to_word("  "), to_word(None)) == (None, "a", None, None)
    assert (to_handle("@ana"), to_handle("@"), to_handle(" ana ")) == ("ana", None, "ana")
    assert reason(to_text, ["a"]) == reason(to_word, {}) == "not_text"
    assert reason(to_text, "x" * 1_048_577) == reason(to_word, "x" * 1_048_577) == "field_too_large"


def test_counts() -> None:
    good = {
        "0": 0,
        " 5580 ": 5580,
        "12.0": 12,
        "12.": 12,
        7: 7,
        "": None,
        None: None,
        str(2**63 - 1): 2**63 - 1,
    }
    assert {value: to_count(value) for value in good} == good
    for bad in (
        "-1",
        -1,
        "1.5",
        1.5,
        "1,234",
        "1e3",
        "NaN",
        "Neutral",
        True,
        str(2**63),
        2**63,
        1e300,
        "٣",
        [],
        float("nan"),
    ):
        assert reason(to_count, bad) == "not_a_count", bad


def test_booleans() -> None:
    convert = to_boolean({"RETWEET": "true", "": "false", "odd": "maybe"})
    assert [convert(v) for v in ("True", "false", "1", "0", 1, 0, "YES", "n", True, False)] == [True, False] * 5
    assert [convert(v) for v in ("RETWEET", "")] == [True, False]
    assert [to_boolean({})(v) for v in ("", " ", None)] == [None, None, None]
    for bad in ("2", "RT", "odd", 2, 1.5, [], "None"):
        assert reason(convert, bad) == "not_a_boolean", bad


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ("['a', 'b']", ["a", "b"]),
        ('["a", "b"]', ["a", "b"]),
        ("""["it's", 'say "x"']""", ["it's", 'say "x"']),
        (r"['it\'s', 'a\\b', 'caf\xe9', 'line\nend']", ["it's", r"a\b", "café", "line\nend"]),
        ("['a, b', 'c']", ["a, b", "c"]),
        ("[a, b c, d]", ["a", "b c", "d"]),
        ("[2948609403, 12]", ["2948609403", "12"]),
        ("[https://a.org/x?y=1&z=2]", ["https://a.org/x?y=1&z=2"]),
        ("['آزادی']", ["آزادی"]),
        ("[]", []),
        ("[ ]", []),
        ("['']", []),
        ("a b", ["a", "b"]),
        ("#a  #b", ["a", "b"]),
        ("", None),
        (None, None),
        (["#a", "b", None, 7], ["a", "b", "7"]),
    ],
)
def test_lists(cell: object, items: list[str] | None) -> None:
    assert to_list(" ", "#")(cell) == items


def test_list_separator() -> None:
    assert to_list("|")("a b| c |") == ["a b", "c"]


@pytest.mark.parametrize(
    "cell", ["[a, [b]]", "['a' 'b']", "[__import__('os')]", "['a]", "[{'a': 1}]", r"['\xZZ']", "[(1)]"]
)
def test_lists_evaluate_nothing(cell: str) -> None:
    assert reason(to_list(" "), cell) == "bad_list"


@pytest.mark.parametrize("value", [7, 1.5, True, {"a": 1}])
def test_no_list(value: object) -> None:
    assert reason(to_list(" "), value) == "bad_list"


def test_a_deep_or_long_list_is_refused_quickly() -> None:
    for cell in ("[" * 500_000 + "]" * 500_000, "['a'" + " " * 1_000_000 + "x]", "[" + "a " * 500_000 + "[]"):
        assert reason(to_list(" "), cell) == "bad_list"
    assert reason(to_list(" "), "[" + "a" * 1_048_577 + "]") == "field_too_large"


@given(st.lists(st.text()))
def test_a_list_that_python_printed_comes_back(items: list[str]) -> None:
    clean = [item.encode("utf-8", "replace").decode() for item in items]
    assert parse_list(repr(clean)) == clean
