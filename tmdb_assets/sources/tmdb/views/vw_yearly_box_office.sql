-- Films by the year of their first release: money, rating, popularity, and the film that earned most.
-- A film without a known release date has no year and is left out.
--
-- Grain: release_year
--
-- release_year              Int64            Year of the first release.
-- films                     Int64{>=1}       Films.
-- films_with_money          Int64{>=0}       Of these, films with budget and revenue known: money figures rest on them.
-- films_with_votes          Int64{>=0}       Of these, films with votes: the mean rating rests on them.
-- total_budget_usd          Int64{>=0}?      Sum of budgets, in US dollars; null without films with money.
-- mean_budget_usd           Float64{>=0}?    Mean budget, in US dollars.
-- median_budget_usd         Float64{>=0}?    Median budget, in US dollars (between two middle films their mean).
-- total_revenue_usd         Int64{>=0}?      Sum of revenues, in US dollars.
-- mean_revenue_usd          Float64{>=0}?    Mean revenue, in US dollars.
-- median_revenue_usd        Float64{>=0}?    Median revenue, in US dollars.
-- total_profit_usd          Int64?           Sum of profits (revenue less budget), in US dollars.
-- mean_profit_usd           Float64?         Mean profit, in US dollars.
-- median_profit_usd         Float64?         Median profit, in US dollars.
-- median_roi                Float64{>=0}?    Median return on investment (revenue over budget), a ratio.
-- mean_rating               Float64{0..10}?  Mean of the films' mean votes, each film once; null without films with
--                                            votes.
-- mean_popularity           Float64{>=0}?    Mean TMDB popularity at the last observation of each film that has one.
-- best_earning_movie_id     Int64?           The film with the highest revenue among those with money; between equals
--                                            the lower id.
-- best_earning_title        String?          Its title.
-- best_earning_revenue_usd  Int64{>=0}?      Its revenue, in US dollars.

WITH film AS (
    SELECT
        movie_id,
        title,
        release_year,
        has_money,
        budget_usd,
        revenue_usd,
        profit_usd,
        roi,
        vote_average,
        popularity,
        -- one place per film, so that a tie has one winner
        row_number() OVER (PARTITION BY release_year ORDER BY has_money DESC, revenue_usd DESC, movie_id) AS place
    FROM vw_movie_financials
    WHERE release_year IS NOT NULL
)
SELECT
    release_year,
    count(*) AS films,
    count(*) FILTER (WHERE has_money) AS films_with_money,
    count(vote_average) AS films_with_votes,
    CAST(sum(budget_usd) FILTER (WHERE has_money) AS BIGINT) AS total_budget_usd,
    avg(budget_usd) FILTER (WHERE has_money) AS mean_budget_usd,
    median(budget_usd) FILTER (WHERE has_money) AS median_budget_usd,
    CAST(sum(revenue_usd) FILTER (WHERE has_money) AS BIGINT) AS total_revenue_usd,
    avg(revenue_usd) FILTER (WHERE has_money) AS mean_revenue_usd,
    median(revenue_usd) FILTER (WHERE has_money) AS median_revenue_usd,
    CAST(sum(profit_usd) AS BIGINT) AS total_profit_usd,
    avg(profit_usd) AS mean_profit_usd,
    median(profit_usd) AS median_profit_usd,
    median(roi) AS median_roi,
    avg(vote_average) AS mean_rating,
    avg(popularity) AS mean_popularity,
    max(movie_id) FILTER (WHERE place = 1 AND has_money) AS best_earning_movie_id,
    max(title) FILTER (WHERE place = 1 AND has_money) AS best_earning_title,
    max(revenue_usd) FILTER (WHERE place = 1 AND has_money) AS best_earning_revenue_usd
FROM film
GROUP BY release_year
ORDER BY release_year
