-- Films by the tier of their mean vote: what they cost and earn.
-- A film without votes has no tier and is left out; a tier without films has no row.
--
-- Grain: rating_tier
--
-- rating_tier         String{poor|below average|average|good|very good|excellent}  Tier of the mean vote (see
--                                      vw_movie_latest).
-- tier_order          Int64{1..6}      Order of the tiers: 1 is poor, 6 is excellent.
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
    rating_tier,
    CASE rating_tier
        WHEN 'poor' THEN 1
        WHEN 'below average' THEN 2
        WHEN 'average' THEN 3
        WHEN 'good' THEN 4
        WHEN 'very good' THEN 5
        WHEN 'excellent' THEN 6
    END AS tier_order,
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
WHERE rating_tier IS NOT NULL
GROUP BY rating_tier
ORDER BY tier_order
