-- All films together, day by day: how many there were and how popular they were. A film counts on every day it was
-- observed on before it was gone (see vw_movie_days).
--
-- Grain: date_id
--
-- date_id           Date          Day of the observations (UTC).
-- films             Int64{>=1}    Films observed on that day that were not gone by then.
-- total_popularity  Float64{>=0}  Sum of their TMDB popularity, each taken to six decimals.

SELECT
    date_id,
    count(*) AS films,
    -- added as decimals: a sum of floats depends on the order in which they are added
    CAST(sum(CAST(popularity AS DECIMAL(18, 6))) AS DOUBLE) AS total_popularity
FROM vw_movie_days
WHERE is_there
GROUP BY date_id
ORDER BY date_id
