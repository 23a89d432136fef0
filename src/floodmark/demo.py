"""The demo: the case of 2020 simulated at its published size, measured, with the planted truth beside each measure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import orjson

from floodmark import config, registry
from floodmark.engine.duckdb import Database, quote
from floodmark.pipeline import RunResult, run_case
from floodmark.progress import Reporter
from floodmark.simulate import simulate

#: Per flag the accounts that truly have what it looks for, innocent ones among them: a condition on truth/accounts.csv.
PLANTED: Final = {
    "behaviour_sequence": "automated = 'true'",
    "burst_created": "burst IS NOT NULL",
    "clock_marks": "automated = 'true' OR scheduler = 'true'",
    "digital_dna": "automated = 'true'",
    "digit_tail": "long_digit_tail = 'true'",
    "family": "coalesce(handle_family, picture_family, description_family) IS NOT NULL",
    "handle_swap": "handle_swapped = 'true'",
    "no_night": "automated = 'true'",
    "random_handle": "random_handle = 'true'",
    "rare_client": "rare_client = 'true'",
    "regular_gaps": "automated = 'true'",
    "shared_picture": "picture_family IS NOT NULL",
    "shared_text": "description_family IS NOT NULL",
    "takeover": "taken_over = 'true'",
    "templated_handle": "handle_family IS NOT NULL",
}
#: The same for roles of the table account_structure. Who leads a group and never follows is shown as amplified too.
STRUCTURE: Final = {"starters": ("starter", "leader = 'true'"), "amplified": ("amplified", "always_reposted = 'true'")}
_TRUTH: Final = """
CREATE TABLE truth AS
SELECT * REPLACE ('sim:' || account_id AS account_id) FROM read_csv({path}, all_varchar = true) WHERE roster IS NOT NULL
"""


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
    `M3.coordinated` with a verdict of their own, one for the event's groups in words, and one for each flag whose truth
    is known and for roles in groups.
    """
    return {**_coordinated(data, tables), **_flags(data, tables), **_structure(data, tables)}


def _coordinated(data: Path, tables: Path) -> dict[str, dict[str, Any]]:
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


def _flags(data: Path, tables: Path) -> dict[str, dict[str, Any]]:
    """Return per flag and roster the share that truly has what the flag looks for, and how many of these it flags."""
    loaded = registry.flags().items
    found: dict[str, dict[str, Any]] = {}
    with Database() as db:
        db.execute(_TRUTH.format(path=quote(str(data / "truth" / "accounts.csv"))))
        flags = f"read_parquet({quote(str(tables / 'account_flags.parquet'))})"
        for name, condition in PLANTED.items():
            if name not in loaded:
                continue
            rows = db.rows(
                f"""
                SELECT roster, count(*), count(*) FILTER (planted), count(*) FILTER (planted AND flagged IS NOT NULL),
                    count(*) FILTER (planted AND flagged), count(*) FILTER (flagged)
                FROM (SELECT account_id, roster, coalesce({condition}, FALSE) AS planted FROM truth)
                LEFT JOIN (SELECT account_id, flagged FROM {flags} WHERE flag = {quote(name)}) USING (account_id)
                GROUP BY ALL ORDER BY ALL
                """
            )
            for roster, accounts, planted, judged, both, flagged in rows:
                found[f"{loaded[name].measure}.{name}.{roster}"] = {
                    "value": planted / accounts,
                    "unit": "share",
                    "note": (
                        f"{planted:,} of {accounts:,} accounts truly have it, of which {judged:,} could be judged;"
                        f" {both:,} of them are flagged, and {flagged - both:,} others"
                    ),
                    **_verdict(both, flagged, "flagged", "truly have it"),
                }
    return found


def _structure(data: Path, tables: Path) -> dict[str, dict[str, Any]]:
    """Return per role and roster how many accounts of the table account_structure truly have that role."""
    path = tables / "account_structure.parquet"
    found: dict[str, dict[str, Any]] = {}
    with Database() as db:
        if not path.is_file():
            return found
        db.execute(_TRUTH.format(path=quote(str(data / "truth" / "accounts.csv"))))
        for name, (role, condition) in STRUCTURE.items():
            rows = db.rows(
                f"""
                SELECT roster, count(*) FILTER (planted), count(*) FILTER (planted AND held), count(*) FILTER (held),
                    count(*) FILTER (held AND leader = 'true')
                FROM (SELECT account_id, roster, leader, coalesce({condition}, FALSE) AS planted FROM truth)
                LEFT JOIN (
                    SELECT account_id, bool_or(role = {quote(role)}) AS held
                    FROM read_parquet({quote(str(path))}) GROUP BY account_id
                ) USING (account_id)
                GROUP BY ALL ORDER BY ALL
                """
            )
            for roster, planted, both, held, leaders in rows:
                found[f"M11.{name}.{roster}"] = {
                    "value": planted,
                    "unit": "accounts",
                    "note": (
                        f"{planted:,} accounts truly are {name}; of the {held:,} found {both:,} are among them, and"
                        f" {leaders:,} lead a planted group"
                    ),
                    **_verdict(both, held, "found", f"truly are {name}"),
                }
    return found


def _verdict(both: int, found: int, done: str, truly: str) -> dict[str, str]:
    said = f"{both:,} of {found:,} {done} {truly}" if found else f"nobody {done}"
    return {"verdict": said, "mark": "✗" if both < found else "–"}


def _words(planted: int, testable: int, both: int, named: int) -> str:
    """Say recall and precision with the counts they come from."""
    said = f"{planted:,} accounts were planted, of which {testable:,} could be tested; {both:,} of them are named"
    said += f" (recall {both / planted:.1%}, of the testable {both / max(1, testable):.1%})" if planted else ""
    said += f"; {both:,} of the {named:,} named accounts were planted"
    return said + (f" (precision {both / named:.1%})" if named else "")
