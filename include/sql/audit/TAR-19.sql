/*
title: Estimated for long
zh: 长期估抄
flags_zh: 截至审核月，最近 min_periods 期有功总均为估抄。
what_to_do:
  en: Read the meter on site and bill what the estimates left out; mend the remote reading.
  zh: 现场实抄并按实抄示数退补，修复远程采集。
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
judges: month
proof: next
flags: active_total read by estimated in each of the last min_periods periods up to P.
params:
  min_periods: {type: integer, default: 3, minimum: 1, doc: Months on end.}
messages:
  en: "The point was estimated for {estimated_periods} months on end; fewer than {min_periods} are allowed."
  zh: "该计量点已连续 {estimated_periods} 期估抄，应少于 {min_periods} 期。"
*/
WITH cycle_point AS (
  SELECT DISTINCT cycle_reading.metering_point_id FROM facts.cycle_reading
),

estimated AS (
  SELECT
    register_reading.metering_point_id,
    COUNT(*) AS estimated_periods
  FROM source.register_reading
  LEFT JOIN cycle_point ON cycle_point.metering_point_id = register_reading.metering_point_id
  LEFT JOIN facts.cycle_reading
    ON cycle_reading.metering_point_id = register_reading.metering_point_id
    AND cycle_reading.period = register_reading.period
  WHERE
    register_reading.register = 'active_total'
    AND register_reading.method = 'estimated'
    AND register_reading.period <= $period
    AND (
      (
        cycle_point.metering_point_id IS NULL
        AND register_reading.period > ADD_MONTHS($period, -$min_periods)
      )
      OR cycle_reading.read_no < $min_periods
    )
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
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = metering_point.account_id
WHERE
  register_reading.period = $period
  AND register_reading.register = 'active_total'
  AND COALESCE(billing_cycle.is_due, TRUE)
