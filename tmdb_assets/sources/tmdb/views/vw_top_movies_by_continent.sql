-- The 50 most popular films of each continent on the newest day, with their rating and votes.
-- A film stands once per continent, however many of its countries lie there, and on each continent it has. Films that
-- are gone do not count. Countries whose continent nobody states are together the continent `Unknown`; a film whose
-- countries are unknown is on no continent.
--
-- Grain: continent, position
--
-- continent     String{Africa|Antarctica|Asia|Europe|North America|Oceania|South America|Unknown}  Continent of
--                                production countries; Unknown for countries without one.
-- position      Int64{1..50}     1 is the most popular of the continent; between equals the lower film id comes first.
-- movie_id      Int64            Film.
-- title         String?          Title in English, else in the original language.
-- release_date  Date?            First release; null when unknown.
-- popularity    Float64{>=0}     TMDB popularity on the newest day.
-- vote_average  Float64{0..10}?  Mean vote; null without votes.
-- vote_count    Int64{>=0}?      Votes so far; null when only the export has seen the film.
-- observed_on   Date             The newest day (UTC).

WITH place AS (
    SELECT DISTINCT
        bridge_movie_country.movie_id,
        coalesce(dim_country.continent, 'Unknown') AS continent
    FROM bridge_movie_country
    LEFT JOIN dim_country ON dim_country.iso_3166_1 = bridge_movie_country.iso_3166_1
)
SELECT
    place.continent,
    row_number() OVER (PARTITION BY place.continent ORDER BY film.popularity DESC, film.movie_id) AS position,
    film.movie_id,
    film.title,
    film.release_date,
    film.popularity,
    film.vote_average,
    film.vote_count,
    film.observed_on
FROM vw_movie_latest AS film
JOIN place ON place.movie_id = film.movie_id
WHERE film.is_current AND film.gone_on IS NULL
QUALIFY position <= 50
ORDER BY place.continent, position
