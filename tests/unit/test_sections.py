"""What single findings say, against counting by hand on small cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from floodmark import stats
from floodmark.event.series import collected_days, post_times
from floodmark.event.voice import share_of_voice
from floodmark.findings import Finding
from floodmark.report.sections import aftermath, event, participants, place, spikes, voice
from floodmark.view import CaseView, InputCount

MakeView = Callable[..., CaseView]
DAY = 86_400_000
HOUR = 3_600_000
START = 1_594_927_800_000
END = START + DAY


def by_id(found: Sequence[Finding]) -> dict[str, Finding]:
    return {finding.id: finding for finding in found}


def post(number: int, at: int, stream: str = "main", account: str = "x:1") -> dict[str, object]:
    return {"stream": stream, "post_id": f"p:{number}", "account_id": account, "at_ms": at, "at_resolution_ms": 1}


def side_post(side: str, number: int, at: int, account: str = "x:1", stream: str = "main") -> dict[str, object]:
    inside = START <= at < END
    return {
        "side": side,
        "stream": stream,
        "post_id": f"p:{number}",
        "account_id": account,
        "at_ms": at,
        "in_window": inside,
    }


def member(account: str, roster: str = "pro", posts: int = 1) -> dict[str, object]:
    return {"roster": roster, "account_id": account, "posts": posts, "first_at_ms": START}


# M1


def test_the_window_is_given_in_local_time_with_its_offset(make_view: MakeView) -> None:
    found = by_id(event.findings(make_view()))["M1.window"]
    # Tehran kept summer time in 2020: half past four, not half past three.
    assert found.value == "2020-07-17T00:00:00+04:30 / 2020-07-18T00:00:00+04:30 (Asia/Tehran)"
    assert (found.state, found.unit) == ("measured", "text")


def test_a_post_in_two_streams_is_collected_once(make_view: MakeView) -> None:
    posts = [post(1, START), post(1, START, "extra"), post(2, START)]
    found = by_id(event.findings(make_view(posts=posts, repeats=[post(2, START)])))["M1.posts_collected"]
    assert found.value == 2
    assert found.details == {"posts_by_stream": {"extra": 1, "main": 2}, "repeated_rows": 1}


@pytest.mark.parametrize(
    ("first", "last", "gaps"),
    [(START, END - 1, 0), (START + HOUR, END - 1, 1), (START - DAY, END - HOUR, 1), (START + HOUR, END - HOUR, 2)],
)
def test_a_window_outside_the_data_is_declared(first: int, last: int, gaps: int, make_view: MakeView) -> None:
    # Posts of the control do not cover the event.
    posts = [post(1, first), post(2, last), post(3, START - DAY, "sport"), post(4, END + DAY, "sport")]
    found = by_id(event.findings(make_view(posts=posts)))["M1.coverage"]
    assert len([limit for limit in found.limits if "may be missing" in limit]) == gaps
    assert (found.details["first_ms"], found.details["last_ms"]) == (first, last)


def test_every_row_is_accounted_for(make_view: MakeView) -> None:
    inputs = (
        InputCount("a", "csv", "main", "", 0, 10, 7, 1, 3, {"bad_time": 2, "no_id": 1}),
        InputCount("b", "csv", "main", "", 0, 5, 3, 0, 2, {"bad_time": 2}),
    )
    found = by_id(event.findings(make_view(inputs=inputs)))["M1.rejected_rows"]
    assert found.value == 5
    assert found.details["input_rows"] == found.value + found.details["stored_rows"]  # type: ignore[operator]
    assert found.details["reasons"] == {"bad_time": 4, "no_id": 1}


# M2


def test_posts_of_a_subject_are_counted_once_each(make_view: MakeView) -> None:
    rows = [
        side_post("pro", 1, START + 5),
        side_post("pro", 1, START + 5, stream="extra"),
        side_post("con", 1, START + 5),
        side_post("pro", 2, START - DAY),
        side_post("con", 3, START + 9),
        side_post("control", 4, START + 1),
        side_post("pro", 5, END),
    ]
    view = make_view(side_posts=rows, posts=[post(1, START), post(2, START - 1), post(4, START + DAY, "sport")])
    first = START - 2 * DAY
    assert post_times(view, "pro", first, END).tolist() == [START - DAY, START + 5]
    assert post_times(view, "con", first, END).tolist() == [START + 5, START + 9]
    assert post_times(view, "both", first, END).tolist() == [START + 5]
    assert post_times(view, "control", first, END).tolist() == [START + 1]
    assert collected_days(view, "pro").tolist() == [-1, 0]
    assert collected_days(view, "control").tolist() == [1]


def busy_days(rng: np.random.Generator, flood: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Four weeks with 40 posts a day and a day with as many and a flood at noon."""
    times = np.concatenate([START + day * DAY + rng.integers(0, DAY, 40) for day in range(-28, 1)])
    times = np.concatenate([times, START + 12 * HOUR + rng.integers(0, HOUR, flood)])
    posts = [post(i, int(at)) for i, at in enumerate(times)]
    return posts, [side_post("pro", i, int(at)) for i, at in enumerate(times)]


