/*
grain: one row per metering point and month since its first interval, of live accounts, areas and lines
key: [period, row_id]
purpose: >-
  Of the intervals that points should have in a month, since they were installed and since their first interval, the
  measured ones.
view: true
title: Intervals collected
zh: 采集成功率
post: metering
better: high
form: share
rules: [ANA-02]
params:
  standard: {type: number, default: 0.995, doc: Value that scores 100.}
  floor: {type: number, default: 0.95, doc: Value that scores 0.}
  weight: {type: number, default: 1, minimum: 0, doc: What its score weighs in the composite.}
*/
SELECT
  interval_month.period,
  interval_month.metering_point_id AS row_id,
  subject_unit.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  COALESCE(metering_point.account_id, CONCAT('point/', metering_point.metering_point_id)) AS row_key,
  CASE WHEN interval_month.expected_since > 0 THEN interval_month.measured ELSE 0 END AS numerator,
  NULLIF(interval_month.expected_since, 0) AS denominator
FROM facts.interval_month
JOIN core.audited_month ON audited_month.period = interval_month.period
JOIN source.metering_point ON metering_point.metering_point_id = interval_month.metering_point_id
LEFT JOIN core.live_account ON live_account.account_id = metering_point.account_id
LEFT JOIN core.subject_unit
  ON subject_unit.subject_type = 'metering_point'
  AND subject_unit.subject_id = interval_month.metering_point_id
WHERE live_account.account_id IS NOT NULL OR metering_point.role IN ('area', 'line')
