"""Judging accounts by flags: one row of `account_flags` per participant and flag that can judge it, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from floodmark import registry
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import quote
from floodmark.errors import EngineError
from floodmark.registry import Flag
from floodmark.schema import ACCOUNT_FLAGS, create_sql
from floodmark.view import CaseView

_JUDGED: Final = "CREATE OR REPLACE TEMP TABLE _judged (account_id VARCHAR, flagged BOOLEAN, evidence VARCHAR)"


def parameter_values(config: CaseConfig) -> dict[str, int]:
    """Return every parameter that a flag's SQL may name: `event_start_ms`, `event_end_ms` and the whole-number
    thresholds of the case file.
    """
    thresholds = {name: value for name, value in config.parameters if isinstance(value, int)}
    return {"event_start_ms": config.event.start_ms, "event_end_ms": config.event.end_ms, **thresholds}


def judge(view: CaseView, flag: Flag, table: str = "account_flags") -> None:
    """Append to `table` what `flag` says of each participant that it can judge.

    Raises EngineError when the flag's SQL fails or judges an account twice.
    """
    if flag.judge is None:
        values = parameter_values(view.config)
        bound = {name: values[name] for name in flag.parameters}
        view.db.execute(f"CREATE OR REPLACE TEMP TABLE _judged AS {flag.sql}", bound)
    else:
        view.db.execute(_JUDGED)
        columns = flag.judge(view)
        if columns["account_id"]:
            view.db.load("_judged", columns)
    twice = view.db.rows("SELECT account_id FROM _judged GROUP BY account_id HAVING count(*) > 1 ORDER BY 1 LIMIT 1")
    if twice:
        raise EngineError(f"flag {flag.name} judges {twice[0][0]} twice; it must yield one row an account")
    view.db.execute(
        f"INSERT INTO {table} SELECT {quote(flag.name)}, account_id, flagged, evidence FROM _judged"
        " WHERE flagged IS NOT NULL AND account_id IN (SELECT account_id FROM participants)"
    )


def judge_all(
    view: CaseView,
    table: str,
    flags: Iterable[Flag] | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> Mapping[str, str]:
    """Create `table` like `account_flags` and fill it by every flag (default: all that loaded), in order of names.

    Return the flags that failed, with the reason; they judge nobody.
    """
    used = sorted(registry.flags().items.values() if flags is None else flags, key=lambda flag: flag.name)
    failed: dict[str, str] = {}
    view.db.execute(create_sql(ACCOUNT_FLAGS, table, temporary=True))
    for number, flag in enumerate(used, 1):
        try:
            judge(view, flag, table)
        except EngineError as error:
            failed[flag.name] = str(error)
        progress(number / len(used))
    return failed
