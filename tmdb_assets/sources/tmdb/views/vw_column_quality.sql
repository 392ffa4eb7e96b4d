-- How complete each column of each table was on each day, and how much of it lay far off.
-- Tables are those kept by the day, as profiled at the end of the day's run.
--
-- Grain: date_id, table_name, column_name
--
-- date_id       Date            Day (UTC).
-- table_name    String          Path of the table.
-- column_name   String          Column.
-- is_nullable   Boolean         Whether the column may be unknown; it counts for the table's completeness.
-- rows          Int64{>=0}      Rows of the table on that day.
-- known         Int64{>=0}      Rows whose value is known.
-- completeness  Float64{0..1}?  Share of rows whose value is known; null without rows.
-- outliers      Int64{>=0}?     Values more than 3 robust standard deviations (1.4826 MAD each) from the day's median;
--                               null for a column without numbers, for keys, and where half of the values are equal.

SELECT
    date_id,
    table_name,
    column_name,
    is_nullable,
    rows,
    known_rows AS known,
    known_rows / CAST(nullif(rows, 0) AS DOUBLE) AS completeness,
    outliers
FROM fact_column_quality
