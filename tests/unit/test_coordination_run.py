"""From a file of shares to a folder of verdicts: every account, every row, whole or untouched, edge cases defined."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from floodmark.coaction.shares import Columns
from floodmark.coaction.table import encode_named
from floodmark.coordination import output
from floodmark.coordination.result import Rules
from floodmark.coordination.run import parse_windows, run_coordination
from floodmark.engine.duckdb import Database
from floodmark.errors import UsageError

HEADER = "account_id,object_id,timestamp_share\n"
FILES = {"accounts.csv", "groups.csv", "edges.csv", "evidence.csv", "summary.json"}
START = 1_594_500_000
WEEK = 7 * 86_400
COLUMNS = Columns("account_id", "object_id", "timestamp_share", "s")
FULL = Columns("account_id", "object_id", "timestamp_share", "s", trace="kind", post="post")
Row = tuple[str, str, int]


def crowd(draw: random.Random, accounts: int = 150, objects: int = 60, start: int = START) -> list[Row]:
    """Accounts that act on popular objects at their own times."""
    return [
        (f"a{i:03d}", f"o{min(draw.randrange(objects), draw.randrange(objects)):02d}", start + draw.randrange(WEEK))
        for i in range(accounts)
        for _ in range(draw.randrange(1, 9))
    ]


def campaign(draw: random.Random, bots: list[str], objects: int = 10, start: int = START) -> list[Row]:
    rows = []
    for k in range(objects):
        at = start + k * 40_000 + draw.randrange(20_000)
        rows += [(bot, f"c{k}", at + draw.randrange(60)) for bot in bots]
    return rows


def planted(seed: int = 7, bots: list[str] | None = None, start: int = START) -> list[Row]:
    draw = random.Random(seed)
    return crowd(draw, start=start) + campaign(draw, bots or [f"bot{k}" for k in range(8)], start=start)


def write(folder: Path, rows: Iterable[Iterable[object]], header: str = HEADER, name: str = "shares.csv") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(header)
        csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerows(rows)
    return path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def summary(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return found


def grouped(folder: Path) -> list[str]:
    """Return the accounts in a group, named or in step: who of a plant is always in front is no test's matter here."""
    return [row["account_id"] for row in table(folder / "accounts.csv") if row["group"]]


def files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files; of the summary all but its last key, which may differ between runs."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    if "summary.json" in found:
        whole = json.loads(found["summary.json"])
        assert list(whole)[-1] == "run"
        assert set(whole.pop("run")) == {"seconds", "peak_memory_mb"}
        found["summary.json"] = json.dumps(whole).encode()
    return found


