-- How the popularity of continents moves from week to week: one row per ISO week and continent that a film of that week
-- was produced on.
-- The share of a day is the popularity of the continent's films over that of all films of the day; the share of a week
-- is its mean over the observed days of the week, a day on which the continent had no film counting as 0.
-- Past days are grouped by the films' last known countries: TMDB does not tell what they were. A film counts once per
-- continent, however many of its countries lie there, and on each continent it has. Countries whose continent nobody
-- states are together the continent `Unknown`; a film whose countries are unknown is in no row, but in the day's total.
-- A film counts on every day it was observed on before it was gone: a past week does not change when it vanishes.
--
-- Grain: week_starts_on, continent
-- Kind: whole
--
-- week_starts_on    Date           Monday of the ISO week.
-- continent         String{Africa|Antarctica|Asia|Europe|North America|Oceania|South America|Unknown}  Continent of
--                                  production countries; Unknown for countries without one.
-- popularity_share  Float64{0..1}  Mean daily share of the continent in the day's total TMDB popularity.
-- days_observed     Int64{1..7}    Days of the week with observations.
-- films             Int64{>=1}     Films of the continent observed on any day of the week.

WITH weekly AS (
    SELECT
        CAST(date_trunc('week', date_id) AS DATE) AS week_starts_on,
        count(*) AS days_observed
    FROM vw_daily_popularity
    WHERE total_popularity > 0
    GROUP BY CAST(date_trunc('week', date_id) AS DATE)
),
place AS (
    SELECT DISTINCT
        bridge_movie_country.movie_id,
        coalesce(dim_country.continent, 'Unknown') AS continent
    FROM bridge_movie_country
    LEFT JOIN dim_country ON dim_country.iso_3166_1 = bridge_movie_country.iso_3166_1
),
grouped AS (
    SELECT
        film.week_starts_on,
        place.continent,
        CAST(sum(CAST(film.total_share AS DECIMAL(18, 17))) AS DOUBLE) AS total_share,
        count(*) AS films
    FROM vw_movie_weeks AS film
    JOIN place ON place.movie_id = film.movie_id
    GROUP BY film.week_starts_on, place.continent
)
SELECT
    grouped.week_starts_on,
    grouped.continent,
    least(grouped.total_share / weekly.days_observed, 1) AS popularity_share,
    weekly.days_observed,
    grouped.films
FROM grouped
JOIN weekly ON weekly.week_starts_on = grouped.week_starts_on
ORDER BY grouped.week_starts_on, grouped.continent
