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
-- films_with_money    Int64{>=0}       Of these, films with budget and revenue known: money figures rest on them.
-- films_with_votes    Int64{>=0}       Of these, films with votes: the mean rating rests on them.
-- total_budget_usd    Int64{>=0}?      Sum of budgets, in US dollars; null without films with money.
-- mean_budget_usd     Float64{>=0}?    Mean budget, in US dollars.
-- median_budget_usd   Float64{>=0}?    Median budget, in US dollars (between two middle films their mean).
-- total_revenue_usd   Int64{>=0}?      Sum of revenues, in US dollars.
-- mean_revenue_usd    Float64{>=0}?    Mean revenue, in US dollars.
-- median_revenue_usd  Float64{>=0}?    Median revenue, in US dollars.
-- total_profit_usd    Int64?           Sum of profits (revenue less budget), in US dollars.
-- mean_profit_usd     Float64?         Mean profit, in US dollars.
-- median_profit_usd   Float64?         Median profit, in US dollars.
-- median_roi          Float64{>=0}?    Median return on investment (revenue over budget), a ratio.
-- mean_rating         Float64{0..10}?  Mean of the films' mean votes, each film once; null without films with votes.
-- mean_popularity     Float64{>=0}?    Mean TMDB popularity at the last observation of each film that has one.

WITH company AS (
    SELECT
        bridge_movie_company.company_id,
        count(*) AS films,
        min(film.release_year) AS first_year,
        max(film.release_year) AS last_year,
        count(*) FILTER (WHERE film.has_money) AS films_with_money,
        count(film.vote_average) AS films_with_votes,
        CAST(sum(film.budget_usd) FILTER (WHERE film.has_money) AS BIGINT) AS total_budget_usd,
        avg(film.budget_usd) FILTER (WHERE film.has_money) AS mean_budget_usd,
        median(film.budget_usd) FILTER (WHERE film.has_money) AS median_budget_usd,
        CAST(sum(film.revenue_usd) FILTER (WHERE film.has_money) AS BIGINT) AS total_revenue_usd,
        avg(film.revenue_usd) FILTER (WHERE film.has_money) AS mean_revenue_usd,
        median(film.revenue_usd) FILTER (WHERE film.has_money) AS median_revenue_usd,
        CAST(sum(film.profit_usd) AS BIGINT) AS total_profit_usd,
        avg(film.profit_usd) AS mean_profit_usd,
        median(film.profit_usd) AS median_profit_usd,
        median(film.roi) AS median_roi,
        avg(film.vote_average) AS mean_rating,
        avg(film.popularity) AS mean_popularity
    FROM bridge_movie_company
    JOIN vw_movie_financials AS film ON film.movie_id = bridge_movie_company.movie_id
    GROUP BY bridge_movie_company.company_id
)
SELECT
    company.company_id,
    dim_company.name,
    dim_company.origin_country,
    company.films,
    company.first_year,
    company.last_year,
    company.films_with_money,
    company.films_with_votes,
    company.total_budget_usd,
    company.mean_budget_usd,
    company.median_budget_usd,
    company.total_revenue_usd,
    company.mean_revenue_usd,
    company.median_revenue_usd,
    company.total_profit_usd,
    company.mean_profit_usd,
    company.median_profit_usd,
    company.median_roi,
    company.mean_rating,
    company.mean_popularity
FROM company
JOIN dim_company ON dim_company.company_id = company.company_id
ORDER BY company.company_id
