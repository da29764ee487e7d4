/*
grain: one row a metering point and local day with any interval
key: [metering_point_id, day]
purpose: The intervals of a day as they were handed over, rolled up in one pass. Nothing else is read from each interval for sums, coverage and demand.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day on which the intervals start.}
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
  highest_kw: {type: double, doc: 'Highest mean power of any interval with a kwh, of whatever quality.'}
  lowest_kwh: {type: double, doc: 'Lowest kwh, of whatever quality.'}
incremental: {by: day, source: accepted.interval_reading}
*/
WITH timed AS (
  SELECT r.metering_point_id,
         r.day,
         c.minutes AS day_minutes,
         r.interval_minutes,
         r.kwh,
         RATIO(r.kwh * 60, r.interval_minutes) AS kw,
         r.quality = 'measured' AS is_measured,
         r.quality = 'estimated' AS is_estimated,
         -- Whole millionths add up to the same sum in any order.
         ROUND(r.kwh * 1000000) AS micro_kwh,
         r.quality IN ('measured', 'estimated') AND r.kwh IS NOT NULL AS is_good,
         -- Asking a time zone for the hour costs more than all sums together, so it is asked on odd days only.
         CASE WHEN c.is_plain THEN (UNIX_SECONDS(r.interval_start) - c.start_s) // 3600
              ELSE EXTRACT(HOUR FROM r.interval_start) END AS hour
  FROM source.interval_reading AS r
  JOIN core.day_clock AS c ON c.day = r.day
),
rolled AS (
  SELECT r.metering_point_id,
         r.day,
         MIN(r.day_minutes) AS day_minutes,
         COUNT(*) AS intervals,
         INTEGER_SUM(r.interval_minutes) AS minutes,
         COUNT(r.kwh) FILTER (WHERE r.is_measured) AS measured,
         COUNT(r.kwh) FILTER (WHERE r.is_estimated) AS estimated,
         ROUND(SUM(r.micro_kwh) FILTER (WHERE r.is_good) * 0.000001, 6) AS kwh,
         ROUND(SUM(r.micro_kwh) FILTER (WHERE r.is_measured) * 0.000001, 6) AS measured_kwh,
         ROUND(SUM(r.micro_kwh) FILTER (WHERE r.is_good AND b.is_peak) * 0.000001, 6) AS peak_kwh,
         ROUND(SUM(r.micro_kwh) FILTER (WHERE r.is_good AND b.is_valley) * 0.000001, 6) AS valley_kwh,
         ROUND(SUM(r.micro_kwh) FILTER (WHERE r.is_good AND b.is_night) * 0.000001, 6) AS night_kwh,
         MAX(r.kw) FILTER (WHERE r.is_good) AS max_kw,
         MAX(r.kw) AS highest_kw,
         MIN(r.kwh) AS lowest_kwh
  FROM timed AS r
  JOIN core.hour_band AS b ON b.hour = r.hour
  GROUP BY r.metering_point_id, r.day
)
SELECT r.metering_point_id,
       r.day,
       r.intervals,
       r.minutes,
       CAST(ROUND(RATIO(CAST(r.day_minutes AS DOUBLE) * r.intervals, r.minutes)) AS BIGINT) AS expected,
       r.measured,
       r.estimated,
       r.kwh,
       r.measured_kwh,
       r.peak_kwh,
       r.valley_kwh,
       r.night_kwh,
       r.max_kw,
       r.highest_kw,
       r.lowest_kwh
FROM rolled AS r
