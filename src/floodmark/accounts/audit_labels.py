"""Labelled sheets of an audit: read back with their key, checked against the case, and what share they give."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from floodmark.accounts.audit_estimate import AuditShare, Stratum, audit_share, kappa
from floodmark.case import sha256_json
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database
from floodmark.errors import UsageError
from floodmark.schema import AUDIT_LABELS
from floodmark.view import CaseView

KEY: Final = "audit-key.json"
LABELS: Final = ("yes", "no", "cannot tell")
VERSION: Final = 2
#: What spreadsheets put between fields, by region.
_DELIMITERS: Final = (",", ";", "\t")
_LARGEST_BYTES: Final = 200_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _DrawnStratum(_Strict):
    stratum: str
    accounts: Annotated[int, Field(ge=1)]
    drawn: Annotated[list[str], Field(min_length=1)]
    inclusion_probability: float


class _Key(_Strict):
    version: Literal[2]
    case: str
    roster: str
    roster_accounts: int
    roster_sha256: str
    seed: int
    strata: Annotated[list[_DrawnStratum], Field(min_length=1)]
    sha256: str


@dataclass(frozen=True)
class Labelled:
    """A sample with its labels: one mapping of account to label for each labeller. `where` names the key in errors."""

    where: str
    key: _Key
    labels: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class CaseAudit:
    """One audit that the case file names; `files` are its bytes, by the names that the case keeps them under."""

    labelled: Labelled
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class AuditResult:
    """What the sheets say: the share of the first, its strata, and kappa where a second labelled the same accounts."""

    strata: tuple[Stratum, ...]
    share: AuditShare
    agreement: tuple[float, float, float] | None

    @property
    def labelled(self) -> int:
        """Accounts that were labelled."""
        return sum(stratum.drawn for stratum in self.strata)

    @property
    def unclear(self) -> int:
        """Accounts that were labelled `cannot tell`."""
        return sum(stratum.unclear for stratum in self.strata)


def sealed(key: Mapping[str, object]) -> dict[str, object]:
    """Return a key with the hash over all that it holds, by which a later change shows."""
    return {**key, "sha256": sha256_json(dict(key))}


def roster_digest(db: Database, roster: str) -> str:
    """Return a hash over the ids of a roster's participants, in whatever order they are stored."""
    rows = db.rows("SELECT account_id FROM participants WHERE roster = $roster ORDER BY account_id", {"roster": roster})
    return sha256_json([account for (account,) in rows])


def read(sheets: Sequence[Path], folder: Path | None = None) -> Labelled:
    """Read one or two labelled sheets and their key, which lies in `folder` or beside the first.

    UsageError with one sentence where the key was changed or is none, or where a sheet names a foreign account, names
    one twice, leaves one out, or holds another word than yes, no, cannot tell.
    """
    if not 1 <= len(sheets) <= 2:
        raise UsageError("--read: name one sheet, or two of two labellers")
    path = (folder or sheets[0].parent) / KEY
    if not path.is_file():
        raise UsageError(f"{path}: the key of the sample is not there; name its folder with --out")
    return parse(str(path), _bytes(path, str(path)), [(str(sheet), _bytes(sheet, str(sheet))) for sheet in sheets])


def load(config: CaseConfig) -> list[CaseAudit]:
    """Read every audit that the case file names; UsageError as in `read`, or where a key is of another roster."""
    found = []
    for number, spec in enumerate(config.audits, 1):
        named = {"key.json": spec.key, "sheet.csv": spec.sheet} | ({"second.csv": spec.second} if spec.second else {})
        files = {
            name: _bytes(config.source.parent / path, f"{path}: field `audit[{number}].{name.partition('.')[0]}`")
            for name, path in named.items()
        }
        sheets = [(named[name], content) for name, content in files.items() if name != "key.json"]
        labelled = parse(spec.key, files["key.json"], sheets)
        if labelled.key.roster != spec.roster:
            raise UsageError(
                f"{spec.key}: the sample is of {labelled.key.roster!r}, but field `audit[{number}].roster` says"
                f" {spec.roster!r}; correct the field or name the other key"
            )
        found.append(CaseAudit(labelled, {f"audits/{number:02d}-{name}": data for name, data in files.items()}))
    return found


def parse(where: str, key: bytes, sheets: Sequence[tuple[str, bytes]]) -> Labelled:
    """Return the sample and labels from the bytes of a key and of sheets, each with its name for errors."""
    read_key = _parse_key(where, key)
    known = {account for stratum in read_key.strata for account in stratum.drawn}
    return Labelled(where, read_key, tuple(_parse_labels(name, content, known) for name, content in sheets))


