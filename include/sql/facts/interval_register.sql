/*
grain: one row a metering point with an active_total reading of P and an interval between the readings
key: [metering_point_id]
purpose: Intervals and register over the same stretch of time. Whole days come from the daily roll-up, only the two days of the readings are cut interval by interval.
columns:
  metering_point_id: {type: string, doc: The point.}
  account_id: {type: string, doc: Its account.}
  from_at: {type: timestamp, doc: 'Reading of the month before, else the start of P.'}
  to_at: {type: timestamp, doc: 'Reading of P, else the end of P; excluded.'}
  expected: {type: integer, doc: Intervals that start in between.}
  measured: {type: integer, doc: Measured ones with a kwh among them.}
  interval_kwh: {type: double, doc: Their energy.}
  register_kwh: {type: double, doc: Energy by the register (facts.register_energy).}
  not_checked: {type: string, doc: 'Why the register energy is not recalculated (step 1 of the shadow bill).'}
*/
WITH account_reason AS (
  SELECT d.account_id, MIN(d.energy_not_checked) AS reason
  FROM facts.bill_determinant AS d
  WHERE d.period = $period
    AND d.energy_not_checked IN ('multiplier_changed', 'second_replace', 'register_without_event', 'capacity_change', 'change_tariff')
  GROUP BY d.account_id
),
stretch AS (
  SELECT e.metering_point_id,
         e.account_id,
         CASE WHEN e.previous_read_at IS NULL THEN $period_start_at ELSE e.previous_read_at END AS from_at,
         CASE WHEN e.previous_read_at IS NULL THEN $period_end_at ELSE e.read_at END AS to_at,
         e.kwh AS register_kwh,
         COALESCE(e.not_checked, a.reason) AS not_checked
  FROM facts.register_energy AS e
  LEFT JOIN account_reason AS a ON a.account_id = e.account_id
  WHERE e.period = $period AND e.register = 'active_total'
),
dated AS (
  SELECT s.metering_point_id, s.from_at, s.to_at, CAST(s.from_at AS DATE) AS first_on, CAST(s.to_at AS DATE) AS last_on
  FROM stretch AS s
  WHERE s.from_at < s.to_at
),
edge AS (
  SELECT d.metering_point_id, d.from_at, d.to_at, d.first_on AS day FROM dated AS d
  UNION
  SELECT d.metering_point_id, d.from_at, d.to_at, d.last_on AS day FROM dated AS d
),
part AS (
  SELECT i.metering_point_id, i.intervals, i.minutes, i.measured, i.measured_kwh
  FROM facts.interval_daily AS i
  JOIN dated AS d ON d.metering_point_id = i.metering_point_id AND i.day > d.first_on AND i.day < d.last_on
  UNION ALL
  SELECT r.metering_point_id,
         COUNT(*) AS intervals,
         INTEGER_SUM(r.interval_minutes) AS minutes,
         COUNT(r.kwh) FILTER (WHERE r.quality = 'measured') AS measured,
         EXACT_SUM(r.kwh) FILTER (WHERE r.quality = 'measured') AS measured_kwh
  FROM source.interval_reading AS r
  JOIN edge AS e ON e.metering_point_id = r.metering_point_id AND e.day = r.day
  WHERE r.interval_start >= e.from_at AND r.interval_start < e.to_at
  GROUP BY r.metering_point_id
),
summed AS (
  SELECT p.metering_point_id,
         RATIO(60 * CAST(SUM(p.minutes) AS DOUBLE), SUM(p.intervals)) AS mean_seconds,
         INTEGER_SUM(p.measured) AS measured,
         EXACT_SUM(p.measured_kwh) AS interval_kwh
  FROM part AS p
  GROUP BY p.metering_point_id
)
SELECT s.metering_point_id,
       s.account_id,
       s.from_at,
       s.to_at,
       CAST(CEIL(ROUND(RATIO(UNIX_SECONDS(s.to_at) - UNIX_SECONDS(CAST(CAST(s.from_at AS DATE) AS TIMESTAMPTZ)), u.mean_seconds), 6))
            - CEIL(ROUND(RATIO(UNIX_SECONDS(s.from_at) - UNIX_SECONDS(CAST(CAST(s.from_at AS DATE) AS TIMESTAMPTZ)), u.mean_seconds), 6)) AS BIGINT) AS expected,
       u.measured,
       u.interval_kwh,
       s.register_kwh,
       s.not_checked
FROM stretch AS s
JOIN summed AS u ON u.metering_point_id = s.metering_point_id
