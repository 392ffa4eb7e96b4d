-- How many rows each rule set aside, per month and table. A row that breaks two rules counts for both.
--
-- Grain: as_of, table_name, rule
--
-- as_of       Date        Last day of the month.
-- table_name  String      Path of the table the rows were bound for.
-- rule        String      Broken rule: the column and what it must be.
-- rows        Int64{>=1}  Rows that broke it.

SELECT
    quarantine.date_id AS as_of,
    quarantine.origin AS table_name,
    broken.rule,
    count(*) AS rows
FROM quarantine
CROSS JOIN unnest(string_split(quarantine.rule, '; ')) AS broken(rule)
GROUP BY
    quarantine.date_id,
    quarantine.origin,
    broken.rule
