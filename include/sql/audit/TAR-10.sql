/*
title: Area not read on its fixed day
zh: 未按固定日期抄表
kind: exception
modes: [nightly]
subject: reading_area
severity: low
flags: >-
  any active_total reading of period P in the area with its read_at more than tolerance_days days away from fixed_day of that
  month (a fixed_day past the month's end means its last day); the evidence gives how many.
params:
  tolerance_days: {type: integer, default: 1, minimum: 0, doc: Days that the reading may be early or late.}
messages:
  en: "{readings_off} of {readings} readings were taken away from day {fixed_day}, up to {most_days_off} days."
  zh: "{readings} 次抄表中有 {readings_off} 次偏离固定抄表日 {fixed_day} 日，最多 {most_days_off} 天。"
*/
WITH reading AS (
  SELECT
    account.reading_area_id,
    register_reading.metering_point_id,
    ABS(
      DATE_DIFF('day', $period, CAST(register_reading.read_at AS DATE))
      + 1
      - LEAST(reading_area.fixed_day, $period_days)
    ) AS days_off
  FROM source.register_reading
  JOIN source.metering_point ON metering_point.metering_point_id = register_reading.metering_point_id
  JOIN source.account ON account.account_id = metering_point.account_id
  JOIN source.reading_area ON reading_area.reading_area_id = account.reading_area_id
  WHERE register_reading.period = $period AND register_reading.register = 'active_total'
),

summed AS (
  SELECT
    reading.reading_area_id,
    COUNT(*) AS readings,
    COUNT(*) FILTER (WHERE reading.days_off > $tolerance_days) AS readings_off,
    MAX(reading.days_off) AS most_days_off,
    MIN(CASE WHEN reading.days_off > $tolerance_days THEN reading.metering_point_id END)
      AS first_metering_point_id
  FROM reading
  GROUP BY reading.reading_area_id
)

SELECT
  reading_area.reading_area_id AS subject_id,
  reading_area.org_unit_id,
  summed.readings_off > 0 AS flagged,
  summed.readings,
  summed.readings_off,
  summed.most_days_off,
  reading_area.fixed_day,
  $tolerance_days AS tolerance_days,
  summed.first_metering_point_id,
  reading_area.staff_id
FROM source.reading_area
JOIN summed ON summed.reading_area_id = reading_area.reading_area_id
