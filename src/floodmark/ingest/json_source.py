"""JSON as a stream of objects: one object a line, one array of objects, or a single object.

An array is one document and is held in memory up to a cap; when it is broken the file is refused, because what is
missing cannot be counted. A broken line among lines is one reject.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from floodmark.errors import IngestError
from floodmark.ingest.sources import BOM, MAX_DOCUMENT_BYTES, MAX_ROW_BYTES, RAW_CHARS, Values
from floodmark.registry import Reject

#: Objects that are looked at to learn which keys a file has.
SAMPLE_OBJECTS: Final = 1_000
# Every JSON escape, left to right; group 1 is a lone surrogate or a NUL (a surrogate pair is matched before it).
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2}|u0000)|.)",
    re.DOTALL,
)
Objects = Iterator[tuple[int, dict[str, Any]] | Reject]


def load_json(data: bytes) -> object:
    """Parse strict JSON (RFC 8259); NUL characters and lone surrogates become U+FFFD. orjson.JSONDecodeError otherwise.

    >>> load_json(b'["a\\\\u0000", "\\\\ud83d", "\\\\ud83d\\\\ude00"]')
    ['a\ufffd', '\ufffd', '😀']
    """
    if b"\\u0000" in data:
        data = _repair(data)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        repaired = _repair(data) if b"\\u" in data else data
        if repaired == data:
            raise
        return orjson.loads(repaired)


def _repair(data: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match.group(1) else match.group(0), data)


class JsonObjects:
    """The objects of a JSON or JSON-lines file, each with its line (or its place in the array, from 1)."""

    def __init__(self, path: Path, name: str) -> None:
        """Find out which of the forms the file has; IngestError when it is an array that is broken or too large."""
        self._path = path
        self._document = _document(path, name)
        self._latest: object = b""

    def __iter__(self) -> Objects:
        """Yield (line, object), or a Reject, for every row."""
        yield from self._lines() if self._document is None else self._items(self._document)

    def sample(self) -> tuple[list[dict[str, Any]], bool]:
        """Return the first objects and whether those are all."""
        found = list(islice(self, SAMPLE_OBJECTS + 1))
        objects = [item[1] for item in found if not isinstance(item, Reject)]
        return objects, len(found) <= SAMPLE_OBJECTS

    def _items(self, document: Iterable[object]) -> Objects:
        for line, item in enumerate(document, 1):
            self._latest = item
            yield (line, item) if isinstance(item, dict) else Reject(line, "not_an_object", raw=self.raw())

    def _lines(self) -> Objects:
        with self._path.open("rb") as file:
            for number, line in enumerate(_bounded_lines(file), 1):
                self._latest = line
                if len(line) > MAX_ROW_BYTES:
                    yield Reject(number, "row_too_large", raw=self.raw())
                elif not line.isspace():
                    yield self._parse(number, line)

    def _parse(self, number: int, line: bytes) -> tuple[int, dict[str, Any]] | Reject:
        try:
            item = load_json(line)
        except orjson.JSONDecodeError as error:
            return Reject(number, _complaint(line), detail=error.msg, raw=self.raw())
        return (number, item) if isinstance(item, dict) else Reject(number, "not_an_object", raw=self.raw())

    def raw(self) -> str:
        """Return the latest row as it was read, or as the array had it, cut."""
        if isinstance(self._latest, bytes):
            return self._latest[: 4 * RAW_CHARS].decode("utf-8", "replace").rstrip()[:RAW_CHARS]
        try:
            return orjson.dumps(self._latest)[: 4 * RAW_CHARS].decode("utf-8", "replace")[:RAW_CHARS]
        except orjson.JSONEncodeError:  # nested more deeply than can be written
            return ""


class JsonSource:
    """A Source over objects: `columns` are keys, with dots for nested ones (`user.id_str`, `refs.0.id`)."""

    text_only = False

    def __init__(self, objects: JsonObjects, columns: Sequence[str]) -> None:
        """Read these columns; a key that an object lacks is None."""
        self.columns = tuple(columns)
        self.raw = objects.raw
        self._objects = objects
        self._getters = [key_getter(column) for column in columns]

    def rows(self) -> Iterator[tuple[int, Values] | Reject]:
        """See Source."""
        getters = self._getters
        for item in self._objects:
            yield item if isinstance(item, Reject) else (item[0], [get(item[1]) for get in getters])


def key_getter(key: str, default: object = None) -> Callable[[dict[str, Any]], object]:
    """Return the function that takes a (dotted) key out of an object, or `default` where it is not there.

    >>> key_getter("user.id")({"user": {"id": 7}})
    7
    """
    parts = key.split(".")
    if len(parts) == 1:
        return lambda item: item.get(key, default)

    def get(item: dict[str, Any]) -> object:
        if key in item:
            return item[key]
        value: object = item
        for part in parts:
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and part.isdecimal() and len(part) < 6 and int(part) < len(value):
                value = value[int(part)]
            else:
                return default
        return value

    return get


def has_key(item: dict[str, Any], key: str) -> bool:
    """Return whether an object has a (dotted) key, be it with null."""
    missing = object()
    return key_getter(key, missing)(item) is not missing


def keys_of(objects: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Return the keys of objects, nested ones with dots, in order of appearance."""
    found: dict[str, None] = {}
    for item in objects:
        for key, value in item.items():
            found[key] = None
            if isinstance(value, dict):
                found.update(dict.fromkeys(f"{key}.{inner}" for inner in value))
    return tuple(found)


def _bounded_lines(file: BufferedReader) -> Iterator[bytes]:
    """Yield each line; of one that is too long only the beginning, one byte longer than allowed."""
    if file.peek(len(BOM)).startswith(BOM):
        file.read(len(BOM))
    while line := file.readline(MAX_ROW_BYTES + 1):
        yield line
        while len(line) >= MAX_ROW_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_ROW_BYTES)


def _document(path: Path, name: str) -> list[object] | None:
    """Return the items of a file that is one array or one object; None when it is lines."""
    with path.open("rb") as file:
        first = next((line for line in _bounded_lines(file) if not line.isspace()), b"")
    start = first.lstrip()[:1]
    is_array = start == b"["
    if not is_array and (start != b"{" or len(first) > MAX_ROW_BYTES or _is_json(first)):
        return None
    if path.stat().st_size > MAX_DOCUMENT_BYTES:
        if not is_array:
            return None
        raise IngestError(
            f"{name}: the file is one JSON array of over {MAX_DOCUMENT_BYTES >> 20} MiB; "
            "write one object a line instead, for example with `jq -c '.[]'`"
        )
    data = path.read_bytes().removeprefix(BOM)
    try:
        document = load_json(data)
    except orjson.JSONDecodeError as error:
        # Lines that each begin an array, or lines of which the first is broken, are read as lines.
        if not is_array or (path.suffix.lower() != ".json" and _is_json(first)):
            return None
        raise IngestError(f"{name}: {_array_problem(data, error)}") from error
    return document if isinstance(document, list) else [document]


def _is_json(line: bytes) -> bool:
    try:
        load_json(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _array_problem(data: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as bad:
        return f"byte {bad.start:,} of the JSON array is not UTF-8; save the file as UTF-8"
    return (
        f"the JSON array is broken at line {error.lineno}, column {error.colno} ({error.msg}); "
        "it was perhaps cut off: export it again"
    )


def _complaint(line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "not_utf8"
    return "bad_json"
