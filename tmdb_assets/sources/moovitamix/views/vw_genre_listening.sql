-- Listening by the genre of the track: one row per genre of a track that was listened to. A track with two genres
-- counts in both. Tracks that are gone, or were never listed, or have no genre, do not count.
--
-- Grain: genre_id
-- Kind: whole
--
-- genre_id          String         Genre, in small letters.
-- name              String         Genre, as it is most often written.
-- tracks            Int64{>=1}     Different tracks that were listened to.
-- listens           Int64{>=1}     Times they were listened to.
-- listeners         Int64{>=1}     Different users who did.
-- listen_share      Float64{0..1}  Its listens over those of all genres here, a ratio.
-- listened_seconds  Int64{>=0}?    Length of the tracks, once for each listen, in seconds; null when none is known.
-- timed_listens     Int64{>=0}     Listens whose track has a known length: what listened_seconds rests on.

WITH listened AS (
    SELECT
        bridge_track_genre.genre_id,
        count(DISTINCT fact_listen.track_id) AS tracks,
        count(*) AS listens,
        count(DISTINCT fact_listen.user_id) AS listeners,
        sum(track.duration_seconds) AS listened_seconds,
        count(track.duration_seconds) AS timed_listens
    FROM fact_listen
    JOIN vw_track_latest AS track ON track.track_id = fact_listen.track_id
    JOIN bridge_track_genre ON bridge_track_genre.track_id = fact_listen.track_id
    WHERE fact_listen.gone_on IS NULL AND track.gone_on IS NULL
    GROUP BY bridge_track_genre.genre_id
)
SELECT
    listened.genre_id,
    dim_genre.name,
    listened.tracks,
    listened.listens,
    listened.listeners,
    listened.listens / CAST(sum(listened.listens) OVER () AS DOUBLE) AS listen_share,
    listened.listened_seconds,
    listened.timed_listens
FROM listened
JOIN dim_genre ON dim_genre.genre_id = listened.genre_id
