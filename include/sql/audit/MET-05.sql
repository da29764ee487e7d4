/*
title: Multiplier changed
zh: 倍率发生变化
kind: listing
modes: [nightly]
subject: metering_point
severity: medium
flags: >-
  multiplier_changed in P.
messages:
  en: >-
    The multiplier changed from {old_multiplier} to {new_multiplier} at {changed_at}.
  zh: >-
    倍率于 {changed_at} 由 {old_multiplier} 变为 {new_multiplier}。
*/
WITH change AS (
  SELECT
    metering_event.metering_point_id,
    metering_event.event_id,
    metering_event.occurred_at,
    metering_event.old_value,
    metering_event.new_value
  FROM source.metering_event
  WHERE
    metering_event.kind = 'multiplier_changed'
    AND metering_event.occurred_at >= $period_start_at
    AND metering_event.occurred_at < $period_end_at
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY metering_event.metering_point_id
        ORDER BY metering_event.occurred_at DESC, metering_event.event_id
      )
    = 1
)

SELECT
  metering_point.metering_point_id AS subject_id,
  metering_point.account_id,
  change.event_id IS NOT NULL AS flagged,
  change.event_id,
  change.occurred_at AS changed_at,
  change.old_value AS old_multiplier,
  change.new_value AS new_multiplier
FROM source.metering_point
LEFT JOIN change ON change.metering_point_id = metering_point.metering_point_id
