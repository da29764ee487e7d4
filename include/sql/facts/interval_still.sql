/*
grain: one row a metering point whose kwh stood still above 0 in P for at least half a day
key: [metering_point_id]
purpose: The longest run of one and the same kwh. Only points with such a six-hour block are looked at interval by interval, since each run of 12 hours or more holds one.
columns:
  metering_point_id: {type: string, doc: The point.}
  still_hours: {type: double, doc: Hours of the longest run without a gap.}
  still_from: {type: timestamp, doc: When it begins.}
  still_kwh: {type: double, doc: The kwh that repeats.}
*/
WITH block AS (
  SELECT r.metering_point_id
  FROM source.interval_reading AS r
  JOIN core.day_clock AS c ON c.day = r.day
  WHERE r.day >= $period AND r.day <= $period_end AND r.kwh IS NOT NULL
  GROUP BY r.metering_point_id, r.day, (UNIX_SECONDS(r.interval_start) - c.start_s) // 21600
  HAVING MIN(r.kwh) = MAX(r.kwh) AND MIN(r.kwh) > 0
),
suspect AS (
  SELECT DISTINCT b.metering_point_id FROM block AS b
),
step AS (
  SELECT r.metering_point_id,
         r.interval_start,
         r.interval_minutes,
         r.kwh,
         LAG(r.kwh) OVER w AS last_kwh,
         UNIX_SECONDS(r.interval_start) - UNIX_SECONDS(LAG(r.interval_start) OVER w) AS seconds_since,
         LAG(r.interval_minutes) OVER w AS last_minutes
  FROM source.interval_reading AS r
  JOIN suspect AS s ON s.metering_point_id = r.metering_point_id
  WHERE r.day >= $period AND r.day <= $period_end AND r.kwh IS NOT NULL
  WINDOW w AS (PARTITION BY r.metering_point_id ORDER BY r.interval_start)
),
numbered AS (
  SELECT s.metering_point_id,
         s.interval_start,
         s.interval_minutes,
         s.kwh,
         SUM(CASE WHEN s.kwh = s.last_kwh AND s.seconds_since = 60 * s.last_minutes THEN 0 ELSE 1 END) OVER (
           PARTITION BY s.metering_point_id ORDER BY s.interval_start ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
         ) AS run_no
  FROM step AS s
),
run AS (
  SELECT n.metering_point_id,
         n.run_no,
         MIN(n.interval_start) AS still_from,
         MIN(n.kwh) AS still_kwh,
         CAST(SUM(n.interval_minutes) AS DOUBLE) / 60 AS still_hours
  FROM numbered AS n
  GROUP BY n.metering_point_id, n.run_no
  HAVING MIN(n.kwh) > 0 AND SUM(n.interval_minutes) >= 720
)
SELECT r.metering_point_id, r.still_hours, r.still_from, r.still_kwh
FROM run AS r
QUALIFY ROW_NUMBER() OVER (PARTITION BY r.metering_point_id ORDER BY r.still_hours DESC, r.still_from) = 1
