-- The ten films at the top of each metric; fewer where fewer have it. Films that are gone do not count.
-- revenue, budget, profit_highest, profit_lowest: films with both budget and revenue known.
-- roi_highest, roi_lowest: of these, films with a budget of 10 million dollars or more.
-- votes: films whose votes were observed. rating_highest, rating_lowest: of these, films with at least 10 votes.
-- popularity: films observed on the newest day.
-- Implausible money is in: vw_movie_financials flags it.
--
-- Grain: metric, position
--
-- metric    String        What is ranked, one of those above.
-- position  Int64{1..10}  1 is the highest, in a metric that ends in _lowest the lowest; between equals the lower film
--                         id comes first.
-- movie_id  Int64         Film.
-- title     String?       Title in English, else in the original language.
-- value     Float64       The metric's figure: US dollars for revenue, budget and profit; a ratio for roi (revenue over
--                         budget); a count for votes; 0 to 10 for rating (mean vote); TMDB's score for popularity.

WITH money AS (
    SELECT
        movie_id,
        title,
        budget_usd,
        CAST(budget_usd AS DOUBLE) AS budget,
        CAST(revenue_usd AS DOUBLE) AS revenue,
        CAST(profit_usd AS DOUBLE) AS profit,
        roi
    FROM vw_movie_financials
    WHERE has_money
),
audience AS (
    SELECT
        movie_id,
        title,
        is_current,
        popularity,
        vote_average,
        vote_count
    FROM vw_movie_latest
    WHERE gone_on IS NULL
),
-- the lowest is the highest of the negative
ranked AS (
    SELECT 'revenue' AS metric, movie_id, title, revenue AS value, revenue AS merit
    FROM money
    UNION ALL
    SELECT 'budget' AS metric, movie_id, title, budget AS value, budget AS merit
    FROM money
    UNION ALL
    SELECT 'profit_highest' AS metric, movie_id, title, profit AS value, profit AS merit
    FROM money
    UNION ALL
    SELECT 'profit_lowest' AS metric, movie_id, title, profit AS value, -profit AS merit
    FROM money
    UNION ALL
    SELECT 'roi_highest' AS metric, movie_id, title, roi AS value, roi AS merit
    FROM money
    WHERE budget_usd >= 10000000
    UNION ALL
    SELECT 'roi_lowest' AS metric, movie_id, title, roi AS value, -roi AS merit
    FROM money
    WHERE budget_usd >= 10000000
    UNION ALL
    SELECT 'votes' AS metric, movie_id, title, CAST(vote_count AS DOUBLE) AS value, CAST(vote_count AS DOUBLE) AS merit
    FROM audience
    WHERE vote_count IS NOT NULL
    UNION ALL
    SELECT 'rating_highest' AS metric, movie_id, title, vote_average AS value, vote_average AS merit
    FROM audience
    WHERE vote_count >= 10 AND vote_average IS NOT NULL
    UNION ALL
    SELECT 'rating_lowest' AS metric, movie_id, title, vote_average AS value, -vote_average AS merit
    FROM audience
    WHERE vote_count >= 10 AND vote_average IS NOT NULL
    UNION ALL
    SELECT 'popularity' AS metric, movie_id, title, popularity AS value, popularity AS merit
    FROM audience
    WHERE is_current
)
SELECT
    metric,
    row_number() OVER (PARTITION BY metric ORDER BY merit DESC, movie_id) AS position,
    movie_id,
    title,
    value
FROM ranked
QUALIFY position <= 10
ORDER BY
    metric,
    position
