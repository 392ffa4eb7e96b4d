-- Production companies: films, money, rating and popularity. A film of two companies counts in full for both.
-- Every company of at least one film has a row: judge those with enough `films`.
--
-- Grain: company_id
--
-- company_id          Int64            Company; one name may belong to several.
-- name                String?          Name.
-- origin_country      String?          Code of its country; null when unknown.
-- films               Int64{>=1}       Films it produced.
-- first_year          Int64?           Year of the earliest release among them; null when no release is known.
-- last_year           Int64?           Year of the latest release, announced ones included.
-- {film_figures}

SELECT
    dim_company.company_id,
    dim_company.name,
    dim_company.origin_country,
    count(*) AS films,
    min(film.release_year) AS first_year,
    max(film.release_year) AS last_year,
    {film_figures}
FROM bridge_movie_company
JOIN vw_movie_financials AS film ON film.movie_id = bridge_movie_company.movie_id
JOIN dim_company ON dim_company.company_id = bridge_movie_company.company_id
GROUP BY
    dim_company.company_id,
    dim_company.name,
    dim_company.origin_country
ORDER BY dim_company.company_id
