"""Enrolment by streams and among the young, what dates are worth, dates on a border, and the findings of bursts."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from floodmark import stats
from floodmark.accounts.creation_bursts import DAY_MS, HOUR_MS, MIN_DATED, WEEK_MS
from floodmark.accounts.dormant import FLAG as DORMANT
from floodmark.accounts.enrolment import ENROLLED, DateQuality, cohorts, date_quality, enrolled_among
from floodmark.accounts.new import FLAG as NEW
from floodmark.accounts.prevalence import Tally, count_flags
from floodmark.benchmark import accounts_enrolment as study
from floodmark.findings import Finding
from floodmark.registry import Flag
from floodmark.report.sections._bursts import burst_findings
from floodmark.report.sections.enrolment import findings
from floodmark.view import CaseView

START = 1_594_927_800_000  # 2020-07-17 00:00 in Tehran
YEAR = 365 * DAY_MS
MONDAY = 1_546_819_200_000  # 2019-01-07 00:00 UTC
MakeView = Callable[..., CaseView]
TWO_STREAMS = {
    "control": {"streams": ["sport", "weather"]},
    "input": [{"path": f"{name}.csv", "format": "csv", "stream": name} for name in ("main", "sport", "weather")],
}


def member(account: str, roster: str = "pro") -> dict[str, object]:
    return {"roster": roster, "account_id": account, "posts": 1, "first_at_ms": START}


def profile(account: str, at: int | None, width: int | None = 1000, **more: object) -> dict[str, object]:
    return {
        "account_id": account,
        "created_at_ms": at,
        "created_resolution_ms": width if at is not None else None,
    } | more


def posted(account: str, stream: str, side: str = "control", in_window: bool = True) -> dict[str, object]:
    at = START + 5 if in_window else START - DAY_MS
    post_id = f"x:{account}/{stream}/{at}"
    return {
        "side": side,
        "stream": stream,
        "post_id": post_id,
        "account_id": account,
        "at_ms": at,
        "in_window": in_window,
    }


def by_hand(at: int | None, width: int, oldest: int | None) -> str:
    """Return flagged, judged, unknown or out (too old), for a date in [at, at + width)."""

    def sure(low: int, high: int) -> bool | None:
        """Whether a date lies in [low, high), as far as its error allows."""
        assert at is not None
        if at >= low and at + width <= high:
            return True
        return False if at >= high or at + width <= low else None

    if at is None:
        return "unknown"
    young = True if oldest is None or at >= oldest else (False if at + width <= oldest else None)
    if young is False:
        return "out"
    enrolled = sure(START - 30 * DAY_MS, START)
    if young is None or enrolled is None:
        return "unknown"
    return "flagged" if enrolled else "judged"


@pytest.mark.parametrize("years", [None, 1, 2])
def test_enrolled_among_equals_counting_by_hand(make_view: MakeView, years: int | None) -> None:
    rng = random.Random(years)
    borders = [START, START - 30 * DAY_MS, START - YEAR, START - 2 * YEAR, START - 9 * YEAR]
    members, profiles = [], []
    answers: dict[str, list[str]] = {"pro": [], "con": []}
    for number in range(400):
        roster, width = rng.choice(["pro", "con"]), rng.choice([1, 1000, DAY_MS, 40 * DAY_MS])
        at = None if rng.random() < 0.1 else rng.choice(borders) + rng.choice([-width, -1, 0, 1, width, 5 * DAY_MS])
        members.append(member(f"x:{number}", roster))
        profiles.append(profile(f"x:{number}", at, width))
        answers[roster].append(by_hand(at, width, None if years is None else START - years * YEAR))
    found = enrolled_among(make_view(participants=members, accounts=profiles), years)
    for roster, given in answers.items():
        flagged, unknown = given.count("flagged"), given.count("unknown")
        assert found[roster] == Tally(flagged, flagged + given.count("judged"), unknown)
        if years is None:
            assert found[roster].accounts == len(given)


def test_accounts_without_a_profile_are_unknown_not_gone(make_view: MakeView) -> None:
    view = make_view(participants=[member("x:1"), member("x:2")], accounts=[profile("x:1", START - DAY_MS)])
    assert enrolled_among(view) == {"pro": Tally(1, 1, 1)}
    assert enrolled_among(view, 1) == {"pro": Tally(1, 1, 1)}


def test_each_control_stream_is_compared_on_its_own(make_view: MakeView) -> None:
    young, old = START - 3 * DAY_MS, START - 900 * DAY_MS
    controls = {"x:s1": young, "x:s2": young, "x:s3": old, "x:w1": old, "x:w2": old, "x:b": young, "x:late": young}
    posts = [posted(account, "sport") for account in ("x:s1", "x:s2", "x:s3", "x:b")]
    posts += [posted(account, "weather") for account in ("x:w1", "x:w2", "x:b")]
    # Outside the window, and for a side: neither is a post in that control stream.
    posts += [posted("x:late", "weather", in_window=False), posted("x:late", "sport", side="pro")]
    sides = [f"x:p{number}" for number in range(4)]
    view = make_view(
        TWO_STREAMS,
        participants=[*(member(account, "control") for account in controls), *map(member, sides)],
        accounts=[profile(account, at) for account, at in {**controls, **dict.fromkeys(sides, young)}.items()],
        side_posts=posts,
    )
    assert enrolled_among(view, stream="sport")["control"] == Tally(3, 4, 0)
    assert enrolled_among(view, stream="weather")["control"] == Tally(1, 3, 0)
    assert enrolled_among(view)["control"] == Tally(4, 7, 0)
    found = {finding.id: finding for finding in findings(view)}
    assert found["M5.difference.pro"].value == pytest.approx(1 - 4 / 7)
    assert found["M5.difference_to.sport.pro"].value == pytest.approx(1 - 3 / 4)
    assert found["M5.difference_to.weather.pro"].value == pytest.approx(1 - 1 / 3)
    assert "control stream weather" in found["M5.difference_to.weather.pro"].claim
    # No account of con, so nothing to subtract from.
    assert found["M5.difference_to.sport.con"].state == "not_testable"


def test_one_control_stream_is_not_said_twice(make_view: MakeView) -> None:
    view = make_view(participants=[member("x:1")], accounts=[profile("x:1", START)])
    assert not [finding.id for finding in findings(view) if "difference_to" in finding.id]


def some(kind: str, roster: str, count: int) -> list[tuple[dict[str, object], dict[str, object]]]:
    """Return so many members and profiles: enrolled, old, or with a date that may lie on either side of an end."""
    dates: dict[str, tuple[int | None, int]] = {
        "inside": (START - 5 * DAY_MS, 1000),
        "outside": (START - YEAR, 1000),
        "open": (START - DAY_MS // 2, DAY_MS),
        "coarse": (START - 20 * DAY_MS, 40 * DAY_MS),
        "undated": (None, 1),
    }
    names = [f"x:{roster}{kind}{number}" for number in range(count)]
    return [(member(name, roster), profile(name, *dates[kind])) for name in names]


def enrolment_of(make_view: MakeView, **groups: dict[str, int]) -> dict[str, Finding]:
    rows = [
        row for roster, kinds in groups.items() for kind, count in kinds.items() for row in some(kind, roster, count)
    ]
    view = make_view(participants=[row[0] for row in rows], accounts=[row[1] for row in rows])
    return {finding.id: finding for finding in findings(view)}


def test_open_dates_bound_the_share_and_the_difference(make_view: MakeView) -> None:
    found = enrolment_of(
        make_view, pro={"inside": 20, "outside": 70, "undated": 9}, control={"inside": 10, "outside": 80, "open": 10}
    )
    pro, control, difference = (found[f"M5.{name}"] for name in ("enrolled.pro", "enrolled.control", "difference.pro"))
    assert (pro.state, pro.value) == ("measured", pytest.approx(20 / 90))
    assert (control.state, control.value) == ("bounded", None)
    assert control.low == stats.wilson(10, 100)[0]
    assert control.high == stats.wilson(20, 100)[1]
    assert (difference.state, difference.value) == ("bounded", None)
    assert difference.low == stats.newcombe_difference(20, 90, 20, 100)[0]
    assert difference.high == stats.newcombe_difference(20, 90, 10, 100)[1]
    assert difference.details["open_in_control"] == 10
    assert sum(difference.details["roster"][name] for name in ("judged", "unknown")) == 99  # type: ignore[index]
    # Whatever the open ones truly are, the interval that exact dates would have given lies within.
    for truly in range(11):
        low, high = stats.newcombe_difference(20, 90, 10 + truly, 100)
        assert difference.low <= low
        assert difference.high >= high


def test_without_open_dates_nothing_changes(make_view: MakeView) -> None:
    found = enrolment_of(make_view, pro={"inside": 20, "outside": 70}, control={"inside": 10, "outside": 80})
    difference = found["M5.difference.pro"]
    assert difference.state == "measured"
    assert (difference.low, difference.high) == stats.newcombe_difference(20, 90, 10, 90)


@pytest.mark.parametrize("coarse", ["pro", "control"])
def test_dates_coarser_than_the_period_test_nothing(make_view: MakeView, coarse: str) -> None:
    other = "control" if coarse == "pro" else "pro"
    found = enrolment_of(make_view, **{coarse: {"coarse": 50, "undated": 3}, other: {"inside": 5, "outside": 50}})
    for name in ("difference.pro", "difference_recent.pro", f"enrolled.{coarse}"):
        assert found[f"M5.{name}"].state == "not_testable"
        assert "too coarse for the 30 days" in found[f"M5.{name}"].method
    assert found[f"M5.enrolled.{other}"].state == "measured"
    # One date fine enough, and the bounds say how little is known.
    mixed = enrolment_of(make_view, **{coarse: {"coarse": 50, "outside": 1}, other: {"inside": 5, "outside": 50}})
    wide = mixed["M5.difference.pro"]
    assert wide.state == "bounded"
    assert wide.low is not None
    assert wide.high is not None
    assert wide.low < 0 < wide.high


@pytest.mark.parametrize("years", [None, 1, 2])
def test_cohorts_hold_every_answer_that_the_dates_allow(make_view: MakeView, years: int | None) -> None:
    rng = random.Random(years)
    borders = [START, START - 30 * DAY_MS, START - YEAR, START - 2 * YEAR]
    members, profiles, true = [], [], []
    for number in range(400):
        width = rng.choice([1, 1000, DAY_MS, 40 * DAY_MS, 800 * DAY_MS])
        at = None if rng.random() < 0.1 else rng.choice(borders) + rng.choice([-width, -1, 0, 1, -width // 2])
        members.append(member(f"x:{number}"))
        profiles.append(profile(f"x:{number}", at, width))
        true.append((at, width))
    cohort = cohorts(make_view(participants=members, accounts=profiles), years)["pro"]
    assert cohort.undated == sum(at is None for at, _ in true)
    oldest = START - (years or 10_000) * YEAR
    low, high = (hits / trials for hits, trials in (cohort.lowest, cohort.highest))
    for _ in range(200):
        drawn = [at + rng.choice([0, width - 1, rng.randrange(width)]) for at, width in true if at is not None]
        young = [at for at in drawn if at >= oldest]
        share = sum(START - 30 * DAY_MS <= at < START for at in young) / len(young)
        assert low <= share <= high
    assert cohort.open > 0
    assert (cohort.loose > 0) == (years is not None)


def test_date_quality_counts_every_account_once(make_view: MakeView) -> None:
    day = START - 400 * DAY_MS
    profiles = [
        profile("x:profile", day, created_from="profile"),
        profile("x:unsaid", day),
        profile("x:id", day, 40 * DAY_MS, created_from="id"),
        profile("x:differs", day, created_from="profile", created_problem="differs_from_id"),
        profile("x:post", None, created_problem="after_own_post"),
        profile("x:early", None, created_problem="before_platform"),
        profile("x:early2", None, created_problem="before_platform"),
        profile("x:none", None),
        profile("x:stranger", None, created_problem="after_collection"),
    ]
    names = [str(row["account_id"]) for row in profiles if row["account_id"] != "x:stranger"]
    view = make_view(participants=[*map(member, names), member("x:missing"), member("x:c", "con")], accounts=profiles)
    impossible = {"after_own_post": 1, "after_collection": 0, "before_platform": 2}
    assert date_quality(view) == {
        "pro": DateQuality(9, 3, 1, impossible, 1),
        "con": DateQuality(1, 0, 0, dict.fromkeys(impossible, 0), 0),
    }
    found = {finding.id: finding for finding in findings(view)}
    assert found["M5.impossible_dates.pro"].value == 3
    assert found["M5.impossible_dates.pro"].details["undated"] == 5
    assert any("1 of 9 creation dates come from the account's id" in x for x in found["M5.enrolled.pro"].limits)
    assert found["M5.impossible_dates.con"].state == "not_testable"


@pytest.mark.parametrize(("flag", "days"), [(NEW, 30), (DORMANT, 180)])
def test_a_date_whose_error_crosses_the_border_is_unknown(make_view: MakeView, flag: Flag, days: int) -> None:
    border = START - days * DAY_MS
    dates = {"before": border - DAY_MS, "across": border - DAY_MS + 1, "last": border - 1, "at": border}
    view = make_view(
        participants=[member(f"x:{name}") for name in dates],
        accounts=[profile(f"x:{name}", at, DAY_MS) for name, at in dates.items()],
    )
    rows = view.db.rows("SELECT account_id, flagged FROM account_flags WHERE flag = $flag", {"flag": flag.name})
    # Dormant: whoever is younger cannot have been; of an older one without a known last post nothing is known.
    assert dict(rows) == ({"x:before": False, "x:at": True} if flag is NEW else {"x:at": False})


def test_the_drawn_verdicts_of_the_study_are_those_of_enrolment(make_view: MakeView) -> None:
    rng = np.random.default_rng(3)
    shift = START - study.END_MS
    first = study.END_MS - study.ENROLMENT_MS
    width = rng.choice([1, 1000, DAY_MS, 40 * DAY_MS], 500)
    at = rng.choice([first, study.END_MS], 500) + rng.choice([-1, 0, 1], 500) * rng.choice([1, 1000, DAY_MS], 500)
    at -= width * rng.integers(0, 2, 500)
    verdict = study.enrolled_by(at, width)
    view = make_view(
        participants=[member(f"x:{number}") for number in range(500)],
        accounts=[profile(f"x:{n}", int(a) + shift, int(w)) for n, (a, w) in enumerate(zip(at, width, strict=True))],
    )
    wanted = Tally(int((verdict == 1).sum()), int((verdict >= 0).sum()), int((verdict < 0).sum()))
    assert min(wanted.flagged, wanted.unknown) > 20
    assert count_flags(view, [ENROLLED]).tally("pro", ("enrolled",)) == wanted


def quiet(seed: int, accounts: int = 600) -> list[int]:
    return (MONDAY - np.random.default_rng(seed).integers(0, 1_000 * DAY_MS, accounts)).tolist()  # type: ignore[no-any-return]


def bursts(make_view: MakeView, created: dict[str, list[int]], **changes: object) -> dict[str, Finding]:
    members, profiles = [], []
    for roster, dates in created.items():
        for number, at in enumerate(dates):
            members.append(member(f"x:{roster}{number}", roster))
            profiles.append(profile(f"x:{roster}{number}", at, created_from="profile"))
    view = make_view(changes or None, participants=members, accounts=profiles)
    return {finding.id: finding for finding in burst_findings(view)}


def test_a_burst_is_told_with_the_control_beside_it(make_view: MakeView) -> None:
    at = MONDAY - 100 * DAY_MS
    planted = [at + number * 60_000 for number in range(30)]
    control = [*quiet(2), at + 1, at + 2]
    found = bursts(make_view, {"pro": [*quiet(1), *planted], "control": control})
    hours, days = found["M5.burst_hours.pro"], found["M5.burst_days.pro"]
    assert (hours.value, days.value) == (1, 1)
    start, accounts, expected, p_value, beside = hours.details["bursts"][0]  # type: ignore[index]
    assert start == at
    assert accounts == sum(at <= moment < at + HOUR_MS for moment in [*quiet(1), *planted])
    assert expected < 1
    assert p_value < 1e-6
    assert beside == sum(at <= moment < at + HOUR_MS for moment in control)
    assert found["M5.burst_hours.control"].value == 0
    share = found["M5.burst_created.pro"]
    day = sum(at <= moment < at + DAY_MS for moment in [*quiet(1), *planted])
    assert share.value == pytest.approx(day / 630)
    difference = found["M5.burst_difference.pro"]
    assert difference.value == pytest.approx(day / 630)
    assert difference.low is not None
    assert difference.low > 0
    # Names stay in the table of flags.
    assert "x:pro" not in repr(found)


def test_charts_hold_every_week_and_the_days_before_the_end(make_view: MakeView) -> None:
    recent = [START - number * DAY_MS // 4 for number in range(200)]
    found = bursts(make_view, {"pro": [*quiet(3), *recent]})
    weeks = found["M5.burst_weeks.pro"].details["creations_by_week"]
    days = found["M5.burst_days.pro"].details["creations_by_day"]
    assert isinstance(weeks, list)
    assert isinstance(days, list)
    assert sum(row[1] for row in weeks) == 800
    assert {later[0] - earlier[0] for earlier, later in pairwise(weeks)} == {WEEK_MS}
    assert sum(row[1] for row in days) == 200
    assert all(START - 89 * DAY_MS - DAY_MS <= row[0] < START + DAY_MS for row in days)
    assert not [name for name in found["M5.burst_hours.pro"].details if name.startswith("creations_by")]


def test_too_few_dates_and_no_control_are_not_testable(make_view: MakeView) -> None:
    found = bursts(make_view, {"pro": quiet(4, MIN_DATED - 1), "con": quiet(5, MIN_DATED)})
    for name in ("burst_hours", "burst_days", "burst_weeks", "burst_created"):
        assert found[f"M5.{name}.pro"].state == "not_testable"
        assert found[f"M5.{name}.con"].state == "measured"
        assert found[f"M5.{name}.control"].state == "not_testable"
    assert f"{MIN_DATED - 1} accounts" in found["M5.burst_days.pro"].method
    assert found["M5.burst_difference.con"].state == "not_testable"
    assert found["M5.burst_days.con"].details["bursts"] == []
