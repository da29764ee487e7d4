/*
grain: one row per metering point and local day with any interval
key: [metering_point_id, day]
purpose: The intervals of a day as they were handed over, rolled up in one pass. Nothing else is read from each interval for sums, coverage and demand.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day on which the intervals start.}
  first_s: {type: integer, doc: Start of its first interval in seconds since 1970.}
  last_s: {type: integer, doc: Start of its last interval.}
  intervals: {type: integer, doc: 'Rows of the day, of any quality.'}
  minutes: {type: integer, doc: Their lengths together.}
  expected: {type: integer, doc: 'Intervals of such lengths in the day, 23 and 25 hours where the clock is changed.'}
  measured: {type: integer, doc: Measured ones with a kwh.}
  estimated: {type: integer, doc: Estimated ones with a kwh.}
  kwh: {type: double, doc: Energy of the measured and estimated ones.}
  measured_kwh: {type: double, doc: Energy of the measured ones.}
  peak_kwh: {type: double, doc: Part of kwh in peak hours (core.hour_band).}
  valley_kwh: {type: double, doc: Part of kwh in valley hours.}
  night_kwh: {type: double, doc: Part of kwh at night.}
  max_kw: {type: double, doc: Highest mean power of a measured or estimated interval.}
  measured_kw: {type: double, doc: Highest mean power of a measured interval.}
  highest_kw: {type: double, doc: 'Highest mean power of any interval with a kwh, of whatever quality.'}
  lowest_kwh: {type: double, doc: 'Lowest kwh, of whatever quality.'}
  daytime_kwh: {type: double, doc: 'Part of measured_kwh of intervals that start from 8:00 and before 18:00.'}
  demand_intervals: {type: integer, doc: 'Measured ones with a kwh that are of at most 30 minutes, from which a demand can be read.'}
  demand_kw: {type: double, doc: Their highest mean power.}
incremental: {by: day, reads: {source.interval_reading: {}}}
*/
WITH timed AS (
  SELECT
    interval_reading.metering_point_id,
    interval_reading.day,
    UNIX_SECONDS(interval_reading.interval_start) AS start_s,
    day_clock.minutes AS day_minutes,
    interval_reading.interval_minutes,
    interval_reading.kwh,
    RATIO(interval_reading.kwh * 60, interval_reading.interval_minutes) AS kw,
    interval_reading.quality = 'measured' AS is_measured,
    interval_reading.quality = 'estimated' AS is_estimated,
    -- Whole millionths add up to the same sum in any order.
    ROUND(interval_reading.kwh * 1000000) AS micro_kwh,
    interval_reading.quality IN ('measured', 'estimated') AND interval_reading.kwh IS NOT NULL AS is_good,
    -- Asking a time zone for the hour costs more than all sums together, so it is asked on odd days only.
    CASE
      WHEN day_clock.is_plain THEN (UNIX_SECONDS(interval_reading.interval_start) - day_clock.start_s) // 3600
      ELSE EXTRACT(HOUR FROM interval_reading.interval_start)
    END AS hour
  FROM source.interval_reading
  JOIN core.day_clock ON day_clock.day = interval_reading.day
),

rolled AS (
  SELECT
    timed.metering_point_id,
    timed.day,
    MIN(timed.day_minutes) AS day_minutes,
    MIN(timed.start_s) AS first_s,
    MAX(timed.start_s) AS last_s,
    COUNT(*) AS intervals,
    INTEGER_SUM(timed.interval_minutes) AS minutes,
    COUNT(timed.kwh) FILTER (WHERE timed.is_measured) AS measured,
    COUNT(timed.kwh) FILTER (WHERE timed.is_estimated) AS estimated,
    ROUND(SUM(timed.micro_kwh) FILTER (WHERE timed.is_good) * 0.000001, 6) AS kwh,
    ROUND(SUM(timed.micro_kwh) FILTER (WHERE timed.is_measured) * 0.000001, 6) AS measured_kwh,
    ROUND(SUM(timed.micro_kwh) FILTER (WHERE timed.is_good AND hour_band.is_peak) * 0.000001, 6) AS peak_kwh,
    ROUND(SUM(timed.micro_kwh) FILTER (WHERE timed.is_good AND hour_band.is_valley) * 0.000001, 6)
      AS valley_kwh,
    ROUND(SUM(timed.micro_kwh) FILTER (WHERE timed.is_good AND hour_band.is_night) * 0.000001, 6)
      AS night_kwh,
    MAX(timed.kw) FILTER (WHERE timed.is_good) AS max_kw,
    MAX(timed.kw) FILTER (WHERE timed.is_measured) AS measured_kw,
    MAX(timed.kw) AS highest_kw,
    MIN(timed.kwh) AS lowest_kwh,
    ROUND(
      SUM(timed.micro_kwh) FILTER (WHERE timed.is_measured AND timed.hour >= 8 AND timed.hour < 18)
      * 0.000001,
      6
    ) AS daytime_kwh,
    COUNT(timed.kwh) FILTER (WHERE timed.is_measured AND timed.interval_minutes <= 30) AS demand_intervals,
    MAX(timed.kw) FILTER (WHERE timed.is_measured AND timed.interval_minutes <= 30) AS demand_kw
  FROM timed
  JOIN core.hour_band ON hour_band.hour = timed.hour
  GROUP BY timed.metering_point_id, timed.day
)

SELECT
  rolled.metering_point_id,
  rolled.day,
  rolled.first_s,
  rolled.last_s,
  rolled.intervals,
  rolled.minutes,
  CAST(ROUND(RATIO(CAST(rolled.day_minutes AS DOUBLE) * rolled.intervals, rolled.minutes)) AS BIGINT)
    AS expected,
  rolled.measured,
  rolled.estimated,
  rolled.kwh,
  rolled.measured_kwh,
  rolled.peak_kwh,
  rolled.valley_kwh,
  rolled.night_kwh,
  rolled.max_kw,
  rolled.measured_kw,
  rolled.highest_kw,
  rolled.lowest_kwh,
  rolled.daytime_kwh,
  rolled.demand_intervals,
  rolled.demand_kw
FROM rolled
