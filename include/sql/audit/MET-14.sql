/*
title: 'Removed meter''s register breaks the series'
zh: 拆回表计存度不连续
flags_zh: 审核月内拆表或换表，拆回示数低于此前最近一次抄见止度；或换表后首次抄见示数低于新表起度减去 tolerance。
what_to_do:
  en: >-
    Read the removed meter again in the store and compare the work order; correct the registers and bill the
    difference.
  zh: 在库房复核拆回表示数并核对工单，更正存度、起度，退补差额电量。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: month
proof: none
flags: >-
  a remove or replace event in P whose old_value is below the newest active_total current_value read before
  it; or a replace event in P and the first active_total current_value read after it is below new_value less
  tolerance.
params:
  tolerance: {type: number, default: 0.5, minimum: 0, doc: 'Register units by which the first reading may lie below the start.'}
messages:
  en:
    - "The meter came back at {stored_register} after a reading of {last_reading_before}; the new one began at {first_register} and first read {first_reading_after} (tolerance {tolerance})."
    - "The meter came back at {stored_register}, below the reading of {last_reading_before} before."
  zh:
    - "拆回示数 {stored_register}，此前抄见 {last_reading_before}；新表起度 {first_register}，首次抄见 {first_reading_after}（允许偏差 {tolerance}）。"
    - "拆回示数 {stored_register}，低于此前抄见示数 {last_reading_before}。"
*/
WITH event AS (
  SELECT
    metering_event.event_id,
    metering_event.metering_point_id,
    metering_event.kind,
    metering_event.occurred_at,
    metering_event.old_value,
    metering_event.new_value
  FROM source.metering_event
  WHERE
    metering_event.kind IN ('remove', 'replace')
    AND metering_event.occurred_at >= $period_start_at
    AND metering_event.occurred_at < $period_end_at
    AND COALESCE(NULLIF(TRIM(metering_event.register), ''), 'active_total') = 'active_total'
),

reading AS (
  SELECT
    event.event_id,
    event.metering_point_id,
    MAX(CASE WHEN register_reading.read_at < event.occurred_at THEN register_reading.read_at END)
      AS before_at,
    MIN(CASE WHEN register_reading.read_at > event.occurred_at THEN register_reading.read_at END) AS after_at
  FROM event
  JOIN source.register_reading
    ON register_reading.metering_point_id = event.metering_point_id
    AND register_reading.register = 'active_total'
  GROUP BY event.event_id, event.metering_point_id
),

-- Point and moment together say which reading: by the moment alone, all read at it would be looked at.
value_before AS (
  SELECT
    reading.event_id,
    MAX(register_reading.current_value) AS current_value
  FROM reading
  JOIN source.register_reading
    ON register_reading.metering_point_id = reading.metering_point_id
    AND register_reading.register = 'active_total'
    AND register_reading.read_at = reading.before_at
  GROUP BY reading.event_id
),

value_after AS (
  SELECT
    reading.event_id,
    MIN(register_reading.current_value) AS current_value
  FROM reading
  JOIN source.register_reading
    ON register_reading.metering_point_id = reading.metering_point_id
    AND register_reading.register = 'active_total'
    AND register_reading.read_at = reading.after_at
  GROUP BY reading.event_id
),

judged AS (
  SELECT
    event.event_id,
    event.metering_point_id,
    event.kind,
    event.occurred_at,
    event.old_value,
    event.new_value,
    value_before.current_value AS last_before,
    value_after.current_value AS first_after,
    COALESCE(ROUND(event.old_value - value_before.current_value, 6) < 0, FALSE) AS is_below_before,
    COALESCE(
      event.kind = 'replace' AND ROUND(value_after.current_value - (event.new_value - $tolerance), 6) < 0,
      FALSE
    ) AS is_below_start
  FROM event
  LEFT JOIN value_before ON value_before.event_id = event.event_id
  LEFT JOIN value_after ON value_after.event_id = event.event_id
)

SELECT
  judged.metering_point_id AS subject_id,
  metering_point.account_id,
  judged.is_below_before OR judged.is_below_start AS flagged,
  judged.event_id,
  judged.kind AS event_kind,
  judged.occurred_at,
  judged.old_value AS stored_register,
  judged.last_before AS last_reading_before,
  judged.new_value AS first_register,
  judged.first_after AS first_reading_after,
  $tolerance AS tolerance
FROM judged
LEFT JOIN source.metering_point ON metering_point.metering_point_id = judged.metering_point_id
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY judged.metering_point_id
  ORDER BY judged.is_below_before OR judged.is_below_start DESC, judged.occurred_at, judged.event_id
) = 1
