-- What became of the rows of each table on each day, and how good they are. Tables are those kept by the day;
-- dimensions and bridges have no state of a day and are left out (what they set aside is in vw_quarantine_rules).
-- Defined: score = 100 * the weighted mean of the parts that apply to the table and day, each a share of 0 to 1:
-- valid (weight 4) = 1 - (quarantined + |unaccounted|) / rows, the larger of received and kept + quarantined,
-- extracted (3) = extraction_completeness,
-- intact (3) = 1 - orphans / kept,
-- fresh (2) = 1 / (1 + days_stale), where rows are expected every day (a table that had none so far: 365 days),
-- complete (1) = completeness.
-- A value set aside alone is unknown, and counts in completeness.
-- Duplicates, superseded rows and outliers do not count: a list moves while one reads it, the export tells of every
-- film again, and the figures of films are skewed by nature.
--
-- Grain: date_id, table_name
--
-- date_id                  Date             Day (UTC).
-- table_name               String           Path of the table.
-- received                 Int64{>=0}?      Rows that came for it; null when nobody counted them.
-- kept                     Int64{>=0}       Rows it has.
-- quarantined              Int64{>=0}       Rows set aside because they broke the contract.
-- values_set_aside         Int64{>=0}?      Values set aside alone because they broke the contract: null in rows that
--                                           are kept; null when nobody counted.
-- quarantined_by_rule      String?          `rule: rows; ...`, the most rows first; null when there are none. A row
--                                           that breaks two rules counts for both.
-- values_by_rule           String?          The same of values: `rule: values; ...`; null when there are none.
-- duplicates               Int64{>=0}?      Rows left out because their grain had come before.
-- superseded               Int64{>=0}?      Rows left out because a better source of the day told of the same film;
--                                           null when nobody counted them.
-- unaccounted              Int64?           Rows received that are nowhere (negative: kept but never received); 0
--                                           unless a table was changed by hand.
-- orphans                  Int64{>=0}?      Rows that refer to a film or day no dimension had when the day was last
--                                           built; null where there are no such references.
-- completeness             Float64{0..1}?   Mean share of known values over the nullable columns; null without rows.
-- outliers                 Int64{>=0}?      Values beyond 3 robust standard deviations, over all columns (see
--                                           vw_column_quality); null when none could be measured.
-- extraction_completeness  Float64{0..1}?   What arrived over what the source promised, pages or ids, whichever is
--                                           less; null for a table that is not asked for.
-- is_extraction_finished   Boolean?         Whether it was asked for to the end; null for a table that is not asked
--                                   for.
-- days_stale               Int64{>=0}?      Days from the last day, up to this one, on which the table has rows: 0 if
--                                           it has some of this day; null if it had none so far.
-- score                    Float64{0..100}?  See above; null when no part applies, as on a day without rows of a table
--                                           that waits for events.

WITH by_rule AS (
    SELECT
        date_id,
        table_name,
        string_agg(rule || ': ' || CAST(rows AS VARCHAR), '; ' ORDER BY rows DESC, rule)
            FILTER (WHERE rows > 0) AS quarantined_by_rule,
        string_agg(rule || ': ' || CAST(values_set_aside AS VARCHAR), '; ' ORDER BY values_set_aside DESC, rule)
            FILTER (WHERE values_set_aside > 0) AS values_by_rule
    FROM vw_quarantine_rules
    GROUP BY
        date_id,
        table_name
),
profile AS (
    SELECT
        fact_table_quality.date_id,
        fact_table_quality.table_name,
        fact_table_quality.is_daily,
        fact_table_quality.received,
        fact_table_quality.kept,
        fact_table_quality.quarantined,
        fact_table_quality.values_set_aside,
        by_rule.quarantined_by_rule,
        by_rule.values_by_rule,
        fact_table_quality.duplicates,
        fact_table_quality.superseded,
        fact_table_quality.unaccounted,
        fact_table_quality.orphans,
        fact_table_quality.completeness,
        fact_table_quality.outliers,
        fact_table_quality.extraction_completeness,
        fact_table_quality.is_extraction_finished,
        max(CASE WHEN fact_table_quality.kept > 0 THEN fact_table_quality.date_id END) OVER (
            PARTITION BY fact_table_quality.table_name
            ORDER BY fact_table_quality.date_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS last_day_with_rows
    FROM fact_table_quality
    LEFT JOIN by_rule
        ON by_rule.date_id = fact_table_quality.date_id AND by_rule.table_name = fact_table_quality.table_name
),
aged AS (
    SELECT
        *,
        date_diff('day', last_day_with_rows, date_id) AS days_stale,
        greatest(coalesce(received, 0), kept + quarantined) AS seen
    FROM profile
),
parts AS (
    SELECT
        *,
        -- greatest skips nulls: without rows nothing is valid or invalid
        CASE
            WHEN seen > 0
                THEN greatest(0.0, 1 - (quarantined + coalesce(abs(unaccounted), 0)) / CAST(seen AS DOUBLE))
        END AS valid,
        1 - orphans / CAST(nullif(kept, 0) AS DOUBLE) AS intact,
        CASE WHEN is_daily THEN 1.0 / (1 + coalesce(days_stale, 365)) END AS fresh
    FROM aged
),
weighed AS (
    SELECT
        *,
        4 * coalesce(valid, 0) + 3 * coalesce(extraction_completeness, 0) + 3 * coalesce(intact, 0)
            + 2 * coalesce(fresh, 0) + coalesce(completeness, 0) AS points,
        CASE WHEN valid IS NULL THEN 0 ELSE 4 END
            + CASE WHEN extraction_completeness IS NULL THEN 0 ELSE 3 END
            + CASE WHEN intact IS NULL THEN 0 ELSE 3 END
            + CASE WHEN fresh IS NULL THEN 0 ELSE 2 END
            + CASE WHEN completeness IS NULL THEN 0 ELSE 1 END AS weight
    FROM parts
)
SELECT
    date_id,
    table_name,
    received,
    kept,
    quarantined,
    values_set_aside,
    quarantined_by_rule,
    values_by_rule,
    duplicates,
    superseded,
    unaccounted,
    orphans,
    completeness,
    outliers,
    extraction_completeness,
    is_extraction_finished,
    days_stale,
    100 * points / CAST(nullif(weight, 0) AS DOUBLE) AS score
FROM weighed
