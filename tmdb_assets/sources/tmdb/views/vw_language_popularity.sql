-- Original languages by popularity on the newest day: one row per language that a film of that day was made in.
-- A film counts if it was observed on the newest day and is not gone. It has one original language; one whose language
-- is unknown (details never observed) is in no row, but in the total that shares are of.
-- Votes are those of a film's last day with votes.
--
-- Grain: iso_639_1
--
-- iso_639_1          String           Language code: ISO 639-1, or TMDB's own (cn, xx, sh).
-- name               String?          Name in English.
-- films              Int64{>=1}       Films of the language.
-- total_popularity   Float64{>=0}     Sum of the TMDB popularity of these films, each taken to six decimals.
-- mean_popularity    Float64{>=0}     Total popularity over films.
-- median_popularity  Float64{>=0}     Median of the popularity of these films.
-- popularity_share   Float64{0..1}?   Total popularity over that of all films of the day; null if that is 0.
-- popularity_rank    Int64{>=1}       1 has the highest total popularity; between equals in order of the code.
-- films_with_votes   Int64{>=0}       Films among them with at least one vote.
-- mean_rating        Float64{0..10}?  Mean of the mean votes of the films with votes, each film counting once.
-- total_votes        Int64{>=0}?      Votes so far of these films; null while no film's votes were ever observed.

WITH film AS (
    SELECT
        original_language,
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
original AS (
    SELECT
        original_language AS iso_639_1,
        count(*) AS films,
        CAST(sum(exact_popularity) AS DOUBLE) AS total_popularity,
        median(popularity) AS median_popularity,
        count(exact_rating) AS films_with_votes,
        CAST(sum(exact_rating) AS DOUBLE) AS total_rating,
        sum(vote_count) AS total_votes
    FROM film
    WHERE original_language IS NOT NULL
    GROUP BY original_language
)
SELECT
    original.iso_639_1,
    dim_language.name,
    original.films,
    original.total_popularity,
    original.total_popularity / original.films AS mean_popularity,
    original.median_popularity,
    original.total_popularity / nullif(overall.total_popularity, 0) AS popularity_share,
    row_number() OVER (ORDER BY original.total_popularity DESC, original.iso_639_1) AS popularity_rank,
    original.films_with_votes,
    original.total_rating / nullif(original.films_with_votes, 0) AS mean_rating,
    original.total_votes
FROM original
CROSS JOIN overall
LEFT JOIN dim_language ON dim_language.iso_639_1 = original.iso_639_1
ORDER BY popularity_rank
