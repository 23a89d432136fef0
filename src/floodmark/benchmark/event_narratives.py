"""What it takes to break a family of texts, how many families real organic posts have, and a peer's documents.

Sentences are of made-up words of many lengths; nothing of the real sets leaves this file but counts.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np

from floodmark.benchmark.backgrounds import data_folder
from floodmark.engine.duckdb import Database, quote
from floodmark.event.families import near_families, reworded_families
from floodmark.event.narratives import wording_keys
from floodmark.stats import wilson
from floodmark.textfold import split_repost

Row = dict[str, object]
Texts = list[tuple[str, str]]
Disguise = Callable[[np.random.Generator, list[str], float], str]
_PLANTED: Final = 20
_OTHERS: Final = 200
_WORDS: Final = 14
_ACCOUNTS: Final = 3
_REWORDED_TEXTS: Final = 4_000
_LETTERS: Final = np.array(list("abcdefghijklmnopqrstuvwxyz"))
_ARABIC: Final = np.array(list("ابتجدرزسشفقکلمنهوی"))
_LOOK_ALIKES: Final = str.maketrans("aeopcyxijs", "аеорсухіјѕ")
_EMOJI: Final = np.array(list("🔥✊😀🌊⭐🚩"))
_MARKS: Final = np.array(list("\u064b\u064e\u064f\u0650\u0651"))
COLUMNS: Final = (
    *("measure", "set", "behaviour", "strength", "runs", "accounts", "hit_share", "hit_low", "hit_high"),
    *("with_reworded", "false_alarm_share", "false_alarm_low", "false_alarm_high", "judged", "flagged", "share"),
    *("low", "high", "pairs", "pairs_found", "pairs_of_peer", "cross_family_pairs"),
)


def rows(runs: int, seed: int) -> list[Row]:
    """Return rows of the planted disguises, their costs, the real sets that are present, and the peer's documents."""
    found = [
        planted(name, strength, runs, seed) for name, (strengths, _, _) in DISGUISES.items() for strength in strengths
    ]
    return [*found, *costs(found), *real_rows(seed), *peer_rows()]


def row(**values: object) -> Row:
    """Return a row with every column; those not given are None."""
    return {column: values.get(column) for column in COLUMNS}


def _each(share: float, change: Callable[[np.random.Generator, str], str]) -> Disguise:
    def disguise(rng: np.random.Generator, words: list[str], strength: float) -> str:
        hit = rng.random(len(words)) < strength * share
        return " ".join(change(rng, word) if changed else word for word, changed in zip(words, hit, strict=True))

    return disguise


def _letters(change: Callable[[np.random.Generator, str], str]) -> Disguise:
    def disguise(rng: np.random.Generator, words: list[str], strength: float) -> str:
        return " ".join(
            "".join(change(rng, letter) if rng.random() < strength else letter for letter in word) for word in words
        )

    return disguise


def _hashtags(rng: np.random.Generator, words: list[str], strength: float) -> str:
    tags = [f"#{tag}" for tag in rng.permutation(["alpha", "beta", "gamma", "delta", "eta", "iota", "pi", "rho"])]
    before = rng.integers(0, int(strength) + 1)
    return " ".join([*tags[:before], *words, *tags[before : int(strength)]])


def _appended(rng: np.random.Generator, words: list[str], strength: float) -> str:
    return " ".join([*words, *_sentence(rng, max(1, round(strength * len(words))))])


def _dropped(rng: np.random.Generator, words: list[str], strength: float) -> str:
    return " ".join(np.array(words)[rng.random(len(words)) >= strength])


def _reordered(rng: np.random.Generator, words: list[str], strength: float) -> str:
    moved = np.flatnonzero(rng.random(len(words)) < strength)
    mixed = np.array(words)
    mixed[moved] = mixed[rng.permutation(moved)]
    return " ".join(mixed)


#: Name: strengths tried, how a text is disguised, letters of the sentences.
DISGUISES: Final[Mapping[str, tuple[tuple[float, ...], Disguise, np.ndarray]]] = {
    "none": ((0.0,), lambda _rng, words, _strength: " ".join(words), _LETTERS),
    "emoji after a share of words": ((0.5, 1.0), _each(1, lambda rng, w: f"{w} {rng.choice(_EMOJI)}"), _LETTERS),
    "ZWNJ in a share of Persian words": ((0.25, 0.5, 1.0), _each(1, lambda _rng, w: f"{w[:2]}\u200c{w[2:]}"), _ARABIC),
    "vowel marks on a share of letters": ((0.5, 1.0), _letters(lambda rng, x: x + str(rng.choice(_MARKS))), _ARABIC),
    "look-alikes for a share of letters": ((0.5, 1.0), _letters(lambda _rng, x: x.translate(_LOOK_ALIKES)), _LETTERS),
    "hashtags around, in any order": ((2.0, 4.0, 8.0), _hashtags, _LETTERS),
    "words appended, of its length": ((0.25, 0.5, 0.75, 1.0), _appended, _LETTERS),
    "a share of words replaced": (
        (0.05, 0.1, 0.15, 0.2, 0.3, 0.4),
        _each(1, lambda rng, _w: _sentence(rng, 1)[0]),
        _LETTERS,
    ),
    "a share of words dropped": ((0.1, 0.2, 0.3, 0.4, 0.5), _dropped, _LETTERS),
    "a share of words reordered": ((0.1, 0.2, 0.3, 0.5, 1.0), _reordered, _LETTERS),
    "a share of letters wrong": ((0.05, 0.1, 0.15, 0.2), _letters(lambda rng, _x: str(rng.choice(_LETTERS))), _LETTERS),
}


