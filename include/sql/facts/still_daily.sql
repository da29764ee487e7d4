/*
grain: one row per metering point and stretch of one and the same kwh above 0 within a local day
key: [metering_point_id, start_s]
purpose: >-
  What runs of a kwh that stands still are put together from, over midnight too. Only points and days with a six-hour
  block of it and the days beside are looked at interval by interval, since each run of 12 hours or more holds such a block.
  Of these, the first and the last stretch of the day are kept, and those of 12 hours or more.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day on which its intervals start.}
  start_s: {type: integer, doc: Start of its first interval in seconds since 1970.}
  end_s: {type: integer, doc: 'End of its last interval, excluded.'}
  minutes: {type: integer, doc: 'Length without a gap, which ends a stretch.'}
  kwh: {type: double, doc: The kwh that repeats.}
incremental: {by: day, reads: {source.interval_reading: {back_days: 1, ahead_days: 1}}}
*/
WITH block AS (
  SELECT DISTINCT
    blocks.metering_point_id,
    blocks.day
  FROM (
    SELECT
      interval_reading.metering_point_id,
      interval_reading.day
    FROM source.interval_reading
    JOIN core.day_clock ON day_clock.day = interval_reading.day
    WHERE interval_reading.kwh IS NOT NULL
    GROUP BY
      interval_reading.metering_point_id,
      interval_reading.day,
      (UNIX_SECONDS(interval_reading.interval_start) - day_clock.start_s) // 21600
    HAVING MIN(interval_reading.kwh) = MAX(interval_reading.kwh) AND MIN(interval_reading.kwh) > 0
  ) AS blocks
),

near AS (
  SELECT
    block.metering_point_id,
    block.day
  FROM block
  UNION
  SELECT
    block.metering_point_id,
    CAST(block.day - INTERVAL 1 DAY AS DATE) AS day
  FROM block
  UNION
  SELECT
    block.metering_point_id,
    CAST(block.day + INTERVAL 1 DAY AS DATE) AS day
  FROM block
),

step AS (
  SELECT
    interval_reading.metering_point_id,
    interval_reading.day,
    UNIX_SECONDS(interval_reading.interval_start) AS start_s,
    interval_reading.interval_minutes,
    interval_reading.kwh,
    LAG(interval_reading.kwh) OVER w AS last_kwh,
    UNIX_SECONDS(interval_reading.interval_start)
    - UNIX_SECONDS(LAG(interval_reading.interval_start) OVER w) AS seconds_since,
    LAG(interval_reading.interval_minutes) OVER w AS last_minutes
  FROM source.interval_reading
  JOIN near
    ON near.metering_point_id = interval_reading.metering_point_id AND near.day = interval_reading.day
  WHERE interval_reading.kwh IS NOT NULL
  WINDOW
    w AS (
      PARTITION BY interval_reading.metering_point_id, interval_reading.day
      ORDER BY interval_reading.interval_start
    )
),

numbered AS (
  SELECT
    step.metering_point_id,
    step.day,
    step.start_s,
    step.interval_minutes,
    step.kwh,
    SUM(CASE WHEN step.kwh = step.last_kwh AND step.seconds_since = 60 * step.last_minutes THEN 0 ELSE 1 END)
      OVER (
        PARTITION BY step.metering_point_id, step.day
        ORDER BY step.start_s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS stretch_no
  FROM step
),

stretch AS (
  SELECT
    numbered.metering_point_id,
    numbered.day,
    numbered.stretch_no,
    MAX(numbered.stretch_no) OVER (PARTITION BY numbered.metering_point_id, numbered.day) AS last_no,
    MIN(numbered.start_s) AS start_s,
    MAX(numbered.start_s + 60 * numbered.interval_minutes) AS end_s,
    INTEGER_SUM(numbered.interval_minutes) AS minutes,
    MIN(numbered.kwh) AS kwh
  FROM numbered
  GROUP BY numbered.metering_point_id, numbered.day, numbered.stretch_no
)

SELECT
  stretch.metering_point_id,
  stretch.day,
  stretch.start_s,
  stretch.end_s,
  stretch.minutes,
  stretch.kwh
FROM stretch
WHERE
  stretch.kwh > 0
  AND (stretch.minutes >= 720 OR stretch.stretch_no = 1 OR stretch.stretch_no = stretch.last_no)
