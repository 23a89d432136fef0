-- Co-actions, the definition. Every engine, and the kernel in coaction/kernel.py, must equal this query.
--
-- in:  actions_in(account_id, object_id, at_ms): who did something to what, when (UTC ms); rows with a NULL do not count.
--      $window_ms >= 0: the largest distance in time that counts; $min_objects: edges on fewer objects are dropped.
-- out: one undirected row a pair of different accounts, account_a < account_b by their UTF-8 bytes:
--      coactions         pairs of their actions on the same object at most the window apart, ties included
--      objects           distinct objects with at least one such pair
--      a_first, b_first  pairs in which that side was strictly earlier (the rest of coactions are ties)
--
-- The join is on equal slots of time: each action lies in one slot at least as wide as the window, so whatever follows
-- it within the window lies in the same slot or in the next one. A slot is named by its edge nearer to 1970 (the one
-- around 1970 is two windows wide): nothing is divided, so nothing is rounded. Times and window must lie within 2^61 ms.
WITH slotted AS (
    SELECT
        account_id,
        object_id,
        at_ms,
        greatest($window_ms, 1) AS width_ms,
        at_ms - at_ms % greatest($window_ms, 1) AS slot_ms
    FROM actions_in
),
-- Each action as the later one of a pair: it is looked for from its own slot and from the one before.
later AS (
    SELECT account_id, object_id, at_ms, slot_ms AS from_slot_ms FROM slotted
    UNION ALL
    SELECT account_id, object_id, at_ms, slot_ms - width_ms AS from_slot_ms FROM slotted
),
pairs AS (
    SELECT
        least(earlier.account_id, later.account_id) AS account_a,
        greatest(earlier.account_id, later.account_id) AS account_b,
        earlier.object_id,
        CASE WHEN earlier.at_ms < later.at_ms AND earlier.account_id < later.account_id THEN 1 ELSE 0 END AS a_first,
        CASE WHEN earlier.at_ms < later.at_ms AND earlier.account_id > later.account_id THEN 1 ELSE 0 END AS b_first
    FROM slotted AS earlier
    JOIN later ON earlier.object_id = later.object_id AND earlier.slot_ms = later.from_slot_ms
    WHERE
        later.at_ms - earlier.at_ms <= $window_ms
        AND earlier.account_id <> later.account_id
        -- Of two actions at the same time either could be the earlier one: count that pair once.
        AND (earlier.at_ms < later.at_ms OR (earlier.at_ms = later.at_ms AND earlier.account_id < later.account_id))
),
per_object AS (
    SELECT account_a, account_b, object_id, count(*) AS coactions, sum(a_first) AS a_first, sum(b_first) AS b_first
    FROM pairs
    GROUP BY account_a, account_b, object_id
)
SELECT
    account_a,
    account_b,
    CAST(sum(coactions) AS BIGINT) AS coactions,
    CAST(count(*) AS BIGINT) AS objects,
    CAST(sum(a_first) AS BIGINT) AS a_first,
    CAST(sum(b_first) AS BIGINT) AS b_first
FROM per_object
GROUP BY account_a, account_b
HAVING count(*) >= $min_objects
ORDER BY account_a, account_b
