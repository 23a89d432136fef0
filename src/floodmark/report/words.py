"""The report's fixed wording: the measures, the states, labels of known findings, tiles, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Title, meaning, and the findings that stand for the measure in the claim table (the first that exists).
MEASURES: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "M1": ("Event", "its window, sides and control stream, and what was collected", ("M1.posts_collected",)),
    "M2": ("Spikes", "busier than that hour of the week usually is", ("M2.peak_ratio", "M2.spike_bins")),
    "M3": ("Participants", "accounts with at least one post for a side in the window", ("M3.participants",)),
    "M4": ("Account flags", "new, woken, few followers, empty profile; the prevalence they allow", ("M4.any",)),
    "M5": ("Enrolment", "accounts created shortly before the event, against the control", ("M5.enrolled",)),
    "M6": ("Aftermath", "what became of the accounts, against the control", ("M6.gone",)),
    "M7": ("Place", "a share with bounds, never a country for one account", ("M7.in_country",)),
    "M8": ("VPNs and proxies", "how much of the place is unknown, and why", ()),
    "M9": ("Automation", "posting rhythm, identical schedules, clients", ()),
    "M10": ("Takeover", "accounts that break their own habits, tested in groups", ("M10.takeover",)),
    "M11": ("Structure", "who starts, who always follows; amplified is not amplifier", ("M11.groups_with_starter",)),
    "M12": ("Share of voice", "whose posts filled the conversation", ("M12.share_of_voice",)),
    "M13": ("Narratives", "families of near-identical texts, first poster, spread", ()),
    "M14": ("Watch", "the same measures kept current on a stream", ()),
    "M15": ("Report", "every number a finding, every finding replayable", ()),
    "M16": ("Claim audit", "the arithmetic and the range of figures published by others", ("M16.published_flagged",)),
}

#: Glyph, word and meaning of each state; never colour alone.
STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "measured": ("●", "measured", "computed from the rows; a share or a ratio has an interval"),
    "bounded": ("◐", "bounded", "the data allow a range, not a point"),
    "not_testable": ("○", "not testable", "a column or a reference is missing; what, is said beside it"),
    "untested": ("◌", "untested", "no test of this was run; nothing follows from it"),
    "failed": ("✕", "failed", "the step that computes it did not finish"),
    "absent": ("–", "no finding", "this version computes nothing here"),
}

#: What a row is called; `{name}` is a parameter of the case file. Findings not listed are called by their id.
LABELS: Final[Mapping[str, str]] = {
    "M1.window": "Window",
    "M1.posts_collected": "Posts collected",
    "M1.coverage": "Coverage",
    "M1.rejected_rows": "Rejected rows",
    "M2.spike_bins": "Bins with a spike",
    "M2.peak_ratio": "Peak against expected",
    "M3.participants": "Participants",
    "M3.posts": "Posts by participants",
    "M3.candidates": "Candidate pairs",
    "M3.coordinated": "Named as coordinated",
    "M3.coordinated_share": "Named, of those that could be tested",
    "M3.coordinated_at_least": "Coordinated, of all participants, if every name is right",
    "M3.in_step": "In step, not named",
    "M3.lead": "Leads, not named",
    "M3.testable": "Could be tested at all",
    "M3.groups": "Groups with named accounts",
    "M3.minimum_detectable_jitter": "Widest jitter still detectable",
    "M3.too_dense": "Actions too dense to propose anybody",
    "M4.new": "Created within {enrolment_days} days before",
    "M4.dormant": "Dormant over {dormant_days} days, then awake",
    "M4.low_follower": "Fewer than {low_follower_under} followers",
    "M4.default_profile": "Empty profile",
    "M4.any": "New, dormant or low-follower",
    "M4.prevalence": "Prevalence the flags allow",
    "M4.any_difference": "These flags, minus control",
    "M5.enrolled": "Enrolled within {enrolment_days} days before",
    "M5.enrolled_accounts": "Accounts enrolled",
    "M5.difference": "Enrolled, minus control",
    "M5.difference_recent": "Enrolled, of those under {enrolment_recent_years} years old, minus control",
    "M5.difference_to": "Enrolled, minus control stream",
    "M5.burst_hours": "Hours with a burst of creations",
    "M5.burst_days": "Days with a burst of creations",
    "M5.burst_weeks": "Weeks with a burst of creations",
    "M5.burst_created": "Created in a burst (hour or day)",
    "M5.burst_difference": "Created in a burst, minus control",
    "M5.impossible_dates": "Impossible creation dates, counted as unknown",
    "M6.gone": "Gone afterwards, any reason",
    "M6.deleted": "Deleted",
    "M6.suspended": "Suspended",
    "M6.silent": "Silent for {silent_days} days",
    "M6.not_found": "Not found",
    "M6.returned": "Back again",
    "M6.came_back": "Back again, of those ever seen gone",
    "M6.protected": "Protected",
    "M6.renamed": "Renamed",
    "M6.gone_difference": "Gone, minus control",
    "M6.ever_gone_of_polled": "Ever gone, of all polled elsewhere",
    "M6.vanishing_pace": "Vanishing around the event, against usual",
    "M6.snapshots": "Status snapshots",
    "M6.staying": "Still there at the last poll",
    "M6.matched_difference": "Gone, minus matched controls",
    "M6.deleting_accounts": "Accounts with deleted posts",
    "M6.deleted_posts": "Deleted posts",
    "M6.post_life": "Median life of deleted posts",
    "M6.short_lived": "Deleted posts under {short_life_minutes} minutes old",
    "M6.gone_soon": "Collected posts deleted within {short_life_minutes} minutes",
    "M6.short_lived_difference": "Short-lived, minus control",
    "M7.in_country": "In the country of interest ({country})",
    "M10.takeover": "Own habits broken, in groups",
    "M10.groups": "Groups of like breaks",
    "M10.difference": "Own habits broken, minus control",
    "M11.starters": "Starters: first more often than chance",
    "M11.groups_with_starter": "Groups with such a starter",
    "M11.follow_delay": "Behind the first of the group, median",
    "M11.step_delay": "Behind the nearest ahead, median",
    "M11.core_edges": "Edges at starters or core",
    "M11.amplified": "Amplified (or leading); no members",
    "M11.groups": "Groups whose order was looked at",
    "M12.share_of_voice": "Share of voice",
    "M16.published_flagged": "Flagged, by the published counts (the text says “nearly 46 %”)",
    "M16.published_enrolled": "Enrolled, by the published counts",
    "M16.published_deleted": "Deleted, by the published counts",
    "M16.published_deleted_or_inactive": "Deleted or inactive, by the published counts",
    "M16.published_prevalence": "Prevalence the published count allows",
}

#: The key figures at the top: title and finding.
TILES: Final = (
    ("Participants", "M3.participants"),
    ("Named as coordinated", "M3.coordinated"),
    ("Could be tested for it at all", "M3.testable"),
    ("Minimum detectable jitter", "M3.minimum_detectable_jitter"),
    ("Share of voice", "M12.share_of_voice"),
    ("New, dormant or low-follower", "M4.any"),
    ("Newly enrolled", "M5.enrolled"),
    ("Gone afterwards", "M6.gone"),
    ("In the country", "M7.in_country"),
)

PARAMETERS: Final[Mapping[str, str]] = {
    "windows_s": "largest distance in time between two co-actions, in seconds",
    "test_windows_s": "the coordination test looks for actions within so many seconds of each other",
    "reference_stream": "stream of ordinary life from which the coordination test learns what is usual",
    "min_objects": "distinct objects that two accounts must share to be a candidate pair",
    "level": "level of every interval",
    "low_follower_under": "an account with fewer followers is flagged",
    "enrolment_days": "an account created at most so many days before the event is new",
    "enrolment_recent_years": "accounts at most so old are also compared with control accounts of that age",
    "dormant_days": "a silence longer than this, ending before the event, is dormancy",
    "silent_days": "no post for so many days after the event is silence",
    "digit_tail_digits": "a handle that ends in so many digits is flagged",
    "random_handle_permille": "a handle is unusual where at most so many in a thousand outside the sides are as unusual",
    "family_accounts": "a family of profiles has at least so many accounts",
    "family_reference_permille": "a feature that more than so many in a thousand other accounts have makes no family",
    "short_life_minutes": "a deleted post that lived shorter counts as short-lived",
    "spike_bin_minutes": "length of the bins in which posts are counted",
    "baseline_days": "days before the event that the baseline needs",
    "automation_min_posts": "an account's rhythm is judged from so many posts on",
    "structure_min_actions": "an account is tested for its place in its group from so many separate joint actions on",
    "takeover_history_posts": "an account's own habits are learnt from at least so many posts before a break",
    "takeover_posts_after": "and a break needs at least so many posts after it",
    "takeover_group_accounts": "breaks are reported only where so many accounts take up the same new values",
    "takeover_days": "days within which breaks are together",
    "max_rejected_share": "a file with a larger share of rejected rows stops the run",
}

SUBJECTS: Final[Mapping[str, tuple[str, str]]] = {
    "both": ("Both sides", "accounts that posted for more than one side; counted here only"),
    "control": ("Control", "an unrelated conversation collected in the same way and window"),
    "collection": ("Whole collection", "all rows of the case"),
    "event": ("Event", "all streams of the sides together"),
}

#: Grade of a group in words, and what it means.
GRADES: Final[Mapping[str, tuple[str, str]]] = {
    "A": (
        "A, first posts are no common trigger",
        "for most of its named accounts, delays behind an object's first post do not explain the timing;"
        " a later trigger that all saw (a message, push or broadcast) is not excluded",
    ),
    "B": ("B, lockstep", "in step beyond chance; one source that all watch may explain it"),
    "": ("In step only, nobody named", "two-sided timing alone; first movers and the amplified land here too"),
}
ROLES: Final[Mapping[str, str]] = {
    "follower": "behind the others",
    "first_mover": "moves first and follows",
    "amplified": "mostly in front of the others: amplified by them, or leading them; not named",
}
