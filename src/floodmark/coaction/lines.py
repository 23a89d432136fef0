"""Edges as lines of CSV. A compiled loop, because the skewest inputs have tens of millions of edges to write."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from floodmark.coaction.kernel import EdgeArrays, Int32s, Int64s
from floodmark.compiled import compiled

Bytes = npt.NDArray[np.uint8]
_MUST_QUOTE = frozenset(',"\r\n')
_COMMA, _NEWLINE, _ZERO = 44, 10, 48
_MOST_DIGITS = 19


def names_as_fields(names: Sequence[str]) -> tuple[Bytes, Int64s]:
    """Return all names as CSV fields (RFC 4180, UTF-8) end to end, and where each starts.

    >>> fields, starts = names_as_fields(["plain", "a,b"])
    >>> bytes(fields), starts.tolist()
    (b'plain"a,b"', [0, 5, 10])
    """
    encoded = [as_field(name).encode() for name in names]
    starts = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(name) for name in encoded], out=starts[1:])
    return np.frombuffer(b"".join(encoded), np.uint8).copy(), starts


def as_field(name: str) -> str:
    """Return text as one CSV field (RFC 4180): exactly as it is, quoted where it has to be."""
    return name if _MUST_QUOTE.isdisjoint(name) else '"' + name.replace('"', '""') + '"'


def csv_lines(edges: EdgeArrays, fields: Bytes, starts: Int64s) -> memoryview:
    """Return the CSV lines of `edges` (no header); `fields` and `starts` come from `names_as_fields`."""
    e = edges
    return _lines(e.account_a, e.account_b, e.coactions, e.objects, e.a_first, e.b_first, fields, starts).data


@compiled
def _lines(
    account_a: Int32s,
    account_b: Int32s,
    coactions: Int64s,
    objects: Int64s,
    a_first: Int64s,
    b_first: Int64s,
    fields: Bytes,
    starts: Int64s,
) -> Bytes:
    size = len(account_a) * (6 + 4 * _MOST_DIGITS)
    for i in range(len(account_a)):
        size += starts[account_a[i] + 1] - starts[account_a[i]] + starts[account_b[i] + 1] - starts[account_b[i]]
    out = np.empty(size, np.uint8)
    at = 0
    for i in range(len(account_a)):
        for account in (account_a[i], account_b[i]):
            for k in range(starts[account], starts[account + 1]):
                out[at] = fields[k]
                at += 1
            out[at] = _COMMA
            at += 1
        for number in (coactions[i], objects[i], a_first[i], b_first[i]):
            digits, power = 1, 10
            while digits < _MOST_DIGITS and power <= number:
                power *= 10
                digits += 1
            rest = number
            for k in range(at + digits - 1, at - 1, -1):
                out[k] = _ZERO + rest % 10
                rest //= 10
            at += digits
            out[at] = _COMMA
            at += 1
        out[at - 1] = _NEWLINE
    return out[:at]
