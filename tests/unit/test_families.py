"""Families of profiles: exact tails, silence where the roster is like the others, planted families, hostile rows."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
import pytest

from floodmark.accounts.families import _inside, adjusted, discoveries, families, feature, judge_kinds, tail
from floodmark.accounts.handles import rarity
from floodmark.view import CaseView

View = Callable[..., CaseView]


def _view(make_view: View, texts: dict[str, str | None], roster: set[str]) -> CaseView:
    members = [{"roster": "pro", "account_id": account, "posts": 1, "first_at_ms": 0} for account in sorted(roster)]
    accounts = [{"account_id": account, "description": text} for account, text in texts.items()]
    return make_view(accounts=accounts, participants=members, account_flags=())


def _others(count: int, platform: str = "x") -> dict[str, str | None]:
    return {f"{platform}:o{n}": f"reader and gardener number {n}" for n in range(count)}


@pytest.mark.parametrize(("k", "c", "n", "m"), [(3, 0, 10, 90), (4, 2, 20, 30), (0, 5, 8, 8), (5, 1, 5, 40)])
def test_tail_counts_draws(k: int, c: int, n: int, m: int) -> None:
    total = k + c
    exact = sum(comb(total, i) * comb(n + m - total, n - i) for i in range(k, min(total, n) + 1)) / comb(n + m, n)
    assert tail(np.array([k]), np.array([c]), n, m)[0][0] == pytest.approx(exact)


def test_seldom_a_family_where_roster_and_others_are_alike() -> None:
    runs, named = 300, 0
    weight = 1 / np.arange(1, 3_001)
    for run in range(runs):
        rng = np.random.default_rng([7, run])
        values = rng.choice(3_000, 2_000, p=weight / weight.sum())
        k, c = np.bincount(values[:300], minlength=3_000), np.bincount(values[300:], minlength=3_000)
        tested = k + c >= 3
        p, least = tail(k[tested], c[tested], 300, 1_700)
        named += bool(discoveries(p, least).any())
    # 5 % at most are due; 28 of 300 would be four standard errors above.
    assert named < 28


def test_a_planted_text_is_found_and_a_common_one_is_not(make_view: View) -> None:
    planted = {f"x:p{n}": "we stand for our rivers" for n in range(3)}
    common = {f"x:c{n}": "proud father and patriot" for n in range(40)}
    usual = {f"x:u{n}": "proud father and patriot" for n in range(20)}
    view = _view(make_view, {**_others(1_000), **planted, **common, **usual}, {*planted, *common})
    assert [family.accounts for family in families(view, ("text",)).found] == [tuple(sorted(planted))]


def test_two_of_a_kind_empty_texts_and_emoji_are_no_family(make_view: View) -> None:
    odd: dict[str, str | None] = {"x:a": "we stand for our rivers", "x:b": "we stand for our rivers"}
    odd |= {f"x:e{n}": "" for n in range(9)} | {f"x:f{n}": "❤️🇮🇷 love" for n in range(9)} | {"x:n": None}
    view = _view(make_view, {**_others(1_000), **odd}, set(odd))
    judged = judge_kinds(view, ("text",))
    assert not any(judged["flagged"])
    assert "x:n" not in judged["account_id"]


def test_platforms_are_never_compared(make_view: View) -> None:
    apart: dict[str, str | None] = {f"{platform}:p": "we stand for our rivers" for platform in ("x", "y", "z")}
    others = {**_others(500), **_others(500, "y"), **_others(500, "z")}
    assert families(_view(make_view, {**others, **apart}, set(apart)), ("text",)).found == ()


def test_without_other_accounts_nobody_is_judged(make_view: View) -> None:
    alone: dict[str, str | None] = {f"x:p{n}": "we stand for our rivers" for n in range(9)}
    assert judge_kinds(_view(make_view, alone, set(alone)), ("text",))["account_id"] == []


def test_a_platform_with_nobody_to_compare_with_is_not_judged(make_view: View) -> None:
    texts: dict[str, str | None] = {
        f"{platform}:p{n}": "we stand for our rivers" for platform in "xy" for n in range(4)
    }
    judged = judge_kinds(_view(make_view, {**_others(500), **texts}, set(texts)), ("text",))
    assert judged["account_id"] == [f"x:p{n}" for n in range(4)]


def test_a_family_carries_what_the_report_says_of_it(make_view: View) -> None:
    texts: dict[str, str | None] = {f"x:p{n}": "We stand  for our rivers" for n in range(5)}
    texts |= {"x:q": "others", "x:o0": "we STAND for our rivers", "x:o1": None}
    members = [
        {"roster": roster, "account_id": account, "posts": 1, "first_at_ms": 0}
        for account, roster in {**{f"x:p{n}": "pro" for n in range(5)}, "x:q": "pro", "x:o0": "control"}.items()
    ]
    accounts = [{"account_id": account, "description": text} for account, text in {**_others(1_100), **texts}.items()]
    (family,) = families(make_view(accounts=accounts, participants=members, account_flags=()), ("text",)).found
    assert (family.known, family.elsewhere, family.reference) == (6, 1, 1_099)
    assert family.expected == pytest.approx(6 * 6 / 1_105)
    assert family.value == "We stand  for our rivers"
    assert family.beside == (("control", 1), ("", 0))
    assert family.p <= family.q <= 0.05


def test_accounts_on_several_sides_are_no_comparison_for_a_side(make_view: View) -> None:
    """Members of one family that post for both sides must not make it look common."""
    texts: dict[str, str | None] = {f"x:p{n}": "we stand for our rivers" for n in range(6)}
    texts |= {f"x:b{n}": "we stand for our rivers" for n in range(40)}
    roster = {**{f"x:p{n}": "pro" for n in range(6)}, **{f"x:b{n}": "both" for n in range(40)}}
    members = [{"roster": r, "account_id": a, "posts": 1, "first_at_ms": 0} for a, r in roster.items()]
    accounts = [{"account_id": account, "description": text} for account, text in {**_others(1_000), **texts}.items()]
    view = make_view(accounts=accounts, participants=members, account_flags=())
    found = {family.roster: family for family in families(view, ("text",)).found}
    assert set(found) == {"pro", "both"}
    assert (found["pro"].elsewhere, found["pro"].reference) == (0, 1_000)
    # Those of one side are no comparison for who posts for several either.
    assert (found["both"].elsewhere, found["both"].reference) == (0, 1_000)


def test_adjusted_equals_the_rule_written_out() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        least = rng.random(40) ** 3
        p = np.maximum(least, rng.random(40) ** 3)
        able = next(k for k in range(1, 41) if (least <= 0.05 / k).sum() <= k)
        used = [i for i in range(40) if least[i] <= 0.05 / able]
        expected = [
            min((p[j] * len(used) / sum(p[u] <= p[j] for u in used) for j in used if p[j] >= p[i]), default=1.0)
            if i in used
            else 1.0
            for i in range(40)
        ]
        assert adjusted(p, least) == pytest.approx(np.minimum(expected, 1.0))


def test_slogans_of_a_side_do_not_loosen_the_rule(make_view: View) -> None:
    # 60 slogans that the others know too, each far more frequent in the roster; and one value at the edge.
    own: dict[str, str | None] = {
        f"x:s{n}": f"slogan of the day {'abcdefghijkl'[n % 60 % 12]}{n % 60}" for n in range(3_000)
    }
    usual = {f"x:u{n}": f"slogan of the day {'abcdefghijkl'[n % 60 % 12]}{n % 60}" for n in range(300)}
    edge = {f"x:e{n}": "we stand for our rivers" for n in range(4)}
    others = {**_others(1_500), **usual}
    assert families(_view(make_view, {**own, **others, **edge}, {*own, *edge}), ("text",)).found == ()


def test_order_of_rows_changes_nothing(make_view: View) -> None:
    planted = {f"x:p{n}": "we stand for our rivers" for n in range(5)}
    texts = {**_others(300), **planted}
    turned = dict(reversed(texts.items()))
    assert families(_view(make_view, texts, set(planted))) == families(_view(make_view, turned, set(planted)))


def test_features_fold_what_reads_the_same() -> None:
    assert feature("text", "We STAND  for our rivers") == feature("text", "we stand for our rivers")
    assert feature("handle", "anna_12") == feature("handle", "Anna_7")
    assert feature("name", "😀") == ""


def test_ranks_of_handles_like_the_reference_are_even() -> None:
    rng = np.random.default_rng(5)
    handles = ["".join(rng.choice(list("abcdefgh"), 9, p=np.arange(8, 0, -1) / 36)) for _ in range(2_000)]
    shares = rarity(handles, np.arange(2_000) < 1_000)
    for group in (shares[:1_000], shares[1_000:]):
        assert abs(float((group <= 0.1).mean()) - 0.1) < 0.04


def test_accounts_inside_rosters_equal_looking_each_up() -> None:
    rng = np.random.default_rng(4)
    names = ("a", "both", "control", "z")
    rosters = {f"x:{n}": tuple(name for name in names if rng.random() < 0.3) for n in range(0, 300, 2)}
    rosters = {account: own for account, own in rosters.items() if own}
    accounts = [f"x:{n}" for n in rng.permutation(300)[:200]]
    found = _inside(accounts, rosters)
    assert list(found) == list(names)
    for name, own in found.items():
        assert own.tolist() == [name in rosters.get(account, ()) for account in accounts]
    assert [own.tolist() for own in _inside([], rosters).values()] == [[]] * 4
    assert _inside(accounts, {}) == {}
