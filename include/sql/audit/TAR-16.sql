/*
title: Bill does not add up
zh: 电费台账分项数据不一致
flags_zh: 审核月非更正账单（含其更正）的分项合计与总额相差超过 0.01 元，或没有分项，或计费电量与抄见电量加损耗电量相差超过 1 kWh。
what_to_do:
  en: >-
    Calculate the bill anew and correct it; have the billing system looked at where several bills are
    concerned.
  zh: 重新计算并更正账单；涉及多张账单的，排查计费系统。
kind: exception
modes: [nightly]
subject: bill
severity: high
judges: month
proof: same
flags: >-
  a bill of P that corrects none: its lines with its corrections' differ from their total_amount by more than 0.01, or it has no
  lines, or their billed_kwh differs from their metered_kwh + loss_kwh by more than 1.
at_stake: sum of lines less total
messages:
  en:
    - "The lines come to {lines_amount} and the total is {total_amount}; {billed_kwh} kWh are billed, {metered_kwh} metered and {loss_kwh} losses. They may differ by 0.01 and 1 kWh."
    - "The bill has no lines; its total is {total_amount}."
  zh:
    - "分项合计 {lines_amount} 元，总额 {total_amount} 元；计费电量 {billed_kwh} kWh，抄见 {metered_kwh} kWh，损耗 {loss_kwh} kWh（允许相差 0.01 元、1 kWh）。"
    - "账单没有分项电费，总额 {total_amount} 元。"
*/
WITH member AS (
  SELECT
    bill.bill_id AS root_bill_id,
    bill.bill_id
  FROM source.bill
  WHERE bill.period = $period AND bill.corrects_bill_id IS NULL
  UNION ALL
  SELECT
    bill_correction.bill_id AS root_bill_id,
    bill_correction.correction_bill_id AS bill_id
  FROM facts.bill_correction
  JOIN source.bill
    ON bill.bill_id = bill_correction.bill_id AND bill.period = $period AND bill.corrects_bill_id IS NULL
),

summed AS (
  SELECT
    member.root_bill_id,
    COUNT(*) - 1 AS corrections,
    COALESCE(INTEGER_SUM(bill_amount.lines) FILTER (WHERE member.bill_id = member.root_bill_id), 0) AS lines,
    MONEY(SUM(bill_amount.lines_amount)) AS lines_amount,
    MONEY(SUM(bill.total_amount)) AS total_amount,
    EXACT_SUM(bill.billed_kwh) AS billed_kwh,
    EXACT_SUM(bill.metered_kwh) AS metered_kwh,
    EXACT_SUM(bill.loss_kwh) AS loss_kwh
  FROM member
  JOIN source.bill ON bill.bill_id = member.bill_id
  LEFT JOIN facts.bill_amount ON bill_amount.bill_id = member.bill_id
  GROUP BY member.root_bill_id
)

SELECT
  summed.root_bill_id AS subject_id,
  bill.account_id,
  summed.lines = 0
  OR COALESCE(ABS(summed.lines_amount - summed.total_amount) > 0.01, FALSE)
  OR COALESCE(ROUND(ABS(summed.billed_kwh - (summed.metered_kwh + summed.loss_kwh)), 6) > 1, FALSE)
    AS flagged,
  MONEY(COALESCE(summed.lines_amount, 0) - summed.total_amount) AS at_stake_amount,
  summed.lines,
  summed.corrections,
  summed.lines_amount,
  summed.total_amount,
  summed.billed_kwh,
  summed.metered_kwh,
  summed.loss_kwh
FROM summed
JOIN source.bill ON bill.bill_id = summed.root_bill_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = bill.account_id
WHERE COALESCE(billing_cycle.is_due, TRUE)
