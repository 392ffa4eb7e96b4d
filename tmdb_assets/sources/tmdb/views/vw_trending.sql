-- Where each film is going: its popularity and rank on the newest day and 1, 7 and 30 days before, and how fast it
-- gains votes. One row per film that was observed on the newest day and is not gone.
-- Days ago are exact calendar days: a film not observed on that very day, or a day without observations, gives null.
-- A rank is among the films that were there on that day (see vw_movie_days); equals share the better rank.
--
-- Grain: movie_id
-- Kind: windowed, 0, 1, 7, 14 and 30 days back
--
-- movie_id                 Int64          Film.
-- title                    String?        Title in English, else in the original language.
-- observed_on              Date           The newest day (UTC).
-- popularity               Float64{>=0}   TMDB popularity on the newest day.
-- popularity_1d_ago        Float64{>=0}?  The same 1 day before.
-- popularity_7d_ago        Float64{>=0}?  The same 7 days before.
-- popularity_30d_ago       Float64{>=0}?  The same 30 days before.
-- popularity_change_1d     Float64?       Popularity on the newest day less that of 1 day before.
-- popularity_change_7d     Float64?       The same since 7 days before.
-- popularity_change_30d    Float64?       The same since 30 days before.
-- popularity_rank          Int64{>=1}     Rank on the newest day; 1 is the most popular.
-- popularity_rank_1d_ago   Int64{>=1}?    The same 1 day before.
-- popularity_rank_7d_ago   Int64{>=1}?    The same 7 days before.
-- popularity_rank_30d_ago  Int64{>=1}?    The same 30 days before.
-- rank_change_1d           Int64?         Places climbed since 1 day before: rank then less rank now; negative: fallen.
-- rank_change_7d           Int64?         The same since 7 days before.
-- rank_change_30d          Int64?         The same since 30 days before.
-- votes_per_day_7d         Float64?       Vote velocity: votes on the newest day less votes 7 days before, over 7.
--                                         Needs both; negative when TMDB took votes back.
-- vote_acceleration        Float64?       Vote velocity of the last 7 days less that of the 7 days before, in votes a
--                                         day. Needs the votes of the newest day, of 7 and of 14 days before.

WITH newest AS (
    SELECT max(observed_on) AS day
    FROM vw_movie_latest
),
observed AS (
    SELECT
        seen.movie_id,
        date_diff('day', seen.date_id, newest.day) AS days_ago,
        seen.popularity,
        seen.vote_count,
        rank() OVER (PARTITION BY seen.date_id ORDER BY seen.popularity DESC) AS popularity_rank
    FROM vw_movie_days AS seen
    CROSS JOIN newest
    WHERE seen.is_there AND date_diff('day', seen.date_id, newest.day) IN (0, 1, 7, 14, 30)
),
compared AS (
    SELECT
        movie_id,
        max(popularity) FILTER (WHERE days_ago = 0) AS popularity,
        max(popularity) FILTER (WHERE days_ago = 1) AS popularity_1d_ago,
        max(popularity) FILTER (WHERE days_ago = 7) AS popularity_7d_ago,
        max(popularity) FILTER (WHERE days_ago = 30) AS popularity_30d_ago,
        max(popularity_rank) FILTER (WHERE days_ago = 0) AS popularity_rank,
        max(popularity_rank) FILTER (WHERE days_ago = 1) AS popularity_rank_1d_ago,
        max(popularity_rank) FILTER (WHERE days_ago = 7) AS popularity_rank_7d_ago,
        max(popularity_rank) FILTER (WHERE days_ago = 30) AS popularity_rank_30d_ago,
        CAST(max(vote_count) FILTER (WHERE days_ago = 0) AS DOUBLE) AS votes,
        CAST(max(vote_count) FILTER (WHERE days_ago = 7) AS DOUBLE) AS votes_7d_ago,
        CAST(max(vote_count) FILTER (WHERE days_ago = 14) AS DOUBLE) AS votes_14d_ago
    FROM observed
    GROUP BY movie_id
)
SELECT
    compared.movie_id,
    film.title,
    film.observed_on,
    compared.popularity,
    compared.popularity_1d_ago,
    compared.popularity_7d_ago,
    compared.popularity_30d_ago,
    compared.popularity - compared.popularity_1d_ago AS popularity_change_1d,
    compared.popularity - compared.popularity_7d_ago AS popularity_change_7d,
    compared.popularity - compared.popularity_30d_ago AS popularity_change_30d,
    compared.popularity_rank,
    compared.popularity_rank_1d_ago,
    compared.popularity_rank_7d_ago,
    compared.popularity_rank_30d_ago,
    compared.popularity_rank_1d_ago - compared.popularity_rank AS rank_change_1d,
    compared.popularity_rank_7d_ago - compared.popularity_rank AS rank_change_7d,
    compared.popularity_rank_30d_ago - compared.popularity_rank AS rank_change_30d,
    (compared.votes - compared.votes_7d_ago) / 7 AS votes_per_day_7d,
    (compared.votes - 2 * compared.votes_7d_ago + compared.votes_14d_ago) / 7 AS vote_acceleration
FROM compared
JOIN vw_movie_latest AS film ON film.movie_id = compared.movie_id
WHERE film.is_current AND film.gone_on IS NULL
ORDER BY compared.popularity_rank, compared.movie_id
