-- Churn by what the plan has, month by month. The rate is over users whose label is known; label and plan are those of
-- the same month. A plan of which either part is unknown is unknown. Users whose subscription was set aside are left
-- out.
--
-- Grain: as_of, plan
-- Kind: daily, few rows
--
-- as_of             Date            Last day of the month.
-- plan              String{neither|tv|movies|tv and movies|unknown}  What can be streamed.
-- users             Int64{>=1}      Users with such a plan.
-- users_with_label  Int64{>=0}      Those whose churn label is known.
-- churned           Int64{>=0}      Those who count as churned.
-- churn_rate        Float64{0..1}?  churned over users_with_label, a ratio; null when no label is known.
-- mean_monthly_fee  Float64{>=0}    Mean fee a month.

WITH planned AS (
    SELECT
        as_of,
        churn_label,
        monthly_fee,
        CASE
            WHEN plan_stream_tv IS NULL OR plan_stream_movies IS NULL THEN 'unknown'
            WHEN plan_stream_tv AND plan_stream_movies THEN 'tv and movies'
            WHEN plan_stream_tv THEN 'tv'
            WHEN plan_stream_movies THEN 'movies'
            ELSE 'neither'
        END AS plan
    FROM user_months
    -- a subscription always has a contract: without one the row was set aside
    WHERE contract_type IS NOT NULL
)
SELECT
    as_of,
    plan,
    count(*) AS users,
    count(churn_label) AS users_with_label,
    count(*) FILTER (WHERE churn_label) AS churned,
    CAST(count(*) FILTER (WHERE churn_label) AS DOUBLE) / nullif(count(churn_label), 0) AS churn_rate,
    avg(monthly_fee) AS mean_monthly_fee
FROM planned
GROUP BY as_of, plan
ORDER BY as_of, plan
