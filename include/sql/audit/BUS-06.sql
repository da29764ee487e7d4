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
  SELECT c.change_id, c.account_id, c.kind, c.end_on AS changed_on
  FROM source.capacity_change AS c
  WHERE c.kind = 'reduce' AND c.end_on IS NOT NULL
  UNION ALL
  SELECT c.change_id, c.account_id, c.kind, c.start_on AS changed_on
  FROM source.capacity_change AS c
  WHERE c.kind IN ('new', 'increase')
)
SELECT c.change_id AS subject_id,
       c.account_id,
       e.change_id IS NOT NULL AS flagged,
       c.kind AS change_kind,
       c.start_on,
       e.change_id AS earlier_change_id,
       e.kind AS earlier_kind,
       e.changed_on AS earlier_on,
       DATE_DIFF('day', e.changed_on, c.start_on) AS days_after,
       $window_days AS window_days
FROM source.capacity_change AS c
LEFT JOIN earlier AS e
  ON e.account_id = c.account_id
 AND e.changed_on < c.start_on
 AND DATE_DIFF('day', e.changed_on, c.start_on) <= $window_days
WHERE c.kind IN ('suspend', 'reduce')
QUALIFY ROW_NUMBER() OVER (PARTITION BY c.change_id ORDER BY e.changed_on DESC NULLS LAST, e.change_id NULLS LAST) = 1
