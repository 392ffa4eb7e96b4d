-- How far each feature of the training set has moved since the month before: the population stability index (PSI).
-- PSI = sum over bins of (a - e) * ln(a / e), where a is the share of the month's users in the bin and e that of the
-- month before; a share of 0 counts as 0.0001. Bins of a number are the tenths of its values in the month before (a
-- value v lies in bin ceil(10 * share of that month's known values that are at most v), at least 1, so equal values
-- share a bin and repeated ones leave bins empty); each word is a bin of its own; unknown is a bin of its own in both.
-- Below 0.1 a feature is stable, from 0.1 on it has moved, from 0.25 on it has shifted. Only a month whose month before
-- is kept has figures. Left out are months_since_signup, which moves with the calendar, and the two `_change` columns.
--
-- Grain: as_of, feature
--
-- as_of                Date           Last day of the month.
-- feature              String         Column of training_set.
-- kind                 String{number|word}  How its bins are made.
-- users                Int64{>=1}     Users of the month.
-- users_before         Int64{>=1}     Users of the month before.
-- unknown_share        Float64{0..1}  Share of the month's users whose value is unknown, a ratio.
-- unknown_share_before Float64{0..1}  The same in the month before.
-- bins                 Int64{>=1}     Bins that have anybody in either month.
-- psi                  Float64{>=0}   Population stability index.
-- verdict              String{stable|moved|shifted}  What that means.

WITH months AS (
    SELECT
        as_of,
        count(*) AS users
    FROM training_set
    GROUP BY as_of
),
pairs AS (
    SELECT
        now.as_of,
        before.as_of AS as_of_before,
        now.users,
        before.users AS users_before
    FROM months AS now
    JOIN months AS before
        ON before.as_of = CAST(CAST(date_trunc('month', now.as_of) AS DATE) - INTERVAL 1 DAY AS DATE)
),
numbers AS (
    SELECT as_of, 'months_active' AS feature, CAST(months_active AS DOUBLE) AS value FROM training_set
    UNION ALL
    SELECT as_of, 'monthly_fee', CAST(monthly_fee AS DOUBLE) FROM training_set
    UNION ALL
    SELECT as_of, 'total_paid', CAST(total_paid AS DOUBLE) FROM training_set
    UNION ALL
    SELECT as_of, 'watch_hours_30d', CAST(watch_hours_30d AS DOUBLE) FROM training_set
    UNION ALL
    SELECT as_of, 'avg_session_mins_7d', CAST(avg_session_mins_7d AS DOUBLE) FROM training_set
    UNION ALL
    SELECT as_of, 'unique_devices_30d', CAST(unique_devices_30d AS DOUBLE) FROM training_set
    UNION ALL
    SELECT as_of, 'skips_7d', CAST(skips_7d AS DOUBLE) FROM training_set
    UNION ALL
    SELECT as_of, 'rebuffer_events_7d', CAST(rebuffer_events_7d AS DOUBLE) FROM training_set
    UNION ALL
    SELECT as_of, 'failed_payments_90d', CAST(failed_payments_90d AS DOUBLE) FROM training_set
    UNION ALL
    SELECT as_of, 'support_tickets_90d', CAST(support_tickets_90d AS DOUBLE) FROM training_set
    UNION ALL
    SELECT as_of, 'ticket_avg_resolution_hrs_90d', CAST(ticket_avg_resolution_hrs_90d AS DOUBLE) FROM training_set
),
words AS (
    SELECT as_of, 'user_gender' AS feature, CAST(user_gender AS VARCHAR) AS value FROM training_set
    UNION ALL
    SELECT as_of, 'user_is_senior', CAST(user_is_senior AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'has_family', CAST(has_family AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'has_dependents', CAST(has_dependents AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'plan_stream_tv', CAST(plan_stream_tv AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'plan_stream_movies', CAST(plan_stream_movies AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'contract_type', CAST(contract_type AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'paperless_billing', CAST(paperless_billing AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'net_service', CAST(net_service AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'add_on_security', CAST(add_on_security AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'add_on_backup', CAST(add_on_backup AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'add_on_device_protect', CAST(add_on_device_protect AS VARCHAR) FROM training_set
    UNION ALL
    SELECT as_of, 'add_on_support', CAST(add_on_support AS VARCHAR) FROM training_set
),
number_sides AS (
    SELECT
        pairs.as_of,
        numbers.feature,
        numbers.value,
        CASE WHEN numbers.as_of = pairs.as_of THEN 0 ELSE 1 END AS is_before
    FROM pairs
    JOIN numbers ON numbers.as_of = pairs.as_of OR numbers.as_of = pairs.as_of_before
),
number_ranks AS (
    SELECT
        as_of,
        feature,
        value,
        is_before,
        -- how many known values of the month before are at most this one, and how many there are
        sum(CASE WHEN value IS NULL THEN 0 ELSE is_before END) OVER up_to AS at_most,
        sum(CASE WHEN value IS NULL THEN 0 ELSE is_before END) OVER (PARTITION BY as_of, feature) AS known_before
    FROM number_sides
    WINDOW up_to AS (
        PARTITION BY as_of, feature
        ORDER BY value NULLS FIRST
        RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
),
binned AS (
    SELECT
        as_of,
        feature,
        'number' AS kind,
        CASE
            WHEN value IS NULL THEN 'unknown'
            -- nobody's value was known before: all known values are one bin
            WHEN known_before = 0 THEN 'known'
            ELSE CAST(greatest(
                CAST(1 AS BIGINT), CAST(ceil(10 * at_most / CAST(known_before AS DOUBLE)) AS BIGINT)) AS VARCHAR)
        END AS bin,
        CASE WHEN value IS NULL THEN 1 ELSE 0 END AS is_unknown,
        is_before
    FROM number_ranks
    UNION ALL
    SELECT
        pairs.as_of,
        words.feature,
        'word' AS kind,
        CASE WHEN words.value IS NULL THEN 'unknown' ELSE concat('= ', words.value) END AS bin,
        CASE WHEN words.value IS NULL THEN 1 ELSE 0 END AS is_unknown,
        CASE WHEN words.as_of = pairs.as_of THEN 0 ELSE 1 END AS is_before
    FROM pairs
    JOIN words ON words.as_of = pairs.as_of OR words.as_of = pairs.as_of_before
),
counted AS (
    SELECT
        as_of,
        feature,
        kind,
        bin,
        max(is_unknown) AS is_unknown,
        sum(1 - is_before) AS users_now,
        sum(is_before) AS users_before
    FROM binned
    GROUP BY as_of, feature, kind, bin
),
shares AS (
    SELECT
        counted.as_of,
        counted.feature,
        counted.kind,
        counted.is_unknown,
        pairs.users,
        pairs.users_before,
        counted.users_now / CAST(pairs.users AS DOUBLE) AS share_now,
        counted.users_before / CAST(pairs.users_before AS DOUBLE) AS share_before,
        greatest(counted.users_now / CAST(pairs.users AS DOUBLE), CAST(0.0001 AS DOUBLE)) AS a,
        greatest(counted.users_before / CAST(pairs.users_before AS DOUBLE), CAST(0.0001 AS DOUBLE)) AS e
    FROM counted
    JOIN pairs ON pairs.as_of = counted.as_of
),
summed AS (
    SELECT
        as_of,
        feature,
        kind,
        max(users) AS users,
        max(users_before) AS users_before,
        coalesce(sum(share_now) FILTER (WHERE is_unknown = 1), 0) AS unknown_share,
        coalesce(sum(share_before) FILTER (WHERE is_unknown = 1), 0) AS unknown_share_before,
        count(*) AS bins,
        sum((a - e) * ln(a / e)) AS psi
    FROM shares
    GROUP BY as_of, feature, kind
)
SELECT
    as_of,
    feature,
    kind,
    users,
    users_before,
    unknown_share,
    unknown_share_before,
    bins,
    psi,
    CASE
        WHEN psi < 0.1 THEN 'stable'
        WHEN psi < 0.25 THEN 'moved'
        ELSE 'shifted'
    END AS verdict
FROM summed
ORDER BY as_of, feature
