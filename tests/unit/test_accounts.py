"""Counting flags, overlaps, enrolment and aftermath, against counting by hand."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from floodmark import registry
from floodmark.accounts.aftermath import GONE, aftermath
from floodmark.accounts.enrolment import ENROLLED, HISTOGRAM_DAYS, creation_dates
from floodmark.accounts.prevalence import UNION, Tally, count_flags, prevalence_range
from floodmark.view import CaseView

DAY = 86_400_000
START = 1_594_927_800_000  # 2020-07-17 00:00 in Tehran
END = START + DAY
MakeView = Callable[..., CaseView]


def member(account: str, roster: str = "pro") -> dict[str, object]:
    return {"roster": roster, "account_id": account, "posts": 1, "first_at_ms": START}


def crowd(seed: int, size: int = 400) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Accounts of random age, silence and followers, each value unknown for some."""
    rng = random.Random(seed)

    def maybe(value: int) -> int | None:
        return None if rng.random() < 0.1 else value

    members, profiles = [], []
    for i in range(size):
        members.append(member(f"x:{i}", rng.choice(["pro", "con", "both", "control"])))
        age = rng.choice([0, 1, 20, 29, 31, 400, 2000]) * DAY
        profiles.append(
            {
                "account_id": f"x:{i}",
                "created_at_ms": maybe(START - age),
                "previous_post_at_ms": maybe(START - min(age, rng.choice([1, 100, 179, 181, 300]) * DAY)),
                "followers": maybe(rng.choice([0, 19, 20, 5000])),
                "description": rng.choice([None, "", "tea"]),
            }
        )
    return members, profiles[: size - 20]


