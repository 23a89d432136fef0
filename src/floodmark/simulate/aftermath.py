"""What becomes of the accounts and their posts: status snapshots before and after the event, and deletions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.schema import STATUS_WORDS
from floodmark.simulate.cast import Cast
from floodmark.simulate.params import DAY_S, CampaignParams
from floodmark.simulate.rhythm import Clock
from floodmark.simulate.world import NO_CELL, Floats, Ints, Objects, People, Posts, objects, slots

ACTIVE, SUSPENDED, DELETED, PROTECTED, RENAMED, NOT_FOUND = range(len(STATUS_WORDS))
#: `returned`: deleted at the second poll and back at the third; `silent`: there, but posts no more.
FATES: Final = ("active", "silent", "deleted", "suspended", "protected", "renamed", "not_found", "returned")
_STATUS_OF_FATE: Final = np.array([ACTIVE, ACTIVE, DELETED, SUSPENDED, PROTECTED, RENAMED, NOT_FOUND, ACTIVE])
_RARE_SHARES: Final = {"protected": 0.006, "renamed": 0.004, "not_found": 0.003, "returned": 0.002}
UNKNOWN: Final = -1


@dataclass(frozen=True)
class Aftermath:
    """Per account its fate; per account and poll its status (in STATUS_WORDS) and last post (UTC s or UNKNOWN).

    At `before_s`, before the event, only accounts that had posted were known and looked up; the others are UNKNOWN.
    From `left_s` on an account that leaves posts nothing that strangers see.
    """

    fate: Objects
    polls_s: Ints
    status: Ints
    last_post_s: Ints
    left_s: Ints
    before_s: int
    status_before: Ints
    last_post_before_s: Ints


def make_aftermath(
    params: CampaignParams,
    people: People,
    clock: Clock,
    posts: Posts,
    last: tuple[Ints, Ints],
    rng: np.random.Generator,
) -> Aftermath:
    """Return the snapshots. `last` is each account's last post up to the event's end and in the whole collection."""
    last_s, later_s = last
    before = _before(params, people, clock, posts, rng)
    fate = _fates(params, people, rng)
    polls_s = clock.end_s + DAY_S * np.array(params.polls_days_after_end, dtype=np.int64)
    gone_s = clock.end_s + _exit_delay_s(params, people, rng)
    status = np.where(polls_s[None, :] >= gone_s[:, None], _STATUS_OF_FATE[fate][:, None], ACTIVE)
    status[fate == FATES.index("returned"), 1] = DELETED
    # Who goes on posting was last seen some days before each poll, never before the poll before it.
    gaps_s = np.diff(polls_s, prepend=clock.end_s)
    recent_s = polls_s - (rng.random(status.shape) * gaps_s).astype(np.int64)
    silent = (fate == FATES.index("silent"))[:, None]
    seen_s = np.where(silent, later_s[:, None], np.maximum(recent_s, later_s[:, None]))
    seen_s[:, 0] = last_s
    visible = (status == ACTIVE) | (status == RENAMED)
    leaves = ~np.isin(_STATUS_OF_FATE[fate], (ACTIVE, RENAMED))
    left_s = np.where(leaves, gone_s.astype(np.int64), np.iinfo(np.int64).max)
    return Aftermath(objects(FATES)[fate], polls_s, status, np.where(visible, seen_s, UNKNOWN), left_s, *before)


def _before(
    params: CampaignParams, people: People, clock: Clock, posts: Posts, rng: np.random.Generator
) -> tuple[int, Ints, Ints]:
    """Return the snapshot before the event: its time, each account's status and last post (UNKNOWN: not looked up).

    A few ordinary accounts were away then, deleted or protected, and came back; they are silent a day either way.
    """
    poll_s = clock.window_s - params.polls_days_before_start * DAY_S
    earlier = posts.at_s < poll_s
    last_s = np.full(len(people), UNKNOWN, dtype=np.int64)
    np.maximum.at(last_s, posts.account[earlier], posts.at_s[earlier])
    near = np.zeros(len(people), dtype=bool)
    near[posts.account[np.abs(posts.at_s - poll_s) < DAY_S]] = True
    away = (people.role != "campaign") & ~near & (rng.random(len(people)) < params.habits.away_share)
    status = np.where(away, np.where(rng.random(len(people)) < 0.7, DELETED, PROTECTED), ACTIVE)
    return poll_s, np.where(last_s == UNKNOWN, UNKNOWN, status), np.where(away, UNKNOWN, last_s)


def deletions(params: CampaignParams, cast: Cast, clock: Clock, posts: Posts, rng: np.random.Generator) -> Ints:
    """Return when each post was deleted, as far as the stream saw it (UTC s; UNKNOWN: not).

    Some campaign groups delete most of what they posted within minutes; ordinary people delete a few posts, a typo at
    once and a regret after hours or days. Nobody deletes what others reposted or answered.
    """
    plans, habits = params.behaviours, params.habits
    hasty = cast.short_lived[posts.account] & (posts.at_s >= clock.window_s)
    share = np.where(hasty, plans.short_lived_share_of_posts, habits.deleted_share_of_posts)
    median_s = np.where(hasty, plans.short_lived_median_s, habits.deleted_median_s)
    life_s = np.exp(rng.normal(np.log(median_s), np.where(hasty, 1.0, 2.0)))
    gone_s = posts.at_s + 1 + np.minimum(life_s, 60 * DAY_S).astype(np.int64)
    parent = np.zeros(len(posts), dtype=bool)
    parent[posts.parent[posts.parent >= 0]] = True
    seen = (rng.random(len(posts)) < share) & ~parent & (gone_s < clock.end_s)
    return np.where(seen, gone_s, UNKNOWN)


def _fates(params: CampaignParams, people: People, rng: np.random.Generator) -> Ints:
    fate = np.zeros(len(people), dtype=np.int64)
    for number, crowd in enumerate(params.crowds):
        mine = np.flatnonzero((people.role != "campaign") & (people.topic == number))
        shares = {"silent": crowd.silent_share, "deleted": crowd.deleted_share, "suspended": crowd.suspended_share}
        shares |= _RARE_SHARES
        fate[mine] = slots(rng, _all_shares(shares), len(mine))
    campaign = np.flatnonzero(people.role == "campaign")
    # Throwaway accounts go first: flagged ones are twice as likely to be among the deleted and the silent.
    weight = np.where(people.cell[campaign] != NO_CELL, 2.0, 1.0)
    order = campaign[np.argsort(rng.exponential(1 / weight), kind="stable")]
    exact = {
        "deleted": params.deleted_accounts,
        "silent": params.silent_accounts,
        "suspended": params.suspended_accounts,
    }
    exact |= {name: round(share * params.accounts / 4) for name, share in _RARE_SHARES.items()}
    start = 0
    for name, count in exact.items():
        fate[order[start : start + count]] = FATES.index(name)
        start += count
    return fate


def _all_shares(shares: dict[str, float]) -> tuple[float, ...]:
    return (1 - sum(shares.values()), *(shares[name] for name in FATES[1:]))


def _exit_delay_s(params: CampaignParams, people: People, rng: np.random.Generator) -> Floats:
    """Return how long after the end each account leaves if it does: the campaign within days, others at any time."""
    horizon_s = DAY_S * (params.polls_days_after_end[-1] - 1)
    soon = np.minimum(rng.exponential(6 * DAY_S, len(people)), horizon_s)
    anytime = rng.random(len(people)) * horizon_s
    return 3600 + np.where(people.role == "campaign", soon, anytime)
