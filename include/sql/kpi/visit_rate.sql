/*
grain: one row per main point with an active_total reading of a month that was not remote
key: [period, row_id]
purpose: >-
  Of the active_total readings of a month at main points that are manual or estimated, the manual ones.
view: true
title: Manual readings made on site
zh: 抄表见面率
post: meter_reader
better: high
form: share
share: true
staff: staff of the account's reading area
rules: [TAR-19]
params:
  standard: {type: number, default: 0.95, doc: Value that scores 100.}
  floor: {type: number, default: 0.7, doc: Value that scores 0.}
  weight: {type: number, default: 1, minimum: 0, doc: What its score weighs in the composite.}
*/
SELECT
  register_reading.period,
  register_reading.metering_point_id AS row_id,
  account.org_unit_id,
  reading_area.staff_id,
  metering_point.account_id AS row_key,
  CASE WHEN register_reading.method = 'manual' THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM source.register_reading
JOIN source.metering_point ON metering_point.metering_point_id = register_reading.metering_point_id
LEFT JOIN source.account ON account.account_id = metering_point.account_id
LEFT JOIN source.reading_area ON reading_area.reading_area_id = account.reading_area_id
WHERE
  metering_point.role = 'main'
  AND register_reading.register = 'active_total'
  AND register_reading.method IN ('manual', 'estimated')
  AND register_reading.period >= ADD_MONTHS($period, -11)
  AND register_reading.period <= $period
