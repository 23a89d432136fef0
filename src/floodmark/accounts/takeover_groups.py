"""The table `takeover_groups`: what the flag `takeover` found, kept so that the report need not test again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from floodmark.accounts.takeover_profile import FEATURES
from floodmark.schema import TAKEOVER_GROUPS, create_sql
from floodmark.view import CaseView

if TYPE_CHECKING:
    from floodmark.accounts.takeover import Group, Takeovers

#: Where the flag leaves its groups; the step that judges accounts writes them to the case.
FOUND: Final = "_takeover_groups"


@dataclass(frozen=True)
class KeptGroup:
    """One group as the table has it; `also_new` are feature, value and members, the commonest first."""

    number: int
    feature: int
    value: str
    first_ms: int
    last_ms: int
    accounts: int
    account_ids: tuple[str, ...]
    hours_before: tuple[str, ...]
    also_new: tuple[tuple[int, str, int], ...]
    took_up: int
    p_value: float


def empty(view: CaseView) -> None:
    """Create the temporary table `_takeover_groups` without a row."""
    view.db.execute(create_sql(TAKEOVER_GROUPS, FOUND, temporary=True))


def keep(view: CaseView, found: Takeovers) -> None:
    """Write the groups to the temporary table `_takeover_groups`; of those set aside, no account."""
    empty(view)
    groups = (*found.groups, *found.set_aside)
    if not groups:
        return
    breaks = found.profiles.breaks
    before = {
        (acc, feature, value): f"{seen} of {hours}"
        for acc, feature, value, seen, hours in zip(
            breaks.acc.tolist(),
            breaks.feature.tolist(),
            breaks.value,
            breaks.before.tolist(),
            breaks.hours_before.tolist(),
            strict=True,
        )
    }
    shown = [group.members if place < len(found.groups) else () for place, group in enumerate(groups)]
    view.db.load(
        FOUND,
        {
            "number": list(range(1, len(groups) + 1)),
            "set_aside": [place >= len(found.groups) for place in range(len(groups))],
            "feature": [FEATURES[group.feature] for group in groups],
            "value": [group.value for group in groups],
            "first_ms": [group.first_ms for group in groups],
            "last_ms": [group.last_ms for group in groups],
            "accounts": [len(group.members) for group in groups],
            "account_ids": [[found.profiles.accounts[acc] for acc in members] for members in shown],
            "hours_before": [
                [before[acc, group.feature, group.value] for acc in members]
                for group, members in zip(groups, shown, strict=True)
            ],
            **_also_new(groups),
            "took_up": [group.anchored for group in groups],
            "p_value": [group.p_value for group in groups],
        },
    )


def _also_new(groups: Sequence[Group]) -> dict[str, list[list[object]]]:
    return {
        "also_new_features": [[FEATURES[feature] for feature, _, _ in group.seconds] for group in groups],
        "also_new_values": [[value for _, value, _ in group.seconds] for group in groups],
        "also_new_accounts": [[accounts for _, _, accounts in group.seconds] for group in groups],
    }


def read(view: CaseView) -> tuple[list[KeptGroup], int]:
    """Return the groups of `takeover_groups` in order of numbers, and how many were set aside."""
    rows = view.db.rows(
        "SELECT number, feature, value, first_ms, last_ms, accounts, account_ids, hours_before, also_new_features,"
        " also_new_values, also_new_accounts, took_up, p_value FROM takeover_groups WHERE NOT set_aside ORDER BY number"
    )
    (set_aside,) = view.db.one("SELECT count(*) FILTER (set_aside) FROM takeover_groups")
    groups = [
        KeptGroup(
            number,
            FEATURES.index(feature),
            value,
            first_ms,
            last_ms,
            accounts,
            tuple(account_ids),
            tuple(hours_before),
            tuple((FEATURES.index(f), v, n) for f, v, n in zip(features, values, counts, strict=True)),
            took_up,
            p_value,
        )
        for (
            number,
            feature,
            value,
            first_ms,
            last_ms,
            accounts,
            account_ids,
            hours_before,
            features,
            values,
            counts,
            took_up,
            p_value,
        ) in rows
    ]
    return groups, int(set_aside)
