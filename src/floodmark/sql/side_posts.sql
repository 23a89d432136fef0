-- Which posts speak for which side: in one of the side's streams and, unless the side is the streams as a whole, with one
-- of its hashtags, keywords or accounts. The control is a side of its own.
-- Parameters: $start_ms, $end_ms. Tables: posts, post_features, post_hashtags, accounts,
-- side_streams(side, stream, whole), side_rules(side, kind, value), post_words(stream, post_id, words) of posts that may hold a
-- keyword. A keyword matches whole words ("art" is not in "party"); both it and `words` are words between single spaces, with a
-- space at either end.
WITH eligible AS (
    SELECT s.side, s.whole, p.stream, p.post_id, p.account_id, p.at_ms
    FROM posts p
    JOIN side_streams s ON s.stream = p.stream
),
matched AS (
    SELECT r.side, h.stream, h.post_id
    FROM post_hashtags h
    JOIN side_rules r ON r.kind = 'hashtag' AND r.value = h.hashtag
    UNION
    SELECT r.side, w.stream, w.post_id
    FROM post_words w
    JOIN side_rules r ON r.kind = 'keyword' AND instr(w.words, r.value) > 0
    UNION
    SELECT r.side, f.stream, f.post_id
    FROM post_features f
    JOIN side_rules r ON r.kind = 'phrase' AND instr(f.folded_text, r.value) > 0
    UNION
    SELECT r.side, p.stream, p.post_id
    FROM posts p
    JOIN side_rules r ON r.kind = 'account' AND r.value = p.account_id
    UNION
    SELECT r.side, p.stream, p.post_id
    FROM posts p
    JOIN accounts a ON a.account_id = p.account_id
    JOIN side_rules r ON r.kind = 'handle' AND r.value = lower(a.handle)
)
SELECT e.side,
       e.stream,
       e.post_id,
       e.account_id,
       e.at_ms,
       e.at_ms >= $start_ms AND e.at_ms < $end_ms AS in_window
FROM eligible e
LEFT JOIN matched m ON m.side = e.side AND m.stream = e.stream AND m.post_id = e.post_id
WHERE e.whole OR m.post_id IS NOT NULL
