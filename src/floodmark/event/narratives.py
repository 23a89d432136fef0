"""Narratives: families of posts with one wording, who posted it first that is known, how fast and by whom it spread.

Copies (exact and near) are looked for among all own posts of a scope; rewordings and, with a model that the user
supplies, paraphrases among the texts that most accounts posted. Reposts are counted beside, they make no family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from floodmark.config import CaseConfig
from floodmark.engine.duckdb import Database, Params, read_sql
from floodmark.event.families import Families, near_families, reworded_families, vector_families
from floodmark.event.text_models import load_model, vectors
from floodmark.schema import NARRATIVE_ACCOUNTS, NARRATIVE_POSTS, NARRATIVES, create_sql
from floodmark.textfold import fold_text

SCOPES: Final = ("event", "control")
#: Kinds of family: equal keys; near-duplicates too; most of the wording in any order; one meaning by the user's model.
KINDS: Final = ("exact", "copied", "reworded", "paraphrase")
#: Tables written here.
TABLES: Final = (NARRATIVES, NARRATIVE_POSTS, NARRATIVE_ACCOUNTS)
_TARGETS: Final = 5


def wording_keys(texts: Sequence[str], letters: int = 20) -> list[str | None]:
    """Return the key by which each text's wording is compared; None where it has fewer than `letters` letters.

    >>> wording_keys(["#Go Wе stand by the river! 🌊 #now", "we stand by the RIVER https://t.example/1", "no"])
    ['we stand by the river', 'we stand by the river', None]
    """
    with Database() as db:
        db.execute("CREATE TABLE post_features (stream VARCHAR, post_id VARCHAR, folded_text VARCHAR)")
        number = [str(place) for place in range(len(texts))]
        folded = [fold_text(text) for text in texts]
        if texts:
            db.load("post_features", {"stream": ["main"] * len(texts), "post_id": number, "folded_text": folded})
        found = dict(db.rows(read_sql("narrative_texts"), {"letters": letters}))
    return [found.get(text) for text in folded]


def write_tables(db: Database, config: CaseConfig, suffix: str) -> None:
    """Fill temporary tables `narratives`, `narrative_posts` and `narrative_accounts`, named with `suffix`.

    Reads posts, post_features and side_posts. Raises UsageError where a model that the case file names cannot be used.
    """
    parameters = config.parameters

    def table(name: str, sql: str, values: Params | None = None) -> None:
        db.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}", values)

    # Wordings and families go by number within, in order of their letters: joins of long texts take most of the time.
    table("_folded_keys", read_sql("narrative_texts"), {"letters": parameters.narrative_letters})
    table("_wordings", "SELECT key, row_number() OVER (ORDER BY key) AS wording FROM _folded_keys GROUP BY key")
    table("_worded", read_sql("narrative_worded"))
    table("_scope_texts", read_sql("narrative_posts"))
    table(
        "_texts",
        "SELECT *, row_number() OVER (ORDER BY scope, wording) - 1 AS text FROM"
        " (SELECT scope, wording, count(DISTINCT account_id) AS accounts, min(post_id) AS post_id FROM _scope_texts"
        " WHERE NOT reposted GROUP BY scope, wording)",
    )
    db.execute(
        "CREATE OR REPLACE TEMP TABLE _members (scope VARCHAR, kind VARCHAR, head BIGINT, text BIGINT, likeness DOUBLE)"
    )
    for scope in SCOPES:
        _find(db, config, scope)
    table("_families", read_sql("narrative_families"), {"accounts": parameters.narrative_accounts})
    table("_member_posts", read_sql("narrative_members"))
    definitions = (read_sql("narratives").replace("$targets", str(_TARGETS)), _POSTS, _ACCOUNTS)
    for made, sql in zip(TABLES, definitions, strict=True):
        name = f"{made.name}{suffix}"
        db.execute(create_sql(made, name).replace("CREATE TABLE", "CREATE OR REPLACE TEMP TABLE"))
        db.execute(f"INSERT INTO {name} BY NAME {sql}")
    for name in _PASSING:
        db.execute(f"DROP TABLE {name}")


_PASSING: Final = (
    *("_folded_keys", "_wordings", "_worded", "_scope_texts", "_texts"),
    *("_members", "_families", "_member_posts"),
)

_POSTS: Final = (
    "SELECT f.scope, f.family_id, f.kind, m.stream, m.post_id, m.account_id, m.at_ms, m.reposted, m.likeness"
    " FROM _member_posts m JOIN _families f ON f.family = m.family"
)

_ACCOUNTS: Final = (
    "SELECT scope, account_id, count(*) AS posts FROM _scope_texts WHERE NOT reposted GROUP BY scope, account_id"
)


def _find(db: Database, config: CaseConfig, scope: str) -> None:
    """Append the families of one scope to `_members`."""
    found = db.arrays(
        "SELECT t.text, w.key, t.accounts, p.text AS wording FROM _texts t JOIN _wordings w ON w.wording = t.wording"
        " JOIN (SELECT post_id, min(text) AS text FROM posts GROUP BY post_id) p ON p.post_id = t.post_id"
        " WHERE t.scope = $scope ORDER BY t.text"
        if config.narratives
        else "SELECT t.text, w.key, t.accounts FROM _texts t JOIN _wordings w ON w.wording = t.wording"
        " WHERE t.scope = $scope ORDER BY t.text",
        {"scope": scope},
    )
    number, weight = np.asarray(found["text"], dtype=np.int64), np.asarray(found["accounts"], dtype=np.int64)
    keys: list[str] = found["key"].tolist()
    _load(db, scope, "exact", number, Families(np.arange(len(keys)), np.ones(len(keys))))
    near = near_families(keys, weight)
    _load(db, scope, "copied", number, near)
    # One text a family of copies, those of most accounts first: what is compared pair by pair must stay a few thousand.
    heads, place = np.unique(near.representative, return_inverse=True)
    accounts = np.bincount(place, weights=weight, minlength=len(heads)).astype(np.int64)
    chosen = np.sort(np.lexsort((heads, -accounts))[: config.parameters.narrative_reworded_texts])
    some, some_weight = heads[chosen], accounts[chosen]
    _load(db, scope, "reworded", number, _spread(near, some, reworded_families([keys[i] for i in some], some_weight)))
    model = load_model(config)
    if model is not None and config.narratives is not None and len(some):
        rows = vectors(model, [str(found["wording"][i]) for i in some])
        like = vector_families(rows, some_weight, config.narratives.threshold)
        _load(db, scope, "paraphrase", number, _spread(near, some, like))


def _spread(near: Families, some: npt.NDArray[np.int64], wider: Families) -> Families:
    """Let every copy follow the text that stands for it into a wider family; -1 where no other copies joined it."""
    count = len(near.representative)
    moved, closeness = np.arange(count), np.ones(count)
    moved[some] = some[wider.representative]
    closeness[some] = wider.similarity
    head = moved[near.representative]
    joined = np.unique(np.stack([head, near.representative], axis=1), axis=0)[:, 0]
    wide = np.bincount(joined, minlength=count) > 1
    return Families(np.where(wide[head], head, -1), closeness[near.representative])


def _load(
    db: Database,
    scope: str,
    kind: str,
    number: npt.NDArray[np.int64],
    found: Families,
) -> None:
    kept = np.flatnonzero(found.representative >= 0)
    if not len(kept):
        return
    columns: Mapping[str, Sequence[object] | np.ndarray] = {
        "scope": [scope] * len(kept),
        "kind": [kind] * len(kept),
        "head": number[found.representative[kept]],
        "text": number[kept],
        "likeness": found.similarity[kept],
    }
    db.load("_members", columns)
