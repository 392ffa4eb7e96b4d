-- Film series (TMDB's collections): how many films, what they earned, how they are liked, and the best of them.
-- Only films whose details were observed count, announced ones included.
--
-- Grain: collection_id
--
-- collection_id             Int64            Series.
-- name                      String?          Name of the series.
-- films                     Int64{>=1}       Films.
-- first_year                Int64?           Year of the earliest release among them; null when no release is known.
-- last_year                 Int64?           Year of the latest release, announced ones included.
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
-- best_rated_movie_id       Int64?           The film with the highest mean vote among those with at least 10 votes;
--                                            between equals the lower id.
-- best_rated_title          String?          Its title.
-- best_rated_vote_average   Float64{0..10}?  Its mean vote.

WITH film AS (
    SELECT
        collection_id,
        movie_id,
        title,
        release_year,
        has_money,
        budget_usd,
        revenue_usd,
        profit_usd,
        roi,
        vote_average,
        vote_count,
        popularity,
        -- one place per film, so that a tie has one winner
        row_number() OVER (
            PARTITION BY collection_id
            ORDER BY has_money DESC, revenue_usd DESC, movie_id
        ) AS earning_place,
        row_number() OVER (
            PARTITION BY collection_id
            ORDER BY CASE WHEN vote_count >= 10 THEN vote_average END DESC NULLS LAST, movie_id
        ) AS rating_place
    FROM vw_movie_financials
    WHERE collection_id IS NOT NULL
),
franchise AS (
    SELECT
        collection_id,
        count(*) AS films,
        min(release_year) AS first_year,
        max(release_year) AS last_year,
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
        max(movie_id) FILTER (WHERE earning_place = 1 AND has_money) AS best_earning_movie_id,
        max(title) FILTER (WHERE earning_place = 1 AND has_money) AS best_earning_title,
        max(revenue_usd) FILTER (WHERE earning_place = 1 AND has_money) AS best_earning_revenue_usd,
        max(movie_id) FILTER (WHERE rating_place = 1 AND vote_count >= 10) AS best_rated_movie_id,
        max(title) FILTER (WHERE rating_place = 1 AND vote_count >= 10) AS best_rated_title,
        max(vote_average) FILTER (WHERE rating_place = 1 AND vote_count >= 10) AS best_rated_vote_average
    FROM film
    GROUP BY collection_id
)
SELECT
    franchise.collection_id,
    dim_collection.name,
    franchise.films,
    franchise.first_year,
    franchise.last_year,
    franchise.films_with_money,
    franchise.films_with_votes,
    franchise.total_budget_usd,
    franchise.mean_budget_usd,
    franchise.median_budget_usd,
    franchise.total_revenue_usd,
    franchise.mean_revenue_usd,
    franchise.median_revenue_usd,
    franchise.total_profit_usd,
    franchise.mean_profit_usd,
    franchise.median_profit_usd,
    franchise.median_roi,
    franchise.mean_rating,
    franchise.mean_popularity,
    franchise.best_earning_movie_id,
    franchise.best_earning_title,
    franchise.best_earning_revenue_usd,
    franchise.best_rated_movie_id,
    franchise.best_rated_title,
    franchise.best_rated_vote_average
FROM franchise
JOIN dim_collection ON dim_collection.collection_id = franchise.collection_id
ORDER BY franchise.collection_id
