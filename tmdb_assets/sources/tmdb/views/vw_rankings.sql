-- The ten films at the top of each metric; fewer where fewer have it. Films that are gone do not count.
-- revenue, budget: released films of which that is known. profit_highest, profit_lowest: those with both known.
-- roi_highest, roi_lowest: of these, films with a budget of 10 million dollars or more.
-- votes: films whose votes were observed. rating_highest, rating_lowest: of these, films with at least 10 votes.
-- popularity: films observed on the newest day.
-- A film whose money is implausible has no place in a ranking by money: `left_out` says how many there are. They stand,
-- flagged, in vw_movie_financials.
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
-- left_out  Int64{>=0}    Films that the metric leaves out since their money is hardly true (see dim_movie); the same
--                         in every row of a metric.

WITH money AS (
    SELECT
        movie_id,
        title,
        has_budget,
        has_revenue,
        has_money,
        has_money AND budget_usd >= 10000000 AS is_large,
        CAST(budget_usd AS DOUBLE) AS budget,
        CAST(revenue_usd AS DOUBLE) AS revenue,
        CAST(profit_usd AS DOUBLE) AS profit,
        roi,
        has_implausible_money AS is_false
    FROM vw_movie_financials
),
audience AS (
    SELECT
        movie_id,
        title,
        is_current,
        popularity,
        vote_average,
        vote_count,
        FALSE AS is_false
    FROM vw_movie_latest
    WHERE gone_on IS NULL
),
-- the lowest is the highest of the negative
candidate AS (
    SELECT 'revenue' AS metric, movie_id, title, revenue AS value, revenue AS merit, is_false
    FROM money
    WHERE has_revenue
    UNION ALL
    SELECT 'budget' AS metric, movie_id, title, budget AS value, budget AS merit, is_false
    FROM money
    WHERE has_budget
    UNION ALL
    SELECT 'profit_highest' AS metric, movie_id, title, profit AS value, profit AS merit, is_false
    FROM money
    WHERE has_money
    UNION ALL
    SELECT 'profit_lowest' AS metric, movie_id, title, profit AS value, -profit AS merit, is_false
    FROM money
    WHERE has_money
    UNION ALL
    SELECT 'roi_highest' AS metric, movie_id, title, roi AS value, roi AS merit, is_false
    FROM money
    WHERE is_large
    UNION ALL
    SELECT 'roi_lowest' AS metric, movie_id, title, roi AS value, -roi AS merit, is_false
    FROM money
    WHERE is_large
    UNION ALL
    SELECT
        'votes' AS metric, movie_id, title, CAST(vote_count AS DOUBLE) AS value, CAST(vote_count AS DOUBLE) AS merit,
        is_false
    FROM audience
    WHERE vote_count IS NOT NULL
    UNION ALL
    SELECT 'rating_highest' AS metric, movie_id, title, vote_average AS value, vote_average AS merit, is_false
    FROM audience
    WHERE vote_count >= 10 AND vote_average IS NOT NULL
    UNION ALL
    SELECT 'rating_lowest' AS metric, movie_id, title, vote_average AS value, -vote_average AS merit, is_false
    FROM audience
    WHERE vote_count >= 10 AND vote_average IS NOT NULL
    UNION ALL
    SELECT 'popularity' AS metric, movie_id, title, popularity AS value, popularity AS merit, is_false
    FROM audience
    WHERE is_current
),
omitted AS (
    SELECT
        metric,
        count(*) AS films
    FROM candidate
    WHERE is_false
    GROUP BY metric
),
ranked AS (
    SELECT
        metric,
        row_number() OVER (PARTITION BY metric ORDER BY merit DESC, movie_id) AS position,
        movie_id,
        title,
        value
    FROM candidate
    WHERE NOT is_false
    QUALIFY position <= 10
)
SELECT
    ranked.metric,
    ranked.position,
    ranked.movie_id,
    ranked.title,
    ranked.value,
    coalesce(omitted.films, 0) AS left_out
FROM ranked
LEFT JOIN omitted ON omitted.metric = ranked.metric
ORDER BY
    ranked.metric,
    ranked.position
