"""Posting the same link."""

from floodmark.registry import Trace

TRACE = Trace(
    name="url",
    title="The same link",
    meaning="The account's own post (not a repost) carried a link; the object is the link without tracking parameters.",
    sql="""
SELECT p.account_id, u.url AS object_id, p.post_id, p.at_ms
FROM scoped_posts p
JOIN post_urls u ON u.stream = p.stream AND u.post_id = p.post_id
WHERE NOT p.reposted
""",
    windows_s=(10, 60, 600, 3600),
    benign=(
        "News sites and their readers post a breaking article within minutes of each other.",
        "Share buttons and syndication tools post the same link for many accounts.",
        "Campaigns that call on their members openly to share a petition.",
    ),
    references=(
        "Giglietto et al. 2020, It takes a village to manipulate the media, doi:10.1080/1369118X.2020.1739732",
    ),
    example_posts=(
        {
            "post_id": "x:1",
            "account_id": "x:a",
            "at_ms": 0,
            "text": "read https://news.example/a?utm_source=t",
        },
        {"post_id": "x:2", "account_id": "x:b", "at_ms": 1_000, "urls": ["https://news.example/a"]},
        {"post_id": "x:3", "account_id": "x:c", "at_ms": 2_000, "text": "RT @a: read https://news.example/a"},
    ),
    example_actions=(("x:a", "same:1"), ("x:b", "same:1")),
)
