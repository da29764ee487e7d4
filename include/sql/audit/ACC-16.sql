/*
title: Power-factor standard not as the rule says
zh: 功率因数考核标准错误
kind: exception
modes: [online, nightly]
subject: order
severity: high
flags: >-
  power_factor_standard differs from: 0.90 for industrial accounts above 160 kVA at 10 kV and up; else
  0.85 for industrial and commercial ones of 100 kVA and up; else 0.80 for agricultural and bulk_resale
  ones of 100 kVA and up; else none (compared to two places). An empty standard where one is due flags,
  and one where none is due flags.
messages:
  en:
    - "The power-factor standard is {power_factor_standard}; due is {standard_due}."
    - "The power-factor standard is {power_factor_standard}; none is due."
    - "There is no power-factor standard; due is {standard_due}."
  zh:
    - "功率因数考核标准为 {power_factor_standard}，应为 {standard_due}。"
    - "功率因数考核标准为 {power_factor_standard}，不应考核。"
    - "未设功率因数考核标准，应为 {standard_due}。"
*/
WITH judged AS (
  SELECT
    open_application.order_id,
    account.account_id,
    account.usage_category,
    account.contracted_kva,
    account.supply_kv,
    CAST(ROUND(account.power_factor_standard, 2) AS DECIMAL(6, 2)) AS given,
    CAST(CASE
      WHEN
        account.usage_category IN ('general_industrial', 'large_industrial')
        AND account.contracted_kva > 160 AND account.supply_kv >= 10 THEN 0.90
      WHEN
        account.usage_category IN ('general_industrial', 'large_industrial', 'commercial')
        AND account.contracted_kva >= 100 THEN 0.85
      WHEN
        account.usage_category IN ('agricultural', 'bulk_resale') AND account.contracted_kva >= 100
        THEN 0.80
    END AS DECIMAL(6, 2)) AS due
  FROM core.open_application
  INNER JOIN source.account ON account.account_id = open_application.account_id
)

SELECT
  judged.order_id AS subject_id,
  judged.account_id,
  (judged.given IS DISTINCT FROM judged.due) AS flagged,
  judged.usage_category,
  judged.contracted_kva,
  judged.supply_kv,
  judged.given AS power_factor_standard,
  judged.due AS standard_due
FROM judged
