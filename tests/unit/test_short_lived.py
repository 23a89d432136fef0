"""Lives of deleted posts: where the creation comes from, medians and shares with intervals, what is not testable."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from floodmark import stats
from floodmark.accounts import short_lived
from floodmark.accounts.short_lived import Lives, deletions, median
from floodmark.findings import Finding
from floodmark.report.sections import short_lived as section
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]
DAY = 86_400_000
START = 1_594_927_800_000
END = START + DAY


def member(account: str, roster: str = "pro") -> dict[str, object]:
    return {"roster": roster, "account_id": account, "posts": 1, "first_at_ms": START}


def post(post_id: str, account: str, at_ms: int = START, stream: str = "main") -> dict[str, object]:
    return {"stream": stream, "post_id": post_id, "account_id": account, "at_ms": at_ms, "at_resolution_ms": 1000}


def deletion(
    post_id: str, account: str, at_ms: int, created: int | None = None, stream: str = "main"
) -> dict[str, object]:
    times = {"deleted_at_ms": at_ms, "created_at_ms": created}
    return {"stream": stream, "post_id": post_id, "account_id": account, **times}


def by_id(found: list[Finding]) -> dict[str, Finding]:
    return {finding.id: finding for finding in found}


def test_the_creation_is_the_posts_own_else_the_inputs_else_the_ids(make_view: MakeView) -> None:
    snowflake = (START - 1_288_834_974_657) << 22
    rows = [
        deletion("twitter:1", "twitter:a", START + 5_000, START - 1),
        deletion("twitter:2", "twitter:a", START + 7_000, START),
        deletion(f"twitter:{snowflake}", "twitter:b", START + 9_000),
        deletion(f"other:{snowflake}", "twitter:b", START + 9_000),
        deletion("twitter:3", "twitter:b", START - 5, START),
        deletion("twitter:1", "twitter:a", START + 6_000),
        deletion("twitter:9", "twitter:stranger", START, START),
    ]
    members = [member("twitter:a"), member("twitter:b"), member("twitter:c")]
    view = make_view(participants=members, posts=[post("twitter:1", "twitter:a")], post_deletions=rows)
    found = deletions(view)["pro"]
    assert (found.accounts, found.deleting, found.deleted) == (3, 2, 5)
    assert (found.unknown, found.impossible) == (1, 1)
    assert found.lives.ms.tolist() == [5_000, 7_000, 9_000], "the first deletion that was seen counts"
    assert found.created_from == {"id": 1, "input": 1, "post": 1}
    assert (found.posts.tolist(), found.gone_soon.tolist()) == ([1], [1])


def test_deletions_beside_another_stream_do_not_count(make_view: MakeView) -> None:
    rows = [deletion("x:1", "x:a", START + 9, START, "sport"), deletion("x:2", "x:c", START + 9, START, "sport")]
    view = make_view(participants=[member("x:a"), member("x:c", "control")], post_deletions=rows)
    found = by_id(section.findings(view))
    assert found["M6.deleted_posts.pro"].state == "not_testable"
    assert "beside main" in found["M6.deleted_posts.pro"].method
    assert found["M6.deleted_posts.control"].value == 1
    assert found["M6.short_lived_difference.pro"].state == "not_testable"
    assert found["M6.deleted_posts.con"].state == "not_testable"


def test_nothing_deleted_is_a_zero_where_deletions_were_watched(make_view: MakeView) -> None:
    rows = [deletion("x:1", "x:stranger", START + 9, START)]
    view = make_view(participants=[member("x:a")], posts=[post("x:5", "x:a")], post_deletions=rows)
    found = by_id(section.findings(view))
    assert found["M6.deleting_accounts.pro"].value == 0
    assert found["M6.gone_soon.pro"].value == 0
    assert "no deletion of a post" in found["M6.post_life.pro"].method


def test_shares_and_their_difference(make_view: MakeView) -> None:
    members = [member(f"x:{i:02}", "pro" if i < 20 else "control") for i in range(40)]
    rows = []
    for i, n in ((i, n) for i in range(40) for n in range(5)):
        life = 30_000 if (n < 4) == (i < 20) else 7_200_000
        rows.append(deletion(f"x:{i}-{n}", f"x:{i:02}", START + life, START, "main" if i < 20 else "sport"))
    found = by_id(section.findings(make_view(participants=members, post_deletions=rows)))
    own, control = found["M6.short_lived.pro"], found["M6.short_lived.control"]
    assert (own.value, control.value) == (0.8, 0.2)
    assert (own.low, own.high) == stats.cluster_share(np.full(20, 4), np.full(20, 5))[1:]
    difference = found["M6.short_lived_difference.pro"]
    assert difference.value == pytest.approx(0.6)
    assert difference.low is not None
    assert difference.low > 0.4
    assert found["M6.post_life.pro"].value == 30_000
    assert found["M6.post_life.pro"].details["classes"][1] == [60_000, 80]  # type: ignore[index]


def test_order_and_repetition_change_nothing(make_view: MakeView) -> None:
    rng = np.random.default_rng(1)
    rows = [
        deletion(f"x:{i}", f"x:{rng.integers(0, 9)}", START + int(rng.integers(0, 10**7)), START) for i in range(200)
    ]
    members = [member(f"x:{i}") for i in range(9)]
    first = section.findings(make_view(participants=members, post_deletions=rows))
    assert section.findings(make_view(participants=members[::-1], post_deletions=[*rows[::-1], *rows])) == first


def test_the_interval_of_the_median_covers_with_uneven_accounts() -> None:
    rng = np.random.default_rng(7)
    runs, covered = 400, 0
    truth = np.median(np.exp(rng.normal(0, 1, 200_000) + rng.normal(0, 1, 200_000)))
    for _ in range(runs):
        sizes = rng.integers(1, 12, 60)
        owner = np.repeat(np.arange(60), sizes)
        ms = np.exp(rng.normal(0, 1, 60)[owner] + rng.normal(0, 1, len(owner)))
        order = np.argsort(ms)
        _, low, high = median(Lives(ms[order], owner[order]), 0.95)
        covered += low <= truth <= high
    assert 0.90 <= covered / runs <= 0.99


def test_one_life_and_ties() -> None:
    assert median(Lives(np.array([5]), np.array([0])), 0.95) == (5.0, 5.0, 5.0)
    assert median(Lives(np.full(9, 7), np.arange(9)), 0.95) == (7.0, 7.0, 7.0)
    with pytest.raises(ValueError, match="no life"):
        median(Lives(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)), 0.95)
    assert tuple(sorted(short_lived.LIFE_CLASSES_MS)) == short_lived.LIFE_CLASSES_MS
