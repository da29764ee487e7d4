/*
grain: one row a metering point and calendar month, from the first month with an interval of it to the last month with intervals of anybody
key: [metering_point_id, period]
purpose: How much of a month the intervals cover and what they add up to, also for a point that fell silent.
columns:
  metering_point_id: {type: string, doc: The point.}
  period: {type: date, doc: First day of the month.}
  intervals: {type: integer, doc: 'Rows of the month, of any quality.'}
  expected: {type: integer, doc: 'Intervals the month should have, from installed_on and to as_of; by the lengths of the month, else of the last one before.'}
  present: {type: integer, doc: Measured or estimated ones with a kwh, from installed_on.}
  mean_minutes: {type: double, doc: Mean length of an interval.}
  kwh: {type: double, doc: Energy of the measured and estimated ones.}
  measured_kwh: {type: double, doc: Energy of the measured ones.}
  highest_kw: {type: double, doc: 'Highest mean power of an interval with a kwh, of whatever quality.'}
  lowest_kwh: {type: double, doc: 'Lowest kwh, of whatever quality.'}
*/
WITH rolled AS (
  SELECT d.metering_point_id,
         MONTH_OF(d.day) AS period,
         INTEGER_SUM(d.intervals) AS intervals,
         RATIO(SUM(d.minutes), SUM(d.intervals)) AS mean_minutes,
         INTEGER_SUM(d.measured + d.estimated) FILTER (WHERE p.installed_on IS NULL OR d.day >= p.installed_on) AS present,
         EXACT_SUM(d.kwh) AS kwh,
         EXACT_SUM(d.measured_kwh) AS measured_kwh,
         MAX(d.highest_kw) AS highest_kw,
         MIN(d.lowest_kwh) AS lowest_kwh
  FROM facts.interval_daily AS d
  LEFT JOIN source.metering_point AS p ON p.metering_point_id = d.metering_point_id
  GROUP BY d.metering_point_id, MONTH_OF(d.day)
),
known AS (
  SELECT r.metering_point_id, MIN(r.period) AS first_period
  FROM rolled AS r
  GROUP BY r.metering_point_id
),
month AS (
  -- P is looked at even where nobody has an interval in it.
  SELECT DISTINCT r.period FROM rolled AS r
  UNION
  SELECT $period AS period
),
filled AS (
  SELECT k.metering_point_id,
         m.period,
         COALESCE(r.intervals, 0) AS intervals,
         COALESCE(r.present, 0) AS present,
         r.kwh,
         r.measured_kwh,
         r.highest_kw,
         r.lowest_kwh,
         LAST_VALUE(r.mean_minutes IGNORE NULLS) OVER (
           PARTITION BY k.metering_point_id ORDER BY m.period ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
         ) AS mean_minutes
  FROM known AS k
  JOIN month AS m ON m.period >= k.first_period
  LEFT JOIN rolled AS r ON r.metering_point_id = k.metering_point_id AND r.period = m.period
),
bounded AS (
  SELECT f.metering_point_id,
         f.period,
         f.intervals,
         f.present,
         f.kwh,
         f.measured_kwh,
         f.highest_kw,
         f.lowest_kwh,
         f.mean_minutes,
         GREATEST(f.period, COALESCE(p.installed_on, f.period)) AS first_on,
         LEAST(ADD_MONTHS(f.period, 1), CAST($as_of_end AS DATE)) AS before_on
  FROM filled AS f
  LEFT JOIN source.metering_point AS p ON p.metering_point_id = f.metering_point_id
)
SELECT b.metering_point_id,
       b.period,
       b.intervals,
       CASE WHEN b.first_on < b.before_on
            THEN CAST(ROUND(RATIO(UNIX_SECONDS(CAST(b.before_on AS TIMESTAMPTZ)) - UNIX_SECONDS(CAST(b.first_on AS TIMESTAMPTZ)), 60 * b.mean_minutes)) AS BIGINT)
            ELSE 0 END AS expected,
       b.present,
       b.mean_minutes,
       b.kwh,
       b.measured_kwh,
       b.highest_kw,
       b.lowest_kwh
FROM bounded AS b
