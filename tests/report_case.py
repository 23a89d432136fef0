"""A made-up case for the report's tests: every kind of finding, any side names, any text in every text field."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from floodmark.config import CaseConfig
from floodmark.findings import Evidence, Finding, as_json, not_testable
from floodmark.registry import Section
from floodmark.report.model import ReportFacts
from floodmark.view import CaseView, InputCount

ZONE = "Asia/Tehran"
START = 1594927800000  # 2020-07-17 00:00 in Tehran
DAY = 86_400_000
BIN = 900_000
SIDES = (("against", "Against the conference"), ("for", "For the conference"))
PERSIAN = (("mokhalef", "مخالفان همایش ۲۰۲۰ (#نه_به_همایش)"), ("movafegh", "موافقان همایش"))
Text = Callable[[str], str]
COORDINATION = (
    *("coordinated", "coordinated_share", "coordinated_at_least", "in_step", "lead", "testable"),
    *("groups", "minimum_detectable_jitter", "too_dense"),
)


def facts(
    sides: Sequence[tuple[str, str]] = SIDES,
    title: str = "The conference of 17 July 2020",
    text: Text = str,
    failed: Mapping[str, str] | None = None,
) -> ReportFacts:
    config = CaseConfig.model_validate(
        {
            "name": "conference",
            "event": {"title": text(title), "start": datetime(2020, 7, 17), "end": datetime(2020, 7, 19), "zone": ZONE},  # noqa: DTZ001
            "baseline": {"start": datetime(2020, 6, 15), "end": datetime(2020, 7, 13)},  # noqa: DTZ001
            "control": {"streams": ["football"]},
            "side": [{"name": n, "title": text(t), "hashtags": [text("نه_به_همایش"), text(n)]} for n, t in sides],
            "input": [
                {"path": "posts.parquet", "format": "parquet", "stream": "main"},
                {"path": "football.parquet", "format": "parquet", "stream": "football"},
            ],
        }
    )
    inputs = (
        InputCount(
            text("posts.parquet"),
            text("parquet"),
            "main",
            "ab" * 32,
            48_211_904,
            328_604,
            328_451,
            1_204,
            153,
            {text("bad_time"): 120, "no_id": 33},
        ),
        InputCount("football.parquet", "parquet", "football", "cd" * 32, 9_100_113, 61_020, 61_020, 0, 0, {}),
    )
    return ReportFacts(config, inputs, "0.1.0", sections(), {name: text(why) for name, why in (failed or {}).items()})


def sections() -> tuple[Section, ...]:
    listed = (
        ("event", "The event and what was collected", 10, ("M1",)),
        ("spikes", "Spikes", 20, ("M2",)),
        ("participants", "Who took part", 30, ("M3",)),
        ("coordination", "Who acted together", 35, ("M3",)),
        ("flags", "Account flags", 40, ("M4",)),
        ("enrolment", "Enrolment", 50, ("M5",)),
        ("aftermath", "Aftermath", 60, ("M6",)),
        ("place", "Place", 70, ("M7", "M8")),
        ("voice", "Share of voice", 80, ("M12",)),
        ("later", "Not tested in this version", 90, ("M9", "M10", "M11", "M13", "M14", "M15", "M16")),
    )
    stems = tuple(f"M3.{name}" for name in COORDINATION)
    own = {"coordination": ("coordination.html", stems)}
    return tuple(
        Section(n, t, o, m, _no_findings, own.get(n, ("section.html",))[0], stems=own.get(n, ("", ()))[1])
        for n, t, o, m in listed
    )


def _no_findings(view: CaseView) -> tuple[Finding, ...]:
    raise AssertionError(f"a report never recomputes findings, not even of {view}")


def findings(sides: Sequence[tuple[str, str]] = SIDES, text: Text = str) -> list[dict[str, object]]:
    """Findings of every measure on every side, `both` and the control, as in findings.json."""
    make = _Maker(text)
    names = [name for name, _ in sides]
    subjects = [*names, "both", "control"]
    share = dict(zip(subjects, itertools.cycle((0.427, 0.181, 0.263, 0.094)), strict=False))
    size = dict(zip(subjects, itertools.cycle((26_431, 4_410, 612, 8_204)), strict=False))
    out = [
        make("M1.window", "collection", "17 July 2020, 00:00 to 19 July 2020, 00:00 (Asia/Tehran)", "text"),
        make("M1.posts_collected", "collection", 389_471, "posts"),
        make("M1.coverage", "collection", 0.982, "share", 0.981, 0.983),
        make("M1.rejected_rows", "collection", 153, "count"),
    ]
    for s in subjects:
        out += _of_subject(make, s, share[s], size[s])
    for trace in ("repost", "url", "hashtag", "text", "reply"):
        out.append(make(f"M3.candidates.{trace}", "collection", 412, "accounts", state="untested", confidence="none"))
    for scope in ("event", "control"):
        out.append(make(f"M3.groups.{scope}", scope, 2, "count", details=roster(text)))
        out.append(make(f"M3.minimum_detectable_jitter.{scope}", scope, 570_000, "ms", 0, 570_000))
        out.append(make(f"M3.too_dense.{scope}", scope, 31, "actions"))
    for measure in ("M8", "M9"):
        out.append(make(f"{measure}.status", "collection", None, "text", state="untested", confidence="none"))
    for measure in ("M10", "M11", "M13", "M14", "M15", "M16"):
        out.append(make(measure, "collection", None, "text", state="untested", confidence="none"))
    return [as_json(finding) for finding in out]


def nothing_testable(sides: Sequence[tuple[str, str]] = SIDES, text: Text = str) -> list[dict[str, object]]:
    """The same ids, each of them not testable."""
    blank = []
    for item in findings(sides):
        missing = text("no baseline: the posts begin on the day of the event")
        blank.append(
            not_testable(
                str(item["id"]), str(item["measure"]), str(item["subject"]), text("share of accounts"), "share",
                missing, text("28 days of posts before the event"),
            )
        )  # fmt: skip
    return [as_json(finding) for finding in blank]


def planted(sides: Sequence[tuple[str, str]] = SIDES, text: Text = str) -> dict[str, dict[str, object]]:
    """Truth beside the first side's findings: some inside, some outside, one of another unit."""
    s = sides[0][0]
    return {
        f"M3.participants.{s}": {"value": 26_431, "unit": "accounts", "note": text("planted roster")},
        f"M4.any.{s}": {"value": 0.4273, "unit": "share", "note": text("11,294 of 26,431")},
        f"M4.new.{s}": {"value": 0.9, "unit": "share", "note": ""},
        f"M5.enrolled.{s}": {"value": 0.0614, "unit": "share", "note": ""},
        f"M5.enrolled_accounts.{s}": {"value": 1_622, "unit": "accounts", "note": ""},
        f"M6.gone.{s}": {"value": 3_453, "unit": "accounts", "note": "another unit"},
        f"M7.in_country.{s}": {"value": 0.4, "unit": "share", "note": ""},
    }


