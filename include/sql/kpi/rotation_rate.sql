/*
grain: one row per meter in use whose calibration and class are known
key: [period, row_id]
purpose: >-
  Of the meters in use with calibrated_on and an accuracy class, those that MET-08 does not flag.
view: true
title: Meters within their rotation cycle
zh: 周期轮换率
post: metering
better: high
form: share
share: true
as_of_only: true
rules: [MET-08]
params:
  standard: {type: number, default: 1.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.95, doc: Value that scores 0.}
  weight: {type: number, default: 1, minimum: 0, doc: What its score weighs in the composite.}
*/
SELECT
  $period AS period,
  meter.meter_id AS row_id,
  subject_unit.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  COALESCE(metering_point.account_id, CONCAT('meter/', meter.meter_id)) AS row_key,
  CASE WHEN audit_exception.subject_id IS NULL THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM source.meter
LEFT JOIN source.metering_point ON metering_point.metering_point_id = meter.metering_point_id
LEFT JOIN core.subject_unit
  ON subject_unit.subject_type = 'meter' AND subject_unit.subject_id = meter.meter_id
LEFT JOIN findings.audit_exception
  ON audit_exception.rule_id = 'MET-08' AND audit_exception.subject_id = meter.meter_id
WHERE
  meter.status = 'in_use' AND meter.calibrated_on IS NOT NULL AND TRIM(meter.accuracy_class) <> ''
