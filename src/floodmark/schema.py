"""Every table of a case, declared once: column, DuckDB type, unit and meaning.

Readers, derived SQL, checks and `docs/reference/tables.md` all derive from the declarations here.
Times are int64 UTC milliseconds; unknown is NULL, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

FORMAT_VERSION: Final = 1


@dataclass(frozen=True)
class Column:
    """One column: `type` is a DuckDB type name, `unit` is empty for text."""

    name: str
    type: str
    meaning: str
    unit: str = ""
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One table. `kind` is base (read from inputs) or derived (computed from base tables)."""

    name: str
    kind: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return the column called `name`; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


_ID = "namespaced by platform, as in `twitter:123`, so that accounts of two platforms never merge"

POSTS: Final = Table(
    "posts",
    "base",
    "One row per post and stream: the canonical row (smallest by bytes) of all rows with that id.",
    ("stream", "post_id"),
    (
        Column(
            "stream",
            "VARCHAR",
            "the collection that the post came with, as named in the case file",
            required=True,
        ),
        Column("post_id", "VARCHAR", f"id of the post, {_ID}", required=True),
        Column("account_id", "VARCHAR", f"id of the author, {_ID}", required=True),
        Column("at_ms", "BIGINT", "when it was posted", "UTC ms", required=True),
        Column(
            "at_resolution_ms",
            "INTEGER",
            "how fine the clock was: 1, 1000 (second) or 60000 (minute)",
            "ms",
            required=True,
        ),
        Column("text", "VARCHAR", "the raw text, lone surrogates replaced by U+FFFD"),
        Column("language", "VARCHAR", "language as the platform labelled it"),
        Column("client", "VARCHAR", "client that posted it"),
        Column("is_repost", "BOOLEAN", "whether it only repeats another post; NULL where the format does not say"),
        Column("reposted_post_id", "VARCHAR", "id of the post that it repeats"),
        Column("reposted_account_id", "VARCHAR", "author of the post that it repeats"),
        Column("replied_post_id", "VARCHAR", "id of the post that it answers"),
        Column("replied_account_id", "VARCHAR", "author of the post that it answers"),
        Column("quoted_post_id", "VARCHAR", "id of the post that it quotes"),
        Column("hashtags", "VARCHAR[]", "hashtags without the sign, as written; NULL: extract from the text"),
        Column("urls", "VARCHAR[]", "links, expanded where the format has that; NULL: extract from the text"),
        Column("mentions", "VARCHAR[]", "mentioned accounts, handles or ids as the format has them"),
        Column("impressions", "BIGINT", "how often it was shown, as the platform counted when it was seen", "times"),
        Column("observed_at_ms", "BIGINT", "when the collector saw it", "UTC ms"),
    ),
)

REPEATS: Final = Table(
    "repeats",
    "base",
    "Rows whose post id was already stored in the same stream: kept, with their observation time.",
    (),
    POSTS.columns,
)

ACCOUNTS: Final = Table(
    "account_observations",
    "base",
    "What was seen of an account's profile, one row per distinct observation.",
    (),
    (
        Column("account_id", "VARCHAR", f"id of the account, {_ID}", required=True),
        Column(
            "observed_at_ms",
            "BIGINT",
            "when the profile was seen (the post's time where it came with a post)",
            "UTC ms",
        ),
        Column("handle", "VARCHAR", "handle without @"),
        Column("display_name", "VARCHAR", "name shown"),
        Column("created_at_ms", "BIGINT", "when the account was created", "UTC ms"),
        Column("created_resolution_ms", "INTEGER", "how fine that is; 86400000 where only the day is known", "ms"),
        Column("followers", "BIGINT", "accounts that follow it", "accounts"),
        Column("following", "BIGINT", "accounts that it follows", "accounts"),
        Column("posts_total", "BIGINT", "posts that the profile counts", "posts"),
        Column("previous_post_at_ms", "BIGINT", "last post before the collection began", "UTC ms"),
        Column("location", "VARCHAR", "self-reported place, free text"),
        Column("description", "VARCHAR", "profile text"),
        Column("language", "VARCHAR", "interface language"),
        Column("default_picture", "BOOLEAN", "whether the picture is the platform's default"),
        Column("picture", "VARCHAR", "address or hash of the profile picture; equal text means equal picture"),
        Column("verified", "BOOLEAN", "verified by the platform"),
        Column("protected", "BOOLEAN", "posts visible to followers only"),
    ),
)

