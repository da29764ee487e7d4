/*
title: Reduction term out of range
zh: 减容期限不符
kind: exception
modes: [nightly]
subject: capacity_change
severity: medium
flags: >-
  a reduction with an end_on fewer than min_days or more than max_days after start_on; or with none and
  started more than max_days before as_of.
params:
  min_days: {type: integer, default: 180, minimum: 0, doc: Fewest days from start to end.}
  max_days: {type: integer, default: 730, minimum: 0, doc: Most days from start to end.}
messages:
  en: "Reduced for {days} days from {start_on}; allowed are {min_days} to {max_days}."
  zh: "减容自 {start_on} 起 {days} 天，允许 {min_days} 至 {max_days} 天。"
*/
SELECT
  capacity_change.change_id AS subject_id,
  capacity_change.account_id,
  CASE
    WHEN capacity_change.end_on IS NOT NULL
      THEN
        DATE_DIFF('day', capacity_change.start_on, capacity_change.end_on) < $min_days
        OR DATE_DIFF('day', capacity_change.start_on, capacity_change.end_on) > $max_days
    ELSE DATE_DIFF('day', capacity_change.start_on, $as_of) > $max_days
  END AS flagged,
  capacity_change.start_on,
  capacity_change.end_on,
  DATE_DIFF('day', capacity_change.start_on, COALESCE(capacity_change.end_on, $as_of)) AS days,
  $min_days AS min_days,
  $max_days AS max_days
FROM source.capacity_change
WHERE capacity_change.kind = 'reduce'
