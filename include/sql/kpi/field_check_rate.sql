/*
grain: one row per main point of a live account that is to be checked in the field and has stood as long
key: [period, row_id]
purpose: >-
  Of the main points of live accounts large enough to be checked in the field, installed as long ago as the cycle asks,
  those that MET-09 does not flag.
view: true
title: Field checks done
zh: 现场校验率
post: metering
better: high
form: share
share: true
as_of_only: true
rules: [MET-09]
params:
  standard: {type: number, default: 1.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.9, doc: Value that scores 0.}
  weight: {type: number, default: 1, minimum: 0, doc: What its score weighs in the composite.}
*/
SELECT
  $period AS period,
  field_check.metering_point_id AS row_id,
  live_account.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  field_check.account_id AS row_key,
  CASE WHEN audit_exception.subject_id IS NULL THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM facts.field_check
JOIN core.live_account ON live_account.account_id = field_check.account_id
LEFT JOIN findings.audit_exception
  ON audit_exception.rule_id = 'MET-09' AND audit_exception.subject_id = field_check.metering_point_id
WHERE field_check.installed_on <= field_check.not_before
