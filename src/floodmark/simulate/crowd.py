"""What ordinary people do: post by day and night, repost what is popular, answer, share news, follow idols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.simulate import phrases
from floodmark.simulate.behaviours import HabitParams
from floodmark.simulate.cast import NONE, Cast
from floodmark.simulate.params import DAY_S, LANGUAGES, CrowdParams
from floodmark.simulate.rhythm import Clock, Picker
from floodmark.simulate.texts import sentences
from floodmark.simulate.world import REPLY, REPOST, TOPICS, Book, Draft, Floats, Ints, Layout, People, slots

_IDOL_POSTS: Final = 30
_ARTICLE_BOTH_SIDES_SHARE: Final = 0.15
_REPLY_DELAY_MEAN_S: Final = 1_200
_LINK_DELAY_MEAN_S: Final = 5_400
_UNTAGGED_REPLY_SHARE: Final = 0.05
_SCHEDULE_S: Final = 900
_SCHEDULE_LAG_S: Final = 3


@dataclass(frozen=True)
class Roots:
    """Original posts of a crowd, by time: their draft numbers, authors and pull (how much they invite reposts)."""

    post: Ints
    at_s: Ints
    account: Ints
    pull: Floats

    def before(self, at_s: Ints) -> Ints:
        """Return the position of the latest root at least one second before each time; -1 where there is none."""
        return np.searchsorted(self.at_s, at_s, side="left").astype(np.int64) - 1

    def popular_before(self, rng: np.random.Generator, at_s: Ints) -> Ints:
        """Return a root before each time, recent and popular ones first; -1 where there is none."""
        latest = self.before(at_s)
        if not len(self.pull):
            return latest
        cumulative = np.cumsum(self.pull)
        reach = 40 * float(self.pull.mean())
        target = cumulative[latest] - rng.exponential(reach, len(at_s))
        chosen = np.minimum(np.searchsorted(cumulative, target), latest)
        return np.where(latest >= 0, chosen, -1)


@dataclass(frozen=True)
class Stage:
    """What the parts of a simulation share: calendar, people and their parts, posts so far and interned strings."""

    clock: Clock
    people: People
    layout: Layout
    draft: Draft
    book: Book
    cast: Cast
    habits: HabitParams


def tag_choices(book: Book, topic: str, language: str) -> tuple[Ints, tuple[float, ...]]:
    """Return tag sets that people who write `language` use for `topic`, with their probabilities."""
    own, fillers = phrases.SIDE_TAGS[topic][language], phrases.FILLER_TAGS[language]
    variants = phrases.VARIANT_TAGS[topic][language]
    options: list[tuple[tuple[str, ...], float]] = [((own[0],), 0.55)]
    options += [((tag,), 0.2 / len(own[1:])) for tag in own[1:]]
    options += [((own[0], filler), 0.12 / len(fillers)) for filler in fillers]
    options += [((own[-1], own[0]), 0.1)] if len(own) > 1 else []
    options += [((variant,), 0.04 / len(variants)) for variant in variants]
    codes = np.array([book.tags(*tags) for tags, _ in options])
    return codes, tuple(weight for _, weight in options)


def choose_tags(book: Book, rng: np.random.Generator, topic: str, language: Ints, cross_share: float = 0.0) -> Ints:
    """Return a tag set per post; with probability `cross_share` it carries both sides' first tags."""
    tags = np.zeros(len(language), dtype=np.int64)
    for number, code in enumerate(LANGUAGES):
        mine = np.flatnonzero(language == number)
        codes, weights = tag_choices(book, topic, code)
        tags[mine] = codes[slots(rng, weights, len(mine))]
        crossing = mine[rng.random(len(mine)) < cross_share]
        tags[crossing] = both_sides_tags(book, code)
    return tags


def both_sides_tags(book: Book, language: str) -> int:
    """Return the tag set that puts the first tags of both sides together."""
    return book.tags(phrases.SIDE_TAGS["against"][language][0], phrases.SIDE_TAGS["for"][language][0])


