-- All films together, day by day: how many there were and how popular they were. A film counts on every day it was
-- observed on before it was gone (see vw_movie_days).
--
-- Grain: date_id
-- Kind: daily, few rows
-- Dated: dim_movie.gone_on by movie_id
--
-- date_id           Date          Day of the observations (UTC).
-- films             Int64{>=0}    Films observed on that day that were not gone by then.
-- total_popularity  Float64{>=0}  Sum of their TMDB popularity, each taken to six decimals.
-- films_observed    Int64{>=1}    Films observed on that day, those that were gone by then included.
-- films_with_votes  Int64{>=0}    Films among these whose votes were observed.

SELECT
    date_id,
    count(*) FILTER (WHERE is_there) AS films,
    -- added as decimals: a sum of floats depends on the order in which they are added
    coalesce(
        CAST(sum(CAST(popularity AS DECIMAL(18, 6))) FILTER (WHERE is_there) AS DOUBLE), 0.0
    ) AS total_popularity,
    count(*) AS films_observed,
    count(vote_count) AS films_with_votes
FROM vw_movie_days
GROUP BY date_id
ORDER BY date_id
