/*
title: 'Removed meter''s register breaks the series'
zh: 拆回表计存度不连续
kind: exception
modes: [nightly]
subject: metering_point
severity: high
flags: >-
  a remove or replace event in P whose old_value is below the newest active_total current_value read before
  it; or a replace event in P and the first active_total current_value read after it is below new_value less
  tolerance.
params:
  tolerance: {type: number, default: 0.5, minimum: 0, doc: 'Register units by which the first reading may lie below the start.'}
messages:
  en: >-
    Removed with {stored_register} after a reading of {last_reading_before}; started at {first_register},
    first read {first_reading_after}.
  zh: >-
    拆回存度 {stored_register}，此前示数 {last_reading_before}；新表起度 {first_register}，首次示数 {first_reading_after}。
*/
WITH event AS (
  SELECT e.event_id, e.metering_point_id, e.kind, e.occurred_at, e.old_value, e.new_value
  FROM source.metering_event AS e
  WHERE e.kind IN ('remove', 'replace')
    AND e.occurred_at >= $period_start_at
    AND e.occurred_at < $period_end_at
    AND COALESCE(NULLIF(TRIM(e.register), ''), 'active_total') = 'active_total'
),
reading AS (
  SELECT e.event_id,
         MAX(CASE WHEN r.read_at < e.occurred_at THEN r.read_at END) AS before_at,
         MIN(CASE WHEN r.read_at > e.occurred_at THEN r.read_at END) AS after_at
  FROM event AS e
  JOIN source.register_reading AS r
    ON r.metering_point_id = e.metering_point_id AND r.register = 'active_total'
  GROUP BY e.event_id
),
value_before AS (
  SELECT g.event_id, MAX(r.current_value) AS current_value
  FROM reading AS g
  JOIN event AS e ON e.event_id = g.event_id
  JOIN source.register_reading AS r
    ON r.metering_point_id = e.metering_point_id AND r.register = 'active_total' AND r.read_at = g.before_at
  GROUP BY g.event_id
),
value_after AS (
  SELECT g.event_id, MIN(r.current_value) AS current_value
  FROM reading AS g
  JOIN event AS e ON e.event_id = g.event_id
  JOIN source.register_reading AS r
    ON r.metering_point_id = e.metering_point_id AND r.register = 'active_total' AND r.read_at = g.after_at
  GROUP BY g.event_id
),
judged AS (
  SELECT e.event_id,
         e.metering_point_id,
         e.kind,
         e.occurred_at,
         e.old_value,
         e.new_value,
         b.current_value AS last_before,
         n.current_value AS first_after,
         COALESCE(ROUND(e.old_value - b.current_value, 6) < 0, FALSE) AS is_below_before,
         COALESCE(e.kind = 'replace' AND ROUND(n.current_value - (e.new_value - $tolerance), 6) < 0, FALSE) AS is_below_start
  FROM event AS e
  LEFT JOIN value_before AS b ON b.event_id = e.event_id
  LEFT JOIN value_after AS n ON n.event_id = e.event_id
)
SELECT j.metering_point_id AS subject_id,
       p.account_id,
       j.is_below_before OR j.is_below_start AS flagged,
       j.event_id,
       j.kind AS event_kind,
       j.occurred_at,
       j.old_value AS stored_register,
       j.last_before AS last_reading_before,
       j.new_value AS first_register,
       j.first_after AS first_reading_after,
       $tolerance AS tolerance
FROM judged AS j
LEFT JOIN source.metering_point AS p ON p.metering_point_id = j.metering_point_id
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY j.metering_point_id ORDER BY j.is_below_before OR j.is_below_start DESC, j.occurred_at, j.event_id
) = 1
