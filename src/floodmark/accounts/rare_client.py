"""The flag `rare_client`: posts only through clients that hardly anyone in the control uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from floodmark.accounts.timelines import columns
from floodmark.registry import Flag, Judgements
from floodmark.stats import bh, clopper_pearson
from floodmark.view import CaseView

#: A client is rare when the control's share of accounts that use it is under this, at the upper end of its interval.
RARE_SHARE: Final = 0.02
FALSE_DISCOVERIES: Final = 0.01
MIN_POSTS: Final = 3

_USED: Final = """
CREATE OR REPLACE TEMP TABLE _used AS
WITH members AS (SELECT account_id, bool_or(roster <> 'control') AS event FROM participants GROUP BY account_id),
used AS (
    SELECT account_id, client, count(*) AS posts, min(stream) AS first_stream, max(stream) AS last_stream,
           bool_or(list_contains($streams, stream)) AS control
    FROM posts WHERE client IS NOT NULL GROUP BY account_id, client
)
SELECT used.*, coalesce(event, FALSE) AS event, members.account_id IS NOT NULL AS member
FROM used LEFT JOIN members USING (account_id)
"""
#: A post that came in several streams counts once; within one stream its id is there once.
_ACCOUNTS: Final = f"""
WITH rough AS (
    SELECT account_id, sum(posts) AS posts, min(first_stream) <> max(last_stream) AS several
    FROM _used WHERE member GROUP BY account_id HAVING sum(posts) >= {MIN_POSTS}
),
exact AS (
    SELECT account_id, count(DISTINCT post_id) AS posts FROM posts
    WHERE client IS NOT NULL AND account_id IN (SELECT account_id FROM rough WHERE several) GROUP BY account_id
)
SELECT account_id, CAST(coalesce(exact.posts, rough.posts) AS BIGINT) AS posts
FROM rough LEFT JOIN exact USING (account_id)
WHERE coalesce(exact.posts, rough.posts) >= {MIN_POSTS} ORDER BY account_id
"""


@dataclass(frozen=True)
class Client:
    """How many accounts of the event (any side) and of the control streams use a client; `rare` by the flag's rule."""

    name: str
    event: int
    control: int
    p_value: float
    rare: bool


def clients(view: CaseView) -> tuple[Client, ...]:
    """Return every client with any account, tested one-sided for more event accounts than control (Fisher's test).

    Empty where no post of either roster names its client: without both there is nothing to compare.
    """
    view.db.execute(_USED, {"streams": list(view.config.control_streams)})
    rows = view.db.rows(
        "SELECT client, count(*) FILTER (event), count(*) FILTER (control) FROM _used GROUP BY client ORDER BY client"
    )
    event, control = view.db.one(
        "SELECT count(DISTINCT account_id) FILTER (event), count(DISTINCT account_id) FILTER (control) FROM _used"
    )
    if not event or not control:
        return ()
    from scipy.stats import hypergeom

    both = np.array([row[1] + row[2] for row in rows])
    own = np.array([row[1] for row in rows])
    p_values = np.minimum(1.0, hypergeom.sf(own - 1, event + control, both, event))
    over = bh(p_values, FALSE_DISCOVERIES)
    return tuple(
        Client(name, used, used_control, float(p), bool(more) and _upper(used_control, control) < RARE_SHARE)
        for (name, used, used_control), p, more in zip(rows, p_values, over, strict=True)
    )


def _upper(hits: int, trials: int) -> float:
    return clopper_pearson(hits, trials)[1]


def _judge(view: CaseView) -> Judgements:
    found = clients(view)
    rows = view.db.rows(_ACCOUNTS)
    rare = {client.name: client for client in found if client.rare}
    used: dict[str, list[str]] = {}
    if rare:
        used = dict(
            view.db.rows(
                "SELECT account_id, list(client ORDER BY client) FROM _used WHERE member GROUP BY account_id"
                " HAVING bool_and(list_contains($rare, client))",
                {"rare": sorted(rare)},
            )
        )
    accounts = tuple(account for account, _ in rows)
    flagged = np.array([account in used for account in accounts], dtype=bool)

    def why(place: int) -> str:
        own = [rare[name] for name in used[accounts[place]]]
        listed = ", ".join(f"{c.name[:60]} ({c.event} accounts of the event, {c.control} of the control)" for c in own)
        return f"all {rows[place][1]} posts through {listed}"

    return columns(accounts, np.full(len(rows), bool(found)), flagged, why)


def _example() -> tuple[dict[str, object], ...]:
    used = {"x:99": "common"} | {f"x:{n}": "rare" if n < 20 else "common" for n in range(40)}
    used |= {f"x:c{n}": "common" for n in range(300)}
    return tuple(
        {
            "post_id": f"{account}p{n}",
            "account_id": account,
            "at_ms": 1_594_944_000_000 + n,
            "client": client,
            "stream": "sport" if "c" in account else "main",
        }
        for account, client in used.items()
        for n in range(1 if account == "x:99" else 3)
    )


FLAG: Final = Flag(
    name="rare_client",
    title="Client that hardly anyone uses",
    meaning=(
        "All its posts (at least 3) came through clients that under 2 % of the control's accounts use, by the upper end"
        " of the interval, and that accounts of the event use more often (Fisher's test, false-discovery rate 1 % over"
        " the clients). No list of clients is assumed. Without a control or a client column nobody is judged."
    ),
    needs=("posts.client",),
    parameters=(),
    benign=(
        "Newsrooms, firms and public offices use tools that few others use.",
        "A platform's app for one country, or for old phones, is rare elsewhere.",
        "People who need anonymity or accessibility use clients of their own.",
    ),
    source="Floodmark's design; Fisher 1935, Benjamini & Hochberg 1995",
    judge=_judge,
    measure="M9",
    example_posts=_example(),
    example_flags={**{f"x:{n}": n < 20 for n in range(40)}, "x:99": None},
)
