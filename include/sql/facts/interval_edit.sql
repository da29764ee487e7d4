/*
grain: one row a metering point and interval that was flagged
key: [metering_point_id, start_s]
purpose: Estimation and editing. What is used instead of a flagged interval, by which method, and how far off it may be; the original stays beside it.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day.}
  interval_start: {type: timestamp, doc: Start of the interval.}
  start_s: {type: integer, doc: Start in seconds since 1970.}
  slot_s: {type: integer, doc: Seconds from the start of the day.}
  interval_minutes: {type: integer, doc: Its length.}
  flag: {type: string, doc: Why it was flagged (facts.interval_flag).}
  method: {type: string, doc: 'interpolated (a run of flagged intervals of short_hours or less, between two good ones), like_day (mean of the same time on like days), kept (no estimate; nothing is changed).'}
  original_kwh: {type: double, doc: As handed over.}
  original_quality: {type: string, doc: As handed over.}
  kwh: {type: double, doc: What is used; empty where there was nothing and nothing could be estimated.}
  like_days: {type: integer, doc: Like days the estimate rests on.}
  error_kwh: {type: double, doc: 'Half width of the band that held 90% of held-out intervals of the method, scaled to the point.'}
params:
  short_hours: {type: number, default: 2, minimum: 0, doc: Longest run that is interpolated.}
  like_window_days: {type: integer, default: 28, minimum: 7, doc: Days before and after in which like days are sought.}
  min_like_days: {type: integer, default: 2, minimum: 1, doc: Fewest like days an estimate rests on.}
*/
WITH step AS (
  SELECT f.metering_point_id,
         f.start_s,
         f.interval_minutes,
         CASE WHEN f.start_s = LAG(f.start_s + 60 * f.interval_minutes) OVER (PARTITION BY f.metering_point_id ORDER BY f.start_s)
              THEN 0 ELSE 1 END AS is_first
  FROM facts.interval_flag AS f
),
numbered AS (
  SELECT s.metering_point_id,
         s.start_s,
         s.interval_minutes,
         SUM(s.is_first) OVER (
           PARTITION BY s.metering_point_id ORDER BY s.start_s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
         ) AS run_no
  FROM step AS s
),
run AS (
  SELECT n.metering_point_id,
         n.run_no,
         MIN(n.start_s) AS from_s,
         MAX(n.start_s + 60 * n.interval_minutes) AS to_s,
         MIN(n.interval_minutes) AS interval_minutes
  FROM numbered AS n
  GROUP BY n.metering_point_id, n.run_no
),
short_run AS (
  SELECT r.metering_point_id, r.run_no, r.from_s, r.to_s, r.interval_minutes
  FROM run AS r
  WHERE r.to_s - r.from_s <= 3600 * $short_hours
),
-- A neighbour is the good interval that ends where the run begins, or begins where it ends.
neighbour AS (
  SELECT s.metering_point_id,
         s.run_no,
         MAX(CASE WHEN UNIX_SECONDS(r.interval_start) < s.from_s THEN RATIO(r.kwh, r.interval_minutes) END) AS before_kwh_per_minute,
         MAX(CASE WHEN UNIX_SECONDS(r.interval_start) = s.to_s THEN RATIO(r.kwh, r.interval_minutes) END) AS after_kwh_per_minute
  FROM short_run AS s
  JOIN source.interval_reading AS r
    ON r.metering_point_id = s.metering_point_id
   AND (r.day = CAST(TO_TIMESTAMP(s.from_s - 1) AS DATE) OR r.day = CAST(TO_TIMESTAMP(s.to_s) AS DATE))
  WHERE r.quality IN ('measured', 'estimated')
    AND r.kwh IS NOT NULL
    AND (UNIX_SECONDS(r.interval_start) = s.from_s - 60 * r.interval_minutes OR UNIX_SECONDS(r.interval_start) = s.to_s)
  GROUP BY s.metering_point_id, s.run_no
),
interpolated AS (
  SELECT n.metering_point_id,
         n.start_s,
         n.interval_minutes * (
           b.before_kwh_per_minute
           + RATIO((b.after_kwh_per_minute - b.before_kwh_per_minute)
             * (n.start_s + 30 * n.interval_minutes - (s.from_s - 30 * s.interval_minutes)), s.to_s - s.from_s + 60 * s.interval_minutes)
         ) AS kwh
  FROM numbered AS n
  JOIN short_run AS s ON s.metering_point_id = n.metering_point_id AND s.run_no = n.run_no
  JOIN neighbour AS b ON b.metering_point_id = n.metering_point_id AND b.run_no = n.run_no
  WHERE b.before_kwh_per_minute IS NOT NULL AND b.after_kwh_per_minute IS NOT NULL
),
sought AS (
  SELECT f.metering_point_id, f.start_s, f.day, f.slot_s, f.interval_minutes, f.is_working_day
  FROM facts.interval_flag AS f
  LEFT JOIN interpolated AS i ON i.metering_point_id = f.metering_point_id AND i.start_s = f.start_s
  WHERE i.metering_point_id IS NULL
),
like_day AS (
  SELECT q.metering_point_id, q.start_s, EXACT_AVG(r.kwh) AS kwh, COUNT(*) AS like_days
  FROM sought AS q
  JOIN source.interval_reading AS r
    ON r.metering_point_id = q.metering_point_id AND r.interval_minutes = q.interval_minutes
  JOIN core.day_clock AS c
    ON c.day = r.day AND c.is_working_day = q.is_working_day AND c.start_s + q.slot_s = UNIX_SECONDS(r.interval_start)
  LEFT JOIN facts.interval_flag AS f ON f.metering_point_id = r.metering_point_id AND f.start_s = UNIX_SECONDS(r.interval_start)
  WHERE r.quality IN ('measured', 'estimated')
    AND r.kwh IS NOT NULL
    AND f.metering_point_id IS NULL
    AND r.day <> q.day
    AND ABS(DATE_DIFF('day', q.day, r.day)) <= $like_window_days
  GROUP BY q.metering_point_id, q.start_s
  HAVING COUNT(*) >= $min_like_days
),
typical AS (
  SELECT d.metering_point_id, RATIO(EXACT_SUM(d.kwh), SUM(d.measured + d.estimated)) AS mean_kwh
  FROM facts.interval_daily AS d
  GROUP BY d.metering_point_id
),
edited AS (
  SELECT f.metering_point_id,
         f.day,
         f.start_s,
         f.slot_s,
         f.interval_minutes,
         f.flag,
         CASE WHEN i.kwh IS NOT NULL THEN 'interpolated' WHEN l.kwh IS NOT NULL THEN 'like_day' ELSE 'kept' END AS method,
         f.original_kwh,
         f.original_quality,
         COALESCE(i.kwh, l.kwh, f.original_kwh) AS kwh,
         CASE WHEN i.kwh IS NULL THEN l.like_days END AS like_days
  FROM facts.interval_flag AS f
  LEFT JOIN interpolated AS i ON i.metering_point_id = f.metering_point_id AND i.start_s = f.start_s
  LEFT JOIN like_day AS l ON l.metering_point_id = f.metering_point_id AND l.start_s = f.start_s
)
SELECT e.metering_point_id,
       e.day,
       TO_TIMESTAMP(e.start_s) AS interval_start,
       e.start_s,
       e.slot_s,
       e.interval_minutes,
       e.flag,
       e.method,
       e.original_kwh,
       e.original_quality,
       e.kwh,
       e.like_days,
       q.p90_share * ABS(t.mean_kwh) AS error_kwh
FROM edited AS e
LEFT JOIN typical AS t ON t.metering_point_id = e.metering_point_id
LEFT JOIN facts.interval_estimate_error AS q ON q.method = e.method
