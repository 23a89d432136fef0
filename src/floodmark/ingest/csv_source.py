"""Strict CSV, bounded: nothing is dropped in silence, whatever the quoting, the encoding or the length of a line."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Final

from floodmark.errors import IngestError
from floodmark.ingest.sources import BOM, MAX_ROW_BYTES, RAW_CHARS, Values
from floodmark.registry import Reject

_REPLACEMENT: Final = "\ufffd".encode()
#: A row that is too large and spans more lines than this is no post but a quote that was never closed.
_MAX_LINES_LOST: Final = 1_000


#: Where a block ends: rows, and bytes of its rows.
BLOCK_ROWS: Final = 256
_BLOCK_BYTES: Final = 2**20


@dataclass
class Block:
    """Rows that follow each other: the line of each, its values, and its lines as they were read."""

    lines: list[int] = field(default_factory=list)
    rows: list[Values] = field(default_factory=list)
    raws: list[list[bytes]] = field(default_factory=list)


def raw_row(lines: list[bytes]) -> str:
    """Return a row as it was read, cut to RAW_CHARS."""
    return b"".join(lines)[: 4 * RAW_CHARS].decode("utf-8", "replace")[:RAW_CHARS]


class _RowTooLarge(Exception):  # noqa: N818 - it becomes a reject and never leaves this module
    """A row exceeds MAX_ROW_BYTES."""


class _Lines:
    """Decoded physical lines. The bytes of a row are bounded; its lines are kept, to be read again or shown."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._again: deque[bytes] = deque()
        self.number = 0
        self.start_row()

    def start_row(self) -> None:
        self.first = self.number + 1
        self.bytes = 0
        self.bad_utf8 = False
        self.lines: list[bytes] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._file.readline(MAX_ROW_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.bytes += len(line)
        self.lines.append(line)
        if self.bytes > MAX_ROW_BYTES:
            self._skip_row()
            raise _RowTooLarge
        if b"\0" in line:
            line = line.replace(b"\0", _REPLACEMENT)
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.bad_utf8 = True
            return line.decode("utf-8", "replace")

    def _skip_row(self) -> None:
        """Go on to the end of the row, which is the first line end outside quotes.

        Going on at the next line instead would let the text of a huge post pass for rows.
        """
        quotes = sum(line.count(b'"') for line in self.lines)
        line = self.lines[-1]
        while line and (quotes % 2 or not line.endswith(b"\n")):
            self.number += line.endswith(b"\n")
            line = self._again.popleft() if self._again else self._file.readline(MAX_ROW_BYTES)
            quotes += line.count(b'"')

    def read_again(self) -> None:
        """Give back all lines of this row but the first."""
        self._again.extendleft(reversed(self.lines[1:]))
        self.number = self.first

    def raw(self) -> str:
        return raw_row(self.lines)


class CsvSource:
    """A Source over RFC 4180 CSV with a header. A row's line is the one on which it starts; blank lines are no rows."""

    text_only = True

    def __init__(self, file: BufferedReader, name: str, delimiter: str) -> None:
        """Read the header; IngestError when it cannot be read."""
        csv.field_size_limit(MAX_ROW_BYTES)  # longer than any row, so that rows are cut in one way only
        if file.peek(len(BOM)).startswith(BOM):
            file.read(len(BOM))
        self._name = name
        self._lines = _Lines(file)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        header = self._row()
        if isinstance(header, Reject) and "new-line character" in header.detail:
            raise IngestError(f"{name}: lines end in a bare carriage return; save the file with ordinary line ends")
        if header is None or isinstance(header, Reject) or self._lines.bad_utf8:
            raise IngestError(f"{name}: the first row cannot be read as a CSV header; save the file as CSV (UTF-8)")
        self.columns = tuple(cell.strip() for cell in header)

    def _row(self) -> list[str] | Reject | None:
        """Return the next row that is not blank, or None at the end."""
        lines = self._lines
        while True:
            lines.start_row()
            try:
                cells = next(self._reader, None)
            except csv.Error as error:
                # A quote that does not close swallows the lines below it: only its own line is broken.
                reject = Reject(lines.first, "csv_syntax", detail=str(error), raw=lines.raw())
                lines.read_again()
                return reject
            except _RowTooLarge:
                return self._too_large()
            if cells is None or cells:
                return cells

    def _too_large(self) -> Reject:
        first, last = self._lines.first, self._lines.number
        if last - first > _MAX_LINES_LOST:
            raise IngestError(
                f"{self._name}: a quote that opens on line {first} is not closed by line {last}; "
                "correct the quoting there, or export the file again"
            )
        return Reject(first, "row_too_large", detail=f"lines {first} to {last}", raw=self._lines.raw())

    def rows(self) -> Iterator[tuple[int, Values] | Reject]:
        """See Source."""
        lines, width = self._lines, len(self.columns)
        while (cells := self._row()) is not None:
            if isinstance(cells, Reject):
                yield cells
            elif lines.bad_utf8:
                yield Reject(lines.first, "not_utf8", raw=lines.raw())
            elif len(cells) != width:
                yield Reject(lines.first, "ragged", detail=f"{len(cells)} fields instead of {width}", raw=lines.raw())
            else:
                yield lines.first, cells

    def blocks(self) -> Iterator[Block | Reject]:
        """Yield what `rows` does, in the same order, but rows that follow each other together."""
        block, size = Block(), 0
        for item in self.rows():
            if isinstance(item, Reject):
                if block.lines:
                    yield block
                    block, size = Block(), 0
                yield item
                continue
            block.lines.append(item[0])
            block.rows.append(item[1])
            block.raws.append(self._lines.lines)
            size += self._lines.bytes
            if len(block.lines) == BLOCK_ROWS or size >= _BLOCK_BYTES:
                yield block
                block, size = Block(), 0
        if block.lines:
            yield block

    def raw(self) -> str:
        """See Source."""
        return self._lines.raw()
