"""The section on families with data: figures, what others have, no account named, hostile text, missing columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from floodmark import registry
from floodmark.findings import Finding, as_json, dump
from floodmark.report.html import render_report
from floodmark.report.model import ReportFacts
from floodmark.report.sections.families import findings
from floodmark.view import CaseView

BIDI = chr(0x202E)
HOSTILE = f"<script>alert(1)</script>{BIDI} ما برای رودخانه‌ها ایستاده‌ایم"

MakeView = Callable[..., CaseView]
Rows = list[dict[str, object]]


def case_rows() -> tuple[Rows, Rows]:
    """Six accounts of pro share a text, four a handle's pattern; one control account has the text."""
    accounts: Rows = [
        {"account_id": f"x:{roster}{n:04d}", "description": f"reader and gardener {chr(97 + n % 26)} number {n}",
         "handle": f"{roster}{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}reader", "created_resolution_ms": 1000}
        for roster, many in (("pro", 60), ("con", 60), ("control", 1_200)) for n in range(many)
    ]  # fmt: skip
    shared = [f"x:pro{n:04d}" for n in range(6)] + ["x:control0000"]
    for row in accounts:
        if row["account_id"] in shared:
            row["description"] = HOSTILE
        if row["account_id"] in [f"x:pro{n:04d}" for n in range(20, 24)]:
            row["handle"] = f"secret_voice_{str(row['account_id'])[-2:]}"
    members: Rows = [
        {"roster": str(row["account_id"])[2:].rstrip("0123456789"), "account_id": row["account_id"], "posts": 1,
         "first_at_ms": 0} for row in accounts
    ]  # fmt: skip
    return accounts, members


def found(view: CaseView) -> Mapping[str, Finding]:
    return {finding.id: finding for finding in findings(view)}


def shown(finding: Finding) -> list[dict[str, Any]]:
    families: Any = finding.details["families"]
    return list(families)


def test_families_of_every_subject_with_what_others_have(make_view: MakeView) -> None:
    accounts, members = case_rows()
    made = found(make_view(accounts=accounts, participants=members))
    text = made["M4.families_text.pro"]
    assert text.value == 1
    (row,) = shown(text)
    assert (row["size"], row["known"], row["elsewhere"], row["reference"]) == (6, 60, 1, 1_260)
    assert row["expected"] == pytest.approx(7 * 60 / 1_320)
    assert row["beside"] == [["control", 1]]
    assert row["p"] <= row["q"] <= 0.05
    assert made["M4.families_text.con"].value == made["M4.families_text.control"].value == 0
    (handles,) = shown(made["M4.families_handle.pro"])
    assert handles["example"] == "secret_voice_#"
    difference = made["M4.family_difference.pro"]
    assert difference.value == pytest.approx(10 / 60)


def test_missing_columns_are_named(make_view: MakeView) -> None:
    accounts, members = case_rows()
    made = found(make_view(accounts=accounts, participants=members))
    for kind, column in (("picture", "picture"), ("name", "display_name"), ("second", "created_at_ms")):
        finding = made[f"M4.families_{kind}.pro"]
        assert finding.state == "not_testable"
        assert finding.method.endswith(f"the column {column}")
    alone = [row for row in accounts if str(row["account_id"]).startswith("x:pro")]
    others = [row for row in members if str(row["account_id"]).startswith("x:pro")]
    finding = found(make_view(accounts=alone, participants=others))["M4.families_text.pro"]
    assert finding.state == "not_testable"
    assert "outside this roster" in finding.method


def test_no_account_is_named_and_hostile_text_is_harmless(make_view: MakeView) -> None:
    accounts, members = case_rows()
    view = make_view(accounts=accounts, participants=members)
    made = findings(view)
    assert b"x:pro" not in dump(made)
    assert BIDI.encode() not in dump(made)
    page = render_report([as_json(finding) for finding in made], ReportFacts.of(view.config, view.inputs, {}))
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert "secret_voice_#" in page
    assert "secret_voice_2" not in page
    # Two kinds have families; each says its innocent reading once, above its lines.
    assert page.count("Innocent reading:") == 2
    assert page.index("Innocent reading:") < page.index("secret_voice_#")


def test_order_of_rows_changes_no_byte(make_view: MakeView) -> None:
    accounts, members = case_rows()
    straight = dump(findings(make_view(accounts=accounts, participants=members)))
    assert straight == dump(findings(make_view(accounts=accounts[::-1], participants=members[::-1])))


def test_its_stems_are_those_of_its_findings(make_view: MakeView) -> None:
    stems = {finding.id.rpartition(".")[0] for finding in findings(make_view())}
    assert stems == set(registry.sections().items["families"].stems)
