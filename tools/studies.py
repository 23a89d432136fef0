"""Full-count studies, outside CI: each writes a table with seed, commit, machine and count to docs/studies.

`make studies` runs them all; name one to run it alone: `python tools/studies.py spikes`.
"""

from __future__ import annotations

import inspect
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from floodmark.benchmark import accounts_aftermath as aftermath_study
from floodmark.benchmark import accounts_automation, accounts_automation_real, backgrounds, framing, nulls, power
from floodmark.benchmark import accounts_enrolment as enrolment_study
from floodmark.benchmark import accounts_enrolment_real as enrolment_real_study
from floodmark.benchmark import accounts_prevalence as prevalence_study
from floodmark.benchmark import accounts_profiles as profiles_study
from floodmark.benchmark import accounts_structure as structure_study
from floodmark.benchmark import accounts_takeover as takeover_study
from floodmark.benchmark import event_narratives as narratives_study
from floodmark.benchmark import event_random as random_study
from floodmark.benchmark import event_random_real as random_real_study
from floodmark.benchmark import event_spikes as event_spikes_study
from floodmark.benchmark import event_targets as event_targets_study
from floodmark.benchmark import event_voice as voice_study
from floodmark.benchmark.accounts_table import rows as accounts_table
from floodmark.event import study as spikes_study
from floodmark.simulate.crowd_kinds import LATE_KINDS
from floodmark.simulate.plant import Actions

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "studies"
SEED = 20200717
RUNS = 1_000
#: Kinds beyond those that every version must show at full count.
FEWER_RUNS = 100
SEEDS = 20
TAKEOVER_RUNS = 1
#: Fewer by hour, where a run is dear; each row says how many.
ENROLMENT_RUNS = 40
FULL_COUNT = (
    "rhythm",
    "heavy",
    "tempo",
    "viral",
    "breaking",
    "readers",
    "giveaway",
    *(f"fans_{name}" for name in ("10s", "1m", "2m", "10m", "1h", "6h")),
    *(f"debate_reposts_{name}" for name in ("times", "rewired", "half")),
)
Rows = Sequence[Mapping[str, object]]


def spikes() -> Rows:
    """False spikes on organic series without a campaign, 1,000 runs a row."""
    return spikes_study.studies(RUNS, SEED)


def event_spikes() -> Rows:
    """Spikes beyond the event's own lift: organic events without a campaign, 1,000 series a row, and planted surges.

    A false alarm is a series with any bin found (in rows with a surge: away from it). `strength` is what a surge adds,
    as a multiple of the crowd's own posts in these bins; a surge that lasts for hours is taken for lift. The row
    `sharp` without an announced hour is the limit that the report states.
    """
    return event_spikes_study.rows(RUNS, SEED)


def event_targets() -> Rows:
    """Targets that named accounts address more than their crowd does; 40 targets, 600 and 150 accounts, 200 runs."""
    return event_targets_study.rows(200, SEED)


def coordination_nulls() -> Rows:
    """How often the coordination test names somebody where nobody coordinates, 1,000 runs a kind."""
    return _nulls(RUNS, lambda kind: kind in FULL_COUNT)


def coordination_nulls_more() -> Rows:
    """The same on further kinds of crowd, some made to break the test, and on real data; 100 runs a kind."""
    return _nulls(FEWER_RUNS, lambda kind: kind not in FULL_COUNT and kind not in LATE_KINDS)


def coordination_nulls_late() -> Rows:
    """The same on crowds made by an adversary whose trigger the test cannot see, and on cut collections; 100 runs."""
    return _nulls(FEWER_RUNS, lambda kind: kind in LATE_KINDS, processes=2)


def _nulls(runs: int, wanted: Callable[[str], bool], processes: int = 1) -> Rows:
    kinds = [null.kind for null in nulls.nulls() if wanted(null.kind)]
    return nulls.study(runs, SEED, processes=processes, kinds=kinds)


def coordination_power() -> Rows:
    """What share of a planted campaign the test names, beside three rules of other tools; 20 plants a point."""
    return [{column: row[column] for column in POWER_COLUMNS} for row in _power()]


def coordination_targets() -> Rows:
    """The points that have a figure to reach, in the dense background, at 100 plants; the first 20 are those above."""
    named = {
        ("accounts", 20),
        ("accounts", 5),
        ("actions", 5),
        ("jitter_s", 600),
        ("camouflage", 0.9),
        ("rotation", 1 / 3),
    }
    only = [point for point in power.points() if (point.curve, point.value) in named]
    dense = {name: actions for name, actions in _real().items() if name == "debate"}
    return [{column: row[column] for column in POWER_COLUMNS} for row in power.study(dense, 100, only=only)]


def coordination_budgets() -> Rows:
    """How far each way of hiding must go until half of the campaign is no longer named; 20 plants a point."""
    return power.budgets(_power())


def coordination_framing() -> Rows:
    """Whether bots that mirror an innocent account get it named; 20 runs of 5 victims a row."""
    return framing.study(_real(), SEEDS, processes=1)


