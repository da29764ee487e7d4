/*
title: Corrected again and again
zh: 反复退补
flags_zh: 审核月及前 11 个月的非更正账单，更正次数达到 min_corrections 次。
what_to_do:
  en: >-
    Look over all corrections of the bill together, settle it once for all, and find what makes it wrong
    again and again.
  zh: 通盘复核该账单的全部更正，一次清算，并查明反复差错的原因。
kind: exception
modes: [nightly]
subject: bill
severity: medium
judges: state
proof: none
window: {on: billed_period, within: 12, unit: periods}
flags: >-
  a bill that corrects none, of P or the 11 months before, with at least min_corrections corrections.
params:
  min_corrections: {type: integer, default: 2, minimum: 1, doc: 'Corrections of a bill, direct ones and those of its corrections, that are too many.'}
messages:
  en: "The bill of {billed_period} was corrected {corrections} times, from {first_corrected_at} to {last_corrected_at}, by {corrected_amount} in all; from {min_corrections} times it is looked into."
  zh: "{billed_period} 账单退补 {corrections} 次（{first_corrected_at} 至 {last_corrected_at}），合计 {corrected_amount} 元，达到 {min_corrections} 次应核查。"
*/
WITH corrected AS (
  SELECT
    bill_correction.bill_id,
    COUNT(*) AS corrections,
    MIN(correction.issued_at) AS first_corrected_at,
    MAX(correction.issued_at) AS last_corrected_at,
    MONEY(SUM(correction.total_amount)) AS corrected_amount,
    MIN(bill_correction.correction_bill_id) AS first_correction_bill_id
  FROM facts.bill_correction
  JOIN source.bill AS correction ON correction.bill_id = bill_correction.correction_bill_id
  GROUP BY bill_correction.bill_id
)

SELECT
  bill.bill_id AS subject_id,
  bill.account_id,
  COALESCE(corrected.corrections, 0) >= $min_corrections AS flagged,
  bill.period AS billed_period,
  bill.total_amount,
  COALESCE(corrected.corrections, 0) AS corrections,
  $min_corrections AS min_corrections,
  corrected.corrected_amount,
  corrected.first_corrected_at,
  corrected.last_corrected_at,
  corrected.first_correction_bill_id
FROM source.bill
LEFT JOIN corrected ON corrected.bill_id = bill.bill_id
WHERE
  bill.corrects_bill_id IS NULL
  AND bill.period >= ADD_MONTHS($period, -11)
  AND bill.period <= $period
