-- The key by which wordings are compared, one row per distinct folded text. Besides what textfold.py folds away, gone are: marks
-- and signs of any kind (emoji among them), hashtags before and after the wording, the sign of hashtags within it, Latin accents,
-- and the difference between Latin letters and their Cyrillic and Greek look-alikes. No row where fewer than $letters letters are
-- left. Materialized, or the length asked for at the end has every key computed twice.
-- Tables: post_features.
WITH texts AS (
    SELECT DISTINCT folded_text FROM post_features WHERE length(folded_text) >= $letters
),
words AS (
    SELECT folded_text,
           ' ' || trim(regexp_replace(folded_text, '[^\p{L}\p{M}\p{N}_#]+', ' ', 'g')) || ' ' AS words
    FROM texts
),
wording AS (
    SELECT folded_text,
           CASE
               WHEN contains(words, '#') THEN
                   regexp_replace(
                       regexp_replace(words, '^(?: *#[\p{L}\p{M}\p{N}_]+ )+', ''), '(?: #[\p{L}\p{M}\p{N}_]+)+ *$', ''
                   )
               ELSE words
           END AS words
    FROM words
),
keyed AS MATERIALIZED (
    SELECT folded_text,
           translate(
               strip_accents(
                   trim(CASE WHEN contains(words, '#') THEN regexp_replace(words, '[ #]+', ' ', 'g') ELSE words END)
               ),
               'аеорсухіјѕԁԛԝһвнкмтгαεορυντικχημβ',
               'aeopcyxijsdqwhbhkmtraeopuvtikxhmb'
           ) AS key
    FROM wording
)
SELECT folded_text, key
FROM keyed
WHERE length(key) >= $letters