def test_a_planted_campaign_comes_back_with_the_evidence_that_the_input_holds(tmp_path: Path) -> None:
    bots = [f"bot{k}" for k in range(8)]
    rows = planted(bots=bots)
    told = run_coordination(write(tmp_path, rows), out=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    accounts = {row["account_id"]: row for row in table(tmp_path / "out/accounts.csv")}
    assert list(accounts) == sorted({account for account, _, _ in rows}, key=str.encode)
    assert grouped(tmp_path / "out") == bots
    named = [name for name, row in accounts.items() if row["state"] == "named"]
    assert len(named) >= 5
    assert {accounts[bot]["role"] for bot in named} == {"follower"}
    assert {accounts[bot]["group"] for bot in bots} == {"1"}
    (group,) = table(tmp_path / "out/groups.csv")
    assert (group["accounts"], group["named"], group["objects"]) == ("8", str(len(named)), "10")
    assert json.loads(group["traces"]) == {"share": 10}
    assert all(set(reading) == {"name", "meaning", "for", "against"} for reading in json.loads(group["readings"]))
    first: dict[tuple[str, str], int] = {}
    for account, thing, at in rows:
        first[account, thing] = min(at * 1000, first.get((account, thing), at * 1000))
    edges = {row["edge_id"]: row for row in table(tmp_path / "out/edges.csv")}
    evidence = table(tmp_path / "out/evidence.csv")
    assert {row["edge_id"] for row in evidence} == set(edges)
    for row in evidence:
        edge = edges[row["edge_id"]]
        assert int(row["a_at_ms"]) == first[edge["account_a"], row["object_id"]]
        assert int(row["b_at_ms"]) == first[edge["account_b"], row["object_id"]]
        assert abs(int(row["a_at_ms"]) - int(row["b_at_ms"])) <= int(edge["window_ms"])
        assert (row["trace"], row["a_post_id"], row["b_post_id"]) == ("share", "", "")
    assert told.states["named"] == len(named)
    assert f"{len(named)} named in 1 group," in str(told)
    assert "not flagged is not cleared" in str(told)


def test_edge_ids_stand_for_their_content_not_for_their_place(tmp_path: Path) -> None:
    rows = planted()
    run_coordination(write(tmp_path, rows), out=tmp_path / "one")
    strangers = [(f"0{k:03d}", f"lonely{k}", START + k) for k in range(40)]
    run_coordination(write(tmp_path, strangers + rows), out=tmp_path / "two")
    one, two = (table(tmp_path / name / "edges.csv") for name in ("one", "two"))
    key = "account_a", "account_b", "edge_id"
    assert [[row[k] for k in key] for row in one] == [[row[k] for k in key] for row in two]
    assert len({row["edge_id"] for row in one}) == len(one) > 20
    for name in ("one", "two"):
        for edge in table(tmp_path / name / "edges.csv"):
            content = [
                (row["trace"], row["object_id"], int(row["a_at_ms"]), int(row["b_at_ms"]))
                for row in table(tmp_path / name / "evidence.csv")
                if row["edge_id"] == edge["edge_id"]
            ]
            assert output.edge_id(edge["account_a"], edge["account_b"], content) == edge["edge_id"]


def test_the_summary_counts_what_the_files_hold_and_never_clears_anybody(tmp_path: Path) -> None:
    spoilt = [("", "o", 1), ("x", "", 1), ("y", "o", "yesterday")]
    told = run_coordination(write(tmp_path, [*planted(), *spoilt]), out=tmp_path / "out")
    said = summary(tmp_path / "out")
    accounts = table(tmp_path / "out/accounts.csv")
    states = Counter(row["state"] for row in accounts)
    assert said["accounts"] == {
        "total": len(accounts),
        **{state: states[state] for state in ("named", "in_step", "lead", "tested", "untestable")},
    }
    assert said["input"] == {
        "rows": told.rows,
        "used": told.rows - 3,
        "rejected": 3,
        "reasons": {"empty_account": 1, "empty_object": 1, "unreadable_time": 1},
    }
    assert [row["reason"] for row in table(tmp_path / "out/rejects.csv")] == [
        "empty_account",
        "empty_object",
        "unreadable_time",
    ]
    assert said["edges"] == len(table(tmp_path / "out/edges.csv"))
    assert "Not flagged is not cleared" in " ".join(map(str, said["reading"]))  # type: ignore[call-overload]
    words = json.dumps(said).lower()
    assert not any(word in words for word in ("innocent", " bot", "troll", "genuine"))
    assert {"seconds", "peak_memory_mb"} == set(said["run"])  # type: ignore[call-overload]


def test_outside_groups_there_is_no_group_grade_or_role(tmp_path: Path) -> None:
    run_coordination(write(tmp_path, planted()), out=tmp_path / "out")
    outside = [row for row in table(tmp_path / "out/accounts.csv") if not row["group"]]
    assert len(outside) > 100
    assert {(row["grade"], row["role"]) for row in outside} == {("", "")}
    assert {row["state"] for row in outside} <= {"lead", "tested", "untestable"}


@pytest.mark.parametrize("p_value", [1.0, 0.05, 1 / 3, 1.23456789e-53, 5e-324])
def test_p_values_keep_six_significant_digits(p_value: float) -> None:
    verdicts = verdicts_on_one(p_value)
    (line,) = output._account_lines(verdicts, np.array(["a"], np.object_))
    said = next(csv.reader([line]))
    assert float(said[2]) == pytest.approx(p_value, rel=5e-6)
    assert len(said[2].split("e")[0].replace(".", "").lstrip("0")) <= 6


def verdicts_on_one(p_value: float) -> output.AccountVerdicts:
    one = np.array([""], np.object_)
    state = np.array(["tested"], np.object_)
    zero = np.array([0], np.int32)
    return output.AccountVerdicts(state, np.array([p_value]), zero - 1, one, one, zero)


HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    'say "hi"',
    "two\nlines",
    "c\rr",
    "a,b",
    "\u202etxt",
    "\x1b[31m",
    " pad ",
    "'",
]


