-- The key by which wordings are compared, one row per row of posts. Besides what textfold.py folds away, gone are: marks and signs of any
-- kind (emoji among them), hashtags before and after the wording, the sign of hashtags within it, Latin accents, and the
-- difference between Latin letters and their Cyrillic and Greek look-alikes. NULL where fewer than $letters letters are left.
-- Tables: post_features.
WITH words AS (
    SELECT stream,
           post_id,
           ' ' || trim(regexp_replace(folded_text, '[^\p{L}\p{M}\p{N}_#]+', ' ', 'g')) || ' ' AS words
    FROM post_features
    WHERE length(folded_text) >= $letters
),
wording AS (
    SELECT stream,
           post_id,
           regexp_replace(regexp_replace(words, '^(?: *#[\p{L}\p{M}\p{N}_]+ )+', ''), '(?: #[\p{L}\p{M}\p{N}_]+)+ *$', '')
               AS words
    FROM words
),
keyed AS (
    SELECT stream,
           post_id,
           translate(
               strip_accents(trim(regexp_replace(words, '[ #]+', ' ', 'g'))),
               'аеорсухіјѕԁԛԝһвнкмтгαεορυντικχημβ',
               'aeopcyxijsdqwhbhkmtraeopuvtikxhmb'
           ) AS key
    FROM wording
)
SELECT stream, post_id, key
FROM keyed
WHERE length(key) >= $letters
