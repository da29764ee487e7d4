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
  SELECT e.metering_point_id, e.event_id, e.occurred_at, e.old_value, e.new_value
  FROM source.metering_event AS e
  WHERE e.kind = 'multiplier_changed'
    AND e.occurred_at >= $period_start_at
    AND e.occurred_at < $period_end_at
  QUALIFY ROW_NUMBER() OVER (PARTITION BY e.metering_point_id ORDER BY e.occurred_at DESC, e.event_id) = 1
)
SELECT p.metering_point_id AS subject_id,
       p.account_id,
       c.event_id IS NOT NULL AS flagged,
       c.event_id,
       c.occurred_at AS changed_at,
       c.old_value AS old_multiplier,
       c.new_value AS new_multiplier
FROM source.metering_point AS p
LEFT JOIN change AS c ON c.metering_point_id = p.metering_point_id
