"""Real collections as backgrounds, read where they lie beside the checkout; None where they are absent.

Nothing of them is part of this project. They are read by the project's own readers and traces, so that a study sees
what a case would see.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from floodmark import derive, registry
from floodmark.config import InputSpec
from floodmark.coordination.result import Shares
from floodmark.engine.duckdb import Database, quote
from floodmark.ingest import store
from floodmark.simulate.plant import Actions

#: The folder of real data, when it is not ../shared/data beside the checkout.
FOLDER_VARIABLE: Final = "FLOODMARK_SHARED"
_DEBATE: Final = "organic_gopdebate_2015/Sentiment.csv"
_RUSSIAN: Final = "coortweet/russian_coord_tweets.parquet"
_PHEME: Final = "organic_pheme_2014_15"
_DEBATE_COLUMNS: Final[Mapping[str, str]] = {
    "post_id": "tweet_id",
    "account_id": "name",
    "handle": "name",
    "at": "tweet_created",
    "text": "text",
}
_STREAM: Final = "main"
#: All of it: from before Twitter to 2100.
_START_MS, _END_MS = 0, 4_102_444_800_000


def data_folder() -> Path:
    """Return where the real data is looked for: FLOODMARK_SHARED/data, or ../shared/data beside the checkout."""
    checkout = Path(__file__).resolve().parents[3]
    return Path(os.environ.get(FOLDER_VARIABLE, checkout.parent / "shared")) / "data"


def debate_reposts(folder: Path | None = None) -> Actions | None:
    """Return the reposts of the debate of 6 August 2015 (the `repost` trace); None where the data is absent."""
    found = _debate(folder)
    if found is None:
        return None
    rows = found["trace"] == "repost"
    return Actions(found["account_id"][rows], found["object_id"][rows], found["at_ms"][rows])


def debate_all_traces(folder: Path | None = None) -> Shares | None:
    """Return the actions of every trace on the debate of 6 August 2015; None where the data is absent."""
    found = _debate(folder)
    return None if found is None else _shares(found)


def russian_shares(folder: Path | None = None) -> Actions | None:
    """Return the unlabelled Russian shares of June 2021, as published with CooRTweet; None where absent."""
    path = (folder or data_folder()) / _RUSSIAN
    if not path.is_file():
        return None
    with Database() as db:
        found = db.arrays(
            "SELECT account_id::VARCHAR AS account_id, object_id::VARCHAR AS object_id,"
            f" timestamp_share::BIGINT * 1000 AS at_ms FROM read_parquet({quote(str(path))}) ORDER BY ALL"
        )
    return Actions(found["account_id"], found["object_id"], found["at_ms"])


def pheme(folder: Path | None = None) -> Shares | None:
    """Return the actions of every trace on PHEME's rumour posts of 2014-15; None where the data is absent."""
    files = sorted(((folder or data_folder()) / _PHEME).glob("*.json"))
    if not files:
        return None
    return _shares(
        _traced([(file, InputSpec(path=file.name, platform="twitter", format="twitter_v1")) for file in files])
    )


def shares_of(actions: Actions) -> Shares:
    """Return actions of text ids as shares of one trace, accounts and objects numbered by their ids."""
    return Shares.of(actions.account_id, actions.object_id, actions.at_ms)


def _debate(folder: Path | None) -> dict[str, npt.NDArray[Any]] | None:
    file = (folder or data_folder()) / _DEBATE
    if not file.is_file():
        return None
    return _traced(
        [(file, InputSpec(path=file.name, platform="twitter", format="table", columns=dict(_DEBATE_COLUMNS)))]
    )


def _traced(inputs: Sequence[tuple[Path, InputSpec]]) -> dict[str, npt.NDArray[Any]]:
    """Read files as a case would and return their actions (trace, account_id, object_id, at_ms), each once, sorted."""
    readers = registry.readers().items
    with tempfile.TemporaryDirectory() as temporary, Database() as db:
        folder = Path(temporary)
        parts = []
        for number, (file, spec) in enumerate(inputs):
            store.ingest_input(db, spec, file, readers[spec.format], folder / str(number))
            parts.append((spec.stream, folder / str(number)))
        store.merge_base_tables(db, parts, folder)
        store.write_features(db, folder / "posts.parquet", folder / "post_features.parquet")
        derive.open_base(db, folder)
        derive.open_features(db)
        derive.open_scoped_posts(db, (_STREAM,), _START_MS, _END_MS)
        actions = " UNION ".join(
            f"SELECT '{name}' AS trace, account_id, object_id, at_ms FROM ({trace.sql})"
            for name, trace in registry.traces().items.items()
        )
        return db.arrays(f"SELECT * FROM ({actions}) ORDER BY trace, account_id, object_id, at_ms")


def _shares(found: Mapping[str, npt.NDArray[Any]]) -> Shares:
    """Number the accounts and the (trace, object) of a table of actions."""
    traces, kind = np.unique(found["trace"].astype(str), return_inverse=True)
    things = np.char.add(np.char.add(kind.astype(str), "\x1f"), found["object_id"].astype(str))
    numbered = Shares.of(found["account_id"], things.astype(object), found["at_ms"])
    trace = np.zeros(len(numbered.trace), np.int32)
    trace[numbered.object] = kind
    return Shares(
        numbered.account, numbered.object, numbered.at_ms, numbered.n_accounts, trace, tuple(map(str, traces))
    )