def test_a_flood_is_reported_with_its_bins_and_posts(make_view: MakeView) -> None:
    posts, sides = busy_days(np.random.default_rng(7), flood=300)
    found = by_id(spikes.findings(make_view(posts=posts, side_posts=sides)))
    bins, peak = found["M2.spike_bins.pro"], found["M2.peak_ratio.pro"]
    assert (bins.state, peak.state) == ("measured", "measured")
    assert bins.details["bin_ms"] == HOUR
    rows = bins.details["bins"]
    assert isinstance(rows, list)
    assert len(rows) == 48
    assert rows[0][0] == START - DAY
    flagged = [row for row in rows if row[4]]
    assert bins.value == len(flagged)
    assert [row[0] for row in flagged] == [START + 12 * HOUR]
    assert flagged[0][1] >= 300 > flagged[0][3] > flagged[0][2]
    assert bins.evidence.rows == peak.evidence.rows == flagged[0][1]
    inside = sorted(str(p["post_id"]) for p in posts if START + 12 * HOUR <= int(str(p["at_ms"])) < START + 13 * HOUR)
    assert list(bins.evidence.posts) == inside[:5]
    assert any("widened from 15 to 60" in limit for limit in bins.limits)
    assert isinstance(peak.value, float)
    assert peak.value == pytest.approx(flagged[0][1] / flagged[0][2])
    # Nobody posted for the other side; that is said and no zero is given.
    assert found["M2.spike_bins.con"].state == "not_testable"
    assert "no posts in the event window" in found["M2.spike_bins.con"].method


def test_an_even_day_has_no_spike(make_view: MakeView) -> None:
    posts, sides = busy_days(np.random.default_rng(2), flood=0)
    found = by_id(spikes.findings(make_view(posts=posts, side_posts=sides)))["M2.spike_bins.pro"]
    assert (found.state, found.value) == ("measured", 0)
    assert found.evidence.posts == ()


def test_without_a_baseline_the_reason_and_the_artefact_are_named(make_view: MakeView) -> None:
    sides = [
        side_post("pro", i, START + hour * HOUR + i * 1000)
        for hour in range(6)
        for i in range(hour * 40, hour * 40 + 40)
    ]
    found = by_id(spikes.findings(make_view({"baseline": None}, side_posts=sides)))["M2.spike_bins.pro"]
    assert found.state == "not_testable"
    assert "no baseline" in found.method
    assert any("artefact of collection" in limit for limit in found.limits)


def test_long_windows_show_the_bins_around_the_peak(make_view: MakeView) -> None:
    rng = np.random.default_rng(3)
    times = np.concatenate(
        [START + rng.integers(-28 * DAY, 10 * DAY, 12_000), START + 9 * DAY + rng.integers(0, HOUR, 400)]
    )
    changes = {
        "event": {"title": "E", "start": "2020-07-17T00:00:00", "end": "2020-07-27T00:00:00", "zone": "Asia/Tehran"}
    }
    sides = [{**side_post("pro", i, int(at)), "in_window": at >= START} for i, at in enumerate(times)]
    posts = [post(i, int(at)) for i, at in enumerate(times)]
    found = by_id(spikes.findings(make_view(changes, posts=posts, side_posts=sides)))["M2.spike_bins.pro"]
    rows = found.details["bins"]
    assert isinstance(rows, list)
    assert (len(rows), found.details["bins_tested"]) == (400, 960)
    assert any(row[4] for row in rows if START + 9 * DAY <= row[0] < START + 9 * DAY + HOUR)


# M3


def edge(a: str, b: str, objects: int = 2, trace: str = "repost", scope: str = "event") -> dict[str, object]:
    return {
        "scope": scope,
        "trace": trace,
        "window_ms": 60_000,
        "account_a": a,
        "account_b": b,
        "coactions": objects,
        "objects": objects,
        "a_first": 0,
        "b_first": objects,
    }


