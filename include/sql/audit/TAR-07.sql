/*
title: Negative bill
zh: 当月负电费
kind: exception
modes: [nightly]
subject: account
severity: high
flags: net total_amount of P below 0.
at_stake: the net amount, sign turned
messages:
  en: "The month nets to {total_amount} over {bills} bills."
  zh: "当月 {bills} 张账单净额为 {total_amount} 元。"
*/
SELECT
  bill_net.account_id AS subject_id,
  bill_net.account_id,
  bill_net.total_amount < 0 AS flagged,
  -bill_net.total_amount AS at_stake_amount,
  bill_net.total_amount,
  bill_net.billed_kwh,
  bill_net.bills
FROM facts.bill_net
WHERE bill_net.period = $period
