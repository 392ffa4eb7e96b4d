-- Production countries by popularity on the newest day: one row per country that a film of that day has.
-- A film counts if it was observed on the newest day and is not gone. One of two countries counts in both, so that
-- shares may add up to more than 1; one whose countries are unknown is in no row, but in the total that shares are of.
-- Votes are those of a film's last day with votes.
--
-- Grain: iso_3166_1
--
-- iso_3166_1         String           Country code: ISO 3166-1 alpha-2, or one that TMDB still uses.
-- name               String?          Name in English.
-- continent          String?          Continent; null when the code is in no list that knows it.
-- films              Int64{>=1}       Films of the country.
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
country AS (
    SELECT
        bridge_movie_country.iso_3166_1,
        count(*) AS films,
        CAST(sum(film.exact_popularity) AS DOUBLE) AS total_popularity,
        median(film.popularity) AS median_popularity,
        count(film.exact_rating) AS films_with_votes,
        CAST(sum(film.exact_rating) AS DOUBLE) AS total_rating,
        sum(film.vote_count) AS total_votes
    FROM film
    JOIN bridge_movie_country ON bridge_movie_country.movie_id = film.movie_id
    GROUP BY bridge_movie_country.iso_3166_1
)
SELECT
    country.iso_3166_1,
    dim_country.name,
    dim_country.continent,
    country.films,
    country.total_popularity,
    country.total_popularity / country.films AS mean_popularity,
    country.median_popularity,
    country.total_popularity / nullif(overall.total_popularity, 0) AS popularity_share,
    row_number() OVER (ORDER BY country.total_popularity DESC, country.iso_3166_1) AS popularity_rank,
    country.films_with_votes,
    country.total_rating / nullif(country.films_with_votes, 0) AS mean_rating,
    country.total_votes
FROM country
CROSS JOIN overall
LEFT JOIN dim_country ON dim_country.iso_3166_1 = country.iso_3166_1
ORDER BY popularity_rank
