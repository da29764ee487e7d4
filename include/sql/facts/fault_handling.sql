/*
grain: one row per reported fault of a metering point
key: [event_id]
purpose: How long a fault took until the meter was repaired or replaced, decided once.
view: true
columns:
  event_id: {type: string, doc: The event that reports it.}
  metering_point_id: {type: string, doc: The point.}
  account_id: {type: string, doc: Its account; empty for area and line points.}
  reported_at: {type: timestamp, doc: When it was reported.}
  fixed_at: {type: timestamp, doc: First fault_cleared or replace at the point since; empty while there is none.}
  handled_us: {type: integer, doc: 'Microseconds from the report to that; empty while there is none.'}
  passed_us: {type: integer, doc: Microseconds from the report to the end of as_of.}
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
)

SELECT
  event.event_id,
  event.metering_point_id,
  metering_point.account_id,
  event.occurred_at AS reported_at,
  event.fixed_at,
  UNIX_MICROS(event.fixed_at) - UNIX_MICROS(event.occurred_at) AS handled_us,
  UNIX_MICROS($as_of_end) - UNIX_MICROS(event.occurred_at) AS passed_us
FROM event
LEFT JOIN source.metering_point ON metering_point.metering_point_id = event.metering_point_id
WHERE event.kind = 'fault_reported'
