-- Candidate pairs of the coordination test, the definition. The kernel in coordination/pairs.py must equal this query.
--
-- in:  actions_in(account_id, object_id, at_ms): who did something to what, when (UTC ms); rows with a NULL do not count.
--      windows_in(window_ms): the windows, each >= 0.
--      $dense_successors: in a window in which more others follow an action, or act at its moment, it makes no candidates.
-- out: one undirected row a pair of different accounts, account_a < account_b by their UTF-8 bytes:
--      objects           distinct objects that count for the pair, at least two
--
-- Only an account's first action on an object counts. An object counts for a pair when the later of their two actions
-- lies within a window of the earlier one in which that has at most $dense_successors successors or ties. An object
-- with one sharer makes no pair. The join looks at all pairs of an object's sharers: clear, not fast.
WITH first_actions AS (
    SELECT account_id, object_id, min(at_ms) AS at_ms
    FROM actions_in
    WHERE account_id IS NOT NULL AND object_id IS NOT NULL AND at_ms IS NOT NULL
    GROUP BY account_id, object_id
),
-- Ties come twice, each of the two once as the earlier one.
followed AS (
    SELECT
        earlier.object_id,
        earlier.account_id AS earlier_id,
        later.account_id AS later_id,
        windows_in.window_ms
    FROM first_actions AS earlier
    JOIN first_actions AS later
        ON
            earlier.object_id = later.object_id
            AND earlier.account_id <> later.account_id
            AND earlier.at_ms <= later.at_ms
    JOIN windows_in ON later.at_ms - earlier.at_ms <= windows_in.window_ms
),
quiet AS (
    SELECT object_id, earlier_id, window_ms
    FROM followed
    GROUP BY object_id, earlier_id, window_ms
    HAVING count(*) <= $dense_successors
),
met AS (
    SELECT DISTINCT
        least(followed.earlier_id, followed.later_id) AS account_a,
        greatest(followed.earlier_id, followed.later_id) AS account_b,
        followed.object_id
    FROM followed
    JOIN quiet
        ON
            followed.object_id = quiet.object_id
            AND followed.earlier_id = quiet.earlier_id
            AND followed.window_ms = quiet.window_ms
)
SELECT account_a, account_b, CAST(count(*) AS BIGINT) AS objects
FROM met
GROUP BY account_a, account_b
HAVING count(*) >= 2
ORDER BY account_a, account_b
