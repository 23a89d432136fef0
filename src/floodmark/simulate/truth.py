"""The planted truth, counted from the finished arrays: what each finding should come out as."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.simulate import phrases
from floodmark.simulate.aftermath import DELETED, NOT_FOUND, PROTECTED, RENAMED, SUSPENDED, Aftermath
from floodmark.simulate.campaign import Campaign
from floodmark.simulate.cast import Cast
from floodmark.simulate.earlier import voices
from floodmark.simulate.families import NEVER, Faces
from floodmark.simulate.params import BIN_S, DAY_S, LANGUAGES, CampaignParams
from floodmark.simulate.profiles import Profiles
from floodmark.simulate.rhythm import Clock
from floodmark.simulate.truth_event import event_entries
from floodmark.simulate.world import CONTROL, REPOST, Book, Bools, Ints, Objects, People, Posts, objects

SUBJECTS: Final = ("against", "for", "both", "control")
NO_ROSTER: Final = ""
_SHORT_LIFE_S: Final = 600
_SURGES: Final = ("M2.spike_bins.", "M2.beyond_lift.")
#: Accounts that make a text a shared one.
_COPIES: Final = 3
#: A text of which the background has over half the rate is usual elsewhere, as in the case file that is written.
_USUAL: Final = 0.5
#: A shorter text is no wording, as in the case file.
_LETTERS: Final = 20
#: What the report of 2020 said; percentages as printed there.
PUBLISHED: Final = {
    "participants_accounts": 26_431,
    "fake_or_spam_share": 0.46,
    "new_dormant_or_low_follower_accounts": 11_294,
    "enrolled_within_a_month_accounts": 1_622,
    "deleted_accounts": 3_453,
    "inactive_accounts": 1_168,
    "in_country_share_low": 0.35,
    "in_country_share_high": 0.45,
}
Entry = tuple[str, float | int, str, str]


@dataclass(frozen=True)
class PostMarks:
    """Per post its client (an index into CLIENTS), its author's handle then, when it was deleted (UTC s, or -1), and
    how often it was shown.
    """

    client: Ints
    handle: Objects
    deleted_s: Ints
    impressions: Ints


@dataclass(frozen=True)
class Facts:
    """Everything that was simulated, and per account the truth about it (arrays with one entry per account).

    `wordings` says of each given text whether it is long enough to be compared.
    """

    params: CampaignParams
    clock: Clock
    people: People
    cast: Cast
    posts: Posts
    marks: PostMarks
    profiles: Profiles
    faces: Faces
    aftermath: Aftermath
    campaign: Campaign
    sides: Ints
    roster: Objects
    new: Bools
    dormant: Bools
    low: Bools
    enrolled: Bools
    silent: Bools
    wordings: Bools

    @property
    def in_window(self) -> Bools:
        """Which posts lie in the event window."""
        return (self.posts.at_s >= self.clock.window_s) & (self.posts.at_s < self.clock.end_s)

    @property
    def campaign_accounts(self) -> Bools:
        """Which accounts the campaign runs."""
        run: Bools = self.people.role == "campaign"
        return run

    @property
    def in_country(self) -> Bools:
        """Which accounts truly are in the case's country, VPN users included."""
        there: Bools = self.people.place == 0
        return there


def gather(
    params: CampaignParams,
    clock: Clock,
    people: People,
    cast: Cast,
    written: tuple[Posts, PostMarks],
    book: Book,
    known: tuple[Profiles, Faces, Aftermath, Campaign],
) -> Facts:
    """Count the truth: who matched which side in the window, and who truly has which flag."""
    (posts, marks), (profiles, faces, aftermath, campaign) = written, known
    sides = post_sides(posts, book)
    start_s = clock.window_s
    silent_before_s = aftermath.polls_s[-1] - params.silent_days * DAY_S
    last = aftermath.last_post_s[:, -1]
    return Facts(
        params=params,
        clock=clock,
        people=people,
        cast=cast,
        posts=posts,
        marks=marks,
        profiles=profiles,
        faces=faces,
        aftermath=aftermath,
        campaign=campaign,
        sides=sides,
        roster=_rosters(posts, sides, clock, len(people)),
        new=profiles.created_s >= start_s - params.new_days * DAY_S,
        dormant=(profiles.previous_s != NEVER) & (profiles.previous_s < start_s - params.dormant_days * DAY_S),
        low=profiles.followers < params.low_follower_under,
        enrolled=(profiles.created_s >= start_s - params.new_days * DAY_S) & (profiles.created_s < start_s),
        silent=(aftermath.status[:, -1] == 0) & (last <= silent_before_s),
        wordings=np.array([sum(map(str.isalpha, text)) >= _LETTERS for text in book.bodies], dtype=bool),
    )


