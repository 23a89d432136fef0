"""Accounts that were someone's before: what their owners wrote in the weeks before the event, as ordinary people do."""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.simulate.cast import ANDROID, IPHONE, NONE, SCHEDULER, WEB, Cast
from floodmark.simulate.crowd import Roots, Stage, choose_tags
from floodmark.simulate.params import CampaignParams
from floodmark.simulate.places import PLACES
from floodmark.simulate.rhythm import Clock
from floodmark.simulate.world import CONTROL, ORIGINAL, REPLY, TOPICS, Bools, Ints, People, Posts

#: Share of replies among what owners wrote, and how far their number of posts varies (a share of the mean).
_REPLY_SHARE: Final = 0.2
_SPREAD: Final = 0.3


def run_histories(stage: Stage, params: CampaignParams, control: Roots, rng: np.random.Generator) -> int:
    """Add what the owners of taken-over accounts wrote before: about the control's topic, on their own clocks.

    Returns how many posts there are. In the window these accounts do nothing but the campaign's work.
    """
    accounts = np.flatnonzero(stage.cast.taken_over)
    mean = params.behaviours.history_posts_per_account
    counts = np.maximum(1, np.rint(mean * rng.uniform(1 - _SPREAD, 1 + _SPREAD, len(accounts)))).astype(np.int64)
    account = np.repeat(accounts, counts)
    at_s = np.empty(len(account), dtype=np.int64)
    for place in range(len(PLACES)):
        here = np.flatnonzero(stage.people.place[account] == place)
        before = np.where(stage.clock.in_window, 0.0, stage.clock.rates[place])
        at_s[here] = rng.permutation(stage.clock.draw(rng, before, len(here)))
    language = stage.cast.owner_language[account]
    tags = choose_tags(stage.book, rng, TOPICS[CONTROL], language)
    position = control.before(at_s)
    answering: Bools = (rng.random(len(account)) < _REPLY_SHARE) & (position >= 0)
    parent = control.post[position[answering]] if answering.any() else NONE
    for mine, kind, about in ((~answering, ORIGINAL, NONE), (answering, REPLY, parent)):
        stage.draft.add(
            account[mine],
            at_s[mine],
            kind=kind,
            parent=about,
            topic=CONTROL,
            tags=tags[mine],
            language=language[mine],
        )
    return len(account)


def post_clients(
    params: CampaignParams, people: People, cast: Cast, clock: Clock, posts: Posts, rng: np.random.Generator
) -> Ints:
    """Return the client of each post (an index into CLIENTS): the usual, a second one, a new phone, an intruder's."""
    client = cast.client[posts.account].copy()
    other = cast.other_client[posts.account]
    moved_s = clock.start_s + (rng.random(len(people)) * (clock.end_s - clock.start_s)).astype(np.int64)
    sometimes = rng.random(len(posts)) < params.habits.second_client_share_of_posts
    moved = posts.at_s >= moved_s[posts.account]
    use = (other != NONE) & np.where(cast.new_phone[posts.account], moved, sometimes)
    client[use] = other[use]
    taken = cast.taken_over[posts.account]
    owner = np.where(cast.client[posts.account] == IPHONE, IPHONE, ANDROID)
    client[taken] = np.where(posts.at_s >= clock.window_s, WEB, owner)[taken]
    # A scheduler posts what was planned; reposts and replies need a person at another client.
    by_hand = cast.scheduler[posts.account] & (posts.kind > 0) & (client == SCHEDULER)
    client[by_hand] = WEB
    return client
