"""The main job: files -> reader -> tables -> actions -> co-actions -> findings -> report, in resumable steps."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson

from floodmark import __version__, case, derive, measuring, reading
from floodmark import config as configuration
from floodmark.accounts import audit_labels
from floodmark.beside import CORES, Helper, Wait
from floodmark.case import CASE_FILE
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database
from floodmark.errors import EvidenceError, UsageError
from floodmark.findings import as_json, dump
from floodmark.ingest import store
from floodmark.progress import Reporter
from floodmark.schema import AUDIT_LABELS, create_sql
from floodmark.view import CaseView, InputCount

FINDINGS: Final = "findings.json"
REPORT: Final = "report.html"
LOG: Final = "log.jsonl"
Planted = Mapping[str, Mapping[str, object]]
#: The posts behind edges stay in their table: as CSV they can take more room than all the rest.
_EXPORTED: Final = {
    "participants": "exports/participants.csv",
    "account_flags": "exports/account-flags.csv",
    "coordinated_accounts": "exports/coordinated-accounts.csv",
    "groups": "exports/groups.csv",
    "group_readings": "exports/group-readings.csv",
    "tested_edges": "exports/tested-edges.csv",
    "account_structure": "exports/account-structure.csv",
    "narratives": "exports/narratives.csv",
}
_LABELS: Final = AUDIT_LABELS.name
#: Under so many bytes of input a second process costs more than it saves.
_ALONE_BYTES: Final = 20_000_000


@dataclass(frozen=True)
class RunResult:
    """Where the case is and what it says."""

    folder: Path
    findings: Sequence[Mapping[str, object]]
    inputs: tuple[InputCount, ...]
    failed_sections: Mapping[str, str]


def run_case(
    config: CaseConfig,
    folder: Path,
    reporter: Reporter,
    planted: Planted | None = None,
    compare: Callable[[Path], Planted] | None = None,
) -> RunResult:
    """Run a case into `folder` (new, empty, or an earlier run of a case) and return what it found.

    `planted` is printed beside the measures by the report and never reaches a measure; `compare`, called with the
    folder of the finished tables, gives what takes its place there. Raises UsageError, IngestError
    or EngineError with one sentence; the folder is then as it was.
    """
    prepared = [reading.prepare(config, number, spec) for number, spec in enumerate(config.inputs, 1)]
    audits = audit_labels.load(config)
    size = sum(config.file(spec).stat().st_size for spec in prepared)
    with case.staged(folder) as staging, Helper(wanted=size >= _ALONE_BYTES and CORES > 1) as helper:
        if not helper.wanted and not folder.exists():  # else its derived tables may well be kept
            threading.Thread(target=_load_test, daemon=True).start()
        read = reading.begin(staging, config, prepared, helper, reporter)
        # The helper has read its inputs long before the largest is; what it loads then, nobody waits for later.
        script = helper.start(_page_script)
        if helper.wanted:
            helper.start(measuring.load)
        inputs = read()
        _freeze_case_file(staging, config)
        _merge(staging, config, inputs, helper, reporter)
        flags = _derive(staging, config, inputs, helper, reporter)
        _audits(staging, config, audits)
        found, failed = _findings(staging, config, inputs, flags, helper, reporter)
        _report(staging, config, inputs, found, failed, (planted, compare), script, helper, reporter)
        _log(staging, reporter)
    return RunResult(folder, found, inputs, failed)


def _load_test() -> None:
    """Compile or load the coordination test while the inputs are read."""
    from floodmark.coordination.procedure import warm_up

    warm_up()


def _page_script() -> str:
    from floodmark.report import html

    return html.page_script()


def replay(folder: Path, finding_id: str) -> tuple[Mapping[str, object], Mapping[str, object] | None]:
    """Recompute one finding from the base tables of a case; return (as stored, as recomputed).

    Derived tables are built anew in a temporary folder. Raises EvidenceError when a file that the finding rests on was
    changed, UsageError when there is no such finding.
    """
    manifest = case.read_manifest(folder)
    for name in (CASE_FILE, FINDINGS, *(f"tables/{table}.parquet" for table in (*derive.BASE_FILES, _LABELS))):
        if not (folder / name).is_file() or case.sha256_file(folder / name) != manifest["files"].get(name):
            raise EvidenceError(
                f"{name}: is missing or changed since the case was written; restore it from a copy of the case"
            )
    stored = {str(item["id"]): item for item in orjson.loads((folder / FINDINGS).read_bytes())}
    if finding_id not in stored:
        similar = [known for known in stored if known.split(".")[0] == finding_id.split(".", maxsplit=1)[0]]
        raise UsageError(f"{folder.name}: no finding {finding_id!r}; known there: {', '.join(similar or stored)}")
    config = configuration.load(folder / CASE_FILE)
    with tempfile.TemporaryDirectory() as temporary, Database() as db:
        derive.open_base(db, folder / "tables")
        derive.derive(db, config, Path(temporary))
        inputs = tuple(
            reading.input_count(step["result"]) for step in manifest["steps"] if step["name"].startswith("input/")
        )
        view = CaseView(config, db, inputs)
        derive.derive_flags(view, Path(temporary))
        db.view_parquet(_LABELS, folder / f"tables/{_LABELS}.parquet")
        for section in measuring.ordered_sections():
            if finding_id.split(".", maxsplit=1)[0] in section.measures:
                for finding in section.findings(view):
                    if finding.id == finding_id:
                        return stored[finding_id], as_json(finding)
    return stored[finding_id], None


def check_data(db: Database, config: CaseConfig, source: str) -> None:
    """Refuse a case whose posts cannot answer anything: an empty stream, or an event outside the data (UsageError)."""
    if not config.has_posts:
        listed = {stream for (stream,) in db.rows("SELECT DISTINCT stream FROM listed_accounts")}
        if empty := [stream for stream in config.streams if stream not in listed]:
            raise UsageError(f"{source}: field `input.stream`: stream {empty[0]!r} names no account; check its files")
        return
    counts = {
        stream: (posts, first, last)
        for stream, posts, first, last in db.rows(
            "SELECT stream, count(*), min(at_ms), max(at_ms) FROM posts GROUP BY stream ORDER BY stream"
        )
    }
    for streams in derive.scopes(config).values():
        for stream in streams:
            if stream not in counts:
                raise UsageError(
                    f"{source}: field `input.stream`: stream {stream!r} holds no post; check its input files"
                )
    event = [counts[stream] for stream in derive.scopes(config)["event"]]
    first, last = min(item[1] for item in event), max(item[2] for item in event)
    start, end = config.event.start_ms, config.event.end_ms
    (inside,) = db.one(
        "SELECT count(*) FROM posts WHERE at_ms >= $start AND at_ms < $end AND stream IN (SELECT unnest($streams))",
        {"start": start, "end": end, "streams": list(derive.scopes(config)["event"])},
    )
    if not inside:
        raise UsageError(
            f"{source}: field `event.start`/`event.end`: no post lies in the window {_utc(start)} to {_utc(end)};"
            f" the posts run from {_utc(first)} to {_utc(last)}, so correct the window or event.zone"
        )


def _freeze_case_file(staging: case.Staging, config: CaseConfig) -> None:
    content = config.source.read_bytes()
    staging.step("case-file", [content.hex()], [CASE_FILE], lambda: _write(staging.folder / CASE_FILE, content))


def _merge(
    staging: case.Staging, config: CaseConfig, inputs: Sequence[InputCount], helper: Helper, reporter: Reporter
) -> None:
    tables = staging.folder / "tables"
    parts = [(item.stream, staging.folder / f"parts/{number:02d}") for number, item in enumerate(inputs, 1)]
    key = [step.key for name, step in staging.steps.items() if name.startswith("input/")]
    unlisted = {
        place: (configuration.to_ms(spec.observed_at, spec.zone or "UTC"), spec.unlisted)
        for place, spec in enumerate(config.inputs)
        if spec.unlisted and spec.observed_at
    }

    def merge() -> object:
        with Database() as db, reporter.step("Building the tables") as advance:
            repeated = store.merge_base_tables(db, parts, tables, unlisted)
            advance(0.5)
            store.write_features(db, tables / "posts.parquet", tables / "post_features.parquet", helper)
            derive.open_base(db, tables)
            check_data(db, config, config.source.name)
        return {"repeated": repeated}

    staging.step("tables", [key, _window_key(config)], [f"tables/{name}.parquet" for name in derive.BASE_FILES], merge)


def _derive(
    staging: case.Staging, config: CaseConfig, inputs: tuple[InputCount, ...], helper: Helper, reporter: Reporter
) -> Mapping[str, str]:
    """Compute the derived tables, the coordination test beside narratives and flags; return the flags that failed."""
    tables = staging.folder / "tables"
    parameters = config.parameters

    def rosters() -> None:
        with Database() as db, reporter.step("Sides and participants"):
            derive.open_base(db, tables)
            derive.derive_rosters(db, config, tables)

    base = [staging.steps["tables"].key, _window_key(config)]
    used = [parameters.windows_s, parameters.min_objects, parameters.test_windows_s]
    used += [parameters.structure_min_actions, parameters.level]
    start = partial(helper.start, _coordinate, config, tables)
    end_coordination = staging.begin("coordination", [*base, used], _files(derive.COORDINATION_FILES), start)
    sides = [side.model_dump(mode="json", exclude={"title"}) for side in config.sides]
    who = staging.step("rosters", [*base, sides], _files(derive.ROSTER_FILES), rosters).key
    part = staging.folder / "parts" / "profile-flags.parquet"

    def start_flags() -> Wait[object]:
        # The helper comes to it after the coordination test, this process after the narratives.
        wait = helper.start(_judge_profiles, config, inputs, tables, part) if helper.wanted else None

        def judge() -> object:
            with Database() as db, reporter.step("Judging accounts by flags") as advance:
                _open(db, tables)
                view = CaseView(config, db, inputs)
                failed = derive.derive_flags(view, tables, advance, (part, wait) if wait else None)
                return {"failed_flags": failed}

        return judge

    def narrate() -> None:
        with Database() as db, reporter.step("Narratives"):
            _open(db, tables)
            derive.derive_narratives(db, config, tables)

    everything = [who, parameters.model_dump(mode="json")]
    told = [*everything, config.narratives.model_dump(mode="json") if config.narratives else None]
    end_flags = staging.begin("flags", everything, _files(derive.FLAG_FILES), start_flags)
    staging.step("narratives", told, _files(derive.NARRATIVE_FILES), narrate)
    result: Any = end_flags().result
    with reporter.step("Actions, co-actions, coordination test"):
        end_coordination()
    return {f"flag {name}": str(reason) for name, reason in result["failed_flags"].items()}


def _judge_profiles(config: CaseConfig, inputs: tuple[InputCount, ...], tables: Path, out: Path) -> Mapping[str, str]:
    with Database() as db:
        _open(db, tables)
        return derive.judge_profiles(CaseView(config, db, inputs), out)


def _coordinate(config: CaseConfig, tables: Path) -> None:
    with Database() as db:
        derive.open_base(db, tables)
        derive.derive_coordination(db, config, tables)


def _open(db: Database, tables: Path) -> None:
    derive.open_base(db, tables)
    derive.open_tables(db, tables, derive.ROSTER_FILES)


def _files(names: Sequence[str]) -> list[str]:
    return [f"tables/{name}.parquet" for name in names]


def _audits(staging: case.Staging, config: CaseConfig, audits: Sequence[audit_labels.CaseAudit]) -> None:
    """Keep the labelled samples that the case file names, after checking that they are of this case's rosters."""
    tables = staging.folder / "tables"
    kept = {name: content for audit in audits for name, content in audit.files.items()}

    def run() -> None:
        with Database() as db:
            db.view_parquet("participants", tables / "participants.parquet")
            for audit in audits:
                audit_labels.check_roster(db, config.name, audit.labelled)
            db.execute(create_sql(AUDIT_LABELS))
            if audits:
                db.load(_LABELS, audit_labels.label_columns([audit.labelled for audit in audits]))
            db.write_parquet(f"SELECT * FROM {_LABELS} ORDER BY roster, account_id", tables / f"{_LABELS}.parquet")
        for name, content in kept.items():
            _write(staging.folder / name, content)

    key = [staging.steps["rosters"].key, {name: hashlib.sha256(data).hexdigest() for name, data in kept.items()}]
    staging.step("audits", key, [f"tables/{_LABELS}.parquet", *kept], run)


