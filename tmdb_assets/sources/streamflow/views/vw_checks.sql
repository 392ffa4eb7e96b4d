-- How every check of every month ended, in plain words: what a quality suite would say of the month's drop.
-- extraction_complete: a file of the drop is whole, and so is the drop (a refused drop fails though nothing of it is
-- published; what an earlier drop of the month published stays, and the other checks tell of it).
-- contract: no row, and no value alone, was set aside because it breaks its rule; not_null: none because a required
-- value is missing. accounting: received = kept + quarantined + duplicates. grain: one row per user. constant_columns,
-- rows_have_their_user, active_since_signup: as Dagster's checks of these names. row_count_drift: about as many rows as
-- in the month before. feature_drift: no feature of the training set has shifted since the month before. The last two
-- need that month.
--
-- Grain: as_of, subject, check_name
--
-- as_of       Date         Last day of the month.
-- subject     String       What was checked: the path of a table, a file of the drop, or `drop`, its folder.
-- check_name  String       Check, as Dagster names it, and not_null.
-- is_passed   Boolean      Whether it holds.
-- rows        Int64{>=0}?  Rows that were looked at; null for the drop's folder.
-- sentence    String       What was found.

WITH drops AS (
    SELECT
        date_id AS as_of,
        min(CASE WHEN is_complete AND is_finished THEN 1 ELSE 0 END) = 1 AS is_taken,
        string_agg(
            CASE WHEN endpoint = 'drop' THEN 'files that do not belong there' ELSE endpoint END, ', ' ORDER BY endpoint
        ) FILTER (WHERE NOT is_complete) AS faults
    FROM extraction_ledger
    GROUP BY date_id
),
files AS (
    SELECT
        extraction_ledger.date_id AS as_of,
        extraction_ledger.endpoint AS subject,
        'extraction_complete' AS check_name,
        CASE WHEN extraction_ledger.endpoint = 'drop' THEN drops.is_taken
            ELSE extraction_ledger.is_complete END AS is_passed,
        extraction_ledger.received_ids AS rows,
        CASE
            WHEN extraction_ledger.endpoint = 'drop' AND drops.is_taken
                THEN concat(CAST(extraction_ledger.received_pages AS VARCHAR), ' files, each whole')
            WHEN extraction_ledger.endpoint = 'drop' AND drops.faults IS NULL
                THEN 'the run was cut while it took the drop: run the month again'
            WHEN extraction_ledger.endpoint = 'drop'
                THEN concat(
                    'refused, so that nothing of it is published: drop the month again, corrected; at fault: ',
                    drops.faults)
            WHEN extraction_ledger.is_complete AND extraction_ledger.received_ids = extraction_ledger.promised_ids
                THEN concat('a line for each of ', CAST(extraction_ledger.promised_ids AS VARCHAR), ' users')
            WHEN extraction_ledger.is_complete
                THEN concat(
                    CAST(extraction_ledger.received_ids AS VARCHAR),
                    ' users; users.csv, which names them all, cannot be used'
                )
            WHEN extraction_ledger.received_pages < extraction_ledger.promised_pages
                THEN 'the file is missing or cannot be read'
            ELSE concat(
                'not what it should be, the log of the run names line and column; users read: ',
                CAST(extraction_ledger.received_ids AS VARCHAR),
                ' of ',
                coalesce(CAST(extraction_ledger.promised_ids AS VARCHAR), 'an unknown number')
            )
        END AS sentence
    FROM extraction_ledger
    JOIN drops ON drops.as_of = extraction_ledger.date_id
),
broken AS (
    SELECT
        as_of,
        table_name,
        string_agg(
            concat(rule, ': ', CAST(rows + values_set_aside AS VARCHAR)), '; '
            ORDER BY rows + values_set_aside DESC, rule
        ) AS rules,
        coalesce(sum(rows) FILTER (WHERE rule LIKE '% must not be null'), 0) AS missing,
        string_agg(concat(rule, ': ', CAST(rows AS VARCHAR)), '; ' ORDER BY rows DESC, rule)
            FILTER (WHERE rule LIKE '% must not be null' AND rows > 0) AS missing_rules
    FROM vw_quarantine_rules
    GROUP BY as_of, table_name
),
counted AS (
    SELECT
        now.date_id AS as_of,
        now.table_name,
        coalesce(now.received, now.kept + now.quarantined) AS received,
        now.kept,
        now.quarantined,
        coalesce(now.values_set_aside, 0) AS values_set_aside,
        coalesce(now.duplicates, 0) AS duplicates,
        coalesce(now.unaccounted, 0) AS unaccounted,
        coalesce(broken.rules, '') AS rules,
        coalesce(broken.missing, 0) AS missing,
        coalesce(broken.missing_rules, '') AS missing_rules,
        before.kept AS kept_before,
        abs(now.kept - before.kept) <= now.drift_limit * before.kept AS is_near
    FROM fact_table_quality AS now
    LEFT JOIN broken ON broken.as_of = now.date_id AND broken.table_name = now.table_name
    LEFT JOIN fact_table_quality AS before
        ON before.table_name = now.table_name
        AND before.kept > 0
        AND before.date_id = CAST(CAST(date_trunc('month', now.date_id) AS DATE) - INTERVAL 1 DAY AS DATE)
),
drifted AS (
    SELECT
        as_of,
        max(users) AS rows,
        count(*) FILTER (WHERE verdict = 'shifted') AS shifted,
        string_agg(concat(feature, ' (PSI ', CAST(round(psi, 2) AS VARCHAR), ')'), ', ' ORDER BY psi DESC, feature)
            FILTER (WHERE verdict = 'shifted') AS features_shifted
    FROM vw_feature_drift
    GROUP BY as_of
),
outcomes AS (
    SELECT as_of, subject, check_name, is_passed, rows, sentence FROM files
    UNION ALL
    SELECT
        as_of,
        table_name,
        'contract',
        quarantined + values_set_aside = 0,
        received,
        CASE
            WHEN quarantined + values_set_aside = 0 THEN 'every row keeps its contract'
            WHEN values_set_aside = 0
                THEN concat(
                    CAST(quarantined AS VARCHAR), ' of ', CAST(received AS VARCHAR), ' rows are set aside: ', rules)
            ELSE concat(
                CAST(quarantined AS VARCHAR), ' of ', CAST(received AS VARCHAR), ' rows are set aside, and ',
                CAST(values_set_aside AS VARCHAR), ' values alone: ', rules
            )
        END
    FROM counted
    UNION ALL
    SELECT
        as_of,
        table_name,
        'not_null',
        missing = 0,
        received,
        CASE
            WHEN missing = 0 THEN 'no required value is missing'
            ELSE concat('required values are missing: ', missing_rules)
        END
    FROM counted
    UNION ALL
    SELECT
        as_of,
        table_name,
        'accounting',
        unaccounted = 0,
        received,
        concat(
            'received ', CAST(received AS VARCHAR), ' = kept ', CAST(kept AS VARCHAR), ' + quarantined ',
            CAST(quarantined AS VARCHAR), ' + duplicates ', CAST(duplicates AS VARCHAR),
            CASE
                WHEN unaccounted > 0 THEN concat(' + lost ', CAST(unaccounted AS VARCHAR))
                WHEN unaccounted < 0 THEN concat(' - never received ', CAST(-unaccounted AS VARCHAR))
                ELSE ''
            END
        )
    FROM counted
    UNION ALL
    SELECT
        as_of,
        table_name,
        'row_count_drift',
        is_near,
        kept,
        concat(CAST(kept AS VARCHAR), ' rows after ', CAST(kept_before AS VARCHAR), ' the month before')
    FROM counted
    WHERE is_near IS NOT NULL
    UNION ALL
    SELECT date_id, table_name, check_name, is_passed, rows, sentence FROM fact_check_quality
    UNION ALL
    SELECT
        as_of,
        'streamflow/views/vw_feature_drift',
        'feature_drift',
        shifted = 0,
        rows,
        CASE
            WHEN shifted = 0 THEN 'no feature has shifted since the month before'
            ELSE concat('shifted since the month before: ', features_shifted)
        END
    FROM drifted
)
SELECT
    as_of,
    subject,
    check_name,
    is_passed,
    rows,
    sentence
FROM outcomes
ORDER BY as_of, subject, check_name
