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
),
actor AS (
    SELECT
        appearance.person_id,
        count(*) AS films,
        count(*) FILTER (WHERE appearance.is_leading) AS leading_roles,
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
    FROM appearance
    JOIN vw_movie_financials AS film ON film.movie_id = appearance.movie_id
    GROUP BY appearance.person_id
)
SELECT
    actor.person_id,
    dim_person.name,
    actor.films,
    actor.leading_roles,
    actor.first_year,
    actor.last_year,
    actor.films_with_money,
    actor.films_with_votes,
    actor.total_budget_usd,
    actor.mean_budget_usd,
    actor.median_budget_usd,
    actor.total_revenue_usd,
    actor.mean_revenue_usd,
    actor.median_revenue_usd,
    actor.total_profit_usd,
    actor.mean_profit_usd,
    actor.median_profit_usd,
    actor.median_roi,
    actor.mean_rating,
    actor.mean_popularity
FROM actor
JOIN dim_person ON dim_person.person_id = actor.person_id
ORDER BY actor.person_id