STATUSES: Final = Table(
    "statuses",
    "base",
    "Status snapshots: a dated look at whether accounts exist.",
    ("account_id", "observed_at_ms"),
    (
        Column("account_id", "VARCHAR", f"id of the account, {_ID}", required=True),
        Column("observed_at_ms", "BIGINT", "when it was looked up", "UTC ms", required=True),
        Column(
            "status",
            "VARCHAR",
            "one of active, suspended, deleted, protected, renamed, not_found, restricted, or returned: gone at that"
            " time and back at a later look without a date",
            required=True,
        ),
        Column("reason", "VARCHAR", "what the platform said"),
        Column("last_post_at_ms", "BIGINT", "the account's latest post at that time", "UTC ms"),
        Column("last_seen_at_ms", "BIGINT", "an earlier look at which it was there, where the row says so", "UTC ms"),
    ),
)

STATUS_WORDS: Final = ("active", "suspended", "deleted", "protected", "renamed", "not_found")
#: What a snapshot may hold: a state, or two that only some files know.
STATUS_VALUES: Final = (*STATUS_WORDS, "restricted", "returned")

POST_DELETIONS: Final = Table(
    "post_deletions",
    "base",
    "Deletions of posts as a stream announced them; the posts themselves need not be held.",
    ("stream", "post_id", "account_id", "deleted_at_ms"),
    (
        Column("stream", "VARCHAR", "the collection that saw the deletion", required=True),
        Column("post_id", "VARCHAR", f"id of the deleted post, {_ID}", required=True),
        Column("account_id", "VARCHAR", f"id of its author, {_ID}", required=True),
        Column("deleted_at_ms", "BIGINT", "when the deletion was seen", "UTC ms", required=True),
        Column("created_at_ms", "BIGINT", "when the post was written, where the input says so", "UTC ms"),
    ),
)

LISTED_ACCOUNTS: Final = Table(
    "listed_accounts",
    "base",
    "Accounts that inputs without posts name: lists of accounts, status snapshots, deletions.",
    ("stream", "account_id"),
    (
        Column("stream", "VARCHAR", "stream of that input", required=True),
        Column("account_id", "VARCHAR", f"id of the account, {_ID}", required=True),
    ),
)

AUDIT_LABELS: Final = Table(
    "audit_labels",
    "base",
    "What labellers said of the accounts of a random sample, where the case file names one.",
    ("roster", "account_id"),
    (
        Column("roster", "VARCHAR", "the roster that the sample was drawn from", required=True),
        Column("account_id", "VARCHAR", f"id of the account, {_ID}", required=True),
        Column("stratum", "VARCHAR", "the part of the roster that it was drawn from", required=True),
        Column("stratum_accounts", "BIGINT", "accounts in that part", "accounts", required=True),
        Column("label", "VARCHAR", "`yes`, `no` or `cannot tell`, by the first labeller", required=True),
        Column("second_label", "VARCHAR", "the same by the second labeller, if there was one"),
    ),
)

REJECTS: Final = Table(
    "rejects",
    "base",
    "Input rows that were not stored, each with its place and reason; input = stored + rejected.",
    (),
    (
        Column("input", "VARCHAR", "file name as the case file has it", required=True),
        Column("line", "BIGINT", "line (or item) in that file, from 1", required=True),
        Column("reason", "VARCHAR", "short code, counted in the manifest", required=True),
        Column("field", "VARCHAR", "the field at fault"),
        Column("detail", "VARCHAR", "what was found"),
        Column("raw", "VARCHAR", "the row as read, cut to 2,000 characters"),
    ),
)