def _sentence(rng: np.random.Generator, words: int, letters: np.ndarray = _LETTERS) -> list[str]:
    return ["".join(rng.choice(letters, size)) for size in rng.integers(2, 9, words)]


def planted(name: str, strength: float, runs: int, seed: int) -> Row:
    """Plant one disguised sentence of 20 accounts among 200 others, `runs` times."""
    _, disguise, letters = DISGUISES[name]
    copied, wide, false = 0, 0, 0
    for run in range(runs):
        rng = np.random.default_rng((seed, run))
        words = _sentence(rng, _WORDS, letters)
        texts = [disguise(rng, words, strength) for _ in range(_PLANTED)]
        texts += [" ".join(_sentence(rng, _WORDS, letters)) for _ in range(_OTHERS)]
        labels, wider = families([(str(number), text) for number, text in enumerate(texts)])
        copied += _largest(labels[:_PLANTED])
        wide += max(_largest(labels[:_PLANTED]), _largest(wider[:_PLANTED]))
        sizes = Counter(label for label in labels if label >= 0)
        false += sum(label >= 0 and sizes[label] >= _ACCOUNTS for label in labels[_PLANTED:])
    low, high = wilson(copied, _PLANTED * runs)
    false_low, false_high = wilson(false, _OTHERS * runs)
    return row(
        measure="planted",
        behaviour=name,
        strength=strength,
        runs=runs,
        accounts=_PLANTED,
        hit_share=copied / (_PLANTED * runs),
        hit_low=low,
        hit_high=high,
        with_reworded=wide / (_PLANTED * runs),
        false_alarm_share=false / (_OTHERS * runs),
        false_alarm_low=false_low,
        false_alarm_high=false_high,
    )


def _largest(labels: Sequence[int]) -> int:
    counts = Counter(label for label in labels if label >= 0)
    most = max(counts.values(), default=0)
    return most if most >= _ACCOUNTS else 0


def costs(found: Sequence[Row]) -> Iterator[Row]:
    """Yield per disguise the least strength at which under half of the planted accounts are in one family of copies."""
    for name, (strengths, _, _) in DISGUISES.items():
        lost = [r for r in found if r["behaviour"] == name and float(str(r["hit_share"])) < 0.5]
        least = min((float(str(r["strength"])) for r in lost), default=None)
        words = name if least is not None else f"{name}: not broken up to {max(strengths):g}"
        yield row(measure="cost", behaviour=words, strength=least)


def families(posts: Texts) -> tuple[list[int], list[int]]:
    """Return for each (account, text) its family of copies and its wider family (with rewordings); -1: no wording."""
    keys = wording_keys([text for _, text in posts])
    members: dict[str, set[str]] = {}
    for (account, _), key in zip(posts, keys, strict=True):
        if key is not None:
            members.setdefault(key, set()).add(account)
    names = sorted(members)
    weight = np.array([len(members[name]) for name in names], dtype=np.int64)
    near = near_families(names, weight).representative
    heads, place = np.unique(near, return_inverse=True)
    accounts = np.bincount(place, weights=weight, minlength=len(heads)).astype(np.int64)
    chosen = np.sort(np.lexsort((heads, -accounts))[:_REWORDED_TEXTS])
    some = heads[chosen]
    wide = np.arange(len(names))
    wide[some] = some[reworded_families([names[n] for n in some], accounts[chosen]).representative]
    number = {name: place for place, name in enumerate(names)}
    copied = [-1 if key is None else int(near[number[key]]) for key in keys]
    return copied, [label if label < 0 else int(wide[label]) for label in copied]


