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
SELECT b.bill_id AS subject_id,
       b.account_id,
       l.bill_id IS NULL
         OR ABS(l.lines_amount - b.total_amount) > 0.01
         OR COALESCE(ROUND(ABS(b.billed_kwh - (b.metered_kwh + b.loss_kwh)), 6) > 1, FALSE) AS flagged,
       MONEY(COALESCE(l.lines_amount, 0) - b.total_amount) AS at_stake_amount,
       COALESCE(l.lines, 0) AS lines,
       l.lines_amount,
       b.total_amount,
       b.billed_kwh,
       b.metered_kwh,
       b.loss_kwh
FROM source.bill AS b
LEFT JOIN facts.bill_amount AS l ON l.bill_id = b.bill_id
WHERE b.period = $period
