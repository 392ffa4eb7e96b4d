-- What was observed of each film on each day, and whether TMDB still had the film by then. Days on which a film was
-- there count in whatever is said of a past day, those of films that have vanished since included: a past day does not
-- change when a film vanishes. From its gone_on (see dim_movie) on a film is not there, though lists and export are
-- slow to forget it.
--
-- Grain: date_id, movie_id
-- Kept: no
--
-- date_id       Date             Day of the observation (UTC).
-- movie_id      Int64            Film.
-- is_there      Boolean          Whether the film was not gone by then.
-- popularity    Float64{>=0}     TMDB popularity of that day.
-- vote_average  Float64{0..10}?  Mean vote; null without votes.
-- vote_count    Int64{>=0}?      Votes so far; null when only the export saw the film.

SELECT
    fact.date_id,
    fact.movie_id,
    dim_movie.gone_on IS NULL OR fact.date_id < dim_movie.gone_on AS is_there,
    fact.popularity,
    fact.vote_average,
    fact.vote_count
FROM fact_movie_daily AS fact
LEFT JOIN dim_movie ON dim_movie.movie_id = fact.movie_id AND dim_movie.gone_on IS NOT NULL
