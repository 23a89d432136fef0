"""Breaks in accounts' own habits: dated changes of client, language, clock, topic or company to a value new to them.

After COMPA (Egele et al. 2013, 2017): an account is compared with its own past. COMPA scores how unusual a post is;
here the order of the account's own posts is tested. If its habits never changed, every order is as likely, so the
chance of so few early uses of a value follows the hypergeometric law, whether or not the value was seen before. All
posts of one hour count once, since a sitting at one machine says little more than one post.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from floodmark.accounts.takeover_posts import Ints, OwnPosts
from floodmark.view import CaseView

Floats: TypeAlias = NDArray[np.float64]

FEATURES: Final = ("client", "language", "clock", "topic", "mentions")
#: Either can anchor a takeover; the other features follow the news as much as the person.
ANCHORS: Final = ("client", "language")
#: An hour is an hour: posts within one count once.
SLOT_MS: Final = 3_600_000
#: A value is new where at most so many of the hours before held it, and taken up where so many afterwards do.
BEFORE_SHARE: Final = 0.1
AFTER_SHARE: Final = 0.5
#: Chance of a false break, per account and feature, over all dates and values.
BREAK_P: Final = 0.01
#: Accounts from which the crowd's own changes are learnt, beside those whose anchors break.
CROWD_SAMPLE: Final = 5_000

#: Rows of posts of the asked accounts; `slot` is the hour of the post's earliest row.
_ASKED_POSTS: Final = """
    CREATE OR REPLACE TEMP TABLE _tk_asked_posts AS
    SELECT a.acc, p.stream, p.post_id, p.hashtags, p.urls, p.mentions, p.reposted_account_id, p.replied_account_id,
           min(p.at_ms) OVER (PARTITION BY a.acc, p.post_id) AS at_ms
    FROM posts p JOIN _tk_asked a USING (account_id)
"""
_TOPIC: Final = """
    WITH mine AS (
        SELECT t.acc, any_value(t.at_ms) AS at_ms, coalesce(min(f.hashtags), min(t.hashtags)) AS tags,
               coalesce(min(f.urls), min(t.urls)) AS urls
        FROM _tk_asked_posts t LEFT JOIN post_features f ON f.stream = t.stream AND f.post_id = t.post_id
        GROUP BY t.acc, t.post_id
    )
    SELECT acc, at_ms, '#' || lower(unnest(tags)) AS value FROM mine
    UNION ALL
    SELECT acc, at_ms, regexp_extract(lower(url), '^(?:[a-z]+://)?(?:www\\.)?([^/?#]+)', 1) AS value
    FROM (SELECT acc, at_ms, unnest(urls) AS url FROM mine) WHERE value <> ''
"""
_MENTIONS: Final = """
    SELECT acc, at_ms, reposted_account_id AS value FROM _tk_asked_posts
    UNION ALL SELECT acc, at_ms, replied_account_id FROM _tk_asked_posts
    UNION ALL SELECT acc, at_ms, '@' || lower(unnest(mentions)) FROM _tk_asked_posts
"""
#: Values of an account that occur in two hours or more; one occurrence is no habit, before or after.
_HITS: Final = f"""
    SELECT acc, at_ms, value FROM (
        SELECT acc, min(at_ms) AS at_ms, value FROM ({{hits}}) WHERE value IS NOT NULL
        GROUP BY acc, at_ms // {SLOT_MS}, value
    ) QUALIFY count(*) OVER (PARTITION BY acc, value) >= 2
