"""Every kind of organic crowd by name: `crowds` laid over each other, for the null study.

Each is about 1,000 accounts over three days, mostly 5,000 to 15,000 actions, on a clock of seconds (or minutes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from floodmark.coordination.result import Shares
from floodmark.simulate import crowd_triggers as triggers
from floodmark.simulate.crowd_triggers import ONE_TIMETABLE, TRAINS, Told
from floodmark.simulate.crowds import (
    MINUTES,
    PEOPLE,
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


def _laid_over(
    *parts: Callable[[Rng], Rows], clock_ms: int = 1_000, collected: Callable[[Rng, Shares], Shares] | None = None
) -> Callable[[Rng], Shares]:
    """Return what draws parts one after the other from one generator and lays them over each other.

    `collected` then does to the shares what the collection did.
    """

    def draw(rng: Rng) -> Shares:
        shares = to_shares(*(part(rng) for part in parts), clock_ms=clock_ms)
        return collected(rng, shares) if collected else shares

    return draw


def _told(how: Told) -> Callable[[Rng], Shares]:
    return _laid_over(everyday, partial(triggers.told_later, how=how))


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

_EARLY: Final[Mapping[str, Kind]] = MappingProxyType(
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

_FANS_1M: Final = partial(fans, median_h=MINUTES)
_FANS_10M: Final = partial(fans, median_h=10 * MINUTES)
_CURATOR: Final = Told(people=60, objects=40, median_h=2 * MINUTES, teller_shares=True)
_SHOW: Final = Told(80, objects=40, chance=0.35, median_h=40 * SECONDS, delay_sd=0.8, told_median_h=6.0, outsiders=50)
_PUSH: Final = Told(60, PEOPLE - 60, chance=0.3, median_h=90 * SECONDS, told_median_h=8.0, told_sd=0.6)

#: Kinds made by an adversary: a common trigger that the data cannot show (`crowd_triggers`), or a cut collection.
LATE_KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "late_messenger": Kind(
            _told(Told(15, PEOPLE - 15)), "15 of a messenger group share links minutes after they come up there."
        ),
        "late_messenger_few": Kind(
            _told(Told(8, PEOPLE - 8, 15, 0.6, 2 * MINUTES)), "As `late_messenger`: 8 people, 15 links."
        ),
        "late_messenger_slow": Kind(
            _told(Told(30, PEOPLE - 30, 60, 0.3, 10 * MINUTES)), "As `late_messenger`: 30 people, ten minutes."
        ),
        "late_curator": Kind(_told(_CURATOR), "60 people share the original two minutes after a curator does."),
        "late_curator_slow": Kind(
            _told(replace(_CURATOR, median_h=10 * MINUTES)), "As `late_curator`, ten minutes after."
        ),
        "late_show": Kind(_told(_SHOW), "Viewers of a TV show use topics hours old at once when it takes them up."),
        "late_push": Kind(_told(_PUSH), "Users of an app share yesterday's best stories from its notification."),
        "late_push_few": Kind(
            _told(replace(_PUSH, objects=15, median_h=5 * MINUTES)), "As `late_push`: 15 stories, five minutes."
        ),
        "late_newsletter": Kind(
            _laid_over(everyday, triggers.newsletter), "Members share a newsletter's links minutes after a mail."
        ),
        "late_class": Kind(
            _laid_over(everyday, partial(triggers.school_class, outsiders=40)),
            "A class shares, in the lesson, popular links that the teacher gives.",
        ),
        "late_class_own": Kind(
            _laid_over(everyday, triggers.school_class), "As `late_class`, with links nobody else shares."
        ),
        "late_family": Kind(_laid_over(everyday, triggers.families), "Families of three show each other posts."),
        "late_favours": Kind(
            _laid_over(everyday, triggers.favours_in_sittings), "Authors repost each other's posts in sittings."
        ),
        "breaks_shifts": Kind(
            _laid_over(everyday, triggers.breaks), "Workers of two shifts share in breaks of 10 min."
        ),
        "breaks_school": Kind(
            _laid_over(everyday, partial(triggers.breaks, people=60)), "As `breaks_shifts`, 60 people."
        ),
        "breaks_20m": Kind(
            _laid_over(everyday, partial(triggers.breaks, timetables=ONE_TIMETABLE, width_h=20 * MINUTES)),
            "All workers have the same breaks, of 20 minutes.",
        ),
        "breaks_30m": Kind(
            _laid_over(everyday, partial(triggers.breaks, timetables=ONE_TIMETABLE, width_h=30 * MINUTES)),
            "As `breaks_20m`, of 30 minutes.",
        ),
        "breaks_commuters": Kind(
            _laid_over(everyday, partial(triggers.breaks, timetables=TRAINS)), "Commuters share in the same trains."
        ),
        "cron_feed_tool": Kind(
            _laid_over(everyday, triggers.feed_tool), "A tool posts a feed's items for its customers, off the mark."
        ),
        **{
            f"cron_{minutes}m{clock}": Kind(
                _laid_over(everyday, partial(triggers.cron_bots, every_h=minutes * MINUTES), clock_ms=clock_ms),
                f"Independent bots start every {minutes} minutes{words}.",
            )
            for minutes in (10, 7)
            for clock, clock_ms, words in (("", 1_000, ""), ("_minutes", 60_000, "; clock of minutes"))
        },
        "copies": Kind(_laid_over(triggers.collected_thrice), "20 people post the same to three accounts each."),
        "early_stream": Kind(_laid_over(everyday, triggers.live_stream), "Viewers of streams share clips at once."),
        "early_stream_few": Kind(
            _laid_over(everyday, partial(triggers.live_stream, outsiders=3)),
            "As `early_stream`, hardly shared by others.",
        ),
        "early_news_bot": Kind(
            _laid_over(everyday, triggers.news_bot), "Fans of a news bot, half with notifications on."
        ),
        "early_favours": Kind(
            _laid_over(everyday, triggers.favours_notified), "Authors repost each other's posts when notified."
        ),
        "cut_newest": Kind(
            _laid_over(everyday, collected=triggers.newest), "As `rhythm`; only an object's newest 15 are collected."
        ),
        "cut_newest_fans_1m": Kind(
            _laid_over(everyday, _FANS_1M, collected=triggers.newest), "As `cut_newest`, with `fans_1m`."
        ),
        "cut_newest_fans_10m": Kind(
            _laid_over(everyday, _FANS_10M, collected=triggers.newest), "As `cut_newest`, with `fans_10m`."
        ),
        "cut_oldest_fans_1m": Kind(
            _laid_over(everyday, _FANS_1M, collected=triggers.oldest), "As `fans_1m`, an object's oldest 15."
        ),
        "cut_oldest_fans_10m": Kind(
            _laid_over(everyday, _FANS_10M, collected=triggers.oldest), "As `fans_10m`, an object's oldest 15."
        ),
        "cut_sample_fans_10m": Kind(
            _laid_over(everyday, _FANS_10M, collected=triggers.sample), "As `fans_10m`, a random tenth of it."
        ),
        "polled": Kind(
            _laid_over(everyday, clock_ms=90_000), "As `rhythm`; times are those of a poll every 90 seconds."
        ),
        "polled_fans_1m": Kind(_laid_over(everyday, _FANS_1M, clock_ms=90_000), "As `polled`, with `fans_1m`."),
        "polled_fans_10m": Kind(_laid_over(everyday, _FANS_10M, clock_ms=90_000), "As `polled`, with `fans_10m`."),
        "two_clocks_fans_10m": Kind(
            _laid_over(everyday, _FANS_10M, collected=triggers.two_clocks),
            "As `fans_10m`, half of the accounts on a clock of minutes.",
        ),
    }
)

#: Every kind by name.
KINDS: Final[Mapping[str, Kind]] = MappingProxyType({**_EARLY, **LATE_KINDS})
