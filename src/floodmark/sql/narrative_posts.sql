-- The posts of the window that hold a wording to compare, by scope (`event`: any side; `control`), each post once; times
-- floored to the coarsest clock of the scope.
-- Tables: side_posts, posts, post_features, _text_keys(stream, post_id, key).
WITH once AS (
    SELECT CASE WHEN side = 'control' THEN 'control' ELSE 'event' END AS scope, post_id, min(stream) AS stream
    FROM side_posts
    WHERE in_window
    GROUP BY 1, 2
),
held AS (
    SELECT o.scope, o.stream, o.post_id, p.account_id, p.at_ms, p.at_resolution_ms, p.language, k.key,
           coalesce(p.is_repost, FALSE) OR p.reposted_post_id IS NOT NULL OR f.repost_handle IS NOT NULL AS reposted
    FROM once o
    JOIN posts p ON p.stream = o.stream AND p.post_id = o.post_id
    JOIN post_features f ON f.stream = o.stream AND f.post_id = o.post_id
    JOIN _text_keys k ON k.stream = o.stream AND k.post_id = o.post_id
),
clock AS (
    SELECT scope, max(at_resolution_ms) AS ms FROM held GROUP BY scope
)
SELECT h.scope, h.stream, h.post_id, h.account_id, h.language, h.key, h.reposted,
       h.at_ms - ((h.at_ms % c.ms) + c.ms) % c.ms AS at_ms
FROM held h
JOIN clock c ON c.scope = h.scope
