-- How popular each film was in each week, as a share of all films: one row per ISO week and film that was observed in it
-- and not gone by then. What the trends of genres and continents are added up from: a seventh of the rows of the days.
--
-- Grain: week_starts_on, movie_id
-- Kind: periodic, by the week
-- Dated: dim_movie.gone_on by movie_id
--
-- week_starts_on  Date          Monday of the ISO week.
-- movie_id        Int64         Film.
-- total_share     Float64{>=0}  Sum over the observed days of the week of the film's TMDB popularity over that of all
--                               films of the day. A day without any popularity does not count.

SELECT
    CAST(date_trunc('week', observed.date_id) AS DATE) AS week_starts_on,
    observed.movie_id,
    CAST(sum(CAST(observed.popularity / daily.total_popularity AS DECIMAL(18, 17))) AS DOUBLE) AS total_share
FROM vw_movie_days AS observed
JOIN vw_daily_popularity AS daily ON daily.date_id = observed.date_id
WHERE observed.is_there AND daily.total_popularity > 0
GROUP BY CAST(date_trunc('week', observed.date_id) AS DATE), observed.movie_id
-- equal shares lie beside each other, which takes half of the bytes
ORDER BY week_starts_on, total_share, observed.movie_id
