-- How much the answers rest on: one row per kind of thing. History rows and listens the source does not list any more
-- do not count; empty history rows have no listens and do not show here.
--
-- Grain: subject
-- Kind: whole
--
-- subject        String{listens of tracks|listens of users|tracks|users}  What is counted: listens whose track is (or
--                                was) listed, listens whose user is, current tracks someone listened to, current users
--                                who did.
-- total          Int64{>=0}      How many there are.
-- covered        Int64{>=0}      How many of them the subject holds for.
-- uncovered      Int64{>=0}      The others: orphans, tracks nobody listened to, users who never listened.
-- covered_share  Float64{0..1}?  Covered over total, a ratio; null when there are none.
-- as_of          Date?           Newest observed day (UTC); null before any.

WITH listen AS (
    SELECT
        fact_listen.user_id,
        fact_listen.track_id,
        track.track_id IS NOT NULL AS has_track,
        person.user_id IS NOT NULL AS has_user
    FROM fact_listen
    LEFT JOIN vw_track_latest AS track ON track.track_id = fact_listen.track_id
    LEFT JOIN vw_user_latest AS person ON person.user_id = fact_listen.user_id
    WHERE fact_listen.gone_on IS NULL
),
heard_track AS (
    SELECT DISTINCT track_id
    FROM listen
),
listener AS (
    SELECT DISTINCT user_id
    FROM listen
),
counted AS (
    SELECT
        'listens of tracks' AS subject,
        count(*) AS total,
        count(*) FILTER (WHERE has_track) AS covered
    FROM listen
    UNION ALL
    SELECT
        'listens of users' AS subject,
        count(*) AS total,
        count(*) FILTER (WHERE has_user) AS covered
    FROM listen
    UNION ALL
    SELECT
        'tracks' AS subject,
        count(*) AS total,
        count(heard_track.track_id) AS covered
    FROM vw_track_latest AS track
    LEFT JOIN heard_track ON heard_track.track_id = track.track_id
    WHERE track.gone_on IS NULL
    UNION ALL
    SELECT
        'users' AS subject,
        count(*) AS total,
        count(listener.user_id) AS covered
    FROM vw_user_latest AS person
    LEFT JOIN listener ON listener.user_id = person.user_id
    WHERE person.gone_on IS NULL
),
newest AS (
    SELECT max(date_id) AS as_of
    FROM dim_date
)
SELECT
    counted.subject,
    counted.total,
    counted.covered,
    counted.total - counted.covered AS uncovered,
    counted.covered / CAST(nullif(counted.total, 0) AS DOUBLE) AS covered_share,
    newest.as_of
FROM counted
CROSS JOIN newest
