"""The audit: what is drawn, what the sheet and page hold, what is refused on reading back, what the labels mean."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import orjson
import pytest

from floodmark.accounts import audit, audit_labels
from floodmark.accounts.audit_estimate import Stratum, allocate, audit_share, kappa
from floodmark.accounts.audit_page import page
from floodmark.errors import UsageError
from floodmark.findings import Finding
from floodmark.report.sections import prevalence
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]
HOSTILE = '<script>alert(1)</script><img src=//x.example onerror="alert(2)">\u202egnp.exe " \' =1+1'


@pytest.fixture
def view(make_view: MakeView) -> CaseView:
    ids = [f"x:{n:03}" for n in range(200)]
    return make_view(
        participants=[{"roster": "pro", "account_id": a, "posts": 1, "first_at_ms": 1} for a in ids],
        account_observations=[{"account_id": a, "followers": 5} for a in ids[:40]],
        account_flags=[
            {"flag": "low_follower", "account_id": a, "flagged": n < 40, "evidence": "e"} for n, a in enumerate(ids)
        ],
        posts=[
            {
                "stream": "main", "post_id": f"p{n}", "account_id": a, "at_ms": 5, "at_resolution_ms": 1000,
                "text": "=HYPERLINK(1)" if n else HOSTILE,
            }
            for n, a in enumerate(ids)
        ],
        side_posts=[
            {"side": "pro", "stream": "main", "post_id": f"p{n}", "account_id": a, "at_ms": 5, "in_window": True}
            for n, a in enumerate(ids)
        ],
    )  # fmt: skip


def labelled(folder: Path, name: str = "done.csv", **changed: str) -> Path:
    with (folder / audit.SHEET).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["label"] = changed.get(row["account_id"].replace(":", "_"), "yes" if row["account_id"] < "x:040" else "no")
    target = folder / name
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, audit.COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return target


def test_drawn_written_and_read_back(view: CaseView, tmp_path: Path) -> None:
    sample = audit.draw(view, "pro", 60, 1)
    assert {name: (size, len(ids)) for name, (size, ids) in sample.strata.items()} == {
        "0 flags, not named as coordinated": (160, 48),
        "1 flags, not named as coordinated": (40, 12),
    }
    audit.write(sample, tmp_path)
    key = orjson.loads((tmp_path / audit_labels.KEY).read_bytes())
    assert [item["inclusion_probability"] for item in key["strata"]] == [0.3, 0.3]
    sheet = (tmp_path / audit.SHEET).read_text(encoding="utf-8")
    assert "flag" not in sheet
    assert ",=HYPERLINK" not in sheet
    read = audit_labels.read([labelled(tmp_path)])
    audit_labels.check_roster(view.db, view.config.name, read)
    result = audit_labels.result(read, 0.9)
    assert result.share.share == pytest.approx(0.2)
    assert result.share.interval[0] < 0.2 < result.share.interval[1]
    with pytest.raises(UsageError, match="exists and may hold labels"):
        audit.write(sample, tmp_path)


def test_the_same_seed_draws_the_same_and_every_account_can_be_drawn(view: CaseView) -> None:
    assert audit.draw(view, "pro", 50, 3) == audit.draw(view, "pro", 50, 3)
    assert audit.draw(view, "pro", 50, 3) != audit.draw(view, "pro", 50, 4)
    times = np.zeros(200)
    for seed in range(200):
        for account in audit.draw(view, "pro", 50, seed).order:
            times[int(account[2:])] += 1
    assert times.min() > 20
    assert times.max() < 85


@pytest.mark.parametrize(("roster", "size", "words"), [("con", 5, "no account"), ("pro", 201, "more than the 200"),
                                                      ("pro", 9, "draw at least 10")])  # fmt: skip
def test_impossible_samples_are_refused(view: CaseView, roster: str, size: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        audit.draw(view, roster, size, 1)


def test_wrong_sheets_are_refused_in_one_sentence(view: CaseView, tmp_path: Path) -> None:
    audit.write(audit.draw(view, "pro", 20, 1), tmp_path)
    good = labelled(tmp_path).read_text(encoding="utf-8")
    head, first, *rest = good.splitlines()
    account = first.split(",")[0]
    cases = {
        "is no label": "\n".join([head, f"{account},maybe,,"]),
        "label is missing": "\n".join([head, f"{account},,,"]),
        "is there twice": "\n".join([head, f"{account},yes,,", f"{account},yes,,"]),
        "not in the sample": "\n".join([head, "x:none,yes,,"]),
        "is missing, as in 19 of 20 rows": "\n".join(
            [head, f"{account},yes,,", *(f"{r.split(',')[0]},,," for r in rest)]
        ),
        "have no row": "\n".join([head, f"{account},yes,,"]),
        "columns account_id and label": "a,b\n1,2\n",
    }
    for words, text in cases.items():
        (tmp_path / "bad.csv").write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=words):
            audit_labels.read([tmp_path / "bad.csv"])
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/good.csv").write_text(good, encoding="utf-8")
    with pytest.raises(UsageError, match="key"):
        audit_labels.read([tmp_path / "sub/good.csv"])
    assert audit_labels.read([tmp_path / "sub/good.csv"], tmp_path).key.roster == "pro"
    # A spreadsheet of another region parts fields by semicolons.
    (tmp_path / "region.csv").write_text(good.replace("=", "").replace(",", ";"), encoding="utf-8")
    assert (
        audit_labels.read([tmp_path / "region.csv"]).labels
        == audit_labels.read([tmp_path / "sub/good.csv"], tmp_path).labels
    )
    assert rest


def test_a_key_that_was_changed_or_is_none_is_refused(view: CaseView, tmp_path: Path) -> None:
    audit.write(audit.draw(view, "pro", 20, 1), tmp_path)
    sheet, path = labelled(tmp_path), tmp_path / audit_labels.KEY
    key = orjson.loads(path.read_bytes())
    changes: dict[str, object] = {
        "was changed": key | {"strata": [key["strata"][0] | {"accounts": 9}, *key["strata"][1:]]},
        "was changed after": key | {"case": "other"},
        "not written by this version": key | {"version": 1},
        "is no key": {"version": 2},
        "this is no key": [],
        "no key of a sample": key | {"strata": []},
    }
    for words, content in changes.items():
        path.write_bytes(orjson.dumps(content))
        with pytest.raises(UsageError, match=words):
            audit_labels.read([sheet])
    path.write_bytes(b"{")
    with pytest.raises(UsageError, match="no key"):
        audit_labels.read([sheet])


def test_a_sample_of_other_accounts_is_refused(view: CaseView, tmp_path: Path) -> None:
    audit.write(audit.draw(view, "pro", 20, 1), tmp_path)
    read = audit_labels.read([labelled(tmp_path)])
    # The same accounts in another case are the same roster, whatever the case is called.
    audit_labels.check_roster(view.db, "renamed", read)
    view.db.execute("INSERT INTO participants VALUES ('pro', 'x:late', 1, 1)")
    with pytest.raises(UsageError, match=r"changed since the sample was drawn \(200 accounts then, 201 now\)"):
        audit_labels.check_roster(view.db, view.config.name, read)
    with pytest.raises(UsageError, match="drawn from another case, 'case'"):
        audit_labels.check_roster(view.db, "renamed", read)


MEANING = "<b>made</b> for this operation"


def in_report(make_view: MakeView, view: CaseView, sheets: list[Path], roster: str = "pro") -> dict[str, Finding]:
    read = audit_labels.read(sheets)
    columns = audit_labels.label_columns([read])
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    audits = [{"roster": roster, "meaning": MEANING, "sheet": "s.csv", "key": "k.json"}]
    members = view.db.rows("SELECT roster, account_id, posts, first_at_ms FROM participants ORDER BY account_id")
    names = ("roster", "account_id", "posts", "first_at_ms")
    participants = [dict(zip(names, row, strict=True)) for row in members]
    again = make_view({"audit": audits}, participants=participants, audit_labels=rows)
    return {finding.id: finding for finding in prevalence.findings(again)}


def test_the_report_gives_the_share_of_the_labelled_sample(make_view: MakeView, view: CaseView, tmp_path: Path) -> None:
    audit.write(audit.draw(view, "pro", 100, 1), tmp_path)
    first = labelled(tmp_path)
    unclear = {
        account.replace(":", "_"): "cannot tell" for account in sorted(audit_labels.read([first]).labels[0])[:10]
    }
    sheets = [first, labelled(tmp_path, "second.csv", **unclear)]
    found = in_report(make_view, view, sheets)
    pro, alone = found["M4.prevalence_audit.pro"], audit_labels.result(audit_labels.read(sheets[:1]), 0.95)
    assert (pro.value, pro.low, pro.high) == (alone.share.share, *alone.share.interval)
    assert pro.value == pytest.approx(0.2)
    assert MEANING in pro.method
    assert any("kappa 0." in limit for limit in pro.limits)
    assert pro.details["labelled"] == 100
    assert sum(row["accounts"] for row in pro.details["strata"]) == 200  # type: ignore[attr-defined]
    assert pro.confidence == "moderate"
    assert found["M4.prevalence_audit.con"].state == "not_testable"
    # One labeller alone: the same share, less confidence; half of the labels unclear: a wider interval.
    one = in_report(make_view, view, sheets[:1])["M4.prevalence_audit.pro"]
    assert (one.value, one.low, one.high, one.confidence) == (pro.value, pro.low, pro.high, "low")
    wide = in_report(make_view, view, sheets[1:])["M4.prevalence_audit.pro"]
    assert wide.details["cannot_tell"] == 10
    assert wide.high is not None
    assert pro.low is not None
    assert wide.low is not None
    assert wide.low < pro.low


def test_where_nobody_could_tell_there_is_no_value(make_view: MakeView, view: CaseView, tmp_path: Path) -> None:
    audit.write(audit.draw(view, "pro", 20, 1), tmp_path)
    unclear = {f"x_{number:03}": "cannot tell" for number in range(200)}
    found = in_report(make_view, view, [labelled(tmp_path, **unclear)])["M4.prevalence_audit.pro"]
    assert (found.state, found.value) == ("bounded", None)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.01
    assert found.high > 0.99


@pytest.mark.parametrize(("rosters", "words"), [(["nobody"], "is no roster"), (["pro", "pro"], "is there twice")])
def test_a_case_file_names_one_sample_for_each_roster(make_view: MakeView, rosters: list[str], words: str) -> None:
    audits = [{"roster": roster, "meaning": "m", "sheet": "s", "key": "k"} for roster in rosters]
    with pytest.raises(ValueError, match=words):
        make_view({"audit": audits})


def test_a_file_that_is_not_there_is_named_with_its_field(make_view: MakeView) -> None:
    config = make_view({"audit": [{"roster": "pro", "meaning": "m", "sheet": "s.csv", "key": "none.json"}]}).config
    with pytest.raises(UsageError, match=r"^none\.json: field `audit\[1\]\.key`: cannot be read .*; correct the path$"):
        audit_labels.load(config)


def test_the_page_holds_foreign_text_as_text_only() -> None:
    made = page(HOSTILE, [(f"x:{HOSTILE}", (HOSTILE, "plain"))])
    seen: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append((tag, dict(attrs)))

    Reader().feed(made)
    assert [tag for tag, _ in seen].count("script") == 1
    assert "img" not in {tag for tag, _ in seen}
    assert not [name for _, attrs in seen for name in attrs if name.startswith("on") or name in {"src", "href"}]
    (article,) = [attrs for tag, attrs in seen if tag == "article"]
    assert article["data-account"] == f"x:{HOSTILE}"
    assert "default-src 'none'" in made
    script = re.search(r"<script>(.*?)</script>", made, re.DOTALL)
    assert script
    assert "alert" not in script[1]
    assert "[U+202E]" in made


def test_unclear_labels_widen_and_a_full_count_leaves_nothing_open() -> None:
    clear = audit_share([Stratum("a", 1000, 100, 30, 70)], 0.9)
    unclear = audit_share([Stratum("a", 1000, 100, 30, 50, 20)], 0.9)
    assert unclear.interval[1] > clear.interval[1] + 0.1
    assert unclear.bounds == (0.3, 0.5)
    assert audit_share([Stratum("a", 100, 100, 30, 70)], 0.9).interval == (0.3, 0.3)
    with pytest.raises(ValueError, match="labelled"):
        audit_share([Stratum("a", 100, 0)], 0.9)


def test_weights_bring_the_strata_back_to_their_size() -> None:
    found = audit_share([Stratum("many", 9000, 50, 5, 45), Stratum("few", 1000, 50, 40, 10)], 0.9)
    assert found.share == pytest.approx(0.9 * 0.1 + 0.1 * 0.8)
    assert allocate([5, 5], 10) == [5, 5]


def test_kappa_of_equal_and_of_one_sided_labels() -> None:
    assert kappa(["yes", "no"] * 20, ["yes", "no"] * 20, 0.95)[0] == pytest.approx(1)
    assert kappa(["no"] * 9, ["no"] * 9, 0.95) == (0.0, -1.0, 1.0)
