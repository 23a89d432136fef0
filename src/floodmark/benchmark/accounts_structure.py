"""How well the order within groups is seen: planted hierarchies, groups without one, and mirrored innocents.

The first part gives the groups and asks the order tests alone; the second plants into real actions and lets the
coordination test find the groups first, so that its errors count too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from floodmark.accounts.structure import account_structure
from floodmark.benchmark import backgrounds
from floodmark.config import CaseConfig
from floodmark.coordination import case_tables
from floodmark.coordination.result import Rules, Shares
from floodmark.engine.duckdb import Database
from floodmark.schema import ACTIONS, COORDINATION, create_sql
from floodmark.simulate.framing import FrameParams, frame
from floodmark.simulate.plant import Actions, mixed
from floodmark.stats import clopper_pearson
from floodmark.view import CaseView

Row = dict[str, object]
_HOUR_MS: Final = 3_600_000
_JITTER_MS: Final = 60_000
_GROUPS_PER_CASE: Final = 8
#: Shares of core, amplifiers and followers behind the leader, and where in the jitter each acts; they overlap.
_TIERS: Final = {"core": (0.2, 0.0, 0.2), "amplifier": (0.4, 0.1, 0.7), "follower": (0.4, 0.6, 1.0)}
_TESTED: Final = ("starter", "core", "amplifier", "follower", "even")
_ROLES: Final = ("starter", *_TIERS)
_CONFIG: Final = CaseConfig.model_validate(
    {
        "name": "study",
        "event": {"title": "study", "start": "2020-07-17T00:00:00", "end": "2020-07-18T00:00:00", "zone": "UTC"},
        "side": [{"name": "all", "keywords": ["x"]}],
        "input": [{"path": "x.csv", "format": "csv"}],
    }
)


@dataclass(frozen=True)
class Plan:
    """One kind of group. Each account joins `join_share` of the joint actions; `noise` of them are in random order.

    `kind`: hierarchy (the leader first, then tiers), rotating (three leaders take turns), exchangeable (any order),
    uneven (any order, very different activity), quick (no leader: each account has its own speed in answering a source
    outside the group).
    """

    kind: str = "hierarchy"
    size: int = 20
    objects: int = 20
    noise: float = 0.2
    join_share: float = 0.7


PLANS: Final = (
    *(Plan(objects=count) for count in (5, 10, 20, 50)),
    *(Plan(size=count) for count in (5, 50, 100)),
    *(Plan(noise=share) for share in (0.0, 0.5, 0.8)),
    *(replace(Plan("rotating"), objects=count) for count in (10, 20, 50)),
    *(Plan("exchangeable", size, objects) for size in (5, 20, 100) for objects in (5, 20, 50)),
    *(Plan("uneven", 20, objects) for objects in (20, 50)),
    *(Plan("quick", 20, objects) for objects in (10, 50)),
)


def rows(runs: int, seed: int, plans: Sequence[Plan] = PLANS, real: bool = True) -> list[Row]:
    """Return one row per plan from `runs` cases of eight groups each, then those of the whole chain on real actions.

    The last part needs the shared data and is left out where it is absent, or when `real` is false.
    """
    found = [_plan_row(plan, runs, seed) for plan in plans]
    debate = backgrounds.debate_reposts() if real else None
    if debate is not None:
        found += [_led_row(debate, share, max(1, runs // 4), seed) for share in (0.5, 0.7, 0.85, 1.0)]
        found += [_framed_row(debate, form, max(1, runs // 4), seed) for form in ("mirroring", "mixed", "anticipatory")]
    if real:
        found += organic_rows()
    return found


# Groups given ------------------------------------------------------------------------------------------------------


def _plan_row(plan: Plan, runs: int, seed: int) -> Row:
    counts = _Counts()
    for run in range(runs):
        rng = np.random.default_rng([seed, run, plan.size, plan.objects])
        with Database() as db:
            tier = _group_tables(db, plan, rng)
            counts.add(_roles(db), tier)
    return counts.row(plan.kind, f"{plan.size} accounts, {plan.objects} objects, {plan.noise:.0%} noise")


class _Counts:
    """Accounts by planted tier ("" none) and found role, over cases."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[str, str], int] = {}
        self.cases = 0
        self.cases_wrong = 0

    def add(self, role: Mapping[str, str], tier: Mapping[str, str]) -> None:
        self.cases += 1
        wrong = 0
        for account, planted in tier.items():
            found = role.get(account, "none")
            self.pairs[planted, found] = self.pairs.get((planted, found), 0) + 1
            wrong += found == "starter" != planted
        self.cases_wrong += wrong > 0

    def count(self, tiers: Sequence[str], roles: Sequence[str]) -> int:
        return sum(n for (tier, role), n in self.pairs.items() if tier in tiers and role in roles)

    def row(self, behaviour: str, strength: str) -> Row:
        """Hits: planted starters found as such. False alarms: others called starters. Then what each tier is called."""
        known = sorted({tier for tier, _ in self.pairs})
        others = [tier for tier in known if tier != "starter"]
        every = sorted({role for _, role in self.pairs})
        planted, rest = self.count(["starter"], every), self.count(others, every)
        hit, wrong = self.count(["starter"], ["starter"]), self.count(others, ["starter"])
        row: Row = {
            "measure": "M11",
            "behaviour": behaviour,
            "strength": strength,
            "cases": self.cases,
            "accounts": planted + rest,
            "starters_planted": planted,
            **_share("hit", hit, planted),
            **_share("false_alarm", wrong, rest),
            "cases_with_false_starter": self.cases_wrong / max(1, self.cases),
        }
        for tier in _TIERS:
            of = self.count([tier], every)
            row[f"{tier}_hit"] = self.count([tier], [tier]) / of if of else None
        wrong_tier = sum(n for (tier, role), n in self.pairs.items() if role in _ROLES and role != tier)
        row["wrong_role_share"] = wrong_tier / max(1, planted + rest)
        amplified = self.count(["starter"], ["amplified"])
        row["starters_amplified"] = amplified / planted if planted else None
        return row


