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
  SELECT s.account_id, MONEY(SUM(s.total_amount)) AS total_amount, MIN(s.bill_id) AS bill_id
  FROM facts.shadow_bill AS s
  GROUP BY s.account_id
)
SELECT n.account_id AS subject_id,
       n.account_id,
       n.billed_kwh > 0 AND n.total_amount = 0 AS flagged,
       s.total_amount AS at_stake_amount,
       n.billed_kwh,
       n.total_amount,
       s.bill_id
FROM facts.bill_net AS n
LEFT JOIN shadow AS s ON s.account_id = n.account_id
WHERE n.period = $period
