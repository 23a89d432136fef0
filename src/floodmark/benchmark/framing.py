"""Can the test be used to frame somebody: bots that mirror an innocent account, after it, before it, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.benchmark import peers
from floodmark.benchmark.jobs import Baseline, Setting, baseline, look, side_by_side
from floodmark.benchmark.power import SEED, Row
from floodmark.simulate.framing import FORMS, Framed, FrameParams, frame
from floodmark.simulate.plant import Actions
from floodmark.stats import clopper_pearson

BOTS: Final = (10, 100, 1_000)


@dataclass(frozen=True)
class Framing:
    """Counts of accounts in one run: what became of the victims and of the bots.

    `seen` victims are those of whose bots at least one is named: only there can anybody be shown as amplified.
    """

    victims: int
    named: int
    amplified: int
    first_mover: int
    in_no_group: int
    seen: int
    seen_amplified: int
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
    mirrored = seen.labels.mask(_whose_bots_are_named(framed, params, set(seen.labels.accounts[named & bot].tolist())))
    return Framing(
        victims=int(victim.sum()),
        named=int((named & victim).sum()),
        amplified=int(amplified.sum()),
        first_mover=int((victim & ~named & (role == "first_mover")).sum()),
        in_no_group=int((victim & (accounts.group < 0)).sum()),
        seen=int(mirrored.sum()),
        seen_amplified=int((mirrored & amplified).sum()),
        bots=int(bot.sum()),
        bots_named=int((named & bot).sum()),
        outside=int((named & ~bot & ~victim & ~seen.labels.mask(without.named)).sum()),
        peers={name: None if mask is None else int((mask & victim).sum()) for name, mask in seen.peers.items()},
    )


def _whose_bots_are_named(framed: Framed, params: FrameParams, named: set[str]) -> list[str]:
    bots, per_victim = framed.bots, params.bots_per_victim
    mine = (bots[k * per_victim : (k + 1) * per_victim] for k in range(len(framed.victims)))
    return [victim for victim, names in zip(framed.victims, mine, strict=True) if not named.isdisjoint(names)]


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
    seen = sum(run.seen for run in runs)
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
        "bots_named": sum(run.bots_named for run in runs) / max(1, sum(run.bots for run in runs)),
        "others_named": sum(run.outside for run in runs),
    }
    for rule in peers.RULES:
        counts = [run.peers[rule] for run in runs]
        known = [count for count in counts if count is not None]
        row[f"{rule}_victims"] = sum(known) / victims if len(known) == len(counts) else None
    return row
