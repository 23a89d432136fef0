"""The section of M10 with data: shares, differences, groups, hostile values, and no lone break."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from floodmark import stats
from floodmark.accounts import takeover_groups
from floodmark.accounts.takeover import takeovers
from floodmark.findings import Finding
from floodmark.report.sections.takeover import findings
from floodmark.view import CaseView

HOUR_MS = 3_600_000
START_MS = 1_593_561_600_000
POSTS = 30
CROWD = 24
BIDI = chr(0x202E)
HOSTILE = f"<script>alert(1)</script>{BIDI}\n" + "x" * 200

MakeView = Callable[..., CaseView]


def post(account: str, number: int, client: str, language: str, stream: str) -> dict[str, object]:
    return {
        "post_id": f"{account}-{number}",
        "account_id": account,
        # Eleven hours apart, so that the clock goes round.
        "at_ms": START_MS + number * 11 * HOUR_MS,
        "at_resolution_ms": 1000,
        "client": client,
        "language": language,
        "stream": stream,
    }


def case_of(make_view: MakeView, taken: int, client: str = "Web") -> CaseView:
    """Return a case in which `taken` accounts of pro break two habits; con and control do not."""
    rosters = {
        "pro": [*(f"x:taken{n}" for n in range(taken)), *(f"x:pro{n:02d}" for n in range(CROWD))],
        "control": [f"x:con{n:02d}" for n in range(CROWD)],
    }
    posts, participants = [], []
    for roster, accounts in rosters.items():
        stream = "sport" if roster == "control" else "main"
        for account in accounts:
            participants.append({"roster": roster, "account_id": account, "posts": POSTS, "first_at_ms": START_MS})
            for number in range(POSTS):
                new = account.startswith("x:taken") and number >= POSTS - 10
                posts.append(post(account, number, client if new else "Phone", "tr" if new else "fa", stream))
    return make_view(posts=posts, participants=participants)


def measured(make_view: MakeView, taken: int, client: str = "Web") -> Mapping[str, Finding]:
    """Return the findings of such a case."""
    view = case_of(make_view, taken, client)
    with view.db:
        return {finding.id: finding for finding in findings(view)}


def groups(found: Mapping[str, Finding], subject: str) -> list[dict[str, Any]]:
    return list(found[f"M10.groups.{subject}"].details["groups"])


def test_the_share_its_interval_and_the_difference_from_the_control(make_view: MakeView) -> None:
    found = measured(make_view, 3)
    share = found["M10.takeover.pro"]
    assert share.value == pytest.approx(3 / (3 + CROWD))
    assert share.low is not None
    assert share.high is not None
    assert (share.low, share.high) == pytest.approx(stats.wilson(3, 3 + CROWD))
    assert found["M10.takeover.control"].value == 0
    difference = found["M10.difference.pro"]
    assert difference.value == pytest.approx(share.value)
    assert difference.low is not None
    assert difference.low < share.value
    assert found["M10.takeover.con"].state == "not_testable"


def test_the_group_is_listed_with_what_changed_where_its_members_are(make_view: MakeView) -> None:
    found = measured(make_view, 3)
    (group,) = [row for row in groups(found, "pro") if row["new"] == "client Web"]
    assert group["accounts"] == group["accounts_here"] == 3
    assert group["account_ids"] == ["x:taken0", "x:taken1", "x:taken2"]
    assert ["language tr", 3] in group["also_new"]
    assert group["from"] == group["to"] == "2020-07-10"
    assert groups(found, "control") == []
    assert found["M10.groups.control"].value == 0


def test_of_groups_set_aside_no_account_is_kept(make_view: MakeView) -> None:
    view = case_of(make_view, 3)
    found = takeovers(view)
    assert found.groups
    takeover_groups.keep(view, replace(found, groups=(), set_aside=found.groups))
    rows = view.db.rows("SELECT set_aside, accounts, account_ids, hours_before FROM _takeover_groups")
    assert rows == [(True, len(group.members), [], []) for group in found.groups]
    takeover_groups.keep(view, found)
    kept = view.db.rows("SELECT set_aside, account_ids FROM _takeover_groups")
    assert kept == [(False, [found.profiles.accounts[acc] for acc in group.members]) for group in found.groups]


@pytest.mark.parametrize("taken", [1, 2])
def test_a_break_of_one_or_two_accounts_is_never_shown(make_view: MakeView, taken: int) -> None:
    found = measured(make_view, taken)
    assert found["M10.takeover.pro"].value == 0
    assert groups(found, "pro") == []
    assert not any("x:taken" in str(finding.details) for finding in found.values())


def test_hostile_values_are_cut_to_one_printable_line(make_view: MakeView) -> None:
    found = measured(make_view, 3, HOSTILE)
    (group,) = [row for row in groups(found, "pro") if row["new"].startswith("client")]
    assert len(group["new"]) <= len("client ") + 41
    assert group["new"].isprintable()
    assert BIDI not in str(found["M10.groups.pro"].details)
