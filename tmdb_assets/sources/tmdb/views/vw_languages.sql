-- Films by the language they were made in: money, rating and popularity.
-- A film whose original language is unknown is left out.
--
-- Grain: original_language
--
-- original_language   String           Code of the language the film was made in (ISO 639-1, or TMDB's own: cn, xx,
--                                      sh).
-- name                String?          Name of the language in English.
-- films               Int64{>=1}       Films.
-- {film_figures}

SELECT
    film.original_language,
    dim_language.name,
    count(*) AS films,
    {film_figures}
FROM vw_movie_financials AS film
JOIN dim_language ON dim_language.iso_639_1 = film.original_language
GROUP BY
    film.original_language,
    dim_language.name
ORDER BY film.original_language
