"""The command line: thin; every command calls the function that anyone else can call."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from floodmark import __version__
from floodmark.beside import collect_less
from floodmark.errors import FloodmarkError, UsageError

if TYPE_CHECKING:
    from floodmark.coaction.shares import TimeUnit
    from floodmark.pipeline import RunResult
    from floodmark.progress import Reporter

app = typer.Typer(
    name="floodmark",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="How much of the conversation around an event was manufactured, and how sure can anyone be?\n\n"
    "Examples:\n\n  floodmark demo\n\n  floodmark init --out case.toml\n\n  floodmark run case.toml",
)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the result and errors.")]
CaseFolder = Annotated[Path, typer.Argument(metavar="CASE", help="The case folder that `floodmark run` wrote.")]


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"floodmark {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Accept options that belong to no command."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The case folder to write; it may exist from an earlier demo.")] = Path(
        "floodmark-demo"
    ),
    scale: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Size of the simulated case; 1 is the published one.")
    ] = 1.0,
    quiet: Quiet = False,
) -> None:
    """Simulate the case of 2020 at its published size, measure it, and write a report with the planted truth beside it.

    Example: floodmark demo --out floodmark-demo
    """
    from floodmark.demo import run_demo

    reporter = _reporter(quiet)
    result = run_demo(out, scale, reporter)
    _say_where(result, reporter)


@app.command()
def init(
    out: Annotated[Path, typer.Option(help="The case file to write.")] = Path("case.toml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write a commented case file to fill in.

    Example: floodmark init --out debate.toml
    """
    if out.exists() and not force:
        raise UsageError(f"{out}: the file exists; choose another --out or add --force")
    if not out.parent.is_dir():
        raise UsageError(f"{out}: its folder does not exist; create it or choose another --out")
    out.write_bytes((files("floodmark") / "init_case.toml").read_bytes())
    if not quiet:
        typer.echo(f"Wrote {out}. Fill it in, then: floodmark run {out}")


