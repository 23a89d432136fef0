"""Families of texts against brute force, planted copies and metamorphic relations."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest
from rapidfuzz.distance import Indel

from floodmark.event.families import near_families, near_needed, reworded_families, vector_families

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_RNG = random.Random(0)
WORDS = ["".join(_RNG.choice(LETTERS) for _ in range(6)) for _ in range(600)]


def sentence(rng: random.Random, words: int = 14) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


def planted(seed: int, families: int = 30, copies: int = 6) -> tuple[list[str], list[int]]:
    """Return distinct texts and their family: one word of each copy differs."""
    rng = random.Random(seed)
    texts: dict[str, int] = {}
    for family in range(families):
        words = sentence(rng).split()
        for _ in range(copies):
            copy = list(words)
            copy[rng.randrange(len(copy))] = rng.choice(WORDS)
            texts.setdefault(" ".join(copy), family)
    return list(texts), list(texts.values())


def groups(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


def test_planted_copies_are_found_and_nothing_else() -> None:
    texts, family = planted(3)
    found = near_families(texts, [1] * len(texts))
    truth = groups(np.array(family))
    assert len(groups(found.representative) & truth) >= 0.9 * len(truth)
    assert all(family[member] == family[head] for member, head in enumerate(found.representative))


def test_every_member_is_verified_against_its_representative() -> None:
    texts, _ = planted(4, families=8, copies=12)
    found = near_families(texts, [1] * len(texts))
    for text, head, like in zip(texts, found.representative, found.similarity, strict=True):
        assert like == pytest.approx(Indel.normalized_similarity(text, texts[head]))
        assert like >= near_needed(min(len(text), len(texts[head])))
        assert found.representative[head] == head


def test_likeness_is_not_handed_on() -> None:
    # Each text differs from the next by two words of twelve; the ends share nothing.
    rng = random.Random(1)
    first, last = sentence(rng, 12).split(), sentence(rng, 12).split()
    chain = [" ".join(last[:n] + first[n:]) for n in range(0, 13, 2)]
    found = near_families(chain, [1] * len(chain))
    assert found.representative[0] != found.representative[-1]
    heads = found.representative
    for a, b in combinations(range(len(chain)), 2):
        if heads[a] == heads[b]:
            assert abs(a - b) <= 4


def test_the_text_of_most_accounts_represents() -> None:
    texts = ["the river is rising over the bridge tonight", "the river is rising over the bridge today"]
    assert near_families(texts, [2, 9]).representative.tolist() == [1, 1]
    assert near_families(texts, [9, 2]).representative.tolist() == [0, 0]


@pytest.mark.parametrize("grouped", [near_families, reworded_families])
def test_order_moves_nothing(grouped: object) -> None:
    texts, _ = planted(7)
    weights = [1 + len(text) % 3 for text in texts]
    found = grouped(texts, weights)  # type: ignore[operator]
    order = list(range(len(texts)))
    random.Random(2).shuffle(order)
    again = grouped([texts[n] for n in order], [weights[n] for n in order])  # type: ignore[operator]
    for place, text in enumerate(order):
        assert texts[order[again.representative[place]]] == texts[found.representative[text]]
        assert again.similarity[place] == found.similarity[text]


def test_shuffled_words_make_no_near_families() -> None:
    rng = random.Random(5)
    texts = [" ".join(rng.sample(words, len(words))) for words in (sentence(rng).split() for _ in range(600))]
    found = near_families(texts, [1] * len(texts))
    assert found.representative.tolist() == list(range(len(texts)))


def test_reordered_sentences_are_rewordings_and_no_copies() -> None:
    rng = random.Random(6)
    halves = [(sentence(rng, 9), sentence(rng, 9)) for _ in range(20)]
    texts = [f"{a} {b}" for a, b in halves] + [f"{b} {a}" for a, b in halves]
    assert len(groups(near_families(texts, [1] * 40).representative)) == 40
    found = reworded_families(texts, [1] * 40).representative
    assert groups(found) == {frozenset({n, n + 20}) for n in range(20)}


def test_hostile_sizes() -> None:
    for grouped in (near_families, reworded_families):
        assert grouped([], []).representative.tolist() == []
        assert grouped(["a text that stands alone"], [1]).representative.tolist() == [0]
        with pytest.raises(ValueError, match="once"):
            grouped(["twice", "twice"], [1, 1])
    assert near_families(["x", "y", "𐍈"], [1, 1, 1]).representative.tolist() == [0, 1, 2]


def test_vectors_group_by_their_direction() -> None:
    rows = np.array([[1, 0], [2, 0.1], [0, 3], [0, 0]], dtype=np.float32)
    assert vector_families(rows, [1, 2, 1, 1], 0.9).representative.tolist() == [1, 1, 2, 3]
    with pytest.raises(ValueError, match="finite"):
        vector_families(np.array([[np.nan]], dtype=np.float32), [1], 0.5)
