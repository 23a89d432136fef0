"""Whom the campaign writes to: one supporter, whom members of some groups answer far more than the crowd does."""

from __future__ import annotations

import numpy as np

from floodmark.simulate.cast import NONE, groups_of, some_groups
from floodmark.simulate.crowd import Roots, Stage, choose_tags
from floodmark.simulate.params import CampaignParams
from floodmark.simulate.world import REPLY

_DELAY_MEAN_S = 3_600
_TOPIC = 0


def run_target(stage: Stage, params: CampaignParams, supporters: Roots, rng: np.random.Generator) -> int:
    """Add replies to the supporter who posted most in the window, with the tags of `against`; returns who it is.

    Each account answers one of his posts, some time after it. Nobody is answered (NONE) where no group is to, or no
    supporter posted in the window.
    """
    plans, clock = params.behaviours, stage.clock
    posts = np.flatnonzero((supporters.at_s >= clock.window_s) & (supporters.at_s < clock.end_s - 2))
    groups = groups_of(stage.people, stage.layout.campaign)
    chosen = some_groups(len(groups), plans.target_share_of_groups, rng)
    if not posts.size or not chosen.size:
        return NONE
    target = int(np.argmax(np.bincount(supporters.account[posts])))
    posts = posts[supporters.account[posts] == target]
    members = np.concatenate([groups[number] for number in chosen])
    # Machines and taken-over accounts have work of their own.
    members = members[~stage.cast.busy[members]]
    crowd = stage.layout.pools[_TOPIC]
    account = np.concatenate(
        [
            members[rng.random(len(members)) < plans.target_share_of_members],
            crowd[rng.random(len(crowd)) < plans.target_share_of_crowd],
        ]
    )
    answered = rng.choice(posts, len(account))
    delay_s = 1 + rng.exponential(_DELAY_MEAN_S, len(account)).astype(np.int64)
    at_s = np.minimum(supporters.at_s[answered] + delay_s, clock.end_s - 1)
    language = stage.people.language[account]
    tags = choose_tags(stage.book, rng, "against", language)
    parent = supporters.post[answered]
    stage.draft.add(account, at_s, kind=REPLY, parent=parent, topic=_TOPIC, tags=tags, language=language)
    return target
