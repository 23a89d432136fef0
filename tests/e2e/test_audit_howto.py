"""The how-to on audits, command by command on a small demo: draw, label, read back, report, replay, refuse."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from floodmark import case
from floodmark.cli import app
from floodmark.config import load
from floodmark.engine.duckdb import Database
from floodmark.errors import UsageError
from floodmark.pipeline import run_case
from floodmark.progress import Reporter


def blocks(root: Path, kind: str) -> list[str]:
    text = (root / "docs/how-to/audit-a-roster.md").read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def label(sheet: Path, truth: Path, target: Path) -> int:
    """Label every account of the sheet by the simulation's truth; return how many are campaign."""
    with truth.open(encoding="utf-8", newline="") as stream:
        planted = {f"sim:{row['account_id']}" for row in csv.DictReader(stream) if row["role"] == "campaign"}
    with sheet.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["label"] = "yes" if row["account_id"] in planted else "no"
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return sum(row["label"] == "yes" for row in rows)


def test_the_commands_of_the_how_to(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [shlex.split(line[2:])[1:] for block in blocks(root, "console") for line in block.splitlines()]
    assert [command[0] for command in commands] == ["demo", "audit-sample", "audit-sample", "run", "replay"]
    said = ""
    for written in commands:
        # A smaller demo says the same sooner.
        command = ["0.02" if word == "0.05" else word for word in written]
        if "--read" in command:
            assert label(Path("audit/audit-sheet.csv"), Path("demo-data/truth/accounts.csv"), Path("labelled.csv")) > 0
        if command[0] == "run":
            case_file = Path("demo-data/case.toml")
            entry = next(block for block in blocks(root, "toml") if block.startswith("[[audit]]"))
            case_file.write_text(case_file.read_text(encoding="utf-8") + "\n" + entry, encoding="utf-8")
            assert "not_testable" in said_of("demo", "M4.prevalence_audit.against")
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, (command, result.output, result.exception)
        said = result.output
    assert "recomputed and equal" in said
    with Path("demo-data/truth/accounts.csv").open(encoding="utf-8", newline="") as stream:
        planted = sum(row["role"] == "campaign" and row["roster"] == "against" for row in csv.DictReader(stream))
    found = {item["id"]: item for item in orjson.loads(Path("demo/findings.json").read_bytes())}
    audit = found["M4.prevalence_audit.against"]
    # The labels are the truth, so the interval must hold the planted share (this seed is fixed).
    share = planted / found["M3.participants.against"]["value"]
    assert audit["low"] <= share <= audit["high"]
    assert 0 < audit["high"] - audit["low"] < 0.25
    assert found["M4.prevalence_audit.control"]["state"] == "not_testable"
    assert case.verify(Path("demo")) == []
    assert "an account that somebody made for this operation" in Path("demo/report.html").read_text(encoding="utf-8")
    before = Path("demo/findings.json").read_bytes()
    refuses_what_is_not_of_this_case()
    assert Path("demo/findings.json").read_bytes() == before


def said_of(folder: str, finding: str) -> str:
    return CliRunner().invoke(app, ["replay", folder, finding]).output


def refuses_what_is_not_of_this_case() -> None:
    """Half-labelled sheets and samples of another roster stop the run and leave the case as it was."""
    case_file, sheet = Path("demo-data/case.toml"), Path("labelled.csv")
    good = sheet.read_text(encoding="utf-8")
    sheet.write_text(good.replace(",yes,", ",,"), encoding="utf-8")
    with pytest.raises(UsageError, match="the label is missing"):
        run_case(load(case_file), Path("demo"), Reporter(quiet=True))
    sheet.write_text(good, encoding="utf-8")
    key = Path("audit/audit-key.json")
    text = case_file.read_text(encoding="utf-8")
    case_file.write_text(text.replace('roster = "against"\nmeaning', 'roster = "for"\nmeaning'), encoding="utf-8")
    with pytest.raises(UsageError, match="the sample is of 'against'"):
        run_case(load(case_file), Path("demo"), Reporter(quiet=True))
    case_file.write_text(text, encoding="utf-8")
    key.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        run_case(load(case_file), Path("demo"), Reporter(quiet=True))
    with Database() as db:
        db.view_parquet("audit_labels", Path("demo/tables/audit_labels.parquet"))
        assert db.one("SELECT count(*) FROM audit_labels") == (100,)
