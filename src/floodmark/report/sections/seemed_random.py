"""M2, "seemed random": do people come as a crowd comes? Entry synchrony, composition, self-excitation, inequality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.event.arrivals import Arrivals, arrivals_of
from floodmark.event.composition import SCALES_MS as MIX_SCALES_MS
from floodmark.event.composition import Composition, composition
from floodmark.event.entry_synchrony import SCALES_MS as ENTRY_SCALES_MS
from floodmark.event.entry_synchrony import EntrySynchrony, entry_synchrony
from floodmark.event.inequality import Inequality, difference, inequality
from floodmark.event.self_excitation import SelfExcitation, self_excitation
from floodmark.findings import Evidence, Finding
from floodmark.registry import Section
from floodmark.report.sections._random import (
    CONTROL_LIMIT,
    LIMITS,
    NO_CONTROL,
    SETTLE_CONTROL,
    TABLES,
    measured,
    missing,
    ratio_over,
    share_minus,
    with_verdicts,
)
from floodmark.report.sections._shared import SAMPLE_LIMIT, whose
from floodmark.stats import Counts, Interval
from floodmark.view import CaseView

_COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "age": ("class of age", "a creation date for most accounts"),
    "followers": ("class of followers", "a follower count for most accounts"),
    "language": ("language", "a language for most posts or accounts"),
}
_ENTRY_METHOD: Final = (
    "ordered pairs of new participants whose first posts fall into the same five minutes, over the mean if it were"
    " chance within each half hour which arrivals are new; interval from the jackknife over arrivals; test over bins of"
    " one and five minutes, arrivals dealt anew"
)
_ENTRY_LIMITS: Final = (
    *LIMITS,
    "New means no earlier post in the collection for that roster; without posts from before the event, early comers"
    " count as new although they may not be.",
    "An entry spread over an hour or more, or accounts that posted before, are not seen by this test.",
    "A cascade that brings another public than usual breaks what the test assumes: in simulated crowds of that kind,"
    " without any campaign, p-values up to 5 % came more than twice as often as they should.",
)
_MIX_LIMITS: Final = (
    *LIMITS,
    "The number of accounts in a bin plays no part, only their mix; a mix that drifts over hours is taken as ordinary.",
)
_OWN_LIMITS: Final = (
    "What reaches many at once from outside within minutes, such as a broadcast, looks like posts that set off posts.",
    "Where a crowd rises within minutes the p-value is too small: in simulated events in which nobody set off anybody,"
    " it was up to 5 % in 12 to 41 of 100 runs.",
    "An arrival set off after more than an hour counts as coming from outside.",
    "Posts of one account within half an hour of each other count once.",
)
_OWN_ALTERNATIVES: Final = (
    "People repeat and answer what they see; a high share is what a lively conversation looks like.",
    "A low share can be a crowd that watches the same programme, or one that works through a list.",
)
_GINI_LIMITS: Final = (
    "A few very active accounts decide it; its interval can be too narrow where one of them is missing.",
    SAMPLE_LIMIT,
)
_GINI_ALTERNATIVES: Final = (
    "Reporters, organisers and enthusiasts post far more than others in every conversation.",
    "Even posting can come from newcomers, each with a single post.",
)
#: Roster, start (UTC ms) and width (ms).
_Bin = tuple[str, int, int]
_Posts = Mapping[_Bin, tuple[str, ...]]


@dataclass(frozen=True)
class _Roster:
    """What was computed of one roster; text says what is missing."""

    arrivals: Arrivals
    posts: Counts
    entry: EntrySynchrony | str
    mixes: Mapping[str, Composition | str]
    excitation: SelfExcitation | str
    spread: Inequality | str


def findings(view: CaseView) -> list[Finding]:
    """Return the findings of "seemed random", for every roster in the same way."""
    rosters = {subject: _roster(view, subject) for subject in view.config.subjects}
    posts = _posts_behind(view, rosters)
    control, found = rosters.get("control"), list[Finding]()
    for subject, own in rosters.items():
        found.append(_entry(view, subject, own, posts))
        found += [_mix(view, subject, own, column, posts) for column in _COLUMNS]
        found.append(_excited(view, subject, own))
        found += _spread(view, subject, own)
        if subject != "control":
            found.append(_entry_to_control(view, subject, own, control))
            found += [_mix_to_control(view, subject, own, control, column) for column in _COLUMNS]
            found.append(_excited_difference(view, subject, own, control))
            found += _spread_difference(view, subject, own, control)
    order = {name: place for place, name in enumerate(_NAMES)}
    subjects = {subject: place for place, subject in enumerate(rosters)}
    return sorted(with_verdicts(found), key=lambda f: (order[f.id.rsplit(".", 1)[0]], subjects[f.subject]))


def _roster(view: CaseView, subject: str) -> _Roster:
    event, level = view.config.event, view.config.parameters.level
    arrivals = arrivals_of(view, subject)
    rows = view.db.arrays("SELECT posts FROM participants WHERE roster = $subject ORDER BY posts", {"subject": subject})
    posts = np.asarray(rows["posts"], dtype=np.int64)
    return _Roster(
        arrivals,
        posts,
        entry_synchrony(arrivals, level),
        {column: composition(arrivals, column, level) for column in _COLUMNS},
        self_excitation(arrivals.at_ms, event.start_ms, event.end_ms, arrivals.resolution_ms, level),
        inequality(posts, level),
    )


def _entry(view: CaseView, subject: str, own: _Roster, posts: _Posts) -> Finding:
    name, found = f"M2.entry_synchrony.{subject}", own.entry
    claim = (
        f"First posts of new {whose(subject)} share their five minutes with each other so many times as often as chance"
        " within the half hour gives."
    )
    if isinstance(found, str):
        settle = "more participants, and posts from before the event that show who is new"
        return missing(name, subject, claim, "ratio", found, settle)
    start, new, expected, arrivals = found.busiest
    rule = "new participants in the five minutes with the largest excess of new participants"
    return measured(
        name,
        subject,
        claim,
        (found.ratio, found.interval),
        "ratio",
        view.config.parameters.level,
        method=_ENTRY_METHOD,
        evidence=Evidence(TABLES, rule, new, posts.get((subject, start, ENTRY_SCALES_MS[-1]), ())),
        limits=_ENTRY_LIMITS,
        sizes=(found.new, found.returning),
        details={
            "new_participants": found.new,
            "returning_arrivals": found.returning,
            "ratio_within_one_minute": found.ratios[0],
            "p_value": found.p_value,
            "busiest": {"at_ms": start, "new": new, "expected": expected, "arrivals": arrivals},
        },
    )


def _entry_to_control(view: CaseView, subject: str, own: _Roster, control: _Roster | None) -> Finding:
    name = f"M2.entry_synchrony_to_control.{subject}"
    claim = f"This entry synchrony of {whose(subject)} is so many times that of the control."
    other = control.entry if control else NO_CONTROL
    return _over_control(view, name, subject, claim, own.entry, other, _ENTRY_METHOD, _ENTRY_LIMITS)


def _mix(view: CaseView, subject: str, own: _Roster, column: str, posts: _Posts) -> Finding:
    what, settle = _COLUMNS[column]
    name, found = f"M2.mix_{column}.{subject}", own.mixes[column]
    claim = (
        f"Two {whose(subject)} that come in the same quarter of an hour share their {what} so many times as often as"
        " two of the same half hour."
    )
    if isinstance(found, str):
        return missing(name, subject, claim, "ratio", f"{found} ({what})", f"more participants and {settle}")
    start, class_, accounts, expected, arrivals = found.oddest
    rule = f"accounts in the class and quarter of an hour with the largest excess, by {what}"
    return measured(
        name,
        subject,
        claim,
        (found.ratio, found.interval),
        "ratio",
        view.config.parameters.level,
        method=_mix_method(what),
        evidence=Evidence(TABLES, rule, accounts, posts.get((subject, start, MIX_SCALES_MS[-1]), ())),
        limits=(*_MIX_LIMITS, *_unknown(found, what)),
        sizes=(found.known,),
        details={
            "known": found.known,
            "unknown": found.unknown,
            "ratio_within_five_minutes_rare_classes_weighted": found.ratios[0],
            "p_value": found.p_value,
            "oddest": {
                "at_ms": start,
                "class": class_,
                "accounts": accounts,
                "expected": expected,
                "of_any_class": arrivals,
            },
        },
    )


def _mix_method(what: str) -> str:
    return (
        f"each account once, at its first arrival in the window; pairs alike in {what} within a quarter of an hour,"
        " over the mean if accounts of the half hour were dealt anew; interval from the jackknife over accounts; test"
        " over bins of five and fifteen minutes, rare classes weighted up"
    )


def _unknown(found: Composition, what: str) -> tuple[str, ...]:
    return (f"Left out because their {what} is not known: {found.unknown} accounts.",) if found.unknown else ()


def _mix_to_control(view: CaseView, subject: str, own: _Roster, control: _Roster | None, column: str) -> Finding:
    what, _ = _COLUMNS[column]
    claim = f"How much alike in {what} those of {whose(subject)} are that come together is so many times the control's."
    other = control.mixes[column] if control else NO_CONTROL
    name = f"M2.mix_{column}_to_control.{subject}"
    return _over_control(view, name, subject, claim, own.mixes[column], other, _mix_method(what), _MIX_LIMITS)


def _over_control(
    view: CaseView,
    name: str,
    subject: str,
    claim: str,
    own: EntrySynchrony | Composition | str,
    control: EntrySynchrony | Composition | str,
    method: str,
    limits: tuple[str, ...],
) -> Finding:
    if isinstance(own, str) or isinstance(control, str):
        return missing(name, subject, claim, "ratio", own if isinstance(own, str) else NO_CONTROL, SETTLE_CONTROL)
    found = ratio_over((own.ratio, own.interval), (control.ratio, control.interval))
    if found is None:
        return missing(name, subject, claim, "ratio", "the control has no such pair", "a larger control stream")
    sizes = [_size(own), _size(control)]
    return measured(
        name,
        subject,
        claim,
        found,
        "ratio",
        view.config.parameters.level,
        method=f"{method}; over the same in the control, intervals joined on the log scale",
        evidence=Evidence(TABLES, "arrivals of the roster and of the control", sum(sizes)),
        limits=(*limits, CONTROL_LIMIT),
        sizes=sizes,
        details={"roster_ratio": own.ratio, "control_ratio": control.ratio},
    )


def _size(found: EntrySynchrony | Composition) -> int:
    return min(found.new, found.returning) if isinstance(found, EntrySynchrony) else found.known


def _excited(view: CaseView, subject: str, own: _Roster) -> Finding:
    name, found = f"M2.self_excited_share.{subject}", own.excitation
    claim = f"This share of the arrivals of {whose(subject)} is set off by earlier ones; the rest comes from outside."
    if isinstance(found, str):
        return missing(name, subject, claim, "share", found, "more arrivals, or a longer window")
    return measured(
        name,
        subject,
        claim,
        (found.share, found.interval),
        "share",
        view.config.parameters.level,
        method=_excited_method(found),
        evidence=Evidence(TABLES, "arrivals in the window", found.arrivals),
        limits=(*_OWN_LIMITS, *(() if found.agreed else (_DISAGREE,))),
        sizes=(found.arrivals,),
        details={
            "arrivals": found.arrivals,
            "p_value": found.p_value,
            "backgrounds": [
                {
                    "knots_every_minutes": fit.width_minutes,
                    "fades_in_minutes": fit.tau_minutes,
                    "share": fit.share,
                    "low": fit.interval[0],
                    "high": fit.interval[1],
                    "schwarz": fit.criterion,
                }
                for fit in found.fits
            ],
        },
        alternatives=_OWN_ALTERNATIVES,
        agreed=found.agreed,
    )


_DISAGREE: Final = (
    "How fast the background may change decides the share, and the data do not tell how fast it does: a range is given."
)


def _excited_method(found: SelfExcitation) -> str:
    knots = ", ".join(f"{fit.width_minutes:g}" for fit in found.fits)
    return (
        f"Hawkes process over a background that runs straight between knots every {knots} minutes, memory fading within"
        " 20 minutes or less; range over all backgrounds but those that Schwarz's criterion rules out for a more"
        " pliant one, each with its likelihood interval; test against series drawn from the background alone"
    )


def _excited_difference(view: CaseView, subject: str, own: _Roster, control: _Roster | None) -> Finding:
    name = f"M2.self_excited_difference.{subject}"
    claim = f"The share set off by earlier arrivals among {whose(subject)} exceeds that of the control by so much."
    mine, other = own.excitation, control.excitation if control else NO_CONTROL
    if isinstance(mine, str) or isinstance(other, str):
        reason = mine if isinstance(mine, str) else NO_CONTROL
        return missing(name, subject, claim, "share", reason, SETTLE_CONTROL)
    agreed = mine.agreed and other.agreed
    found = share_minus((mine.share, mine.interval), (other.share, other.interval))
    if not agreed:
        ends: Interval = (mine.interval[0] - other.interval[1], mine.interval[1] - other.interval[0])
        found = found[0], ends
    return measured(
        name,
        subject,
        claim,
        found,
        "share",
        view.config.parameters.level,
        method=f"{_excited_method(mine)}; minus the same in the control",
        evidence=Evidence(TABLES, "arrivals of the roster and of the control", mine.arrivals + other.arrivals),
        limits=(*_OWN_LIMITS, CONTROL_LIMIT, *(() if agreed else (_DISAGREE,))),
        sizes=(mine.arrivals, other.arrivals),
        details={},
        alternatives=_OWN_ALTERNATIVES,
        agreed=agreed,
    )


def _spread(view: CaseView, subject: str, own: _Roster) -> list[Finding]:
    found, level = own.spread, view.config.parameters.level
    claims = (
        f"Gini's coefficient of posts per account among {whose(subject)}: nothing if all post alike, everything if one"
        " makes all posts.",
        f"The most active hundredth of {whose(subject)} made this share of their posts.",
    )
    names = (f"M2.gini.{subject}", f"M2.top_posts_share.{subject}")
    reason = found if isinstance(found, str) else f"{found.accounts} accounts; at least 100 are needed"
    values = (None, None) if isinstance(found, str) else (found.gini, found.top)
    intervals = (None, None) if isinstance(found, str) else (found.gini_interval, found.top_interval)
    return [
        missing(name, subject, claim, "share", reason, "more participants")
        if value is None or interval is None or isinstance(found, str)
        else measured(
            name,
            subject,
            claim,
            (value, interval),
            "share",
            level,
            method=f"posts per participant in the window; bootstrap over accounts, percentiles at level {level:g}",
            evidence=Evidence(("participants",), "participants of this roster", found.accounts),
            limits=_GINI_LIMITS,
            sizes=(found.accounts,),
            details={"accounts": found.accounts, "posts": found.posts},
            alternatives=_GINI_ALTERNATIVES,
        )
        for name, claim, value, interval in zip(names, claims, values, intervals, strict=True)
    ]


def _spread_difference(view: CaseView, subject: str, own: _Roster, control: _Roster | None) -> list[Finding]:
    level = view.config.parameters.level
    found = difference(own.posts, control.posts, level) if control else NO_CONTROL
    claims = (
        f"At equal posts per account, Gini's coefficient of {whose(subject)} exceeds that of the control by so much.",
        f"At equal posts per account, the share of the most active hundredth of {whose(subject)} exceeds the control's"
        " by so much.",
    )
    names = (f"M2.gini_difference.{subject}", f"M2.top_posts_difference.{subject}")
    reason = found if isinstance(found, str) else "fewer than 100 accounts in the roster or in the control"
    values = (None, None) if isinstance(found, str) else (found.gini, found.top)
    intervals = (None, None) if isinstance(found, str) else (found.gini_interval, found.top_interval)
    made = []
    for name, claim, value, interval in zip(names, claims, values, intervals, strict=True):
        if value is None or interval is None or isinstance(found, str) or control is None:
            made.append(missing(name, subject, claim, "share", reason, SETTLE_CONTROL))
            continue
        sizes = (int(own.posts.size), int(control.posts.size))
        made.append(
            measured(
                name,
                subject,
                claim,
                (value, interval),
                "share",
                level,
                method=_thinning(level, tested=name == names[0]),
                evidence=Evidence(
                    ("participants",),
                    "participants of the roster and of the control",
                    own.posts.size + control.posts.size,
                ),
                limits=(*_GINI_LIMITS, CONTROL_LIMIT, _THINNED),
                sizes=sizes,
                details={
                    "posts_per_account": round(found.mean, 4),
                    "thinned": found.thinned,
                    "kept_share": found.kept,
                    **({"p_value": found.p_value} if name == names[0] else {}),
                },
                alternatives=_GINI_ALTERNATIVES,
            )
        )
    return made


_THINNED: Final = (
    "The denser of the two is thinned to the other's posts per account, as if fewer of its posts had been collected;"
    " where one crowd truly posts more, that difference is taken out as well."
)


def _thinning(level: float, *, tested: bool) -> str:
    test = "; test by the jackknife over accounts of both" if tested else ""
    return (
        "posts of the denser of roster and control kept at random until accounts with any have as many on average as in"
        f" the other, expectation over all ways; bootstrap over accounts of both, percentile interval at level"
        f" {level:g}{test}"
    )


def _posts_behind(view: CaseView, rosters: Mapping[str, _Roster]) -> _Posts:
    """Return the smallest ids of the posts in each bin that a finding of `_entry` or `_mix` points at."""
    wanted: dict[_Bin, None] = {}
    for subject, own in rosters.items():
        if isinstance(own.entry, EntrySynchrony):
            wanted[subject, own.entry.busiest[0], ENTRY_SCALES_MS[-1]] = None
        for mix in own.mixes.values():
            if isinstance(mix, Composition):
                wanted[subject, mix.oddest[0], MIX_SCALES_MS[-1]] = None
    bins = list(wanted)
    if not bins:
        return {}
    rows = view.db.rows(
        """
        WITH wanted AS (
            SELECT unnest($places) AS place, unnest($rosters) AS roster, unnest($starts) AS start_ms,
                unnest($ends) AS end_ms
        ), behind AS (
            SELECT DISTINCT w.place, s.post_id FROM side_posts s
            JOIN participants p ON p.account_id = s.account_id
                AND CASE WHEN p.roster = 'both' THEN s.side <> 'control' ELSE s.side = p.roster END
            JOIN wanted w ON w.roster = p.roster AND s.at_ms >= w.start_ms AND s.at_ms < w.end_ms
            WHERE s.in_window
        )
        SELECT place, post_id FROM behind
        QUALIFY row_number() OVER (PARTITION BY place ORDER BY post_id) <= 5 ORDER BY place, post_id
        """,
        {
            "places": list(range(len(bins))),
            "rosters": [subject for subject, _, _ in bins],
            "starts": [start for _, start, _ in bins],
            "ends": [start + width for _, start, width in bins],
        },
    )
    found: dict[_Bin, tuple[str, ...]] = {}
    for place, post in rows:
        found[bins[place]] = (*found.get(bins[place], ()), post)
    return found


_NAMES: Final = tuple(
    f"M2.{name}"
    for name in (
        *("entry_synchrony", "entry_synchrony_to_control"),
        *(f"mix_{column}{end}" for column in _COLUMNS for end in ("", "_to_control")),
        *("self_excited_share", "self_excited_difference"),
        *("gini", "gini_difference", "top_posts_share", "top_posts_difference"),
    )
)

SECTION: Final = Section(
    name="seemed_random",
    title="Did it come as a crowd comes?",
    order=25,
    measures=("M2",),
    findings=findings,
    template="section.html",
    stems=_NAMES,
)
