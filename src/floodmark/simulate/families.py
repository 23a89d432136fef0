"""Faces of accounts: handles, pictures and profile texts, those that families share and those that fashion spreads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.simulate import bios
from floodmark.simulate.cast import groups_of, some_groups
from floodmark.simulate.params import LANGUAGES, CampaignParams
from floodmark.simulate.world import Bools, Ints, Layout, Objects, People, objects

NEVER: Final = -1
_SYLLABLES: Final = (
    *("ba", "da", "fa", "ga", "ha", "ka", "la", "ma", "na", "pa", "ra", "sa"),
    *("ta", "va", "ya", "za", "bo", "do", "ko", "lo", "mo", "no", "ro", "so"),
)
_SIGNS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_DEFAULT_PICTURE: Final = "https://pictures.example/default.png"
_POPULAR_PICTURES: Final = 60
_EMBLEM: Final = "https://pictures.example/emblem-of-the-day.png"


@dataclass(frozen=True)
class Faces:
    """One entry per account. From `swap_s` on (NEVER: does not change) the account goes by `later_handle`.

    `*_family` names the planted family, or an idol's fan club; empty: none. `random_handle`: drawn sign by sign.
    """

    handle: Objects
    later_handle: Objects
    swap_s: Ints
    picture: Objects
    description: Objects
    handle_family: Objects
    picture_family: Objects
    description_family: Objects
    random_handle: Bools

    def handle_at(self, account: Ints, at_s: Ints) -> Objects:
        """Return the handle that each account had at a time."""
        swapped = (self.swap_s[account] != NEVER) & (at_s >= self.swap_s[account])
        handle: Objects = np.where(swapped, self.later_handle[account], self.handle[account])
        return handle


def make_faces(
    params: CampaignParams,
    people: People,
    layout: Layout,
    default_picture: Bools,
    extent: tuple[Ints, Ints],
    rng: np.random.Generator,
) -> Faces:
    """Return the faces. `extent` is each account's first and last post (UTC s)."""
    plans, count = params.behaviours, len(people)
    campaign = people.role == "campaign"
    chance = rng.random(count)
    random_handle = chance < np.where(
        campaign, plans.random_handle_share_of_accounts, params.habits.random_handle_share
    )
    handle_family = _families(params, people, layout, plans.templated_handle_share_of_groups, "handle", rng)
    picture_family = _families(params, people, layout, plans.shared_picture_share_of_groups, "picture", rng)
    description_family = _families(params, people, layout, plans.shared_description_share_of_groups, "description", rng)
    picture_family[default_picture] = ""
    random_handle &= handle_family == ""
    swap_s = _swaps(params, campaign, extent, rng)
    handle = _handles(params, campaign, random_handle, rng)
    later = handle.copy()
    swapped = np.flatnonzero(swap_s != NEVER)
    # Numbers beyond those of the first handles, so that nobody ever takes another's name.
    later[swapped] = _words(count + np.arange(len(swapped)))
    for members, stem in _stems(handle_family, 3):
        handle[members] = stem + objects([f"{number:04}" for number in rng.permutation(9_999)[: len(members)] + 1])
    return Faces(
        handle=handle,
        later_handle=later,
        swap_s=swap_s,
        picture=_pictures(params, people, picture_family, default_picture, rng),
        description=_descriptions(params, people, description_family, rng),
        handle_family=handle_family,
        picture_family=picture_family,
        description_family=description_family,
        random_handle=random_handle,
    )


def _families(
    params: CampaignParams, people: People, layout: Layout, share: float, feature: str, rng: np.random.Generator
) -> Objects:
    """Return each account's family: most members of some groups, and some members of some fan clubs."""
    family: Objects = np.empty(len(people), dtype=object)
    family[:] = ""
    groups = groups_of(people, layout.campaign)
    kin = params.behaviours.family_share_of_members
    for number in some_groups(len(groups), share, rng):
        members = groups[number][rng.random(len(groups[number])) < kin]
        family[members] = f"{feature}-{number + 1:03}"
    for topic, clubs in enumerate(layout.fans):
        for number, fans in enumerate(clubs):
            if (number + topic) % 3 == ("handle", "picture", "description").index(feature):
                some = fans[rng.random(len(fans)) < params.habits.fan_family_share]
                family[some] = f"{feature}-fans-{topic}-{number + 1}"
    return family


def _swaps(params: CampaignParams, campaign: Bools, extent: tuple[Ints, Ints], rng: np.random.Generator) -> Ints:
    """Return when accounts change their handle: between two of their posts, so that both handles are seen."""
    first_s, last_s = extent
    share = np.where(campaign, params.behaviours.handle_swap_share_of_accounts, params.habits.handle_swap_share)
    swapping = (rng.random(len(campaign)) < share) & (last_s > first_s)
    at_s = first_s + 1 + (rng.random(len(campaign)) * np.maximum(last_s - first_s - 1, 0)).astype(np.int64)
    return np.where(swapping, at_s, NEVER)


def _stems(family: Objects, power: int) -> Iterator[tuple[Ints, str]]:
    """Yield each family's members with a word of `power` syllables, shorter than that of any other handle."""
    for number, name in enumerate(sorted(set(family.tolist()) - {""})):
        yield np.flatnonzero(family == name), str(_words(np.array([number]), power)[0])


