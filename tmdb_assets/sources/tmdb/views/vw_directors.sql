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

WITH direction AS (
    SELECT DISTINCT
        person_id,
        movie_id
    FROM bridge_movie_crew
    WHERE job = 'Director'
),
director AS (
    SELECT
        direction.person_id,
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
    FROM direction
    JOIN vw_movie_financials AS film ON film.movie_id = direction.movie_id
    GROUP BY direction.person_id
)
SELECT
    director.person_id,
    dim_person.name,
    director.films,
    director.first_year,
    director.last_year,
    director.films_with_money,
    director.films_with_votes,
    director.total_budget_usd,
    director.mean_budget_usd,
    director.median_budget_usd,
    director.total_revenue_usd,
    director.mean_revenue_usd,
    director.median_revenue_usd,
    director.total_profit_usd,
    director.mean_profit_usd,
    director.median_profit_usd,
    director.median_roi,
    director.mean_rating,
    director.mean_popularity
FROM director
JOIN dim_person ON dim_person.person_id = director.person_id
ORDER BY director.person_id
