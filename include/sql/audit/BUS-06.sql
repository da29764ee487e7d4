/*
title: Reduced or suspended again too soon
zh: 减容期满或新装增容两年内再减容暂停
kind: exception
modes: [nightly]
subject: capacity_change
severity: medium
flags: >-
  a suspend or reduce row that starts 1 to window_days days after the end_on of a reduce row, or after the
  start_on of a new or increase row, of the same account in capacity_change.
params:
  window_days: {type: integer, default: 730, minimum: 0, doc: Days after the earlier change in which there may be no other.}
messages:
  en: "{change_kind} from {start_on}, {days_after} days after {earlier_kind} {earlier_change_id}."
  zh: "{start_on} {change_kind}，距 {earlier_kind} {earlier_change_id} 仅 {days_after} 天。"
*/
WITH earlier AS (
  SELECT
    capacity_change.change_id,
    capacity_change.account_id,
    capacity_change.kind,
    capacity_change.end_on AS changed_on
  FROM source.capacity_change
  WHERE capacity_change.kind = 'reduce' AND capacity_change.end_on IS NOT NULL
  UNION ALL
  SELECT
    capacity_change.change_id,
    capacity_change.account_id,
    capacity_change.kind,
    capacity_change.start_on AS changed_on
  FROM source.capacity_change
  WHERE capacity_change.kind IN ('new', 'increase')
)

SELECT
  capacity_change.change_id AS subject_id,
  capacity_change.account_id,
  earlier.change_id IS NOT NULL AS flagged,
  capacity_change.kind AS change_kind,
  capacity_change.start_on,
  earlier.change_id AS earlier_change_id,
  earlier.kind AS earlier_kind,
  earlier.changed_on AS earlier_on,
  DATE_DIFF('day', earlier.changed_on, capacity_change.start_on) AS days_after,
  $window_days AS window_days
FROM source.capacity_change
LEFT JOIN earlier
  ON earlier.account_id = capacity_change.account_id
  AND earlier.changed_on < capacity_change.start_on
  AND DATE_DIFF('day', earlier.changed_on, capacity_change.start_on) <= $window_days
WHERE capacity_change.kind IN ('suspend', 'reduce')
QUALIFY
  ROW_NUMBER()
    OVER (
      PARTITION BY capacity_change.change_id
      ORDER BY earlier.changed_on DESC NULLS LAST, earlier.change_id NULLS LAST
    )
  = 1