def test_hostile_ids_come_back_exactly(tmp_path: Path) -> None:
    draw = random.Random(3)
    rows = crowd(draw) + [(a, f'=o{o}\n,"', t) for a, o, t in campaign(draw, HOSTILE)]
    run_coordination(write(tmp_path, rows), out=tmp_path / "out")
    accounts = table(tmp_path / "out/accounts.csv")
    assert [row["account_id"] for row in accounts] == sorted({a for a, _, _ in rows}, key=str.encode)
    assert sorted(grouped(tmp_path / "out")) == sorted(HOSTILE)
    edges = table(tmp_path / "out/edges.csv")
    assert {row["account_a"] for row in edges} | {row["account_b"] for row in edges} == set(HOSTILE)
    things = {row["object_id"] for row in table(tmp_path / "out/evidence.csv")}
    assert {f'=oc{k}\n,"' for k in range(10)} == {thing for thing in things if thing.startswith("=o")}
    with Database() as db:
        source = f"read_csv('{tmp_path / 'out/accounts.csv'}', all_varchar = true, header = true, quote = '\"')"
        assert [a for (a,) in db.rows(f"SELECT account_id FROM {source} ORDER BY 1")] == [
            row["account_id"] for row in accounts
        ]


def test_traces_keep_equal_ids_apart_and_posts_are_cited(tmp_path: Path) -> None:
    draw = random.Random(5)
    bots = ["b1", "b2", "b3", "b4", "b5"]
    rows = [(a, "same" + o[-1], t, "url", f"u-{a}-{o}") for a, o, t in campaign(draw, bots)]
    rows += [(a, "same" + o[-1], t + 3600, "repost", f"r-{a}-{o}") for a, o, t in campaign(draw, bots)]
    rows += [(a, o, t, "url", "") for a, o, t in crowd(draw)]
    # A later post on the same object, and another post in the same second: the earliest, then the first id, is cited.
    rows += [(a, o, t + 5, kind, "0-late") for a, o, t, kind, _ in rows[:100]]
    rows += [(a, o, t, kind, f"z-{post}") for a, o, t, kind, post in rows[:100]]
    shares = write(tmp_path, rows, "account_id,object_id,timestamp_share,kind,post\n")
    run_coordination(shares, out=tmp_path / "out", columns=FULL)
    (group,) = table(tmp_path / "out/groups.csv")
    assert json.loads(group["traces"]) == {"repost": 10, "url": 10}
    edges = {row["edge_id"]: row for row in table(tmp_path / "out/edges.csv")}
    evidence = table(tmp_path / "out/evidence.csv")
    assert {row["trace"] for row in evidence} == {"repost", "url"}
    for row in evidence:
        for side in "ab":
            account = edges[row["edge_id"]][f"account_{side}"]
            assert row[f"{side}_post_id"] == f"{row['trace'][0]}-{account}-c{row['object_id'][-1]}"


def test_an_empty_trace_is_a_reason_to_reject_and_an_empty_post_is_none(tmp_path: Path) -> None:
    rows = [("a", "o", 1, "", "p"), ("b", "o", 1, "url", ""), ("c", "o", 1, "url", "q")]
    shares = write(tmp_path, rows, "account_id,object_id,timestamp_share,kind,post\n")
    told = run_coordination(shares, out=tmp_path / "out", columns=FULL)
    assert (told.used, told.reasons) == (2, {"empty_trace": 1})
    assert table(tmp_path / "out/rejects.csv") == [
        {"line": "2", "reason": "empty_trace", "field": "kind", "detail": ""}
    ]


@pytest.mark.parametrize(
    ("rows", "states"),
    [
        ([("a", "o", 5)], {"untestable": 1}),
        ([("a", f"o{k}", k * 1000) for k in range(50)], {"untestable": 1}),
        ([(f"a{k}", "o", START) for k in range(700)], {"untestable": 700}),
        ([("a", "o", 5)] * 40 + [("b", "o", 5)] * 40, {"untestable": 2}),
        ([(f"a{k}", f"o{j}", START) for k in range(30) for j in range(8)], {}),
    ],
    ids=["one action", "one account", "one object at one second", "duplicates only", "all at one second"],
)
def test_degenerate_tables_have_an_answer_and_name_nobody(
    tmp_path: Path, rows: list[Row], states: dict[str, int]
) -> None:
    told = run_coordination(write(tmp_path, rows), out=tmp_path / "out")
    assert {state: n for state, n in told.states.items() if n and states} == states
    assert told.states["named"] == told.groups == 0
    assert len(table(tmp_path / "out/accounts.csv")) == told.accounts == len({account for account, _, _ in rows})


def test_duplicates_of_rows_change_counts_of_rows_only(tmp_path: Path) -> None:
    rows = planted()
    run_coordination(write(tmp_path, rows), out=tmp_path / "one")
    run_coordination(write(tmp_path, rows * 3), out=tmp_path / "two")
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert {name: one[name] for name in one if name != "summary.json"} == {
        name: two[name] for name in two if name != "summary.json"
    }
    assert json.loads(one["summary.json"])["input"]["used"] * 3 == json.loads(two["summary.json"])["input"]["used"]


