"""The flag `no_night`: on many days no stretch of quiet that is long enough for sleep."""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.accounts.timelines import judgements, planted, timelines
from floodmark.registry import Flag, Judgements
from floodmark.view import CaseView

QUIET_MS: Final = 4 * 3_600_000
_DAY_MS: Final = 86_400_000
#: Share of days on which somebody who sleeps may still go without a quiet stretch.
CHANCE: Final = 0.1
MIN_DAYS: Final = 3
#: Share of days without a quiet stretch from which on the account is flagged.
SHARE: Final = 0.5


def _judge(view: CaseView) -> Judgements:
    from floodmark.accounts.kernels.rhythm import sleepless_days

    own = timelines(view, view.config.parameters.automation_min_posts)
    p, sleepless, days = sleepless_days(own.starts, own.at_ms, QUIET_MS, _DAY_MS, CHANCE, MIN_DAYS)

    def why(place: int) -> str:
        return (
            f"{sleepless[place]} of {days[place]} days without {QUIET_MS // 3_600_000} hours of quiet; p {p[place]:.1e}"
        )

    return judgements(own.accounts, p, sleepless >= SHARE * np.maximum(1, days), why)


_AROUND: Final = [1_594_944_000_000 + 3_600_000 * n + 61_000 * (n % 7) for n in range(24 * 10)]
_NIGHTS: Final = [at for at in _AROUND if (at // 3_600_000) % 24 >= 7]

FLAG: Final = Flag(
    name="no_night",
    title="Round the clock",
    meaning=(
        "On at least half of its days no quiet stretch of 4 hours, more than somebody who goes without one on a tenth"
        " of the days would show (false-discovery rate 1 % over the accounts). No time zone is assumed: a day counts as"
        " quiet when such a stretch touches it. Judged from 3 whole days and parameters.automation_min_posts posts (20"
        " by default) on; few posts leave quiet stretches, so they never flag."
    ),
    needs=("posts.at_ms",),
    parameters=("automation_min_posts",),
    benign=(
        "Several people share one account: newsrooms, help desks, campaigns.",
        "Feeds, scheduling tools and news services post day and night.",
        "Somebody is awake through an emergency, or sleeps in short naps.",
    ),
    source="Floodmark's design; the binomial tail over days is exact for independent days",
    judge=_judge,
    measure="M9",
    example_posts=planted({"x:1": _AROUND, "x:2": _NIGHTS, "x:3": _AROUND[:30]}),
    example_flags={"x:1": True, "x:2": False, "x:3": None},
)
