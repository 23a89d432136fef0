"""The flag `random_handle`: pairs of letters in the handle that hardly any handle outside the sides has."""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.accounts.handles import LOCAL_SQL, MINIMUM_REFERENCE, rarity, script_of
from floodmark.registry import Flag, Judgements
from floodmark.view import CaseView

_NAMES: Final = ("anna", "maria", "peter", "julian", "karin", "stella", "robert", "emilia", "martin", "helena")
_THINGS: Final = ("garden", "runner", "reader", "walker", "singer", "painter", "farmer", "baker", "miller", "mason")
_OTHERS: Final = tuple(f"{name}_{thing}{end}" for name in _NAMES for thing in _THINGS for end in ("", "s", "ly"))


def random_handles(view: CaseView) -> Judgements:
    """Judge every handle against those of accounts on no side (table in: accounts, participants).

    Each script is judged on its own; one with fewer than 200 such handles judges nobody.
    """
    rows = view.db.rows(
        f"SELECT account_id, {LOCAL_SQL}, account_id NOT IN"
        " (SELECT account_id FROM participants WHERE roster <> 'control')"
        " FROM accounts WHERE handle IS NOT NULL ORDER BY account_id"
    )
    by_script: dict[str, list[tuple[str, str, bool]]] = {}
    for account, local, outside in rows:
        script = script_of(local)
        if script:
            by_script.setdefault(script, []).append((account, local, outside))
    accounts: list[object] = []
    flagged: list[object] = []
    evidence: list[object] = []
    limit = view.config.parameters.random_handle_permille / 1000
    for _, members in sorted(by_script.items()):
        reference = np.array([outside for _, _, outside in members])
        if reference.sum() < MINIMUM_REFERENCE:
            continue
        shares = rarity([local for _, local, _ in members], reference)
        accounts += [account for account, _, _ in members]
        flagged += (shares <= limit).tolist()
        evidence += [f"{share:.1%} of the handles compared are as unusual" for share in shares]
    return {"account_id": accounts, "flagged": flagged, "evidence": evidence}


FLAG: Final = Flag(
    name="random_handle",
    title="Handle with unusual letters",
    meaning=(
        "At most parameters.random_handle_permille in a thousand (10 by default) of the handles outside the sides have"
        " pairs of characters as unusual, for the same script. So about 1 % of ordinary handles are flagged by"
        " definition; only a difference from the control says anything, and that little. Unknown with fewer than 6"
        " letters, over 40 characters, several scripts, or fewer than 200 handles to compare with."
    ),
    needs=("handle",),
    judge=random_handles,
    parameters=("random_handle_permille",),
    benign=(
        "Names of other languages than the control's look random to a model of the control.",
        "Initials, abbreviations and old nicknames are no words.",
        "Platforms make up handles for people who choose none.",
    ),
    source="bigram likelihood with conformal ranks (Vovk 2005); alone worthless as a detector of bots",
    example_accounts=(
        *(dict[str, object](account_id=f"x:other{number:03d}", handle=handle) for number, handle in enumerate(_OTHERS)),
        {"account_id": "x:1", "handle": "xqzkvwjpqx"},
        {"account_id": "x:2", "handle": "karin_walker"},
        {"account_id": "x:3", "handle": "kw1"},
        {"account_id": "x:4", "handle": None},
    ),
    example_flags={"x:1": True, "x:2": False, "x:3": None, "x:4": None},
)
