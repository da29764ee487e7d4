/*
grain: one row per account suspended on a day of P
key: [account_id]
purpose: What was measured while an account was suspended.
columns:
  account_id: {type: string, doc: The supply account.}
  is_wholly: {type: boolean, doc: Suspended on every day of P.}
  measured_intervals: {type: integer, doc: Measured intervals of P at its main points.}
  suspended_days: {type: integer, doc: 'Suspended days of P that are neither the first nor the last of a suspension, on which something was measured.'}
  first_suspended_on: {type: date, doc: The first of these days.}
  last_suspended_on: {type: date, doc: The last of these days.}
  interval_kwh: {type: double, doc: Energy of the measured intervals of these days; empty where there are none.}
*/
WITH stopped AS (
  SELECT
    suspension_day.account_id,
    suspension_day.day,
    LAG(suspension_day.day) OVER (PARTITION BY suspension_day.account_id ORDER BY suspension_day.day)
      AS before_on,
    LEAD(suspension_day.day)
      OVER (PARTITION BY suspension_day.account_id ORDER BY suspension_day.day)
      AS after_on
  FROM facts.suspension_day
  WHERE
    suspension_day.is_suspended
    AND suspension_day.day >= $period - INTERVAL 1 DAY
    AND suspension_day.day <= $period_next
),

-- Switching off and on again takes place in the course of the first and the last day.
edge AS (
  SELECT
    stopped.account_id,
    stopped.day
  FROM stopped
  WHERE
    stopped.before_on IS NULL
    OR stopped.after_on IS NULL
    OR stopped.before_on < CAST(stopped.day - INTERVAL 1 DAY AS DATE)
    OR stopped.after_on > CAST(stopped.day + INTERVAL 1 DAY AS DATE)
),

suspended AS (
  SELECT
    stopped.account_id,
    stopped.day
  FROM stopped
  WHERE stopped.day >= $period AND stopped.day <= $period_end
  UNION
  -- Nothing runs, so it is suspended on every day.
  SELECT
    account.account_id,
    calendar.day
  FROM source.account
  CROSS JOIN core.calendar
  WHERE account.running_kva = 0 AND calendar.day >= $period AND calendar.day <= $period_end
),

inside AS (
  SELECT
    suspended.account_id,
    suspended.day
  FROM suspended
  LEFT JOIN edge ON edge.account_id = suspended.account_id AND edge.day = suspended.day
  WHERE edge.account_id IS NULL
),

measured AS (
  SELECT
    suspension_period.account_id,
    INTEGER_SUM(interval_daily.measured) AS measured_intervals,
    COUNT(DISTINCT CASE WHEN interval_daily.measured > 0 THEN inside.day END) AS suspended_days,
    MIN(CASE WHEN interval_daily.measured > 0 THEN inside.day END) AS first_suspended_on,
    MAX(CASE WHEN interval_daily.measured > 0 THEN inside.day END) AS last_suspended_on,
    EXACT_SUM(CASE WHEN inside.day IS NOT NULL THEN interval_daily.measured_kwh END) AS interval_kwh
  FROM facts.suspension_period
  JOIN source.metering_point
    ON metering_point.account_id = suspension_period.account_id AND metering_point.role = 'main'
  JOIN facts.interval_daily ON interval_daily.metering_point_id = metering_point.metering_point_id
  LEFT JOIN inside ON inside.account_id = suspension_period.account_id AND inside.day = interval_daily.day
  WHERE
    suspension_period.period = $period
    AND interval_daily.day >= $period
    AND interval_daily.day <= $period_end
  GROUP BY suspension_period.account_id
)

SELECT
  suspension_period.account_id,
  suspension_period.is_wholly,
  COALESCE(measured.measured_intervals, 0) AS measured_intervals,
  COALESCE(measured.suspended_days, 0) AS suspended_days,
  measured.first_suspended_on,
  measured.last_suspended_on,
  measured.interval_kwh
FROM facts.suspension_period
LEFT JOIN measured ON measured.account_id = suspension_period.account_id
WHERE suspension_period.period = $period
