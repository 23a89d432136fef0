"""The flag `templated_handle`: the handle follows a pattern that the roster shares and others rarely have."""

from __future__ import annotations

from typing import Final

from floodmark.accounts.families import judge_kinds
from floodmark.registry import Flag, Judgements, Row
from floodmark.view import CaseView


def in_family(view: CaseView) -> Judgements:
    """Judge the accounts of every roster; see `families.judge_kinds`."""
    return judge_kinds(view, ("handle",))


_EXAMPLE: Final[list[Row]] = [
    *(
        dict[str, object](account_id=f"x:other{n:03d}", handle=f"gardener_{chr(97 + n % 26)}{chr(97 + n // 26)}{n}")
        for n in range(300)
    ),
    *(dict[str, object](account_id=f"x:same{n}", handle=f"true_voice_{n + 31}") for n in range(4)),
    {"account_id": "x:own", "handle": "karin1970"},
    {"account_id": "x:none"},
]

FLAG: Final = Flag(
    name="templated_handle",
    title="Handle of a shared pattern",
    meaning=(
        "At least parameters.family_accounts accounts of one roster (3 by default)"
        " share a pattern of handle (letters with digits in the same places),"
        " more than the"
        " accounts outside the roster lead to expect (false-discovery rate 5 % a roster and feature), and at most"
        " parameters.family_reference_permille in a thousand of those have it. It says that a feature is shared, not"
        " that one person owns the accounts. Accounts of different platforms are never compared."
    ),
    needs=("handle",),
    judge=in_family,
    parameters=("family_accounts", "family_reference_permille"),
    benign=(
        "Members of a fan club, a party, an employer or a campaign use the same words, pictures and names.",
        "Platforms suggest handles and pictures to everybody.",
        "Accounts outside the roster that speak another language cannot show what is common in this one.",
    ),
    source="a conditional test of shared values against other accounts (hypergeometric); the rule is Floodmark's",
    example_accounts=tuple(_EXAMPLE),
    example_flags={**{f"x:same{n}": True for n in range(4)}, "x:own": False, "x:none": None},
)
