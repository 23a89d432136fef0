"""Every section's findings, from the tables of a case; sections do not know each other, so two processes share them."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from floodmark import derive, registry
from floodmark.beside import Helper
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database
from floodmark.errors import EngineError, EvidenceError
from floodmark.findings import Finding, not_testable, unique
from floodmark.schema import AUDIT_LABELS
from floodmark.view import CaseView, InputCount


@dataclass(frozen=True)
class Tables:
    """All that sections read: the case file, what became of its inputs, and the folder of its tables.

    `key` is another one whenever the tables hold anything else.
    """

    config: CaseConfig
    inputs: tuple[InputCount, ...]
    folder: Path
    key: str


#: The case that this process has open; a section leaves tables of its own there, so it goes with the key.
_open: dict[tuple[Path, str], CaseView] = {}


def load() -> None:
    """Import what flags and sections need, so that nobody waits for it later."""
    import scipy.stats  # noqa: F401 - takes a second

    registry.flags()
    registry.sections()


def ordered_sections() -> list[registry.Section]:
    """Return the sections that loaded, in the order of the report."""
    return sorted(registry.sections().items.values(), key=lambda section: (section.order, section.name))


def findings(
    tables: Tables, helper: Helper, progress: Callable[[float], None]
) -> tuple[tuple[Finding, ...], dict[str, str]]:
    """Return what the sections find, in their order, and which failed and why."""
    config = tables.config
    sections = [section for section in ordered_sections() if config.has_posts or not section.needs_posts]
    names = [section.name for section in sections]
    said: dict[str, list[Finding] | str] = {}
    try:
        for name, found in helper.share(
            lambda name: measure(tables, name), lambda name: helper.start(measure, tables, name), names
        ):
            said[name] = found
            progress(len(said) / len(names))
    finally:
        close()
    failed = {name: found for name in names if isinstance(found := said[name], str)}
    all_found = [finding for name in names if not isinstance(found := said[name], str) for finding in found]
    if not config.has_posts:
        all_found += _without_posts({measure for section in sections for measure in section.measures})
    return tuple(unique(all_found)), failed


def measure(tables: Tables, name: str) -> list[Finding] | str:
    """Return the findings of one section; when its data or its queries fail, the reason."""
    key = (tables.folder, tables.key)
    if key not in _open:
        close()
        _open[key] = _view(tables)
    try:
        return list(registry.sections().items[name].findings(_open[key]))
    except (EngineError, EvidenceError) as error:
        return str(error)


def close() -> None:
    """Close what `measure` left open in this process."""
    for view in _open.values():
        view.db.connection.close()
    _open.clear()


def _view(tables: Tables) -> CaseView:
    db = Database()
    derive.open_base(db, tables.folder)
    derive.open_derived(db, tables.folder)
    derive.open_tables(db, tables.folder, [AUDIT_LABELS.name])
    return CaseView(tables.config, db, tables.inputs)


def _without_posts(covered: Set[str]) -> Sequence[Finding]:
    """Return what a case without posts says of every other measure: that it cannot be tested."""
    missing = "no input of this case holds posts; it has lists of accounts, status snapshots or deletions only"
    rest = {measure for section in ordered_sections() for measure in section.measures} - covered
    return [
        not_testable(
            f"{measure}.without_posts",
            measure,
            "collection",
            "Whether this measure says anything here.",
            "text",
            missing,
            "the posts of the event",
        )
        for measure in sorted(rest, key=lambda name: int(name[1:]))
    ]
