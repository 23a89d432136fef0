-- In a case without posts: the accounts that the lists of each side name. Nobody of them is known to have posted.
-- Tables: listed_accounts, side_streams.
WITH listed AS (
    SELECT l.account_id, s.side
    FROM listed_accounts l
    JOIN side_streams s ON s.stream = l.stream
),
sides AS (
    SELECT account_id, min(side) AS side, count(DISTINCT side) AS side_count
    FROM listed
    WHERE side <> 'control'
    GROUP BY account_id
)
SELECT CASE WHEN side_count > 1 THEN 'both' ELSE side END AS roster,
       account_id,
       CAST(0 AS BIGINT) AS posts,
       CAST(NULL AS BIGINT) AS first_at_ms
FROM sides
UNION ALL
SELECT DISTINCT 'control' AS roster, account_id, CAST(0 AS BIGINT) AS posts, CAST(NULL AS BIGINT) AS first_at_ms
FROM listed
WHERE side = 'control'
