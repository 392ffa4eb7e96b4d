-- Tracks listened to together, for recommending: for each track up to 20 others that stood in one history row with it
-- for at least two different users. Tracks that are gone, or were never listed, do not count. Every pair stands here
-- twice, once from either side, unless it is not among the best 20 of one.
--
-- Grain: track_id, other_track_id
-- Kind: whole
--
-- track_id          Int64          Track.
-- other_track_id    Int64          Track listened to with it.
-- position          Int64{1..20}   1 is the closest by users, then by closeness, then the lower id.
-- name              String         Title of the track.
-- other_name        String         Title of the other.
-- users_together    Int64{>=2}     Different users with both in one history row.
-- histories         Int64{>=2}     History rows with both.
-- closeness         Float64{0..1}  Jaccard: users with both in one row over users with either, a ratio.

WITH heard AS (
    SELECT DISTINCT
        fact_listen.user_id,
        fact_listen.listened_at,
        fact_listen.track_id,
        track.name
    FROM fact_listen
    JOIN vw_track_latest AS track ON track.track_id = fact_listen.track_id
    WHERE fact_listen.gone_on IS NULL AND track.gone_on IS NULL
),
pair AS (
    SELECT
        one.track_id,
        other.track_id AS other_track_id,
        min(one.name) AS name,
        min(other.name) AS other_name,
        count(DISTINCT one.user_id) AS users_together,
        count(*) AS histories
    FROM heard AS one
    JOIN heard AS other
        ON other.user_id = one.user_id
        AND other.listened_at = one.listened_at
        AND other.track_id <> one.track_id
    GROUP BY one.track_id, other.track_id
    HAVING count(DISTINCT one.user_id) >= 2
),
audience AS (
    SELECT
        track_id,
        count(DISTINCT user_id) AS users
    FROM heard
    GROUP BY track_id
),
measured AS (
    SELECT
        pair.track_id,
        pair.other_track_id,
        pair.name,
        pair.other_name,
        pair.users_together,
        pair.histories,
        pair.users_together / CAST(audience.users + other_audience.users - pair.users_together AS DOUBLE) AS closeness
    FROM pair
    JOIN audience ON audience.track_id = pair.track_id
    JOIN audience AS other_audience ON other_audience.track_id = pair.other_track_id
)
SELECT
    track_id,
    other_track_id,
    row_number() OVER (
        PARTITION BY track_id ORDER BY users_together DESC, closeness DESC, other_track_id
    ) AS position,
    name,
    other_name,
    users_together,
    histories,
    closeness
FROM measured
QUALIFY position <= 20
