-- What the films of a group cost and earned, how they are liked and how popular they are. Money counts as
-- vw_movie_financials says: a sum takes in every film whose figure counts, and each figure stands beside the number of
-- films that it rests on. Whoever ranks groups by money takes the columns called ranked_: what is hardly true would
-- lead.
--
-- Columns of: film
--
-- films_with_budget             Int64{>=0}       Of these, released films with a known budget: budgets rest on them.
-- films_with_revenue            Int64{>=0}       Of these, released films with a known revenue: revenues rest on them.
-- films_with_both               Int64{>=0}       Of these, released films with both known: profit and roi rest on them.
-- films_with_implausible_money  Int64{>=0}       Of these, films whose money counts and is hardly true (see dim_movie):
--                                                in the sums, means and medians, but not in the figures called ranked_.
-- films_with_votes              Int64{>=0}       Of these, films with votes: the mean rating rests on them.
-- total_budget_usd              Int64{>=0}?      Sum of budgets, in US dollars; null without films with budget.
-- mean_budget_usd               Float64{>=0}?    Mean budget, in US dollars.
-- median_budget_usd             Float64{>=0}?    Median budget, in US dollars (between two middle films their mean).
-- total_revenue_usd             Int64{>=0}?      Sum of revenues, in US dollars; null without films with revenue.
-- mean_revenue_usd              Float64{>=0}?    Mean revenue, in US dollars.
-- median_revenue_usd            Float64{>=0}?    Median revenue, in US dollars.
-- total_profit_usd              Int64?           Sum of profits (revenue less budget), in US dollars; of films with
--                                   both.
-- mean_profit_usd               Float64?         Mean profit, in US dollars.
-- median_profit_usd             Float64?         Median profit, in US dollars.
-- median_roi                    Float64{>=0}?    Median return on investment (revenue over budget), a ratio.
-- ranked_films_with_revenue     Int64{>=0}       films_with_revenue without implausible money.
-- ranked_films_with_both        Int64{>=0}       films_with_both without implausible money.
-- ranked_total_revenue_usd      Int64{>=0}?      total_revenue_usd without implausible money, in US dollars.
-- ranked_median_revenue_usd     Float64{>=0}?    median_revenue_usd without implausible money, in US dollars.
-- ranked_median_roi             Float64{>=0}?    median_roi without implausible money, a ratio.
-- mean_rating                   Float64{0..10}?  Mean of the films' mean votes, each film once; null without films with
--                                                votes.
-- mean_popularity               Float64{>=0}?    Mean TMDB popularity at the last observation of each film that has
--                                   one.

SELECT
    count(*) FILTER (WHERE film.has_budget) AS films_with_budget,
    count(*) FILTER (WHERE film.has_revenue) AS films_with_revenue,
    count(*) FILTER (WHERE film.has_money) AS films_with_both,
    count(*) FILTER (
        WHERE film.has_implausible_money AND (film.has_budget OR film.has_revenue)
    ) AS films_with_implausible_money,
    count(film.vote_average) AS films_with_votes,
    CAST(sum(film.budget_usd) FILTER (WHERE film.has_budget) AS BIGINT) AS total_budget_usd,
    avg(film.budget_usd) FILTER (WHERE film.has_budget) AS mean_budget_usd,
    median(film.budget_usd) FILTER (WHERE film.has_budget) AS median_budget_usd,
    CAST(sum(film.revenue_usd) FILTER (WHERE film.has_revenue) AS BIGINT) AS total_revenue_usd,
    avg(film.revenue_usd) FILTER (WHERE film.has_revenue) AS mean_revenue_usd,
    median(film.revenue_usd) FILTER (WHERE film.has_revenue) AS median_revenue_usd,
    CAST(sum(film.profit_usd) AS BIGINT) AS total_profit_usd,
    avg(film.profit_usd) AS mean_profit_usd,
    median(film.profit_usd) AS median_profit_usd,
    median(film.roi) AS median_roi,
    count(*) FILTER (WHERE film.has_revenue AND NOT film.has_implausible_money) AS ranked_films_with_revenue,
    count(*) FILTER (WHERE film.has_money AND NOT film.has_implausible_money) AS ranked_films_with_both,
    CAST(
        sum(film.revenue_usd) FILTER (WHERE film.has_revenue AND NOT film.has_implausible_money) AS BIGINT
    ) AS ranked_total_revenue_usd,
    median(film.revenue_usd) FILTER (
        WHERE film.has_revenue AND NOT film.has_implausible_money
    ) AS ranked_median_revenue_usd,
    median(film.roi) FILTER (WHERE NOT film.has_implausible_money) AS ranked_median_roi,
    avg(film.vote_average) AS mean_rating,
    avg(film.popularity) AS mean_popularity
FROM vw_movie_financials AS film
