-- The posts of the window that hold a wording to compare, by scope (`event`: any side; `control`), each post once; times
-- floored to the coarsest clock of the scope.
-- Tables: side_posts, _worded(stream, post_id, account_id, at_ms, at_resolution_ms, language, wording, reposted).
WITH once AS (
    SELECT CASE WHEN side = 'control' THEN 'control' ELSE 'event' END AS scope, post_id, min(stream) AS stream
    FROM side_posts
    WHERE in_window
    GROUP BY 1, 2
),
held AS (
    SELECT o.scope, w.*
    FROM once o
    JOIN _worded w ON w.stream = o.stream AND w.post_id = o.post_id
),
clock AS (
    SELECT scope, max(at_resolution_ms) AS ms FROM held GROUP BY scope
)
SELECT h.scope, h.stream, h.post_id, h.account_id, h.language, h.wording, h.reposted,
       h.at_ms - ((h.at_ms % c.ms) + c.ms) % c.ms AS at_ms
FROM held h
JOIN clock c ON c.scope = h.scope