def post_sides(posts: Posts, book: Book) -> Ints:
    """Return per post which sides it matches: 1 against, 2 for, 3 both, 0 neither or control."""
    masks = np.zeros(len(book.tagsets), dtype=np.int64)
    for bit, side in ((1, "against"), (2, "for")):
        known = {
            tag for tags in (phrases.SIDE_TAGS, phrases.VARIANT_TAGS) for code in LANGUAGES for tag in tags[side][code]
        }
        masks += bit * np.array([bool(known & set(tagset)) for tagset in book.tagsets])
    matched = masks[posts.tags] | np.where(posts.keyword > 0, posts.topic + 1, 0)
    return np.where(posts.topic == CONTROL, 0, matched)


def _rosters(posts: Posts, sides: Ints, clock: Clock, accounts: int) -> Objects:
    inside = (posts.at_s >= clock.window_s) & (posts.at_s < clock.end_s)
    seen = np.zeros((accounts, 2), dtype=bool)
    for column, bit in enumerate((1, 2)):
        seen[posts.account[inside & ((sides & bit) > 0)], column] = True
    roster: Objects = objects([NO_ROSTER, "against", "for", "both"])[seen[:, 0] + 2 * seen[:, 1]]
    roster[posts.account[inside & (posts.topic == CONTROL)]] = "control"
    return roster


def entries(facts: Facts) -> Iterator[Entry]:
    """Yield (finding id, value, unit, note) for every subject."""
    counted = facts.in_window & ((facts.sides > 0) | (facts.posts.topic == CONTROL))
    posts_of = facts.roster[facts.posts.account[counted]]
    status = facts.aftermath.status[:, -1]
    shares: dict[str, tuple[Bools, str]] = {
        "M4.new": (facts.new, "created within 30 days before the event or later"),
        "M4.dormant": (facts.dormant, "last earlier post over 180 days before the event; true also where unknown"),
        "M4.low_follower": (facts.low, "fewer than 20 followers"),
        "M4.any": (facts.new | facts.dormant | facts.low, "new, dormant or low-follower"),
        "M5.enrolled": (facts.enrolled, "created within the 30 days before the event began"),
        "M6.gone": (
            np.isin(status, (SUSPENDED, DELETED, NOT_FOUND)),
            "suspended, deleted or not found at the last snapshot",
        ),
        "M6.deleted": (status == DELETED, "deleted at the last snapshot"),
        "M6.suspended": (status == SUSPENDED, "suspended at the last snapshot"),
        "M6.not_found": (status == NOT_FOUND, "not found at the last snapshot"),
        "M6.returned": (_returned(facts), "there at the last snapshot, deleted at one before"),
        "M6.protected": ((status == PROTECTED) & ~_returned(facts), "protected at the last snapshot, never seen gone"),
        "M6.renamed": ((status == RENAMED) & ~_returned(facts), "renamed at the last snapshot, never seen gone"),
        "M6.silent": (facts.silent, "there at the last snapshot, without a post for 30 days"),
        "M7.in_country": (facts.in_country, "truly in the country, VPN users included; bounds should hold it"),
    }
    for subject in SUBJECTS:
        mine = facts.roster == subject
        size = int(mine.sum())
        yield f"M3.participants.{subject}", size, "accounts", "exclusive rosters: who matched both sides is in `both`"
        yield (
            f"M3.posts.{subject}",
            int((posts_of == subject).sum()),
            "posts",
            "matching posts in the window by that roster",
        )
        for name, (flag, note) in shares.items():
            yield f"{name}.{subject}", _share(int(flag[mine].sum()), size), "share", f"of the roster: {note}"
        enrolled = int(facts.enrolled[mine].sum())
        yield (
            f"M5.enrolled_accounts.{subject}",
            enrolled,
            "accounts",
            "created within the 30 days before the event began",
        )
        bins = _surged(facts, subject)
        yield (
            f"M2.spike_bins.{subject}",
            bins,
            "count",
            "15-minute bins with a planted surge and mostly posts of the campaign, which carry tags of both sides; the"
            " event itself lifts most others, so the two do not compare",
        )
        yield (
            f"M2.beyond_lift.{subject}",
            bins,
            "count",
            "15-minute bins with a planted surge and mostly posts of the campaign, which carry tags of both sides; its"
            " other operations are spread over the window",
        )
        yield from _deleted(facts, subject)
        yield from _copied(facts, subject)
        yield from event_entries(facts, subject)
    yield from _voice(facts)
    yield from _audience(facts)


