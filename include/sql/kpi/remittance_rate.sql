/*
grain: one row per payment at the counter received in a month
key: [period, row_id]
purpose: >-
  Of the money taken at the counter in a month, in cash or by card, what was at the bank within the working days that
  COL-01 allows.
view: true
title: Counter money brought to the bank in time
zh: 电费上缴率
post: collection
better: high
form: share
staff: the payment's staff_id
judges: state
rules: [COL-01]
params:
  standard: {type: number, default: 1.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.98, doc: Value that scores 0.}
  weight: {type: number, default: 2, minimum: 0, doc: What its score weighs in the composite.}
  max_wd: {same_as: COL-01.max_wd}
*/
SELECT
  MONTH_OF(counter_payment.received_on) AS period,
  counter_payment.payment_id AS row_id,
  account.org_unit_id,
  counter_payment.staff_id,
  counter_payment.account_id AS row_key,
  CASE WHEN counter_payment.working_days > $max_wd THEN 0 ELSE counter_payment.amount END AS numerator,
  counter_payment.amount AS denominator
FROM facts.counter_payment
LEFT JOIN source.account ON account.account_id = counter_payment.account_id
WHERE
  counter_payment.received_on >= ADD_MONTHS($period, -11)
  AND counter_payment.received_on <= $period_end