"""


@dataclass(frozen=True)
class Breaks:
    """Breaks in order of (account, feature, value): account number, place in FEATURES, when, p-value, hours counted."""

    acc: Ints
    feature: Ints
    value: list[str]
    at_ms: Ints
    p_value: Floats
    before: Ints
    hours_before: Ints
    after: Ints
    hours_after: Ints


@dataclass(frozen=True)
class Profiles:
    """What was tested: account ids by number, who could be judged and when a break was possible, who was asked fully.

    `features` are those with any value. Numbers follow the order of account ids.
    """

    accounts: list[str]
    judged: NDArray[np.bool_]
    first_ms: Ints
    last_ms: Ints
    asked: NDArray[np.bool_]
    features: tuple[str, ...]
    breaks: Breaks


@dataclass(frozen=True)
class _Hours:
    """Hours with posts, in order of account and time; `possible` are those at which a break could begin.

    `place` counts the account's hours before, `hours` all of them, `dates` the possible ones.
    """

    acc: Ints
    slot: Ints
    first_ms: Ints
    place: Ints
    hours: Ints
    possible: NDArray[np.bool_]
    dates: Ints


def chance_of_so_few(before: Ints, hours_before: Ints, uses: Ints, hours: Ints) -> Floats:
    """Return the chance that at most `before` of an account's `uses` fall in its first `hours_before` of `hours` hours.

    The hypergeometric law, exact when every order of the hours is equally likely.

    >>> chance_of_so_few(np.array([0]), np.array([10]), np.array([3]), np.array([13])).round(5).tolist()
    [0.0035]
    """
    from scipy.special import gammaln

    def log_choose(n: Floats, k: Floats) -> Floats:
        return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), dtype=np.float64)

    total = np.zeros(len(before))
    k, m, n = (np.asarray(x, dtype=np.float64) for x in (hours_before, uses, hours))
    for x in range(int(before.max(initial=-1)) + 1):
        at = np.flatnonzero((before >= x) & (m - x <= n - k) & (x <= k))
        a, b, c = k[at], m[at], n[at]
        total[at] += np.exp(log_choose(a, np.full(len(at), x)) + log_choose(c - a, b - x) - log_choose(c, b))
    return np.asarray(np.minimum(total, 1.0))


def profiles(view: CaseView, own: OwnPosts) -> Profiles:
    """Test every participant with enough posts; reads posts and post_features, makes temporary tables.

    Deterministic: whatever the order of rows. Source: COMPA, doi 10.1109/TDSC.2015.2479616, changed as said above.
    """
    limits = view.config.parameters
    least = limits.takeover_history_posts + limits.takeover_posts_after
    counts = [np.bincount(own.acc[own.codes[name] >= 0], minlength=len(own.accounts)) for name in ANCHORS]
    named = np.flatnonzero(np.maximum(*counts) >= least)
    number = np.full(len(own.accounts), -1, dtype=np.int64)
    number[named] = np.arange(len(named))
    accounts = [own.accounts[place] for place in named.tolist()]
    first, last = np.full(len(accounts), np.iinfo(np.int64).max), np.full(len(accounts), -1, dtype=np.int64)
    judged = np.zeros(len(accounts), dtype=bool)
    parts: list[dict[str, np.ndarray]] = []
    for place, (name, known) in enumerate(zip(ANCHORS, counts, strict=True)):
        rows = np.flatnonzero((own.codes[name] >= 0) & (known >= least)[own.acc])
        hours, of_row = _hours(view, number[own.acc[rows]], own.at_ms[rows])
        acc, able, first_ms, last_ms = _reach(hours)
        judged[acc[able]] = True
        first[acc], last[acc] = np.minimum(first[acc], first_ms), np.maximum(last[acc], last_ms)
        parts.append(_breaks(place, hours, of_row, own.codes[name][rows], own.values[name]))
    asked = _asked(accounts, judged, np.concatenate([part["acc"] for part in parts]))
    parts += _others(view, own, number, accounts, asked)
    return Profiles(accounts, judged, first, last, asked, features(view), _joined(parts))


def _hours(view: CaseView, acc: Ints, at_ms: Ints) -> tuple[_Hours, Ints]:
    """Return the hours of posts that come in order of account and time, and the hour of each post."""
    limits = view.config.parameters
    slot = at_ms // SLOT_MS
    other = np.diff(acc, prepend=-1) != 0
    fresh = other.copy()
    fresh[1:] |= slot[1:] != slot[:-1]
    heads = np.flatnonzero(fresh)
    # One number an account that occurs: where its posts and its hours begin and how many they are.
    posts_from = np.flatnonzero(other)
    hours_from = np.searchsorted(heads, posts_from)
    hours, posts = (np.diff(begin, append=size) for begin, size in ((hours_from, len(heads)), (posts_from, len(acc))))
    who = np.repeat(np.arange(len(hours)), hours)
    place, before = np.arange(len(heads)) - hours_from[who], heads - posts_from[who]
    possible = (before >= limits.takeover_history_posts) & (place > 0)
    possible &= posts[who] - before >= limits.takeover_posts_after
    dates = np.bincount(who[possible], minlength=len(hours))[who]
    found = _Hours(acc[heads], slot[heads], at_ms[heads], place, hours[who], possible, dates)
    return found, np.cumsum(fresh) - 1


def _reach(hours: _Hours) -> tuple[Ints, NDArray[np.bool_], Ints, Ints]:
    """Return the accounts with a possible date, whether they could show a break, and their first and last such date.

    An account could show one where the cleanest break at the best date would pass.
    """
    rows = np.flatnonzero(hours.possible)
    firsts = np.flatnonzero(np.diff(hours.acc[rows], prepend=-1))
    lasts = np.append(firsts[1:], len(rows))[: len(firsts)] - 1
    first, last = rows[firsts], rows[lasts]
    count = hours.hours[first]
    middle = np.clip(count // 2, hours.place[first], hours.place[last])
    least = chance_of_so_few(np.zeros(len(first), dtype=np.int64), middle, count - middle, count)
    able = np.asarray(least * hours.dates[first] <= BREAK_P)
    return hours.acc[first], able, hours.first_ms[first], hours.first_ms[last]


def _breaks(feature: int, hours: _Hours, hour: Ints, code: np.ndarray, values: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the best date of each account and value that passes; in hour `hour` is value number `code`."""
    dated = np.flatnonzero(hours.dates[hour] > 0)
    hour, pair = hour[dated], hours.acc[hour[dated]] * max(1, len(values)) + code[dated]
    order = np.lexsort((hour, pair)) if len(pair) else dated
    hour, pair = hour[order], pair[order]
    once = (np.diff(pair, prepend=-1) != 0) | (np.diff(hour, prepend=-1) != 0)
    hour, pair = hour[once], pair[once]
    heads = np.flatnonzero(np.diff(pair, prepend=-1))
    size = np.diff(heads, append=len(pair))
    before, uses = np.arange(len(pair)) - np.repeat(heads, size), np.repeat(size, size)
    acc, place, total = hours.acc[hour], hours.place[hour], hours.hours[hour]
    habits = np.bincount(acc[heads[size >= 2]], minlength=int(acc.max(initial=0)) + 1)
    taken = (uses >= 2) & hours.possible[hour] & (before <= BEFORE_SHARE * place)
    rows = np.flatnonzero(taken & (uses - before >= AFTER_SHARE * (total - place)))
    p_value = chance_of_so_few(before[rows], place[rows], uses[rows], total[rows])
    p_value = p_value * hours.dates[hour[rows]] * habits[acc[rows]]
    passed = np.flatnonzero(p_value <= BREAK_P)
    # Of dates as good as each other the earliest.
    rounded = np.round(np.log10(np.maximum(p_value[passed], 1e-300)), 9)
    passed = passed[np.lexsort((place[rows[passed]], rounded, pair[rows[passed]]))]
    passed = passed[np.flatnonzero(np.diff(pair[rows[passed]], prepend=-1))]
    best = rows[passed]
    value = np.empty(len(best), dtype=object)
    value[:] = [values[number] for number in (pair[best] % max(1, len(values))).tolist()]
    return {
        "acc": acc[best],
        "feature": np.full(len(best), feature, dtype=np.int64),
        "value": value,
        "at_ms": hours.first_ms[hour[best]],
        "p_value": p_value[passed],
        "before": before[best],
        "hours_before": place[best],
        "after": (uses - before)[best],
        "hours_after": (total - place)[best],
    }


