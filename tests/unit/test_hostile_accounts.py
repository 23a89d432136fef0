"""Hostile rows in the measures of accounts: each has a defined result, and no account is lost."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from floodmark.accounts.dormant import FLAG as DORMANT
from floodmark.accounts.prevalence import count_flags
from floodmark.findings import Finding, dump
from floodmark.report.sections import aftermath, enrolment, prevalence
from floodmark.view import CaseView

DAY = 86_400_000
START = 1_594_927_800_000  # 2020-07-17 00:00 in Tehran
OLD = START - 900 * DAY
SILENT = START - 400 * DAY
MakeView = Callable[..., CaseView]


def member(account: str, roster: str = "pro") -> dict[str, object]:
    return {"roster": roster, "account_id": account, "posts": 1, "first_at_ms": START}


def post(account: str, at: int, stream: str = "main") -> dict[str, object]:
    return {"stream": stream, "post_id": f"p:{account}/{at}", "account_id": account, "at_ms": at, "at_resolution_ms": 1}


def profile(account: str, previous: int | None, created: int | None = OLD) -> dict[str, object]:
    return {"account_id": account, "previous_post_at_ms": previous, "created_at_ms": created}


def look(account: str, at: int, status: str, last_post: int | None = None) -> dict[str, object]:
    return {"account_id": account, "observed_at_ms": at, "status": status, "last_post_at_ms": last_post}


def verdicts(view: CaseView) -> dict[str, bool]:
    rows = view.db.rows("SELECT account_id, flagged FROM account_flags WHERE flag = $flag", {"flag": DORMANT.name})
    return dict(rows)


@pytest.mark.parametrize("backwards", [False, True])
def test_what_contradicts_dormancy_makes_it_unknown(make_view: MakeView, backwards: bool) -> None:
    silent = ["plain", "torn", "posted", "woke", "looked", "young", "zero", "before"]
    accounts = [profile(f"x:{name}", SILENT) for name in silent]
    accounts[5]["created_at_ms"] = START - 5 * DAY
    accounts[6] |= {"previous_post_at_ms": 0, "created_at_ms": None}
    accounts[7] |= {"created_at_ms": SILENT + DAY}
    accounts += [profile("x:active", START - DAY), profile("x:late", START + DAY), profile("x:null", None)]
    tables = {
        "participants": [member(str(row["account_id"])) for row in accounts],
        "accounts": accounts,
        # The same account, silent by one profile and active by another.
        "account_observations": [profile("x:torn", START - DAY), profile("x:plain", SILENT)],
        "posts": [
            post("x:posted", START - 60 * DAY),
            post("x:woke", START - 20 * DAY),
            *(post(str(row["account_id"]), START + 5) for row in accounts),
        ],
        "statuses": [look("x:looked", START - 90 * DAY, "active", START - 95 * DAY)],
    }
    view = make_view(**{name: rows[::-1] if backwards else rows for name, rows in tables.items()})
    # Waking up in the last month is what the flag looks for; all other contradictions leave an account unknown.
    assert verdicts(view) == {"x:plain": True, "x:woke": True, "x:active": False}
    tally = count_flags(view).tally("pro", ("dormant",))
    assert (tally.flagged, tally.judged, tally.accounts) == (2, 3, len(accounts))


def all_findings(view: CaseView) -> dict[str, Finding]:
    return {f.id: f for section in (prevalence, enrolment, aftermath) for f in section.findings(view)}


def hostile_tables() -> dict[str, list[dict[str, object]]]:
    """Empty profiles, doubled ones, none, accounts of snapshots only, and two states at one instant."""
    late = START + 60 * DAY
    names = ["x:empty", "x:twice", "x:none", "x:torn", "x:fine"]
    return {
        "participants": [member(name) for name in names],
        "accounts": [{"account_id": "x:empty"}, profile("x:twice", SILENT), profile("x:fine", START - DAY)],
        "account_observations": [{"account_id": "x:empty"}, *[profile("x:twice", SILENT)] * 3],
        "statuses": [
            look("x:torn", late, "active", late - DAY),
            look("x:torn", late, "suspended"),
            look("x:fine", late, "active", late - DAY),
            look("x:stranger", late, "suspended"),
        ],
    }


def test_no_account_is_lost_and_none_is_made(make_view: MakeView) -> None:
    tables = hostile_tables()
    found = all_findings(make_view(**tables))
    for finding in found.values():
        counts = finding.details.get("roster", finding.details)
        if finding.subject == "pro" and isinstance(counts, dict) and {"judged", "unknown", "accounts"} <= set(counts):
            assert counts["judged"] + counts["unknown"] == counts["accounts"], finding.id
            assert counts["accounts"] <= 5, finding.id
    gone = found["M6.gone.pro"]
    # Torn between two states at one instant: unknown. In a snapshot only: on no roster.
    assert (gone.details["flagged"], gone.details["judged"], gone.details["unknown"]) == (0, 1, 4)
    assert found["M5.enrolled.pro"].details["unknown"] == 3


def test_hostile_rows_in_any_order_give_the_same_bytes(make_view: MakeView) -> None:
    tables, rng = hostile_tables(), random.Random(1)
    shuffled = {name: rng.sample(rows, len(rows)) for name, rows in tables.items()}
    assert dump(all_findings(make_view(**tables)).values()) == dump(all_findings(make_view(**shuffled)).values())


def test_one_account_no_control_and_nothing_known(make_view: MakeView) -> None:
    one = all_findings(make_view({"control": None}, participants=[member("x:1")], accounts=[profile("x:1", SILENT)]))
    share = one["M5.enrolled.pro"]
    assert (share.value, share.low) == (0, 0)
    assert share.high is not None
    assert share.high > 0.7
    assert one["M5.difference.pro"].state == "not_testable"
    nothing = all_findings(make_view(participants=[member("x:1")], accounts=[{"account_id": "x:1"}]))
    for name, finding in nothing.items():
        if finding.unit == "share" and name.startswith(("M4.", "M5.")):
            assert finding.state == "not_testable", name
