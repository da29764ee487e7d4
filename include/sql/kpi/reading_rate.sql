/*
grain: one row per main point and month in which it is to be read
key: [period, row_id]
purpose: >-
  Of the main points that are to be read for a month, those with a remote or manual reading of it.
view: true
title: Points read as they should be
zh: 实抄率
post: meter_reader
better: high
form: share
share: true
staff: staff of the account's reading area
rules: [TAR-17, TAR-19]
params:
  standard: {type: number, default: 0.995, doc: Value that scores 100.}
  floor: {type: number, default: 0.95, doc: Value that scores 0.}
  weight: {type: number, default: 3, minimum: 0, doc: What its score weighs in the composite.}
*/
SELECT
  reading_due.period,
  reading_due.metering_point_id AS row_id,
  reading_due.org_unit_id,
  reading_area.staff_id,
  reading_due.account_id AS row_key,
  CASE WHEN register_reading.metering_point_id IS NULL THEN 0 ELSE 1 END AS numerator,
  1 AS denominator
FROM facts.reading_due
LEFT JOIN source.reading_area ON reading_area.reading_area_id = reading_due.reading_area_id
LEFT JOIN source.register_reading
  ON register_reading.metering_point_id = reading_due.metering_point_id
  AND register_reading.period = reading_due.period
  AND register_reading.register = 'active_total'
  AND register_reading.method IN ('remote', 'manual')