def test_a_minute_clock_drops_the_windows_below_it(tmp_path: Path) -> None:
    rows = [(a, o, t - t % 60) for a, o, t in planted()]
    run_coordination(write(tmp_path, rows), out=tmp_path / "out")
    said = summary(tmp_path / "out")
    assert said["clock_resolution_ms"] == 60_000
    assert 10_000 in said["windows_dropped_ms"]  # type: ignore[operator]
    used, dropped = said["windows_used_ms"], said["windows_dropped_ms"]
    assert sorted([*used, *dropped]) == [10_000, 60_000, 600_000, 3_600_000]  # type: ignore[misc]


def test_moving_all_times_before_1970_moves_nothing_but_the_times(tmp_path: Path) -> None:
    run_coordination(write(tmp_path, planted()), out=tmp_path / "now")
    shift = 7 * 86_400 * 5000
    run_coordination(write(tmp_path, [(a, o, t - shift) for a, o, t in planted()]), out=tmp_path / "then")
    assert (tmp_path / "now/accounts.csv").read_bytes() == (tmp_path / "then/accounts.csv").read_bytes()
    (now,), (then,) = (table(tmp_path / name / "groups.csv") for name in ("now", "then"))
    assert then["first"] < then["last"] < "1970"
    times = {"first", "last"}
    assert {k: v for k, v in now.items() if k not in times} == {k: v for k, v in then.items() if k not in times}


def test_objects_are_numbered_by_the_bytes_of_trace_and_id() -> None:
    seen = [
        ("b", "z", "t"),
        ("a", "z", "s"),
        ("a", "\u00e9", "s"),
        ("b", "Z", "t"),
        ("\U0001f600", "z", "t"),
        ("a", "z", "s"),
    ]
    with Database() as db:
        db.execute("CREATE TABLE seen (account_id VARCHAR, object_id VARCHAR, trace VARCHAR, at_ms BIGINT)")
        db.load("seen", {k: [row[i] for row in seen] for i, k in enumerate(("account_id", "object_id", "trace"))})
        db.execute("UPDATE seen SET at_ms = 5")
        traced, plain = encode_named(db, "seen", traced=True), encode_named(db, "seen", traced=False)
    assert list(zip(traced.object_traces, traced.objects, strict=True)) == [
        ("s", "z"),
        ("s", "\u00e9"),
        ("t", "Z"),
        ("t", "z"),
    ]
    assert (plain.objects.tolist(), len(plain.object_traces)) == (["Z", "z", "\u00e9"], 0)
    rows = zip(traced.accounts[traced.account_index], traced.object_index.tolist(), strict=True)
    assert Counter(rows) == Counter({("a", 0): 2, ("a", 1): 1, ("b", 2): 1, ("b", 3): 1, ("\U0001f600", 3): 1})


def test_times_far_from_now_are_written_out(tmp_path: Path) -> None:
    start = 999_999_990_000_000
    told = run_coordination(write(tmp_path, planted(start=start)), out=tmp_path / "out")
    assert told.states["named"] >= 5
    (group,) = table(tmp_path / "out/groups.csv")
    assert group["first"].startswith("31690708-03-1")


def test_huge_ids_are_text(tmp_path: Path) -> None:
    bots = [f"{10**40 + k}" + "x" * 5000 for k in range(8)]
    run_coordination(write(tmp_path, planted(bots=bots)), out=tmp_path / "out")
    assert grouped(tmp_path / "out") == bots


