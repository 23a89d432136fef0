"""Every kind of organic crowd by name: `crowds` laid over each other, for the null study.

Each is about 1,000 accounts over three days, mostly 5,000 to 15,000 actions, on a clock of seconds (or minutes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from floodmark.coordination.result import Shares
from floodmark.simulate.crowds import (
    MINUTES,
    SECONDS,
    Everyday,
    Rng,
    Rows,
    activists,
    breaking_news,
    devoted_fans,
    everyday,
    fans,
    fans_asleep,
    giveaway,
    readers,
    schedulers,
    second_screen,
    syndication,
    to_shares,
)


class Kind(NamedTuple):
    """One kind of crowd: how to draw it, and what it is in one sentence."""

    draw: Callable[[Rng], Shares]
    meaning: str


def _crowd(crowd: Everyday) -> Callable[[Rng], Rows]:
    return partial(everyday, crowd=crowd)


def _laid_over(*parts: Callable[[Rng], Rows], clock_ms: int = 1_000) -> Callable[[Rng], Shares]:
    """Return what draws parts one after the other from one generator and lays them over each other."""
    return lambda rng: to_shares(*(part(rng) for part in parts), clock_ms=clock_ms)


_VIRAL: Final = _crowd(Everyday(delay_median_h=0.08, delay_sd=1.5, size_tail=0.9, actions_per_account=10))
_MIXED: Final = partial(giveaway, ordinary_hunters=75, passers_by=30)
_SEVERAL: Final = (
    everyday,
    breaking_news,
    _MIXED,
    readers,
    partial(fans, median_h=10 * MINUTES, first_account=500),
)
#: Outsiders per post of a niche source: under 1 % of the people, so that its posts are rare objects.
_FEW: Final = 5
_FAN_MEDIANS: Final = {
    "10s": (10 * SECONDS, "ten seconds"),
    "1m": (MINUTES, "a minute"),
    "2m": (2 * MINUTES, "two minutes"),
    "10m": (10 * MINUTES, "ten minutes"),
    "1h": (1.0, "an hour"),
    "6h": (6.0, "six hours"),
}

#: Every kind by name.
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "rhythm": Kind(
            _laid_over(everyday), "People with a daily rhythm share what they like, after waking if asleep."
        ),
        "morning": Kind(
            _laid_over(_crowd(Everyday(in_one_go=True))),
            "The same, but whoever slept shares the night's posts in one sitting.",
        ),
        "heavy": Kind(
            _laid_over(_crowd(Everyday(activity_tail=0.8, actions_per_account=10))),
            "A few people share most of everything.",
        ),
        "tempo": Kind(
            _laid_over(_crowd(Everyday(tempo_sd=1.0))), "Some people are habitually much faster than others."
        ),
        "viral": Kind(_laid_over(_VIRAL), "Cascades of heavy-tailed size run within minutes."),
        "fast_small": Kind(
            _laid_over(
                _crowd(
                    Everyday(
                        accounts=500,
                        objects=2_000,
                        actions_per_account=12,
                        size_tail=2.5,
                        delay_median_h=0.05,
                        delay_sd=1.5,
                    )
                )
            ),
            "Many small objects, each shared by a few people within minutes.",
        ),
        "readers": Kind(
            _laid_over(everyday, readers), "Readers of a daily digest share a dozen of its posts in a sitting."
        ),
        "habitual_readers": Kind(
            _laid_over(everyday, partial(readers, habitual=True)),
            "The same readers, each at an own fixed hour every day.",
        ),
        "breaking": Kind(_laid_over(everyday, breaking_news), "Breaking news: 40 related objects within two hours."),
        "giveaway": Kind(_laid_over(everyday, giveaway), "Prize hunters share giveaways that nobody else shares."),
        "giveaway_mixed": Kind(
            _laid_over(everyday, _MIXED), "Prize hunters, half of them people of the everyday crowd."
        ),
        **{
            f"fans_{name}": Kind(
                _laid_over(everyday, partial(fans, median_h=median_h)),
                f"Fans of one source react after {words} in the median.",
            )
            for name, (median_h, words) in _FAN_MEDIANS.items()
        },
        "fans_asleep": Kind(
            _laid_over(everyday, fans_asleep), "Fans in one time zone sleep over the same posts of their source."
        ),
        "second_screen": Kind(
            _laid_over(everyday, second_screen), "Fans react at once while they watch a show, and slowly otherwise."
        ),
        **{
            f"niche_{name}": Kind(
                _laid_over(everyday, partial(fans, median_h=median_h, outsiders=_FEW)),
                f"As `fans_{name}`, of a source that hardly anybody else shares.",
            )
            for name, (median_h, _) in _FAN_MEDIANS.items()
        },
        "niche_asleep": Kind(
            _laid_over(everyday, partial(fans_asleep, outsiders=_FEW)), "As `fans_asleep`, of such a source."
        ),
        "niche_second_screen": Kind(
            _laid_over(everyday, partial(second_screen, outsiders=_FEW)), "As `second_screen`, of such a source."
        ),
        "devoted": Kind(
            _laid_over(everyday, partial(devoted_fans, median_h=MINUTES)),
            "Fans react to their source within a minute in the median, and to everything else slowly.",
        ),
        "niche_devoted": Kind(
            _laid_over(everyday, partial(devoted_fans, median_h=MINUTES, outsiders=_FEW)),
            "As `devoted`, of a source that hardly anybody else shares.",
        ),
        "schedulers": Kind(
            _laid_over(everyday, schedulers),
            "People whose posts leave a scheduling tool on the full quarter of an hour.",
        ),
        "syndication": Kind(
            _laid_over(everyday, syndication), "Local outlets post the same agency items within minutes."
        ),
        "activists": Kind(
            _laid_over(everyday, activists), "Activists work through an organiser's posts in an announced hour."
        ),
        "activists_live": Kind(
            _laid_over(everyday, partial(activists, live=True)),
            "Activists repost an organiser's posts as they appear.",
        ),
        "several": Kind(_laid_over(*_SEVERAL), "Everyday crowd, breaking news, giveaway, digest and fans at once."),
        "rhythm_minutes": Kind(_laid_over(everyday, clock_ms=60_000), "As `rhythm`, on a clock of minutes."),
        "viral_minutes": Kind(_laid_over(_VIRAL, clock_ms=60_000), "As `viral`, on a clock of minutes."),
        "several_minutes": Kind(_laid_over(*_SEVERAL, clock_ms=60_000), "As `several`, on a clock of minutes."),
    }
)
