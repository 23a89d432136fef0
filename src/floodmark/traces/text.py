"""Posting the same text."""

from floodmark.registry import Trace

# Under 20 folded characters people repeat each other innocently ("good morning everyone").
TRACE = Trace(
    name="text",
    title="The same text",
    meaning=(
        "The account's own post had this text, equal after folding (case, variants of Persian and Arabic letters, "
        "diacritics, links, mentions and spacing ignored), of at least 20 characters."
    ),
    sql="""
SELECT account_id, md5(folded_text) AS object_id, post_id, at_ms
FROM scoped_posts
WHERE NOT reposted AND length(folded_text) >= 20
""",
    windows_s=(60, 600, 3600),
    benign=(
        "Slogans, prayers, quotations and song lines repeat without any arrangement.",
        "Share buttons that fill in the headline of an article.",
        "A message that organisers ask their members openly to copy.",
    ),
    references=("Keller et al. 2020, Political Astroturfing on Twitter, doi:10.1080/10584609.2019.1661888",),
    example_posts=(
        {"post_id": "x:1", "account_id": "x:a", "at_ms": 0, "text": "ما در کنار هم می‌ایستیم و پیروز می‌شویم"},
        {
            "post_id": "x:2",
            "account_id": "x:b",
            "at_ms": 1_000,
            "text": "ما در كنار هم مي‌ايستيم و پيروز مي‌شويم https://t.example/1",
        },
        {"post_id": "x:3", "account_id": "x:c", "at_ms": 2_000, "text": "short text"},
    ),
    example_actions=(("x:a", "same:1"), ("x:b", "same:1")),
)
