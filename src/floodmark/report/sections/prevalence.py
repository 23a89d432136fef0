"""M4, what a flagged share can mean: combinations of flags, known error rates, latent classes, the hand-labelled audit.

The range over plausible error rates, which needs nothing, stands with the flags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

import numpy as np

from floodmark import registry
from floodmark.accounts.audit_estimate import SEED
from floodmark.accounts.audit_labels import AuditResult, stored_result
from floodmark.accounts.bayes_prevalence import Posterior, posterior
from floodmark.accounts.latent import latent_shares
from floodmark.accounts.prevalence import UNION, FlagCounts, Tally, count_flags
from floodmark.config import ErrorRates
from floodmark.findings import Evidence, Finding, not_testable
from floodmark.registry import Section
from floodmark.report.sections._shared import whose
from floodmark.stats import Counts
from floodmark.view import CaseView

_TABLES: Final = ("participants", "account_flags")
_ALTERNATIVES: Final = ("Newcomers, quiet readers and people who fear reprisals carry the same flags.",)
_UNKNOWN_LANGUAGES: Final = ("", "und", "qme", "qam", "qct", "qht", "qst", "zxx")
_MIN_JUDGED: Final = 100


def findings(view: CaseView) -> list[Finding]:
    """Return the findings on combinations and prevalence, four for each subject."""
    loaded = registry.flags().items
    flags = [flag for name, flag in sorted(loaded.items()) if flag.counted and (flag.measure == "M4" or name in UNION)]
    counts = count_flags(view, flags)
    subjects = view.config.subjects
    able = {s: tuple(f.name for f in flags if counts.testable(s, f)) for s in subjects}
    union = {s: tuple(name for name in UNION if name in able[s]) for s in subjects}
    languages = _by_language(view, union) if view.config.prevalence else {}
    found = [_combinations(counts, subject, able[subject]) for subject in subjects]
    found += [_labelled(view, counts, subject, union[subject], languages.get(subject, {})) for subject in subjects]
    found += [_latent(view, counts, subject, union) for subject in subjects]
    return found + [_audit(view, subject) for subject in subjects]


def _combinations(counts: FlagCounts, subject: str, names: Sequence[str]) -> Finding:
    claim = f"So many of the {whose(subject)} carry two or more flags at once."
    overlaps = counts.overlaps(subject, names) if names else {}
    judged = sum(overlaps.values())
    if not judged:
        missing = "no account of this roster can be judged on all the flags that the roster has data for"
        return _missing(f"M4.combinations.{subject}", subject, claim, missing, "profiles with all columns", "accounts")
    several = sum(accounts for key, accounts in overlaps.items() if "+" in key)
    unknown = counts.tally(subject, names).unknown
    return Finding(
        id=f"M4.combinations.{subject}",
        measure="M4",
        subject=subject,
        claim=claim,
        value=several,
        unit="accounts",
        low=None,
        high=None,
        state="measured",
        method=f"accounts by their exact combination of the flags {', '.join(names)}, among those judged on all",
        evidence=Evidence(_TABLES, "participants judged on all these flags", judged),
        limits=(
            "Flags that mean nearly the same meet often; that is no sign of anything.",
            f"Left out because a flag of theirs is not known: {unknown} accounts.",
        ),
        confidence="moderate",
        alternatives=_ALTERNATIVES,
        details={"overlaps": overlaps, "judged": judged, "unknown": unknown},
    )


def _labelled(
    view: CaseView, counts: FlagCounts, subject: str, names: Sequence[str], languages: Mapping[str, Tally]
) -> Finding:
    finding_id = f"M4.prevalence_labelled.{subject}"
    claim = f"Of the {whose(subject)}, this share is truly what the flags stand for, by the flags' counted error rates."
    given, level = view.config.prevalence, view.config.parameters.level
    tally = counts.tally(subject, names) if names else Tally(0, 0, 0)
    if given is None or given.overall is None:
        missing = "the case file has no [prevalence.overall] with the flags' right answers on labelled accounts"
        return _missing(finding_id, subject, claim, missing, "labelled accounts, as sensitivity and specificity counts")
    if not tally.judged:
        return _missing(finding_id, subject, claim, "no account could be judged on the flags", "profiles of accounts")
    answer = _posterior(tally, given.overall, level)
    if answer is None:
        missing = "the given error rates can hardly produce the share that is flagged; they belong to other accounts"
        return _missing(finding_id, subject, claim, missing, "error rates counted on accounts like these")
    rows = [_language(name, own, given.language.get(name), level) for name, own in sorted(languages.items())]
    return Finding(
        id=finding_id,
        measure="M4",
        subject=subject,
        claim=claim,
        value=answer.median,
        unit="share",
        low=answer.interval[0],
        high=answer.interval[1],
        state="measured",
        method=(
            "Rogan-Gladen with beta-distributed error rates (Gelman & Carpenter 2020), flat prior, median and central"
            f" interval at level {level:g}; any of the flags {', '.join(names)}; sensitivity"
            f" {_of(given.overall.sensitivity)}, specificity {_of(given.overall.specificity)}; source: {given.source}"
        ),
        evidence=Evidence(_TABLES, "participants judged on these flags", tally.judged),
        limits=(
            "Assumes that the flags err here as often as on the accounts on which the rates were counted.",
            *(f"By language of most posts: {row['words']}." for row in rows),
        ),
        confidence="low",
        alternatives=_ALTERNATIVES,
        level=level,
        details={**tally.details(), "languages": rows},
    )


def _language(name: str, tally: Tally, rates: ErrorRates | None, level: float) -> dict[str, object]:
    """Return one language's row; without rates of its own it has no figure."""
    answer = _posterior(tally, rates, level) if rates and tally.judged else None
    row: dict[str, object] = {"language": name, "flagged": tally.flagged, "judged": tally.judged}
    if answer is None:
        why = "the error rates contradict the share" if rates and tally.judged else "no error rates of this language"
        return {**row, "words": f"{name}, {tally.judged} accounts judged: not testable, {why}"}
    low, high = answer.interval
    words = f"{name}, {tally.judged} accounts judged: {low:.1%} to {high:.1%}"
    return {**row, "median": answer.median, "low": low, "high": high, "words": words}


