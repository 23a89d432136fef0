"""The flag `clock_marks`: posts come at one point of every hour, half hour or shorter stretch of the clock."""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.accounts.timelines import in_words, judgements, planted, timelines
from floodmark.registry import Flag, Judgements
from floodmark.view import CaseView

PERIODS_MS: Final = tuple(60_000 * minutes for minutes in (1, 5, 10, 15, 20, 30, 60))
#: A period needs so many ticks of the clock, or its points cannot be told apart.
TICKS: Final = 20
#: Mean resultant length from which on posts count as being at one point; 0.8 is a spread of about a tenth.
STRENGTH: Final = 0.8


def _judge(view: CaseView) -> Judgements:
    from floodmark.accounts.kernels.rhythm import clock_marks

    minimum = view.config.parameters.automation_min_posts
    own = timelines(view, minimum)
    periods = np.array(PERIODS_MS, dtype=np.int64)
    p, period, strength, posts = own.judged_by(
        lambda part: clock_marks(own.starts_of(part), own.at_ms, own.resolution_ms[part], periods, TICKS, minimum)
    )

    def why(place: int) -> str:
        return (
            f"{posts[place]} posts, each in another cycle of {in_words(int(period[place]))}, at one point of the cycle"
            f" (strength {strength[place]:.2f} of 1); p {p[place]:.1e}"
        )

    return judgements(own.accounts, p, strength >= STRENGTH, why)


_MARKS: Final = [1_594_944_000_000 + 3_600_000 * n + 7_000 * (n % 3) for n in range(40)]
_LOOSE: Final = [1_594_944_000_000 + 3_600_000 * n + (n * 1_234_567) % 3_600_000 for n in range(40)]

FLAG: Final = Flag(
    name="clock_marks",
    title="Posts on marks of the clock",
    meaning=(
        "Its posts stand at one point of the minute, of 5, 10, 15, 20 or 30 minutes or of the hour (Rayleigh's test on"
        " posts at least one period apart, over all periods; mean resultant length at least 0.8; false-discovery rate"
        " 1 % over the accounts), as on the full hour. Judged from parameters.automation_min_posts such"
        " posts (20 by default) on. A clock of minutes can judge periods from 20 minutes on only."
    ),
    needs=("posts.at_ms",),
    parameters=("automation_min_posts",),
    benign=(
        "Bell towers, time signals, weather stations and news feeds post on the hour.",
        "Scheduling tools offer full hours and quarters by default.",
        "A programme that begins on the hour makes its audience post then.",
    ),
    source="Rayleigh's test, Zar 1999; minute marks after Zhang & Paxson 2011, doi 10.1007/978-3-642-19260-9_11",
    judge=_judge,
    measure="M9",
    example_posts=planted({"x:1": _MARKS, "x:2": _LOOSE, "x:3": _MARKS[:5]}),
    example_flags={"x:1": True, "x:2": False, "x:3": None},
)
