-- One row per account: column by column what was known last, so that a later, poorer observation erases nothing. Ties go to
-- the row that is smallest column by column, so the choice never depends on row order. Then the creation date: the profile's
-- own, else the one that the id carries; an impossible one is unknown, and created_problem says so.
-- Tables: account_observations, posts, statuses, id_schemes, platform_starts.
WITH ranked AS (
    SELECT *,
           row_number() OVER (
               PARTITION BY account_id
               ORDER BY coalesce(observed_at_ms, -9223372036854775807) DESC,
                        handle, display_name, created_at_ms, created_resolution_ms, followers, following, posts_total,
                        previous_post_at_ms, location, description, language, default_picture, picture, verified, protected
           ) AS place
    FROM account_observations
),
profiles AS (
    SELECT account_id,
           max(observed_at_ms) AS observed_at_ms,
           first(handle ORDER BY place) FILTER (WHERE handle IS NOT NULL) AS handle,
           first(display_name ORDER BY place) FILTER (WHERE display_name IS NOT NULL) AS display_name,
           first(created_at_ms ORDER BY place) FILTER (WHERE created_at_ms IS NOT NULL) AS profile_created_at_ms,
           first(created_resolution_ms ORDER BY place) FILTER (WHERE created_at_ms IS NOT NULL) AS profile_created_resolution_ms,
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
),
-- The earliest moment at which an account's first post was surely over: no account is created later than that.
first_posts AS (
    SELECT account_id, min(at_ms + at_resolution_ms) AS posted_by_ms FROM posts GROUP BY account_id
),
collection AS (
    SELECT max(last_ms) AS last_ms
    FROM (
        SELECT max(greatest(at_ms + at_resolution_ms, coalesce(observed_at_ms, at_ms))) AS last_ms FROM posts
        UNION ALL SELECT max(observed_at_ms) FROM account_observations
        UNION ALL SELECT max(observed_at_ms) FROM statuses
    ) AS ends
),
-- Some screen names are all digits: where most ids of a stream are no numbers, its column holds names, which carry no date.
named_streams AS (
    SELECT stream, platform
    FROM (
        SELECT DISTINCT stream, account_id, split_part(account_id, ':', 1) AS platform,
               TRY_CAST(split_part(account_id, ':', 2) AS BIGINT) AS number
        FROM posts
    ) AS posting
    GROUP BY stream, platform
    HAVING 2 * count(number) < count(*)
),
named AS (
    SELECT DISTINCT p.account_id
    FROM posts p JOIN named_streams n ON n.stream = p.stream AND n.platform = split_part(p.account_id, ':', 1)
),
numbers AS (
    SELECT seen.account_id, split_part(seen.account_id, ':', 1) AS platform,
           TRY_CAST(split_part(seen.account_id, ':', 2) AS BIGINT) AS number
    FROM (SELECT account_id FROM profiles UNION SELECT account_id FROM first_posts) AS seen
    LEFT JOIN named ON named.account_id = seen.account_id
    WHERE named.account_id IS NULL
),
ids AS (
    SELECT n.account_id, s.width_ms,
           s.ms_from + CAST(floor(CAST((n.number - s.id_from) - (n.number - s.id_from) % s.step AS DOUBLE) * s.slope)
               AS BIGINT) AS from_ms
    FROM numbers n JOIN id_schemes s ON s.platform = n.platform AND n.number >= s.id_from AND n.number < s.id_to
    WHERE n.account_id = n.platform || ':' || CAST(n.number AS VARCHAR)
),
dated AS (
    SELECT coalesce(p.account_id, i.account_id) AS dated_id,
           coalesce(p.profile_created_at_ms, i.from_ms) AS at_ms,
           CASE WHEN p.profile_created_at_ms IS NOT NULL THEN p.profile_created_resolution_ms ELSE i.width_ms END AS width,
           CASE WHEN p.profile_created_at_ms IS NOT NULL THEN 'profile' ELSE 'id' END AS source,
           p.profile_created_at_ms > i.from_ms + i.width_ms + 86400000
               OR p.profile_created_at_ms + coalesce(p.profile_created_resolution_ms, 1) < i.from_ms - 86400000 AS differs
    FROM profiles p FULL JOIN ids i ON i.account_id = p.account_id
    WHERE p.profile_created_at_ms IS NOT NULL OR i.from_ms IS NOT NULL
),
checked AS (
    SELECT d.*,
           CASE
               -- Without a known beginning of the platform: no network of today is older than 1990.
               WHEN d.at_ms + coalesce(d.width, 1) <= coalesce(s.start_ms, 631152000000) THEN 'before_platform'
               WHEN d.at_ms >= f.posted_by_ms THEN 'after_own_post'
               WHEN d.at_ms > c.last_ms THEN 'after_collection'
           END AS impossible
    FROM dated d
    CROSS JOIN collection c
    LEFT JOIN first_posts f ON f.account_id = d.dated_id
    LEFT JOIN platform_starts s ON s.platform = split_part(d.dated_id, ':', 1)
)
SELECT coalesce(p.account_id, c.dated_id) AS account_id,
       p.observed_at_ms, p.handle, p.display_name,
       CASE WHEN c.impossible IS NULL THEN c.at_ms END AS created_at_ms,
       CASE WHEN c.impossible IS NULL THEN CAST(c.width AS BIGINT) END AS created_resolution_ms,
       CASE WHEN c.impossible IS NULL THEN c.source END AS created_from,
       coalesce(c.impossible, CASE WHEN c.differs THEN 'differs_from_id' END) AS created_problem,
       p.profile_created_at_ms, CAST(p.profile_created_resolution_ms AS BIGINT) AS profile_created_resolution_ms,
       p.followers, p.following, p.posts_total, p.previous_post_at_ms, p.location, p.description, p.language,
       p.default_picture, p.picture, p.verified, p.protected
FROM profiles p FULL JOIN checked c ON c.dated_id = p.account_id
