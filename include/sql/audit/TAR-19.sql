/*
title: Estimated for long
zh: 长期估抄
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
flags: active_total read by estimated in each of the last min_periods periods up to P.
params:
  min_periods: {type: integer, default: 3, minimum: 1, doc: Months on end.}
messages:
  en: "The point was estimated for {estimated_periods} months on end."
  zh: "该计量点已连续 {estimated_periods} 个月估抄。"
*/
WITH estimated AS (
  SELECT r.metering_point_id, COUNT(*) AS estimated_periods
  FROM source.register_reading AS r
  WHERE r.register = 'active_total'
    AND r.method = 'estimated'
    AND r.period > ADD_MONTHS($period, -$min_periods)
    AND r.period <= $period
  GROUP BY r.metering_point_id
)
SELECT r.metering_point_id AS subject_id,
       p.account_id,
       COALESCE(e.estimated_periods, 0) >= $min_periods AS flagged,
       e.estimated_periods,
       $min_periods AS min_periods,
       $period AS last_period
FROM source.register_reading AS r
JOIN source.metering_point AS p ON p.metering_point_id = r.metering_point_id
LEFT JOIN estimated AS e ON e.metering_point_id = r.metering_point_id
WHERE r.period = $period AND r.register = 'active_total'
