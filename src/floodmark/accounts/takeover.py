"""The flag `takeover`: accounts that break their own habits together and take up the same new values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from floodmark.accounts import takeover_groups
from floodmark.accounts.takeover_example import EXAMPLE_FLAGS, EXAMPLE_POSTS
from floodmark.accounts.takeover_posts import OwnPosts, by_id, own_posts
from floodmark.accounts.takeover_profile import ANCHORS, FEATURES, Breaks, Profiles, profiles
from floodmark.registry import Flag, Judgements
from floodmark.view import CaseView

#: Anchor feature and value, second feature and value.
Key: TypeAlias = tuple[int, str, int, str]

#: Chance of any false group in a case, if the features of an account broke independently and as often as the crowd's.
GROUP_P: Final = 0.01
#: With fewer judged accounts there is no crowd to compare with, and nobody is judged.
CROWD_LEAST: Final = 20
#: Where the rest of the crowd took up the value by this share of its accounts, it is a common change.
COMMON_CHANGE: Final = 0.05
DAY_MS: Final = 86_400_000
_CLIENT, _LANGUAGE = (FEATURES.index(name) for name in ANCHORS)
#: Characters of a value that evidence shows: it is somebody else's text.
_CUT: Final = 40


@dataclass(frozen=True)
class Group:
    """Accounts that took up one client or language within days, and with it other new values.

    `members` are account numbers; `seconds` counts the members of each further (feature, value); `anchored` is how many
    accounts took up the anchor in these days at all; `p_value` the smallest of its tests, already corrected.
    """

    feature: int
    value: str
    members: tuple[int, ...]
    first_ms: int
    last_ms: int
    anchored: int
    p_value: float
    seconds: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True)
class Takeovers:
    """What was found: the profiles, the groups by size, whether there was a crowd, and common changes set aside."""

    profiles: Profiles
    groups: tuple[Group, ...]
    has_crowd: bool
    set_aside: tuple[Group, ...]


@dataclass
class _Found:
    members: set[int]
    anchored: set[int]
    p_value: float
    seconds: dict[tuple[int, str], set[int]] = field(default_factory=dict)


def takeovers(view: CaseView) -> Takeovers:
    """Test all participants of all rosters together, in the same way; see `docs/explanation/measures.md`.

    Reads posts, post_features and participants. An account belongs to a group only where its client breaks together
    with another feature, or its language with two others.
    """
    own = own_posts(view)
    profile = profiles(view, own)
    limits = view.config.parameters
    if int(profile.judged.sum()) < CROWD_LEAST:
        return Takeovers(profile, (), False, ())
    pairs = _pairs(profile.breaks, limits.takeover_days * DAY_MS)
    wanted = {key: rows for key, rows in pairs.items() if len(rows) >= limits.takeover_group_accounts}
    tests = sum(len(rows) for rows in wanted.values())
    search = _Search(profile, limits.takeover_days * DAY_MS, limits.takeover_group_accounts, max(1, tests))
    groups = _merged([found for key in sorted(wanted) for found in search.groups(key, wanted[key])], profile.breaks)
    own = by_id(view, own) if groups else own
    groups.sort(key=lambda group: (-len(group.members), group.first_ms, group.feature, group.value))
    common = [_is_common(own, profile, group, search) for group in groups]
    kept, set_aside = (
        tuple(group for group, of_all in zip(groups, common, strict=True) if of_all is wanted)
        for wanted in (False, True)
    )
    return Takeovers(profile, kept, True, set_aside)


def _pairs(breaks: Breaks, days_ms: int) -> dict[Key, list[tuple[int, int]]]:
    """Return, per anchor and second value, (when the anchor broke, account) of the accounts in which both broke."""
    pairs: dict[Key, list[tuple[int, int]]] = {}
    features, times = breaks.feature.tolist(), breaks.at_ms.tolist()
    edges = np.flatnonzero(np.diff(breaks.acc, prepend=-1, append=-1)).tolist() if len(breaks.acc) else []
    for start, end in pairwise(edges):
        for i in range(start, end):
            if features[i] not in (_CLIENT, _LANGUAGE):
                continue
            near = [j for j in range(start, end) if features[j] != features[i] and abs(times[j] - times[i]) <= days_ms]
            # A language follows the news; only with two further features does its break count.
            if features[i] == _LANGUAGE and len({features[j] for j in near}) < 2:
                continue
            for j in near:
                key = (features[i], breaks.value[i], features[j], breaks.value[j])
                pairs.setdefault(key, []).append((times[i], int(breaks.acc[i])))
    return {key: sorted(rows) for key, rows in pairs.items()}


class _Search:
    """Looks for windows in which more accounts break in both features than the crowd's own changes explain."""

    def __init__(self, profile: Profiles, days_ms: int, least: int, tests: int) -> None:
        self.profile, self.days_ms, self.least, self.tests = profile, days_ms, least, tests
        self.by_value: dict[tuple[int, str], list[int]] = {}
        for row, name in enumerate(zip(profile.breaks.feature.tolist(), profile.breaks.value, strict=True)):
            self.by_value.setdefault(name, []).append(row)

    def near(self, feature: int, value: str, start_ms: int, end_ms: int) -> NDArray[np.int64]:
        """Return the accounts that broke to a value from start to end, both included."""
        rows = np.array(self.by_value.get((feature, value), []), dtype=np.int64)
        times = self.profile.breaks.at_ms[rows]
        return np.unique(self.profile.breaks.acc[rows[(times >= start_ms) & (times <= end_ms)]])

    def groups(self, key: Key, rows: list[tuple[int, int]]) -> Iterator[tuple[Key, _Found]]:
        """Yield the windows of one pair of values that pass, the fullest first, the earlier of equals."""
        while len(rows) >= self.least:
            times = np.array([at for at, _ in rows])
            inside = np.searchsorted(times, times + self.days_ms, side="right") - np.arange(len(times))
            first = int(np.argmax(inside))
            chosen = rows[first : first + int(inside[first])]
            rows = rows[:first] + rows[first + int(inside[first]) :]
            members = {acc for _, acc in chosen}
            if len(members) < self.least:
                return
            anchored = self.near(key[0], key[1], chosen[0][0], chosen[0][0] + self.days_ms)
            p_value = self._chance(key, len(members), anchored, int(np.median(times[first : first + len(chosen)])))
            if p_value <= GROUP_P:
                yield key, _Found(members, set(anchored.tolist()), p_value)

    def _chance(self, key: Key, members: int, anchored: NDArray[np.int64], middle_ms: int) -> float:
        """Return the corrected chance of so many second breaks among the anchored, at the crowd's rate of them."""
        from scipy.special import bdtrc

        start_ms, end_ms = middle_ms - self.days_ms, middle_ms + self.days_ms
        profile = self.profile
        crowd = profile.judged & profile.asked & (profile.first_ms <= end_ms) & (profile.last_ms >= start_ms)
        crowd[anchored] = False
        if int(crowd.sum()) < CROWD_LEAST:
            return 1.0
        broken = int(crowd[self.near(key[2], key[3], start_ms, end_ms)].sum())
        rate = (broken + 1) / (int(crowd.sum()) + 2)
        return min(1.0, float(bdtrc(members - 1, len(anchored), rate)) * self.tests)


