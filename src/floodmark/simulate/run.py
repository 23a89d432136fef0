"""Runs a whole simulation and writes it as a case that the pipeline can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from floodmark.errors import UsageError
from floodmark.simulate.aftermath import deletions, make_aftermath
from floodmark.simulate.afterwards import run_afterwards
from floodmark.simulate.automation import run_automation, run_clocks
from floodmark.simulate.campaign import run_campaign
from floodmark.simulate.cast import make_cast
from floodmark.simulate.crowd import Stage, talk
from floodmark.simulate.earlier import impressions
from floodmark.simulate.families import make_faces
from floodmark.simulate.params import CASE_2020, CampaignParams, scaled
from floodmark.simulate.people import make_people
from floodmark.simulate.profiles import make_profiles
from floodmark.simulate.rhythm import make_clock
from floodmark.simulate.takeovers import post_clients, run_histories
from floodmark.simulate.target import run_answers, run_target
from floodmark.simulate.texts import write_texts
from floodmark.simulate.truth import Facts, PostMarks, document, gather
from floodmark.simulate.world import Book, Draft, Ints, Objects, Posts, stream
from floodmark.simulate.write import (
    DELETION_FILES,
    EARLIER_FILES,
    publish,
    write_case,
    write_earlier,
    write_inputs,
    write_json,
)

#: Called now and then with the share of the work already done (0..1).
Progress = Callable[[float], None]
_FILES: Final = (
    *("truth/accounts.csv", "truth/truth.json", "posts.csv", "control.csv", "statuses.csv"),
    *("deletions.csv", "control-deletions.csv", *EARLIER_FILES, "case.toml"),
)


@dataclass(frozen=True)
class SimulationResult:
    """What was written: the case file, row counts of its inputs, and the content of truth.json."""

    case: Path
    posts: int
    control_posts: int
    statuses: int
    accounts: int
    truth: Mapping[str, object]


def simulate(
    out: Path,
    params: CampaignParams = CASE_2020,
    seed: int = 20200717,
    scale: float = 1.0,
    progress: Progress | None = None,
) -> SimulationResult:
    """Simulate a case and write it into the folder `out`, replacing an earlier one.

    Writes posts.csv and control.csv (sorted by post id), statuses.csv (by time, then account id), the deletions of both
    streams (by time, then post id), case.toml, and in truth/ what was planted. The same parameters, seed and scale give
    the same bytes. Raises UsageError when `scale` or `seed` is out of range or `out` cannot be a folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = simulate(Path(folder), scale=0.005)
    ...     (result.case.name, result.truth["campaign"]["planted"]["participants_accounts"])
    ('case.toml', 132)
    """
    step = progress or (lambda _done: None)
    if seed < 0:
        raise UsageError(f"simulate: field `seed` must not be negative; found {seed}")
    sized = scaled(params, scale)
    try:
        (out / "truth").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out}: cannot be a folder ({error.strerror}); choose another place") from error
    facts, book, text = imagine(sized, seed, step)
    step(0.4)
    counts = write_inputs(out, facts, book, text, stream(seed, "ids"))
    write_earlier(out, facts, seed)
    truth = document(facts, seed, scale)
    write_json(out / "truth" / "truth.json", truth)
    write_case(out / "case.toml", sized, [name for name in DELETION_FILES if counts[name]])
    publish([out / name for name in _FILES])
    step(1.0)
    return SimulationResult(
        out / "case.toml", counts["posts"], counts["control"], counts["statuses"], counts["accounts"], truth
    )


def imagine(params: CampaignParams, seed: int, step: Progress) -> tuple[Facts, Book, Objects]:
    """Return everything about a case of this size, its interned strings and the text of each post; writes nothing."""
    clock = make_clock(params)
    people, layout = make_people(params, stream(seed, "people"))
    cast = make_cast(params, people, layout, stream(seed, "cast"))
    stage = Stage(clock, people, layout, Draft(), Book(), cast, params.habits)
    roots = [
        talk(stage, crowd, topic, stream(seed, f"crowd {crowd.topic}")) for topic, crowd in enumerate(params.crowds)
    ]
    campaign = run_campaign(stage, params, roots[0], stream(seed, "campaign"))
    campaign = replace(campaign, target=run_target(stage, params, roots[1], stream(seed, "target")))
    run_answers(stage, roots, campaign.target, stream(seed, "answers"))
    run_automation(stage, params, roots[0], stream(seed, "automation"))
    run_histories(stage, params, roots[2], stream(seed, "histories"))
    for topic in range(len(params.crowds)):
        run_clocks(stage, topic, stream(seed, f"clocks {topic}"))
    run_afterwards(stage, params, stream(seed, "afterwards"))
    posts = stage.draft.finish()
    step(0.2)
    first_s, last_s, later_s = _extent(posts, len(people), clock.end_s)
    profiles = make_profiles(params, people, layout, clock, cast, first_s, stream(seed, "profiles"))
    extent = (first_s, np.where(last_s < clock.end_s, last_s, -1))
    faces = make_faces(params, people, layout, profiles.default_picture, extent, stream(seed, "faces"))
    aftermath = make_aftermath(params, people, clock, posts, (last_s, later_s), stream(seed, "aftermath"))
    posts = posts.kept(posts.at_s < aftermath.left_s[posts.account])
    marks = PostMarks(
        client=post_clients(params, people, cast, clock, posts, stream(seed, "clients")),
        handle=faces.handle_at(posts.account, posts.at_s),
        deleted_s=deletions(params, cast, clock, posts, stream(seed, "deletions")),
        impressions=impressions(posts, profiles.followers, stream(seed, "impressions")),
    )
    text = write_texts(posts, marks.handle, stage.book, stream(seed, "texts"))
    known = (profiles, faces, aftermath, campaign)
    return gather(params, clock, people, cast, (posts, marks), stage.book, known), stage.book, text


def _extent(posts: Posts, accounts: int, end_s: int) -> tuple[Ints, Ints, Ints]:
    """Return each account's first and last post up to the event's end, and its last of all (UTC s).

    They are `end_s` for accounts that do not post.
    """
    first_s = np.full(accounts, end_s, dtype=np.int64)
    last_s, later_s = (np.full(accounts, -1, dtype=np.int64) for _ in range(2))
    early = posts.at_s < end_s
    np.minimum.at(first_s, posts.account[early], posts.at_s[early])
    np.maximum.at(last_s, posts.account[early], posts.at_s[early])
    np.maximum.at(later_s, posts.account, posts.at_s)
    return first_s, np.where(last_s < 0, end_s, last_s), np.where(later_s < 0, end_s, later_s)
