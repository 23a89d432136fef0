"""Tables and findings of narratives on small cases with known answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import count

import numpy as np
import numpy.typing as npt
import pytest

from floodmark.errors import UsageError
from floodmark.event import narratives, text_models
from floodmark.findings import Finding, dump
from floodmark.report.sections import narratives as section
from floodmark.textfold import fold_text, split_repost
from floodmark.view import CaseView

MakeView = Callable[..., CaseView]
START = 1_594_927_800_000
SAME = "ما در کنار هم می‌ایستیم و تا آخر می‌مانیم"
Row = dict[str, object]


def post(number: int, account: str, text: str | None, side: str = "pro", at_s: int = 0, **more: object) -> Row:
    at_ms = START + 1000 * (at_s or number)
    return {
        "stream": "sport" if side == "control" else "main",
        "post_id": f"p:{number:04d}",
        "account_id": f"x:{account}",
        "at_ms": at_ms,
        "at_resolution_ms": 1000,
        "text": text,
        "side": side,
        **more,
    }


def case(
    make_view: MakeView, rows: Sequence[Row], changes: Mapping[str, object] | None = None, **tables: object
) -> CaseView:
    """Return a case with these posts, its narratives derived."""
    features = []
    for row in rows:
        text = row["text"]
        repost = split_repost(text) if isinstance(text, str) else None
        features.append(
            {
                "stream": row["stream"],
                "post_id": row["post_id"],
                "folded_text": fold_text(text) if isinstance(text, str) else None,
                "repost_handle": repost[0] if repost else None,
            }
        )
    inside = [row for row in rows if START <= int(str(row["at_ms"])) < START + 86_400_000]
    members = {(row["side"], row["account_id"]) for row in inside}
    view = make_view(
        changes,
        posts=rows,
        post_features=features,
        side_posts=[{**row, "in_window": row in inside} for row in rows],
        participants=[{"roster": side, "account_id": account} for side, account in sorted(members)],
        **{"account_flags": (), **tables},
    )
    narratives.write_tables(view.db, view.config, "_found")
    for table in narratives.TABLES:
        view.db.execute(f"INSERT INTO {table.name} SELECT * FROM {table.name}_found")
    return view


def found(view: CaseView) -> dict[str, Finding]:
    return {finding.id: finding for finding in section.findings(view)}


def copies(number: count[int], text: Callable[[int], str], side: str = "pro", accounts: int = 5) -> list[Row]:
    return [post(next(number), f"{side}{n}", text(n), side) for n in range(accounts)]


def alone(number: count[int], side: str, accounts: int = 6, seed: int = 1) -> list[Row]:
    rng = random.Random(f"{seed}{side}")
    letters = "abcdefghijklmnop"
    words = ["".join(rng.choice(letters) for _ in range(7)) for _ in range(400)]
    return [post(next(number), f"{side}alone{n}", " ".join(rng.sample(words, 12)), side) for n in range(accounts)]


DISGUISES: Mapping[str, Callable[[int], str]] = {
    "exact": lambda _n: SAME,
    "zwnj": lambda n: SAME.replace("\u200c", "\u200c" if n % 2 else " "),
    "arabic letters": lambda n: SAME.replace("ک", "ك").replace("ی", "ي") if n % 2 else SAME,
    "diacritics": lambda n: SAME.replace("م", "مَ") if n % 2 else SAME,
    "emoji": lambda n: SAME.replace(" ", f" {'🔥✊😀🌊⭐'[n]} "),
    "hashtags before and after": lambda n: " ".join(["#یک", "#دو"][:: 1 if n % 2 else -1]) + f" {SAME} #سه #t{n}",
    "links and mentions": lambda n: f"@ana{n} {SAME} https://t.example/{n}",
    "appended": lambda n: f"{SAME} {['الف', 'ب ب', 'پ', 'ت', 'ث'][n]}",
}


@pytest.mark.parametrize("name", DISGUISES)
def test_no_disguise_breaks_a_family(name: str, make_view: MakeView) -> None:
    number = count(1)
    view = case(make_view, copies(number, DISGUISES[name]) + alone(number, "pro") + alone(number, "control"))
    answers = found(view)
    tally = answers["M13.copied.pro"].details
    assert (tally["flagged"], tally["judged"]) == (5, 11)
    assert answers["M13.families.pro"].value == 1
    assert answers["M13.copied.control"].value == 0.0


def test_exact_is_only_what_is_equal_once_folded(make_view: MakeView) -> None:
    number = count(1)
    near = found(case(make_view, copies(number, DISGUISES["appended"]) + alone(number, "control")))
    assert near["M13.exact.pro"].value == 0.0
    folded = found(case(make_view, copies(number, DISGUISES["emoji"]) + alone(number, "control")))
    assert folded["M13.exact.pro"].value == 1.0
    assert folded["M13.exact_difference.pro"].value == 1.0


def test_look_alike_letters_do_not_break_a_family(make_view: MakeView) -> None:
    number, text = count(1), "they speak for the empty stage again tonight"
    swaps = str.maketrans("aeopcyx", "аеорсух")
    rows = copies(number, lambda n: text.translate(swaps) if n % 2 else text) + alone(number, "pro")
    assert found(case(make_view, rows))["M13.copied.pro"].details["flagged"] == 5


def test_the_first_post_and_the_tempo(make_view: MakeView) -> None:
    rows = [post(n, f"a{n}", SAME, at_s=100 + at) for n, at in ((5, 0), (2, 0), (7, 10), (1, 40), (3, 500))]
    view = case(make_view, rows)
    (row,) = view.db.rows(
        "SELECT first_post_id, first_account_id, first_accounts, half_ms, accounts FROM narratives"
        " WHERE kind = 'copied'"
    )
    assert row == ("p:0002", "x:a2", 2, 10_000, 5)


def test_minute_clocks_make_ties_not_firsts(make_view: MakeView) -> None:
    rows = [post(n, f"a{n}", SAME, at_s=60 * 10 + n, at_resolution_ms=60_000 if n == 3 else 1000) for n in range(1, 5)]
    view = case(make_view, rows)
    assert view.db.rows("SELECT first_post_id, first_accounts, half_ms FROM narratives WHERE kind = 'copied'") == [
        ("p:0001", 4, 0)
    ]


def test_reposts_are_counted_beside_and_make_no_family(make_view: MakeView) -> None:
    rows = [post(1, "a", SAME)] + [post(n, f"r{n}", f"RT @a: {SAME}") for n in range(2, 8)]
    view = case(make_view, rows)
    assert view.db.rows("SELECT * FROM narratives") == []
    assert found(view)["M13.copied.pro"].details["judged"] == 1
    more = [*rows, post(20, "b", SAME), post(21, "c", SAME)]
    assert case(make_view, more).db.rows("SELECT accounts, posts, reposts FROM narratives WHERE kind = 'copied'") == [
        (3, 3, 6)
    ]


def test_usual_words_are_set_aside(make_view: MakeView) -> None:
    number = count(1)
    before = [post(next(number), f"old{n}", SAME, at_s=-86_400 - n) for n in range(20)]
    rows = before + copies(number, lambda _n: SAME) + alone(number, "control")
    answers = found(case(make_view, rows))
    assert answers["M13.copied.pro"].value == 0.0
    assert answers["M13.usual.pro"].value == 1
    # The same words without that past are no usual ones.
    assert found(case(make_view, rows[20:]))["M13.copied.pro"].value == 1.0


def test_without_other_posts_nothing_is_usual_and_the_report_says_so(make_view: MakeView) -> None:
    answers = found(case(make_view, copies(count(1), lambda _n: SAME)))
    assert answers["M13.usual.pro"].state == "not_testable"
    assert any("nothing is left out as usual" in limit for limit in answers["M13.copied.pro"].limits)


def test_who_is_named_and_new_among_them(make_view: MakeView) -> None:
    number = count(1)
    rows = copies(number, lambda _n: SAME) + alone(number, "pro", 4)
    accounts = [f"x:pro{n}" for n in range(5)] + [f"x:proalone{n}" for n in range(4)]
    verdicts = [
        {"scope": "event", "account_id": a, "state": "named" if n < 3 else "tested" if n < 8 else "untestable"}
        for n, a in enumerate(accounts)
    ]
    flags = [{"flag": "new", "account_id": a, "flagged": n == 0} for n, a in enumerate(accounts[:4])]
    answers = found(case(make_view, rows, coordinated_accounts=verdicts, account_flags=flags))
    assert answers["M13.from_coordinated.pro"].value == pytest.approx(3 / 5)
    assert answers["M13.from_coordinated.pro"].details["others"] == {
        "flagged": 0,
        "judged": 3,
        "unknown": 1,
        "accounts": 4,
        "bounds_if_unknown": [0.0, 0.25],
    }
    assert answers["M13.from_new.pro"].value == pytest.approx(1 / 4)
    assert answers["M13.from_new.pro"].details["unknown"] == 1
    # Counted where shown: three of the family's five accounts are named; without any test that is unknown, not nought.
    assert answers["M13.copied.pro"].details["families"][0][8] == 3
    assert found(case(make_view, rows))["M13.copied.pro"].details["families"][0][8] is None
    nobody = [{**verdict, "state": "tested"} for verdict in verdicts]
    assert found(case(make_view, rows, coordinated_accounts=nobody))["M13.copied.pro"].details["families"][0][8] == 0


def test_the_tables_come_without_the_coordination_test(make_view: MakeView) -> None:
    view = case(make_view, copies(count(1), lambda _n: SAME))
    rows = view.db.rows("SELECT * FROM narratives ORDER BY ALL")
    assert rows
    view.db.execute("DROP TABLE coordinated_accounts")
    narratives.write_tables(view.db, view.config, "_again")
    assert view.db.rows("SELECT * FROM narratives_again ORDER BY ALL") == rows


@pytest.mark.parametrize("text", [None, "", "short", "#only #hashtags #here #again #andagain"])
def test_without_a_wording_nothing_is_tested_and_nothing_is_nought(text: str | None, make_view: MakeView) -> None:
    for view in (case(make_view, [post(n, f"a{n}", text) for n in range(1, 5)]), case(make_view, [])):
        for finding in found(view).values():
            assert finding.state == "not_testable", finding.id


def test_row_order_and_names_move_nothing(make_view: MakeView) -> None:
    number = count(1)
    rows = copies(number, lambda n: f"{SAME} {'خیلی ' * (n % 2)}") + copies(
        number, lambda n: f"fresh bread with salt and oil {n}", "con"
    )
    rows += alone(number, "control")
    view = case(make_view, rows)
    shuffled = random.Random(3).sample(rows, len(rows))
    again = case(make_view, shuffled)
    for table in narratives.TABLES:
        sql = f"SELECT * FROM {table.name} ORDER BY ALL"
        assert view.db.rows(sql) == again.db.rows(sql)
    renamed = [{**row, "account_id": f"y:{str(row['account_id'])[:1:-1]}"} for row in rows]
    assert dump(section.findings(case(make_view, renamed))) == dump(section.findings(view))


def test_no_account_is_shown(make_view: MakeView) -> None:
    assert "x:" not in dump(section.findings(case(make_view, copies(count(1), lambda _n: SAME)))).decode()


class Initials:
    """A model for tests: texts are alike when their first letters are."""

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.array([[text.count(letter) for letter in "qzx"] for text in texts], dtype=np.float32)


def test_a_model_of_the_user_makes_paraphrases(make_view: MakeView, monkeypatch: pytest.MonkeyPatch) -> None:
    number, rng = count(1), random.Random(9)
    words = ["".join(rng.choice("abcdefghij") for _ in range(7)) for _ in range(200)]
    rows = [post(next(number), f"a{n}", " ".join([*rng.sample(words, 9), "qqq"])) for n in range(4)]
    rows += [
        post(next(number), f"b{n}", " ".join([*rng.sample(words, 9), "z" * (n % 2 + 1), "x" * 3])) for n in range(2)
    ]
    assert found(case(make_view, rows))["M13.paraphrase.pro"].state == "not_testable"
    monkeypatch.setattr(narratives, "load_model", lambda _config: Initials())
    answers = found(case(make_view, rows, {"narratives": {"model": "initials", "threshold": 0.99}}))
    assert (answers["M13.paraphrase.pro"].details["flagged"], answers["M13.paraphrase.pro"].details["judged"]) == (4, 6)


def test_a_model_that_is_not_installed_is_refused_by_name(make_view: MakeView) -> None:
    with pytest.raises(UsageError, match="no installed package offers a model 'nobody'"):
        case(make_view, [post(1, "a", SAME)], {"narratives": {"model": "nobody", "threshold": 0.9}})
    with pytest.raises(UsageError, match="there is no folder 'nowhere'"):
        case(make_view, [post(1, "a", SAME)], {"narratives": {"model": "m", "folder": "nowhere", "threshold": 0.9}})


def test_a_model_of_another_shape_is_refused() -> None:
    class Wrong:
        def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
            return np.zeros((len(texts) + 1, 2), dtype=np.float32)

    with pytest.raises(UsageError, match="one row of finite numbers a text"):
        text_models.vectors(text_models.make_model(lambda _folder: Wrong(), None), ["a"])
    with pytest.raises(UsageError, match="cannot be called"):
        text_models.make_model("no", None)
    with pytest.raises(UsageError, match="no method embed"):
        text_models.make_model(lambda _folder: object(), None)
