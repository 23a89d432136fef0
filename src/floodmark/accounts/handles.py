"""What the flags of handles share: the part of a handle that its owner chose, and how usual its letters are."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: The owner's part of a handle in SQL: no leading @, no server, no suffix that a platform gives to everybody.
LOCAL_SQL: Final = r"regexp_replace(regexp_replace(ltrim(trim(handle), '@'), '@.*$', ''), '(?i)\.bsky\.social$', '')"
#: Reference handles of one script that the comparison needs; with fewer nobody can be among the rarest 1 %.
MINIMUM_REFERENCE: Final = 200
_MINIMUM_LETTERS: Final = 6
_LONGEST: Final = 40
_SMOOTHING: Final = 0.5


def script_of(local: str) -> str | None:
    """Return the script of a handle's letters; None with fewer than 6 letters, several scripts, or over 40 characters.

    >>> script_of("anna_1990"), script_of("Мария_Петрова"), script_of("bot1")
    (None, 'CYRILLIC', None)
    """
    letters = [character for character in local if character.isalpha()]
    if len(letters) < _MINIMUM_LETTERS or len(local) > _LONGEST:
        return None
    scripts = {unicodedata.name(letter, "?").split(" ", 1)[0] for letter in letters}
    return scripts.pop() if len(scripts) == 1 else None


def rarity(handles: Sequence[str], reference: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return, for handles of one script, the share of reference handles whose pairs of characters are as unusual.

    `reference` marks the handles from which the pairs are learnt; each is scored without itself, so that a handle
    drawn like the reference gets any share equally often (a conformal p-value). All digits count as one character. The
    score is the mean log-likelihood of a handle's pairs under add-half smoothing. ValueError without a reference.

    >>> usual = ["banana", "bandana", "ananas", "nabana"] * 30
    >>> bool(rarity([*usual, "xqzkvw"], np.arange(121) < 120)[-1] < 0.01)
    True
    """
    if not reference.any():
        raise ValueError("no reference handles")
    texts = [f"^{_classes(handle)}$" for handle in handles]
    alphabet = {character: code for code, character in enumerate(sorted(set("".join(texts))))}
    size = len(alphabet)
    codes = [np.array([alphabet[character] for character in text], dtype=np.int64) for text in texts]
    owner = np.repeat(np.arange(len(codes)), [len(code) - 1 for code in codes])
    first = np.concatenate([code[:-1] for code in codes])
    pair = first * size + np.concatenate([code[1:] for code in codes])
    learnt = reference[owner]
    pairs = np.bincount(pair[learnt], minlength=size * size)
    firsts = np.bincount(first[learnt], minlength=size)
    own_pair = _own(owner * size * size + pair) * learnt
    own_first = _own(owner * size + first) * learnt
    likelihood = np.log(
        (pairs[pair] - own_pair + _SMOOTHING) / (firsts[first] - own_first + _SMOOTHING * (size - 1)),
    )
    score = np.round(np.bincount(owner, weights=likelihood) / np.bincount(owner), 9)
    usual = np.sort(score[reference])
    as_low = np.searchsorted(usual, score, side="right")
    # A reference handle is one of those it is compared with.
    others = len(usual) - reference.astype(np.int64)
    result: NDArray[np.float64] = (1 + as_low - reference) / (1 + others)
    return result


def _own(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often each key occurs."""
    _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    found: NDArray[np.int64] = counts[place]
    return found


def _classes(handle: str) -> str:
    return "".join("0" if character.isdigit() else character for character in handle.lower())
