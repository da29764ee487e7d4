/*
title: Energy without a charge
zh: 有电量无电费
kind: exception
modes: [nightly]
subject: account
severity: high
flags: net billed_kwh of P above 0 and net total_amount 0.
at_stake: the shadow bill's total
messages:
  en: "{billed_kwh} kWh were billed at no charge."
  zh: "计费电量 {billed_kwh} kWh，电费为零。"
*/
WITH shadow AS (
  SELECT
    shadow_bill.account_id,
    MONEY(SUM(shadow_bill.total_amount)) AS total_amount,
    MIN(shadow_bill.bill_id) AS bill_id
  FROM facts.shadow_bill
  GROUP BY shadow_bill.account_id
)

SELECT
  bill_net.account_id AS subject_id,
  bill_net.account_id,
  bill_net.billed_kwh > 0 AND bill_net.total_amount = 0 AS flagged,
  shadow.total_amount AS at_stake_amount,
  bill_net.billed_kwh,
  bill_net.total_amount,
  shadow.bill_id
FROM facts.bill_net
LEFT JOIN shadow ON shadow.account_id = bill_net.account_id
WHERE bill_net.period = $period
