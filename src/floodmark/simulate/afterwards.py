"""The days after the event, while the collector still runs: the crowds go on, below what is usual for them."""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.simulate.crowd import Stage, choose_tags, scheduled
from floodmark.simulate.params import BIN_S, DAY_S, CampaignParams
from floodmark.simulate.rhythm import Picker

_WEEK_DAYS: Final = 7


def run_afterwards(stage: Stage, params: CampaignParams, rng: np.random.Generator) -> int:
    """Add posts in their own words by people of each crowd who posted before. Returns how many posts there are.

    Days and hours are those of the same weekdays some weeks before, when there was no event.
    """
    clock, size = stage.clock, stage.draft.size
    back_days = -(-(params.window_days + params.after_days) // _WEEK_DAYS) * _WEEK_DAYS
    first = (clock.end_s - back_days * DAY_S - clock.start_s) // BIN_S
    place = np.arange(clock.rates.shape[1])
    usual = (place >= first) & (place < first + params.after_days * DAY_S // BIN_S) & ~clock.in_window
    if not usual.any():
        return 0
    known = np.unique(np.concatenate(stage.draft.parts["account"]))
    for topic, crowd in enumerate(params.crowds):
        picker = Picker(stage.people, np.intersect1d(stage.layout.pools[topic], known), clock)
        mean = crowd.baseline_posts_per_day * params.after_share_of_baseline * params.after_days
        at_s = clock.draw(rng, np.where(usual, picker.rate, 0.0), int(rng.poisson(mean)))
        end_s = clock.end_s + params.after_days * DAY_S
        account, at_s = scheduled(stage, (picker.pick(rng, at_s), at_s + back_days * DAY_S), end_s, rng)
        language = stage.people.language[account]
        tags = choose_tags(stage.book, rng, crowd.topic, language)
        stage.draft.add(account, at_s, topic=topic, tags=tags, language=language)
    return stage.draft.size - size
