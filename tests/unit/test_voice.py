"""Drowning out: shares with and without a roster, the page by brute force, audiences by hand, displacement by plan."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from floodmark import stats
from floodmark.event import speech
from floodmark.event.audience import audiences
from floodmark.event.displacement import courses, effect
from floodmark.event.page import holds, visible
from floodmark.event.shares import bound_without, difference, ratio
from floodmark.event.voice import heard, sway
from floodmark.findings import Finding
from floodmark.report.sections import both_sides, voice
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]
START = 1_594_927_800_000
DAY = 86_400_000
END = START + DAY
MINUTE = 60_000
Row = dict[str, object]


def post(number: int, account: str, at: int, tags: list[str], stream: str = "main", shown: int | None = None) -> Row:
    return {
        "stream": stream,
        "post_id": f"p:{number:05d}",
        "account_id": account,
        "at_ms": at,
        "at_resolution_ms": 1000,
        "hashtags": tags,
        "impressions": shown,
    }


def tables(
    rows: list[Row], named: tuple[str, ...] = (), scopes: tuple[str, ...] = ("event", "control")
) -> dict[str, object]:
    """Posts as the tables that M12 reads; the side of a post is its hashtag, the stream `sport` is the control."""
    sided = [
        {**{k: row[k] for k in ("stream", "post_id", "account_id", "at_ms")}, "side": side}
        | {"in_window": START <= int(str(row["at_ms"])) < END}
        for row in rows
        for side in (["control"] if row["stream"] == "sport" else row["hashtags"])
        if side in {"pro", "con", "control"}
    ]
    return {
        "posts": [{k: v for k, v in row.items() if k != "hashtags"} for row in rows],
        "post_features": [{k: row[k] for k in ("stream", "post_id", "hashtags")} for row in rows],
        "side_posts": sided,
        "coordination_tests": [{"scope": scope} for scope in scopes],
        "coordinated_accounts": [
            {"scope": "control" if name.startswith("s:") else "event", "account_id": name, "state": "named"}
            for name in named
        ],
        "account_flags": [],
    }


def crowd(seed: int = 3, posts: int = 900) -> list[Row]:
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(posts):
        sport = number % 5 == 0
        account = f"s:{rng.integers(0, 30)}" if sport else f"x:{rng.integers(0, 60)}"
        at = START + int(rng.integers(-3 * DAY, DAY + DAY // 2)) // 1000 * 1000
        pairs = [["cook"], ["hike"], ["cook", "hike"], ["rare"]] if sport else [["pro"], ["con"], ["pro", "con"]]
        shown = None if rng.random() < 0.2 else int(rng.integers(1, 500))
        rows.append(
            post(number, account, at, pairs[int(rng.integers(0, len(pairs)))], "sport" if sport else "main", shown)
        )
    return rows


def by_id(found: list[Finding]) -> dict[str, Finding]:
    return {finding.id: finding for finding in found}


def test_ratio_is_the_known_interval_of_whole_numbers() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        totals = rng.integers(1, 30, rng.integers(2, 40))
        hits = rng.integers(0, totals + 1)
        found = ratio(hits.astype(float), totals.astype(float))
        assert (found.share, found.low, found.high) == pytest.approx(stats.cluster_share(hits, totals), abs=1e-9)
    assert ratio(np.zeros(0), np.zeros(0)).high == 1


def test_difference_is_the_jackknife_by_brute_force() -> None:
    rng = np.random.default_rng(5)
    totals = rng.integers(1, 20, 25).astype(float)
    hits = np.floor(totals * rng.random(25))
    kept = (rng.random(25) < 0.7).astype(float)
    value, low, high = difference(hits, totals, hits * kept, totals * kept)
    moves = []
    for out in range(25):
        rest = np.arange(25) != out
        with_, without = rest, rest & (kept > 0)
        moves.append(hits[with_].sum() / totals[with_].sum() - hits[without].sum() / totals[without].sum() - value)
    half = (high - low) / 2
    variance = 24 / 25 * np.sum(np.square(moves))
    freedom = np.sum(np.square(moves)) ** 2 / np.sum(np.power(moves, 4))
    from scipy.stats import t

    assert half == pytest.approx(t.ppf(0.975, freedom) * np.sqrt(variance))
    order = rng.permutation(25)
    again = difference(hits[order], totals[order], (hits * kept)[order], (totals * kept)[order])
    assert again == pytest.approx((value, low, high), rel=1e-12)


def test_leaving_out_everybody_or_nobody() -> None:
    hits, totals = np.array([3.0, 1, 0]), np.array([4.0, 2, 5])
    assert sway(hits, totals, np.ones(3), 0.95).without is None
    nobody = sway(hits, totals, np.zeros(3), 0.95)
    assert nobody.value is None
    assert nobody.low < 0 < nobody.high
    assert sway(hits, totals, np.zeros(3), 0.95, roster_known=False).without is None
    assert difference(np.array([1.0]), np.array([2.0]), np.array([1.0]), np.array([2.0]))[1:] == (-1, 1)


def test_the_bound_holds_for_every_part_that_could_be_left_out() -> None:
    low, high = bound_without(0.3, 0.1)
    for part, own in itertools.product(np.linspace(0, 0.1, 21), np.linspace(0, 1, 21)):
        without = (0.3 - part * own) / (1 - part)
        assert low - 1e-12 <= 0.3 - without <= high + 1e-12


def test_visible_posts_equal_a_page_built_by_hand() -> None:
    rng = np.random.default_rng(8)
    for places in (1, 3, 20):
        times = np.sort(rng.integers(0, 300, 80))
        at = np.sort(rng.integers(0, 320, 40))
        seen = np.zeros(80, dtype=int)
        for look in at:
            seen[np.flatnonzero(times < look)[-places:]] += 1
        found, older = visible(times, at, places)
        assert found.tolist() == seen.tolist()
        assert older.tolist() == [int((times < look).sum()) for look in at]


def test_hold_equals_pages_built_by_hand(make_view: MakeView) -> None:
    rows, named = crowd(), {"x:1", "x:2", "x:3", "s:1"}
    view = make_view(**tables(rows, tuple(sorted(named))))
    speech.prepare(view)
    found = holds(view)
    for subject, tags, stream in (("pro", ["pro"], "main"), ("con", ["con"], "main"), ("both", ["con", "pro"], "main")):
        places = own = places_without = own_without = by_named = 0
        for tag, without in itertools.product(tags, (False, True)):
            page = sorted(
                (int(str(r["at_ms"])), str(r["post_id"]), r)
                for r in rows
                if r["stream"] == stream and tag in r["hashtags"] and not (without and r["account_id"] in named)
            )
            for look in range(START + 15 * MINUTE, END + 1, 15 * MINUTE):
                shown = [r for at, _, r in page if at < look][-20:]
                held = sum(r["hashtags"] == ([subject] if subject != "both" else ["pro", "con"]) for r in shown)
                if without:
                    places_without, own_without = places_without + len(shown), own_without + held
                else:
                    places, own = places + len(shown), own + held
                    by_named += sum(r["account_id"] in named for r in shown)
        item = found[subject]
        assert (item.held.own.hits, item.held.own.total) == (own, places)
        assert item.held.without is not None
        assert (item.held.without.hits, item.held.without.total) == (own_without, places_without)
        assert item.roster is not None
        assert item.roster.hits == by_named
        assert sum(row[1] for row in item.series) == places
        assert sum(row[4] for row in item.series) == own_without
    assert found["control"].held.own.total > 0


def test_each_post_has_the_sides_of_all_its_rows(make_view: MakeView) -> None:
    rng = np.random.default_rng(8)
    sides = ["anti", "con", "neutral", "pro"]
    rows = crowd(8, 300)
    base = tables(rows)
    expected, sided = {}, []
    for row in rows:
        if row["stream"] == "sport":
            continue
        mine = sorted(rng.choice(sides, int(rng.integers(1, 5)), replace=False).tolist())
        expected[row["post_id"]] = mine
        kept = {key: row[key] for key in ("stream", "post_id", "account_id", "at_ms")}
        sided += [{**kept, "side": side, "in_window": True} for side in [*mine[::-1], mine[0]]]
    view = make_view(**{**base, "side_posts": sided})
    speech.prepare(view)
    found = view.db.rows("SELECT post_id, sides, only_side FROM m12_posts WHERE scope = 'event'")
    assert {post_id: sides for post_id, sides, _ in found} == expected
    assert all(only == (sides[0] if len(sides) == 1 else None) for _, sides, only in found)
    assert {len(sides) for _, sides, _ in found} == {1, 2, 3, 4}
    assert len(found) == len(expected)


def test_shares_of_each_kind_equal_counting(make_view: MakeView) -> None:
    rows = crowd(9)
    view = make_view(**tables(rows, ("x:4", "x:5")))
    speech.prepare(view)
    found = heard(view)
    window = [r for r in rows if r["stream"] == "main" and START <= int(str(r["at_ms"])) < END]
    known = [r for r in window if r["impressions"] is not None]
    pro = [r for r in known if "pro" in r["hashtags"]]
    own = found["pro", "impressions"]
    assert own.sway.own.hits == sum(int(str(r["impressions"])) for r in pro)
    assert own.sway.own.total == sum(int(str(r["impressions"])) for r in known)
    assert own.unknown == len(window) - len(known) > 0
    people = {r["account_id"] for r in window}
    assert found["con", "accounts"].sway.own.total == len(people)
    assert found["con", "accounts"].sway.own.hits == len({r["account_id"] for r in window if "con" in r["hashtags"]})
    without = found["con", "posts"].sway.without
    assert without is not None
    assert without.total == sum(r["account_id"] not in {"x:4", "x:5"} for r in window)


def test_audiences_equal_counting(make_view: MakeView) -> None:
    rows = crowd(4)
    view = make_view(**tables(rows))
    speech.prepare(view)
    found = audiences(view)["pro"]
    main = [(str(r["account_id"]), int(str(r["at_ms"])), r["hashtags"]) for r in rows if r["stream"] == "main"]
    inside = {a for a, at, tags in main if "pro" in tags and START <= at < END}
    before = {a for a, at, tags in main if "pro" in tags and at < START}
    after = {a for a, at, tags in main if "pro" in tags and at >= END}
    assert (found.authors, found.before, found.after) == (len(inside), len(inside & before), len(inside & after))
    balance = dict.fromkeys(inside, 0)
    alone = dict.fromkeys(inside, 0)
    for a, _, tags in main:
        if a in inside and len(tags) == 1:
            balance[a] += 1 if tags == ["pro"] else -1
            alone[a] += 1
    assert found.others == sum(value < 0 for value in balance.values())
    assert found.judged == sum(value != 0 for value in balance.values())


def test_displacement_is_seen_where_planted_and_not_where_not() -> None:
    rng = np.random.default_rng(6)
    lift = np.where(np.arange(30) >= 28, 10.0, 1.0)
    streams = rng.poisson(200 * lift, (10, 30)).astype(float)
    target = rng.poisson(300 * lift).astype(float)
    assert effect(target, streams, 28).low < 1 < effect(target, streams, 28).high
    target[28:] *= 0.6
    found = effect(target, streams, 28)
    assert found.high < 1
    assert found.ratio == pytest.approx(0.6, abs=0.06)
    with pytest.raises(ValueError, match="at least 3"):
        effect(target, streams[:2], 28)


def test_displacement_needs_streams_and_weeks(make_view: MakeView) -> None:
    rows = [post(n, f"x:{n % 40}", START - 28 * DAY + n * DAY // 12, ["pro"]) for n in range(28 * 12 + 11)]
    base = tables(rows)
    assert "names no earlier" in str(courses(_prepared(make_view(**base)), authors=False))
    inputs = [{"path": f"{s}.csv", "format": "csv", "stream": s} for s in ("main", "sport", *"abcde")]
    named = {"input": inputs, "comparison": [{"stream": s} for s in "abcde"]}
    assert "0 of the 5" in str(courses(_prepared(make_view(named, **base)), authors=False))
    assert "no baseline" in str(courses(_prepared(make_view({**named, "baseline": None}, **base)), authors=False))
    siblings = [
        post(10_000 + 1_000 * place + n, f"{s}:{n % 40}", START - 28 * DAY + n * DAY // 12, [], s)
        for place, s in enumerate("abcde")
        for n in range(28 * 12 + 11)
    ]
    view = make_view(named, **{**base, "posts": [*base["posts"], *tables(siblings)["posts"]]})  # type: ignore[misc]
    found = by_id(voice.findings(view))
    measured = found["M12.displaced_posts.pro"]
    assert measured.state == "measured"
    assert measured.low is not None
    assert measured.low <= 1 <= float(str(measured.high))
    assert "No effect found" in measured.limits[0]
    assert found["M12.displaced_authors.con"].state == "not_testable"


def _prepared(view: CaseView) -> CaseView:
    speech.prepare(view)
    return view


def test_findings_of_a_full_case(make_view: MakeView) -> None:
    view = make_view(**tables(crowd(11), ("x:1", "x:2", "s:1")))
    found = by_id([*voice.findings(view), *both_sides.findings(view)])
    open_ = {i for i, f in found.items() if f.state == "not_testable"}
    assert {i.rsplit(".", 1)[0] for i in open_} == {
        "M12.displaced_posts",
        "M12.displaced_authors",
        "M12.audience_other_side",
    }
    assert "M12.audience_other_side.both" in open_
    assert found["M12.roster_posts_difference.pro"].state == "measured"
    value = found["M12.share_of_voice.pro"].value, found["M12.share_of_voice_without.pro"].value
    assert found["M12.share_of_voice_difference.pro"].value == pytest.approx(
        float(str(value[0])) - float(str(value[1]))
    )


def test_nobody_named_is_bounded_and_no_test_is_not_testable(make_view: MakeView) -> None:
    rows = crowd(12)
    found = by_id(voice.findings(make_view(**tables(rows))))
    for stem in ("share_of_voice", "voice_accounts", "page_hold"):
        item = found[f"M12.{stem}_difference.con"]
        assert item.state == "bounded"
        assert item.value is None
        assert item.low is not None
        assert item.low < 0 < float(str(item.high)) < 0.2
    assert found["M12.page_roster.control"].value == 0
    unrun = by_id(voice.findings(make_view(**tables(rows, scopes=()))))
    assert unrun["M12.share_of_voice.con"].state == "measured"
    assert unrun["M12.share_of_voice_without.con"].state == "not_testable"
    assert unrun["M12.page_roster.con"].state == "not_testable"


@pytest.mark.parametrize("seed", [1, 2])
def test_neither_order_nor_names_nor_a_shift_of_streams_moves_a_digit(seed: int, make_view: MakeView) -> None:
    rows, named = crowd(13, 500), ("x:1", "x:2", "s:3")
    before = [(f.id, f.value, f.low, f.high) for f in voice.findings(make_view(**tables(rows, named)))]
    rng = np.random.default_rng(seed)
    mixed = [dict(rows[i]) for i in rng.permutation(len(rows))]
    for row in mixed:
        row["account_id"] = str(row["account_id"])[:2] + f"{997 - int(str(row['account_id'])[2:]) * 7 % 1000:03d}"
    other = tuple(name[:2] + f"{997 - int(name[2:]) * 7 % 1000:03d}" for name in named)
    assert [(f.id, f.value, f.low, f.high) for f in voice.findings(make_view(**tables(mixed, other)))] == before


def test_a_coarse_clock_is_said_and_an_empty_side_is_not_testable(make_view: MakeView) -> None:
    rows = [
        {**row, "at_ms": int(str(row["at_ms"])) // MINUTE * MINUTE, "at_resolution_ms": MINUTE} for row in crowd(14)
    ]
    same = [{**row, "at_ms": START + 30 * MINUTE} if n % 3 == 0 else row for n, row in enumerate(rows)]
    view = make_view(**tables([row for row in same if "con" not in row["hashtags"]]))  # type: ignore[operator]
    found = by_id(voice.findings(view))
    assert any("clock is coarse" in limit for limit in found["M12.page_hold.pro"].limits)
    assert found["M12.page_hold.con"].state == "not_testable"
    assert found["M12.audience_before.con"].state == "not_testable"
    assert found["M12.share_of_voice.con"].value == 0
