/*
grain: one row per complaint opened in a month whose limit is over at as_of
key: [period, row_id]
purpose: >-
  Of the complaints opened in a month whose time by SVC-05 is over, those settled within it.
view: true
title: Complaints settled in time
zh: 投诉处理及时率
post: manager
better: high
form: share
share: true
staff: the call's staff_id
judges: state
rules: [SVC-05, SVC-06]
params:
  standard: {type: number, default: 1.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.9, doc: Value that scores 0.}
  weight: {type: number, default: 2, minimum: 0, doc: What its score weighs in the composite.}
  max_wd: {same_as: SVC-05.max_wd}
*/
SELECT
  MONTH_OF(call_clock.opened_at) AS period,
  call_clock.call_id AS row_id,
  COALESCE(own_unit.org_unit_id, account.org_unit_id) AS org_unit_id,
  call_clock.staff_id,
  COALESCE(call_clock.account_id, CONCAT('call/', call_clock.call_id)) AS row_key,
  CASE
    WHEN call_clock.resolved_at IS NOT NULL AND call_clock.working_days <= $max_wd THEN 1
    ELSE 0
  END AS numerator,
  1 AS denominator
FROM facts.call_clock
LEFT JOIN core.calendar AS limit_day
  ON limit_day.is_working_day AND limit_day.working_day_no = call_clock.opened_no + $max_wd
LEFT JOIN source.account ON account.account_id = call_clock.account_id
LEFT JOIN source.org_unit AS own_unit ON own_unit.org_unit_id = call_clock.org_unit_id
WHERE
  call_clock.kind = 'complaint'
  AND CASE WHEN $max_wd > 0 THEN limit_day.day ELSE CAST(call_clock.opened_at AS DATE) END < $as_of
  AND MONTH_OF(call_clock.opened_at) >= ADD_MONTHS($period, -11)
  AND MONTH_OF(call_clock.opened_at) <= $period