def test_candidates_are_counted_and_not_named(make_view: MakeView) -> None:
    # A triangle and a pair of reposts, two pairs of texts, and pairs with too little or of the control.
    rows = [
        edge("x:a", "x:b"),
        edge("x:b", "x:c", 5),
        edge("x:a", "x:c"),
        edge("x:d", "x:e", 3),
        edge("x:c", "x:d", trace="text"),
        edge("x:a", "x:b", trace="text"),
        edge("x:f", "x:g", 1),
        {**edge("x:h", "x:i"), "window_ms": 10_000},
        edge("x:k", "x:l", scope="control"),
    ]
    found = by_id(participants.findings(make_view(edges=rows)))
    repost, text = (found[f"M3.candidates.{trace}"] for trace in ("repost", "text"))
    assert [f.state for f in (repost, text)] == ["untested"] * 2
    assert (repost.value, text.value) == (4, 2)
    assert repost.details == {"pairs": 4, "accounts": 5, "control": {"pairs": 1, "accounts": 2}}
    assert text.details == {"pairs": 2, "accounts": 4, "control": {"pairs": 0, "accounts": 0}}
    assert "x:" not in str(repost.details) + str(repost.evidence)


def test_rosters_are_counted(make_view: MakeView) -> None:
    rows = [member("x:1", posts=3), member("x:2", posts=4), member("x:3", "both", 2)]
    sides = [side_post("pro", 1, START), side_post("con", 2, START, "x:3"), side_post("pro", 3, START - 1)]
    found = by_id(participants.findings(make_view(participants=rows, side_posts=sides)))
    assert (found["M3.participants.pro"].value, found["M3.posts.pro"].value) == (2, 7)
    assert (found["M3.participants.both"].value, found["M3.posts.both"].value) == (1, 2)
    assert (found["M3.participants.con"].value, found["M3.posts.con"].value) == (0, 0)
    assert found["M3.posts.pro"].evidence.posts == ("p:1",)
    assert found["M3.posts.both"].evidence.posts == ("p:2",)


# M6


def looks(statuses: Sequence[str], last: int | None, when: int = END + 60 * DAY) -> list[dict[str, object]]:
    return [
        {
            "account_id": f"x:{i}",
            "observed_at_ms": when,
            "status": word,
            "last_post_at_ms": last if word == "active" else None,
        }
        for i, word in enumerate(statuses)
    ]


