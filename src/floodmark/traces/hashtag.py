"""Using the same rare combination of hashtags."""

from floodmark.registry import Trace

# One popular hashtag is shared by everybody at the event, so only whole sets of two or more count, and only while
# few accounts use them: at most 1 % of the active accounts, or 20 accounts in small collections.
TRACE = Trace(
    name="hashtag",
    title="The same rare set of hashtags",
    meaning=(
        "The account's own post carried exactly this set of two or more hashtags, and at most 1 % of the active "
        "accounts (or 20 accounts, if that is more) ever used the set."
    ),
    sql="""
SELECT p.account_id, p.hashtag_set AS object_id, p.post_id, p.at_ms
FROM scoped_posts p
JOIN (
    SELECT hashtag_set
    FROM scoped_posts
    WHERE NOT reposted AND hashtag_count >= 2
    GROUP BY hashtag_set
    HAVING count(DISTINCT account_id) <= (SELECT greatest(20, count(DISTINCT account_id) / 100) FROM scoped_posts)
) rare ON rare.hashtag_set = p.hashtag_set
WHERE NOT p.reposted
""",
    windows_s=(60, 600, 3600),
    benign=(
        "A hashtag sheet that organisers hand out openly.",
        "People who answer one post and keep its hashtags.",
        "A client that proposes hashtags to everyone.",
    ),
    references=("Pacheco et al. 2021, doi:10.1609/icwsm.v15i1.18075 (hashtag sequences)",),
    example_posts=(
        {"post_id": "x:1", "account_id": "x:a", "at_ms": 0, "text": "now #One #Two"},
        {"post_id": "x:2", "account_id": "x:b", "at_ms": 1_000, "text": "#two and #one"},
        {"post_id": "x:3", "account_id": "x:c", "at_ms": 2_000, "text": "only #one"},
    ),
    example_actions=(("x:a", "same:1"), ("x:b", "same:1")),
)
