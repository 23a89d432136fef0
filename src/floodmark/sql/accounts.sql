-- One row per account: column by column what was known last, so that a later, poorer observation erases nothing. Ties go to
-- the row that is smallest column by column, so the choice never depends on row order. Tables: account_observations.
WITH ranked AS (
    SELECT *,
           row_number() OVER (
               PARTITION BY account_id
               ORDER BY coalesce(observed_at_ms, -9223372036854775807) DESC,
                        handle, display_name, created_at_ms, created_resolution_ms, followers, following, posts_total,
                        previous_post_at_ms, location, description, language, default_picture, picture, verified, protected
           ) AS place
    FROM account_observations
)
SELECT account_id,
       max(observed_at_ms) AS observed_at_ms,
       first(handle ORDER BY place) FILTER (WHERE handle IS NOT NULL) AS handle,
       first(display_name ORDER BY place) FILTER (WHERE display_name IS NOT NULL) AS display_name,
       first(created_at_ms ORDER BY place) FILTER (WHERE created_at_ms IS NOT NULL) AS created_at_ms,
       first(created_resolution_ms ORDER BY place) FILTER (WHERE created_resolution_ms IS NOT NULL) AS created_resolution_ms,
       first(followers ORDER BY place) FILTER (WHERE followers IS NOT NULL) AS followers,
       first(following ORDER BY place) FILTER (WHERE following IS NOT NULL) AS following,
       first(posts_total ORDER BY place) FILTER (WHERE posts_total IS NOT NULL) AS posts_total,
       first(previous_post_at_ms ORDER BY place) FILTER (WHERE previous_post_at_ms IS NOT NULL) AS previous_post_at_ms,
       first(location ORDER BY place) FILTER (WHERE location IS NOT NULL) AS location,
       first(description ORDER BY place) FILTER (WHERE description IS NOT NULL) AS description,
       first(language ORDER BY place) FILTER (WHERE language IS NOT NULL) AS language,
       first(default_picture ORDER BY place) FILTER (WHERE default_picture IS NOT NULL) AS default_picture,
       first(picture ORDER BY place) FILTER (WHERE picture IS NOT NULL) AS picture,
       first(verified ORDER BY place) FILTER (WHERE verified IS NOT NULL) AS verified,
       first(protected ORDER BY place) FILTER (WHERE protected IS NOT NULL) AS protected
FROM ranked
GROUP BY account_id
