-- Churn by term of the contract, month by month. The rate is over users whose label is known; label and contract are
-- those of the same month. Users whose subscription was set aside are left out.
--
-- Grain: as_of, contract_type
-- Kind: daily, few rows
--
-- as_of             Date            Last day of the month.
-- contract_type     String{Month-to-month|One year|Two year}  Term of the contract.
-- users             Int64{>=1}      Users with such a contract.
-- users_with_label  Int64{>=0}      Those whose churn label is known.
-- churned           Int64{>=0}      Those who count as churned.
-- churn_rate        Float64{0..1}?  churned over users_with_label, a ratio; null when no label is known.
-- mean_monthly_fee  Float64{>=0}    Mean fee a month.

SELECT
    as_of,
    contract_type,
    count(*) AS users,
    count(churn_label) AS users_with_label,
    count(*) FILTER (WHERE churn_label) AS churned,
    CAST(count(*) FILTER (WHERE churn_label) AS DOUBLE) / nullif(count(churn_label), 0) AS churn_rate,
    avg(monthly_fee) AS mean_monthly_fee
FROM user_months
WHERE contract_type IS NOT NULL
GROUP BY as_of, contract_type
ORDER BY as_of, contract_type
