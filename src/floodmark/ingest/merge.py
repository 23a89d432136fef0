"""The base tables of a case out of the parts of its inputs, whatever the order of rows and their split into files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from floodmark.engine.duckdb import Database, quote
from floodmark.schema import ACCOUNTS, LISTED_ACCOUNTS, POST_DELETIONS, POSTS, REJECTS, STATUSES

#: Streams with fewer posts are not judged by their clock.
_CLOCK_POSTS: Final = 100

# A stream whose times all fall on full minutes (or full seconds) has a clock no finer than that, whatever its texts
# show: "10:15:00" is how many programs print a minute.
_RAW_POSTS: Final = f"""
CREATE OR REPLACE TEMP TABLE _raw_posts AS
SELECT p.* REPLACE (greatest(p.at_resolution_ms, clock.resolution_ms)::INTEGER AS at_resolution_ms)
FROM _parts p
JOIN (
    SELECT stream,
           CASE WHEN count(*) < {_CLOCK_POSTS} THEN 1
                WHEN bool_and(at_ms % 60000 = 0) THEN 60000
                WHEN bool_and(at_ms % 1000 = 0) THEN 1000
                ELSE 1 END AS resolution_ms
    FROM _parts
    GROUP BY stream
) clock USING (stream)
"""

# The bytes of a row are its JSON: one text for one row, told apart by every column, compared byte by byte.
_ROW: Final = "to_json(struct_pack(" + ", ".join(f"{name} := {name}" for name in POSTS.names) + "))::VARCHAR"

# Posts without an id of their own: equal rows of the named fields are numbered in the order of their bytes.
_IDENTIFIED: Final = f"""
CREATE OR REPLACE TEMP TABLE _identified AS
SELECT * EXCLUDE (derive) FROM _raw_posts WHERE derive IS NULL
UNION ALL
SELECT * EXCLUDE (derive, ordinal)
       REPLACE (split_part(account_id, ':', 1) || ':d-' || left(md5(derive || chr(31) || ordinal), 20) AS post_id)
FROM (
    SELECT *, row_number() OVER (PARTITION BY stream, derive ORDER BY {_ROW}) - 1 AS ordinal
    FROM _raw_posts
    WHERE derive IS NOT NULL
)
"""

# Few ids come more than once: only their rows are compared.
_RANKED: Final = f"""
CREATE OR REPLACE TEMP TABLE _ranked AS
WITH often AS (SELECT stream, post_id FROM _identified GROUP BY stream, post_id HAVING count(*) > 1)
SELECT p.*, 1 AS place
FROM _identified p
ANTI JOIN often USING (stream, post_id)
UNION ALL
SELECT p.*, row_number() OVER (PARTITION BY p.stream, p.post_id ORDER BY {_ROW}) AS place
FROM _identified p
SEMI JOIN often USING (stream, post_id)
"""


def merge_base_tables(
    db: Database,
    parts: Sequence[tuple[str, Path]],
    out: Path,
    unlisted: Mapping[int, tuple[int, str]] = MappingProxyType({}),
) -> dict[str, int]:
    """Write posts, repeats, account_observations, statuses, post_deletions, listed_accounts and rejects (.parquet)
    into `out` from all inputs' parts.

    `unlisted` says of the part at a place in `parts` that it lists only some of the accounts of its stream that were
    looked up at (UTC ms), and which status the others had then: authors of the stream's posts, accounts of its lists.
    `parts` are (stream, folder) as `ingest_input` wrote them. A post id that comes several times in a stream keeps the
    row that is smallest by bytes as the post; the other rows are repeats. Observations and statuses are kept once each.
    The tables are sorted by their keys. Returns the number of repeats per stream. Raises EngineError.
    """
    out.mkdir(parents=True, exist_ok=True)
    folders = [folder for _, folder in parts]
    db.execute(f"CREATE OR REPLACE TEMP VIEW _parts AS SELECT * FROM {_scan(folders, POSTS.name)}")
    for statement in (_RAW_POSTS, "DROP VIEW _parts", _IDENTIFIED, "DROP TABLE _raw_posts", _RANKED):
        db.execute(statement)
    posts = ", ".join(POSTS.names)
    _write(db, f"SELECT {posts} FROM _ranked WHERE place = 1 ORDER BY stream, post_id", out / "posts.parquet")
    _write(db, f"SELECT {posts} FROM _ranked WHERE place > 1 ORDER BY ALL", out / "repeats.parquet")
    listed = "SELECT '' AS stream, '' AS account_id WHERE FALSE" + "".join(
        f" UNION SELECT {quote(stream)}, account_id FROM {_scan([folder], table.name)}"
        for stream, folder in parts
        if not db.one(f"SELECT count(*) FROM {_scan([folder], POSTS.name)}")[0]
        for table in (ACCOUNTS, STATUSES, POST_DELETIONS)
    )
    _write(db, f"SELECT * FROM ({listed}) ORDER BY ALL", out / f"{LISTED_ACCOUNTS.name}.parquet")
    absent = "".join(_absent(parts, place, *said) for place, said in sorted(unlisted.items()))
    for table in (ACCOUNTS, STATUSES, POST_DELETIONS):
        more = absent if table is STATUSES else ""
        sql = f"SELECT DISTINCT {', '.join(table.names)} FROM ({_select(folders, table.name)}{more}) ORDER BY ALL"
        _write(db, sql, out / f"{table.name}.parquet")
    _write(
        db, f"SELECT {', '.join(REJECTS.names)} FROM {_scan(folders, 'rejects')} ORDER BY ALL", out / "rejects.parquet"
    )
    counts = db.rows("SELECT stream, count(*) FILTER (place > 1) FROM _ranked GROUP BY stream ORDER BY stream")
    for table_name in ("_identified", "_ranked"):
        db.execute(f"DROP TABLE {table_name}")
    return dict(counts)


def _absent(parts: Sequence[tuple[str, Path]], place: int, observed_ms: int, status: str) -> str:
    """Return the SQL that adds a status for the accounts of a stream that a part of it leaves out.

    These are the authors of its posts and the accounts of its lists; whom only deletions or other looks name may not
    have been asked for.
    """
    stream, folder = parts[place]
    mine = [other for name, other in parts if name == stream]
    tables = (POSTS.name, ACCOUNTS.name)
    known = " UNION ".join(f"SELECT account_id FROM {_scan(mine, name)}" for name in tables)
    values = {"observed_at_ms": str(observed_ms), "status": quote(status), "account_id": "account_id"}
    columns = ", ".join(f"{values.get(name, 'NULL')} AS {name}" for name in STATUSES.names)
    seen = f"SELECT account_id FROM {_scan([folder], STATUSES.name)}"
    return f" UNION ALL BY NAME SELECT {columns} FROM ({known}) WHERE account_id NOT IN ({seen})"


def _select(folders: Sequence[Path], name: str) -> str:
    return f"SELECT * FROM {_scan(folders, name)}"


def _scan(folders: Sequence[Path], name: str) -> str:
    files = ", ".join(quote(str(folder / f"{name}.parquet")) for folder in folders)
    return f"read_parquet([{files}])"


def _write(db: Database, sql: str, path: Path) -> None:
    # A query with ORDER BY keeps its order in COPY, on any number of threads.
    db.execute(f"COPY ({sql}) TO {quote(str(path))} (FORMAT parquet, COMPRESSION zstd)")
