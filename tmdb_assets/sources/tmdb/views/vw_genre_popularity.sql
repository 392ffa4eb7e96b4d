-- Genres by popularity on the newest day: one row per genre that a film of that day has.
-- A film counts if it was observed on the newest day and is not gone. One with two genres counts in both, so that
-- shares may add up to more than 1; one whose genres are unknown is in no row, but in the total that shares are of.
-- Votes are those of a film's last day with votes.
--
-- Grain: genre_id
--
-- genre_id           Int64            Genre.
-- name               String?          Name in English.
-- films              Int64{>=1}       Films of the genre.
-- total_popularity   Float64{>=0}     Sum of the TMDB popularity of these films, each taken to six decimals.
-- mean_popularity    Float64{>=0}     Total popularity over films.
-- median_popularity  Float64{>=0}     Median of the popularity of these films.
-- popularity_share   Float64{0..1}?   Total popularity over that of all films of the day; null if that is 0.
-- popularity_rank    Int64{>=1}       1 has the highest total popularity; between equals the lower id comes first.
-- films_with_votes   Int64{>=0}       Films among them with at least one vote.
-- mean_rating        Float64{0..10}?  Mean of the mean votes of the films with votes, each film counting once.
-- total_votes        Int64{>=0}?      Votes so far of these films; null while no film's votes were ever observed.

WITH film AS (
    SELECT
        movie_id,
        popularity,
        -- added as decimals: a sum of floats depends on the order in which they are added
        CAST(popularity AS DECIMAL(18, 6)) AS exact_popularity,
        CAST(vote_average AS DECIMAL(18, 6)) AS exact_rating,
        vote_count
    FROM vw_movie_latest
    WHERE is_current AND gone_on IS NULL
),
overall AS (
    SELECT CAST(sum(exact_popularity) AS DOUBLE) AS total_popularity
    FROM film
),
genre AS (
    SELECT
        bridge_movie_genre.genre_id,
        count(*) AS films,
        CAST(sum(film.exact_popularity) AS DOUBLE) AS total_popularity,
        median(film.popularity) AS median_popularity,
        count(film.exact_rating) AS films_with_votes,
        CAST(sum(film.exact_rating) AS DOUBLE) AS total_rating,
        sum(film.vote_count) AS total_votes
    FROM film
    JOIN bridge_movie_genre ON bridge_movie_genre.movie_id = film.movie_id
    GROUP BY bridge_movie_genre.genre_id
)
SELECT
    genre.genre_id,
    dim_genre.name,
    genre.films,
    genre.total_popularity,
    genre.total_popularity / genre.films AS mean_popularity,
    genre.median_popularity,
    genre.total_popularity / nullif(overall.total_popularity, 0) AS popularity_share,
    row_number() OVER (ORDER BY genre.total_popularity DESC, genre.genre_id) AS popularity_rank,
    genre.films_with_votes,
    genre.total_rating / nullif(genre.films_with_votes, 0) AS mean_rating,
    genre.total_votes
FROM genre
CROSS JOIN overall
LEFT JOIN dim_genre ON dim_genre.genre_id = genre.genre_id
ORDER BY popularity_rank
