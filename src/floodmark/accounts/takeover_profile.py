"""Breaks in accounts' own habits: dated changes of client, language, clock, topic or company to a value new to them.

After COMPA (Egele et al. 2013, 2017): an account is compared with its own past. COMPA scores how unusual a post is;
here the order of the account's own posts is tested. If its habits never changed, every order is as likely, so the
chance of so few early uses of a value follows the hypergeometric law, whether or not the value was seen before. All
posts of one hour count once, since a sitting at one machine says little more than one post.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from floodmark.view import CaseView

Ints: TypeAlias = NDArray[np.int64]
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

_KNOWN: Final = """
    CREATE OR REPLACE TEMP TABLE _tk_known AS
    SELECT p.post_id, p.account_id, min(p.at_ms) AS at_ms, min(nullif(trim(p.client), '')) AS client,
           min(CASE WHEN lower(trim(p.language)) NOT IN ('', 'und', 'unknown', 'undefined', 'zxx', 'qme', 'qht', 'qam',
               'qct', 'qst') THEN lower(trim(p.language)) END) AS language
    FROM posts p
    WHERE p.account_id IN (SELECT account_id FROM participants)
    GROUP BY p.post_id, p.account_id
"""
_NAMES: Final = """
    CREATE OR REPLACE TEMP TABLE _tk_names AS
    SELECT row_number() OVER (ORDER BY account_id) - 1 AS acc, account_id
    FROM _tk_known GROUP BY account_id HAVING greatest(count(client), count(language)) >= $least_posts
"""
_POSTS: Final = """
    CREATE OR REPLACE TEMP TABLE _tk_posts AS
    SELECT n.acc, k.post_id, k.at_ms, k.at_ms // 3600000 AS slot, k.client, k.language
    FROM _tk_known k JOIN _tk_names n USING (account_id)
"""
#: Hours of each account in order, with the posts before each; `{known}` says which posts count for the feature.
_SLOTS: Final = """
    CREATE OR REPLACE TEMP TABLE _tk_slots AS
    WITH hours AS (
        SELECT acc, slot, count(*) AS posts, min(at_ms) AS first_ms FROM _tk_posts WHERE {known} GROUP BY acc, slot
    ), placed AS (
        SELECT acc, slot, first_ms, row_number() OVER w - 1 AS place, sum(posts) OVER w - posts AS posts_before
        FROM hours WINDOW w AS (PARTITION BY acc ORDER BY slot)
    ), ends AS (
        SELECT h.acc, count(*) AS hours, sum(h.posts) AS posts FROM hours h GROUP BY h.acc
    )
    SELECT p.*, e.hours, e.posts,
           p.posts_before >= $history AND e.posts - p.posts_before >= $after AND p.place > 0 AS possible
    FROM placed p JOIN ends e USING (acc)
"""
_REACH: Final = """
    SELECT acc, max(hours) AS hours, count(*) AS dates, min(place) AS first_place, max(place) AS last_place,
           min(first_ms) AS first_ms, max(first_ms) AS last_ms
    FROM _tk_slots WHERE possible GROUP BY acc ORDER BY acc
"""
#: Where an account takes up a value. `{hits}` yields (acc, slot, value).
_STEPS: Final = """
    CREATE OR REPLACE TEMP TABLE _tk_steps AS
    WITH hits AS (SELECT DISTINCT acc, slot, value FROM ({hits})),
    dated AS (SELECT acc, count(*) AS dates FROM _tk_slots WHERE possible GROUP BY acc),
    ranked AS (
        SELECT h.acc, h.value, s.place, s.first_ms, s.hours, s.possible, d.dates,
               row_number() OVER (PARTITION BY h.acc, h.value ORDER BY s.place) - 1 AS before,
               count(*) OVER (PARTITION BY h.acc, h.value) AS uses
        FROM hits h JOIN _tk_slots s USING (acc, slot) JOIN dated d USING (acc)
    ), tested AS (SELECT acc, count(DISTINCT value) AS tests FROM ranked WHERE uses >= 2 GROUP BY acc)
    SELECT r.*, t.tests
    FROM ranked r JOIN tested t USING (acc)
    WHERE r.uses >= 2 AND r.possible AND r.before <= {before} * r.place
      AND r.uses - r.before >= {after} * (r.hours - r.place)
