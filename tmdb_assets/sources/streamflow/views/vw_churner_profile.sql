-- How those who churned used the service and paid, beside those who stayed, month by month. Usage, payments, support
-- and label are of the same month. Means and medians are over the users whose figure is known.
--
-- Grain: as_of, outcome
-- Kind: daily, few rows
--
-- as_of                        Date            Last day of the month.
-- outcome                      String{churned|stayed|unknown}  By the churn label; unknown when it was empty or set
--                                   aside.
-- users                        Int64{>=1}      Users.
-- users_with_usage             Int64{>=0}      Those whose watch hours are known.
-- users_with_payments          Int64{>=0}      Those whose failed payments are known.
-- mean_watch_hours_30d         Float64{>=0}?   Mean hours watched in 30 days.
-- median_watch_hours_30d       Float64{>=0}?   Median of the same.
-- mean_session_mins_7d         Float64{>=0}?   Mean of the users' mean session, in minutes.
-- mean_unique_devices_30d      Float64{>=0}?   Mean number of devices used in 30 days.
-- mean_skips_7d                Float64{>=0}?   Mean number of titles left early in 7 days.
-- mean_rebuffer_events_7d      Float64{>=0}?   Mean number of interruptions in 7 days.
-- mean_failed_payments_90d     Float64{>=0}?   Mean number of failed payments in 90 days.
-- share_with_failed_payment    Float64{0..1}?  Users with at least one failed payment over users_with_payments, a
--                                   ratio.
-- mean_support_tickets_90d     Float64{>=0}?   Mean number of support tickets in 90 days.
-- mean_resolution_hours_90d    Float64{>=0}?   Mean of the users' mean time until a ticket was resolved, in hours.
-- mean_monthly_fee             Float64{>=0}?   Mean fee a month.
-- median_total_paid            Float64{>=0}?   Median of all paid so far.

WITH known AS (
    SELECT
        as_of,
        CASE
            WHEN churn_label THEN 'churned'
            WHEN NOT churn_label THEN 'stayed'
            ELSE 'unknown'
        END AS outcome,
        watch_hours_30d,
        avg_session_mins_7d,
        unique_devices_30d,
        skips_7d,
        rebuffer_events_7d,
        failed_payments_90d,
        support_tickets_90d,
        ticket_avg_resolution_hrs_90d,
        monthly_fee,
        total_paid
    FROM user_months
)
SELECT
    as_of,
    outcome,
    count(*) AS users,
    count(watch_hours_30d) AS users_with_usage,
    count(failed_payments_90d) AS users_with_payments,
    avg(watch_hours_30d) AS mean_watch_hours_30d,
    median(watch_hours_30d) AS median_watch_hours_30d,
    avg(avg_session_mins_7d) AS mean_session_mins_7d,
    avg(unique_devices_30d) AS mean_unique_devices_30d,
    avg(skips_7d) AS mean_skips_7d,
    avg(rebuffer_events_7d) AS mean_rebuffer_events_7d,
    avg(failed_payments_90d) AS mean_failed_payments_90d,
    CAST(count(*) FILTER (WHERE failed_payments_90d > 0) AS DOUBLE)
        / nullif(count(failed_payments_90d), 0) AS share_with_failed_payment,
    avg(support_tickets_90d) AS mean_support_tickets_90d,
    avg(ticket_avg_resolution_hrs_90d) AS mean_resolution_hours_90d,
    avg(monthly_fee) AS mean_monthly_fee,
    median(total_paid) AS median_total_paid
FROM known
GROUP BY as_of, outcome
ORDER BY as_of, outcome
