"""What posts hold once folded: text, hashtags, links, and the repost that a text announces ("RT @handle: ...")."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from floodmark import textfold
from floodmark.beside import ALONE, Helper
from floodmark.engine.duckdb import Database, quote
from floodmark.ingest.spool import Spool
from floodmark.schema import POST_FEATURES, Column

# A key for distinct texts, then all that is computed of them.
FEATURES: Final = (
    Column("key", "VARCHAR", "the post's text, hashtags and links, hashed"),
    *(column for column in POST_FEATURES.columns if column.name not in POST_FEATURES.key),
)
_BATCH: Final = 20_000
# One JSON object, because `||` is NULL as soon as one part is NULL, and a NULL key would drop the post from the join.
_KEY: Final = "md5(CAST(to_json({'text': text, 'hashtags': hashtags, 'urls': urls}) AS VARCHAR))"


def write_features(db: Database, posts_parquet: Path, out: Path, helper: Helper = ALONE) -> None:
    """Write post_features (stream, post_id, and FEATURES without key) of the posts in `posts_parquet` to `out`.

    Hashtags and links that came with a post are used as they are, otherwise they are extracted from its text; NULL text
    has a NULL `folded_text` and empty lists. Texts that occur often are folded once; a helper folds half of them.
    Raises EngineError.
    """
    halves = ("key < '8'", "key >= '8'") if helper.wanted else ("TRUE",)
    paths = [out.with_name(f"{out.stem}-texts-{number}.parquet") for number in range(len(halves))]
    columns = ", ".join(f"texts.{column.name}" for column in FEATURES if column.name != "key")
    try:
        waits = [
            helper.start(_fold, posts_parquet, path, half) for path, half in zip(paths[1:], halves[1:], strict=True)
        ]
        _fold(posts_parquet, paths[0], halves[0])
        for wait in waits:
            wait()
        db.execute(f"CREATE OR REPLACE TEMP TABLE _texts AS SELECT * FROM {_scan(paths)}")
        sql = f"SELECT stream, post_id, {columns} FROM {_posts(posts_parquet)} JOIN _texts AS texts USING (key)"
        db.execute(f"COPY ({sql} ORDER BY stream, post_id) TO {quote(str(out))} (FORMAT parquet, COMPRESSION zstd)")
        db.execute("DROP TABLE _texts")
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


def _scan(paths: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(quote(str(path)) for path in paths)}])"


def _posts(posts_parquet: Path) -> str:
    return f"(SELECT stream, post_id, text, hashtags, urls, {_KEY} AS key FROM {_scan([posts_parquet])})"


def _fold(posts_parquet: Path, out: Path, which: str) -> None:
    """Write the FEATURES of the distinct texts whose key is as `which` says."""
    with Database() as db, Spool(db, out.stem, FEATURES, out.parent) as texts:
        distinct = db.connection.cursor().execute(
            f"SELECT key, any_value(text), any_value(hashtags), any_value(urls) FROM {_posts(posts_parquet)}"
            f" WHERE {which} GROUP BY key"
        )
        while batch := distinct.fetchmany(_BATCH):
            for key, text, hashtags, urls in batch:
                texts.add({"key": key, **features(text, hashtags, urls)})
        texts.finish()


def features(text: str | None, hashtags: list[str] | None, urls: list[str] | None) -> dict[str, object]:
    """Return the features of one post.

    >>> features("RT @Ana: Vote! #Now", None, None)["repost_handle"]
    'ana'
    """
    raw = text or ""
    tags = textfold.extract_hashtags(raw) if hashtags is None else hashtags
    links = textfold.extract_urls(raw) if urls is None else urls
    repost = textfold.split_repost(raw)
    return {
        "folded_text": None if text is None else textfold.fold_text(raw),
        "hashtags": textfold.unique_sorted(map(textfold.fold_hashtag, tags)),
        "urls": textfold.unique_sorted(map(textfold.normalise_url, links)),
        "repost_handle": repost[0] if repost else None,
        "repost_text": textfold.fold_wording(repost[1]) if repost else None,
    }
