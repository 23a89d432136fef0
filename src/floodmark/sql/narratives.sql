-- One row a family. Background: own posts outside the window, and those of the other conversation, with the same wording
-- (letter by letter by its key); `specific_share` is 1 - (share of background accounts with it / share of the scope's).
-- Parameters: $targets. Tables: _families, _member_posts, _scope_texts, _texts, _worded, posts.
WITH own AS (
    SELECT * FROM _member_posts WHERE NOT reposted
),
started AS (
    SELECT family, account_id, min(at_ms) AS at_ms FROM own GROUP BY ALL
),
tempo AS (
    SELECT family, quantile_disc(at_ms, 0.5) - min(at_ms) AS half_ms, min(at_ms) AS first_at_ms, count(*) AS accounts
    FROM started
    GROUP BY family
),
first_accounts AS (
    SELECT t.family, count(*) AS accounts
    FROM tempo t
    JOIN started s ON s.family = t.family AND s.at_ms = t.first_at_ms
    GROUP BY t.family
),
first_post AS (
    SELECT o.family, arg_min(struct_pack(post_id := o.post_id, account_id := o.account_id), o.post_id) AS first_known
    FROM own o
    JOIN tempo t ON t.family = o.family AND t.first_at_ms = o.at_ms
    GROUP BY o.family
),
counted AS (
    SELECT family,
           max(at_ms) FILTER (WHERE NOT reposted) AS last_at_ms,
           count(*) FILTER (WHERE NOT reposted) AS posts,
           count(*) FILTER (WHERE reposted) AS reposts,
           count(DISTINCT text) FILTER (WHERE NOT reposted) AS wordings,
           list_sort(list(DISTINCT language) FILTER (WHERE language IS NOT NULL AND NOT reposted)) AS languages
    FROM _member_posts
    GROUP BY family
),
head_post AS (
    SELECT t.text AS head, min(p.text) AS wording
    FROM _texts t
    JOIN posts p ON p.post_id = t.post_id
    WHERE t.text IN (SELECT head FROM _families)
    GROUP BY t.text
),
apart AS (
    -- What each scope is compared with: every own wording that is not of its own window.
    SELECT s.scope, p.account_id, p.wording
    FROM (SELECT 'event' AS scope UNION ALL SELECT 'control') s
    CROSS JOIN _worded p
    LEFT JOIN _scope_texts w ON w.scope = s.scope AND w.post_id = p.post_id
    WHERE w.post_id IS NULL AND NOT p.reposted
),
apart_size AS (
    SELECT scope, count(DISTINCT account_id) AS accounts FROM apart GROUP BY scope
),
scope_size AS (
    SELECT scope, count(DISTINCT account_id) AS accounts FROM _scope_texts WHERE NOT reposted GROUP BY scope
),
background AS (
    SELECT m.family, count(DISTINCT a.account_id) AS accounts
    FROM (SELECT DISTINCT f.scope, f.family, o.wording FROM own o JOIN _families f ON f.family = o.family) m
    JOIN apart a ON a.scope = m.scope AND a.wording = m.wording
    GROUP BY m.family
),
mentioned AS (
    SELECT o.family, lower(m.handle) AS handle, count(DISTINCT o.account_id) AS accounts
    FROM own o
    JOIN (SELECT stream, post_id, unnest(mentions) AS handle FROM posts) m
      ON m.stream = o.stream AND m.post_id = o.post_id
    GROUP BY ALL
),
top_mentioned AS (
    SELECT family,
           list(handle ORDER BY accounts DESC, handle) AS targets,
           list(accounts ORDER BY accounts DESC, handle) AS target_accounts
    FROM (SELECT *, row_number() OVER (PARTITION BY family ORDER BY accounts DESC, handle) AS place FROM mentioned)
    WHERE place <= $targets
    GROUP BY family
)
SELECT f.scope, f.family_id, f.kind, h.wording, c.posts, c.reposts, c.wordings, t.accounts, c.languages,
       k.first_known.post_id AS first_post_id,
       k.first_known.account_id AS first_account_id,
       t.first_at_ms,
       a.accounts AS first_accounts,
       c.last_at_ms, t.half_ms,
       CASE WHEN z.accounts > 0 THEN coalesce(b.accounts, 0) END AS background_accounts,
       CASE WHEN z.accounts > 0 THEN
           greatest(0.0, 1.0 - (coalesce(b.accounts, 0) / z.accounts) / (t.accounts / q.accounts)) END AS specific_share,
       coalesce(m.targets, []) AS targets,
       coalesce(m.target_accounts, []) AS target_accounts
FROM _families f
JOIN counted c ON c.family = f.family
JOIN tempo t ON t.family = f.family
JOIN first_accounts a ON a.family = f.family
JOIN first_post k ON k.family = f.family
JOIN head_post h ON h.head = f.head
JOIN scope_size q ON q.scope = f.scope
LEFT JOIN apart_size z ON z.scope = f.scope
LEFT JOIN background b ON b.family = f.family
LEFT JOIN top_mentioned m ON m.family = f.family
