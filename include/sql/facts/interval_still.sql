/*
grain: one row per metering point whose kwh stood still above 0 in P for at least half a day
key: [metering_point_id]
purpose: The longest run of one and the same kwh. Only points with such a six-hour block are looked at interval by interval, since each run of 12 hours or more holds one.
columns:
  metering_point_id: {type: string, doc: The point.}
  still_hours: {type: double, doc: Hours of the longest run without a gap.}
  still_from: {type: timestamp, doc: When it begins.}
  still_kwh: {type: double, doc: The kwh that repeats.}
*/
WITH block AS (
  SELECT interval_reading.metering_point_id
  FROM source.interval_reading
  JOIN core.day_clock ON day_clock.day = interval_reading.day
  WHERE
    interval_reading.day >= $period
    AND interval_reading.day <= $period_end
    AND interval_reading.kwh IS NOT NULL
  GROUP BY
    interval_reading.metering_point_id,
    interval_reading.day,
    (UNIX_SECONDS(interval_reading.interval_start) - day_clock.start_s) // 21600
  HAVING MIN(interval_reading.kwh) = MAX(interval_reading.kwh) AND MIN(interval_reading.kwh) > 0
),

suspect AS (
  SELECT DISTINCT block.metering_point_id FROM block
),

step AS (
  SELECT
    interval_reading.metering_point_id,
    interval_reading.interval_start,
    interval_reading.interval_minutes,
    interval_reading.kwh,
    LAG(interval_reading.kwh) OVER w AS last_kwh,
    UNIX_SECONDS(interval_reading.interval_start)
    - UNIX_SECONDS(LAG(interval_reading.interval_start) OVER w) AS seconds_since,
    LAG(interval_reading.interval_minutes) OVER w AS last_minutes
  FROM source.interval_reading
  JOIN suspect ON suspect.metering_point_id = interval_reading.metering_point_id
  WHERE
    interval_reading.day >= $period
    AND interval_reading.day <= $period_end
    AND interval_reading.kwh IS NOT NULL
  WINDOW w AS (PARTITION BY interval_reading.metering_point_id ORDER BY interval_reading.interval_start)
),

numbered AS (
  SELECT
    step.metering_point_id,
    step.interval_start,
    step.interval_minutes,
    step.kwh,
    SUM(CASE WHEN step.kwh = step.last_kwh AND step.seconds_since = 60 * step.last_minutes THEN 0 ELSE 1 END)
      OVER (
        PARTITION BY step.metering_point_id
        ORDER BY step.interval_start ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS run_no
  FROM step
),

run AS (
  SELECT
    numbered.metering_point_id,
    numbered.run_no,
    MIN(numbered.interval_start) AS still_from,
    MIN(numbered.kwh) AS still_kwh,
    CAST(SUM(numbered.interval_minutes) AS DOUBLE) / 60 AS still_hours
  FROM numbered
  GROUP BY numbered.metering_point_id, numbered.run_no
  HAVING MIN(numbered.kwh) > 0 AND SUM(numbered.interval_minutes) >= 720
)

SELECT
  run.metering_point_id,
  run.still_hours,
  run.still_from,
  run.still_kwh
FROM run
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY run.metering_point_id ORDER BY run.still_hours DESC, run.still_from) = 1
