"""Replying to the same post."""

from floodmark.registry import Trace

TRACE = Trace(
    name="reply",
    title="Replies to one post",
    meaning="The account answered a post; the object is the post that it answered.",
    sql="""
SELECT account_id, replied_post_id AS object_id, post_id, at_ms
FROM scoped_posts
WHERE replied_post_id IS NOT NULL AND NOT reposted
""",
    windows_s=(10, 60, 600, 3600),
    benign=(
        "A well-known account posts and many of its followers answer at once.",
        "A heated thread in which the same people answer each other.",
    ),
    references=("Pacheco et al. 2021, doi:10.1609/icwsm.v15i1.18075",),
    example_posts=(
        {"post_id": "x:1", "account_id": "x:a", "at_ms": 0, "text": "hello", "replied_post_id": "x:9"},
        {"post_id": "x:2", "account_id": "x:b", "at_ms": 1_000, "text": "hello", "replied_post_id": "x:9"},
        {"post_id": "x:3", "account_id": "x:c", "at_ms": 2_000, "text": "hello"},
    ),
    example_actions=(("x:a", "x:9"), ("x:b", "x:9")),
)
