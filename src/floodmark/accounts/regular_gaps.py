"""The flag `regular_gaps`: too many gaps between posts have one length."""

from __future__ import annotations

from typing import Final

import numpy as np

from floodmark.accounts.timelines import in_words, judgements, planted, timelines
from floodmark.registry import Flag, Judgements
from floodmark.view import CaseView

#: A gap is judged from so many ticks of the clock on, or rounding alone would make equal gaps.
TICKS: Final = 60
#: Longer gaps may be nights, which are even by habit.
LONGEST_MS: Final = 3 * 3_600_000
#: Half the width of the band, relative to its middle.
WIDTH: Final = 0.05
#: How much denser than its surroundings an ordinary spread of gaps may be anywhere.
STEEPNESS: Final = 2.0
#: Share of the gaps that must lie in the band.
SHARE: Final = 0.3


def _judge(view: CaseView) -> Judgements:
    from floodmark.accounts.kernels.rhythm import even_gaps

    minimum = view.config.parameters.automation_min_posts
    own = timelines(view, minimum)
    shortest_ms = own.resolution_ms * TICKS
    p, length, band, entropy = own.judged_by(
        lambda part: even_gaps(own.starts_of(part), own.at_ms, shortest_ms[part], LONGEST_MS, WIDTH, STEEPNESS, minimum)
    )
    gaps = np.diff(own.starts) - 1

    def why(place: int) -> str:
        return (
            f"{band[place]} of {gaps[place]} gaps are within {WIDTH:.0%} of {in_words(int(length[place]))};"
            f" entropy {entropy[place]:.2f} bits; p {p[place]:.1e}"
        )

    return judgements(own.accounts, p, band >= SHARE * gaps, why)


_EVEN: Final = [1_594_944_000_000 + 2_400_000 * n for n in range(40)]
_UNEVEN: Final = [1_594_944_000_000 + 60_000 * n * (n + 37) for n in range(40)]

FLAG: Final = Flag(
    name="regular_gaps",
    title="Even gaps between posts",
    meaning=(
        "At least 30 % of the gaps between its posts are within 5 % of one length, more than a smooth spread of gaps"
        " allows twice over (false-discovery rate 1 % over the accounts). Gaps under 60 ticks of the clock or over 3"
        " hours do not count; judged from parameters.automation_min_posts gaps (20 by default) on. With a clock of"
        " minutes, gaps under an hour cannot be judged."
    ),
    needs=("posts.at_ms",),
    parameters=("automation_min_posts",),
    benign=(
        "News services, weather and traffic accounts and feeds post on a fixed schedule and say so.",
        "Scheduling tools space out posts that a person wrote.",
        "A game, a countdown or a medical reminder makes somebody post at even intervals.",
    ),
    source="inter-post entropy after Chu et al. 2012, doi 10.1109/TDSC.2012.75; the local test is Floodmark's",
    judge=_judge,
    measure="M9",
    example_posts=planted({"x:1": _EVEN, "x:2": _UNEVEN, "x:3": _EVEN[:5]}),
    example_flags={"x:1": True, "x:2": False, "x:3": None},
)
