"""The derived tables, from the base tables and the case file: rosters, actions, co-actions, the coordination test.

`run` and `replay` call the same function, so a replayed finding is computed by the code that made it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Final

from floodmark import registry, textfold
from floodmark.accounts import takeover_groups
from floodmark.accounts.creation_ids import load_schemes
from floodmark.accounts.judge import judge_all
from floodmark.accounts.structure import account_structure
from floodmark.coaction.table import edges_from_table
from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database, quote, read_sql
from floodmark.errors import UsageError
from floodmark.event import narratives
from floodmark.schema import ACCOUNT_FLAGS, ACCOUNT_STRUCTURE, COORDINATION, EDGES, TAKEOVER_GROUPS, create_sql
from floodmark.view import CaseView

BASE_FILES: Final = (
    *("posts", "repeats", "account_observations", "statuses", "post_deletions", "listed_accounts", "rejects"),
    "post_features",
)
#: Derived tables by step. Narratives and flags rest on the rosters; else no step reads another's.
ROSTER_FILES: Final = ("accounts", "side_posts", "participants")
COORDINATION_FILES: Final = ("actions", "edges", *(table.name for table in COORDINATION), ACCOUNT_STRUCTURE.name)
NARRATIVE_FILES: Final = tuple(table.name for table in narratives.TABLES)
FLAG_FILES: Final = (ACCOUNT_FLAGS.name, TAKEOVER_GROUPS.name)
DERIVED_FILES: Final = (*ROSTER_FILES, *COORDINATION_FILES, *NARRATIVE_FILES, *FLAG_FILES)

#: Measures whose flags look at profiles; those of the others look at what accounts did.
_OF_PROFILES: Final = ("M4", "M5")
# Letters, marks, digits and _ make a word; everything else parts words.
_WORDS: Final = r"' ' || trim(regexp_replace({}, '[^\p{{L}}\p{{M}}\p{{N}}_]+', ' ', 'g')) || ' '"
# Scripts that write no space between words: there a keyword is looked for anywhere.
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")

_ALL_TIME_MS: Final = (-(2**61), 2**61)

Progress = Callable[[float], None]


def open_tables(db: Database, tables: Path, names: Sequence[str]) -> None:
    """Make tables in the folder `tables` readable by name."""
    for name in names:
        db.view_parquet(name, tables / f"{name}.parquet")


def open_base(db: Database, tables: Path) -> None:
    """Make the base tables in the folder `tables` readable by name."""
    open_tables(db, tables, BASE_FILES)


def open_derived(db: Database, tables: Path) -> None:
    """Make the derived tables in the folder `tables` readable by name."""
    open_tables(db, tables, DERIVED_FILES)


def derive(db: Database, config: CaseConfig, out: Path) -> None:
    """Compute the derived tables but those of `derive_flags` into the folder `out` and open them.

    The base tables must be open in `db`.
    """
    derive_rosters(db, config, out)
    derive_coordination(db, config, out)
    derive_narratives(db, config, out)


def derive_rosters(db: Database, config: CaseConfig, out: Path) -> None:
    """Say who is of which side, from the base tables."""
    window = {"start_ms": config.event.start_ms, "end_ms": config.event.end_ms}
    load_schemes(db)
    _write(db, out, "accounts", read_sql("accounts"))
    open_features(db)
    _load_rules(db, config)
    _open_words(db)
    _write(db, out, "side_posts", read_sql("side_posts"), window)
    _write(db, out, "participants", read_sql("participants" if config.has_posts else "listed_participants"))


def derive_coordination(db: Database, config: CaseConfig, out: Path, progress: Progress = lambda _share: None) -> None:
    """Compute actions, co-actions, the coordination test and the structure of its groups."""
    open_features(db)
    _actions(db, config, out)
    progress(0.3)
    _edges(db, config, out)
    progress(0.4)
    _coordination(db, config, out)
    progress(0.9)
    _structure(db, config, out)
    progress(1.0)


def derive_narratives(db: Database, config: CaseConfig, out: Path) -> None:
    """Find the families of posts with one wording."""
    narratives.write_tables(db, config, "_found")
    for table in narratives.TABLES:
        _write(db, out, table.name, f"SELECT * FROM {table.name}_found")


def derive_flags(
    view: CaseView,
    out: Path,
    progress: Progress = lambda _share: None,
    profiles: tuple[Path, Callable[[], Mapping[str, str]]] | None = None,
) -> Mapping[str, str]:
    """Judge every participant by every flag into the folder `out` and open its tables; return the flags that failed.

    `profiles` is where `judge_profiles` writes beside this, and what waits for it.
    """
    takeover_groups.empty(view)
    flags = [flag for flag in registry.flags().items.values() if profiles is None or flag.measure not in _OF_PROFILES]
    failed = dict(judge_all(view, "_flags", flags, progress))
    if profiles is not None:
        path, wait = profiles
        failed.update(wait())
        view.db.execute(f"INSERT INTO _flags SELECT * FROM read_parquet({quote(str(path))})")
    _write(view.db, out, ACCOUNT_FLAGS.name, "SELECT * FROM _flags")
    _write(view.db, out, TAKEOVER_GROUPS.name, f"SELECT * FROM {takeover_groups.FOUND}")
    return dict(sorted(failed.items()))


def judge_profiles(view: CaseView, out: Path) -> Mapping[str, str]:
    """Judge every participant by the flags of profiles into the file `out`; return the flags that failed."""
    flags = [flag for flag in registry.flags().items.values() if flag.measure in _OF_PROFILES]
    failed = judge_all(view, "_profile_flags", flags)
    view.db.write_parquet("SELECT * FROM _profile_flags", out)
    return failed


def open_scoped_posts(db: Database, streams: tuple[str, ...], start_ms: int, end_ms: int) -> None:
    """Create the temporary table `scoped_posts` that the traces read, for some streams and a window."""
    db.execute("CREATE OR REPLACE TEMP TABLE scope_streams (stream VARCHAR)")
    if streams:
        db.load("scope_streams", {"stream": streams})
    db.execute(
        "CREATE OR REPLACE TEMP VIEW flat_features AS SELECT stream, post_id, folded_text,"
        " array_to_string(hashtags, ' ') AS hashtag_set, coalesce(len(hashtags), 0) AS hashtag_count,"
        " repost_handle, coalesce(repost_text, folded_text) AS repost_text"
        " FROM post_features"
    )
    sql = read_sql("scoped_posts").replace("post_features", "flat_features")
    db.execute(f"CREATE OR REPLACE TEMP TABLE scoped_posts AS {sql}", {"start_ms": start_ms, "end_ms": end_ms})


def open_features(db: Database) -> None:
    """Turn the lists of post_features into plain tables and columns: list functions are where SQL dialects part."""
    for table, lists, column in (("post_hashtags", "hashtags", "hashtag"), ("post_urls", "urls", "url")):
        flat = f"SELECT stream, post_id, unnest({lists}) AS {column} FROM post_features"
        db.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {flat}")


def scopes(config: CaseConfig) -> Mapping[str, tuple[str, ...]]:
    """Return the streams of each scope: `event` (all that are not set apart), `control`, and `reference` if any."""
    event = tuple(stream for stream in config.streams if stream not in config.streams_apart)
    reference = config.parameters.reference_stream
    return {"event": event, "control": config.control_streams, **({"reference": (reference,)} if reference else {})}


def _actions(db: Database, config: CaseConfig, out: Path) -> None:
    selects = []
    for scope, streams in scopes(config).items():
        # A reference may come from any time; of the rest only the window counts.
        window = _ALL_TIME_MS if scope == "reference" else (config.event.start_ms, config.event.end_ms)
        open_scoped_posts(db, streams, *window)
        for trace in registry.traces().items.values():
            name = f"actions_{scope}_{trace.name}"
            db.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT DISTINCT * FROM ({trace.sql})")
            selects.append(
                f"SELECT '{scope}' AS scope, '{trace.name}' AS trace, account_id, object_id, post_id, at_ms FROM {name}"
            )
        clock = "SELECT max(resolution_ms) AS resolution_ms FROM scoped_posts"
        db.execute(f"CREATE OR REPLACE TEMP TABLE clock_{scope} AS {clock}")
    _write(db, out, "actions", " UNION ALL ".join(selects))


def _edges(db: Database, config: CaseConfig, out: Path) -> None:
    db.execute(create_sql(EDGES, "_edges", temporary=True))
    min_objects = config.parameters.min_objects
    for scope in ("event", "control"):
        (resolution_ms,) = db.one(f"SELECT coalesce(max(resolution_ms), 1) FROM clock_{scope}")
        # A window under the clock's resolution would count ties of the clock as co-actions.
        windows_ms = [seconds * 1000 for seconds in config.parameters.windows_s if seconds * 1000 >= resolution_ms]
        for trace, window_ms in product(registry.traces().items, windows_ms):
            sql = f"SELECT account_id, object_id, at_ms FROM actions_{scope}_{trace}"
            found = edges_from_table(db, sql, window_ms, min_objects)
            count = len(found["account_a"])
            if count:
                names: dict[str, Sequence[object]] = {"scope": [scope] * count, "trace": [trace] * count}
                db.load("_edges", {**names, "window_ms": [window_ms] * count, **found})
    _write(db, out, "edges", "SELECT * FROM _edges")


def _coordination(db: Database, config: CaseConfig, out: Path) -> None:
    # Its compiled code takes a while to load; who only verifies or reads a case need not wait for it.
    from floodmark.coordination import case_tables
    from floodmark.coordination.result import Rules

    windows_ms = tuple(seconds * 1000 for seconds in sorted(set(config.parameters.test_windows_s)))
    # A control that is also the reference is tested by its own rates.
    own = ("control",) if config.parameters.reference_stream in config.control_streams else ()
    case_tables.write_tables(db, Rules(windows_ms=windows_ms), "_found", own)
    for table in COORDINATION:
        _write(db, out, table.name, f"SELECT * FROM {table.name}_found")


def _structure(db: Database, config: CaseConfig, out: Path) -> None:
    name = ACCOUNT_STRUCTURE.name
    db.execute(create_sql(ACCOUNT_STRUCTURE, "_structure", temporary=True))
    columns = account_structure(CaseView(config, db, ()))
    if columns["account_id"]:
        db.load("_structure", columns)
    _write(db, out, name, "SELECT * FROM _structure")


def _load_rules(db: Database, config: CaseConfig) -> None:
    """Write the sides of the case file as the tables side_streams and side_rules."""
    event_streams = scopes(config)["event"]
    platforms = db.rows("SELECT DISTINCT split_part(account_id, ':', 1) FROM posts ORDER BY 1")
    streams: list[tuple[str, str, bool]] = []
    rules: set[tuple[str, str, str]] = set()
    for side in config.sides:
        whole = not (side.hashtags or side.keywords or side.accounts)
        streams.extend((side.name, stream, whole) for stream in (side.streams or event_streams))
        rules.update((side.name, "hashtag", textfold.fold_hashtag(tag)) for tag in side.hashtags)
        rules.update((side.name, _keyword_kind(word), textfold.fold_text(word)) for word in side.keywords)
        for account in side.accounts:
            bare = account.removeprefix("@")
            rules.add((side.name, "handle", bare.lower()))
            rules.update((side.name, "account", f"{platform}:{bare}") for (platform,) in platforms)
    if blank := sorted({(side, kind) for side, kind, value in rules if not value}):
        side_name, kind = blank[0]
        raise UsageError(
            f"{config.source.name}: side {side_name!r}: a {kind} is empty once spelling is"
            " unified and would match every post; remove it or write a word"
        )
    streams.extend(("control", stream, True) for stream in config.control_streams)
    db.execute("CREATE OR REPLACE TEMP TABLE side_streams (side VARCHAR, stream VARCHAR, whole BOOLEAN)")
    db.execute("CREATE OR REPLACE TEMP TABLE side_rules (side VARCHAR, kind VARCHAR, value VARCHAR)")
    db.load(
        "side_streams",
        dict(zip(("side", "stream", "whole"), map(list, zip(*streams, strict=True)), strict=True)),
    )
    if rules:
        columns = map(list, zip(*sorted(rules), strict=True))
        db.load("side_rules", dict(zip(("side", "kind", "value"), columns, strict=True)))
        db.execute(f"UPDATE side_rules SET value = {_WORDS.format('value')} WHERE kind = 'keyword'")


def _open_words(db: Database) -> None:
    """Create `post_words`, the words of each post whose text holds all words of a keyword somewhere.

    Parting every text into words costs more than everything else about sides; most texts hold no keyword.
    """
    values = [str(value) for (value,) in db.rows("SELECT DISTINCT value FROM side_rules WHERE kind = 'keyword'")]
    names = {word: f"word_{number}" for number, word in enumerate(sorted({w for v in values for w in v.split()}))}
    every = [" AND ".join(f"contains(folded_text, ${names[w]})" for w in sorted(set(v.split()))) for v in values]
    held = " OR ".join(f"({words or 'true'})" for words in sorted(every)) or "false"
    sql = f"SELECT stream, post_id, {_WORDS.format('folded_text')} AS words FROM post_features WHERE {held}"
    db.execute(f"CREATE OR REPLACE TEMP TABLE post_words AS {sql}", {name: word for word, name in names.items()})


def _keyword_kind(word: str) -> str:
    """Return `keyword` for whole words, `phrase` for what cannot be parted into words: unspaced scripts, emoji."""
    folded = textfold.fold_text(word)
    return "phrase" if _UNSPACED.search(folded) or not re.search(r"\w", folded) else "keyword"


def _write(db: Database, out: Path, name: str, sql: str, params: Mapping[str, object] | None = None) -> None:
    """Write a derived table and open it."""
    path = out / f"{name}.parquet"
    path.unlink(missing_ok=True)
    db.write_parquet(sql, path, params)
    db.view_parquet(name, path)
