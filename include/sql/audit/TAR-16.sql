/*
title: Bill does not add up
zh: 电费台账分项数据不一致
kind: exception
modes: [nightly]
subject: bill
severity: high
flags: >-
  a bill of P whose lines differ from total_amount by more than 0.01, or that has no lines, or whose billed_kwh differs from
  metered_kwh + loss_kwh by more than 1.
at_stake: sum of lines less total
messages:
  en: "The lines sum to {lines_amount}, the total is {total_amount}; billed {billed_kwh} kWh, metered {metered_kwh} and losses {loss_kwh}."
  zh: "分项合计 {lines_amount} 元，总额 {total_amount} 元；计费电量 {billed_kwh}，抄见 {metered_kwh}，损耗 {loss_kwh} kWh。"
*/
SELECT
  bill.bill_id AS subject_id,
  bill.account_id,
  bill_amount.bill_id IS NULL
  OR ABS(bill_amount.lines_amount - bill.total_amount) > 0.01
  OR COALESCE(ROUND(ABS(bill.billed_kwh - (bill.metered_kwh + bill.loss_kwh)), 6) > 1, FALSE) AS flagged,
  MONEY(COALESCE(bill_amount.lines_amount, 0) - bill.total_amount) AS at_stake_amount,
  COALESCE(bill_amount.lines, 0) AS lines,
  bill_amount.lines_amount,
  bill.total_amount,
  bill.billed_kwh,
  bill.metered_kwh,
  bill.loss_kwh
FROM source.bill
LEFT JOIN facts.bill_amount ON bill_amount.bill_id = bill.bill_id
WHERE bill.period = $period
