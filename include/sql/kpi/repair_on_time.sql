/*
grain: one row per repair call opened in a month whose limit is over at as_of
key: [period, row_id]
purpose: >-
  Of the repair calls opened in a month whose time by SVC-04 is over, those at which the crew arrived within it.
view: true
title: Repair crews on site in time
zh: 抢修到达及时率
post: repair
better: high
form: share
share: true
staff: the call's staff_id
rules: [SVC-04]
params:
  standard: {type: number, default: 1.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.9, doc: Value that scores 0.}
  weight: {type: number, default: 3, minimum: 0, doc: What its score weighs in the composite.}
  max_minutes: {same_as: SVC-04.max_minutes}
*/
SELECT
  MONTH_OF(call_clock.opened_at) AS period,
  call_clock.call_id AS row_id,
  COALESCE(own_unit.org_unit_id, account.org_unit_id) AS org_unit_id,
  call_clock.staff_id,
  COALESCE(call_clock.account_id, CONCAT('call/', call_clock.call_id)) AS row_key,
  CASE
    WHEN
      call_clock.arrived_at IS NOT NULL AND call_clock.arrival_us <= max_minutes.max_minutes * 60000000
      THEN 1
    ELSE 0
  END AS numerator,
  1 AS denominator
FROM facts.call_clock
JOIN dated.max_minutes
  ON max_minutes.site = call_clock.site
  AND LAST_DAY(CAST(call_clock.opened_at AS DATE)) BETWEEN max_minutes.from_on AND max_minutes.to_on
LEFT JOIN source.account ON account.account_id = call_clock.account_id
LEFT JOIN source.org_unit AS own_unit ON own_unit.org_unit_id = call_clock.org_unit_id
WHERE
  call_clock.kind = 'repair'
  AND call_clock.passed_us > max_minutes.max_minutes * 60000000
  AND MONTH_OF(call_clock.opened_at) >= ADD_MONTHS($period, -11)
  AND MONTH_OF(call_clock.opened_at) <= $period