def test_aftermath_keeps_the_states_apart(make_view: MakeView) -> None:
    words = ["active"] * 6 + ["suspended"] * 2 + ["deleted", "not_found"]
    members = [member(f"x:{i}") for i in range(12)]
    found = by_id(aftermath.findings(make_view(participants=members, statuses=looks(words, END))))
    assert [found[f"M6.{name}.pro"].value for name in ("gone", "suspended", "deleted", "silent")] == [
        0.4,
        0.2,
        0.1,
        0.6,
    ]
    gone = found["M6.gone.pro"]
    assert (gone.low, gone.high) == stats.wilson(4, 10)
    assert gone.details["unknown"] == 2
    assert gone.details["bounds_if_unknown"] == [4 / 12, 6 / 12]
    assert any("2 of 12" in limit for limit in gone.limits)
    assert any("4.1 %" in limit for limit in gone.limits)
    assert gone.details["snapshots"] == [
        [(END + 60 * DAY) // DAY * DAY, word, count]
        for word, count in [("active", 6), ("deleted", 1), ("not_found", 1), ("suspended", 2)]
    ]
    assert found["M6.gone_difference.pro"].state == "not_testable"


def test_silence_with_unknown_last_posts_is_bounded(make_view: MakeView) -> None:
    statuses = looks(["active"] * 100, END)
    for row in statuses[:40]:
        row["last_post_at_ms"] = None
    found = by_id(aftermath.findings(make_view(participants=[member(f"x:{i}") for i in range(100)], statuses=statuses)))
    silent = found["M6.silent.pro"]
    assert silent.state == "bounded"
    assert (silent.low, silent.high) == stats.imbens_manski(60, 0, 100)


@pytest.mark.parametrize(
    ("last", "when", "word"),
    [
        (None, END + 60 * DAY, "last_post_at_ms"),
        (START, END + 5 * DAY, "30 days after"),
        (END, END - 1, "no participant"),
    ],
)
def test_silence_that_cannot_show_is_not_testable(last: int | None, when: int, word: str, make_view: MakeView) -> None:
    members, statuses = [member("x:0"), member("x:1")], looks(["active", "active"], last, when)
    view = make_view(participants=members, posts=[post(1, START, account="x:0")], statuses=statuses)
    found = by_id(aftermath.findings(view))["M6.silent.pro"]
    assert found.state == "not_testable"
    assert word in found.method


def test_a_list_of_vanished_accounts_is_no_share(make_view: MakeView) -> None:
    view = make_view(participants=[member(f"x:{i}") for i in range(9)], statuses=looks(["suspended"] * 3, None))
    found = by_id(aftermath.findings(view))["M6.gone.pro"]
    assert found.state == "not_testable"
    assert "list only accounts that are gone" in found.method


def test_snapshots_of_another_platform_are_noticed(make_view: MakeView) -> None:
    statuses = [{**row, "account_id": f"other:{row['account_id']}"} for row in looks(["active"] * 3, END)]
    view = make_view(participants=[member("x:1")], posts=[post(1, START)], statuses=statuses)
    found = by_id(aftermath.findings(view))["M6.gone.pro"]
    assert found.state == "not_testable"
    assert "platform of the posts" in found.method
    none = by_id(aftermath.findings(make_view(participants=[member("x:1")], posts=[post(1, START)])))["M6.gone.pro"]
    assert "no participant of this roster has a status snapshot" in none.method


# M7


def test_place_is_bounded_and_small_rosters_are_left_alone(make_view: MakeView) -> None:
    places = ["Tehran"] * 35 + ["Berlin"] * 65 + [None] * 50
    members = [member(f"x:{i}") for i in range(150)] + [member(f"y:{i}", "con") for i in range(99)]
    profiles = [{"account_id": f"x:{i}", "location": text} for i, text in enumerate(places)]
    profiles += [{"account_id": f"y:{i}", "location": "Tehran"} for i in range(99)]
    found = by_id(place.findings(make_view(participants=members, accounts=profiles)))
    pro, con = found["M7.in_country.pro"], found["M7.in_country.con"]
    assert (pro.state, pro.value) == ("bounded", None)
    assert (pro.low, pro.high) == stats.imbens_manski(35, 65, 150)
    assert (pro.details["known_in"], pro.details["known_out"], pro.details["unknown"]) == (35, 65, 50)
    assert pro.details["countries"] == {}
    assert con.state == "not_testable"
    assert "99 accounts" in con.method


def test_place_needs_a_country_and_a_column(make_view: MakeView) -> None:
    members = [member(f"x:{i}") for i in range(120)]
    nowhere = by_id(place.findings(make_view(participants=members)))["M7.in_country.pro"]
    assert "column location" in nowhere.method
    window = {"title": "E", "start": "2020-07-17T00:00:00", "end": "2020-07-18T00:00:00", "zone": "UTC"}
    undeclared = by_id(place.findings(make_view({"event": window}, participants=members)))["M7.in_country.pro"]
    assert "event.country" in undeclared.method


# M12


def test_share_of_voice_equals_counting_by_hand(make_view: MakeView) -> None:
    rng = np.random.default_rng(4)
    rows, posts = [], {}
    for number in range(400):
        account = f"x:{rng.integers(0, 40)}"
        sides = {1: ["pro"], 2: ["con"], 3: ["pro", "con"]}[int(rng.integers(1, 4))]
        at = START + int(rng.integers(-HOUR, DAY))
        rows += [side_post(side, number, at, account, stream) for side in sides for stream in ("main", "extra")]
        rows.append(side_post("control", number + 1000, at, account))
        if at >= START:
            posts[number] = (account, sides)
    accounts = sorted({account for account, _ in posts.values()})
    found = share_of_voice(make_view(side_posts=rows))
    for side in ("pro", "con"):
        hits = np.array([sum(a == account and side in s for a, s in posts.values()) for account in accounts])
        totals = np.array([sum(a == account for a, _ in posts.values()) for account in accounts])
        assert (found[side].posts, found[side].total) == (hits.sum(), len(posts))
        assert found[side].accounts == np.count_nonzero(hits)
        assert (found[side].share, found[side].low, found[side].high) == stats.cluster_share(hits, totals)


def test_one_side_alone_has_no_share_of_voice(make_view: MakeView) -> None:
    view = make_view({"side": [{"name": "pro", "hashtags": ["pro"]}]}, side_posts=[side_post("pro", 1, START)])
    found = by_id(voice.findings(view))["M12.share_of_voice.pro"]
    assert found.state == "not_testable"
    assert "one side only" in found.method