def _findings(
    staging: case.Staging,
    config: CaseConfig,
    inputs: tuple[InputCount, ...],
    failed_flags: Mapping[str, str],
    helper: Helper,
    reporter: Reporter,
) -> tuple[list[dict[str, object]], dict[str, str]]:
    keys = [staging.steps[name].key for name in ("coordination", "narratives", "flags", "audits")]
    tables = measuring.Tables(config, inputs, staging.folder / "tables", case.sha256_json(keys))

    def run() -> object:
        with reporter.step("Measuring") as advance:
            found, failed = measuring.findings(tables, helper, advance)
        (staging.folder / FINDINGS).write_bytes(dump(found))
        return {"failed_sections": failed}

    result: Any = staging.step("findings", keys + _config_key(config), [FINDINGS], run).result
    return orjson.loads((staging.folder / FINDINGS).read_bytes()), {**failed_flags, **result["failed_sections"]}


def _report(
    staging: case.Staging,
    config: CaseConfig,
    inputs: tuple[InputCount, ...],
    found: list[dict[str, object]],
    failed: Mapping[str, str],
    truth: tuple[Planted | None, Callable[[Path], Planted] | None],
    script: Wait[str],
    helper: Helper,
    reporter: Reporter,
) -> None:
    planted, compare = truth

    def run() -> None:
        from floodmark.report import exports, html

        with reporter.step("Writing the report") as advance:
            exported = helper.start(_export, staging.folder)
            facts = html.ReportFacts.of(config, inputs, failed)
            shown = compare(staging.folder / "tables") if compare else planted
            html.write_report(staging.folder / REPORT, found, facts, shown, script())
            advance(0.7)
            exports.write_findings_csv(staging.folder / "exports/findings.csv", found)
            exports.write_findings_spreadsheet_csv(staging.folder / "exports/findings-for-spreadsheets.csv", found)
            exported()

    outputs = [
        REPORT,
        "exports/findings.csv",
        "exports/findings-for-spreadsheets.csv",
        *_EXPORTED.values(),
    ]
    staging.step("report", [staging.steps["findings"].key, _config_key(config), planted, failed], outputs, run)