class _Maker:
    def __init__(self, text: Text) -> None:
        self.text = text

    def __call__(
        self, id_: str, subject: str, value: Any, unit: str, low: Any = None, high: Any = None, *,
        state: Any = "measured", confidence: Any = "moderate", details: Any = None,
    ) -> Finding:  # fmt: skip
        text, stem = self.text, id_.removesuffix(f".{subject}").split(".")[-1].replace("_", " ")
        measure = id_.split(".", maxsplit=1)[0]
        return Finding(
            id=id_,
            measure=measure,
            subject=subject,
            claim=text(f"{stem.capitalize()} of the accounts that posted for {subject} in the window"),
            value=text(value) if isinstance(value, str) else value,
            unit=unit,
            low=low,
            high=high,
            state=state,
            method=text(f"Share of accounts with {stem}, Wilson score interval (Wilson 1927)"),
            evidence=Evidence(
                (text("participants"), "accounts"), text(f"{stem} before the event"), 26_431,
                (text("twitter:1284001234567890123"), "twitter:1284009"), (text("twitter:99"),),
            ),
            limits=(
                text(f"The flag {stem} says nothing about intent."),
                text("Rows that the collector never saw are not counted."),
            ),
            confidence=confidence,
            alternatives=(
                text("Fans, activists and newcomers who join for one event look the same."),
                text("A shared tool or a time zone can make strangers act alike."),
            ),
            details=details or {},
        )  # fmt: skip