def _returned(facts: Facts) -> Bools:
    """Return which accounts were seen deleted once and were there at the last snapshot."""
    after = facts.aftermath
    gone = (after.status == DELETED).any(axis=1) | (after.status_before == DELETED)
    back: Bools = gone & ~np.isin(after.status[:, -1], (SUSPENDED, DELETED, NOT_FOUND))
    return back


def _deleted(facts: Facts, subject: str) -> Iterator[Entry]:
    """Yield what was seen deleted of a roster's posts in its stream, over the whole collection."""
    posts, gone_s = facts.posts, facts.marks.deleted_s
    mine = (facts.roster[posts.account] == subject) & ((posts.topic == CONTROL) == (subject == "control"))
    gone = mine & (gone_s >= 0)
    life_s = (gone_s - posts.at_s)[gone]
    size, owners = int((facts.roster == subject).sum()), len(np.unique(posts.account[gone]))
    yield f"M6.deleted_posts.{subject}", int(gone.sum()), "posts", "posts whose deletion the stream saw"
    yield (
        f"M6.deleting_accounts.{subject}",
        _share(owners, size),
        "share",
        "of the roster: with a deletion that was seen",
    )
    if not len(life_s):
        return
    soon = life_s < _SHORT_LIFE_S
    yield f"M6.post_life.{subject}", round(1000 * float(np.median(life_s))), "ms", "median life of the deleted posts"
    yield (
        f"M6.short_lived.{subject}",
        _share(int(soon.sum()), len(life_s)),
        "share",
        "of the deleted posts: lived under ten minutes",
    )
    inside = facts.in_window[gone] & soon
    yield (
        f"M6.gone_soon.{subject}",
        _share(int(inside.sum()), int((mine & facts.in_window).sum())),
        "share",
        "of the roster's posts in the window: deleted within ten minutes",
    )


def _surged(facts: Facts, subject: str) -> int:
    """Return in how many of the bins with a planted surge most posts of a side, or of both, are the campaign's."""
    bit = {"against": 1, "for": 2, "both": 3}.get(subject)
    if bit is None or not len(facts.campaign.surge_bins):
        return 0
    mine = facts.in_window & ((facts.sides & bit) == bit)
    place = (facts.posts.at_s[mine] - facts.clock.window_s) // BIN_S
    bins = int(max(place.max(initial=0), facts.campaign.surge_bins.max())) + 1
    every = np.bincount(place, minlength=bins)
    planted = np.bincount(place[facts.campaign_accounts[facts.posts.account[mine]]], minlength=bins)
    return int((2 * planted > every)[facts.campaign.surge_bins].sum())


def _copied(facts: Facts, subject: str) -> Iterator[Entry]:
    """Yield which share of a roster's accounts with a post of their own copied a text given to three accounts or more.

    Sentences that two people happen to build alike are no copies here, however much they look it.
    """
    posts, mine = facts.posts, facts.roster[facts.posts.account] == subject
    matching = (posts.topic == CONTROL) if subject == "control" else (facts.sides > 0)
    own = facts.in_window & matching & (posts.kind != REPOST)
    here = _accounts_by_body(facts, own)
    usual = _accounts_by_body(facts, (posts.kind != REPOST) & ~own)
    size = max(len(here), len(usual))
    here, usual = (np.pad(counts, (0, size - len(counts))) for counts in (here, usual))
    authors, others = (max(1, len(np.unique(posts.account[which]))) for which in (own, (posts.kind != REPOST) & ~own))
    # Slogans that people always use are wordings too, but none of this event.
    shared = np.flatnonzero((here >= _COPIES) & (usual / others <= _USUAL * here / authors))
    copied = np.unique(posts.account[own & mine & np.isin(posts.body, shared)])
    judged = np.unique(posts.account[own & mine])
    yield (
        f"M13.exact.{subject}",
        _share(len(copied), len(judged)),
        "share",
        "of the roster's accounts with an own post: posted a text of 20 letters given to at least three and not usual"
        " elsewhere; chance likeness not counted",
    )


def _accounts_by_body(facts: Facts, which: Bools) -> Ints:
    """Return how many accounts have each given text among some posts."""
    given = np.flatnonzero(which & (facts.posts.body >= 0))
    given = given[facts.wordings[facts.posts.body[given]]]
    pairs = np.unique(np.stack([facts.posts.body[given], facts.posts.account[given]]), axis=1)
    return np.bincount(pairs[0], minlength=1)


