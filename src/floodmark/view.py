"""What measures see of a case: its configuration and its tables, read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database


@dataclass(frozen=True)
class InputCount:
    """What became of one input file: rows in = stored + rejected; `repeated` counts stored rows whose id came again."""

    input: str
    format: str
    stream: str
    sha256: str
    bytes: int
    rows: int
    stored: int
    repeated: int
    rejected: int
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class CaseView:
    """Every table of `schema.TABLES` is readable by its name through `db`; `inputs` are the counts of the manifest."""

    config: CaseConfig
    db: Database
    inputs: tuple[InputCount, ...]
