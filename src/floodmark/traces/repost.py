"""Reposting the same post."""

from floodmark.registry import Trace

# Formats without the id of the reposted post (4CAT's X export, the debate CSV) fall back to the reposted account's
# handle and the text; without the handle too (the IRA set), to the text alone.
TRACE = Trace(
    name="repost",
    title="Reposts of one post",
    meaning="The account repeated another account's post; the object is that post.",
    sql="""
SELECT account_id,
       coalesce(reposted_post_id, 'rt:' || coalesce(repost_handle, '') || ':' || md5(repost_text)) AS object_id,
       post_id,
       at_ms
FROM scoped_posts
WHERE reposted_post_id IS NOT NULL
   OR (reposted AND length(repost_text) >= 20)
""",
    windows_s=(10, 60, 600, 3600),
    benign=(
        "Many people see a popular post at the same time and repost it within seconds.",
        "Fans and supporters follow one account closely and repost it at once.",
        "A page or newsletter asks its readers to repost a list of posts.",
    ),
    references=(
        "Pacheco et al. 2021, Uncovering Coordinated Networks on Social Media, doi:10.1609/icwsm.v15i1.18075",
        "Graham et al. 2020, Like a virus: the coordinated spread of coronavirus disinformation",
    ),
    example_posts=(
        {"post_id": "x:1", "account_id": "x:a", "at_ms": 0, "text": "The hall is full tonight, come early"},
        {"post_id": "x:2", "account_id": "x:b", "at_ms": 5_000, "is_repost": True, "reposted_post_id": "x:1"},
        {
            "post_id": "x:3",
            "account_id": "x:c",
            "at_ms": 9_000,
            "text": "RT @Amir: the programme of tonight is out",
        },
        {
            "post_id": "x:4",
            "account_id": "x:d",
            "at_ms": 10_000,
            "text": "RT @amir: The programme of tonight is out",
        },
        {"post_id": "x:5", "account_id": "x:e", "at_ms": 11_000, "text": "RT @amir: ok"},
    ),
    example_actions=(("x:b", "x:1"), ("x:c", "same:1"), ("x:d", "same:1")),
)
