/*
grain: one row per metering point and calendar month since the first with an interval of it, of months with intervals of anybody, and of P and the eleven before
key: [metering_point_id, period]
purpose: How much of a month the intervals cover and what they add up to, also for a point that fell silent.
columns:
  metering_point_id: {type: string, doc: The point.}
  period: {type: date, doc: First day of the month.}
  intervals: {type: integer, doc: 'Rows of the month, of any quality.'}
  expected: {type: integer, doc: 'Intervals the month should have, from installed_on and to as_of; by the lengths of the month, else of the last one before.'}
  present: {type: integer, doc: Measured or estimated ones with a kwh, from installed_on.}
  expected_since: {type: integer, doc: 'As expected, but not before the day of the point''s first interval.'}
  measured: {type: integer, doc: 'Measured ones with a kwh, from installed_on.'}
  mean_minutes: {type: double, doc: Mean length of an interval.}
  kwh: {type: double, doc: Energy of the measured and estimated ones.}
  measured_kwh: {type: double, doc: Energy of the measured ones.}
  peak_kwh: {type: double, doc: Part of kwh in peak hours (core.hour_band).}
  valley_kwh: {type: double, doc: Part of kwh in valley hours.}
  max_kw: {type: double, doc: Highest mean power of a measured or estimated interval.}
  highest_kw: {type: double, doc: 'Highest mean power of an interval with a kwh, of whatever quality.'}
  lowest_kwh: {type: double, doc: 'Lowest kwh, of whatever quality.'}
*/
WITH rolled AS (
  SELECT
    interval_daily.metering_point_id,
    MONTH_OF(interval_daily.day) AS period,
    INTEGER_SUM(interval_daily.intervals) AS intervals,
    RATIO(SUM(interval_daily.minutes), SUM(interval_daily.intervals)) AS mean_minutes,
    INTEGER_SUM(interval_daily.measured + interval_daily.estimated) FILTER (
      WHERE metering_point.installed_on IS NULL OR interval_daily.day >= metering_point.installed_on
    ) AS present,
    INTEGER_SUM(interval_daily.measured) FILTER (
      WHERE metering_point.installed_on IS NULL OR interval_daily.day >= metering_point.installed_on
    ) AS measured,
    MIN(interval_daily.day) AS first_on,
    EXACT_SUM(interval_daily.kwh) AS kwh,
    EXACT_SUM(interval_daily.measured_kwh) AS measured_kwh,
    EXACT_SUM(interval_daily.peak_kwh) AS peak_kwh,
    EXACT_SUM(interval_daily.valley_kwh) AS valley_kwh,
    MAX(interval_daily.max_kw) AS max_kw,
    MAX(interval_daily.highest_kw) AS highest_kw,
    MIN(interval_daily.lowest_kwh) AS lowest_kwh
  FROM facts.interval_daily
  LEFT JOIN source.metering_point ON metering_point.metering_point_id = interval_daily.metering_point_id
  GROUP BY interval_daily.metering_point_id, MONTH_OF(interval_daily.day)
),

known AS (
  SELECT
    rolled.metering_point_id,
    MIN(rolled.period) AS first_period,
    MIN(rolled.first_on) AS first_on
  FROM rolled
  GROUP BY rolled.metering_point_id
),

month AS (
  -- The months that are looked at count even where nobody has an interval in them.
  SELECT DISTINCT rolled.period FROM rolled
  UNION
  SELECT audited_month.period FROM core.audited_month
),

filled AS (
  SELECT
    known.metering_point_id,
    month.period,
    COALESCE(rolled.intervals, 0) AS intervals,
    COALESCE(rolled.present, 0) AS present,
    COALESCE(rolled.measured, 0) AS measured,
    known.first_on AS known_on,
    rolled.kwh,
    rolled.measured_kwh,
    rolled.peak_kwh,
    rolled.valley_kwh,
    rolled.max_kw,
    rolled.highest_kw,
    rolled.lowest_kwh,
    LAST_VALUE(rolled.mean_minutes IGNORE NULLS) OVER (
      PARTITION BY known.metering_point_id
      ORDER BY month.period ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS mean_minutes
  FROM known
  JOIN month ON month.period >= known.first_period
  LEFT JOIN rolled ON rolled.metering_point_id = known.metering_point_id AND rolled.period = month.period
),

bounded AS (
  SELECT
    filled.metering_point_id,
    filled.period,
    filled.intervals,
    filled.present,
    filled.measured,
    filled.kwh,
    filled.measured_kwh,
    filled.peak_kwh,
    filled.valley_kwh,
    filled.max_kw,
    filled.highest_kw,
    filled.lowest_kwh,
    filled.mean_minutes,
    GREATEST(filled.period, COALESCE(metering_point.installed_on, filled.period)) AS first_on,
    GREATEST(filled.period, filled.known_on, COALESCE(metering_point.installed_on, filled.period))
      AS since_on,
    LEAST(ADD_MONTHS(filled.period, 1), CAST($as_of_end AS DATE)) AS before_on
  FROM filled
  LEFT JOIN source.metering_point ON metering_point.metering_point_id = filled.metering_point_id
)

SELECT
  bounded.metering_point_id,
  bounded.period,
  bounded.intervals,
  CASE
    WHEN bounded.first_on < bounded.before_on
      THEN
        CAST(
          ROUND(
            RATIO(
              UNIX_SECONDS(CAST(bounded.before_on AS TIMESTAMPTZ))
              - UNIX_SECONDS(CAST(bounded.first_on AS TIMESTAMPTZ)),
              60 * bounded.mean_minutes
            )
          ) AS BIGINT
        )
    ELSE 0
  END AS expected,
  bounded.present,
  CASE
    WHEN bounded.since_on < bounded.before_on
      THEN
        CAST(
          ROUND(
            RATIO(
              UNIX_SECONDS(CAST(bounded.before_on AS TIMESTAMPTZ))
              - UNIX_SECONDS(CAST(bounded.since_on AS TIMESTAMPTZ)),
              60 * bounded.mean_minutes
            )
          ) AS BIGINT
        )
    ELSE 0
  END AS expected_since,
  bounded.measured,
  bounded.mean_minutes,
  bounded.kwh,
  bounded.measured_kwh,
  bounded.peak_kwh,
  bounded.valley_kwh,
  bounded.max_kw,
  bounded.highest_kw,
  bounded.lowest_kwh
FROM bounded