def real_rows(seed: int) -> Iterator[Row]:
    """Yield per real set and kind of family the share of accounts in families, and the same of its words dealt anew."""
    for name, read in REAL.items():
        posts = read(data_folder())
        if not posts:
            continue
        keys = wording_keys([text for _, text in posts])
        exact = {key: place for place, key in enumerate(sorted({key for key in keys if key is not None}))}
        copied, wide = families(posts)
        labels = {
            "exact copies": [exact.get(key, -1) if key is not None else -1 for key in keys],
            "copies, exact and near": copied,
            "copies and rewordings": wide,
        }
        for kind, found in labels.items():
            yield _real(name, kind, posts, found)
        rng = np.random.default_rng(seed)
        pool = rng.permutation([word for _, text in posts for word in text.split()]).tolist()
        dealt = [(account, " ".join(pool.pop() for _ in text.split())) for account, text in posts]
        copied, wide = families(dealt)
        yield _real(name, "shuffled words, copies", dealt, copied)
        yield _real(name, "shuffled words, copies and rewordings", dealt, wide)


def _real(name: str, kind: str, posts: Texts, labels: Sequence[int]) -> Row:
    members: dict[int, set[str]] = {}
    for (account, _), label in zip(posts, labels, strict=True):
        if label >= 0:
            members.setdefault(label, set()).add(account)
    judged = set().union(*members.values()) if members else set()
    large = [accounts for accounts in members.values() if len(accounts) >= _ACCOUNTS]
    flagged = len(set().union(*large)) if large else 0
    low, high = wilson(flagged, len(judged))
    return row(
        measure="real",
        set=name,
        behaviour=kind,
        accounts=len({account for account, _ in posts}),
        judged=len(judged),
        flagged=flagged,
        share=flagged / len(judged),
        low=low,
        high=high,
    )


def _debate(folder: Path) -> Texts:
    path = folder / "organic_gopdebate_2015" / "Sentiment.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [(r["name"], r["text"]) for r in csv.DictReader(file) if split_repost(r["text"]) is None]


def _pheme(folder: Path) -> Texts:
    found: Texts = []
    for path in sorted((folder / "organic_pheme_2014_15").glob("*.json")):
        for post in json.loads(path.read_text(encoding="utf-8")):
            if "retweeted_status" not in post and split_repost(post["text"]) is None:
                found.append((post["user"]["id_str"], post["text"]))
    return found


def _ira(folder: Path) -> Texts:
    path = folder / "ira_aug2015" / "tweets.parquet"
    if not path.is_file():
        return []
    with Database() as db:
        return db.rows(
            f"SELECT author_id::VARCHAR, content FROM read_parquet({quote(str(path))})"
            " WHERE coalesce(retweet, 0) <> 1 AND content IS NOT NULL ORDER BY ALL"
        )


REAL: Final[Mapping[str, Callable[[Path], Texts]]] = {
    "GOP debate (organic)": _debate,
    "PHEME (organic)": _pheme,
    "IRA, August 2015 (an operation)": _ira,
}


def peer_rows(folder: Path | None = None) -> Iterator[Row]:
    """Yield per kind of family how many of the pairs of D3lta's 2,817 documents are found, here and by D3lta."""
    place = (folder or data_folder()) / "peer_acceptance"
    if not (place / "d3lta_synth_docs.csv").is_file():
        return
    with (place / "d3lta_synth_docs.csv").open(encoding="utf-8", newline="") as file:
        documents = list(csv.DictReader(file))
    with (place / "d3lta_synth_pairs_found.csv").open(encoding="utf-8", newline="") as file:
        theirs = [(int(r["source"]) // 10, r["dup_type"]) for r in csv.DictReader(file)]
    family = [int(r["doc_id"]) // 10 for r in documents]
    languages: dict[int, set[str]] = {}
    for number, document in zip(family, documents, strict=True):
        languages.setdefault(number, set()).add(document["language"])
    seen = Counter(theirs)
    kinds = ("copy-pasta", "rewording")
    kind = {
        number: "translation" if len(spoken) > 2 else max(kinds, key=lambda name: seen[number, name])
        for number, spoken in languages.items()
    }
    of_peer = Counter(kind[number] for number, _ in theirs)
    copied, wide = families([(r["doc_id"], r["text"]) for r in documents])
    size = Counter(family)
    for name, labels in (("copies", copied), ("copies and rewordings", wide)):
        found, cross = Counter(), 0  # type: Counter[str], int
        members: dict[int, list[int]] = {}
        for label, number in zip(labels, family, strict=True):
            if label >= 0:
                members.setdefault(label, []).append(number)
        for numbers in members.values():
            for a, b in combinations(numbers, 2):
                cross += a != b
                found[kind[a]] += a == b
        for what in (*kinds, "translation"):
            pairs = sum(n * (n - 1) // 2 for number, n in size.items() if kind[number] == what)
            yield row(
                measure="peer",
                set="D3lta, 2,817 documents",
                behaviour=f"{what}, by {name}",
                pairs=pairs,
                pairs_found=found[what],
                pairs_of_peer=of_peer[what],
                cross_family_pairs=cross,
                share=found[what] / pairs,
            )
