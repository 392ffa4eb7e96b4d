-- Every film on every day it was observed: its popularity, where that put it among the films of the day, and its votes.
-- Rank and percentile are among the films that were there on that day (see vw_movie_days). The ID export has no votes:
-- a day on which only the export saw a film has none. Titles stand in vw_movie_latest: a day's rows stay as they are.
--
-- Grain: date_id, movie_id
-- Kind: daily
-- After: the last row of movie_id with vote_count
-- Dated: dim_movie.gone_on by movie_id
--
-- date_id          Date             Day of the observation (UTC).
-- movie_id         Int64            Film.
-- popularity       Float64{>=0}     TMDB popularity of that day.
-- percentile       Float64{0..1}?   Share of the day's other films that are no more popular, (films - rank) /
--                                   (films - 1): 1 is the most popular. Null once gone, or when the day has one film.
-- popularity_rank  Int64{>=1}?      1 is the most popular of the day; equals share the better rank. Null once gone.
-- new_votes        Int64?           Votes since the film's previous day with votes, negative when TMDB took some back;
--                                   null on the first such day and on a day without votes.
-- new_votes_days   Int64{>=1}?      Days over which they came: days since the film's previous day with votes.
-- vote_count       Int64{>=0}?      Votes so far.
-- vote_average     Float64{0..10}?  Mean vote; null without votes.

WITH compared AS (
    SELECT
        date_id,
        movie_id,
        popularity,
        vote_count,
        vote_average,
        CASE WHEN is_there
            THEN rank() OVER (PARTITION BY date_id, is_there ORDER BY popularity DESC)
        END AS popularity_rank,
        -- days with and without votes apart: the day before in the film's own partition is its previous day with votes
        lag(vote_count) OVER votes AS previous_vote_count,
        CASE WHEN vote_count IS NOT NULL THEN lag(date_id) OVER votes END AS previous_date_id
    FROM vw_movie_days
    WINDOW votes AS (PARTITION BY movie_id, vote_count IS NULL ORDER BY date_id)
)
SELECT
    compared.date_id,
    compared.movie_id,
    compared.popularity,
    (daily.films - compared.popularity_rank) / CAST(nullif(daily.films - 1, 0) AS DOUBLE) AS percentile,
    compared.popularity_rank,
    compared.vote_count - compared.previous_vote_count AS new_votes,
    date_diff('day', compared.previous_date_id, compared.date_id) AS new_votes_days,
    compared.vote_count,
    compared.vote_average
FROM compared
LEFT JOIN vw_daily_popularity AS daily ON daily.date_id = compared.date_id
-- figures that go with each other lie beside each other, which takes two thirds of the bytes
ORDER BY compared.date_id, compared.popularity_rank, compared.movie_id