POST_FEATURES: Final = Table(
    "post_features",
    "derived",
    "What posts hold once folded, one row per row of posts; see textfold.py.",
    ("stream", "post_id"),
    (
        Column("stream", "VARCHAR", "stream of the post", required=True),
        Column("post_id", "VARCHAR", "the post", required=True),
        Column(
            "folded_text", "VARCHAR", "text with case, letter variants and spacing unified, links and mentions removed"
        ),
        Column("hashtags", "VARCHAR[]", "folded, distinct, sorted"),
        Column("urls", "VARCHAR[]", "normalised, distinct, sorted"),
        Column("repost_handle", "VARCHAR", "x, in lower case, of a text that starts with `RT @x:`"),
        Column("repost_text", "VARCHAR", "what follows it, folded, links and mentions kept"),
    ),
)

PROFILES: Final = Table(
    "accounts",
    "derived",
    "One row per account: its latest observation (ties: the smallest by bytes), and when it was created.",
    ("account_id",),
    (
        *(column for column in ACCOUNTS.columns if not column.name.startswith("created_")),
        Column(
            "created_at_ms",
            "BIGINT",
            "when it was created, at the earliest; NULL where that is unknown or impossible",
            "UTC ms",
        ),
        Column(
            "created_resolution_ms",
            "BIGINT",
            "how fine that is: the account was created at most so much later; NULL: at that moment",
            "ms",
        ),
        Column("created_from", "VARCHAR", "`profile`, or `id` where only the id carries a date"),
        Column(
            "created_problem",
            "VARCHAR",
            "impossible, so unknown: before_platform, after_own_post, after_collection; kept: differs_from_id",
        ),
        Column("profile_created_at_ms", "BIGINT", "the profile's own date, impossible or not", "UTC ms"),
        Column("profile_created_resolution_ms", "BIGINT", "how fine that is", "ms"),
    ),
)

SIDE_POSTS: Final = Table(
    "side_posts",
    "derived",
    "Posts of each side and of the control stream, inside and outside the window.",
    ("side", "stream", "post_id"),
    (
        Column("side", "VARCHAR", "name of the side in the case file, or `control`"),
        Column("stream", "VARCHAR", "stream of the post"),
        Column("post_id", "VARCHAR", "the post"),
        Column("account_id", "VARCHAR", "its author"),
        Column("at_ms", "BIGINT", "when", "UTC ms"),
        Column("in_window", "BOOLEAN", "start <= at_ms < end of the event window"),
    ),
)

PARTICIPANTS: Final = Table(
    "participants",
    "derived",
    "Accounts with at least one post matching a side in the window; one row an account and roster.",
    ("roster", "account_id"),
    (
        Column("roster", "VARCHAR", "a side's name (that side only), `both` (several sides), or `control`"),
        Column("account_id", "VARCHAR", "the account"),
        Column("posts", "BIGINT", "its distinct posts for that roster in the window", "posts"),
        Column("first_at_ms", "BIGINT", "its first such post", "UTC ms"),
    ),
)

ACCOUNT_FLAGS: Final = Table(
    "account_flags",
    "derived",
    "What each flag says of each participant and why; no row where the flag cannot judge the account.",
    ("flag", "account_id"),
    (
        Column("flag", "VARCHAR", "a file in accounts/", required=True),
        Column("account_id", "VARCHAR", "the account", required=True),
        Column("flagged", "BOOLEAN", "whether the account has it", required=True),
        Column("evidence", "VARCHAR", "why, in words; what was seen of the account"),
    ),
)

ACTIONS: Final = Table(
    "actions",
    "derived",
    "An account did a thing to an object at a time, one row per trace, object and post.",
    ("scope", "trace", "object_id", "post_id"),
    (
        Column(
            "scope",
            "VARCHAR",
            "`event` (all streams of the sides), `control`, or `reference` where the case file names one",
        ),
        Column("trace", "VARCHAR", "kind of action: a file in traces/"),
        Column("account_id", "VARCHAR", "who"),
        Column("object_id", "VARCHAR", "to what: post id, link, hashtag set, folded text"),
        Column("post_id", "VARCHAR", "in which post"),
        Column("at_ms", "BIGINT", "when", "UTC ms"),
    ),
)