def _merged(found: list[tuple[Key, _Found]], breaks: Breaks) -> list[Group]:
    """Join what shares an anchor and an account: one group may show in several second values."""
    joined: dict[tuple[int, str], list[_Found]] = {}
    for (feature, value, second, second_value), item in found:
        item.seconds[second, second_value] = set(item.members)
        rest = []
        for other in joined.get((feature, value), []):
            if not other.members & item.members:
                rest.append(other)
                continue
            item.members |= other.members
            item.anchored |= other.anchored
            item.p_value = min(item.p_value, other.p_value)
            for name, accounts in other.seconds.items():
                item.seconds.setdefault(name, set()).update(accounts)
        joined[feature, value] = [*rest, item]
    when = dict(
        zip(
            zip(breaks.acc.tolist(), breaks.feature.tolist(), breaks.value, strict=True),
            breaks.at_ms.tolist(),
            strict=True,
        )
    )
    groups = []
    for (feature, value), items in sorted(joined.items()):
        for item in items:
            times = [when[acc, feature, value] for acc in item.members]
            seconds = sorted(
                ((f, v, len(who)) for (f, v), who in item.seconds.items()), key=lambda s: (-s[2], s[0], s[1])
            )
            groups.append(
                Group(
                    feature,
                    value,
                    tuple(sorted(item.members)),
                    min(times),
                    max(times),
                    len(item.anchored),
                    item.p_value,
                    tuple(seconds),
                )
            )
    return groups


def _is_common(own: OwnPosts, profile: Profiles, group: Group, search: _Search) -> bool:
    """Whether the rest of the crowd took up the anchor's value too, or is too small to tell.

    Each other account counts once: its last post before the group's breaks against its last post of all.
    """
    name = FEATURES[group.feature]
    broke = search.near(group.feature, group.value, group.first_ms - search.days_ms, group.last_ms + search.days_ms)
    apart = np.array([profile.accounts[acc] for acc in {*group.members, *broke.tolist()}], dtype=object)
    others = np.ones(len(own.accounts), dtype=bool)
    others[np.searchsorted(np.array(own.accounts, dtype=object), apart)] = False
    rows = np.flatnonzero((own.codes[name] >= 0) & others[own.acc])
    acc, code = own.acc[rows], own.codes[name][rows]
    begins = np.flatnonzero(np.diff(acc, prepend=-1))
    # Posts are in order of time, so so many of an account come first.
    early = np.add.reduceat(own.at_ms[rows] < group.first_ms, begins, dtype=np.int64) if len(rows) else begins
    ends = np.append(begins[1:], len(rows))[: len(begins)]
    both = (early > 0) & (early < ends - begins)
    old, new = code[(begins + early - 1)[both]], code[ends[both] - 1]
    crowd, value = int(both.sum()), own.values[name].index(group.value)
    risen = int((new == value).sum()) - int((old == value).sum())
    return bool(crowd < CROWD_LEAST or risen / crowd >= COMMON_CHANGE)


