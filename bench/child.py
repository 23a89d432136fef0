"""What the bench measures, each in its own process: `python bench/child.py TASK ARGUMENTS`; prints one JSON line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

WINDOW_MS = 60_000
Report = dict[str, float | int]


def generate(shape: str, rows: str, path: str) -> Report:
    """Write the input."""
    if shape == "posts":
        from posts import write_case

        write_case(Path(path), int(rows))
        return {}
    from shares import SHAPES, write_shares, write_texts

    if shape == "texts":
        write_texts(Path(path), int(rows))
        return {}
    write_shares(Path(path), SHAPES[shape], int(rows))
    return {}


def count(path: str) -> Report:
    """Count the edges and the pairs of actions in a file of edges."""
    from floodmark.engine.duckdb import Database, quote

    with Database() as db:
        columns = (
            "columns = {'a': 'VARCHAR', 'b': 'VARCHAR', 'n': 'BIGINT', 'o': 'BIGINT', 'x': 'BIGINT', 'y': 'BIGINT'}"
        )
        edges, pairs = db.one(f"SELECT count(*), coalesce(sum(n), 0) FROM read_csv({quote(path)}, {columns})")
    return {"edges": edges, "pairs": int(pairs)}


def count_verdicts(folder: str, shares: str) -> Report:
    """Count the edges of groups, and the pairs of first actions within the widest window that was used."""
    from floodmark.coaction.kernel import sort_actions
    from floodmark.coaction.shares import Columns, load_shares
    from floodmark.coaction.table import encode_named
    from floodmark.coordination.prepare import prepare
    from floodmark.coordination.result import Shares
    from floodmark.engine.duckdb import Database

    summary = json.loads((Path(folder) / "summary.json").read_text(encoding="utf-8"))
    with Database() as db:
        load_shares(db, Path(shares), Columns("account_id", "object_id", "timestamp_share", "s"))
        actions = encode_named(db, "shares", traced=False)
    n_accounts, trace = len(actions.accounts), np.zeros(actions.n_objects, np.int32)
    first = prepare(Shares(actions.account_index, actions.object_index, actions.at_ms, n_accounts, trace))
    near = sort_actions(first.account, first.object, first.at_ms, n_accounts, max(summary["windows_used_ms"]))
    pairs = (int((near.high - near.low).sum(dtype=np.int64)) - len(near.at_ms)) // 2
    return {"edges": summary["edges"], "pairs": pairs}


def in_process(shares: str, out: str) -> Report:
    """Time `run_edges` within a process that has started up: libraries imported, compiled code loaded."""
    from floodmark.coaction.edges import run_edges

    tiny = Path(out).with_name("tiny.csv")
    tiny.write_text("account_id,object_id,timestamp_share\na,o,1\nb,o,2\n", encoding="utf-8")
    run_edges(tiny, window_ms=WINDOW_MS, out=Path(out))
    started = time.perf_counter()
    run_edges(Path(shares), window_ms=WINDOW_MS, out=Path(out))
    return {"seconds": time.perf_counter() - started}


def sql(shares: str, out: str) -> Report:
    """Run the definition itself on DuckDB, from the same CSV to the same CSV."""
    from floodmark.coaction.shares import Columns, load_shares
    from floodmark.engine.duckdb import Database, quote, read_sql

    with Database() as db:
        load_shares(db, Path(shares), Columns("account_id", "object_id", "timestamp_share", "s"))
        db.execute("CREATE TEMP VIEW actions_in AS FROM shares")
        definition = read_sql("coactions").replace("$window_ms", str(WINDOW_MS)).replace("$min_objects", "1")
        db.execute(f"COPY ({definition}) TO {quote(out)} (FORMAT csv, HEADER)")
    return {}


def narratives(posts: str, out: str) -> Report:
    """Find the families of a CSV of posts, from folding on, in one scope; time it without the start of Python."""
    from floodmark import schema
    from floodmark.config import CaseConfig
    from floodmark.engine.duckdb import Database, quote
    from floodmark.event.narratives import TABLES, write_tables
    from floodmark.ingest import store

    config = CaseConfig.model_validate(
        {
            "name": "bench",
            "event": {"title": "Bench", "start": "2020-07-01", "end": "2020-08-01", "zone": "UTC"},
            "side": [{"name": "one", "streams": ["main"]}],
            "input": [{"path": "posts.csv", "format": "csv"}],
        }
    )
    started = time.perf_counter()
    with Database() as db:
        db.execute(schema.create_sql(schema.POSTS))
        source = f"read_csv({quote(posts)}, all_varchar = true)"
        db.execute(
            "INSERT INTO posts BY NAME SELECT 'main' AS stream, post_id, account_id, at_ms::BIGINT AS at_ms,"
            f" 1000 AS at_resolution_ms, text FROM {source}"
        )
        folder = Path(out).parent
        db.write_parquet("SELECT * FROM posts", folder / "posts.parquet")
        store.write_features(db, folder / "posts.parquet", folder / "post_features.parquet")
        db.view_parquet("post_features", folder / "post_features.parquet")
        db.execute(
            "CREATE TABLE side_posts AS SELECT 'one' AS side, stream, post_id, account_id, at_ms, TRUE AS in_window"
            " FROM posts"
        )
        write_tables(db, config, "_found")
        db.write_parquet(f"SELECT * FROM {TABLES[0].name}_found", Path(out))
    return {"seconds": time.perf_counter() - started}


def count_families(path: str) -> Report:
    """Count the families and their posts."""
    from floodmark.engine.duckdb import Database, quote

    with Database() as db:
        families, posts = db.one(f"SELECT count(*), coalesce(sum(posts), 0) FROM read_parquet({quote(path)})")
    return {"edges": families, "pairs": int(posts)}


def flags(path: str) -> Report:
    """Judge the accounts of a made case by every flag."""
    from floodmark import registry
    from floodmark.accounts import takeover_groups
    from floodmark.accounts.judge import judge_all
    from floodmark.engine.duckdb import Database
    from floodmark.errors import EngineError
    from posts import case_of

    with Database(Path(path)) as db:
        view = case_of(db)
        registry.flags()  # loaded, as in a run
        started = time.perf_counter()
        takeover_groups.empty(view)
        failed = judge_all(view, "_flags")
        seconds = time.perf_counter() - started
        if failed:
            raise EngineError(f"flags that failed: {failed}")
        db.execute("CREATE OR REPLACE TABLE account_flags AS SELECT * FROM _flags")
    return {"seconds": seconds}


def count_flags(path: str) -> Report:
    """Count the posts of a made case, and the judgements on its accounts."""
    from floodmark.engine.duckdb import Database

    with Database(Path(path)) as db:
        (judged,) = db.one("SELECT count(*) FILTER (flagged IS NOT NULL) FROM account_flags")
        (posts,) = db.one("SELECT count(*) FROM posts")
    return {"edges": judged, "pairs": posts}


TASKS: dict[str, Callable[..., Report]] = {
    "generate": generate,
    "count": count,
    "count-verdicts": count_verdicts,
    "count-families": count_families,
    "narratives": narratives,
    "flags": flags,
    "count-flags": count_flags,
    "in-process": in_process,
    "sql": sql,
}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])))
