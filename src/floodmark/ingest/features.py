"""What posts hold once folded: text, hashtags, links, and the repost that a text announces ("RT @handle: ...")."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from floodmark import textfold
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


def write_features(db: Database, posts_parquet: Path, out: Path) -> None:
    """Write post_features (stream, post_id, and FEATURES without key) of the posts in `posts_parquet` to `out`.

    Hashtags and links that came with a post are used as they are, otherwise they are extracted from its text; NULL text
    has a NULL `folded_text` and empty lists. Texts that occur often are folded once. Raises EngineError.
    """
    source = f"read_parquet({quote(str(posts_parquet))})"
    posts = f"(SELECT stream, post_id, text, hashtags, urls, {_KEY} AS key FROM {source})"
    columns = ", ".join(f"texts.{column.name}" for column in FEATURES if column.name != "key")
    with Spool(db, f"{out.stem}-texts", FEATURES, out.parent) as texts:
        distinct = db.connection.cursor().execute(
            f"SELECT key, any_value(text), any_value(hashtags), any_value(urls) FROM {posts} GROUP BY key"
        )
        while batch := distinct.fetchmany(_BATCH):
            for key, text, hashtags, urls in batch:
                texts.add({"key": key, **features(text, hashtags, urls)})
        texts.finish()
        folded = f"read_parquet({quote(str(texts.path))}) AS texts"
        sql = f"SELECT stream, post_id, {columns} FROM {posts} JOIN {folded} USING (key) ORDER BY stream, post_id"
        db.execute(f"COPY ({sql}) TO {quote(str(out))} (FORMAT parquet, COMPRESSION zstd)")
        texts.path.unlink()


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
