/*
grain: one row per fault reported in a month whose limit is over at as_of
key: [period, row_id]
purpose: >-
  Of the faults reported in a month whose time by MET-04 is over, those cleared, or the meter replaced, within it.
view: true
title: Meter faults put right in time
zh: 故障处理及时率
post: metering
better: high
form: share
share: true
judges: state
rules: [MET-04, MET-10]
params:
  standard: {type: number, default: 1.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.9, doc: Value that scores 0.}
  weight: {type: number, default: 2, minimum: 0, doc: What its score weighs in the composite.}
  max_days: {same_as: MET-04.max_days}
*/
SELECT
  MONTH_OF(fault_handling.reported_at) AS period,
  fault_handling.event_id AS row_id,
  subject_unit.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  COALESCE(fault_handling.account_id, CONCAT('point/', fault_handling.metering_point_id)) AS row_key,
  CASE WHEN fault_handling.handled_us <= $max_days * 86400000000 THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM facts.fault_handling
LEFT JOIN core.subject_unit
  ON subject_unit.subject_type = 'metering_point'
  AND subject_unit.subject_id = fault_handling.metering_point_id
WHERE
  fault_handling.passed_us > $max_days * 86400000000
  AND MONTH_OF(fault_handling.reported_at) >= ADD_MONTHS($period, -11)
  AND MONTH_OF(fault_handling.reported_at) <= $period
