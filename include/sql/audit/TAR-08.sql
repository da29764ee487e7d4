/*
title: Energy without a charge
zh: 有电量无电费
flags_zh: 审核月计费电量大于零而电费净额为零。
what_to_do:
  en: "Bill the energy on the account's tariff and find why it was free."
  zh: 按账户电价补计电费，并查明零电费原因。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: same
effect_of: [TAR-20, TAR-24]
flags: net billed_kwh of P above 0 and net total_amount 0.
at_stake: the shadow bill's total
messages:
  en: "{billed_kwh} kWh were billed for {total_amount}; energy is never free."
  zh: "计费电量 {billed_kwh} kWh，电费为 {total_amount} 元，有电量应计电费。"
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
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = bill_net.account_id
WHERE bill_net.period = $period AND COALESCE(billing_cycle.is_due, TRUE)
