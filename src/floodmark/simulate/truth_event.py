"""The planted truth of the event: who enters for the campaign, how unevenly people post, whom the campaign answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from floodmark.simulate.cast import NONE
from floodmark.simulate.world import CONTROL, REPLY, Bools, Floats, Ints

if TYPE_CHECKING:
    from floodmark.simulate.truth import Entry, Facts


def event_entries(facts: Facts, subject: str) -> Iterator[Entry]:
    """Yield (finding id, value, unit, note) of "seemed random" and of targets, for one roster."""
    mine = facts.roster == subject
    yield from _entering(facts, subject, mine)
    yield from _spread(facts, subject, mine)
    yield from _answering(facts, subject, mine)


def _matching(facts: Facts, subject: str) -> Bools:
    control: Bools = facts.posts.topic == CONTROL
    return control if subject == "control" else (facts.sides > 0) & ~control


def _entering(facts: Facts, subject: str, mine: Bools) -> Iterator[Entry]:
    posts = facts.posts
    before = _matching(facts, subject) & (posts.at_s < facts.clock.window_s)
    seen = np.zeros(len(facts.people), dtype=bool)
    seen[posts.account[before]] = True
    new = mine & ~seen
    planted, size = int((new & facts.campaign_accounts).sum()), int(new.sum())
    yield (
        f"M2.entry_synchrony.{subject}",
        planted / size if size else 0.0,
        "share of newcomers",
        f"{planted:,} of {size:,} newcomers are the campaign's, sent in groups within seconds; with none of them a"
        " ratio of 1 is expected",
    )


def _spread(facts: Facts, subject: str, mine: Bools) -> Iterator[Entry]:
    counted = facts.in_window & _matching(facts, subject)
    count = np.bincount(facts.posts.account[counted], minlength=len(facts.people))
    crowd = count[mine & ~facts.campaign_accounts]
    every = count[mine]
    note = "of posts per account as simulated; without the campaign's accounts {:.3g}"
    yield f"M2.gini.{subject}", gini(every), "share", note.format(gini(crowd))
    yield f"M2.top_posts_share.{subject}", top_hundredth(every), "share", note.format(top_hundredth(crowd))


def _answering(facts: Facts, subject: str, mine: Bools) -> Iterator[Entry]:
    posts, target = facts.posts, facts.campaign.target
    answering = np.zeros(len(facts.people), dtype=bool)
    if target != NONE:
        replies = (posts.kind == REPLY) & (posts.parent >= 0) & facts.in_window
        aimed = replies & (posts.account[np.maximum(posts.parent, 0)] == target)
        answering[posts.account[aimed]] = True
    members = mine & answering & facts.campaign_accounts
    planted, crowd = int(members.sum()), int((mine & answering & ~facts.campaign_accounts).sum())
    note = f"answered by {planted:,} of the campaign's accounts and {crowd:,} others of this roster"
    yield f"M2.targets_of_named.{subject}", int(planted > 0), "count", f"planted targets: one supporter, {note}"


def gini(posts: Ints) -> float:
    """Return Gini's coefficient of posts per account, each at least 1; the factor n / (n - 1) is that of few accounts.

    >>> round(gini(np.array([1, 1, 3, 3])), 4)
    0.3333
    """
    ranked, size = np.sort(posts), len(posts)
    if size < 2:
        return 0.0
    places = 2 * np.arange(1, size + 1) - size - 1
    return float(places @ ranked) / (float(ranked.sum()) * (size - 1))


def top_hundredth(posts: Ints) -> float:
    """Return the share of the posts by the most active hundredth of accounts; part of an account counts in part.

    >>> top_hundredth(np.array([3] + [1] * 49))
    0.028846153846153848
    """
    ranked: Floats = np.sort(posts)[::-1].astype(np.float64)
    if not len(ranked):
        return 0.0
    room = np.clip(0.01 * len(ranked) - np.arange(len(ranked)), 0.0, 1.0)
    return float(room @ ranked) / float(ranked.sum())
