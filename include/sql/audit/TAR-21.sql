/*
title: Billed on a tariff that does not apply
zh: 执行电价错误
flags_zh: 审核月账单执行的电价与账户档案电价不一致，或在账期末没有有效价格，或供电电压不在该电价的电压范围内；更正后电量、电费已归零的除外。
what_to_do:
  en: Establish the tariff that holds for the account and bill the month anew on it.
  zh: 核实账户应执行的电价，按正确电价重新计费并退补。
kind: exception
modes: [nightly]
subject: bill
severity: high
judges: month
proof: same
effect_of: [ARC-02, TAR-12, TAR-27]
flags: >-
  a bill of P that corrects none and that its corrections do not bring to 0 (money and energy): its tariff_code (that of its newest
  correction, where there is one) differs from its account's, or has no rate valid at period_end, or excludes the account's
  supply_kv.
at_stake: shadow bill on the account's tariff less billed
messages:
  en:
    - "The bill is on {tariff_code} ({min_kv} to {max_kv} kV); the account is on {account_tariff_code} and supplied at {supply_kv} kV."
    - "The bill is on {tariff_code}; the account is on {account_tariff_code} and supplied at {supply_kv} kV."
    - "The bill is on {tariff_code}, which does not apply to the account[, supplied at {supply_kv} kV]."
  zh:
    - "账单执行“{tariff_code}”（{min_kv} 至 {max_kv} kV），档案电价为“{account_tariff_code}”，供电电压 {supply_kv} kV。"
    - "账单执行“{tariff_code}”，档案电价为“{account_tariff_code}”，供电电压 {supply_kv} kV。"
    - "账单执行“{tariff_code}”，不适用于该账户[，供电电压 {supply_kv} kV]。"
*/
WITH correction AS (
  SELECT
    bill_correction.bill_id,
    SUM(bill.total_amount) AS total_amount,
    EXACT_SUM(bill.billed_kwh) AS billed_kwh
  FROM facts.bill_correction
  JOIN source.bill ON bill.bill_id = bill_correction.correction_bill_id
  GROUP BY bill_correction.bill_id
),

newest AS (
  SELECT
    bill_correction.bill_id,
    bill_correction.correction_bill_id,
    bill.tariff_code
  FROM facts.bill_correction
  JOIN source.bill ON bill.bill_id = bill_correction.correction_bill_id
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY bill_correction.bill_id
        ORDER BY bill.issued_at DESC NULLS LAST, bill_correction.correction_bill_id DESC
      )
    = 1
),

billed AS (
  SELECT
    bill.bill_id,
    bill.account_id,
    bill.period_end,
    bill.tariff_code AS first_tariff_code,
    COALESCE(newest.tariff_code, bill.tariff_code) AS tariff_code,
    newest.correction_bill_id
  FROM source.bill
  LEFT JOIN correction ON correction.bill_id = bill.bill_id
  LEFT JOIN newest ON newest.bill_id = bill.bill_id
  WHERE
    bill.period = $period
    AND bill.corrects_bill_id IS NULL
    AND (
      correction.bill_id IS NULL
      OR bill.total_amount + correction.total_amount <> 0
      OR ROUND(bill.billed_kwh + correction.billed_kwh, 6) <> 0
    )
)

SELECT
  billed.bill_id AS subject_id,
  billed.account_id,
  COALESCE(billed.tariff_code <> account.tariff_code, FALSE)
  OR tariff_price.tariff_code IS NULL
  OR COALESCE(account.supply_kv < tariff.min_kv OR account.supply_kv > tariff.max_kv, FALSE) AS flagged,
  MONEY(CASE
    WHEN billed.first_tariff_code <> account.tariff_code THEN shadow_bill.account_tariff_total_amount
    WHEN billed.first_tariff_code = account.tariff_code THEN shadow_bill.total_amount
  END - shadow_bill.billed_total_amount) AS at_stake_amount,
  billed.tariff_code,
  account.tariff_code AS account_tariff_code,
  billed.correction_bill_id,
  billed.period_end,
  tariff_price.tariff_code IS NOT NULL AS has_rate,
  account.supply_kv,
  tariff.min_kv,
  tariff.max_kv,
  shadow_bill.billed_total_amount
FROM billed
JOIN source.account ON account.account_id = billed.account_id
LEFT JOIN source.tariff ON tariff.tariff_code = billed.tariff_code
LEFT JOIN facts.tariff_price
  ON tariff_price.tariff_code = billed.tariff_code AND tariff_price.on_day = billed.period_end
LEFT JOIN facts.shadow_bill ON shadow_bill.bill_id = billed.bill_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = billed.account_id
WHERE COALESCE(billing_cycle.is_due, TRUE)