def _voice(facts: Facts) -> Iterator[Entry]:
    inside = facts.in_window & (facts.sides > 0)
    masks = {
        "against": inside & ((facts.sides & 1) > 0),
        "for": inside & ((facts.sides & 2) > 0),
        "both": inside & (facts.sides == 3),
    }
    posts = voices(masks, np.ones(len(facts.posts), dtype=np.int64))
    shown = voices(masks, facts.marks.impressions)
    everybody = len(np.unique(facts.posts.account[inside]))
    note = "of in-window posts that match either side; a post that matches both counts for each"
    for name, mask in masks.items():
        yield f"M12.share_of_voice.{name}", posts[name], "share", note
        yield f"M12.voice_impressions.{name}", shown[name], "share", "of the impressions of these posts, known or not"
        authors = len(np.unique(facts.posts.account[mask]))
        yield f"M12.voice_accounts.{name}", _share(authors, everybody), "share", "of the accounts of these posts"
    for what in ("posts", "authors"):
        yield (
            f"M12.displaced_{what}.for",
            1.0,
            "ratio",
            "the campaign keeps no supporter from writing, and the earlier events have the same pull on average",
        )


def _audience(facts: Facts) -> Iterator[Entry]:
    """Yield which share of those who used a side's hashtags in the window had used one before, or did so again after.

    A post carries a side's phrase or its hashtags, never both.
    """
    posts = facts.posts
    tagged = np.where(posts.keyword > 0, 0, facts.sides)
    before, after = posts.at_s < facts.clock.window_s, posts.at_s >= facts.clock.end_s
    for subject, bits, several in (("against", 1, False), ("for", 2, False), ("both", 3, True)):
        used = (tagged & bits) > 0
        authors = np.unique(posts.account[used & facts.in_window & ((facts.sides == 3) if several else True)])
        for name, then, when in (("before", before, "before the event"), ("after", after, "again after the event")):
            seen = np.isin(authors, posts.account[used & then])
            note = f"of those who used these hashtags in the window: used one {when}, within the collection"
            yield f"M12.audience_{name}.{subject}", _share(int(seen.sum()), len(authors)), "share", note


def document(facts: Facts, seed: int, scale: float) -> dict[str, object]:
    """Return what truth.json holds: the findings' true values, the planted campaign and the published figures."""
    found: dict[str, object] = {}
    for name, value, unit, note in entries(facts):
        entry: dict[str, object] = {"value": value, "unit": unit, "note": note}
        if name.startswith(_SURGES):
            # A count of planted surges is no count of bins that stand out: neither is right or wrong by the other.
            entry |= {"verdict": "bins with a planted surge", "mark": "–"}
        found[name] = entry
    run = facts.campaign_accounts
    any_flag = facts.new | facts.dormant | facts.low
    inside = facts.in_window & run[facts.posts.account]
    found["campaign"] = {
        "seed": seed,
        "scale": scale,
        "planted": {
            "participants_accounts": int((run & (facts.roster != NO_ROSTER)).sum()),
            "new_dormant_or_low_follower_accounts": int((run & any_flag).sum()),
            "new_accounts": int((run & facts.new).sum()),
            "dormant_accounts": int((run & facts.dormant).sum()),
            "low_follower_accounts": int((run & facts.low).sum()),
            "enrolled_within_a_month_accounts": int((run & facts.enrolled).sum()),
            "deleted_accounts": int((run & (facts.aftermath.status[:, -1] == DELETED)).sum()),
            "suspended_accounts": int((run & (facts.aftermath.status[:, -1] == SUSPENDED)).sum()),
            "silent_accounts": int((run & facts.silent).sum()),
            "in_country_direct_accounts": int((run & facts.in_country & ~facts.people.vpn).sum()),
            "in_country_vpn_accounts": int((run & facts.in_country & facts.people.vpn).sum()),
            "in_both_rosters_accounts": int((run & (facts.roster == "both")).sum()),
            "groups": len(facts.campaign.leaders),
            "operations": facts.campaign.operations,
            "window_posts": int(inside.sum()),
            "jitter_s": facts.params.jitter_s,
            "camouflage_share_of_posts": facts.params.camouflage_share_of_posts,
            "surge_bins": facts.campaign.surge_bins.tolist(),
        },
        "published": dict(PUBLISHED),
    }
    return found


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
