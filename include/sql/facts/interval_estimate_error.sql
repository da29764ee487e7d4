/*
grain: one row per estimation method
key: [method]
purpose: How far estimates lie from what was really measured. Measured intervals of P, of a fixed sample of points and days, are estimated as if they were gone, and compared.
columns:
  method: {type: string, doc: interpolated or like_day.}
  held_out: {type: integer, doc: Intervals compared.}
  bias_share: {type: double, doc: 'Mean of estimate less measured, over the mean interval of the point.'}
  mae_share: {type: double, doc: 'Mean absolute difference, likewise.'}
  p90_share: {type: double, doc: 'Absolute difference that nine of ten stay within, likewise.'}
params:
  gap_hours: {type: number, default: 2, minimum: 0.25, doc: 'Length of the gap whose middle is interpolated, the worst case of a short gap.'}
  like_window_days: {type: integer, default: 28, minimum: 7, doc: As in facts.interval_edit.}
incremental:
  by: whole
  reads:
    source.interval_reading: {from: period, to: period_end}
    facts.interval_daily: {from: period, to: period_end}
*/
WITH typical AS (
  SELECT
    interval_daily.metering_point_id,
    RATIO(EXACT_SUM(interval_daily.measured_kwh), SUM(interval_daily.measured)) AS mean_kwh
  FROM facts.interval_daily
  WHERE
    SUBSTR(MD5(interval_daily.metering_point_id), 1, 1) = '0'
    AND interval_daily.day >= $period
    AND interval_daily.day <= $period_end
  GROUP BY interval_daily.metering_point_id
),

-- One point in sixteen and one of its days in eight, chosen by a hash, so that every run holds out the same.
sampled AS (
  SELECT
    interval_reading.metering_point_id,
    interval_reading.day,
    UNIX_SECONDS(interval_reading.interval_start) AS start_s,
    UNIX_SECONDS(interval_reading.interval_start) - day_clock.start_s AS slot_s,
    interval_reading.interval_minutes,
    interval_reading.kwh,
    day_clock.is_working_day,
    SUBSTR(MD5(CONCAT(interval_reading.metering_point_id, CAST(interval_reading.day AS VARCHAR))), 1, 1) IN (
      '0', '1'
    ) AS is_held_out,
    typical.mean_kwh
  FROM source.interval_reading
  JOIN typical ON typical.metering_point_id = interval_reading.metering_point_id
  JOIN core.day_clock ON day_clock.day = interval_reading.day
  WHERE
    interval_reading.quality = 'measured' AND interval_reading.kwh IS NOT NULL AND typical.mean_kwh > 0
    AND interval_reading.day >= $period AND interval_reading.day <= $period_end
),

held AS (
  SELECT
    sampled.metering_point_id,
    sampled.day,
    sampled.start_s,
    sampled.slot_s,
    sampled.interval_minutes,
    sampled.kwh,
    sampled.is_working_day,
    sampled.mean_kwh
  FROM sampled
  WHERE sampled.is_held_out
),

difference AS (
  SELECT
    'interpolated' AS method,
    (slot_before.kwh + slot_after.kwh) / 2 - held.kwh AS off_kwh,
    held.mean_kwh
  FROM held
  JOIN sampled AS slot_before
    ON slot_before.metering_point_id = held.metering_point_id
    AND slot_before.interval_minutes = held.interval_minutes
    AND slot_before.start_s = held.start_s - CAST(1800 * $gap_hours AS BIGINT)
  JOIN sampled AS slot_after
    ON slot_after.metering_point_id = held.metering_point_id
    AND slot_after.interval_minutes = held.interval_minutes
    AND slot_after.start_s = held.start_s + CAST(1800 * $gap_hours AS BIGINT)
  UNION ALL
  SELECT
    'like_day' AS method,
    EXACT_AVG(sampled.kwh) - MIN(held.kwh) AS off_kwh,
    MIN(held.mean_kwh) AS mean_kwh
  FROM held
  JOIN sampled
    ON sampled.metering_point_id = held.metering_point_id
    AND sampled.slot_s = held.slot_s
    AND sampled.is_working_day = held.is_working_day
    AND sampled.interval_minutes = held.interval_minutes
  WHERE sampled.day < held.day AND DATE_DIFF('day', sampled.day, held.day) <= $like_window_days
  GROUP BY held.metering_point_id, held.start_s
  HAVING COUNT(*) >= 2
),

ranked AS (
  SELECT
    difference.method,
    RATIO(difference.off_kwh, difference.mean_kwh) AS off_share,
    CUME_DIST()
      OVER (PARTITION BY difference.method ORDER BY ABS(RATIO(difference.off_kwh, difference.mean_kwh)))
      AS rank_share
  FROM difference
)

SELECT
  ranked.method,
  COUNT(*) AS held_out,
  EXACT_AVG(ranked.off_share) AS bias_share,
  EXACT_AVG(ABS(ranked.off_share)) AS mae_share,
  ROUND(MIN(CASE WHEN ROUND(ranked.rank_share, 9) >= 0.9 THEN ABS(ranked.off_share) END), 6) AS p90_share
FROM ranked
GROUP BY ranked.method
