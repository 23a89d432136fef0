"""A small simulated case, read back from its files with the csv module and recounted by brute force."""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import orjson
import pytest

from floodmark import config
from floodmark.errors import UsageError
from floodmark.schema import STATUS_WORDS
from floodmark.simulate import CASE_2020, SimulationResult, simulate
from floodmark.simulate.params import scaled
from floodmark.simulate.write import POST_COLUMNS

SCALE = 0.02
START = datetime(2020, 7, 16, 19, 30, tzinfo=UTC)
END = START + timedelta(days=2)
BASELINE = START - timedelta(days=28)
GONE = {"suspended", "deleted", "not_found"}
SHARES = ("M4.new", "M4.low_follower", "M5.enrolled", "M6.gone", "M6.deleted", "M6.suspended", "M6.silent")
FILES = ("posts", "control", "statuses", "deletions", "control-deletions", "truth/accounts")
Row = dict[str, str]
#: Written out again, independently of the tool's own folding: Arabic Yeh and Kaf, zero-width non-joiner.
LETTERS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "\u200c": None})


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> SimulationResult:
    return simulate(tmp_path_factory.mktemp("case"), scale=SCALE)


@pytest.fixture(scope="module")
def tables(case: SimulationResult) -> dict[str, list[Row]]:
    return {name: read(case.case.parent / f"{name}.csv") for name in FILES}


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(LETTERS).casefold()


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def tagged_sides(row: Row, loaded: config.CaseConfig) -> set[str]:
    tags = {fold(tag) for tag in row["hashtags"].split()}
    return {side.name for side in loaded.sides if tags & {fold(tag) for tag in side.hashtags}}


def audiences(posts: list[Row], loaded: config.CaseConfig) -> dict[str, float]:
    """Recount who of a side's users in the window used its hashtags before the event, or again after it."""
    users: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in posts:
        sides, moment = tagged_sides(row, loaded), at(row["created_at"])
        when = "before" if moment < START else "after" if moment >= END else "inside"
        for side in sides:
            users[side, when].add(row["account_id"])
        users["both", when] |= {row["account_id"]} if sides and (when != "inside" or len(sides) == 2) else set()
    return {
        f"M12.audience_{when}.{name}": len(users[name, "inside"] & users[name, when]) / len(users[name, "inside"])
        for name in ("against", "for", "both")
        for when in ("before", "after")
    }


def sides_of(row: Row, loaded: config.CaseConfig) -> set[str]:
    tags, text = {fold(tag) for tag in row["hashtags"].split()}, fold(row["text"])
    return {
        side.name
        for side in loaded.sides
        if tags & {fold(tag) for tag in side.hashtags} or any(fold(word) in text for word in side.keywords)
    }


@pytest.fixture(scope="module")
def recount(case: SimulationResult, tables: dict[str, list[Row]]) -> dict[str, float]:
    return recounted(case.case, tables)