def _of_subject(make: _Maker, s: str, share: float, size: int) -> list[Finding]:
    def interval(name: str, value: float, width: float, **more: Any) -> Finding:
        return make(f"{name}.{s}", s, value, "share", max(0.0, value - width), min(1.0, value + width), **more)

    out = [
        make(f"M2.spike_bins.{s}", s, 14, "count", details={"bin_ms": BIN, "bins": bins(s, size)}),
        make(f"M2.peak_ratio.{s}", s, 12.4, "ratio", 9.8, 15.9),
        make(f"M3.participants.{s}", s, size, "accounts"),
        make(f"M3.posts.{s}", s, size * 11, "posts"),
        make(f"M3.coordinated.{s}", s, size // 9, "accounts"),
        interval("M3.coordinated_share", 0.171, 0.01),
        make(f"M3.coordinated_at_least.{s}", s, None, "share", 0.11, 1.0, state="bounded", confidence="low"),
        make(f"M3.in_step.{s}", s, 41, "accounts"),
        make(f"M3.lead.{s}", s, 12, "accounts"),
        interval("M3.testable", 0.65, 0.02),
        interval("M4.new", share * 0.3, 0.004),
        interval("M4.dormant", share * 0.25, 0.004),
        interval("M4.low_follower", share * 0.7, 0.006),
        interval("M4.default_profile", share * 0.2, 0.003),
        interval("M4.any", share, 0.006, details={"overlaps": overlaps(size)}),
        make(
            f"M4.prevalence.{s}", s, None, "share", share * 0.45, min(1, share * 1.6), state="bounded", confidence="low"
        ),
        interval("M5.enrolled", share * 0.144, 0.003, details={"days": days(s)}),
        make(f"M5.enrolled_accounts.{s}", s, round(size * share * 0.144), "accounts"),
        interval("M6.gone", share * 0.31, 0.004, details={"snapshots": snapshots(size)}),
        interval("M6.deleted", share * 0.2, 0.004),
        interval("M6.suspended", share * 0.1, 0.003),
        interval("M6.silent", share * 0.1, 0.003),
        make(f"M7.in_country.{s}", s, None, "share", 0.23, 0.57, state="bounded", confidence="low"),
        interval("M12.share_of_voice", share * 1.2, 0.002),
    ]
    if s != "control":
        out.append(interval_difference(make, "M4.any_difference", s, share - 0.094))
        out.append(interval_difference(make, "M5.difference", s, 0.04))
        out.append(interval_difference(make, "M6.gone_difference", s, -0.004))
    return out


def interval_difference(make: _Maker, name: str, s: str, value: float) -> Finding:
    return make(f"{name}.{s}", s, value, "share", value - 0.008, value + 0.008)


def roster(text: Text) -> dict[str, object]:
    """One named group with everything behind it, one in step only, as in the details of M3.groups."""
    named = {"group_id": "E1", "grade": "A", "members": 24, "named": 23, "objects": 19, "rare_objects": 17}
    when = {"episodes": 21, "window_ms": 60_000, "median_lag_ms": 8_400, "first_ms": START, "last_ms": START + DAY}
    kinds = {"traces": [text("repost"), "url"], "trace_objects": [11, 8]}
    step = {"group_id": "E2", "grade": None, "members": 7, "named": 0, "objects": 29, "rare_objects": 9}
    posts = [[text("repost"), text("twitter:77"), "twitter:78", START + 60_000, START + 52_000]]
    return {
        "groups": [{**named, **when, **kinds}, {**step, **when, **kinds}],
        "named": 23,
        "shown": [
            {
                "group_id": "E1",
                "roles": [["follower", "named", 23], ["amplified", "in_step", 2]],
                "accounts": [[text("twitter:1284001234567890123"), "follower", 3.2e-9, 14]],
                "readings": [[text("fans of one source"), text("They watch it."), text("a source"), text("a pace")]],
                "edges": [
                    ["E1-1", text("twitter:11"), "twitter:12", 1e-12, 9, 11, 60_000, -8_000, 2, 7, posts],
                ],
            },
            {"group_id": "E2", "roles": [], "accounts": [], "readings": [], "edges": []},
        ],
    }


def bins(s: str, size: int) -> list[list[object]]:
    """28 days before the event and two of it, in quarter hours, with a daily rhythm and a burst."""
    noise, out = random.Random(s), []
    for i in range(32 * 96):
        at = START - 28 * DAY + i * BIN
        usual = size / 2000 * (1.2 + math.sin((i % 96) / 96 * 2 * math.pi))
        burst = (
            0.0 if at < START + DAY // 3 else size / 80 * math.exp(-(((at - START - DAY * 0.8) / (DAY * 0.18)) ** 2))
        )
        count = max(0, round(usual + burst + noise.gauss(0, usual**0.5)))
        upper = usual + 4 * usual**0.5
        out.append([at, count, round(usual, 2), round(upper, 2), count > upper + 4 and at >= START])
    return out


def days(s: str) -> list[list[object]]:
    noise = random.Random(s + "days")
    return [[START - (120 - i) * DAY, noise.randint(2, 12) + (60 if 92 < i < 110 else 0)] for i in range(121)]


def overlaps(size: int) -> list[list[object]]:
    return [
        [["low_follower"], round(size * 0.17)],
        [["low_follower", "new"], round(size * 0.09)],
        [["dormant"], round(size * 0.06)],
        [["default_profile", "low_follower", "new"], round(size * 0.03)],
        [["default_profile"], round(size * 0.02)],
        [["dormant", "low_follower"], round(size * 0.015)],
    ]


def snapshots(size: int) -> list[list[object]]:
    out: list[list[object]] = []
    for i, at in enumerate((START + 3 * DAY, START + 30 * DAY, START + 55 * DAY, START + 90 * DAY)):
        gone = {"deleted": 0.02 * (i + 1), "suspended": 0.01 * (i + 1), "protected": 0.004, "renamed": 0.006}
        out += [[at, status, round(size * part)] for status, part in gone.items()]
        out.append([at, "active", round(size * (1 - sum(gone.values())))])
    return out
