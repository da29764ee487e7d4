/*
grain: one row per metering point and interval that was flagged
key: [metering_point_id, start_s]
purpose: >-
  Estimation and editing. What is used instead of a flagged interval, by which method, and how far off it may be; the original
  stays beside it. Like days are those before a day, so that a day that is closed is edited the same for ever, and only late or
  changed intervals edit it again.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day.}
  interval_start: {type: timestamp, doc: Start of the interval.}
  start_s: {type: integer, doc: Start in seconds since 1970.}
  slot_s: {type: integer, doc: Seconds from the start of the day.}
  interval_minutes: {type: integer, doc: Its length.}
  flag: {type: string, doc: Why it was flagged (facts.interval_flag).}
  method: {type: string, doc: 'interpolated (a run of flagged intervals of short_hours or less, between two good ones), like_day (mean of the same time on like days before), kept (no estimate; nothing is changed).'}
  original_kwh: {type: double, doc: As handed over.}
  original_quality: {type: string, doc: As handed over.}
  kwh: {type: double, doc: What is used; empty where there was nothing and nothing could be estimated.}
  like_days: {type: integer, doc: Like days the estimate rests on.}
  error_kwh: {type: double, doc: 'Half width of the band that held 90% of held-out intervals of the method, scaled to the mean interval of the point on the day and the like_window_days before.'}
incremental:
  by: day
  reads:
    source.interval_reading: {back_days: like_window_days, back_hours: short_hours, ahead_hours: short_hours}
    facts.interval_flag: {by: day, rows: true, back_days: like_window_days, back_hours: short_hours, ahead_hours: short_hours}
    facts.interval_daily: {back_days: like_window_days}
params:
  short_hours: {type: number, default: 2, minimum: 0, doc: Longest run that is interpolated.}
  like_window_days: {type: integer, default: 28, minimum: 7, doc: Days before in which like days are sought.}
  min_like_days: {type: integer, default: 2, minimum: 1, doc: Fewest like days an estimate rests on.}
*/
WITH step AS (
  SELECT
    interval_flag.metering_point_id,
    interval_flag.day,
    interval_flag.start_s,
    interval_flag.interval_minutes,
    CASE
      WHEN
        interval_flag.start_s
        = LAG(interval_flag.start_s + 60 * interval_flag.interval_minutes)
          OVER (PARTITION BY interval_flag.metering_point_id ORDER BY interval_flag.start_s)
        THEN 0
      ELSE 1
    END AS is_first
  FROM facts.interval_flag
),

