/*
grain: one row per inspection planned in a month
key: [period, row_id]
purpose: >-
  Of the inspections planned in a month, those performed by its last day.
view: true
title: Inspections done as planned
zh: 用电检查完成率
post: inspection
better: high
form: share
share: true
staff: the inspection's staff_id
rules: [INS-09, INS-10]
params:
  standard: {type: number, default: 1.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.9, doc: Value that scores 0.}
  weight: {type: number, default: 2, minimum: 0, doc: What its score weighs in the composite.}
*/
SELECT
  MONTH_OF(inspection.planned_on) AS period,
  inspection.inspection_id AS row_id,
  account.org_unit_id,
  inspection.staff_id,
  inspection.account_id AS row_key,
  CASE WHEN inspection.performed_on <= LAST_DAY(inspection.planned_on) THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM source.inspection
LEFT JOIN source.account ON account.account_id = inspection.account_id
WHERE inspection.planned_on >= ADD_MONTHS($period, -11) AND inspection.planned_on <= $period_end