def by_hand(profile: dict[str, object] | None) -> dict[str, bool | None]:
    """The three flags as their meaning says, in Python."""
    if profile is None:
        return dict.fromkeys(UNION)
    created, previous, followers = (profile[k] for k in ("created_at_ms", "previous_post_at_ms", "followers"))
    assert created is None or isinstance(created, int)
    assert previous is None or isinstance(previous, int)
    assert followers is None or isinstance(followers, int)
    young = None if created is None else created >= START - 180 * DAY
    # A last post at the start of the event says nothing of the time before it.
    said = previous if previous is not None and (previous < START or young) else None
    return {
        "new": None if created is None else created >= START - 30 * DAY,
        "dormant": said < START - 180 * DAY if said is not None else (False if young else None),
        "low_follower": None if followers is None else followers < 20,
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_flags_unions_and_overlaps_equal_counting_by_hand(seed: int, make_view: MakeView) -> None:
    members, profiles = crowd(seed)
    counts = count_flags(make_view(participants=members, accounts=profiles))
    known = {str(profile["account_id"]): profile for profile in profiles}
    for roster in ("pro", "con", "both", "control"):
        judged = [by_hand(known.get(str(m["account_id"]))) for m in members if m["roster"] == roster]
        for size in (1, 2, 3):
            for names in itertools.combinations(UNION, size):
                whole = [flags for flags in judged if all(flags[name] is not None for name in names)]
                flagged = sum(any(flags[name] for name in names) for flags in whole)
                assert counts.tally(roster, names) == Tally(flagged, len(whole), len(judged) - len(whole))
        whole = [flags for flags in judged if None not in flags.values()]
        overlaps = counts.overlaps(roster, UNION)
        assert sum(overlaps.values()) == len(whole)
        assert overlaps.get("none", 0) == sum(not any(flags.values()) for flags in whole)
        assert overlaps.get("new+low_follower", 0) == sum(
            flags == {"new": True, "dormant": False, "low_follower": True} for flags in whole
        )


def test_half_known_accounts_do_not_make_a_union_look_flagged(make_view: MakeView) -> None:
    # Followers are known for all (half have few), the last post for nobody but one: the union must stay near a half.
    members = [member(f"x:{i}") for i in range(101)]
    profiles = [
        {"account_id": f"x:{i}", "followers": 5 if i % 2 else 500, "created_at_ms": START - 999 * DAY}
        for i in range(101)
    ]
    profiles[100]["previous_post_at_ms"] = START - 2 * DAY
    counts = count_flags(make_view(participants=members, accounts=profiles))
    assert counts.tally("pro", ("dormant", "low_follower")) == Tally(0, 1, 100)
    assert counts.tally("pro", ("low_follower",)) == Tally(50, 101, 0)


def test_a_roster_without_profiles_cannot_be_tested(make_view: MakeView) -> None:
    view = make_view(
        participants=[member("x:1"), member("x:2", "control")],
        accounts=[{"account_id": "x:1", "followers": 3}],
    )
    counts, flags = count_flags(view), registry.flags().items
    assert counts.testable("pro", flags["low_follower"])
    assert not counts.testable("pro", flags["new"])
    assert not counts.testable("control", flags["low_follower"])
    assert not counts.testable("nobody", flags["low_follower"])
    assert counts.tally("nobody", ("new",)) == Tally(0, 0, 0)


def test_details_bound_the_share_whatever_the_unknown_accounts_are() -> None:
    details = Tally(flagged=30, judged=80, unknown=20).details()
    assert details["bounds_if_unknown"] == [0.3, 0.5]
    assert details["accounts"] == 100
    assert Tally(0, 0, 0).details()["bounds_if_unknown"] == [0.0, 1.0]


def test_the_published_share_can_mean_a_fifth_or_seven_tenths() -> None:
    low, high = prevalence_range(Tally(11_294, 26_431, 0))
    assert low == pytest.approx(0.20, abs=0.02)
    assert high == pytest.approx(0.70, abs=0.02)
    # A small roster adds its sampling error.
    small_low, small_high = prevalence_range(Tally(43, 100, 0))
    assert small_low < low
    assert small_high > high


def test_creation_dates_fall_into_days_before_the_event(make_view: MakeView) -> None:
    created = {
        "x:last": START - 1,
        "x:day": START - DAY,
        "x:first": START - HISTOGRAM_DAYS * DAY,
        "x:too-old": START - HISTOGRAM_DAYS * DAY - 1,
        "x:start": START,
        "x:end": END,
        "x:unknown": None,
    }
    profiles = [{"account_id": a, "created_at_ms": at, "created_resolution_ms": 1000} for a, at in created.items()]
    profiles[0]["created_resolution_ms"] = DAY
    view = make_view(participants=[member(account) for account in created], accounts=profiles)
    found = creation_dates(view)["pro"]
    histogram = dict(found.by_day)
    assert len(histogram) == HISTOGRAM_DAYS
    assert min(histogram) == START - HISTOGRAM_DAYS * DAY
    assert max(histogram) == START - DAY
    assert (histogram[START - DAY], histogram[START - HISTOGRAM_DAYS * DAY]) == (2, 1)
    assert sum(histogram.values()) == 3
    assert (found.in_window, found.day_only) == (1, 1)


def look(account: str, at: int, status: str, last_post: int | None = None) -> dict[str, object]:
    return {"account_id": account, "observed_at_ms": at, "status": status, "last_post_at_ms": last_post}


def test_the_last_snapshot_after_the_event_counts(make_view: MakeView) -> None:
    late = END + 60 * DAY
    statuses = [
        look("x:back", END + DAY, "suspended"),
        look("x:back", late, "active", late - 2 * DAY),
        look("x:gone", END, "active", END - 1),
        look("x:gone", late, "not_found"),
        look("x:before", END - 1, "deleted"),
        look("x:deleted", late, "deleted"),
        look("x:silent", late, "active", START),
        look("x:renamed", late, "renamed", late - 31 * DAY),
        look("x:hidden", late, "protected"),
        look("x:stranger", late, "deleted"),
        look("x:early", END + 29 * DAY, "active", START),
    ]
    names = ["back", "gone", "before", "deleted", "silent", "renamed", "hidden", "early", "unseen"]
    found = aftermath(make_view(participants=[member(f"x:{name}") for name in names], statuses=statuses))["pro"]
    assert found.by_status == {
        "active": 2,
        "returned": 1,
        "not_found": 1,
        "deleted": 1,
        "renamed": 1,
        "protected": 1,
    }
    assert (found.accounts, found.seen) == (9, 7)
    assert found.tally(GONE) == Tally(2, 7, 2)
    # Unknown: the last post of a hidden account, and whether anyone is silent days before silence can show.
    assert found.silent == Tally(2, 5, 2)
    assert (END - 1) // DAY * DAY in {day for day, *_ in found.by_date}
    assert sum(accounts for *_, accounts in found.by_date) == 10
    assert not found.lists_only_gone


def test_snapshots_that_contradict_each_other_are_unknown(make_view: MakeView) -> None:
    late = END + 40 * DAY
    statuses = [
        *(look("x:torn", late, status, late - DAY) for status in ("active", "deleted")),
        *(look("x:mended", END, status) for status in ("active", "deleted")),
        look("x:mended", late, "active", late - DAY),
    ]
    members = [member("x:torn"), member("x:mended")]
    for order in (statuses, statuses[::-1]):
        found = aftermath(make_view(participants=members, statuses=order))["pro"]
        assert found.by_status == {"active": 1}
        assert found.tally(GONE) == Tally(0, 1, 1)


def test_lists_of_vanished_accounts_are_recognised(make_view: MakeView) -> None:
    members = [member("x:1"), member("x:2"), member("x:3")]
    only_gone = aftermath(make_view(participants=members, statuses=[look("x:1", END, "suspended")]))["pro"]
    assert only_gone.lists_only_gone
    everybody = [look(f"x:{i}", END, "suspended") for i in (1, 2, 3)]
    assert not aftermath(make_view(participants=members, statuses=everybody))["pro"].lists_only_gone
    assert not aftermath(make_view(participants=members))["pro"].lists_only_gone


def test_enrolled_is_before_the_event_and_new_is_that_or_later(make_view: MakeView) -> None:
    created = [START - 30 * DAY - 1, START - 30 * DAY, START - 1, START, END - 1, None]
    view = make_view(
        participants=[member(f"x:{i}") for i in range(len(created))],
        accounts=[{"account_id": f"x:{i}", "created_at_ms": at} for i, at in enumerate(created)],
    )
    assert count_flags(view, [ENROLLED]).tally("pro", ("enrolled",)) == Tally(2, 5, 1)
    assert count_flags(view).tally("pro", ("new",)) == Tally(4, 5, 1)