EDGES: Final = Table(
    "edges",
    "derived",
    "Co-actions summed over a pair of accounts, account_a < account_b bytewise; untested.",
    ("scope", "trace", "window_ms", "account_a", "account_b"),
    (
        Column("scope", "VARCHAR", "as in actions"),
        Column("trace", "VARCHAR", "as in actions"),
        Column("window_ms", "BIGINT", "largest distance in time that counts", "ms"),
        Column("account_a", "VARCHAR", "first account, bytewise"),
        Column("account_b", "VARCHAR", "second account"),
        Column("coactions", "BIGINT", "in-window pairs of actions, ties included", "pairs"),
        Column("objects", "BIGINT", "distinct objects with at least one", "objects"),
        Column("a_first", "BIGINT", "pairs in which a was strictly earlier", "pairs"),
        Column("b_first", "BIGINT", "pairs in which b was strictly earlier", "pairs"),
    ),
)

COORDINATION_TESTS: Final = Table(
    "coordination_tests",
    "derived",
    "What the coordination test worked on, one row per scope that holds any action.",
    ("scope",),
    (
        Column("scope", "VARCHAR", "as in actions"),
        Column("accounts", "BIGINT", "accounts with any action", "accounts"),
        Column("actions_used", "BIGINT", "first actions on objects that at least two accounts share", "actions"),
        Column("testable", "BIGINT", "accounts that can meet the minimum evidence", "accounts"),
        Column("proposed", "BIGINT", "groups that were proposed for testing", "groups"),
        Column("tests", "BIGINT", "tests of one account against one group", "tests"),
        Column("resolution_ms", "BIGINT", "how fine the clock was", "ms"),
        Column("windows_ms", "BIGINT[]", "windows used; those under the clock's resolution are not", "ms"),
        Column(
            "dense_actions", "BIGINT[]", "per window: actions with too many successors to propose anybody", "actions"
        ),
        Column("dense_objects", "BIGINT[]", "per window: objects that hold them", "objects"),
        Column(
            "minimum_detectable_jitter_ms",
            "BIGINT",
            "widest jitter at which the reference campaign would still be seen here; 0: none would",
            "ms",
        ),
        Column("reference_used", "BOOLEAN", "whether rates came from the stream named as reference"),
    ),
)

COORDINATED_ACCOUNTS: Final = Table(
    "coordinated_accounts",
    "derived",
    "What the coordination test says of each account with any action. No state clears anybody.",
    ("scope", "account_id"),
    (
        Column("scope", "VARCHAR", "as in actions"),
        Column("account_id", "VARCHAR", "the account"),
        Column("state", "VARCHAR", "named, in_step, lead, tested or untestable (cannot meet the minimum evidence)"),
        Column("p_value", "DOUBLE", "of its best test; 1 where no group could be tested"),
        Column("group_id", "VARCHAR", "its group; NULL outside groups"),
        Column(
            "grade",
            "VARCHAR",
            "A (first posts are no common trigger) or B (they may be); NULL outside groups",
        ),
        Column("role", "VARCHAR", "follower, amplified or first_mover; NULL outside groups"),
        Column("episodes", "BIGINT", "separate episodes in which it was in step with its group", "episodes"),
    ),
)

