"""The demo: the case of 2020 simulated at its published size, measured, with the planted truth beside each measure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from floodmark import config
from floodmark.engine.duckdb import Database, quote
from floodmark.pipeline import RunResult, run_case
from floodmark.progress import Reporter
from floodmark.simulate import simulate


def run_demo(out: Path, scale: float, reporter: Reporter) -> RunResult:
    """Simulate beside `out` (in `OUT-data`), run the case into `out`, and return the result.

    The truth is read only after the simulation, for the report's column of planted values; no measure sees it.
    """
    data = out.parent / f"{out.name}-data"
    with reporter.step("Simulating the event") as advance:
        simulate(data, scale=scale, progress=advance)
    planted = orjson.loads((data / "truth" / "truth.json").read_bytes())
    return run_case(
        config.load(data / "case.toml"), out, reporter, planted, lambda tables: {**planted, **compared(data, tables)}
    )


def compared(data: Path, tables: Path) -> dict[str, dict[str, Any]]:
    """Return, per roster and for the event, how many planted accounts are named and how many named ones are planted.

    `data` is the folder of a simulation, `tables` that of a case made from it. The entries are those of truth.json for
    `M3.coordinated` with a verdict of their own, and one for the event's groups in words.
    """
    with Database() as db:
        rows = db.rows(
            f"""
            WITH truth AS (
                SELECT account_id, role = 'campaign' AS planted, coalesce(roster, '') AS roster
                FROM read_csv({quote(str(data / "truth" / "accounts.csv"))}, all_varchar = true)
            ),
            verdicts AS (
                SELECT account_id, state FROM read_parquet({quote(str(tables / "coordinated_accounts.parquet"))})
            )
            SELECT roster, count(*) FILTER (planted), count(*) FILTER (planted AND state != 'untestable'),
                count(*) FILTER (planted AND state = 'named'), count(*) FILTER (state = 'named')
            FROM truth LEFT JOIN verdicts ON verdicts.account_id = 'sim:' || truth.account_id
            GROUP BY ALL ORDER BY ALL
            """
        )
    found: dict[str, dict[str, Any]] = {
        f"M3.coordinated.{roster}": {
            "value": planted,
            "unit": "accounts",
            "note": _words(planted, testable, both, named),
            "verdict": f"{both:,} of {named:,} named were planted" if named else "nobody named",
            "mark": "✗" if both < named else "–",
        }
        for roster, planted, testable, both, named in rows
        if roster
    }
    total = [sum(column) for column in list(zip(*rows, strict=True))[1:]]
    return {**found, "roster.event": {"note": _words(*total)}}


def _words(planted: int, testable: int, both: int, named: int) -> str:
    """Say recall and precision with the counts they come from."""
    said = f"{planted:,} accounts were planted, of which {testable:,} could be tested; {both:,} of them are named"
    said += f" (recall {both / planted:.1%}, of the testable {both / max(1, testable):.1%})" if planted else ""
    said += f"; {both:,} of the {named:,} named accounts were planted"
    return said + (f" (precision {both / named:.1%})" if named else "")