def _posterior(tally: Tally, rates: ErrorRates, level: float) -> Posterior | None:
    return posterior(tally.flagged, tally.judged, rates.sensitivity, rates.specificity, level)


def _by_language(view: CaseView, union: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Tally]]:
    """Count flagged accounts by the language that most posts of an account are labelled with; ties: first by name."""
    result: dict[str, dict[str, Tally]] = {}
    for subject, names in union.items():
        rows = view.db.rows(
            "WITH counted AS (SELECT account_id, lower(language) AS language, count(*) AS posts FROM posts"
            " WHERE language IS NOT NULL AND NOT list_contains($none, lower(language)) GROUP BY ALL),"
            " main AS (SELECT DISTINCT ON (account_id) account_id, language FROM counted"
            " ORDER BY account_id, posts DESC, language),"
            " judged AS (SELECT account_id, count(*) AS judged, bool_or(flagged) AS flagged FROM account_flags"
            " WHERE list_contains($names, flag) GROUP BY account_id)"
            " SELECT coalesce(language, 'unknown'), count(*) FILTER (WHERE judged = $wanted AND flagged),"
            " count(*) FILTER (WHERE judged = $wanted), count(*) FROM participants p LEFT JOIN main USING (account_id)"
            " LEFT JOIN judged USING (account_id) WHERE p.roster = $subject GROUP BY 1 ORDER BY 1",
            {"none": list(_UNKNOWN_LANGUAGES), "names": list(names), "wanted": len(names), "subject": subject},
        )
        result[subject] = {name: Tally(flagged, judged, all_ - judged) for name, flagged, judged, all_ in rows}
    return result


def _latent(view: CaseView, counts: FlagCounts, subject: str, union: Mapping[str, Sequence[str]]) -> Finding:
    finding_id, level = f"M4.prevalence_latent.{subject}", view.config.parameters.level
    claim = f"Of the {whose(subject)}, this share belongs to a hidden class whose members carry each flag more often."
    if "control" not in union:
        return _missing(finding_id, subject, claim, "no control stream to be the second population", "a control stream")
    events = [s for s in union if s not in {"control", *((subject,) if subject != "control" else ())}]
    firsts = [subject] if subject != "control" else events
    names = tuple(n for n in union["control"] if any(n in union[s] for s in firsts))
    if len(names) < 2:
        missing = f"{len(names)} of the flags {', '.join(UNION)} can be judged in both populations; two are needed"
        return _missing(finding_id, subject, claim, missing, "profiles with the columns of two flags")
    table = _table(counts, firsts, names)
    if table.sum(axis=1).min() < _MIN_JUDGED:
        missing = f"{int(table.sum(axis=1).min())} accounts judged in one population, fewer than {_MIN_JUDGED}"
        return _missing(finding_id, subject, claim, missing, "more accounts judged on all flags")
    answer = latent_shares(table, level)
    if answer.problem:
        settle = "flags that do not depend on each other, or a labelled sample"
        return _missing(finding_id, subject, claim, answer.problem, settle)
    place = 1 if subject == "control" else 0
    low, high = answer.intervals[place]
    tested = answer.fit_p is not None
    pairs = _pairs(counts, firsts, names, place, level) if tested else {}
    fit = f"fit: p = {answer.fit_p:.2g}" if tested else "two flags leave nothing to test the fit on"
    return Finding(
        id=finding_id,
        measure="M4",
        subject=subject,
        claim=claim,
        value=answer.medians[place] if tested else None,
        unit="share",
        low=low,
        high=high,
        state="measured" if tested else "bounded",
        method=(
            f"latent classes over two populations (Hui & Walter 1980), {', '.join(firsts)} and control, flags"
            f" {', '.join(names)}, flat priors, central interval at level {level:g}, fixed seed; {fit}"
        ),
        evidence=Evidence(_TABLES, "participants judged on all these flags", int(table.sum())),
        limits=(
            "Assumes that flags are independent of each other within a class and err alike in both populations;"
            " new accounts have few followers, which violates it. A test that does not object proves nothing.",
            "What the hidden class is, nobody said: it may be newcomers.",
            *(f"With the flags {pair} alone: {words}." for pair, words in pairs.items()),
        ),
        confidence="low",
        alternatives=_ALTERNATIVES,
        level=level,
        details={"fit_p": answer.fit_p, "differ_p": answer.differ_p, "mixing": answer.mixing, "pairs": pairs},
    )


