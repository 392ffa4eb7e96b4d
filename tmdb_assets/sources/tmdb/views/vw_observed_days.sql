-- The days on which films were observed, and how many days were missed before each. One row per observed day.
-- A day is missed if nothing was observed on it though the lake was at work: from the first day on which TMDB itself
-- gave votes, which it only does on the day, or, where that is unknown or later (the sandbox has history for every
-- day), from the first of the last days that lie no more than a week apart. A backfill of days long before does not
-- make the days between missed: the lake was not there to observe them.
--
-- Grain: date_id
--
-- date_id           Date          Day of the observations (UTC).
-- films             Int64{>=1}    Films observed.
-- films_with_votes  Int64{>=0}    Films among them whose votes were observed.
-- days_before       Int64{>=0}?   Days without observations since the observed day before; null for the first.
-- days_missed       Int64{>=0}    Those of them that were missed.

WITH day AS (
    SELECT
        date_id,
        films_observed AS films,
        films_with_votes
    FROM vw_daily_popularity
),
answered AS (
    SELECT
        date_id,
        max(CASE WHEN origin = 'real' THEN 1 ELSE 0 END) AS is_real
    FROM extraction_ledger
    GROUP BY date_id
),
told AS (
    SELECT
        day.date_id,
        day.films,
        day.films_with_votes,
        date_diff('day', lag(day.date_id) OVER (ORDER BY day.date_id), day.date_id) - 1 AS days_before,
        day.films_with_votes > 0 AND answered.is_real = 1 AS is_live
    FROM day
    LEFT JOIN answered ON answered.date_id = day.date_id
),
work AS (
    SELECT
        least(
            min(CASE WHEN is_live THEN date_id END),
            max(CASE WHEN days_before IS NULL OR days_before > 6 THEN date_id END)
        ) AS begins_on
    FROM told
)
SELECT
    told.date_id,
    told.films,
    told.films_with_votes,
    told.days_before,
    CASE WHEN told.date_id > work.begins_on THEN told.days_before ELSE 0 END AS days_missed
FROM told
CROSS JOIN work
ORDER BY told.date_id
