-- Genres: money, rating and popularity of the films that carry them. A film with two genres counts in both, so totals
-- over genres exceed those of all films. A genre that no film carries has no row.
--
-- Grain: genre_id
--
-- genre_id            Int64            Genre.
-- name                String?          Name of the genre in English.
-- films               Int64{>=1}       Films that carry the genre.
-- {film_figures}

SELECT
    dim_genre.genre_id,
    dim_genre.name,
    count(*) AS films,
    {film_figures}
FROM bridge_movie_genre
JOIN vw_movie_financials AS film ON film.movie_id = bridge_movie_genre.movie_id
JOIN dim_genre ON dim_genre.genre_id = bridge_movie_genre.genre_id
GROUP BY
    dim_genre.genre_id,
    dim_genre.name
ORDER BY dim_genre.genre_id