def talk(stage: Stage, crowd: CrowdParams, topic: int, rng: np.random.Generator) -> Roots:
    """Add the posts of one crowd, its news bots and fans. Returns its original posts."""
    clock = stage.clock
    picker = Picker(stage.people, stage.layout.pools[topic], clock)
    articles = _news(stage, crowd, topic, rng)
    baseline = np.where(clock.in_window, 0.0, picker.rate)
    window = np.where(clock.in_window, picker.rate * clock.event_shape(crowd.event_peak_ratio), 0.0)
    days = (clock.window_s - clock.start_s) // DAY_S
    counts = (crowd.baseline_posts_per_day * days, crowd.window_posts)
    own_share = 1 - crowd.repost_share_of_posts
    at_s = np.concatenate(
        [
            clock.draw(rng, rate, round(count * own_share))
            for rate, count in zip((baseline, window), counts, strict=True)
        ]
    )
    account = picker.pick(rng, at_s)
    replying = rng.random(len(at_s)) < crowd.reply_share_of_own
    planned = scheduled(stage, (account[~replying], at_s[~replying]), clock.end_s, rng)
    roots = _originals(stage, crowd, topic, planned, articles, rng)
    _replies(stage, topic, (account[replying], at_s[replying]), roots, rng)
    _cascades(stage, picker, roots, round(sum(counts) * crowd.repost_share_of_posts), crowd, rng)
    _fans(stage, crowd, topic, roots, rng)
    return roots


