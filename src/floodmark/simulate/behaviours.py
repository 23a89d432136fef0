"""What accounts do beyond posting together: parameters of the planted behaviours and of their innocent look-alikes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True)
class BehaviourParams:
    """What parts of the campaign do. Groups are counted; shares are of groups, accounts or posts, as their names say.

    `*_share_of_groups` picks whole groups, in which `family_share_of_members` share the feature. Automated accounts
    post all through the window at a fixed period, at most `automated_jitter_s` late, and those of
    `automated_after_groups` go on after it as long as posts are collected. Accounts that were taken over
    posted about `history_posts_per_account` ordinary posts in the baseline, with their owner's clock, language, client.
    Members of `target_share_of_groups` answer one supporter, and so do some of the crowd against him.
    """

    automated_groups: int = 6
    automated_after_groups: int = 2
    automated_accounts_per_group: int = 20
    automated_period_s: int = 2_400
    automated_jitter_s: int = 20
    takeover_groups: int = 13
    takeover_accounts_per_group: int = 20
    takeover_operations_per_group_mean: float = 12.0
    history_posts_per_account: int = 20
    templated_handle_share_of_groups: float = 0.06
    shared_picture_share_of_groups: float = 0.08
    shared_description_share_of_groups: float = 0.06
    family_share_of_members: float = 0.8
    pictures_per_group: int = 3
    random_handle_share_of_accounts: float = 0.06
    long_tail_share_of_accounts: float = 0.25
    handle_swap_share_of_accounts: float = 0.01
    bulk_share_of_old_accounts: float = 0.5
    bulk_share_of_new_accounts: float = 0.5
    hour_bursts: int = 30
    day_bursts: int = 20
    week_bursts: int = 10
    new_bursts: int = 8
    rare_client_share_of_groups: float = 0.03
    tiered_share_of_groups: float = 0.25
    starter_share_of_operations: float = 0.75
    patron_share_of_groups: float = 0.05
    short_lived_share_of_groups: float = 0.05
    short_lived_share_of_posts: float = 0.7
    short_lived_median_s: int = 60
    target_share_of_groups: float = 0.1
    target_share_of_members: float = 0.5
    target_share_of_crowd: float = 0.01


@dataclass(frozen=True)
class HabitParams:
    """Base rates of the same things among ordinary accounts, in all three crowds. Shares are of a crowd's accounts.

    `away` are accounts that are gone at the snapshot before the event and back afterwards; `waves` are dates on which
    a platform gains many members at once, whatever they will talk about.
    """

    scheduler_share: float = 0.02
    rare_client_share: float = 0.003
    second_client_share: float = 0.12
    second_client_share_of_posts: float = 0.3
    new_phone_share: float = 0.03
    bilingual_share: float = 0.08
    second_language_share_of_posts: float = 0.3
    event_language_share: float = 0.02
    random_handle_share: float = 0.015
    digit_tail_share: float = 0.3
    long_tail_share: float = 0.08
    handle_swap_share: float = 0.006
    emblem_share: float = 0.03
    popular_picture_share: float = 0.05
    quoted_description_share: float = 0.15
    empty_description_share: float = 0.2
    fan_family_share: float = 0.3
    waves: int = 4
    wave_days: int = 3
    wave_share: float = 0.04
    newcomer_wave_share: float = 0.3
    newcomer_wave_days_before: int = 10
    away_share: float = 0.004
    clock_bots: int = 2
    clock_bot_period_s: int = 10_800
    deleted_share_of_posts: float = 0.012
    deleted_median_s: int = 7_200


#: A campaign that does none of this.
NO_BEHAVIOURS: Final = BehaviourParams(
    automated_groups=0,
    automated_after_groups=0,
    takeover_groups=0,
    templated_handle_share_of_groups=0.0,
    shared_picture_share_of_groups=0.0,
    shared_description_share_of_groups=0.0,
    random_handle_share_of_accounts=0.0,
    handle_swap_share_of_accounts=0.0,
    bulk_share_of_old_accounts=0.0,
    bulk_share_of_new_accounts=0.0,
    rare_client_share_of_groups=0.0,
    tiered_share_of_groups=0.0,
    patron_share_of_groups=0.0,
    short_lived_share_of_groups=0.0,
    target_share_of_groups=0.0,
    target_share_of_crowd=0.0,
)


def scaled_behaviours(params: BehaviourParams, scale: float) -> BehaviourParams:
    """Return `params` with counts of groups and bursts multiplied by `scale`, at least one of what there is at all.

    >>> scaled_behaviours(BehaviourParams(), 0.1).takeover_groups, scaled_behaviours(NO_BEHAVIOURS, 0.1).takeover_groups
    (1, 0)
    """
    names = (
        "automated_groups",
        "automated_after_groups",
        "takeover_groups",
        "hour_bursts",
        "day_bursts",
        "week_bursts",
        "new_bursts",
    )
    counts = {name: getattr(params, name) for name in names}
    return replace(params, **{name: max(1, round(n * scale)) if n else 0 for name, n in counts.items()})
