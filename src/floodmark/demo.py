"""The demo: the case of 2020 simulated at its published size, measured, with the planted truth beside each measure."""

from __future__ import annotations

from pathlib import Path

import orjson

from floodmark import config
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
    return run_case(config.load(data / "case.toml"), out, reporter, planted=planted)
