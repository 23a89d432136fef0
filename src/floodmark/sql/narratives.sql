-- One row a family. Background: own posts outside the window, and those of the other conversation, with the same wording
-- (letter by letter by its key); `specific_share` is 1 - (share of background accounts with it / share of the scope's).
-- Parameters: $targets. Tables: _member_posts, _scope_texts, _texts, _text_keys, posts, post_features, side_posts,
-- coordinated_accounts.
WITH own AS (
    SELECT * FROM _member_posts WHERE NOT reposted
),
started AS (
    SELECT scope, family_id, account_id, min(at_ms) AS at_ms, min(post_id) AS post_id FROM own GROUP BY ALL
),
tempo AS (
    SELECT scope, family_id,
           quantile_disc(at_ms, 0.5) - min(at_ms) AS half_ms,
           count(*) AS accounts
    FROM started
    GROUP BY ALL
),
first_post AS (
    SELECT scope, family_id,
           min(at_ms) AS first_at_ms,
           max(at_ms) AS last_at_ms,
           arg_min(struct_pack(post_id := post_id, account_id := account_id), (at_ms, post_id)) AS first_known
    FROM own
    GROUP BY ALL
),
counted AS (
    SELECT scope, family_id, kind, min(head) AS head,
           count(*) FILTER (WHERE NOT reposted) AS posts,
           count(*) FILTER (WHERE reposted) AS reposts,
           count(DISTINCT text) FILTER (WHERE NOT reposted) AS wordings,
           list_sort(list(DISTINCT language) FILTER (WHERE language IS NOT NULL AND NOT reposted)) AS languages
    FROM _member_posts
    GROUP BY ALL
),
head_post AS (
    SELECT t.text AS head, min(p.text) AS wording
    FROM _texts t
    JOIN posts p ON p.post_id = t.post_id
    WHERE t.text IN (SELECT head FROM _member_posts)
    GROUP BY ALL
),
tested AS (
    SELECT scope FROM coordinated_accounts WHERE scope IN ('event', 'control') GROUP BY scope
),
named AS (
    SELECT s.scope, s.family_id, count(c.account_id) AS coordinated
    FROM started s
    JOIN tested e ON e.scope = s.scope
    LEFT JOIN coordinated_accounts c ON c.scope = s.scope AND c.account_id = s.account_id AND c.state = 'named'
    GROUP BY ALL
),
apart AS (
    -- What each scope is compared with: every own wording that is not of its own window.
    SELECT s.scope, p.account_id, k.key
    FROM (SELECT 'event' AS scope UNION ALL SELECT 'control') s
    CROSS JOIN _text_keys k
    JOIN posts p ON p.stream = k.stream AND p.post_id = k.post_id
    JOIN post_features f ON f.stream = k.stream AND f.post_id = k.post_id
    LEFT JOIN _scope_texts w ON w.scope = s.scope AND w.post_id = k.post_id
    WHERE w.post_id IS NULL
      AND NOT coalesce(p.is_repost, FALSE) AND p.reposted_post_id IS NULL AND f.repost_handle IS NULL
),
apart_size AS (
    SELECT scope, count(DISTINCT account_id) AS accounts FROM apart GROUP BY scope
),
scope_size AS (
    SELECT scope, count(DISTINCT account_id) AS accounts FROM _scope_texts WHERE NOT reposted GROUP BY scope
),
background AS (
    SELECT m.scope, m.family_id, count(DISTINCT a.account_id) AS accounts
    FROM (SELECT DISTINCT scope, family_id, key FROM own) m
    JOIN apart a ON a.scope = m.scope AND a.key = m.key
    GROUP BY ALL
),
mentioned AS (
    SELECT o.scope, o.family_id, lower(m.handle) AS handle, count(DISTINCT o.account_id) AS accounts
    FROM own o
    JOIN (SELECT stream, post_id, unnest(mentions) AS handle FROM posts) m
      ON m.stream = o.stream AND m.post_id = o.post_id
    GROUP BY ALL
),
top_mentioned AS (
    SELECT scope, family_id,
           list(handle ORDER BY accounts DESC, handle) AS targets,
           list(accounts ORDER BY accounts DESC, handle) AS target_accounts
    FROM (SELECT *, row_number() OVER (PARTITION BY scope, family_id ORDER BY accounts DESC, handle) AS place
          FROM mentioned)
    WHERE place <= $targets
    GROUP BY ALL
)
SELECT c.scope, c.family_id, c.kind, h.wording, c.posts, c.reposts, c.wordings, t.accounts, c.languages,
       f.first_known.post_id AS first_post_id,
       f.first_known.account_id AS first_account_id,
       f.first_at_ms,
       (SELECT count(*) FROM started s
        WHERE s.scope = c.scope AND s.family_id = c.family_id AND s.at_ms = f.first_at_ms) AS first_accounts,
       f.last_at_ms, t.half_ms,
       n.coordinated AS coordinated_accounts,
       CASE WHEN z.accounts > 0 THEN coalesce(b.accounts, 0) END AS background_accounts,
       CASE WHEN z.accounts > 0 THEN
           greatest(0.0, 1.0 - (coalesce(b.accounts, 0) / z.accounts) / (t.accounts / q.accounts)) END AS specific_share,
       coalesce(m.targets, []) AS targets,
       coalesce(m.target_accounts, []) AS target_accounts
FROM counted c
JOIN tempo t ON t.scope = c.scope AND t.family_id = c.family_id
JOIN first_post f ON f.scope = c.scope AND f.family_id = c.family_id
JOIN head_post h ON h.head = c.head
JOIN scope_size q ON q.scope = c.scope
LEFT JOIN apart_size z ON z.scope = c.scope
LEFT JOIN named n ON n.scope = c.scope AND n.family_id = c.family_id
LEFT JOIN background b ON b.scope = c.scope AND b.family_id = c.family_id
LEFT JOIN top_mentioned m ON m.scope = c.scope AND m.family_id = c.family_id