def _export(folder: Path) -> None:
    from floodmark.report import exports

    with Database() as db:
        derive.open_derived(db, folder / "tables")
        for table, name in _EXPORTED.items():
            exports.write_table_csv(db, table, folder / name)


def _log(staging: case.Staging, reporter: Reporter) -> None:
    """Append one line for this run: when, which version, which steps were redone and how long they took."""
    earlier = staging.old_folder / LOG
    lines = earlier.read_bytes() if earlier.is_file() else b""
    record = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "floodmark": __version__,
        "steps": {name: step.key[:16] for name, step in staging.steps.items()},
        "redone_s": {title: round(seconds, 2) for title, seconds in reporter.timings},
    }
    content = lines + orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    staging.step("log", [content.hex()], [LOG], lambda: _write(staging.folder / LOG, content))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _window_key(config: CaseConfig) -> list[object]:
    streams = {name: list(streams) for name, streams in derive.scopes(config).items()}
    return [config.event.start_ms, config.event.end_ms, streams]


def _config_key(config: CaseConfig) -> list[object]:
    """Everything in the case file that a derived table or a finding may depend on: all but where the inputs lie."""
    shown = config.model_dump(mode="json", exclude={"inputs", "source", "audits"})
    return [shown, [[audit.roster, audit.meaning] for audit in config.audits], *_window_key(config)]


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