def accounts_prevalence() -> Rows:
    """How often 90 % intervals of prevalence hold the planted truth, by route; 2,000 runs a row, 100 where refused."""
    return prevalence_study.rows(2_000, SEED)


def accounts_profiles() -> Rows:
    """Families and handles: 1,000 organic nulls, planted families and handles, and shares flagged in real sets.

    In every made run 120 accounts of a roster stand beside 480 others, with the name habits of people; in rows `null`
    nobody is planted, and 10 % of the roster share five slogans where it says so. Slogans that the others do not know
    are named as families: that is what a family is, and why it accuses nobody. In planted rows, hits are counted among
    all planted accounts, those without the feature among them. Rows `real` are shares flagged, per set, never pooled:
    in random halves, each judged against the other (a family that lies in both halves is not seen), or the accounts
    that something sets apart against all others. Of the real sets GOP debate, PHEME and cresci genuine hold people; the
    others hold bots by their authors' labels, for `cresci-rtbust` both, with the labels absent.
    """
    return profiles_study.rows(RUNS, SEED) + profiles_study.real_rows()


def accounts() -> Rows:
    """One row per account flag: hits at a weak, a medium and a strong plant, and false alarms, from the other pages.

    Nothing is run for this page; the studies that it links say how each figure was made. Shares stand with their 95 %
    interval. `not measured` says that no study has the figure, `not testable` names the columns that the set lacks.
    Flags of families are measured on random halves of real sets, where nothing sets the halves apart; where something
    does, see the study. The three sets hold people, so what is flagged there is a false alarm for whoever takes a flag
    for a bot; the flags themselves only describe.
    """
    return accounts_table(FOLDER)


def accounts_structure() -> Rows:
    """Who starts and who follows: planted hierarchies, groups without any, mirrored innocents; 40 cases of 8 groups."""
    return structure_study.rows(40, SEED)


def accounts_aftermath() -> Rows:
    """How often the matched comparison of who vanished errs where nothing is planted and finds what is; 400 runs a row.

    Roster and control differ in age, followers and language, and leaving depends on these. `unmatched_share` is how
    often the same test without matching says that they differ; `covered` how often the 95 % interval of the difference
    holds the true one; `mean_error` its mean distance from it.
    """
    return aftermath_study.rows(400, SEED)


def accounts_takeover() -> Rows:
    """Accounts named as taken over in clean timelines (five runs a row), in planted groups (one run), in real ones.

    In rows `none` and `real` nothing is planted, and `ira_aug2015` is an operation. False alarms are counted among
    judged ordinary accounts; hits among all planted ones, those that could not be judged among them. Intervals treat
    accounts as independent, though those of one run share a crowd; the last column counts whole runs.

    Real organic timelines say little: of the sets at hand only `organic_pheme_2014_15` lets anybody be judged, and few.
    `organic_gopdebate_2015` has neither client nor language and covers a day. The genuine accounts of Cresci et al.
    2017 are profiles without posts, the sets of the bot repository date one post an account, and the sample of the
    information-operations archive has neither column and, beside an operation, 35 celebrities.
    """
    return takeover_study.rows(TAKEOVER_RUNS, SEED)


def accounts_automation_study() -> Rows:
    """Automation planted at several strengths among made organic timelines, 20 runs of 20 planted and 180 organic.

    Rows `null` have nothing planted: the share of p-values at most 1, 5 and 10 %, which should not be larger. Rows
    `real` are real sets: two organic ones, an operation with a clock of minutes (`ira_aug2015`), and the labelled set
    of Digital DNA, by its published rule and by the flag.
    """
    rows = accounts_automation.rows(SEEDS, SEED) + accounts_automation_real.real_rows()
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]


def accounts_enrolment() -> Rows:
    """Bursts of creations where nobody is planted, planted ones, the interval of the difference, and real sets.

    Rows `null` are seven kinds of crowd over twelve years: a false alarm is a run in which any bin is called a burst,
    `bursts` how many were, in all runs. Planted accounts are made from a random whole hour on; a hit is a run in which
    the flag, by hour or day, names one of them, `flagged_share` the share of them that it names, `found_hour` and so on
    the runs in which a bin that holds one is called a burst. `covered` is how often the 95 % interval of the difference
    in enrolled shares holds the true one, `mean_width` how wide it is, and `mean_error` how far off that among
    surely dated accounts would be. Of real sets, `share` is that of known dates within the interval that the id
    gives, with the distance from its middle in days, and that of accounts created in a burst. `tr_bots_2022` and the
    three of 2019 made the table of months; Cresci's four and PHEME did not.
    """
    return enrolment_study.rows(ENROLMENT_RUNS, SEED) + enrolment_real_study.real_rows()


