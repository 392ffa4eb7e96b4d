-- Users gained and lost: one row per observed day, compared with the day observed before it (which may be more than one
-- calendar day earlier). On the first observed day nobody is new: who was there before is not known.
--
-- Grain: date_id
--
-- date_id          Date         Observed day (UTC).
-- observed_before  Date?        Observed day before it; null for the first.
-- users            Int64{>=0}   Users listed on that day.
-- new_users        Int64{>=0}?  Listed for the first time; null on the first observed day.
-- returned_users   Int64{>=0}?  Listed again after an absence; null on the first observed day.
-- lost_users       Int64{>=0}?  Listed the day before and not any more; null on the first observed day.
-- changed_users    Int64{>=0}?  Listed on both days, in another state; null on the first observed day.

WITH span AS (
    SELECT
        user_id,
        valid_from,
        valid_to,
        lag(valid_to) OVER (PARTITION BY user_id ORDER BY valid_from) AS left_before,
        lead(valid_from) OVER (PARTITION BY user_id ORDER BY valid_from) AS next_from,
        row_number() OVER (PARTITION BY user_id ORDER BY valid_from) AS state_number
    FROM dim_user
),
began AS (
    SELECT
        valid_from AS date_id,
        count(*) FILTER (WHERE state_number = 1) AS new_users,
        count(*) FILTER (WHERE state_number > 1 AND left_before < valid_from) AS returned_users,
        count(*) FILTER (WHERE left_before = valid_from) AS changed_users
    FROM span
    GROUP BY valid_from
),
ended AS (
    SELECT
        valid_to AS date_id,
        count(*) AS lost_users
    FROM span
    WHERE valid_to IS NOT NULL AND (next_from IS NULL OR next_from > valid_to)
    GROUP BY valid_to
),
listed AS (
    SELECT
        dim_date.date_id,
        count(span.user_id) AS users
    FROM dim_date
    LEFT JOIN span
        ON span.valid_from <= dim_date.date_id AND (span.valid_to IS NULL OR span.valid_to > dim_date.date_id)
    GROUP BY dim_date.date_id
)
SELECT
    dim_date.date_id,
    dim_date.observed_before,
    listed.users,
    CASE WHEN dim_date.observed_before IS NOT NULL THEN coalesce(began.new_users, 0) END AS new_users,
    CASE WHEN dim_date.observed_before IS NOT NULL THEN coalesce(began.returned_users, 0) END AS returned_users,
    CASE WHEN dim_date.observed_before IS NOT NULL THEN coalesce(ended.lost_users, 0) END AS lost_users,
    CASE WHEN dim_date.observed_before IS NOT NULL THEN coalesce(began.changed_users, 0) END AS changed_users
FROM dim_date
JOIN listed ON listed.date_id = dim_date.date_id
LEFT JOIN began ON began.date_id = dim_date.date_id
LEFT JOIN ended ON ended.date_id = dim_date.date_id
