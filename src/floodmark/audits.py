"""The audit of a finished case: draw accounts of a roster to label by hand, and say what the labels say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from floodmark import case, derive
from floodmark import config as configuration
from floodmark.accounts import audit, audit_labels
from floodmark.case import CASE_FILE
from floodmark.engine.duckdb import Database
from floodmark.errors import UsageError
from floodmark.view import CaseView


def draw(folder: Path, roster: str, size: int, out: Path, seed: int) -> None:
    """Draw a sample of a roster of a finished case and write it to `out` (see accounts.audit).

    UsageError where `out` lies inside the case, or the roster is unknown or too small.
    """
    if out.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{out}: lies inside the case, whose files are fixed; choose another --out")
    case.read_manifest(folder)
    config = configuration.load(folder / CASE_FILE)
    with Database() as db:
        derive.open_base(db, folder / "tables")
        derive.open_derived(db, folder / "tables")
        audit.write(audit.draw(CaseView(config, db, ()), roster, size, seed), out)


def read(folder: Path, sheets: Sequence[Path], out: Path | None = None) -> str:
    """Read labelled sheets of a sample of this case and return what they say in words.

    UsageError as in `audit_labels.read`, and where the sample is of another case or roster.
    """
    case.read_manifest(folder)
    config = configuration.load(folder / CASE_FILE)
    labelled, level = audit_labels.read(sheets, out), config.parameters.level
    with Database() as db:
        db.view_parquet("participants", folder / "tables/participants.parquet")
        audit_labels.check_roster(db, config.name, labelled)
    result = audit_labels.result(labelled, level)
    share, (low, high) = result.share.share, result.share.interval
    lines = [
        f"Of the accounts of {labelled.key.roster}, {share:.1%} are what was labelled yes; {level:.0%} interval"
        f" {low:.1%} to {high:.1%}, from {result.labelled} labelled accounts ({result.unclear} cannot tell, counted as"
        " no at the low end and as yes at the high end)."
    ]
    if result.agreement:
        value, lowest, highest = result.agreement
        lines.append(f"Two labellers agree with kappa {value:.2f} ({lowest:.2f} to {highest:.2f}).")
    lines.append("It is as good as the labels; errors of the labellers are not in the interval.")
    lines.append("To have it in the report, name the sheet and its key under [[audit]] in the case file and run again.")
    return "\n".join(lines)
