"""Every section over a lively case and over empty ones: contract, wording, identity whatever the row order."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Sequence

import pytest

from floodmark import registry
from floodmark.findings import Finding, dump, unique
from floodmark.view import CaseView, InputCount

MakeView = Callable[..., CaseView]
Rows = dict[str, list[dict[str, object]]]

DAY = 86_400_000
START = 1_594_927_800_000
END = START + DAY
SUBJECTS = ("pro", "con", "both", "control")
RANDOM = registry.sections().items["seemed_random"].stems
INPUTS = (
    InputCount("a.csv", "csv", "main", "00", 10, 1200, 1190, 3, 10, {"bad_time": 8, "no_id": 2}),
    InputCount("b.csv", "csv", "sport", "11", 10, 300, 300, 0, 0, {}),
)
#: Ways to estimate a probability in words; nothing here computes one.
LIKELIHOOD = re.compile(
    r"\b(almost no chance|remote|(very |highly )?(un)?likely|(im)?probabl\w*|roughly even|even (chance|odds)"
    r"|almost certain\w*|nearly certain|certainly|chances are|undoubtedly)\b",
    re.IGNORECASE,
)


def lively(seed: int) -> Rows:
    """Two sides, accounts on both, a control; profiles, snapshots and edges; four weeks before and the day itself."""
    rng = random.Random(seed)
    rosters = {f"x:{i:04d}": rng.choice(SUBJECTS) for i in range(900)}
    posts, side_posts, counts, firsts = [], [], dict.fromkeys(rosters, 0), dict.fromkeys(rosters, END)
    for number in range(9_000):
        account = rng.choice(list(rosters))
        roster = rosters[account]
        stream = "sport" if roster == "control" else "main"
        at = START + rng.choice([rng.randrange(-28 * DAY, 0), rng.randrange(0, DAY)])
        post = f"p:{number:05d}"
        row = {"stream": stream, "post_id": post, "account_id": account, "at_ms": at, "at_resolution_ms": 1000}
        posts.append({**row, "replied_account_id": f"t:{number % 5}"})
        sides = ["pro", "con"] if roster == "both" else [roster]
        sides = sides if roster != "both" or number % 3 == 0 else sides[:1]
        inside = START <= at < END
        for side in sides:
            row = {"side": side, "stream": stream, "post_id": post, "account_id": account, "at_ms": at}
            side_posts.append({**row, "in_window": inside})
        if inside:
            counts[account] += 1
            firsts[account] = min(firsts[account], at)
    active = [account for account in rosters if counts[account]]
    tags = [["#tea"] if number % 3 else ["#نه"] for number in range(len(posts))]
    return {
        "posts": posts,
        "post_features": [
            {"stream": post["stream"], "post_id": post["post_id"], "hashtags": own}
            for post, own in zip(posts, tags, strict=True)
        ],
        "side_posts": side_posts,
        "participants": [
            {"roster": rosters[a], "account_id": a, "posts": counts[a], "first_at_ms": firsts[a]} for a in active
        ],
        "accounts": [profile(rng, a) for a in active[:-30]],
        "account_observations": [
            {"account_id": a, "observed_at_ms": at, "handle": f"ben_{at if number % 9 == 0 else number}"}
            for number, a in enumerate(active)
            for at in (START - DAY, START)
        ],
        "post_deletions": [
            {**{name: post[name] for name in ("stream", "post_id", "account_id")}, "deleted_at_ms": at}
            for number, post in enumerate(posts)
            if number % 7 == 0
            for at in [int(str(post["at_ms"])) + (20_000 if number % 2 else 2 * 3_600_000)]
        ],
        "statuses": [status(rng, a, when) for a in active[10:] for when in (END + DAY, END + 60 * DAY)],
        "edges": edges(rng, [a for a in active if rosters[a] != "control"], "event")
        + edges(rng, [a for a in active if rosters[a] == "control"], "control"),
        **wordings(rng, posts, rosters),
        **(verdicts := coordinated(rng, active, rosters)),
        "actions": [action(p) for p in posts if p["stream"] == "main"] + verdicts["actions"],
    }


def coordinated(rng: random.Random, active: Sequence[str], rosters: dict[str, str]) -> Rows:
    """Verdicts of every kind on the accounts of either scope, one group each, and the posts behind its edges."""
    accounts, groups, tests, edges_, behind, acts = [], [], [], [], [], list[dict[str, object]]()
    for scope, letter in (("event", "E"), ("control", "C")):
        mine = sorted(a for a in active if (rosters[a] == "control") == (scope == "control"))
        states = [rng.choice(["named", "in_step", "lead", "tested", "untestable"]) for _ in mine]
        group = f"{letter}1"
        for number, (account, state) in enumerate(zip(mine, states, strict=True)):
            row = {"scope": scope, "account_id": account, "state": state, "p_value": number / 1e5, "episodes": 4}
            inside = {"group_id": group, "grade": "B", "role": "amplified" if state == "in_step" else "follower"}
            accounts.append({**row, **inside} if state in {"named", "in_step"} else row)
        named = [account for account, state in zip(mine, states, strict=True) if state == "named"]
        acts += joint(rng, scope, named)
        shape = {"scope": scope, "group_id": group, "grade": "B", "members": len(named), "named": len(named)}
        size = {"objects": 9, "rare_objects": 8, "episodes": 7, "window_ms": 60_000, "median_lag_ms": 4_500}
        when = {"first_ms": START, "last_ms": END - 1, "traces": ["repost", "text"], "trace_objects": [4, 5]}
        groups.append({**shape, **size, **when})
        windows = {"windows_ms": [60_000], "dense_actions": [3], "dense_objects": [1], "resolution_ms": 1000}
        counts = {"accounts": len(mine), "actions_used": 500, "testable": 90, "proposed": 2, "tests": 70}
        jitter = {"minimum_detectable_jitter_ms": 600_000, "reference_used": False}
        tests.append({"scope": scope, **windows, **counts, **jitter})
        for number, (a, b) in enumerate(itertools.pairwise(named[:20]), 1):
            edge = {"scope": scope, "group_id": group, "edge_id": f"{group}-{number}", "account_a": a, "account_b": b}
            steps = {"p_value": number / 1e6, "episodes": 3, "opportunities": 5, "window_ms": 60_000}
            edges_.append({**edge, **steps, "median_lag_ms": -4_000, "a_first": 1, "b_first": 3})
            post = {"scope": scope, "edge_id": f"{group}-{number}", "trace": "repost", "object_id": "o:1"}
            behind.append({**post, "post_a": "p:1", "post_b": "p:2", "at_a_ms": START, "at_b_ms": START + 4_000})
    reading = {"place": 0, "reading": "fans", "meaning": "Fans.", "speaks_for": "much", "speaks_against": "little"}
    return {
        "actions": acts,
        "coordination_tests": tests,
        "coordinated_accounts": accounts,
        "groups": groups,
        "group_readings": [{"group_id": f"{letter}1", **reading} for letter in "EC"],
        "tested_edges": edges_,
        "edge_evidence": behind,
    }


def wordings(rng: random.Random, posts: Rows, rosters: dict[str, str]) -> dict[str, Rows]:
    """Return families of copies of four posts each, for the event and the control, and who has a wording at all."""
    inside = [post for post in posts if START <= int(str(post["at_ms"])) < END]
    families, members, owners = [], [], []
    for scope in ("event", "control"):
        own = [post for post in inside if (rosters[str(post["account_id"])] == "control") == (scope == "control")]
        counts: dict[str, int] = {}
        for post in own:
            counts[str(post["account_id"])] = counts.get(str(post["account_id"]), 0) + 1
        owners += [{"scope": scope, "account_id": account, "posts": posts} for account, posts in counts.items()]
        for number in range(24):
            family = {
                "scope": scope,
                "family_id": f"{scope}{number}",
                "kind": ("exact", "copied", "reworded")[(number % 6 == 5) + (number % 6 > 1)],
            }
            chosen = sorted(rng.sample(own, 4), key=lambda post: (post["at_ms"], post["post_id"]))
            members += [{**family, **post, "reposted": False, "likeness": 1.0} for post in chosen]
            families.append(
                {
                    **family,
                    "wording": "we stand by the river",
                    "posts": 4,
                    "reposts": 1,
                    "wordings": 1 + number % 2,
                    "accounts": len({post["account_id"] for post in chosen}),
                    "first_post_id": chosen[0]["post_id"],
                    "first_account_id": chosen[0]["account_id"],
                    "first_at_ms": chosen[0]["at_ms"],
                    "first_accounts": 1,
                    "last_at_ms": chosen[-1]["at_ms"],
                    "half_ms": int(str(chosen[1]["at_ms"])) - int(str(chosen[0]["at_ms"])),
                    "background_accounts": number % 3,
                    "specific_share": (1.0, 0.6, 0.2)[number % 3],
                }
            )
    return {"narratives": families, "narrative_posts": members, "narrative_accounts": owners}


def joint(rng: random.Random, scope: str, named: Sequence[str]) -> list[dict[str, object]]:
    """Twelve objects on which all named accounts of a scope act within a minute, one of them mostly first."""
    rows: list[dict[str, object]] = []
    for number in range(12):
        for place, account in enumerate(named):
            at = START + number * DAY // 12 + (0 if place == 0 and number % 4 else rng.randrange(1, 50_000))
            row = {"scope": scope, "trace": "text", "account_id": account, "object_id": f"j:{number}"}
            rows.append({**row, "post_id": f"j:{number}:{place}", "at_ms": at})
    return rows


def profile(rng: random.Random, account: str) -> dict[str, object]:
    created = START - rng.choice([3, 25, 70, 500, 3000]) * DAY
    return {
        "account_id": account,
        "created_at_ms": created if rng.random() < 0.95 else None,
        "created_resolution_ms": 1000,
        "followers": rng.choice([0, 5, 30, 900, None]),
        "posts_total": 500,
        "language": "fa",
        "previous_post_at_ms": max(created, START - rng.choice([1, 40, 300]) * DAY),
        "location": rng.choice(["Tehran", "تهران", "Berlin", "Earth", None]),
        "description": rng.choice(["", "tea", None]),
        "default_picture": rng.choice([True, False, None]),
        "picture": rng.choice(["dawn", "hills", None]),
        "handle": rng.choice([f"walker_{account[2:]}", f"ben{account[2:]}{account[2:]}", None]),
        "display_name": f"Walker {account[2:]}",
    }


def status(rng: random.Random, account: str, when: int) -> dict[str, object]:
    word = rng.choice(["active"] * 8 + ["suspended", "deleted", "not_found", "protected", "renamed"])
    last = when - rng.choice([1, 20, 45]) * DAY if word in {"active", "renamed"} else None
    return {"account_id": account, "observed_at_ms": when, "status": word, "last_post_at_ms": last}


def action(post: dict[str, object]) -> dict[str, object]:
    return {
        "scope": "event",
        "trace": "repost",
        "account_id": post["account_id"],
        "object_id": "o:1",
        "post_id": post["post_id"],
        "at_ms": post["at_ms"],
    }


def edges(rng: random.Random, accounts: Sequence[str], scope: str) -> list[dict[str, object]]:
    rows = {}
    for trace in ("repost", "text"):
        for _ in range(150):
            a, b = sorted(rng.sample(list(accounts), 2))
            objects = rng.choice([1, 1, 1, 2, 5])
            rows[trace, a, b] = {
                "scope": scope,
                "trace": trace,
                "window_ms": 60_000,
                "account_a": a,
                "account_b": b,
                "coactions": objects,
                "objects": objects,
                "a_first": objects,
                "b_first": 0,
            }
    return list(rows.values())


def all_findings(view: CaseView) -> list[Finding]:
    ordered = sorted(registry.sections().items.values(), key=lambda section: (section.order, section.name))
    return [finding for section in ordered for finding in section.findings(view)]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return lively(1)


@pytest.fixture
def found(rows: Rows, make_view: MakeView) -> dict[str, Finding]:
    return {finding.id: finding for finding in unique(all_findings(make_view(inputs=INPUTS, **rows)))}


CONTROL_VOICE = tuple(
    f"{n}{part}" for n in ("share_of_voice", "voice_accounts") for part in ("", "_without", "_difference")
)


def expected_ids() -> set[str]:
    ids = {"M1.window", "M1.posts_collected", "M1.coverage", "M1.rejected_rows"}
    ids |= {"M3.candidates.repost", "M3.candidates.text", "M12.share_of_voice.pro", "M12.share_of_voice.con"}
    ids |= {f"M{number}.status" for number in (8, 14, 15, 16)}
    ids |= {f"M16.published_{name}" for name in ("flagged", "enrolled", "deleted", "deleted_or_inactive", "prevalence")}
    for scope in ("event", "control"):
        ids |= {f"M3.{name}.{scope}" for name in ("groups", "minimum_detectable_jitter", "too_dense")}
        ids |= {f"M11.groups.{scope}", f"M2.targets_of_groups.{scope}"}
    for subject in SUBJECTS:
        ids |= {f"M3.{name}.{subject}" for name in ("coordinated", "coordinated_share", "coordinated_at_least")}
        ids |= {f"M3.{name}.{subject}" for name in ("in_step", "lead", "testable")}
        ids |= {f"M2.{name}.{subject}" for name in ("spike_bins", "peak_ratio", "beyond_lift", "lift", "level_shifts")}
        ids |= {f"M2.{name}.{subject}" for name in ("hashtag_spikes", "target_spikes", "top_target_share")}
        ids |= {f"M2.{name}.{subject}" for name in ("targets_of_named", "targets_of_side")}
        ids |= {
            f"{stem}.{subject}" for stem in RANDOM if subject != "control" or not stem.endswith(("control", "rence"))
        }
        ids |= {f"M3.{name}.{subject}" for name in ("participants", "posts")}
        ids |= {f"M4.{name}.{subject}" for name in ("new", "dormant", "low_follower", "default_profile")}
        ids |= {f"M4.{name}.{subject}" for name in ("any", "prevalence", "combinations", "prevalence_audit")}
        ids |= {f"M4.{name}.{subject}" for name in ("prevalence_labelled", "prevalence_latent")}
        ids |= {f"M4.families_{kind}.{subject}" for kind in ("text", "picture", "handle", "name", "second")}
        ids |= {f"M5.{name}.{subject}" for name in ("enrolled", "enrolled_accounts")}
        ids |= {f"M6.{name}.{subject}" for name in ("gone", "deleted", "suspended", "silent", "not_found", "protected")}
        ids |= {f"M6.{name}.{subject}" for name in ("renamed", "returned", "came_back", "staying", "deleting_accounts")}
        ids |= {f"M6.{name}.{subject}" for name in ("deleted_posts", "post_life", "short_lived", "gone_soon")}
        ids |= {f"M7.in_country.{subject}"}
        ids |= {f"M9.{name}.{subject}" for name in ("regular_gaps", "clock_marks", "no_night", "behaviour_sequence")}
        ids |= {f"M9.{name}.{subject}" for name in ("rare_client", "rare_client_posts")}
        ids |= {f"M10.{name}.{subject}" for name in ("takeover", "groups")}
        ids |= {f"M11.{name}.{subject}" for name in ("starters", "groups_with_starter", "amplified")}
        ids |= {f"M11.{name}.{subject}" for name in ("follow_delay", "step_delay", "core_edges")}
        ids |= {f"M13.{name}.{subject}" for name in ("exact", "copied", "copied_posts", "families", "usual", "tempo")}
        ids |= {f"M13.{name}.{subject}" for name in ("from_coordinated", "from_new", "reworded", "paraphrase")}
        if subject != "control":
            ids |= {f"M13.copied_difference.{subject}", f"M13.reworded_difference.{subject}"}
            ids |= {f"M2.lift_over_control.{subject}", f"M2.top_target_share_difference.{subject}"}
            ids |= {f"M4.family_difference.{subject}"}
            ids |= {f"M4.any_difference.{subject}", f"M5.difference.{subject}", f"M6.gone_difference.{subject}"}
            ids |= {f"M6.matched_difference.{subject}", f"M6.short_lived_difference.{subject}"}
    return ids


def test_all_sections_load() -> None:
    assert registry.sections().failed == {}


def test_every_promised_finding_is_there(found: dict[str, Finding]) -> None:
    assert expected_ids() <= set(found)
    untested = {i for i, f in found.items() if f.state == "untested"}
    assert untested == {i for i in expected_ids() if i.endswith(".status") or i.startswith("M3.candidate")}
    # The lively case has all it takes except many posts an account, with clients, 200 other handles, labels;
    # nothing else may be left open.
    labels = ("M4.prevalence_labelled.", "M4.prevalence_latent.", "M4.prevalence_audit.")
    # No post of it has a hashtag or a count of impressions, and no stream is named for comparison.
    voice = ("M12.page_", "M12.audience_", "M12.displaced_", "M12.voice_impressions")
    voice += tuple(f"M12.{name}.control" for name in CONTROL_VOICE)
    # No language, and too few arrivals of either kind in any half hour of so even a day.
    crowd = ("M2.entry_synchrony", "M2.mix_language")
    lacking = ("M9.", "M10.", "M13.paraphrase.", "M4.random_handle.", *labels, *voice, *crowd)
    assert [i for i, f in found.items() if f.state == "not_testable" and not i.startswith(lacking)] == []


def test_findings_belong_to_their_section_and_subject(rows: Rows, make_view: MakeView) -> None:
    view = make_view(inputs=INPUTS, **rows)
    for section in registry.sections().items.values():
        for finding in section.findings(view):
            assert finding.measure in section.measures
            assert finding.id.split(".")[0] == finding.measure
            assert finding.subject in {*SUBJECTS, "collection", "event"}
            assert finding.subject == "collection" or finding.id.endswith(f".{finding.subject}")


def test_shares_and_intervals_are_possible(found: dict[str, Finding]) -> None:
    for finding in found.values():
        if finding.unit == "share" and "difference" not in finding.id and finding.state != "not_testable":
            assert finding.low is not None
            assert finding.high is not None
            assert 0 <= finding.low <= finding.high <= 1
            if finding.state == "measured":
                assert isinstance(finding.value, float)
                assert finding.low <= finding.value <= finding.high
        if finding.state == "bounded":
            assert finding.value is None


def words(finding: Finding) -> list[str]:
    return [finding.claim, finding.method, finding.evidence.rule, *finding.limits, *finding.alternatives]


def empty_views(make_view: MakeView, rows: Rows) -> list[CaseView]:
    no_event = {"control": None, "baseline": None, "side": [{"name": "pro", "hashtags": ["pro"]}]}
    return [make_view(), make_view(no_event), make_view({"baseline": None}, posts=rows["posts"])]


def test_wording(found: dict[str, Finding], make_view: MakeView, rows: Rows) -> None:
    others = [finding for view in empty_views(make_view, rows) for finding in all_findings(view)]
    for finding in [*found.values(), *others]:
        text = " ".join(words(finding))
        assert not LIKELIHOOD.search(text), (finding.id, LIKELIHOOD.search(text))
        assert "user" not in text.lower().replace("user-", "")
        assert "cleared" not in text or "not cleared" in text
        assert finding.claim.endswith(".")
        # Every number in a claim is the finding's own; these have none at all.
        assert not re.search(r"\d", finding.claim.replace(finding.subject, "")), finding.claim
        assert (
            finding.confidence == "none"
            if finding.state in {"not_testable", "untested"}
            else finding.confidence != "none"
        )


def test_no_account_is_shown_but_those_that_the_test_names(found: dict[str, Finding], rows: Rows) -> None:
    groups = [finding for finding in found.values() if finding.id.startswith("M3.groups.")]
    assert "x:" not in dump(finding for finding in found.values() if finding not in groups).decode()
    shown = set(re.findall(r'"(x:[^"]+)"', dump(groups).decode()))
    assert shown
    assert shown <= {row["account_id"] for row in rows["coordinated_accounts"] if row["state"] == "named"}
    for finding in found.values():
        assert finding.evidence.accounts == ()
        assert list(finding.evidence.posts) == sorted(finding.evidence.posts)
        assert len(finding.evidence.posts) <= 5


@pytest.mark.parametrize("seed", [5, 6])
def test_row_order_changes_no_byte(seed: int, rows: Rows, make_view: MakeView, found: dict[str, Finding]) -> None:
    rng = random.Random(seed)
    shuffled = {name: rng.sample(table, len(table)) for name, table in rows.items()}
    assert dump(all_findings(make_view(inputs=INPUTS, **shuffled))) == dump(found.values())


def test_other_names_give_the_same_numbers(rows: Rows, make_view: MakeView, found: dict[str, Finding]) -> None:
    def renamed(value: object) -> object:
        return f"y:{value[::-1]}" if isinstance(value, str) and value.startswith("x:") else value

    other = {name: [{k: renamed(v) for k, v in row.items()} for row in table] for name, table in rows.items()}
    for table in other["edges"]:
        table["account_a"], table["account_b"] = sorted([str(table["account_a"]), str(table["account_b"])])
    expected = [finding for finding in found.values() if not finding.id.startswith("M3.groups.")]
    again = [f for f in all_findings(make_view(inputs=INPUTS, **other)) if not f.id.startswith("M3.groups.")]
    assert dump(again) == dump(expected)


def test_empty_cases_are_not_testable_and_never_zero(make_view: MakeView, rows: Rows) -> None:
    for view in empty_views(make_view, rows):
        for finding in unique(all_findings(view)):
            # The arithmetic of published figures rests on no row of the case.
            if finding.measure == "M16":
                continue
            if finding.unit in {"share", "ratio"} or finding.id.startswith("M3.coordinated"):
                assert finding.state == "not_testable", finding.id
                assert finding.value is None
                assert len(finding.method) > len("not testable with this data: ")


def test_without_a_control_nothing_is_subtracted(rows: Rows, make_view: MakeView) -> None:
    without = {
        name: [row for row in table if "control" not in (row.get("side"), row.get("roster"), row.get("scope"))]
        for name, table in rows.items()
    }
    view = make_view({"control": None}, inputs=INPUTS, **without)
    found = {finding.id: finding for finding in all_findings(view)}
    assert not [i for i in found if i.endswith(".control")]
    for name in ("M4.any_difference", "M5.difference", "M6.gone_difference"):
        assert found[f"{name}.pro"].state == "not_testable"
        assert "control" in found[f"{name}.pro"].method
