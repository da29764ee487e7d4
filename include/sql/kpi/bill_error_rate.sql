/*
grain: one row per bill of a month that corrects none
key: [period, row_id]
purpose: >-
  Money of the corrections of a month's bills, by size, for each unit of money billed at first.
view: true
title: Money billed wrong
zh: 电费差错率
post: billing
better: low
form: share
staff: the original bill's staff_id
rules: [TAR-20, TAR-21, TAR-22]
params:
  standard: {type: number, default: 0.001, doc: Value that scores 100.}
  floor: {type: number, default: 0.01, doc: Value that scores 0.}
  weight: {type: number, default: 3, minimum: 0, doc: What its score weighs in the composite.}
*/
SELECT
  corrected_bill.period,
  corrected_bill.bill_id AS row_id,
  account.org_unit_id,
  corrected_bill.staff_id,
  corrected_bill.account_id AS row_key,
  ABS(corrected_bill.corrected_amount) AS numerator,
  ABS(corrected_bill.total_amount) AS denominator
FROM facts.corrected_bill
LEFT JOIN source.account ON account.account_id = corrected_bill.account_id
