"""The hand-labelled audit of a roster: draw a stratified random sample, write a sheet to label, read it back.

The sheet shows posts and hides the flags and the strata, so that whoever labels does not repeat what was flagged; they
lie in `audit-key.json` beside it, which the labeller should not open.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import orjson

from floodmark.accounts.audit_estimate import allocate
from floodmark.accounts.audit_labels import KEY, VERSION, roster_digest, sealed
from floodmark.accounts.audit_page import page
from floodmark.accounts.prevalence import UNION
from floodmark.errors import UsageError
from floodmark.view import CaseView

SHEET: Final = "audit-sheet.csv"
PAGE: Final = "audit-sheet.html"
COLUMNS: Final = ("account_id", "label", "note", "posts")
_EXCERPTS: Final = 8
_EXCERPT_SIGNS: Final = 400


@dataclass(frozen=True)
class Sample:
    """A drawn sample: accounts in random order with their posts, and the strata that they stand for.

    `case` and `digest`, a hash over the ids of the whole roster, tie it to what it was drawn from.
    """

    case: str
    roster: str
    digest: str
    seed: int
    strata: Mapping[str, tuple[int, tuple[str, ...]]]
    order: tuple[str, ...]
    posts: Mapping[str, tuple[str, ...]]


def draw(view: CaseView, roster: str, size: int, seed: int) -> Sample:
    """Draw `size` accounts of a roster, by strata of their number of flags and of the coordination test's answer.

    Reads participants, account_flags, coordinated_accounts and posts. Raises UsageError for a roster without accounts,
    or a sample that is larger than it, or too small for its strata.
    """
    strata = _strata(view, roster)
    total = sum(len(members) for members in strata.values())
    if not total:
        raise UsageError(f"--roster: {roster!r} has no account in this case; known: {', '.join(view.config.subjects)}")
    if size > total:
        raise UsageError(f"--size: {size} is more than the {total} accounts of {roster!r}; ask for fewer")
    try:
        wanted = allocate([len(members) for members in strata.values()], size)
    except ValueError as error:
        raise UsageError(f"--size: {error}") from error
    rng = np.random.default_rng(seed)
    drawn: dict[str, tuple[int, tuple[str, ...]]] = {}
    for (name, members), count in zip(strata.items(), wanted, strict=True):
        places = rng.choice(len(members), count, replace=False)
        drawn[name] = (len(members), tuple(sorted(members[int(place)] for place in places)))
    accounts = sorted(account for _, chosen in drawn.values() for account in chosen)
    order = tuple(accounts[int(place)] for place in rng.permutation(len(accounts)))
    digest = roster_digest(view.db, roster)
    return Sample(view.config.name, roster, digest, seed, drawn, order, _posts(view, roster, accounts))


def write(sample: Sample, folder: Path) -> None:
    """Write the sheet, the page and the key. UsageError when one of them exists: labels are never written over."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (SHEET, PAGE, KEY):
        if (folder / name).exists():
            raise UsageError(f"{folder / name}: the file exists and may hold labels; choose another --out")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for account in sample.order:
        writer.writerow((account, "", "", _harmless("\n---\n".join(sample.posts.get(account, ())))))
    (folder / SHEET).write_bytes(text.getvalue().encode("utf-8", "replace"))
    (folder / PAGE).write_bytes(page(sample.roster, [(a, sample.posts.get(a, ())) for a in sample.order]).encode())
    key = {
        "version": VERSION,
        "case": sample.case,
        "roster": sample.roster,
        "roster_accounts": sum(size for size, _ in sample.strata.values()),
        "roster_sha256": sample.digest,
        "seed": sample.seed,
        "strata": [
            {"stratum": name, "accounts": size, "drawn": list(chosen), "inclusion_probability": len(chosen) / size}
            for name, (size, chosen) in sample.strata.items()
        ],
    }
    (folder / KEY).write_bytes(orjson.dumps(sealed(key), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _strata(view: CaseView, roster: str) -> dict[str, list[str]]:
    rows = view.db.rows(
        "SELECT p.account_id, count(f.flagged) AS judged, count(*) FILTER (WHERE f.flagged) AS flags,"
        " p.account_id IN (SELECT account_id FROM coordinated_accounts WHERE state = 'named') AS named"
        " FROM participants p LEFT JOIN account_flags f ON f.account_id = p.account_id AND f.flag IN"
        " (SELECT unnest($union)) WHERE p.roster = $roster GROUP BY p.account_id ORDER BY p.account_id",
        {"union": list(UNION), "roster": roster},
    )
    strata: dict[str, list[str]] = {}
    for account, judged, flags, named in rows:
        words = f"{flags} flags" if judged else "not judged"
        strata.setdefault(f"{words}, {'named' if named else 'not named'} as coordinated", []).append(account)
    return dict(sorted(strata.items()))


def _posts(view: CaseView, roster: str, accounts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the first posts of each account in the window, cut to an excerpt."""
    rows = view.db.rows(
        "SELECT account_id, text FROM (SELECT s.account_id, p.text, row_number() OVER (PARTITION BY s.account_id"
        " ORDER BY s.at_ms, s.post_id, s.stream) AS place FROM (SELECT DISTINCT ON (account_id, stream, post_id) * FROM"
        " side_posts WHERE in_window AND account_id IN (SELECT unnest($accounts))"
        " ORDER BY account_id, stream, post_id, side) s"
        " JOIN posts p ON p.stream = s.stream AND p.post_id = s.post_id WHERE p.text IS NOT NULL"
        " AND (($roster = 'control') = (s.side = 'control')))"
        " WHERE place <= $most ORDER BY account_id, place",
        {"accounts": list(accounts), "roster": roster, "most": _EXCERPTS},
    )
    found: dict[str, list[str]] = {}
    for account, text in rows:
        found.setdefault(account, []).append(text[:_EXCERPT_SIGNS])
    return {account: tuple(texts) for account, texts in found.items()}


def _harmless(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{text}" if text.lstrip()[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