GROUPS: Final = Table(
    "groups",
    "derived",
    "Groups that the coordination test found; in some nobody is named, all are in step.",
    ("scope", "group_id"),
    (
        Column("scope", "VARCHAR", "as in actions"),
        Column("group_id", "VARCHAR", "E1, E2, ... in the event, C1, C2, ... in the control"),
        Column(
            "grade",
            "VARCHAR",
            "as in coordinated_accounts: A where most of the named have it; NULL where nobody is named",
        ),
        Column("members", "BIGINT", "accounts of the group, amplified ones not among them", "accounts"),
        Column("named", "BIGINT", "members that are named", "accounts"),
        Column("objects", "BIGINT", "distinct objects on which members were in step", "objects"),
        Column("rare_objects", "BIGINT", "of these, acted on by few of the active accounts", "objects"),
        Column("episodes", "BIGINT", "separate episodes", "episodes"),
        Column("window_ms", "BIGINT", "window with the strongest evidence", "ms"),
        Column("median_lag_ms", "BIGINT", "median time between members' actions in step", "ms"),
        Column("first_ms", "BIGINT", "first action in step", "UTC ms"),
        Column("last_ms", "BIGINT", "last action in step", "UTC ms"),
        Column("traces", "VARCHAR[]", "traces of the actions in step"),
        Column("trace_objects", "BIGINT[]", "objects of each trace, aligned with traces", "objects"),
    ),
)

GROUP_READINGS: Final = Table(
    "group_readings",
    "derived",
    "Innocent explanations of each group, with what speaks for and against them.",
    ("group_id", "reading"),
    (
        Column("group_id", "VARCHAR", "as in groups"),
        Column("place", "BIGINT", "order in which readings are shown"),
        Column("reading", "VARCHAR", "short name"),
        Column("meaning", "VARCHAR", "what it would mean"),
        Column("speaks_for", "VARCHAR", "what speaks for it"),
        Column("speaks_against", "VARCHAR", "what speaks against it"),
    ),
)

TESTED_EDGES: Final = Table(
    "tested_edges",
    "derived",
    "Pairs of members of one group with their own p-value, account_a < account_b bytewise.",
    ("edge_id",),
    (
        Column("scope", "VARCHAR", "as in actions"),
        Column("group_id", "VARCHAR", "as in groups"),
        Column("edge_id", "VARCHAR", "stable name of the edge, such as E1-3"),
        Column("account_a", "VARCHAR", "first account, bytewise"),
        Column("account_b", "VARCHAR", "second account"),
        Column("p_value", "DOUBLE", "of this pair alone"),
        Column("episodes", "BIGINT", "episodes with a hit", "episodes"),
        Column("opportunities", "BIGINT", "episodes in which both acted on one object", "episodes"),
        Column("window_ms", "BIGINT", "window with the smallest p-value", "ms"),
        Column("median_lag_ms", "BIGINT", "median of b's time minus a's; negative: b leads", "ms"),
        Column("a_first", "BIGINT", "in-window objects on which a was strictly earlier", "objects"),
        Column("b_first", "BIGINT", "in-window objects on which b was strictly earlier", "objects"),
    ),
)

EDGE_EVIDENCE: Final = Table(
    "edge_evidence",
    "derived",
    "The posts behind each tested edge; of several posts in which an account first acted on the object, the smallest.",
    ("edge_id", "trace", "object_id"),
    (
        Column("scope", "VARCHAR", "as in actions"),
        Column("edge_id", "VARCHAR", "as in tested_edges"),
        Column("trace", "VARCHAR", "kind of action"),
        Column("object_id", "VARCHAR", "the object that both acted on"),
        Column("post_a", "VARCHAR", "post of account_a"),
        Column("post_b", "VARCHAR", "post of account_b"),
        Column("at_a_ms", "BIGINT", "when a acted", "UTC ms"),
        Column("at_b_ms", "BIGINT", "when b acted", "UTC ms"),
    ),
)

