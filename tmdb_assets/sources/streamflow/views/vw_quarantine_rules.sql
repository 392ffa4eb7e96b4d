-- How many rows, and single values of rows that are kept, each rule set aside, per month and table. A row that breaks
-- two rules counts for both.
--
-- Grain: as_of, table_name, rule
--
-- as_of             Date        Last day of the month.
-- table_name        String      Path of the table the rows and values were bound for.
-- rule              String      Broken rule: the column and what it must be.
-- rows              Int64{>=0}  Rows that broke it, and were set aside.
-- values_set_aside  Int64{>=0}  Values that broke it and may be unknown: set aside alone, null in their row.

SELECT
    quarantine.date_id AS as_of,
    quarantine.origin AS table_name,
    broken.rule,
    count(*) FILTER (WHERE quarantine.column_name IS NULL) AS rows,
    count(quarantine.column_name) AS values_set_aside
FROM quarantine
CROSS JOIN unnest(string_split(quarantine.rule, '; ')) AS broken(rule)
GROUP BY
    quarantine.date_id,
    quarantine.origin,
    broken.rule