def recounted(case_file: Path, tables: dict[str, list[Row]]) -> dict[str, float]:
    """Recount every finding of truth.json that the files alone can settle, row by row."""
    loaded = config.load(case_file)
    side_posts: dict[str, Counter[str]] = defaultdict(Counter)
    voice: Counter[str] = Counter()
    speakers: dict[str, set[str]] = defaultdict(set)
    profile: dict[str, Row] = {}
    for stream in ("posts", "control"):
        for row in tables[stream]:
            profile[row["account_id"]] = row
            if not START <= at(row["created_at"]) < END:
                continue
            sides = {"control"} if stream == "control" else sides_of(row, loaded)
            for side in sides:
                side_posts[row["account_id"]][side] += 1
            side_posts[row["account_id"]]["any"] += bool(sides)
            if stream == "posts" and sides:
                for name in (*sides, "any", *(("both",) if len(sides) == 2 else ())):
                    speakers[name].add(row["account_id"])
                voice["any"] += 1
                voice.update(sides | ({"both"} if len(sides) == 2 else set()))
    last, ever_gone = dict[str, Row](), set[str]()
    for row in sorted(tables["statuses"], key=lambda row: row["observed_at"]):
        last[row["account_id"]] = row
        ever_gone |= {row["account_id"]} if row["status"] in GONE else set()
    found = {f"M12.share_of_voice.{name}": voice[name] / voice["any"] for name in ("against", "for", "both")}
    for name in ("against", "for", "both"):
        found[f"M12.voice_accounts.{name}"] = len(speakers[name]) / len(speakers["any"])
    for subject in ("against", "for", "both", "control"):
        roster = [account for account, counts in side_posts.items() if roster_of(counts) == subject]
        found[f"M3.participants.{subject}"] = len(roster)
        found[f"M3.posts.{subject}"] = sum(side_posts[account]["any"] for account in roster)
        flags: Counter[str] = Counter()
        for account in roster:
            flags.update(flags_of(profile[account], last[account]))
            back = account in ever_gone and last[account]["status"] not in GONE
            flags["M6.returned"] += back
            for name in ("protected", "renamed"):
                flags[f"M6.{name}"] -= back and last[account]["status"] == name
        found[f"M5.enrolled_accounts.{subject}"] = flags["M5.enrolled"]
        for name in (*SHARES, "M6.not_found", "M6.returned", "M6.protected", "M6.renamed"):
            found[f"{name}.{subject}"] = flags[name] / len(roster)
        posts = sorted(side_posts[account]["any"] for account in roster)
        apart = sum(abs(one - other) for one in posts for other in posts)
        found[f"M2.gini.{subject}"] = apart / (2 * sum(posts) * (len(posts) - 1))
        whole = len(posts) // 100
        busiest = sum(posts[len(posts) - whole :]) + (len(posts) / 100 - whole) * posts[len(posts) - whole - 1]
        found[f"M2.top_posts_share.{subject}"] = busiest / sum(posts)
        for name in ("M4.dormant", "M4.any"):
            found[f"{name}.{subject}.low"] = flags[name] / len(roster)
            found[f"{name}.{subject}.high"] = (flags[name] + flags[f"{name} unknown"]) / len(roster)
        stream = "control" if subject == "control" else "posts"
        found |= deleted_of(tables, stream, set(roster), subject)
    return found | audiences(tables["posts"], loaded)


def deleted_of(tables: dict[str, list[Row]], stream: str, roster: set[str], subject: str) -> dict[str, float]:
    name = "control-deletions" if stream == "control" else "deletions"
    rows = [row for row in tables[name] if row["account_id"] in roster]
    lives = [(at(row["deleted_at"]) - at(row["created_at"])).total_seconds() for row in rows]
    window = [row for row in tables[stream] if row["account_id"] in roster and START <= at(row["created_at"]) < END]
    ids = {row["post_id"] for row in window}
    soon = [row["post_id"] for row, life in zip(rows, lives, strict=True) if life < 600]
    found = {
        "M6.deleted_posts": len(rows),
        "M6.deleting_accounts": len({row["account_id"] for row in rows}) / len(roster),
    }
    if rows:
        found["M6.post_life"] = round(1000 * median(lives))
        found["M6.short_lived"] = len(soon) / len(rows)
        found["M6.gone_soon"] = len(ids & set(soon)) / len(window)
    return {f"{key}.{subject}": value for key, value in found.items()}


def test_unknown_earlier_posts_leave_only_bounds(tmp_path: Path) -> None:
    params = replace(CASE_2020, unknown_previous_share=0.3)
    small = simulate(tmp_path, params, scale=SCALE)
    found = recounted(small.case, {name: read(tmp_path / f"{name}.csv") for name in FILES})
    for subject in ("for", "control"):
        value = small.truth[f"M4.dormant.{subject}"]["value"]  # type: ignore[index]
        low, high = found[f"M4.dormant.{subject}.low"], found[f"M4.dormant.{subject}.high"]
        assert low <= value <= high
        assert high - low > 0.2


def roster_of(counts: Counter[str]) -> str:
    sides = {name for name in ("against", "for", "control") if counts[name]}
    return "both" if sides == {"against", "for"} else next(iter(sides), "")


