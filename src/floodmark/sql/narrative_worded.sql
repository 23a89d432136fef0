-- Every post that holds a wording to compare, with the number of that wording; whether it only repeats another post.
-- Tables: posts, post_features, _folded_keys(folded_text, key), _wordings(wording, key).
SELECT f.stream, f.post_id, p.account_id, p.at_ms, p.at_resolution_ms, p.language, w.wording,
       coalesce(p.is_repost, FALSE) OR p.reposted_post_id IS NOT NULL OR f.repost_handle IS NOT NULL AS reposted
FROM post_features f
JOIN _folded_keys k ON k.folded_text = f.folded_text
JOIN _wordings w ON w.key = k.key
JOIN posts p ON p.stream = f.stream AND p.post_id = f.post_id
