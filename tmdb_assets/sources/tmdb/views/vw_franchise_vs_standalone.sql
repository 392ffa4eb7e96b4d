-- Films that belong to a series beside films that stand alone: money, rating and popularity.
-- A film counts as standalone when its details name no series.
--
-- Grain: is_franchise
--
-- is_franchise        Boolean          Whether the films belong to a series (TMDB's collections).
-- films               Int64{>=1}       Films.
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

SELECT
    collection_id IS NOT NULL AS is_franchise,
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
    avg(popularity) AS mean_popularity
FROM vw_movie_financials
GROUP BY collection_id IS NOT NULL
ORDER BY is_franchise
