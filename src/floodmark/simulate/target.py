"""Who is answered: one supporter, by everybody at all times and by some groups far more; one account of the control."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from floodmark.simulate.cast import NONE, groups_of, some_groups
from floodmark.simulate.crowd import Roots, Stage, choose_tags
from floodmark.simulate.params import DAY_S, CampaignParams
from floodmark.simulate.world import CONTROL, REPLY, TOPICS, Ints

_DELAY_MEAN_S = 3_600
_TOPIC = 0
#: Answers to an account that is always answered, for each account of a crowd: on the days before the window, in it.
_EARLIER, _THEN = 0.02, 0.006
_EARLIER_DELAY_S = 2 * DAY_S


def run_answers(stage: Stage, roots: Sequence[Roots], target: int, rng: np.random.Generator) -> None:
    """Let the crowds of both sides answer `target`, and that of the control its most active account, at all times.

    Nothing is added where there is nobody to answer, or an account did not post before the window.
    """
    control, clock = roots[CONTROL], stage.clock
    most = int(np.argmax(np.bincount(control.account))) if len(control.account) else NONE
    for topic, posters, answered in ((_TOPIC, roots[1], target), (1, roots[1], target), (CONTROL, control, most)):
        mine = np.flatnonzero((posters.account == answered) & (posters.at_s < clock.end_s - 2))
        early = posters.at_s[mine] < clock.window_s
        _answer(stage, topic, posters, mine[early], (_EARLIER, _EARLIER_DELAY_S, clock.window_s), rng)
        _answer(stage, topic, posters, mine[~early], (_THEN, _DELAY_MEAN_S, clock.end_s), rng)


def _answer(
    stage: Stage, topic: int, posters: Roots, posts: Ints, plan: tuple[float, int, int], rng: np.random.Generator
) -> None:
    """Let accounts of a crowd answer some of `posts`; the plan is answers an account, longest delay, end."""
    share, longest_s, end_s = plan
    count = int(share * len(stage.layout.pools[topic]))
    if not posts.size or not count:
        return
    answered = rng.choice(posts, count)
    account = rng.choice(stage.layout.pools[topic], count)
    at_s = np.minimum(posters.at_s[answered] + rng.integers(1, longest_s, count), end_s - 1)
    language = stage.people.language[account]
    tags = choose_tags(stage.book, rng, TOPICS[topic], language)
    parent = posters.post[answered]
    stage.draft.add(account, at_s, kind=REPLY, parent=parent, topic=topic, tags=tags, language=language)


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
