"""Who takes part: the campaign's accounts, three organic crowds, news bots, fans and clocks."""

from __future__ import annotations

import numpy as np

from floodmark.simulate.params import CampaignParams, CrowdParams, apportion
from floodmark.simulate.places import PLACES
from floodmark.simulate.world import NO_CELL, TOPICS, Ints, Layout, Objects, People, objects, slots

_DIASPORA = tuple(place.weight for place in PLACES[1:])


def make_people(params: CampaignParams, rng: np.random.Generator) -> tuple[People, Layout]:
    """Return all accounts and which of them are what. Counts of the campaign are exact, crowds are drawn."""
    blocks = [_campaign(params, rng)]
    sizes = group_sizes(params, rng)
    blocks[0].group[:] = np.repeat(objects([f"group-{i + 1:03}" for i in range(len(sizes))]), sizes)
    pools, bots, fans = [], [], []
    for topic, crowd in enumerate(params.crowds):
        role = "control" if crowd.topic == "control" else f"organic_{crowd.topic}"
        pools.append(_append(blocks, _crowd(crowd, topic, crowd.accounts, role, rng)))
        block = _crowd(crowd, topic, crowd.news_bots, "news_bot", rng)
        block.group[:] = f"news-{TOPICS[topic]}"
        bots.append(_append(blocks, block))
        fans.append(tuple(_append(blocks, block) for block in _fan_blocks(crowd, topic, rng)))
    clocks = []
    for topic, crowd in enumerate(params.crowds):
        clocks.append(_append(blocks, _crowd(crowd, topic, params.habits.clock_bots, "clock_bot", rng)))
    people = People(*(np.concatenate(column) for column in zip(*map(_columns, blocks), strict=True)))
    layout = Layout(np.arange(params.accounts), tuple(pools), tuple(bots), tuple(fans), tuple(clocks))
    return people, layout


def group_sizes(params: CampaignParams, rng: np.random.Generator) -> Ints:
    """Return the sizes of the campaign's groups: heavy-tailed, within the limits, summing to its accounts."""
    low, high, total = params.group_accounts_min, params.group_accounts_max, params.accounts
    count = -(-total // 80)
    sizes = np.clip(np.exp(rng.normal(np.log(65), 0.6, count)).astype(np.int64), low, high)
    while (missing := total - int(sizes.sum())) != 0:
        step = 1 if missing > 0 else -1
        room = np.flatnonzero(sizes < high if step > 0 else sizes > low)
        sizes[rng.permutation(room)[: abs(missing)]] += step
    return sizes


def _columns(people: People) -> tuple[object, ...]:
    return tuple(getattr(people, name) for name in People.__dataclass_fields__)


def _append(blocks: list[People], block: People) -> Ints:
    start = sum(map(len, blocks))
    blocks.append(block)
    return np.arange(start, start + len(block))


def _campaign(params: CampaignParams, rng: np.random.Generator) -> People:
    count = params.accounts
    cells = np.repeat(np.arange(NO_CELL + 1), (*params.flagged_cells, count - params.flagged_accounts))
    vpn_count = round(count * params.vpn_share)
    at_home = round(count * params.in_country_direct_share) + vpn_count
    place = np.zeros(count, dtype=np.int64)
    abroad = apportion(count - at_home, _DIASPORA)
    place[at_home:] = np.repeat(np.arange(1, len(PLACES)), abroad)
    order = rng.permutation(count)
    return People(
        role=_filled("campaign", count),
        group=_filled("", count),
        topic=np.zeros(count, dtype=np.int64),
        place=place[order],
        vpn=(np.arange(count) < vpn_count)[order],
        language=slots(rng, params.languages_share, count),
        activity=np.exp(rng.normal(0, 0.5, count)),
        cell=rng.permutation(cells),
    )


def _crowd(crowd: CrowdParams, topic: int, count: int, role: str, rng: np.random.Generator) -> People:
    in_country = rng.random(count) < crowd.in_country_share
    place = np.where(in_country, 0, 1 + slots(rng, _DIASPORA, count))
    return People(
        role=_filled(role, count),
        group=_filled("", count),
        topic=np.full(count, topic, dtype=np.int64),
        place=place,
        vpn=in_country & (rng.random(count) < crowd.vpn_share_of_in_country),
        language=slots(rng, crowd.languages_share, count),
        # Pareto with exponent 1.5: a few post very much, most once or twice; capped so that nobody never sleeps.
        activity=np.minimum(0.3 + rng.pareto(1.5, count), 60),
        cell=np.full(count, NO_CELL, dtype=np.int64),
    )


def _fan_blocks(crowd: CrowdParams, topic: int, rng: np.random.Generator) -> list[People]:
    blocks = []
    for idol in range(crowd.idols):
        block = _crowd(crowd, topic, crowd.fans_per_idol, "fan", rng)
        block.group[:] = f"fans-{TOPICS[topic]}-{idol + 1}"
        blocks.append(block)
    return blocks


def _filled(text: str, count: int) -> Objects:
    array = np.empty(count, dtype=object)
    array[:] = text
    return array
