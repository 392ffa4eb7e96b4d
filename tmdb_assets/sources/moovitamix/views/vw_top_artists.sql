-- The 200 artists listened to most, over all history rows the source still lists. Tracks that are gone, or were never
-- listed, or name no artist, do not count. An artist is a name: two artists of one name are one here.
--
-- Grain: position
-- Kind: whole
--
-- position          Int64{1..200}  1 is the most listened to; between equals more listeners, then the alphabet.
-- artist            String         Artist.
-- tracks            Int64{>=1}     Different tracks of the artist that were listened to.
-- listens           Int64{>=1}     Times they were listened to.
-- listeners         Int64{>=1}     Different users who did.
-- listened_seconds  Int64{>=0}?    Their length, once for each listen, in seconds; null when no length is known.
-- timed_listens     Int64{>=0}     Listens whose track has a known length: what listened_seconds rests on.

WITH listened AS (
    SELECT
        track.artist,
        count(DISTINCT fact_listen.track_id) AS tracks,
        count(*) AS listens,
        count(DISTINCT fact_listen.user_id) AS listeners,
        sum(track.duration_seconds) AS listened_seconds,
        count(track.duration_seconds) AS timed_listens
    FROM fact_listen
    JOIN vw_track_latest AS track ON track.track_id = fact_listen.track_id
    WHERE fact_listen.gone_on IS NULL AND track.gone_on IS NULL AND track.artist IS NOT NULL
    GROUP BY track.artist
)
SELECT
    row_number() OVER (ORDER BY listens DESC, listeners DESC, artist) AS position,
    artist,
    tracks,
    listens,
    listeners,
    listened_seconds,
    timed_listens
FROM listened
QUALIFY position <= 200
ORDER BY position
