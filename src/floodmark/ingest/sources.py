"""What an input file is: its kind by suffix and first bytes, the caps on hostile input, and rows as a stream.

Every input row comes out of a source exactly once, as (line, values) or as a Reject, in file order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from floodmark.errors import IngestError
from floodmark.registry import Reject

#: Longest text of one field; a post is at most some 100,000 characters on any platform.
MAX_FIELD_CHARS: Final = 1_048_576
#: Longest row, in a text file.
MAX_ROW_BYTES: Final = 16 * 2**20
#: Longest JSON document that is one array; it has to be held in memory. One object a line has no such limit.
MAX_DOCUMENT_BYTES: Final = 256 * 2**20
#: What a reject keeps of the row as it was read.
RAW_CHARS: Final = 2_000

BOM: Final = b"\xef\xbb\xbf"
SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
_HEAD_BYTES: Final = 65_536
_PARQUET: Final = b"PAR1"
_MAGIC: Final = (
    (b"\x1f\x8b", "is compressed with gzip; unpack it first"),
    (b"BZh", "is compressed with bzip2; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it first"),
    (b"\xfd7zXZ", "is compressed with xz; unpack it first"),
    (b"PK\x03\x04", "is a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel or Word file; save the sheet as CSV (UTF-8)"),
    (b"SQLite format 3", "is an SQLite database; export the table as CSV"),
    (b"%PDF", "is a PDF; export the data as CSV"),
    (b"\xff\xfe", "is UTF-16, not UTF-8; save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16, not UTF-8; save it as UTF-8"),
    (b"\x00\x00\xfe\xff", "is UTF-32, not UTF-8; save it as UTF-8"),
)

Values = Sequence[Any]


class Source(Protocol):
    """Rows of one file. `columns` names the values; NUL characters and lone surrogates are already U+FFFD.

    `text_only` says that every value is text, as in CSV.
    """

    columns: tuple[str, ...]
    text_only: bool

    def rows(self) -> Iterator[tuple[int, Values] | Reject]:
        """Yield (line, values in the order of `columns`), or a Reject, for every row."""

    def raw(self) -> str:
        """Return the latest row as it was read, cut to RAW_CHARS."""


def kind_of(path: Path, name: str) -> str:
    """Return csv, json or parquet by the file's suffix, after checking its first bytes.

    `name` is the file as the case file has it. Raises IngestError with one sentence when the file is missing, empty,
    unreadable, compressed, in another encoding, or not what its suffix says.
    """
    head = read_head(path, name)
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(SUFFIXES)
        raise IngestError(f"{name}: the suffix {path.suffix!r} is not known; rename the file to one of {known}")
    if kind != "parquet" and head.startswith(_PARQUET):
        raise IngestError(f"{name}: the file is a Parquet file; rename it to .parquet")
    if kind == "parquet" and not head.startswith(_PARQUET):
        raise IngestError(f"{name}: the file is not a Parquet file; correct its suffix or export it again")
    if kind == "csv" and head.removeprefix(BOM).lstrip().startswith((b"{", b"[{")):
        raise IngestError(f"{name}: the file looks like JSON, not CSV; rename it to .json or .jsonl")
    return kind


def read_head(path: Path, name: str) -> bytes:
    """Return the first bytes of a text or Parquet file; IngestError when it is neither (see `kind_of`)."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError as error:
        raise IngestError(f"{name}: there is no such file; correct `path` (it is relative to the case file)") from error
    except OSError as error:
        raise IngestError(f"{name}: the file cannot be read ({error.strerror}); check `path` and its rights") from error
    if not head.removeprefix(BOM).strip():
        raise IngestError(f"{name}: the file is empty; export it again or remove this input")
    for magic, problem in _MAGIC:
        if head.startswith(magic):
            raise IngestError(f"{name}: the file {problem}")
    if not head.startswith(_PARQUET) and head.count(0) > len(head) // 4:
        raise IngestError(f"{name}: the file is not UTF-8 text (it is full of zero bytes); save it as UTF-8")
    return head