def event_random() -> Rows:
    """The tests of "seemed random": p-values where nothing is planted, 1,000 runs a row, power, and real sets.

    Nulls are days of 1,500 arrivals: a rhythm, an event, cascades; "another public" means that who comes through event
    or cascade is not drawn like the rest, which breaks the null without any campaign. `ks` is the distance of p-values
    from uniform, `ks_p` its p-value; false alarms are p-values up to 5 %. Planted are new, young accounts from 20:00 on
    within so many minutes. `covered` is how often the interval holds the truth: of the share set off by others
    (`mean_value` the mean best fit, `low` and `high` the mean ends), of the difference in Gini's coefficients (100
    runs). Of real sets, `share` is the figure itself: a ratio for entry and composition; `ira_aug2015` is an operation.
    """
    return random_study.rows(RUNS, SEED) + random_real_study.real_rows()


def event_narratives() -> Rows:
    """What it costs to break a family of texts, families where nobody planted any, and the peer's set of documents.

    Planted: 20 accounts post one sentence among 200 others, disguised at a strength (a share of words or letters, or
    a count); 5 runs a row. `hit_share` is the share of the 20 in the largest family of copies, `with_reworded` that in
    the largest of copies or rewordings, `false_alarm_share` that of the others in any family. Rows `cost` give the
    least strength tried at which under half of the 20 are in one family of copies. Real sets are own posts by accounts,
    reposts left out; `shuffled words` deals the words of a set out again. `pairs` are pairs of documents of one family
    of D3lta's set, found in one family here or by D3lta; the kind of a family is the one that D3lta saw most in it.
    The thresholds were set looking at that set, so its rows show agreement, not a test.
    """
    return narratives_study.rows(5, SEED)


def event_voice() -> Rows:
    """Drowning out, with an attack that has an effect and one that has none; 1,000 runs a row, 200 where planted.

    `strength` is the part of the roster's posts that is for one side alone, or the part of a side's posts that is
    missing; 0 is no effect. A false alarm is an interval that excludes no change where there is none, a hit one that
    does so where there is; `covered` is how often the 95 % interval holds the true change. In the debate rosters are
    drawn at random, so that nothing they move is more than chance.
    """
    return voice_study.rows(RUNS, SEED)


POWER_COLUMNS = (
    "background",
    "curve",
    "value",
    "recall",
    "recall_low",
    "recall_high",
    "recall_with_in_step",
    "precision",
    "leads_mean",
    "two_co_actions_recall",
    "two_co_actions_precision",
    "coortweet_recall",
    "coortweet_precision",
    "tfidf_recall",
    "tfidf_precision",
)


@cache
def _power() -> list[power.Row]:
    return power.study(_real(), SEEDS, processes=1)


def _real() -> dict[str, Actions]:
    """Return the real backgrounds that are present."""
    found = {"debate": backgrounds.debate_reposts(), "russian": backgrounds.russian_shares()}
    return {name: actions for name, actions in found.items() if actions is not None}


STUDIES: Mapping[str, Callable[[], Rows]] = {
    "spikes": spikes,
    "event_spikes": event_spikes,
    "event_targets": event_targets,
    "coordination_nulls": coordination_nulls,
    "coordination_nulls_more": coordination_nulls_more,
    "coordination_nulls_late": coordination_nulls_late,
    "coordination_power": coordination_power,
    "coordination_targets": coordination_targets,
    "coordination_budgets": coordination_budgets,
    "coordination_framing": coordination_framing,
    "accounts_automation": accounts_automation_study,
    "accounts_enrolment": accounts_enrolment,
    "accounts_prevalence": accounts_prevalence,
    "accounts_profiles": accounts_profiles,
    "accounts_structure": accounts_structure,
    "accounts_takeover": accounts_takeover,
    "accounts_aftermath": accounts_aftermath,
    "event_random": event_random,
    "event_narratives": event_narratives,
    "event_voice": event_voice,
    "accounts": accounts,
}


def commit() -> str:
    """Return the short hash of the commit that is studied, marked when the tree (study pages aside) differs."""

    def git(*words: str) -> str:
        ran = subprocess.run(["git", *words], capture_output=True, text=True, check=True, cwd=FOLDER.parent.parent)
        return ran.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/studies")
    return git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def page(name: str, rows: Sequence[Mapping[str, object]]) -> str:
    """Return one study as a Markdown page."""
    purpose = inspect.getdoc(STUDIES[name]) or ""
    header = list(rows[0])
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(_cell(row[column]) for column in header) + " |" for row in rows]
    machine = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    note = f"Seed {SEED}, commit {commit()}, {machine}."
    return f"# Study: {name}\n\n{purpose}\n\n{note}\n\n" + "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main() -> int:
    """Run the named studies, or all."""
    names = sys.argv[1:] or list(STUDIES)
    unknown = [name for name in names if name not in STUDIES]
    if unknown:
        sys.stderr.write(f"there is no study called {unknown[0]!r}; known: {', '.join(STUDIES)}\n")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        (FOLDER / f"{name}.md").write_text(page(name, STUDIES[name]()), encoding="utf-8")
        sys.stdout.write(f"docs/studies/{name}.md\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