@app.command()
def run(
    case_file: Annotated[Path, typer.Argument(metavar="CASE.toml", help="The case file; `floodmark init` writes one.")],
    out: Annotated[
        Path | None, typer.Option(help="The case folder; default: beside the case file, ending in .case.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Read the inputs of a case, measure, and write findings.json and report.html. Steps that did not change are kept.

    Example: floodmark run debate.toml --out debate.case
    """
    from floodmark import config
    from floodmark.pipeline import run_case

    reporter = _reporter(quiet)
    loaded = config.load(case_file)
    result = run_case(loaded, out or case_file.with_suffix(".case"), reporter)
    _say_where(result, reporter)


@app.command()
def replay(
    case: CaseFolder,
    finding: Annotated[str, typer.Argument(help="A finding's id, such as M5.enrolled.against.")],
) -> None:
    """Recompute one finding from the case's tables and compare it with the stored one; exit 1 when they differ.

    Example: floodmark replay debate.case M3.participants.debate
    """
    import orjson

    from floodmark.pipeline import replay as replay_finding

    stored, again = replay_finding(case, finding)
    if again == stored:
        bounds = "" if stored["low"] is None else f" [{stored['low']}, {stored['high']}]"
        value = "" if stored["value"] is None else f" {stored['value']}"
        typer.echo(_printable(f"{finding}: recomputed and equal:{value}{bounds} {stored['unit']} ({stored['state']})"))
        return
    typer.echo(
        f"{finding}: DIFFERS\nstored:     {orjson.dumps(stored).decode()}\nrecomputed: {orjson.dumps(again).decode()}"
    )
    raise typer.Exit(1)


@app.command()
def verify(case: CaseFolder) -> None:
    """Check every file of a case against the hashes in its manifest; exit 1 when one differs.

    Example: floodmark verify debate.case
    """
    from floodmark.case import read_manifest
    from floodmark.case import verify as verify_case

    problems = verify_case(case)
    for problem in problems:
        typer.echo(_printable(problem))
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{case}: all {len(read_manifest(case)['files'])} files match the manifest")


@app.command()
def traces() -> None:
    """List the kinds of action that loaded.

    Example: floodmark traces
    """
    from floodmark import registry

    _list_extensions({name: item.meaning for name, item in registry.traces().items.items()}, registry.traces().failed)


@app.command()
def readers() -> None:
    """List the input formats that loaded.

    Example: floodmark readers
    """
    from floodmark import registry

    _list_extensions({name: item.meaning for name, item in registry.readers().items.items()}, registry.readers().failed)


@app.command()
def flags() -> None:
    """List the account flags that loaded.

    Example: floodmark flags
    """
    from floodmark import registry

    _list_extensions({name: item.meaning for name, item in registry.flags().items.items()}, registry.flags().failed)


@app.command("audit-sample")
def audit_sample(
    case: CaseFolder,
    roster: Annotated[str | None, typer.Option(help="Whose accounts: a side, both or control.")] = None,
    size: Annotated[int, typer.Option(min=1, help="Accounts to draw.")] = 300,
    out: Annotated[Path | None, typer.Option(help="The folder for the sheet, the page and the key.")] = None,
    seed: Annotated[int, typer.Option(help="Seed; the same seed draws the same accounts.")] = 20200717,
    read: Annotated[
        list[Path] | None, typer.Option(help="A labelled sheet to read back; twice for two labellers.")
    ] = None,
) -> None:
    """Draw accounts of a roster to label by hand, or read the labels back: what share is truly what you count.

    Example: floodmark audit-sample debate.case --roster against --size 300 --out audit

    Example: floodmark audit-sample debate.case --read labelled.csv --out audit
    """
    from floodmark import audits

    if bool(read) == bool(roster) or (roster and not out):
        raise UsageError("audit-sample: give --roster and --out to draw, or --read to read labels back")
    if read:
        typer.echo(_printable(audits.read(case, read, out)))
    elif roster and out:
        audits.draw(case, roster, size, out, seed)
        typer.echo(
            _printable(f"Wrote {out}; label audit-sheet.html or audit-sheet.csv, then: --read the labelled sheet")
        )


@app.command()
def edges(
    shares: Annotated[Path, typer.Argument(metavar="SHARES", help="A .csv or .parquet file, one row an action.")],
    out: Annotated[Path, typer.Option(help="Where to write the edges: .csv or .parquet.")],
    window: Annotated[str, typer.Option(help="Largest distance in time, such as 60s, 5m, 1h, 250ms.")] = "60s",
    min_objects: Annotated[int, typer.Option(min=1, help="Keep pairs with at least this many distinct objects.")] = 1,
    account_column: Annotated[str, typer.Option(help="Column of the account.")] = "account_id",
    object_column: Annotated[str, typer.Option(help="Column of the object.")] = "object_id",
    time_column: Annotated[str, typer.Option(help="Column of the time.")] = "timestamp_share",
    time_unit: Annotated[str, typer.Option(help="Unit of integer times: s or ms.")] = "s",
    quiet: Quiet = False,
) -> None:
    """Count co-actions: which accounts acted on the same object within a window, how often, and who was first.

    Pairs are candidates, not findings: popular posts produce them innocently.

    Example: floodmark edges shares.csv --window 60s --min-objects 2 --out edges.csv
    """
    from floodmark.coaction.edges import parse_window, run_edges

    summary = run_edges(
        shares,
        window_ms=parse_window(window),
        min_objects=min_objects,
        out=out,
        account_column=account_column,
        object_column=object_column,
        time_column=time_column,
        time_unit=_time_unit(time_unit),
    )
    if not quiet:
        typer.echo(_printable(str(summary)), err=True)


@app.command()
def coordination(
    shares: Annotated[Path, typer.Argument(metavar="SHARES", help="A .csv or .parquet file, one row an action.")],
    out: Annotated[Path, typer.Option(help="The folder to write; it may hold an earlier result.")],
    reference: Annotated[
        Path | None, typer.Option(help="Shares of an ordinary crowd, same columns: what timing is usual there.")
    ] = None,
    windows: Annotated[str, typer.Option(help="Distances in time to test, separated by commas.")] = "10s,60s,10m,1h",
    account_column: Annotated[str, typer.Option(help="Column of the account.")] = "account_id",
    object_column: Annotated[str, typer.Option(help="Column of the object.")] = "object_id",
    time_column: Annotated[str, typer.Option(help="Column of the time.")] = "timestamp_share",
    time_unit: Annotated[str, typer.Option(help="Unit of integer times: s or ms.")] = "s",
    trace_column: Annotated[
        str | None, typer.Option(help="Column of the kind of action, if there are several.")
    ] = None,
    post_column: Annotated[str | None, typer.Option(help="Column of the post's id, to cite it as evidence.")] = None,
    quiet: Quiet = False,
) -> None:
    """Test which accounts act together more than shared taste and shared attention explain; name them with evidence.

    Not flagged is not cleared; named means neither inauthentic nor who is behind it.

    Example: floodmark coordination shares.csv --out coordination
    """
    from floodmark.coaction.shares import Columns
    from floodmark.coordination.result import Rules
    from floodmark.coordination.run import parse_windows, run_coordination

    columns = Columns(
        account_column, object_column, time_column, _time_unit(time_unit), trace=trace_column, post=post_column
    )
    rules = Rules(windows_ms=parse_windows(windows))
    summary = run_coordination(
        shares, out=out, reference=reference, columns=columns, rules=rules, reporter=_reporter(quiet)
    )
    if not quiet:
        typer.echo(_printable(str(summary)), err=True)


@app.command()
def benchmark(
    background: Annotated[
        Path | None,
        typer.Argument(metavar="[BACKGROUND]", help="A .csv or .parquet file, one row an action; none: a simulation."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder to write; it may hold an earlier result.")] = Path(
        "floodmark-benchmark"
    ),
    seeds: Annotated[int, typer.Option(min=1, help="Campaigns to plant for each point of a curve.")] = 20,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer points, at most 3 campaigns each.")] = False,
    account_column: Annotated[str, typer.Option(help="Column of the account.")] = "account_id",
    object_column: Annotated[str, typer.Option(help="Column of the object.")] = "object_id",
    time_column: Annotated[str, typer.Option(help="Column of the time.")] = "timestamp_share",
    time_unit: Annotated[str, typer.Option(help="Unit of integer times: s or ms.")] = "s",
    quiet: Quiet = False,
) -> None:
    """Plant campaigns into your own ordinary data and show what the coordination test can and cannot see there.

    Example: floodmark benchmark shares.csv --quick --out benchmark
    """
    from floodmark.benchmark.run import run_benchmark
    from floodmark.coaction.shares import Columns

    columns = Columns(account_column, object_column, time_column, _time_unit(time_unit))
    result = run_benchmark(background, out, columns, seeds=seeds, quick=quick, reporter=_reporter(quiet))
    typer.echo(f"Benchmark: {result.folder / 'benchmark.html'}")


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder for the simulated files.")] = Path("floodmark-simulation"),
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same bytes.")] = 20200717,
    scale: Annotated[float, typer.Option(min=0.01, max=1.0, help="Size; 1 is the published case.")] = 1.0,
    quiet: Quiet = False,
) -> None:
    """Write posts, accounts and status snapshots of an event with a planted campaign, and the truth beside them.

    Example: floodmark simulate --out simulation --seed 7
    """
    from floodmark.simulate import simulate as write_simulation

    reporter = _reporter(quiet)
    with reporter.step("Simulating") as advance:
        write_simulation(out, seed=seed, scale=scale, progress=advance)
    typer.echo(f"Wrote {out}; then: floodmark run {out / 'case.toml'}")


def _time_unit(text: str) -> TimeUnit:
    if text not in ("s", "ms"):
        raise UsageError(f"--time-unit: {text!r} is not a unit; write s or ms")
    return "ms" if text == "ms" else "s"


def _reporter(quiet: bool) -> Reporter:
    from floodmark.progress import Reporter

    return Reporter(quiet=quiet)


def _say_where(result: RunResult, reporter: Reporter) -> None:
    for item in result.inputs:
        if item.rejected:
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(item.reasons.items()))
            counts = f"{item.rejected} of {item.rows} rows rejected ({reasons})"
            reporter.say(_printable(f"{item.input}: {counts}, see tables/rejects.parquet"))
    for name, reason in result.failed_sections.items():
        reporter.say(_printable(f"section {name} failed and is marked as missing: {reason}"))
    typer.echo(f"Report: {result.folder / 'report.html'}")


def _list_extensions(loaded: dict[str, str], failed: object) -> None:
    for name, meaning in sorted(loaded.items()):
        typer.echo(f"{name:<16} {meaning}")
    if isinstance(failed, dict):
        for name, reason in sorted(failed.items()):
            typer.echo(f"{name:<16} DID NOT LOAD: {reason}")


def _printable(text: str) -> str:
    """Replace control and bidi-control characters: a post may hold terminal escapes."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "\N{REPLACEMENT CHARACTER}", text)


def main() -> None:
    """Run the command line; a refusal is one sentence on standard error and exit code 2."""
    collect_less()
    try:
        app()
    except FloodmarkError as error:
        sys.stderr.write(f"floodmark: {_printable(str(error))}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("floodmark: stopped; a case keeps its finished steps for the next run\n")
        sys.exit(130)
