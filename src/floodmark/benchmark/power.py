"""How much of a planted campaign the test names, and how that falls as the campaign hides better."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from floodmark.benchmark import peers
from floodmark.benchmark.jobs import Baseline, Seen, Setting, baseline, look, side_by_side
from floodmark.simulate.plant import DEFAULT_PLANT, Actions, Planted, PlantParams, plant
from floodmark.stats import cluster_share

Row = dict[str, object]
SEED: Final = 20200717
_PLAIN: Final = Setting()
#: Curves whose values span orders of magnitude; the others are shares.
LOGARITHMIC: Final = ("accounts", "actions", "actions_bare", "jitter_s", "smokescreen", "clock_s")


@dataclass(frozen=True)
class Point:
    """One point of a curve: a plant, and how the mixture is looked at."""

    curve: str
    value: float
    params: PlantParams
    setting: Setting = _PLAIN


@dataclass(frozen=True)
class Outcome:
    """Counts of accounts in one run.

    Members are those with joint actions. Of the unnamed ones, `untestable` cannot meet the minimum evidence, `alone`
    were tested but with no group that could be held against them, `chance` had a group whose evidence chance explains.
    `outside` are the named ones who are neither members nor smokescreen, nor named without the plant. `peers` has for
    each rule the members it flags and all others it flags (None: it does not scale to this collection).
    """

    members: int
    named: int
    in_step: int
    lead: int
    untestable: int
    alone: int
    chance: int
    outside: int
    testable_share: float
    detectable_jitter_ms: int
    peers: Mapping[str, tuple[int, int] | None]


def points(quick: bool = False) -> list[Point]:
    """Return the points of all curves; each curve changes one thing about the default plant. `quick`: fewer."""
    hide = replace
    made: list[Point] = []

    def curve(
        name: str, values: Sequence[float], some: Sequence[float], change: Callable[[float], PlantParams]
    ) -> None:
        made.extend(Point(name, value, change(value)) for value in (some if quick else values))

    base = hide(DEFAULT_PLANT, clock_ms=1_000)  # platforms give seconds
    curve("accounts", (3, 5, 10, 20, 50, 200), (5, 20), lambda v: hide(base, accounts=int(v)))
    curve("actions", (3, 4, 5, 7, 10, 20), (3, 5, 10), lambda v: hide(base, actions_per_account=int(v)))
    curve(
        "jitter_s",
        (5, 60, 180, 600, 1_800, 3_600, 10_800, 21_600),
        (60, 600, 3_600),
        lambda v: hide(base, jitter_ms=int(v * 1000)),
    )
    curve("camouflage", (0, 0.5, 0.75, 0.9, 0.95), (0.5, 0.9), lambda v: hide(base, camouflage_share=v))
    curve("rotation", (1, 1 / 2, 1 / 3, 1 / 5, 1 / 10), (1, 1 / 3), lambda v: hide(base, rotation_share=v))
    curve("own_objects", (0, 0.25, 0.5, 0.75, 1), (0, 0.5), lambda v: hide(base, own_object_share=v))
    curve("paraphrase", (0, 0.2, 0.4, 0.6, 0.8), (0, 0.4), lambda v: hide(base, paraphrase_share=v))
    curve("smokescreen", (0, 10, 30, 100, 300, 1_000), (0, 100), lambda v: hide(base, smokescreen_accounts=int(v)))
    for traces in (1, 4) if quick else (1, 2, 4):
        made.append(Point("traces_together", traces, base, Setting(traces=traces)))
        made.append(Point("traces_singly", traces, base, Setting(traces=traces, singly=traces > 1)))
    clocks = (1, 60) if quick else (1, 10, 60)
    made += [
        Point("clock_s", s, hide(base, clock_ms=s * 1000), Setting(clock_ms=s * 1000 if s > 1 else 1)) for s in clocks
    ]
    for actions in (3, 5) if quick else (3, 4, 5):
        made.append(
            Point("actions_bare", actions, hide(base, actions_per_account=actions), Setting(minimum_evidence=False))
        )
    return made


def run_once(job: tuple[Actions, Point, Baseline, int]) -> Outcome:
    """Plant one campaign, look, and count."""
    background, point, without, seed = job
    planted = plant(background, point.params, np.random.default_rng([SEED, seed]))
    return _count(planted, look(planted.actions, point.setting), without)


def _count(planted: Planted, seen: Seen, without: Baseline) -> Outcome:
    member = seen.labels.mask(planted.accounts)
    campaign = member | seen.labels.mask(planted.smokescreen)
    named = seen.in_state("named")
    in_step = seen.in_state("in_step") & ~named
    lead = seen.in_state("lead") & ~named & ~in_step
    rest = member & ~named & ~in_step & ~lead
    tested = rest & seen.in_state("tested")
    explained = np.min([result.accounts.p_value for result in seen.results], axis=0) < 1
    outside = named & ~campaign & ~seen.labels.mask(without.named)
    return Outcome(
        members=int(member.sum()),
        named=int((named & member).sum()),
        in_step=int((in_step & member).sum()),
        lead=int((lead & member).sum()),
        untestable=int((rest & ~tested).sum()),
        alone=int((tested & ~explained).sum()),
        chance=int((tested & explained).sum()),
        outside=int(outside.sum()),
        testable_share=seen.results[0].testable / max(1, len(member)),
        detectable_jitter_ms=seen.results[0].minimum_detectable_jitter_ms,
        peers={
            name: None if mask is None else (int((mask & member).sum()), int((mask & ~campaign).sum()))
            for name, mask in seen.peers.items()
        },
    )


def study(
    backgrounds: Mapping[str, Actions],
    seeds: int,
    *,
    quick: bool = False,
    only: Sequence[Point] | None = None,
    processes: int = 2,
    progress: Callable[[float], None] = lambda _share: None,
) -> list[Row]:
    """Return one row per background and point (all of `points`, or `only` those), from `seeds` plants each.

    A point that lies on several curves is run once. Shares are over all members of all plants; their intervals
    (95 %) let the accounts of one plant depend on each other. Same input, same rows, whatever the number of processes.
    """
    wanted = points(quick) if only is None else list(only)
    unique = list(dict.fromkeys((point.params, point.setting) for point in wanted))
    settings = list(dict.fromkeys((name, setting) for name in backgrounds for _, setting in unique))
    without = {}
    for number, found in side_by_side(
        baseline, [(backgrounds[name], look_at) for name, look_at in settings], processes
    ):
        without[settings[number]] = found
        progress(0.05 * len(without) / len(settings))
    keys = [(name, *pair, seed) for name in backgrounds for pair in unique for seed in range(seeds)]
    jobs = (
        (backgrounds[name], Point("", 0, params, setting), without[name, setting], seed)
        for name, params, setting, seed in keys
    )
    outcomes: dict[tuple[str, PlantParams, Setting, int], Outcome] = {}
    for number, outcome in side_by_side(run_once, jobs, processes):
        outcomes[keys[number]] = outcome
        progress(0.05 + 0.95 * len(outcomes) / len(keys))
    return [
        _row(name, point, [outcomes[name, point.params, point.setting, seed] for seed in range(seeds)], without)
        for name in backgrounds
        for point in wanted
    ]


def _row(name: str, point: Point, found: Sequence[Outcome], without: Mapping[tuple[str, Setting], Baseline]) -> Row:
    members = np.array([outcome.members for outcome in found])
    before = without[name, point.setting]

    def share(counts: Sequence[int]) -> tuple[float, float, float]:
        return cluster_share(np.array(counts), members)

    recall, low, high = share([outcome.named for outcome in found])
    named, outside = sum(outcome.named for outcome in found), sum(outcome.outside for outcome in found)
    row: Row = {
        "background": name,
        "curve": point.curve,
        "value": round(point.value, 4),
        "seeds": len(found),
        "recall": recall,
        "recall_low": low,
        "recall_high": high,
        "precision": named / (named + outside) if named + outside else None,
        "recall_with_in_step": share([outcome.named + outcome.in_step for outcome in found])[0],
        "leads_mean": float(np.mean([outcome.lead for outcome in found])),
        "outside_total": outside,
        "named_without_plant": len(before.named),
        "lost_untestable": share([outcome.untestable for outcome in found])[0],
        "lost_no_group": share([outcome.alone for outcome in found])[0],
        "lost_chance": share([outcome.chance for outcome in found])[0],
        "detectable_jitter_s": float(np.median([outcome.detectable_jitter_ms for outcome in found])) / 1000,
    }
    for rule in peers.RULES:
        counts = [outcome.peers[rule] for outcome in found]
        known = [count for count in counts if count is not None]
        hits, others = sum(hit for hit, _ in known), sum(other for _, other in known)
        row[f"{rule}_recall"] = hits / int(members.sum()) if len(known) == len(counts) else None
        row[f"{rule}_precision"] = hits / (hits + others) if hits + others else None
        row[f"{rule}_without_plant"] = before.flagged[rule]
    return row


def budgets(rows: Sequence[Row]) -> list[Row]:
    """Return for each background and curve the value at which recall crosses one half, and the largest tested recall.

    Between points the crossing is interpolated, on a logarithmic axis for counts and times. None where recall stays on
    one side; `always` then says on which.
    """
    found: list[Row] = []
    for name, curve in dict.fromkeys((str(row["background"]), str(row["curve"])) for row in rows):
        mine = sorted(
            (_number(r["value"]), _number(r["recall"])) for r in rows if (r["background"], r["curve"]) == (name, curve)
        )
        if len(mine) > 1:
            crossing = _crossing(mine, curve in LOGARITHMIC)
            always = "" if crossing is not None else "at least half" if mine[0][1] >= 0.5 else "under half"
            found.append({"background": name, "curve": curve, "half_recall_at": crossing, "always": always})
    return found


def _crossing(curve: Sequence[tuple[float, float]], logarithmic: bool) -> float | None:
    for (x0, y0), (x1, y1) in pairwise(curve):
        if (y0 >= 0.5) != (y1 >= 0.5):
            part = (y0 - 0.5) / (y0 - y1)
            if logarithmic:
                # One more than the value, so that a curve may begin at none.
                return float(np.expm1(np.log1p(x0) + part * (np.log1p(x1) - np.log1p(x0))))
            return x0 + part * (x1 - x0)
    return None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
