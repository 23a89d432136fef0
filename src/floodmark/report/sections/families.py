"""M4, families: accounts of one roster that share a rare profile feature, by kind of feature, for every subject."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from floodmark.accounts import family as family_flag
from floodmark.accounts.families import FALSE_DISCOVERIES, KINDS, Families, Family, families, feature
from floodmark.accounts.prevalence import FlagCounts, Tally, count_flags
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.format import NBSP, visible
from floodmark.report.sections._shared import difference_finding, whose
from floodmark.view import CaseView

#: Families in the details of one finding, largest first, and letters of an example shown.
_SHOWN: Final = 20
_LETTERS: Final = 120
_FEW: Final = 100
_COLUMN: Final = {
    "text": "description",
    "picture": "picture",
    "handle": "handle",
    "name": "display_name",
    "second": "created_at_ms",
}
#: An innocent reading of each kind, printed beside every family.
BENIGN: Final = {
    "text": "Parties, fan clubs and employers give out one sentence; people copy verses, slogans and defaults.",
    "picture": "Emblems, frames for the day, stock pictures and a platform's own pictures are used by strangers.",
    "handle": "Platforms suggest a word with digits; fans take their idol's name, towns and birth years repeat.",
    "name": "Common names repeat, and movements ask supporters to put one word or sign into their name.",
    "second": "Moved or imported accounts, and dates rounded by a collector, fall on one second.",
}
_LIMITS: Final = (
    "A family says that a feature is shared, not that one person or office owns the accounts.",
    "Accounts of different platforms are never compared, so nothing here links an account to one elsewhere.",
    "What is rare is judged by the other accounts collected; a slogan of one side is rare among the others too.",
    "A larger roster can show families that a smaller one cannot, so numbers of families are not compared.",
    "Who changes a letter of a text, or crops a picture, is not seen: values must be alike but for case, signs of"
    " direction and, in names, digits.",
)
_DIFFERENCE_LIMITS: Final = (
    *_LIMITS[:3],
    "Each roster is compared with the accounts outside it, so roster and control have not quite the same yardstick.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings on families: one a kind and subject, then the difference in shares from the control."""
    found, subjects = families(view), view.config.subjects
    counts = count_flags(view, [family_flag.FLAG])
    made = [_of_kind(view, found, kind, subject) for kind in KINDS for subject in subjects]
    return made + [_difference(view, counts, subject) for subject in subjects if subject != "control"]


def _of_kind(view: CaseView, found: Families, kind: str, subject: str) -> Finding:
    finding_id = f"M4.families_{kind}.{subject}"
    claim = f"Among the {whose(subject)} there are so many families that share {KINDS[kind]}."
    judged = found.judged.get((subject, kind), ())
    if not judged:
        return not_testable(
            finding_id, "M4", subject, claim, "count", _missing(view, kind, subject),
            f"profiles with {_COLUMN[kind]}, also of accounts outside this roster on the same platform",
        )  # fmt: skip
    own = [family for family in found.found if (family.roster, family.kind) == (subject, kind)]
    members = {account for family in own for account in family.accounts}
    return Finding(
        id=finding_id,
        measure="M4",
        subject=subject,
        claim=claim,
        value=len(own),
        unit="count",
        low=None,
        high=None,
        state="measured",
        method=_method(view),
        evidence=Evidence(("participants", "accounts"), f"participants with {KINDS[kind]}", len(judged)),
        limits=_LIMITS,
        confidence="moderate" if len(judged) >= _FEW else "low",
        alternatives=(BENIGN[kind], *family_flag.FLAG.benign),
        level=view.config.parameters.level,
        details={
            "accounts_in_families": len(members),
            "accounts_judged": len(judged),
            "families": [_row(family) for family in own[:_SHOWN]],
            "families_more": max(0, len(own) - _SHOWN),
        },
    )


def _row(family: Family) -> dict[str, object]:
    """Return one family without its accounts; the example is a stranger's text, made harmless to print."""
    return {
        "size": family.size,
        "known": family.known,
        "expected": family.expected,
        "elsewhere": family.elsewhere,
        "reference": family.reference,
        "p": family.p,
        "q": family.q,
        "platform": visible(family.platform)[:_LETTERS],
        "example": _example(family),
        "beside": [[roster, accounts] for roster, accounts in family.beside if accounts],
    }


def _example(family: Family) -> str:
    """Return what is shared; of a handle or name the pattern only, so that no account is named."""
    value = family.value
    if family.kind in {"handle", "name"}:
        value = feature(family.kind, value).replace("0", "#")
    elif family.kind == "second":
        return datetime.fromtimestamp(int(value), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    shown = visible(" ".join(value.split()))
    return shown if len(shown) <= _LETTERS else f"{shown[:_LETTERS]}…"


def _missing(view: CaseView, kind: str, subject: str) -> str:
    (known,) = view.db.one(
        f"SELECT count(*) FROM participants p JOIN accounts a USING (account_id)"
        f" WHERE p.roster = $subject AND a.{_COLUMN[kind]} IS NOT NULL",
        {"subject": subject},
    )
    if known:
        return f"no account outside this roster, on the same platform, has a usable value in the column {_COLUMN[kind]}"
    return f"no participant of this roster has a value in the column {_COLUMN[kind]}"


def _method(view: CaseView) -> str:
    limits = view.config.parameters
    return (
        f"values that {limits.family_accounts} or more accounts of the roster share, more than a chance division of all"
        " accounts with the value between roster and others gives (hypergeometric test, false-discovery rate"
        f" {100 * FALSE_DISCOVERIES:g}{NBSP}% a roster and kind), and that at most"
        f" {limits.family_reference_permille} in 1,000 others have"
    )


def _difference(view: CaseView, counts: FlagCounts, subject: str) -> Finding:
    flag = family_flag.FLAG
    control: Tally | None = counts.tally("control", (flag.name,)) if counts.testable("control", flag) else None
    return difference_finding(
        f"M4.family_difference.{subject}",
        subject,
        f"The share in any family among {whose(subject)} exceeds that of the control by so much.",
        counts.tally(subject, (flag.name,)),
        control,
        view.config.parameters.level,
        method=_method(view),
        evidence=Evidence(("participants", "account_flags"), "participants with any such feature", 0),
        limits=_DIFFERENCE_LIMITS,
        alternatives=flag.benign,
    )


SECTION: Final = Section(
    name="families",
    title="Profiles that share a rare feature",
    order=45,
    measures=("M4",),
    findings=findings,
    template="families.html",
    stems=(*(f"M4.families_{kind}" for kind in KINDS), "M4.family_difference"),
)
