"""Why a row is refused: every reject code, what it says of the row, and how a person mends the file or the mapping."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Reason:
    """`says` completes "12 of 90 rows ..."; `fix` is an order to the reader."""

    says: str
    fix: str


class FieldProblem(ValueError):  # noqa: N818 - it ends in a counted reject, not in an error
    """A value that cannot be stored: `reason` is a code of REASONS, `detail` what was found, `field` where."""

    def __init__(self, reason: str, detail: str = "", field: str = "") -> None:
        """Keep reason, detail and field."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.field = field


def shown(value: object) -> str:
    """Return a value as a short text for a reject; containers only by their kind (their repr may be huge or deep).

    >>> shown("Neutral"), shown([1])
    ('Neutral', 'a list')
    """
    if isinstance(value, str):
        return value[:64]
    if value is None or isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):  # str() refuses ints of more than 4,300 digits
        return str(value) if value.bit_length() <= 64 else "a longer number"
    return f"a {type(value).__name__}"


_OTHER_COLUMN: Final = "map another column or remove the field"
_EXPORT: Final = "export the file again"

REASONS: Final = MappingProxyType(
    {
        # fields
        "missing": Reason("hold nothing", "map a column that every row fills"),
        "id_precision_lost": Reason(
            "hold an id that went through a floating-point number, so its last digits are lost",
            "export the file again with ids as text",
        ),
        "bad_id": Reason("hold no usable id (control characters, or over 500 characters)", _OTHER_COLUMN),
        "bad_time": Reason(
            "hold no time that can be read without guessing", "name its form with `time_format` or map another column"
        ),
        "missing_offset": Reason(
            "hold a time without an offset", 'name the zone of the file\'s clock, as in zone = "Asia/Tehran"'
        ),
        "nonexistent_local_time": Reason(
            "hold a local time that the zone's clock skipped", "correct `zone` or export times in UTC"
        ),
        "ambiguous_local_time": Reason(
            "hold a local time that the zone's clock showed twice", "correct `zone` or export times in UTC"
        ),
        "time_out_of_range": Reason("hold a time outside 1970 to 2100", _OTHER_COLUMN),
        "epoch_unit": Reason("hold a whole number of the other unit", 'set time_unit = "ms" or time_unit = "s"'),
        "date_only": Reason("hold a date without a time of day", "map a column that has the time of day"),
        "not_a_count": Reason("do not hold a whole number", _OTHER_COLUMN),
        "not_a_boolean": Reason("hold neither true nor false", "map the file's words in `values` or remove the field"),
        "not_text": Reason("hold an object or a list instead of text", _OTHER_COLUMN),
        "bad_list": Reason("hold no list that can be read", "set `list_separator` or remove the field"),
        "field_too_large": Reason("hold a field of more than 1,048,576 characters", "remove these rows"),
        "unknown_status": Reason(
            "hold a status word that is not known",
            'map it in `values`, as in values = { "no exists" = "not_found" }',
        ),
        # rows
        "row_too_large": Reason("are longer than 16 MiB", "remove these rows"),
        "ragged": Reason("have more or fewer fields than the header", "check `delimiter` and the quoting"),
        "csv_syntax": Reason("break the CSV rules (quotes)", "check `delimiter`, or export with fields quoted"),
        "not_utf8": Reason("are not UTF-8", "save the file as UTF-8"),
        "bad_json": Reason("are not valid JSON", _EXPORT),
        "not_an_object": Reason("are valid JSON but not an object", "keep one object a line, or one array of objects"),
        "not_a_post": Reason("are objects of another kind than a post", "check `format`"),
    }
)
