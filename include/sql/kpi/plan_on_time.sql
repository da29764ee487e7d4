/*
grain: one row per order whose limit day lies in a month
key: [period, row_id]
purpose: >-
  Of the applications whose last day for the supply plan by SVC-01 lies in a month, those answered within the limit.
view: true
title: Supply plans answered in time
zh: 供电方案答复及时率
post: acceptance
better: high
form: share
share: true
staff: the order's staff_id
judges: state
rules: [SVC-01]
params:
  standard: {type: number, default: 1.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.95, doc: Value that scores 0.}
  weight: {type: number, default: 2, minimum: 0, doc: What its score weighs in the composite.}
  max_wd: {same_as: SVC-01.max_wd}
*/
WITH limited AS (
  SELECT
    order_clock.order_id,
    order_clock.account_id,
    order_clock.org_unit_id,
    order_clock.staff_id,
    order_clock.done_at IS NOT NULL AND order_clock.working_days <= max_wd.max_wd AS is_in_time,
    CASE WHEN max_wd.max_wd > 0 THEN limit_day.day ELSE CAST(order_clock.begun_at AS DATE) END AS limit_on
  FROM facts.order_clock
  JOIN param.max_wd ON max_wd.limit_key = order_clock.supply
  LEFT JOIN core.calendar AS limit_day
    ON limit_day.is_working_day AND limit_day.working_day_no = order_clock.begun_no + max_wd.max_wd
  WHERE order_clock.step = 'plan'
)

SELECT
  MONTH_OF(limited.limit_on) AS period,
  limited.order_id AS row_id,
  limited.org_unit_id,
  limited.staff_id,
  limited.account_id AS row_key,
  CASE WHEN limited.is_in_time THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM limited
WHERE
  limited.limit_on >= ADD_MONTHS($period, -11)
  AND limited.limit_on <= $period_end
  AND limited.limit_on < $as_of
