-- Films that broke out: far above what is usual for them on the newest day. One row per film over all four thresholds.
-- z = (ln p - m) / s with p the popularity of the newest day, m the median of ln popularity over the film's own history
-- (its observations 1 to 60 days before the newest day), and s = 1.4826 * median of |ln popularity - m| over the same
-- days, at least 0.1: a film that hardly moves would else break out with every breath, and a constant one divides by 0.
-- Thresholds: z >= 5; popularity >= 2.5 times the median; popularity >= 2, since tiny films jump by chance; and at
-- least 21 days of history, three weeks, since popularity has a weekly pattern.
-- Observations of popularity 0 do not count.
-- A release lifts popularity as well, but over weeks, which widens s, so that most releases stay below the threshold.
-- One that sets in at once cannot be told from another cause by popularity alone: `release_date` stands beside.
-- Films that are gone do not count.
--
-- Grain: movie_id
-- Kind: windowed, 0 to 60 days back
--
-- movie_id           Int64          Film.
-- title              String?        Title in English, else in the original language.
-- release_date       Date?          First release; null when unknown.
-- observed_on        Date           The newest day (UTC).
-- breakout_rank      Int64{>=1}     1 has the highest z; between equals the lower film id comes first.
-- z_score            Float64{>=5}   z as defined above.
-- popularity         Float64{>=2}   TMDB popularity on the newest day.
-- median_popularity  Float64{>=0}   Usual popularity: e to the power of m.
-- factor             Float64{>=2.5} Popularity over usual popularity.
-- log_spread         Float64{>=0.1} The divisor s.
-- days_of_history    Int64{21..60}  Observations it was measured against.

WITH candidate AS (
    SELECT
        movie_id,
        title,
        release_date,
        observed_on,
        popularity
    FROM vw_movie_latest
    WHERE is_current AND gone_on IS NULL AND popularity >= 2
),
history AS (
    SELECT
        seen.movie_id,
        ln(seen.popularity) AS log_popularity
    FROM vw_movie_days AS seen
    JOIN candidate ON candidate.movie_id = seen.movie_id
    WHERE seen.is_there
        AND date_diff('day', seen.date_id, candidate.observed_on) BETWEEN 1 AND 60
        AND seen.popularity > 0
),
usual AS (
    SELECT
        movie_id,
        median(log_popularity) AS log_median,
        count(*) AS days_of_history
    FROM history
    GROUP BY movie_id
    HAVING count(*) >= 21
),
spread AS (
    SELECT
        history.movie_id,
        greatest(1.4826 * median(abs(history.log_popularity - usual.log_median)), 0.1) AS log_spread
    FROM history
    JOIN usual ON usual.movie_id = history.movie_id
    GROUP BY history.movie_id
),
scored AS (
    SELECT
        candidate.movie_id,
        candidate.title,
        candidate.release_date,
        candidate.observed_on,
        (ln(candidate.popularity) - usual.log_median) / spread.log_spread AS z_score,
        candidate.popularity,
        exp(usual.log_median) AS median_popularity,
        candidate.popularity / exp(usual.log_median) AS factor,
        spread.log_spread,
        usual.days_of_history
    FROM candidate
    JOIN usual ON usual.movie_id = candidate.movie_id
    JOIN spread ON spread.movie_id = candidate.movie_id
)
SELECT
    movie_id,
    title,
    release_date,
    observed_on,
    row_number() OVER (ORDER BY z_score DESC, movie_id) AS breakout_rank,
    z_score,
    popularity,
    median_popularity,
    factor,
    log_spread,
    days_of_history
FROM scored
WHERE z_score >= 5 AND factor >= 2.5
ORDER BY breakout_rank