def flags_of(row: Row, status: Row) -> set[str]:
    created = at(row["account_created_at"])
    flags = {"M4.new"} if created >= START - timedelta(days=30) else set()
    flags |= {"M5.enrolled"} if START - timedelta(days=30) <= created < START else set()
    flags |= {"M4.low_follower"} if int(row["followers"]) < 20 else set()
    if row["previous_post_at"]:
        flags |= {"M4.dormant"} if at(row["previous_post_at"]) < START - timedelta(days=180) else set()
    elif created < START - timedelta(days=180):
        flags.add("M4.dormant unknown")
    if flags & {"M4.new", "M4.low_follower", "M4.dormant"}:
        flags.add("M4.any")
    elif "M4.dormant unknown" in flags:
        flags.add("M4.any unknown")
    flags |= {"M6.gone"} if status["status"] in {"suspended", "deleted", "not_found"} else set()
    flags.add(f"M6.{status['status']}")
    if status["status"] == "active":
        quiet = at(status["observed_at"]) - at(status["last_post_at"])
        flags |= {"M6.silent"} if quiet >= timedelta(days=30) else set()
    return flags


def test_the_truth_is_what_the_files_say(case: SimulationResult, recount: dict[str, float]) -> None:
    truth = orjson.loads((case.case.parent / "truth/truth.json").read_bytes())
    checked = 0
    for name, entry in truth.items():
        if name in recount:
            assert entry["value"] == pytest.approx(recount[name], abs=1e-12), name
            checked += 1
        elif f"{name}.low" in recount:
            assert entry["value"] == recount[f"{name}.low"] == recount[f"{name}.high"], name
            checked += 1
    assert checked == 6 + 6 + 4 * 23
    unsettled = {name.rsplit(".", 1)[0] for name in truth if name not in recount and f"{name}.low" not in recount}
    # Some counts of impressions are not in the files, and whom nobody silenced cannot be counted.
    hidden = {"M12.voice_impressions", "M12.displaced_posts", "M12.displaced_authors", "M13.exact"}
    whose = {"M2.entry_synchrony", "M2.targets_of_named"}
    assert unsettled == {"M7.in_country", "M2.spike_bins", "M2.beyond_lift", "campaign", *hidden, *whose}


def test_the_planted_target_and_entries_are_what_the_files_say(
    case: SimulationResult, tables: dict[str, list[Row]]
) -> None:
    owner = {row["account_id"]: row for row in tables["truth/accounts"]}
    answers: dict[str, set[str]] = defaultdict(set)
    before: set[str] = set()
    loaded = config.load(case.case)
    for row in tables["posts"]:
        if at(row["created_at"]) < START:
            before |= {row["account_id"]} if sides_of(row, loaded) else set()
        elif (
            at(row["created_at"]) < END and row["replied_account_id"] and owner[row["account_id"]]["role"] == "campaign"
        ):
            answers[row["replied_account_id"]].add(row["account_id"])
    supporters = {name: len(who) for name, who in answers.items() if owner[name]["role"] == "organic_for"}
    target, members = max(supporters.items(), key=lambda item: item[1])
    assert members >= 10
    assert sum(supporters.values()) == members, "nobody else of the supporters is answered by the campaign"
    planted = 0
    for subject in ("against", "for", "both", "control"):
        entry = case.truth[f"M2.targets_of_named.{subject}"]
        answering = {name for name in answers[target] if owner[name]["roster"] == subject}
        assert entry["value"] == int(bool(answering))  # type: ignore[index]
        planted += len(answering)
        if subject == "control":
            assert case.truth["M2.entry_synchrony.control"]["value"] == 0  # type: ignore[index]
            continue
        new = [row for row in owner.values() if row["roster"] == subject and row["account_id"] not in before]
        share = sum(row["role"] == "campaign" for row in new) / len(new) if new else 0
        assert case.truth[f"M2.entry_synchrony.{subject}"]["value"] == pytest.approx(share)  # type: ignore[index]
    assert planted == members


