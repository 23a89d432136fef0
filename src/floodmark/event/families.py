"""Families of texts that read alike: which texts repeat one another, each member checked against its representative.

Texts are compared by their keys (`sql/narrative_texts.sql`). Candidates come from MinHash with locality-sensitive
hashing, and only what the edit distance confirms is kept. Likeness is never handed on: A like B and B like C puts A and
C into one family only where both are like its representative, the text that most accounts posted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

#: Letters of a shingle, of which MinHash makes its sketch.
_SHINGLE: Final = 5
_ROWS: Final = 4
_BANDS: Final = 20
_SEED: Final = 20200717
_CHUNK: Final = 50_000
_PAIRS: Final = 1_000_000
#: The shorter a text, the more of it must agree: two slogans of 25 letters share a frame by chance.
_NEAR: Final = (0.75, 3.0)
_REWORDED: Final = (0.40, 8.0)
#: A text joins by being like any member as above, if it is at least so like the representative.
_REWORDED_CORE: Final = 0.30
_TRIGRAM: Final = 3
_PASSES: Final = 2


@dataclass(frozen=True)
class Families:
    """For every text the place of its representative (its own where it stands alone) and how like that it is, 0..1."""

    representative: Ints
    similarity: Floats


def near_needed(letters: npt.ArrayLike) -> Floats:
    """Return how like a text must be to a representative, by the letters of the shorter: 0.75 + 3 / letters, under 1.

    >>> near_needed([20, 60, 150]).round(2).tolist()
    [0.9, 0.8, 0.77]
    """
    return _needed(letters, _NEAR)


def reworded_needed(letters: npt.ArrayLike) -> Floats:
    """Return the cosine of letter triples that joins two texts: 0.4 + 8 / letters of the shorter, under 1.

    >>> reworded_needed([20, 80, 200]).round(2).tolist()
    [0.8, 0.5, 0.44]
    """
    return _needed(letters, _REWORDED)


def _needed(letters: npt.ArrayLike, rule: tuple[float, float]) -> Floats:
    needed: Floats = np.minimum(0.99, rule[0] + rule[1] / np.maximum(1, np.asarray(letters, dtype=np.float64)))
    return needed


def near_families(keys: Sequence[str], weight: Sequence[int] | Ints) -> Families:
    """Group the distinct texts `keys` into families of near-duplicates; `weight` is how many accounts posted each.

    A representative has the largest weight among what is like it, then the most like texts, then the smallest bytes;
    neither the order of rows nor renaming anything else moves it. ValueError unless keys are distinct and as many as
    weights.

    Source: Broder 1997, doi 10.1109/SEQUEN.1997.666900 (MinHash); the edit likeness is 1 - (insertions + deletions) /
    (letters of both).

    >>> found = near_families(["we stand by the river now", "we stand at the river now", "bread and salt"], [1, 5, 1])
    >>> found.representative.tolist(), found.similarity.round(2).tolist()
    ([1, 1, 2], [0.92, 1.0, 1.0])
    """
    weights = np.asarray(weight, dtype=np.int64)
    if len(set(keys)) != len(keys) or len(keys) != len(weights):
        raise ValueError("every text once, with one weight each")
    order = sorted(range(len(keys)), key=keys.__getitem__)
    texts = np.empty(len(keys), dtype=object)
    texts[:] = [keys[place] for place in order]
    # From here on a text's number is its place by bytes, so that nothing depends on the order in which rows came.
    ranked = weights[order]
    letters = np.array([len(text) for text in texts], dtype=np.int64)
    pairs, likeness = _verified(texts, letters, _candidates(texts, letters, ranked))
    head, like = _leaders(len(texts), ranked, pairs, likeness)
    for _ in range(_PASSES):
        more = _beside(head, pairs)
        fresh = more[~_held(_codes(more, len(texts)), _codes(pairs, len(texts)))]
        if not len(fresh):
            break
        new, new_likeness = _verified(texts, letters, fresh)
        pairs, likeness = np.concatenate([pairs, new]), np.concatenate([likeness, new_likeness])
        head, like = _leaders(len(texts), ranked, pairs, likeness)
    places = np.array(order, dtype=np.int64)
    representative, similarity = np.empty(len(keys), dtype=np.int64), np.empty(len(keys))
    representative[places], similarity[places] = places[head], like
    return Families(representative, similarity)


def reworded_families(keys: Sequence[str], weight: Sequence[int] | Ints) -> Families:
    """Group the distinct texts `keys` into families that share most of their wording, whatever its order.

    Compares all pairs by the cosine of their letter triples, rare triples counting for more (tf-idf), so it is meant
    for some thousands of texts. A text joins by being like any member (`reworded_needed`) if its cosine with the
    representative is at least 0.3. Rephrasing with other words is out of its reach. ValueError as in `near_families`.

    >>> texts = ["they told us the stage was empty all night", "the stage was empty all night, they told us"]
    >>> reworded_families([*texts, "fresh bread with olives and salt"], [1, 1, 1]).representative.tolist()
    [1, 1, 2]
    """
    weights = np.asarray(weight, dtype=np.int64)
    if len(set(keys)) != len(keys) or len(keys) != len(weights):
        raise ValueError("every text once, with one weight each")
    if not keys:
        return Families(np.zeros(0, dtype=np.int64), np.zeros(0))
    order = sorted(range(len(keys)), key=keys.__getitem__)
    texts = [keys[place] for place in order]
    letters = np.array([len(text) for text in texts], dtype=np.int64)
    cosine = _cosines(texts)
    needed = reworded_needed(letters)
    upper = sparse.triu(cosine, 1).tocoo()
    first, second = upper.row.astype(np.int64), upper.col.astype(np.int64)
    joined = upper.data >= np.maximum(needed[first], needed[second])
    head, like = _grown(len(texts), weights[order], np.stack([first[joined], second[joined]], axis=1), cosine)
    places = np.array(order, dtype=np.int64)
    representative, similarity = np.empty(len(keys), dtype=np.int64), np.empty(len(keys))
    representative[places], similarity[places] = places[head], like
    return Families(representative, similarity)


def vector_families(vectors: npt.NDArray[np.float32], weight: Sequence[int] | Ints, threshold: float) -> Families:
    """Group texts by the cosine of their embedding vectors, one row a text; each member against its representative.

    `threshold` belongs to the model that made the vectors. Of equal weight the earlier row represents. ValueError for
    another shape or vectors that are not finite.

    >>> found = vector_families(np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], dtype=np.float32), [1, 5, 1], 0.9)
    >>> found.representative.tolist(), found.similarity.round(2).tolist()
    ([1, 1, 2], [0.99, 1.0, 1.0])
    """
    weights, rows = np.asarray(weight, dtype=np.int64), np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2 or len(rows) != len(weights) or not np.isfinite(rows).all():
        raise ValueError("one finite vector a text, with one weight each")
    length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    unit = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    # Rounded, so that a last digit of a product never decides.
    cosine = np.round(unit @ unit.T, 6) if len(rows) else np.zeros((0, 0))
    first, second = np.nonzero(np.triu(cosine >= threshold, 1))
    pairs = np.stack([first, second], axis=1).astype(np.int64)
    return Families(*_leaders(len(rows), weights, pairs, cosine[first, second]))


def _shingles(texts: npt.NDArray[np.object_] | Sequence[str], letters: Ints, size: int) -> tuple[Hashes, Ints]:
    """Return the hashes of all runs of `size` letters, text by text, and where each text's begin (and the end)."""
    code = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    count = np.maximum(0, letters - size + 1)
    starts = np.concatenate([[0], np.cumsum(letters)])[:-1]
    offsets = np.concatenate([[0], np.cumsum(count)])
    at = np.repeat(starts - offsets[:-1], count) + np.arange(offsets[-1])
    # Hashed at every letter, across the ends of texts too, as slices are read faster than places picked one by one.
    mixed = np.zeros(max(0, len(code) - size + 1), dtype=np.uint64)
    for step in range(size):
        mixed ^= code[step : step + len(mixed)]
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed[at], offsets


