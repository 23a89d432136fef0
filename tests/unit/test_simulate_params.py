"""The planted counts at full scale, by arithmetic, and what scaling keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from floodmark.config import to_ms
from floodmark.errors import UsageError
from floodmark.simulate import CASE_2020
from floodmark.simulate.params import apportion, scaled
from floodmark.simulate.people import group_sizes, make_people


def test_the_published_case_is_planted_exactly() -> None:
    people, layout = make_people(CASE_2020, np.random.default_rng(1))
    campaign = people.role == "campaign"
    assert int(campaign.sum()) == len(layout.campaign) == 26_431
    assert CASE_2020.flagged_accounts == 11_294
    assert np.bincount(people.cell[campaign]).tolist() == [1_302, 437, 914, 2_998, 5_643, 26_431 - 11_294]
    assert (CASE_2020.enrolled_accounts, CASE_2020.deleted_accounts, CASE_2020.silent_accounts) == (1_622, 3_453, 1_168)
    at_home = campaign & (people.place == 0)
    assert int((at_home & ~people.vpn).sum()) == round(0.40 * 26_431)
    assert int((at_home & people.vpn).sum()) == round(0.15 * 26_431)
    assert not (campaign & people.vpn & (people.place > 0)).any()


def test_local_midnight_knows_the_summer_offset() -> None:
    assert CASE_2020.local_midnight_s() * 1000 == to_ms(_local(2020, 7, 17), "Asia/Tehran") == 1_594_927_800_000
    # Iran had ended summer time by 1 October: the same call must move by an hour.
    autumn = replace(CASE_2020, event_date=date(2020, 10, 1))
    assert autumn.local_midnight_s() % 86_400 == (24 - 3.5) * 3600
    assert CASE_2020.local_midnight_s() % 86_400 == (24 - 4.5) * 3600


def _local(*parts: int):  # type: ignore[no-untyped-def]
    from datetime import datetime

    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - a local time of the case file


@pytest.mark.parametrize("scale", [0.002, 0.0137, 0.02, 0.1, 0.5, 1.0, 2.5])
def test_scaling_keeps_the_union_and_the_order_of_counts(scale: float) -> None:
    params = scaled(CASE_2020, scale)
    assert params.accounts == round(26_431 * scale)
    assert params.flagged_accounts == round(11_294 * scale)
    assert 0 <= params.enrolled_accounts <= params.new_accounts
    assert params.enrolled_accounts == min(round(1_622 * scale), params.new_accounts)
    assert params.deleted_accounts + params.silent_accounts + params.suspended_accounts < params.accounts
    assert params.jitter_s == CASE_2020.jitter_s
    for full, small in zip(CASE_2020.flagged_cells, params.flagged_cells, strict=True):
        assert abs(small - full * scale) <= 1


@pytest.mark.parametrize("total", [0, 1, 7, 226, 11_294])
def test_apportion_is_within_one_of_the_exact_share(total: int) -> None:
    weights = [1_302, 437, 914, 2_998, 5_643]
    parts = apportion(total, weights)
    assert sum(parts) == total
    assert all(abs(part - total * weight / 11_294) < 1 for part, weight in zip(parts, weights, strict=True))


@pytest.mark.parametrize("scale", [0.0, -1.0, 5.0, float("nan"), 0.0001])
def test_an_impossible_scale_is_refused_with_the_field(scale: float) -> None:
    with pytest.raises(UsageError, match=r"field `scale`.*(0\.0015|at most 4)"):
        scaled(CASE_2020, scale)


@pytest.mark.parametrize("accounts", [40, 79, 529, 26_431])
def test_group_sizes_stay_within_limits_and_cover_everyone(accounts: int) -> None:
    sizes = group_sizes(replace(CASE_2020, accounts=accounts), np.random.default_rng(3))
    assert sizes.sum() == accounts
    assert sizes.min() >= 20
    assert sizes.max() <= 200
    if accounts > 10_000:
        assert len(np.unique(sizes)) > 50