def test_the_campaign_has_its_counts_exactly(case: SimulationResult, tables: dict[str, list[Row]]) -> None:
    params = scaled(CASE_2020, SCALE)
    run = [row for row in tables["truth/accounts"] if row["role"] == "campaign"]
    assert len(run) == params.accounts == 529
    assert all(row["roster"] in {"against", "both"} for row in run)
    assert sum("true" in (row["new"], row["dormant"], row["low_follower"]) for row in run) == 226
    assert sum(row["enrolled_month_before"] == "true" for row in run) == params.enrolled_accounts == 32
    assert sum(row["new"] == "true" for row in run) == params.new_accounts
    fates = Counter(row["aftermath"] for row in run)
    assert (fates["deleted"], fates["silent"], fates["suspended"]) == (69, 23, 6)
    assert sum(row["in_country"] == "true" and row["vpn"] == "false" for row in run) == round(0.40 * 529)
    assert sum(row["vpn"] == "true" for row in run) == round(0.15 * 529)
    planted = case.truth["campaign"]["planted"]  # type: ignore[index]
    assert planted["deleted_accounts"] == 69
    assert planted["participants_accounts"] == 529
    # VPN users in the country must not show it.
    home = {fold(name) for name in ("Tehran", "تهران", "ایران", "Iran", "مشهد", "Mashhad", "شیراز", "طهران", "إيران")}
    location = {row["account_id"]: row["location"] for row in tables["posts"]}
    hidden = [fold(location[row["account_id"]]) for row in run if row["vpn"] == "true"]
    assert not any(name in place for place in hidden for name in home)
    shown = [fold(location[row["account_id"]]) for row in run if row["in_country"] == "true" and row["vpn"] == "false"]
    assert sum(any(name in place for name in home) for place in shown) > len(shown) / 3


def test_self_reported_bounds_hold_the_true_share(case: SimulationResult, tables: dict[str, list[Row]]) -> None:
    from floodmark.simulate.places import PLACES

    spelled = {name: place.country for place in PLACES for name in place.spellings}
    location = {row["account_id"]: row["location"] for row in (*tables["posts"], *tables["control"])}
    for subject in ("against", "for", "both", "control"):
        roster = [row["account_id"] for row in tables["truth/accounts"] if row["roster"] == subject]
        claims = Counter(spelled.get(location[account], "none") for account in roster)
        low = claims["IR"] / len(roster)
        high = low + claims["none"] / len(roster)
        assert low < case.truth[f"M7.in_country.{subject}"]["value"] < high, subject  # type: ignore[index]
        assert 0.2 < claims["none"] / len(roster) < 0.6, subject


def test_ids_are_unique_and_carry_their_time(tables: dict[str, list[Row]]) -> None:
    rows = tables["posts"] + tables["control"]
    posts = [row["post_id"] for row in rows]
    assert len(set(posts)) == len(posts)
    accounts = {row["account_id"]: row["account_created_at"] for row in rows}
    for identity, moment in [*((row["post_id"], row["created_at"]) for row in rows), *accounts.items()]:
        assert len(identity) in (18, 19)
        assert ((int(identity) >> 22) + 1_288_834_974_657) // 1000 == at(moment).timestamp()
    for stream in ("posts", "control"):
        assert [int(row["post_id"]) for row in tables[stream]] == sorted(int(row["post_id"]) for row in tables[stream])
    handles = {row["account_id"]: row["handle"] for row in rows}
    assert len(set(handles.values())) == len(handles)
    assert all(handle.startswith("sim_") for handle in handles.values())


def test_posts_refer_to_earlier_posts_of_their_stream(tables: dict[str, list[Row]]) -> None:
    for stream in ("posts", "control"):
        by_id = {row["post_id"]: row for row in tables[stream]}
        pairs: Counter[tuple[str, str]] = Counter()
        reposts = replies = 0
        for row in tables[stream]:
            assert (row["is_repost"] == "true") == bool(row["reposted_post_id"])
            parent = by_id.get(row["reposted_post_id"] or row["replied_post_id"])
            if parent is None:
                assert row["reposted_post_id"] == row["replied_post_id"] == ""
                continue
            assert parent["created_at"] < row["created_at"]
            assert parent["account_id"] == (row["reposted_account_id"] or row["replied_account_id"])
            assert row["mentions"] == parent["handle"]
            if row["is_repost"] == "true":
                reposts += 1
                pairs[row["account_id"], row["reposted_post_id"]] += 1
                assert parent["is_repost"] == "false"
                assert row["text"] == f"RT @{parent['handle']}: {parent['text']}"
                assert (row["hashtags"], row["urls"]) == (parent["hashtags"], parent["urls"])
                assert row["account_id"] != parent["account_id"]
            else:
                replies += 1
        assert set(pairs.values()) == {1}
        assert 0.3 < reposts / len(by_id) < 0.6
        assert 0.03 < replies / len(by_id) < 0.2


