-- What each user listened to: one row per user ever listed, those who are gone or never listened included. Empty
-- history rows are no listening.
--
-- Grain: user_id
-- Kind: whole
--
-- user_id            Int64          User.
-- gender             String?        Gender as stated.
-- favorite_genres    String?        Favourite genres, as one text.
-- gone_on            Date?          First observed day without the user; null while they are listed.
-- history_rows       Int64{>=0}     History rows with at least one track.
-- listens            Int64{>=0}     Times the user listened to a track.
-- tracks             Int64{>=0}     Different tracks.
-- artists            Int64{>=0}     Different artists, of tracks the source lists or listed.
-- first_listened_on  Date?          Day of the first listen (UTC); null without any.
-- last_listened_on   Date?          Day of the last listen (UTC); null without any.
-- active_days        Int64{>=0}     Different days with a listen (UTC).

WITH listened AS (
    SELECT
        fact_listen.user_id,
        count(DISTINCT fact_listen.listened_at) AS history_rows,
        count(*) AS listens,
        count(DISTINCT fact_listen.track_id) AS tracks,
        count(DISTINCT track.artist) AS artists,
        min(fact_listen.listened_on) AS first_listened_on,
        max(fact_listen.listened_on) AS last_listened_on,
        count(DISTINCT fact_listen.listened_on) AS active_days
    FROM fact_listen
    LEFT JOIN vw_track_latest AS track ON track.track_id = fact_listen.track_id
    WHERE fact_listen.gone_on IS NULL
    GROUP BY fact_listen.user_id
)
SELECT
    person.user_id,
    person.gender,
    person.favorite_genres,
    person.gone_on,
    coalesce(listened.history_rows, 0) AS history_rows,
    coalesce(listened.listens, 0) AS listens,
    coalesce(listened.tracks, 0) AS tracks,
    coalesce(listened.artists, 0) AS artists,
    listened.first_listened_on,
    listened.last_listened_on,
    coalesce(listened.active_days, 0) AS active_days
FROM vw_user_latest AS person
LEFT JOIN listened ON listened.user_id = person.user_id
