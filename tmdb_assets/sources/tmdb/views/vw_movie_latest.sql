-- The last observation of each film: one row per film ever observed, films that are gone included (`gone_on` says so).
-- Popularity is that of the film's last day; votes are those of its last day with votes, since the ID export has none.
-- Ranks are among the films observed on the newest day of all that are not gone: a film last seen earlier has none.
--
-- Grain: movie_id
-- Kind: current
--
-- movie_id           Int64            Film.
-- title              String?          Title in English; in the original language while only the export has seen the
--                                   film.
-- release_date       Date?            First release; null when unknown.
-- original_language  String?          Language code of the original.
-- observed_on        Date             Day of the film's last observation (UTC).
-- is_current         Boolean          Whether that is the newest day of all.
-- popularity         Float64{>=0}     TMDB popularity on that day.
-- popularity_rank    Int64{>=1}?      1 is the most popular of the newest day; equals share the better rank.
-- votes_on           Date?            Last day on which votes were observed; null if they never were.
-- vote_average       Float64{0..10}?  Mean vote of that day; null without votes.
-- vote_count         Int64{>=0}?      Votes of that day.
-- rating_tier        String{poor|below average|average|good|very good|excellent}?  Tier of the mean vote: under 3 poor,
--                                     under 5 below average, under 6.5 average, under 7.5 good, under 8.5 very good,
--                                     else excellent; null without votes.
-- gone_on            Date?            First day on which TMDB said the film is gone; null while it is there.

WITH newest AS (
    SELECT max(date_id) AS day
    FROM fact_movie_daily
),
last_seen AS (
    SELECT
        movie_id,
        max(date_id) AS observed_on,
        arg_max(popularity, date_id) AS popularity,
        max(date_id) FILTER (WHERE vote_count IS NOT NULL) AS votes_on,
        arg_max(vote_count, date_id) FILTER (WHERE vote_count IS NOT NULL) AS vote_count,
        -- arg_max skips nulls: a mean vote of a day that had some would outlive the votes themselves
        arg_max(coalesce(vote_average, -1), date_id) FILTER (WHERE vote_count IS NOT NULL) AS vote_average
    FROM fact_movie_daily
    GROUP BY movie_id
),
known AS (
    SELECT
        movie_id,
        observed_on,
        popularity,
        votes_on,
        vote_count,
        nullif(vote_average, -1) AS vote_average,
        observed_on = newest.day AS is_current
    FROM last_seen
    CROSS JOIN newest
)
SELECT
    known.movie_id,
    coalesce(dim_movie.title, dim_movie.original_title) AS title,
    dim_movie.release_date,
    dim_movie.original_language,
    known.observed_on,
    known.is_current,
    known.popularity,
    CASE WHEN known.is_current AND dim_movie.gone_on IS NULL
        THEN rank() OVER (PARTITION BY known.is_current, dim_movie.gone_on IS NULL ORDER BY known.popularity DESC)
    END AS popularity_rank,
    known.votes_on,
    known.vote_average,
    known.vote_count,
    CASE
        WHEN known.vote_average < 3 THEN 'poor'
        WHEN known.vote_average < 5 THEN 'below average'
        WHEN known.vote_average < 6.5 THEN 'average'
        WHEN known.vote_average < 7.5 THEN 'good'
        WHEN known.vote_average < 8.5 THEN 'very good'
        WHEN known.vote_average >= 8.5 THEN 'excellent'
    END AS rating_tier,
    dim_movie.gone_on
FROM known
JOIN dim_movie ON dim_movie.movie_id = known.movie_id
