"""The flag `shared_picture`: the profile picture is shared by accounts of the roster and rare elsewhere."""

from __future__ import annotations

from typing import Final

from floodmark.accounts.families import judge_kinds
from floodmark.registry import Flag, Judgements, Row
from floodmark.view import CaseView


def in_family(view: CaseView) -> Judgements:
    """Judge the accounts of every roster; see `families.judge_kinds`."""
    return judge_kinds(view, ("picture",))


_EXAMPLE: Final[list[Row]] = [
    *(dict[str, object](account_id=f"x:other{n:03d}", picture=f"p{n}") for n in range(300)),
    *(dict[str, object](account_id=f"x:same{n}", picture="twibbon") for n in range(4)),
    {"account_id": "x:own", "picture": "mine"},
    {"account_id": "x:none"},
]

FLAG: Final = Flag(
    name="shared_picture",
    title="Shares a rare profile picture",
    meaning=(
        "At least parameters.family_accounts accounts of one roster (3 by default)"
        " share a profile picture that is not the default,"
        " more than the"
        " accounts outside the roster lead to expect (false-discovery rate 5 % a roster and feature), and at most"
        " parameters.family_reference_permille in a thousand of those have it. It says that a feature is shared, not"
        " that one person owns the accounts. Accounts of different platforms are never compared."
    ),
    needs=("picture",),
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