def test_times_lie_in_the_collection_and_after_the_account_was_made(tables: dict[str, list[Row]]) -> None:
    for row in tables["posts"] + tables["control"]:
        assert BASELINE <= at(row["created_at"]) < END + timedelta(days=3)
        assert at(row["account_created_at"]) < at(row["created_at"])
        if row["previous_post_at"]:
            assert at(row["account_created_at"]) < at(row["previous_post_at"]) < BASELINE


def test_hashtags_and_links_are_those_of_the_text(tables: dict[str, list[Row]]) -> None:
    for row in tables["posts"] + tables["control"]:
        words = row["text"].replace("\n", " ").split(" ")
        assert [word[1:] for word in words if word.startswith("#")] == row["hashtags"].split()
        assert [word for word in words if word.startswith("https://") and "trap" not in word] == row["urls"].split()


def test_statuses_cover_all_accounts_at_every_poll(tables: dict[str, list[Row]]) -> None:
    accounts = {row["account_id"] for row in tables["posts"] + tables["control"]}
    at_end: dict[str, str] = defaultdict(str)
    last_post: dict[str, str] = defaultdict(str)
    last_earlier: dict[str, str] = defaultdict(str)
    early = START - timedelta(days=7)
    for row in tables["posts"] + tables["control"]:
        last_post[row["account_id"]] = max(last_post[row["account_id"]], row["created_at"])
        if at(row["created_at"]) < END:
            at_end[row["account_id"]] = max(at_end[row["account_id"]], row["created_at"])
        if at(row["created_at"]) < early:
            last_earlier[row["account_id"]] = max(last_earlier[row["account_id"]], row["created_at"])
    polls = defaultdict(set)
    before, later = dict[str, str](), dict[str, str]()
    for row in tables["statuses"]:
        if at(row["observed_at"]) < START:
            # Only who had posted was known then; a few of them were away.
            assert at(row["observed_at"]) == early
            assert row["status"] in {"active", "deleted", "protected"}
            assert row["last_post_at"] == (last_earlier[row["account_id"]] if row["status"] == "active" else "")
            before[row["account_id"]] = row["last_post_at"]
            continue
        polls[row["observed_at"]].add(row["account_id"])
        assert row["status"] in STATUS_WORDS
        assert bool(row["last_post_at"]) == (row["status"] in {"active", "renamed"})
        if row["last_post_at"]:
            posted = (at_end if at(row["observed_at"]) == END else last_post)[row["account_id"]]
            assert max(posted, later.get(row["account_id"], "")) <= row["last_post_at"]
            assert row["last_post_at"] <= row["observed_at"]
            later[row["account_id"]] = row["last_post_at"]
    assert set(before) == set(last_earlier)
    assert sorted(map(at, polls)) == [END + timedelta(days=days) for days in (0, 7, 30, 45)]
    assert all(seen == accounts for seen in polls.values())
    assert {row["status"] for row in tables["statuses"] if at(row["observed_at"]) == END} == {"active"}


def test_who_is_gone_posts_no_more(tables: dict[str, list[Row]]) -> None:
    gone = {row["account_id"]: row["observed_at"] for row in tables["statuses"][::-1] if row["status"] in GONE}
    after = [row for row in tables["posts"] + tables["control"] if at(row["created_at"]) >= END]
    assert len({row["account_id"] for row in after} & set(gone)) >= 1
    assert all(row["created_at"] < gone[row["account_id"]] for row in after if row["account_id"] in gone)


def test_the_inputs_hold_no_truth(case: SimulationResult, tables: dict[str, list[Row]]) -> None:
    assert set(tables["posts"][0]) == set(tables["control"][0]) == {name for name, _, _ in POST_COLUMNS}
    assert set(tables["statuses"][0]) == {"account_id", "observed_at", "status", "last_post_at"}
    words = ("campaign", "organic", "group-", "fans-", "news_bot", "planted", "vpn")
    for name in ("posts.csv", "control.csv", "statuses.csv", "deletions.csv", "control-deletions.csv"):
        content = (case.case.parent / name).read_text(encoding="utf-8").lower()
        assert not [word for word in words if word in content], name
    loaded = config.load(case.case)
    assert not [spec.path for spec in loaded.inputs if "truth" in spec.path]


