"""`floodmark benchmark`: plants campaigns into a collection and writes what the test sees of them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from floodmark import __version__
from floodmark.benchmark import charts, framing, power
from floodmark.benchmark.power import SEED, Row
from floodmark.coaction.shares import Columns, load_shares
from floodmark.engine.duckdb import Database
from floodmark.errors import UsageError
from floodmark.progress import Reporter
from floodmark.simulate.crowds import START_MS, Everyday, everyday
from floodmark.simulate.plant import Actions

_CROWD: Final = Everyday(accounts=5_000, objects=7_500)
_POWER_COLUMNS: Final[Mapping[str, str]] = {
    "value": "value",
    "recall": "named",
    "recall_low": "from",
    "recall_high": "to",
    "recall_with_in_step": "named or in step",
    "precision": "precision",
    "leads_mean": "leads",
    "lost_untestable": "untestable",
    "lost_no_group": "in no group",
    "lost_chance": "explained by chance",
    "two_co_actions_recall": "two co-actions: recall",
    "two_co_actions_precision": "two co-actions: precision",
    "coortweet_recall": "CooRTweet: recall",
    "coortweet_precision": "CooRTweet: precision",
    "tfidf_recall": "TF-IDF: recall",
    "tfidf_precision": "TF-IDF: precision",
}
_HOW_TO_READ: Final = (
    "Recall is the share of the campaign's accounts that is found, with its 95 % interval over plants; precision the "
    "share of what is found that belongs to the campaign. For the test, accounts named without the plant are left out "
    "of the count; for the other rules, whatever they flag counts. Accounts that are not named: in step without "
    "direction; leads under the minimum evidence; untestable; tested, but part of no group; or with evidence that "
    "chance explains."
)
_LEAD: Final = (
    "Campaigns with known truth, planted into this collection, and what the coordination test and three rules of other "
    "tools find of them. The collection's own accounts count as innocent: where that is not known to be so, precision "
    "is a lower bound."
)


@dataclass(frozen=True)
class BenchmarkResult:
    """What was written, and the rows behind it."""

    folder: Path
    power: Sequence[Row]
    budgets: Sequence[Row]
    framing: Sequence[Row]


def run_benchmark(
    background: Path | None,
    out: Path,
    columns: Columns | None = None,
    *,
    seeds: int = 20,
    quick: bool = False,
    processes: int | None = None,
    reporter: Reporter | None = None,
) -> BenchmarkResult:
    """Plant campaigns into `background` (.csv or .parquet of shares; None: a simulated crowd) and write the curves.

    Into the folder `out`: table.csv (one row a point), framing.csv, budgets.csv, table.md, benchmark.html (no script,
    no request) and charts/*.svg. Same input and seeds, same bytes. `quick` takes fewer points and at most 3 seeds.
    Raises UsageError when there is nothing to read or nowhere to write, or `seeds` is under 1.
    """
    if seeds < 1:
        raise UsageError(f"--seeds: {seeds} is below 1; give a whole number from 1")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: this is a file; name a folder with --out")
    if not out.resolve().parent.is_dir():
        raise UsageError(f"{out}: its parent folder does not exist; create it or name another")
    reporter = reporter or Reporter(quiet=True)
    seeds, workers = min(seeds, 3) if quick else seeds, processes or min(2, os.cpu_count() or 1)
    name, actions = _background(background, columns)
    reporter.say(f"{len(actions)} actions of {len(set(actions.account_id.tolist()))} accounts; {seeds} plants a point")
    with reporter.step("Planting campaigns") as advance:
        rows = power.study({name: actions}, seeds, quick=quick, processes=workers, progress=advance)
    with reporter.step("Framing innocent accounts") as advance:
        bots = framing.BOTS[:2] if quick else framing.BOTS
        framed = framing.study({name: actions}, seeds, bots=bots, processes=workers, progress=advance)
    result = BenchmarkResult(out, rows, power.budgets(rows), framed)
    with reporter.step("Drawing"):
        _write(result, _facts(name, actions, seeds))
    return result


def simulated_crowd(seed: int = SEED) -> Actions:
    """Return the everyday crowd that stands in where no background is given."""
    rows = everyday(np.random.default_rng(seed), _CROWD)
    account = np.array([f"crowd:{number:05}" for number in rows.account.tolist()], dtype=object)
    thing = np.array([f"object:{number:05}" for number in rows.object.tolist()], dtype=object)
    return Actions(account, thing, START_MS + (rows.hour * 3_600).astype(np.int64) * 1_000)


def _background(path: Path | None, columns: Columns | None) -> tuple[str, Actions]:
    if path is None:
        return "simulated crowd", simulated_crowd()
    with Database() as db:
        load_shares(db, path, columns or Columns("account_id", "object_id", "timestamp_share", "s"))
        found = db.arrays("SELECT account_id, object_id, at_ms FROM shares ORDER BY ALL")
        (rejected,) = db.one("SELECT count(*) FROM share_rejects")
    if not len(found["at_ms"]):
        raise UsageError(
            f"{path}: none of its {rejected} rows can be used; `floodmark edges` on the same file lists why"
        )
    return path.name, Actions(found["account_id"], found["object_id"], found["at_ms"])


def _facts(name: str, actions: Actions, seeds: int) -> str:
    return (
        f"Background: {name}, {len(actions):,} actions of {len(set(actions.account_id.tolist())):,} accounts on "
        f"{len(set(actions.object_id.tolist())):,} objects. {seeds} plants a point, seed {SEED}, "
        f"floodmark {__version__}. Where a curve does not say otherwise: 20 accounts, 10 joint actions each "
        "within 60 s, half of them on objects of their own, half of each account's actions camouflage."
    )


def _write(result: BenchmarkResult, facts: str) -> None:
    folder = result.folder
    (folder / "charts").mkdir(parents=True, exist_ok=True)
    for name, rows in (("table", result.power), ("budgets", result.budgets), ("framing", result.framing)):
        _put(folder / f"{name}.csv", _csv(rows))
    by_curve = {
        curve: [row for row in result.power if row["curve"] == curve]
        for curve in dict.fromkeys(str(row["curve"]) for row in result.power)
    }
    figures = [(charts.CURVES[curve][0], "", charts.curve_svg(rows, curve)) for curve, rows in by_curve.items()]
    frame_caption = "Bots that copy what an innocent account does: after it, before it, or both."
    figures.append(("Framing", frame_caption, charts.framing_svg(result.framing)))
    for curve, (_, _, svg) in zip([*by_curve, "framing"], figures, strict=True):
        _put(folder / "charts" / f"{curve}.svg", svg)
    tables = [(charts.CURVES[curve][0], _shown(rows)) for curve, rows in by_curve.items()]
    tables += [("Where recall falls to one half", _budget_table(result.budgets)), ("Framing", _all(result.framing))]
    markdown = "\n\n".join(f"## {title}\n\n{_markdown(rows)}" for title, rows in tables)
    _put(folder / "table.md", f"# Benchmark\n\n{_LEAD}\n\n{facts}\n\n{_HOW_TO_READ}\n\n{markdown}\n")
    html = [(title, charts.table_html(rows)) for title, rows in tables]
    _put(
        folder / "benchmark.html",
        charts.page("What the coordination test sees", [_LEAD, facts, _HOW_TO_READ], figures, html),
    )


def _shown(rows: Sequence[Row]) -> list[dict[str, str]]:
    return [{title: cell(row[column]) for column, title in _POWER_COLUMNS.items()} for row in rows]


def _all(rows: Sequence[Row]) -> list[dict[str, str]]:
    return [{name.replace("_", " "): cell(value) for name, value in row.items()} for row in rows]


def _budget_table(rows: Sequence[Row]) -> list[dict[str, str]]:
    return [
        {
            "curve": charts.CURVES[str(row["curve"])][0],
            "recall is one half at": cell(row["half_recall_at"]) if row["half_recall_at"] is not None else "–",
            "of": charts.CURVES[str(row["curve"])][1],
            "otherwise": str(row["always"]),
        }
        for row in rows
    ]


def cell(value: object) -> str:
    """Return a value as it stands in a table: three significant digits, an en dash for nothing.

    >>> cell(0.98765), cell(None), cell(21600)
    ('0.988', '–', '21600')
    """
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) and value < 1000 else str(value)


def _markdown(rows: Sequence[Mapping[str, str]]) -> str:
    if not rows:
        return "None."
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0])]
    return "\n".join(lines + ["| " + " | ".join(row.values()) + " |" for row in rows])


def _csv(rows: Sequence[Row]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{v:.6g}" if isinstance(v, float) else v for name, v in row.items()} for row in rows)
    return stream.getvalue()


def _put(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
