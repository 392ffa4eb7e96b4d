-- Continents by popularity on the newest day: one row per continent that a film of that day was produced on.
-- A film counts if it was observed on the newest day and is not gone: once per continent, however many of its countries
-- lie there, and on each continent it has, so that shares may add up to more than 1.
-- Countries whose continent nobody states are together the continent `Unknown`, so that they do not vanish. A film
-- whose countries are unknown is in no row, not even that one, but in the total that shares are of.
-- Votes are those of a film's last day with votes.
--
-- Grain: continent
--
-- continent          String{Africa|Antarctica|Asia|Europe|North America|Oceania|South America|Unknown}  Continent of
--                                     production countries; Unknown for countries without one.
-- films              Int64{>=1}       Films of the continent.
-- total_popularity   Float64{>=0}     Sum of the TMDB popularity of these films, each taken to six decimals.
-- mean_popularity    Float64{>=0}     Total popularity over films.
-- median_popularity  Float64{>=0}     Median of the popularity of these films.
-- popularity_share   Float64{0..1}?   Total popularity over that of all films of the day; null if that is 0.
-- popularity_rank    Int64{>=1}       1 has the highest total popularity; between equals in order of the name.
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
place AS (
    SELECT DISTINCT
        bridge_movie_country.movie_id,
        coalesce(dim_country.continent, 'Unknown') AS continent
    FROM bridge_movie_country
    LEFT JOIN dim_country ON dim_country.iso_3166_1 = bridge_movie_country.iso_3166_1
),
grouped AS (
    SELECT
        place.continent,
        count(*) AS films,
        CAST(sum(film.exact_popularity) AS DOUBLE) AS total_popularity,
        median(film.popularity) AS median_popularity,
        count(film.exact_rating) AS films_with_votes,
        CAST(sum(film.exact_rating) AS DOUBLE) AS total_rating,
        sum(film.vote_count) AS total_votes
    FROM film
    JOIN place ON place.movie_id = film.movie_id
    GROUP BY place.continent
)
SELECT
    grouped.continent,
    grouped.films,
    grouped.total_popularity,
    grouped.total_popularity / grouped.films AS mean_popularity,
    grouped.median_popularity,
    grouped.total_popularity / nullif(overall.total_popularity, 0) AS popularity_share,
    row_number() OVER (ORDER BY grouped.total_popularity DESC, grouped.continent) AS popularity_rank,
    grouped.films_with_votes,
    grouped.total_rating / nullif(grouped.films_with_votes, 0) AS mean_rating,
    grouped.total_votes
FROM grouped
CROSS JOIN overall
ORDER BY popularity_rank