def _others(
    view: CaseView, own: OwnPosts, number: Ints, accounts: list[str], asked: NDArray[np.bool_]
) -> list[dict[str, np.ndarray]]:
    """Return the breaks of clock, topic and mentions of the asked accounts."""
    wanted = np.zeros(len(own.accounts), dtype=bool)
    wanted[number >= 0] = asked
    rows = np.flatnonzero(wanted[own.acc])
    hours, _ = _hours(view, number[own.acc[rows]], own.at_ms[rows])
    starts = np.arange(0, 24, 4)
    awake = (hours.slot[:, None] % 24 - starts + 24) % 24 < 8
    hour, code = np.nonzero(awake)
    parts = [_breaks(FEATURES.index("clock"), hours, hour, code, [str(start) for start in starts])]
    view.db.execute("CREATE OR REPLACE TEMP TABLE _tk_asked (account_id VARCHAR, acc BIGINT)")
    if asked.any():
        who = np.flatnonzero(asked)
        view.db.load("_tk_asked", {"account_id": [accounts[acc] for acc in who.tolist()], "acc": who})
    view.db.execute(_ASKED_POSTS)
    slots = np.unique(hours.slot)
    keys = hours.acc * len(slots) + np.searchsorted(slots, hours.slot)
    for name, hits in (("topic", _topic(view)), ("mentions", _MENTIONS)):
        found = view.db.arrays(_HITS.format(hits=hits))
        values, code = np.unique(np.asarray(found["value"], dtype=str), return_inverse=True)
        at = np.searchsorted(slots, np.asarray(found["at_ms"], dtype=np.int64) // SLOT_MS)
        hour = np.searchsorted(keys, np.asarray(found["acc"], dtype=np.int64) * len(slots) + at)
        parts.append(_breaks(FEATURES.index(name), hours, hour, code, values.tolist()))
    return parts


def _topic(view: CaseView) -> str:
    """Return the SQL of topics without what the sides themselves are declared by: that everyone takes up."""
    tags = {f"#{tag.lstrip('#').lower()}" for side in view.config.sides for tag in side.hashtags}
    if not tags:
        return _TOPIC
    listed = ", ".join("'" + tag.replace("'", "''") + "'" for tag in sorted(tags))
    return f"SELECT * FROM ({_TOPIC}) WHERE value NOT IN ({listed})"


def _asked(accounts: list[str], judged: NDArray[np.bool_], broken: Ints) -> NDArray[np.bool_]:
    """Choose whose other features are computed: accounts whose anchor breaks, and a sample of the judged by hash."""
    asked = np.zeros(len(judged), dtype=bool)
    asked[broken] = True
    hashes = [
        (hashlib.md5(accounts[acc].encode(), usedforsecurity=False).hexdigest(), acc)
        for acc in np.flatnonzero(judged).tolist()
    ]
    asked[[acc for _, acc in sorted(hashes)[:CROWD_SAMPLE]]] = True
    return asked


def features(view: CaseView) -> tuple[str, ...]:
    """Return the features of which the participants' posts have any value; reads posts and participants."""
    columns = {
        "client": ("client",),
        "language": ("language",),
        "topic": ("text", "hashtags", "urls"),
        "mentions": ("mentions", "reposted_account_id", "replied_account_id"),
    }
    of_them = "FROM posts WHERE account_id IN (SELECT account_id FROM participants) AND"
    there = {"clock"} | {
        name
        for name, some in columns.items()
        if any(view.db.rows(f"SELECT 1 {of_them} {column} IS NOT NULL LIMIT 1") for column in some)
    }
    return tuple(name for name in FEATURES if name in there)


def _joined(parts: list[dict[str, np.ndarray]]) -> Breaks:
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    values = [str(value) for value in joined.pop("value").tolist()]
    order = sorted(range(len(values)), key=lambda i: (int(joined["acc"][i]), int(joined["feature"][i]), values[i]))
    return Breaks(value=[values[i] for i in order], **{name: column[order] for name, column in joined.items()})
