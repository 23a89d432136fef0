"""Finds the one-file extensions (readers, traces, flags, sections) and says what loaded and what did not, and why.

A new extension is one new file in its folder with a module constant: READER, TRACE, FLAG or SECTION.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from floodmark.errors import UsageError

if TYPE_CHECKING:
    from floodmark.config import InputSpec
    from floodmark.findings import Finding
    from floodmark.view import CaseView

Row = dict[str, object]
Columns = dict[str, Sequence[object]]


@dataclass(frozen=True)
class Reject:
    """An input row that cannot be stored: its line, a short reason code, the field at fault and the raw row."""

    line: int
    reason: str
    field: str = ""
    detail: str = ""
    raw: str = ""


@dataclass(slots=True)  # frozen ones take three times as long to make, and there is one a row
class Record:
    """What one input row holds: any of a post, an account observation, a status, a deletion (rows of base tables)."""

    line: int
    post: Row | None = None
    account: Row | None = None
    status: Row | None = None
    deletion: Row | None = None


@dataclass(slots=True)
class Records:
    """What rows that follow each other hold, as columns of base tables: the same as so many Records, but faster.

    `lines` are the rows' lines; columns are as long, and one that is left out is unknown in every row.
    """

    lines: Sequence[int]
    post: Columns
    account: Columns | None


@dataclass(frozen=True)
class Reader:
    """One input format. `read` yields exactly one Record or Reject per input row, in file order.

    A format for large files may have a faster form: `read_blocks` yields the same, with Records for many a Record.
    """

    name: str
    title: str
    meaning: str
    platform: str
    matches: Callable[[Path, bytes], bool]
    read: Callable[[Path, InputSpec], Iterator[Record | Reject]]
    example: bytes
    example_spec: Mapping[str, object]
    example_records: int
    example_rejects: int
    read_blocks: Callable[[Path, InputSpec], Iterator[Records | Record | Reject]] | None = None


@dataclass(frozen=True)
class Trace:
    """One kind of action.

    `sql` is a SELECT over the table `scoped_posts` (and post_urls) that yields account_id, object_id, post_id, at_ms.
    """

    name: str
    title: str
    meaning: str
    sql: str
    windows_s: tuple[int, ...]
    benign: tuple[str, ...]
    references: tuple[str, ...]
    example_posts: tuple[Row, ...]
    example_actions: tuple[tuple[str, str], ...]


#: Columns of equal length: account_id, flagged (True, False, or None for unknown), evidence (why, in words, or None).
Judgements = Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class Flag:
    """One dated property of accounts.

    `sql`, or `judge` where SQL is not enough, yields (account_id, flagged BOOLEAN or NULL, evidence VARCHAR), at most
    one row an account, from the base tables and `participants`; `judge` gets the view of the case. Parameters are those
    of `accounts.judge.parameter_values`, bound in `sql` by name.

    NULL, or no row, means that the account cannot be judged (its column is empty); such accounts count as unknown,
    never as unflagged. `needs` are columns of `accounts`, or of another table as in `posts.client`: without a value in
    any of them nobody can be judged. `measure` says in which part of the report the flag stands. A flag that is not
    `counted` is shown for comparison only: no combination, union, prevalence or headline takes it in.
    """

    name: str
    title: str
    meaning: str
    needs: tuple[str, ...]
    parameters: tuple[str, ...]
    benign: tuple[str, ...]
    source: str
    example_flags: Mapping[str, bool | None]
    sql: str = ""
    judge: Callable[[CaseView], Judgements] | None = None
    measure: str = "M4"
    counted: bool = True
    example_accounts: tuple[Row, ...] = ()
    example_posts: tuple[Row, ...] = ()
    example_observations: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a flag that is defined twice or not at all (ValueError)."""
        if bool(self.sql) == bool(self.judge):
            raise ValueError(f"flag {self.name!r} needs either sql or judge")


@dataclass(frozen=True)
class Section:
    """One part of the report: it computes its findings and names the template that prints them.

    Where sections share a measure, one names the ids of its findings without their subjects (`stems`); the other has
    the rest.
    """

    name: str
    title: str
    order: int
    measures: tuple[str, ...]
    findings: Callable[[CaseView], Sequence[Finding]]
    template: str
    charts: Callable[[Sequence[Finding]], Mapping[str, Mapping[str, object]]] | None = None
    stems: tuple[str, ...] = ()
    #: Whether it can say anything of a case whose inputs hold no posts.
    needs_posts: bool = True


Extension = TypeVar("Extension", Reader, Trace, Flag, Section)


@dataclass(frozen=True)
class Loaded(Generic[Extension]):
    """The extensions of one kind: those that loaded, by name, and the files that did not, with the reason."""

    items: Mapping[str, Extension]
    failed: Mapping[str, str]

    def get(self, kind: str, name: str) -> Extension:
        """Return the extension called `name`; UsageError that lists the known names otherwise."""
        if name not in self.items:
            known = ", ".join(sorted(self.items))
            raise UsageError(f"there is no {kind} called {name!r}; known: {known}")
        return self.items[name]


def _load(package: str, constant: str, kind: type[Extension]) -> Loaded[Extension]:
    items: dict[str, Extension] = {}
    failed: dict[str, str] = {}
    folder = importlib.import_module(package)
    for module_info in sorted(pkgutil.iter_modules(folder.__path__), key=lambda m: m.name):
        module_name = f"{package}.{module_info.name}"
        try:
            module = importlib.import_module(module_name)
        except (ImportError, SyntaxError, NameError, TypeError, ValueError, AttributeError) as error:
            failed[module_info.name] = f"{type(error).__name__}: {error}"
            continue
        found = getattr(module, constant, None)
        if found is None:
            continue
        if not isinstance(found, kind):
            failed[module_info.name] = f"{constant} is not a {kind.__name__}"
        elif found.name in items:
            failed[module_info.name] = f"the name {found.name!r} is taken by another file"
        else:
            items[found.name] = found
    return Loaded(items, failed)


@cache
def readers() -> Loaded[Reader]:
    """Return the readers in `floodmark/ingest`."""
    return _load("floodmark.ingest", "READER", Reader)


@cache
def traces() -> Loaded[Trace]:
    """Return the traces in `floodmark/traces`."""
    return _load("floodmark.traces", "TRACE", Trace)


@cache
def flags() -> Loaded[Flag]:
    """Return the account flags in `floodmark/accounts`."""
    return _load("floodmark.accounts", "FLAG", Flag)


@cache
def sections() -> Loaded[Section]:
    """Return the report sections in `floodmark/report/sections`."""
    return _load("floodmark.report.sections", "SECTION", Section)
