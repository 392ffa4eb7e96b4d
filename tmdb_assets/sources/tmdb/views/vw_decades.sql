-- Films by the decade of their first release: money, rating and popularity.
-- A film without a known release date has no decade and is left out.
--
-- Grain: decade
--
-- decade              Int64            First year of the decade: 1990 is 1990 to 1999.
-- films               Int64{>=1}       Films.
-- {film_figures}

SELECT
    film.release_year - film.release_year % 10 AS decade,
    count(*) AS films,
    {film_figures}
FROM vw_movie_financials AS film
WHERE film.release_year IS NOT NULL
GROUP BY film.release_year - film.release_year % 10
ORDER BY decade