def test_parquet_and_csv_give_the_same_bytes(tmp_path: Path) -> None:
    rows = [(a, o, t, "url", f"p{k}") for k, (a, o, t) in enumerate(planted())]
    shares = write(tmp_path, rows, "account_id,object_id,timestamp_share,kind,post\n")
    with Database() as db:
        db.execute(f"COPY (FROM read_csv('{shares}')) TO '{tmp_path / 'shares.parquet'}' (FORMAT parquet)")
    run_coordination(shares, out=tmp_path / "one", columns=FULL)
    run_coordination(tmp_path / "shares.parquet", out=tmp_path / "two", columns=FULL)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_reference_is_used_counted_and_its_rejects_are_listed(tmp_path: Path) -> None:
    ordinary = write(tmp_path, [*crowd(random.Random(99), 300), ("", "o", 1)], name="ordinary.csv")
    run_coordination(write(tmp_path, planted()), out=tmp_path / "out", reference=ordinary)
    said = summary(tmp_path / "out")
    assert said["reference_used"] is True
    assert said["reference"]["rejected"] == 1  # type: ignore[index]
    assert said["input"]["rejected"] == 0  # type: ignore[index]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*FILES, "reference_rejects.csv"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such file"),
        ("", "the file is empty"),
        (HEADER, "there is a header but no row"),
        (HEADER + "a,o,x\n", "none of the 1 rows can be used"),
        ("who,what,when\na,o,1\n", "column `account_id`: there is no such column; the file has: who, what, when"),
        (HEADER + "a,o,2020-07-17\n", "has no offset from UTC"),
    ],
)
def test_trouble_with_the_reference_is_one_sentence_that_names_the_option(
    tmp_path: Path, text: str | None, message: str
) -> None:
    reference = tmp_path / "reference.csv"
    if text is not None:
        reference.write_text(text, encoding="utf-8")
    before = files(tmp_path)
    with pytest.raises(UsageError) as refusal:
        run_coordination(write(tmp_path, planted()), out=tmp_path / "out", reference=reference)
    assert str(refusal.value).startswith(f"--reference: {reference}: ")
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert set(files(tmp_path)) == {*before, "shares.csv"}
    assert not (tmp_path / "out").exists()


def test_an_earlier_result_is_replaced_whole(tmp_path: Path) -> None:
    shares = write(tmp_path, [*planted(), ("", "o", 1)])
    run_coordination(shares, out=tmp_path / "out")
    assert (tmp_path / "out/rejects.csv").exists()
    run_coordination(write(tmp_path, [("a", "o", 1)]), out=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert len(table(tmp_path / "out/accounts.csv")) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "shares.csv"]


@pytest.mark.parametrize(
    "foreign",
    [
        {"notes.txt": "mine"},
        {"summary.json": "{}"},
        {"summary.json": "not json"},
        {"summary.json": '["floodmark coordination"]'},
        {"accounts.csv": "mine"},
        {"summary.json": '{"tool": "floodmark coordination"}', "notes.txt": "mine"},
    ],
)
def test_a_folder_that_holds_something_else_is_refused_and_left_alone(tmp_path: Path, foreign: dict[str, str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name, text in foreign.items():
        (out / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="holds something other than an earlier result"):
        run_coordination(write(tmp_path, planted()), out=out)
    assert {path.name: path.read_text(encoding="utf-8") for path in out.iterdir()} == foreign


def test_an_empty_folder_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    run_coordination(write(tmp_path, [("a", "o", 1)]), out=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES


def test_outputs_that_cannot_be_are_refused(tmp_path: Path) -> None:
    shares = write(tmp_path, [("a", "o", 1)])
    with pytest.raises(UsageError, match="this is a file; name a folder"):
        run_coordination(shares, out=shares)
    with pytest.raises(UsageError, match="there is no folder"):
        run_coordination(shares, out=tmp_path / "no/out")
    with pytest.raises(UsageError, match="would replace the input"):
        run_coordination(shares, out=tmp_path)
    assert files(tmp_path) == {"shares.csv": shares.read_bytes()}


def test_what_fails_on_the_way_leaves_the_earlier_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_coordination(write(tmp_path, planted()), out=tmp_path / "out")
    before = files(tmp_path / "out")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output, "_write", full)
    with pytest.raises(UsageError, match=r"cannot be written \(No space left on device\)"):
        run_coordination(write(tmp_path, [("a", "o", 1)]), out=tmp_path / "out")
    assert files(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "shares.csv"]


def test_windows_are_sorted_and_different() -> None:
    assert parse_windows("1h, 10s,60s") == (10_000, 60_000, 3_600_000)
    assert parse_windows("60s") == (60_000,)


@pytest.mark.parametrize("text", ["", "60", "60s,", "60s,1m", "0s", "2d", "1s,2s,3s,4s,5s,6s,7s,8s,9s"])
def test_other_windows_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--windows: .*such as"):
        parse_windows(text)


def test_windows_reach_the_test_and_the_summary(tmp_path: Path) -> None:
    rules = Rules(windows_ms=(60_000,))
    run_coordination(write(tmp_path, planted()), out=tmp_path / "out", rules=rules, columns=COLUMNS)
    said = summary(tmp_path / "out")
    assert said["windows_used_ms"] == said["rules"]["windows_ms"] == [60_000]  # type: ignore[index]
    assert {row["window_ms"] for row in table(tmp_path / "out/edges.csv")} == {"60000"}
