-- Films by the year of their first release: money, rating, popularity, and the film that earned most.
-- A film without a known release date has no year and is left out.
--
-- Grain: release_year
--
-- release_year              Int64            Year of the first release.
-- films                     Int64{>=1}       Films.
-- {film_figures}
-- best_earning_movie_id     Int64?           The film with the highest revenue, those with implausible money left out;
--                                            between equals the lower id.
-- best_earning_title        String?          Its title.
-- best_earning_revenue_usd  Int64{>=0}?      Its revenue, in US dollars.

WITH film AS (
    SELECT
        movie_id,
        title,
        release_year,
        has_budget,
        has_revenue,
        has_money,
        has_implausible_money,
        budget_usd,
        revenue_usd,
        profit_usd,
        roi,
        vote_average,
        popularity,
        has_revenue AND NOT has_implausible_money AS is_ranked,
        -- one place per film, so that a tie has one winner
        row_number() OVER (
            PARTITION BY release_year, has_revenue AND NOT has_implausible_money
            ORDER BY revenue_usd DESC, movie_id
        ) AS place
    FROM vw_movie_financials
    WHERE release_year IS NOT NULL
)
SELECT
    film.release_year,
    count(*) AS films,
    {film_figures},
    max(film.movie_id) FILTER (WHERE film.is_ranked AND film.place = 1) AS best_earning_movie_id,
    max(film.title) FILTER (WHERE film.is_ranked AND film.place = 1) AS best_earning_title,
    max(film.revenue_usd) FILTER (WHERE film.is_ranked AND film.place = 1) AS best_earning_revenue_usd
FROM film
GROUP BY film.release_year
ORDER BY film.release_year
