"""Substrings that sequences share: a generalised suffix automaton, compiled.

Blumer et al. 1985 (doi 10.1016/0304-3975(85)90157-4). Every state stands for the substrings with one set of end
positions; its longest one has `length` letters. Memory is about 2 x letters x (alphabet + 4) x 4 bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from floodmark.compiled import compiled

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]


class Automaton(NamedTuple):
    """States 0..n-1 (0 the empty string): longest length, suffix link, in how many sequences it occurs, transitions."""

    length: Int32s
    link: Int32s
    sequences: Int32s
    next: Int32s


def build(letters: NDArray[np.uint8], starts: Int64s, alphabet: int) -> Automaton:
    """Return the automaton of the sequences `letters[starts[i]:starts[i + 1]]`, whose letters are 0..alphabet-1.

    >>> found = build(np.array([0, 1, 0, 1, 1, 0, 1], dtype=np.uint8), np.array([0, 4, 7]), 2)
    >>> int(found.length[found.sequences == 2].max())
    3
    """
    size = 2 * len(letters) + 2
    length, link = np.zeros(size, dtype=np.int32), np.full(size, -1, dtype=np.int32)
    transitions = np.full((size, alphabet), -1, dtype=np.int32)
    states = _build(letters, starts, length, link, transitions)
    sequences, seen = np.zeros(states, dtype=np.int32), np.full(states, -1, dtype=np.int32)
    _count(letters, starts, link, transitions, sequences, seen)
    return Automaton(length[:states], link[:states], sequences, transitions[:states])


def longest_by_count(automaton: Automaton, count: int) -> Int32s:
    """Return, at place k, the length of the longest substring that occurs in at least k of `count` sequences."""
    longest = np.zeros(count + 1, dtype=np.int32)
    np.maximum.at(longest, automaton.sequences, automaton.length)
    return np.maximum.accumulate(longest[::-1])[::-1]


def holders(automaton: Automaton, letters: NDArray[np.uint8], starts: Int64s, wanted: NDArray[np.bool_]) -> Int32s:
    """Return for each sequence the longest length among the `wanted` states that occur in it; 0 where none does."""
    # Whoever holds a state holds its suffixes too, so each state hands down the longest wanted length along its links.
    best = np.where(wanted, automaton.length, 0).astype(np.int32)
    # Numpy sorts short integers by their digits, and lengths mostly are short.
    short = automaton.length.max(initial=0) < 1 << 16
    order = np.argsort(automaton.length.astype(np.uint16) if short else automaton.length, kind="stable")
    _hand_down(order, automaton.link, best)
    return np.asarray(_walk_best(letters, starts, automaton.next, best), dtype=np.int32)


def longest_held(letters: NDArray[np.uint8], starts: Int64s, alphabet: int, least: int) -> Int32s:
    """Return for each sequence the length of its longest substring that occurs in at least `least` sequences, itself
    included; 0 where none does. The same as `build` and `holders`, in one pass and less memory.

    >>> longest_held(np.array([0, 1, 0, 1, 1, 0, 1], dtype=np.uint8), np.array([0, 4, 7]), 2, 2).tolist()
    [3, 3]
    """
    # One row a state, transitions first: a step then touches one line of memory, which is what the time goes into.
    states = np.empty((2 * len(letters) + 2, 1 << (alphabet + 3).bit_length()), dtype=np.int32)
    ends = np.empty(len(letters), dtype=np.int32)
    made = _build_counted(letters, starts, alphabet, least, states, ends)
    return np.asarray(_longest_ends(starts, ends, states[:made], alphabet, least), dtype=np.int32)


@compiled
def _build_counted(
    letters: NDArray[np.uint8], starts: Int64s, alphabet: int, least: int, state: Int32s, ends: Int32s
) -> int:
    # After the transitions: suffix link, length, sequences that hold it (up to `least`), the last such sequence.
    link, length, held, seen = alphabet, alphabet + 1, alphabet + 2, alphabet + 3
    state[0, :] = -1
    state[0, length], state[0, held] = 0, least
    states = 1
    for sequence in range(len(starts) - 1):
        last = 0
        for place in range(starts[sequence], starts[sequence + 1]):
            letter = int(letters[place])
            reach = state[last, length] + 1
            known = int(state[last, letter])
            if known >= 0 and state[known, length] == reach:
                last = known
            elif known >= 0:
                # The string is known, but only as a shorter member of a state: that state is split.
                last = _split(state, last, letter, known, states, link)
                states += 1
            else:
                new = states
                states += 1
                state[new, :] = -1
                state[new, length], state[new, held] = reach, 0
                at = last
                while at >= 0 and state[at, letter] < 0:
                    state[at, letter] = new
                    at = state[at, link]
                state[new, link] = 0
                if at >= 0:
                    target = int(state[at, letter])
                    state[new, link] = target
                    if state[target, length] != state[at, length] + 1:
                        state[new, link] = _split(state, at, letter, target, states, link)
                        states += 1
                last = new
            ends[place] = last
            # Whoever holds a string holds its suffixes, so where `least` hold one the rest of the way is settled.
            at = last
            while state[at, held] < least and state[at, seen] != sequence:
                state[at, held] += 1
                state[at, seen] = sequence
                at = state[at, link]
    return states


@compiled
def _split(state: Int32s, at: int, letter: int, known: int, new: int, link: int) -> int:
    # The shorter members of `known`, reached from `at` and its suffixes, become the state `new`.
    state[new, :] = state[known, :]
    state[new, link + 1] = state[at, link + 1] + 1
    state[known, link] = new
    while at >= 0 and state[at, letter] == known:
        state[at, letter] = new
        at = state[at, link]
    return new


@compiled
def _longest_ends(starts: Int64s, ends: Int32s, state: Int32s, alphabet: int, least: int) -> Int32s:
    link, length, held = alphabet, alphabet + 1, alphabet + 2
    found = np.zeros(len(starts) - 1, dtype=np.int32)
    for sequence in range(len(starts) - 1):
        for place in range(starts[sequence], starts[sequence + 1]):
            at = int(ends[place])
            while state[at, held] < least and state[at, length] > found[sequence]:
                at = int(state[at, link])
            if state[at, held] >= least:
                found[sequence] = max(found[sequence], state[at, length])
    return found


@compiled
def _build(letters: NDArray[np.uint8], starts: Int64s, length: Int32s, link: Int32s, transitions: Int32s) -> int:
    states = 1
    for sequence in range(len(starts) - 1):
        last = 0
        for place in range(starts[sequence], starts[sequence + 1]):
            letter = letters[place]
            known = transitions[last, letter]
            if known >= 0 and length[known] == length[last] + 1:
                last = known
                continue
            if known >= 0:
                # The string is known, but only as a shorter member of a state: that state is split.
                clone = states
                states += 1
                length[clone], link[clone] = length[last] + 1, link[known]
                transitions[clone, :] = transitions[known, :]
                link[known] = clone
                at = last
                while at >= 0 and transitions[at, letter] == known:
                    transitions[at, letter] = clone
                    at = link[at]
                last = clone
                continue
            new = states
            states += 1
            length[new] = length[last] + 1
            at = last
            while at >= 0 and transitions[at, letter] < 0:
                transitions[at, letter] = new
                at = link[at]
            if at < 0:
                link[new] = 0
            else:
                target = transitions[at, letter]
                if length[target] == length[at] + 1:
                    link[new] = target
                else:
                    clone = states
                    states += 1
                    length[clone], link[clone] = length[at] + 1, link[target]
                    transitions[clone, :] = transitions[target, :]
                    while at >= 0 and transitions[at, letter] == target:
                        transitions[at, letter] = clone
                        at = link[at]
                    link[target] = clone
                    link[new] = clone
            last = new
    return states


@compiled
def _count(
    letters: NDArray[np.uint8], starts: Int64s, link: Int32s, transitions: Int32s, sequences: Int32s, seen: Int32s
) -> None:
    for sequence in range(len(starts) - 1):
        state = 0
        for place in range(starts[sequence], starts[sequence + 1]):
            state = transitions[state, letters[place]]
            at = state
            while at > 0 and seen[at] != sequence:
                seen[at] = sequence
                sequences[at] += 1
                at = link[at]


@compiled
def _hand_down(order: Int64s, link: Int32s, best: Int32s) -> None:
    for state in order:
        if state > 0 and best[link[state]] > best[state]:
            best[state] = best[link[state]]


@compiled
def _walk_best(letters: NDArray[np.uint8], starts: Int64s, transitions: Int32s, best: Int32s) -> Int32s:
    found = np.zeros(len(starts) - 1, dtype=np.int32)
    for sequence in range(len(starts) - 1):
        state = 0
        for place in range(starts[sequence], starts[sequence + 1]):
            state = transitions[state, letters[place]]
            found[sequence] = max(found[sequence], best[state])
    return found


@compiled
def reordered(letters: NDArray[np.uint8], starts: Int64s, block: int, seed: int) -> NDArray[np.uint8]:
    """Return the sequences with the order of their stretches drawn anew.

    A stretch begins with a run of the account's commonest letter and ends before the next one, so every run, every pair
    of neighbours and the mix stay as they were. Stretches change places within `block` neighbours only, so that slow
    changes of habit stay too. What stands before the first stretch stays.
    """
    out = letters.copy()
    for sequence in range(len(starts) - 1):
        first, end = starts[sequence], starts[sequence + 1]
        counts = np.zeros(256, dtype=np.int64)
        for place in range(first, end):
            counts[letters[place]] += 1
        main = np.argmax(counts)
        begins = np.empty(end - first + 1, dtype=np.int64)
        units = 0
        for place in range(first, end):
            if letters[place] == main and (place == first or letters[place - 1] != main):
                begins[units] = place
                units += 1
        # The last stretch may be cut off by the end of the data: it stays.
        state = np.uint64(seed * 1_000_003 + sequence + 1)
        for low in range(0, units - 1, block):
            high = min(low + block, units - 1)
            order = np.arange(low, high)
            for k in range(high - low - 1, 0, -1):
                state += np.uint64(0x9E3779B97F4A7C15)
                mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                other = np.int64((mixed ^ (mixed >> np.uint64(31))) % np.uint64(k + 1))
                order[k], order[other] = order[other], order[k]
            at = begins[low]
            for unit in order:
                for place in range(begins[unit], begins[unit + 1]):
                    out[at] = letters[place]
                    at += 1
    return out