def _share(name: str, hits: int, trials: int) -> Row:
    if not trials:
        return {f"{name}_share": None, f"{name}_low": None, f"{name}_high": None}
    low, high = clopper_pearson(hits, trials)
    return {f"{name}_share": hits / trials, f"{name}_low": low, f"{name}_high": high}


def _group_tables(db: Database, plan: Plan, rng: np.random.Generator) -> dict[str, str]:
    """Fill the tables of a case with groups that the coordination test named; return each account's planted tier."""
    tier: dict[str, str] = {}
    parts: list[Actions] = []
    for group in range(_GROUPS_PER_CASE):
        names = np.array([f"x:{group}:{k:03}" for k in range(plan.size)], object)
        kinds = _kinds(plan)
        at_ms, joins = _times(plan, kinds, rng)
        who, what = np.nonzero(joins)
        objects = np.array([f"o{group}:{k}" for k in range(plan.objects)], object)
        parts.append(Actions(names[who], objects[what], at_ms[who, what]))
        tier |= dict(zip(names.tolist(), kinds, strict=True))
    actions, _ = mixed(parts)
    _load_actions(db, actions.account_id, actions.object_id, actions.at_ms)
    for table in COORDINATION:
        db.execute(create_sql(table))
    accounts = list(tier)
    n = len(accounts)
    groups = [f"E{int(account.split(':')[1]) + 1}" for account in accounts]
    columns = {"account_id": accounts, "group_id": groups, "scope": ["event"] * n}
    db.load("coordinated_accounts", {**columns, "state": ["named"] * n, "role": ["follower"] * n})
    names_of_groups = sorted(set(groups))
    plain = {"group_id": names_of_groups, "scope": ["event"] * len(names_of_groups)}
    db.load("groups", {**plain, "window_ms": [_JITTER_MS] * len(names_of_groups)})
    return tier


def _kinds(plan: Plan) -> list[str]:
    if plan.kind == "rotating":
        return ["starter"] * 3 + [""] * (plan.size - 3)
    if plan.kind != "hierarchy":
        return [""] * plan.size
    ends = np.cumsum([share for share, *_ in _TIERS.values()])
    places = (np.arange(plan.size - 1) + 0.5) / max(1, plan.size - 1)
    return ["starter", *(list(_TIERS)[int(np.searchsorted(ends, place))] for place in places)]