numbered AS (
  SELECT
    step.metering_point_id,
    step.day,
    step.start_s,
    step.interval_minutes,
    SUM(step.is_first) OVER (
      PARTITION BY step.metering_point_id
      ORDER BY step.start_s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS run_no
  FROM step
),

run AS (
  SELECT
    numbered.metering_point_id,
    numbered.run_no,
    MIN(numbered.start_s) AS from_s,
    MAX(numbered.start_s + 60 * numbered.interval_minutes) AS to_s,
    MIN(numbered.interval_minutes) AS interval_minutes
  FROM numbered
  GROUP BY numbered.metering_point_id, numbered.run_no
),

-- The flagged intervals of short runs: joined by their day, so that what is asked of some days is asked of
-- no others.
short_run AS (
  SELECT
    numbered.metering_point_id,
    numbered.day,
    numbered.start_s,
    numbered.interval_minutes,
    run.from_s,
    run.to_s,
    run.interval_minutes AS first_minutes
  FROM numbered
  JOIN run ON run.metering_point_id = numbered.metering_point_id AND run.run_no = numbered.run_no
  WHERE run.to_s - run.from_s <= 3600 * $short_hours
),

-- A neighbour is the good interval that ends where the run begins, or begins where it ends.
slot_before AS (
  SELECT
    short_run.metering_point_id,
    short_run.day,
    short_run.start_s,
    MAX(RATIO(interval_reading.kwh, interval_reading.interval_minutes)) AS kwh_per_minute
  FROM short_run
  JOIN source.interval_reading
    ON interval_reading.metering_point_id = short_run.metering_point_id
    AND interval_reading.day = CAST(TO_TIMESTAMP(short_run.from_s - 1) AS DATE)
  WHERE
    interval_reading.quality IN ('measured', 'estimated')
    AND interval_reading.kwh IS NOT NULL
    AND UNIX_SECONDS(interval_reading.interval_start)
    = short_run.from_s - 60 * interval_reading.interval_minutes
  GROUP BY short_run.metering_point_id, short_run.day, short_run.start_s
),

slot_after AS (
  SELECT
    short_run.metering_point_id,
    short_run.day,
    short_run.start_s,
    MAX(RATIO(interval_reading.kwh, interval_reading.interval_minutes)) AS kwh_per_minute
  FROM short_run
  JOIN source.interval_reading
    ON interval_reading.metering_point_id = short_run.metering_point_id
    AND interval_reading.day = CAST(TO_TIMESTAMP(short_run.to_s) AS DATE)
  WHERE
    interval_reading.quality IN ('measured', 'estimated')
    AND interval_reading.kwh IS NOT NULL
    AND UNIX_SECONDS(interval_reading.interval_start) = short_run.to_s
  GROUP BY short_run.metering_point_id, short_run.day, short_run.start_s
),

interpolated AS (
  SELECT
    short_run.metering_point_id,
    short_run.day,
    short_run.start_s,
    short_run.interval_minutes * (
      slot_before.kwh_per_minute
      + RATIO(
        (slot_after.kwh_per_minute - slot_before.kwh_per_minute)
        * (
          short_run.start_s
          + 30 * short_run.interval_minutes
          - (short_run.from_s - 30 * short_run.first_minutes)
        ),
        short_run.to_s - short_run.from_s + 60 * short_run.first_minutes
      )
    ) AS kwh
  FROM short_run
  JOIN slot_before
    ON slot_before.metering_point_id = short_run.metering_point_id
    AND slot_before.day = short_run.day
    AND slot_before.start_s = short_run.start_s
  JOIN slot_after
    ON slot_after.metering_point_id = short_run.metering_point_id
    AND slot_after.day = short_run.day
    AND slot_after.start_s = short_run.start_s
  WHERE slot_before.kwh_per_minute IS NOT NULL AND slot_after.kwh_per_minute IS NOT NULL
),

sought AS (
  SELECT
    interval_flag.metering_point_id,
    interval_flag.start_s,
    interval_flag.day,
    interval_flag.slot_s,
    interval_flag.interval_minutes,
    interval_flag.is_working_day
  FROM facts.interval_flag
  LEFT JOIN interpolated
    ON interpolated.metering_point_id = interval_flag.metering_point_id
    AND interpolated.day = interval_flag.day
    AND interpolated.start_s = interval_flag.start_s
  WHERE interpolated.metering_point_id IS NULL
),

like_day AS (
  SELECT
    sought.metering_point_id,
    sought.day,
    sought.start_s,
    EXACT_AVG(interval_reading.kwh) AS kwh,
    COUNT(*) AS like_days
  FROM sought
  JOIN source.interval_reading
    ON interval_reading.metering_point_id = sought.metering_point_id
    AND interval_reading.interval_minutes = sought.interval_minutes
  JOIN core.day_clock
    ON day_clock.day = interval_reading.day
    AND day_clock.is_working_day = sought.is_working_day
    AND day_clock.start_s + sought.slot_s = UNIX_SECONDS(interval_reading.interval_start)
  LEFT JOIN facts.interval_flag
    ON interval_flag.metering_point_id = interval_reading.metering_point_id
    AND interval_flag.start_s = UNIX_SECONDS(interval_reading.interval_start)
  WHERE
    interval_reading.quality IN ('measured', 'estimated')
    AND interval_reading.kwh IS NOT NULL
    AND interval_flag.metering_point_id IS NULL
    AND interval_reading.day < sought.day
    AND DATE_DIFF('day', interval_reading.day, sought.day) <= $like_window_days
  GROUP BY sought.metering_point_id, sought.day, sought.start_s
  HAVING COUNT(*) >= $min_like_days
),

flagged_day AS (
  SELECT DISTINCT
    interval_flag.metering_point_id,
    interval_flag.day
  FROM facts.interval_flag
),

typical AS (
  SELECT
    flagged_day.metering_point_id,
    flagged_day.day,
    RATIO(EXACT_SUM(interval_daily.kwh), SUM(interval_daily.measured + interval_daily.estimated)) AS mean_kwh
  FROM flagged_day
  JOIN facts.interval_daily
    ON interval_daily.metering_point_id = flagged_day.metering_point_id
    AND interval_daily.day <= flagged_day.day
    AND DATE_DIFF('day', interval_daily.day, flagged_day.day) <= $like_window_days
  GROUP BY flagged_day.metering_point_id, flagged_day.day
),

edited AS (
  SELECT
    interval_flag.metering_point_id,
    interval_flag.day,
    interval_flag.start_s,
    interval_flag.slot_s,
    interval_flag.interval_minutes,
    interval_flag.flag,
    CASE
      WHEN interpolated.kwh IS NOT NULL THEN 'interpolated' WHEN
        like_day.kwh IS NOT NULL
        THEN 'like_day'
      ELSE 'kept'
    END AS method,
    interval_flag.original_kwh,
    interval_flag.original_quality,
    COALESCE(interpolated.kwh, like_day.kwh, interval_flag.original_kwh) AS kwh,
    CASE WHEN interpolated.kwh IS NULL THEN like_day.like_days END AS like_days
  FROM facts.interval_flag
  LEFT JOIN interpolated
    ON interpolated.metering_point_id = interval_flag.metering_point_id
    AND interpolated.day = interval_flag.day
    AND interpolated.start_s = interval_flag.start_s
  LEFT JOIN like_day
    ON like_day.metering_point_id = interval_flag.metering_point_id
    AND like_day.day = interval_flag.day
    AND like_day.start_s = interval_flag.start_s
)

SELECT
  edited.metering_point_id,
  edited.day,
  TO_TIMESTAMP(edited.start_s) AS interval_start,
  edited.start_s,
  edited.slot_s,
  edited.interval_minutes,
  edited.flag,
  edited.method,
  edited.original_kwh,
  edited.original_quality,
  edited.kwh,
  edited.like_days,
  interval_estimate_error.p90_share * ABS(typical.mean_kwh) AS error_kwh
FROM edited
LEFT JOIN typical ON typical.metering_point_id = edited.metering_point_id AND typical.day = edited.day
LEFT JOIN facts.interval_estimate_error ON interval_estimate_error.method = edited.method
