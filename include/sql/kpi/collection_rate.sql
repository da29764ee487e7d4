/*
grain: one row per bill that corrects none, due in a month, with a net total above 0
key: [period, row_id]
purpose: >-
  What is settled of the bills due in a month and their corrections, of their net totals.
view: true
title: Money collected
zh: 电费回收率
post: collection
better: high
form: share
rules: [COL-03, RSK-03]
params:
  standard: {type: number, default: 0.998, doc: Value that scores 100.}
  floor: {type: number, default: 0.95, doc: Value that scores 0.}
  weight: {type: number, default: 3, minimum: 0, doc: What its score weighs in the composite.}
*/
SELECT
  MONTH_OF(bill_collection.due_on) AS period,
  bill_collection.bill_id AS row_id,
  account.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  bill_collection.account_id AS row_key,
  bill_collection.settled_amount AS numerator,
  bill_collection.net_amount AS denominator
FROM facts.bill_collection
LEFT JOIN source.account ON account.account_id = bill_collection.account_id
