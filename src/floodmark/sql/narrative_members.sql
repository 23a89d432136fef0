-- The posts of each family, reposts of the same wording beside.
-- Tables: _families(family, scope, kind, head), _scope_texts, _texts(scope, wording, text),
-- _members(scope, kind, head, text, likeness).
SELECT f.family, m.text, m.likeness, p.wording, p.stream, p.post_id, p.account_id, p.at_ms, p.language, p.reposted
FROM _families f
JOIN _members m ON m.scope = f.scope AND m.kind = f.kind AND m.head = f.head
JOIN _texts t ON t.text = m.text
JOIN _scope_texts p ON p.scope = f.scope AND p.wording = t.wording
