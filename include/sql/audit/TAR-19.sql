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
  SELECT
    register_reading.metering_point_id,
    COUNT(*) AS estimated_periods
  FROM source.register_reading
  WHERE
    register_reading.register = 'active_total'
    AND register_reading.method = 'estimated'
    AND register_reading.period > ADD_MONTHS($period, -$min_periods)
    AND register_reading.period <= $period
  GROUP BY register_reading.metering_point_id
)

SELECT
  register_reading.metering_point_id AS subject_id,
  metering_point.account_id,
  COALESCE(estimated.estimated_periods, 0) >= $min_periods AS flagged,
  estimated.estimated_periods,
  $min_periods AS min_periods,
  $period AS last_period
FROM source.register_reading
JOIN source.metering_point ON metering_point.metering_point_id = register_reading.metering_point_id
LEFT JOIN estimated ON estimated.metering_point_id = register_reading.metering_point_id
WHERE register_reading.period = $period AND register_reading.register = 'active_total'
