/*
title: Bill paid twice
zh: 重复收费
flags_zh: 账单及其更正账单的收款合计超过应收合计 0.01 元以上。
what_to_do:
  en: >-
    Refund the excess or book it as an advance, as the customer wishes; find the source of the double
    payment.
  zh: 征求客户意见后退还多收款或转为预收，并查明重复收费原因。
kind: exception
modes: [nightly]
subject: bill
severity: medium
judges: state
proof: same
effect_of: [TAR-24]
flags: >-
  a bill with payments, where payments of it and its corrections are above their summed total_amount by more than 0.01.
at_stake: minus the excess
messages:
  en: "Paid were {paid_amount} in {payments} payments; the bill with its corrections is {total_amount}."
  zh: "账单（含更正）应收 {total_amount} 元，实收 {paid_amount} 元，共 {payments} 笔。"
*/
WITH corrected AS (
  SELECT
    bill_correction.bill_id,
    SUM(bill_paid.total_amount) AS total_amount,
    SUM(bill_paid.paid_amount) AS paid_amount,
    SUM(bill_paid.payments) AS payments,
    COUNT(*) AS corrections
  FROM facts.bill_correction
  JOIN facts.bill_paid ON bill_paid.bill_id = bill_correction.correction_bill_id
  GROUP BY bill_correction.bill_id
),

summed AS (
  SELECT
    bill_paid.bill_id,
    bill_paid.account_id,
    bill_paid.period,
    MONEY(bill_paid.total_amount + COALESCE(corrected.total_amount, 0)) AS total_amount,
    MONEY(bill_paid.paid_amount + COALESCE(corrected.paid_amount, 0)) AS paid_amount,
    CAST(bill_paid.payments + COALESCE(corrected.payments, 0) AS BIGINT) AS payments,
    COALESCE(corrected.corrections, 0) AS corrections,
    bill_paid.last_paid_on
  FROM facts.bill_paid
  LEFT JOIN corrected ON corrected.bill_id = bill_paid.bill_id
  WHERE bill_paid.payments > 0
)

SELECT
  summed.bill_id AS subject_id,
  summed.account_id,
  summed.paid_amount - summed.total_amount > 0.01 AS flagged,
  MONEY(summed.total_amount - summed.paid_amount) AS at_stake_amount,
  summed.paid_amount,
  summed.total_amount,
  summed.payments,
  summed.corrections,
  summed.last_paid_on,
  summed.period AS bill_period
FROM summed
