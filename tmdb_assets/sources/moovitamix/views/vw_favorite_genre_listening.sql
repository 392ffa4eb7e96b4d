-- Listening by the listener's favourite genre: one row per genre that a current user names. A user with two favourites
-- counts in both; users who are gone do not count. Shows whether they listen to what they say they like.
--
-- Grain: genre_id
-- Kind: whole
--
-- genre_id            String          Favourite genre, in small letters.
-- name                String          Favourite genre, as it is most often written.
-- users               Int64{>=1}      Current users who name it.
-- listeners           Int64{>=0}      Those of them who listened to anything.
-- listens             Int64{>=0}      Times they listened to a track.
-- listens_per_user    Float64{>=0}    Listens over users, a ratio.
-- listens_with_genre  Int64{>=0}      Listens whose track has a known genre: what favorite_share rests on.
-- favorite_share      Float64{0..1}?  Share of those that are of the favourite genre, a ratio; null without any.

WITH fan AS (
    SELECT
        bridge_user_genre.genre_id,
        bridge_user_genre.user_id
    FROM bridge_user_genre
    JOIN vw_user_latest ON vw_user_latest.user_id = bridge_user_genre.user_id
    WHERE vw_user_latest.gone_on IS NULL
),
of_genre AS (
    SELECT
        track_id,
        genre_id
    FROM bridge_track_genre
),
has_genre AS (
    SELECT DISTINCT track_id
    FROM bridge_track_genre
),
listened AS (
    SELECT
        fan.genre_id,
        count(*) AS listens,
        count(DISTINCT fact_listen.user_id) AS listeners,
        count(has_genre.track_id) AS listens_with_genre,
        count(of_genre.track_id) AS favorite_listens
    FROM fan
    JOIN fact_listen ON fact_listen.user_id = fan.user_id
    LEFT JOIN has_genre ON has_genre.track_id = fact_listen.track_id
    LEFT JOIN of_genre ON of_genre.track_id = fact_listen.track_id AND of_genre.genre_id = fan.genre_id
    WHERE fact_listen.gone_on IS NULL
    GROUP BY fan.genre_id
),
named AS (
    SELECT
        genre_id,
        count(*) AS users
    FROM fan
    GROUP BY genre_id
)
SELECT
    named.genre_id,
    dim_genre.name,
    named.users,
    coalesce(listened.listeners, 0) AS listeners,
    coalesce(listened.listens, 0) AS listens,
    coalesce(listened.listens, 0) / CAST(named.users AS DOUBLE) AS listens_per_user,
    coalesce(listened.listens_with_genre, 0) AS listens_with_genre,
    listened.favorite_listens / CAST(nullif(listened.listens_with_genre, 0) AS DOUBLE) AS favorite_share
FROM named
JOIN dim_genre ON dim_genre.genre_id = named.genre_id
LEFT JOIN listened ON listened.genre_id = named.genre_id
