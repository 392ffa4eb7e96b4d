-- Actors: films, leading roles, money, rating and popularity. A film counts in full for everyone in its cast, and once
-- for one with several roles. Everyone with at least one film has a row: judge those with enough `films`.
--
-- Grain: person_id
--
-- person_id           Int64            Person.
-- name                String?          Name.
-- films               Int64{>=1}       Films acted in.
-- leading_roles       Int64{>=0}       Of these, films in which one of the person's roles is among the first three of
--                                      the cast (cast_order below 3).
-- first_year          Int64?           Year of the earliest release among them; null when no release is known.
-- last_year           Int64?           Year of the latest release, announced ones included.
-- {film_figures}

WITH appearance AS (
    SELECT
        person_id,
        movie_id,
        -- a role without a place in the cast leads nothing
        coalesce(min(cast_order) < 3, FALSE) AS is_leading
    FROM bridge_movie_cast
    GROUP BY
        person_id,
        movie_id
)
SELECT
    dim_person.person_id,
    dim_person.name,
    count(*) AS films,
    count(*) FILTER (WHERE appearance.is_leading) AS leading_roles,
    min(film.release_year) AS first_year,
    max(film.release_year) AS last_year,
    {film_figures}
FROM appearance
JOIN vw_movie_financials AS film ON film.movie_id = appearance.movie_id
JOIN dim_person ON dim_person.person_id = appearance.person_id
GROUP BY
    dim_person.person_id,
    dim_person.name
ORDER BY dim_person.person_id