def _pairs(counts: FlagCounts, firsts: Sequence[str], names: Sequence[str], place: int, level: float) -> dict[str, str]:
    """Return what each pair of flags alone would say, in words."""
    said = {}
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            answer = latent_shares(_table(counts, firsts, (one, other)), level)
            low, high = answer.intervals[place]
            said[f"{one} and {other}"] = answer.problem or f"{low:.1%} to {high:.1%}"
    return said


def _table(counts: FlagCounts, firsts: Sequence[str], names: Sequence[str]) -> Counts:
    """Return accounts by population and pattern, those judged on all of `names`."""
    table = np.zeros((2, 2 ** len(names)), dtype=np.int64)
    codes = {name: 2 ** (len(names) - 1 - place) for place, name in enumerate(names)}
    for population, rosters in enumerate((firsts, ("control",))):
        for roster in rosters:
            for key, accounts in counts.overlaps(roster, names).items():
                table[population, sum(codes[name] for name in key.split("+") if name != "none")] += accounts
    return table


def _audit(view: CaseView, subject: str) -> Finding:
    claim = f"Of the {whose(subject)}, this share was found to be what is counted, in a labelled random sample."
    finding_id, level = f"M4.prevalence_audit.{subject}", view.config.parameters.level
    meaning = next((audit.meaning for audit in view.config.audits if audit.roster == subject), None)
    found = None if meaning is None else stored_result(view, subject)
    if found is None:
        missing = "the case file names no labelled random sample of this roster, [[audit]]"
        settle = f"a sample labelled by hand: floodmark audit-sample CASE --roster {subject} --out FOLDER"
        return _missing(finding_id, subject, claim, missing, settle)
    low, high = found.share.interval
    # Where nobody could tell, the labels give no share, only that it may be anything.
    decided = found.unclear < found.labelled
    enough = found.agreement is not None and found.labelled >= _MIN_JUDGED and found.unclear <= 0.2 * found.labelled
    return Finding(
        id=finding_id,
        measure="M4",
        subject=subject,
        claim=claim,
        value=found.share.share if decided else None,
        unit="share",
        low=low,
        high=high,
        state="measured" if decided else "bounded",
        method=(
            f"accounts drawn at random within strata and labelled by hand; a yes means: {meaning}; shares of the strata"
            " weighted by their accounts; the accounts not drawn are beta-binomial with Kerman's neutral prior, central"
            f" interval at level {level:g}, seed {SEED}"
        ),
        evidence=Evidence(
            ("participants", "audit_labels"), "accounts of the roster that were labelled", found.labelled
        ),
        limits=_audit_limits(found),
        confidence="moderate" if enough else "low",
        alternatives=("People err alike: what looks false to two labellers can be an ordinary account.",),
        level=level,
        details={
            "labelled": found.labelled,
            "cannot_tell": found.unclear,
            "bounds_if_unclear": list(found.share.bounds),
            "kappa": list(found.agreement) if found.agreement else None,
            "strata": [asdict(stratum) for stratum in found.strata],
        },
    )


def _audit_limits(found: AuditResult) -> tuple[str, ...]:
    """Return what the labels cannot say: errors of labellers, accounts that nobody could judge, agreement."""
    unclear = (
        f"{found.unclear} of {found.labelled} labelled accounts are 'cannot tell': the low end counts them as no, the"
        " high end as yes."
    )
    agreed = "One person labelled; how far another would agree is not known."
    if found.agreement:
        value, low, high = found.agreement
        agreed = f"Two people labelled and agree with kappa {value:.2f} ({low:.2f} to {high:.2f}); the first's count."
    return ("It is as good as the labels; errors of the labellers are not in the interval.", agreed, unclear)


def _missing(finding_id: str, subject: str, claim: str, missing: str, settle: str, unit: str = "share") -> Finding:
    return not_testable(finding_id, "M4", subject, claim, unit, missing, settle)


def _of(counted: tuple[int, int]) -> str:
    return f"{counted[0]} of {counted[1]}"


SECTION: Final = Section(
    name="prevalence",
    title="What a flagged share can mean",
    order=41,
    measures=("M4",),
    findings=findings,
    template="section.html",
    stems=("M4.combinations", "M4.prevalence_labelled", "M4.prevalence_latent", "M4.prevalence_audit"),
)