def _candidates(texts: npt.NDArray[np.object_], letters: Ints, weight: Ints) -> Ints:
    """Return pairs (i, j), i < j, of texts that share a band of their sketches: each with the heaviest of its bucket
    and with its neighbour there, never all pairs of a bucket.
    """
    from rensa import RMinHash

    count = len(texts)
    if count < 2:
        return np.zeros((0, 2), dtype=np.int64)
    bands = np.empty((count, _BANDS), dtype=np.uint64)
    for start in range(0, count, _CHUNK):
        part = slice(start, min(count, start + _CHUNK))
        hashes, offsets = _shingles(texts[part], letters[part], _SHINGLE)
        sketch = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets.astype(np.uint64), _BANDS * _ROWS, _SEED)
        rows = np.array(sketch.to_rows(), dtype=np.uint64).reshape(-1, _BANDS, _ROWS)
        mixed = np.zeros((len(rows), _BANDS), dtype=np.uint64)
        for row in range(_ROWS):
            mixed = (mixed ^ rows[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        bands[part] = mixed
    by_weight = np.lexsort((np.arange(count), -weight))
    codes = []
    for band in range(_BANDS):
        value = bands[by_weight, band]
        ordered = np.argsort(value, kind="stable")
        run, text = value[ordered], by_weight[ordered]
        again = np.flatnonzero(run[1:] == run[:-1]) + 1
        fresh = np.concatenate([[True], run[1:] != run[:-1]])
        leader = text[np.maximum.accumulate(np.where(fresh, np.arange(count), 0))]
        own, first, before = text[again], leader[again], text[again - 1]
        other = before != first
        for a, b in ((first, own), (before[other], own[other])):
            codes.append(np.minimum(a, b) * count + np.maximum(a, b))
    code = _distinct(np.concatenate(codes))
    pairs: Ints = np.stack([code // count, code % count], axis=1)
    return pairs


def _verified(texts: npt.NDArray[np.object_], letters: Ints, pairs: Ints) -> tuple[Ints, Floats]:
    """Return the pairs that the edit distance confirms, with their likeness."""
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cpdist

    kept, likeness = [np.zeros((0, 2), dtype=np.int64)], [np.zeros(0)]
    for start in range(0, len(pairs), _PAIRS):
        part = pairs[start : start + _PAIRS]
        a, b = letters[part[:, 0]], letters[part[:, 1]]
        needed = near_needed(np.minimum(a, b))
        # Letters that only the longer has must be inserted: 1 - |a - b| / (a + b) is the most that can come out.
        part, needed = part[(able := 2 * np.minimum(a, b) / (a + b) >= needed)], needed[able]
        if len(part):
            like = np.asarray(
                cpdist(
                    texts[part[:, 0]].tolist(),
                    texts[part[:, 1]].tolist(),
                    scorer=Indel.normalized_similarity,
                    score_cutoff=_NEAR[0],
                    dtype=np.float64,
                    workers=-1,
                )
            )
            kept.append(part[like >= needed])
            likeness.append(like[like >= needed])
    return np.concatenate(kept), np.concatenate(likeness)


def _leaders(count: int, weight: Ints, pairs: Ints, likeness: Floats) -> tuple[Ints, Floats]:
    """Let each text in order of weight, then of like texts, take those that are like it and still free."""
    head, like = np.arange(count, dtype=np.int64), np.ones(count)
    links = _links(count, pairs, likeness)
    taken = np.zeros(count, dtype=bool)
    for text in _heaviest_first(links, weight):
        if taken[text]:
            continue
        taken[text] = True
        place = slice(links.indptr[text], links.indptr[text + 1])
        near = links.indices[place]
        free = ~taken[near]
        mine = near[free]
        head[mine], like[mine], taken[mine] = text, links.data[place][free], True
    return head, like


def _links(count: int, pairs: Ints, likeness: Floats) -> sparse.csr_matrix:
    """Return pairs as a symmetric matrix of `count` texts."""
    ends = np.concatenate([pairs[:, 0], pairs[:, 1]]), np.concatenate([pairs[:, 1], pairs[:, 0]])
    return sparse.csr_matrix((np.tile(likeness, 2), ends), shape=(count, count))


def _heaviest_first(links: sparse.csr_matrix, weight: Ints) -> list[int]:
    """Return the texts with any link in order of weight, then of like texts, then of number."""
    degree = np.diff(links.indptr)
    linked = np.flatnonzero(degree)
    order: list[int] = linked[np.lexsort((linked, -degree[linked], -weight[linked]))].tolist()
    return order


def _beside(head: Ints, pairs: Ints) -> Ints:
    """Return pairs of a text and the representative of a text that is like it, where that is another family."""
    a, b = pairs[:, 0], pairs[:, 1]
    other = head[a] != head[b]
    text, lead = np.concatenate([a[other], b[other]]), np.concatenate([head[b[other]], head[a[other]]])
    code = _distinct(np.minimum(text, lead) * len(head) + np.maximum(text, lead))
    found: Ints = np.stack([code // max(1, len(head)), code % max(1, len(head))], axis=1)
    distinct: Ints = found[found[:, 0] != found[:, 1]]
    return distinct


def _codes(pairs: Ints, count: int) -> Ints:
    codes: Ints = pairs[:, 0] * max(1, count) + pairs[:, 1]
    return codes


def _distinct(codes: Ints) -> Ints:
    """Return the distinct codes in order, by sorting: numpy's own `unique` hashes and takes ten times as long here."""
    ordered = np.sort(codes)
    distinct: Ints = ordered[np.concatenate([np.ones(min(1, len(ordered)), bool), ordered[1:] != ordered[:-1]])]
    return distinct


def _held(codes: Ints, known: Ints) -> npt.NDArray[np.bool_]:
    """Return for each of `codes` whether it is among the `known` ones."""
    if not len(known):
        return np.zeros(len(codes), dtype=bool)
    ordered = np.sort(known)
    held: npt.NDArray[np.bool_] = ordered[np.minimum(np.searchsorted(ordered, codes), len(ordered) - 1)] == codes
    return held


def _cosines(texts: Sequence[str]) -> sparse.csr_matrix:
    letters = np.array([len(text) for text in texts], dtype=np.int64)
    hashes, offsets = _shingles(texts, letters, _TRIGRAM)
    _, column = np.unique(hashes, return_inverse=True)
    row = np.repeat(np.arange(len(texts)), np.diff(offsets))
    held = sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(texts), int(column.max(initial=-1)) + 1))
    held.data[:] = 1.0
    seen = np.asarray(held.sum(axis=0)).ravel()
    rare = np.log((1 + len(texts)) / (1 + seen)) + 1.0
    weighted = held @ sparse.diags(rare)
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    unit = sparse.diags(np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)) @ weighted
    product = sparse.csr_matrix(unit @ unit.T)
    product.data = np.round(product.data, 6)
    product.sort_indices()
    return product


def _grown(count: int, weight: Ints, pairs: Ints, cosine: sparse.csr_matrix) -> tuple[Ints, Floats]:
    """Grow a family from each free text in order: through links, but only to what is like the text it grew from."""
    head, like = np.arange(count, dtype=np.int64), np.ones(count)
    links = _links(count, pairs, np.ones(len(pairs)))
    taken = np.zeros(count, dtype=bool)
    for text in _heaviest_first(links, weight):
        if taken[text]:
            continue
        taken[text] = True
        core = np.asarray(cosine[[text]].todense()).ravel()
        front = [text]
        while front:
            found = np.unique(np.concatenate([links.indices[links.indptr[at] : links.indptr[at + 1]] for at in front]))
            mine = found[~taken[found] & (core[found] >= _REWORDED_CORE)]
            head[mine], like[mine], taken[mine] = text, core[mine], True
            front = mine.tolist()
    return head, like
