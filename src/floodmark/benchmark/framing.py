"""Can the test be used to frame somebody: bots that mirror an innocent account, after it, before it, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.benchmark import peers
from floodmark.benchmark.jobs import Baseline, Setting, baseline, look, side_by_side
from floodmark.benchmark.power import SEED, Row
from floodmark.coordination.result import Rules
from floodmark.simulate.framing import FORMS, Framed, FrameParams, frame
from floodmark.simulate.plant import Actions
from floodmark.stats import clopper_pearson

BOTS: Final = (10, 100, 1_000)


@dataclass(frozen=True)
class Framing:
    """Counts of accounts in one run: what became of the victims and of the bots.

    `seen` victims are those of whose bots at least one is named: only there can anybody be shown as amplified.
    `within_reach` victims have at least the rare objects without which no group is named: with fewer, nobody could be.
    """

    victims: int
    named: int
    amplified: int
    first_mover: int
    in_no_group: int
    seen: int
    seen_amplified: int
    within_reach: int
    within_reach_amplified: int
    bots: int
    bots_named: int
    outside: int
    peers: Mapping[str, int | None]


def run_once(job: tuple[Actions, FrameParams, Baseline, int, bool]) -> Framing:
    """Frame victims once, look, and count; `job` ends with whether the background without bots is the reference."""
    background, params, without, seed, reference = job
    framed = frame(background, params, np.random.default_rng([SEED, seed]), without.named)
    seen = look(framed.actions, Setting(), background if reference else None)
    accounts = seen.results[0].accounts
    victim, bot = seen.labels.mask(framed.victims), seen.labels.mask(framed.bots)
    named, role = seen.in_state("named"), accounts.role.astype(str)
    amplified = victim & ~named & (role == "amplified")
    reach = seen.labels.mask(_within_reach(background, framed, params))
    mirrored = seen.labels.mask(_whose_bots_are_named(framed, params, set(seen.labels.accounts[named & bot].tolist())))
    return Framing(
        victims=int(victim.sum()),
        named=int((named & victim).sum()),
        amplified=int(amplified.sum()),
        first_mover=int((victim & ~named & (role == "first_mover")).sum()),
        in_no_group=int((victim & (accounts.group < 0)).sum()),
        seen=int(mirrored.sum()),
        seen_amplified=int((mirrored & amplified).sum()),
        within_reach=int(reach.sum()),
        within_reach_amplified=int((reach & amplified).sum()),
        bots=int(bot.sum()),
        bots_named=int((named & bot).sum()),
        outside=int((named & ~bot & ~victim & ~seen.labels.mask(without.named)).sum()),
        peers={name: None if mask is None else int((mask & victim).sum()) for name, mask in seen.peers.items()},
    )


def _whose_bots_are_named(framed: Framed, params: FrameParams, named: set[str]) -> list[str]:
    bots, per_victim = framed.bots, params.bots_per_victim
    mine = (bots[k * per_victim : (k + 1) * per_victim] for k in range(len(framed.victims)))
    return [victim for victim, names in zip(framed.victims, mine, strict=True) if not named.isdisjoint(names)]


def _within_reach(background: Actions, framed: Framed, params: FrameParams) -> list[str]:
    """Return the victims on at least `min_rare_objects` of whose objects bots outnumber the public of that moment.

    As the test judges what is rare (docs/decisions/0005), within the reach of the bots; for the whole collection alone.
    """
    rules = Rules()
    objects, thing = np.unique(background.object_id.astype(str), return_inverse=True)
    order = np.lexsort((background.at_ms, thing))
    starts = np.searchsorted(thing[order], np.arange(len(objects) + 1))
    account = background.account_id.astype(str)
    most = min(params.bots_per_victim + 1, rules.rare_share * (len(np.unique(account)) + len(framed.bots)))
    found = []
    for victim in framed.victims:
        rare = set()
        for row in np.flatnonzero(account == victim):
            others = order[starts[thing[row]] : starts[thing[row] + 1]]
            near = np.abs(background.at_ms[others] - background.at_ms[row]) <= params.after_ms
            if np.count_nonzero(near & (account[others] != victim)) < most:
                rare.add(int(thing[row]))
        if len(rare) >= rules.min_rare_objects:
            found.append(victim)
    return found


def study(
    backgrounds: Mapping[str, Actions],
    seeds: int,
    *,
    bots: Sequence[int] = BOTS,
    processes: int = 2,
    progress: Callable[[float], None] = lambda _share: None,
) -> list[Row]:
    """Return one row per background, form of framing and number of bots a victim, from `seeds` runs each.

    Mirroring by the most bots is also looked at with the background as the reference, for then bots are most of the
    collection: the best case, since it is the same crowd at the same time.
    """
    setting = Setting()
    names = list(backgrounds)
    found = side_by_side(baseline, [(backgrounds[name], setting) for name in names], processes)
    without = {names[number]: result for number, result in found}
    kinds = [
        (name, FrameParams(bots_per_victim=count, form=form), reference)
        for name in names
        for form, count, reference in (
            *((form, count, False) for form in FORMS for count in bots),
            (FORMS[0], max(bots), True),
        )
    ]
    keys = [(*kind, seed) for kind in kinds for seed in range(seeds)]
    jobs = ((backgrounds[name], params, without[name], seed, reference) for name, params, reference, seed in keys)
    runs: dict[tuple[str, FrameParams, bool, int], Framing] = {}
    for number, outcome in side_by_side(run_once, jobs, processes):
        runs[keys[number]] = outcome
        progress(len(runs) / len(keys))
    return [_row(*kind, [runs[(*kind, seed)] for seed in range(seeds)]) for kind in kinds]


def _row(name: str, params: FrameParams, reference: bool, runs: Sequence[Framing]) -> Row:
    victims = sum(run.victims for run in runs)
    named = sum(run.named for run in runs)
    seen, reach = sum(run.seen for run in runs), sum(run.within_reach for run in runs)
    low, high = clopper_pearson(named, victims)
    row: Row = {
        "background": name,
        "form": params.form,
        "reference": "background" if reference else "none",
        "bots_per_victim": params.bots_per_victim,
        "seeds": len(runs),
        "victims": victims,
        "victims_named": named / victims,
        "victims_named_low": low,
        "victims_named_high": high,
        "victims_amplified": sum(run.amplified for run in runs) / victims,
        "victims_first_mover": sum(run.first_mover for run in runs) / victims,
        "victims_in_no_group": sum(run.in_no_group for run in runs) / victims,
        "victims_whose_bots_are_named": seen / victims,
        "amplified_of_these": sum(run.seen_amplified for run in runs) / seen if seen else None,
        "victims_within_reach": reach / victims,
        "amplified_within_reach": sum(run.within_reach_amplified for run in runs) / reach if reach else None,
        "bots_named": sum(run.bots_named for run in runs) / max(1, sum(run.bots for run in runs)),
        "others_named": sum(run.outside for run in runs),
    }
    for rule in peers.RULES:
        counts = [run.peers[rule] for run in runs]
        known = [count for count in counts if count is not None]
        row[f"{rule}_victims"] = sum(known) / victims if len(known) == len(counts) else None
    return row
