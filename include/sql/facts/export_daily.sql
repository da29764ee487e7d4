/*
grain: one row per metering point and local day with an interval that says what was given to the network
key: [metering_point_id, day]
purpose: >-
  Energy given to the network, of points that say so: by export_kwh, or by a kwh below 0. Points without any such interval
  have no row.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day on which the intervals start.}
  export_kwh: {type: double, doc: Energy given by the measured and estimated ones.}
  backfeed_kwh: {type: double, doc: 'By how much the kwh below 0 of the measured and estimated ones bring their sum down.'}
  measured_export_kwh: {type: double, doc: Energy given by the measured ones.}
  night_export_kwh: {type: double, doc: 'Energy given by the measured ones that lie between 22:00 and 4:00.'}
  export_kw: {type: double, doc: Highest mean power given in a measured interval.}
incremental: {by: day, reads: {source.interval_reading: {}}}
*/
WITH given AS (
  SELECT
    interval_reading.metering_point_id,
    interval_reading.day,
    interval_reading.interval_minutes,
    interval_reading.quality = 'measured' AS is_measured,
    GREATEST(COALESCE(interval_reading.export_kwh, 0), COALESCE(-interval_reading.kwh, 0), 0) AS export_kwh,
    GREATEST(COALESCE(-interval_reading.kwh, 0), 0) AS backfeed_kwh,
    -- Asking a time zone for the hour is needed on odd days only.
    CASE
      WHEN day_clock.is_plain THEN (UNIX_SECONDS(interval_reading.interval_start) - day_clock.start_s) // 60
      ELSE
        60 * EXTRACT(HOUR FROM interval_reading.interval_start)
        + EXTRACT(MINUTE FROM interval_reading.interval_start)
    END AS minute
  FROM source.interval_reading
  JOIN core.day_clock ON day_clock.day = interval_reading.day
  WHERE
    interval_reading.quality IN ('measured', 'estimated')
    AND (interval_reading.export_kwh IS NOT NULL OR interval_reading.kwh < 0)
)

SELECT
  given.metering_point_id,
  given.day,
  EXACT_SUM(given.export_kwh) AS export_kwh,
  EXACT_SUM(given.backfeed_kwh) AS backfeed_kwh,
  EXACT_SUM(given.export_kwh) FILTER (WHERE given.is_measured) AS measured_export_kwh,
  EXACT_SUM(given.export_kwh) FILTER (
    WHERE given.is_measured
    AND (
      (given.minute >= 1320 AND given.minute + given.interval_minutes <= 1680)
      OR given.minute + given.interval_minutes <= 240
    )
  ) AS night_export_kwh,
  MAX(RATIO(given.export_kwh * 60, given.interval_minutes)) FILTER (WHERE given.is_measured) AS export_kw
FROM given
GROUP BY given.metering_point_id, given.day
