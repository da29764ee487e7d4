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
  SELECT a.reading_area_id,
         r.metering_point_id,
         ABS(DATE_DIFF('day', $period, CAST(r.read_at AS DATE)) + 1 - LEAST(g.fixed_day, $period_days)) AS days_off
  FROM source.register_reading AS r
  JOIN source.metering_point AS p ON p.metering_point_id = r.metering_point_id
  JOIN source.account AS a ON a.account_id = p.account_id
  JOIN source.reading_area AS g ON g.reading_area_id = a.reading_area_id
  WHERE r.period = $period AND r.register = 'active_total'
),
summed AS (
  SELECT r.reading_area_id,
         COUNT(*) AS readings,
         COUNT(*) FILTER (WHERE r.days_off > $tolerance_days) AS readings_off,
         MAX(r.days_off) AS most_days_off,
         MIN(CASE WHEN r.days_off > $tolerance_days THEN r.metering_point_id END) AS first_metering_point_id
  FROM reading AS r
  GROUP BY r.reading_area_id
)
SELECT g.reading_area_id AS subject_id,
       g.org_unit_id,
       s.readings_off > 0 AS flagged,
       s.readings,
       s.readings_off,
       s.most_days_off,
       g.fixed_day,
       $tolerance_days AS tolerance_days,
       s.first_metering_point_id,
       g.staff_id
FROM source.reading_area AS g
JOIN summed AS s ON s.reading_area_id = g.reading_area_id