"""
_ASKED: Final = "acc IN (SELECT acc FROM _tk_asked)"
_CLOCK: Final = f"""
    SELECT acc, slot, CAST(start AS VARCHAR) AS value
    FROM (SELECT DISTINCT acc, slot FROM _tk_posts WHERE {_ASKED}) CROSS JOIN range(0, 24, 4) AS r(start)
    WHERE (slot % 24 - start + 24) % 24 < 8
"""
_TOPIC: Final = f"""
    WITH mine AS (
        SELECT t.acc, t.slot, coalesce(any_value(f.hashtags), any_value(p.hashtags)) AS tags,
               coalesce(any_value(f.urls), any_value(p.urls)) AS urls
        FROM _tk_posts t JOIN posts p USING (post_id) LEFT JOIN post_features f ON f.post_id = t.post_id
        WHERE t.{_ASKED} GROUP BY t.acc, t.slot, t.post_id
    )
    SELECT acc, slot, '#' || lower(unnest(tags)) AS value FROM mine
    UNION ALL
    SELECT acc, slot, regexp_extract(lower(url), '^(?:[a-z]+://)?(?:www\\.)?([^/?#]+)', 1) AS value
    FROM (SELECT acc, slot, unnest(urls) AS url FROM mine) WHERE value <> ''
"""
_MENTIONS: Final = f"""
    WITH mine AS (SELECT t.acc, t.slot, p.* FROM _tk_posts t JOIN posts p USING (post_id) WHERE t.{_ASKED})
    SELECT acc, slot, reposted_account_id AS value FROM mine WHERE reposted_account_id IS NOT NULL
    UNION ALL SELECT acc, slot, replied_account_id FROM mine WHERE replied_account_id IS NOT NULL
    UNION ALL SELECT acc, slot, '@' || lower(unnest(mentions)) FROM mine
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


def profiles(view: CaseView) -> Profiles:
    """Test every participant with enough posts; reads posts, post_features, participants, makes temporary tables.

    Deterministic: whatever the order of rows. Source: COMPA, doi 10.1109/TDSC.2015.2479616, changed as said above.
    """
    limits = view.config.parameters
    bound = {"history": limits.takeover_history_posts, "after": limits.takeover_posts_after}
    view.db.execute(_KNOWN)
    view.db.execute(_NAMES, {"least_posts": bound["history"] + bound["after"]})
    view.db.execute(_POSTS)
    accounts = [name for (name,) in view.db.rows("SELECT account_id FROM _tk_names ORDER BY acc")]
    first, last = np.full(len(accounts), np.iinfo(np.int64).max), np.full(len(accounts), -1, dtype=np.int64)
    judged = np.zeros(len(accounts), dtype=bool)
    parts: list[dict[str, np.ndarray]] = []
    for place, name in enumerate(ANCHORS):
        view.db.execute(_SLOTS.format(known=f"{name} IS NOT NULL"), bound)
        reach = view.db.arrays(_REACH)
        acc = np.asarray(reach["acc"], dtype=np.int64)
        able = acc[_could_show(reach)]
        judged[able] = True
        first[acc] = np.minimum(first[acc], np.asarray(reach["first_ms"], dtype=np.int64))
        last[acc] = np.maximum(last[acc], np.asarray(reach["last_ms"], dtype=np.int64))
        parts.append(_breaks(view, place, f"SELECT acc, slot, {name} AS value FROM _tk_posts WHERE {name} IS NOT NULL"))
    asked = _ask(view, judged, np.concatenate([part["acc"] for part in parts]))
    view.db.execute(_SLOTS.format(known=_ASKED), bound)
    for name, hits in (("clock", _CLOCK), ("topic", _topic(view)), ("mentions", _MENTIONS)):
        parts.append(_breaks(view, FEATURES.index(name), hits))
    return Profiles(accounts, judged, first, last, asked, _features(view), _joined(parts))


