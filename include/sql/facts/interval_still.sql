/*
grain: one row per metering point whose kwh stood still above 0 in P for at least half a day
key: [metering_point_id]
purpose: The longest run of one and the same kwh in P, put together from the stretches of its days (facts.still_daily).
columns:
  metering_point_id: {type: string, doc: The point.}
  still_hours: {type: double, doc: Hours of the longest run without a gap.}
  still_from: {type: timestamp, doc: When it begins.}
  still_kwh: {type: double, doc: The kwh that repeats.}
incremental: {by: whole, reads: {facts.still_daily: {from: period, to: period_end}}}
*/
WITH step AS (
  SELECT
    still_daily.metering_point_id,
    still_daily.start_s,
    still_daily.minutes,
    still_daily.kwh,
    LAG(still_daily.kwh) OVER w AS last_kwh,
    LAG(still_daily.end_s) OVER w AS last_end_s
  FROM facts.still_daily
  WHERE still_daily.day >= $period AND still_daily.day <= $period_end
  WINDOW w AS (PARTITION BY still_daily.metering_point_id ORDER BY still_daily.start_s)
),

numbered AS (
  SELECT
    step.metering_point_id,
    step.start_s,
    step.minutes,
    step.kwh,
    SUM(CASE WHEN step.kwh = step.last_kwh AND step.start_s = step.last_end_s THEN 0 ELSE 1 END) OVER (
      PARTITION BY step.metering_point_id
      ORDER BY step.start_s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS run_no
  FROM step
),

run AS (
  SELECT
    numbered.metering_point_id,
    numbered.run_no,
    MIN(numbered.start_s) AS start_s,
    MIN(numbered.kwh) AS still_kwh,
    CAST(SUM(numbered.minutes) AS DOUBLE) / 60 AS still_hours
  FROM numbered
  GROUP BY numbered.metering_point_id, numbered.run_no
  HAVING SUM(numbered.minutes) >= 720
)

SELECT
  run.metering_point_id,
  run.still_hours,
  TO_TIMESTAMP(run.start_s) AS still_from,
  run.still_kwh
FROM run
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY run.metering_point_id ORDER BY run.still_hours DESC, run.start_s) = 1
