-- The posts of each family that at least $accounts accounts posted themselves, reposts of the same wording beside; families
-- numbered by accounts within scope and kind.
-- Tables: _scope_texts, _texts(scope, key, text), _members(scope, kind, head, text, likeness).
WITH member AS (
    SELECT m.scope, m.kind, m.head, m.text, m.likeness, t.key
    FROM _members m
    JOIN _texts t ON t.text = m.text
),
held AS (
    SELECT m.kind, m.head, m.text, m.likeness, p.*
    FROM member m
    JOIN _scope_texts p ON p.scope = m.scope AND p.key = m.key
),
counted AS (
    SELECT scope, kind, head, count(DISTINCT account_id) AS accounts, count(*) AS posts
    FROM held
    WHERE NOT reposted
    GROUP BY ALL
    HAVING count(DISTINCT account_id) >= $accounts
),
numbered AS (
    SELECT scope, kind, head,
           row_number() OVER (PARTITION BY scope, kind ORDER BY accounts DESC, posts DESC, head) AS place
    FROM counted
)
SELECT h.scope, h.kind, h.head, h.text, h.key, n.place, h.likeness, h.stream, h.post_id, h.account_id, h.at_ms, h.language,
       h.reposted,
       CASE h.scope WHEN 'event' THEN 'E' ELSE 'C' END
       || CASE h.kind WHEN 'exact' THEN 'X' WHEN 'copied' THEN 'T' WHEN 'reworded' THEN 'R' ELSE 'P' END
       || CAST(n.place AS VARCHAR) AS family_id
FROM held h
JOIN numbered n ON n.scope = h.scope AND n.kind = h.kind AND n.head = h.head
