/*
title: Suspension too short
zh: 暂停时间少于15天
kind: exception
modes: [nightly]
subject: capacity_change
severity: medium
flags: >-
  a suspension that ended within the 12 months before as_of after fewer than min_days days, both ends
  included.
params:
  min_days: {type: integer, default: 15, minimum: 0, doc: 'Fewest days of a suspension, both ends included.'}
messages:
  en: "Suspended for {days} days from {start_on} to {last_on}; at least {min_days} are due."
  zh: "暂停 {days} 天（{start_on} 至 {last_on}），少于 {min_days} 天。"
*/
SELECT
  capacity_out.change_id AS subject_id,
  capacity_out.account_id,
  DATE_DIFF('day', capacity_out.start_on, capacity_out.last_on) + 1 < $min_days AS flagged,
  capacity_out.start_on,
  capacity_out.last_on,
  capacity_out.end_on,
  DATE_DIFF('day', capacity_out.start_on, capacity_out.last_on) + 1 AS days,
  $min_days AS min_days
FROM core.capacity_out
WHERE
  capacity_out.kind = 'suspend'
  AND capacity_out.last_on >= ADD_MONTHS($as_of, -12)
  AND capacity_out.last_on <= $as_of
