-- One row per account: its latest observation; ties go to the row that is smallest column by column, so the choice never
-- depends on row order. Tables: account_observations.
WITH ranked AS (
    SELECT *,
           row_number() OVER (
               PARTITION BY account_id
               ORDER BY coalesce(observed_at_ms, -9223372036854775807) DESC,
                        handle, display_name, created_at_ms, created_resolution_ms, followers, following, posts_total,
                        previous_post_at_ms, location, description, language, default_picture, verified, protected
           ) AS place
    FROM account_observations
)
SELECT account_id, observed_at_ms, handle, display_name, created_at_ms, created_resolution_ms, followers, following,
       posts_total, previous_post_at_ms, location, description, language, default_picture, verified, protected
FROM ranked
WHERE place = 1
