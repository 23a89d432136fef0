-- The families that at least $accounts accounts posted themselves, numbered by accounts within scope and kind.
-- Tables: _scope_texts, _texts(scope, wording, text), _members(scope, kind, head, text, likeness).
WITH counted AS (
    SELECT m.scope, m.kind, m.head, count(DISTINCT p.account_id) AS accounts, count(*) AS posts
    FROM _members m
    JOIN _texts t ON t.text = m.text
    JOIN _scope_texts p ON p.scope = t.scope AND p.wording = t.wording
    WHERE NOT p.reposted
    GROUP BY ALL
    HAVING count(DISTINCT p.account_id) >= $accounts
),
numbered AS (
    SELECT scope, kind, head,
           row_number() OVER (PARTITION BY scope, kind ORDER BY accounts DESC, posts DESC, head) AS place,
           row_number() OVER (ORDER BY scope, kind, head) AS family
    FROM counted
)
SELECT family, scope, kind, head,
       CASE scope WHEN 'event' THEN 'E' ELSE 'C' END
       || CASE kind WHEN 'exact' THEN 'X' WHEN 'copied' THEN 'T' WHEN 'reworded' THEN 'R' ELSE 'P' END
       || CAST(place AS VARCHAR) AS family_id
FROM numbered
