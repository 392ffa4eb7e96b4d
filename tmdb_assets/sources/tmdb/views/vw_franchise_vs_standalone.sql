-- Films that belong to a series beside films that stand alone: money, rating and popularity.
-- A film counts as standalone when its details name no series.
--
-- Grain: is_franchise
--
-- is_franchise        Boolean          Whether the films belong to a series (TMDB's collections).
-- films               Int64{>=1}       Films.
-- {film_figures}

SELECT
    film.collection_id IS NOT NULL AS is_franchise,
    count(*) AS films,
    {film_figures}
FROM vw_movie_financials AS film
GROUP BY film.collection_id IS NOT NULL
ORDER BY is_franchise
