-- The co-actions behind one edge, post by post.
--
-- in:  actions_in(account_id, object_id, post_id, at_ms), $account_a, $account_b, $window_ms >= 0
-- out: one row a pair of actions on the same object at most the window apart; as many as the edge has co-actions
SELECT
    a.object_id,
    a.post_id AS post_a,
    b.post_id AS post_b,
    a.at_ms AS at_a_ms,
    b.at_ms AS at_b_ms
FROM actions_in AS a
JOIN actions_in AS b ON a.object_id = b.object_id
WHERE
    a.account_id = $account_a
    AND b.account_id = $account_b
    AND abs(a.at_ms - b.at_ms) <= $window_ms
ORDER BY a.object_id, a.at_ms, b.at_ms, a.post_id, b.post_id
