-- The posts that the traces of one scope look at: inside the event window, each post once even when two streams hold
-- it, times floored to the coarsest clock of the scope, so that a minute clock is never compared with a second clock.
-- Parameters: $start_ms, $end_ms. Tables: posts, post_features, scope_streams(stream).
WITH scoped AS (
    SELECT p.*
    FROM posts p
    JOIN scope_streams s ON s.stream = p.stream
    WHERE p.at_ms >= $start_ms AND p.at_ms < $end_ms
),
clock AS (
    SELECT coalesce(max(at_resolution_ms), 1) AS resolution_ms FROM scoped
),
numbered AS (
    SELECT scoped.*, row_number() OVER (PARTITION BY post_id ORDER BY stream) AS copy_number FROM scoped
)
SELECT p.stream,
       p.post_id,
       p.account_id,
       p.at_ms - ((p.at_ms % c.resolution_ms) + c.resolution_ms) % c.resolution_ms AS at_ms,
       c.resolution_ms,
       coalesce(p.is_repost, FALSE) OR p.reposted_post_id IS NOT NULL OR f.repost_handle IS NOT NULL AS reposted,
       p.reposted_post_id,
       p.replied_post_id,
       f.folded_text,
       f.hashtag_set,
       f.hashtag_count,
       f.repost_handle,
       f.repost_text
FROM numbered p
CROSS JOIN clock c
JOIN post_features f ON f.stream = p.stream AND f.post_id = p.post_id
WHERE p.copy_number = 1
