/*
title: Faulty meter not replaced in time
zh: 故障表计调换超时限
kind: exception
modes: [nightly]
subject: metering_point
severity: high
flags: >-
  fault_reported with no fault_cleared or replace within max_days x 24 hours after it, and the end of as_of
  is past that.
params:
  max_days: {type: number, default: 7, minimum: 0, doc: 'Days of 24 hours within which a faulty meter is repaired or replaced.'}
messages:
  en: >-
    The fault reported at {reported_at} was not repaired within {max_days} days.
  zh: >-
    {reported_at} 报告的故障未在 {max_days} 天内处理。
*/
WITH event AS (
  SELECT e.event_id,
         e.metering_point_id,
         e.kind,
         e.occurred_at,
         MIN(CASE WHEN e.kind IN ('fault_cleared', 'replace') THEN e.occurred_at END) OVER later AS fixed_at
  FROM source.metering_event AS e
  WHERE e.kind IN ('fault_reported', 'fault_cleared', 'replace')
  WINDOW later AS (
    PARTITION BY e.metering_point_id ORDER BY e.occurred_at
    RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
  )
),
fault AS (
  SELECT e.metering_point_id,
         e.event_id,
         e.occurred_at,
         e.fixed_at,
         UNIX_MICROS($as_of_end) - UNIX_MICROS(e.occurred_at) > $max_days * 86400000000
           AND (e.fixed_at IS NULL OR UNIX_MICROS(e.fixed_at) - UNIX_MICROS(e.occurred_at) > $max_days * 86400000000) AS is_late
  FROM event AS e
  WHERE e.kind = 'fault_reported'
)
SELECT f.metering_point_id AS subject_id,
       p.account_id,
       f.is_late AS flagged,
       f.event_id,
       f.occurred_at AS reported_at,
       f.fixed_at,
       $max_days AS max_days
FROM fault AS f
LEFT JOIN source.metering_point AS p ON p.metering_point_id = f.metering_point_id
QUALIFY ROW_NUMBER() OVER (PARTITION BY f.metering_point_id ORDER BY f.is_late DESC, f.occurred_at, f.event_id) = 1