def test_the_case_file_loads_and_names_the_columns(case: SimulationResult, tables: dict[str, list[Row]]) -> None:
    loaded = config.load(case.case)
    assert (loaded.event.start_ms, loaded.event.end_ms) == tuple(int(m.timestamp() * 1000) for m in (START, END))
    assert loaded.baseline_start_ms == int(BASELINE.timestamp() * 1000)
    assert loaded.event.country == "IR"
    assert loaded.subjects == ("against", "for", "both", "control")
    for spec in loaded.inputs:
        if spec.format == "deletions" or spec.path.startswith("earlier-"):
            continue
        header = tables[spec.path.removesuffix(".csv")][0]
        assert set(spec.columns.values()) <= set(header)


def test_hostile_strings_are_in_the_demo(tables: dict[str, list[Row]]) -> None:
    texts = [row["text"] for row in tables["posts"]]
    for sign in ("<script>", "=HYPERLINK", "onerror=", "DROP TABLE", "\n", "\u202e", "\u200c"):
        assert any(sign in text for text in texts), sign
    campaign = {row["account_id"] for row in tables["truth/accounts"] if row["role"] == "campaign"}
    assert not [
        row
        for row in tables["posts"]
        if "<script>" in row["text"] and row["account_id"] in campaign and row["is_repost"] == "false"
    ]
    assert any(row["display_name"] == "<b>Kite</b>" for row in tables["posts"] + tables["control"])
    assert {row["lang"] for row in tables["posts"]} == {"fa", "ar", "en"}


def test_the_rhythm_is_local(tmp_path: Path) -> None:
    """The control's own posts sleep at night and rest on Friday in Tehran; UTC+3:30 would shift the night."""
    simulate(tmp_path, scale=0.2)
    by_hour: Counter[int] = Counter()
    by_day: Counter[int] = Counter()
    truth = {row["account_id"]: row for row in read(tmp_path / "truth/accounts.csv")}
    for row in read(tmp_path / "control.csv"):
        if (
            truth[row["account_id"]]["in_country"] == "true"
            and row["is_repost"] == "false"
            and row["client"] != "Sim Scheduler"
        ):
            local = at(row["created_at"]).astimezone(ZoneInfo("Asia/Tehran"))
            by_hour[local.hour] += 1
            if at(row["created_at"]) < START:
                by_day[local.weekday()] += 1
    night, evening = sum(by_hour[h] for h in (2, 3, 4)), sum(by_hour[h] for h in (20, 21, 22))
    assert evening > 8 * night > 0
    assert min(by_hour, key=lambda hour: by_hour[hour]) in (3, 4)
    friday, saturday = by_day[4], by_day[5]
    others = [by_day[day] for day in range(7) if day != 4]
    assert friday < 0.92 * min(others)
    assert saturday > 1.05 * friday


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes(case: SimulationResult, tmp_path: Path) -> None:
    simulate(tmp_path / "again", scale=SCALE)
    simulate(tmp_path / "other", scale=SCALE, seed=7)
    first, again, other = digests(case.case.parent), digests(tmp_path / "again"), digests(tmp_path / "other")
    assert first == again
    assert len(first) == 8 + 8
    changed = {name for name in first if first[name] != other[name]}
    assert changed == set(first) - {"case.toml"}
    # Into an existing folder: replaced as a whole, nothing left over.
    simulate(tmp_path / "other", scale=SCALE)
    assert digests(tmp_path / "other") == first


def test_progress_moves_forward_and_counts_are_those_of_the_files(tmp_path: Path) -> None:
    shares: list[float] = []
    result = simulate(tmp_path, scale=0.004, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert result.posts == len(read(tmp_path / "posts.csv"))
    assert result.control_posts == len(read(tmp_path / "control.csv"))
    statuses = read(tmp_path / "statuses.csv")
    assert result.statuses == len(statuses)
    assert sum(at(row["observed_at"]) >= END for row in statuses) == 4 * result.accounts


def test_a_file_in_the_way_or_a_bad_seed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    with pytest.raises(UsageError, match=r"taken: cannot be a folder"):
        simulate(tmp_path / "taken", scale=0.01)
    with pytest.raises(UsageError, match="field `seed`"):
        simulate(tmp_path / "out", scale=0.01, seed=-1)
    assert not (tmp_path / "out").exists()
