-- How the popularity of genres moves from week to week: one row per ISO week and genre that a film of that week has.
-- The share of a day is the popularity of the genre's films over that of all films of the day; the share of a week is
-- its mean over the observed days of the week, a day on which the genre had no film counting as 0.
-- Past days are grouped by the films' last known genres: TMDB does not tell what they were. A film with two genres
-- counts in both; one whose genres are unknown is in no row, but in the day's total. A film counts on every day it was
-- observed on before it was gone: a past week does not change when it vanishes.
--
-- Grain: week_starts_on, genre_id
-- Kind: whole
--
-- week_starts_on    Date           Monday of the ISO week.
-- genre_id          Int64          Genre.
-- name              String?        Name in English.
-- popularity_share  Float64{0..1}  Mean daily share of the genre in the day's total TMDB popularity.
-- days_observed     Int64{1..7}    Days of the week with observations.
-- films             Int64{>=1}     Films of the genre observed on any day of the week.

WITH weekly AS (
    SELECT
        CAST(date_trunc('week', date_id) AS DATE) AS week_starts_on,
        count(*) AS days_observed
    FROM vw_daily_popularity
    WHERE total_popularity > 0
    GROUP BY CAST(date_trunc('week', date_id) AS DATE)
),
genre AS (
    SELECT
        film.week_starts_on,
        bridge_movie_genre.genre_id,
        CAST(sum(CAST(film.total_share AS DECIMAL(18, 17))) AS DOUBLE) AS total_share,
        count(*) AS films
    FROM vw_movie_weeks AS film
    JOIN bridge_movie_genre ON bridge_movie_genre.movie_id = film.movie_id
    GROUP BY film.week_starts_on, bridge_movie_genre.genre_id
)
SELECT
    genre.week_starts_on,
    genre.genre_id,
    dim_genre.name,
    least(genre.total_share / weekly.days_observed, 1) AS popularity_share,
    weekly.days_observed,
    genre.films
FROM genre
JOIN weekly ON weekly.week_starts_on = genre.week_starts_on
LEFT JOIN dim_genre ON dim_genre.genre_id = genre.genre_id
ORDER BY genre.week_starts_on, genre.genre_id
