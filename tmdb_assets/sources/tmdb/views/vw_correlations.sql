-- How two metrics of a film go together, over the films of which both are known: each pair of metrics once.
-- budget and revenue in US dollars, where they count (see vw_movie_financials), implausible ones included; popularity
-- and votes at the last observation, rating (mean vote) of films with votes, runtime in minutes. Films that are gone do
-- not count.
--
-- Grain: first_metric, second_metric
--
-- first_metric   String{budget|popularity|rating|revenue|runtime|votes}  The metric that comes first by name.
-- second_metric  String{budget|popularity|rating|revenue|runtime|votes}  The other one.
-- films          Int64{>=0}       Films of which both are known.
-- pearson        Float64{-1..1}?  Pearson's correlation: how near to a straight line they lie. Null with fewer than 3
--                                 films, or when one of the two is the same for all of them.
-- spearman       Float64{-1..1}?  Spearman's: Pearson's of the ranks, equals sharing the mean of theirs, so that a few
--                                 huge films do not decide. Null likewise.

WITH metric AS (
    SELECT name
    FROM (VALUES ('budget'), ('popularity'), ('rating'), ('revenue'), ('runtime'), ('votes')) AS listed (name)
),
measure AS (
    SELECT
        film.movie_id,
        metric.name AS metric,
        CASE metric.name
            WHEN 'budget' THEN CASE WHEN film.has_budget THEN CAST(film.budget_usd AS DOUBLE) END
            WHEN 'popularity' THEN film.popularity
            WHEN 'rating' THEN film.vote_average
            WHEN 'revenue' THEN CASE WHEN film.has_revenue THEN CAST(film.revenue_usd AS DOUBLE) END
            WHEN 'runtime' THEN CAST(film.runtime_minutes AS DOUBLE)
            WHEN 'votes' THEN CAST(film.vote_count AS DOUBLE)
        END AS value
    FROM vw_movie_financials AS film
    CROSS JOIN metric
),
pair AS (
    SELECT
        one.metric AS first_metric,
        other.metric AS second_metric,
        one.value AS first_value,
        other.value AS second_value,
        one.value IS NOT NULL AND other.value IS NOT NULL AS is_known
    FROM measure AS one
    JOIN measure AS other ON other.movie_id = one.movie_id AND other.metric > one.metric
),
-- ranks are among the films of the pair: a film without the other metric must not move them
ranked AS (
    SELECT
        first_metric,
        second_metric,
        first_value,
        second_value,
        is_known,
        -- equals take the ranks from rank() to count(*), which counts up to the last of them, and share the mean
        (rank() OVER by_first + count(*) OVER by_first) / CAST(2 AS DOUBLE) AS first_rank,
        (rank() OVER by_second + count(*) OVER by_second) / CAST(2 AS DOUBLE) AS second_rank
    FROM pair
    WINDOW
        by_first AS (PARTITION BY first_metric, second_metric, is_known ORDER BY first_value),
        by_second AS (PARTITION BY first_metric, second_metric, is_known ORDER BY second_value)
),
figure AS (
    SELECT
        first_metric,
        second_metric,
        count(*) FILTER (WHERE is_known) AS films,
        -- asked of the values themselves: the spread of a constant may be a rounding error instead of 0
        min(first_value) FILTER (WHERE is_known) < max(first_value) FILTER (WHERE is_known) AS first_varies,
        min(second_value) FILTER (WHERE is_known) < max(second_value) FILTER (WHERE is_known) AS second_varies,
        corr(first_value, second_value) FILTER (WHERE is_known) AS pearson,
        corr(first_rank, second_rank) FILTER (WHERE is_known) AS spearman
    FROM ranked
    GROUP BY
        first_metric,
        second_metric
)
SELECT
    first_metric,
    second_metric,
    films,
    -- rounding may carry a perfect correlation beyond 1; what is nearly 0 is the difference of sums much larger than it,
    -- of whose digits only those to the 12th place do not depend on the order in which films are added
    CASE
        WHEN films >= 3 AND first_varies AND second_varies THEN round(least(1, greatest(-1, pearson)), 12)
    END AS pearson,
    CASE
        WHEN films >= 3 AND first_varies AND second_varies THEN round(least(1, greatest(-1, spearman)), 12)
    END AS spearman
FROM figure
ORDER BY
    first_metric,
    second_metric