def _times(
    plan: Plan, kinds: Sequence[str], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return when each account (row) acts on each object (column), and whether it does."""
    shape = (plan.size, plan.objects)
    delay = rng.random(shape)
    if plan.kind == "hierarchy":
        low = np.array([_TIERS[kind][1] if kind in _TIERS else -0.02 for kind in kinds])[:, None]
        high = np.array([_TIERS[kind][2] if kind in _TIERS else -0.01 for kind in kinds])[:, None]
        delay = np.where(rng.random(plan.objects) < plan.noise, delay, low + (high - low) * delay)
    elif plan.kind == "rotating":
        turn = rng.integers(0, 3, plan.objects)
        leads = (rng.random(plan.objects) >= plan.noise) & (np.arange(plan.size)[:, None] == turn)
        delay = np.where(leads, -0.01, delay)
    elif plan.kind == "quick":
        speed = np.exp(rng.normal(0, 0.5, (plan.size, 1)))
        delay = np.minimum(0.99, 0.25 * speed * np.exp(rng.normal(0, 0.7, shape)))
    willing = rng.beta(0.8, 1.2, (plan.size, 1)) if plan.kind == "uneven" else plan.join_share
    joins = rng.random(shape) < willing
    if plan.kind == "hierarchy":
        joins[0] = True
    start = _HOUR_MS * (1 + np.arange(plan.objects))
    return (start + delay * _JITTER_MS).astype(np.int64), joins


def _load_actions(
    db: Database,
    account: npt.NDArray[Any],
    thing: npt.NDArray[Any],
    at_ms: npt.NDArray[np.int64],
    trace: npt.NDArray[Any] | None = None,
) -> None:
    n = len(at_ms)
    db.execute(create_sql(ACTIONS))
    kinds = np.full(n, "share", object) if trace is None else trace
    posts = np.array([f"p{k}" for k in range(n)], object)
    ids = {"account_id": account, "object_id": thing, "post_id": posts, "at_ms": at_ms}
    db.load("actions", {"scope": np.full(n, "event", object), "trace": kinds, **ids})


def _roles(db: Database) -> dict[str, str]:
    found = account_structure(CaseView(_CONFIG, db, ()))
    return dict(zip(map(str, found["account_id"]), map(str, found["role"]), strict=True))


# The whole chain ---------------------------------------------------------------------------------------------------


def _whole_chain(actions: Actions) -> dict[str, str]:
    """Run the coordination test on actions and return the role of every account of a group."""
    with Database() as db:
        _load_actions(db, actions.account_id, actions.object_id, actions.at_ms)
        case_tables.write_tables(db, Rules())
        return _roles(db)


def _led_row(background: Actions, lead_share: float, runs: int, seed: int) -> Row:
    """Plant a hierarchy of 20 accounts and 20 joint actions on own objects; the leader is first in `lead_share`."""
    counts = _Counts()
    for run in range(runs):
        rng = np.random.default_rng([seed, run, round(100 * lead_share)])
        plan = Plan()
        kinds = _kinds(plan)
        delays, joins = _times(replace(plan, noise=0.0), kinds, rng)
        late = rng.random(plan.objects) >= lead_share
        start = background.at_ms[rng.integers(0, len(background), plan.objects)]
        at_ms = start + delays - _HOUR_MS * (1 + np.arange(plan.objects))
        at_ms[0] += np.where(late, rng.integers(_JITTER_MS // 10, _JITTER_MS, plan.objects), 0)
        who, what = np.nonzero(joins)
        names = np.array([f"planted:{k:03}" for k in range(plan.size)], object)
        objects = np.array([f"planted:o{k}" for k in range(plan.objects)], object)
        actions, _ = mixed((background, Actions(names[who], objects[what], at_ms[who, what])))
        counts.add(_whole_chain(actions), dict(zip(names.tolist(), kinds, strict=True)))
    return counts.row("hierarchy in the debate, groups found by the test", f"leader first in {lead_share:.0%}")


def _framed_row(background: Actions, form: str, runs: int, seed: int) -> Row:
    """Mirror five innocents with ten bots each: is any of them given a role, or counted as a member?

    False alarms are victims with any tested role; `starters_planted` is empty, since nobody leads.
    """
    counts: dict[str, int] = {}
    starters = 0
    for run in range(runs):
        framed = frame(background, FrameParams(form=form), np.random.default_rng([seed, run]))
        role = _whole_chain(framed.actions)
        found = [role.get(victim, "none") for victim in framed.victims]
        starters += "starter" in found
        for one in found:
            counts[one] = counts.get(one, 0) + 1
    victims = sum(counts.values())
    row = _Counts().row("innocents among bots in the debate", f"{form}, 10 bots a victim")
    accused = sum(counts.get(role, 0) for role in (*_TESTED, "untested"))
    amplified = counts.get("amplified", 0)
    return {
        **row,
        "cases": runs,
        "accounts": victims,
        **_share("false_alarm", accused, victims),
        "cases_with_false_starter": starters / runs,
        "wrong_role_share": sum(counts.get(role, 0) for role in _ROLES) / victims,
        "starters_amplified": amplified / victims,
    }


def organic_rows() -> list[Row]:
    """Return one row per real collection without a plant: accounts that get a tested role though nobody was planted."""
    debate, pheme = backgrounds.debate_all_traces(), backgrounds.pheme()
    sets: Mapping[str, Shares | None] = {"GOP debate, all kinds of action": debate, "PHEME, all kinds": pheme}
    found = []
    for name, shares in sets.items():
        if shares is None:
            continue
        role = _of_shares(shares)
        judged = sum(one in _TESTED for one in role.values())
        starters = sum(one == "starter" for one in role.values())
        row = _Counts().row("organic, no plant", f"{name}, {judged} in a tested place")
        share = _share("false_alarm", starters, shares.n_accounts)
        found.append({**row, "cases": 1, "accounts": shares.n_accounts, **share,
                      "cases_with_false_starter": float(starters > 0),
                      "wrong_role_share": judged / shares.n_accounts})  # fmt: skip
    return found


def _of_shares(shares: Shares) -> dict[str, str]:
    name: Callable[[str, npt.NDArray[Any]], npt.NDArray[Any]] = lambda kind, numbers: np.array(  # noqa: E731
        [f"{kind}:{number:07}" for number in numbers.tolist()], object
    )
    with Database() as db:
        trace = np.array(shares.traces, object)[shares.trace[shares.object]]
        _load_actions(db, name("a", shares.account), name("o", shares.object), shares.at_ms, trace)
        case_tables.write_tables(db, Rules())
        return _roles(db)
