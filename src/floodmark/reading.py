"""The inputs of a case: each is frozen by a copy, and the copy is read into parts, one folder an input."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from floodmark import case, registry
from floodmark.beside import Helper, Wait
from floodmark.config import CaseConfig, InputSpec
from floodmark.engine.duckdb import Database
from floodmark.errors import IngestError, UsageError
from floodmark.ingest import store
from floodmark.progress import Reporter
from floodmark.view import InputCount

_PART_FILES: Final = ("posts", "account_observations", "statuses", "post_deletions", "rejects")


def prepare(config: CaseConfig, number: int, spec: InputSpec) -> InputSpec:
    """Return one input with its platform, once its file and its reader are known to be there.

    Raises IngestError or UsageError, before anything is read or written.
    """
    source = config.file(spec)
    if not source.is_file():
        raise IngestError(
            f"{spec.path}: field `input[{number}].path`: there is no such file; correct the path,"
            " which is relative to the case file"
        )
    try:
        reader = registry.readers().get("reader", spec.format)
    except UsageError as error:
        raise UsageError(f"{config.source.name}: field `input[{number}].format`: {error}") from error
    platform = spec.platform or reader.platform or config.platform
    return spec.model_copy(update={"platform": platform})


def begin(
    staging: case.Staging, config: CaseConfig, prepared: Sequence[InputSpec], helper: Helper, reporter: Reporter
) -> Wait[tuple[InputCount, ...]]:
    """Begin to freeze and read every input; return what reads the rest and gives the counts.

    With a helper the largest is read in this process and the others beside it, from now on.
    """
    sizes = [config.file(spec).stat().st_size for spec in prepared]
    largest = sizes.index(max(sizes))
    ends = [
        _begin(staging, config, place + 1, spec, None if helper.wanted and place != largest else reporter, helper)
        for place, spec in enumerate(prepared)
    ]

    def end() -> tuple[InputCount, ...]:
        if not helper.wanted or len(ends) == 1:
            steps = [wait() for wait in ends]
        else:
            first = ends[largest]()
            with reporter.step("Reading the other inputs"):
                steps = [first if place == largest else wait() for place, wait in enumerate(ends)]
        return tuple(input_count(step.result) for step in steps)

    return end


def _begin(
    staging: case.Staging, config: CaseConfig, number: int, spec: InputSpec, shown: Reporter | None, helper: Helper
) -> Callable[[], case.Step]:
    """Begin one input: in this process, where `shown` reports it, when its end is asked for; else in the helper."""
    source = config.file(spec)
    digest = case.sha256_file(source)
    frozen = f"inputs/{number:02d}-{source.name}"
    part = f"parts/{number:02d}"
    share = config.parameters.max_rejected_share
    paths = (source, staging.folder / frozen, staging.folder / part)

    def start() -> Wait[object]:
        if shown is None:
            return helper.start(_read, spec, digest, paths, share)

        def here() -> object:
            with shown.step(f"Reading {source.name}") as advance:
                return _read(spec, digest, paths, share, lambda done, total: advance(done / max(1, total)))

        return here

    outputs = [frozen, *(f"{part}/{name}.parquet" for name in _PART_FILES)]
    return staging.begin(f"input/{number:02d}", [digest, spec.model_dump(mode="json"), share], outputs, start)


def _read(
    spec: InputSpec,
    digest: str,
    paths: tuple[Path, Path, Path],
    max_rejected_share: float,
    progress: store.Progress = lambda _done, _total: None,
) -> object:
    source, frozen, part = paths
    shutil.copyfile(source, frozen)
    if case.sha256_file(frozen) != digest:
        raise IngestError(f"{spec.path}: the file changed while it was read; run again when nothing writes to it")
    reader = registry.readers().get("reader", spec.format)
    with Database() as db:
        counts = store.ingest_input(db, spec, frozen, reader, part, max_rejected_share, progress)
    named = {"input": spec.path, "format": spec.format, "stream": spec.stream}
    return {**named, "sha256": digest, "bytes": frozen.stat().st_size, **counts}


def input_count(result: object) -> InputCount:
    """Return what a finished step says of its input."""
    counts: Any = result
    return InputCount(**counts)