ACCOUNT_STRUCTURE: Final = Table(
    "account_structure",
    "derived",
    "The place of each account in its group: who comes first, who behind, how fast. Roles describe order only.",
    ("scope", "group_id", "account_id"),
    (
        Column("scope", "VARCHAR", "as in actions"),
        Column("group_id", "VARCHAR", "as in groups"),
        Column("account_id", "VARCHAR", "the account"),
        Column("named", "BOOLEAN", "whether the coordination test names it; in step with the group otherwise"),
        Column(
            "role",
            "VARCHAR",
            "by test: starter (first), core (ahead), amplifier (between), follower (behind), even (order like chance);"
            " untested; amplified: no member, not tested",
        ),
        Column("joint_actions", "BIGINT", "joint actions of the group in which it took part", "joint actions"),
        Column("tested_actions", "BIGINT", "of these, far enough apart to count in the tests", "joint actions"),
        Column("first", "BIGINT", "joint actions in which it was alone in front", "joint actions"),
        Column("first_share", "DOUBLE", "first / joint_actions; NULL where there is none"),
        Column("first_share_low", "DOUBLE", "lower end of its interval"),
        Column("first_share_high", "DOUBLE", "upper end of its interval"),
        Column("follows", "BIGINT", "joint actions in which somebody was ahead of it", "joint actions"),
        Column("follows_share", "DOUBLE", "follows / joint_actions; NULL where there is none"),
        Column("median_lag_ms", "BIGINT", "median time behind the first, where it was behind", "ms"),
        Column("median_lag_low_ms", "BIGINT", "lower end of its interval; NULL where there are too few", "ms"),
        Column("median_lag_high_ms", "BIGINT", "upper end of its interval", "ms"),
        Column("median_step_ms", "BIGINT", "median time behind the nearest account ahead of it", "ms"),
        Column("p_first", "DOUBLE", "of being first so often in random order; NULL where not tested"),
        Column("p_order", "DOUBLE", "of being so far ahead or behind in random order"),
        Column("p_middle", "DOUBLE", "of keeping so close to the middle in random order"),
    ),
)

NARRATIVES: Final = Table(
    "narratives",
    "derived",
    "Families of posts with one wording in the window, each posted by several accounts themselves.",
    ("scope", "family_id"),
    (
        Column("scope", "VARCHAR", "`event` (posts of any side) or `control`"),
        Column(
            "family_id", "VARCHAR", "ET1, ET2, ... copies in the event; CT1 in the control; X, R and P: other kinds"
        ),
        Column(
            "kind",
            "VARCHAR",
            "exact (one key), copied (exact and near-duplicate), reworded (most of the wording, any order) or"
            " paraphrase (by the user's model)",
        ),
        Column("wording", "VARCHAR", "raw text of a post with the wording that most accounts posted"),
        Column("posts", "BIGINT", "own posts", "posts"),
        Column("reposts", "BIGINT", "reposts with the same wording; they make no family", "posts"),
        Column("wordings", "BIGINT", "distinct wordings among the own posts", "wordings"),
        Column("accounts", "BIGINT", "accounts with an own post", "accounts"),
        Column("languages", "VARCHAR[]", "languages as the platform labelled them, sorted"),
        Column("first_post_id", "VARCHAR", "earliest collected own post; of several at that moment the smallest id"),
        Column("first_account_id", "VARCHAR", "its author; who wrote the words first is not known"),
        Column("first_at_ms", "BIGINT", "when, on the coarsest clock of the scope", "UTC ms"),
        Column("first_accounts", "BIGINT", "accounts with an own post at that moment", "accounts"),
        Column("last_at_ms", "BIGINT", "last own post in the window", "UTC ms"),
        Column("half_ms", "BIGINT", "time until half of its accounts had posted it", "ms"),
        Column(
            "background_accounts",
            "BIGINT",
            "accounts with the same wording outside the window or in the other conversation; NULL: nothing to compare",
            "accounts",
        ),
        Column("specific_share", "DOUBLE", "1 - background rate / rate here, at least 0; low: words usual elsewhere"),
        Column("targets", "VARCHAR[]", "handles that its posts mention, by accounts; at most five"),
        Column("target_accounts", "BIGINT[]", "accounts that mention each, aligned with targets", "accounts"),
    ),
)

NARRATIVE_ACCOUNTS: Final = Table(
    "narrative_accounts",
    "derived",
    "Accounts with an own post in the window that has a wording to compare; others cannot be judged.",
    ("scope", "account_id"),
    (
        Column("scope", "VARCHAR", "as in narratives"),
        Column("account_id", "VARCHAR", "the account"),
        Column("posts", "BIGINT", "its own posts with a wording to compare", "posts"),
    ),
)

