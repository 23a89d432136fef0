-- Accounts with at least one post matching a side in the window. An account that matches several sides is in the roster
-- `both` only, with its distinct posts for any of them. The control keeps a roster of its own.
-- Tables: side_posts.
WITH in_window AS (
    SELECT * FROM side_posts WHERE in_window
),
sides AS (
    SELECT account_id, min(side) AS side, count(DISTINCT side) AS side_count
    FROM in_window
    WHERE side <> 'control'
    GROUP BY account_id
)
SELECT CASE WHEN s.side_count > 1 THEN 'both' ELSE s.side END AS roster,
       w.account_id,
       count(DISTINCT w.post_id) AS posts,
       min(w.at_ms) AS first_at_ms
FROM in_window w
JOIN sides s ON s.account_id = w.account_id
WHERE w.side <> 'control'
GROUP BY s.side_count, s.side, w.account_id
UNION ALL
SELECT 'control' AS roster, account_id, count(DISTINCT post_id) AS posts, min(at_ms) AS first_at_ms
FROM in_window
WHERE side = 'control'
GROUP BY account_id
