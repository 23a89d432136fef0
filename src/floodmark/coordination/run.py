"""`floodmark coordination`: from a file of shares to a folder with verdicts and their evidence, without a case."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from floodmark import __version__
from floodmark.case import swap
from floodmark.coaction.edges import nothing_usable, parse_window, write_rejects
from floodmark.coaction.shares import Columns, load_shares
from floodmark.coaction.table import EncodedActions, encode_named
from floodmark.coordination.result import STATES, Coordination, EdgeColumns, Rules, Shares, Texts
from floodmark.engine.duckdb import Database
from floodmark.errors import UsageError
from floodmark.progress import Reporter

_TOOL: Final = "floodmark coordination"
_SUMMARY: Final = "summary.json"
_REJECTS, _REFERENCE_REJECTS = "rejects.csv", "reference_rejects.csv"
_FILES: Final = frozenset(
    {"accounts.csv", "groups.csv", "edges.csv", "evidence.csv", _SUMMARY, _REJECTS, _REFERENCE_REJECTS}
)
_MOST_WINDOWS: Final = 8
_MOST_WINDOW_MS: Final = 86_400_000
_COLUMNS: Final = Columns("account_id", "object_id", "timestamp_share", "s")
_READING: Final = (
    "Not flagged is not cleared: many accounts act too little to be tested, and slow or camouflaged ones go unseen.",
    "Named means: in step with a group more often than shared taste and shared attention explain. It does not mean "
    "inauthentic, and it does not say who is behind it.",
    "In step means: moves with a group, and the timing does not show that it follows. Such an account may be imitated "
    "by the group or part of it; on this evidence it is called neither.",
    "No grade excludes a trigger that all saw after the first post: a message in a chat, a push, a broadcast, an "
    "assignment. Whoever saw the same can be named for it; look for a second, independent sign.",
)
_JITTER: Final = (
    "The widest jitter at which the documentation's reference campaign would still be seen in this collection; "
    "an estimate: whoever is slower can go unseen, and 0 means that no jitter would be seen."
)


@dataclass(frozen=True)
class CoordinationSummary:
    """What `run_coordination` did: rows = used + rejected; `states` counts the accounts in each state."""

    rows: int
    used: int
    rejected: int
    reasons: Mapping[str, int]
    accounts: int
    testable: int
    states: Mapping[str, int]
    groups: int
    out: Path

    def __str__(self) -> str:
        """Return the summary in words."""
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.reasons.items())
        states, groups = self.states, f"{self.groups} group{'' if self.groups == 1 else 's'}"
        return (
            f"{self.rows} rows, {self.used} used, {self.rejected} rejected{f' ({reasons})' if reasons else ''}; "
            f"{self.accounts} accounts, {self.testable} testable; {states['named']} named in {groups}, "
            f"{states['in_step']} in step, {states['lead']} leads; not flagged is not cleared; in {self.out}"
        )


@dataclass(frozen=True)
class _Input:
    """One table of shares, read: its actions, and what was rejected."""

    actions: EncodedActions
    reasons: Mapping[str, int]

    @property
    def used(self) -> int:
        return len(self.actions.at_ms)

    @property
    def rejected(self) -> int:
        return sum(self.reasons.values())

    def counts(self) -> dict[str, object]:
        return {
            "rows": self.used + self.rejected,
            "used": self.used,
            "rejected": self.rejected,
            "reasons": dict(sorted(self.reasons.items())),
        }


def parse_windows(text: str) -> tuple[int, ...]:
    """Return windows in milliseconds, ascending, from a comma list such as 10s,60s; UsageError when it is none.

    >>> parse_windows("60s,10s")
    (10000, 60000)
    """
    windows = sorted(parse_window(part, "--windows") for part in text.split(","))
    if not 1 <= windows[0] <= windows[-1] <= _MOST_WINDOW_MS:
        raise UsageError(f"--windows: {text!r} has a window outside 1ms..1d; give lengths within, such as 10s,60s")
    if len(set(windows)) < len(windows) or len(windows) > _MOST_WINDOWS:
        raise UsageError(
            f"--windows: {text!r} is not a list of up to {_MOST_WINDOWS} different windows, such as 10s,60s"
        )
    return tuple(windows)


def run_coordination(
    shares: Path,
    *,
    out: Path,
    reference: Path | None = None,
    columns: Columns = _COLUMNS,
    rules: Rules | None = None,
    threads: int | None = None,
    reporter: Reporter | None = None,
) -> CoordinationSummary:
    """Test the actions in `shares` (.csv or .parquet) for coordination; write the folder `out`.

    It gets accounts.csv (a row per account of a usable row), groups.csv, edges.csv, evidence.csv, summary.json and,
    where rows cannot be used, rejects.csv: the same bytes whatever the order of the input's rows and the number of
    `threads`, but for the last key of the summary (`run`: seconds, memory). `reference`, a table with the same columns,
    gives the rates of ordinary timing where the collection itself has no organic majority. The folder is written whole
    or left as it was; one that holds anything but an earlier result is refused. Raises UsageError when there is nothing
    to work on or nowhere to write.
    """
    begun = time.monotonic()
    reporter = reporter or Reporter(quiet=True)
    rules = rules or Rules()
    _check(shares, reference, out)
    with ThreadPoolExecutor(1) as pool, _new_folder(out) as folder:
        test_is_loaded = pool.submit(_load_test)
        with Database(threads=threads) as db:
            with reporter.step("Reading shares"):
                read = _read(db, shares, columns, folder / _REJECTS)
                if not columns.post:
                    db.execute("DROP VIEW shares; DROP TABLE _judged")
                known = _read_reference(reference, columns, folder / _REFERENCE_REJECTS, threads)
            with reporter.step("Loading the test"):
                test_is_loaded.result()
            with reporter.step("Testing for coordination"):
                found = _test(read.actions, known, rules, threads)
            with reporter.step("Writing"):
                _write(folder, found, read, _posts(db, read.actions, columns, found.edges))
        summary = {
            **_summary(found, read, known),
            "run": {"seconds": round(time.monotonic() - begun, 3), "peak_memory_mb": peak_memory_mb()},
        }
        text = json.dumps(summary, ensure_ascii=False, indent=2) + "\n"
        (folder / _SUMMARY).write_text(text, encoding="utf-8")
    return CoordinationSummary(
        rows=read.used + read.rejected,
        used=read.used,
        rejected=read.rejected,
        reasons=read.reasons,
        accounts=len(read.actions.accounts),
        testable=found.testable,
        states={state: found.count(state) for state in STATES},
        groups=len(found.groups),
        out=out,
    )


def _load_test() -> None:
    """Import Numba and load the compiled code (Python's work) while DuckDB reads (its own threads' work)."""
    from floodmark.coordination.procedure import warm_up

    warm_up()


def _read(db: Database, path: Path, columns: Columns, rejects: Path) -> _Input:
    load_shares(db, path, columns)
    reasons = write_rejects(db, rejects)
    actions = encode_named(db, "shares", traced=columns.trace is not None)
    if not len(actions.at_ms):
        raise nothing_usable(db, path, sum(reasons.values()))
    return _Input(actions, reasons)


def _read_reference(path: Path | None, columns: Columns, rejects: Path, threads: int | None) -> _Input | None:
    if path is None:
        return None
    with Database(threads=threads) as db:
        try:
            return _read(db, path, replace(columns, post=None), rejects)
        except UsageError as error:
            raise UsageError(f"--reference: {error}; the reference needs the columns that the shares have") from error


def _test(actions: EncodedActions, reference: _Input | None, rules: Rules, threads: int | None) -> Coordination:
    from floodmark.coordination import procedure

    return procedure.coordination(_shares(actions), rules, _shares(reference.actions) if reference else None, threads)


def _shares(actions: EncodedActions) -> Shares:
    trace, traces = np.zeros(actions.n_objects, np.int32), ("share",)
    if len(actions.object_traces):
        # Objects come sorted by trace.
        new = actions.object_traces[1:] != actions.object_traces[:-1]
        trace[1:] = np.cumsum(new)
        traces = tuple(actions.object_traces[np.concatenate([[True], new.astype(bool)])].tolist())
    return Shares(actions.account_index, actions.object_index, actions.at_ms, len(actions.accounts), trace, traces)


def _posts(db: Database, actions: EncodedActions, columns: Columns, edges: EdgeColumns) -> dict[tuple[int, int], str]:
    """Return the post behind each action in evidence, by (account, object): of several at one time, the first by id."""
    if not columns.post or not len(edges):
        return {}
    times = np.diff(edges.evidence_start)
    account = np.concatenate([np.repeat(edges.account_a, times), np.repeat(edges.account_b, times)])
    thing = np.tile(edges.evidence_object, 2)
    at_ms = np.concatenate([edges.evidence_a_ms, edges.evidence_b_ms])
    trace = "trace" if columns.trace else "'' AS trace"
    db.execute(
        "CREATE OR REPLACE TEMP TABLE _evidence (account INTEGER, object INTEGER, account_id VARCHAR, "
        "object_id VARCHAR, trace VARCHAR, at_ms BIGINT)"
    )
    db.load(
        "_evidence",
        {
            "account": account,
            "object": thing,
            "account_id": actions.accounts[account],
            "object_id": actions.objects[thing],
            "trace": actions.object_traces[thing] if columns.trace else np.full(len(thing), "", np.object_),
            "at_ms": at_ms,
        },
    )
    found = db.rows(
        f"SELECT account, object, min(post_id) FROM (SELECT DISTINCT * FROM _evidence) "
        f"JOIN (SELECT account_id, object_id, {trace}, at_ms, post_id FROM shares) "
        "USING (account_id, object_id, trace, at_ms) WHERE post_id IS NOT NULL GROUP BY ALL"
    )
    return {(account, thing): post for account, thing, post in found}


def _write(folder: Path, found: Coordination, read: _Input, posts: Mapping[tuple[int, int], str]) -> None:
    from floodmark.coordination import output

    actions = read.actions
    traces: Texts = actions.object_traces if len(actions.object_traces) else np.full(actions.n_objects, "share", object)
    output.write_tables(folder, found, output.Names(actions.accounts, actions.objects, traces, posts))


def _summary(found: Coordination, read: _Input, reference: _Input | None) -> dict[str, Any]:
    accounts = len(read.actions.accounts)
    return {
        "tool": _TOOL,
        "version": __version__,
        "reading": _READING,
        "input": read.counts(),
        "reference": reference.counts() if reference else None,
        "reference_used": found.reference_used,
        "accounts": {"total": accounts, **{state: found.count(state) for state in STATES}},
        "objects": read.actions.n_objects,
        "actions_used": found.actions_used,
        "testable": found.testable,
        "testable_share": float(f"{found.testable / accounts:.6g}"),
        "proposed": found.proposed,
        "tests": found.tests,
        "groups": {"total": len(found.groups), **{grade: _graded(found, grade) for grade in ("A", "B")}},
        "edges": len(found.edges),
        "clock_resolution_ms": found.resolution_ms,
        "windows_used_ms": list(found.windows_ms),
        "windows_dropped_ms": [window for window in found.rules.windows_ms if window not in found.windows_ms],
        "too_dense": [
            {"window_ms": window, "actions": actions, "objects": objects}
            for window, (actions, objects) in sorted(found.too_dense.items())
        ],
        "minimum_detectable_jitter_ms": found.minimum_detectable_jitter_ms,
        "minimum_detectable_jitter_meaning": _JITTER,
        "rules": asdict(found.rules),
    }


def _graded(found: Coordination, grade: str) -> int:
    return sum(group.grade == grade for group in found.groups)


def peak_memory_mb() -> int | None:
    """Return the most memory that this process has held so far, in MB; None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    # Linux counts kilobytes, macOS bytes.
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))


def _check(shares: Path, reference: Path | None, out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: this is a file; name a folder with --out")
    if not out.resolve().parent.is_dir():
        raise UsageError(f"{out}: there is no folder {out.parent}; create it or name another with --out")
    for path in (shares, reference):
        if path and out.resolve() in path.resolve().parents:
            raise UsageError(f"{out}: the output would replace the input {path}; name another folder with --out")
    if out.is_dir() and any(out.iterdir()) and not _is_earlier_result(out):
        raise UsageError(
            f"{out}: the folder holds something other than an earlier result of `{_TOOL}`; name another with --out"
        )


def _is_earlier_result(folder: Path) -> bool:
    if not all(path.name in _FILES and path.is_file() for path in folder.iterdir()):
        return False
    try:
        summary = json.loads((folder / _SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(summary, dict) and summary.get("tool") == _TOOL


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` to write to; it takes the place of `out`, unless something fails."""
    target = out.resolve()
    new = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        new.mkdir()
        yield new
        swap(new, target)
    except OSError as error:
        reason = f"cannot be written ({error.strerror}); free the place or name another folder with --out"
        raise UsageError(f"{out}: {reason}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
