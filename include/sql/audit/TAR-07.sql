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
SELECT n.account_id AS subject_id,
       n.account_id,
       n.total_amount < 0 AS flagged,
       -n.total_amount AS at_stake_amount,
       n.total_amount,
       n.billed_kwh,
       n.bills
FROM facts.bill_net AS n
WHERE n.period = $period