def _topic(view: CaseView) -> str:
    """Return the SQL of topics without what the sides themselves are declared by: that everyone takes up."""
    tags = {f"#{tag.lstrip('#').lower()}" for side in view.config.sides for tag in side.hashtags}
    if not tags:
        return _TOPIC
    listed = ", ".join("'" + tag.replace("'", "''") + "'" for tag in sorted(tags))
    return f"SELECT * FROM ({_TOPIC}) WHERE value NOT IN ({listed})"


def _could_show(reach: dict[str, np.ndarray]) -> NDArray[np.bool_]:
    """Return which accounts could show a break at all: the cleanest at the best date would pass."""
    hours, dates = (np.asarray(reach[name], dtype=np.int64) for name in ("hours", "dates"))
    middle = np.clip(hours // 2, np.asarray(reach["first_place"]), np.asarray(reach["last_place"])).astype(np.int64)
    least = chance_of_so_few(np.zeros(len(hours), dtype=np.int64), middle, hours - middle, hours)
    return np.asarray(least * dates <= BREAK_P)


def _breaks(view: CaseView, feature: int, hits: str) -> dict[str, np.ndarray]:
    """Return the best date of each account and value that passes, of one feature; `_tk_slots` holds its hours."""
    view.db.execute(_STEPS.replace("{hits}", hits).format(before=BEFORE_SHARE, after=AFTER_SHARE))
    steps = view.db.arrays("SELECT * FROM _tk_steps ORDER BY acc, value, place")
    numbers = ("acc", "place", "first_ms", "hours", "dates", "before", "uses", "tests")
    acc, place, first_ms, hours, dates, before, uses, tests = (np.asarray(steps[n], dtype=np.int64) for n in numbers)
    p_value = chance_of_so_few(before, place, uses, hours) * dates * tests
    value = np.asarray(steps["value"], dtype=object)
    keep = np.flatnonzero(p_value <= BREAK_P)
    # Rows come by account, value, date: a stable sort by p-value leaves the earliest date first among equals.
    order = keep[np.argsort(np.round(np.log10(np.maximum(p_value[keep], 1e-300)), 9), kind="stable")]
    best: dict[tuple[int, str], int] = {}
    for row in order.tolist():
        best.setdefault((int(acc[row]), str(value[row])), row)
    rows = np.array(sorted(best.values()), dtype=np.int64)
    return {
        "acc": acc[rows],
        "feature": np.full(len(rows), feature, dtype=np.int64),
        "value": value[rows],
        "at_ms": first_ms[rows],
        "p_value": p_value[rows],
        "before": before[rows],
        "hours_before": place[rows],
        "after": (uses - before)[rows],
        "hours_after": (hours - place)[rows],
    }


def _ask(view: CaseView, judged: NDArray[np.bool_], broken: Ints) -> NDArray[np.bool_]:
    """Choose whose other features are computed: accounts whose anchor breaks, and a sample of the judged by hash."""
    view.db.execute("CREATE OR REPLACE TEMP TABLE _tk_asked (acc BIGINT)")
    asked = np.zeros(len(judged), dtype=bool)
    asked[broken] = True
    order = [acc for (acc,) in view.db.rows("SELECT acc FROM _tk_names ORDER BY md5(account_id), account_id")]
    sample = np.array([acc for acc in order if judged[acc]][:CROWD_SAMPLE], dtype=np.int64)
    asked[sample] = True
    if asked.any():
        view.db.load("_tk_asked", {"acc": np.flatnonzero(asked)})
    return asked


def _features(view: CaseView) -> tuple[str, ...]:
    client, language, tags, mentions = view.db.one(
        """
        SELECT count(p.client), count(p.language), count(p.text) + count(p.hashtags) + count(p.urls),
               count(p.mentions) + count(p.reposted_account_id) + count(p.replied_account_id)
        FROM posts p WHERE p.account_id IN (SELECT account_id FROM participants)
        """
    )
    there = {"client": client, "language": language, "clock": 1, "topic": tags, "mentions": mentions}
    return tuple(name for name in FEATURES if there[name])


def _joined(parts: list[dict[str, np.ndarray]]) -> Breaks:
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    values = [str(value) for value in joined.pop("value").tolist()]
    order = sorted(range(len(values)), key=lambda i: (int(joined["acc"][i]), int(joined["feature"][i]), values[i]))
    return Breaks(value=[values[i] for i in order], **{name: column[order] for name, column in joined.items()})
