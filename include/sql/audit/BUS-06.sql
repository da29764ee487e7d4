/*
title: Reduced or suspended again too soon
zh: 减容期满或新装增容两年内再减容暂停
flags_zh: 减容期满后，或新装、增容后 window_days 天内，同一账户再次减容或暂停（规定废止后仅作清单）。
what_to_do:
  en: >-
    Check which rule held on the day it began; where it forbade this, charge the capacity charge as if it
    were not suspended or reduced.
  zh: 核对起始日适用的规定；当时不允许的，按未减容、未暂停计收基本电费。
kind: exception
modes: [nightly]
subject: capacity_change
severity: medium
judges: state
proof: same
basis: "供电营业规则 (1996), repealed by 发改办价格〔2016〕1583号"
changed: [{from: 2016-07-01, what: "Repealed: capacity may be reduced or suspended again at any time."}]
valid_to: 2016-06-30
after: listing
on: start_on
flags: >-
  a suspend or reduce row that starts 1 to window_days days after the end_on of a reduce row, or after the
  start_on of a new or increase row, of the same account in capacity_change.
params:
  window_days: {type: integer, default: 730, minimum: 0, doc: Days after the earlier change in which there may be no other.}
messages:
  en: "A {change_kind} began on {start_on}, {days_after} days after a {earlier_kind} of {earlier_on}; {window_days} days must lie between them."
  zh: "{start_on} 起{change_kind}，距 {earlier_on} 的{earlier_kind}仅 {days_after} 天，应间隔 {window_days} 天。"
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
  ON_DAY($window_days, capacity_change.start_on) AS window_days
FROM source.capacity_change
LEFT JOIN earlier
  ON earlier.account_id = capacity_change.account_id
  AND earlier.changed_on < capacity_change.start_on
  AND DATE_DIFF('day', earlier.changed_on, capacity_change.start_on) <= ON_DAY(
    $window_days, capacity_change.start_on
  )
WHERE capacity_change.kind IN ('suspend', 'reduce')
QUALIFY
  ROW_NUMBER()
    OVER (
      PARTITION BY capacity_change.change_id
      ORDER BY earlier.changed_on DESC NULLS LAST, earlier.change_id NULLS LAST
    )
  = 1
