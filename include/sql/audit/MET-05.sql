/*
title: Multiplier changed
zh: 倍率发生变化
flags_zh: 审核月内计费倍率发生变更，列出复核。
what_to_do:
  en: >-
    Compare the new multiplier with the work order and the nameplates, and the month's bill with both
    multipliers.
  zh: 核对倍率变更工单和互感器铭牌，并复核当月分段计费是否正确。
kind: listing
modes: [nightly]
subject: metering_point
severity: medium
judges: month
proof: same
flags: >-
  multiplier_changed in P.
messages:
  en: "The multiplier was changed[ from {old_multiplier}][ to {new_multiplier}] at {changed_at}."
  zh: "计费倍率于 {changed_at} 变更[，原倍率 {old_multiplier}][，新倍率 {new_multiplier}]。"
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
