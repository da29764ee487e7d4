/*
title: Reduction term out of range
zh: 减容期限不符
flags_zh: 减容自起始日至终止日不足 min_days 天，或超过 max_years 年；或未登记终止日而审核日已超过该期限。
what_to_do:
  en: >-
    End or prolong the reduction with the customer within the rule; after the longest term treat it as
    permanent or restore the capacity.
  zh: 与客户办理恢复或延期手续；超过最长期限的，恢复原容量或办理永久性减容。
kind: exception
modes: [nightly]
subject: capacity_change
severity: medium
judges: state
proof: none
moves: [days]
basis: "供电营业规则 (2024-06-01; before: 1996)"
changed: [{from: 2024-06-01, what: "15 days are enough, before 180 were due; at most two years, to the day."}]
on: start_on
flags: >-
  a reduction with an end_on fewer than min_days after start_on, or after the same day max_years years later;
  or with none, where as_of is after that day.
params:
  min_days:
    type: integer
    default: [{value: 180}, {from: 2024-06-01, value: 15}]
    minimum: 0
    doc: Fewest days from start to end.
  max_years: {type: integer, default: 2, minimum: 0, maximum: 99, doc: Years from the start in which it must end.}
messages:
  en:
    - "The reduction from {start_on} to {end_on} lasts {days} days; at least {min_days} days are required, and it may last to {latest_end_on}."
    - "The reduction since {start_on} has no end; it could last to {latest_end_on}."
  zh:
    - "减容自 {start_on} 至 {end_on} 共 {days} 天，至少应为 {min_days} 天，最迟至 {latest_end_on}。"
    - "减容自 {start_on} 起未登记终止日，最迟至 {latest_end_on}。"
*/
WITH reduction AS (
  SELECT
    capacity_change.change_id,
    capacity_change.account_id,
    capacity_change.start_on,
    capacity_change.end_on,
    ON_DAY($min_days, capacity_change.start_on) AS min_days,
    ON_DAY($max_years, capacity_change.start_on) AS max_years,
    ADD_MONTHS(capacity_change.start_on, 12 * ON_DAY($max_years, capacity_change.start_on))
      AS latest_end_on
  FROM source.capacity_change
  WHERE capacity_change.kind = 'reduce'
)

SELECT
  reduction.change_id AS subject_id,
  reduction.account_id,
  COALESCE(DATE_DIFF('day', reduction.start_on, reduction.end_on) < reduction.min_days, FALSE)
  OR COALESCE(reduction.end_on, $as_of) > reduction.latest_end_on AS flagged,
  reduction.start_on,
  reduction.end_on,
  DATE_DIFF('day', reduction.start_on, COALESCE(reduction.end_on, $as_of)) AS days,
  reduction.min_days,
  reduction.max_years,
  reduction.latest_end_on
FROM reduction
