"""M13, narratives: wordings that several accounts posted, for every subject, against the control."""

from __future__ import annotations

from typing import Final

from floodmark import stats
from floodmark.findings import Confidence, Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._narratives import Family, Spread, spread
from floodmark.report.sections._shared import SAMPLE_LIMIT, confidence, difference_finding, share_finding, whose
from floodmark.view import CaseView

_TABLES: Final = ("narratives", "narrative_posts", "narrative_accounts", "participants")
_EVIDENCE: Final = Evidence(_TABLES, "participants with an own post that has a wording to compare", 0)
_SHOWN: Final = 10
_EXCERPT: Final = 140
_LIMITS: Final = (
    "Equal words say nothing about who wrote them, why, or whether anybody asked for it.",
    "The first collected post is not the origin: earlier ones may be missing, deleted or elsewhere.",
    "Short posts, posts of hashtags only and plain reposts have no wording to compare.",
    "Words usual before the window or in the other conversation are left out; what was rehearsed looks usual too.",
)
_REWORDED: Final = (
    "Compared are only the texts of most accounts, so that rewordings that few accounts posted are missed.",
    "Sentences built on one pattern count as rewordings of each other, whoever wrote them.",
)
_NEAR: Final = ("Sentences built on one pattern, a form or a joke with a gap, count as copies, whoever wrote them.",)
_ALTERNATIVES: Final = (
    "Slogans, prayers, chants, headlines behind share buttons and quoted speeches repeat without any arrangement.",
    "Organisers openly ask supporters to copy a message.",
    "People copy a post by hand, without the platform's repost, when it pleases them.",
)


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of M13."""
    subjects = view.config.subjects
    copied = {subject: spread(view, subject, "copied") for subject in subjects}
    reworded = {subject: spread(view, subject, "reworded") for subject in subjects}
    against = [subject for subject in subjects if subject != "control"]
    exact = {subject: spread(view, subject, "exact") for subject in subjects}
    found = [_share(view, "exact", exact[subject], subject) for subject in subjects]
    found += [_difference(view, "exact", exact, subject) for subject in against]
    found += [_share(view, "copied", copied[subject], subject) for subject in subjects]
    found += [_difference(view, "copied", copied, subject) for subject in against]
    found += [_posts(view, copied[subject], subject) for subject in subjects]
    found += [_families(view, copied[subject], subject) for subject in subjects]
    found += [_usual(copied[subject], subject) for subject in subjects]
    found += [_tempo(view, copied[subject], subject) for subject in subjects]
    found += [_among(view, "from_coordinated", copied[subject], subject) for subject in subjects]
    found += [_among(view, "from_new", copied[subject], subject) for subject in subjects]
    found += [_share(view, "reworded", reworded[subject], subject) for subject in subjects]
    found += [_difference(view, "reworded", reworded, subject) for subject in against]
    return found + [_paraphrase(view, subject) for subject in subjects]


def _method(view: CaseView, kind: str) -> str:
    parameters = view.config.parameters
    how = {
        "exact": "one wording after folding",
        "copied": "one wording after folding, or at least 1 - (letters to insert or delete) / (letters of both) = 0.75"
        " + 3 / letters like the wording that most accounts posted",
        "reworded": "cosine of weighted letter triples with any member of at least 0.4 + 8 / letters, and with the"
        " representative of at least 0.3",
        "paraphrase": "cosine of the vectors of the model that the case file names, with the representative",
    }[kind]
    return (
        f"own posts of at least {parameters.narrative_letters} letters; a family has at least"
        f" {parameters.narrative_accounts} accounts; {how}; families of which under"
        f" {parameters.narrative_specific_percent} % of the rate is above the background's are left out"
    )


def _limits(own: Spread, kind: str) -> tuple[str, ...]:
    unknown = any(family.specific_share is None for family in own.families)
    nothing = ("There are no other posts to learn usual words from; nothing is left out as usual.",) if unknown else ()
    return (*_LIMITS, *(_REWORDED if kind == "reworded" else ()), *(_NEAR if kind == "copied" else ()), *nothing)


def _missing(finding_id: str, subject: str, claim: str, unit: str) -> Finding:
    missing = "no participant of this roster has an own post in the window whose text has a wording to compare"
    settle = "the column text, with longer own posts of the roster"
    return not_testable(finding_id, "M13", subject, claim, unit, missing, settle)


def _share(view: CaseView, kind: str, own: Spread, subject: str) -> Finding:
    what = {
        "exact": "the very wording that several accounts posted",
        "copied": "a wording so or nearly so posted by several",
        "reworded": "a rewording of what several posted",
    }
    meaning = {**what, "paraphrase": "what a model holds for the same statement as other accounts' posts"}[kind]
    claim = f"Of the {whose(subject)} with a wording to compare, this share posted {meaning}, not usual elsewhere."
    if not own.accounts.judged:
        return _missing(f"M13.{kind}.{subject}", subject, claim, "share")
    return share_finding(
        f"M13.{kind}.{subject}",
        subject,
        claim,
        own.accounts,
        view.config.parameters.level,
        method=_method(view, kind),
        evidence=_EVIDENCE,
        limits=_limits(own, kind),
        alternatives=_ALTERNATIVES,
        details={"families": [_shown(family) for family in own.families[:_SHOWN]]},
    )


def _difference(view: CaseView, kind: str, spreads: dict[str, Spread], subject: str) -> Finding:
    control = spreads["control"].accounts if "control" in spreads else None
    return difference_finding(
        f"M13.{kind}_difference.{subject}",
        subject,
        f"The share that posted a {'rewording' if kind == 'reworded' else 'wording'} among {whose(subject)} exceeds"
        " that of the control by so much.",
        spreads[subject].accounts,
        control,
        view.config.parameters.level,
        method=_method(view, kind),
        evidence=_EVIDENCE,
        limits=(
            *_limits(spreads[subject], kind),
            "A larger or busier conversation has more families by size alone; the control may be smaller.",
        ),
        alternatives=_ALTERNATIVES,
    )


def _posts(view: CaseView, own: Spread, subject: str) -> Finding:
    finding_id, level = f"M13.copied_posts.{subject}", view.config.parameters.level
    claim = f"Of the own posts of {whose(subject)} with a wording to compare, this share has one that several posted."
    if not own.accounts.judged:
        return _missing(finding_id, subject, claim, "share")
    share, low, high = stats.cluster_share(own.hits, own.posts, level)
    return _finding(
        finding_id,
        subject,
        claim,
        share,
        "share",
        (low, high),
        method=f"{_method(view, 'copied')}; share of posts, interval by accounts at level {level:g}",
        rows=int(own.posts.sum()),
        limits=(*_limits(own, "copied"), SAMPLE_LIMIT),
        trust=confidence(own.accounts),
        level=level,
        details={"posts": int(own.posts.sum()), "copied_posts": int(own.hits.sum())},
    )


def _families(view: CaseView, own: Spread, subject: str) -> Finding:
    finding_id = f"M13.families.{subject}"
    claim = f"So many wordings that several accounts posted, not usual elsewhere, have {whose(subject)} among them."
    if not own.accounts.judged:
        return _missing(finding_id, subject, claim, "count")
    posts = tuple(sorted(family.first_post_id for family in own.specific))[:5]
    return _finding(
        finding_id,
        subject,
        claim,
        len(own.specific),
        "count",
        None,
        method=_method(view, "copied"),
        rows=len(own.families),
        limits=_limits(own, "copied"),
        trust=confidence(own.accounts),
        posts=posts,
        details={
            "reposts": sum(family.reposts for family in own.specific),
            "one_wording": sum(family.wordings == 1 for family in own.specific),
            "several_wordings": sum(family.wordings > 1 for family in own.specific),
        },
    )


def _usual(own: Spread, subject: str) -> Finding:
    claim = f"So many wordings that {whose(subject)} shared were set aside, as they are usual elsewhere."
    if not own.accounts.judged or any(family.specific_share is None for family in own.families):
        if own.accounts.judged:
            missing = "no own post outside the window or in another conversation to learn usual words from"
            settle = "posts from before the event, or a control stream"
            return not_testable(f"M13.usual.{subject}", "M13", subject, claim, "count", missing, settle)
        return _missing(f"M13.usual.{subject}", subject, claim, "count")
    return _finding(
        f"M13.usual.{subject}",
        subject,
        claim,
        len(own.families) - len(own.specific),
        "count",
        None,
        method="accounts with the same wording, letter by letter, outside the window or in the other conversation",
        rows=len(own.families),
        limits=_LIMITS,
        trust=confidence(own.accounts),
    )


def _tempo(view: CaseView, own: Spread, subject: str) -> Finding:
    finding_id, level = f"M13.tempo.{subject}", view.config.parameters.level
    claim = f"In the median wording shared by {whose(subject)}, half of the accounts had posted it after so long."
    if not own.accounts.judged:
        return _missing(finding_id, subject, claim, "ms")
    halves = sorted(family.half_ms for family in own.specific)
    if not halves:
        missing = "no wording that several accounts posted has an account of this roster"
        return not_testable(finding_id, "M13", subject, claim, "ms", missing, "at least one such wording")
    ends = _median_interval(len(halves), level)
    middle = halves[(len(halves) - 1) // 2]
    return _finding(
        finding_id,
        subject,
        claim,
        middle if ends else None,
        "ms",
        (halves[ends[0]], halves[ends[1]]) if ends else (halves[0], halves[-1]),
        method=(
            "per family the time from its first own post until half of its accounts had one; median over families,"
            f" interval by order statistics at level {level:g} (too few families: their range)"
        ),
        rows=len(halves),
        limits=(*_limits(own, "copied"), "Under the clock's resolution it counts as nought."),
        trust="moderate" if len(halves) >= 20 else "low",
        level=level,
    )


def _median_interval(count: int, level: float) -> tuple[int, int] | None:
    """Return places (from 0) of the order statistics that hold a median at `level`, or None for too few values.

    >>> _median_interval(6, 0.95), _median_interval(5, 0.95)
    ((0, 5), None)
    """
    from scipy.stats import binom

    below = int(binom.ppf((1 - level) / 2, count, 0.5))
    while below > 0 and binom.cdf(below - 1, count, 0.5) > (1 - level) / 2:
        below -= 1
    if below == 0:
        return None
    return below - 1, count - below


def _among(view: CaseView, name: str, own: Spread, subject: str) -> Finding:
    """Return how many of the accounts in families are named or new, with the same share among the other accounts."""
    finding_id, level = f"M13.{name}.{subject}", view.config.parameters.level
    named = name == "from_coordinated"
    what = "are named by the coordination test" if named else "are new"
    claim = f"Of the {whose(subject)} that posted such a wording and could be judged, this share {what}."
    inside, others = own.named if named else own.new
    if not own.accounts.judged:
        return _missing(finding_id, subject, claim, "share")
    if not inside.judged:
        missing = (
            "no account in a family could be tested for coordination"
            if named
            else "no account in a family has a known creation date"
        )
        settle = "more actions of these accounts" if named else "profiles with a creation date"
        return not_testable(finding_id, "M13", subject, claim, "share", missing, settle)
    low, high = stats.newcombe_difference(inside.flagged, inside.judged, others.flagged, others.judged, level)
    beside: dict[str, object] = {"others": others.details()}
    if others.judged:
        beside["minus_others"] = [inside.share - others.share, low, high]
    return share_finding(
        finding_id,
        subject,
        claim,
        inside,
        level,
        method=(
            "accounts in families of copies that the coordination test names, of those it could test"
            if named
            else "accounts in families of copies that have the flag new, of those it could judge"
        ),
        evidence=Evidence((*_TABLES, "coordinated_accounts" if named else "account_flags"), "accounts in families", 0),
        limits=(
            *_limits(own, "copied"),
            *(
                ("The coordination test itself looks at equal texts, so this share is no second proof.",)
                if named
                else ()
            ),
        ),
        alternatives=_ALTERNATIVES,
        details=beside,
    )


def _paraphrase(view: CaseView, subject: str) -> Finding:
    if view.config.narratives is not None:
        return _share(view, "paraphrase", spread(view, subject, "paraphrase"), subject)
    return not_testable(
        f"M13.paraphrase.{subject}",
        "M13",
        subject,
        f"Of the {whose(subject)} with a wording to compare, this share posted a paraphrase or translation of others.",
        "share",
        "the case file names no embedding model (narratives.model), and none comes with this version",
        "an embedding model that you supply, see the how-to on text models",
    )


def _finding(
    finding_id: str,
    subject: str,
    claim: str,
    value: float | int | None,
    unit: str,
    ends: tuple[float | int, float | int] | None,
    *,
    method: str,
    rows: int,
    limits: tuple[str, ...],
    trust: Confidence,
    level: float = 0.95,
    posts: tuple[str, ...] = (),
    details: dict[str, object] | None = None,
) -> Finding:
    return Finding(
        id=finding_id,
        measure="M13",
        subject=subject,
        claim=claim,
        value=value,
        unit=unit,
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        state="measured" if value is not None else "bounded",
        method=method,
        evidence=Evidence(_TABLES, "families with an account of the roster", rows, posts),
        limits=limits,
        confidence=trust,
        alternatives=_ALTERNATIVES,
        level=level,
        details=details or {},
    )


def _shown(family: Family) -> list[object]:
    """Return one family for the report's table; no account is shown, the table `narratives` has the first poster."""
    return [
        family.own_accounts,
        family.accounts,
        family.posts,
        family.reposts,
        " ".join(family.wording.split())[:_EXCERPT],
        family.first_at_ms,
        family.half_ms,
        list(family.languages[:6]),
        family.coordinated_accounts,
        family.new_accounts,
        family.new_judged,
        family.specific_share,
        family.usual,
        [[handle[:60], accounts] for handle, accounts in family.targets],
        family.first_post_id,
        family.family_id,
    ]


SECTION: Final = Section(
    name="narratives",
    title="What was said in the same words",
    order=130,
    measures=("M13",),
    findings=findings,
    template="section.html",
)
