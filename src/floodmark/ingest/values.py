"""One cell to one stored value: ids, counts, booleans, texts and lists. What cannot be stored raises FieldProblem.

Cells are text (CSV), or whatever JSON holds. Unknown is None.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import orjson

from floodmark.ingest.reasons import FieldProblem, shown
from floodmark.ingest.sources import MAX_FIELD_CHARS

Convert = Callable[[object], object]

_MAX_ID_CHARS: Final = 500
_MAX_INT: Final = 2**63 - 1
# What programs print for an id that they hold as a float: 1.2079e+18, 2147483.0. A longer number with ".0" was never
# a float, and 1e5 may be a name.
_FLOAT: Final = re.compile(r"[0-9]+(\.[0-9]+)?[eE]\+[0-9]+|[0-9]+\.[0-9]+[eE][0-9]+|[0-9]{1,16}\.0*")
_COUNT: Final = re.compile(r"([0-9]{1,19})(?:\.0*)?")
# One item of a list as Python or JSON prints it: quoted either way, or bare.
_ITEM: Final = re.compile(
    r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,'"\[\](){}\s](?:[^,\[\](){}]*[^,\[\](){}\s])?))\s*(?:,|$)""",
    re.DOTALL,
)
# A remembered cell is short, so that memory stays bounded whatever a file holds.
_REMEMBERED_CELLS: Final = 65_536
_REMEMBERED_CHARS: Final = 100
_TRUE: Final = frozenset({"true", "t", "yes", "y", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0"})


class _Remembered(dict[str, object]):
    """The short cells seen lately, each with what `convert` made of it."""

    def __init__(self, convert: Convert) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, cell: str) -> object:
        stored = self._convert(cell)
        if len(cell) <= _REMEMBERED_CHARS:
            if len(self) >= _REMEMBERED_CELLS:
                self.clear()
            self[cell] = stored
        return stored


def remembering(convert: Convert) -> Convert:
    """Return `convert` for cells that are text and often the same: an account's id, a language, a client.

    Equal cells share one result, lists too. A cell that cannot be stored raises each time. Only for files whose cells
    are all text: among other values 1 would pass for true, and lists cannot be looked up.

    >>> remembering(to_count)("12.0")
    12
    """
    # As a bound method of dict it answers known cells without any call of Python code, which is what makes it fast.
    return _Remembered(convert).__getitem__  # type: ignore[return-value]


def to_id(platform: str) -> Convert:
    """Return the converter to an id namespaced by `platform`; None for an empty cell.

    An id that went through a floating-point number has lost digits and is refused, never rounded.

    >>> to_id("twitter")(" 629697200650592256 ")
    'twitter:629697200650592256'
    """
    prefix = f"{platform}:"

    def convert(value: object) -> str | None:
        if type(value) is str:
            if value.isalnum() and len(value) < _MAX_ID_CHARS:  # the common case, quickly
                return prefix + value
            text = value.strip()
        elif type(value) is int:
            text = shown(value)
        elif value is None:
            return None
        else:
            raise FieldProblem("id_precision_lost" if isinstance(value, float) else "bad_id", shown(value))
        if not text:
            return None
        if text[0].isdigit() and _FLOAT.fullmatch(text):
            raise FieldProblem("id_precision_lost", shown(text))
        if len(text) > _MAX_ID_CHARS or "\ufffd" in text or any(c < " " or "\x7f" <= c < "\xa0" for c in text):
            raise FieldProblem("bad_id", shown(text))
        return prefix + text

    return convert


def to_text(value: object) -> str | None:
    """Return free text as it is: an empty cell of a mapped column is an empty text, which is known, not unknown."""
    if type(value) is not str:
        return _other_text(value)
    if len(value) > MAX_FIELD_CHARS:
        raise FieldProblem("field_too_large", f"{len(value):,} characters")
    return value


def to_word(value: object) -> str | None:
    """Return a stripped word such as a language or a client; None for an empty cell."""
    text = value if type(value) is str else _other_text(value)
    if text is not None and len(text) > MAX_FIELD_CHARS:
        raise FieldProblem("field_too_large", f"{len(text):,} characters")
    return (text.strip() or None) if text else None


def to_handle(value: object) -> str | None:
    """Return a handle without its @; None for an empty cell."""
    text = to_word(value)
    return (text.removeprefix("@") or None) if text else None


def to_count(value: object) -> int | None:
    """Return a whole number, at least 0; None for an empty cell. 12.0 is 12: tables with gaps hold counts as floats.

    >>> to_count("5580"), to_count("12.0"), to_count("")
    (5580, 12, None)
    """
    if type(value) is int:
        if 0 <= value <= _MAX_INT:
            return value
    elif type(value) is str:
        text = value.strip()
        if not text:
            return None
        if (match := _COUNT.fullmatch(text)) and (count := int(match[1])) <= _MAX_INT:
            return count
    elif value is None:
        return None
    elif isinstance(value, float) and value.is_integer() and 0 <= value <= 2**53:
        return int(value)
    raise FieldProblem("not_a_count", shown(value))


def to_boolean(words: Mapping[str, str]) -> Convert:
    """Return the converter to true or false; `words` first translates the file's own words (`RETWEET` = `true`).

    >>> to_boolean({"RETWEET": "true", "": "false"})("RETWEET")
    True
    """

    def convert(value: object) -> bool | None:
        if isinstance(value, bool):
            return value
        text = value.strip() if type(value) is str else shown(value)
        word = words.get(text, text).lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        if value is None or not word:
            return None
        raise FieldProblem("not_a_boolean", shown(value))

    return convert


def to_list(separator: str, sign: str = "") -> Convert:
    """Return the converter to a list of texts without their leading `sign`.

    A cell is a list printed by Python or as JSON (`['a', 'b']`), or items between `separator`. None for an empty cell.

    >>> to_list(" ", "#")("#debate #vote"), to_list(" ")("['a', 'b']")
    (['debate', 'vote'], ['a', 'b'])
    """

    def convert(value: object) -> list[str] | None:
        if value is None or value == "":
            return None
        if type(value) is str:
            if len(value) > MAX_FIELD_CHARS:
                raise FieldProblem("field_too_large", f"{len(value):,} characters")
            text = value.strip()
            items: Sequence[object] = (
                parse_list(text) if text[:1] == "[" and text[-1:] == "]" else text.split(separator)
            )
        elif isinstance(value, list):
            items = value
        else:
            raise FieldProblem("bad_list", shown(value))
        stripped = (_item(item).strip().lstrip(sign) for item in items if item is not None)
        return [item for item in stripped if item]

    return convert


def parse_list(text: str) -> list[object]:
    """Read a printed list of texts and numbers, without evaluating anything; FieldProblem when it is none."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, list):
        return found
    items: list[object] = []
    inner, place = text[1:-1].strip(), 0
    while place < len(inner):
        match = _ITEM.match(inner, place)
        if match is None:
            raise FieldProblem("bad_list", shown(text))
        single, double, bare = match.groups()
        quoted = single if single is not None else double
        items.append(bare if quoted is None else _unescaped(quoted, "'" if single is not None else '"'))
        place = match.end()
    return items


def _unescaped(body: str, quote: str) -> str:
    if "\\" not in body:
        return body
    try:
        text = ast.literal_eval(f"{quote}{body}{quote}".replace("\n", "\\n").replace("\r", "\\r"))
    except (ValueError, SyntaxError) as error:
        raise FieldProblem("bad_list", shown(body)) from error
    return str(text).encode("utf-8", "replace").decode() if isinstance(text, str) else body


def _item(value: object) -> str:
    text = _other_text(value) if type(value) is not str else value
    return text or ""


def _other_text(value: object) -> str | None:
    """Return the text of a JSON value that is not a string."""
    if value is None:
        return None
    if isinstance(value, bool | int | float):
        return shown(value)
    if type(value) is str:
        return value
    raise FieldProblem("not_text", shown(value))
