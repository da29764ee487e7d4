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
  SELECT
    metering_event.event_id,
    metering_event.metering_point_id,
    metering_event.kind,
    metering_event.occurred_at,
    MIN(CASE WHEN metering_event.kind IN ('fault_cleared', 'replace') THEN metering_event.occurred_at END)
      OVER later
      AS fixed_at
  FROM source.metering_event
  WHERE metering_event.kind IN ('fault_reported', 'fault_cleared', 'replace')
  WINDOW later AS (
    PARTITION BY metering_event.metering_point_id ORDER BY metering_event.occurred_at
    RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
  )
),

fault AS (
  SELECT
    event.metering_point_id,
    event.event_id,
    event.occurred_at,
    event.fixed_at,
    UNIX_MICROS($as_of_end) - UNIX_MICROS(event.occurred_at) > $max_days * 86400000000
    AND (
      event.fixed_at IS NULL
      OR UNIX_MICROS(event.fixed_at) - UNIX_MICROS(event.occurred_at) > $max_days * 86400000000
    ) AS is_late
  FROM event
  WHERE event.kind = 'fault_reported'
)

SELECT
  fault.metering_point_id AS subject_id,
  metering_point.account_id,
  fault.is_late AS flagged,
  fault.event_id,
  fault.occurred_at AS reported_at,
  fault.fixed_at,
  $max_days AS max_days
FROM fault
LEFT JOIN source.metering_point ON metering_point.metering_point_id = fault.metering_point_id
QUALIFY
  ROW_NUMBER()
    OVER (PARTITION BY fault.metering_point_id ORDER BY fault.is_late DESC, fault.occurred_at, fault.event_id)
  = 1
