"""Shared fixtures: where the real data lies, and small cases built from Python rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from floodmark import schema
from floodmark.accounts import takeover_groups
from floodmark.accounts.judge import judge_all
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database
from floodmark.view import CaseView, InputCount

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("FLOODMARK_SHARED", ROOT.parent / "shared"))

Rows = Sequence[Mapping[str, object]]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the shared real data is not beside this checkout")
    return SHARED


def load_rows(db: Database, table: schema.Table, rows: Rows) -> None:
    """Create `table` and fill it from dicts; columns that a row lacks are NULL."""
    db.execute(schema.create_sql(table))
    if rows:
        db.load(table.name, {name: [row.get(name) for row in rows] for name in table.names})


@pytest.fixture
def base_db(tmp_path: Path) -> Callable[..., Database]:
    """Build a database with base tables and post_features from rows of posts, observations and statuses."""
    from floodmark.ingest import store

    def build(posts: Rows, observations: Rows = (), statuses: Rows = ()) -> Database:
        db = Database()
        defaults = {"stream": "main", "at_resolution_ms": 1000}
        load_rows(db, schema.POSTS, [{**defaults, **post} for post in posts])
        load_rows(db, schema.REPEATS, ())
        load_rows(db, schema.ACCOUNTS, observations)
        load_rows(db, schema.STATUSES, statuses)
        load_rows(db, schema.POST_DELETIONS, ())
        load_rows(db, schema.LISTED_ACCOUNTS, ())
        load_rows(db, schema.REJECTS, ())
        posts_file, features = tmp_path / "posts.parquet", tmp_path / "post_features.parquet"
        db.write_parquet("SELECT * FROM posts", posts_file)
        store.write_features(db, posts_file, features)
        db.view_parquet("post_features", features)
        return db

    return build


@pytest.fixture
def make_view() -> Callable[..., CaseView]:
    """Build what measures see from rows: `make_view(changes, posts=[...], participants=[...], ...)`, one list a table.

    Two sides, pro and con, and a control; the event is 2020-07-17 in Tehran, the baseline the 28 days before. `changes`
    are fields of the case file that differ (None removes one).
    """

    def build(
        changes: Mapping[str, object] | None = None, inputs: Sequence[InputCount] = (), **tables: Rows
    ) -> CaseView:
        fields: dict[str, object] = {
            "name": "case",
            "event": {
                "title": "Event",
                "start": "2020-07-17T00:00:00",
                "end": "2020-07-18T00:00:00",
                "zone": "Asia/Tehran",
                "country": "IR",
            },
            "baseline": {"start": "2020-06-19T00:00:00", "end": "2020-07-17T00:00:00"},
            "control": {"streams": ["sport"]},
            "side": [{"name": "pro", "hashtags": ["pro"]}, {"name": "con", "hashtags": ["con"]}],
            "input": [
                {"path": "main.csv", "format": "csv", "stream": "main"},
                {"path": "sport.csv", "format": "csv", "stream": "sport"},
            ],
            **(changes or {}),
        }
        db = Database()
        for table in schema.TABLES:
            load_rows(db, table, tables.get(table.name, ()))
        config = CaseConfig.model_validate({name: value for name, value in fields.items() if value is not None})
        view = CaseView(config, db, tuple(inputs))
        if "account_flags" not in tables:
            assert judge_all(view, "_flags") == {}
            db.execute("INSERT INTO account_flags SELECT * FROM _flags")
            db.execute(f"INSERT INTO takeover_groups SELECT * FROM {takeover_groups.FOUND}")
        return view

    return build
