-- How many rows each rule set aside, per table and day. A row that breaks two rules counts for both.
-- Tables are all that have ever set a row aside, dimensions and bridges included.
--
-- Grain: date_id, table_name, rule
--
-- date_id     Date        Day of the observation (UTC).
-- table_name  String      Path of the table the rows were bound for.
-- rule        String      Broken rule: the column and what it must be.
-- rows        Int64{>=1}  Rows that broke it.

SELECT
    quarantine.date_id,
    quarantine.origin AS table_name,
    broken.rule,
    count(*) AS rows
FROM quarantine
CROSS JOIN unnest(string_split(quarantine.rule, '; ')) AS broken(rule)
GROUP BY
    quarantine.date_id,
    quarantine.origin,
    broken.rule