def check_roster(db: Database, case_name: str, labelled: Labelled) -> None:
    """Refuse a sample of another roster than the case's own in `participants` (UsageError)."""
    key = labelled.key
    if roster_digest(db, key.roster) == key.roster_sha256:
        return
    (accounts,) = db.one("SELECT count(*) FROM participants WHERE roster = $roster", {"roster": key.roster})
    if key.case != case_name:
        raise UsageError(
            f"{labelled.where}: the sample was drawn from another case, {key.case!r}, whose roster {key.roster!r} holds"
            f" other accounts; name a sample of this one ({case_name!r})"
        )
    raise UsageError(
        f"{labelled.where}: the roster {key.roster!r} changed since the sample was drawn ({key.roster_accounts}"
        f" accounts then, {accounts} now); draw and label a new sample"
    )


def label_columns(audits: Sequence[Labelled]) -> dict[str, list[object]]:
    """Return the columns of the table audit_labels, in order of rosters and accounts."""
    rows = sorted(
        (audit.key.roster, account, stratum.stratum, stratum.accounts, *_labels_of(audit, account))
        for audit in audits
        for stratum in audit.key.strata
        for account in stratum.drawn
    )
    # sorted() never compares the labels: roster and account are unique.
    return {name: [row[place] for row in rows] for place, name in enumerate(AUDIT_LABELS.names)}


def stored_result(view: CaseView, roster: str) -> AuditResult | None:
    """Return what the labels in the table audit_labels say of a roster; None where it has none."""
    rows = view.db.rows(
        "SELECT stratum, stratum_accounts, label, second_label FROM audit_labels WHERE roster = $roster"
        " ORDER BY account_id",
        {"roster": roster},
    )
    return _result(rows, view.config.parameters.level) if rows else None


def result(labelled: Labelled, level: float) -> AuditResult:
    """Return what the labels say: the post-stratified share, and the agreement of two labellers."""
    rows = [
        (stratum.stratum, stratum.accounts, *_labels_of(labelled, account))
        for stratum in labelled.key.strata
        for account in stratum.drawn
    ]
    return _result(rows, level)


def _result(rows: Sequence[tuple[str, int, str, str | None]], level: float) -> AuditResult:
    given: dict[tuple[str, int], list[str]] = {}
    for stratum, accounts, label, _ in rows:
        given.setdefault((stratum, accounts), []).append(label)
    strata = tuple(
        Stratum(name, accounts, len(labels), *(labels.count(word) for word in LABELS))
        for (name, accounts), labels in sorted(given.items())
    )
    pairs = [(first, second) for _, _, first, second in rows if second is not None]
    agreement = kappa([first for first, _ in pairs], [second for _, second in pairs], level) if pairs else None
    return AuditResult(strata, audit_share(strata, level), agreement)


def _labels_of(audit: Labelled, account: str) -> tuple[str, str | None]:
    return audit.labels[0][account], audit.labels[1][account] if len(audit.labels) == 2 else None


def _bytes(path: Path, name: str) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise UsageError(f"{name}: is larger than any sheet or key of an audit; name the right file")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: cannot be read ({error.strerror}); correct the path") from error


def _parse_key(name: str, content: bytes) -> _Key:
    try:
        raw = orjson.loads(content)
        if isinstance(raw, dict) and raw.get("version") != VERSION and "strata" in raw:
            raise UsageError(f"{name}: this key was not written by this version; draw and label a new sample")
        key = _Key.model_validate(raw)
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise UsageError(f"{name}: this is no key of a sample; name the {KEY} that audit-sample wrote") from error
    if sealed({name: value for name, value in raw.items() if name != "sha256"}) != raw:
        raise UsageError(f"{name}: the key was changed after the sample was drawn; restore the one that was written")
    return key


def _parse_labels(sheet: str, content: bytes, known: set[str]) -> dict[str, str]:
    try:
        text = content.decode("utf-8-sig")
        head = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=head.count)
        lines = list(csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{sheet}: the sheet cannot be read ({error}); save it as CSV in UTF-8") from error
    labels: dict[str, str] = {}
    unlabelled: list[int] = []
    for number, line in enumerate(lines, 2):
        account, label = line.get("account_id"), (line.get("label") or "").strip().lower()
        where = f"{sheet}: row {number}"
        if account is None or "label" not in line:
            raise UsageError(f"{where}: the columns account_id and label are missing; keep the sheet's first line")
        if account not in known:
            raise UsageError(f"{where}: {account!r} is not in the sample; remove the row or name the key of this sheet")
        if account in labels:
            raise UsageError(f"{where}: {account!r} is there twice; keep one row")
        if label and label not in LABELS:
            raise UsageError(f"{where}: {label!r} is no label; write yes, no or cannot tell")
        labels[account] = label
        unlabelled += [] if label else [number]
    if unlabelled:
        raise UsageError(
            f"{sheet}: row {unlabelled[0]}: the label is missing, as in {len(unlabelled)} of {len(lines)} rows;"
            " write yes, no or cannot tell"
        )
    if missing := sorted(known - set(labels)):
        raise UsageError(f"{sheet}: {missing[0]!r} and {len(missing) - 1} others have no row; put them back")
    return labels