def _words(numbers: Ints, power: int = 4) -> Objects:
    """Return words of `power` syllables, no two alike (24 ** power numbers)."""
    base = len(_SYLLABLES)
    # An odd multiplier without the factor 3 permutes the numbers below base ** power.
    mixed = (numbers * 104_729 + 71) % base**power
    words: Objects = objects(["sim_"] * len(numbers))
    for place in range(power):
        words = words + objects(_SYLLABLES)[mixed // base**place % base]
    return words


def _handles(params: CampaignParams, campaign: Bools, random_handle: Bools, rng: np.random.Generator) -> Objects:
    """Return unique made-up handles: syllables, many with a tail of digits, some with eight of them, some random."""
    count, habits = len(campaign), params.habits
    handle = _words(np.arange(count, dtype=np.int64))
    digits = rng.integers(100, 99_999, count)
    year = rng.random(count) < np.where(campaign, 0.1, 0.5)
    digits = np.where(year, rng.integers(1_960, 2_006, count), digits)
    long_share = np.where(campaign, params.behaviours.long_tail_share_of_accounts, habits.long_tail_share)
    digits = np.where(rng.random(count) < long_share, rng.integers(10_000_000, 99_999_999, count), digits)
    tail = rng.random(count) < np.where(campaign, 0.7, habits.digit_tail_share + habits.long_tail_share)
    handle = np.where(tail, handle + digits.astype(str).astype(object), handle)
    mine = np.flatnonzero(random_handle)
    handle[mine] = _noise(len(mine), rng)
    return handle


def _noise(count: int, rng: np.random.Generator) -> Objects:
    """Return unique handles of signs in no order; the first three number them, a digit sets them apart from words."""
    number = rng.permutation(36**3)[:count] if count <= 36**3 else np.arange(count)
    signs = objects(tuple(_SIGNS))
    text: Objects = objects(["sim_"] * count)
    for place in range(3):
        text = text + signs[number // 36**place % 36]
    text = text + signs[rng.integers(0, 10, count)]
    for _ in range(6):
        text = text + signs[rng.integers(0, 36, count)]
    return text


def _pictures(
    params: CampaignParams, people: People, family: Objects, default: Bools, rng: np.random.Generator
) -> Objects:
    """Return the picture's address: mostly one's own, the emblem of the event, a popular one, or the family's."""
    count, habits = len(people), params.habits
    own = rng.permutation(np.arange(count, dtype=np.int64) * 2_654_435_761 % (1 << 48))
    picture = objects([f"https://pictures.example/{number:012x}.jpg" for number in own.tolist()])
    chance = rng.random(count)
    popular = chance < habits.popular_picture_share
    # Popular by rank: the most popular picture is half as rare as the second.
    rank = (_POPULAR_PICTURES ** rng.random(count)).astype(np.int64)
    names = objects([f"https://pictures.example/popular-{number:02}.jpg" for number in range(_POPULAR_PICTURES + 1)])
    picture[popular] = names[rank[popular]]
    emblem = ~popular & (chance < habits.popular_picture_share + habits.emblem_share) & (people.role == "organic_for")
    picture[emblem] = _EMBLEM
    for number, (members, _) in enumerate(_stems(family, 3)):
        which = rng.integers(0, params.behaviours.pictures_per_group, len(members))
        stock = objects([f"https://pictures.example/s{number:03}-{n}.jpg" for n in range(which.max(initial=0) + 1)])
        picture[members] = stock[which]
    picture[default] = _DEFAULT_PICTURE
    return picture


def _descriptions(params: CampaignParams, people: People, family: Objects, rng: np.random.Generator) -> Objects:
    """Return the profile texts: empty, a quotation that many use, words of one's own, or the family's."""
    habits, count = params.habits, len(people)
    texts: Objects = objects([""] * count)
    chance = rng.random(count)
    numbers = rng.integers(1, 400, count)
    for number, language in enumerate(LANGUAGES):
        mine = np.flatnonzero((people.language == number) & (chance >= habits.empty_description_share))
        texts[mine] = own_words(language, len(mine), numbers[mine], rng)
        quoting = mine[chance[mine] < habits.empty_description_share + habits.quoted_description_share]
        quoted = objects(bios.QUOTED[language])
        texts[quoting] = quoted[rng.integers(0, len(quoted), len(quoting))]
    for members, _ in _stems(family, 3):
        language = LANGUAGES[int(people.language[members[0]])]
        texts[members] = own_words(language, 1, np.array([400 + int(members[0])]), rng)[0]
    return texts


def own_words(language: str, count: int, numbers: Ints, rng: np.random.Generator) -> Objects:
    """Return `count` profile texts from some 400,000 possible ones, each with the given number."""
    text: Objects = objects([""] * count)
    for place, words in enumerate(bios.PARTS[language]):
        text = text + objects(["" if place == 0 else " · "]) + objects(words)[rng.integers(0, len(words), count)]
    text += objects([" "]) + numbers.astype(str).astype(object)
    return text