def shown(value: str) -> str:
    """Return a value as evidence shows it: one line, printable, cut.

    >>> shown("a" + chr(8238) + chr(10) + "b")
    'a  b'
    """
    clean = "".join(sign if sign.isprintable() else " " for sign in value[: _CUT + 1])
    return clean if len(clean) <= _CUT else clean[:_CUT] + "…"


def what(feature: int, value: str) -> str:
    """Return a feature's value in words.

    >>> what(2, "20")
    'clock 20:00-04:00 UTC'
    """
    name = FEATURES[feature]
    if name == "clock":
        return f"clock {int(value):02d}:00-{(int(value) + 8) % 24:02d}:00 UTC"
    return f"{name} {shown(value)}"


def day(at_ms: int) -> str:
    """Return the UTC date of a time.

    >>> day(0)
    '1970-01-01'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def evidence(found: Takeovers) -> Mapping[int, str]:
    """Return, per member's number, what changed and when, in words."""
    breaks = found.profiles.breaks
    words: dict[int, str] = {}
    starts = np.searchsorted(breaks.acc, np.arange(len(found.profiles.accounts) + 1)).tolist()
    for number, group in enumerate(found.groups, 1):
        values = {(group.feature, group.value), *((f, v) for f, v, _ in group.seconds)}
        for acc in group.members:
            rows = [
                i for i in range(starts[acc], starts[acc + 1]) if (int(breaks.feature[i]), breaks.value[i]) in values
            ]
            parts = [_change(breaks, i) for i in rows[:5]]
            same = f"{len(group.members)} accounts within days (group T{number})"
            words.setdefault(acc, f"{'; '.join(parts)}; the same in {same}")
    return words


def _change(breaks: Breaks, row: int) -> str:
    value = what(int(breaks.feature[row]), breaks.value[row])
    before = f"{breaks.before[row]} of {breaks.hours_before[row]} active hours before {day(int(breaks.at_ms[row]))}"
    return f"{value}: in {before}, {breaks.after[row]} of {breaks.hours_after[row]} from then on"


def judge(view: CaseView) -> Judgements:
    """Return what the flag says of each participant that could show a break; the others are unknown.

    The groups are left in the temporary table `_takeover_groups`.
    """
    found = takeovers(view)
    takeover_groups.keep(view, found)
    if not found.has_crowd:
        return {"account_id": [], "flagged": [], "evidence": []}
    words = evidence(found)
    who = sorted({*np.flatnonzero(found.profiles.judged).tolist(), *words})
    return {
        "account_id": [found.profiles.accounts[acc] for acc in who],
        "flagged": [acc in words for acc in who],
        "evidence": [words.get(acc) for acc in who],
    }


FLAG: Final = Flag(
    name="takeover",
    title="Own habits broken, together with others",
    meaning=(
        "From one date on the account uses a client that it hardly used before (or a language), and changes another of"
        " language, clock, topic and mentions with it (after a language, two others); at least"
        " parameters.takeover_group_accounts accounts (3 by default) take up the same new values within"
        " parameters.takeover_days days, more than the crowd's own changes explain. Unknown without"
        " parameters.takeover_history_posts posts before and parameters.takeover_posts_after after a possible break, in"
        " enough separate hours, or with fewer than 20 such accounts in the case. A change of one account alone, or of"
        " one feature alone, is never flagged."
    ),
    needs=("posts.client", "posts.language"),
    parameters=("takeover_history_posts", "takeover_posts_after", "takeover_group_accounts", "takeover_days"),
    benign=(
        "A group moves together: colleagues get new software, a newsroom or party changes its tool.",
        "A client is discontinued or renamed; the control and the rest of the crowd should then show it too.",
        "People who moved country or travel together change clock, language and device at once.",
        "An account that was handed over or sold openly, or run by a team in turns, has a new habit but no intruder.",
        "Those who learn of the event together write in another language, on another topic, at other hours.",
    ),
    source="after COMPA: Egele, Stringhini, Kruegel & Vigna 2013, 2017 (doi 10.1109/TDSC.2015.2479616); tests by order",
    judge=judge,
    measure="M10",
    example_posts=EXAMPLE_POSTS,
    example_flags=EXAMPLE_FLAGS,
)
