"""Puts words to posts: sentences from slots, hashtags, links, and the prefix of reposts and replies."""

from __future__ import annotations

import numpy as np

from floodmark.simulate import phrases
from floodmark.simulate.params import LANGUAGES
from floodmark.simulate.world import REPLY, REPOST, TOPICS, Book, Ints, Objects, Posts, objects

_EMOJI_SHARE = 0.25
_TAGS_FIRST_SHARE = 0.15


def sentences(rng: np.random.Generator, topic: str, language: str, count: int) -> Objects:
    """Return `count` sentences about `topic`, out of 1.8 million possible ones (Arabic: 0.8 million)."""
    parts = (
        (phrases.OPENERS[language], " "),
        (phrases.SUBJECTS[topic][language], " "),
        (phrases.PREDICATES[topic][language], ". "),
        (phrases.CLOSERS[language], " "),
    )
    text: Objects = objects([""] * count)
    for words, gap in parts:
        text = text + objects([word + gap for word in words])[rng.integers(0, len(words), count)]
    details: Objects = objects([f"({word} {number})" for word in phrases.DETAILS[language] for number in range(1, 61)])
    text += details[rng.integers(0, len(details), count)]
    return text


def write_texts(posts: Posts, handles: Objects, book: Book, rng: np.random.Generator) -> Objects:
    """Return the text of every post. `handles` has the author's handle of every post."""
    text: Objects = _bodies(posts, book, rng)
    emoji = objects([f" {symbol}" for symbol in phrases.EMOJI] + [""])
    plain = len(phrases.EMOJI)
    chosen = np.where(rng.random(len(posts)) < _EMOJI_SHARE, rng.integers(0, plain, len(posts)), plain)
    chosen[posts.body >= 0] = plain
    tags = objects([" ".join(f"#{tag}" for tag in tagset) for tagset in book.tagsets])[posts.tags]
    gap = np.where(posts.tags > 0, " ", "").astype(object)
    # A fixed text is copied to the letter, so its tags always follow it.
    first = (rng.random(len(posts)) < _TAGS_FIRST_SHARE) & (posts.body < 0)
    text[:] = np.where(first, tags + gap + text + emoji[chosen], text + emoji[chosen] + gap + tags)
    links = objects([f" {url}" for url in book.urls] + [""])
    text += links[posts.url]
    replies = np.flatnonzero(posts.kind == REPLY)
    text[replies] = objects(["@"]) + _parent_handles(posts, replies, handles) + objects([" "]) + text[replies]
    reposts = np.flatnonzero(posts.kind == REPOST)
    text[reposts] = (
        objects(["RT @"]) + _parent_handles(posts, reposts, handles) + objects([": "]) + text[posts.parent[reposts]]
    )
    return text


def _bodies(posts: Posts, book: Book, rng: np.random.Generator) -> Objects:
    text: Objects = objects([*book.bodies, ""])[posts.body]
    for topic_number, topic in enumerate(TOPICS):
        for language_number, language in enumerate(LANGUAGES):
            about = (posts.topic == topic_number) & (posts.language == language_number)
            free = np.flatnonzero(about & (posts.body < 0) & (posts.kind != REPOST))
            text[free] = sentences(rng, topic, language, len(free))
            keyed = np.flatnonzero(about & (posts.keyword > 0) & (posts.kind != REPOST))
            if len(keyed):
                text[keyed] = text[keyed] + objects([" " + phrases.KEYWORD_SENTENCES[topic][language]])
    return text


def _parent_handles(posts: Posts, rows: Ints, handles: Objects) -> Objects:
    named: Objects = handles[posts.parent[rows]]
    return named
