/*
title: Area not read on its fixed day
zh: 未按固定日期抄表
flags_zh: 抄表段内有审核月抄表日期偏离固定抄表日超过 tolerance_days 天（固定日超出当月天数的按月末日）。
what_to_do:
  en: Read on the fixed day; where it cannot be kept, change it for good and tell the customers.
  zh: 按固定日抄表；确需调整的按规定变更抄表日并告知客户。
kind: exception
modes: [nightly]
subject: reading_area
severity: low
judges: month
proof: next
flags: >-
  any active_total reading of period P in the area with its read_at more than tolerance_days days away from fixed_day of that
  month (a fixed_day past the month's end means its last day); the evidence gives how many.
params:
  tolerance_days: {type: integer, default: 1, minimum: 0, doc: Days that the reading may be early or late.}
messages:
  en: "{readings_off} of {readings} readings were taken up to {most_days_off} days away from the area's fixed day, the {fixed_day}; {tolerance_days} is allowed."
  zh: "{readings} 次抄表中有 {readings_off} 次偏离固定抄表日（每月 {fixed_day} 日），最多偏离 {most_days_off} 天，允许 {tolerance_days} 天。"
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
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = account.account_id
  WHERE
    register_reading.period = $period
    AND register_reading.register = 'active_total'
    AND COALESCE(billing_cycle.is_due, TRUE)
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
