/*
grain: one row per order new or increase energized in a month
key: [period, row_id]
purpose: >-
  Of the applications energized in a month, those on which the utility's own steps took no more working days than SVC-09
  allows.
view: true
title: Connections within the time of the utility's own steps
zh: 业扩时限达标率
post: acceptance
better: high
form: share
share: true
staff: the order's staff_id
judges: state
rules: [SVC-09]
params:
  standard: {type: number, default: 0.98, doc: Value that scores 100.}
  floor: {type: number, default: 0.9, doc: Value that scores 0.}
  weight: {type: number, default: 1, minimum: 0, doc: What its score weighs in the composite.}
  max_wd: {same_as: SVC-09.max_wd}
*/
SELECT
  MONTH_OF(order_own_time.energized_at) AS period,
  order_own_time.order_id AS row_id,
  order_own_time.org_unit_id,
  order_own_time.staff_id,
  order_own_time.account_id AS row_key,
  CASE WHEN order_own_time.working_days <= max_wd.max_wd THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM facts.order_own_time
JOIN param.max_wd ON max_wd.limit_key = order_own_time.limit_key
WHERE
  MONTH_OF(order_own_time.energized_at) >= ADD_MONTHS($period, -11)
  AND MONTH_OF(order_own_time.energized_at) <= $period
