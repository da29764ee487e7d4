/*
grain: one row per bill of a month that corrects none
key: [period, row_id]
purpose: >-
  Of the bills of a month that correct none, those that have a correction.
view: true
title: Bills that had to be corrected
zh: 差错笔数率
post: billing
better: low
form: share
share: true
staff: the original bill's staff_id
rules: []
params:
  standard: {type: number, default: 0.002, doc: Value that scores 100.}
  floor: {type: number, default: 0.02, doc: Value that scores 0.}
  weight: {type: number, default: 1, minimum: 0, doc: What its score weighs in the composite.}
*/
SELECT
  corrected_bill.period,
  corrected_bill.bill_id AS row_id,
  account.org_unit_id,
  corrected_bill.staff_id,
  corrected_bill.account_id AS row_key,
  CASE WHEN corrected_bill.corrections > 0 THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM facts.corrected_bill
LEFT JOIN source.account ON account.account_id = corrected_bill.account_id