NARRATIVE_POSTS: Final = Table(
    "narrative_posts",
    "derived",
    "The posts of each family, reposts of its wording among them.",
    ("scope", "family_id", "post_id"),
    (
        Column("scope", "VARCHAR", "as in narratives"),
        Column("family_id", "VARCHAR", "as in narratives"),
        Column("kind", "VARCHAR", "as in narratives"),
        Column("stream", "VARCHAR", "stream of the post"),
        Column("post_id", "VARCHAR", "the post"),
        Column("account_id", "VARCHAR", "its author"),
        Column("at_ms", "BIGINT", "when, on the coarsest clock of the scope", "UTC ms"),
        Column("reposted", "BOOLEAN", "whether it only repeats another post"),
        Column("likeness", "DOUBLE", "how like the family's representative it is, 0..1; 1: the same"),
    ),
)

TAKEOVER_GROUPS: Final = Table(
    "takeover_groups",
    "derived",
    "Groups of accounts that broke their own habits together, as the flag `takeover` found them.",
    ("number",),
    (
        Column(
            "number", "BIGINT", "number of the group, the largest first; evidence calls it T1, T2, ...", required=True
        ),
        Column("set_aside", "BOOLEAN", "the rest of the crowd changed likewise: nobody is flagged", required=True),
        Column("feature", "VARCHAR", "what all its accounts changed: `client` or `language`", required=True),
        Column("value", "VARCHAR", "the value new to them", required=True),
        Column("first_ms", "BIGINT", "when the first of them changed", "UTC ms", required=True),
        Column("last_ms", "BIGINT", "when the last of them changed", "UTC ms", required=True),
        Column("accounts", "BIGINT", "how many they are", "accounts", required=True),
        Column("account_ids", "VARCHAR[]", "who they are; empty where set aside", required=True),
        Column("hours_before", "VARCHAR[]", "of each, its earlier active hours with the value, as `0 of 27`"),
        Column("also_new_features", "VARCHAR[]", "what else changed to the same values, the commonest first"),
        Column("also_new_values", "VARCHAR[]", "to which value"),
        Column("also_new_accounts", "BIGINT[]", "in how many of the accounts", "accounts"),
        Column("took_up", "BIGINT", "accounts that took up the first value in these days at all", "accounts"),
        Column("p_value", "DOUBLE", "chance of such a group anywhere in the case by the crowd's own changes"),
    ),
)

#: Tables of the coordination test, in the order in which they are written.
COORDINATION: Final = (
    COORDINATION_TESTS,
    COORDINATED_ACCOUNTS,
    GROUPS,
    GROUP_READINGS,
    TESTED_EDGES,
    EDGE_EVIDENCE,
)

TABLES: Final = (
    POSTS,
    REPEATS,
    ACCOUNTS,
    STATUSES,
    POST_DELETIONS,
    LISTED_ACCOUNTS,
    AUDIT_LABELS,
    REJECTS,
    POST_FEATURES,
    PROFILES,
    SIDE_POSTS,
    PARTICIPANTS,
    ACCOUNT_FLAGS,
    ACTIONS,
    EDGES,
    *COORDINATION,
    ACCOUNT_STRUCTURE,
    NARRATIVES,
    NARRATIVE_POSTS,
    NARRATIVE_ACCOUNTS,
    TAKEOVER_GROUPS,
)


def create_sql(table: Table, name: str | None = None, *, temporary: bool = False) -> str:
    """Return the CREATE TABLE statement of `table` (as `name`, when given); a temporary one takes an older one's place.

    >>> create_sql(STATUSES).splitlines()[0]
    'CREATE TABLE statuses ('
    """
    columns = ",\n".join(f"    {c.name} {c.type}{' NOT NULL' if c.required else ''}" for c in table.columns)
    create = "CREATE OR REPLACE TEMP TABLE" if temporary else "CREATE TABLE"
    return f"{create} {name or table.name} (\n{columns}\n)"
