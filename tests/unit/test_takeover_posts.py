"""Posts as arrays equal a plain count of the rows: repeats in other streams, ties, blanks, any order of rows."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from floodmark.accounts.takeover_groups import read
from floodmark.accounts.takeover_posts import OwnPosts, by_id, own_posts
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]
Row = dict[str, object]
NO_LANGUAGE = ("und", " QME ", "", None)


def rows(seed: int) -> list[Row]:
    """Return posts of few accounts at few moments, so that many tie, some in two streams that differ."""
    draw = random.Random(seed)
    made: list[Row] = []
    for number in range(300):
        streams = draw.choice((("main",), ("sport",), ("main", "sport")))
        made += [
            {
                "stream": stream,
                "post_id": f"x:{number * 7919 % 300}",
                "account_id": f"x:{number % 8}",
                "at_ms": 1_593_561_600_000 + draw.randrange(12) * 1_800_000,
                "at_resolution_ms": 60_000,
                "client": draw.choice((None, " ", "a", " a ", "b", "c")),
                "language": draw.choice((*NO_LANGUAGE, "FA", "fa", "tr")),
            }
            for stream in streams
        ]
    return made


def counted(posts: list[Row]) -> list[tuple[object, ...]]:
    """Return (account, time, client, language) of each post, in order of account, time and id, without arrays."""
    known: dict[tuple[str, str], list[Row]] = {}
    for post in posts:
        if post["account_id"] != "x:7":
            known.setdefault((str(post["account_id"]), str(post["post_id"])), []).append(post)
    made = []
    for (account, post_id), same in known.items():
        clients = [str(post["client"]).strip() for post in same if post["client"] and str(post["client"]).strip()]
        languages = [str(post["language"]).strip().lower() for post in same if post["language"] not in NO_LANGUAGE]
        at_ms = min(int(str(post["at_ms"])) for post in same)
        made.append((account, at_ms, post_id, min(clients, default=None), min(languages, default=None)))
    return [(row[0], row[1], row[3], row[4]) for row in sorted(made, key=lambda row: row[:3])]


def as_rows(own: OwnPosts) -> list[tuple[object, ...]]:
    def value(name: str, place: int) -> str | None:
        code = int(own.codes[name][place])
        return own.values[name][code] if code >= 0 else None

    return [
        (own.accounts[acc], at_ms, value("client", place), value("language", place))
        for place, (acc, at_ms) in enumerate(zip(own.acc.tolist(), own.at_ms.tolist(), strict=True))
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_posts_equal_a_plain_count_in_any_order_of_rows(make_view: MakeView, seed: int) -> None:
    posts = rows(seed)
    random.Random(seed).shuffle(posts)
    # x:7 does not take part; x:9 takes part by no post of its own.
    members = [{"roster": "pro", "account_id": f"x:{n}", "posts": 1, "first_at_ms": 0} for n in (*range(7), 9)]
    view = make_view(posts=posts, participants=members, account_flags=())
    with view.db:
        own = by_id(view, own_posts(view))
    assert as_rows(own) == counted(posts)
    assert own.accounts[-1] == "x:9"


def test_times_too_far_apart_for_one_number_are_ordered_too(make_view: MakeView) -> None:
    times = (2**62, -(2**62), 0)
    posts = [
        {"stream": "main", "post_id": f"x:{a}{t}", "account_id": f"x:{a}", "at_ms": t, "at_resolution_ms": 1}
        for a in range(3)
        for t in times
    ]
    members = [{"roster": "pro", "account_id": f"x:{n}", "posts": 1, "first_at_ms": 0} for n in range(3)]
    view = make_view(posts=posts, participants=members, account_flags=())
    with view.db:
        assert own_posts(view).at_ms.tolist() == sorted(times) * 3


def test_an_empty_case_has_no_groups(make_view: MakeView) -> None:
    view = make_view()
    with view.db:
        assert len(own_posts(view).acc) == 0
        assert read(view) == ([], 0)
