-- Directors (crew with the job 'Director'): films, money, rating and popularity. A film of two directors counts in full
-- for both, and once for one who is credited twice. Everyone with at least one film has a row: judge those with enough
-- `films`.
--
-- Grain: person_id
--
-- person_id           Int64            Person.
-- name                String?          Name.
-- films               Int64{>=1}       Films directed.
-- first_year          Int64?           Year of the earliest release among them; null when no release is known.
-- last_year           Int64?           Year of the latest release, announced ones included.
-- {film_figures}

WITH direction AS (
    SELECT DISTINCT
        person_id,
        movie_id
    FROM bridge_movie_crew
    WHERE job = 'Director'
)
SELECT
    dim_person.person_id,
    dim_person.name,
    count(*) AS films,
    min(film.release_year) AS first_year,
    max(film.release_year) AS last_year,
    {film_figures}
FROM direction
JOIN vw_movie_financials AS film ON film.movie_id = direction.movie_id
JOIN dim_person ON dim_person.person_id = direction.person_id
GROUP BY
    dim_person.person_id,
    dim_person.name
ORDER BY dim_person.person_id
