/*
title: Power-factor standard not as the rule says
zh: 功率因数考核标准错误
flags_zh: 功率因数考核标准与规定不符：容量 160 kVA 以上高压工业客户为 0.90；100 kVA 及以上其他工业、商业客户为 0.85；100 kVA 及以上农业、趸售客户为 0.80；其余不考核。应考核未设、不应考核而设的均属不符。按办理后容量判定。
what_to_do:
  en: >-
    Set the standard that capacity, voltage and usage category ask; where bills were issued with another,
    correct the adjustment.
  zh: 按容量、电压和用电类别更正功率因数考核标准；已按错误标准计费的，退补力调电费。
kind: exception
modes: [online, nightly]
subject: order
severity: high
judges: state
proof: same
basis: "(83)水电财字第215号"
flags: >-
  power_factor_standard differs from: 0.90 for industrial accounts above 160 kVA at high voltage; else
  0.85 for industrial and commercial ones of 100 kVA and up; else 0.80 for agricultural and bulk_resale
  ones of 100 kVA and up; else none (compared to two places). An empty standard where one is due flags,
  and one where none is due flags. By the capacity after the order.
messages:
  en:
    - "The power-factor standard is {power_factor_standard}; due is {standard_due} ({usage_category}[, {capacity_after_kva} kVA after the order][, contracted {contracted_kva} kVA])."
    - "The power-factor standard is {power_factor_standard}; none is due ({usage_category}[, {capacity_after_kva} kVA after the order][, contracted {contracted_kva} kVA])."
    - "There is no power-factor standard; due is {standard_due} ({usage_category}[, {capacity_after_kva} kVA after the order][, contracted {contracted_kva} kVA])."
  zh:
    - "功率因数考核标准为 {power_factor_standard}，应为 {standard_due}（{usage_category}[，报装后容量 {capacity_after_kva} kVA][，合同容量 {contracted_kva} kVA]）。"
    - "功率因数考核标准为 {power_factor_standard}，不应考核（{usage_category}[，报装后容量 {capacity_after_kva} kVA][，合同容量 {contracted_kva} kVA]）。"
    - "未设功率因数考核标准，应为 {standard_due}（{usage_category}[，报装后容量 {capacity_after_kva} kVA][，合同容量 {contracted_kva} kVA]）。"
*/
WITH judged AS (
  SELECT
    capacity_after_order.order_id,
    account.account_id,
    account.usage_category,
    capacity_after_order.contracted_kva,
    capacity_after_order.capacity_after_kva,
    account.supply_kv,
    CAST(ROUND(account.power_factor_standard, 2) AS DECIMAL(6, 2)) AS given,
    CAST(CASE
      WHEN
        account.usage_category IN ('general_industrial', 'large_industrial')
        AND capacity_after_order.capacity_after_kva > 160 AND account.supply_kv >= 1 THEN 0.90
      WHEN
        account.usage_category IN ('general_industrial', 'large_industrial', 'commercial')
        AND capacity_after_order.capacity_after_kva >= 100 THEN 0.85
      WHEN
        account.usage_category IN ('agricultural', 'bulk_resale')
        AND capacity_after_order.capacity_after_kva >= 100
        THEN 0.80
    END AS DECIMAL(6, 2)) AS due
  FROM core.capacity_after_order
  INNER JOIN source.account ON account.account_id = capacity_after_order.account_id
)

SELECT
  judged.order_id AS subject_id,
  judged.account_id,
  (judged.given IS DISTINCT FROM judged.due) AS flagged,
  judged.usage_category,
  judged.contracted_kva,
  judged.capacity_after_kva,
  judged.supply_kv,
  judged.given AS power_factor_standard,
  judged.due AS standard_due
FROM judged
