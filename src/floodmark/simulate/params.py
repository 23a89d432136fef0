"""Every parameter of the simulated case, with its unit in its name, and the published case of July 2020."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from floodmark.errors import UsageError
from floodmark.simulate.behaviours import BehaviourParams, HabitParams, scaled_behaviours

LANGUAGES: Final = ("fa", "ar", "en")
MAX_SCALE: Final = 4.0
BIN_S: Final = 900
DAY_S: Final = 86_400


@dataclass(frozen=True)
class CrowdParams:
    """One organic crowd: people who talk about a topic, with the base rates that any crowd has.

    `accounts` is the pool; how many of them post is left to chance. Shares are of the pool, 0..1. `posts` counts
    are originals, replies and reposts together, without news bots and fans.
    """

    topic: str
    accounts: int
    baseline_posts_per_day: int
    window_posts: int
    event_peak_ratio: float
    languages_share: tuple[float, float, float]
    new_share: float
    dormant_share: float
    low_follower_share: float
    in_country_share: float
    vpn_share_of_in_country: float
    place_stated_share: float
    cross_share_of_posts: float
    repost_share_of_posts: float
    repost_delay_median_s: int
    reply_share_of_own: float
    link_share_of_own: float
    slogan_share_of_own: float
    keyword_share_of_own: float
    deleted_share: float
    suspended_share: float
    silent_share: float
    news_bots: int
    articles_per_day: int
    syndication_share: float
    syndication_spread_s: int
    idols: int
    fans_per_idol: int
    fan_repost_share: float
    fan_delay_median_s: int


@dataclass(frozen=True)
class CampaignParams:
    """The whole case: calendar, campaign and the three crowds.

    The five `*_accounts` cells partition the flagged campaign accounts, so their sum is the union of the flags; an
    account cannot be both new and dormant. Shares are of the campaign's accounts unless the name says otherwise;
    `unknown_previous_share` is that of ordinary accounts whose last earlier post is left empty; the truth knows it.
    The collector runs on for `after_days`, which end before the second poll.
    """

    event_date: date
    zone: str
    country: str
    window_days: int
    baseline_days: int
    new_days: int
    dormant_days: int
    low_follower_under: int
    silent_days: int
    polls_days_after_end: tuple[int, ...]
    accounts: int
    new_low_accounts: int
    new_only_accounts: int
    dormant_low_accounts: int
    dormant_only_accounts: int
    low_only_accounts: int
    enrolled_accounts: int
    deleted_accounts: int
    silent_accounts: int
    suspended_accounts: int
    in_country_direct_share: float
    vpn_share: float
    place_stated_share: float
    group_accounts_min: int
    group_accounts_max: int
    operations_per_group_mean: float
    core_share_of_groups: float
    core_operations_per_group_mean: float
    habit_share_of_operations: float
    join_share: float
    jitter_s: int
    camouflage_share_of_posts: float
    surge_bins: int
    surge_share_of_operations: float
    flood_share_of_groups: float
    amplified_share_of_reposts: float
    rehearsal_share: float
    unknown_previous_share: float
    languages_share: tuple[float, float, float]
    against: CrowdParams
    supporters: CrowdParams
    control: CrowdParams
    polls_days_before_start: int = 7
    after_days: int = 3
    after_share_of_baseline: float = 0.3
    behaviours: BehaviourParams = field(default_factory=BehaviourParams)
    habits: HabitParams = field(default_factory=HabitParams)

    @property
    def crowds(self) -> tuple[CrowdParams, CrowdParams, CrowdParams]:
        """The organic crowds: against, for, control."""
        return (self.against, self.supporters, self.control)

    @property
    def flagged_cells(self) -> tuple[int, int, int, int, int]:
        """New and low, new only, dormant and low, dormant only, low only (accounts)."""
        return (
            self.new_low_accounts,
            self.new_only_accounts,
            self.dormant_low_accounts,
            self.dormant_only_accounts,
            self.low_only_accounts,
        )

    @property
    def flagged_accounts(self) -> int:
        """Campaign accounts that are new, dormant or low-follower."""
        return sum(self.flagged_cells)

    @property
    def new_accounts(self) -> int:
        """Campaign accounts created within `new_days` before the event or later."""
        return self.new_low_accounts + self.new_only_accounts

    def local_midnight_s(self, days: int = 0) -> int:
        """Return UTC seconds of local midnight, `days` after the event's date."""
        day = self.event_date + timedelta(days=days)
        moment = datetime.combine(day, time(0), tzinfo=ZoneInfo(self.zone))
        return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Split `total` into whole numbers proportional to `weights` that sum to it (largest remainders).

    >>> apportion(10, [1, 1, 1])
    [4, 3, 3]
    """
    scale = total / sum(weights)
    exact = [weight * scale for weight in weights]
    parts = [int(value + 1e-9) for value in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def scaled(params: CampaignParams, scale: float) -> CampaignParams:
    """Return `params` with every count multiplied by `scale`; group sizes, shares and the calendar stay.

    Raises UsageError when the scale is out of range or leaves no room for two groups.

    >>> small = scaled(CASE_2020, 0.1)
    >>> small.accounts, small.flagged_accounts, small.enrolled_accounts
    (2643, 1129, 162)
    """
    if not 0 < scale <= MAX_SCALE:
        raise UsageError(f"simulate: field `scale` must be above 0 and at most {MAX_SCALE:g}; found {scale}")
    accounts = round(params.accounts * scale)
    if accounts < 2 * params.group_accounts_min:
        least = 2 * params.group_accounts_min / params.accounts
        raise UsageError(f"simulate: field `scale` is too small for two groups; use at least {least:.4f}, not {scale}")
    cells = apportion(round(params.flagged_accounts * scale), params.flagged_cells)
    return replace(
        params,
        accounts=accounts,
        new_low_accounts=cells[0],
        new_only_accounts=cells[1],
        dormant_low_accounts=cells[2],
        dormant_only_accounts=cells[3],
        low_only_accounts=cells[4],
        enrolled_accounts=min(round(params.enrolled_accounts * scale), cells[0] + cells[1]),
        deleted_accounts=round(params.deleted_accounts * scale),
        silent_accounts=round(params.silent_accounts * scale),
        suspended_accounts=round(params.suspended_accounts * scale),
        behaviours=scaled_behaviours(params.behaviours, scale),
        against=_scaled_crowd(params.against, scale),
        supporters=_scaled_crowd(params.supporters, scale),
        control=_scaled_crowd(params.control, scale),
    )


def _scaled_crowd(crowd: CrowdParams, scale: float) -> CrowdParams:
    return replace(
        crowd,
        accounts=max(40, round(crowd.accounts * scale)),
        baseline_posts_per_day=max(4, round(crowd.baseline_posts_per_day * scale)),
        window_posts=max(40, round(crowd.window_posts * scale)),
        news_bots=min(crowd.news_bots, max(3, round(crowd.news_bots * scale))),
        articles_per_day=max(1, round(crowd.articles_per_day * scale)),
        idols=min(crowd.idols, max(1, round(crowd.idols * scale))),
    )


_AGAINST: Final = CrowdParams(
    topic="against",
    accounts=6_000,
    baseline_posts_per_day=850,
    window_posts=15_000,
    event_peak_ratio=30.0,
    languages_share=(0.75, 0.10, 0.15),
    new_share=0.025,
    dormant_share=0.03,
    low_follower_share=0.09,
    in_country_share=0.45,
    vpn_share_of_in_country=0.6,
    place_stated_share=0.64,
    cross_share_of_posts=0.02,
    repost_share_of_posts=0.45,
    repost_delay_median_s=480,
    reply_share_of_own=0.18,
    link_share_of_own=0.12,
    slogan_share_of_own=0.06,
    keyword_share_of_own=0.06,
    deleted_share=0.022,
    suspended_share=0.008,
    silent_share=0.04,
    news_bots=8,
    articles_per_day=36,
    syndication_share=0.4,
    syndication_spread_s=45,
    idols=3,
    fans_per_idol=25,
    fan_repost_share=0.5,
    fan_delay_median_s=45,
)

#: The published case. Cells, suspensions and everything below `silent_accounts` are our choices: no source gives them.
CASE_2020: Final = CampaignParams(
    event_date=date(2020, 7, 17),
    zone="Asia/Tehran",
    country="IR",
    window_days=2,
    baseline_days=28,
    new_days=30,
    dormant_days=180,
    low_follower_under=20,
    silent_days=30,
    polls_days_after_end=(0, 7, 30, 45),
    accounts=26_431,
    new_low_accounts=1_302,
    new_only_accounts=437,
    dormant_low_accounts=914,
    dormant_only_accounts=2_998,
    low_only_accounts=5_643,
    enrolled_accounts=1_622,
    deleted_accounts=3_453,
    silent_accounts=1_168,
    suspended_accounts=317,
    in_country_direct_share=0.40,
    vpn_share=0.15,
    place_stated_share=0.66,
    group_accounts_min=20,
    group_accounts_max=200,
    operations_per_group_mean=6.0,
    core_share_of_groups=0.1,
    core_operations_per_group_mean=24.0,
    habit_share_of_operations=0.7,
    join_share=0.6,
    jitter_s=60,
    camouflage_share_of_posts=0.5,
    surge_bins=24,
    surge_share_of_operations=0.8,
    flood_share_of_groups=0.2,
    amplified_share_of_reposts=0.3,
    rehearsal_share=0.03,
    unknown_previous_share=0.0,
    languages_share=(0.6, 0.2, 0.2),
    against=_AGAINST,
    supporters=replace(
        _AGAINST,
        topic="for",
        accounts=10_000,
        baseline_posts_per_day=1_500,
        window_posts=36_000,
        event_peak_ratio=40.0,
        languages_share=(0.6, 0.1, 0.3),
        new_share=0.03,
        low_follower_share=0.11,
        in_country_share=0.3,
        vpn_share_of_in_country=0.95,
        place_stated_share=0.6,
        cross_share_of_posts=0.01,
    ),
    control=replace(
        _AGAINST,
        topic="control",
        accounts=9_000,
        baseline_posts_per_day=2_400,
        window_posts=4_800,
        event_peak_ratio=1.0,
        languages_share=(0.85, 0.05, 0.1),
        new_share=0.018,
        in_country_share=0.6,
        cross_share_of_posts=0.0,
    ),
)
