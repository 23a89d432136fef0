"""The flag `same_schedule`: posts within seconds of the same other accounts at many moments."""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.accounts.schedules import BIN_MS, WINDOW_MS, in_step, pairs_in_step
from floodmark.accounts.timelines import FALSE_DISCOVERIES, columns, planted, timelines
from floodmark.registry import Flag, Judgements
from floodmark.view import CaseView

#: A coarser clock cannot tell moments apart.
COARSEST_MS: Final = 1_000
#: So many others must be in step with an account.
OTHERS: Final = 2


def _judge(view: CaseView) -> Judgements:
    parameters = view.config.parameters
    own = timelines(view, parameters.automation_min_posts).keeping(COARSEST_MS)
    count = len(own.accounts)
    if count <= OTHERS:
        nobody = np.zeros(count, dtype=bool)
        return columns(own.accounts, nobody, nobody, str)
    pairs = pairs_in_step(own.starts, own.at_ms, COARSEST_MS, parameters.same_schedule_min)
    partners, most, expected = in_step(pairs, count, FALSE_DISCOVERIES)

    def why(place: int) -> str:
        return (
            f"within {WINDOW_MS // 1000} s of {partners[place]} other accounts at many moments, of one at {most[place]}"
            f" moments where chance gives about {expected[place]:.1g}"
        )

    return columns(own.accounts, np.ones(count, dtype=bool), partners >= OTHERS, why)


def _example() -> tuple[dict[str, object], ...]:
    rng = np.random.default_rng(3)
    shared = np.sort(1_594_944_000 + rng.integers(0, 5 * 86_400, 40)) * 1000
    times = {f"x:{n}": (shared + 1000 * (n % 2)).tolist() for n in range(3)}
    for n in range(3, 6):
        times[f"x:{n}"] = (np.sort(1_594_944_000 + rng.integers(0, 5 * 86_400, 40)) * 1000).tolist()
    return planted({**times, "x:99": shared[:5].tolist()})


FLAG: Final = Flag(
    name="same_schedule",
    title="Same moments as others",
    meaning=(
        "It posts within 2 seconds of at least 2 other accounts, of each at more moments than chance gives when both"
        f" keep how much they post in every {BIN_MS // 60_000} minutes and moments pile up as the crowd's do"
        " (at least parameters.same_schedule_min moments, 5 by default, one in 10 minutes; false-discovery rate 1 %"
        " over all pairs). What it posts does not matter. Judged from parameters.automation_min_posts posts (20 by"
        " default) with a clock of seconds on."
    ),
    needs=("posts.at_ms",),
    parameters=("automation_min_posts", "same_schedule_min"),
    benign=(
        "Editions of one newsroom, or one firm's branches, post from one schedule.",
        "Alerts, scores and weather feeds answer the same event within seconds.",
        "One person posts to several declared accounts at once.",
    ),
    source="Floodmark's design; synchrony as in Pacheco et al. 2021, doi 10.1609/icwsm.v15i1.18075",
    judge=_judge,
    measure="M9",
    example_posts=_example(),
    example_flags={**{f"x:{n}": n < 3 for n in range(6)}, "x:99": None},
)
