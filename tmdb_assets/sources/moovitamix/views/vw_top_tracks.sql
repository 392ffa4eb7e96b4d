-- The 200 tracks listened to most, over all history rows the source still lists. Tracks that are gone, or were never
-- listed, do not count.
--
-- Grain: position
-- Kind: whole
--
-- position           Int64{1..200}  1 is the most listened to; between equals more listeners, then the lower id.
-- track_id           Int64          Track.
-- name               String         Title.
-- artist             String?        Artist.
-- genres             String?        Genres, as one text.
-- listens            Int64{>=1}     Times it was listened to.
-- listeners          Int64{>=1}     Different users who did.
-- first_listened_on  Date           Day of the first listen (UTC).
-- last_listened_on   Date           Day of the last listen (UTC).

WITH listened AS (
    SELECT
        track_id,
        count(*) AS listens,
        count(DISTINCT user_id) AS listeners,
        min(listened_on) AS first_listened_on,
        max(listened_on) AS last_listened_on
    FROM fact_listen
    WHERE gone_on IS NULL
    GROUP BY track_id
)
SELECT
    row_number() OVER (ORDER BY listened.listens DESC, listened.listeners DESC, listened.track_id) AS position,
    listened.track_id,
    track.name,
    track.artist,
    track.genres,
    listened.listens,
    listened.listeners,
    listened.first_listened_on,
    listened.last_listened_on
FROM listened
JOIN vw_track_latest AS track ON track.track_id = listened.track_id
WHERE track.gone_on IS NULL
QUALIFY position <= 200
ORDER BY position