def scheduled(stage: Stage, who_when: tuple[Ints, Ints], end_s: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Move the posts of people who plan them ahead to the next quarter of an hour before `end_s`.

    Returns all accounts and times in order of time.
    """
    account, at_s = who_when
    planned_s = -(-at_s // _SCHEDULE_S) * _SCHEDULE_S + rng.integers(0, _SCHEDULE_LAG_S + 1, len(at_s))
    moved = np.where(stage.cast.scheduler[account], np.minimum(planned_s, end_s - 1), at_s)
    order = np.argsort(moved, kind="stable")
    return account[order], moved[order]


def _languages(stage: Stage, account: Ints, at_s: Ints, rng: np.random.Generator) -> Ints:
    """Return the language of each own post: some write two, and some turn to another one for the event."""
    other = stage.cast.other_language[account]
    now = rng.random(len(account)) < stage.habits.second_language_share_of_posts
    now = np.where(stage.cast.event_language[account], at_s >= stage.clock.window_s, now)
    return np.where((other != NONE) & now, other, stage.people.language[account])


def _originals(
    stage: Stage,
    crowd: CrowdParams,
    topic: int,
    who_when: tuple[Ints, Ints],
    articles: tuple[Ints, Ints],
    rng: np.random.Generator,
) -> Roots:
    account, at_s = who_when
    count = len(account)
    language = _languages(stage, account, at_s, rng)
    tags = choose_tags(stage.book, rng, crowd.topic, language, crowd.cross_share_of_posts)
    # Some write the side's phrase instead of its tag; there is none in Arabic.
    keyed = (rng.random(count) < crowd.keyword_share_of_own) & (language != LANGUAGES.index("ar"))
    tags[keyed] = 0
    url = _recent_links(articles, at_s, rng)
    url[rng.random(count) >= crowd.link_share_of_own] = -1
    body = _fixed_bodies(stage.book, crowd, language, rng)
    body[url >= 0] = -1
    post = stage.draft.add(
        account, at_s, topic=topic, tags=tags, url=url, body=body, language=language, keyword=keyed.astype(np.int64)
    )
    pull = stage.people.activity[account] * (0.05 + rng.pareto(1.2, count))
    ceiling = np.quantile(pull, 0.9995) if count else 0.0
    return Roots(post, at_s, account, np.minimum(pull, ceiling))


def _recent_links(articles: tuple[Ints, Ints], at_s: Ints, rng: np.random.Generator) -> Ints:
    """Return a link to an article that came out some time before each time (-1: none yet)."""
    published_s, url = articles
    latest = np.searchsorted(published_s, at_s - rng.exponential(_LINK_DELAY_MEAN_S, len(at_s))) - 1
    return np.where(latest >= 0, url[latest], -1)


def _fixed_bodies(book: Book, crowd: CrowdParams, language: Ints, rng: np.random.Generator) -> Ints:
    """Return the bodies of posts that say a slogan or something hostile; -1 for free text."""
    body = np.full(len(language), -1, dtype=np.int64)
    shouting = rng.random(len(language)) < crowd.slogan_share_of_own
    for number, code in enumerate(LANGUAGES):
        slogans = np.array([book.body(text) for text in phrases.SLOGANS[crowd.topic][code]])
        mine = np.flatnonzero(shouting & (language == number))
        body[mine] = slogans[rng.integers(0, len(slogans), len(mine))]
    hostile = np.array([book.body(text) for text in phrases.HOSTILE])
    victims = rng.permutation(len(language))[: len(hostile)]
    body[victims] = hostile[: len(victims)]
    return body


def _replies(stage: Stage, topic: int, who_when: tuple[Ints, Ints], roots: Roots, rng: np.random.Generator) -> None:
    account, at_s = who_when
    delay_s = rng.exponential(_REPLY_DELAY_MEAN_S, len(at_s)).astype(np.int64)
    position = roots.before(at_s - delay_s)
    kept = position >= 0
    account, at_s, position = account[kept], at_s[kept], position[kept]
    language = stage.people.language[account]
    tags = choose_tags(stage.book, rng, TOPICS[topic], language)
    tags[rng.random(len(tags)) < _UNTAGGED_REPLY_SHARE] = 0
    parent = roots.post[position]
    stage.draft.add(account, at_s, kind=REPLY, parent=parent, topic=topic, tags=tags, language=language)


def _cascades(
    stage: Stage, picker: Picker, roots: Roots, count: int, crowd: CrowdParams, rng: np.random.Generator
) -> None:
    """Add reposts: a few roots draw most of them, within minutes to hours (Lomax delays)."""
    per_root = rng.multinomial(count, roots.pull / roots.pull.sum())
    position = np.repeat(np.arange(len(per_root)), per_root)
    delay_s = lomax_s(rng, crowd.repost_delay_median_s, count)
    at_s = roots.at_s[position] + delay_s
    kept = at_s < stage.clock.end_s
    at_s = at_s[kept]
    stage.draft.add(picker.pick(rng, at_s), at_s, kind=REPOST, parent=roots.post[position[kept]])


def lomax_s(rng: np.random.Generator, median_s: float, count: int) -> Ints:
    """Return heavy-tailed delays of at least 5 s with about this median (exponent 1.2)."""
    unit = (2 ** (1 / 1.2)) - 1
    return 5 + np.minimum(rng.pareto(1.2, count) * (median_s / unit), 30 * DAY_S).astype(np.int64)


def _fans(stage: Stage, crowd: CrowdParams, topic: int, roots: Roots, rng: np.random.Generator) -> None:
    """Add fans, who repost an idol's latest posts within a minute or so: real lockstep, and innocent."""
    totals = np.bincount(roots.account, weights=roots.pull, minlength=len(stage.people))
    idols = np.argsort(-totals, kind="stable")
    for idol, fans in zip(idols, stage.layout.fans[topic], strict=False):
        position = np.flatnonzero(roots.account == idol)[-_IDOL_POSTS:]
        fan, nth = np.nonzero(rng.random((len(fans), len(position))) < crowd.fan_repost_share)
        delay_s = np.exp(rng.normal(np.log(crowd.fan_delay_median_s), 0.8, len(fan)))
        at_s = roots.at_s[position[nth]] + 1 + delay_s.astype(np.int64)
        kept = at_s < stage.clock.end_s
        stage.draft.add(fans[fan[kept]], at_s[kept], kind=REPOST, parent=roots.post[position[nth[kept]]])


def _news(stage: Stage, crowd: CrowdParams, topic: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Add news bots: they post the wire's articles on schedule. Returns when articles came out and their links."""
    clock, bots = stage.clock, stage.layout.bots[topic]
    days = (clock.end_s - clock.start_s) // DAY_S
    every_s = DAY_S // crowd.articles_per_day // 60 * 60
    published_s = (
        clock.start_s + DAY_S * np.arange(days)[:, None] + every_s * np.arange(crowd.articles_per_day)
    ).ravel()
    count = len(published_s)
    language = slots(rng, crowd.languages_share, count)
    names = (f"https://wire-{crowd.topic}.example/{number:05}" for number in range(1, count + 1))
    url = np.array([stage.book.url(name) for name in names])
    tags = choose_tags(stage.book, rng, crowd.topic, language, _both_share(crowd))
    body = np.array([stage.book.body(sentences(rng, crowd.topic, LANGUAGES[number], 1)[0]) for number in language])
    article, bot = np.nonzero(rng.random((count, len(bots))) < crowd.syndication_share)
    at_s = published_s[article] + rng.integers(0, crowd.syndication_spread_s + 1, len(article))
    stage.draft.add(
        bots[bot],
        at_s,
        topic=topic,
        tags=tags[article],
        url=url[article],
        body=body[article],
        language=language[article],
    )
    return published_s, url


def _both_share(crowd: CrowdParams) -> float:
    return 0.0 if crowd.topic == "control" else _ARTICLE_BOTH_SIDES_SHARE
