/*
grain: one row an estimation method
key: [method]
purpose: How far estimates lie from what was really measured. Measured intervals of a fixed sample of points and days are estimated as if they were gone, and compared.
columns:
  method: {type: string, doc: interpolated or like_day.}
  held_out: {type: integer, doc: Intervals compared.}
  bias_share: {type: double, doc: 'Mean of estimate less measured, over the mean interval of the point.'}
  mae_share: {type: double, doc: 'Mean absolute difference, likewise.'}
  p90_share: {type: double, doc: 'Absolute difference that nine of ten stay within, likewise.'}
params:
  gap_hours: {type: number, default: 2, minimum: 0.25, doc: 'Length of the gap whose middle is interpolated, the worst case of a short gap.'}
  like_window_days: {type: integer, default: 28, minimum: 7, doc: As in facts.interval_edit.}
*/
WITH typical AS (
  SELECT d.metering_point_id, RATIO(EXACT_SUM(d.measured_kwh), SUM(d.measured)) AS mean_kwh
  FROM facts.interval_daily AS d
  WHERE SUBSTR(MD5(d.metering_point_id), 1, 1) = '0'
  GROUP BY d.metering_point_id
),
-- One point in sixteen and one of its days in eight, chosen by a hash, so that every run holds out the same.
sampled AS (
  SELECT r.metering_point_id,
         r.day,
         UNIX_SECONDS(r.interval_start) AS start_s,
         UNIX_SECONDS(r.interval_start) - c.start_s AS slot_s,
         r.interval_minutes,
         r.kwh,
         c.is_working_day,
         SUBSTR(MD5(CONCAT(r.metering_point_id, CAST(r.day AS VARCHAR))), 1, 1) IN ('0', '1') AS is_held_out,
         t.mean_kwh
  FROM source.interval_reading AS r
  JOIN typical AS t ON t.metering_point_id = r.metering_point_id
  JOIN core.day_clock AS c ON c.day = r.day
  WHERE r.quality = 'measured' AND r.kwh IS NOT NULL AND t.mean_kwh > 0
    AND r.day > CAST($as_of - INTERVAL 62 DAY AS DATE)
),
held AS (
  SELECT s.metering_point_id, s.day, s.start_s, s.slot_s, s.interval_minutes, s.kwh, s.is_working_day, s.mean_kwh
  FROM sampled AS s
  WHERE s.is_held_out
),
difference AS (
  SELECT 'interpolated' AS method, (b.kwh + a.kwh) / 2 - h.kwh AS off_kwh, h.mean_kwh
  FROM held AS h
  JOIN sampled AS b
    ON b.metering_point_id = h.metering_point_id AND b.interval_minutes = h.interval_minutes
   AND b.start_s = h.start_s - CAST(1800 * $gap_hours AS BIGINT)
  JOIN sampled AS a
    ON a.metering_point_id = h.metering_point_id AND a.interval_minutes = h.interval_minutes
   AND a.start_s = h.start_s + CAST(1800 * $gap_hours AS BIGINT)
  UNION ALL
  SELECT 'like_day' AS method, EXACT_AVG(s.kwh) - MIN(h.kwh) AS off_kwh, MIN(h.mean_kwh) AS mean_kwh
  FROM held AS h
  JOIN sampled AS s
    ON s.metering_point_id = h.metering_point_id AND s.slot_s = h.slot_s AND s.is_working_day = h.is_working_day
   AND s.interval_minutes = h.interval_minutes
  WHERE s.day <> h.day AND ABS(DATE_DIFF('day', h.day, s.day)) <= $like_window_days
  GROUP BY h.metering_point_id, h.start_s
  HAVING COUNT(*) >= 2
),
ranked AS (
  SELECT d.method, RATIO(d.off_kwh, d.mean_kwh) AS off_share,
         CUME_DIST() OVER (PARTITION BY d.method ORDER BY ABS(RATIO(d.off_kwh, d.mean_kwh))) AS rank_share
  FROM difference AS d
)
SELECT r.method,
       COUNT(*) AS held_out,
       EXACT_AVG(r.off_share) AS bias_share,
       EXACT_AVG(ABS(r.off_share)) AS mae_share,
       ROUND(MIN(CASE WHEN ROUND(r.rank_share, 9) >= 0.9 THEN ABS(r.off_share) END), 6) AS p90_share
FROM ranked AS r
GROUP BY r.method
